//! A bounded number of places, each given back when its holder is dropped.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use prometheus_client::metrics::counter::Counter;

/// Places for calls, or for connections. One atomic: nobody waits. Clones share them.
#[derive(Clone, Debug)]
pub struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limit: usize,
    taken: AtomicUsize,
    refused: Counter,
}

/// A place that is held.
#[derive(Debug)]
pub struct Place(Places);

impl Places {
    /// So many places, at most. What finds none is counted as refused.
    #[must_use]
    pub fn new(limit: usize, refused: Counter) -> Self {
        Self(Arc::new(Inner { limit, taken: AtomicUsize::new(0), refused }))
    }

    /// Takes a place. `None`: there is none left.
    #[must_use]
    pub fn take(&self) -> Option<Place> {
        let one_more = |taken| if taken < self.0.limit { Some(taken + 1) } else { None };
        if self.0.taken.fetch_update(Ordering::AcqRel, Ordering::Relaxed, one_more).is_ok() {
            return Some(Place(self.clone()));
        }
        self.0.refused.inc();
        None
    }

    /// How many there are.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.0.limit
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use prometheus_client::metrics::counter::Counter;

    use super::Places;

    #[test]
    fn a_place_is_given_back_on_drop_and_a_refusal_takes_none() {
        let places = Places::new(2, Counter::default());
        let (first, second) = (places.take().unwrap(), places.take().unwrap());
        for _ in 0..3 {
            assert!(places.take().is_none());
        }
        drop(first);
        let third = places.take().unwrap();
        assert!(places.take().is_none());
        drop((second, third));
        assert_eq!(places.0.refused.get(), 4);
        assert!(places.take().is_some());
    }

    #[test]
    fn racers_never_hold_more_than_there_are() {
        let places = Places::new(3, Counter::default());
        let held = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..2000 {
                        let Some(place) = places.take() else { continue };
                        let now = held.fetch_add(1, Ordering::SeqCst);
                        assert!(now < 3, "{now}");
                        held.fetch_sub(1, Ordering::SeqCst);
                        drop(place);
                    }
                });
            }
        });
    }
}
