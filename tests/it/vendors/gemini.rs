//! Google Gemini over the live port: turns with tools, signatures, blocked prompts, lists in pages.

use serde_json::{Value, json};
use sluicegate_client::v1;

use super::{SECRET, add, root};
use crate::{
    rest::sent,
    support::{
        DONE, FakeUpstream, Received, Step, TestGateway, clean_end, json_answer, piece, start_gateway,
        stream_head,
    },
};

const SIGNATURE: &str = "c2lnbmF0dXJl+/8=";

/// Answers a question with two calls, their results with a signed text.
async fn upstream() -> FakeUpstream {
    FakeUpstream::start(|asked| {
        let body: Value = serde_json::from_slice(&asked.body).expect("JSON");
        let parts = if body.to_string().contains("functionResponse") {
            json!([{"text": "18 and noon."}, {"text": "", "thoughtSignature": SIGNATURE}])
        } else {
            json!([
                {"text": "Looking it up.", "thought": true},
                {"functionCall": {"name": "weather", "args": {"zone": "Paris"}}, "thoughtSignature": SIGNATURE},
                {"functionCall": {"name": "time", "args": {}}}
            ])
        };
        vec![Step::Send(answer(asked, &parts))]
    })
    .await
}

/// The parts as one answer, or as a stream with an event for each.
fn answer(asked: &Received, parts: &Value) -> Vec<u8> {
    let event = |parts: Value, last: bool| {
        let mut candidate = json!({"content": {"role": "model", "parts": parts}, "index": 0});
        if last {
            candidate["finishReason"] = json!("STOP");
        }
        json!({"candidates": [candidate], "responseId": "r-1", "modelVersion": "gemini-3-flash",
            "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 4, "thoughtsTokenCount": 3, "totalTokenCount": 16}})
    };
    if !asked.path.contains("stream") {
        return json_answer(200, &event(parts.clone(), true).to_string());
    }
    let all = parts.as_array().expect("parts");
    let mut stream = stream_head();
    for (index, part) in all.iter().enumerate() {
        let event = event(json!([part]), index + 1 == all.len());
        stream.extend(piece(format!("data: {event}\r\n\r\n")));
    }
    stream.extend(clean_end());
    stream
}

async fn gateway(upstream: &FakeUpstream) -> TestGateway {
    let gateway = start_gateway().await;
    // The name that a sister product gives the type.
    add(&gateway, "google", json!({"apikey": SECRET, "base_url": root(upstream)}), "gemini-3-flash").await;
    gateway
}

fn contents(asked: &Received) -> Value {
    let body: Value = serde_json::from_slice(&asked.body).expect("JSON");
    body["contents"].clone()
}

fn question(messages: &[Value], stream: bool) -> Value {
    let tool = |name: &str| json!({"type": "function", "function": {"name": name, "parameters": {"type": "object"}}});
    json!({"model": "m", "messages": messages, "tools": [tool("weather"), tool("time")], "stream": stream})
}

/// What the second request must hold, however the first answer came and went.
fn assert_round_trip(asked: &[Received]) {
    for asked in asked {
        let head = asked.head.to_ascii_lowercase();
        assert!(head.contains(&format!("x-goog-api-key: {SECRET}")), "{head}");
        assert!(!head.contains("authorization") && !asked.path.contains(SECRET), "{head}");
    }
    let contents = contents(&asked[1]);
    let parts = contents[1]["parts"].as_array().expect("parts");
    assert_eq!(
        parts[parts.len() - 2..],
        [
            json!({"functionCall": {"name": "weather", "args": {"zone": "Paris"}}, "thoughtSignature": SIGNATURE}),
            json!({"functionCall": {"name": "time", "args": {}}})
        ]
    );
    assert_eq!(
        contents[2]["parts"],
        json!([
            {"functionResponse": {"name": "weather", "response": {"output": "18"}}},
            {"functionResponse": {"name": "time", "response": {"output": "noon"}}}
        ])
    );
}

/// The results of both calls, in the other order.
fn results(ids: &[String]) -> [Value; 2] {
    [
        json!({"role": "tool", "tool_call_id": ids[1], "content": "noon"}),
        json!({"role": "tool", "tool_call_id": ids[0], "content": "18"}),
    ]
}

#[tokio::test]
async fn openai_clients_take_turns_with_tools() {
    let upstream = upstream().await;
    let gateway = gateway(&upstream).await;
    let user = json!({"role": "user", "content": "Weather and time?"});
    let ask = async |messages: &[Value]| {
        let (status, body) = sent(gateway.post("/v1/chat/completions", &question(messages, false))).await;
        assert_eq!(status, 200, "{body}");
        body
    };
    let first = ask(std::slice::from_ref(&user)).await;
    let choice = &first["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["message"]["reasoning_content"], "Looking it up.");
    assert_eq!(first["usage"]["completion_tokens"], 7);
    assert_eq!(first["usage"]["completion_tokens_details"]["reasoning_tokens"], 3);
    let calls = choice["message"]["tool_calls"].as_array().expect("calls");
    let ids: Vec<String> = calls.iter().map(|call| call["id"].as_str().expect("an id").to_owned()).collect();
    let [noon, degrees] = results(&ids);
    let second = ask(&[user, choice["message"].clone(), noon, degrees]).await;
    assert_eq!(second["choices"][0]["message"]["content"], "18 and noon.");
    assert_eq!(second["choices"][0]["message"]["extra_content"]["google"]["thought_signature"], SIGNATURE);
    let asked = upstream.requests();
    assert_eq!(asked[0].path, "/v1beta/models/gemini-3-flash:generateContent");
    assert_round_trip(&asked);
}

#[tokio::test]
async fn openai_clients_take_turns_with_streamed_tools() {
    let upstream = upstream().await;
    let gateway = gateway(&upstream).await;
    let user = json!({"role": "user", "content": "Weather and time?"});
    let ask = async |messages: &[Value]| {
        let body = question(messages, true);
        let response = gateway.post("/v1/chat/completions", &body).send().await.expect("an answer");
        let text = response.text().await.expect("a clean end");
        assert!(text.ends_with(DONE), "{text}");
        let events = text.lines().filter_map(|line| line.strip_prefix("data: "));
        events.filter_map(|data| serde_json::from_str(data).ok()).collect::<Vec<Value>>()
    };
    let first = ask(std::slice::from_ref(&user)).await;
    let deltas: Vec<_> = first.iter().map(|chunk| chunk["choices"][0]["delta"].clone()).collect();
    assert_eq!(deltas[0]["role"], "assistant");
    let mut calls = Vec::new();
    for call in deltas.iter().filter_map(|delta| delta["tool_calls"].as_array()).flatten() {
        assert_eq!(call["index"], calls.len());
        calls.push(call.clone());
    }
    let ids: Vec<String> = calls.iter().map(|call| call["id"].as_str().expect("an id").to_owned()).collect();
    let [noon, degrees] = results(&ids);
    let message = json!({"role": "assistant", "content": null, "tool_calls": calls});
    let second = ask(&[user, message, noon, degrees]).await;
    let text: String =
        second.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, "18 and noon.");
    assert!(second.iter().any(|chunk| {
        chunk["choices"][0]["delta"]["extra_content"]["google"]["thought_signature"] == SIGNATURE
    }));
    let asked = upstream.requests();
    assert_eq!(asked[0].path, "/v1beta/models/gemini-3-flash:streamGenerateContent?alt=sse");
    assert_round_trip(&asked);
}

#[tokio::test]
async fn grpc_clients_take_turns_with_tools() {
    let upstream = upstream().await;
    let gateway = gateway(&upstream).await;
    let mut request = crate::support::chat("m", "Weather and time?");
    let first = gateway.client.inference().chat(request.clone()).await.expect("an answer").into_inner();
    let message = first.choices[0].message.clone().expect("a message");
    let ids = message.parts.iter().filter_map(|part| match &part.content {
        Some(v1::part::Content::ToolCall(call)) => Some(call.id.clone()),
        _ => None,
    });
    let result = |(id, text): (String, &str)| {
        let text = v1::Part {
            content: Some(v1::part::Content::Text(v1::TextPart { text: text.to_owned() })),
            ..Default::default()
        };
        let result = v1::ToolResultPart { tool_call_id: id, parts: vec![text] };
        let parts =
            vec![v1::Part { content: Some(v1::part::Content::ToolResult(result)), ..Default::default() }];
        v1::Message { role: v1::Role::Tool.into(), parts, ..Default::default() }
    };
    let results: Vec<_> = ids.zip(["18", "noon"]).map(result).collect();
    request.messages.push(message);
    request.messages.extend(results);
    let mut stream = gateway.client.inference().stream_chat(request).await.expect("a stream").into_inner();
    let (mut text, mut signed, mut usages) = (String::new(), 0, 0);
    while let Some(chunk) = stream.message().await.expect("no error") {
        text.push_str(&sluicegate_client::text(&chunk));
        usages += usize::from(chunk.usage.is_some());
        let parts = chunk.choices.iter().flat_map(|choice| &choice.parts);
        signed += parts
            .filter(|part| part.extra_json.get("extra_content").is_some_and(|json| json.contains(SIGNATURE)))
            .count();
    }
    assert_eq!((text.as_str(), signed, usages), ("18 and noon.", 1, 1));
    assert_round_trip(&upstream.requests());
}

#[tokio::test]
async fn a_blocked_prompt_is_refused_before_any_stream_begins() {
    let upstream = FakeUpstream::start(|asked| {
        let blocked = json!({"promptFeedback": {"blockReason": "SAFETY"},
            "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3}});
        vec![Step::Send(if asked.path.contains("stream") {
            let event = piece(format!("data: {blocked}\r\n\r\n"));
            [stream_head(), event, clean_end()].concat()
        } else {
            json_answer(200, &blocked.to_string())
        })]
    })
    .await;
    let gateway = gateway(&upstream).await;
    let user = json!({"role": "user", "content": "Hi"});
    for stream in [false, true] {
        let body = question(std::slice::from_ref(&user), stream);
        let (status, error) = sent(gateway.post("/v1/chat/completions", &body)).await;
        assert_eq!((status, &error["error"]["code"]), (400, &json!("content_filter")), "{error}");
        assert!(error["error"]["message"].as_str().is_some_and(|said| said.contains("SAFETY")), "{error}");
    }
}

#[tokio::test]
async fn models_are_listed_to_the_last_page() {
    let upstream = FakeUpstream::start(|asked| {
        let page = if asked.path.contains("pageToken=two") {
            json!({"models": [{"name": "models/b"}]})
        } else {
            json!({"models": [{"name": "models/a"}], "nextPageToken": "two"})
        };
        vec![Step::Send(json_answer(200, &page.to_string()))]
    })
    .await;
    let gateway = gateway(&upstream).await;
    let path = "/ml/gateway/v1/providers/p/models/available";
    let (status, listed) = sent(gateway.request("GET", path, Value::Null)).await;
    assert_eq!(status, 200, "{listed}");
    let ids: Vec<_> = listed["data"].as_array().expect("a list").iter().map(|model| &model["id"]).collect();
    assert_eq!(ids, ["a", "b"]);
    let paths: Vec<_> = upstream.requests().into_iter().map(|asked| asked.path).collect();
    assert_eq!(paths, ["/v1beta/models?pageSize=1000", "/v1beta/models?pageSize=1000&pageToken=two"]);
}

#[tokio::test]
async fn texts_are_embedded_as_a_batch() {
    let answer = r#"{"embeddings": [{"values": [0.5]}, {"values": [-0.25]}]}"#;
    let upstream = FakeUpstream::answering(json_answer(200, answer)).await;
    let gateway = gateway(&upstream).await;
    let body = json!({"model": "m", "input": ["a", "b"], "dimensions": 1});
    let (status, embedded) = sent(gateway.post("/v1/embeddings", &body)).await;
    assert_eq!(status, 200, "{embedded}");
    assert_eq!(embedded["data"][1]["embedding"], json!([-0.25]));
    assert_eq!(upstream.requests()[0].path, "/v1beta/models/gemini-3-flash:batchEmbedContents");
}

#[tokio::test]
async fn a_wait_among_the_details_reaches_the_caller() {
    let said = json!({"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED", "details":
        [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "48s"}]}});
    let upstream = FakeUpstream::answering(json_answer(429, &said.to_string())).await;
    let gateway = gateway(&upstream).await;
    let body = question(&[json!({"role": "user", "content": "Hi"})], false);
    let response = gateway.post("/v1/chat/completions", &body).send().await.expect("an answer");
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (429, &"48".parse().expect("a value"))
    );
}
