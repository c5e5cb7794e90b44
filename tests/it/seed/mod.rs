//! Seed files, by the program itself: what it reads, what it says of mistakes, what it does when a file changes, and the
//! files that it writes.

mod export;
mod problems;
mod reload;
mod schema;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{program::Log, support::ADMIN_KEY};

/// Secrets that the files of these tests name.
const VARIABLES: [(&str, &str); 9] = [
    ("EAST_KEY", "sk-east-0123456789abcdef"),
    ("WEST_KEY", "sk-west-0123456789abcdef"),
    ("PROXY_PASSWORD", "proxy-secret-0123"),
    ("CI_KEY", "ci-key-0123456789abcdef"),
    ("ANALYST_KEY", "analyst-key-0123456789"),
    ("OPENAI_API_KEY", "sk-openai-0123456789abcdef"),
    ("VAULT_SECRET_ID", "vault-secret-0123456789"),
    ("HUB_PASSWORD", "hub-password-0123456789"),
    ("VAULT_TOKEN", "vault-token-0123456789"),
];

fn program() -> Command {
    let mut command = crate::program::program();
    command.envs(VARIABLES);
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
    process: crate::program::Gateway,
    url: String,
    log: Log,
}

impl Gateway {
    fn start(data: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let arguments = [&["--log-format", "json"], arguments].concat();
        let variables = [&VARIABLES, variables].concat();
        let (process, log) = crate::program::Gateway::start_heard(data, &arguments, &variables);
        Self { url: process.url.clone(), process, log }
    }

    /// Waits for a line of the log.
    fn logs(&self, text: &str) -> String {
        self.log.tells(text)
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
        self.process.signal("-HUP");
    }

    /// Every resource with all that is known of it, times and etags included.
    async fn everything(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for kind in [
            "tenant",
            "secret-managers",
            "providers",
            "models",
            "issuers",
            "api-keys",
            "policies",
            "rate-limits",
        ] {
            all.push(self.read(&format!("/sluicegate/v1/{kind}")).await);
        }
        all
    }
}
