//! Old events go, and the rest is still proved.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use sluicegate::{
    audit::retain,
    clock::Clock,
    proto::v1::{AccessRole, ApiKey},
    secrets::{MasterKeys, Sealer},
    state::{Change, Connector, Origin, State, StoredKey},
    store::{DataDir, Store},
    task::Tasks,
};
use sqlx::{ConnectOptions as _, Executor as _, sqlite::SqliteConnectOptions};

use crate::support::PATIENCE;

const START: u64 = 1_767_225_600;
const DAY: u64 = 24 * 3600;

async fn open(dir: &Path, clock: &Clock) -> State {
    let keys = MasterKeys::parse(&"07".repeat(32)).expect("keys");
    let sealer = Arc::new(Sealer::new(&keys).expect("a sealer"));
    let store = Store::open(DataDir::open(dir).expect("the folder")).await.expect("the store");
    let connector = Connector::new(sealer);
    State::open(store, connector, clock.clone(), Tasks::default()).await.expect("it opens").0
}

/// One commit of so many keys.
async fn add(state: &State, day: u64, count: u64) {
    let put = |number: u64| {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&day.to_be_bytes());
        hash[8..16].copy_from_slice(&number.to_be_bytes());
        let id = format!("{day}-{number}");
        let key = ApiKey { name: id.clone(), id, role: AccessRole::User.into(), ..ApiKey::default() };
        Change::PutKey(Box::new(StoredKey { key, hash, previous: None }))
    };
    state.change(&Origin::own("Test"), |_| Ok(((0..count).map(put).collect(), ()))).await.expect("committed");
}

#[tokio::test]
async fn what_is_older_than_the_days_goes_and_the_rest_is_intact() {
    let dir = tempfile::tempdir().expect("a folder");
    let clock = Clock::test(START);
    let state = open(dir.path(), &clock).await;
    // More than one step of the removal.
    add(&state, 1, 1200).await;
    clock.advance(40 * DAY);
    add(&state, 2, 5).await;
    let tasks = Tasks::default();
    tasks.spawn(retain(state.clone(), 30, clock.clone(), tasks.clone()));
    let gone = async {
        while state.verify_audit_log().await.expect("a verdict").first != 1203 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("the old ones go");
    tasks.drain().await;
    let verdict = state.verify_audit_log().await.expect("a verdict");
    let first = state.audit_events_after(0).await.expect("events");
    assert!(verdict.broken.is_none(), "{verdict:?}");
    assert_eq!(first[0].sequence, 1203);
    let told: Vec<_> =
        first.iter().filter(|event| event.action == "Retention").map(|event| &*event.message).collect();
    let expected = ["removed events 1 to 500", "removed events 501 to 1000", "removed events 1001 to 1202"];
    assert_eq!(told, expected);

    state.close().await;
    drop(state);
    let state = open(dir.path(), &clock).await;
    assert_eq!(state.verify_audit_log().await.expect("a verdict"), verdict, "and after a start");
}

#[tokio::test]
async fn all_may_go_and_the_next_events_follow() {
    let dir = tempfile::tempdir().expect("a folder");
    let clock = Clock::test(START);
    let state = open(dir.path(), &clock).await;
    clock.advance(40 * DAY);
    let now = UNIX_EPOCH + Duration::from_secs(START + 40 * DAY);
    assert!(!state.forget_audit_events(now).await.expect("removed"));
    // Only what tells of the removal is there.
    let verdict = state.verify_audit_log().await.expect("a verdict");
    assert_eq!((verdict.events, verdict.first, verdict.broken), (1, 3, None));
    add(&state, 1, 1).await;
    state.close().await;
    drop(state);
    let state = open(dir.path(), &clock).await;
    let verdict = state.verify_audit_log().await.expect("a verdict");
    assert_eq!((verdict.events, verdict.last, verdict.broken), (2, 4, None));
}

/// Else the gateway itself would remove what somebody wants to be gone, and prove that it was right.
#[tokio::test]
async fn events_that_were_made_old_by_hand_are_not_removed() {
    let dir = tempfile::tempdir().expect("a folder");
    let clock = Clock::test(START);
    let state = open(dir.path(), &clock).await;
    add(&state, 1, 3).await;
    let options = SqliteConnectOptions::new().filename(dir.path().join("sluicegate.db"));
    let mut store = options.connect().await.expect("the store");
    store.execute("UPDATE audit SET time = 0").await.expect("made old");
    let before = UNIX_EPOCH + Duration::from_secs(START - DAY);
    assert!(!state.forget_audit_events(before).await.expect("nothing is removed"));
    let verdict = state.verify_audit_log().await.expect("a verdict");
    assert_eq!((verdict.events, verdict.broken), (5, Some(1)));
}
