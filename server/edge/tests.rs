//! The port as a whole: answers without sockets, then the listener with real ones.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body, routing::get};
use bytes::Bytes;
use futures_util::stream;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Notify,
    time::{Instant, timeout},
};

use super::{Edge, Options, Serving, read, serve};
use crate::{error::Error, places::Places, task::Tasks};

fn edge_with(rest: Router, cors: &[&str]) -> Edge {
    let grpc = Router::new().fallback(|| async { "grpc" });
    let options = Options {
        cors_origins: cors.iter().map(ToString::to_string).collect(),
        metrics: Some(Arc::new(|| "# EOF\n".to_owned())),
        serving: Serving::off(),
    };
    Edge::new(grpc, rest, options).unwrap()
}

fn edge() -> Edge {
    let body = |request: Request<Body>| async move {
        let (head, body) = request.into_parts();
        read(&head.headers, body).await.map_or_else(
            |error| super::rest(&error, "req-1"),
            |bytes| Response::new(Body::from(format!("{} bytes", bytes.len()))),
        )
    };
    let panic = || async {
        if true {
            panic!("as the test wants")
        }
    };
    edge_with(
        Router::new().route("/echo", get(|| async { "rest" }).post(body)).route("/panic", get(panic)),
        &[],
    )
}

fn request(method: Method, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().into()).unwrap()
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// The code of an error body.
async fn code(response: Response<Body>) -> String {
    let body: serde_json::Value = serde_json::from_str(&text(response).await).unwrap();
    body["error"]["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn content_type_alone_chooses_the_edge() {
    for (path, content_type, expected) in [
        ("/echo", "application/json", "rest"),
        ("/echo", "application/grpc-web+proto", "grpc"),
        ("/pkg.Service/Method", "application/grpc-web-text", "grpc"),
    ] {
        let method = if expected == "rest" { Method::GET } else { Method::POST };
        let answer = edge().answer(request(method, path, &[("content-type", content_type)])).await;
        assert_eq!(text(answer).await, expected);
    }
}

#[tokio::test]
async fn unknown_path_and_wrong_method_are_told_in_json() {
    let missing = edge().answer(request(Method::POST, "/nope", &[])).await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    assert_eq!(code(missing).await, "route_not_found");

    for path in ["/echo", "/healthz"] {
        let wrong = edge().answer(request(Method::DELETE, path, &[])).await;
        assert_eq!(wrong.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert!(header(&wrong, "allow").contains("GET"), "{path}");
        assert_eq!(code(wrong).await, "method_not_allowed");
    }
}

#[tokio::test]
async fn request_id_is_on_every_answer() {
    for path in ["/echo", "/nope", "/panic"] {
        let answer = edge().answer(request(Method::GET, path, &[("x-request-id", "mine")])).await;
        assert_eq!(header(&answer, "x-request-id"), "mine", "{path}");
    }
    let answer = edge().answer(request(Method::GET, "/echo", &[])).await;
    assert!(header(&answer, "x-request-id").starts_with("req-"));
}

#[tokio::test]
async fn panic_is_an_internal_error() {
    let answer = edge().answer(request(Method::GET, "/panic", &[])).await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(code(answer).await, "internal_server_error");
}

#[tokio::test]
async fn grpc_without_http2_and_rpc_without_post_are_told_so_as_grpc() {
    for (method, content_type) in [(Method::POST, "application/grpc"), (Method::GET, "application/grpc-web")]
    {
        let answer = edge().answer(request(method, "/a/B", &[("content-type", content_type)])).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(header(&answer, "content-type").starts_with(content_type));
        assert!(["3", "12"].contains(&header(&answer, "grpc-status")));
    }
}

#[tokio::test(start_paused = true)]
async fn slow_and_large_bodies_are_refused() {
    let silent = Body::from_stream(stream::pending::<Result<Bytes, Error>>());
    let slow = Request::post("/echo").body(silent).unwrap();
    let answer = edge().answer(slow).await;
    assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(code(answer).await, "request_timeout");

    let flood = stream::repeat_with(|| Ok::<_, Error>(Bytes::from(vec![0; 1 << 20])));
    let large = Request::post("/echo").body(Body::from_stream(flood)).unwrap();
    let answer = edge().answer(large).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn probes_are_open_and_tell_the_state() {
    let serving = Serving::off();
    let options = Options { cors_origins: Vec::new(), metrics: None, serving: serving.clone() };
    let edge = Edge::new(Router::new(), Router::new(), options).unwrap();
    let status = async |path| edge.answer(request(Method::GET, path, &[])).await.status();
    assert_eq!(status("/healthz").await, StatusCode::OK);
    assert_eq!(status("/readyz").await, StatusCode::SERVICE_UNAVAILABLE);
    serving.set(true);
    assert_eq!(status("/readyz").await, StatusCode::OK);
    assert_eq!(status("/metrics").await, StatusCode::NOT_FOUND, "a setting closes it");

    let metrics = edge_with(Router::new(), &[]).answer(request(Method::GET, "/metrics", &[])).await;
    assert!(header(&metrics, "content-type").starts_with("application/openmetrics-text"));
    assert_eq!(text(metrics).await, "# EOF\n");
}

#[tokio::test]
async fn only_allowed_origins_may_call_from_a_page() {
    let preflight = |origin| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "x-grpc-web,authorization"),
        ];
        request(Method::OPTIONS, "/sluicegate.v1.Inference/Chat", &headers)
    };
    let some = edge_with(Router::new(), &["https://a.example"]);
    let answer = some.answer(preflight("https://a.example")).await;
    assert_eq!(header(&answer, "access-control-allow-origin"), "https://a.example");
    assert_eq!(header(&answer, "access-control-allow-headers"), "x-grpc-web,authorization");
    let answer = some.answer(preflight("https://b.example")).await;
    assert_eq!(header(&answer, "access-control-allow-origin"), "");

    let answer = some.answer(request(Method::GET, "/healthz", &[("origin", "https://a.example")])).await;
    let exposed = header(&answer, "access-control-expose-headers");
    for name in
        ["grpc-status", "grpc-message", "grpc-status-details-bin", "x-request-id", "x-sluicegate-model"]
    {
        assert!(exposed.contains(name), "{exposed}");
    }

    let none = edge_with(Router::new(), &[]).answer(preflight("https://a.example")).await;
    assert_eq!(header(&none, "access-control-allow-origin"), "");
    let any = edge_with(Router::new(), &["*"]).answer(preflight("https://b.example")).await;
    assert_eq!(header(&any, "access-control-allow-origin"), "*");
}

// === with sockets ===

struct Running {
    address: std::net::SocketAddr,
    tasks: Tasks,
}

async fn start(edge: Edge) -> Running {
    start_for(edge, usize::MAX).await
}

async fn start_for(edge: Edge, places: usize) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tasks = Tasks::default();
    let places = Places::new(places, Default::default());
    tasks.spawn(serve(listener, edge, None, places, tasks.clone()));
    Running { address, tasks }
}

async fn say(running: &Running, bytes: &[u8]) -> TcpStream {
    let mut socket = TcpStream::connect(running.address).await.unwrap();
    socket.write_all(bytes).await.unwrap();
    socket
}

async fn hear(socket: &mut TcpStream, until: &str) -> String {
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains(until) {
        let more = timeout(Duration::from_secs(10), socket.read_buf(&mut heard)).await;
        assert_ne!(more.unwrap().unwrap(), 0, "closed after {:?}", String::from_utf8_lossy(&heard));
    }
    String::from_utf8(heard).unwrap()
}

async fn is_closed(socket: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    timeout(Duration::from_secs(10), socket.read_to_end(&mut rest)).await.is_ok()
}

/// A body of which one half waits for the test.
fn halves() -> (Router, Arc<Notify>) {
    let gate = Arc::new(Notify::new());
    let held = Arc::clone(&gate);
    let answer = move || {
        let gate = Arc::clone(&held);
        let second = stream::once(async move {
            gate.notified().await;
            Ok::<_, Error>(Bytes::from_static(b"second"))
        });
        let first = stream::iter([Ok(Bytes::from_static(b"first"))]);
        let both = futures_util::StreamExt::chain(first, second);
        async { Body::from_stream(both) }
    };
    (Router::new().route("/halves", get(answer)), gate)
}

const GET_HALVES: &[u8] = b"GET /halves HTTP/1.1\r\nhost: x\r\n\r\n";
const GET_ECHO: &[u8] = b"GET /echo HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn a_connection_beyond_the_limit_is_closed_and_its_place_is_free_when_another_ends() {
    let running = start_for(edge(), 1).await;
    let mut first = say(&running, GET_ECHO).await;
    hear(&mut first, "rest").await;
    let mut second = TcpStream::connect(running.address).await.unwrap();
    assert!(is_closed(&mut second).await);
    drop(first);
    let served = async {
        loop {
            let mut next = TcpStream::connect(running.address).await.unwrap();
            let _ = next.write_all(GET_ECHO).await;
            let mut heard = [0; 8];
            if next.read_exact(&mut heard).await.is_ok() {
                break heard;
            }
        }
    };
    assert_eq!(&timeout(Duration::from_secs(10), served).await.unwrap(), b"HTTP/1.1");
}

#[tokio::test]
async fn drain_lets_answers_finish_and_closes_idle_connections() {
    let (router, gate) = halves();
    let running = start(edge_with(router.route("/echo", get(|| async { "rest" })), &[])).await;
    let mut idle = say(&running, GET_ECHO).await;
    hear(&mut idle, "rest").await;
    let mut busy = say(&running, GET_HALVES).await;
    hear(&mut busy, "first").await;

    running.tasks.stop();
    assert!(is_closed(&mut idle).await);
    assert!(TcpStream::connect(running.address).await.is_err(), "nothing more is accepted");
    gate.notify_one();
    hear(&mut busy, "second\r\n0\r\n\r\n").await;
    assert!(is_closed(&mut busy).await);
    timeout(Duration::from_secs(10), running.tasks.drain()).await.unwrap();
}

#[tokio::test]
async fn drain_ends_with_the_grace_period() {
    let (router, _gate) = halves();
    let running = start(edge_with(router, &[])).await;
    let mut busy = say(&running, GET_HALVES).await;
    hear(&mut busy, "first").await;
    let begun = Instant::now();
    let drain = running.tasks.drain_within(tokio::time::sleep(Duration::from_millis(200)));
    timeout(Duration::from_secs(10), drain).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert!(is_closed(&mut busy).await);
}

#[tokio::test]
async fn connection_outlives_a_panic_and_a_refused_method() {
    let running = start(edge()).await;
    let mut socket = say(&running, b"GET /panic HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(hear(&mut socket, "internal_server_error").await.starts_with("HTTP/1.1 500"));
    socket.write_all(b"PUT /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    assert!(hear(&mut socket, "method_not_allowed").await.starts_with("HTTP/1.1 405"));
    socket.write_all(GET_ECHO).await.unwrap();
    hear(&mut socket, "rest").await;
}

#[tokio::test]
async fn who_answers_no_ping_over_http2_is_closed() {
    const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    const ACK: &[u8] = &[0, 0, 0, 4, 1, 0, 0, 0, 0];
    const PING: &[u8] = &[0, 0, 8, 6, 0, 0, 0, 0, 0];
    let running = start(edge()).await;
    let mut peer = say(&running, &[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", SETTINGS, ACK].concat()).await;
    let mut heard = Vec::new();
    let holds = |heard: &[u8], frame: &[u8]| heard.windows(frame.len()).any(|bytes| bytes == frame);
    while !holds(&heard, ACK) {
        assert_ne!(peer.read_buf(&mut heard).await.unwrap(), 0);
    }
    tokio::time::pause();
    let begun = Instant::now();
    while peer.read_buf(&mut heard).await.is_ok_and(|count| count > 0) {}
    assert!(holds(&heard, PING), "it was asked");
    let waited = begun.elapsed().as_secs();
    assert!((49..=51).contains(&waited), "{waited}: 30 seconds to the question, 20 to answer");
}

#[tokio::test]
async fn oversized_head_is_refused() {
    let running = start(edge()).await;
    let head = format!("GET /echo HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(100_000));
    let mut socket = TcpStream::connect(running.address).await.unwrap();
    // It may be refused before it is written in full.
    let _ = socket.write_all(head.as_bytes()).await;
    assert!(hear(&mut socket, "\r\n\r\n").await.starts_with("HTTP/1.1 431"));

    let many: String = (0..200).map(|number| format!("x-{number}: y\r\n")).collect();
    let mut socket = say(&running, format!("GET /echo HTTP/1.1\r\nhost: x\r\n{many}\r\n").as_bytes()).await;
    assert!(hear(&mut socket, "\r\n\r\n").await.starts_with("HTTP/1.1 431"));
}
