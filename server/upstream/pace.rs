//! Time limits of one call.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::time::{Instant, Sleep};

use super::Limits;
use crate::error::{Error, Reason, Result};

/// Watches the time limits of one call: the caller's deadline, the total, the first content, and silence after it.
///
/// The timer is only set anew when it fires, so that a chunk costs one reading of the clock.
pub struct Pace {
    limits: Limits,
    /// The earlier of the caller's deadline and the total limit.
    deadline: Instant,
    /// When the first content must be there. `None` once it is.
    first: Option<Instant>,
    /// The last time that something came.
    last: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    /// Starts the clock at `now`. `deadline` is the caller's.
    #[must_use]
    pub fn new(now: Instant, limits: Limits, deadline: Option<Instant>) -> Self {
        let total = now + limits.total;
        let deadline = deadline.map_or(total, |deadline| deadline.min(total));
        Self { limits, deadline, first: Some(now + limits.first_token), last: now, timer: None }
    }

    /// A fresh attempt of the same call: the deadline stays, the wait for content begins again.
    #[must_use]
    pub fn again(&self, now: Instant) -> Self {
        let first = Some(now + self.limits.first_token);
        Self { limits: self.limits, deadline: self.deadline, first, last: now, timer: None }
    }

    /// Until when the whole call must be over.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Until when the head of the answer must be there.
    #[must_use]
    pub fn head_deadline(&self) -> Instant {
        self.next_limit()
    }

    /// Something came.
    ///
    /// # Errors
    /// That it came too late: who never pauses is never waited for, and has its limits all the same.
    pub fn touch(&mut self) -> Result<()> {
        let now = Instant::now();
        if now >= self.deadline {
            return Err(Self::late());
        }
        if self.first.is_some_and(|first| now >= first) {
            return Err(self.expired());
        }
        self.last = now;
        Ok(())
    }

    /// The first content came: from now on silence is limited, not the wait.
    pub fn content(&mut self) {
        self.first = None;
    }

    /// Resolves when a limit is over.
    pub(super) fn poll_expired(&mut self, context: &mut Context<'_>) -> Poll<Error> {
        loop {
            let limit = self.next_limit();
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(limit)));
            ready!(timer.as_mut().poll(context));
            if Instant::now() >= limit {
                return Poll::Ready(self.expired());
            }
            timer.as_mut().reset(limit);
        }
    }

    /// The error of the limit that is over.
    pub(super) fn expired(&self) -> Error {
        if self.next_limit() >= self.deadline {
            return Self::late();
        }
        let (what, limit) = match self.first {
            Some(_) => ("the upstream gave no content within", self.limits.first_token),
            None => ("the upstream was silent for", self.limits.idle),
        };
        Error::new(Reason::ProviderTimeout, format!("{what} {} s", limit.as_secs_f32()))
    }

    /// The error of a call that was not over within its deadline.
    #[must_use]
    pub fn late() -> Error {
        Error::new(Reason::DeadlineExceeded, "the call was not over within its deadline")
    }

    fn next_limit(&self) -> Instant {
        self.first.unwrap_or(self.last + self.limits.idle).min(self.deadline)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_upstream_that_never_pauses_has_its_limits_all_the_same() {
        let second = Duration::from_secs(1);
        let limits = Limits { first_token: 2 * second, idle: second, total: 9 * second };
        let mut pace = Pace::new(Instant::now(), limits, None);
        tokio::time::advance(second).await;
        pace.touch().unwrap();
        tokio::time::advance(second).await;
        assert_eq!(pace.touch().unwrap_err().reason(), Reason::ProviderTimeout);
        pace.content();
        pace.touch().unwrap();
        tokio::time::advance(7 * second).await;
        assert_eq!(pace.touch().unwrap_err().reason(), Reason::DeadlineExceeded);
    }
}
