//! What is acknowledged is kept, whatever happens; what cannot be opened is told at start.

use std::{
    future::Future,
    io::{BufRead, BufReader},
    path::Path,
    pin::pin,
    process::{Command, Stdio},
    sync::Arc,
    task::{Context, Waker},
};

use sluicegate::{
    app::App,
    error::{Error, Reason, Result},
    proto::v1::{AccessRole, ApiKey},
    secret::Secret,
    secrets::{Credential, MasterKeys, Owner, Sealer},
    state::{Change, Origin, State, StoredKey},
    store::{DataDir, Filter, Store},
    task::Tasks,
};
use sqlx::{ConnectOptions, Executor, sqlite::SqliteConnectOptions};

use super::{Bench, CANARY, custom, key, model, open_state, openai, refused};

const DIR: &str = "SLUICEGATE_TEST_WRITER_DIR";

fn keys(text: &str) -> MasterKeys {
    MasterKeys::parse(text).unwrap()
}

fn hex(byte: u8) -> String {
    format!("{byte:02x}").repeat(32)
}

fn put_key(name: &str) -> Change {
    let mut hash = [0; 32];
    hash[..name.len()].copy_from_slice(name.as_bytes());
    let key = ApiKey { id: name.into(), ..key(name, AccessRole::User) };
    Change::PutKey(Box::new(StoredKey { key, hash, previous: None }))
}

fn names(state: &State) -> Vec<String> {
    state.snapshot().records.keys.keys().cloned().collect()
}

// === the master key ===

#[tokio::test]
async fn a_wrong_master_key_is_told_at_start() {
    let dir = tempfile::tempdir().unwrap();
    let dir = Bench::open_with(dir, &keys(&hex(1))).await.unwrap().close().await;
    for wrong in [hex(2), format!("2:{}", hex(1)), format!("2:{},1:{}", hex(1), hex(2))] {
        let sealer = Arc::new(Sealer::new(&keys(&wrong)).unwrap());
        let outcome = open_state(dir.path(), &sealer, &Tasks::default()).await;
        refused(outcome.map(|_| ()), Reason::FailedPrecondition, "", "needs version 1");
    }
    Bench::open_with(dir, &keys(&hex(1))).await.unwrap();
}

#[tokio::test]
async fn a_new_master_key_seals_anew_and_the_old_one_can_be_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::open_with(dir, &keys(&hex(1))).await.unwrap();
    let made = bench.provider(openai("east", CANARY)).await;
    let (_, secret) = bench.key("one", AccessRole::User).await;
    let dir = bench.close().await;

    let both = format!("2:{},1:{}", hex(2), hex(1));
    let bench = Bench::open_with(dir, &keys(&both)).await.unwrap();
    let sealed =
        |bench: &Bench| bench.state.snapshot().records.providers[&made.id].credential.clone().unwrap();
    assert_eq!(sealed(&bench).key_version, 1);
    let before = bench.revision();
    assert_eq!(bench.state.reseal().await.unwrap(), before + 1);
    assert_eq!(sealed(&bench).key_version, 2);
    assert_eq!(bench.state.reseal().await.unwrap(), before + 1, "nothing is left to do");
    let told = bench.state.audit_events_after(0).await.unwrap();
    let told: Vec<_> = told.iter().map(|event| &*event.action).collect();
    let expected = ["FirstStart", "MasterKey", "CreateProvider", "CreateApiKey", "MasterKey", "Reseal"];
    assert_eq!(told, expected);
    assert_eq!(bench.state.verify_audit_log().await.unwrap().broken, None, "the chain outlives the key");
    let dir = bench.close().await;

    let bench = Bench::open_with(dir, &keys(&format!("2:{}", hex(2)))).await.unwrap();
    let credential = Credential::open(Owner::Provider(&made.id), &bench.sealer, &sealed(&bench)).unwrap();
    assert_eq!(credential.get("apikey").unwrap().expose(), CANARY);
    let hash = bench.hasher.hash(secret.as_bytes());
    assert!(bench.state.snapshot().keys.contains_key(&hash), "API keys stay good");
    assert_eq!(bench.state.snapshot().records.providers[&made.id].provider.etag, made.etag);
}

#[tokio::test]
async fn a_start_with_a_new_master_key_seals_anew() {
    let dir = tempfile::tempdir().unwrap();
    // The last of these opens nothing that the first has sealed.
    for keys in [hex(1), format!("2:{},1:{}", hex(2), hex(1)), format!("2:{}", hex(2))] {
        let mut config = crate::support::config(dir.path(), &[]);
        config.secrets.admin_key = Some(Secret::new(crate::support::ADMIN_KEY.into()));
        config.secrets.master_key = Some(Secret::new(keys));
        App::start(config).await.unwrap().stop().await;
    }
}

// === the data directory ===

#[tokio::test]
async fn two_gateways_cannot_share_a_data_directory() {
    let bench = Bench::new().await;
    let outcome = DataDir::open(bench.dir.path());
    refused(outcome, Reason::FailedPrecondition, "", "another gateway is using");
    let dir = bench.close().await;
    DataDir::open(dir.path()).expect("it is free again");
}

#[tokio::test]
async fn others_on_the_machine_can_read_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("a/data");
    let sealer = Arc::new(Sealer::new(&MasterKeys::generate().unwrap()).unwrap());
    let (state, _) = open_state(&path, &sealer, &Tasks::default()).await.unwrap();
    state.change(&Origin::own("Test"), |_| Ok((vec![put_key("a")], ()))).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    let files: Vec<_> = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() > 2, "with the write-ahead log: {files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn an_empty_file_in_place_of_the_store_is_no_new_store() {
    let dir = Bench::new().await.close().await;
    std::fs::write(dir.path().join("sluicegate.db"), b"").unwrap();
    let outcome = Store::open(DataDir::open(dir.path()).unwrap()).await;
    refused(outcome, Reason::FailedPrecondition, "", "it is empty");
    std::fs::remove_file(dir.path().join("sluicegate.db")).unwrap();
    Store::open(DataDir::open(dir.path()).unwrap()).await.expect("the advice helps");
}

#[tokio::test]
async fn a_store_of_a_newer_gateway_is_refused() {
    let dir = Bench::new().await.close().await;
    let options = SqliteConnectOptions::new().filename(dir.path().join("sluicegate.db"));
    let mut connection = options.connect().await.unwrap();
    connection
        .execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (9999, 'later', TRUE, x'00', 0)",
        )
        .await
        .unwrap();
    drop(connection);
    let outcome = Store::open(DataDir::open(dir.path()).unwrap()).await;
    refused(outcome, Reason::FailedPrecondition, "", "newer or different version");
}

// === changes ===

#[tokio::test]
async fn a_change_that_makes_no_configuration_changes_nothing() {
    let bench = Bench::new().await;
    bench.provider(custom("east")).await;
    let before = bench.state.snapshot();
    let orphan =
        Change::PutModel(Box::new(sluicegate::proto::v1::Model { id: "m".into(), ..model("gone", "m", "") }));
    let outcome = bench.state.change(&Origin::own("Test"), |_| Ok((vec![put_key("a"), orphan], ()))).await;
    refused(outcome, Reason::FailedPrecondition, "", "provider that is not there");
    let outcome = bench
        .state
        .change(&Origin::own("Test"), |_| Err::<(Vec<Change>, ()), _>(Error::invalid("x", "no")))
        .await;
    refused(outcome, Reason::InvalidRequest, "x", "no");
    assert!(Arc::ptr_eq(&before, &bench.state.snapshot()));
    let bench = bench.reopen().await;
    assert_eq!((bench.revision(), names(&bench.state).len()), (before.revision, 0));
}

#[tokio::test]
async fn a_store_that_was_changed_behind_our_back_is_a_conflict_once() {
    let bench = Bench::new().await;
    bench.state.change(&Origin::own("Test"), |_| Ok((vec![put_key("a")], ()))).await.unwrap();
    let before = bench.revision();
    let options = SqliteConnectOptions::new().filename(bench.dir.path().join("sluicegate.db"));
    let mut connection = options.connect().await.unwrap();
    connection.execute("DELETE FROM records WHERE kind = 'api_key'").await.unwrap();
    connection.execute("UPDATE meta SET value = value + 1").await.unwrap();
    let outcome = bench.state.change(&Origin::own("Test"), |_| Ok((vec![put_key("b")], ()))).await;
    refused(outcome, Reason::Conflict, "", "try again");
    assert_eq!(
        (bench.revision(), names(&bench.state).len()),
        (before + 1, 0),
        "what the store holds is live"
    );
    bench.state.change(&Origin::own("Test"), |_| Ok((vec![put_key("b")], ()))).await.unwrap();
    assert_eq!((bench.revision(), names(&bench.state)), (before + 2, vec!["b".to_owned()]));
    let told: Vec<_> = bench.state.audit_events_after(0).await.unwrap();
    let told: Vec<_> = told.iter().map(|event| (&*event.action, &*event.resource_name)).collect();
    let expected = [("FirstStart", ""), ("MasterKey", ""), ("Test", "a"), ("Restore", ""), ("Test", "b")];
    assert_eq!(told, expected, "what was not committed has no event, what came from outside has one");
}

/// However far a change has come when its caller leaves, it is in the store if and only if it is live.
#[tokio::test]
async fn a_caller_that_leaves_cannot_tear_a_change() {
    let mut bench = Bench::new().await;
    let mut finished = 0;
    for polls in 0..24 {
        {
            let origin = Origin::own("Test");
            let key = put_key(&format!("k{polls:02}"));
            let change = pin!(bench.state.change(&origin, |_| Ok((vec![key], ()))));
            finished += usize::from(poll_some(change, polls).await);
        }
        // Waits for what the abandoned change may have begun.
        bench.state.change(&Origin::own("Test"), |_| Ok((Vec::new(), ()))).await.unwrap();
        let live = (bench.revision(), names(&bench.state));
        bench = bench.reopen().await;
        assert_eq!((bench.revision(), names(&bench.state)), live, "after {polls} polls");
    }
    assert!(finished < 24, "some changes were abandoned");
    assert!(!names(&bench.state).is_empty(), "and some went on without their caller");
}

/// Polls so many times, giving other tasks their turn; tells whether the future ended.
async fn poll_some<T>(mut future: std::pin::Pin<&mut impl Future<Output = T>>, polls: usize) -> bool {
    for _ in 0..polls {
        if future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return true;
        }
        tokio::time::sleep(std::time::Duration::from_micros(100)).await;
    }
    false
}

// === kill -9 ===

/// The gateway's part of the test below, which runs and kills it; by itself it does nothing: commits pairs of keys and tells each when it is acknowledged.
#[tokio::test]
async fn writer_that_is_killed() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let sealer = Arc::new(Sealer::new(&keys(&hex(1))).unwrap());
    let (state, _) = open_state(Path::new(&dir), &sealer, &Tasks::default()).await.unwrap();
    for number in names(&state).len() / 2.. {
        let pair = vec![put_key(&format!("a{number}")), put_key(&format!("b{number}"))];
        let ((), revision) = state.change(&Origin::own("Test"), |_| Ok((pair, ()))).await.unwrap();
        println!("acknowledged {number} {revision}");
    }
}

#[tokio::test]
async fn a_killed_gateway_keeps_every_acknowledged_change_and_no_half_one() {
    let dir = tempfile::tempdir().unwrap();
    for wanted in [1, 7, 20] {
        let acknowledged = kill_writer_after(dir.path(), wanted);
        let sealer = Arc::new(Sealer::new(&keys(&hex(1))).unwrap());
        let (state, _) = open_state(dir.path(), &sealer, &Tasks::default()).await.unwrap();
        let found = names(&state);
        for (number, _) in &acknowledged {
            assert!(found.contains(&format!("a{number}")) && found.contains(&format!("b{number}")));
        }
        let (last, revision) = *acknowledged.last().unwrap();
        let pairs = found.len() / 2;
        assert_eq!(found.len(), 2 * pairs);
        assert!((0..pairs).all(|number| found.contains(&format!("b{number}"))), "no half pair");
        assert!(pairs == last + 1 || pairs == last + 2, "at most one more than was acknowledged");
        assert_eq!(state.snapshot().revision, revision + i64::from(pairs == last + 2));
        // The events of a change are there if and only if the change is.
        let verdict = state.verify_audit_log().await.unwrap();
        let told = Filter { action: "Test".into(), end: i64::MAX, ..Filter::default() };
        let (events, _) = state.find_audit_events(&told, i64::MAX, 10_000).await.unwrap();
        assert_eq!((verdict.broken, events.len()), (None, found.len()));
        assert_eq!(events[0].revision, state.snapshot().revision);
        state.close().await;
    }
}

/// Runs the writer until it has acknowledged so many commits, kills it, and tells all that it acknowledged.
fn kill_writer_after(dir: &Path, wanted: usize) -> Vec<(usize, i64)> {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "admin::durability::writer_that_is_killed", "--nocapture"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = Vec::new();
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    let read = |line: std::io::Result<String>| -> Option<(usize, i64)> {
        let line = line.ok()?;
        let (number, revision) = line.split_once("acknowledged ")?.1.split_once(' ')?;
        Some((number.parse().ok()?, revision.parse().ok()?))
    };
    while acknowledged.len() < wanted {
        acknowledged.extend(read(lines.next().expect("the writer writes on")));
    }
    writer.kill().unwrap();
    // Told between the last look and the end.
    acknowledged.extend(lines.filter_map(read));
    writer.wait().unwrap();
    acknowledged
}

#[tokio::test]
async fn revisions_count_commits_and_every_reply_tells_the_live_one() {
    let bench = Bench::new().await;
    let mut last = bench.revision();
    for name in ["a", "b", "c"] {
        let ((), revision) =
            bench.state.change(&Origin::own("Test"), |_| Ok((vec![put_key(name)], ()))).await.unwrap();
        assert_eq!((revision, bench.revision()), (last + 1, last + 1));
        last = revision;
    }
    let outcome: Result<((), i64)> = bench.state.change(&Origin::own("Test"), |_| Ok((Vec::new(), ()))).await;
    assert_eq!(outcome.unwrap().1, last, "no change, no commit");
}
