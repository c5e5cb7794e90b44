//! AWS Bedrock over the live port: signatures and keys, binary streams, calls of tools and their results, exceptions. What
//! the fake upstream says is what boto3 understands, and what it is asked is signed as botocore would.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use sluicegate_client::v1::{self, part::Content, part_delta::Content as Delta};

use super::{add, root};
use crate::{
    event_stream::{self, event},
    peers::peers,
    rest::sent,
    support::{FakeUpstream, Received, Step, TestGateway, clean_end, json_answer, piece, start_gateway},
};

const MODEL: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const ID: &str = "AKIDEXAMPLE000000001";
const KEY: &str = "aws-secret-access-key/0123456789+abcdef";
const TOKEN: &str = "aws-session-token/0123456789==";

fn streamed(frames: &[u8]) -> Vec<u8> {
    let mut out =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\ntransfer-encoding: chunked\r\n\r\n"
            .to_vec();
    out.extend(piece(frames));
    out.extend(clean_end());
    out
}

fn delta(block: i32, delta: &Value) -> Vec<u8> {
    event("contentBlockDelta", &json!({"contentBlockIndex": block, "delta": delta, "p": "abcd"}))
}

fn end(reason: &str) -> Vec<u8> {
    let usage = json!({"inputTokens": 9, "outputTokens": 4, "totalTokens": 15, "cacheReadInputTokens": 2});
    let metadata = json!({"usage": usage, "metrics": {"latencyMs": 5}});
    [event("messageStop", &json!({"stopReason": reason})), event("metadata", &metadata)].concat()
}

fn message(content: &Value, reason: &str) -> Value {
    json!({"output": {"message": {"role": "assistant", "content": content}}, "stopReason": reason,
        "usage": {"inputTokens": 9, "outputTokens": 4, "totalTokens": 15, "cacheReadInputTokens": 2},
        "metrics": {"latencyMs": 5}})
}

/// Thinks and calls a tool, then says what it found.
async fn upstream() -> FakeUpstream {
    FakeUpstream::start(|asked| {
        let answer = match asked.path.rsplit('/').next() {
            Some("foundation-models") => {
                let models = json!({"modelSummaries": [{"modelId": "amazon.nova-pro-v1:0", "providerName": "Amazon"}]});
                json_answer(200, &models.to_string())
            }
            Some("invoke") => json_answer(200, r#"{"embedding": [0.5, 0.25], "inputTextTokenCount": 3}"#),
            Some("converse-stream") => streamed(&stream(asked)),
            _ if has_result(asked) => {
                json_answer(200, &message(&json!([{"text": "It is noon."}]), "end_turn").to_string())
            }
            _ => json_answer(200, &message(&json!([
                {"reasoningContent": {"reasoningText": {"text": "Look.", "signature": "c2ln/+=="}}},
                {"toolUse": {"toolUseId": "tooluse_1", "name": "time", "input": {"zone":"Paris"}}}]), "tool_use").to_string()),
        };
        vec![Step::Send(answer)]
    })
    .await
}

fn stream(asked: &Received) -> Vec<u8> {
    let start = event("messageStart", &json!({"role": "assistant"}));
    if has_result(asked) {
        return [
            start,
            delta(0, &json!({"text": "It is "})),
            delta(0, &json!({"text": "noon."})),
            end("end_turn"),
        ]
        .concat();
    }
    let tool = json!({"toolUseId": "tooluse_1", "name": "time"});
    [
        start,
        delta(0, &json!({"reasoningContent": {"text": "Look."}})),
        delta(0, &json!({"reasoningContent": {"signature": "c2ln/+=="}})),
        event("contentBlockStart", &json!({"contentBlockIndex": 1, "start": {"toolUse": tool}})),
        delta(1, &json!({"toolUse": {"input": "{\"zone\":"}})),
        delta(1, &json!({"toolUse": {"input": "\"Paris\"}"}})),
        event("contentBlockStop", &json!({"contentBlockIndex": 1})),
        end("tool_use"),
    ]
    .concat()
}

fn has_result(asked: &Received) -> bool {
    String::from_utf8_lossy(&asked.body).contains("toolResult")
}

async fn gateway(upstream: &FakeUpstream, data: Value) -> TestGateway {
    let gateway = start_gateway().await;
    let mut all = json!({"region": "eu-west-3", "base_url": root(upstream)});
    all.as_object_mut().expect("an object").extend(data.as_object().expect("an object").clone());
    add(&gateway, "bedrock", all, MODEL).await;
    gateway
}

fn signed() -> Value {
    json!({"access_key_id": ID, "secret_access_key": KEY, "session_token": TOKEN})
}

fn chat(messages: &Value) -> Value {
    let tool = json!({"type": "function", "function": {"name": "time", "parameters": {"type": "object"}}});
    json!({"model": "m", "messages": messages, "tools": [tool]})
}

fn question() -> Value {
    json!({"role": "user", "content": "What time is it?"})
}

fn header<'a>(asked: &'a Received, name: &str) -> Option<&'a str> {
    asked.head.lines().find_map(|line| {
        let (known, value) = line.split_once(": ")?;
        known.eq_ignore_ascii_case(name).then_some(value)
    })
}

#[tokio::test]
async fn a_call_is_signed_and_its_results_go_back() {
    let upstream = upstream().await;
    let gateway = gateway(&upstream, signed()).await;
    let (status, answer) = sent(gateway.post("/v1/chat/completions", &chat(&json!([question()])))).await;
    assert_eq!(status, 200, "{answer}");
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["message"]["reasoning_content"], "Look.");
    assert_eq!(choice["message"]["tool_calls"][0]["function"]["arguments"], r#"{"zone":"Paris"}"#);
    assert_eq!(answer["usage"]["prompt_tokens"], 11);
    assert_eq!(answer["usage"]["prompt_tokens_details"]["cached_tokens"], 2);

    let result = json!({"role": "tool", "tool_call_id": "tooluse_1", "content": "12:00"});
    let turns = json!([question(), choice["message"], result]);
    let (status, answer) = sent(gateway.post("/v1/chat/completions", &chat(&turns))).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["choices"][0]["message"]["content"], "It is noon.");

    let asked = upstream.requests();
    let path = "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse";
    assert_eq!((asked[1].method.as_str(), asked[1].path.as_str()), ("POST", path));
    let authorization = header(&asked[1], "authorization").expect("a signature");
    assert!(authorization.starts_with(&format!("AWS4-HMAC-SHA256 Credential={ID}/")), "{authorization}");
    assert!(authorization.contains("/eu-west-3/bedrock/aws4_request, "), "{authorization}");
    assert_eq!(header(&asked[1], "x-amz-security-token"), Some(TOKEN));
    let body: Value = serde_json::from_slice(&asked[1].body).expect("JSON");
    let (call, result) = (&body["messages"][1]["content"], &body["messages"][2]);
    let tool_use = json!({"toolUse": {"toolUseId": "tooluse_1", "name": "time", "input": {"zone": "Paris"}}});
    assert_eq!(call.as_array().and_then(|blocks| blocks.last()), Some(&tool_use));
    assert_eq!(result["role"], "user");
    assert_eq!(result["content"][0]["toolResult"]["content"], json!([{"text": "12:00"}]));
}

#[tokio::test]
async fn a_key_is_sent_as_it_is() {
    let upstream = upstream().await;
    let gateway = gateway(&upstream, json!({"apikey": "bedrock-api-key-0123456789"})).await;
    let (status, answer) = sent(gateway.post("/v1/chat/completions", &chat(&json!([question()])))).await;
    assert_eq!(status, 200, "{answer}");
    let asked = &upstream.requests()[0];
    assert_eq!(header(asked, "authorization"), Some("Bearer bedrock-api-key-0123456789"));
    assert_eq!(header(asked, "x-amz-date"), None);
}

#[tokio::test]
async fn signatures_of_reasoning_go_round_over_grpc() {
    let upstream = upstream().await;
    let gateway = gateway(&upstream, signed()).await;
    let mut request = crate::support::chat("m", "What time is it?");
    let mut stream =
        gateway.client.inference().stream_chat(request.clone()).await.expect("a stream").into_inner();
    let (mut thought, mut proof, mut arguments) = (String::new(), Vec::new(), String::new());
    let mut usage = None;
    while let Some(chunk) = stream.message().await.expect("no error") {
        usage = chunk.usage.or(usage);
        for part in chunk.choices.into_iter().flat_map(|choice| choice.parts) {
            match part.content {
                Some(Delta::Thinking(delta)) => {
                    thought += &delta.text;
                    proof.extend(delta.signature);
                }
                Some(Delta::ToolCall(delta)) => arguments += &delta.arguments_json_fragment,
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(
        (thought.as_str(), proof.as_slice(), arguments.as_str()),
        ("Look.", b"c2ln/+==".as_slice(), r#"{"zone":"Paris"}"#)
    );
    assert_eq!(usage.map(|usage| (usage.input_tokens, usage.total_tokens)), Some((11, Some(15))));

    let part = |content| v1::Part { content: Some(content), ..Default::default() };
    let thinking = v1::ThinkingPart { text: thought, signature: proof.into() };
    let call = v1::ToolCallPart { id: "tooluse_1".into(), name: "time".into(), arguments_json: arguments };
    let text = part(Content::Text(v1::TextPart { text: "12:00".into() }));
    let result = v1::ToolResultPart { tool_call_id: "tooluse_1".into(), parts: vec![text] };
    request.messages.push(v1::Message {
        role: v1::Role::Assistant.into(),
        parts: vec![part(Content::Thinking(thinking)), part(Content::ToolCall(call))],
        ..Default::default()
    });
    request.messages.push(v1::Message {
        role: v1::Role::Tool.into(),
        parts: vec![part(Content::ToolResult(result))],
        ..Default::default()
    });
    let answer = gateway.client.inference().chat(request).await.expect("an answer").into_inner();
    assert_eq!(answer.choices[0].finish_reason(), v1::FinishReason::Stop);
    let asked = upstream.requests();
    assert!(asked[0].path.ends_with("%3A0/converse-stream"), "{}", asked[0].path);
    let body: Value = serde_json::from_slice(&asked[1].body).expect("JSON");
    let expected = json!({"reasoningContent": {"reasoningText": {"text": "Look.", "signature": "c2ln/+=="}}});
    assert_eq!(body["messages"][1]["content"][0], expected);
}

#[tokio::test]
async fn an_exception_before_any_content_is_an_answer_of_its_class() {
    let throttled = br#"[{"event": "messageStart", "payload": {"role": "assistant"}},
        {"exception": "throttlingException", "payload": {"message": "Too many requests"}}]"#;
    let upstream = FakeUpstream::answering(streamed(&event_stream::encode(throttled))).await;
    let gateway = gateway(&upstream, signed()).await;
    let mut body = chat(&json!([question()]));
    body["stream"] = json!(true);
    let (status, answer) = sent(gateway.post("/v1/chat/completions", &body)).await;
    assert_eq!(status, 429, "{answer}");
    assert_eq!(answer["error"]["code"], "throttlingException");
}

#[tokio::test]
async fn a_broken_or_cut_stream_is_never_a_finished_one() {
    let good =
        [delta(0, &json!({"text": "One"})), delta(0, &json!({"text": ", two"})), end("end_turn")].concat();
    let ends = event_stream::ends(&good);
    let mut spoilt = good.clone();
    spoilt[ends[1] - 1] ^= 1;
    let exception = br#"[{"exception": "modelStreamErrorException", "payload": {"message": "lost"}}]"#;
    let broken = [&good[..ends[0]], &event_stream::encode(exception)].concat();
    for (body, said) in [
        (&spoilt[..], "broken frame"),
        (&good[..ends[1] + 7], "middle of a frame"),
        (&good[..ends[1]], "before its answer was complete"),
        (&broken[..], "lost"),
    ] {
        let upstream = FakeUpstream::answering(streamed(body)).await;
        let gateway = gateway(&upstream, signed()).await;
        let mut body = chat(&json!([question()]));
        body["stream"] = json!(true);
        let response = gateway.post("/v1/chat/completions", &body).send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        let text = response.text().await.expect("text");
        assert!(text.contains("One") && text.contains(said), "{said}: {text}");
        assert!(!text.contains("[DONE]"), "{text}");
    }
}

#[tokio::test]
async fn texts_are_embedded_and_models_listed() {
    let upstream = upstream().await;
    let gateway = start_gateway().await;
    let mut data = signed();
    (data["region"], data["base_url"]) = (json!("us-east-1"), json!(root(&upstream)));
    add(&gateway, "bedrock", data, "amazon.titan-embed-text-v2:0").await;
    let asked = json!({"model": "m", "input": "Hello", "dimensions": 256});
    let (status, answer) = sent(gateway.post("/v1/embeddings", &asked)).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["data"][0]["embedding"], json!([0.5, 0.25]));
    assert_eq!(answer["usage"]["prompt_tokens"], 3);
    let request = gateway.request("GET", "/ml/gateway/v1/providers/p/models/available", Value::Null);
    let (status, answer) = sent(request).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["data"][0]["id"], "amazon.nova-pro-v1:0");
    let paths: Vec<_> = upstream.requests().into_iter().map(|asked| asked.path).collect();
    assert_eq!(paths, ["/model/amazon.titan-embed-text-v2%3A0/invoke", "/foundation-models"]);
}

#[tokio::test]
async fn tokens_that_only_a_header_counts_are_counted() {
    let body = r#"{"embeddings": {"float": [[0.5]]}, "response_type": "embeddings_by_type"}"#;
    let head = "content-type: application/json\r\nx-amzn-bedrock-input-token-count: 7";
    let said = format!("HTTP/1.1 200 OK\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let upstream = FakeUpstream::answering(said).await;
    let gateway = start_gateway().await;
    let mut data = signed();
    (data["region"], data["base_url"]) = (json!("us-east-1"), json!(root(&upstream)));
    add(&gateway, "bedrock", data, "cohere.embed-v4:0").await;
    let asked = json!({"model": "m", "input": "Hello"});
    let (status, answer) = sent(gateway.post("/v1/embeddings", &asked)).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["usage"], json!({"prompt_tokens": 7, "total_tokens": 7}));
}

#[tokio::test]
async fn secrets_that_do_not_make_a_credential_are_refused() {
    let gateway = start_gateway().await;
    for (data, named) in [
        (json!({"region": "us-east-1", "access_key_id": ID}), "secret_access_key"),
        (json!({"access_key_id": ID, "secret_access_key": KEY}), "region"),
        (json!({"region": "evil.example.com/", "access_key_id": ID, "secret_access_key": KEY}), "region"),
        (
            json!({"region": "us-east-1", "access_key_id": ID, "secret_access_key": KEY, "profile": "x"}),
            "profile",
        ),
    ] {
        let body = json!({"name": "p", "data": data});
        let (status, answer) = sent(gateway.request("POST", "/ml/gateway/v1/providers/bedrock", body)).await;
        assert_eq!(status, 400, "{answer}");
        assert!(answer["error"]["message"].to_string().contains(named), "{answer}");
    }
}

fn script(peers: &Path, name: &str) -> Command {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(name);
    let mut command = Command::new(peers.join("venv/bin/python"));
    command.arg("-B").arg(path).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn judged(mut command: Command, input: String) {
    let run = move || {
        let mut child = command.spawn().expect("the script starts");
        child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("it reads");
        child.wait_with_output().expect("it ends")
    };
    let output = tokio::task::spawn_blocking(run).await.expect("the script is awaited");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(output.status.success() && text.starts_with("ok "), "{text}");
    println!("{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_reads_our_streams_as_we_do() {
    let Some(peers) = peers() else { return };
    let fixtures: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/fixtures/bedrock/answers"].iter().collect();
    let folder = fixtures.clone();
    let upstream = FakeUpstream::start(move |asked| {
        let case = asked.path.trim_start_matches("/model/case.").trim_end_matches("/converse-stream");
        let frames = std::fs::read(folder.join(format!("{case}.frames.json"))).expect("the frames");
        vec![Step::Send(streamed(&event_stream::encode(&frames)))]
    })
    .await;
    let mut command = script(&peers, "bedrock_streams.py");
    command.env("UPSTREAM_URL", root(&upstream)).env("FIXTURES", fixtures);
    judged(command, String::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn botocore_comes_to_our_signatures() {
    let Some(peers) = peers() else { return };
    let upstream = upstream().await;
    let gateway = gateway(&upstream, signed()).await;
    let (status, answer) = sent(gateway.post("/v1/chat/completions", &chat(&json!([question()])))).await;
    assert_eq!(status, 200, "{answer}");
    let arn = "arn:aws:bedrock:eu-west-3:000000000000:inference-profile/eu.amazon.nova-pro-v1:0";
    gateway.add_model("p", arn, "arn", None).await;
    let mut asked = chat(&json!([question()]));
    asked["model"] = json!("arn");
    let (status, answer) = sent(gateway.post("/v1/chat/completions", &asked)).await;
    assert_eq!(status, 200, "{answer}");
    let list = gateway.request("GET", "/ml/gateway/v1/providers/p/models/available", Value::Null);
    assert_eq!(sent(list).await.0, 200);
    let requests: Vec<_> = upstream.requests().iter().map(told).collect();
    assert_eq!(requests.len(), 3);
    let input = json!({"requests": requests, "id": ID, "key": KEY, "token": TOKEN});
    judged(script(&peers, "bedrock_signatures.py"), input.to_string()).await;
}

fn told(asked: &Received) -> Value {
    let headers: Vec<_> = asked.head.lines().skip(1).filter_map(|line| line.split_once(": ")).collect();
    json!({"method": asked.method, "path": asked.path, "headers": headers,
        "body": String::from_utf8_lossy(&asked.body)})
}
