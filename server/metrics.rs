//! Every metric, in one list, and the usage events from which most are counted.
//!
//! A call reports itself once, through a bounded channel that is never waited for; one task reads it, counts and logs.
//! Labels come from the catalog, never from a request, so the number of series is bounded.

mod secret_reads;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use tokio::sync::mpsc;

pub use self::secret_reads::SecretReads;
use crate::{
    error::Reason,
    proto::v1::{Operation, Usage},
};

/// Calls that may wait to be counted. At 50,000 calls a second this is a sixth of a second.
const QUEUE: usize = 8192;

/// One call, reported once.
#[derive(Clone, Debug, Default)]
pub struct UsageEvent {
    /// Id of the request.
    pub request_id: Arc<str>,
    /// Name of the caller's key.
    pub caller: String,
    /// grpc, grpc_web or rest.
    pub protocol: &'static str,
    /// What was asked.
    pub operation: Operation,
    /// Name of the provider that was asked last; empty where none was.
    pub provider: String,
    /// Its type.
    pub provider_type: &'static str,
    /// Name of the model in the catalog; empty where none was found.
    pub model: String,
    /// Attempts made.
    pub attempts: u32,
    /// What became of it.
    pub outcome: Outcome,
    /// Tokens. `None`: the call was not served, or nothing is known.
    pub usage: Option<Usage>,
    /// Whether the tokens are an estimate, because the provider reported none.
    pub estimated: bool,
    /// From its beginning to its end.
    pub duration: Duration,
    /// From its beginning to the first content of a stream.
    pub first_chunk: Option<Duration>,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered to the end.
    Ok,
    /// It failed.
    Failed(Reason),
    /// The caller left.
    #[default]
    Cancelled,
}

/// Reports calls. Never waits: what does not fit is counted as lost.
#[derive(Clone, Debug)]
pub struct UsageSender {
    queue: mpsc::Sender<UsageEvent>,
    lost: Counter,
}

/// Counts and logs what is reported.
pub struct UsageReader {
    queue: mpsc::Receiver<UsageEvent>,
    metrics: Metrics,
}

/// All metrics. Clones share them.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    calls: Family<CallLabels, Counter>,
    duration: Family<TimeLabels, Histogram, fn() -> Histogram>,
    first_chunk: Family<TimeLabels, Histogram, fn() -> Histogram>,
    tokens: Family<TokenLabels, Counter>,
    in_flight: Family<ModelLabels, Gauge>,
    /// Held while the gauge above is filled and read, so that two scrapes do not see each other's half. No call waits
    /// for it.
    scrape: Arc<Mutex<()>>,
    lost: Counter,
    /// Calls that found no place.
    pub calls_refused: Counter,
    /// Connections that found no place.
    pub connections_refused: Counter,
    /// Keys that were refused because too many wrong ones had come from their address.
    pub keys_refused: Counter,
    /// How secrets are read that live elsewhere.
    pub secret_reads: SecretReads,
    /// Refused calls that found the way into the audit log full.
    pub audit_events_lost: Counter,
}

/// Attempts in flight at one model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// Name of the provider.
    pub provider: String,
    /// Name of the model in the catalog.
    pub model: String,
    /// Attempts in flight.
    pub count: u32,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CallLabels {
    operation: &'static str,
    protocol: &'static str,
    provider: String,
    provider_type: &'static str,
    model: String,
    outcome: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TimeLabels {
    operation: &'static str,
    provider: String,
    model: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TokenLabels {
    provider: String,
    model: String,
    class: &'static str,
    estimated: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ModelLabels {
    provider: String,
    model: String,
}

/// The metrics, and the two ends of the channel that feeds them.
#[must_use]
pub fn new() -> (Metrics, UsageSender, UsageReader) {
    let metrics = Metrics::new();
    let (sender, receiver) = mpsc::channel(QUEUE);
    let sender = UsageSender { queue: sender, lost: metrics.lost.clone() };
    let reader = UsageReader { queue: receiver, metrics: metrics.clone() };
    (metrics, sender, reader)
}

/// 1 ms to about 9 minutes.
fn seconds() -> Histogram {
    Histogram::new((0..20).map(|step| 0.001 * 2_f64.powi(step)))
}

fn operation_name(operation: Operation) -> &'static str {
    match operation {
        Operation::Unspecified => "unspecified",
        Operation::Chat => "chat",
        Operation::StreamChat => "stream_chat",
        Operation::Complete => "complete",
        Operation::StreamComplete => "stream_complete",
        Operation::Embed => "embed",
        Operation::ListModels => "list_models",
    }
}

/// The token classes that were reported, with their counts.
fn token_classes(usage: &Usage) -> impl Iterator<Item = (&'static str, u64)> {
    let classes = [
        ("input", Some(usage.input_tokens)),
        ("output", Some(usage.output_tokens)),
        ("reasoning", usage.reasoning_tokens),
        ("cache_read", usage.cache_read_tokens),
        ("cache_write", usage.cache_write_tokens),
        ("audio_input", usage.audio_input_tokens),
        ("audio_output", usage.audio_output_tokens),
    ];
    classes.into_iter().filter_map(|(class, count)| Some((class, u64::try_from(count?).ok()?)))
}

// === impl Metrics ===

impl Metrics {
    fn new() -> Self {
        let calls = Family::default();
        let duration = Family::new_with_constructor(seconds as fn() -> Histogram);
        let first_chunk = Family::new_with_constructor(seconds as fn() -> Histogram);
        let tokens = Family::default();
        let in_flight = Family::default();
        let lost = Counter::default();
        let mut registry = Registry::with_prefix("sluicegate");
        registry.register("calls", "Calls by what became of them", calls.clone());
        registry.register_with_unit(
            "call_duration",
            "From beginning to end",
            Unit::Seconds,
            duration.clone(),
        );
        let help = "From the beginning of a streamed call to its first content";
        registry.register_with_unit("time_to_first_chunk", help, Unit::Seconds, first_chunk.clone());
        registry.register("tokens", "Tokens by class, as providers report them", tokens.clone());
        registry.register("in_flight", "Attempts in flight", in_flight.clone());
        registry.register("usage_events_lost", "Usage events that found their queue full", lost.clone());
        let (calls_refused, connections_refused) = (Counter::default(), Counter::default());
        registry.register(
            "calls_refused",
            "Calls beyond the limit of calls in flight",
            calls_refused.clone(),
        );
        let help = "Connections beyond the limit of connections";
        registry.register("connections_refused", help, connections_refused.clone());
        let keys_refused = Counter::default();
        let help = "Keys and tokens refused because too many wrong ones had come from their address";
        registry.register("keys_refused", help, keys_refused.clone());
        let secret_reads = SecretReads::default();
        secret_reads.register(&mut registry);
        let audit_events_lost = Counter::default();
        let help = "Refused calls of which the audit log knows only the number";
        registry.register("audit_events_lost", help, audit_events_lost.clone());
        Self {
            registry: Arc::new(registry),
            calls,
            duration,
            first_chunk,
            tokens,
            in_flight,
            scrape: Arc::default(),
            lost,
            calls_refused,
            connections_refused,
            keys_refused,
            secret_reads,
            audit_events_lost,
        }
    }

    /// All metrics as OpenMetrics text. `in_flight` is read at this moment, from the live counters.
    #[must_use]
    pub fn render(&self, in_flight: impl IntoIterator<Item = InFlight>) -> String {
        let _alone = self.scrape.lock().unwrap_or_else(PoisonError::into_inner);
        self.in_flight.clear();
        for InFlight { provider, model, count } in in_flight {
            self.in_flight.get_or_create(&ModelLabels { provider, model }).set(i64::from(count));
        }
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            // Writing into a string does not fail.
            text.clear();
        }
        text
    }

    fn count(&self, event: &UsageEvent) {
        let operation = operation_name(event.operation);
        let labels = CallLabels {
            operation,
            protocol: event.protocol,
            provider: event.provider.clone(),
            provider_type: event.provider_type,
            model: event.model.clone(),
            outcome: event.outcome.name(),
        };
        self.calls.get_or_create(&labels).inc();
        let times = TimeLabels { operation, provider: event.provider.clone(), model: event.model.clone() };
        self.duration.get_or_create(&times).observe(event.duration.as_secs_f64());
        if let Some(first_chunk) = event.first_chunk {
            self.first_chunk.get_or_create(&times).observe(first_chunk.as_secs_f64());
        }
        for (class, count) in event.usage.iter().flat_map(token_classes) {
            let (provider, model) = (event.provider.clone(), event.model.clone());
            let estimated = if event.estimated { "true" } else { "false" };
            self.tokens.get_or_create(&TokenLabels { provider, model, class, estimated }).inc_by(count);
        }
    }
}

// === impl UsageSender ===

impl UsageSender {
    /// Reports a call.
    pub fn send(&self, event: UsageEvent) {
        if self.queue.try_send(event).is_err() {
            self.lost.inc();
        }
    }
}

// === impl UsageReader ===

impl UsageReader {
    /// Counts and logs until every sender is gone.
    pub async fn run(mut self) {
        while let Some(event) = self.queue.recv().await {
            self.metrics.count(&event);
            log(&event);
        }
    }
}

fn log(event: &UsageEvent) {
    let usage = event.usage.clone().unwrap_or_default();
    tracing::info!(
        target: "sluicegate::usage",
        request_id = %event.request_id,
        caller = event.caller,
        protocol = event.protocol,
        operation = operation_name(event.operation),
        provider = event.provider,
        model = event.model,
        attempts = event.attempts,
        outcome = event.outcome.name(),
        input_tokens = usage.input_tokens,
        output_tokens = usage.output_tokens,
        estimated = event.estimated,
        duration_ms = event.duration.as_secs_f64() * 1000.0,
        first_chunk_ms = event.first_chunk.map(|first| first.as_secs_f64() * 1000.0),
        "call"
    );
}

// === impl Outcome ===

impl Outcome {
    /// ok, cancelled, or the reason of the failure in lower case.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Ok => "ok".to_owned(),
            Self::Cancelled => "cancelled".to_owned(),
            Self::Failed(reason) => {
                reason.as_str_name().trim_start_matches("ERROR_REASON_").to_ascii_lowercase()
            }
        }
    }
}
