//! Whether a run proves a figure: nothing failed, the load had room, nobody else took the core, and what is shown as a
//! limit was one.

use std::time::Duration;

use crate::{
    load::{Outcome, Work},
    plan::{Column, Figure},
};

/// The core of upstream and load must be idle for this part of the time, 0 to 1: else they are what is measured.
const HEADROOM: f64 = 0.20;
/// A server is at its limit where its core was idle for no more than this.
const AT_LIMIT: f64 = 0.10;
/// A server may have waited for its core this part of the time, for figures of time and for others.
const WAITED_TIME: f64 = 0.05;
const WAITED: f64 = 0.20;
/// Part of the calls that must be answered where the rate is given.
const ANSWERED: f64 = 0.98;

/// A figure of one run, or why the run does not prove it.
pub(crate) fn figure(figure: Figure, by: Column, work: Work, outcome: &Outcome) -> Result<f64, String> {
    if let Some(failure) = &outcome.failure {
        return Err(format!("{} calls went wrong, the first: {failure}", outcome.failed));
    }
    if let Figure::MemoryPerStream(at) = figure {
        return memory(at, work, outcome);
    }
    if outcome.done == 0 {
        return Err("nothing arrived while it was measured".into());
    }
    // Who is called directly shares its core with the load; that is no disturbance.
    if by != Column::Direct {
        undisturbed(figure, outcome)?;
    }
    headroom(outcome)?;
    let used = &outcome.used;
    let seconds = used.wall.as_secs_f64();
    let done = outcome.done as f64;
    match figure {
        Figure::CallsPerSecond => {
            at_limit(outcome)?;
            Ok(done / seconds)
        }
        Figure::CpuPerCall | Figure::CpuPerChunk => Ok(used.served.as_secs_f64() * 1e6 / done),
        Figure::AddedP50 => answered(work, done / seconds).map(|()| microseconds(outcome.latency.p50)),
        Figure::AddedP99 => answered(work, done / seconds).map(|()| microseconds(outcome.latency.p99)),
        Figure::TransitP50 => Ok(microseconds(outcome.transit.p50)),
        Figure::TransitP99 => Ok(microseconds(outcome.transit.p99)),
        Figure::FirstChunkP50 => Ok(microseconds(outcome.first_chunk.p50)),
        Figure::FirstChunkP99 => Ok(microseconds(outcome.first_chunk.p99)),
        Figure::Delivered => Ok(100.0 * done / seconds / offered(work)),
        Figure::MemoryPerStream(_)
        | Figure::IdleMemory
        | Figure::ReadyNewStore
        | Figure::ReadySameStore
        | Figure::BinarySize => Err("it is not measured under load".into()),
    }
}

/// KiB of a stream, where the process idled first.
fn memory(at: usize, work: Work, outcome: &Outcome) -> Result<f64, String> {
    let (Work::Held { counts, .. }, Some(idle)) = (work, outcome.resident.first()) else {
        return Err("no memory was read".into());
    };
    match (counts.get(at), outcome.resident.get(at + 1)) {
        (Some(count), Some(held)) => Ok(held.saturating_sub(*idle) as f64 / 1024.0 / *count as f64),
        (None, _) | (_, None) => Err("no memory was read".into()),
    }
}

fn headroom(outcome: &Outcome) -> Result<(), String> {
    let idle = outcome.used.other_core_idle;
    if idle < HEADROOM {
        let share = |time: Duration| time.as_secs_f64() / outcome.used.wall.as_secs_f64() * 100.0;
        let (busy, upstream, load) =
            ((1.0 - idle) * 100.0, share(outcome.used.upstream), share(outcome.used.load));
        return Err(format!(
            "the core of upstream and load was {busy:.0} % busy (by them {upstream:.0} % and {load:.0} %); below 80 % is asked"
        ));
    }
    Ok(())
}

fn undisturbed(figure: Figure, outcome: &Outcome) -> Result<(), String> {
    let waited = outcome.used.served_waited.as_secs_f64() / outcome.used.wall.as_secs_f64();
    let bearable = if figure.is_time() { WAITED_TIME } else { WAITED };
    if waited > bearable {
        let (waited, bearable) = (waited * 100.0, bearable * 100.0);
        return Err(format!(
            "other programs kept it from its core for {waited:.0} % of the time; {bearable:.0} % is borne"
        ));
    }
    Ok(())
}

fn at_limit(outcome: &Outcome) -> Result<(), String> {
    if let Some(rate) = outcome.held_back {
        return Err(format!("upstream and load are at their own limit; they held back to {rate} calls/s"));
    }
    let idle = outcome.used.served_core_idle;
    if idle > AT_LIMIT {
        return Err(format!(
            "it was not at its limit: its core was idle for {:.0} % of the time",
            idle * 100.0
        ));
    }
    Ok(())
}

fn answered(work: Work, rate: f64) -> Result<(), String> {
    match work {
        Work::Unary { rate: Some(asked), .. } if rate < f64::from(asked) * ANSWERED => {
            Err(format!("only {rate:.0} of {asked} calls/s were answered"))
        }
        Work::Unary { .. } | Work::Streams { .. } | Work::Held { .. } => Ok(()),
    }
}

/// Chunks a second that the upstream means to send.
fn offered(work: Work) -> f64 {
    match work {
        Work::Streams { stream, count, .. } => {
            count as f64 * f64::from(stream.per_tick) * 1000.0 / f64::from(stream.gap_ms)
        }
        Work::Unary { .. } | Work::Held { .. } => f64::INFINITY,
    }
}

fn microseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{load::Ask, readings::Used, script::Stream};

    const UNARY: Work = Work::Unary { ask: Ask::Chat(1000), callers: 32, rate: None };

    /// A run that proves all it can.
    fn good() -> Outcome {
        let used = Used {
            wall: Duration::from_secs(2),
            served: Duration::from_millis(1900),
            served_waited: Duration::from_millis(20),
            served_core_idle: 0.04,
            other_core_idle: 0.35,
            ..Used::default()
        };
        Outcome { used, done: 50_000, ..Outcome::default() }
    }

    fn value(wanted: Figure, outcome: &Outcome) -> Result<f64, String> {
        figure(wanted, Column::Rest, UNARY, outcome)
    }

    #[test]
    fn a_proven_run_gives_its_figures() {
        assert_eq!(value(Figure::CpuPerCall, &good()), Ok(38.0));
        assert_eq!(value(Figure::CallsPerSecond, &good()), Ok(25_000.0));
    }

    #[test]
    fn one_wrong_answer_refuses_every_figure() {
        let outcome = Outcome { failed: 1, failure: Some("status 502".into()), ..good() };
        for wanted in [Figure::CpuPerCall, Figure::CallsPerSecond, Figure::MemoryPerStream(0)] {
            assert!(value(wanted, &outcome).unwrap_err().contains("status 502"));
        }
        assert!(value(Figure::CpuPerCall, &Outcome { done: 0, ..good() }).is_err());
    }

    #[test]
    fn a_load_without_headroom_refuses_every_figure() {
        let mut outcome = good();
        outcome.used.other_core_idle = 0.19;
        for wanted in [Figure::CpuPerCall, Figure::CallsPerSecond, Figure::TransitP50] {
            assert!(value(wanted, &outcome).unwrap_err().contains("81 % busy"));
        }
    }

    #[test]
    fn a_limit_that_was_not_reached_is_not_shown_but_the_cost_of_a_call_is() {
        let mut outcome = good();
        outcome.used.served_core_idle = 0.3;
        assert!(value(Figure::CallsPerSecond, &outcome).is_err());
        assert!(value(Figure::CpuPerCall, &outcome).is_ok());
        let outcome = Outcome { held_back: Some(20_000), ..good() };
        assert!(value(Figure::CallsPerSecond, &outcome).is_err());
        assert!(value(Figure::CpuPerCall, &outcome).is_ok());
    }

    #[test]
    fn others_on_the_core_spoil_times_before_they_spoil_costs() {
        let mut outcome = good();
        outcome.used.served_waited = Duration::from_millis(200);
        assert!(value(Figure::TransitP99, &outcome).is_err());
        assert!(value(Figure::CpuPerCall, &outcome).is_ok());
        outcome.used.served_waited = Duration::from_millis(500);
        assert!(value(Figure::CpuPerCall, &outcome).is_err());
        assert!(figure(Figure::TransitP99, Column::Direct, UNARY, &outcome).is_ok());
    }

    #[test]
    fn a_rate_that_was_not_kept_gives_no_latency() {
        let work = Work::Unary { ask: Ask::Chat(1000), callers: 32, rate: Some(2000) };
        let latency = crate::figures::Spread { count: 3900, p50: 150_000, p99: 900_000 };
        let kept = Outcome { done: 3990, latency, ..good() };
        assert_eq!(figure(Figure::AddedP50, Column::Rest, work, &kept), Ok(150.0));
        let missed = Outcome { done: 3900, latency, ..good() };
        assert!(figure(Figure::AddedP50, Column::Rest, work, &missed).is_err());
    }

    #[test]
    fn memory_of_a_stream_is_what_came_on_top_of_the_idle_process() {
        let stream = Stream { ticks: 1, gap_ms: 1, per_tick: 1 };
        let work = Work::Held { stream, counts: [500, 2000], opens: 1 };
        let outcome = Outcome { resident: vec![10 << 20, 20 << 20, 60 << 20], ..Outcome::default() };
        assert_eq!(figure(Figure::MemoryPerStream(0), Column::Rest, work, &outcome), Ok(20.48));
        assert_eq!(figure(Figure::MemoryPerStream(1), Column::Rest, work, &outcome), Ok(25.6));
        assert!(figure(Figure::MemoryPerStream(0), Column::Rest, work, &Outcome::default()).is_err());
    }
}
