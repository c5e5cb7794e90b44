//! Policies, as watsonx clients make them, and what they do to such clients.

use serde_json::{Value, json};
use sluicegate_client::v1;

use super::{call, provider};
use crate::{
    rest::sent,
    support::{TestGateway, start_gateway},
};

/// A provider with two models, `a` and `b`; the uuids of all three.
async fn targets(gateway: &TestGateway) -> [String; 3] {
    let east = provider(gateway, "east", "http://127.0.0.1:9/v1").await;
    let mut uuids = vec![east.clone()];
    for alias in ["a", "b"] {
        let body = json!({"id": "gpt", "alias": alias});
        let (_, model) = call(gateway, "POST", &format!("/providers/{east}/models"), body).await;
        uuids.push(model["uuid"].as_str().expect("a uuid").to_owned());
    }
    uuids.try_into().expect("three")
}

async fn create(gateway: &TestGateway, body: &Value) -> (u16, Value) {
    call(gateway, "POST", "/policies", body.clone()).await
}

/// The secret of a new key with a group.
async fn key(gateway: &TestGateway, role: v1::AccessRole, group: &str) -> String {
    let api_key = v1::ApiKey {
        name: format!("{group}-{}", role.as_str_name()),
        role: role.into(),
        groups: vec![group.to_owned()],
        ..Default::default()
    };
    let request = v1::CreateApiKeyRequest { api_key: Some(api_key), secret: String::new() };
    gateway.client.access().create_api_key(request).await.expect("a key").into_inner().secret
}

async fn call_as(gateway: &TestGateway, key: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
    let method = method.parse().expect("a method");
    let request =
        gateway.http.request(method, format!("{}/ml/gateway/v1{path}", gateway.url)).bearer_auth(key);
    sent(if body.is_null() { request } else { request.body(body.to_string()) }).await
}

/// The members of a list under one name.
fn each(list: &Value, name: &str) -> Vec<String> {
    let items = list["data"].as_array().expect("a list").iter();
    items.map(|item| item[name].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn a_policy_lives_from_create_to_delete() {
    let gateway = start_gateway().await;
    let [east, a, _] = targets(&gateway).await;
    let (_, tenant) = call(&gateway, "GET", "/tenant", Value::Null).await;
    let tenant = tenant["id"].as_str().expect("an id");
    let mut all = Vec::new();
    for (body, effect, resource) in [
        (
            json!({"action": "read", "resource": format!("model:{a}"), "subject": "AccessGroupId-1"}),
            "allow",
            format!("model:{a}"),
        ),
        (
            json!({"action": "write", "resource": "model:a", "subject": "1", "effect": "deny"}),
            "deny",
            format!("model:{a}"),
        ),
        (
            json!({"action": "read", "resource": "provider:east", "subject": "g", "effect": "allow"}),
            "allow",
            format!("provider:{east}"),
        ),
        (
            json!({"action": "read", "resource": "load-balancer:*", "subject": "g", "effect": null}),
            "allow",
            "load_balancer:*".into(),
        ),
        (
            json!({"action": "read", "resource": "tenant:default", "subject": "g"}),
            "allow",
            format!("tenant:{tenant}"),
        ),
        (
            json!({"action": "write", "resource": "policy:*", "subject": "g", "effect": "deny"}),
            "deny",
            "policy:*".into(),
        ),
    ] {
        let (status, created) = create(&gateway, &body).await;
        let expected = json!({
            "uuid": created["uuid"], "action": body["action"], "effect": effect, "resource": resource,
            "subject": body["subject"],
        });
        assert_eq!((status, &created), (201, &expected), "{body}");
        assert_eq!(create(&gateway, &body).await, (200, created.clone()), "the same is there once: {body}");
        let path = format!("/policies/{}", created["uuid"].as_str().expect("a uuid"));
        assert_eq!(call(&gateway, "GET", &path, Value::Null).await, (200, created.clone()));
        all.push(created);
    }
    let list = json!({"object": "list", "data": all});
    assert_eq!(call(&gateway, "GET", "/policies", Value::Null).await, (200, list));

    let id = all[0]["uuid"].as_str().expect("a uuid").to_owned();
    let request = v1::GetPolicyRequest { id: id.clone() };
    let stored = gateway.client.access().get_policy(request).await.expect("the policy").into_inner().policy;
    let stored = stored.expect("a policy");
    assert_eq!((stored.action(), stored.effect()), (v1::PolicyAction::Read, v1::PolicyEffect::Allow));
    assert_eq!((stored.subject.as_str(), stored.resource), ("AccessGroupId-1", format!("model:{a}")));

    for policy in &all {
        let path = format!("/policies/{}", policy["uuid"].as_str().expect("a uuid"));
        assert_eq!(call(&gateway, "DELETE", &path, Value::Null).await, (204, Value::Null));
        let (status, answer) = call(&gateway, "DELETE", &path, Value::Null).await;
        assert_eq!((status, &answer["error"]["code"]), (404, &json!("policy_not_found")));
    }
    assert_eq!(call(&gateway, "GET", "/policies", Value::Null).await.1["data"], json!([]));
}

#[tokio::test]
async fn a_wrong_policy_is_refused_in_the_words_of_the_client() {
    let gateway = start_gateway().await;
    targets(&gateway).await;
    let whole = json!({"action": "read", "resource": "model:a", "subject": "g", "effect": "allow"});
    for (member, value, status) in [
        ("action", json!("infer"), 400),
        ("action", json!(""), 400),
        ("action", json!(0), 400),
        ("action", json!(null), 400),
        ("effect", json!("perhaps"), 400),
        ("effect", json!({"allow": true}), 400),
        ("resource", json!("a"), 400),
        ("resource", json!(":a"), 400),
        ("resource", json!("model:"), 400),
        ("resource", json!("api_key:1"), 400),
        ("resource", json!("tenant:other"), 400),
        ("resource", json!("load_balancer:nope"), 400),
        ("resource", json!(["model:a"]), 400),
        ("resource", json!(null), 400),
        ("resource", json!("model:nope"), 404),
        ("resource", json!("provider:nope"), 404),
        ("resource", json!("policy:nope"), 404),
        ("resource", json!(format!("model:{}", "x".repeat(10 << 20))), 404),
        ("subject", json!(""), 400),
        ("subject", json!("two words"), 400),
        ("subject", json!("x".repeat(129)), 400),
        ("subject", json!(5), 400),
        ("subject", json!(null), 400),
    ] {
        let mut body = whole.clone();
        body[member] = value;
        let (answered, answer) = create(&gateway, &body).await;
        let said = answer.to_string();
        assert_eq!((answered, answer["error"]["param"].as_str()), (status, Some(member)), "{said:.400}");
        assert!(said.len() < 10_000, "{} bytes", said.len());
    }
    assert_eq!(call(&gateway, "GET", "/policies", Value::Null).await.1["data"], json!([]));
}

#[tokio::test]
async fn what_policies_close_is_hidden_from_clients_with_its_limits() {
    let gateway = start_gateway().await;
    let [east, a, b] = targets(&gateway).await;
    let (inside, outside) = (
        key(&gateway, v1::AccessRole::Manage, "in").await,
        key(&gateway, v1::AccessRole::Manage, "out").await,
    );
    let bucket = json!({"amount": 1, "capacity": 1, "duration": "1m"});
    let mut limits = Vec::new();
    for body in [
        json!({"type": "tenant", "request": bucket}),
        json!({"type": "provider", "provider_uuid": east, "request": bucket}),
        json!({"type": "model", "model_uuid": a, "request": bucket}),
        json!({"type": "model", "model_uuid": b, "request": bucket}),
    ] {
        let (_, created) = call(&gateway, "POST", "/rate-limits", body).await;
        limits.push(created["uuid"].as_str().expect("a uuid").to_owned());
    }
    let policy = json!({"action": "read", "resource": format!("model:{a}"), "subject": "in"});
    let (_, policy) = create(&gateway, &policy).await;

    let models = |list: Value| each(&list, "id");
    assert_eq!(models(call_as(&gateway, &inside, "GET", "/models", Value::Null).await.1), ["a", "b"]);
    assert_eq!(models(call_as(&gateway, &outside, "GET", "/models", Value::Null).await.1), ["b"]);
    let chat = json!({"model": "a", "messages": [{"role": "user", "content": "Hi"}]});
    let (status, answer) = call_as(&gateway, &outside, "POST", "/chat/completions", chat).await;
    assert_eq!((status, &answer["error"]["code"]), (403, &json!("authorization_rejected")), "{answer}");

    let seen =
        async |key: &str| each(&call_as(&gateway, key, "GET", "/rate-limits", Value::Null).await.1, "uuid");
    assert_eq!(seen(&inside).await, limits);
    assert_eq!(seen(&outside).await, [&*limits[0], &limits[1], &limits[3]]);
    let path = format!("/rate-limits/{}", limits[2]);
    let own = json!({"type": "tenant", "request": bucket});
    for (method, body) in [("GET", Value::Null), ("PUT", own.clone()), ("DELETE", Value::Null)] {
        let (status, answer) = call_as(&gateway, &outside, method, &path, body).await;
        assert_eq!(
            (status, &answer["error"]["code"]),
            (404, &json!("rate_limit_not_found")),
            "{method}: {answer}"
        );
    }
    for name in [a.as_str(), "a"] {
        let body = json!({"type": "model", "modelId": name, "request": bucket});
        for (method, path) in
            [("POST", "/rate-limits".to_owned()), ("PUT", format!("/rate-limits/{}", limits[3]))]
        {
            let (status, answer) = call_as(&gateway, &outside, method, &path, body.clone()).await;
            assert_eq!((status, &answer["error"]["param"]), (404, &json!("modelId")), "{method}: {answer}");
        }
    }
    assert_eq!(call_as(&gateway, &inside, "PUT", &path, own).await.0, 200);

    // A whole provider, with all that hangs on it.
    let closed = json!({"action": "read", "resource": "provider:east", "subject": "out", "effect": "deny"});
    assert_eq!(create(&gateway, &closed).await.0, 201);
    assert_eq!(seen(&outside).await, [&*limits[0], &limits[2]], "the third is about the tenant now");
    let path = format!("/policies/{}", policy["uuid"].as_str().expect("a uuid"));
    assert_eq!(call(&gateway, "DELETE", &path, Value::Null).await.0, 204);
    assert_eq!(seen(&inside).await, limits);
}

#[tokio::test]
async fn policies_of_the_tenant_close_it() {
    let gateway = start_gateway().await;
    let outside = key(&gateway, v1::AccessRole::User, "out").await;
    assert_eq!(call_as(&gateway, &outside, "GET", "/tenant", Value::Null).await.0, 200);
    let policy = json!({"action": "read", "resource": "tenant:default", "subject": "in"});
    assert_eq!(create(&gateway, &policy).await.0, 201);
    let (status, answer) = call_as(&gateway, &outside, "GET", "/tenant", Value::Null).await;
    assert_eq!((status, &answer["error"]["code"]), (403, &json!("authorization_rejected")), "{answer}");
    assert_eq!(
        call(&gateway, "PUT", "/tenant", json!({"name": "acme"})).await.0,
        200,
        "no policy stops an administrator"
    );
    assert_eq!(
        call_as(&gateway, &outside, "GET", "/tenant", Value::Null).await.0,
        403,
        "by its id, whatever its name"
    );
}
