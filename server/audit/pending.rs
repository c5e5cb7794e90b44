//! Refused calls that are not written yet: equal ones merged, and no more than the log may grow by.
//!
//! Callers that are known may fill 200 events at once and 10 a second in the long run, unknown ones 100 and 1. What is
//! beyond is one more event for each reason, without a source. So a flood of wrong keys, however many addresses it comes
//! from, makes the log grow by a few events a second, and does not hide what a known caller was refused.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use crate::{
    error::Reason,
    proto::{
        timestamp,
        v1::{AuditEvent, AuditOutcome},
    },
    state::Refusal,
};

/// Kinds of refused calls that are told apart while they wait.
const MAX_KINDS: usize = 1000;

/// What waits to be written.
pub(super) struct Pending {
    kinds: HashMap<Kind, (Refusal, i64)>,
    /// What found no place among those, by reason.
    beyond: HashMap<Reason, i64>,
    known: Budget,
    unknown: Budget,
}

/// What equal calls have in common.
#[derive(PartialEq, Eq, Hash)]
struct Kind {
    source: IpAddr,
    caller: Option<String>,
    action: String,
    protocol: &'static str,
    reason: Reason,
}

/// How many events may be written.
struct Budget {
    left: u32,
    most: u32,
    /// One more comes after so long.
    every: Duration,
    filled: Instant,
}

// === impl Pending ===

impl Pending {
    pub(super) fn new() -> Self {
        Self {
            kinds: HashMap::new(),
            beyond: HashMap::new(),
            known: Budget::new(200, Duration::from_millis(100)),
            unknown: Budget::new(100, Duration::from_secs(1)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kinds.is_empty() && self.beyond.is_empty()
    }

    /// Adds a refused call.
    pub(super) fn add(&mut self, refusal: Refusal) {
        let kind = Kind {
            source: refusal.source,
            caller: refusal.caller.as_ref().map(|caller| caller.id.clone()),
            action: refusal.action.clone(),
            protocol: refusal.protocol.name(),
            reason: refusal.reason,
        };
        if let Some((_, count)) = self.kinds.get_mut(&kind) {
            *count += 1;
            return;
        }
        let budget = if kind.caller.is_some() { &mut self.known } else { &mut self.unknown };
        if self.kinds.len() < MAX_KINDS && budget.take() {
            self.kinds.insert(kind, (refusal, 1));
        } else {
            *self.beyond.entry(kind.reason).or_default() += 1;
        }
    }

    /// The events to write, the oldest first. `lost` calls are not among them.
    pub(super) fn events(&self, lost: u64, now: SystemTime) -> Vec<AuditEvent> {
        let mut refusals: Vec<_> = self.kinds.values().cloned().collect();
        refusals.sort_by_key(|(refusal, _)| refusal.time);
        let mut events: Vec<_> = refusals.into_iter().map(|(refusal, count)| refusal.event(count)).collect();
        let summary = |action: &str, reason: Reason, message: &str, count: i64| AuditEvent {
            time: Some(timestamp(now)),
            action: action.to_owned(),
            outcome: AuditOutcome::Refused.into(),
            reason: reason.into(),
            message: message.to_owned(),
            count,
            ..AuditEvent::default()
        };
        let several = "more calls were refused than are told one by one";
        events.extend(self.beyond.iter().map(|(reason, count)| summary("Several", *reason, several, *count)));
        if lost > 0 {
            let message = "more calls were refused than could be told; of these only the number is known";
            let count = i64::try_from(lost).unwrap_or(i64::MAX);
            events.push(summary("Lost", Reason::Unspecified, message, count));
        }
        events
    }

    /// They are written.
    pub(super) fn clear(&mut self) {
        self.kinds.clear();
        self.beyond.clear();
    }
}

// === impl Budget ===

impl Budget {
    fn new(most: u32, every: Duration) -> Self {
        Self { left: most, most, every, filled: Instant::now() }
    }

    fn take(&mut self) -> bool {
        let earned = self.filled.elapsed().as_nanos() / self.every.as_nanos();
        let earned = u32::try_from(earned).unwrap_or(u32::MAX);
        if earned > 0 {
            self.left = self.left.saturating_add(earned).min(self.most);
            self.filled =
                if self.left == self.most { Instant::now() } else { self.filled + self.every * earned };
        }
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        true
    }
}

#[cfg(test)]
mod tests;
