//! Whoever has the file of the store, but not the key, can change nothing unseen.

use sluicegate_client::v1::{AccessRole, VerifyAuditLogResponse};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, sqlite::SqliteConnectOptions};

use crate::support::{TestGateway, start_gateway, start_gateway_in};

/// Does this to the store by hand, while the gateway runs.
pub(super) async fn tamper(gateway: &TestGateway, sql: &'static str) {
    let options = SqliteConnectOptions::new().filename(gateway.data.path().join("sluicegate.db"));
    let mut store = options.connect().await.expect("the store");
    store.execute(sql).await.expect("it is done");
    store.close().await.expect("closed");
}

/// A gateway with ten events.
async fn gateway() -> TestGateway {
    let gateway = start_gateway().await;
    while gateway.verify_audit_log().await.last_sequence < 10 {
        gateway.member(AccessRole::User, &[]).await;
    }
    gateway
}

fn broken(sequence: i64, verdict: &VerifyAuditLogResponse) -> bool {
    (verdict.intact, verdict.broken_sequence) == (false, sequence)
}

#[tokio::test]
async fn an_untouched_log_is_intact() {
    let gateway = gateway().await;
    let verdict = gateway.verify_audit_log().await;
    let expected = VerifyAuditLogResponse {
        intact: true,
        checked_events: 10,
        first_sequence: 1,
        last_sequence: 10,
        broken_sequence: 0,
    };
    assert_eq!(verdict, expected);
}

#[tokio::test]
async fn whatever_is_done_to_the_rows_is_told_with_the_first_that_is_wrong() {
    for (sql, sequence) in [
        ("UPDATE audit SET payload = x'00' WHERE sequence = 4", 4),
        ("UPDATE audit SET payload = (SELECT payload FROM audit WHERE sequence = 3) WHERE sequence = 4", 4),
        ("UPDATE audit SET hash = x'00' WHERE sequence = 4", 4),
        // What events are found by: else one could be hidden from who looks for it.
        ("UPDATE audit SET actor_name = 'nobody' WHERE sequence = 4", 4),
        ("UPDATE audit SET time = 0 WHERE sequence = 1", 1),
        ("UPDATE audit SET outcome = 2 WHERE sequence = 10", 10),
        ("DELETE FROM audit WHERE sequence = 1", 1),
        ("DELETE FROM audit WHERE sequence = 4", 4),
        ("DELETE FROM audit WHERE sequence IN (4, 7)", 4),
        (
            "UPDATE audit SET sequence = 99 WHERE sequence = 4; UPDATE audit SET sequence = 4 WHERE sequence = 5; \
          UPDATE audit SET sequence = 5 WHERE sequence = 99",
            4,
        ),
        // The tail.
        ("DELETE FROM audit WHERE sequence = 10", 10),
        ("DELETE FROM audit WHERE sequence > 7", 8),
        ("DELETE FROM audit", 1),
        ("DELETE FROM audit; DELETE FROM audit_ends", 1),
        (
            "DELETE FROM audit WHERE sequence > 7; UPDATE audit_ends SET sequence = 7, \
          hash = (SELECT hash FROM audit WHERE sequence = 7) WHERE name = 'last'",
            8,
        ),
        // Events that never were.
        (
            "INSERT INTO audit SELECT 11, time, outcome, action, actor_id, actor_name, resource, payload, hash \
          FROM audit WHERE sequence = 10",
            11,
        ),
        // A retention that never was.
        (
            "DELETE FROM audit WHERE sequence <= 3; INSERT INTO audit_ends SELECT 'first', 3, 1, \
          (SELECT hash FROM audit WHERE sequence = 4), proof FROM audit_ends WHERE name = 'last'",
            3,
        ),
    ] {
        let gateway = gateway().await;
        tamper(&gateway, sql).await;
        let verdict = gateway.verify_audit_log().await;
        assert!(broken(sequence, &verdict), "{sql}: {verdict:?}");
    }
}

#[tokio::test]
async fn a_log_that_was_cut_off_stays_broken_whatever_comes_after() {
    for sql in [
        "DELETE FROM audit WHERE sequence > 7",
        "DELETE FROM audit WHERE sequence > 7; DELETE FROM audit_ends",
        "DELETE FROM audit WHERE sequence > 7; UPDATE audit_ends SET sequence = 7, \
         hash = (SELECT hash FROM audit WHERE sequence = 7) WHERE name = 'last'",
    ] {
        let gateway = gateway().await;
        tamper(&gateway, sql).await;
        gateway.member(AccessRole::User, &[]).await;
        assert!(broken(8, &gateway.verify_audit_log().await), "{sql}");

        let TestGateway { app, data, .. } = gateway;
        app.stop().await;
        let gateway = start_gateway_in(data, &[]).await;
        tamper(&gateway, sql).await;
        let TestGateway { app, data, .. } = gateway;
        app.stop().await;
        let gateway = start_gateway_in(data, &[]).await;
        gateway.member(AccessRole::User, &[]).await;
        assert!(broken(8, &gateway.verify_audit_log().await), "{sql}, after a start");
        let told = gateway.audited_changes().await;
        assert!(told.iter().any(|event| event.action == "Damage"), "{told:#?}");
    }
}

#[tokio::test]
async fn what_is_in_the_way_of_the_next_event_stops_no_change() {
    let gateway = gateway().await;
    tamper(
        &gateway,
        "INSERT INTO audit SELECT 11, time, outcome, action, actor_id, actor_name, resource, payload, hash \
         FROM audit WHERE sequence = 10",
    )
    .await;
    let key = sluicegate_client::v1::ApiKey {
        role: AccessRole::User.into(),
        name: "a".into(),
        ..Default::default()
    };
    let request = sluicegate_client::v1::CreateApiKeyRequest { api_key: Some(key), secret: String::new() };
    gateway.client.access().create_api_key(request.clone()).await.expect_err("its number is taken");
    gateway.client.access().create_api_key(request).await.expect("the next one is not");
    assert!(broken(11, &gateway.verify_audit_log().await));
}

#[tokio::test]
async fn a_change_of_the_store_from_outside_has_an_event() {
    let gateway = gateway().await;
    tamper(&gateway, "DELETE FROM records WHERE kind = 'policy'; UPDATE meta SET value = value + 1").await;
    let told = async {
        while !gateway.audited_changes().await.iter().any(|event| event.action == "Restore") {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::support::PATIENCE, told).await.expect("the gateway notices it");
    assert!(gateway.verify_audit_log().await.intact);
}
