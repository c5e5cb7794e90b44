//! The file holds every event once, whatever happens to the gateway or to the file.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use serde_json::{Value, json};
use sluicegate::store::{self, DataDir};
use sluicegate_client::v1::{AccessRole, ListAuditEventsRequest};

use crate::{
    program,
    rest::sent,
    support::{ADMIN_KEY, PATIENCE, TestGateway, start_gateway_in, start_gateway_with},
};

/// Numbers and hashes of the lines.
fn lines(path: &Path) -> Vec<(i64, String)> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let read = |line: &str| {
        let event: Value = serde_json::from_str(line).expect("JSON");
        let sequence = event["sequence"].as_str().expect("a number").parse().expect("a number");
        (sequence, event["hash"].as_str().expect("a hash").to_owned())
    };
    // The last one may be half written.
    text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(read).collect()
}

/// Waits until the file holds so many lines.
async fn holds(path: &Path, count: usize) -> Vec<(i64, String)> {
    let written = async {
        while lines(path).len() < count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let outcome = tokio::time::timeout(PATIENCE, written).await;
    assert!(outcome.is_ok(), "{count} lines come: {:?}", lines(path));
    lines(path)
}

async fn stored(gateway: &TestGateway) -> Vec<(i64, String)> {
    let events = gateway.audit_events(ListAuditEventsRequest::default()).await;
    events.into_iter().map(|event| (event.sequence, event.hash)).collect()
}

fn flags(path: &Path) -> [&str; 2] {
    ["--audit-file", path.to_str().expect("a path")]
}

#[tokio::test]
async fn the_file_holds_what_the_store_holds_and_only_its_owner_reads_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit.jsonl");
    let gateway = start_gateway_with(&flags(&path)).await;
    gateway.add_demo().await;
    let (status, _) = sent(gateway.http.get(format!("{}/v1/models", gateway.url))).await;
    assert_eq!(status, 401);
    gateway.audited_refusals(|refused| !refused.is_empty()).await;
    let all = stored(&gateway).await;
    assert_eq!(holds(&path, all.len()).await, all);
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&path).expect("text");
    let line: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
    assert_eq!(
        (&line["outcome"], &line["reason"]),
        (&json!("AUDIT_OUTCOME_REFUSED"), &json!("ERROR_REASON_UNAUTHENTICATED"))
    );
}

#[tokio::test]
async fn a_start_goes_on_after_the_last_whole_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit.jsonl");
    let mut gateway = start_gateway_with(&flags(&path)).await;
    for half in [0, 1, 40] {
        gateway.member(AccessRole::User, &[]).await;
        let TestGateway { app, data, .. } = gateway;
        app.stop().await;
        let mut text = fs::read(&path).expect("the file");
        assert!(text.ends_with(b"\n"), "nothing is missing at the end");
        // As a crash leaves it.
        text.truncate(text.len() - half);
        fs::write(&path, &text).expect("cut");
        // What was changed meanwhile is written, too.
        let other = start_gateway_in(data, &[]).await;
        other.member(AccessRole::User, &[]).await;
        let TestGateway { app, data, .. } = other;
        app.stop().await;
        gateway = start_gateway_in(data, &flags(&path)).await;
        let all = stored(&gateway).await;
        assert_eq!(holds(&path, all.len()).await, all, "after {half} bytes were cut off");
    }
}

#[tokio::test]
async fn a_store_that_was_put_back_shows_in_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, copy) = (folder.path().join("audit.jsonl"), folder.path().join("copy.db"));
    let gateway = start_gateway_with(&flags(&path)).await;
    store::back_up(gateway.data.path(), &copy).await.expect("a copy");
    for _ in 0..5 {
        gateway.member(AccessRole::User, &[]).await;
    }
    let all = stored(&gateway).await;
    let before = holds(&path, all.len()).await;
    let TestGateway { app, data, .. } = gateway;
    app.stop().await;
    let dir = DataDir::open(data.path()).expect("it is free");
    store::restore(&dir, &copy, true).await.expect("restored");
    drop(dir);
    let gateway = start_gateway_in(data, &flags(&path)).await;
    let all = stored(&gateway).await;
    let now = holds(&path, before.len() + all.len()).await;
    assert_eq!(now[..before.len()], before, "what was written stays");
    assert_eq!(now[before.len()..], all, "and all that there is now comes after it");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_stops_nothing_and_is_tried_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("later/audit.jsonl");
    let gateway = start_gateway_with(&flags(&path)).await;
    gateway.add_demo().await;
    assert!(!path.exists());
    fs::create_dir(folder.path().join("later")).expect("a folder");
    let all = stored(&gateway).await;
    assert_eq!(holds(&path, all.len()).await, all);
}

#[tokio::test]
async fn a_file_that_was_moved_away_is_made_anew_at_the_signal() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, moved) = (folder.path().join("audit.jsonl"), folder.path().join("audit.jsonl.1"));
    let data = folder.path().join("data");
    let gateway = program::Gateway::start(&data, &flags(&path));
    let make = async |name: &str| {
        let request = reqwest::Client::new().post(format!("{}/sluicegate/v1/providers", gateway.url));
        let body = json!({"provider": {"name": name, "type": "demo"}}).to_string();
        assert_eq!(sent(request.bearer_auth(ADMIN_KEY).body(body)).await.0, 201);
    };
    make("one").await;
    let first = holds(&path, 4).await;
    fs::rename(&path, &moved).expect("moved");
    gateway.signal("-HUP");
    let made = async {
        while !path.exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, made).await.expect("a new file");
    make("two").await;
    let second = holds(&path, 1).await;
    assert_eq!(lines(&moved), first);
    assert_eq!(
        second[0].0,
        first.last().expect("a line").0 + 1,
        "nothing is missing and nothing is there twice"
    );
}

#[tokio::test]
async fn a_killed_gateway_leaves_no_event_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, data) = (folder.path().join("audit.jsonl"), folder.path().join("data"));
    for round in 0..3 {
        let mut gateway = program::Gateway::start(&data, &flags(&path));
        for number in 0..4 {
            let request = reqwest::Client::new().post(format!("{}/sluicegate/v1/providers", gateway.url));
            let body =
                json!({"provider": {"name": format!("p{round}-{number}"), "type": "demo"}}).to_string();
            assert_eq!(sent(request.bearer_auth(ADMIN_KEY).body(body)).await.0, 201);
        }
        gateway.process.kill().expect("killed");
        gateway.process.wait().expect("ended");
    }
    let _gateway = program::Gateway::start(&data, &flags(&path));
    let all = holds(&path, 3 + 12).await;
    let numbers: Vec<_> = all.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=i64::try_from(numbers.len()).unwrap()).collect::<Vec<_>>());
}
