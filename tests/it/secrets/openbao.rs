//! A real OpenBao.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::support::PATIENCE;

/// The token that may do everything.
pub const ROOT: &str = "openbao-root-token-0123456789";

/// The server ends when its standard input does, however its test dies.
const RUN: &str = r#"bao server -dev -dev-no-store-token -dev-root-token-id="$TOKEN" -dev-listen-address="$ADDRESS" 2>&1 &
trap 'kill -9 $!' EXIT
read -r _ || true"#;

/// An OpenBao in development mode: in memory, unsealed, a KV engine of version 2 at `secret`.
pub struct OpenBao {
    pub url: String,
    http: reqwest::Client,
    folder: tempfile::TempDir,
    peers: PathBuf,
    child: Option<Child>,
}

impl OpenBao {
    /// Starts one. `None`, said aloud: the program is not there.
    pub fn start() -> Option<Self> {
        let peers = crate::peers::peers()?;
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let http = sluicegate::http::client().expect("a client");
        let folder = tempfile::tempdir().expect("a folder");
        let mut bao = Self { url: format!("http://127.0.0.1:{port}"), http, folder, peers, child: None };
        bao.come_back();
        Some(bao)
    }

    /// Starts it where it was, with nothing in it.
    pub fn come_back(&mut self) {
        let mut child = Command::new("bash")
            .args(["-c", RUN])
            .env("PATH", crate::peers::path_with(&self.peers))
            .env("HOME", self.folder.path())
            .env("ADDRESS", self.url.trim_start_matches("http://"))
            .env("TOKEN", ROOT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("bash");
        let mut lines =
            BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
        // Before that it refuses to write secrets.
        assert!(lines.any(|line| line.contains("upgrading keys finished")), "OpenBao starts");
        // It may go on talking.
        drop(std::thread::spawn(move || lines.for_each(drop)));
        self.child = Some(child);
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.stdin.take());
            child.wait().expect("it ends");
        }
    }

    /// A call as root; its status and its answer.
    pub async fn ask(&self, method: &str, path: &str, namespace: &str, body: Value) -> (u16, Value) {
        let method = method.parse().expect("a method");
        let request =
            self.http.request(method, format!("{}/v1/{path}", self.url)).header("x-vault-token", ROOT);
        let request = request.header("x-vault-namespace", namespace).body(body.to_string());
        let response = request.timeout(PATIENCE).send().await.expect("OpenBao answers");
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.expect("a body")).unwrap_or_default())
    }

    /// A call as root that must succeed; what it answers.
    pub async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask("POST", path, "", body).await;
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    /// Writes a new version of a secret.
    pub async fn write(&self, path: &str, members: Value) {
        self.post(&format!("secret/data/{path}"), json!({ "data": members })).await;
    }

    /// Makes a policy that lets secrets below this path be read.
    pub async fn let_read(&self, policy: &str, path: &str) {
        let rule = format!("path \"{path}\" {{ capabilities = [\"read\"] }}");
        self.post(&format!("sys/policies/acl/{policy}"), json!({ "policy": rule })).await;
    }

    /// Makes a token.
    pub async fn token(&self, settings: Value) -> String {
        let answer = self.post("auth/token/create", settings).await;
        answer["auth"]["client_token"].as_str().expect("a token").to_owned()
    }

    /// Makes the AppRole `gateway`; its role_id and a secret_id.
    pub async fn app_role(&self, settings: Value) -> (String, String) {
        let (status, answer) = self.ask("POST", "sys/auth/approle", "", json!({ "type": "approle" })).await;
        assert!(status == 204 || answer.to_string().contains("already in use"), "{answer}");
        self.post("auth/approle/role/gateway", settings).await;
        let (_, role) = self.ask("GET", "auth/approle/role/gateway/role-id", "", Value::Null).await;
        let secret = self.post("auth/approle/role/gateway/secret-id", json!({})).await;
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        (text(&role["data"]["role_id"]), text(&secret["data"]["secret_id"]))
    }

    /// The accessors of all tokens but root's.
    pub async fn accessors(&self) -> Vec<String> {
        let (_, answer) = self.ask("LIST", "auth/token/accessors", "", Value::Null).await;
        let (_, root) = self.ask("GET", "auth/token/lookup-self", "", Value::Null).await;
        let accessors: Vec<String> =
            serde_json::from_value(answer["data"]["keys"].clone()).expect("accessors");
        accessors.into_iter().filter(|accessor| root["data"]["accessor"] != **accessor).collect()
    }

    /// Revokes all tokens but root's.
    pub async fn revoke_all(&self) {
        for accessor in self.accessors().await {
            self.post("auth/token/revoke-accessor", json!({ "accessor": accessor })).await;
        }
    }
}

impl Drop for OpenBao {
    fn drop(&mut self) {
        self.kill();
    }
}
