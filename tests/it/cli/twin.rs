//! What programs read is what the REST API says.

use serde_json::Value;

use super::{must, run};
use crate::support::{ADMIN_KEY, TestGateway, start_gateway};

/// A noun, its REST path, the members of a list and of one, and a command that makes one.
const NOUNS: [(&str, &str, &str, &str, &[&str]); 7] = [
    (
        "secret-manager",
        "secret-managers",
        "secretManagers",
        "secretManager",
        &[
            "create",
            "v",
            "--type",
            "vault",
            "--address",
            "https://vault.invalid",
            "--secret-reference",
            "env:VAULT_TOKEN",
        ],
    ),
    (
        "issuer",
        "issuers",
        "issuers",
        "issuer",
        &["create", "i", "--issuer-url", "https://id.invalid", "--audience", "a", "--role", "g=user"],
    ),
    (
        "provider",
        "providers",
        "providers",
        "provider",
        &["create", "east", "--type", "demo", "--label", "a=b"],
    ),
    ("model", "models", "models", "model", &["create", "m", "--provider", "demo", "--metadata", "cost=0.1"]),
    ("api-key", "api-keys", "apiKeys", "apiKey", &["create", "joe", "--role", "user", "--group", "g"]),
    (
        "policy",
        "policies",
        "policies",
        "policy",
        &["create", "--subject", "g", "--action", "read", "--resource", "model:demo"],
    ),
    (
        "rate-limit",
        "rate-limits",
        "rateLimits",
        "rateLimit",
        &["create", "--type", "tenant", "--requests", "5/1d"],
    ),
];

async fn rest(gateway: &TestGateway, path: &str) -> Value {
    let url = format!("{}/sluicegate/v1/{path}", gateway.url);
    let answer = gateway.http.get(url).bearer_auth(ADMIN_KEY).send().await.expect("an answer");
    serde_json::from_str(&answer.text().await.expect("text")).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn json_of_every_noun_is_that_of_the_rest_api() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    for (noun, path, many, one, create) in NOUNS {
        let mut command = vec![noun, "--output", "json"];
        command.extend(create);
        let made = must(&gateway, &command).await.json();
        let made = if noun == "api-key" { made["apiKey"].clone() } else { made };
        let id = made["id"].as_str().expect("an id");

        let list = must(&gateway, &[noun, "list", "-o", "json"]).await.json();
        assert_eq!(list, rest(&gateway, path).await[many], "{noun}");
        assert!(list.as_array().expect("a list").contains(&made), "{noun}: {list}");

        let shown = must(&gateway, &[noun, "-o", "json", "get", id]).await;
        assert_eq!(shown.json(), rest(&gateway, &format!("{path}/{id}")).await[one], "{noun}");
        assert_eq!(must(&gateway, &[noun, "get", id, "-o", "json"]).await.out, shown.out, "{noun}: stable");
        // YAML says the same.
        let yaml = must(&gateway, &[noun, "get", id, "-o", "yaml"]).await.out;
        assert_eq!(serde_saphyr::from_str::<Value>(&yaml).expect("YAML"), shown.json(), "{noun}");

        let labelled = must(&gateway, &[noun, "update", id, "--label", "x=é y", "-o", "json"]).await.json();
        assert_eq!(labelled["labels"]["x"], "é y", "{noun}");
        assert_eq!(labelled, rest(&gateway, &format!("{path}/{id}")).await[one], "{noun}");

        let gone = must(&gateway, &[noun, "delete", id, "-o", "json"]).await.json();
        assert_eq!(gone[0]["deleted"], id, "{noun}");
        assert!(gone[0]["revision"].as_str().expect("a text").parse::<i64>().is_ok(), "{gone}");
        assert_eq!(run(&gateway, &[noun, "get", id]).await.code, 3, "{noun}");
    }
    assert_eq!(
        must(&gateway, &["tenant", "get", "-o", "json"]).await.json(),
        rest(&gateway, "tenant").await["tenant"]
    );
    let types = must(&gateway, &["provider", "types", "-o", "json"]).await.json();
    assert_eq!(types, rest(&gateway, "provider-types").await["providerTypes"]);
    let offered = must(&gateway, &["provider", "available-models", "demo", "-o", "json"]).await.json();
    assert_eq!(offered, rest(&gateway, "providers/demo/available-models").await["models"]);
}
