//! Streams never lie, cost nothing after their end, and wait for slow readers.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use serde_json::json;
use sluicegate_client::v1;
use tokio::sync::Notify;

use crate::support::{
    DONE, FakeUpstream, PATIENCE, Step, TestGateway, chat, chat_answer, clean_end, finish_event, json_answer,
    piece, start_gateway, stream_answer, stream_head, text_event, usage_event,
};

/// Reads a whole gRPC stream: its text, its usages, and how it ended.
pub async fn read_grpc(
    gateway: &TestGateway,
    model: &str,
) -> (String, Vec<v1::Usage>, Result<(), tonic::Status>) {
    let (mut text, mut usages) = (String::new(), Vec::new());
    let mut stream = match gateway.client.inference().stream_chat(chat(model, "Hi")).await {
        Ok(response) => response.into_inner(),
        Err(status) => return (text, usages, Err(status)),
    };
    loop {
        match stream.message().await {
            Ok(Some(chunk)) => {
                text.push_str(&sluicegate_client::text(&chunk));
                usages.extend(chunk.usage);
            }
            Ok(None) => return (text, usages, Ok(())),
            Err(status) => return (text, usages, Err(status)),
        }
    }
}

/// Reads a whole REST stream as it stands on the wire.
pub async fn read_rest(gateway: &TestGateway, model: &str) -> (u16, String) {
    let body = json!({"model": model, "stream": true, "messages": [{"role": "user", "content": "Hi"}]});
    let response = gateway.post("/v1/chat/completions", &body).send().await.expect("an answer");
    (response.status().as_u16(), response.text().await.expect("a clean end"))
}

/// The text of a REST stream.
pub fn rest_text(body: &str) -> String {
    let events = body.lines().filter_map(|line| line.strip_prefix("data: "));
    events
        .filter_map(|data| serde_json::from_str::<serde_json::Value>(data).ok())
        .filter_map(|chunk| Some(chunk["choices"][0]["delta"]["content"].as_str()?.to_owned()))
        .collect()
}

#[tokio::test]
async fn a_finished_stream_ends_well_on_both_edges() {
    let upstream = FakeUpstream::answering(stream_answer(&["Hel", "lo"])).await;
    let gateway = start_gateway().await;
    gateway.add_upstream("east", &upstream.base_url, "m").await;

    let (text, usages, end) = read_grpc(&gateway, "m").await;
    end.expect("OK trailers");
    assert_eq!(text, "Hello");
    assert_eq!(usages.len(), 1, "usage exactly once");
    assert_eq!((usages[0].input_tokens, usages[0].output_tokens), (7, 5));

    let (status, body) = read_rest(&gateway, "m").await;
    assert_eq!(status, 200);
    assert_eq!(rest_text(&body), "Hello");
    assert!(body.ends_with(DONE), "{body}");
    assert!(!body.contains("usage"), "usage is shown only when asked: {body}");
}

#[tokio::test]
async fn an_answer_has_an_identity_where_its_vendor_gives_none() {
    let nameless = |choice: serde_json::Value| json!({"choices": [choice]}).to_string();
    let answer = nameless(
        json!({"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}),
    );
    let event = |choice| format!("data: {}\n\n", nameless(choice));
    let stream = [
        stream_head(),
        piece(event(json!({"index": 0, "delta": {"content": "a"}}))),
        piece(event(json!({"index": 0, "delta": {}, "finish_reason": "stop"}))),
        piece(DONE),
        clean_end(),
    ]
    .concat();
    let upstream = FakeUpstream::start(move |asked| {
        let is_stream = String::from_utf8_lossy(&asked.body).contains("\"stream\":true");
        vec![Step::Send(if is_stream { stream.clone() } else { json_answer(200, &answer) })]
    })
    .await;
    let gateway = start_gateway().await;
    gateway.add_upstream("east", &upstream.base_url, "m").await;
    let is_named = |told: &serde_json::Value| {
        let id = told["id"].as_str().unwrap_or_default();
        assert!(
            id.starts_with("req-") && told["model"] == "m" && told["created"].as_i64() > Some(0),
            "{told}"
        );
        id.to_owned()
    };
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    let told = gateway.post("/v1/chat/completions", &body).send().await.expect("an answer");
    is_named(&serde_json::from_str(&told.text().await.expect("text")).expect("JSON"));
    let (_, text) = read_rest(&gateway, "m").await;
    let events = text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    let mut ids: Vec<_> = events.map(|data| is_named(&serde_json::from_str(data).expect("JSON"))).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "one identity: {text}");
}

#[tokio::test]
async fn utf8_cut_anywhere_arrives_whole() {
    let text = "Grüße, 世界 🌍!";
    let body = format!("{}{}{}{DONE}", text_event(text), finish_event(), usage_event()).into_bytes();
    let gateway = start_gateway().await;
    let cut_at = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let upstream = FakeUpstream::start({
        let (body, cut_at) = (body.clone(), Arc::clone(&cut_at));
        move |_| {
            let (left, right) = body.split_at(cut_at.load(std::sync::atomic::Ordering::SeqCst));
            let pieces =
                [left, right].into_iter().filter(|part| !part.is_empty()).map(|part| Step::Send(piece(part)));
            std::iter::once(Step::Send(stream_head()))
                .chain(pieces)
                .chain([Step::Send(clean_end())])
                .collect()
        }
    })
    .await;
    gateway.add_upstream("east", &upstream.base_url, "m").await;
    for cut in 0..text_event(text).len() {
        cut_at.store(cut, std::sync::atomic::Ordering::SeqCst);
        let (read, _, end) = read_grpc(&gateway, "m").await;
        end.expect("OK trailers");
        assert_eq!(read, text, "cut at byte {cut}");
    }
}

#[tokio::test]
async fn chunks_go_out_as_they_come() {
    let gate = Arc::new(Notify::new());
    let upstream = FakeUpstream::start({
        let gate = Arc::clone(&gate);
        move |_| {
            let mut first = stream_head();
            first.extend(piece(text_event("one")));
            let rest = [piece(text_event("two")), piece(finish_event()), piece(DONE), clean_end()].concat();
            vec![Step::Send(first), Step::Gate(Arc::clone(&gate)), Step::Send(rest)]
        }
    })
    .await;
    let gateway = start_gateway().await;
    gateway.add_upstream("east", &upstream.base_url, "m").await;

    let mut stream =
        gateway.client.inference().stream_chat(chat("m", "Hi")).await.expect("a stream").into_inner();
    let first =
        tokio::time::timeout(PATIENCE, stream.message()).await.expect("the first chunk does not wait");
    assert_eq!(sluicegate_client::text(&first.expect("no error").expect("a chunk")), "one");
    gate.notify_one();
    let mut rest = String::new();
    while let Some(chunk) = stream.message().await.expect("no error") {
        rest.push_str(&sluicegate_client::text(&chunk));
    }
    assert_eq!(rest, "two");
}

/// Where an upstream stands when the caller leaves.
const PHASES: [&str; 2] = ["before the head", "in the body"];

fn phase_script(phase: &'static str, stream: bool) -> Vec<Step> {
    match (phase, stream) {
        ("before the head", _) => vec![Step::Hold],
        (_, true) => vec![Step::Send([stream_head(), piece(text_event("one"))].concat()), Step::Hold],
        (_, false) => {
            let answer = chat_answer("a long answer");
            vec![Step::Send(answer[..answer.len() - 10].to_vec()), Step::Hold]
        }
    }
}

#[tokio::test]
async fn a_caller_that_leaves_closes_the_upstream_call() {
    for phase in PHASES {
        for stream in [true, false] {
            for edge in ["grpc", "rest"] {
                let upstream = FakeUpstream::start(move |_| phase_script(phase, stream)).await;
                let gateway = start_gateway().await;
                gateway.add_upstream("east", &upstream.base_url, "m").await;
                let name = format!("{edge}, stream {stream}, {phase}");

                let (leave, left) = tokio::sync::oneshot::channel::<()>();
                let call = start_call(&gateway, edge, stream);
                crate::support::spawn(async move {
                    tokio::select! {
                        () = call => {}
                        _ = left => {}
                    }
                });
                upstream.arrived(1).await;
                if phase == "in the body" {
                    // The head has left the upstream; let it reach the gateway.
                    while upstream.written() == 0 {
                        tokio::task::yield_now().await;
                    }
                    gateway.metric_becomes("sluicegate_in_flight", &["provider=\"east\""], 1.0).await;
                }
                leave.send(()).expect("the call still waits");
                let took = upstream.closed(1).await;
                assert!(took < Duration::from_millis(100), "{name}: closed only after {took:?}");
                gateway.metric_becomes("sluicegate_in_flight", &["provider=\"east\""], 0.0).await;
                gateway.metric_becomes("sluicegate_calls_total", &["outcome=\"cancelled\""], 1.0).await;
            }
        }
    }
}

/// Starts a call and reads it to its end; dropping the future is the caller leaving.
fn start_call(
    gateway: &TestGateway,
    edge: &str,
    stream: bool,
) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
    if edge == "grpc" {
        // A client of its own: the shared one keeps its connection.
        let mut client = gateway.client.inference();
        return Box::pin(async move {
            if stream {
                let chunks = client.stream_chat(chat("m", "Hi")).await;
                if let Ok(chunks) = chunks {
                    let mut chunks = chunks.into_inner();
                    while let Ok(Some(_)) = chunks.message().await {}
                }
            } else {
                drop(client.chat(chat("m", "Hi")).await);
            }
        });
    }
    let body = json!({"model": "m", "stream": stream, "messages": [{"role": "user", "content": "Hi"}]});
    let request = gateway.post("/v1/chat/completions", &body);
    Box::pin(async move {
        if let Ok(response) = request.send().await {
            let mut body = response.bytes_stream();
            while let Some(Ok(_)) = body.next().await {}
        }
    })
}

#[tokio::test]
async fn a_slow_reader_makes_the_upstream_wait() {
    let text = "x".repeat(60_000);
    let upstream =
        FakeUpstream::start(move |_| vec![Step::Send(stream_head()), Step::Flood(piece(text_event(&text)))])
            .await;
    let gateway = start_gateway().await;
    gateway.add_upstream("east", &upstream.base_url, "m").await;

    for edge in ["grpc", "rest"] {
        let before = upstream.written();
        let held: Box<dyn std::any::Any> = if edge == "grpc" {
            let mut stream =
                gateway.client.inference().stream_chat(chat("m", "Hi")).await.expect("a stream").into_inner();
            stream.message().await.expect("no error").expect("a chunk");
            Box::new(stream)
        } else {
            let body = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "Hi"}]});
            Box::new(gateway.post("/v1/chat/completions", &body).send().await.expect("an answer"))
        };
        // The upstream writes until every buffer on the way is full, then stands still.
        let mut last = upstream.written();
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let now = upstream.written();
            if now == last {
                break;
            }
            last = now;
        }
        let buffered = last - before;
        assert!(buffered > 0 && buffered < 32 << 20, "{edge}: {buffered} bytes left the upstream unread");
        drop(held);
    }
}
