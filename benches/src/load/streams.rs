//! Streams: opened at a rate, then measured while all of them run.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{Ask, Job, Outcome, client::Client, pacer::Pacer};
use crate::{Result, figures::Spread, machine, readings::Reading, script::Stream};

/// Bytes of a stream's prompt.
pub(super) const PROMPT: usize = 1000;
/// How long opening, and ending, may take beyond their time.
const PATIENCE: Duration = Duration::from_secs(10);

/// What streams and their measurer share.
struct Shared {
    pacer: Arc<Pacer>,
    recording: AtomicBool,
    /// Streams are not read to their end.
    cut: AtomicBool,
    /// Streams whose first chunk has come.
    started: Semaphore,
}

/// What one stream brought.
struct Record {
    /// Chunks of its whole life.
    chunks: u64,
    /// Nanoseconds from the request to the first chunk.
    first: Option<u64>,
    /// Nanoseconds of each chunk on its way, while it was recorded.
    transits: Vec<u64>,
    failure: Option<String>,
}

/// Streams that run.
pub(super) struct Running {
    shared: Arc<Shared>,
    streams: JoinSet<Record>,
}

pub(super) async fn run(job: &Job, stream: Stream, count: usize, opens: u32, whole: bool) -> Result<Outcome> {
    let mut running = Running::new(opens)?;
    running.open(job, stream, count).await?;
    sleep(job.warm).await;
    let before = Reading::take(job.server.processes(), job.cores)?;
    running.shared.recording.store(true, Ordering::Relaxed);
    sleep(job.window).await;
    running.shared.recording.store(false, Ordering::Relaxed);
    let used = Reading::take(job.server.processes(), job.cores)?.since(&before, job.cores);
    let mut outcome = Outcome { used, ..Outcome::default() };
    if running.streams.try_join_next().is_some() {
        outcome.fail("a stream ended while streams were measured");
    }
    running.shared.cut.store(!whole, Ordering::Relaxed);
    let records = running.end().await;
    if records.len() < count {
        outcome.fail(format!("{} of {count} streams never ended", count - records.len()));
    }
    let (mut firsts, mut transits) = (Vec::new(), Vec::new());
    for record in records {
        if let Some(failure) = record.failure {
            outcome.fail(failure);
        } else if whole && record.chunks != stream.chunks() {
            outcome.fail(format!("{} chunks arrived of {}", record.chunks, stream.chunks()));
        }
        firsts.extend(record.first);
        transits.extend(record.transits);
    }
    outcome.done = transits.len() as u64;
    outcome.first_chunk = Spread::of(&mut firsts);
    outcome.transit = Spread::of(&mut transits);
    Ok(outcome)
}

// === impl Running ===

impl Running {
    /// None yet; `opens` a second may be opened.
    pub(super) fn new(opens: u32) -> Result<Self> {
        let shared = Arc::new(Shared {
            pacer: Pacer::free(),
            recording: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            started: Semaphore::new(0),
        });
        shared.pacer.hold(opens)?;
        Ok(Self { shared, streams: JoinSet::new() })
    }

    /// Opens `count` more and waits until each has had its first chunk.
    pub(super) async fn open(&mut self, job: &Job, stream: Stream, count: usize) -> Result<()> {
        for client in Client::connect(&job.server, Ask::Stream(stream), count).await? {
            self.streams.spawn(read(client, Arc::clone(&self.shared)));
        }
        let started = self.shared.started.acquire_many(u32::try_from(count)?);
        tokio::select! {
            biased;
            started = timeout(job.warm + PATIENCE, started) => {
                started.map_err(|_| "not every stream has begun in time")??.forget();
                Ok(())
            }
            Some(ended) = self.streams.join_next() => {
                let failure = ended?.failure.unwrap_or_else(|| "it was shorter than expected".into());
                Err(format!("a stream ended while others were opened: {failure}").into())
            }
        }
    }

    /// Whether all of them still run.
    pub(super) fn all_run(&mut self) -> bool {
        self.streams.try_join_next().is_none()
    }

    /// What those brought that ended in time; the others are closed.
    async fn end(mut self) -> Vec<Record> {
        self.shared.pacer.stop();
        let mut records = Vec::new();
        let all = async {
            while let Some(ended) = self.streams.join_next().await {
                records.extend(ended);
            }
        };
        // Those that are late are counted by their absence.
        drop(timeout(PATIENCE, all).await);
        records
    }
}

async fn read(mut client: Client, shared: Arc<Shared>) -> Record {
    let mut record = Record { chunks: 0, first: None, transits: Vec::new(), failure: None };
    if shared.pacer.next().await.is_none() {
        return record;
    }
    let asked = machine::now();
    let ended = client
        .stream(|clock| {
            let now = machine::now();
            record.chunks += 1;
            if record.first.is_none() {
                record.first = Some(now - asked);
                shared.started.add_permits(1);
            }
            if shared.recording.load(Ordering::Relaxed) {
                record.transits.push(now.saturating_sub(clock));
            }
            !shared.cut.load(Ordering::Relaxed)
        })
        .await;
    record.failure = ended.err().map(|problem| problem.to_string());
    record
}
