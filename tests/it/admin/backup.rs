//! Copies of the store hold one moment, whole and sealed, and take a store's place wholly or not at all.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use sluicegate::{
    error::Reason,
    proto::v1::AccessRole,
    secrets::{MasterKeys, Owner},
    store::{self, DataDir},
};
use sqlx::{ConnectOptions, Connection, Executor, sqlite::SqliteConnectOptions};

use super::{Bench, CANARY, openai, refused};

fn keys() -> MasterKeys {
    MasterKeys::parse(&"07".repeat(32)).unwrap()
}

async fn bench() -> Bench {
    Bench::open_with(tempfile::tempdir().unwrap(), &keys()).await.unwrap()
}

/// What a gateway reads from a copy that was restored into a new directory.
async fn restored(copy: &Path) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let held = DataDir::open(dir.path()).unwrap();
    store::restore(&held, copy, false).await.unwrap();
    drop(held);
    Bench::open_with(dir, &keys()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_taken_under_writes_is_one_moment() {
    let bench = Arc::new(bench().await);
    let writer = {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move {
            for number in 0..60 {
                bench.key(&format!("key {number}"), AccessRole::User).await;
            }
        })
    };
    let folder = tempfile::tempdir().unwrap();
    let mut revisions = Vec::new();
    for number in 0..6 {
        let copy = folder.path().join(format!("{number}.db"));
        let copied = store::back_up(bench.dir.path(), &copy).await.unwrap();
        let twin = restored(&copy).await;
        let snapshot = twin.state.snapshot();
        assert_eq!(snapshot.revision, copied.revision);
        let mut expected: Vec<_> = (0..snapshot.records.keys.len()).map(|key| format!("key {key}")).collect();
        let mut names: Vec<_> =
            snapshot.records.keys.values().map(|stored| stored.key.name.clone()).collect();
        expected.sort();
        names.sort();
        assert_eq!(names, expected, "every key before the last one is there");
        revisions.push(copied.revision);
    }
    writer.await.unwrap();
    assert!(revisions.is_sorted());
    let last = store::back_up(bench.dir.path(), &folder.path().join("last.db")).await.unwrap();
    assert_eq!(last.revision, bench.revision());
}

#[tokio::test]
async fn a_copy_is_sealed_and_private_and_opens_with_its_master_key() {
    let bench = bench().await;
    let made = bench.provider(openai("east", CANARY)).await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    store::back_up(bench.dir.path(), &copy).await.unwrap();
    let bytes = fs::read(&copy).unwrap();
    assert!(!bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()));
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");

    let twin = restored(&copy).await;
    let sealed = twin.state.snapshot().records.providers[&made.id].credential.clone().unwrap();
    let opened =
        sluicegate::secrets::Credential::open(Owner::Provider(&made.id), &twin.sealer, &sealed).unwrap();
    assert_eq!(opened.get("apikey").unwrap().expose(), CANARY);
}

#[tokio::test]
async fn no_copy_is_overwritten() {
    let bench = bench().await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    store::back_up(bench.dir.path(), &copy).await.unwrap();
    let before = fs::read(&copy).unwrap();
    bench.key("one", AccessRole::User).await;
    refused(store::back_up(bench.dir.path(), &copy).await, Reason::FailedPrecondition, "", "exists");
    assert_eq!(fs::read(&copy).unwrap(), before);
    let nowhere = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.db");
    refused(store::back_up(nowhere.path(), &other).await, Reason::FailedPrecondition, "", "no such file");
    assert_eq!(fs::read_dir(nowhere.path()).unwrap().count(), 0, "asking makes no store");
}

#[tokio::test]
async fn a_store_is_replaced_only_when_told_and_kept() {
    let bench = bench().await;
    bench.key("old", AccessRole::User).await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    store::back_up(bench.dir.path(), &copy).await.unwrap();
    bench.key("new", AccessRole::User).await;

    let in_use = DataDir::open(bench.dir.path());
    refused(in_use, Reason::FailedPrecondition, "", "another gateway is using");
    let dir = bench.close().await;
    let held = DataDir::open(dir.path()).unwrap();
    refused(store::restore(&held, &copy, false).await, Reason::FailedPrecondition, "", "--replace");
    store::restore(&held, &copy, true).await.unwrap();
    drop(held);

    let kept = dir.path().join("sluicegate.db.replaced");
    let twin = restored(&kept).await;
    assert_eq!(twin.state.snapshot().records.keys.len(), 2, "what was replaced is kept");
    let bench = Bench::open_with(dir, &keys()).await.unwrap();
    assert_eq!(bench.state.snapshot().records.keys.len(), 1);
}

#[tokio::test]
async fn what_is_no_sound_copy_replaces_nothing() {
    let bench = bench().await;
    for number in 0..40 {
        bench.key(&format!("key {number}"), AccessRole::User).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let sound = folder.path().join("sound.db");
    store::back_up(bench.dir.path(), &sound).await.unwrap();
    let dir = bench.close().await;
    let held = DataDir::open(dir.path()).unwrap();
    let before = fs::read(dir.path().join("sluicegate.db")).unwrap();

    let mut bytes = fs::read(&sound).unwrap();
    let damaged = folder.path().join("damaged.db");
    // Where each page but the first says what it holds.
    for page in bytes.chunks_mut(4096).skip(1) {
        page[..12].fill(0x5a);
    }
    fs::write(&damaged, &bytes).unwrap();
    let cut = folder.path().join("cut.db");
    fs::write(&cut, &fs::read(&sound).unwrap()[..5000]).unwrap();
    let text = folder.path().join("text.db");
    fs::write(&text, "no store").unwrap();
    let empty = folder.path().join("empty.db");
    fs::write(&empty, "").unwrap();
    let newer = folder.path().join("newer.db");
    fs::copy(&sound, &newer).unwrap();
    let mut store = SqliteConnectOptions::new().filename(&newer).connect().await.unwrap();
    store.execute("UPDATE _sqlx_migrations SET version = version + 9999").await.unwrap();
    store.close().await.unwrap();

    for copy in [&damaged, &cut, &text, &empty, &newer, &folder.path().join("none.db")] {
        refused(store::restore(&held, copy, true).await, Reason::FailedPrecondition, "", "cannot be used");
        assert_eq!(fs::read(dir.path().join("sluicegate.db")).unwrap(), before, "{}", copy.display());
    }
}
