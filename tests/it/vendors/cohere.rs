//! Cohere v2, over the live port.

use serde_json::{Value, json};
use sluicegate_client::v1;

use super::{SECRET, add, asked, root, streamed, weather};
use crate::{
    faults::{last_error, reason},
    rest::sent,
    streaming::{read_grpc, read_rest, rest_text},
    support::{FakeUpstream, Step, TestGateway, chat, json_answer, start_gateway},
};

const TEXT: &str = include_str!("../../fixtures/cohere/answers/text.reply.json");
const TEXT_STREAM: &str = include_str!("../../fixtures/cohere/answers/text.stream.txt");
const TOOLS: &str = include_str!("../../fixtures/cohere/answers/tools.reply.json");
const TOOLS_STREAM: &str = include_str!("../../fixtures/cohere/answers/tools.stream.txt");
const FAILED_STREAM: &str = include_str!("../../fixtures/cohere/answers/failed-usage.stream.txt");
const TRUNCATED_STREAM: &str = include_str!("../../fixtures/cohere/answers/truncated.stream.txt");
const EMBEDDING: &str = include_str!("../../fixtures/cohere/answers/embedding.reply.json");
const MODELS: &str = include_str!("../../fixtures/cohere/answers/models.reply.json");

/// A gateway before an upstream that answers chats so, whole and streamed.
async fn start(whole: &'static str, stream: &'static str) -> (FakeUpstream, TestGateway) {
    let upstream = FakeUpstream::start(move |request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let answer = match request.path.as_str() {
            "/v2/chat" if body["stream"] == true => streamed(stream),
            // The answer to the result of a tool is text.
            "/v2/chat" if body["messages"].to_string().contains("tool_call_id") => json_answer(200, TEXT),
            "/v2/chat" => json_answer(200, whole),
            "/v2/embed" => json_answer(200, EMBEDDING),
            "/v1/models?page_size=1000" => json_answer(200, MODELS),
            _ => json_answer(404, "{}"),
        };
        vec![Step::Send(answer)]
    })
    .await;
    let gateway = start_gateway().await;
    add(&gateway, "cohere", json!({"apikey": SECRET, "base_url": root(&upstream)}), "command-x").await;
    (upstream, gateway)
}

#[tokio::test]
async fn text_is_the_same_on_every_edge() {
    let (upstream, gateway) = start(TEXT, TEXT_STREAM).await;
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    let (status, answer) = sent(gateway.post("/v1/chat/completions", &body)).await;
    assert_eq!(status, 200, "{answer}");
    let text = answer["choices"][0]["message"]["content"].as_str().expect("text");
    assert_eq!(answer["model"], "command-x");
    assert_eq!(answer["usage"]["prompt_tokens"], 509);
    assert_eq!(answer["usage"]["prompt_tokens_details"]["cached_tokens"], 448);
    assert_eq!(answer["usage"]["billed_units"], json!({"input_tokens": 109, "output_tokens": 9}));

    let (status, stream) = read_rest(&gateway, "m").await;
    assert_eq!((status, rest_text(&stream).as_str()), (200, text), "{stream}");
    assert!(stream.ends_with("data: [DONE]\n\n"), "{stream}");
    let (streamed, usages, end) = read_grpc(&gateway, "m").await;
    end.expect("OK trailers");
    assert_eq!((streamed.as_str(), usages.len(), usages[0].output_tokens), (text, 1, 12));
    let unary = gateway.client.inference().chat(chat("m", "Hi")).await.expect("an answer").into_inner();
    assert_eq!(unary.choices[0].finish_reason(), v1::FinishReason::Stop);

    let request = &upstream.requests()[0];
    let head = request.head.to_ascii_lowercase();
    assert!(head.contains(&format!("authorization: bearer {SECRET}")), "{head}");
    assert_eq!(asked(&upstream)[0].1["model"], "command-x");
}

#[tokio::test]
async fn calls_plan_and_results_go_round() {
    let (upstream, gateway) = start(TOOLS, TOOLS_STREAM).await;
    let mut messages = json!([{"role": "user", "content": "Weather in Paris and Oslo?"}]);
    let (_, answer) = sent(gateway.post("/v1/chat/completions", &weather(&messages))).await;
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls", "{answer}");
    assert_eq!(choice["message"]["reasoning_content"], "I will look at the sky.");
    let calls = choice["message"]["tool_calls"].as_array().expect("calls").clone();
    let list = messages.as_array_mut().expect("a list");
    list.push(choice["message"].clone());
    for call in &calls {
        list.push(json!({"role": "tool", "tool_call_id": call["id"], "content": "18"}));
    }
    let (status, answer) = sent(gateway.post("/v1/chat/completions", &weather(&messages))).await;
    assert_eq!((status, &answer["choices"][0]["finish_reason"]), (200, &json!("stop")), "{answer}");

    let (_, body) = asked(&upstream).pop().expect("a request");
    let turns = body["messages"].as_array().expect("messages");
    assert_eq!(turns[1]["tool_plan"], "I will look at the sky.");
    assert_eq!(turns.len(), 2 + calls.len());
    for (call, result) in calls.iter().zip(&turns[2..]) {
        assert_eq!((&result["role"], &result["tool_call_id"]), (&json!("tool"), &call["id"]));
    }
    let sent_calls = turns[1]["tool_calls"].as_array().expect("calls");
    assert!(sent_calls.iter().zip(&calls).all(|(sent, call)| sent["function"] == call["function"]));

    let (_, stream) = read_rest(&gateway, "m").await;
    let indexes: Vec<_> = stream
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok())
        .filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0]["index"].as_i64())
        .collect();
    assert_eq!(indexes, [0, 0, 0, 1, 1, 2, 2, 2], "parallel calls are not glued");
}

#[tokio::test]
async fn a_failure_at_the_end_of_an_answer_of_200_is_no_answer() {
    let (_upstream, gateway) = start(TEXT, FAILED_STREAM).await;
    let (_, body) = read_rest(&gateway, "m").await;
    assert!(!body.contains("[DONE]"), "{body}");
    assert_eq!(last_error(&body)["code"], "provider_unavailable", "{body}");
    let (text, _, end) = read_grpc(&gateway, "m").await;
    assert_eq!((text.as_str(), reason(&end.unwrap_err()).as_str()), ("Half", "PROVIDER_UNAVAILABLE"));

    let (_upstream, gateway) = start(TEXT, TRUNCATED_STREAM).await;
    let (_, _, end) = read_grpc(&gateway, "m").await;
    assert_eq!(reason(&end.unwrap_err()), "STREAM_TRUNCATED");
}

#[tokio::test]
async fn vectors_and_models_are_read() {
    let (upstream, gateway) = start(TEXT, TEXT_STREAM).await;
    let body = json!({"model": "m", "input": ["Hello", "you"], "dimensions": 3});
    let (status, answer) = sent(gateway.post("/v1/embeddings", &body)).await;
    assert_eq!((status, answer["data"].as_array().map(Vec::len)), (200, Some(2)), "{answer}");
    assert_eq!(answer["usage"]["prompt_tokens"], 7);
    let (path, body) = asked(&upstream).pop().expect("a request");
    assert_eq!((path.as_str(), &body["output_dimension"]), ("/v2/embed", &json!(3)));

    let request = v1::ListAvailableModelsRequest { provider: "p".into() };
    let offered = gateway.client.models().list_available_models(request).await.expect("a list").into_inner();
    let ids: Vec<_> = offered.models.iter().map(|model| model.id.as_str()).collect();
    assert_eq!(ids, ["command-x", "embed-x", "new-x"], "what only ranks cannot be called");
}
