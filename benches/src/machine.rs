//! The machine: who runs on which core, how many files may be open, what the time is, what it all runs on.

use std::{fs, io, process::Child, process::Command};

use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
    time::{ClockId, clock_gettime},
};
use serde::{Deserialize, Serialize};

use crate::Result;

/// Who runs on which core. Where there are only two, upstream and load share one.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Cores {
    /// Of the program that is measured, alone.
    pub(crate) served: usize,
    pub(crate) upstream: usize,
    pub(crate) load: usize,
}

/// What the figures were measured on.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    /// The load average of the last minute, before the bench began.
    pub(crate) busy_before: String,
}

/// Nanoseconds of the clock that all processes of this machine share.
pub(crate) fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// Starts a program that may only run on `core`.
///
/// A new process inherits the cores of the thread that starts it, so the program sees no other from its first moment.
pub(crate) fn start_on(core: usize, command: &mut Command) -> Result<Child> {
    let before = sched_getaffinity(None)?;
    let mut alone = CpuSet::new();
    alone.set(core);
    sched_setaffinity(None, &alone)?;
    let child = command.spawn();
    sched_setaffinity(None, &before)?;
    child.map_err(|error| format!("cannot start {}: {error}", command.get_program().display()).into())
}

/// Allows as many open files as the machine lets us, for us and for what we start.
pub(crate) fn allow_open_files() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?)
}

// === impl Cores ===

impl Cores {
    /// The cores of this machine that we may use.
    ///
    /// # Errors
    /// That there is only one: load and what it loads would wait for each other.
    pub(crate) fn choose() -> Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let mut free = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        match (free.next(), free.next(), free.next()) {
            (Some(served), Some(upstream), third) => {
                Ok(Self { served, upstream, load: third.unwrap_or(upstream) })
            }
            (_, None, _) | (None, _, _) => Err("the bench needs two cores".into()),
        }
    }
}

// === impl Machine ===

impl Machine {
    /// Reads the description.
    pub(crate) fn describe() -> Result<Self> {
        let processors = fs::read_to_string("/proc/cpuinfo")?;
        let models = processors.lines().filter_map(|line| line.strip_prefix("model name"));
        let mut models = models.map(|rest| rest.trim_start_matches([' ', '\t', ':']).to_owned());
        let processor = models.next().unwrap_or_else(|| "unnamed processor".into());
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned();
        let average = fs::read_to_string("/proc/loadavg")?;
        let busy_before = average.split(' ').next().unwrap_or_default().to_owned();
        let cores = processors.lines().filter(|line| line.starts_with("processor")).count();
        Ok(Self { processor, cores, kernel, busy_before })
    }
}
