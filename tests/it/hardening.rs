//! What readers, upstreams and operators do that nobody should.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic_types::StatusExt as _;

use crate::{
    faults::{last_error, partial, reason},
    program::Gateway,
    streaming::{read_grpc, read_rest},
    support::{
        ADMIN_KEY, FakeUpstream, PATIENCE, Step, TestGateway, chat, chat_answer, json_answer, piece, spawn,
        start_gateway, start_gateway_with, stream_answer, stream_head, text_event,
    },
};

const EAST: &[&str] = &["provider=\"east\""];

async fn gateway_with(upstream: &FakeUpstream, flags: &[&str]) -> TestGateway {
    let gateway = start_gateway_with(flags).await;
    gateway.add_upstream("east", &upstream.base_url, "m").await;
    gateway
}

/// An upstream whose streams never end and never pause.
async fn flood(event: String) -> FakeUpstream {
    let flood = vec![Step::Send(stream_head()), Step::Flood(piece(event))];
    FakeUpstream::start(move |_| flood.clone()).await
}

// === readers ===

/// Nobody polls the stream of such a reader, and its connection looks alive.
#[tokio::test]
async fn a_reader_that_stopped_reading_gives_its_lease_back_at_the_deadline() {
    let upstream = flood(text_event(&"x".repeat(60_000))).await;
    let limited = gateway_with(&upstream, &["--total-seconds", "0.7"]).await;
    let patient = gateway_with(&upstream, &[]).await;
    for (gateway, deadline) in [(&limited, None), (&patient, Some(Duration::from_millis(700)))] {
        let mut request = tonic::Request::new(chat("m", "Hi"));
        if let Some(deadline) = deadline {
            request.set_timeout(deadline);
        }
        let mut stream =
            gateway.client.inference().stream_chat(request).await.expect("a stream").into_inner();
        stream.message().await.expect("no error").expect("a chunk");
        gateway.metric_becomes("sluicegate_in_flight", EAST, 1.0).await;
        // The reader does not read, and does not leave.
        gateway.metric_becomes("sluicegate_in_flight", EAST, 0.0).await;
        gateway.metric_becomes("sluicegate_calls_total", &["outcome=\"deadline_exceeded\""], 1.0).await;
        let end = loop {
            match stream.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the stream ended as if it were finished"),
                Err(status) => break status,
            }
        };
        assert_eq!(reason(&end), "DEADLINE_EXCEEDED", "{end:?}");
        assert_eq!(end.get_details_error_info().expect("details").metadata["provider"], "east");
        assert!(partial(&end).expect("what was delivered").chunks > 0);
    }

    let body = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "Hi"}]});
    let response = limited.post("/v1/chat/completions", &body).send().await.expect("an answer");
    limited.metric_becomes("sluicegate_in_flight", EAST, 1.0).await;
    limited.metric_becomes("sluicegate_in_flight", EAST, 0.0).await;
    upstream.closed(3).await;
    let body = response.text().await.expect("a clean end");
    assert_eq!(last_error(&body)["code"], "deadline_exceeded");
    assert!(!body.contains("[DONE]"));
}

/// Some send a line end after the body, some their next request.
#[tokio::test]
async fn a_caller_that_leaves_is_noticed_whatever_it_sent_after_its_request() {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]}).to_string();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ADMIN_KEY}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    for rest in [String::new(), "\r\n".to_owned(), request.repeat(3), request.repeat(100)] {
        let upstream = FakeUpstream::start(|_| vec![Step::Hold]).await;
        let gateway = gateway_with(&upstream, &[]).await;
        let address = gateway.url.trim_start_matches("http://");
        let mut socket = tokio::net::TcpStream::connect(address).await.expect("a connection");
        socket.write_all(format!("{request}{rest}").as_bytes()).await.expect("written");
        upstream.arrived(1).await;
        // What comes in later is no sign of leaving.
        socket.write_all(b"\r\n").await.expect("written");
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(gateway.metric("sluicegate_in_flight", EAST).await, 1.0);
        drop(socket);
        let took = upstream.closed(1).await;
        assert!(took < Duration::from_millis(100), "{} bytes more: {took:?}", rest.len());
        gateway.metric_becomes("sluicegate_in_flight", EAST, 0.0).await;
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_and_whole() {
    let upstream = FakeUpstream::answering(chat_answer("Hello")).await;
    let gateway = gateway_with(&upstream, &[]).await;
    let mut requests = String::new();
    for number in 0..40 {
        let text = format!("{number}{}", "x".repeat(1000));
        let body = json!({"model": "m", "messages": [{"role": "user", "content": text}]}).to_string();
        let last = if number == 39 { "connection: close\r\n" } else { "" };
        requests += &format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ADMIN_KEY}\r\n{last}\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
    }
    let address = gateway.url.trim_start_matches("http://");
    let mut socket = tokio::net::TcpStream::connect(address).await.expect("a connection");
    socket.write_all(requests.as_bytes()).await.expect("written");
    let mut answers = String::new();
    let read = tokio::time::timeout(PATIENCE, socket.read_to_string(&mut answers)).await;
    read.expect("the last answer closes").expect("text");
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 40);
    let numbers = upstream.requests().into_iter().map(|request| {
        let body: serde_json::Value = serde_json::from_slice(&request.body).expect("JSON");
        body["messages"][0]["content"].as_str().expect("text").trim_end_matches('x').parse::<usize>()
    });
    assert!(numbers.map(|number| number.expect("a number")).eq(0..40));
}

#[tokio::test]
async fn a_name_of_any_length_costs_its_caller_one_short_error() {
    let upstream = FakeUpstream::answering(json_answer(
        400,
        &json!({"error": {"message": "no", "code": "c".repeat(60_000), "param": "p".repeat(60_000)}})
            .to_string(),
    ))
    .await;
    let gateway = gateway_with(&upstream, &[]).await;
    let huge = "\u{e9}".repeat(2 << 20);
    for (model, expected) in [(huge.as_str(), "MODEL_NOT_FOUND"), ("m", "PROVIDER_REJECTED")] {
        // More than a client takes in trailers would end its whole connection.
        let status = gateway.client.inference().chat(chat(model, "Hi")).await.expect_err("an error");
        assert_eq!(reason(&status), expected, "{}", status.message().len());
        assert!(status.message().len() + status.details().len() < 8 << 10);
        let body = json!({"model": model, "messages": [{"role": "user", "content": "Hi"}]});
        let response = gateway.post("/v1/chat/completions", &body).send().await.expect("an answer");
        assert!(response.text().await.expect("text").len() < 8 << 10, "{expected}");
    }
}

#[tokio::test]
async fn rest_names_a_wrong_field_as_openai_spells_it() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let cases = [
        ("/v1/embeddings", json!({"model": "demo", "input": ["a", ""]}), "input[1]"),
        ("/v1/embeddings", json!({"model": "demo", "input": []}), "input"),
        ("/v1/completions", json!({"model": "demo", "prompt": [[]]}), "prompt[0]"),
        ("/v1/completions", json!({"model": "demo", "prompt": [], "stream": true}), "prompt"),
    ];
    for (path, body, param) in cases {
        let response = gateway.post(path, &body).send().await.expect("an answer");
        assert_eq!(response.status().as_u16(), 400, "{body}");
        let error: serde_json::Value =
            serde_json::from_str(&response.text().await.expect("text")).expect("JSON");
        assert_eq!(error["error"]["param"], param, "{error}");
    }
}

// === upstreams ===

/// Closes the connection under every request but the first, in that `order` of requests.
async fn closing_under(order: &'static [usize], answer: Vec<u8>) -> FakeUpstream {
    let count = AtomicUsize::new(0);
    FakeUpstream::start(move |_| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        if order.contains(&number) { vec![Step::Close] } else { vec![Step::Send(answer.clone())] }
    })
    .await
}

#[tokio::test]
async fn a_call_that_a_stale_connection_lost_is_sent_again_once() {
    // The second request comes over the kept connection and is lost with it, the third is its second sending.
    let upstream = closing_under(&[1], chat_answer("Hello")).await;
    let gateway = gateway_with(&upstream, &[]).await;
    for _ in 0..2 {
        gateway.client.inference().chat(chat("m", "Hi")).await.expect("an answer");
    }
    assert_eq!(upstream.requests().len(), 3);
    assert_eq!(upstream.requests()[1].body, upstream.requests()[2].body);

    let upstream = closing_under(&[1], stream_answer(&["Hello"])).await;
    let gateway = gateway_with(&upstream, &[]).await;
    for _ in 0..2 {
        let (text, _, end) = read_grpc(&gateway, "m").await;
        end.expect("OK trailers");
        assert_eq!(text, "Hello");
    }

    let upstream = closing_under(&[1, 2], chat_answer("Hello")).await;
    let gateway = gateway_with(&upstream, &[]).await;
    gateway.client.inference().chat(chat("m", "Hi")).await.expect("an answer");
    let status = gateway.client.inference().chat(chat("m", "Hi")).await.expect_err("an error");
    assert_eq!(reason(&status), "PROVIDER_UNAVAILABLE");
    assert_eq!(upstream.requests().len(), 3, "once");
}

#[tokio::test]
async fn a_call_that_a_new_connection_lost_may_have_been_worked_on_and_is_not_sent_again() {
    let upstream = closing_under(&[0], chat_answer("Hello")).await;
    let gateway = gateway_with(&upstream, &[]).await;
    let status = gateway.client.inference().chat(chat("m", "Hi")).await.expect_err("an error");
    assert_eq!(reason(&status), "PROVIDER_UNAVAILABLE");
    assert_eq!(upstream.requests().len(), 1);
}

#[tokio::test]
async fn a_document_in_place_of_a_stream_is_told_as_what_it_is() {
    let quota = r#"{"error": {"message": "the vendor's words", "code": "insufficient_quota"}}"#;
    let html = "\n <html>please log in</html>";
    let cases = [
        ("an answer in one piece", chat_answer("Hello"), "PROVIDER_BAD_ANSWER", "one document"),
        ("a page", json_answer(200, html), "PROVIDER_BAD_ANSWER", "one document"),
        ("an error", json_answer(200, quota), "PROVIDER_RATE_LIMITED", "the vendor's words"),
        (
            "a long one",
            json_answer(200, &format!("[{}1]", "1,".repeat(100_000))),
            "PROVIDER_BAD_ANSWER",
            "one",
        ),
    ];
    for (name, answer, expected, words) in cases {
        let upstream = FakeUpstream::answering(answer).await;
        let gateway = gateway_with(&upstream, &[]).await;
        let (text, _, end) = read_grpc(&gateway, "m").await;
        let status = end.expect_err(name);
        assert_eq!((text.as_str(), reason(&status).as_str()), ("", expected), "{name}: {status:?}");
        assert!(status.message().contains(words), "{name}: {status:?}");
        let (status, body) = read_rest(&gateway, "m").await;
        assert!(status >= 400 && body.contains(words), "{name}: {status} {body}");
    }
}

// === operators ===

#[tokio::test]
async fn streams_that_outlive_the_grace_period_say_so() {
    let script = vec![Step::Send([stream_head(), piece(text_event("one"))].concat()), Step::Hold];
    let upstream = FakeUpstream::start(move |_| script.clone()).await;
    let gateway = gateway_with(&upstream, &["--grace-seconds", "0.3"]).await;
    let mut stream =
        gateway.client.inference().stream_chat(chat("m", "Hi")).await.expect("a stream").into_inner();
    stream.message().await.expect("no error").expect("a chunk");
    let body = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "Hi"}]});
    let response = gateway.post("/v1/chat/completions", &body).send().await.expect("an answer");

    let (ended, end) = tokio::sync::oneshot::channel();
    let app = gateway.app;
    spawn(async move {
        app.stop().await;
        ended.send(()).expect("the test waits");
    });
    let status = stream.message().await.expect_err("an error");
    assert_eq!((status.code(), reason(&status).as_str()), (tonic::Code::Unavailable, "OVERLOADED"));
    assert_eq!(partial(&status).expect("what was delivered").chunks, 1);
    let body = response.text().await.expect("a clean end");
    assert_eq!(last_error(&body)["code"], "overloaded", "{body}");
    assert!(!body.contains("[DONE]"));
    tokio::time::timeout(PATIENCE, end).await.expect("the gateway ends").expect("a sender");
}

#[tokio::test]
async fn a_second_signal_ends_the_drain() {
    let script = vec![Step::Send([stream_head(), piece(text_event("one"))].concat()), Step::Hold];
    let upstream = FakeUpstream::start(move |_| script.clone()).await;
    let data = tempfile::tempdir().expect("a folder");
    let seed = json!([
        {"createProvider": {"provider": {"name": "east", "type": "custom", "baseUrl": upstream.base_url}}},
        {"createModel": {"model": {"provider": "east", "upstreamId": "m"}}}
    ]);
    let seed_file = data.path().join("seed.json");
    std::fs::write(&seed_file, seed.to_string()).expect("the seed file");
    let seed_file = seed_file.to_str().expect("a path");
    let arguments = ["--grace-seconds", "600", "--config", seed_file];
    let mut process = Gateway::start(&data.path().join("data"), &arguments);

    let client = sluicegate_client::Gateway::connect(&process.url, ADMIN_KEY).await.expect("a connection");
    let mut stream = client.inference().stream_chat(chat("m", "Hi")).await.expect("a stream").into_inner();
    stream.message().await.expect("no error").expect("a chunk");
    process.signal("-TERM");
    assert!(
        tokio::time::timeout(Duration::from_millis(500), stream.message()).await.is_err(),
        "the first signal leaves calls in flight alone"
    );
    process.signal("-INT");
    let end = tokio::time::timeout(PATIENCE, stream.message()).await.expect("the second does not");
    assert_eq!(reason(&end.expect_err("an error")), "OVERLOADED");
    let exit = tokio::task::spawn_blocking(move || process.process.wait().expect("it ends"));
    let exit = tokio::time::timeout(PATIENCE, exit).await.expect("it ends soon").expect("no panic");
    assert!(exit.success(), "{exit}");
}
