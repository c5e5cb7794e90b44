//! What every client of this API relies on, whichever resource it asks for.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use sluicegate_client::v1;

use super::{SECRET, call, provider};
use crate::{
    rest::sent,
    support::{FakeUpstream, TestGateway, chat_answer, json_answer, start_gateway},
};

const CONTENT: (&str, &str) = ("content-type", "application/json");

async fn model(gateway: &TestGateway, provider: &str, body: &Value) -> Value {
    let (status, model) = call(gateway, "POST", &format!("/providers/{provider}/models"), body.clone()).await;
    assert_eq!(status, 201, "{model}");
    model
}

/// One of everything.
async fn furnished() -> TestGateway {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let east = provider(&gateway, "east", "http://127.0.0.1:9/v1").await;
    model(&gateway, &east, &json!({"id": "gpt", "alias": "team/gpt", "metadata": {"cost": 0.1}})).await;
    model(&gateway, &east, &json!({"id": "plain"})).await;
    let limit = json!({"type": "tenant", "request": {"amount": 1, "capacity": 1, "duration": "1m"}});
    assert_eq!(call(&gateway, "POST", "/rate-limits", limit).await.0, 201);
    let policy = json!({"action": "read", "resource": "model:team/gpt", "subject": "g"});
    assert_eq!(call(&gateway, "POST", "/policies", policy).await.0, 201);
    gateway
}

#[tokio::test]
async fn an_alias_is_a_path_as_it_is_or_encoded() {
    let gateway = start_gateway().await;
    let east = provider(&gateway, "east", "http://127.0.0.1:9/v1").await;
    for alias in
        ["plain", "azure/gpt-4o", "nodejs-sdk/ibm/granite-4-h-small", "\u{e9}quipe/50%?#&+=:@é", "a//b"]
    {
        let encoded = utf8_percent_encode(alias, NON_ALPHANUMERIC).to_string();
        let mut spellings = vec![encoded.clone(), encoded.replace("%2F", "%2f"), encoded.replace("%2F", "/")];
        if alias.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-".contains(&byte)) {
            spellings.push(alias.to_owned());
        }
        for spelling in spellings {
            for place in
                ["/models".to_owned(), format!("/providers/{east}/models"), "/providers/east/models".into()]
            {
                let created = model(&gateway, &east, &json!({"id": "gpt", "alias": alias})).await;
                assert_eq!(created["id"], alias);
                let read = call(&gateway, "GET", &format!("/models/{spelling}"), Value::Null).await;
                assert_eq!(read, (200, created.clone()), "{spelling}");
                let path = format!("{place}/{spelling}");
                let body = json!({"metadata": {"region": "eu"}});
                let (status, patched) = call(&gateway, "PATCH", &path, body).await;
                assert_eq!((status, &patched["uuid"]), (200, &created["uuid"]), "{path}: {patched}");
                let body = json!({"id": "gpt", "alias": alias});
                assert_eq!(call(&gateway, "PUT", &path, body).await, (200, created), "{path}");
                assert_eq!(call(&gateway, "DELETE", &path, Value::Null).await, (204, Value::Null), "{path}");
                assert_eq!(call(&gateway, "DELETE", &path, Value::Null).await.0, 404, "{path}");
            }
        }
    }
}

#[tokio::test]
async fn metadata_comes_back_as_it_went() {
    let gateway = start_gateway().await;
    let east = provider(&gateway, "east", "http://127.0.0.1:9/v1").await;
    let metadata = json!({
        "cost": 0.0025, "model_family": "granite", "recommender_label": "x", "region": "eu-de", "batch": true,
        "context_window": 131_072, "functions": ["autoai_rag", "text_chat"],
        "own": {"deep": [null, 1e-7, 9_007_199_254_740_993_u64, "\u{1f600}"]}, "": "",
    });
    let mut written = metadata.clone();
    written.as_object_mut().expect("an object").remove("");
    let body = json!({"id": "gpt", "alias": "a", "metadata": written, "description": "for people"});
    let created = model(&gateway, &east, &body).await;
    assert_eq!((&created["metadata"], &created["description"]), (&written, &json!("for people")));
    let (_, read) = call(&gateway, "GET", "/models/a", Value::Null).await;
    assert_eq!(read, created);
    let request = v1::GetModelRequest { id: "a".into() };
    let stored = gateway.client.models().get_model(request).await.expect("the model").into_inner().model;
    let stored = stored.expect("a model").metadata_json;
    assert_eq!(stored["context_window"], "131072");
    assert_eq!(serde_json::from_str::<Value>(&stored["own"]).expect("JSON"), written["own"]);
    let (status, answer) = call(&gateway, "PATCH", "/models/a", json!({"metadata": metadata})).await;
    assert_eq!((status, &answer["error"]["param"]), (400, &json!("metadata")), "{answer}");
}

#[tokio::test]
async fn a_repeated_create_gives_the_first_result() {
    let gateway = start_gateway().await;
    let body = json!({"name": "east", "data": {"apikey": SECRET, "base_url": "http://127.0.0.1:9/v1"}});
    let model = json!({"id": "gpt", "alias": "a", "metadata": {"cost": 1}});
    let policy = json!({"action": "read", "resource": "model:a", "subject": "g", "effect": "deny"});
    for (path, body, statuses) in [
        ("/providers/openai", body, [201, 201]),
        ("/providers/east/models", model, [201, 201]),
        // A policy says that it was there.
        ("/policies", policy, [201, 200]),
        ("/tenant", json!({"name": "acme"}), [201, 201]),
    ] {
        let first = call(&gateway, "POST", path, body.clone()).await;
        let second = call(&gateway, "POST", path, body).await;
        assert_eq!([first.0, second.0], statuses, "{path}: {first:?} {second:?}");
        assert_eq!(first.1, second.1, "{path}");
    }
    for path in ["/providers", "/models", "/policies"] {
        let (_, list) = call(&gateway, "GET", path, Value::Null).await;
        assert_eq!(list["data"].as_array().expect("a list").len(), 1, "{path}");
    }
    // The same name with another secret is another request.
    let other = json!({"name": "east", "data": {"apikey": "another-secret-0123456789", "base_url": "http://127.0.0.1:9/v1"}});
    assert_eq!(call(&gateway, "POST", "/providers/openai", other).await.0, 409);
}

#[tokio::test]
async fn what_clients_add_is_ignored() {
    let gateway = furnished().await;
    for path in [
        "/providers",
        "/providers/east",
        "/providers/east/models",
        "/models",
        "/models/team/gpt",
        "/policies",
        "/rate-limits",
        "/tenant",
    ] {
        let plain = sent(gateway.request("GET", &format!("/ml/gateway/v1{path}"), Value::Null)).await;
        assert_eq!(plain.0, 200, "{path}: {}", plain.1);
        // One names the type of a body that it does not send, one appends a version, one sends headers of its own.
        for query in ["", "?version=2025-01-01", "?version=", "?project_id=1&version=2024-05-31&x"] {
            let url = format!("/ml/gateway/v1{path}{query}");
            let request = gateway.request("GET", &url, Value::Null).header(CONTENT.0, CONTENT.1);
            let request = request.header("x-wx-ux", "true").header("x-ibm-project-id", "p-1");
            assert_eq!(sent(request).await, plain, "{url}");
        }
    }
    let surplus = json!({"version": "x", "project_id": null, "space_id": 1, "list": [{"a": []}]});
    let with = |body: Value| {
        let mut all = surplus.clone();
        all.as_object_mut().expect("an object").extend(body.as_object().expect("an object").clone());
        all
    };
    let bucket = json!({"amount": 2, "capacity": 2, "duration": "1m", "surplus": true});
    for (method, path, body, status) in [
        ("POST", "/providers/demo", json!({"name": "own", "data": {}}), 201),
        ("PUT", "/providers/own/demo", json!({"name": "own", "data": {}}), 200),
        ("POST", "/providers/own/models", json!({"id": "demo", "alias": "own"}), 201),
        ("PUT", "/models/own", json!({"alias": "own"}), 200),
        ("PATCH", "/models/own", json!({}), 200),
        ("POST", "/policies", json!({"action": "write", "resource": "model:own", "subject": "g"}), 201),
        ("POST", "/rate-limits", json!({"type": "tenant", "request": bucket}), 201),
        ("POST", "/tenant", json!({"name": "a"}), 201),
        ("PUT", "/tenant", json!({"name": "a"}), 200),
        ("PATCH", "/tenant", json!({"name": "a"}), 200),
    ] {
        assert_eq!(call(&gateway, method, path, with(body)).await.0, status, "{method} {path}");
    }
    for path in ["/models/own", "/providers/own", "/tenant"] {
        let request = gateway.request("DELETE", &format!("/ml/gateway/v1{path}?version=1"), Value::Null);
        assert_eq!(sent(request.header(CONTENT.0, CONTENT.1)).await, (204, Value::Null), "{path}");
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(elements) => elements.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[tokio::test]
async fn lists_have_one_envelope_and_no_answer_a_null() {
    let gateway = furnished().await;
    for (path, required) in [
        ("/providers", &["uuid", "name", "type"][..]),
        ("/providers/east/models", &["uuid", "id", "created", "owned_by"]),
        ("/models", &["uuid", "id", "created", "owned_by"]),
        ("/policies", &["uuid", "action", "effect", "resource", "subject"]),
        ("/rate-limits", &["uuid", "type"]),
    ] {
        let (status, list) = call(&gateway, "GET", path, Value::Null).await;
        assert_eq!((status, &list["object"]), (200, &json!("list")), "{path}");
        assert_eq!(list.as_object().expect("an object").len(), 2, "{list}");
        assert!(!has_null(&list), "{path}: {list}");
        let items = list["data"].as_array().expect("a list");
        assert!(!items.is_empty(), "{path}");
        for item in items {
            for name in required {
                assert!(item.get(*name).is_some(), "{path}: {name} of {item}");
            }
            // What is listed reads the same alone.
            let folder = if path.ends_with("/models") { "/models" } else { path };
            let alone = format!("{folder}/{}", item["uuid"].as_str().expect("a uuid"));
            assert_eq!(call(&gateway, "GET", &alone, Value::Null).await, (200, item.clone()), "{alone}");
        }
    }
}

#[tokio::test]
async fn every_failure_has_the_one_shape() {
    let gateway = furnished().await;
    let key = |role: v1::AccessRole| gateway.key(role);
    let user = key(v1::AccessRole::User).await;
    let url = |path: &str| format!("{}/ml/gateway/v1{path}", gateway.url);
    let as_admin = |method: &str, path: &str, body: Value| {
        gateway.request(method, &format!("/ml/gateway/v1{path}"), body)
    };
    let taken = json!({"name": "east", "data": {"apikey": "another-secret-0123456789"}});
    let cases = [
        (gateway.http.get(url("/policies")), 401, "invalid_api_key"),
        (gateway.http.get(url("/policies")).bearer_auth(&user), 403, "authorization_rejected"),
        (as_admin("POST", "/policies", json!({})), 400, "invalid_request"),
        (as_admin("POST", "/rate-limits", json!([])), 400, "invalid_request"),
        (as_admin("POST", "/tenant", Value::Null).body("{"), 400, "invalid_request"),
        (as_admin("GET", "/providers/nope", Value::Null), 404, "provider_not_found"),
        (as_admin("GET", "/models/nope", Value::Null), 404, "model_not_found"),
        (as_admin("GET", "/policies/nope", Value::Null), 404, "policy_not_found"),
        (as_admin("DELETE", "/rate-limits/nope", Value::Null), 404, "rate_limit_not_found"),
        (as_admin("POST", "/providers/openai", taken), 409, "name_taken"),
        (as_admin("PATCH", "/policies", json!({})), 405, "method_not_allowed"),
        (as_admin("POST", "/load-balancers", json!({"name": "a"})), 404, "route_not_found"),
        (as_admin("GET", "/load-balancers/1", Value::Null), 404, "route_not_found"),
        (as_admin("POST", "/images/generations", json!({})), 404, "route_not_found"),
        (as_admin("POST", "/audio/speech", json!({})), 404, "route_not_found"),
        (as_admin("POST", "/audio/transcriptions", json!({})), 404, "route_not_found"),
        (as_admin("GET", "/nope", Value::Null), 404, "route_not_found"),
        (
            as_admin(
                "POST",
                "/chat/completions",
                json!({"model": "foo", "messages": [{"role": "user", "content": "a"}]}),
            ),
            404,
            "model_not_found",
        ),
    ];
    for (request, status, code) in cases {
        let answer = request.header("x-request-id", "mine").send().await.expect("an answer");
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (status, &"application/json".parse().expect("a value")),
            "{code}"
        );
        let body: Value = serde_json::from_str(&answer.text().await.expect("text")).expect("JSON");
        assert_eq!(body.as_object().expect("an object").len(), 1, "error stands alone: {body}");
        let error = &body["error"];
        assert_eq!((&error["code"], &error["request_id"]), (&json!(code), &json!("mine")), "{body}");
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
        assert!(error["type"].is_string() && error.get("param").is_some(), "{body}");
        assert!(!body.to_string().contains("DOCTYPE"));
    }
    let (_, answer) = sent(as_admin("POST", "/load-balancers", json!({}))).await;
    assert!(
        answer["error"]["message"].as_str().expect("a message").contains("not support load-balancers yet")
    );
}

#[tokio::test]
async fn models_that_cannot_be_listed_are_null() {
    for status in [404, 405] {
        let upstream = FakeUpstream::answering(json_answer(status, r#"{"detail": "Not Found"}"#)).await;
        let gateway = start_gateway().await;
        let uuid = provider(&gateway, "east", &upstream.base_url).await;
        let answer = call(&gateway, "GET", &format!("/providers/{uuid}/models/available"), Value::Null).await;
        assert_eq!(answer, (200, json!({"object": "list", "data": null})));
    }
    // A provider that is down, or does not know its key, is no provider without a list.
    for (upstream, status) in [(401, 424), (500, 502)] {
        let upstream = FakeUpstream::answering(json_answer(upstream, "{}")).await;
        let gateway = start_gateway().await;
        provider(&gateway, "east", &upstream.base_url).await;
        assert_eq!(call(&gateway, "GET", "/providers/east/models/available", Value::Null).await.0, status);
    }
}

#[tokio::test]
async fn one_alias_on_several_models_is_one_name_for_callers() {
    let upstreams =
        [FakeUpstream::answering(chat_answer("a")).await, FakeUpstream::answering(chat_answer("b")).await];
    let gateway = start_gateway().await;
    for (name, upstream) in ["east", "west"].iter().zip(&upstreams) {
        let uuid = provider(&gateway, name, &upstream.base_url).await;
        model(&gateway, &uuid, &json!({"id": "upstream-model", "alias": "team/shared"})).await;
    }
    let (status, answer) =
        call(&gateway, "POST", "/providers/east/models", json!({"id": "x", "alias": "team/shared"})).await;
    assert_eq!((status, &answer["error"]["code"]), (409, &json!("name_taken")), "{answer}");
    for _ in 0..8 {
        let chat = json!({"model": "team/shared", "messages": [{"role": "user", "content": "Hi"}]});
        let (status, answer) = call(&gateway, "POST", "/chat/completions", chat).await;
        assert_eq!((status, &answer["model"]), (200, &json!("upstream-model")), "what served it: {answer}");
    }
    assert!(upstreams.iter().all(|upstream| !upstream.requests().is_empty()));
}
