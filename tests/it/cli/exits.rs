//! Codes and errors that scripts can tell apart.

use std::{
    io::Read as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;
use sluicegate_client::v1;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Done, finish, must, run, sluicegate};
use crate::support::{CERTIFICATE, TestGateway, start_gateway, start_gateway_with};

/// Runs it; it must fail with this code and say these words, as text and as JSON.
async fn fails(gateway: &TestGateway, arguments: &[&str], code: i32, words: &str) {
    let done = run(gateway, arguments).await;
    assert_eq!(done.code, code, "{arguments:?}: {done:?}");
    assert!(done.err.starts_with("error: ") && done.err.contains(words), "{arguments:?}: {done:?}");
    assert_eq!(done.out, "", "{arguments:?}");
}

async fn away(url: &str, arguments: &[&str]) -> Done {
    let mut command = sluicegate(url);
    command.args(arguments);
    finish(command, "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_have_codes_of_their_own() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    fails(&gateway, &["provider", "list", "--no-such-flag"], 2, "--no-such-flag").await;
    fails(&gateway, &["provider"], 2, "").await;
    fails(&gateway, &["provider", "create", "x", "--type", "no-such-type"], 2, "no-such-type").await;
    fails(&gateway, &["provider", "create", "x", "--setting", "oops"], 2, "NAME=VALUE").await;
    fails(&gateway, &["rate-limit", "create", "--requests", "15"], 2, "15/1m").await;
    fails(&gateway, &["rate-limit", "create", "--request-capacity", "15"], 2, "--requests 15/1m").await;
    fails(&gateway, &["api-key", "create", "x", "--role", "user", "--expires", "soon"], 2, "30d").await;
    fails(&gateway, &["policy", "create", "--file", "no/such/file"], 2, "no/such/file cannot be read").await;
    for noun in ["provider", "model", "api-key", "policy", "rate-limit"] {
        fails(&gateway, &[noun, "get", "nobody"], 3, "nobody").await;
        fails(&gateway, &[noun, "update", "nobody", "--label", "a=b"], 3, "nobody").await;
        fails(&gateway, &[noun, "delete", "--", "nobody"], 3, "nobody").await;
    }
    fails(&gateway, &["provider", "create", "demo", "--type", "demo", "--label", "a=b"], 4, "demo").await;
    fails(&gateway, &["api-key", "delete", "bootstrap-admin"], 4, "last").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_before_a_failure_is_told() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let done = run(&gateway, &["provider", "delete", "demo", "nobody", "never-reached"]).await;
    assert_eq!((done.code, done.out.as_str()), (3, "deleted provider \"demo\"\n"), "{done:?}");
    assert!(done.err.contains("nobody") && !done.err.contains("never-reached"), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_json_where_the_output_is() {
    let gateway = start_gateway().await;
    let done = run(&gateway, &["provider", "get", "nobody", "--output", "json"]).await;
    let error: Value = serde_json::from_str(&done.err).expect("JSON");
    assert_eq!(done.code, 3);
    assert_eq!(error["error"]["reason"], "PROVIDER_NOT_FOUND", "{error}");
    assert_eq!(error["error"]["field"], "id", "{error}");
    assert!(error["error"]["message"].as_str().expect("words").contains("nobody"), "{error}");
    assert!(error["error"]["request_id"].as_str().expect("an id").starts_with("req-"), "{error}");
    assert_eq!(done.out, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_in_between_is_a_conflict() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let read = must(&gateway, &["provider", "get", "demo", "-o", "yaml"]).await.out;
    must(&gateway, &["provider", "update", "demo", "--label", "first=1"]).await;
    let mut command = sluicegate(&gateway.url);
    command.args(["provider", "update", "demo", "--file", "-", "--label", "second=2"]);
    let done = finish(command, &read).await;
    assert_eq!(done.code, 4, "{done:?}");
    assert!(done.err.contains("changed since it was read"), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_told_so() {
    let gateway = start_gateway().await;
    for (key, words) in
        [("wrong-key-0123456789", "SLUICEGATE_API_KEY"), ("ctrl\u{7}", "characters that no key has")]
    {
        let mut command = sluicegate(&gateway.url);
        command.env("SLUICEGATE_API_KEY", key).args(["model", "list"]);
        let done = finish(command, "").await;
        assert!(done.err.contains(words) && !done.err.contains(key), "{done:?}");
        assert_eq!(done.code, if key.starts_with("wrong") { 5 } else { 2 }, "{done:?}");
    }
    let mut command = sluicegate(&gateway.url);
    command.env_remove("SLUICEGATE_API_KEY").args(["model", "list"]);
    let done = finish(command, "").await;
    assert!(done.code == 5 && done.err.contains("there is no API key; set SLUICEGATE_API_KEY"), "{done:?}");

    let user = gateway.key(v1::AccessRole::User).await;
    let mut command = sluicegate(&gateway.url);
    command.env("SLUICEGATE_API_KEY", user).args(["provider", "list"]);
    let done = finish(command, "").await;
    assert_eq!(done.code, 5, "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_there_is_told_from_who_is_no_gateway() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = format!("http://{}", free.local_addr().expect("an address"));
    drop(free);
    let done = away(&nobody, &["model", "list"]).await;
    assert!(done.code == 6 && done.err.contains("look whether it runs"), "{done:?}");

    let gateway = start_gateway().await;
    let done = away(&gateway.url.replace("http", "https"), &["model", "list"]).await;
    assert!(done.code == 6 && done.err.contains("whether it is http"), "{done:?}");
    let bare = gateway.url.trim_start_matches("http://");
    assert_eq!(away(bare, &["model", "list"]).await.code, 0);
    for wrong in ["ftp://127.0.0.1", "http://", "http://user:word@127.0.0.1", "http://127.0.0.1/v1", ""] {
        let done = away("http://127.0.0.1:1", &["model", "list", "--server", wrong]).await;
        assert!(done.code == 2 && done.err.contains("is no address of a gateway"), "{wrong}: {done:?}");
    }

    // A server that speaks HTTP/1.1 only.
    let other = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", other.local_addr().expect("an address"));
    crate::support::spawn(async move {
        while let Ok((mut stream, _)) = other.accept().await {
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        }
    });
    let done = away(&url, &["model", "list"]).await;
    assert!(done.code == 6 && done.err.contains("is no Sluicegate gateway"), "{done:?}");

    // One that never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    let done = away(&url, &["model", "list", "--timeout-seconds", "0.2"]).await;
    assert!(done.code == 6 && done.err.contains("--timeout-seconds"), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_behind_tls_is_trusted_by_its_authority_only() {
    let gateway = start_gateway_with(&["--tls-self-signed"]).await;
    let certificate = gateway.data.path().join(CERTIFICATE);
    let stranger = tempfile::NamedTempFile::new().expect("a file");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(stranger.path(), made.cert.pem()).expect("a file");
    let trusting = |authority: &Path| {
        let mut command = sluicegate(&gateway.url);
        command.env("SLUICEGATE_CA_CERT", authority).args(["tenant", "get"]);
        command
    };
    assert!(gateway.url.starts_with("https://"));
    assert_eq!(finish(trusting(&certificate), "").await.code, 0);
    for done in [run(&gateway, &["tenant", "get"]).await, finish(trusting(stranger.path()), "").await] {
        assert!(
            done.code == 6 && done.err.contains("not trusted; name the authority by --ca-cert"),
            "{done:?}"
        );
    }
    let empty = tempfile::NamedTempFile::new().expect("a file");
    for wrong in [Path::new("no/such/file"), empty.path()] {
        let done = finish(trusting(wrong), "").await;
        assert!(done.code == 2 && done.err.contains("--ca-cert"), "{done:?}");
    }
    let done = away(&gateway.url.replace("https", "http"), &["tenant", "get"]).await;
    assert!(done.code == 2 && done.err.contains("call it by https://"), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_leaves_is_no_failure() {
    let gateway = start_gateway().await;
    let url = gateway.url.clone();
    for arguments in [&["provider", "types", "-o", "json"][..], &["completion", "bash"]] {
        let mut command: Command = sluicegate(&url);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let ended = tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().expect("the program starts");
            drop(child.stdout.take());
            let mut said = String::new();
            child.stderr.take().expect("its errors").read_to_string(&mut said).expect("text");
            (child.wait().expect("it ends").code(), said)
        });
        assert_eq!(ended.await.expect("awaited"), (Some(0), String::new()), "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_a_failure() {
    let Ok(full) = std::fs::File::options().write(true).open("/dev/full") else { return };
    let gateway = start_gateway().await;
    let mut command = sluicegate(&gateway.url);
    command.args(["provider", "types"]).stdout(full).stderr(Stdio::piped());
    let output =
        tokio::task::spawn_blocking(move || command.output().expect("it runs")).await.expect("awaited");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot be written"));
}
