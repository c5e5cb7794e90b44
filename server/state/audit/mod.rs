//! The audit log: what stands in it, and how it is known to be whole.
//!
//! Every change is committed together with the events that tell of it. Each event is hashed over the one before it with a
//! key that only the gateway has, and so are both ends of the log: nothing can be changed, taken out, put in or cut off
//! unseen. `event` makes events of changes; `walk` finds out whether the rows are as they were written.

mod event;
mod log;
mod walk;

use std::{sync::Arc, time::SystemTime};

use tokio::sync::{Mutex, watch};

pub use event::Refusal;
pub(super) use event::{Telling, own};
pub(super) use log::{Found, Log};

use super::State;
use crate::{
    error::Result,
    proto::v1::AuditEvent,
    secrets::Chain,
    store::{AuditLog, End, Ends, Filter},
};
use walk::Walk;

/// Rows that are read at once: with the largest events some 20 megabytes, mostly far less.
const PAGE: i64 = 100;
/// Rows that one step of the retention removes.
const STEP: i64 = 500;
/// A page of events holds about so many bytes at most: gRPC clients take 4 MiB, if nobody tells them otherwise.
const MAX_PAGE_BYTES: usize = 2 << 20;

/// What looking at every event has shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// How many events there are.
    pub events: i64,
    /// Number of the oldest. 0: there is none.
    pub first: i64,
    /// Number of the newest. 0: there is none.
    pub last: i64,
    /// Number of the first that is missing or not as it was written.
    pub broken: Option<i64>,
}

/// What reads the log without keeping changes waiting. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Trail {
    rows: AuditLog,
    chain: Arc<Chain>,
    end: watch::Receiver<i64>,
    /// Held by who looks at the whole log, so that others who read it find a connection.
    verifying: Arc<Mutex<()>>,
}

// === impl State ===

impl State {
    /// The number of the newest event, told anew whenever there is a newer one.
    #[must_use]
    pub fn audit_end(&self) -> watch::Receiver<i64> {
        self.trail.end.clone()
    }

    /// Writes refused calls down.
    ///
    /// # Errors
    /// When the store fails. Then none is written.
    pub async fn record(&self, events: Vec<AuditEvent>) -> Result<()> {
        self.writer().await?.record(events, None).await
    }

    /// The oldest events after the one with this number, some at a time. None: there are no more.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn audit_events_after(&self, sequence: i64) -> Result<Vec<AuditEvent>> {
        let rows = self.trail.rows.view().await?.after(sequence, PAGE).await?;
        Ok(rows.into_iter().map(event::read).collect())
    }

    /// At most `limit` of the newest events before the one with this number that fit, and the number to go on before.
    /// `None`: there are no more.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn find_audit_events(
        &self,
        filter: &Filter,
        mut before: i64,
        limit: usize,
    ) -> Result<(Vec<AuditEvent>, Option<i64>)> {
        let mut view = self.trail.rows.view().await?;
        let (mut found, mut bytes) = (Vec::new(), 0);
        loop {
            let left = i64::try_from(limit - found.len()).unwrap_or(PAGE).min(PAGE);
            let (rows, next) = view.find(filter, before, left).await?;
            for row in rows {
                before = row.sequence;
                bytes += row.payload.len();
                found.push(event::read(row));
                if found.len() >= limit || bytes > MAX_PAGE_BYTES {
                    return Ok((found, Some(before)));
                }
            }
            let Some(next) = next else { return Ok((found, None)) };
            before = next;
        }
    }

    /// Looks at every event, and at both ends of the log. What is written meanwhile is not looked at. One looks at a time.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn verify_audit_log(&self) -> Result<Verdict> {
        let _alone = self.trail.verifying.lock().await;
        // What was put into the store a moment ago is no damage, but told first. Where that fails, the verdict tells it.
        let _ = self.notice().await;
        let mut view = self.trail.rows.view().await?;
        let ends = view.ends().await?;
        let chain = &self.trail.chain;
        let (mut walk, mut verdict) = (Walk::begin(chain, ends.first.as_ref()), Verdict::default());
        loop {
            let rows = view.after(verdict.last, PAGE).await?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                walk.step(row);
                verdict.events += 1;
                verdict.last = row.sequence;
                if verdict.first == 0 {
                    verdict.first = row.sequence;
                }
            }
        }
        verdict.broken = walk.end(ends.last.as_ref(), ends.revision);
        Ok(verdict)
    }

    /// Removes some of the events that are older than `before`, and tells of it by an event. Returns whether there may be
    /// more. What is not as it was written is kept, and all that came after it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget_audit_events(&self, before: SystemTime) -> Result<bool> {
        let mut writer = self.writer().await?;
        let mut view = self.trail.rows.view().await?;
        let Ends { first, .. } = view.ends().await?;
        let mut walk = Walk::begin(&self.trail.chain, first.as_ref());
        let oldest = event::millis(before);
        let rows = view.after(first.as_ref().map_or(0, |end| end.sequence), STEP).await?;
        let is_last_step = rows.len() < usize::try_from(STEP).unwrap_or_default();
        let old = rows.into_iter().take_while(|row| walk.step(row) && row.time < oldest);
        let Some(last) = old.last() else {
            if let Some(broken) = walk.broken() {
                tracing::error!(
                    sequence = broken,
                    "the audit log is not as it was written; from there on nothing is removed"
                );
            }
            return Ok(false);
        };
        let from = first.map_or(1, |end| end.sequence + 1);
        let message = format!("removed events {from} to {}", last.sequence);
        let removed = writer.log.end(true, last.sequence, event::read(last.clone()).revision, last.hash);
        let event = own("Retention", message, writer.clock.now());
        writer.record(vec![event], Some(removed)).await?;
        Ok(!is_last_step)
    }
}

// === impl Trail ===

impl Trail {
    pub(super) fn new(rows: AuditLog, chain: Arc<Chain>, end: watch::Receiver<i64>) -> Self {
        Self { rows, chain, end, verifying: Arc::default() }
    }
}

/// Where a chain begins that nothing was removed from.
fn zeros() -> Vec<u8> {
    vec![0; 32]
}

/// Whether the gateway has written this end of the log.
fn is_proved(chain: &Chain, first: bool, end: &End) -> bool {
    chain.prove(first, end.sequence, end.revision, &end.hash) == end.proof
}
