//! Anthropic over the live port: its own header and paths, and thoughts that come back byte for byte.

use serde_json::{Value, json};
use sluicegate_client::v1::{self, part::Content};

use super::{SECRET, add, root};
use crate::{
    rest::sent,
    support::{
        DONE, FakeUpstream, Step, TestGateway, clean_end, json_answer, piece, start_gateway, stream_head,
    },
};

const REPLY: &str = include_str!("../../fixtures/anthropic/answers/thinking-tools.reply.json");
const STREAM: &str = include_str!("../../fixtures/anthropic/answers/thinking-tools.stream.txt");
const BROKEN: &str = include_str!("../../fixtures/anthropic/answers/error-overloaded.stream.txt");
const MODELS: &str = include_str!("../../fixtures/anthropic/answers/models.reply.json");

async fn start(data: Value) -> (FakeUpstream, TestGateway) {
    let upstream = FakeUpstream::start(|request| {
        let stream = String::from_utf8_lossy(&request.body).contains("\"stream\":true");
        let broken = String::from_utf8_lossy(&request.body).contains("break off");
        let events = if broken { BROKEN } else { STREAM };
        vec![Step::Send(match request.path.as_str() {
            "/v1/messages" if stream => [stream_head(), piece(events), clean_end()].concat(),
            "/v1/messages" => json_answer(200, REPLY),
            _ => json_answer(200, MODELS),
        })]
    })
    .await;
    let gateway = start_gateway().await;
    let mut own = json!({"apikey": SECRET, "base_url": root(&upstream)});
    for (name, value) in data.as_object().expect("an object") {
        own[name] = value.clone();
    }
    add(&gateway, "anthropic", own, "claude-haiku-4-5").await;
    (upstream, gateway)
}

fn ask(messages: &[Value], stream: bool) -> Value {
    let tool = json!({"type": "function", "function": {"name": "get_weather"}});
    json!({"model": "m", "messages": messages, "tools": [tool], "stream": stream, "reasoning_effort": "low"})
}

fn question() -> Value {
    json!({"role": "user", "content": "Weather?"})
}

fn result() -> Value {
    json!({"role": "tool", "tool_call_id": "toolu_02", "content": "mild"})
}

/// The blocks that the vendor sent and wants back.
fn blocks() -> Value {
    serde_json::from_str::<Value>(REPLY).expect("JSON")["content"].clone()
}

/// The body of a request that reached the upstream.
fn body(upstream: &FakeUpstream, index: usize) -> Value {
    serde_json::from_slice(&upstream.requests()[index].body).expect("JSON")
}

#[tokio::test]
async fn thoughts_survive_a_tool_turn_over_rest() {
    let (upstream, gateway) = start(json!({})).await;
    let (status, answer) = sent(gateway.post("/v1/chat/completions", &ask(&[question()], false))).await;
    assert_eq!(status, 200, "{answer}");
    let message = answer["choices"][0]["message"].clone();
    assert_eq!(message["reasoning_content"], "The user wants the weather.\nI call the tool.");
    assert_eq!(answer["usage"]["completion_tokens_details"]["reasoning_tokens"], 40);

    let request = gateway.post("/v1/chat/completions", &ask(&[question(), message, result()], false));
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    assert!(!response.headers().contains_key("x-sluicegate-dropped"), "{:?}", response.headers());
    let asked = body(&upstream, 1);
    assert_eq!(asked["messages"][1], json!({"role": "assistant", "content": blocks()}));
    let expected = json!([{"type": "tool_result", "tool_use_id": "toolu_02", "content": "mild"}]);
    assert_eq!(asked["messages"][2]["content"], expected);
    assert_eq!(asked["thinking"]["type"], "enabled", "thinking goes on: {asked}");

    let seen = &upstream.requests()[1];
    let head = seen.head.to_ascii_lowercase();
    assert_eq!(seen.path, "/v1/messages");
    assert!(head.contains(&format!("x-api-key: {SECRET}")), "{head}");
    assert!(head.contains("anthropic-version: 2023-06-01") && !head.contains("authorization"), "{head}");
}

#[tokio::test]
async fn thoughts_survive_a_streamed_tool_turn_over_rest() {
    let (upstream, gateway) = start(json!({})).await;
    let request = gateway.post("/v1/chat/completions", &ask(&[question()], true));
    let text = request.send().await.expect("an answer").text().await.expect("a clean end");
    assert!(text.ends_with(DONE), "{text}");
    let message = put_together(&text);
    assert_eq!(message["reasoning_content"], "The user wants the weather.\nI call the tool.");
    let request = gateway.post("/v1/chat/completions", &ask(&[question(), message, result()], true));
    assert_eq!(request.send().await.expect("an answer").status(), 200);
    assert_eq!(body(&upstream, 1)["messages"][1], json!({"role": "assistant", "content": blocks()}));
}

/// A message of the deltas of a stream, as OpenAI's SDKs do it: texts grow, lists are merged by index.
fn put_together(stream: &str) -> Value {
    let chunks =
        stream.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    let mut message = json!({});
    for delta in chunks.map(|chunk| chunk["choices"][0]["delta"].clone()) {
        merge(&mut message, &delta);
    }
    for list in ["tool_calls", "thinking_blocks"] {
        for element in message[list].as_array_mut().into_iter().flatten() {
            element.as_object_mut().expect("an object").remove("index");
        }
    }
    message
}

fn merge(into: &mut Value, more: &Value) {
    for (name, value) in more.as_object().into_iter().flatten() {
        match (&mut into[name], value) {
            (own, Value::Array(elements)) => {
                for element in elements {
                    let index = element["index"].as_u64().expect("an index") as usize;
                    let list = own.as_array_mut();
                    match list {
                        None => *own = json!([element]),
                        Some(list) if list.len() == index => list.push(element.clone()),
                        Some(list) => merge(&mut list[index], element),
                    }
                }
            }
            (own @ Value::Object(_), Value::Object(_)) => merge(own, value),
            (Value::String(own), Value::String(text)) if name != "type" && name != "role" => {
                own.push_str(text)
            }
            (own, value) => *own = value.clone(),
        }
    }
}

#[tokio::test]
async fn thoughts_survive_a_tool_turn_over_grpc_and_both_edges_ask_the_same() {
    let (upstream, gateway) = start(json!({})).await;
    let function = v1::FunctionTool { name: "get_weather".into(), ..Default::default() };
    let tool = v1::Tool { kind: Some(v1::tool::Kind::Function(function)), ..Default::default() };
    let mut request = v1::ChatRequest {
        model: "m".into(),
        messages: vec![sluicegate_client::user("Weather?")],
        tools: vec![tool],
        reasoning_effort: Some("low".into()),
        ..Default::default()
    };
    let answer = gateway.client.inference().chat(request.clone()).await.expect("an answer").into_inner();
    let said = answer.choices[0].message.clone().expect("a message");
    assert!(matches!(&said.parts[1].content, Some(Content::RedactedThinking(_))), "{said:?}");
    let mild = v1::TextPart { text: "mild".into() };
    let mild = v1::Part { content: Some(Content::Text(mild)), ..Default::default() };
    let result = v1::ToolResultPart { tool_call_id: "toolu_02".into(), parts: vec![mild] };
    let result = v1::Part { content: Some(Content::ToolResult(result)), ..Default::default() };
    let result = v1::Message { role: v1::Role::Tool.into(), parts: vec![result], ..Default::default() };
    request.messages.extend([said, result]);
    let mut stream =
        gateway.client.inference().stream_chat(request.clone()).await.expect("a stream").into_inner();
    let (mut finish, mut usages) = (0, 0);
    while let Some(chunk) = stream.message().await.expect("no error") {
        usages += usize::from(chunk.usage.is_some());
        finish += chunk.choices.iter().filter(|choice| choice.finish_reason != 0).count();
    }
    assert_eq!((finish, usages), (1, 1));
    assert_eq!(body(&upstream, 1)["messages"][1], json!({"role": "assistant", "content": blocks()}));

    let (_, answer) = sent(gateway.post("/v1/chat/completions", &ask(&[question()], false))).await;
    let message = answer["choices"][0]["message"].clone();
    sent(gateway.post("/v1/chat/completions", &ask(&[question(), message, self::result()], false))).await;
    gateway.client.inference().chat(request).await.expect("an answer");
    let requests = upstream.requests();
    assert_eq!(
        String::from_utf8_lossy(&requests[3].body),
        String::from_utf8_lossy(&requests[4].body),
        "REST and gRPC"
    );
}

#[tokio::test]
async fn an_overloaded_stream_ends_as_the_error_that_it_is() {
    let (_upstream, gateway) = start(json!({})).await;
    let said = json!({"role": "user", "content": "break off"});
    let request = gateway.post("/v1/chat/completions", &ask(&[said], true));
    let text = request.send().await.expect("an answer").text().await.expect("a clean end");
    assert!(text.contains("Half") && text.contains("\"code\":\"overloaded_error\""), "{text}");
    assert!(!text.contains("[DONE]"), "{text}");

    let mut request = crate::support::chat("m", "break off");
    request.max_tokens = Some(5);
    let mut stream = gateway.client.inference().stream_chat(request).await.expect("a stream").into_inner();
    let status = loop {
        match stream.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a broken stream that ends well"),
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), tonic::Code::Unavailable, "{status:?}");
}

#[tokio::test]
async fn settings_reach_the_vendor_and_its_models_are_listed() {
    let data = json!({"beta": "files-api-2025-04-14, context-1m-2025-08-07", "max_tokens": "777"});
    let (upstream, gateway) = start(data).await;
    let mut request = ask(&[question()], false);
    request["reasoning_effort"] = Value::Null;
    request["provider_options"] = json!({"anthropic": {"betas": ["skills-2025-10-02"], "top_k": 3}});
    let (status, answer) = sent(gateway.post("/v1/chat/completions", &request)).await;
    assert_eq!(status, 200, "{answer}");
    let head = upstream.requests()[0].head.to_ascii_lowercase();
    let features = "anthropic-beta: files-api-2025-04-14,context-1m-2025-08-07,skills-2025-10-02";
    assert!(head.contains(features), "{head}");
    let asked = body(&upstream, 0);
    assert_eq!((&asked["max_tokens"], &asked["top_k"]), (&json!(777), &json!(3)));
    assert!(asked.get("betas").is_none());

    let request = v1::ListAvailableModelsRequest { provider: "p".into() };
    let listed = gateway.client.models().list_available_models(request).await.expect("a list").into_inner();
    let ids: Vec<_> = listed.models.iter().map(|model| model.id.as_str()).collect();
    assert_eq!(ids, ["claude-opus-4-8", "claude-x"]);
    assert_eq!(upstream.requests()[1].path, "/v1/models?limit=1000");
}
