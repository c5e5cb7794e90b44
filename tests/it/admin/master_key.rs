//! `sluicegate master-key rotate`, by the program itself: whatever ends it, what is sealed opens with the key on disk.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use sluicegate::{
    error::Reason,
    proto::v1::{AccessRole, Provider},
    secrets::{Credential, MasterKeys, Owner, Sealer},
    task::Tasks,
};
use tempfile::TempDir;

use super::{Bench, CANARY, open_state, openai, refused};
use crate::program::{self, Gateway};

/// A data directory with a generated key and a provider's secret.
struct Sealed {
    dir: TempDir,
    provider: Provider,
    /// Secret of an API key.
    secret: String,
}

impl Sealed {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let keys = MasterKeys::from_data_dir(dir.path(), false).unwrap();
        Self::with(dir, &keys).await
    }

    async fn with(dir: TempDir, keys: &MasterKeys) -> Self {
        let bench = Bench::open_with(dir, keys).await.unwrap();
        let provider = bench.provider(openai("east", CANARY)).await;
        let (_, secret) = bench.key("one", AccessRole::User).await;
        Self { dir: bench.close().await, provider, secret }
    }

    fn file(&self) -> PathBuf {
        MasterKeys::file_in(self.dir.path())
    }

    fn keys(&self) -> MasterKeys {
        MasterKeys::from_data_dir(self.dir.path(), true).unwrap()
    }

    /// That these versions open everything. Tells which of them has sealed the provider's secret.
    async fn opens_with(self, keys: &MasterKeys) -> (Self, u32) {
        let Self { dir, provider, secret } = self;
        let bench = Bench::open_with(dir, keys).await.unwrap();
        let sealed = bench.state.snapshot().records.providers[&provider.id].credential.clone().unwrap();
        let credential = Credential::open(Owner::Provider(&provider.id), &bench.sealer, &sealed).unwrap();
        assert_eq!(credential.get("apikey").unwrap().expose(), CANARY);
        let hash = bench.hasher.hash(secret.as_bytes());
        assert!(bench.state.snapshot().keys.contains_key(&hash), "API keys stay good");
        let dir = bench.close().await;
        (Self { dir, provider, secret }, sealed.key_version)
    }

    /// That a rotation leaves one version alone, which opens everything.
    async fn rotates(self) -> Self {
        let (done, told) = rotate(self.dir.path(), &[]);
        assert!(done && told.contains("Backups that were made before"), "{told}");
        let keys = self.keys();
        assert!(!keys.has_older(), "{keys:?}");
        let (this, version) = self.opens_with(&keys).await;
        assert_eq!(version, keys.newest());
        this
    }
}

fn command(dir: &Path) -> Command {
    let mut command = program::program();
    command.env_remove("SLUICEGATE_MASTER_KEY").args(["master-key", "rotate", "--data-dir"]).arg(dir);
    command
}

fn rotate(dir: &Path, variables: &[(&str, &str)]) -> (bool, String) {
    program::run(command(dir).envs(variables.iter().copied()))
}

fn hex(byte: u8) -> String {
    format!("{byte:02x}").repeat(32)
}

#[tokio::test]
async fn a_rotated_master_key_opens_everything_and_the_old_one_nothing() {
    let sealed = Sealed::new().await;
    let old = sealed.keys();
    let sealed = sealed.rotates().await;
    assert_eq!(sealed.keys().newest(), 2);
    let sealer = std::sync::Arc::new(Sealer::new(&old).unwrap());
    let outcome = open_state(sealed.dir.path(), &sealer, &Tasks::default()).await;
    refused(outcome.map(drop), Reason::FailedPrecondition, "", "needs version 2");
    assert_eq!(sealed.rotates().await.keys().newest(), 3);
}

#[tokio::test]
async fn a_rotation_that_was_broken_off_is_finished_by_the_next() {
    // While the file with both versions was written.
    let sealed = Sealed::new().await;
    fs::write(sealed.dir.path().join("master.key.new"), "2:0123").unwrap();
    let sealed = sealed.rotates().await;
    // Before anything was sealed anew.
    let both = sealed.keys().with_next().unwrap();
    both.replace_file(&sealed.file()).unwrap();
    let sealed = sealed.rotates().await;
    assert_eq!(sealed.keys().newest(), 3);
    // When the new version had its check value, and nothing else.
    let both = sealed.keys().with_next().unwrap();
    both.replace_file(&sealed.file()).unwrap();
    let (sealed, version) = sealed.opens_with(&both).await;
    assert_eq!(version, 3);
    let sealed = sealed.rotates().await;
    assert_eq!(sealed.keys().newest(), 4);
    // When everything was sealed anew, by a start of the gateway, too.
    let both = sealed.keys().with_next().unwrap();
    both.replace_file(&sealed.file()).unwrap();
    let Sealed { dir, provider, secret } = sealed;
    let bench = Bench::open_with(dir, &both).await.unwrap();
    bench.state.reseal().await.unwrap();
    let sealed = Sealed { dir: bench.close().await, provider, secret };
    assert_eq!(sealed.rotates().await.keys().newest(), 5);
}

#[tokio::test]
async fn a_killed_rotation_leaves_a_key_on_disk_that_opens_everything() {
    let mut sealed = Sealed::new().await;
    let mut broken_off = 0;
    for round in 0..100 {
        let before = fs::read(sealed.file()).unwrap();
        let mut process = command(sealed.dir.path()).stdout(Stdio::null()).spawn().unwrap();
        while fs::read(sealed.file()).unwrap() == before && process.try_wait().unwrap().is_none() {
            thread::yield_now();
        }
        // A little later each time.
        (0..round * 50).for_each(|_| thread::yield_now());
        process.kill().unwrap();
        process.wait().unwrap();
        let keys = sealed.keys();
        broken_off += u32::from(keys.has_older());
        (sealed, _) = sealed.opens_with(&keys).await;
        if broken_off == 5 {
            sealed.rotates().await;
            return;
        }
    }
    panic!("only {broken_off} of the rotations were broken off");
}

#[tokio::test]
async fn a_master_key_is_not_rotated_under_a_running_gateway() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    fs::write(&key, hex(7)).unwrap();
    let data = dir.path().join("data");
    let file = ("SLUICEGATE_MASTER_KEY_FILE", key.to_str().unwrap());
    // An empty variable is none.
    let gateway = Gateway::start_with(&data, &[], &[("SLUICEGATE_MASTER_KEY", ""), file]);
    let (done, told) = rotate(&data, &[file]);
    assert!(!done && told.contains("a gateway is using") && told.contains("stop it"), "{told}");
    assert_eq!(fs::read_to_string(&key).unwrap(), hex(7));
    drop(gateway);
    let (done, told) = rotate(&data, &[file]);
    assert!(done, "{told}");
    Gateway::start_with(&data, &[], &[("SLUICEGATE_MASTER_KEY", ""), file]);
}

#[tokio::test]
async fn a_key_of_the_environment_is_rotated_by_who_sets_it() {
    let dir = tempfile::tempdir().unwrap();
    let sealed = Sealed::with(dir, &MasterKeys::parse(&hex(1)).unwrap()).await;
    let (done, told) = rotate(sealed.dir.path(), &[("SLUICEGATE_MASTER_KEY", &hex(1))]);
    assert!(!done && told.contains("set SLUICEGATE_MASTER_KEY to 2:NEW,1:OLD"), "{told}");
    let both = format!("2:{},1:{}", hex(2), hex(1));
    let (done, told) = rotate(sealed.dir.path(), &[("SLUICEGATE_MASTER_KEY", &both)]);
    assert!(done && told.contains("2:NEW alone") && !told.contains(&hex(2)), "{told}");
    let (_, version) = sealed.opens_with(&MasterKeys::parse(&format!("2:{}", hex(2))).unwrap()).await;
    assert_eq!(version, 2);
}

#[tokio::test]
async fn a_key_file_that_cannot_be_written_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let keys = MasterKeys::parse(&hex(1)).unwrap();
    let sealed = Sealed::with(dir, &keys).await;
    let folder = tempfile::tempdir().unwrap();
    let (key, link) = (folder.path().join("key"), folder.path().join("link"));
    fs::write(&key, hex(1)).unwrap();
    std::os::unix::fs::symlink(&key, &link).unwrap();
    let file = [("SLUICEGATE_MASTER_KEY_FILE", link.to_str().unwrap())];
    // Nothing can be written beside it, not even by root.
    let in_the_way = folder.path().join("key.new");
    fs::create_dir(&in_the_way).unwrap();
    let (done, told) = rotate(sealed.dir.path(), &file);
    assert!(!done && told.contains("nothing has changed") && told.contains("2:NEW"), "{told}");
    assert_eq!(fs::read_to_string(&key).unwrap(), hex(1));
    let (sealed, version) = sealed.opens_with(&keys).await;
    assert_eq!(version, 1);
    // The operator does as told.
    let both = format!("2:{}\n1:{}\n", hex(2), hex(1));
    fs::write(&key, &both).unwrap();
    let (done, told) = rotate(sealed.dir.path(), &file);
    assert!(!done && told.contains("everything is sealed with version 2"), "{told}");
    let (sealed, version) = sealed.opens_with(&MasterKeys::parse(&format!("2:{}", hex(2))).unwrap()).await;
    assert_eq!(version, 2);
    fs::remove_dir(&in_the_way).unwrap();
    let (done, told) = rotate(sealed.dir.path(), &file);
    assert!(done, "{told}");
    assert_eq!(fs::read_to_string(&key).unwrap(), format!("2:{}\n", hex(2)));
    assert!(link.is_symlink(), "what it leads to was written, not the link");
}

#[tokio::test]
async fn a_key_that_is_not_that_of_the_store_gets_no_new_version() {
    let dir = tempfile::tempdir().unwrap();
    let sealed = Sealed::with(dir, &MasterKeys::parse(&hex(1)).unwrap()).await;
    let key = sealed.dir.path().join("other");
    fs::write(&key, hex(2)).unwrap();
    let (done, told) = rotate(sealed.dir.path(), &[("SLUICEGATE_MASTER_KEY_FILE", key.to_str().unwrap())]);
    assert!(!done && told.contains("does not fit the store"), "{told}");
    assert_eq!(fs::read_to_string(&key).unwrap(), hex(2));
}

#[test]
fn where_there_is_no_store_there_is_nothing_to_rotate() {
    let dir = tempfile::tempdir().unwrap();
    for path in [dir.path().join("data"), dir.path().to_owned()] {
        let (done, told) = rotate(&path, &[]);
        assert!(!done && told.contains("there is no store in"), "{told}");
    }
    assert!(!dir.path().join("data").exists() && !MasterKeys::file_in(dir.path()).exists());
}
