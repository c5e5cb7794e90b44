//! Software that others wrote judges the gateway: the OpenAI SDKs, gRPC-Web clients, grpcurl, schemathesis, llama.cpp as
//! upstream, and the vendors' own SDKs, which judge what the adapters ask.
//!
//! `make test` sets the programs up and names their folder in `SLUICEGATE_PEERS`; without it these tests say that they
//! were not run.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::json;
use sluicegate_client::v1;

use crate::support::{ADMIN_KEY, FakeUpstream, TestGateway, chat, json_answer, start_gateway};

/// The folder of the programs. `None`, said aloud: they are not there.
pub fn peers() -> Option<PathBuf> {
    let peers = std::env::var_os("SLUICEGATE_PEERS").map(PathBuf::from);
    if peers.is_none() {
        println!("not run: SLUICEGATE_PEERS is not set; `make test` sets the programs up");
    }
    peers
}

/// The search path, the peers' programs first.
pub fn path_with(peers: &Path) -> std::ffi::OsString {
    let own = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = vec![peers.join("bin"), peers.join("venv/bin")];
    folders.extend(std::env::split_paths(&own));
    std::env::join_paths(folders).expect("a search path")
}

/// A program of tests/peers.
fn command(peers: &Path, name: &str) -> Command {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(name);
    let program = match path.extension().and_then(|extension| extension.to_str()) {
        Some("py") => peers.join("venv/bin/python"),
        Some("mjs") => PathBuf::from("node"),
        _ => PathBuf::from("bash"),
    };
    let mut command = Command::new(program);
    command.arg(path).env("SLUICEGATE_PEERS", peers);
    command
}

/// A script of tests/peers with what all of them want to know.
pub fn script(peers: &Path, gateway: &TestGateway, name: &str) -> Command {
    let mut command = command(peers, name);
    command.env("SLUICEGATE_URL", &gateway.url).env("SLUICEGATE_KEY", ADMIN_KEY);
    command
}

/// Runs a script to its end; what it printed.
pub async fn run(command: Command) -> String {
    let (succeeded, text) = outcome(command).await;
    assert!(succeeded, "{text}");
    assert!(text.contains("ok "), "the script does not say what it did: {text}");
    text
}

/// Runs a script to its end; whether it succeeded, and what it printed.
async fn outcome(mut command: Command) -> (bool, String) {
    let output = tokio::task::spawn_blocking(move || command.output().expect("the script starts")).await;
    let output = output.expect("the script is awaited");
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), text)
}

/// A server of tests/peers that prints `ready URL` and ends with its standard input.
pub struct Server {
    child: Child,
    pub url: String,
}

impl Server {
    pub fn start(peers: &Path, name: &str) -> Self {
        let mut child = command(peers, name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let url = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("ready ").map(str::to_owned))
            .expect("the server is ready");
        Self { child, url }
    }

    /// llama.cpp's server with a tiny random model.
    fn llama(peers: &Path) -> Self {
        Self::start(peers, "llama_server.py")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_openai_sdks_work_unmodified() {
    let Some(peers) = peers() else { return };
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    for name in ["openai_python.py", "openai_node.mjs"] {
        for base_path in ["/v1", "/ml/gateway/v1"] {
            let mut command = script(&peers, &gateway, name);
            command.env("BASE_PATH", base_path);
            println!("{name} {base_path}\n{}", run(command).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_the_openapi_document_true() {
    let Some(peers) = peers() else { return };
    let models = json_answer(200, r#"{"object": "list", "data": [{"id": "tiny", "object": "model"}]}"#);
    let upstream = FakeUpstream::answering(models).await;
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let mut command = script(&peers, &gateway, "openapi.sh");
    command.env("UPSTREAM_URL", &upstream.base_url);
    println!("{}", run(command).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_web_clients_work() {
    let Some(peers) = peers() else { return };
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    println!("{}", run(web_client(&peers, &gateway, "demo")).await);
}

fn web_client(peers: &Path, gateway: &TestGateway, model: &str) -> Command {
    let descriptors = gateway.data.path().join("descriptors.bin");
    std::fs::write(&descriptors, sluicegate::proto::DESCRIPTORS).expect("the descriptors are written");
    let mut command = script(peers, gateway, "grpc_web.mjs");
    command.env("SLUICEGATE_DESCRIPTORS", descriptors).env("MODEL", model);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn grpcurl_administers_a_llama_cpp_server() {
    let Some(peers) = peers() else { return };
    let llama = Server::llama(&peers);
    let gateway = start_gateway().await;
    let mut command = script(&peers, &gateway, "grpcurl_admin.sh");
    command.env("UPSTREAM_URL", &llama.url);
    println!("{}", run(command).await);
}

/// The text that a model gives at temperature 0, the same in one answer and as a stream.
async fn same_text(gateway: &TestGateway, model: &str) -> String {
    let mut request = chat(model, "Hi");
    (request.temperature, request.seed, request.max_tokens) = (Some(0.0), Some(1), Some(24));
    let unary = gateway.client.inference().chat(request.clone()).await.expect("an answer").into_inner();
    let message = unary.choices[0].message.clone().expect("a message");
    let Some(v1::part::Content::Text(text)) = &message.parts[0].content else {
        panic!("no text: {message:?}")
    };
    let mut stream = gateway.client.inference().stream_chat(request).await.expect("a stream").into_inner();
    let mut streamed = String::new();
    while let Some(chunk) = stream.message().await.expect("no error") {
        streamed.push_str(&sluicegate_client::text(&chunk));
    }
    assert!(!text.text.is_empty());
    assert_eq!(streamed, text.text, "stream and answer");
    text.text.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn anthropics_interface_of_a_llama_cpp_server_gives_the_same_text() {
    let Some(peers) = peers() else { return };
    let llama = Server::llama(&peers);
    let gateway = start_gateway().await;
    gateway.add_upstream("openai", &llama.url, "by-openai").await;
    let secrets = v1::InlineSecrets { values: [("apikey".to_owned(), "any".to_owned())].into() };
    let provider = v1::Provider {
        name: "anthropic".into(),
        r#type: "anthropic".into(),
        base_url: llama.url.trim_end_matches("/v1").into(),
        credential: Some(v1::Credential { source: Some(v1::credential::Source::Inline(secrets)) }),
        ..Default::default()
    };
    let request = v1::CreateProviderRequest { provider: Some(provider) };
    gateway.client.providers().create_provider(request).await.expect("the provider is created");
    gateway.add_model("anthropic", "tiny", "by-anthropic", None).await;
    assert_eq!(same_text(&gateway, "by-anthropic").await, same_text(&gateway, "by-openai").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_edge_gives_the_text_of_a_llama_cpp_server() {
    let Some(peers) = peers() else { return };
    let llama = Server::llama(&peers);
    let gateway = start_gateway().await;
    gateway.add_upstream("llama", &llama.url, "tiny").await;

    let text = same_text(&gateway, "tiny").await;

    let body = json!({"model": "tiny", "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 0.0, "seed": 1, "max_tokens": 24});
    let response = gateway.post("/v1/chat/completions", &body).send().await.expect("an answer");
    let answer: serde_json::Value =
        serde_json::from_str(&response.text().await.expect("text")).expect("JSON");
    assert_eq!(answer["choices"][0]["message"]["content"], text, "gRPC and REST");

    for name in ["openai_python.py", "openai_node.mjs"] {
        let mut command = script(&peers, &gateway, name);
        command.env("MODEL", "tiny");
        println!("{}", run(command).await);
    }
    println!("{}", run(web_client(&peers, &gateway, "tiny")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn vendors_sdks_accept_our_requests() {
    let Some(peers) = peers() else { return };
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let judges = std::fs::read_dir(tests.join("peers/judges")).expect("the judges");
    let judges = judges.map(|entry| entry.expect("a readable folder").path());
    let (mut count, planted) = (0, tempfile::tempdir().expect("a folder"));
    for judge in judges.filter(|path| path.extension().is_some_and(|end| end == "py")) {
        let vendor = judge.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        // What the judges share.
        if ["golden", "strict"].contains(&vendor.as_str()) {
            continue;
        }
        let judge = |folder: &Path| {
            let mut command = Command::new(peers.join("venv/bin/python"));
            command.arg("-B").arg(&judge).arg(folder);
            command
        };
        let requests = tests.join("fixtures").join(vendor.replace('_', "-")).join("requests");
        println!("{vendor}: {}", run(judge(&requests)).await);
        // A judge that takes everything says nothing.
        let planted = planted.path().join(&vendor);
        plant_wrong_request(&requests, &planted);
        let (accepted, text) = outcome(judge(&planted)).await;
        assert!(!accepted && text.contains("refused "), "{vendor} took a wrong request: {text}");
        count += 1;
    }
    assert!(count > 0, "there are judges");
}

/// Writes the text request of a vendor with a body that says nothing which anyone asks for.
fn plant_wrong_request(requests: &Path, planted: &Path) {
    let text = std::fs::read(requests.join("text.json")).expect("a text request");
    let mut request: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    request["body"] = json!({"planted": true});
    std::fs::create_dir_all(planted).expect("a folder");
    std::fs::write(planted.join("text.json"), request.to_string()).expect("a file");
}
