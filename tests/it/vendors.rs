//! Vendors with ways of their own, over the live port.

mod anthropic;
mod bedrock;
mod cohere;
mod gemini;
mod ollama;
mod watsonxai;
mod watsonxai_tokens;

use serde_json::{Value, json};

use crate::{
    rest::sent,
    support::{
        ADMIN_KEY, FakeUpstream, TestGateway, chat_answer, clean_end, json_answer, piece, start_gateway,
        stream_head,
    },
};

const SECRET: &str = "upstream-secret-0123456789abcwxyz";

async fn add(gateway: &TestGateway, kind: &str, data: Value, model: &str) {
    let call = |path: String, body| sent(gateway.request("POST", &format!("/ml/gateway/v1{path}"), body));
    let (status, made) = call(format!("/providers/{kind}"), json!({"name": "p", "data": data})).await;
    assert_eq!(status, 201, "{made}");
    let uuid = made["uuid"].as_str().expect("a uuid");
    let body = json!({"id": model, "alias": "m"});
    let (status, made) = call(format!("/providers/{uuid}/models"), body).await;
    assert_eq!(status, 201, "{made}");
}

fn chat(text: &str) -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": text}], "logit_bias": {"1": 2}, "seed": 7})
}

fn root(upstream: &FakeUpstream) -> String {
    upstream.base_url.trim_end_matches("/v1").to_owned()
}

/// What an upstream was asked, the oldest first: the path, and the body.
fn asked(upstream: &FakeUpstream) -> Vec<(String, Value)> {
    let body = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap_or_default();
    upstream.requests().iter().map(|request| (request.path.clone(), body(&request.body))).collect()
}

/// A streamed answer of these bytes.
fn streamed(bytes: &str) -> Vec<u8> {
    [stream_head(), piece(bytes), clean_end()].concat()
}

/// A conversation in which a tool may be called.
fn weather(messages: &Value) -> Value {
    let parameters =
        json!({"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]});
    let tools = json!([{"type": "function", "function": {"name": "get_weather", "parameters": parameters}}]);
    json!({"model": "m", "messages": messages, "tools": tools})
}

#[tokio::test]
async fn azure_is_called_by_deployment_with_its_own_header() {
    let upstream = FakeUpstream::answering(chat_answer("Hello")).await;
    let gateway = start_gateway().await;
    let data = json!({"apikey": SECRET, "base_url": root(&upstream), "resource_name": "east",
        "api_version": "2025-04-01-preview", "subscription_id": "s", "resource_group_name": "g", "account_name": "a"});
    add(&gateway, "azure-openai", data, "my:deployment").await;
    let (status, answer) = sent(gateway.post("/v1/chat/completions", &chat("Hi"))).await;
    assert_eq!(status, 200, "{answer}");
    let asked = &upstream.requests()[0];
    assert_eq!(
        asked.path,
        "/openai/deployments/my%3Adeployment/chat/completions?api-version=2025-04-01-preview"
    );
    let head = asked.head.to_ascii_lowercase();
    assert!(head.contains(&format!("api-key: {SECRET}")), "{head}");
    assert!(!head.contains("authorization"), "{head}");
}

#[tokio::test]
async fn a_model_whose_name_leads_elsewhere_reaches_no_upstream() {
    let upstream = FakeUpstream::answering(chat_answer("Hello")).await;
    let gateway = start_gateway().await;
    let data = json!({"apikey": SECRET, "base_url": root(&upstream)});
    add(&gateway, "azure-openai", data, "../../models").await;
    let (status, answer) = sent(gateway.post("/v1/chat/completions", &chat("Hi"))).await;
    assert_eq!(status, 409, "{answer}");
    assert!(
        answer["error"]["message"].as_str().is_some_and(|said| said.contains("../../models")),
        "{answer}"
    );
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn what_a_vendor_cannot_take_is_left_out_and_told() {
    let upstream = FakeUpstream::answering(chat_answer("Hello")).await;
    let gateway = start_gateway().await;
    add(&gateway, "mistral-ai", json!({"apikey": SECRET, "base_url": upstream.base_url}), "small").await;
    let response = gateway.post("/v1/chat/completions", &chat("Hi")).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-sluicegate-dropped"], "logit_bias");
    let body: Value = serde_json::from_slice(&upstream.requests()[0].body).expect("JSON");
    assert_eq!(
        body,
        json!({"model": "small", "messages": [{"role": "user", "content": "Hi"}], "random_seed": 7})
    );
}

#[tokio::test]
async fn a_bad_key_is_the_gateways_fault_whatever_status_says_so() {
    let said = r#"{"code":"c","error":"Incorrect API key provided: upstream-secret-0123456789abcwxyz"}"#;
    let upstream = FakeUpstream::answering(json_answer(400, said)).await;
    let gateway = start_gateway().await;
    add(&gateway, "x-ai", json!({"apikey": SECRET, "base_url": upstream.base_url}), "small").await;
    let (status, answer) = sent(gateway.post("/v1/chat/completions", &chat("Hi"))).await;
    assert_eq!(status, 424, "{answer}");
    assert!(!answer.to_string().contains(SECRET) && !answer.to_string().contains(ADMIN_KEY), "{answer}");
}
