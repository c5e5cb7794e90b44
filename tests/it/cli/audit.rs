//! The audit log from the command line.

use sqlx::{ConnectOptions as _, Executor as _, sqlite::SqliteConnectOptions};

use super::{finish, must, run, sluicegate};
use crate::support::{ADMIN_KEY, start_gateway};

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_is_listed_newest_first_by_all_that_is_given() {
    let gateway = start_gateway().await;
    for name in ["a", "b", "c"] {
        must(&gateway, &["provider", "create", name, "--type", "demo"]).await;
    }
    must(&gateway, &["provider", "delete", "b"]).await;
    let list = |more: &'static [&'static str]| {
        let gateway = &gateway;
        async move {
            let list = must(gateway, &[&["audit", "list", "-o", "json"], more].concat()).await.json();
            let name = |event: &serde_json::Value| event["resourceName"].as_str().unwrap_or("-").to_owned();
            list.as_array().expect("a list").iter().map(name).collect::<Vec<_>>().join(" ")
        }
    };
    assert_eq!(list(&["--action", "CreateProvider"]).await, "c b a");
    assert_eq!(list(&["--action", "CreateProvider", "--limit", "2"]).await, "c b");
    assert_eq!(list(&["--resource", "provider", "--since", "1h", "--all"]).await, "b c b a");
    assert_eq!(list(&["--resource", "provider", "--until", "1h"]).await, "");
    assert_eq!(list(&["--resource", "provider", "--outcome", "refused"]).await, "");
    assert_eq!(list(&["--actor", "nobody"]).await, "");

    let table = must(&gateway, &["audit", "list", "--action", "DeleteProvider"]).await.out;
    let (head, row) = table.split_once('\n').expect("two lines");
    let titles: Vec<_> = head.split_whitespace().collect();
    assert_eq!(
        titles,
        ["SEQUENCE", "TIME", "OUTCOME", "ACTION", "ACTOR", "SOURCE", "RESOURCE", "NAME"],
        "{table}"
    );
    let cells: Vec<_> = row.split_whitespace().collect();
    assert_eq!(
        (cells[1].len(), cells[2], cells[3]),
        ("2030-01-31T00:00:00Z".len(), "changed", "DeleteProvider")
    );
    assert!(cells[6].starts_with("provider:") && cells[7] == "b", "{table}");

    let url = format!("{}/sluicegate/v1/audit-events?page_size=1&action=DeleteProvider", gateway.url);
    let answer = gateway.http.get(url).bearer_auth(ADMIN_KEY).send().await.expect("an answer");
    let rest: serde_json::Value = serde_json::from_str(&answer.text().await.expect("text")).expect("JSON");
    let told = must(&gateway, &["audit", "list", "--action", "DeleteProvider", "-o", "json"]).await.json();
    assert_eq!(told, rest["auditEvents"]);
    let wrong = run(&gateway, &["audit", "list", "--since", "yesterday"]).await;
    assert!(wrong.code == 2 && wrong.err.contains("e.g. 30d"), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_verifies_the_log_and_a_changed_one_fails() {
    let gateway = start_gateway().await;
    let made = must(&gateway, &["api-key", "create", "auditor", "--role", "audit"]).await;
    let verify = async || {
        let mut command = sluicegate(&gateway.url);
        command.env("SLUICEGATE_API_KEY", made.out.trim()).args(["audit", "verify"]);
        finish(command, "").await
    };
    let whole = verify().await;
    assert!(whole.code == 0 && whole.out.starts_with("intact:         true\n"), "{whole:?}");
    let path = gateway.data.path().join("sluicegate.db");
    let mut store = SqliteConnectOptions::new().filename(path).connect().await.expect("the store");
    store.execute("UPDATE audit SET payload = x'00' WHERE sequence = 2").await.expect("a forgery");
    let broken = verify().await;
    assert_eq!(broken.code, 1, "{broken:?}");
    assert!(
        broken.out.starts_with("intact:") && broken.err.contains("event 2 is missing or changed"),
        "{broken:?}"
    );
}
