//! Commits changes and makes them visible.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use super::{
    Change, Connector, Origin, Records, Snapshot,
    audit::{self, Found, Log, Telling, Trail},
    build, reseal, rows, seals,
};
use crate::{
    clock::Clock,
    error::{Error, Reason, Result},
    proto::v1::AuditEvent,
    secrets::{Chain, KeyHasher},
    store::{Appended, End, Store, Write},
    task::Tasks,
};

/// The live configuration. Reading takes no lock. Clones share it.
#[derive(Clone, Debug)]
pub struct State {
    current: Arc<ArcSwap<Snapshot>>,
    writer: Arc<Mutex<Writer>>,
    pub(super) trail: Trail,
    tasks: Tasks,
}

/// Whoever holds it may change the configuration, and add to the audit log.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) store: Store,
    pub(super) connector: Connector,
    tasks: Tasks,
    pub(super) log: Log,
    pub(super) clock: Clock,
    /// A commit failed, so that the store may or may not hold it.
    unsure: bool,
}

/// A store whose master key was proved, and what it holds.
pub(super) struct Opened {
    pub(super) writer: Writer,
    records: Records,
    hasher: KeyHasher,
    trail: Trail,
}

impl State {
    /// Loads the store and publishes it. Also gives the hasher of API keys, whose pepper the store keeps.
    ///
    /// # Errors
    /// [`Reason::FailedPrecondition`] when the master key is not that of the store, or the records make no
    /// configuration; then the message tells every problem.
    pub async fn open(
        store: Store,
        connector: Connector,
        clock: Clock,
        tasks: Tasks,
    ) -> Result<(Self, KeyHasher)> {
        let opened = Writer::open(store, connector, clock, tasks.clone()).await?;
        let Opened { writer, records, hasher, trail } = opened;
        let snapshot = build(records, &Snapshot::default(), &writer.connector).map_err(all)?;
        snapshot.prepare(&tasks);
        let current = Arc::new(ArcSwap::from_pointee(snapshot));
        Ok((Self { current, writer: Arc::new(Mutex::new(writer)), trail, tasks }, hasher))
    }

    /// The configuration that is live now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Makes a change for `origin`: `plan` sees the newest records and says what to change; the result is dry-built, committed
    /// together with an event for each record, and then published. Changes happen one at a time. Returns what `plan` returned
    /// and the revision now live.
    ///
    /// A caller that stops waiting cannot tear a change: it happens wholly or not at all.
    ///
    /// # Errors
    /// Those of `plan`, of the dry build, and of the store. Then nothing has changed.
    pub async fn change<T>(
        &self,
        origin: &Origin,
        plan: impl FnOnce(&Records) -> Result<(Vec<Change>, T)> + Send,
    ) -> Result<(T, i64)> {
        let writer = self.writer().await?;
        let before = self.snapshot();
        let (changes, value) = plan(&before.records)?;
        if changes.is_empty() {
            return Ok((value, before.revision));
        }
        let writes: Vec<_> = changes.iter().map(rows::write).collect();
        let mut records = (*before.records).clone();
        let telling = Telling::new(origin, writer.clock.now());
        let told = changes.into_iter().zip(&writes);
        let events = told.map(|(change, write)| telling.apply(&mut records, change, write)).collect();
        records.revision += 1;
        let next = build(records, &before, &writer.connector).map_err(all)?;
        let revision = self.commit(writer, writes, next, events).await?;
        Ok((value, revision))
    }

    /// Seals every secret anew that an older version of the master key has sealed, in one commit. Afterwards the older
    /// versions are not needed any more. Returns the revision now live.
    ///
    /// # Errors
    /// When a secret does not open, or the store fails. Then nothing has changed.
    pub async fn reseal(&self) -> Result<i64> {
        let writer = self.writer().await?;
        let mut loaded = writer.store.load().await?;
        let writes = reseal::anew(&mut loaded.rows, &writer.connector.sealer)?;
        if writes.is_empty() {
            return Ok(loaded.revision);
        }
        loaded.revision += 1;
        let (records, _) = rows::read(loaded)?;
        let next = build(records, &self.snapshot(), &writer.connector).map_err(all)?;
        let event = writer.own_event("Reseal", reseal::told(&writes));
        self.commit(writer, writes, next, vec![event]).await
    }

    /// Publishes what another program has put into the store, if it has: a copy that was restored.
    ///
    /// # Errors
    /// When the store fails, or the records make no configuration. Then the one that is live stays.
    pub async fn notice(&self) -> Result<()> {
        let mut writer = self.writer().await?;
        if writer.store.revision().await? == self.snapshot().revision {
            return Ok(());
        }
        writer.catch_up(&self.current).await?;
        tracing::info!(revision = self.snapshot().revision, "the store was changed from outside");
        Ok(())
    }

    /// Waits for the change in progress and closes the store. Later changes fail.
    pub async fn close(&self) {
        self.writer.lock().await.store.close().await;
    }

    pub(super) async fn writer(&self) -> Result<OwnedMutexGuard<Writer>> {
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        if writer.unsure {
            writer.catch_up(&self.current).await?;
        }
        Ok(writer)
    }

    /// Commits and publishes in a task of its own, which runs to its end even if nobody waits for it.
    async fn commit(
        &self,
        mut writer: OwnedMutexGuard<Writer>,
        writes: Vec<Write>,
        next: Snapshot,
        events: Vec<AuditEvent>,
    ) -> Result<i64> {
        let appended = writer.log.append(events, next.revision);
        let (done, outcome) = oneshot::channel();
        let current = Arc::clone(&self.current);
        self.tasks.spawn(async move {
            let outcome = writer.commit(&writes, next.revision, appended).await;
            if outcome.is_ok() {
                next.prepare(&writer.tasks);
                current.store(Arc::new(next));
            } else if let Err(error) = writer.catch_up(&current).await {
                tracing::error!(%error, "the store could not be read after a failed commit");
            }
            drop(writer);
            // Nobody listens when the caller has gone.
            let _ = done.send(outcome);
        });
        outcome.await.map_err(|cause| Error::internal("the gateway is stopping", cause))?
    }
}

// === impl Writer ===

impl Writer {
    /// Proves that the master key fits the store, and goes on with its audit log.
    pub(super) async fn open(
        store: Store,
        connector: Connector,
        clock: Clock,
        tasks: Tasks,
    ) -> Result<Opened> {
        let (mut records, own) = rows::read(store.load().await?)?;
        let (hasher, writes) = seals::open(&own, &connector.sealer)?;
        let chain = Arc::new(Chain::new(&hasher));
        let (log, end) = Log::new(Arc::clone(&chain));
        let trail = Trail::new(store.audit_log(), chain, end);
        let mut writer = Self { store, connector, tasks, log, clock, unsure: false };
        writer.go_on(records.revision).await?;
        if !writes.is_empty() {
            let event =
                writer.own_event("MasterKey", "what proves the master key was sealed with it".to_owned());
            records.revision += 1;
            let appended = writer.log.append(vec![event], records.revision);
            writer.commit(&writes, records.revision, appended).await?;
        }
        Ok(Opened { writer, records, hasher, trail })
    }

    /// Publishes what the store really holds, and tells of it where nobody has.
    async fn catch_up(&mut self, current: &ArcSwap<Snapshot>) -> Result<()> {
        self.unsure = true;
        let (records, _) = rows::read(self.store.load().await?)?;
        let revision = records.revision;
        let before = current.load_full();
        if revision != before.revision {
            let next = build(records, &before, &self.connector).map_err(all)?;
            next.prepare(&self.tasks);
            current.store(Arc::new(next));
        }
        self.go_on(revision).await
    }

    /// Goes on with the audit log where the store has its end. What was done to the store behind our back is told by an event.
    async fn go_on(&mut self, revision: i64) -> Result<()> {
        let ends = self.store.audit_ends().await?;
        let found = self.log.go_on(&ends);
        let known = self.log.revision;
        self.log.revision = revision;
        let (action, message) = match found {
            Found::Damaged => {
                tracing::error!("the audit log is not as it was written; see it by VerifyAuditLog");
                ("Damage", "the end of the log is not as it was written".to_owned())
            }
            Found::Nothing => {
                ("FirstStart", format!("the log begins, the configuration being at revision {revision}"))
            }
            Found::Whole if ends.restored => {
                ("Restore", format!("a copy at revision {revision} was put in place of the store"))
            }
            Found::Whole if known != revision => (
                "Restore",
                format!("the configuration was replaced from outside; it was at revision {known}"),
            ),
            Found::Whole => {
                self.unsure = false;
                return Ok(());
            }
        };
        self.record(vec![self.own_event(action, message)], None).await
    }

    /// Adds events to the audit log, and removes those up to `removed`.
    pub(super) async fn record(&mut self, events: Vec<AuditEvent>, removed: Option<End>) -> Result<()> {
        let appended = self.log.append(events, self.log.revision);
        self.unsure = true;
        self.store.append(&appended, removed.as_ref()).await?;
        self.log.written(appended.last);
        self.unsure = false;
        Ok(())
    }

    /// Commits what leads to this revision.
    pub(super) async fn commit(
        &mut self,
        writes: &[Write],
        revision: i64,
        appended: Appended,
    ) -> Result<i64> {
        self.unsure = true;
        let revision = self.store.commit(writes, revision - 1, &appended).await?;
        self.log.written(appended.last);
        self.unsure = false;
        Ok(revision)
    }

    pub(super) fn own_event(&self, action: &str, message: String) -> AuditEvent {
        audit::own(action, message, self.clock.now())
    }
}

/// One error that tells all.
fn all(mut problems: Vec<Error>) -> Error {
    if problems.len() == 1
        && let Some(only) = problems.pop()
    {
        return only;
    }
    let list: Vec<_> = problems.iter().map(ToString::to_string).collect();
    Error::new(
        Reason::FailedPrecondition,
        format!("the configuration has {} problems: {}", list.len(), list.join("; ")),
    )
}
