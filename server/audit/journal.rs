//! Refused calls on their way into the log. No call waits for it.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tokio::{sync::mpsc, time::Instant};

use super::pending::Pending;
use crate::{
    clock::Clock,
    error::Reason,
    state::{Refusal, State},
};

/// Refused calls that may wait to be merged.
const QUEUE: usize = 4096;
/// Equal ones that come within this time are one event.
const WINDOW: Duration = Duration::from_secs(1);

/// Takes refused calls. Never waits: what does not fit is counted as lost. Clones lead to the same log.
#[derive(Clone, Debug)]
pub struct Journal {
    queue: mpsc::Sender<Refusal>,
    lost: Counter,
}

/// Writes them into the log.
pub struct JournalWriter {
    queue: mpsc::Receiver<Refusal>,
    lost: Counter,
    /// How many of the lost ones the log tells of.
    told: u64,
    state: State,
    clock: Clock,
    failing: bool,
}

/// Both ends of a journal. What finds the queue full is counted in `lost`.
#[must_use]
pub fn journal(state: State, clock: Clock, lost: Counter) -> (Journal, JournalWriter) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let journal = Journal { queue: sender, lost: lost.clone() };
    (journal, JournalWriter { queue: receiver, lost, told: 0, state, clock, failing: false })
}

// === impl Journal ===

impl Journal {
    /// Whether a call that failed so was refused: the caller is unknown, or may not.
    #[must_use]
    pub fn is_refusal(reason: Reason) -> bool {
        [
            Reason::Unauthenticated,
            Reason::AuthenticationTokenExpired,
            Reason::TooManyWrongKeys,
            Reason::PermissionDenied,
            Reason::PolicyDenied,
            Reason::SecretNotAllowed,
        ]
        .contains(&reason)
    }

    /// Takes a call that was refused.
    pub fn send(&self, refusal: Refusal) {
        if self.queue.try_send(refusal).is_err() {
            self.lost.inc();
        }
    }
}

// === impl JournalWriter ===

impl JournalWriter {
    /// Merges and writes until every sender is gone.
    pub async fn run(mut self) {
        let mut pending = Pending::new();
        let mut open = true;
        while open {
            if pending.is_empty() {
                match self.queue.recv().await {
                    Some(refusal) => pending.add(refusal),
                    None => break,
                }
            }
            open = self.collect(&mut pending).await;
            self.write(&mut pending).await;
        }
    }

    /// Takes what comes for a while. Tells whether more may come.
    async fn collect(&mut self, pending: &mut Pending) -> bool {
        let end = Instant::now() + WINDOW;
        loop {
            match tokio::time::timeout_at(end, self.queue.recv()).await {
                Ok(Some(refusal)) => pending.add(refusal),
                Ok(None) => return false,
                Err(_) => return true,
            }
        }
    }

    /// Writes what is pending. It stays so where the store fails.
    async fn write(&mut self, pending: &mut Pending) {
        let lost = self.lost.get();
        let events = pending.events(lost - self.told, self.clock.now());
        let outcome = self.state.record(events).await;
        // Told once, not every second.
        if let (Err(error), false) = (&outcome, self.failing) {
            tracing::error!(%error, "refused calls could not be written to the audit log; it is tried again");
        }
        self.failing = outcome.is_err();
        if !self.failing {
            self.told = lost;
            pending.clear();
        }
    }
}
