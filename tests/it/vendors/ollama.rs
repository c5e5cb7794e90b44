//! Ollama's own interface, over the live port.

use serde_json::{Value, json};
use sluicegate_client::v1;

use super::{SECRET, add, asked, root, streamed, weather};
use crate::{
    faults::{last_error, reason},
    rest::sent,
    streaming::{read_grpc, read_rest, rest_text},
    support::{FakeUpstream, Step, TestGateway, chat, json_answer, start_gateway},
};

const TEXT: &str = include_str!("../../fixtures/ollama/answers/text.reply.json");
const TEXT_STREAM: &str = include_str!("../../fixtures/ollama/answers/text.stream.txt");
const TOOLS: &str = include_str!("../../fixtures/ollama/answers/tools-nameless.reply.json");
const TOOLS_STREAM: &str = include_str!("../../fixtures/ollama/answers/tools-nameless.stream.txt");
const FAILED_STREAM: &str = include_str!("../../fixtures/ollama/answers/failed.stream.txt");
const TRUNCATED_STREAM: &str = include_str!("../../fixtures/ollama/answers/truncated.stream.txt");
const COMPLETION: &str = include_str!("../../fixtures/ollama/answers/completion.reply.json");
const COMPLETION_STREAM: &str = include_str!("../../fixtures/ollama/answers/completion.stream.txt");
const EMBEDDING: &str = include_str!("../../fixtures/ollama/answers/embedding.reply.json");
const MODELS: &str = include_str!("../../fixtures/ollama/answers/models.reply.json");

/// A gateway before an upstream that answers chats so, whole and streamed. `data` beside the address are the provider's
/// arguments.
async fn start(whole: &'static str, stream: &'static str, data: Value) -> (FakeUpstream, TestGateway) {
    let upstream = FakeUpstream::start(move |request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let streams = body["stream"] == true;
        let answer = match request.path.as_str() {
            "/api/chat" if streams => streamed(stream),
            // The answer to the result of a tool is text.
            "/api/chat" if body["messages"].to_string().contains("tool_name") => json_answer(200, TEXT),
            "/api/chat" => json_answer(200, whole),
            "/api/generate" if streams => streamed(COMPLETION_STREAM),
            "/api/generate" => json_answer(200, COMPLETION),
            "/api/embed" => json_answer(200, EMBEDDING),
            "/api/tags" => json_answer(200, MODELS),
            _ => json_answer(404, "{}"),
        };
        vec![Step::Send(answer)]
    })
    .await;
    let gateway = start_gateway().await;
    let mut data = data;
    data["host"] = root(&upstream).into();
    add(&gateway, "ollama", data, "qwen-x:4b").await;
    (upstream, gateway)
}

#[tokio::test]
async fn text_is_the_same_on_every_edge() {
    let (upstream, gateway) = start(TEXT, TEXT_STREAM, json!({"keep_alive": 60})).await;
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    let (status, answer) = sent(gateway.post("/v1/chat/completions", &body)).await;
    assert_eq!(status, 200, "{answer}");
    let text = answer["choices"][0]["message"]["content"].as_str().expect("text");
    assert_eq!(answer["usage"]["total_tokens"], 26);

    let (status, stream) = read_rest(&gateway, "m").await;
    assert_eq!((status, rest_text(&stream).as_str()), (200, text), "{stream}");
    assert!(stream.ends_with("data: [DONE]\n\n"), "{stream}");
    let (streamed, usages, end) = read_grpc(&gateway, "m").await;
    end.expect("OK trailers");
    assert_eq!((streamed.as_str(), usages.len(), usages[0].input_tokens), (text, 1, 17));
    let unary = gateway.client.inference().chat(chat("m", "Hi")).await.expect("an answer").into_inner();
    assert_eq!(unary.choices[0].finish_reason(), v1::FinishReason::Stop);

    let head = upstream.requests()[0].head.to_ascii_lowercase();
    assert!(!head.contains("authorization"), "a server of one's own is told no credential: {head}");
    let (path, body) = &asked(&upstream)[0];
    assert_eq!((path.as_str(), &body["keep_alive"]), ("/api/chat", &json!(60)));
    assert_eq!(body["stream"], false, "streaming is what it does unless told otherwise");
}

#[tokio::test]
async fn a_key_is_sent_where_there_is_one() {
    let (upstream, gateway) = start(TEXT, TEXT_STREAM, json!({"apikey": SECRET})).await;
    gateway.client.inference().chat(chat("m", "Hi")).await.expect("an answer");
    let head = upstream.requests()[0].head.to_ascii_lowercase();
    assert!(head.contains(&format!("authorization: bearer {SECRET}")), "{head}");
}

#[tokio::test]
async fn calls_and_results_go_round() {
    let (upstream, gateway) = start(TOOLS, TOOLS_STREAM, json!({})).await;
    let mut messages = json!([{"role": "user", "content": "What time is it, and where?"}]);
    let (_, answer) = sent(gateway.post("/v1/chat/completions", &weather(&messages))).await;
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls", "{answer}");
    let calls = choice["message"]["tool_calls"].as_array().expect("calls").clone();
    assert_eq!(calls[0]["function"]["arguments"], "{}");
    assert_ne!(calls[0]["id"], calls[1]["id"]);
    let list = messages.as_array_mut().expect("a list");
    list.push(choice["message"].clone());
    for call in &calls {
        list.push(json!({"role": "tool", "tool_call_id": call["id"], "content": "noon"}));
    }
    let (status, answer) = sent(gateway.post("/v1/chat/completions", &weather(&messages))).await;
    assert_eq!((status, &answer["choices"][0]["finish_reason"]), (200, &json!("stop")), "{answer}");

    let (_, body) = asked(&upstream).pop().expect("a request");
    let turns = body["messages"].as_array().expect("messages");
    assert_eq!(turns[1]["tool_calls"][0]["function"]["arguments"], json!({}));
    for (call, result) in calls.iter().zip(&turns[2..]) {
        assert_eq!((&result["tool_name"], &result["tool_call_id"]), (&json!("local_time"), &call["id"]));
    }

    let (_, stream) = read_rest(&gateway, "m").await;
    let streamed: Vec<_> = stream
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok())
        .map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0].clone())
        .filter(|call| !call.is_null())
        .collect();
    let placed: Vec<_> = streamed.iter().map(|call| (&call["index"], &call["id"])).collect();
    assert_eq!(placed, [(&json!(0), &calls[0]["id"]), (&json!(1), &calls[1]["id"])]);
}

#[tokio::test]
async fn an_error_in_a_line_and_an_early_end_are_errors() {
    let (_upstream, gateway) = start(TEXT, FAILED_STREAM, json!({})).await;
    let (_, body) = read_rest(&gateway, "m").await;
    assert!(!body.contains("[DONE]"), "{body}");
    assert_eq!(last_error(&body)["code"], "provider_unavailable", "{body}");
    let (text, _, end) = read_grpc(&gateway, "m").await;
    assert_eq!((text.as_str(), reason(&end.unwrap_err()).as_str()), ("Half", "PROVIDER_UNAVAILABLE"));

    let (_upstream, gateway) = start(TEXT, TRUNCATED_STREAM, json!({})).await;
    let (_, _, end) = read_grpc(&gateway, "m").await;
    assert_eq!(reason(&end.unwrap_err()), "STREAM_TRUNCATED");
}

#[tokio::test]
async fn completions_vectors_and_models_are_read() {
    let (upstream, gateway) = start(TEXT, TEXT_STREAM, json!({})).await;
    let body = json!({"model": "m", "prompt": "Once", "max_tokens": 6});
    let (status, answer) = sent(gateway.post("/v1/completions", &body)).await;
    assert_eq!((status, &answer["choices"][0]["text"]), (200, &json!("there was a gate.")), "{answer}");
    let body = json!({"model": "m", "prompt": "Once", "stream": true});
    let response = gateway.post("/v1/completions", &body).send().await.expect("an answer");
    let stream = response.text().await.expect("a clean end");
    assert!(stream.contains(" was a gate.") && stream.ends_with("data: [DONE]\n\n"), "{stream}");

    let body = json!({"model": "m", "input": ["Hello", "you"]});
    let (status, answer) = sent(gateway.post("/v1/embeddings", &body)).await;
    assert_eq!((status, answer["data"].as_array().map(Vec::len)), (200, Some(2)), "{answer}");
    let paths: Vec<_> = asked(&upstream).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["/api/generate", "/api/generate", "/api/embed"]);

    let request = v1::ListAvailableModelsRequest { provider: "p".into() };
    let offered = gateway.client.models().list_available_models(request).await.expect("a list").into_inner();
    let ids: Vec<_> = offered.models.iter().map(|model| model.id.as_str()).collect();
    assert_eq!(ids, ["qwen-x:4b", "old:latest"]);
}
