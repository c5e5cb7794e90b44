//! Commits changes and makes them visible.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use super::{
    Change, Connector, Origin, Records, Snapshot,
    audit::{Telling, Trail},
    build, reseal, rows,
    writer::{Opened, Writer, all},
};
use crate::{
    clock::Clock,
    error::{Error, Result},
    proto::v1::AuditEvent,
    secrets::KeyHasher,
    store::{Store, Write},
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

impl State {
    /// Loads the store and publishes it. Also gives the hasher of API keys, whose pepper the store keeps.
    ///
    /// # Errors
    /// [`Reason::FailedPrecondition`](crate::error::Reason::FailedPrecondition) when the master key is not that of the
    /// store, or the records make no configuration; then the message tells every problem.
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
