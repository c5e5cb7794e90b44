//! Least connections, exact and weighted.
//!
//! A route has few targets, so every count is looked at. A load is `(in flight + 1) / weight`: what it would be with
//! this call. The winner is taken by compare-exchange, so that two racers do not both take the same idle target.

use std::{
    cmp::Ordering as Order,
    sync::{Arc, atomic::Ordering},
};

use super::route::Route;
use crate::{
    error::{Error, Reason, Result},
    state::Target,
};

/// The targets that a call has tried, by their place in the group.
#[derive(Debug, Default)]
pub(super) struct Tried(Vec<usize>);

/// One attempt in flight at a target. Its drop gives the place back.
#[derive(Debug)]
pub(super) struct Lease(Arc<Target>);

/// Takes the least loaded target of a route that was not tried yet; ties are rotated.
pub(super) fn take(route: &Route<'_>, tried: &mut Tried) -> Result<Lease> {
    let start = route.group.turn.fetch_add(1, Ordering::Relaxed);
    loop {
        let Some((place, target, in_flight)) = least_loaded(route, tried, start) else {
            return Err(Error::new(Reason::Internal, "no target was left to try"));
        };
        let next = in_flight.saturating_add(1);
        let taken =
            target.live.in_flight.compare_exchange(in_flight, next, Ordering::AcqRel, Ordering::Relaxed);
        if taken.is_ok() {
            tried.0.push(place);
            return Ok(Lease(Arc::clone(target)));
        }
    }
}

/// The least loaded target with its place and its in-flight count, scanning from `start`.
fn least_loaded<'a>(route: &Route<'a>, tried: &Tried, start: usize) -> Option<(usize, &'a Arc<Target>, u32)> {
    let mut best: Option<(usize, &Arc<Target>, u32)> = None;
    for (place, target) in route.targets_from(start).filter(|(place, _)| !tried.0.contains(place)) {
        let in_flight = target.live.in_flight.load(Ordering::Acquire);
        let lower = best.is_none_or(|(_, other, other_in_flight)| {
            load_order((in_flight, target.weight), (other_in_flight, other.weight)) == Order::Less
        });
        if lower {
            best = Some((place, target, in_flight));
        }
    }
    best
}

/// Compares `(in flight + 1) / weight` without dividing.
fn load_order(left: (u32, u32), right: (u32, u32)) -> Order {
    let cross =
        |(in_flight, _): (u32, u32), (_, weight): (u32, u32)| (u64::from(in_flight) + 1) * u64::from(weight);
    cross(left, right).cmp(&cross(right, left))
}

// === impl Tried ===

impl Tried {
    /// How many were tried.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

// === impl Lease ===

impl Lease {
    /// What was leased.
    pub(super) fn target(&self) -> &Arc<Target> {
        &self.0
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.live.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}
