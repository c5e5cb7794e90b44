//! The store in SQLite.

use std::{fs, time::Duration};

use sqlx::{
    ConnectOptions, Connection as _, Row as _, SqliteConnection, SqlitePool,
    migrate::{MigrateError, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous},
};

use super::{Appended, AuditLog, DataDir, End, Ends, Loaded, Row, Write, audit, failed};
use crate::{
    error::{Error, Reason, Result},
    private_file,
};

/// The changes of the schema, oldest first.
pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("server/store/migrations");

/// The audit log is read by so many at once; further ones wait.
const MAX_READERS: u32 = 4;

/// The store of one data directory, which it holds.
#[derive(Debug)]
pub struct Store {
    pool: SqlitePool,
    /// Reads the audit log while the other writes.
    readers: SqlitePool,
    /// Held so that no other gateway writes.
    _dir: DataDir,
}

impl Store {
    /// Opens the store, makes it where it is missing, and brings it up to date.
    ///
    /// # Errors
    /// [`Reason::FailedPrecondition`] when it cannot be used, e.g. because a newer gateway has written it.
    pub async fn open(dir: DataDir) -> Result<Self> {
        let path = dir.store_path();
        let refused = |cause: String| {
            Error::new(
                Reason::FailedPrecondition,
                format!("the store {} cannot be opened: {cause}", path.display()),
            )
        };
        // SQLite would take it for a new one, and everything that it held would be gone without a word.
        if fs::metadata(&path).is_ok_and(|file| file.len() == 0) {
            return Err(refused(
                "it is empty, so what it held is lost; bring back a copy of it, or remove the file to begin anew".into(),
            ));
        }
        // SQLite gives its own files beside this one the same mode.
        private_file::open(&path).map_err(|cause| refused(cause.to_string()))?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .journal_mode(SqliteJournalMode::Wal)
            // A change is acknowledged only once it would survive a power cut.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5))
            .foreign_keys(true)
            // What was deleted shall not be found in free pages.
            .pragma("secure_delete", "ON")
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await
            .map_err(|cause| refused(cause.to_string()))?;
        MIGRATIONS.run(&pool).await.map_err(|cause| {
            let foreign = matches!(cause, MigrateError::VersionMissing(_) | MigrateError::VersionMismatch(_));
            refused(if foreign {
                "a newer or different version of the gateway has written it; use that version".to_owned()
            } else {
                cause.to_string()
            })
        })?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .read_only(true)
            .busy_timeout(Duration::from_secs(5))
            .disable_statement_logging();
        let readers = SqlitePoolOptions::new().max_connections(MAX_READERS).connect_lazy_with(options);
        Ok(Self { pool, readers, _dir: dir })
    }

    /// Reads everything.
    ///
    /// # Errors
    /// [`Reason::Internal`] when the store fails.
    pub async fn load(&self) -> Result<Loaded> {
        let mut connection = self.pool.acquire().await.map_err(failed)?;
        load(&mut connection).await.map_err(failed)
    }

    /// The revision that the store is at. Another program may have put a copy into it.
    ///
    /// # Errors
    /// [`Reason::Internal`] when the store fails.
    pub async fn revision(&self) -> Result<i64> {
        let revision = sqlx::query_scalar("SELECT value FROM meta WHERE name = 'revision'");
        revision.fetch_one(&self.pool).await.map_err(failed)
    }

    /// Makes all writes and adds the events that tell of them, or none of it, and returns the new revision.
    ///
    /// # Errors
    /// [`Reason::Conflict`] when the store is not at the expected revision; [`Reason::Internal`] when it fails.
    pub async fn commit(&self, writes: &[Write], expected_revision: i64, appended: &Appended) -> Result<i64> {
        match self.write(writes, expected_revision, appended).await {
            Ok(Some(revision)) => Ok(revision),
            Ok(None) => Err(Error::new(
                Reason::Conflict,
                "the configuration was changed meanwhile; read it and try again",
            )),
            Err(cause) => Err(failed(cause)),
        }
    }

    /// Adds events to the audit log that tell of no commit. Removes those up to `removed`, in the same transaction.
    ///
    /// # Errors
    /// [`Reason::Internal`] when the store fails.
    pub async fn append(&self, appended: &Appended, removed: Option<&End>) -> Result<()> {
        let write = async {
            let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
            if let Some(removed) = removed {
                audit::remove(&mut transaction, removed).await?;
            }
            audit::append(&mut transaction, appended).await?;
            transaction.commit().await
        };
        write.await.map_err(failed)
    }

    /// Where the audit log begins and ends.
    ///
    /// # Errors
    /// [`Reason::Internal`] when the store fails.
    pub async fn audit_ends(&self) -> Result<Ends> {
        let mut connection = self.pool.acquire().await.map_err(failed)?;
        audit::ends(&mut connection).await.map_err(failed)
    }

    /// What reads the audit log.
    #[must_use]
    pub fn audit_log(&self) -> AuditLog {
        AuditLog(self.readers.clone())
    }

    /// Writes everything out and closes the files.
    pub async fn close(&self) {
        self.readers.close().await;
        self.pool.close().await;
    }

    async fn write(
        &self,
        writes: &[Write],
        expected_revision: i64,
        appended: &Appended,
    ) -> sqlx::Result<Option<i64>> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let revision: Option<i64> = sqlx::query_scalar(
            "UPDATE meta SET value = value + 1 WHERE name = 'revision' AND value = ?1 RETURNING value",
        )
        .bind(expected_revision)
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(revision) = revision else {
            transaction.rollback().await?;
            return Ok(None);
        };
        for write in writes {
            match write {
                Write::Put(row) => {
                    sqlx::query(
                        "INSERT INTO records (kind, id, revision, payload, secret, key_version) \
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
                         ON CONFLICT (kind, id) DO UPDATE SET revision = excluded.revision, \
                         payload = excluded.payload, secret = excluded.secret, key_version = excluded.key_version",
                    )
                    .bind(&row.kind)
                    .bind(&row.id)
                    .bind(revision)
                    .bind(&row.payload)
                    .bind(&row.secret)
                    .bind(row.key_version)
                    .execute(&mut *transaction)
                    .await?;
                }
                Write::Delete { kind, id } => {
                    sqlx::query("DELETE FROM records WHERE kind = ?1 AND id = ?2")
                        .bind(*kind)
                        .bind(id)
                        .execute(&mut *transaction)
                        .await?;
                }
            }
        }
        audit::append(&mut transaction, appended).await?;
        transaction.commit().await?;
        Ok(Some(revision))
    }
}

/// Reads everything.
pub(super) async fn load(connection: &mut SqliteConnection) -> sqlx::Result<Loaded> {
    // One transaction, so that revision and records belong together.
    let mut transaction = connection.begin().await?;
    let revision = sqlx::query_scalar("SELECT value FROM meta WHERE name = 'revision'")
        .fetch_one(&mut *transaction)
        .await?;
    let rows = sqlx::query("SELECT kind, id, payload, secret, key_version FROM records ORDER BY kind, id")
        .try_map(read_row)
        .fetch_all(&mut *transaction)
        .await?;
    transaction.rollback().await?;
    Ok(Loaded { revision, rows })
}

fn read_row(row: SqliteRow) -> sqlx::Result<Row> {
    Ok(Row {
        kind: row.try_get("kind")?,
        id: row.try_get("id")?,
        payload: row.try_get("payload")?,
        secret: row.try_get("secret")?,
        key_version: row.try_get("key_version")?,
    })
}
