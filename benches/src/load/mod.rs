//! The load: calls one server as a job says, checks every answer, and tells what it took.
//!
//! Here: jobs, callers over REST and gRPC, and the readings around them. Not here: which jobs there are (`plan`), and
//! whether their figures prove anything (`proof`). A load is a process of its own, so that its processor time is known.

mod client;
mod grpc;
mod held;
mod pacer;
mod rest;
mod streams;
mod unary;

pub(crate) use self::held::FIRST;
use std::{net::SocketAddr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    Result,
    figures::Spread,
    machine::Cores,
    readings::{Processes, Used},
    script::Stream,
};

/// A job may take this much longer than what it measures.
const PATIENCE: Duration = Duration::from_secs(30);

/// What to do, and to whom.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) server: Server,
    pub(crate) cores: Cores,
    pub(crate) work: Work,
    pub(crate) warm: Duration,
    pub(crate) window: Duration,
}

/// Whom to call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) protocol: Protocol,
    pub(crate) key: String,
    /// Process id of the server.
    pub(crate) served: u32,
    /// Process id of the upstream.
    pub(crate) upstream: u32,
}

/// How to call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Protocol {
    Rest,
    Grpc,
}

/// What a call asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// A chat with a prompt of so many bytes.
    Chat(usize),
    Embed,
    Stream(Stream),
}

/// The calls of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Work {
    /// `callers` at once. Without a rate each calls again when it has its answer.
    Unary { ask: Ask, callers: usize, rate: Option<u32> },
    /// `count` streams, opened at `opens` a second. If `whole`, all are read to their end.
    Streams { stream: Stream, count: usize, opens: u32, whole: bool },
    /// Streams up to the first count, then up to the second; memory is read at each.
    Held { stream: Stream, counts: [usize; 2], opens: u32 },
}

/// What a job found out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// What was used while it measured.
    pub(crate) used: Used,
    /// Calls, or chunks of streams, that arrived while it measured.
    pub(crate) done: u64,
    /// Calls that failed or had a wrong answer, at any time.
    pub(crate) failed: u64,
    /// What was wrong with the first of them.
    pub(crate) failure: Option<String>,
    /// Calls a second to which the load held itself back, so that it keeps room on its core.
    pub(crate) held_back: Option<u32>,
    /// From the moment at which a call was due to its answer.
    pub(crate) latency: Spread,
    /// From a request to the first chunk.
    pub(crate) first_chunk: Spread,
    /// From the writing of a chunk by the upstream to its reading by the caller.
    pub(crate) transit: Spread,
    /// Resident bytes of the server: idle, then at each count of streams.
    pub(crate) resident: Vec<u64>,
}

/// Does a job.
pub(crate) async fn run(job: &Job) -> Result<Outcome> {
    let work = async {
        match job.work {
            Work::Unary { ask, callers, rate } => unary::run(job, ask, callers, rate).await,
            Work::Streams { stream, count, opens, whole } => {
                streams::run(job, stream, count, opens, whole).await
            }
            Work::Held { stream, counts, opens } => held::run(job, stream, counts, opens).await,
        }
    };
    tokio::time::timeout(job.warm + job.window + PATIENCE, work)
        .await
        .map_err(|_| format!("the job was not over {} s after its time", PATIENCE.as_secs()))?
}

// === impl Server ===

impl Server {
    fn processes(&self) -> Processes {
        Processes { served: self.served, upstream: self.upstream, load: std::process::id() }
    }
}

// === impl Ask ===

impl Ask {
    /// The model that answers it.
    pub(crate) fn model(self) -> String {
        match self {
            Self::Chat(_) => crate::script::CHAT.into(),
            Self::Embed => crate::script::EMBED.into(),
            Self::Stream(stream) => stream.model(),
        }
    }
}

// === impl Work ===

impl Work {
    /// What its calls ask for.
    pub(crate) fn ask(self) -> Ask {
        match self {
            Self::Unary { ask, .. } => ask,
            Self::Streams { stream, .. } | Self::Held { stream, .. } => Ask::Stream(stream),
        }
    }
}

// === impl Outcome ===

impl Outcome {
    /// Notes a call that failed.
    fn fail(&mut self, why: impl ToString) {
        self.failed += 1;
        self.failure.get_or_insert_with(|| why.to_string());
    }
}

#[cfg(test)]
mod tests;
