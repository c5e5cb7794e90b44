//! `sluicegate master-key`: a new master key in place of the old one.
//!
//! Whatever ends it at whatever point, the file holds every version that the store needs, and the next run finishes: first
//! the file gets the new version beside the old one, then everything is sealed anew, then the file loses the old one.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, Subcommand};

use crate::{
    clock::Clock,
    config::Secrets,
    error::{Error, Reason, Result},
    secrets::{MasterKeys, Sealer},
    state,
    store::{DataDir, Store},
};

/// Where the key comes from, which no flag tells.
const MASTER_KEY_HELP: &str = "\
The master key, as `serve` finds it:
  SLUICEGATE_MASTER_KEY       the key; with \"2:NEW,1:OLD\" everything is sealed with NEW, so that OLD can be taken out
  SLUICEGATE_MASTER_KEY_FILE  a file that holds it, which gets a new version
  neither of them             master.key of the data directory, which gets a new version";

/// What rotating does not reach.
const BACKUPS: &str =
    "Backups that were made before, and stores that a restore has put aside, still need the old key";

/// What `master-key` wants to know.
#[derive(Clone, Debug, Args)]
pub struct MasterKey {
    #[command(subcommand)]
    verb: Verb,
}

/// What to do with the master key.
#[derive(Clone, Debug, Subcommand)]
enum Verb {
    /// Make a new version, seal everything stored with it, and forget the old one. The gateway must be stopped. When it was
    /// broken off, run it again.
    #[command(after_help = MASTER_KEY_HELP)]
    Rotate {
        /// Folder of the store.
        #[arg(long, env = "SLUICEGATE_DATA_DIR", default_value = "./data")]
        data_dir: PathBuf,
    },
}

/// Does what is asked. Returns what to tell the operator.
///
/// # Errors
/// [`Reason::FailedPrecondition`] when a gateway is running, there is no store, the key does not fit it, or its file cannot
/// be written: the message says what to do.
pub async fn rotate(asked: &MasterKey) -> Result<String> {
    let Verb::Rotate { data_dir } = &asked.verb;
    let dir = stopped(data_dir)?;
    let secrets = Secrets::from_environment();
    match (secrets.master_key, secrets.master_key_file) {
        (Some(text), _) => rotate_given(dir, &MasterKeys::parse(text.expose())?).await,
        (None, Some(path)) => {
            let path = fs::canonicalize(&path).map_err(|cause| {
                refused(format!("the master key file {} cannot be read: {cause}", path.display()))
            })?;
            let keys = MasterKeys::from_file(&path)?;
            rotate_file(dir, keys, &path).await
        }
        (None, None) => {
            let keys = MasterKeys::from_data_dir(dir.path(), true)?;
            let path = MasterKeys::file_in(dir.path());
            rotate_file(dir, keys, &path).await
        }
    }
}

/// The data directory of a gateway that is not running.
fn stopped(path: &Path) -> Result<DataDir> {
    let no_store =
        || refused(format!("there is no store in {}; name its folder by --data-dir", path.display()));
    // Not made where it is missing.
    if !path.is_dir() {
        return Err(no_store());
    }
    let dir = DataDir::open_free(path)?.ok_or_else(|| {
        let message = "stop it, run this again, and start it; calls fail meanwhile";
        refused(format!("a gateway is using {}; {message}", path.display()))
    })?;
    if dir.has_store() { Ok(dir) } else { Err(no_store()) }
}

/// A key that this program cannot change.
async fn rotate_given(dir: DataDir, keys: &MasterKeys) -> Result<String> {
    let newest = keys.newest();
    if !keys.has_older() {
        return Err(refused(format!(
            "SLUICEGATE_MASTER_KEY holds version {newest} alone, and only you can change it: make a key with \
             openssl rand -hex 32, set SLUICEGATE_MASTER_KEY to {}:NEW,{newest}:OLD, and run this again",
            newest.saturating_add(1)
        )));
    }
    let store = Store::open(dir).await?;
    let (count, store) = state::reseal(store, Arc::new(Sealer::new(keys)?), Clock::real()).await?;
    store.close().await;
    Ok(format!(
        "sealed {count} secrets anew with version {newest} of the master key; now set SLUICEGATE_MASTER_KEY to \
         {newest}:NEW alone. {BACKUPS}"
    ))
}

/// A key in a file.
async fn rotate_file(dir: DataDir, keys: MasterKeys, path: &Path) -> Result<String> {
    let store = Store::open(dir).await?;
    // Several: this was broken off before, or the operator has brought in a new one.
    let keys = if keys.has_older() {
        keys
    } else {
        // A key that is not that of the store gets no new version.
        state::prove(&store, &Sealer::new(&keys)?).await?;
        let both = keys.with_next()?;
        both.replace_file(path).map_err(|cause| {
            refused(format!(
                "{} cannot be written: {cause}; nothing has changed. Where it comes from, put a line {}:NEW into it, with a \
                 key of openssl rand -hex 32, and run this again, or start the gateway",
                path.display(),
                both.newest()
            ))
        })?;
        both
    };
    let newest = keys.newest();
    // It stays locked until the file is as it shall be.
    let (count, store) = state::reseal(store, Arc::new(Sealer::new(&keys)?), Clock::real()).await?;
    store.close().await;
    keys.newest_alone().replace_file(path).map_err(|cause| {
        refused(format!(
            "everything is sealed with version {newest} of the master key, but {} cannot be written: {cause}; take the \
             older versions out of it where it comes from",
            path.display()
        ))
    })?;
    Ok(format!(
        "sealed {count} secrets anew with version {newest} of the master key, which alone is left in {}. {BACKUPS}",
        path.display()
    ))
}

fn refused(message: String) -> Error {
    Error::new(Reason::FailedPrecondition, message)
}
