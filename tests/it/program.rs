//! The program itself, as a process of its own: its commands beside `serve`, and the image that holds it.

use std::{
    io::{BufRead as _, BufReader, Read},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
};

use serde_json::{Value, json};

use crate::{
    canary::suite::expect_none,
    support::{ADMIN_KEY, PATIENCE},
};

const MASTER_KEY: &str = "1111111111111111111111111111111111111111111111111111111111111111";

pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
    command.env("SLUICEGATE_ADMIN_KEY", ADMIN_KEY).env("SLUICEGATE_MASTER_KEY", MASTER_KEY);
    command
}

/// A gateway, ended with its test.
pub struct Gateway {
    pub process: Child,
    pub url: String,
}

/// The lines that a gateway logs.
pub struct Log(mpsc::Receiver<String>);

impl Gateway {
    pub fn start(data: &Path, arguments: &[&str]) -> Self {
        Self::start_with(data, arguments, &[])
    }

    /// The same with further variables in its environment.
    pub fn start_with(data: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start_heard(data, arguments, variables).0
    }

    /// A gateway, with what it logs. It logs all that can be logged, and what it says is watched for secrets.
    pub fn start_heard(data: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> (Self, Log) {
        let mut process = program()
            .env("SLUICEGATE_LOG", "trace")
            .envs(variables.iter().copied())
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the gateway starts");
        let log = Log::of(process.stderr.take().expect("its log"));
        let mut line = String::new();
        let output = process.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("a line");
        expect_none("what a gateway prints", line.as_bytes());
        let url = line.trim().strip_prefix("listening on ").expect("its address").to_owned();
        (Self { process, url }, log)
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.process.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    async fn providers(&self) -> Value {
        let answer = reqwest::Client::new()
            .get(format!("{}/sluicegate/v1/providers", self.url))
            .bearer_auth(ADMIN_KEY)
            .send()
            .await
            .expect("an answer");
        serde_json::from_str(&answer.text().await.expect("text")).expect("JSON")
    }
}

impl Log {
    /// Reads on whether anybody listens or not: a gateway waits for who reads its log.
    fn of(log: impl Read + Send + 'static) -> Self {
        let (write, read) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(log).split(b'\n').map_while(Result::ok) {
                expect_none("the log of a gateway", &line);
                let _ = write.send(String::from_utf8_lossy(&line).into_owned());
            }
        });
        Self(read)
    }

    /// Waits until this is logged, and gives the line.
    pub fn tells(&self, text: &str) -> String {
        self.until(text).pop().expect("a line")
    }

    /// The same, and gives all lines until then.
    pub fn until(&self, text: &str) -> Vec<String> {
        let mut told = Vec::new();
        loop {
            let line = self.0.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("{text} is not logged: {told:#?}"));
            let is_it = line.contains(text);
            told.push(line);
            if is_it {
                return told;
            }
        }
    }

    /// What else was logged, up to the end of the gateway.
    pub fn rest(&self) -> String {
        self.0.iter().fold(String::new(), |all, line| all + &line + "\n")
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn run(command: &mut Command) -> (bool, String) {
    let Output { status, stdout, stderr } = command.output().expect("the program runs");
    expect_none("what the program says", &[stdout.as_slice(), &stderr].concat());
    (status.success(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

#[tokio::test]
async fn a_store_is_backed_up_while_it_serves_and_restored_elsewhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, other, copy) =
        (folder.path().join("data"), folder.path().join("other"), folder.path().join("copy.db"));
    let seed = folder.path().join("seed.json");
    let provider = json!({"name": "east", "type": "openai",
        "credential": {"inline": {"values": {"apikey": "sk-0123456789"}}}});
    std::fs::write(&seed, json!([{"createProvider": {"provider": provider}}]).to_string()).expect("the seed");
    let gateway = Gateway::start(&data, &["--config", seed.to_str().expect("a path")]);
    let before = gateway.providers().await;
    assert_eq!(before["providers"][0]["name"], "east");

    let (done, told) = run(program().arg("backup").arg(&copy).arg("--data-dir").arg(&data));
    assert!(done && told.contains("the master key is not in it"), "{told}");
    let (done, told) = run(program().arg("restore").arg(&copy).arg("--data-dir").arg(&other));
    assert!(done && told.contains("restored revision"), "{told}");
    let twin = Gateway::start(&other, &[]);
    assert_eq!(twin.providers().await, before);
}

#[tokio::test]
async fn a_running_gateway_takes_over_what_is_restored() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, other, copy) =
        (folder.path().join("data"), folder.path().join("other"), folder.path().join("copy.db"));
    let gateway = Gateway::start(&data, &[]);
    let before = gateway.providers().await;
    let (done, told) = run(program().arg("backup").arg(&copy).arg("--data-dir").arg(&data));
    assert!(done, "{told}");
    let provider = json!({"provider": {"name": "east", "type": "demo"}});
    let made = reqwest::Client::new()
        .post(format!("{}/sluicegate/v1/providers", gateway.url))
        .bearer_auth(ADMIN_KEY)
        .body(provider.to_string())
        .send();
    assert!(made.await.expect("an answer").status().is_success());
    assert_ne!(gateway.providers().await, before);

    let restore = |data: &Path| {
        let mut command = program();
        command.arg("restore").arg(&copy).arg("--data-dir").arg(data);
        command
    };
    let (done, told) = run(&mut restore(&data));
    assert!(!done && told.contains("add --replace"), "{told}");
    let (done, told) = run(restore(&data).arg("--replace"));
    assert!(done && told.contains("the running gateway takes it over"), "{told}");
    let taken_over = async {
        // Nothing tells when: the gateway looks by itself.
        while gateway.providers().await != before {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, taken_over).await.expect("it is taken over");

    let stranger = Gateway::start(&other, &[]);
    let (done, told) = run(restore(&other).arg("--replace"));
    assert!(!done && told.contains("of another store"), "{told}");
    drop(stranger);
}

#[test]
fn the_health_check_tells_a_ready_gateway_from_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = Gateway::start(folder.path(), &[]);
    let listen = gateway.url.trim_start_matches("http://").to_owned();
    let (healthy, told) = run(program().args(["health", "--listen", &listen]));
    assert!(healthy && told.contains("is ready"), "{told}");
    drop(gateway);
    let (healthy, told) = run(program().args(["health", "--listen", &listen]));
    assert!(!healthy && told.contains("is not ready"), "{told}");
}

#[test]
fn the_image_runs_read_only_and_without_root() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/image.sh");
    let (done, told) =
        run(Command::new(script).arg(env!("CARGO_BIN_EXE_sluicegate")).env("SLUICEGATE_KEY", ADMIN_KEY));
    println!("{told}");
    assert!(done && told.contains("ok "), "{told}");
}
