//! The administration from the command line: the program itself, against a gateway over its live port.

mod audit;
mod exits;
mod files;
mod kept_elsewhere;
mod secrets;
mod shells;
mod tables;
mod twin;

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    canary::suite::expect_none,
    support::{ADMIN_KEY, TestGateway},
};

/// What a command did.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Done {
    /// Standard output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The program, told of the gateway and of the administrator's key by the environment alone.
pub fn sluicegate(url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
    let all = std::env::vars_os().map(|(name, _)| name);
    for name in all.filter(|name| name.to_string_lossy().starts_with("SLUICEGATE_")) {
        command.env_remove(name);
    }
    command.env("SLUICEGATE_SERVER", url).env("SLUICEGATE_API_KEY", ADMIN_KEY);
    command
}

/// Runs a command to its end with this on standard input.
pub async fn finish(mut command: Command, input: &str) -> Done {
    let input = input.to_owned();
    let run = move || {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        // Who does not read its input is no failure.
        let _ = child.stdin.take().expect("its input").write_all(input.as_bytes());
        child.wait_with_output().expect("the program ends")
    };
    let output = tokio::task::spawn_blocking(run).await.expect("it is awaited");
    expect_none("what the program says of what it does", &output.stderr);
    Done {
        code: output.status.code().expect("no signal ended it"),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

/// Runs the program with these arguments.
pub async fn run(gateway: &TestGateway, arguments: &[&str]) -> Done {
    let mut command = sluicegate(&gateway.url);
    command.args(arguments);
    finish(command, "").await
}

/// The same; it must succeed.
pub async fn must(gateway: &TestGateway, arguments: &[&str]) -> Done {
    let done = run(gateway, arguments).await;
    assert_eq!(done.code, 0, "{arguments:?}: {done:?}");
    done
}
