//! What is measured: the work, who does it, and what is shown of it.

use std::time::Duration;

use serde::Serialize;

use crate::{
    load::{Ask, Work},
    script::Stream,
};

/// Streams that are paced like a model that writes 50 tokens a second.
const PACED_MS: u32 = 20;
/// Between two bursts, or two shares of a flood.
const BURST_MS: u32 = 100;
/// Between two chunks of a stream that is held.
const HELD_MS: u32 = 1000;
/// Streams whose memory is measured.
pub(crate) const HELD: [usize; 2] = [500, 2000];
/// How long streams go on beyond what is measured of them.
const SLACK: Duration = Duration::from_millis(1000);

/// How thoroughly it is measured.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Effort {
    /// Rounds of each work; memory and start are measured in their own.
    pub(crate) rounds: usize,
    /// Rounds of what needs fresh processes.
    pub(crate) fresh_rounds: usize,
    /// Starts of the gateway.
    pub(crate) starts: usize,
    pub(crate) warm: Duration,
    pub(crate) window: Duration,
}

/// A piece of work and what is shown of it.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) name: &'static str,
    pub(crate) work: Work,
    pub(crate) by: &'static [Column],
    pub(crate) figures: &'static [(Figure, Option<Target>)],
}

/// Who does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Column {
    /// Nobody: the load calls the upstream. What the bench itself costs.
    Direct,
    Floor,
    Nginx,
    /// The gateway.
    Rest,
    /// The gateway.
    Grpc,
}

/// A figure of a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    CallsPerSecond,
    CpuPerCall,
    AddedP50,
    AddedP99,
    CpuPerChunk,
    TransitP50,
    TransitP99,
    FirstChunkP50,
    FirstChunkP99,
    Delivered,
    /// At this place of the counts.
    MemoryPerStream(usize),
    IdleMemory,
    ReadyNewStore,
    ReadySameStore,
    BinarySize,
}

/// What is to be reached, by REST.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// At most so many times the floor.
    TimesFloor(f64),
    /// At most this.
    AtMost(f64),
}

const PROXIES: &[Column] = &[Column::Floor, Column::Nginx, Column::Rest, Column::Grpc];
const ALL: &[Column] = &[Column::Direct, Column::Floor, Column::Nginx, Column::Rest, Column::Grpc];
const CALLS: &[(Figure, Option<Target>)] = &[(Figure::CpuPerCall, None), (Figure::CallsPerSecond, None)];
const SMALL_CALLS: &[(Figure, Option<Target>)] =
    &[(Figure::CpuPerCall, Some(Target::TimesFloor(2.0))), (Figure::CallsPerSecond, None)];

/// Everything that is measured under load.
pub(crate) fn items(effort: &Effort) -> Vec<Item> {
    let unary = |ask, callers| Work::Unary { ask, callers, rate: None };
    let streams = |gap_ms, per_tick, count: usize, opens: u32, whole| {
        let stream = Stream { ticks: ticks(effort, count, opens, gap_ms), gap_ms, per_tick };
        Work::Streams { stream, count, opens, whole }
    };
    let item = |name, work, by, figures| Item { name, work, by, figures };
    vec![
        item("unary 1 KB, 32 connections", unary(Ask::Chat(1000), 32), PROXIES, SMALL_CALLS),
        item("unary 1 KB, 256 connections", unary(Ask::Chat(1000), 256), PROXIES, SMALL_CALLS),
        item("prompt of 100 KB, 32 connections", unary(Ask::Chat(100_000), 32), PROXIES, CALLS),
        item("embedding of 1536 floats, 32 connections", unary(Ask::Embed, 32), PROXIES, CALLS),
        item(
            "unary 1 KB at 2,000/s",
            Work::Unary { ask: Ask::Chat(1000), callers: 32, rate: Some(2000) },
            ALL,
            &[(Figure::AddedP50, None), (Figure::AddedP99, None)],
        ),
        item(
            "200 streams, a chunk every 20 ms",
            // A rate at which the streams' ticks do not fall together.
            streams(PACED_MS, 1, 200, 390, true),
            ALL,
            &[
                (Figure::CpuPerChunk, Some(Target::TimesFloor(1.5))),
                (Figure::TransitP50, None),
                (Figure::TransitP99, None),
                (Figure::FirstChunkP50, None),
                (Figure::FirstChunkP99, None),
            ],
        ),
        item(
            "32 streams, 100 chunks at once",
            streams(BURST_MS, 100, 32, 200, true),
            ALL,
            &[(Figure::CpuPerChunk, None), (Figure::TransitP50, None), (Figure::TransitP99, None)],
        ),
        item(
            "2,000 streams, 400,000 chunks/s offered",
            streams(BURST_MS, 20, 2000, 1500, false),
            PROXIES,
            &[(Figure::Delivered, None), (Figure::CpuPerChunk, None), (Figure::TransitP99, None)],
        ),
    ]
}

/// What is measured in fresh processes.
pub(crate) fn held() -> Item {
    let stream = Stream { ticks: 60, gap_ms: HELD_MS, per_tick: 1 };
    Item {
        name: "open streams, a chunk a second",
        work: Work::Held { stream, counts: HELD, opens: 1000 },
        by: PROXIES,
        figures: &[
            (Figure::MemoryPerStream(0), Some(Target::AtMost(64.0))),
            (Figure::MemoryPerStream(1), Some(Target::AtMost(64.0))),
        ],
    }
}

/// So many that no stream ends while it is measured.
fn ticks(effort: &Effort, count: usize, opens: u32, gap_ms: u32) -> u32 {
    let opening = Duration::from_secs(1) * u32::try_from(count).unwrap_or(u32::MAX) / opens;
    let life = opening + effort.warm + effort.window + SLACK;
    u32::try_from(life.as_millis()).unwrap_or(u32::MAX) / gap_ms + 1
}

// === impl Effort ===

impl Effort {
    /// About seven minutes.
    pub(crate) const WHOLE: Self = Self {
        rounds: 3,
        fresh_rounds: 2,
        starts: 7,
        warm: Duration::from_millis(500),
        window: Duration::from_millis(2000),
    };
    /// A minute and a half.
    pub(crate) const QUICK: Self = Self {
        rounds: 1,
        fresh_rounds: 1,
        starts: 3,
        warm: Duration::from_millis(200),
        window: Duration::from_millis(600),
    };
}

// === impl Column ===

impl Column {
    /// All, in the order of the table.
    pub(crate) const ALL: [Self; 5] = [Self::Direct, Self::Floor, Self::Nginx, Self::Rest, Self::Grpc];

    /// The head of the column.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Floor => "floor",
            Self::Nginx => "nginx",
            Self::Rest => "REST",
            Self::Grpc => "gRPC",
        }
    }
}

// === impl Figure ===

impl Figure {
    /// What it is, with its unit.
    pub(crate) fn title(self) -> String {
        match self {
            Self::CallsPerSecond => "calls/s".into(),
            Self::CpuPerCall => "CPU us a call".into(),
            Self::AddedP50 => "added p50, us".into(),
            Self::AddedP99 => "added p99, us".into(),
            Self::CpuPerChunk => "CPU us a chunk".into(),
            Self::TransitP50 => "transit p50, us".into(),
            Self::TransitP99 => "transit p99, us".into(),
            Self::FirstChunkP50 => "first chunk p50, us".into(),
            Self::FirstChunkP99 => "first chunk p99, us".into(),
            Self::Delivered => "delivered, %".into(),
            Self::MemoryPerStream(at) => format!("KiB a stream at {}", HELD.get(at).unwrap_or(&0)),
            Self::IdleMemory => "resident when idle, MB".into(),
            Self::ReadyNewStore => "ready on a new store, ms".into(),
            Self::ReadySameStore => "ready on the same store, ms".into(),
            Self::BinarySize => "size of the binary, MB".into(),
        }
    }

    /// Whether other programs on the cores spoil it at once: times and rates do, processor time much later.
    pub(crate) fn is_time(self) -> bool {
        match self {
            Self::CallsPerSecond
            | Self::AddedP50
            | Self::AddedP99
            | Self::TransitP50
            | Self::TransitP99
            | Self::FirstChunkP50
            | Self::FirstChunkP99
            | Self::Delivered
            | Self::ReadyNewStore
            | Self::ReadySameStore => true,
            Self::CpuPerCall
            | Self::CpuPerChunk
            | Self::MemoryPerStream(_)
            | Self::IdleMemory
            | Self::BinarySize => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_outlive_what_is_measured_of_them() {
        for effort in [Effort::WHOLE, Effort::QUICK] {
            for item in items(&effort) {
                let Work::Streams { stream, count, opens, .. } = item.work else { continue };
                let life = f64::from((stream.ticks - 1) * stream.gap_ms) / 1000.0;
                let measured = count as f64 / f64::from(opens) + (effort.warm + effort.window).as_secs_f64();
                assert!(life >= measured + 0.9, "{}", item.name);
            }
        }
    }
}
