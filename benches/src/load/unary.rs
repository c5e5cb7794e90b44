//! Calls with one answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{task::JoinSet, time::sleep};

use super::{Ask, Job, Outcome, client::Client, pacer::Pacer};
use crate::{Result, figures::Spread, readings::Reading};

/// How long the load watches itself before it measures.
const PROBE: Duration = Duration::from_millis(400);
/// Above this share of its core it holds itself back, below the 0.8 that `proof` asks for.
const TOO_BUSY: f64 = 0.66;
/// The share that it aims at then.
const HELD: f64 = 0.50;

struct Shared {
    pacer: Arc<Pacer>,
    recording: AtomicBool,
    /// Calls answered so far.
    done: AtomicU64,
}

/// Calls that one caller made while it was recorded.
#[derive(Default)]
struct Record {
    latencies: Vec<u64>,
    failure: Option<String>,
}

pub(super) async fn run(job: &Job, ask: Ask, callers: usize, rate: Option<u32>) -> Result<Outcome> {
    let shared =
        Arc::new(Shared { pacer: Pacer::free(), recording: AtomicBool::new(false), done: AtomicU64::new(0) });
    if let Some(rate) = rate {
        shared.pacer.hold(rate)?;
    }
    let mut calling = JoinSet::new();
    for client in Client::connect(&job.server, ask, callers).await? {
        calling.spawn(call(client, Arc::clone(&shared)));
    }
    sleep(job.warm).await;
    let mut outcome = Outcome::default();
    if rate.is_none()
        && let Some(bearable) = bearable_rate(job, &shared).await?
    {
        outcome.held_back = Some(bearable);
        shared.pacer.hold(bearable)?;
        sleep(PROBE).await;
    }
    let before = Reading::take(job.server.processes(), job.cores)?;
    shared.recording.store(true, Ordering::Relaxed);
    sleep(job.window).await;
    shared.recording.store(false, Ordering::Relaxed);
    outcome.used = Reading::take(job.server.processes(), job.cores)?.since(&before, job.cores);
    shared.pacer.stop();
    let mut latencies = Vec::new();
    for record in calling.join_all().await {
        latencies.extend(record.latencies);
        if let Some(failure) = record.failure {
            outcome.fail(failure);
        }
    }
    outcome.done = latencies.len() as u64;
    outcome.latency = Spread::of(&mut latencies);
    Ok(outcome)
}

/// Calls until it is told to stop, or a call fails.
async fn call(mut client: Client, shared: Arc<Shared>) -> Record {
    let mut record = Record::default();
    while let Some(due) = shared.pacer.next().await {
        if let Err(problem) = client.call().await {
            record.failure = Some(problem.to_string());
            break;
        }
        shared.done.fetch_add(1, Ordering::Relaxed);
        if shared.recording.load(Ordering::Relaxed) {
            record.latencies.push(due.elapsed().as_nanos() as u64);
        }
    }
    record
}

/// The rate that leaves room on the core of the load, where calling as soon as possible does not.
async fn bearable_rate(job: &Job, shared: &Shared) -> Result<Option<u32>> {
    let before = Reading::take(job.server.processes(), job.cores)?;
    let done = shared.done.load(Ordering::Relaxed);
    sleep(PROBE).await;
    let used = Reading::take(job.server.processes(), job.cores)?.since(&before, job.cores);
    let rate = (shared.done.load(Ordering::Relaxed) - done) as f64 / used.wall.as_secs_f64();
    let busy = 1.0 - used.other_core_idle;
    Ok((busy > TOO_BUSY && rate >= 1.0).then_some((rate * HELD / busy) as u32))
}
