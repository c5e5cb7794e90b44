//! Fakes that others wrote stand in for the vendors: what they answer reaches the caller, what they break the caller is
//! told, and one of them judges how the gateway took it.

use serde_json::{Value, json};

use crate::{
    peers::{Server, peers},
    rest::sent,
    support::{TestGateway, start_gateway},
};

/// An argument of a provider.
type Argument = (&'static str, &'static str);

/// A vendor as aimock has it: provider type, what follows the fake's address, arguments beside the key.
const AIMOCK: &[(&str, &str, &[Argument])] = &[
    ("anthropic", "", &[]),
    ("azure-openai", "", &[("api_version", "2024-10-21")]),
    ("cohere", "", &[]),
    ("gemini", "", &[]),
    ("ollama", "", &[]),
    ("openai", "/v1", &[]),
];

/// A vendor as LLMock has it: provider type, what follows the fake's address, after how many events of a stream there is
/// content and no end yet.
const LLMOCK: &[(&str, &str, u8)] = &[
    ("anthropic", "/anthropic", 4),
    ("cohere", "/cohere", 3),
    ("gemini", "/gemini", 3),
    ("groq", "/groq/openai/v1", 3),
    ("mistral", "/mistral/v1", 3),
    ("openai", "/v1", 3),
    ("xai", "/xai/v1", 3),
];

/// For which provider type aimock counts no tokens.
const UNCOUNTED: &str = "ollama";

const GREETING: &str = "Hello there, friend. How may I help?";

async fn add(
    gateway: &TestGateway,
    kind: &str,
    name: &str,
    base_url: &str,
    more: &[(&str, &str)],
    alias: &str,
) {
    let mut data = json!({"apikey": "upstream-secret-0123456789", "base_url": base_url});
    for (argument, value) in more {
        data[argument] = (*value).into();
    }
    let call = |path: String, body| sent(gateway.request("POST", &format!("/ml/gateway/v1{path}"), body));
    let (status, made) = call(format!("/providers/{kind}"), json!({"name": name, "data": data})).await;
    assert_eq!(status, 201, "{kind}: {made}");
    let uuid = made["uuid"].as_str().expect("a uuid");
    let body = json!({"id": "some-model", "alias": alias});
    let (status, made) = call(format!("/providers/{uuid}/models"), body).await;
    assert_eq!(status, 201, "{kind}: {made}");
}

/// Asks with this alias, text and tool.
fn ask(alias: &str, text: &str, stream: bool) -> Value {
    let mut body = json!({"model": alias, "messages": [{"role": "user", "content": text}], "stream": stream,
        "max_tokens": 100});
    if text.contains("weather") {
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}});
        body["tools"] =
            json!([{"type": "function", "function": {"name": "get_weather", "parameters": schema}}]);
    }
    if stream {
        body["stream_options"] = json!({"include_usage": true});
    }
    body
}

async fn chat(gateway: &TestGateway, alias: &str, text: &str) -> (u16, Value) {
    sent(gateway.post("/v1/chat/completions", &ask(alias, text, false))).await
}

/// The events of a stream, and whether it ended with `[DONE]`.
async fn stream(gateway: &TestGateway, alias: &str, text: &str) -> (Vec<Value>, bool) {
    let answer =
        gateway.post("/v1/chat/completions", &ask(alias, text, true)).send().await.expect("an answer");
    let text = answer.text().await.expect("text");
    let payloads: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    let done = payloads.last() == Some(&"[DONE]");
    let events = payloads.iter().filter(|data| **data != "[DONE]");
    (events.map(|data| serde_json::from_str(data).expect("JSON")).collect(), done)
}

/// All that stands at this place in the deltas of a stream, joined.
fn joined(events: &[Value], pointer: &str) -> String {
    let places = events.iter().map(|event| event.pointer(&format!("/choices/0/delta/{pointer}")));
    places.flatten().filter_map(Value::as_str).collect()
}

fn finish(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event.pointer("/choices/0/finish_reason")?.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_aimock_answers_for_each_vendor_reaches_the_caller() {
    let Some(peers) = peers() else { return };
    let fake = Server::start(&peers, "aimock.mjs");
    let gateway = start_gateway().await;
    for (kind, path, more) in AIMOCK {
        add(&gateway, kind, kind, &format!("{}{path}", fake.url), more, kind).await;

        let (status, answer) = chat(&gateway, kind, "hello").await;
        assert_eq!(status, 200, "{kind}: {answer}");
        assert_eq!(answer["choices"][0]["message"]["content"], GREETING, "{kind}");
        assert_eq!(answer["choices"][0]["finish_reason"], "stop", "{kind}");
        let (read, written) = if *kind == UNCOUNTED { (0, 0) } else { (11, 7) };
        assert_eq!(answer["usage"]["prompt_tokens"], read, "{kind}: {answer}");
        assert_eq!(answer["usage"]["completion_tokens"], written, "{kind}: {answer}");

        let (events, done) = stream(&gateway, kind, "hello").await;
        assert!(done, "{kind}: {events:?}");
        assert_eq!(joined(&events, "content"), GREETING, "{kind}");
        assert!(events.len() > 4, "{kind} streams in pieces: {events:?}");
        assert_eq!(finish(&events), ["stop"], "{kind}");

        let (status, answer) = chat(&gateway, kind, "weather").await;
        assert_eq!(status, 200, "{kind}: {answer}");
        let call = &answer["choices"][0]["message"]["tool_calls"][0];
        let arguments: Value =
            serde_json::from_str(call["function"]["arguments"].as_str().expect("text")).expect("JSON");
        assert_eq!(
            (&call["function"]["name"], &arguments),
            (&json!("get_weather"), &json!({"city": "Rome", "days": 2}))
        );
        assert!(call["id"].as_str().is_some_and(|id| !id.is_empty()), "{kind}: {call}");
        assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls", "{kind}");

        let (events, done) = stream(&gateway, kind, "weather").await;
        assert!(done, "{kind}: {events:?}");
        let streamed: Value = serde_json::from_str(&joined(&events, "tool_calls/0/function/arguments"))
            .unwrap_or_else(|error| panic!("{kind}: {error}: {events:#?}"));
        assert_eq!(streamed, arguments, "{kind}");
        assert_eq!(joined(&events, "tool_calls/0/function/name"), "get_weather", "{kind}");
        assert_eq!(finish(&events), ["tool_calls"], "{kind}");

        let (status, answer) = chat(&gateway, kind, "limit").await;
        assert_eq!((status, &answer["error"]["type"]), (429, &json!("rate_limit_error")), "{kind}: {answer}");
        println!("ok aimock {kind}");
    }
}

async fn break_next(fake: &Server, behaviour: Value) {
    let body = json!({"behaviors": [behaviour]}).to_string();
    let request = reqwest::Client::new().post(format!("{}/_llmock/scenario", fake.url));
    let (status, told) = sent(request.header("content-type", "application/json").body(body)).await;
    assert_eq!(status, 201, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_llmock_breaks_is_told_and_its_verdict_on_retries_is_clean() {
    let Some(peers) = peers() else { return };
    let fake = Server::start(&peers, "llmock_server.py");
    let gateway = start_gateway().await;
    for (kind, path, whole) in LLMOCK {
        let base_url = format!("{}{path}", fake.url);
        add(&gateway, kind, kind, &base_url, &[], kind).await;

        let (status, answer) = chat(&gateway, kind, "one").await;
        let text = answer["choices"][0]["message"]["content"].as_str().unwrap_or_default();
        assert!(status == 200 && !text.is_empty(), "{kind}: {answer}");
        let (events, done) = stream(&gateway, kind, "two").await;
        assert!(done && !joined(&events, "content").is_empty(), "{kind}: {events:?}");
        assert_eq!(finish(&events), ["stop"], "{kind}");

        break_next(&fake, json!({"type": "fail", "status": 429, "retry_after": 7})).await;
        let response = gateway.post("/v1/chat/completions", &ask(kind, "three", false)).send().await;
        let response = response.expect("an answer");
        assert_eq!(
            (response.status().as_u16(), &response.headers()["retry-after"]),
            (429, &"7".parse().unwrap())
        );

        for (status, expected) in [(503, 502), (400, 400), (401, 424)] {
            break_next(&fake, json!({"type": "fail", "status": status})).await;
            let (got, answer) = chat(&gateway, kind, &format!("fails with {status}")).await;
            assert_eq!(got, expected, "{kind}: {answer}");
        }
        for (fault, code) in [
            ("disconnect", "stream_truncated"),
            ("truncate", "stream_truncated"),
            ("malformed", "provider_bad_answer"),
        ] {
            break_next(&fake, json!({"type": "stream_fault", "kind": fault, "after_chunks": whole})).await;
            let (events, done) = stream(&gateway, kind, fault).await;
            let last = events.last().expect("an event");
            assert!(!done && last["error"]["code"] == code, "{kind} {fault}: {last}");
            assert!(finish(&events).is_empty(), "{kind} {fault}: no finish is invented");
        }

        // Two targets of one group: what fails before its first content is served by the other. Without a Retry-After, as
        // the judge takes both for one.
        let group = format!("{kind}-group");
        for name in ["first", "second"] {
            add(&gateway, kind, &format!("{kind} {name}"), &base_url, &[], &group).await;
        }
        break_next(&fake, json!({"type": "fail", "status": 500})).await;
        let (events, done) = stream(&gateway, &group, "again").await;
        assert!(done && finish(&events) == ["stop"], "{kind}: {events:?}");
        println!("ok llmock {kind}");
    }
    let (_, verdict) = sent(reqwest::Client::new().get(format!("{}/_llmock/verdict", fake.url))).await;
    // A stream that is cut after its first content is not retried by design; that the caller is told was tested above.
    let cut = ["truncated_stream_accepted"];
    let errors: Vec<_> = verdict["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter(|found| found["severity"] == "error" && !cut.iter().any(|code| found["code"] == *code))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert!(verdict["faults_injected"].as_u64() >= Some(8 * LLMOCK.len() as u64), "{verdict}");
}
