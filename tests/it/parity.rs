//! The same request through REST and through gRPC gives the upstream an equal body, byte for byte.

use serde_json::{Value, json};
use sluicegate::wire::openai::{chat, completion, embedding};
use sluicegate_client::v1;

use crate::support::{FakeUpstream, TestGateway, chat_answer, json_answer, start_gateway, stream_answer};

async fn gateway_with(upstream: &FakeUpstream) -> TestGateway {
    let gateway = start_gateway().await;
    gateway.add_upstream("east", &upstream.base_url, "m").await;
    gateway
}

/// The server's message as the client's.
fn as_client<M: prost::Message + Default>(message: &impl prost::Message) -> M {
    M::decode(message.encode_to_vec().as_slice()).expect("one schema")
}

/// Both requests that reached the upstream.
fn bodies(upstream: &FakeUpstream) -> (String, String) {
    let requests = upstream.requests();
    let text = |index: usize| String::from_utf8(requests[index].body.clone()).expect("text");
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].path, requests[1].path);
    assert_eq!(requests[0].method, "POST");
    (text(0), text(1))
}

fn chats() -> Vec<Value> {
    let tool = json!({"type": "function", "function": {
        "name": "weather", "description": "of a city", "strict": true,
        "parameters": {"type": "object", "properties": {"z": {"type": "string"}, "a": {"minimum": 9007199254740993_u64}}},
    }});
    vec![
        json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]}),
        json!({
            "model": "m", "temperature": 0.1, "top_p": 1.0, "seed": 7, "stop": ["a", "b"], "n": 1, "user": "u",
            "max_completion_tokens": 5, "logit_bias": {"50256": -100, "1": 2.5}, "reasoning_effort": "low",
            "metadata": {"b": "2", "a": "1"}, "unknown_member": {"deep": [1, 2.50, 1e3]},
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"b": 1, "a": 2}}},
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "name": "ann", "content": [
                    {"type": "text", "text": "Grüße 世界"},
                    {"type": "image_url", "image_url": {"url": "https://x.example/a.png", "detail": "low"}},
                ]},
            ],
        }),
        json!({
            "model": "m", "tools": [tool], "tool_choice": "required", "parallel_tool_calls": false,
            "messages": [
                {"role": "user", "content": "Weather?"},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{\"z\": 1}"}},
                ]},
                {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
            ],
        }),
    ]
}

#[tokio::test]
async fn chat_reaches_the_upstream_alike() {
    for request in chats() {
        let upstream = FakeUpstream::answering(chat_answer("Hello")).await;
        let gateway = gateway_with(&upstream).await;
        let response = gateway.post("/v1/chat/completions", &request).send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{}", response.text().await.expect("text"));
        let (message, _) = chat::read_request(request.to_string().as_bytes()).expect("a chat");
        gateway.client.inference().chat(as_client::<v1::ChatRequest>(&message)).await.expect("an answer");
        let (rest, grpc) = bodies(&upstream);
        assert_eq!(rest, grpc);
        assert!(rest.contains("\"upstream-model\"") && !rest.contains("\"m\""), "{rest}");
    }
}

#[tokio::test]
async fn streamed_chat_reaches_the_upstream_alike() {
    for mut request in chats() {
        let upstream = FakeUpstream::answering(stream_answer(&["Hel", "lo"])).await;
        let gateway = gateway_with(&upstream).await;
        request["stream"] = json!(true);
        let response = gateway.post("/v1/chat/completions", &request).send().await.expect("an answer");
        assert!(response.text().await.expect("text").ends_with("data: [DONE]\n\n"));
        let (message, streamed) = chat::read_request(request.to_string().as_bytes()).expect("a chat");
        assert!(streamed);
        let mut stream = gateway
            .client
            .inference()
            .stream_chat(as_client::<v1::ChatRequest>(&message))
            .await
            .expect("a stream")
            .into_inner();
        while stream.message().await.expect("a chunk").is_some() {}
        let (rest, grpc) = bodies(&upstream);
        assert_eq!(rest, grpc);
    }
}

#[tokio::test]
async fn completion_and_embedding_reach_the_upstream_alike() {
    let completion_answer = json!({
        "id": "c", "object": "text_completion", "created": 1, "model": "upstream-model",
        "choices": [{"index": 0, "text": "more", "finish_reason": "stop", "logprobs": null}],
    });
    let upstream = FakeUpstream::answering(json_answer(200, &completion_answer.to_string())).await;
    let gateway = gateway_with(&upstream).await;
    let request = json!({"model": "m", "prompt": ["a", "b"], "max_tokens": 3, "echo": true, "extra": null, "suffix": "!"});
    let response = gateway.post("/v1/completions", &request).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    let (message, _) = completion::read_request(request.to_string().as_bytes()).expect("a completion");
    gateway.client.inference().complete(as_client::<v1::CompleteRequest>(&message)).await.expect("an answer");
    let (rest, grpc) = bodies(&upstream);
    assert_eq!(rest, grpc);

    let embedding_answer = json!({
        "object": "list", "model": "upstream-model",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -1.0]}],
        "usage": {"prompt_tokens": 1, "total_tokens": 1},
    });
    let upstream = FakeUpstream::answering(json_answer(200, &embedding_answer.to_string())).await;
    let gateway = gateway_with(&upstream).await;
    let request = json!({"model": "m", "input": [[1, 2], [3]], "dimensions": 2, "user": "u"});
    let response = gateway.post("/v1/embeddings", &request).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    let (message, _) = embedding::read_request(request.to_string().as_bytes()).expect("a request");
    gateway.client.inference().embed(as_client::<v1::EmbedRequest>(&message)).await.expect("an answer");
    let (rest, grpc) = bodies(&upstream);
    assert_eq!(rest, grpc);
}

#[tokio::test]
async fn both_edges_name_what_served_a_call() {
    let upstream = FakeUpstream::answering(chat_answer("Hello")).await;
    let gateway = gateway_with(&upstream).await;
    let request = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    let rest = gateway.post("/v1/chat/completions", &request).header("x-request-id", "mine").send().await;
    let rest = rest.expect("an answer").headers().clone();
    let mut message = tonic::Request::new(crate::support::chat("m", "Hi"));
    message.metadata_mut().insert("x-request-id", "mine".parse().expect("a value"));
    let grpc =
        gateway.client.inference().chat(message).await.expect("an answer").metadata().clone().into_headers();
    for (name, expected) in [
        ("x-request-id", "mine"),
        ("x-sluicegate-provider", "east"),
        ("x-sluicegate-model", "m"),
        ("x-sluicegate-attempts", "1"),
    ] {
        assert_eq!(rest[name], expected);
        assert_eq!(grpc[name], expected);
    }
    assert_eq!(rest["x-sluicegate-revision"], grpc["x-sluicegate-revision"]);
    assert!(!rest.contains_key("x-sluicegate-dropped"), "nothing was dropped");
}
