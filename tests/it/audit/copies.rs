//! Copies of the store hold the log; what is put back is told.

use std::path::Path;

use sluicegate::store::{self, DataDir};
use sluicegate_client::v1::AccessRole;

use crate::support::{PATIENCE, TestGateway, start_gateway, start_gateway_in};

async fn copied(gateway: &TestGateway, to: &Path) {
    store::back_up(gateway.data.path(), to).await.expect("a copy");
}

#[tokio::test]
async fn a_copy_that_is_put_in_place_brings_its_log_and_an_event() {
    let gateway = start_gateway().await;
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("copy.db");
    gateway.member(AccessRole::User, &[]).await;
    let kept = gateway.audited_changes().await;
    copied(&gateway, &copy).await;
    gateway.member(AccessRole::User, &[]).await;

    let TestGateway { app, data, .. } = gateway;
    app.stop().await;
    let dir = DataDir::open(data.path()).expect("it is free");
    store::restore(&dir, &copy, true).await.expect("restored");
    drop(dir);
    let gateway = start_gateway_in(data, &[]).await;
    let events = gateway.audited_changes().await;
    assert_eq!(events[..kept.len()], kept);
    assert_eq!(events[kept.len()].action, "Restore");
    assert_eq!(events.len(), kept.len() + 1, "and it is told once: {events:#?}");
    assert!(gateway.verify_audit_log().await.intact);
}

#[tokio::test]
async fn what_is_put_into_a_running_gateway_leaves_its_log_and_adds_an_event() {
    let gateway = start_gateway().await;
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("copy.db");
    copied(&gateway, &copy).await;
    gateway.member(AccessRole::User, &[]).await;
    let kept = gateway.audited_changes().await;
    store::restore_live(gateway.data.path(), &copy, sluicegate::state::OWN).await.expect("restored");
    let told = async {
        loop {
            let events = gateway.audited_changes().await;
            if events.len() > kept.len() {
                return events;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let events = tokio::time::timeout(PATIENCE, told).await.expect("the gateway notices it");
    assert_eq!(events[..kept.len()], kept);
    assert_eq!(events[kept.len()].action, "Restore");
    assert!(gateway.verify_audit_log().await.intact);
}
