//! IBM watsonx.ai over the live port: chats, tools, completions, embeddings, lists, and who is charged.

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use sluicegate_client::v1;

use super::{
    add,
    watsonxai_tokens::{Ibm, data},
};
use crate::{
    rest::sent,
    support::{
        FakeUpstream, Received, Step, TestGateway, chat as grpc_chat, clean_end, json_answer, piece,
        start_gateway, stream_head,
    },
};

const ANSWERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/watsonxai/answers");

fn fixture(name: &str) -> String {
    std::fs::read_to_string(format!("{ANSWERS}/{name}")).expect("a fixture")
}

fn streamed(name: &str) -> Vec<u8> {
    let mut answer = stream_head();
    answer.extend(piece(fixture(&format!("{name}.stream.txt"))));
    answer.extend(clean_end());
    answer
}

/// Answers each operation with its fixture of this name, and gives tokens.
async fn watsonx(case: &'static str) -> FakeUpstream {
    FakeUpstream::start(move |request: &Received| {
        let path = request.path.split('?').next().unwrap_or_default();
        let whole = |name: &str| json_answer(200, &fixture(&format!("{name}.reply.json")));
        let answer = match path.rsplit('/').next().unwrap_or_default() {
            "token" => json_answer(200, r#"{"access_token":"t-1","expires_in":3600}"#),
            "chat" => whole(case),
            "chat_stream" => streamed(case),
            "generation" => whole("completion"),
            "generation_stream" => streamed("completion"),
            "embeddings" => whole("embedding"),
            "foundation_model_specs" if request.path.contains("start=") => {
                json_answer(200, r#"{"resources":[{"model_id":"a/last","provider":"A","source":"A"}]}"#)
            }
            _ => whole("models"),
        };
        vec![Step::Send(answer)]
    })
    .await
}

async fn gateway(upstream: &FakeUpstream, model: &str) -> TestGateway {
    let gateway = start_gateway().await;
    add(&gateway, "watsonxai", data(upstream), model).await;
    gateway
}

/// The one request that is no login.
fn asked(upstream: &FakeUpstream) -> (String, Value) {
    let requests = upstream.requests();
    let request = requests.iter().rfind(|request| !request.path.contains("/identity/")).expect("a request");
    (request.path.clone(), serde_json::from_slice(&request.body).unwrap_or_default())
}

fn weather() -> Value {
    json!({"model": "m", "tool_choice": "required",
        "messages": [{"role": "user", "content": "Weather?"}],
        "tools": [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]})
}

/// Payloads of a streamed answer of the REST edge, without the end mark.
async fn rest_chunks(gateway: &TestGateway, body: &Value) -> Vec<Value> {
    let response = gateway.post("/v1/chat/completions", body).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    let text = response.text().await.expect("text");
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    let payloads = text.lines().filter_map(|line| line.strip_prefix("data: "));
    payloads
        .filter(|payload| *payload != "[DONE]")
        .map(|payload| serde_json::from_str(payload).expect("JSON"))
        .collect()
}

/// Names and arguments of the calls in chunks of the REST edge, put together as its clients do.
fn calls(chunks: &[Value]) -> Vec<(String, String, String)> {
    let mut calls: Vec<(String, String, String)> = Vec::new();
    let deltas =
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"].as_array()).flatten();
    for delta in deltas {
        let index = usize::try_from(delta["index"].as_u64().expect("an index")).expect("small");
        calls.resize_with(calls.len().max(index + 1), Default::default);
        let add = |text: &mut String, value: &Value| text.push_str(value.as_str().unwrap_or_default());
        add(&mut calls[index].0, &delta["id"]);
        add(&mut calls[index].1, &delta["function"]["name"]);
        add(&mut calls[index].2, &delta["function"]["arguments"]);
    }
    calls
}

#[tokio::test]
async fn tools_go_around_in_one_piece_and_in_a_stream() {
    let upstream = watsonx("tools-snapshots").await;
    let gateway = gateway(&upstream, "mistral-large-2512").await;
    let mut body = weather();
    let (status, answer) = sent(gateway.post("/v1/chat/completions", &body)).await;
    assert_eq!(status, 200, "{answer}");
    let (path, sent_body) = asked(&upstream);
    assert_eq!(path, "/ml/v1/text/chat?version=2025-04-23");
    assert_eq!(
        (&sent_body["model_id"], &sent_body["project_id"], &sent_body["tool_choice_option"]),
        (&json!("mistral-large-2512"), &json!("p-1"), &json!("required"))
    );
    let message = &answer["choices"][0]["message"];
    let whole: Vec<_> = message["tool_calls"]
        .as_array()
        .expect("calls")
        .iter()
        .map(|call| {
            let text = |value: &Value| value.as_str().expect("text").to_owned();
            (text(&call["id"]), text(&call["function"]["name"]), text(&call["function"]["arguments"]))
        })
        .collect();

    body["stream"] = true.into();
    let pieces = rest_chunks(&gateway, &body).await;
    assert_eq!(asked(&upstream).0, "/ml/v1/text/chat_stream?version=2025-04-23");
    assert_eq!(calls(&pieces), whole);
    assert_eq!(whole[0].2, r#"{"zone":"Oslo","hours":24}"#);

    // The results go back.
    body["stream"] = false.into();
    let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": [{"type": "text", "text": "12:00"}]});
    let mut turns = body["messages"].as_array().expect("turns").clone();
    turns.extend([message.clone(), result(&whole[0].0), result(&whole[1].0)]);
    body["messages"] = turns.into();
    let (status, answer) = sent(gateway.post("/v1/chat/completions", &body)).await;
    assert_eq!(status, 200, "{answer}");
    let turns = asked(&upstream).1["messages"].clone();
    assert_eq!(turns[1]["tool_calls"][1]["id"], whole[1].0.as_str());
    assert_eq!(turns[2], json!({"role": "tool", "tool_call_id": whole[0].0, "content": "12:00"}));
}

#[tokio::test]
async fn grpc_hears_the_same_as_rest() {
    let upstream = watsonx("tools-forced").await;
    let gateway = gateway(&upstream, "meta/llama").await;
    let whole = gateway.client.inference().chat(grpc_chat("m", "Hi")).await.expect("an answer").into_inner();
    let parts = &whole.choices[0].message.as_ref().expect("a message").parts;
    let ids: Vec<_> = parts
        .iter()
        .filter_map(|part| match &part.content {
            Some(v1::part::Content::ToolCall(call)) => Some(call.id.clone()),
            _ => None,
        })
        .collect();
    assert!(ids.len() == 2 && ids[0] != ids[1] && ids[0].starts_with("call_"), "{ids:?}");
    let stream = gateway.client.inference().stream_chat(grpc_chat("m", "Hi")).await.expect("a stream");
    let chunks: Vec<_> = stream.into_inner().map(|chunk| chunk.expect("a chunk")).collect().await;
    let last = chunks.last().expect("chunks");
    assert_eq!(last.usage.as_ref().map(|usage| usage.output_tokens), Some(12));
    let finish = chunks.iter().flat_map(|chunk| &chunk.choices).map(|choice| choice.finish_reason()).max();
    assert_eq!(finish, Some(v1::FinishReason::ToolCalls));
    let body = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "Hi"}]});
    let of_rest: Vec<_> = calls(&rest_chunks(&gateway, &body).await).into_iter().map(|(id, ..)| id).collect();
    assert_eq!(of_rest, ids, "ids that the vendor does not give are the same wherever the answer is read");
}

#[tokio::test]
async fn text_generation_and_embeddings_have_their_own_shapes() {
    let upstream = watsonx("text").await;
    let gateway = gateway(&upstream, "ibm/granite-3-8b-instruct").await;
    let body = json!({"model": "m", "prompt": "An epigram about the sun:", "max_tokens": 9, "stop": ["\n"],
        "temperature": 0.5, "seed": 7, "top_k": 3,
        "provider_options": {"watsonxai": {"parameters": {"time_limit": 1000}, "moderations": {"hap": {"input": {"enabled": true}}}}}});
    let (status, answer) = sent(gateway.post("/v1/completions", &body)).await;
    assert_eq!((status, &answer["choices"][0]["text"]), (200, &json!("the sun is high")), "{answer}");
    assert_eq!(answer["usage"]["total_tokens"], 13);
    let (path, sent_body) = asked(&upstream);
    assert_eq!(path, "/ml/v1/text/generation?version=2025-04-23");
    let expected = json!({"input": "An epigram about the sun:", "model_id": "ibm/granite-3-8b-instruct",
        "project_id": "p-1", "moderations": {"hap": {"input": {"enabled": true}}},
        "parameters": {"decoding_method": "sample", "max_new_tokens": 9, "temperature": 0.5, "random_seed": 7,
            "stop_sequences": ["\n"], "include_stop_sequence": false, "top_k": 3, "time_limit": 1000}});
    assert_eq!(sent_body, expected);
    let (status, answer) =
        sent(gateway.post("/v1/embeddings", &json!({"model": "m", "input": ["Hello", "you"]}))).await;
    assert_eq!((status, &answer["data"][1]["embedding"][1]), (200, &json!(0.25)), "{answer}");
    let (path, sent_body) = asked(&upstream);
    assert_eq!(path, "/ml/v1/text/embeddings?version=2025-04-23");
    assert_eq!(sent_body["inputs"], json!(["Hello", "you"]));
}

#[tokio::test]
async fn every_page_of_the_list_is_read() {
    let upstream = watsonx("text").await;
    let gateway = gateway(&upstream, "ibm/granite").await;
    let request = v1::ListAvailableModelsRequest { provider: "p".into() };
    let listed = gateway.client.models().list_available_models(request).await.expect("a list").into_inner();
    let ids: Vec<_> = listed.models.iter().map(|model| model.id.as_str()).collect();
    assert_eq!((ids.len(), ids.last()), (4, Some(&"a/last")));
    assert_eq!(
        asked(&upstream).0,
        "/ml/v1/foundation_model_specs?version=2025-04-23&limit=200&filters=!lifecycle_withdrawn:and&start=eyJhIjoxfQ%3D%3D"
    );
}

#[tokio::test]
async fn a_deployment_is_called_at_its_own_place() {
    let upstream = watsonx("text").await;
    let gateway = start_gateway().await;
    let mut data = data(&upstream);
    data.as_object_mut().expect("arguments").remove("project_id");
    data["api_version"] = "2025-10-01".into();
    add(&gateway, "watsonxai", data, "deployment/my_serving/name").await;
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "context": "Today is Wednesday"});
    let (status, answer) = sent(gateway.post("/v1/chat/completions", &body)).await;
    assert_eq!(status, 200, "{answer}");
    let (path, sent_body) = asked(&upstream);
    assert_eq!(path, "/ml/v1/deployments/my_serving%2Fname/text/chat?version=2025-10-01");
    assert_eq!(sent_body, json!({"messages": body["messages"], "context": "Today is Wednesday"}));
    body["stream"] = true.into();
    assert!(!rest_chunks(&gateway, &body).await.is_empty());
    assert_eq!(
        asked(&upstream).0,
        "/ml/v1/deployments/my_serving%2Fname/text/chat_stream?version=2025-10-01"
    );
    let (status, answer) = sent(gateway.post("/v1/embeddings", &json!({"model": "m", "input": "Hi"}))).await;
    assert_eq!((status, &answer["error"]["code"]), (400, &json!("not_supported")), "{answer}");
}

#[tokio::test]
async fn the_callers_project_is_charged_where_the_provider_has_none() {
    let upstream = Ibm::default().start().await;
    let gateway = start_gateway().await;
    let mut own = data(&upstream);
    own.as_object_mut().expect("arguments").remove("project_id");
    add(&gateway, "watsonxai", own, "ibm/granite").await;
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    let rest = |name: &str, id: &str| gateway.post("/v1/chat/completions", &body).header(name, id);
    let container = || {
        let body = asked(&upstream).1;
        (body["project_id"].clone(), body["space_id"].clone())
    };
    assert_eq!(sent(rest("X-IBM-PROJECT-ID", "p-7")).await.0, 200);
    assert_eq!(container(), (json!("p-7"), Value::Null));
    assert_eq!(sent(rest("x-ibm-space-id", "s-7")).await.0, 200);
    assert_eq!(container(), (Value::Null, json!("s-7")));
    let mut request = tonic::Request::new(grpc_chat("m", "Hi"));
    request.metadata_mut().insert("x-ibm-project-id", "p-8".parse().expect("metadata"));
    gateway.client.inference().chat(request).await.expect("an answer");
    assert_eq!(container(), (json!("p-8"), Value::Null));
    let (status, answer) = sent(gateway.post("/v1/chat/completions", &body)).await;
    assert_eq!((status, &answer["error"]["param"]), (400, &json!("x-ibm-project-id")), "{answer}");
    let asked_before = upstream.requests().len();
    let (status, _) = sent(rest("x-ibm-project-id", &"x".repeat(129))).await;
    assert_eq!((status, upstream.requests().len()), (400, asked_before));
}

#[tokio::test]
async fn the_providers_own_project_is_charged_whatever_the_caller_says() {
    let upstream = Ibm::default().start().await;
    let gateway = gateway(&upstream, "ibm/granite").await;
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "space_id": "s-9"});
    let request = gateway.post("/v1/chat/completions", &body).header("x-ibm-project-id", "p-9");
    let response = request.send().await.expect("an answer");
    assert_eq!(
        (response.status().as_u16(), &response.headers()["x-sluicegate-dropped"]),
        (200, &"space_id".parse().expect("a header"))
    );
    let charged = asked(&upstream).1;
    assert_eq!((&charged["project_id"], &charged["space_id"]), (&json!("p-1"), &Value::Null));
    body["provider_options"] = json!({"watsonxai": {"project_id": "p-9"}});
    let (status, answer) = sent(gateway.post("/v1/chat/completions", &body)).await;
    assert_eq!(status, 400, "{answer}");
}

#[tokio::test]
async fn a_cut_stream_is_an_error() {
    let upstream = watsonx("truncated").await;
    let gateway = gateway(&upstream, "ibm/granite").await;
    let stream = gateway.client.inference().stream_chat(grpc_chat("m", "Hi")).await.expect("a stream");
    let ends: Vec<_> = stream.into_inner().collect().await;
    let status = ends.last().expect("items").as_ref().expect_err("an error");
    assert_eq!(status.code(), tonic::Code::Unavailable);
}
