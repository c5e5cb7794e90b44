//! From row to row of the audit log: is each as it was written?

use super::{event, is_proved, zeros};
use crate::{
    secrets::Chain,
    store::{End, Entry},
};

/// Where a walk along the chain stands.
pub(super) struct Walk<'a> {
    chain: &'a Chain,
    /// Number of the row before.
    sequence: i64,
    /// Its hash.
    hash: Vec<u8>,
    broken: Option<i64>,
}

impl<'a> Walk<'a> {
    /// Begins after the event that was removed last.
    pub(super) fn begin(chain: &'a Chain, first: Option<&End>) -> Self {
        let (sequence, hash) = first.map_or((0, zeros()), |end| (end.sequence, end.hash.clone()));
        let broken = first.filter(|end| !is_proved(chain, true, end)).map(|end| end.sequence);
        Self { chain, sequence, hash, broken }
    }

    /// Goes on to the next row. Tells whether all was in order so far.
    pub(super) fn step(&mut self, row: &Entry) -> bool {
        let expected = self.sequence.saturating_add(1);
        let is_whole = row.sequence == expected
            && self.chain.link(&self.hash, row.sequence, &row.payload) == row.hash
            && event::describes(row);
        if !is_whole {
            self.broken.get_or_insert(expected);
        }
        self.sequence = row.sequence;
        self.hash.clone_from(&row.hash);
        self.broken.is_none()
    }

    /// Number of the first row that is missing or not as it was written, so far.
    pub(super) fn broken(&self) -> Option<i64> {
        self.broken
    }

    /// The same at the end of the log. Nothing may be missing there, no event and no change of the configuration.
    pub(super) fn end(self, last: Option<&End>, revision: i64) -> Option<i64> {
        let is_whole = last.is_some_and(|end| {
            is_proved(self.chain, false, end)
                && (end.sequence, &end.hash, end.revision) == (self.sequence, &self.hash, revision)
        });
        let added = last.map_or(i64::MAX, |end| end.sequence.saturating_add(1));
        let missing = self.sequence.saturating_add(1).min(added);
        self.broken.or((!is_whole).then_some(missing))
    }
}
