//! What every test stands on: a gateway, and an upstream that does as it is told.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use clap::Parser as _;
use sluicegate::{app::App, cli, config, secret::Secret};
use sluicegate_client::{Gateway, v1};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig, server::TlsStream};

use crate::canary::suite::{expect_none, watch_log};

/// The administrator's key of test gateways.
pub const ADMIN_KEY: &str = "test-administrator-key-0123456789";

/// How long a test waits for something that must happen before it gives up.
pub const PATIENCE: Duration = Duration::from_secs(20);

// === the gateway ===

/// A gateway in this process, with a store of its own.
pub struct TestGateway {
    /// `http://127.0.0.1:PORT`, or `https://` where the flags want TLS.
    pub url: String,
    /// The published client, as administrator.
    pub client: Gateway,
    /// For REST.
    pub http: reqwest::Client,
    pub app: App,
    pub data: tempfile::TempDir,
}

/// A gateway with the default settings.
pub async fn start_gateway() -> TestGateway {
    start_gateway_with(&[]).await
}

/// A gateway with further flags.
pub async fn start_gateway_with(flags: &[&str]) -> TestGateway {
    let data = tempfile::tempdir().expect("a folder for the store");
    start_gateway_in(data, flags).await
}

/// A gateway on a store that may be there already.
pub async fn start_gateway_in(data: tempfile::TempDir, flags: &[&str]) -> TestGateway {
    watch_log();
    let mut config = config(data.path(), flags);
    config.secrets.admin_key = Some(Secret::new(ADMIN_KEY.to_owned()));
    let certificate = config.tls.tls_cert.clone().unwrap_or_else(|| data.path().join(CERTIFICATE));
    let app = App::start(config).await.expect("the gateway starts");
    let url = app.url();
    let (client, http) = if url.starts_with("https:") {
        let trusted = std::fs::read_to_string(certificate).expect("the certificate");
        let client = Gateway::connect_trusting(&trusted, &url, ADMIN_KEY).await;
        (client, trusting(&trusted).build().expect("a client"))
    } else {
        (Gateway::connect(&url, ADMIN_KEY).await, sluicegate::http::client().expect("a client"))
    };
    TestGateway { url, client: client.expect("the gateway answers"), http, app, data }
}

/// Where a gateway with `--tls-self-signed` keeps its certificate, in the data directory.
pub const CERTIFICATE: &str = "tls/cert.pem";

/// A client for REST that trusts none but the certificates in this PEM.
pub fn trusting(pem: &str) -> reqwest::ClientBuilder {
    let certificates = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).expect("certificates");
    reqwest::Client::builder().no_proxy().tcp_nodelay(true).tls_certs_only(certificates)
}

/// The settings that the command line gives.
pub fn config(data: &std::path::Path, flags: &[&str]) -> config::Config {
    let data = data.to_str().expect("a path in UTF-8");
    let fixed = ["sluicegate", "serve", "--listen", "127.0.0.1:0", "--data-dir", data];
    let cli = cli::Cli::parse_from(fixed.iter().chain(flags));
    let cli::Command::Serve(config) = cli.command else { panic!("serve is asked for") };
    *config
}

impl TestGateway {
    /// Registers `upstream` as a provider of type custom with one model.
    pub async fn add_upstream(&self, name: &str, base_url: &str, alias: &str) -> v1::Model {
        self.add_weighted(name, base_url, alias, None).await
    }

    /// The same with a weight.
    pub async fn add_weighted(
        &self,
        name: &str,
        base_url: &str,
        alias: &str,
        weight: Option<i32>,
    ) -> v1::Model {
        let provider = v1::Provider {
            name: name.into(),
            r#type: "custom".into(),
            base_url: base_url.into(),
            ..Default::default()
        };
        self.client
            .providers()
            .create_provider(v1::CreateProviderRequest { provider: Some(provider) })
            .await
            .expect("the provider is created");
        self.add_model(name, "upstream-model", alias, weight).await
    }

    /// Registers a model.
    pub async fn add_model(&self, provider: &str, id: &str, alias: &str, weight: Option<i32>) -> v1::Model {
        let model = v1::Model {
            provider: provider.into(),
            upstream_id: id.into(),
            alias: alias.into(),
            weight,
            ..Default::default()
        };
        let created = self
            .client
            .models()
            .create_model(v1::CreateModelRequest { model: Some(model) })
            .await
            .expect("the model is created");
        created.into_inner().model.expect("a model")
    }

    /// Registers the built-in provider and its model `demo`.
    pub async fn add_demo(&self) {
        let provider = v1::Provider { name: "demo".into(), r#type: "demo".into(), ..Default::default() };
        self.client
            .providers()
            .create_provider(v1::CreateProviderRequest { provider: Some(provider) })
            .await
            .expect("the provider is created");
        self.add_model("demo", "demo", "", None).await;
    }

    /// Makes a key of this role and gives its secret.
    pub async fn key(&self, role: v1::AccessRole) -> String {
        let api_key = v1::ApiKey { name: role.as_str_name().into(), role: role.into(), ..Default::default() };
        let request = v1::CreateApiKeyRequest { api_key: Some(api_key), secret: String::new() };
        self.client.access().create_api_key(request).await.expect("the key is created").into_inner().secret
    }

    /// A POST to the REST edge.
    pub fn post(&self, path: &str, body: &serde_json::Value) -> reqwest::RequestBuilder {
        self.http
            .post(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {ADMIN_KEY}"))
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    /// The sum of a metric over its series that hold every one of `labels`.
    pub async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let response = self.http.get(format!("{}/metrics", self.url)).send().await.expect("metrics");
        let text = response.text().await.expect("text");
        expect_none("the metrics", text.as_bytes());
        let of_metric = |line: &&str| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{') || rest.starts_with(' '))
                && labels.iter().all(|label| line.contains(label))
        };
        text.lines().filter(of_metric).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Waits until a metric has the value.
    pub async fn metric_becomes(&self, name: &str, labels: &[&str], value: f64) {
        let reached = async {
            while (self.metric(name, labels).await - value).abs() > 1e-9 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, reached).await.is_err() {
            panic!("{name}{labels:?} is {}, not {value}", self.metric(name, labels).await);
        }
    }
}

/// A chat of one user message.
pub fn chat(model: &str, text: &str) -> v1::ChatRequest {
    v1::ChatRequest {
        model: model.into(),
        messages: vec![sluicegate_client::user(text)],
        ..Default::default()
    }
}

// === the upstream ===

/// What an upstream does with one request, step by step.
#[derive(Clone)]
pub enum Step {
    /// Writes these bytes.
    Send(Vec<u8>),
    /// Waits until the test opens the gate.
    Gate(Arc<Notify>),
    /// Writes these bytes again and again until nobody reads them.
    Flood(Vec<u8>),
    /// Holds the connection until the client closes it.
    Hold,
    /// Closes the connection in good order.
    Close,
    /// Tears the connection down.
    Reset,
}

/// A request that reached the upstream.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    pub path: String,
    pub head: String,
    pub body: Vec<u8>,
}

type Script = Arc<dyn Fn(&Received) -> Vec<Step> + Send + Sync>;

/// An HTTP/1.1 upstream that does to the byte what its script says, faults included.
pub struct FakeUpstream {
    /// With the `/v1`.
    pub base_url: String,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<Received>>,
    arrived: watch::Sender<usize>,
    closed: watch::Sender<usize>,
    open: AtomicUsize,
    written: AtomicUsize,
}

impl FakeUpstream {
    /// Starts; `script` is asked what to do with each request.
    pub async fn start(script: impl Fn(&Received) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self::start_with(None, script).await
    }

    /// The same behind TLS; its base URL names `localhost`.
    pub async fn start_tls(
        tls: Arc<ServerConfig>,
        script: impl Fn(&Received) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(Some(tls), script).await
    }

    async fn start_with(
        tls: Option<Arc<ServerConfig>>,
        script: impl Fn(&Received) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let base_url = match &tls {
            Some(_) => format!("https://localhost:{}/v1", address.port()),
            None => format!("http://{address}/v1"),
        };
        let seen = Arc::new(Seen::default());
        let (script, shared): (Script, _) = (Arc::new(script), Arc::clone(&seen));
        spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).expect("nodelay");
                let (script, shared) = (Arc::clone(&script), Arc::clone(&shared));
                let tls = tls.clone();
                spawn(async move {
                    shared.open.fetch_add(1, Ordering::SeqCst);
                    match tls {
                        None => connection(stream, &script, &shared).await,
                        Some(tls) => {
                            if let Ok(stream) = TlsAcceptor::from(tls).accept(stream).await {
                                connection(stream, &script, &shared).await;
                            }
                        }
                    }
                    shared.open.fetch_sub(1, Ordering::SeqCst);
                    shared.closed.send_modify(|count| *count += 1);
                });
            }
        });
        Self { base_url, seen }
    }

    /// An upstream that answers every request with these bytes and then keeps the connection.
    pub async fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::start(move |_| vec![Step::Send(bytes.clone())]).await
    }

    /// What arrived so far.
    pub fn requests(&self) -> Vec<Received> {
        self.seen.requests.lock().expect("not poisoned").clone()
    }

    /// Waits until so many requests have arrived.
    pub async fn arrived(&self, count: usize) {
        let mut arrived = self.seen.arrived.subscribe();
        let enough = arrived.wait_for(|arrived| *arrived >= count);
        tokio::time::timeout(PATIENCE, enough).await.expect("the requests arrive").expect("a sender");
    }

    /// Waits until so many connections have ended, and tells how long that took.
    pub async fn closed(&self, count: usize) -> Duration {
        let start = tokio::time::Instant::now();
        let mut closed = self.seen.closed.subscribe();
        let enough = closed.wait_for(|closed| *closed >= count);
        tokio::time::timeout(PATIENCE, enough).await.expect("the connections close").expect("a sender");
        start.elapsed()
    }

    /// Bytes that were written so far.
    pub fn written(&self) -> usize {
        self.seen.written.load(Ordering::SeqCst)
    }
}

/// A connection to the upstream.
pub trait Peer: AsyncRead + AsyncWrite + Unpin + Send {
    /// Makes the drop tear the connection down.
    fn reset(&self);
}

impl Peer for TcpStream {
    fn reset(&self) {
        self.set_zero_linger().expect("linger");
    }
}

impl Peer for TlsStream<TcpStream> {
    fn reset(&self) {
        self.get_ref().0.reset();
    }
}

pub fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(future));
}

async fn connection<S: Peer>(mut stream: S, script: &Script, seen: &Seen) {
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut buffer).await {
        let steps = script(&request);
        seen.requests.lock().expect("not poisoned").push(request);
        seen.arrived.send_modify(|count| *count += 1);
        for step in steps {
            match step {
                Step::Send(bytes) => {
                    if stream.write_all(&bytes).await.is_err() {
                        return;
                    }
                    seen.written.fetch_add(bytes.len(), Ordering::SeqCst);
                }
                Step::Gate(gate) => {
                    // The client may leave while the gate is shut.
                    tokio::select! {
                        () = gate.notified() => {}
                        () = client_left(&mut stream) => return,
                    }
                }
                Step::Flood(bytes) => {
                    while stream.write_all(&bytes).await.is_ok() {
                        seen.written.fetch_add(bytes.len(), Ordering::SeqCst);
                    }
                    return;
                }
                Step::Hold => return client_left(&mut stream).await,
                Step::Close => return,
                Step::Reset => {
                    stream.reset();
                    return;
                }
            }
        }
    }
}

async fn client_left<S: Peer>(stream: &mut S) {
    let mut byte = [0];
    while matches!(stream.read(&mut byte).await, Ok(1..)) {}
}

pub async fn read_request<S: Peer>(stream: &mut S, buffer: &mut Vec<u8>) -> Option<Received> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(buffer.drain(..end).collect()).ok()?;
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok())
        .unwrap_or(0);
    while buffer.len() < length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    let body = buffer.drain(..length).collect();
    let mut words = head.split_whitespace();
    Some(Received { method: words.next()?.into(), path: words.next()?.into(), head: head.clone(), body })
}

// === what an upstream says ===

/// An answer in one piece.
pub fn json_answer(status: u16, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Any\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into()
}

/// The head of a stream.
pub fn stream_head() -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n".to_vec()
}

/// One piece of a chunked body.
pub fn piece(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    let mut out = format!("{:x}\r\n", bytes.len()).into_bytes();
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
    out
}

/// The clean end of a chunked body.
pub fn clean_end() -> Vec<u8> {
    b"0\r\n\r\n".to_vec()
}

/// An event with a piece of text.
pub fn text_event(text: &str) -> String {
    let choice = serde_json::json!({"index": 0, "delta": {"content": text}, "finish_reason": null});
    event(&chunk(choice))
}

/// An event that finishes the answer.
pub fn finish_event() -> String {
    event(&chunk(serde_json::json!({"index": 0, "delta": {}, "finish_reason": "stop"})))
}

/// An event with the usage.
pub fn usage_event() -> String {
    let mut chunk = chunk(serde_json::json!(null));
    chunk["choices"] = serde_json::json!([]);
    chunk["usage"] = serde_json::json!({"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12});
    event(&chunk)
}

/// The end mark.
pub const DONE: &str = "data: [DONE]\n\n";

fn chunk(choice: serde_json::Value) -> serde_json::Value {
    serde_json::json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "upstream-model",
        "choices": [choice]
    })
}

/// A server-sent event.
pub fn event(data: &serde_json::Value) -> String {
    format!("data: {data}\n\n")
}

/// A whole answer in one piece.
pub fn chat_answer(text: &str) -> Vec<u8> {
    let body = serde_json::json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "upstream-model",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
    });
    json_answer(200, &body.to_string())
}

/// A whole streamed answer of these texts.
pub fn stream_answer(texts: &[&str]) -> Vec<u8> {
    let mut answer = stream_head();
    for text in texts {
        answer.extend(piece(text_event(text)));
    }
    answer.extend(piece(finish_event()));
    answer.extend(piece(usage_event()));
    answer.extend(piece(DONE));
    answer.extend(clean_end());
    answer
}
