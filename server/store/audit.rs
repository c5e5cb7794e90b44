//! The rows of the audit log. What they mean, and whether they are as they were written, is asked of `state`.

use sqlx::{Row as _, Sqlite, SqliteConnection, SqlitePool, Transaction, sqlite::SqliteRow};

use super::failed;
use crate::error::Result;

/// Rows that one look for events goes through at most.
const WINDOW: i64 = 20_000;
const FIRST: &str = "first";
const LAST: &str = "last";
/// A copy was put in place of the store, and the gateway has not seen it yet.
const RESTORED: &str = "restored";

/// One event of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub sequence: i64,
    /// Milliseconds since 1970.
    pub time: i64,
    /// What came of it, as a number.
    pub outcome: i32,
    /// What was done.
    pub action: String,
    /// Who did it.
    pub actor_id: String,
    /// Their name.
    pub actor_name: String,
    /// What was changed, as `KIND:ID`.
    pub resource: String,
    /// The encoded event.
    pub payload: Vec<u8>,
    /// Hash over the hash before, the number and the payload.
    pub hash: Vec<u8>,
}

/// The place where the log begins or ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Number of the event.
    pub sequence: i64,
    /// Revision of the configuration at that event.
    pub revision: i64,
    /// Hash of the event.
    pub hash: Vec<u8>,
    /// What proves the three.
    pub proof: Vec<u8>,
}

/// What is added to the log at once.
#[derive(Clone, Debug)]
pub struct Appended {
    /// The events.
    pub entries: Vec<Entry>,
    /// The end of the log after them.
    pub last: End,
}

/// Both ends, as they stand in the store.
#[derive(Clone, Debug, Default)]
pub struct Ends {
    /// The last event that was removed. `None`: none was.
    pub first: Option<End>,
    /// The newest event, as the gateway has written it down.
    pub last: Option<End>,
    /// Number and hash of the newest row that there is.
    pub newest: Option<(i64, Vec<u8>)>,
    /// Revision of the configuration.
    pub revision: i64,
    /// Whether a copy was put in place of the store since the last event.
    pub restored: bool,
}

/// What events are looked for. An empty text fits any.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Not before, in milliseconds since 1970.
    pub start: i64,
    /// Before.
    pub end: i64,
    /// Id or name of the actor.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// `KIND:ID`, or a kind alone.
    pub resource: String,
    /// What came of it; 0 fits any.
    pub outcome: i32,
}

/// Reads the log. Readers do not keep changes waiting.
#[derive(Clone, Debug)]
pub struct AuditLog(pub(super) SqlitePool);

/// The log at one moment.
#[derive(Debug)]
pub struct View(Transaction<'static, Sqlite>);

// === impl AuditLog ===

impl AuditLog {
    /// The log as it is now.
    ///
    /// # Errors
    /// [`crate::error::Reason::Internal`] when the store fails.
    pub async fn view(&self) -> Result<View> {
        self.0.begin().await.map(View).map_err(failed)
    }
}

// === impl View ===

impl View {
    /// Both ends.
    ///
    /// # Errors
    /// [`crate::error::Reason::Internal`] when the store fails.
    pub async fn ends(&mut self) -> Result<Ends> {
        ends(&mut self.0).await.map_err(failed)
    }

    /// The oldest `limit` events after the one with this number.
    ///
    /// # Errors
    /// [`crate::error::Reason::Internal`] when the store fails.
    pub async fn after(&mut self, sequence: i64, limit: i64) -> Result<Vec<Entry>> {
        sqlx::query(
            "SELECT sequence, time, outcome, action, actor_id, actor_name, resource, payload, hash FROM audit \
             WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
        )
        .bind(sequence)
        .bind(limit)
        .try_map(entry)
        .fetch_all(&mut *self.0)
        .await
        .map_err(failed)
    }

    /// The newest `limit` events before the one with this number that fit. Looks at so many rows at once that it may find
    /// fewer; `None` beside them says that there are no more, else the number to go on before.
    ///
    /// # Errors
    /// [`crate::error::Reason::Internal`] when the store fails.
    pub async fn find(
        &mut self,
        filter: &Filter,
        before: i64,
        limit: i64,
    ) -> Result<(Vec<Entry>, Option<i64>)> {
        let newest: Option<i64> = sqlx::query_scalar("SELECT max(sequence) FROM audit WHERE sequence < ?1")
            .bind(before)
            .fetch_one(&mut *self.0)
            .await
            .map_err(failed)?;
        let Some(newest) = newest else { return Ok((Vec::new(), None)) };
        let oldest = newest.saturating_sub(WINDOW);
        let found = sqlx::query(
            "SELECT sequence, time, outcome, action, actor_id, actor_name, resource, payload, hash FROM audit \
             WHERE sequence > ?1 AND sequence <= ?2 AND time >= ?3 AND time < ?4 \
             AND (?5 = '' OR actor_id = ?5 OR actor_name = ?5) AND (?6 = '' OR action = ?6) \
             AND (?7 = '' OR resource = ?7 OR substr(resource, 1, length(?7) + 1) = ?7 || ':') \
             AND (?8 = 0 OR outcome = ?8) ORDER BY sequence DESC LIMIT ?9",
        )
        .bind(oldest)
        .bind(newest)
        .bind(filter.start)
        .bind(filter.end)
        .bind(&filter.actor)
        .bind(&filter.action)
        .bind(&filter.resource)
        .bind(filter.outcome)
        .bind(limit)
        .try_map(entry)
        .fetch_all(&mut *self.0)
        .await
        .map_err(failed)?;
        let full = i64::try_from(found.len()).is_ok_and(|count| count >= limit);
        let next = found.last().filter(|_| full).map_or(oldest.saturating_add(1), |last| last.sequence);
        Ok((found, Some(next)))
    }
}

/// Both ends.
pub(super) async fn ends(connection: &mut SqliteConnection) -> sqlx::Result<Ends> {
    let mut found = Ends::default();
    let stored = sqlx::query("SELECT name, sequence, revision, hash, proof FROM audit_ends");
    for row in stored.fetch_all(&mut *connection).await? {
        let end = End {
            sequence: row.try_get("sequence")?,
            revision: row.try_get("revision")?,
            hash: row.try_get("hash")?,
            proof: row.try_get("proof")?,
        };
        match row.try_get("name")? {
            FIRST => found.first = Some(end),
            _ => found.last = Some(end),
        }
    }
    found.newest = sqlx::query("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1")
        .try_map(|row: SqliteRow| Ok((row.try_get("sequence")?, row.try_get("hash")?)))
        .fetch_optional(&mut *connection)
        .await?;
    found.revision = sqlx::query_scalar("SELECT value FROM meta WHERE name = 'revision'")
        .fetch_one(&mut *connection)
        .await?;
    let restored: i64 = sqlx::query_scalar("SELECT count(*) FROM meta WHERE name = ?1")
        .bind(RESTORED)
        .fetch_one(&mut *connection)
        .await?;
    found.restored = restored > 0;
    Ok(found)
}

/// Adds events to the log.
pub(super) async fn append(connection: &mut SqliteConnection, appended: &Appended) -> sqlx::Result<()> {
    for entry in &appended.entries {
        sqlx::query(
            "INSERT INTO audit (sequence, time, outcome, action, actor_id, actor_name, resource, payload, hash) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )
        .bind(entry.sequence)
        .bind(entry.time)
        .bind(entry.outcome)
        .bind(&entry.action)
        .bind(&entry.actor_id)
        .bind(&entry.actor_name)
        .bind(&entry.resource)
        .bind(&entry.payload)
        .bind(&entry.hash)
        .execute(&mut *connection)
        .await?;
    }
    put_end(connection, LAST, &appended.last).await?;
    // What is told by an event needs no mark any more.
    sqlx::query("DELETE FROM meta WHERE name = ?1").bind(RESTORED).execute(connection).await?;
    Ok(())
}

/// Removes the events up to this one.
pub(super) async fn remove(connection: &mut SqliteConnection, last: &End) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM audit WHERE sequence <= ?1")
        .bind(last.sequence)
        .execute(&mut *connection)
        .await?;
    put_end(connection, FIRST, last).await
}

/// Marks a store as one that was put in place of another.
pub(super) async fn mark_restored(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let mark = "INSERT INTO meta (name, value) VALUES (?1, 1) ON CONFLICT (name) DO NOTHING";
    sqlx::query(mark).bind(RESTORED).execute(connection).await?;
    Ok(())
}

async fn put_end(connection: &mut SqliteConnection, name: &str, end: &End) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO audit_ends (name, sequence, revision, hash, proof) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (name) DO UPDATE SET sequence = excluded.sequence, revision = excluded.revision, \
         hash = excluded.hash, proof = excluded.proof",
    )
    .bind(name)
    .bind(end.sequence)
    .bind(end.revision)
    .bind(&end.hash)
    .bind(&end.proof)
    .execute(connection)
    .await?;
    Ok(())
}

fn entry(row: SqliteRow) -> sqlx::Result<Entry> {
    Ok(Entry {
        sequence: row.try_get("sequence")?,
        time: row.try_get("time")?,
        outcome: row.try_get("outcome")?,
        action: row.try_get("action")?,
        actor_id: row.try_get("actor_id")?,
        actor_name: row.try_get("actor_name")?,
        resource: row.try_get("resource")?,
        payload: row.try_get("payload")?,
        hash: row.try_get("hash")?,
    })
}
