//! What writes to the store: commits with their audit events, one at a time.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{
    Connector, Records, Snapshot,
    audit::{self, Found, Log, Trail},
    build, rows, seals,
};
use crate::{
    clock::Clock,
    error::{Error, Reason, Result},
    proto::v1::AuditEvent,
    secrets::{Chain, KeyHasher},
    store::{Appended, End, Store, Write},
    task::Tasks,
};

/// Whoever holds it may change the configuration, and add to the audit log.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) store: Store,
    pub(super) connector: Connector,
    pub(super) tasks: Tasks,
    pub(super) log: Log,
    pub(super) clock: Clock,
    /// A commit failed, so that the store may or may not hold it.
    pub(super) unsure: bool,
}

/// A store whose master key was proved, and what it holds.
pub(super) struct Opened {
    pub(super) writer: Writer,
    pub(super) records: Records,
    pub(super) hasher: KeyHasher,
    pub(super) trail: Trail,
}

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
    pub(super) async fn catch_up(&mut self, current: &ArcSwap<Snapshot>) -> Result<()> {
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
pub(super) fn all(mut problems: Vec<Error>) -> Error {
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
