//! Values that end and are fetched anew, as tokens are.
//!
//! A value that has not ended is given at once. Late in its life it is renewed behind the callers' backs; one that has ended
//! is waited for. Whoever wants it, however many they are, there is one fetch at a time, and it goes on when they leave.
//! A value that may be used stale is given for a while after its end, where no other can be had because whoever gives it
//! is away; what was refused is no outage.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use tokio::{sync::watch, time::Instant};

use crate::{
    error::{Error, Result},
    task::Tasks,
};

/// After this share of its life a value is renewed: early enough to try several times.
const RENEWED_AFTER: f64 = 0.8;
/// How long no fetch follows a failed one. Doubles with each further failure.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long after its beginning a fetch is waited for where there is a value that may be used stale.
const STALE_PATIENCE: Duration = Duration::from_secs(2);
/// Who refuses a fresh value will refuse the next one as well, for a while.
const REFUSAL_PAUSE: Duration = Duration::from_secs(30);

/// A value with an end, shared by all who use it.
pub struct Renewed<T> {
    kept: ArcSwapOption<Kept<T>>,
    /// What was kept before.
    previous: ArcSwapOption<Kept<T>>,
    /// Held for moments only, never while anything is waited for.
    fetching: Mutex<Fetching<T>>,
}

/// A value and until when it holds.
pub struct Kept<T> {
    /// The value.
    pub value: T,
    renew_at: Instant,
    ends_at: Instant,
    /// Until when it is given after its end. `None`: it is not.
    stale_until: Option<Instant>,
}

/// A value as it comes, and how long it lives from the moment at which it was asked for.
pub struct Fresh<T> {
    /// The value.
    pub value: T,
    /// Its life.
    pub life: Duration,
    /// How long after its life it may still be used where no other can be had. Zero: not at all.
    pub stale: Duration,
}

/// How a fetch ended. The first error is shared by all who waited for it.
type Outcome<T> = Result<Arc<Kept<T>>, Arc<Error>>;

struct Fetching<T> {
    /// The fetch that is under way.
    flight: Option<Flight<T>>,
    failed: Option<Failed>,
    /// When a value was refused last.
    refused_at: Option<Instant>,
    /// Whoever gives values said that there is none any more.
    withdrawn: bool,
}

struct Flight<T> {
    began: Instant,
    /// Where the outcome will stand.
    landed: watch::Receiver<Option<Outcome<T>>>,
}

struct Failed {
    error: Arc<Error>,
    pause: Duration,
    until: Instant,
}

/// What there is for somebody who wants the value.
enum Begun<T> {
    Kept(Arc<Kept<T>>),
    Flight(Flight<T>),
    Failed(Arc<Error>),
}

// === impl Flight ===

impl<T> Clone for Flight<T> {
    fn clone(&self) -> Self {
        Self { began: self.began, landed: self.landed.clone() }
    }
}

// === impl Kept ===

impl<T> Kept<T> {
    /// Whether its life is over, so that it is used only because there is no other.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.was_stale(Instant::now())
    }

    /// Whether it was over then.
    #[must_use]
    pub fn was_stale(&self, then: Instant) -> bool {
        then >= self.ends_at
    }

    /// How long until it is renewed when somebody asks for it.
    #[must_use]
    pub fn renewed_in(&self) -> Duration {
        self.renew_at.saturating_duration_since(Instant::now())
    }
}

// === impl Renewed ===

impl<T> Renewed<T> {
    /// The value that is kept, though it may have ended. `None`: there was none yet, or it was refused.
    pub fn kept(&self) -> Option<Arc<Kept<T>>> {
        self.kept.load_full()
    }

    /// The value that is kept, and the one before it, which somebody may still be using.
    pub fn known(&self) -> impl Iterator<Item = Arc<Kept<T>>> + use<T> {
        [self.kept.load_full(), self.previous.load_full()].into_iter().flatten()
    }

    /// Somebody refused this value though it has not ended: the next who asks gets another. `false`: another would be
    /// refused as well, as the last one was that was fetched for this reason.
    pub fn refuse(&self, refused: &Arc<Kept<T>>) -> bool {
        let mut fetching = self.fetching();
        let is_kept = self.kept.load().as_ref().is_some_and(|kept| Arc::ptr_eq(kept, refused));
        if !is_kept {
            return true;
        }
        let now = Instant::now();
        if fetching.refused_at.is_some_and(|before| now < before + REFUSAL_PAUSE) {
            return false;
        }
        fetching.refused_at = Some(now);
        self.previous.store(self.kept.swap(None));
        true
    }

    /// Another one that goes on with what is kept here, in another form.
    #[must_use]
    pub fn mapped(&self, form: impl Fn(&T) -> T) -> Self {
        let copy = |kept: &ArcSwapOption<Kept<T>>| {
            let kept = kept.load_full()?;
            let Kept { renew_at, ends_at, stale_until, .. } = *kept;
            Some(Arc::new(Kept { value: form(&kept.value), renew_at, ends_at, stale_until }))
        };
        let withdrawn = self.fetching().withdrawn;
        Self {
            kept: ArcSwapOption::new(copy(&self.kept)),
            previous: ArcSwapOption::new(copy(&self.previous)),
            fetching: Mutex::new(Fetching { withdrawn, ..Fetching::default() }),
        }
    }

    fn fetching(&self) -> MutexGuard<'_, Fetching<T>> {
        self.fetching.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, fetched: Result<Fresh<T>>, asked: Instant) -> Outcome<T> {
        let mut fetching = self.fetching();
        fetching.flight = None;
        match fetched {
            Ok(Fresh { value, life, stale }) => {
                let (renew_at, ends_at) = (asked + life.mul_f64(RENEWED_AFTER), asked + life);
                let stale_until = (!stale.is_zero()).then_some(ends_at + stale);
                let kept = Arc::new(Kept { value, renew_at, ends_at, stale_until });
                if let Some(before) = self.kept.swap(Some(Arc::clone(&kept))) {
                    self.previous.store(Some(before));
                }
                (fetching.failed, fetching.withdrawn) = (None, false);
                Ok(kept)
            }
            Err(error) => {
                fetching.withdrawn |= !error.is_outage();
                let error = Arc::new(error);
                let before = fetching.failed.take();
                let pause = before.map_or(FIRST_PAUSE, |before| (before.pause * 2).min(LONGEST_PAUSE));
                let until = Instant::now() + pause;
                fetching.failed = Some(Failed { error: Arc::clone(&error), pause, until });
                Err(error)
            }
        }
    }
}

impl<T: Send + Sync + 'static> Renewed<T> {
    /// The value, fetched if need be. `fetch` runs among `tasks` and should bound its time.
    ///
    /// # Errors
    /// That of the last fetch, where no value holds any more.
    pub async fn get<F>(
        self: &Arc<Self>,
        tasks: &Tasks,
        fetch: impl FnOnce() -> Result<F>,
    ) -> Result<Arc<Kept<T>>>
    where
        F: Future<Output = Result<Fresh<T>>> + Send + 'static,
    {
        let now = Instant::now();
        if let Some(kept) = self.kept.load_full().filter(|kept| now < kept.ends_at) {
            // A renewal that fails is tried again by those who come later, as long as there is time.
            if now >= kept.renew_at {
                let _ = self.begin(tasks, now, fetch);
            }
            return Ok(kept);
        }
        let mut flight = match self.begin(tasks, now, fetch)? {
            Begun::Kept(kept) => return Ok(kept),
            Begun::Failed(error) => return self.stale_after(&error).ok_or_else(|| error.retold()),
            Begun::Flight(flight) => flight,
        };
        let landed = flight.landed.wait_for(Option::is_some);
        let landed = match self.stale() {
            None => landed.await,
            // One fetch has failed already: this one is not worth waiting for, unless for a value that was refused.
            Some(stale) if stale.is_stale() && self.fetching().failed.is_some() => return Ok(stale),
            Some(stale) => match tokio::time::timeout_at(flight.began + STALE_PATIENCE, landed).await {
                Ok(landed) => landed,
                Err(_) => return Ok(stale),
            },
        };
        match landed.as_deref() {
            Ok(Some(Ok(kept))) => Ok(Arc::clone(kept)),
            Ok(Some(Err(error))) => self.stale_after(error).ok_or_else(|| error.retold()),
            Ok(None) | Err(_) => Err(Error::internal("the gateway is stopping", "a fetch was given up")),
        }
    }

    /// The last value, for those who can tell whether it serves them: it has not ended, or may be used all the same. Waits for
    /// nobody and fetches nothing.
    pub fn at_hand(&self) -> Option<Arc<Kept<T>>> {
        let kept = self.kept.load_full().filter(|kept| Instant::now() < kept.ends_at);
        kept.or_else(|| self.stale())
    }

    /// The last value, where it may be used though it has ended or was refused.
    fn stale(&self) -> Option<Arc<Kept<T>>> {
        if self.fetching().withdrawn {
            return None;
        }
        let last = self.kept.load_full().or_else(|| self.previous.load_full());
        last.filter(|last| last.stale_until.is_some_and(|until| Instant::now() < until))
    }

    /// The same after a fetch has failed like this.
    fn stale_after(&self, error: &Error) -> Option<Arc<Kept<T>>> {
        self.stale().filter(|_| error.is_outage())
    }

    /// Begins a fetch unless one is under way, has just failed, or has just brought a value.
    fn begin<F>(
        self: &Arc<Self>,
        tasks: &Tasks,
        now: Instant,
        fetch: impl FnOnce() -> Result<F>,
    ) -> Result<Begun<T>>
    where
        F: Future<Output = Result<Fresh<T>>> + Send + 'static,
    {
        let mut fetching = self.fetching();
        if let Some(kept) = self.kept.load_full().filter(|kept| now < kept.renew_at) {
            return Ok(Begun::Kept(kept));
        }
        // One whose sender is gone was torn down with its task.
        if let Some(flight) = fetching.flight.as_ref().filter(|flight| flight.landed.has_changed().is_ok()) {
            return Ok(Begun::Flight(flight.clone()));
        }
        if let Some(failed) = fetching.failed.as_ref().filter(|failed| now < failed.until) {
            return Ok(Begun::Failed(Arc::clone(&failed.error)));
        }
        let work = fetch()?;
        let (done, landed) = watch::channel(None);
        let flight = Flight { began: now, landed };
        fetching.flight = Some(flight.clone());
        let this = Arc::clone(self);
        tasks.spawn(async move {
            let fetched = work.await;
            let outcome = this.settle(fetched, now);
            // Nobody may be waiting.
            let _ = done.send(Some(outcome));
        });
        Ok(Begun::Flight(flight))
    }
}

impl<T> Default for Renewed<T> {
    fn default() -> Self {
        Self { kept: ArcSwapOption::empty(), previous: ArcSwapOption::empty(), fetching: Mutex::default() }
    }
}

impl<T> Default for Fetching<T> {
    fn default() -> Self {
        Self { flight: None, failed: None, refused_at: None, withdrawn: false }
    }
}

impl<T> fmt::Debug for Renewed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewed").field("kept", &self.kept.load().is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
