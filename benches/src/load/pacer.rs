//! When a caller may make its next call: at once, or at a rate that does not depend on how soon answers come.

use std::{
    os::fd::OwnedFd,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::sync::Semaphore;

use crate::Result;

/// The timer of the kernel fires no more often than this, so that it costs little beside the calls.
const SHORTEST_TICK: Duration = Duration::from_micros(200);

/// Gives out the moments at which calls are due.
pub(super) struct Pacer {
    schedule: OnceLock<Schedule>,
    /// Calls that are due and not taken.
    due: Semaphore,
    taken: AtomicU32,
}

struct Schedule {
    start: Instant,
    interval: Duration,
}

// === impl Pacer ===

impl Pacer {
    /// Callers call as soon as they can.
    pub(super) fn free() -> Arc<Self> {
        Arc::new(Self { schedule: OnceLock::new(), due: Semaphore::new(0), taken: AtomicU32::new(0) })
    }

    /// When the next call is due; waits until then. `None` once the pacer is stopped.
    pub(super) async fn next(&self) -> Option<Instant> {
        if self.due.is_closed() {
            return None;
        }
        let Some(schedule) = self.schedule.get() else { return Some(Instant::now()) };
        self.due.acquire().await.ok()?.forget();
        Some(schedule.start + schedule.interval * (1 + self.taken.fetch_add(1, Ordering::Relaxed)))
    }

    /// From now on, `rate` calls a second are due, evenly spread, until it is stopped.
    pub(super) fn hold(self: &Arc<Self>, rate: u32) -> Result<()> {
        let interval = Duration::from_secs(1) / rate;
        // Where calls are due more often than the timer should fire, several are at once.
        let at_once = SHORTEST_TICK.as_nanos().div_ceil(interval.as_nanos().max(1)).max(1) as u32;
        let timer = timer(interval * at_once)?;
        self.schedule.get_or_init(|| Schedule { start: Instant::now(), interval });
        let pacer = Arc::clone(self);
        std::thread::Builder::new().spawn(move || {
            // A timer that cannot be read makes no call due; the job then says that nothing was done.
            drop(tick(&timer, at_once, &pacer.due));
        })?;
        Ok(())
    }

    /// No more calls.
    pub(super) fn stop(&self) {
        self.due.close();
    }
}

/// Makes calls due until they are no longer wanted.
fn tick(timer: &OwnedFd, at_once: u32, due: &Semaphore) -> Result<()> {
    while !due.is_closed() {
        let mut expired = [0; 8];
        rustix::io::read(timer, &mut expired)?;
        let ticks = usize::try_from(u64::from_ne_bytes(expired))?;
        due.add_permits(ticks * at_once as usize);
    }
    Ok(())
}

/// A timer of the kernel, exact to some microseconds; the runtime's own counts milliseconds, and sleep has slack.
fn timer(period: Duration) -> Result<OwnedFd> {
    let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?;
    let period = Timespec { tv_sec: period.as_secs().try_into()?, tv_nsec: period.subsec_nanos().into() };
    let setting = Itimerspec { it_interval: period, it_value: period };
    timerfd_settime(&timer, TimerfdTimerFlags::empty(), &setting)?;
    Ok(timer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn calls_are_due_at_their_rate_however_late_they_are_taken() {
        let pacer = Pacer::free();
        pacer.hold(4000).unwrap();
        let first = pacer.next().await.unwrap();
        let second = pacer.next().await.unwrap();
        assert_eq!(second - first, Duration::from_micros(250));
        pacer.stop();
        assert_eq!(pacer.next().await, None);
    }
}
