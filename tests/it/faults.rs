//! What an upstream can do wrong, and what callers see of it on both edges.

use serde_json::{Value, json};
use sluicegate_client::v1;
use tonic_types::StatusExt as _;

use crate::{
    streaming::{read_grpc, read_rest, rest_text},
    support::{
        ADMIN_KEY, DONE, FakeUpstream, Step, TestGateway, chat, chat_answer, clean_end, event, finish_event,
        json_answer, piece, start_gateway, start_gateway_with, stream_answer, stream_head, text_event,
    },
};

/// The reason that a status carries.
pub fn reason(status: &tonic::Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// What a broken stream says that it had delivered.
pub fn partial(status: &tonic::Status) -> Option<v1::PartialResult> {
    use prost::Message as _;
    let details = tonic_types::pb::Status::decode(status.details()).ok()?.details;
    let any = details.into_iter().find(|any| any.type_url.ends_with("sluicegate.v1.PartialResult"))?;
    v1::PartialResult::decode(any.value.as_slice()).ok()
}

/// The error at the end of a REST stream.
pub fn last_error(body: &str) -> Value {
    let data = body.trim_end().rsplit("data: ").next().expect("an event");
    serde_json::from_str::<Value>(data).unwrap_or_else(|_| panic!("the last event is no JSON: {body}"))["error"].clone()
}

/// Two texts, and then `end`.
fn broken_stream(end: Vec<Step>) -> impl Fn(&crate::support::Received) -> Vec<Step> + Send + Sync {
    move |_| {
        let start = [stream_head(), piece(text_event("Hel")), piece(text_event("lo"))].concat();
        [vec![Step::Send(start)], end.clone()].concat()
    }
}

async fn gateway_with(upstream: &FakeUpstream, flags: &[&str]) -> TestGateway {
    let gateway = start_gateway_with(flags).await;
    gateway.add_upstream("east", &upstream.base_url, "m").await;
    gateway
}

#[tokio::test]
async fn every_broken_stream_ends_as_a_typed_error_on_both_edges() {
    let half_line = text_event("never")[..20].to_owned();
    let malformed = piece("data: {\"choices\": [{\"index\": 0, \"delta\"\n\n");
    let in_band =
        piece(event(&json!({"error": {"message": "out of luck", "type": "server_error", "code": null}})));
    let cases = [
        ("torn down", vec![Step::Reset], "STREAM_TRUNCATED", "stream_truncated"),
        ("closed without the end of the body", vec![Step::Close], "STREAM_TRUNCATED", "stream_truncated"),
        (
            "clean end before the finish",
            vec![Step::Send(clean_end())],
            "STREAM_TRUNCATED",
            "stream_truncated",
        ),
        (
            "clean end in the middle of a line",
            vec![Step::Send([piece(half_line), clean_end()].concat())],
            "STREAM_TRUNCATED",
            "stream_truncated",
        ),
        (
            "malformed event",
            vec![Step::Send(malformed), Step::Hold],
            "PROVIDER_BAD_ANSWER",
            "provider_bad_answer",
        ),
        ("silence", vec![Step::Hold], "PROVIDER_TIMEOUT", "provider_timeout"),
        (
            "error in the stream",
            vec![Step::Send(in_band), Step::Hold],
            "PROVIDER_UNAVAILABLE",
            "provider_unavailable",
        ),
    ];
    for (name, end, expected_reason, expected_code) in cases {
        let upstream = FakeUpstream::start(broken_stream(end)).await;
        let gateway = gateway_with(&upstream, &["--idle-seconds", "0.3"]).await;

        let (text, _, end) = read_grpc(&gateway, "m").await;
        let status = end.expect_err(name);
        assert_eq!(text, "Hello", "{name}: what came before is delivered");
        assert_eq!(reason(&status), expected_reason, "{name}: {status:?}");
        assert_eq!(partial(&status).expect(name).chunks, 2, "{name}");

        let (status, body) = read_rest(&gateway, "m").await;
        assert_eq!((status, rest_text(&body).as_str()), (200, "Hello"), "{name}");
        assert!(!body.contains("[DONE]"), "{name}: {body}");
        assert_eq!(last_error(&body)["code"], expected_code, "{name}: {body}");
        gateway.metric_becomes("sluicegate_in_flight", &[], 0.0).await;
        let outcome = format!("outcome=\"{}\"", expected_reason.to_lowercase());
        gateway.metric_becomes("sluicegate_calls_total", &[&outcome], 2.0).await;
    }
}

#[tokio::test]
async fn a_stream_that_fails_before_its_first_content_is_a_plain_error() {
    let role = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": null}]});
    let upstream = FakeUpstream::start(move |_| {
        vec![Step::Send([stream_head(), piece(event(&role))].concat()), Step::Reset]
    })
    .await;
    let gateway = gateway_with(&upstream, &[]).await;
    let (text, _, end) = read_grpc(&gateway, "m").await;
    assert_eq!((text.as_str(), reason(&end.expect_err("an error")).as_str()), ("", "STREAM_TRUNCATED"));
    let (status, body) = read_rest(&gateway, "m").await;
    assert_eq!(status, 502, "{body}");
}

#[tokio::test]
async fn an_upstream_status_becomes_the_right_error() {
    let vendor = r#"{"error": {"message": "the vendor's words", "type": "x", "param": "temperature", "code": "its_code"}}"#;
    let cases = [
        (400, tonic::Code::InvalidArgument, "PROVIDER_REJECTED", 400),
        (401, tonic::Code::FailedPrecondition, "PROVIDER_AUTH_FAILED", 424),
        (403, tonic::Code::FailedPrecondition, "PROVIDER_AUTH_FAILED", 424),
        (404, tonic::Code::NotFound, "UPSTREAM_MODEL_NOT_FOUND", 404),
        (413, tonic::Code::InvalidArgument, "PROVIDER_REJECTED", 400),
        (422, tonic::Code::InvalidArgument, "PROVIDER_REJECTED", 400),
        (429, tonic::Code::ResourceExhausted, "PROVIDER_RATE_LIMITED", 429),
        (500, tonic::Code::Unavailable, "PROVIDER_UNAVAILABLE", 502),
        (503, tonic::Code::Unavailable, "PROVIDER_UNAVAILABLE", 502),
        (529, tonic::Code::Unavailable, "PROVIDER_UNAVAILABLE", 502),
        (302, tonic::Code::Unavailable, "PROVIDER_BAD_ANSWER", 502),
    ];
    for (upstream_status, code, expected_reason, http) in cases {
        let upstream = FakeUpstream::answering(json_answer(upstream_status, vendor)).await;
        let gateway = gateway_with(&upstream, &[]).await;
        let status = gateway.client.inference().chat(chat("m", "Hi")).await.expect_err("an error");
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (code, expected_reason),
            "{upstream_status}: {status:?}"
        );
        let info = status.get_details_error_info().expect("details");
        assert_eq!(info.metadata["upstream_status"], upstream_status.to_string());
        assert_eq!(info.metadata["provider"], "east");

        let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
        let response = gateway.post("/v1/chat/completions", &body).send().await.expect("an answer");
        assert_eq!(response.status().as_u16(), http, "{upstream_status}");
        let text = response.text().await.expect("text");
        if (400..500).contains(&upstream_status) {
            assert!(text.contains("the vendor's words"), "{upstream_status}: {text}");
            assert!(text.contains("its_code"), "{upstream_status}: {text}");
        }
    }
}

#[tokio::test]
async fn a_limit_of_the_provider_says_when_to_come_back() {
    let answer = b"HTTP/1.1 429 Any\r\nretry-after: 7\r\ncontent-length: 2\r\n\r\n{}".to_vec();
    let upstream = FakeUpstream::answering(answer).await;
    let gateway = gateway_with(&upstream, &[]).await;
    let status = gateway.client.inference().chat(chat("m", "Hi")).await.expect_err("an error");
    let retry = status.get_details_retry_info().expect("RetryInfo");
    assert_eq!(retry.retry_delay.expect("a delay").as_secs(), 7);
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    let response = gateway.post("/v1/chat/completions", &body).send().await.expect("an answer");
    assert_eq!(response.headers()["retry-after"], "7");
}

#[tokio::test]
async fn a_redirect_is_never_followed() {
    let trap = FakeUpstream::answering(chat_answer("stolen")).await;
    let answer = format!(
        "HTTP/1.1 307 Any\r\nlocation: {}/chat/completions\r\ncontent-length: 0\r\n\r\n",
        trap.base_url
    );
    let upstream = FakeUpstream::answering(answer).await;
    let gateway = gateway_with(&upstream, &[]).await;
    let status = gateway.client.inference().chat(chat("m", "Hi")).await.expect_err("an error");
    assert_eq!(reason(&status), "PROVIDER_BAD_ANSWER");
    assert!(trap.requests().is_empty());
}

#[tokio::test]
async fn the_callers_deadline_is_kept() {
    let upstream = FakeUpstream::start(|_| vec![Step::Hold]).await;
    let gateway = gateway_with(&upstream, &[]).await;
    let mut request = tonic::Request::new(chat("m", "Hi"));
    request.set_timeout(std::time::Duration::from_millis(150));
    let status = gateway.client.inference().chat(request).await.expect_err("an error");
    // tonic's client watches the deadline too; the gateway's own record tells that it did as well.
    assert!(matches!(status.code(), tonic::Code::DeadlineExceeded | tonic::Code::Cancelled), "{status:?}");
    upstream.closed(1).await;
    gateway.metric_becomes("sluicegate_in_flight", &[], 0.0).await;
}

#[tokio::test]
async fn nothing_listens_there_is_told_apart() {
    let gateway = start_gateway().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    gateway.add_upstream("east", &format!("http://{free}/v1"), "m").await;
    let status = gateway.client.inference().chat(chat("m", "Hi")).await.expect_err("an error");
    assert_eq!(reason(&status), "PROVIDER_UNAVAILABLE");
    assert!(status.message().contains("could not connect"), "{status:?}");
}

#[tokio::test]
async fn a_failed_target_is_replaced_before_the_first_content_and_never_after() {
    let good = FakeUpstream::answering(stream_answer(&["Hello"])).await;
    let faults: [(&str, Vec<Step>); 3] = [
        ("500", vec![Step::Send(json_answer(500, "{}"))]),
        ("429", vec![Step::Send(json_answer(429, "{}"))]),
        ("reset", vec![Step::Reset]),
    ];
    for (name, fault) in faults {
        let bad = FakeUpstream::start(move |_| fault.clone()).await;
        let gateway = gateway_with(&bad, &[]).await;
        gateway.add_upstream("west", &good.base_url, "m").await;
        // Ties are rotated: of two calls at least one meets the bad target first.
        for _ in 0..2 {
            let (text, _, end) = read_grpc(&gateway, "m").await;
            end.unwrap_or_else(|status| panic!("{name}: {status:?}"));
            assert_eq!(text, "Hello", "{name}");
        }
        assert!(!bad.requests().is_empty(), "{name}: the bad target was asked");
    }

    let cut = FakeUpstream::start(broken_stream(vec![Step::Reset])).await;
    let gateway = gateway_with(&cut, &[]).await;
    gateway.add_upstream("west", &good.base_url, "m").await;
    let mut texts = Vec::new();
    for _ in 0..2 {
        let (text, _, end) = read_grpc(&gateway, "m").await;
        texts.push((text, end.is_ok()));
    }
    texts.sort();
    assert_eq!(
        texts,
        [("Hello".to_owned(), false), ("Hello".to_owned(), true)],
        "no text twice, no error hidden"
    );
}

#[tokio::test]
async fn attempts_and_what_served_stand_in_the_head() {
    let bad = FakeUpstream::answering(json_answer(500, "{}")).await;
    let good = FakeUpstream::answering(chat_answer("Hello")).await;
    let gateway = gateway_with(&bad, &[]).await;
    gateway.add_upstream("west", &good.base_url, "m").await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let response = gateway.client.inference().chat(chat("m", "Hi")).await.expect("an answer");
        let metadata = response.metadata();
        assert_eq!(metadata.get("x-sluicegate-provider").expect("provider"), "west");
        assert_eq!(metadata.get("x-sluicegate-model").expect("model"), "m");
        assert!(metadata.get("x-sluicegate-revision").is_some() && metadata.get("x-request-id").is_some());
        seen.push(
            metadata.get("x-sluicegate-attempts").expect("attempts").to_str().expect("text").to_owned(),
        );
    }
    assert!(seen.contains(&"2".to_owned()), "{seen:?}");
}

#[tokio::test]
async fn a_stored_credential_goes_to_its_provider_and_nowhere_else() {
    let canary = "sk-canary-7f3a9c1e5b2d8046";
    let upstream = FakeUpstream::answering(json_answer(401, r#"{"error": {"message": "bad key"}}"#)).await;
    let gateway = start_gateway().await;
    let secrets = v1::InlineSecrets { values: [("apikey".to_owned(), canary.to_owned())].into() };
    let provider = v1::Provider {
        name: "east".into(),
        r#type: "custom".into(),
        base_url: upstream.base_url.clone(),
        credential: Some(v1::Credential { source: Some(v1::credential::Source::Inline(secrets)) }),
        ..Default::default()
    };
    let created = gateway
        .client
        .providers()
        .create_provider(v1::CreateProviderRequest { provider: Some(provider) })
        .await;
    assert!(!format!("{created:?}").contains(canary));
    gateway.add_model("east", "upstream-model", "m", None).await;
    let status = gateway.client.inference().chat(chat("m", "Hi")).await.expect_err("an error");
    assert!(!format!("{status:?}").contains(canary));
    let head = upstream.requests()[0].head.clone();
    assert!(head.contains(&format!("authorization: Bearer {canary}")), "{head}");
    assert!(!head.contains(ADMIN_KEY), "the caller's key stays here: {head}");
    let files = std::fs::read_dir(gateway.data.path()).expect("the data folder");
    for file in files {
        let bytes = std::fs::read(file.expect("a file").path()).expect("its bytes");
        assert!(
            !bytes.windows(canary.len()).any(|window| window == canary.as_bytes()),
            "the store holds it in the clear"
        );
    }
}

/// Some vendors repeat the key that they refuse, and not only where they say so by a status.
#[tokio::test]
async fn the_vendors_own_id_of_a_request_is_told_on_both_edges() {
    let body = r#"{"error": {"message": "no", "code": null}}"#;
    let head = format!(
        "HTTP/1.1 500 Oops\r\ncontent-type: application/json\r\nx-request-id: their-7\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let upstream = FakeUpstream::answering([head.as_bytes(), body.as_bytes()].concat()).await;
    let gateway = gateway_with(&upstream, &[]).await;
    let status = gateway.client.inference().chat(chat("m", "Hi")).await.expect_err("an error");
    let info = status.get_details_error_info().expect("an ErrorInfo");
    assert_eq!(info.metadata.get("upstream_request_id").map(String::as_str), Some("their-7"));
    let asked = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    let answer = gateway.post("/v1/chat/completions", &asked).send().await.expect("an answer");
    let answer: Value = serde_json::from_str(&answer.text().await.expect("text")).expect("JSON");
    assert_eq!(answer["error"]["upstream_request_id"], "their-7", "{answer}");
}

#[tokio::test]
async fn a_credential_that_an_upstream_repeats_reaches_no_caller() {
    let canary = "sk-canary-7f3a9c1e5b2d8046";
    let error = json!({"error": {"message": format!("Incorrect API key: {canary}."), "code": canary, "param": canary}});
    let in_stream = |bytes: Vec<u8>| vec![Step::Send([stream_head(), bytes, clean_end()].concat())];
    let after_text = [piece(text_event("Hi")), piece(event(&error))].concat();
    let cases = [
        ("a status", vec![Step::Send(json_answer(401, &error.to_string()))]),
        ("200", vec![Step::Send(json_answer(200, &error.to_string()))]),
        ("an event", in_stream(piece(event(&error)))),
        ("an event after text", in_stream(after_text)),
        ("event: error", in_stream(piece(format!("event: error\n{}", event(&error))))),
        ("no JSON", in_stream(piece(event(&json!({"choices": canary}))))),
    ];
    for (name, steps) in cases {
        let upstream = FakeUpstream::start(move |_| steps.clone()).await;
        let gateway = start_gateway().await;
        let secrets = v1::InlineSecrets { values: [("apikey".to_owned(), canary.to_owned())].into() };
        let provider = v1::Provider {
            name: "east".into(),
            r#type: "custom".into(),
            base_url: upstream.base_url.clone(),
            credential: Some(v1::Credential { source: Some(v1::credential::Source::Inline(secrets)) }),
            ..Default::default()
        };
        let request = v1::CreateProviderRequest { provider: Some(provider) };
        gateway.client.providers().create_provider(request).await.expect("the provider is created");
        gateway.add_model("east", "upstream-model", "m", None).await;

        let unary = gateway.client.inference().chat(chat("m", "Hi")).await.expect_err(name);
        let (_, _, streamed) = read_grpc(&gateway, "m").await;
        let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
        let response = gateway.post("/v1/chat/completions", &body).send().await.expect("an answer");
        let (_, rest_stream) = read_rest(&gateway, "m").await;
        let tested =
            gateway.client.providers().test_provider(v1::TestProviderRequest { id: "east".into() }).await;
        let seen = [
            format!("{unary:?} {}", String::from_utf8_lossy(unary.details())),
            format!("{:?}", streamed.expect_err(name)),
            response.text().await.expect("text"),
            rest_stream,
            format!("{tested:?}"),
        ];
        assert!(upstream.requests()[0].head.contains(canary), "it was sent");
        for seen in seen {
            assert!(!seen.contains("canary"), "{name}: {seen}");
        }
        if ["a status", "200"].contains(&name) {
            assert!(unary.message().contains("Incorrect API key: [redacted]"), "{name}: {unary:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_only_looks_finished_counts_as_finished_once() {
    // No [DONE], as some vendors end: the finish reason is what counts.
    let answer = [stream_head(), piece(text_event("Hello")), piece(finish_event()), clean_end()].concat();
    let upstream = FakeUpstream::answering(answer).await;
    let gateway = gateway_with(&upstream, &[]).await;
    let (text, usages, end) = read_grpc(&gateway, "m").await;
    end.expect("OK trailers");
    assert_eq!((text.as_str(), usages.len()), ("Hello", 0));
    let (_, body) = read_rest(&gateway, "m").await;
    assert!(body.ends_with(DONE), "{body}");
}
