//! Commits changes and makes them visible.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use super::{Change, Connector, Records, Snapshot, build, rows, seals};
use crate::{
    error::{Error, Reason, Result},
    secrets::KeyHasher,
    store::{Row, Store, Write},
    task::Tasks,
};

/// The live configuration. Reading takes no lock. Clones share it.
#[derive(Clone, Debug)]
pub struct State {
    current: Arc<ArcSwap<Snapshot>>,
    writer: Arc<Mutex<Writer>>,
    tasks: Tasks,
}

/// Whoever holds it may change the configuration.
#[derive(Debug)]
struct Writer {
    store: Store,
    connector: Connector,
    /// A commit failed, so that the store may or may not hold it.
    unsure: bool,
}

impl State {
    /// Loads the store and publishes it. Also gives the hasher of API keys, whose pepper the store keeps.
    ///
    /// # Errors
    /// [`Reason::FailedPrecondition`] when the master key is not that of the store, or the records make no
    /// configuration; then the message tells every problem.
    pub async fn open(store: Store, connector: Connector, tasks: Tasks) -> Result<(Self, KeyHasher)> {
        let (mut records, own) = rows::read(store.load().await?)?;
        let (hasher, writes) = seals::open(&own, &connector.sealer)?;
        if !writes.is_empty() {
            records.revision = store.commit(&writes, records.revision).await?;
        }
        let snapshot = build(records, &Snapshot::default(), &connector).map_err(all)?;
        let current = Arc::new(ArcSwap::from_pointee(snapshot));
        let writer = Arc::new(Mutex::new(Writer { store, connector, unsure: false }));
        Ok((Self { current, writer, tasks }, hasher))
    }

    /// The configuration that is live now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Makes a change: `plan` sees the newest records and says what to change; the result is dry-built, committed and
    /// then published. Changes happen one at a time. Returns what `plan` returned and the revision now live.
    ///
    /// A caller that stops waiting cannot tear a change: it happens wholly or not at all.
    ///
    /// # Errors
    /// Those of `plan`, of the dry build, and of the store. Then nothing has changed.
    pub async fn change<T>(
        &self,
        plan: impl FnOnce(&Records) -> Result<(Vec<Change>, T)> + Send,
    ) -> Result<(T, i64)> {
        let writer = self.writer().await?;
        let before = self.snapshot();
        let (changes, value) = plan(&before.records)?;
        if changes.is_empty() {
            return Ok((value, before.revision));
        }
        let writes = changes.iter().map(rows::write).collect();
        let mut records = (*before.records).clone();
        for change in changes {
            records.apply(change);
        }
        records.revision += 1;
        let next = build(records, &before, &writer.connector).map_err(all)?;
        let revision = self.commit(writer, writes, next).await?;
        Ok((value, revision))
    }

    /// Seals every secret anew that an older version of the master key has sealed, in one commit. Afterwards the older
    /// versions are not needed any more. Returns the revision now live.
    ///
    /// # Errors
    /// When a secret does not open, or the store fails. Then nothing has changed.
    pub async fn reseal(&self) -> Result<i64> {
        let writer = self.writer().await?;
        let sealer = &writer.connector.sealer;
        let mut loaded = writer.store.load().await?;
        let mut writes = Vec::new();
        for row in &mut loaded.rows {
            let Some(old) = rows::sealed(row).filter(|sealed| sealer.is_stale(sealed)) else { continue };
            if row.kind == rows::OWN && seals::is_check(&row.id) {
                writes.push(Write::Delete { kind: rows::OWN, id: row.id.clone() });
                continue;
            }
            let bound = format!("{}/{}", row.kind, row.id);
            let new = sealer.seal(&bound, &sealer.open(&bound, &old)?)?;
            *row =
                Row { secret: Some(new.bytes.to_vec()), key_version: Some(new.key_version), ..row.clone() };
            writes.push(Write::Put(row.clone()));
        }
        if writes.is_empty() {
            return Ok(loaded.revision);
        }
        loaded.revision += 1;
        let (records, _) = rows::read(loaded)?;
        let next = build(records, &self.snapshot(), &writer.connector).map_err(all)?;
        self.commit(writer, writes, next).await
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

    async fn writer(&self) -> Result<OwnedMutexGuard<Writer>> {
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
    ) -> Result<i64> {
        let (done, outcome) = oneshot::channel();
        let current = Arc::clone(&self.current);
        self.tasks.spawn(async move {
            let outcome = writer.store.commit(&writes, next.revision - 1).await;
            if outcome.is_ok() {
                current.store(Arc::new(next));
            } else {
                writer.unsure = true;
                if let Err(error) = writer.catch_up(&current).await {
                    tracing::error!(%error, "the store could not be read after a failed commit");
                }
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
    /// Publishes what the store really holds.
    async fn catch_up(&mut self, current: &ArcSwap<Snapshot>) -> Result<()> {
        let (records, _) = rows::read(self.store.load().await?)?;
        let before = current.load_full();
        if records.revision != before.revision {
            current.store(Arc::new(build(records, &before, &self.connector).map_err(all)?));
        }
        self.unsure = false;
        Ok(())
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
