//! Wrong keys slow their source down. No locks: a fixed table of atomics.
//!
//! A source is an address, for IPv6 a network of 64 bits, because that is what one subscriber has. Sources that fall into
//! one slot of the table share it. A slot holds a level: every wrong key adds one, and it halves in each minute that the
//! source could have tried and did not. Above a level of 20 a wrong key is followed by a wait in which no key is looked at,
//! doubled with each further one. Who can wait finds a key of 128 bits no sooner; who has mistyped one waits seconds.

use std::{
    hash::{BuildHasher as _, RandomState},
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const SLOTS: usize = 4096;
/// Wrong keys that cost nothing.
const FREE: f64 = 20.0;
const HALF_LIFE_MS: f64 = 60_000.0;
const FIRST_WAIT_MS: f64 = 100.0;
const LONGEST_WAIT_MS: f64 = 30_000.0;
/// No slot holds more: a little above where the wait is longest, so that it is soon forgotten.
const HIGHEST: f64 = 30.0;
/// A slot is a time in milliseconds since 1970 and, in the lowest bits, a level in 256ths.
const LEVEL_BITS: u32 = 16;
const LEVEL_UNIT: f64 = 256.0;

/// How many wrong keys have come, by source.
pub(super) struct Throttle {
    slots: Box<[AtomicU64]>,
    /// Random, so that nobody can choose addresses that share a slot with somebody else's.
    seed: RandomState,
}

/// Where a request comes from: a number, never 0.
#[derive(Clone, Copy)]
pub(super) struct Source(pub(super) u64);

/// What a slot says.
#[derive(Clone, Copy)]
struct Record {
    /// When the last wrong key came.
    at: u64,
    level: f64,
}

// === impl Throttle ===

impl Throttle {
    pub(super) fn new() -> Self {
        Self { slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(), seed: RandomState::new() }
    }

    pub(super) fn source(&self, address: IpAddr) -> Source {
        let number = match address.to_canonical() {
            IpAddr::V4(address) => self.seed.hash_one((4, u64::from(address.to_bits()))),
            IpAddr::V6(address) => self.seed.hash_one((6, address.to_bits() >> 64)),
        };
        Source(number.max(1))
    }

    /// How long the source must wait until a key from it is looked at. `None`: it need not.
    pub(super) fn wait(&self, source: Source, now: SystemTime) -> Option<Duration> {
        let record = Record::read(self.slot(source)?.load(Ordering::Relaxed));
        let now = millis(now);
        // A clock that was set back says nothing: then nobody waits.
        let until = record.at.saturating_add(record.wait());
        (record.at <= now && now < until).then(|| Duration::from_millis(until - now))
    }

    /// Counts a wrong key.
    pub(super) fn fail(&self, source: Source, now: SystemTime) {
        let now = millis(now);
        let next = |bits| Some(Record::read(bits).after_another(now).write());
        if let Some(slot) = self.slot(source) {
            // The closure always gives a value, so this does not fail.
            let _ = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        }
    }

    fn slot(&self, source: Source) -> Option<&AtomicU64> {
        // The low bits choose among the homes of a key.
        self.slots.get(usize::try_from(source.0 >> 32).unwrap_or_default() % SLOTS)
    }
}

// === impl Record ===

impl Record {
    fn read(bits: u64) -> Self {
        let level = u16::try_from(bits & ((1 << LEVEL_BITS) - 1)).unwrap_or_default();
        Self { at: bits >> LEVEL_BITS, level: f64::from(level) / LEVEL_UNIT }
    }

    fn write(self) -> u64 {
        // At most 30 * 256; a float becomes the nearest number there is.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to 7680")]
        let level = (self.level * LEVEL_UNIT).round() as u64;
        self.at << LEVEL_BITS | level
    }

    /// Milliseconds.
    fn wait(self) -> u64 {
        if self.level <= FREE {
            return 0;
        }
        let wait = FIRST_WAIT_MS * (self.level - FREE - 1.0).max(0.0).exp2();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is from 100 to 30000"
        )]
        let wait = wait.min(LONGEST_WAIT_MS).round() as u64;
        wait
    }

    /// The level sinks only while the source may try: a wait is not a rest.
    fn after_another(self, now: u64) -> Self {
        let rested = now.saturating_sub(self.at.saturating_add(self.wait()));
        let rested = u32::try_from(rested).map_or(f64::INFINITY, f64::from);
        let level = self.level * (-rested / HALF_LIFE_MS).exp2();
        Self { at: now, level: (level + 1.0).min(HIGHEST) }
    }
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX) & (u64::MAX >> LEVEL_BITS)
}

#[cfg(test)]
mod tests;
