//! Issuers that give no keys, or what only looks like them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use sluicegate_client::v1::{AccessRole, Issuer};
use tonic::Code;

use super::issuer;
use crate::support::{FakeUpstream, PATIENCE, Received, Step, json_answer, start_gateway};

const DISCOVERY: &str = "/.well-known/openid-configuration";

/// A token that says it is from there. Nobody has signed it.
fn token(url: &str) -> String {
    let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = encode(json!({"alg": "RS256", "kid": "1"}));
    format!("{head}.{}.AAAA", encode(json!({"iss": url, "sub": "ann", "aud": "a", "exp": 9_999_999_999_u64})))
}

/// A server that does so with each request, by its path and its own address.
async fn server(
    script: impl Fn(&Received, &str) -> Vec<Step> + Send + Sync + 'static,
) -> (FakeUpstream, String) {
    let fake = FakeUpstream::start(move |request| {
        let host = request
            .head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("host: ").map(str::to_owned));
        script(request, &format!("http://{}", host.expect("a host")))
    })
    .await;
    let url = fake.base_url.trim_end_matches("/v1").to_owned();
    (fake, url)
}

fn answer(status: u16, body: &serde_json::Value) -> Vec<Step> {
    vec![Step::Send(json_answer(status, &body.to_string()))]
}

#[tokio::test]
async fn without_keys_a_token_is_neither_good_nor_bad() {
    let no_keys =
        json!({"keys": [{"kty": "oct", "k": "AAAA", "alg": "HS256", "kid": "1"}, {"kty": "new"}, 7]});
    let huge = json!({"keys": [], "more": "x".repeat(1 << 20)});
    for (what, status, keys) in [
        ("an error", 500, json!({})),
        ("no such page", 404, json!({})),
        ("no keys", 200, no_keys),
        ("no set", 200, json!(["keys"])),
        ("too much", 200, huge),
    ] {
        let (_fake, url) = server(move |request, own| match &*request.path {
            DISCOVERY => answer(200, &json!({"issuer": own, "jwks_uri": format!("{own}/keys")})),
            _ => answer(status, &keys),
        })
        .await;
        let gateway = start_gateway().await;
        gateway.add_issuer(issuer("fake", &url, "a")).await;
        let told = gateway.rest(&token(&url)).await;
        assert_eq!((told.0, &*told.1), (502, "issuer_unavailable"), "{what}: {}", told.2);
        assert!(!told.2.contains("127.0.0.1"), "{}", told.2);
        assert_eq!(
            gateway.grpc(&token(&url)).await,
            (Code::Unavailable, "ISSUER_UNAVAILABLE".into()),
            "{what}"
        );
        // To be told so is no guess.
        for _ in 0..30 {
            assert_eq!(gateway.rest(&token(&url)).await.0, 502);
        }
        let key = gateway.key(AccessRole::User).await;
        assert_eq!(gateway.rest(&key).await.0, 200);
    }
}

#[tokio::test]
async fn a_discovery_document_leads_nowhere_else() {
    let (elsewhere, other) = server(|_, _| answer(200, &json!({"keys": []}))).await;
    let redirect = format!("HTTP/1.1 302 Found\r\nlocation: {other}/keys\r\ncontent-length: 0\r\n\r\n");
    for (what, issuer_of, keys_at) in [
        ("somebody else's", "https://id.example.com", other.clone()),
        ("its own but for a slash", "OWN/", other.clone()),
        ("that sends keys in the clear", "OWN", "http://keys.example.com/keys".to_owned()),
        ("that leads to a cloud's metadata", "OWN", "http://169.254.169.254/keys".to_owned()),
        ("that leads into files", "OWN", "file:///etc/passwd".to_owned()),
        ("that redirects", "OWN", "OWN/redirect".to_owned()),
    ] {
        let redirect = redirect.clone();
        let (fake, url) = server(move |request, own| match &*request.path {
            DISCOVERY => {
                let fill = |text: &str| text.replace("OWN", own);
                answer(200, &json!({"issuer": fill(issuer_of), "jwks_uri": fill(&keys_at)}))
            }
            _ => vec![Step::Send(redirect.clone().into())],
        })
        .await;
        let gateway = start_gateway().await;
        gateway.add_issuer(issuer("fake", &url, "a")).await;
        assert_eq!(gateway.rest(&token(&url)).await.0, 502, "{what}");
        assert!(!fake.requests().is_empty(), "{what}");
    }
    assert!(elsewhere.requests().is_empty(), "{:?}", elsewhere.requests());
}

#[tokio::test]
async fn keys_are_fetched_before_anybody_calls_and_nobody_else_waits_for_them() {
    let (fake, url) = server(|_, _| vec![Step::Hold]).await;
    let gateway = start_gateway().await;
    let key = gateway.key(AccessRole::User).await;
    gateway.add_issuer(Issuer { jwks_url: format!("{url}/keys"), ..issuer("fake", &url, "a") }).await;
    fake.arrived(1).await;
    assert_eq!(fake.requests()[0].path, "/keys");
    // As long as nobody can tell, the bearer of a token waits, and the holder of a key does not.
    let waits = token(&url);
    tokio::select! {
        told = gateway.rest(&waits) => panic!("{told:?}"),
        status = gateway.rest(&key) => assert_eq!(status.0, 200),
    }
    let called = tokio::time::timeout(PATIENCE, gateway.rest_chat(&key, "none"));
    assert_eq!(called.await.expect("an answer").0, 404);
}
