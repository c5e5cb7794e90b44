//! Seed files, by the program itself: what it reads, what it says of mistakes, what it does when a file changes, and the
//! files that it writes.

mod export;
mod problems;
mod reload;
mod schema;

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
};

use serde_json::Value;

use crate::support::{ADMIN_KEY, PATIENCE};

/// Secrets that the files of these tests name.
const VARIABLES: [(&str, &str); 6] = [
    ("EAST_KEY", "sk-east-0123456789abcdef"),
    ("WEST_KEY", "sk-west-0123456789abcdef"),
    ("PROXY_PASSWORD", "proxy-secret-0123"),
    ("CI_KEY", "ci-key-0123456789abcdef"),
    ("ANALYST_KEY", "analyst-key-0123456789"),
    ("OPENAI_API_KEY", "sk-openai-0123456789abcdef"),
];

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
    command.env("SLUICEGATE_ADMIN_KEY", ADMIN_KEY).envs(VARIABLES);
    command
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What a command says: whether it is content, its output, and its errors.
fn run(command: &mut Command) -> (bool, String, String) {
    let output = command.output().expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// A gateway that was given a seed file, ended with its test.
struct Gateway {
    process: Child,
    url: String,
    log: Receiver<String>,
}

impl Gateway {
    fn start(data: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut process = program()
            .envs(variables.iter().copied())
            .args(["serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--data-dir"])
            .arg(data)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the gateway starts");
        let (send, log) = channel();
        let errors = BufReader::new(process.stderr.take().expect("its log"));
        std::thread::spawn(move || errors.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let Some(url) = line.trim().strip_prefix("listening on ") else {
            let _ = process.wait();
            panic!("the gateway does not start: {:?}", log.iter().collect::<Vec<_>>());
        };
        Self { process, url: url.to_owned(), log }
    }

    /// Waits for a line of the log.
    fn logs(&self, text: &str) -> String {
        loop {
            let line = self.log.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{text} is logged"));
            if line.contains(text) {
                return line;
            }
        }
    }

    fn export(&self, arguments: &[&str]) -> (bool, String, String) {
        run(program().args(["export", "--server", &self.url]).args(arguments))
    }

    async fn read(&self, path: &str) -> Value {
        let request = reqwest::Client::new().get(format!("{}{path}", self.url)).bearer_auth(ADMIN_KEY);
        let text = request.send().await.expect("an answer").text().await.expect("text");
        serde_json::from_str(&text).expect("JSON")
    }

    async fn delete(&self, path: &str) {
        let request = reqwest::Client::new().delete(format!("{}{path}", self.url)).bearer_auth(ADMIN_KEY);
        assert!(request.send().await.expect("an answer").status().is_success());
    }

    fn hang_up(&self) {
        let sent = Command::new("kill").args(["-HUP", &self.process.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Every resource with all that is known of it, times and etags included.
    async fn everything(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for kind in ["tenant", "providers", "models", "api-keys", "policies", "rate-limits"] {
            all.push(self.read(&format!("/sluicegate/v1/{kind}")).await);
        }
        all
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
