//! The administration that watsonx clients know, over the live port.

mod contract;
mod policies;
mod rate_limits;
mod tenant;

use serde_json::{Value, json};

use crate::{
    rest::sent,
    support::{FakeUpstream, TestGateway, chat_answer, json_answer, start_gateway},
};

const SECRET: &str = "upstream-secret-0123456789abcwxyz";

async fn call(gateway: &TestGateway, method: &str, path: &str, body: Value) -> (u16, Value) {
    sent(gateway.request(method, &format!("/ml/gateway/v1{path}?version=2025-01-01"), body)).await
}

/// Creates a provider with a secret and gives its uuid.
async fn provider(gateway: &TestGateway, name: &str, base_url: &str) -> String {
    let body = json!({"name": name, "data": {"apikey": SECRET, "base_url": base_url}, "surplus": 1});
    let (status, created) = call(gateway, "POST", "/providers/openai", body).await;
    assert_eq!(status, 201, "{created}");
    let uuid = created["uuid"].as_str().expect("a uuid").to_owned();
    assert_eq!(created, json!({"uuid": uuid, "name": name, "type": "openai"}));
    uuid
}

#[tokio::test]
async fn provider_lives_from_create_to_delete() {
    let upstream = FakeUpstream::answering(chat_answer("Hello")).await;
    let gateway = start_gateway().await;
    let uuid = provider(&gateway, "east (1)", &upstream.base_url).await;
    let path = format!("/providers/{uuid}");
    let expected = json!({
        "uuid": uuid, "name": "east (1)", "type": "openai",
        "data": {"apikey": "****wxyz", "base_url": upstream.base_url}, "models": [],
    });
    assert_eq!(call(&gateway, "GET", &path, Value::Null).await, (200, expected.clone()));
    let list = json!({"object": "list", "data": [expected]});
    assert_eq!(call(&gateway, "GET", "/providers", Value::Null).await, (200, list));

    // What was read, changed and written back keeps the secret that it could not see.
    let body = json!({"name": "west", "data": {
        "apikey": "****wxyz", "base_url": upstream.base_url, "project": "p",
    }});
    let (status, replaced) = call(&gateway, "PUT", &format!("{path}/openai"), body).await;
    assert_eq!((status, replaced), (200, json!({"uuid": uuid, "name": "west", "type": "openai"})));
    let model = json!({"id": "upstream-model", "alias": "m"});
    assert_eq!(call(&gateway, "POST", &format!("{path}/models"), model).await.0, 201);
    let chat = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    assert_eq!(call(&gateway, "POST", "/chat/completions", chat).await.0, 200);
    assert!(upstream.requests()[0].head.contains(SECRET), "the stored secret is still sent");

    // Without the project, it is gone: replace replaces all.
    let body =
        json!({"name": "west", "data": {"apiKey": "another-secret-9876", "base_url": upstream.base_url}});
    assert_eq!(call(&gateway, "PUT", &format!("{path}/openai"), body).await.0, 200);
    let (_, read) = call(&gateway, "GET", &path, Value::Null).await;
    assert_eq!(read["data"], json!({"apikey": "****9876", "base_url": upstream.base_url}));
    assert_eq!(read["models"][0]["alias"], "m");

    assert_eq!(call(&gateway, "DELETE", &path, Value::Null).await, (204, Value::Null));
    assert_eq!(call(&gateway, "GET", &path, Value::Null).await.0, 404);
    assert_eq!(call(&gateway, "GET", "/models", Value::Null).await.1["data"], json!([]));
}

#[tokio::test]
async fn wrong_provider_is_refused_in_the_words_of_this_api() {
    let gateway = start_gateway().await;
    let data = json!({"apikey": SECRET});
    for (path, body, param) in [
        ("/providers/openai", json!({"data": data}), "name"),
        ("/providers/openai", json!({"name": " two  spaces ", "data": data}), "name"),
        ("/providers/openai", json!({"name": "east"}), "data"),
        ("/providers/openai", json!({"name": "east", "data": {}}), "data.apikey"),
        (
            "/providers/openai",
            json!({"name": "east", "data": {"apikey": SECRET, "regoin": "eu"}}),
            "data.regoin",
        ),
        (
            "/providers/openai",
            json!({"name": "east", "data": {"apikey": SECRET, "base_url": "ftp://x"}}),
            "data.base_url",
        ),
        (
            "/providers/openai",
            json!({"name": "east", "data_reference": {"resource": "crn:v1"}}),
            "data_reference.resource",
        ),
        ("/providers/nope", json!({"name": "east", "data": {}}), "type"),
    ] {
        let (status, answer) = call(&gateway, "POST", path, body.clone()).await;
        assert_eq!((status, answer["error"]["param"].as_str()), (400, Some(param)), "{body}: {answer}");
        assert!(answer["error"]["code"].is_string());
        assert!(!answer.to_string().contains(SECRET));
    }
    let uuid = provider(&gateway, "east", "http://127.0.0.1:9/v1").await;
    let body = json!({"name": "east", "data": {"apikey": "quite-another-secret"}});
    let (status, answer) = call(&gateway, "POST", "/providers/openai", body.clone()).await;
    assert_eq!((status, &answer["error"]["code"]), (409, &json!("name_taken")), "{answer}");
    let (status, _) = call(&gateway, "PUT", &format!("/providers/{uuid}/custom"), body).await;
    assert_eq!(status, 400, "the type cannot change");
}

#[tokio::test]
async fn model_lives_from_create_to_delete() {
    let gateway = start_gateway().await;
    let east = provider(&gateway, "east", "http://127.0.0.1:9/v1").await;
    let west = provider(&gateway, "west", "http://127.0.0.1:9/v1").await;
    let metadata =
        json!({"cost": 0.5, "context_window": 128000, "functions": ["text_chat"], "own": {"a": null}});
    let body = json!({"id": "gpt", "alias": "team/gpt", "metadata": metadata});
    let (status, model) = call(&gateway, "POST", &format!("/providers/{east}/models"), body).await;
    assert_eq!(status, 201, "{model}");
    assert_eq!(
        (&model["id"], &model["alias"], &model["upstream_id"]),
        (&json!("team/gpt"), &json!("team/gpt"), &json!("gpt"))
    );
    assert_eq!((&model["object"], &model["owned_by"]), (&json!("model"), &json!("openai:east")));
    assert_eq!(model["metadata"], metadata);
    assert!(model["created"].is_i64());
    let uuid = model["uuid"].as_str().expect("a uuid").to_owned();
    for path in [format!("/models/{uuid}"), "/models/team/gpt".into(), "/models/team%2Fgpt".into()] {
        assert_eq!(call(&gateway, "GET", &path, Value::Null).await, (200, model.clone()), "{path}");
    }

    let plain = json!({"id": "gpt"});
    let (_, other) = call(&gateway, "POST", &format!("/providers/{west}/models"), plain).await;
    assert!(other.get("alias").is_none() && other.get("metadata").is_none(), "never null: {other}");
    let (_, own) = call(&gateway, "GET", &format!("/providers/{west}/models"), Value::Null).await;
    assert_eq!(own, json!({"object": "list", "data": [other]}));

    let patch = json!({"metadata": {"cost": null, "region": "eu"}});
    let (status, patched) =
        call(&gateway, "PATCH", &format!("/providers/{east}/models/team/gpt"), patch).await;
    assert_eq!((status, &patched["alias"]), (200, &json!("team/gpt")), "{patched}");
    assert_eq!(patched["metadata"]["region"], "eu");
    assert!(patched["metadata"].get("cost").is_none());
    assert_eq!(patched["uuid"], uuid.as_str());

    let (status, replaced) = call(&gateway, "PUT", &format!("/models/{uuid}"), json!({"id": "gpt-2"})).await;
    assert_eq!((status, &replaced["id"]), (200, &json!("gpt-2")), "{replaced}");
    assert!(replaced.get("alias").is_none() && replaced.get("metadata").is_none(), "{replaced}");

    let (status, _) =
        call(&gateway, "DELETE", &format!("/providers/{west}/models/{uuid}"), Value::Null).await;
    assert_eq!(status, 404, "it is the model of another provider");
    let (status, gone) = call(&gateway, "DELETE", &format!("/models/{uuid}"), Value::Null).await;
    assert_eq!((status, gone), (204, Value::Null));
    let (status, error) = call(&gateway, "GET", &format!("/models/{uuid}"), Value::Null).await;
    assert_eq!((status, &error["error"]["code"]), (404, &json!("model_not_found")));
}

#[tokio::test]
async fn shared_name_is_not_changed_by_name() {
    let gateway = start_gateway().await;
    for name in ["east", "west"] {
        let uuid = provider(&gateway, name, "http://127.0.0.1:9/v1").await;
        let body = json!({"id": "gpt", "alias": "shared"});
        assert_eq!(call(&gateway, "POST", &format!("/providers/{uuid}/models"), body).await.0, 201);
    }
    for (method, body) in
        [("DELETE", Value::Null), ("PATCH", json!({"alias": "mine"})), ("PUT", json!({"id": "gpt"}))]
    {
        let (status, answer) = call(&gateway, method, "/models/shared", body).await;
        assert_eq!(
            (status, &answer["error"]["code"]),
            (409, &json!("failed_precondition")),
            "{method}: {answer}"
        );
    }
    assert_eq!(call(&gateway, "DELETE", "/providers/east/models/shared", Value::Null).await.0, 204);
    assert_eq!(call(&gateway, "DELETE", "/models/shared", Value::Null).await.0, 204, "only one is left");
}

#[tokio::test]
async fn available_models_come_from_the_upstream() {
    let list = json!({"object": "list", "data": [{"id": "a", "object": "model", "created": 7, "owned_by": "maker"}]});
    let upstream = FakeUpstream::answering(json_answer(200, &list.to_string())).await;
    let gateway = start_gateway().await;
    let uuid = provider(&gateway, "east", &upstream.base_url).await;
    let path = format!("/providers/{uuid}/models/available");
    assert_eq!(call(&gateway, "GET", &path, Value::Null).await, (200, list));
}
