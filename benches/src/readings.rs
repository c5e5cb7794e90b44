//! What the kernel counts: processor time of processes and cores, and resident memory.

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::{Result, machine::Cores};

/// The counters of everything that takes part, at one moment.
pub(crate) struct Reading {
    at: Instant,
    served: Threads,
    upstream: Threads,
    load: Threads,
    cores: BTreeMap<usize, CoreTicks>,
}

/// Who takes part, by process id.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Processes {
    pub(crate) served: u32,
    pub(crate) upstream: u32,
    pub(crate) load: u32,
}

/// What was used between two readings.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Used {
    /// How long it took.
    pub(crate) wall: Duration,
    /// Processor time of the program that is measured.
    pub(crate) served: Duration,
    /// How long it was ready to run and had to wait for its core.
    pub(crate) served_waited: Duration,
    pub(crate) upstream: Duration,
    pub(crate) load: Duration,
    /// Part of the time in which the core of the measured program was idle, 0 to 1.
    pub(crate) served_core_idle: f64,
    /// The same of the busiest core of upstream and load.
    pub(crate) other_core_idle: f64,
}

/// `/proc/PID/task/*/schedstat`: by thread, nanoseconds on a core and nanoseconds of waiting for one.
#[derive(Default)]
struct Threads(BTreeMap<u32, (u64, u64)>);

/// A line of `/proc/stat`, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CoreTicks {
    idle: u64,
    all: u64,
}

/// Resident memory of a process, in bytes.
pub(crate) fn resident(process: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
    Ok(kibibytes.ok_or("the kernel does not say how much memory is resident")?.parse::<u64>()? * 1024)
}

// === impl Reading ===

impl Reading {
    /// Reads all counters.
    pub(crate) fn take(of: Processes, on: Cores) -> Result<Self> {
        let stat = fs::read_to_string("/proc/stat")?;
        let cores = [on.served, on.upstream, on.load].into_iter().map(|core| {
            let ticks = CoreTicks::parse(&stat, core).ok_or("the kernel does not count the time of cores")?;
            Ok((core, ticks))
        });
        let cores = cores.collect::<Result<_>>()?;
        Ok(Self {
            at: Instant::now(),
            served: Threads::of(of.served)?,
            upstream: Threads::of(of.upstream)?,
            load: Threads::of(of.load)?,
            cores,
        })
    }

    /// What was used since `before`.
    pub(crate) fn since(&self, before: &Self, on: Cores) -> Used {
        let idle = |core| match (before.cores.get(&core), self.cores.get(&core)) {
            (Some(before), Some(after)) => after.idle_since(*before),
            (None, _) | (_, None) => 0.0,
        };
        let (served, served_waited) = self.served.since(&before.served);
        Used {
            wall: self.at - before.at,
            served,
            served_waited,
            upstream: self.upstream.since(&before.upstream).0,
            load: self.load.since(&before.load).0,
            served_core_idle: idle(on.served),
            other_core_idle: idle(on.upstream).min(idle(on.load)),
        }
    }
}

// === impl Threads ===

impl Threads {
    fn of(process: u32) -> Result<Self> {
        let mut threads = BTreeMap::new();
        for entry in fs::read_dir(format!("/proc/{process}/task"))? {
            let path = entry?.path();
            let id = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
            // A thread may end between the listing and the reading.
            let Ok(text) = fs::read_to_string(path.join("schedstat")) else { continue };
            if let (Some(id), Some(counts)) = (id, parse_schedstat(&text)) {
                threads.insert(id, counts);
            }
        }
        if threads.is_empty() {
            return Err("the kernel does not count the time of threads (CONFIG_SCHED_INFO)".into());
        }
        Ok(Self(threads))
    }

    /// On a core, and waiting for one. What a thread used that has ended in between is lost; our programs end none
    /// under load but those that had nothing to do.
    fn since(&self, before: &Self) -> (Duration, Duration) {
        let (mut ran, mut waited) = (0, 0);
        for (id, after) in &self.0 {
            let start = before.0.get(id).copied().unwrap_or_default();
            ran += after.0.saturating_sub(start.0);
            waited += after.1.saturating_sub(start.1);
        }
        (Duration::from_nanos(ran), Duration::from_nanos(waited))
    }
}

fn parse_schedstat(text: &str) -> Option<(u64, u64)> {
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

// === impl CoreTicks ===

impl CoreTicks {
    /// Of `user nice system idle iowait irq softirq steal ...`. Guest time is in user time already.
    fn parse(stat: &str, core: usize) -> Option<Self> {
        let name = format!("cpu{core} ");
        let line = stat.lines().find_map(|line| line.strip_prefix(&name))?;
        let ticks: Vec<u64> = line.split_ascii_whitespace().take(8).map_while(|n| n.parse().ok()).collect();
        Some(Self { idle: ticks.get(3)? + ticks.get(4)?, all: ticks.iter().sum() })
    }

    /// The part of the time that was idle, 0 to 1.
    fn idle_since(self, before: Self) -> f64 {
        let all = self.all.saturating_sub(before.all);
        if all == 0 { 0.0 } else { self.idle.saturating_sub(before.idle) as f64 / all as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str =
        "cpu  100 0 0 900 0 0 0 0 0 0\ncpu0 10 1 20 60 5 1 2 3 9 0\ncpu1 1 0 0 8 0 0 0 0 0 0\n";

    #[test]
    fn waiting_for_the_disk_is_idle_and_time_of_other_machines_is_not() {
        assert_eq!(CoreTicks::parse(STAT, 0), Some(CoreTicks { idle: 65, all: 102 }));
        assert_eq!(CoreTicks::parse(STAT, 7), None);
        let before = CoreTicks { idle: 100, all: 1000 };
        let after = CoreTicks { idle: 150, all: 1200 };
        assert!((after.idle_since(before) - 0.25).abs() < 1e-9);
        assert!(before.idle_since(before).abs() < 1e-9, "no time, no idle time");
    }

    #[test]
    fn processor_time_is_the_sum_over_threads_old_and_new() {
        assert_eq!(parse_schedstat("1500 20 7\n"), Some((1500, 20)));
        assert_eq!(parse_schedstat("\n"), None);
        let before = Threads([(1, (1_000, 10)), (2, (500, 0))].into());
        let after = Threads([(1, (4_000, 30)), (3, (250, 5))].into());
        assert_eq!(after.since(&before), (Duration::from_nanos(3_250), Duration::from_nanos(25)));
    }

    #[test]
    fn our_own_work_is_counted() {
        let process = std::process::id();
        let before = Threads::of(process).unwrap();
        let start = Instant::now();
        let mut sum = 0_u64;
        while start.elapsed() < Duration::from_millis(60) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let (ran, _) = Threads::of(process).unwrap().since(&before);
        assert!(!ran.is_zero(), "{sum}");
        assert!(resident(process).unwrap() > 1 << 20);
    }
}
