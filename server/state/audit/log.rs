//! The end of the audit log, where events are added.

use std::sync::Arc;

use tokio::sync::watch;

use super::{event, is_proved, zeros};
use crate::{
    proto::v1::AuditEvent,
    secrets::Chain,
    store::{Appended, End, Ends},
};

/// Where the log ends now.
#[derive(Debug)]
pub(in crate::state) struct Log {
    chain: Arc<Chain>,
    sequence: i64,
    hash: Vec<u8>,
    /// Revision of the configuration that the log knows of.
    pub(in crate::state) revision: i64,
    told: watch::Sender<i64>,
}

/// What became of the log since it was written last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::state) enum Found {
    /// There is none yet.
    Nothing,
    /// It ends as it was left.
    Whole,
    /// Somebody has been at it.
    Damaged,
}

impl Log {
    /// Nothing is known of the store yet.
    pub(in crate::state) fn new(chain: Arc<Chain>) -> (Self, watch::Receiver<i64>) {
        let (told, end) = watch::channel(0);
        (Self { chain, sequence: 0, hash: zeros(), revision: 0, told }, end)
    }

    /// Goes on where the store says that the log ends. Where that was tampered with, a number is left out, so that it shows
    /// for ever.
    pub(in crate::state) fn go_on(&mut self, ends: &Ends) -> Found {
        let newest = ends.newest.as_ref();
        let (newest, newest_hash) = newest.map_or((0, zeros()), |(sequence, hash)| (*sequence, hash.clone()));
        let removed = ends.first.as_ref().map_or(0, |end| end.sequence);
        let found = match &ends.last {
            None if newest == 0 && removed == 0 => {
                (self.sequence, self.hash, self.revision) = (0, zeros(), ends.revision);
                Found::Nothing
            }
            Some(end) if is_proved(&self.chain, false, end) && newest <= end.sequence => {
                (self.sequence, self.hash, self.revision) = (end.sequence, end.hash.clone(), end.revision);
                let is_whole = newest == end.sequence && newest_hash == end.hash;
                if is_whole { Found::Whole } else { Found::Damaged }
            }
            end => {
                let written = end.as_ref().map_or(0, |end| end.sequence);
                let highest = newest.max(removed).max(written);
                (self.sequence, self.hash, self.revision) =
                    (highest.saturating_add(1), newest_hash, ends.revision);
                Found::Damaged
            }
        };
        self.told.send_replace(self.sequence);
        found
    }

    /// What to write to add these events, the configuration being at `revision` then.
    pub(in crate::state) fn append(&self, events: Vec<AuditEvent>, revision: i64) -> Appended {
        let (mut sequence, mut hash) = (self.sequence, self.hash.clone());
        let add = |event| {
            sequence += 1;
            let entry = event::write(&self.chain, &hash, AuditEvent { sequence, revision, ..event });
            hash.clone_from(&entry.hash);
            entry
        };
        let entries = events.into_iter().map(add).collect();
        Appended { entries, last: self.end(false, sequence, revision, hash) }
    }

    /// One end of the log, with its proof.
    pub(in crate::state) fn end(&self, first: bool, sequence: i64, revision: i64, hash: Vec<u8>) -> End {
        let proof = self.chain.prove(first, sequence, revision, &hash);
        End { sequence, revision, hash, proof }
    }

    /// It is written.
    pub(in crate::state) fn written(&mut self, last: End) {
        let End { sequence, revision, hash, .. } = last;
        (self.sequence, self.hash, self.revision) = (sequence, hash, revision);
        self.told.send_replace(sequence);
    }
}
