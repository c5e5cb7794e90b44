//! Wall-clock time. Durations come from `tokio::time`, which tests can pause.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Tells the time of day: the machine's, or in tests one that is set by hand.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicU64>>);

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn real() -> Self {
        Self(None)
    }

    /// A clock that stands still at `unix_seconds` until it is moved.
    #[must_use]
    pub fn test(unix_seconds: u64) -> Self {
        Self(Some(Arc::new(AtomicU64::new(unix_seconds))))
    }

    /// Moves a test clock forward; does nothing to the machine's.
    pub fn advance(&self, seconds: u64) {
        if let Some(now) = &self.0 {
            now.fetch_add(seconds, Ordering::Relaxed);
        }
    }

    /// Now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
    pub fn now(&self) -> SystemTime {
        match &self.0 {
            Some(seconds) => UNIX_EPOCH + Duration::from_secs(seconds.load(Ordering::Relaxed)),
            None => SystemTime::now(),
        }
    }
}
