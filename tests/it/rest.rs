//! The REST edge over its live port: errors, the OpenAI surface, the proto JSON twins.

use std::io::Write as _;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::support::{ADMIN_KEY, TestGateway, start_gateway};

/// Status and body of an answer. No body is null.
pub async fn sent(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let text = response.text().await.expect("text");
    let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") };
    (status, body)
}

impl TestGateway {
    /// A request to the REST edge as administrator.
    pub fn request(&self, method: &str, path: &str, body: Value) -> reqwest::RequestBuilder {
        let method = method.parse().expect("a method");
        let request = self.http.request(method, format!("{}{path}", self.url));
        let request = request.header("authorization", format!("Bearer {ADMIN_KEY}"));
        if body.is_null() { request } else { request.body(body.to_string()) }
    }
}

async fn call(gateway: &TestGateway, method: &str, path: &str, body: Value) -> (u16, Value) {
    sent(gateway.request(method, path, body)).await
}

fn hello(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "Hi"}]})
}

#[tokio::test]
async fn errors_have_one_shape_and_the_right_status() {
    let gateway = start_gateway().await;
    let deep = format!("{{\"model\":\"m\",\"messages\":{}1{}}}", "[".repeat(200), "]".repeat(200));
    let chats = "/v1/chat/completions";
    let cases = [
        (gateway.post(chats, &hello("nope")), 404, "model_not_found", Some("model")),
        (gateway.post(chats, &hello("")), 400, "invalid_request", Some("model")),
        (
            gateway.post(chats, &json!({"model": "m", "messages": 1})),
            400,
            "invalid_request",
            Some("messages"),
        ),
        (gateway.post(chats, &json!([])), 400, "invalid_request", None),
        (gateway.post(chats, &Value::Null).body("{\"model\""), 400, "invalid_request", None),
        (gateway.post(chats, &Value::Null).body(deep), 400, "invalid_request", None),
        (
            gateway.post(chats, &hello("m")).header("content-encoding", "br"),
            400,
            "invalid_request",
            Some("content-encoding"),
        ),
        (gateway.request("GET", "/v1/nope", Value::Null), 404, "route_not_found", None),
        (gateway.request("GET", "/ml/gateway/v1/load-balancers", Value::Null), 404, "route_not_found", None),
        (
            gateway.request("POST", "/ml/gateway/v1/images/generations", json!({})),
            404,
            "route_not_found",
            None,
        ),
        (gateway.request("DELETE", chats, Value::Null), 405, "method_not_allowed", None),
        (gateway.http.get(format!("{}/v1/models", gateway.url)), 401, "invalid_api_key", None),
    ];
    for (request, status, code, param) in cases {
        let (answered, body) = sent(request).await;
        assert_eq!(answered, status, "{code}: {body}");
        let error = &body["error"];
        assert_eq!(body.as_object().expect("an object").len(), 1, "error stands alone");
        assert_eq!(error["code"], code, "{body}");
        assert_eq!(error["param"].as_str(), param, "{body}");
        assert!(!error["message"].as_str().expect("a message").is_empty());
        assert!(error["request_id"].as_str().expect("an id").starts_with("req-"));
    }
    let wrong = gateway.request("DELETE", chats, Value::Null).send().await.expect("an answer");
    assert_eq!(wrong.headers()["allow"], "POST");
}

#[tokio::test]
async fn compressed_request_is_read() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(hello("demo").to_string().as_bytes()).expect("gzip");
    let body = encoder.finish().expect("gzip");
    let request =
        gateway.post("/v1/chat/completions", &Value::Null).header("content-encoding", "gzip").body(body);
    let (status, answer) = sent(request).await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn openai_surface_stands_under_both_prefixes() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    for prefix in ["/v1", "/ml/gateway/v1"] {
        let (status, chat) =
            call(&gateway, "POST", &format!("{prefix}/chat/completions?version=2025-01-01"), hello("demo"))
                .await;
        assert_eq!((status, &chat["object"]), (200, &json!("chat.completion")), "{chat}");
        assert!(chat["choices"][0]["message"]["content"].is_string());

        let request = json!({"model": "demo", "prompt": "Once", "max_tokens": 3});
        let (status, text) = call(&gateway, "POST", &format!("{prefix}/completions"), request).await;
        assert_eq!((status, &text["object"]), (200, &json!("text_completion")), "{text}");

        let (status, models) = call(&gateway, "GET", &format!("{prefix}/models"), Value::Null).await;
        assert_eq!(
            (status, &models["object"], &models["data"][0]["id"]),
            (200, &json!("list"), &json!("demo"))
        );
    }
}

#[tokio::test]
async fn embeddings_are_floats_or_base64_as_asked() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let request = json!({"model": "demo", "input": ["a", "b"], "dimensions": 4});
    let (status, floats) = call(&gateway, "POST", "/v1/embeddings", request.clone()).await;
    assert_eq!(status, 200, "{floats}");
    assert_eq!(floats["data"].as_array().expect("a list").len(), 2);
    let floats: Vec<f32> = serde_json::from_value(floats["data"][1]["embedding"].clone()).expect("numbers");

    let mut request = request;
    request["encoding_format"] = json!("base64");
    let (_, packed) = call(&gateway, "POST", "/v1/embeddings", request).await;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(packed["data"][1]["embedding"].as_str().expect("text"))
        .expect("base64");
    let unpacked: Vec<f32> =
        bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().expect("four bytes"))).collect();
    assert_eq!(unpacked, floats);
}

#[tokio::test]
async fn stream_shows_usage_once_and_only_when_asked() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let chat = json!({"model": "demo", "messages": [{"role": "user", "content": "Hi"}]});
    let text = json!({"model": "demo", "prompt": "Once", "max_tokens": 3});
    for (path, mut request) in [("/v1/chat/completions", chat), ("/v1/completions", text)] {
        request["stream"] = json!(true);
        for asked in [false, true] {
            request["stream_options"] = json!({"include_usage": asked});
            let response = gateway.post(path, &request).send().await.expect("an answer");
            assert_eq!(response.headers()["content-type"], "text/event-stream");
            assert_eq!(response.headers()["cache-control"], "no-cache");
            assert_eq!(response.headers()["x-accel-buffering"], "no");
            assert_eq!(response.headers()["x-sluicegate-provider"], "demo");
            let body = response.text().await.expect("text");
            let events: Vec<_> = body.split_terminator("\n\n").collect();
            assert_eq!(events.last(), Some(&"data: [DONE]"));
            let chunks: Vec<Value> = events[..events.len() - 1]
                .iter()
                .map(|event| serde_json::from_str(event.strip_prefix("data: ").expect("data")).expect("JSON"))
                .collect();
            let with_usage: Vec<_> = chunks.iter().filter(|chunk| chunk["usage"].is_object()).collect();
            assert_eq!(with_usage.len(), usize::from(asked), "{body}");
            if asked {
                assert_eq!(chunks.last().expect("a chunk")["choices"], json!([]));
                assert!(chunks.last().expect("a chunk")["usage"]["total_tokens"].is_number());
            }
        }
    }
}

#[tokio::test]
async fn model_is_found_by_an_alias_with_slashes() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    gateway.add_model("demo", "demo", "team/eu/dämo", None).await;
    for path in [
        "/v1/models/team/eu/d%C3%A4mo",
        "/v1/models/team%2Feu%2Fd%C3%A4mo",
        "/ml/gateway/v1/models/team/eu/d%C3%A4mo",
    ] {
        let (status, model) = call(&gateway, "GET", path, Value::Null).await;
        assert_eq!(
            (status, &model["id"], &model["object"]),
            (200, &json!("team/eu/dämo"), &json!("model")),
            "{path}"
        );
        assert_eq!(model["owned_by"], "demo:demo");
    }
    let (status, error) = call(&gateway, "GET", "/v1/models/nope/x", Value::Null).await;
    assert_eq!((status, &error["error"]["code"]), (404, &json!("model_not_found")));
    let (status, _) = call(&gateway, "GET", "/v1/models/%ff", Value::Null).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn native_twins_take_and_give_the_messages_themselves() {
    let gateway = start_gateway().await;
    let at = |path: &str| format!("/sluicegate/v1{path}");

    let (status, types) = call(&gateway, "GET", &at("/provider-types"), Value::Null).await;
    assert_eq!(status, 200);
    assert!(types["providerTypes"].as_array().expect("a list").iter().any(|row| row["name"] == "demo"));

    let body = json!({"provider": {"name": "demo", "type": "demo", "labels": {"team": "a"}}});
    let (status, created) = call(&gateway, "POST", &at("/providers"), body).await;
    assert_eq!(status, 201, "{created}");
    let id = created["provider"]["id"].as_str().expect("an id").to_owned();
    assert!(created["revision"].is_string(), "64-bit numbers are text in proto JSON");

    let (status, read) = call(&gateway, "GET", &at(&format!("/providers/{id}")), Value::Null).await;
    assert_eq!((status, &read["provider"]), (200, &created["provider"]));

    let body = json!({"provider": {"id": "ignored", "name": "renamed", "type": "demo"}});
    let (status, updated) = call(&gateway, "PUT", &at(&format!("/providers/{id}")), body).await;
    assert_eq!((status, &updated["provider"]["name"]), (200, &json!("renamed")), "{updated}");
    assert_eq!(updated["provider"]["id"], id.as_str());

    let (status, tested) = call(&gateway, "POST", &at("/providers/renamed/test"), Value::Null).await;
    assert_eq!((status, &tested["ok"]), (200, &json!(true)), "{tested}");
    let (status, available) =
        call(&gateway, "GET", &at("/providers/renamed/available-models"), Value::Null).await;
    assert_eq!((status, &available["models"][0]["id"]), (200, &json!("demo")), "{available}");

    for alias in ["a/1", "a/2", "a/3"] {
        let body = json!({"model": {"provider": "renamed", "upstreamId": "demo", "alias": alias}});
        let (status, model) = call(&gateway, "POST", &at("/models"), body).await;
        assert_eq!(status, 201, "{model}");
    }
    let (_, page) = call(&gateway, "GET", &at("/models?provider=renamed&page_size=2"), Value::Null).await;
    assert_eq!(page["models"].as_array().expect("a list").len(), 2);
    let token = page["nextPageToken"].as_str().expect("a token");
    let (_, page) =
        call(&gateway, "GET", &at(&format!("/models?page_size=2&page_token={token}")), Value::Null).await;
    assert_eq!(page["models"].as_array().expect("a list").len(), 1, "{page}");
    let (status, model) = call(&gateway, "GET", &at("/models/a/2"), Value::Null).await;
    assert_eq!((status, &model["model"]["alias"]), (200, &json!("a/2")));
    let (status, _) = call(&gateway, "DELETE", &at("/models/a/2"), Value::Null).await;
    assert_eq!(status, 200);
    let (status, _) = call(&gateway, "GET", &at("/models/a/2"), Value::Null).await;
    assert_eq!(status, 404);

    let (status, deleted) = call(&gateway, "DELETE", &at("/providers/renamed"), Value::Null).await;
    assert_eq!((status, deleted["revision"].is_string()), (200, true));
    let (_, models) = call(&gateway, "GET", &at("/models"), Value::Null).await;
    assert_eq!(models, json!({}), "its models went with it");
}

#[tokio::test]
async fn key_made_over_rest_works_until_it_is_disabled() {
    let gateway = start_gateway().await;
    let body =
        json!({"apiKey": {"name": "app", "role": "ACCESS_ROLE_USER"}, "secret": "chosen-by-the-operator"});
    let (status, created) = call(&gateway, "POST", "/sluicegate/v1/api-keys", body).await;
    assert_eq!((status, &created["secret"]), (201, &json!("chosen-by-the-operator")), "{created}");
    let as_app = |path: &str| {
        gateway
            .http
            .get(format!("{}{path}", gateway.url))
            .header("authorization", "Bearer chosen-by-the-operator")
    };
    assert_eq!(sent(as_app("/v1/models")).await.0, 200);
    let (status, refused) = sent(as_app("/sluicegate/v1/api-keys")).await;
    assert_eq!((status, &refused["error"]["code"]), (403, &json!("authorization_rejected")));

    let body = json!({"apiKey": {"name": "app", "role": "ACCESS_ROLE_USER", "disabled": true}});
    let (status, _) = call(&gateway, "PUT", "/sluicegate/v1/api-keys/app", body).await;
    assert_eq!(status, 200);
    assert_eq!(sent(as_app("/v1/models")).await.0, 401);
    let (_, listed) = call(&gateway, "GET", "/sluicegate/v1/api-keys", Value::Null).await;
    assert!(!listed.to_string().contains("chosen-by"), "{listed}");
}

#[tokio::test]
async fn unknown_member_and_bad_argument_of_a_twin_are_named() {
    let gateway = start_gateway().await;
    for (method, path, body, named) in [
        ("POST", "/providers", json!({"provider": {"name": "x", "kind": "demo"}}), "kind"),
        ("POST", "/providers", json!({"name": "x"}), "name"),
        ("POST", "/api-keys", json!({"apiKey": {"name": "x", "role": "BOSS"}}), "BOSS"),
        ("GET", "/models?page_size=many", Value::Null, "page_size"),
        ("POST", "/providers", Value::Null, "provider"),
    ] {
        let (status, body) = call(&gateway, method, &format!("/sluicegate/v1{path}"), body).await;
        assert_eq!(status, 400, "{body}");
        assert!(body["error"]["message"].as_str().expect("a message").contains(named), "{body}");
    }
}
