//! Copies of a store: taken and put back, also while a gateway uses it.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{
    DataDir, audit,
    sqlite::{MIGRATIONS, load},
};
use crate::{
    error::{Error, Reason, Result},
    private_file,
};

/// What a copy holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The revision of the configuration.
    pub revision: i64,
    /// How many records it has.
    pub records: usize,
}

/// Copies the store of a data directory into a new file, as it is at one moment. A gateway may use it meanwhile. The
/// secrets in the copy stay sealed: without the master key it is of no use.
///
/// # Errors
/// [`Reason::FailedPrecondition`] when there is no store, when `to` exists, or the file system refuses.
pub async fn back_up(data_dir: &Path, to: &Path) -> Result<Copied> {
    let from = DataDir::store_in(data_dir);
    let part = beside(to, "part");
    let copied = copy(&from, &part).await;
    // Unlike a rename this fails where the file exists, so that no older copy is lost.
    let copied = copied.and_then(|copied| {
        fs::hard_link(&part, to)
            .and_then(|()| sync_folder(to))
            .map_err(|cause| refused("the backup", to, cause))?;
        Ok(copied)
    });
    let _ = fs::remove_file(&part);
    copied
}

/// Makes a copy the store of a data directory that no gateway is using. Where there is a store already it must be
/// allowed to be `replaced`, and is kept as `sluicegate.db.replaced`. The audit log is that of the copy then; the gateway
/// adds an event at its next start.
///
/// # Errors
/// [`Reason::FailedPrecondition`] when the copy is damaged or of a newer gateway, when there is a store that may not be
/// replaced, or the file system refuses. Then the store is as before.
pub async fn restore(dir: &DataDir, from: &Path, replaced: bool) -> Result<Copied> {
    let store = dir.store_path();
    if dir.has_store() && !replaced {
        let message = format!("{} exists; add --replace to put the backup in its place", store.display());
        return Err(Error::new(Reason::FailedPrecondition, message));
    }
    if dir.has_store() {
        // What a gateway that was killed has left in its log belongs to the store that is kept. A damaged store has none
        // worth keeping.
        let _ = settle(&store).await;
    }
    let part = beside(&store, "part");
    let copied = copy(from, &part).await;
    let copied = match copied {
        Ok(copied) => match mark(&part).await {
            Ok(()) => take_place(&part, &store)
                .map(|()| copied)
                .map_err(|cause| refused("the store", &store, cause)),
            Err(cause) => Err(refused("the backup", from, cause)),
        },
        Err(error) => Err(error),
    };
    let _ = fs::remove_file(&part);
    copied
}

/// Puts a copy into the store of a data directory that a gateway is using, in one transaction. The gateway takes it over
/// within about a second. The audit log stays, and the gateway adds an event. `own` is the kind of the records that belong to the store itself: they must be the same in both,
/// as the gateway has read them at its start.
///
/// # Errors
/// [`Reason::FailedPrecondition`] when the copy is damaged, of a newer gateway or of another store, or the file system
/// refuses. Then the store is as before.
pub async fn restore_live(data_dir: &Path, from: &Path, own: &str) -> Result<Copied> {
    let store = DataDir::store_in(data_dir);
    let part = beside(&store, "part");
    let copied = match copy(from, &part).await {
        Ok(copied) => pour(&part, &store, own).await.map(|revision| Copied { revision, ..copied }),
        Err(error) => Err(error),
    };
    let _ = fs::remove_file(&part);
    copied
}

/// Puts the records of a copy in place of those of a store. Returns the revision that it is at then.
async fn pour(part: &Path, store: &Path, own: &str) -> Result<i64> {
    let failed = |cause: sqlx::Error| refused("the store", store, cause);
    let mut copy = open(part).await.map_err(failed)?;
    MIGRATIONS.run(&mut copy).await.map_err(|cause| refused("the backup", part, cause))?;
    copy.close().await.map_err(failed)?;
    let mut store_connection = open(store).await.map_err(failed)?;
    let attach = sqlx::query("ATTACH ?1 AS copy").bind(part.to_string_lossy());
    attach.execute(&mut store_connection).await.map_err(failed)?;
    let mut transaction = store_connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    let strangers: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT id, secret FROM main.records WHERE kind = ?1 \
         EXCEPT SELECT id, secret FROM copy.records WHERE kind = ?1)",
    )
    .bind(own)
    .fetch_one(&mut *transaction)
    .await
    .map_err(failed)?;
    if strangers > 0 {
        let cause = "the backup is of another store or master key; stop the gateway to restore it";
        return Err(refused("the store", store, cause));
    }
    let revision: i64 =
        sqlx::query_scalar("UPDATE main.meta SET value = value + 1 WHERE name = 'revision' RETURNING value")
            .fetch_one(&mut *transaction)
            .await
            .map_err(failed)?;
    sqlx::query("DELETE FROM main.records").execute(&mut *transaction).await.map_err(failed)?;
    let insert = "INSERT INTO main.records (kind, id, revision, payload, secret, key_version) \
                  SELECT kind, id, ?1, payload, secret, key_version FROM copy.records";
    sqlx::query(insert).bind(revision).execute(&mut *transaction).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
    store_connection.close().await.map_err(failed)?;
    Ok(revision)
}

/// Writes a whole and sound copy.
async fn copy(from: &Path, to: &Path) -> Result<Copied> {
    let failed = |cause: sqlx::Error| refused("the store", from, cause);
    if !from.is_file() {
        return Err(refused("the store", from, "there is no such file"));
    }
    let mut store = open(from).await.map_err(failed)?;
    let sound: String =
        sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(&mut store).await.map_err(failed)?;
    if sound != "ok" {
        return Err(refused("the store", from, format!("it is damaged: {sound}")));
    }
    // An empty file of the right mode: SQLite makes its own readable to others.
    let _ = fs::remove_file(to);
    private_file::open(to).map_err(|cause| refused("the backup", to, cause))?;
    // One read transaction: what is written meanwhile is not in it.
    let written = sqlx::query("VACUUM INTO ?1").bind(to.to_string_lossy()).execute(&mut store).await;
    written.map_err(failed)?;
    store.close().await.map_err(failed)?;
    File::open(to).and_then(|file| file.sync_all()).map_err(|cause| refused("the backup", to, cause))?;
    read(to).await.map_err(|cause| refused("the store", from, cause))
}

/// What the copy holds, as a gateway would read it.
async fn read(copy: &Path) -> Result<Copied, String> {
    let mut store = open(copy).await.map_err(|cause| cause.to_string())?;
    let newest: i64 = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
        .fetch_one(&mut store)
        .await
        .map_err(|cause| format!("it is no store of a gateway: {cause}"))?;
    if !MIGRATIONS.version_exists(newest) {
        return Err("a newer gateway has written it; use that version".to_owned());
    }
    let loaded = load(&mut store).await.map_err(|cause| cause.to_string())?;
    store.close().await.map_err(|cause| cause.to_string())?;
    Ok(Copied { revision: loaded.revision, records: loaded.rows.len() })
}

/// Leaves a mark for the audit log. A copy of an older gateway, which has no such log, gets one first.
async fn mark(part: &Path) -> sqlx::Result<()> {
    let mut store = open(part).await?;
    MIGRATIONS.run(&mut store).await?;
    audit::mark_restored(&mut store).await?;
    store.close().await?;
    File::open(part)?.sync_all()?;
    Ok(())
}

async fn open(path: &Path) -> sqlx::Result<SqliteConnection> {
    SqliteConnectOptions::new()
        .filename(path)
        // A gateway that commits holds it for moments.
        .busy_timeout(Duration::from_secs(5))
        .create_if_missing(false)
        .disable_statement_logging()
        .connect()
        .await
}

/// Moves everything from the write-ahead log into the store.
async fn settle(store: &Path) -> sqlx::Result<()> {
    let mut store = open(store).await?;
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut store).await?;
    store.close().await
}

/// At every moment either the old store or the new one is there.
fn take_place(part: &Path, store: &Path) -> io::Result<()> {
    if store.exists() {
        let kept = beside(store, "replaced");
        let _ = fs::remove_file(&kept);
        fs::hard_link(store, kept)?;
    }
    // They would be read as part of the new store. A gateway that ended in order has left none.
    for end in ["-wal", "-shm"] {
        match fs::remove_file(suffixed(store, end)) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
            _ => {}
        }
    }
    fs::rename(part, store)?;
    sync_folder(store)
}

fn sync_folder(file: &Path) -> io::Result<()> {
    match file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

fn beside(path: &Path, end: &str) -> PathBuf {
    suffixed(path, &format!(".{end}"))
}

fn suffixed(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn refused(what: &str, path: &Path, cause: impl std::fmt::Display) -> Error {
    Error::new(Reason::FailedPrecondition, format!("{what} {} cannot be used: {cause}", path.display()))
}
