//! Counts one call and reports it once: when it ends, or when it is dropped.

use std::{
    mem,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use super::{Served, identity::Identity, operation::BYTES_PER_TOKEN};
use crate::{
    error::Error,
    metrics::{Outcome, UsageEvent, UsageSender},
    places::Place,
    proto::v1::{Operation, PartialResult, Usage},
    state::{Call, Target},
};

/// The counts of one call. Its drop sends the usage event, whatever became of the call.
pub(super) struct Meter {
    usage: UsageSender,
    start: Instant,
    time: SystemTime,
    input_bytes: usize,
    output_bytes: usize,
    chunks: i32,
    event: UsageEvent,
    /// Given back when the call is over, whatever ends it.
    _place: Option<Arc<Place>>,
}

impl Meter {
    /// Starts to count. Until something else is said, the call counts as cancelled: dropped before its end.
    pub(super) fn start(usage: UsageSender, call: &Call, operation: Operation, input_bytes: usize) -> Self {
        let event = UsageEvent {
            request_id: Arc::clone(&call.request_id),
            caller: call.caller.name.clone(),
            protocol: call.protocol.name(),
            operation,
            provider: String::new(),
            provider_type: "",
            model: String::new(),
            attempts: 0,
            outcome: Outcome::Cancelled,
            usage: None,
            estimated: false,
            duration: Duration::ZERO,
            first_chunk: None,
        };
        Self {
            usage,
            start: Instant::now(),
            time: call.time,
            input_bytes,
            output_bytes: 0,
            chunks: 0,
            event,
            _place: call.place.clone(),
        }
    }

    /// An attempt at `target` begins.
    pub(super) fn attempt(&mut self, target: &Target) {
        self.event.attempts += 1;
        self.event.provider.clone_from(&target.upstream.name);
        self.event.provider_type = target.upstream.provider_type.name;
        self.event.model.clone_from(&target.model_name);
    }

    /// What served the call so far.
    pub(super) fn served(&self, revision: i64, dropped: Vec<&'static str>) -> Served {
        Served {
            provider: self.event.provider.clone(),
            model: self.event.model.clone(),
            attempts: self.event.attempts,
            revision,
            dropped,
        }
    }

    /// What the answer is called where its vendor has no name for it.
    pub(super) fn identity(&self) -> Identity<'_> {
        Identity { request_id: &self.event.request_id, model: &self.event.model, time: self.time }
    }

    /// A chunk goes to the caller.
    pub(super) fn chunk(&mut self, content: bool, output_bytes: usize, usage: Option<&Usage>) {
        self.chunks = self.chunks.saturating_add(1);
        self.output_bytes += output_bytes;
        if content && self.event.first_chunk.is_none() {
            self.event.first_chunk = Some(self.start.elapsed());
        }
        if usage.is_some() {
            self.event.usage = usage.cloned();
        }
    }

    /// The one answer goes to the caller.
    pub(super) fn answered(&mut self, usage: Option<&Usage>) {
        self.event.usage = usage.cloned();
        self.finished();
    }

    /// The upstream finished.
    pub(super) fn finished(&mut self) {
        self.event.outcome = Outcome::Ok;
    }

    /// The call failed.
    pub(super) fn failed(&mut self, error: &Error) {
        self.event.outcome = Outcome::Failed(error.reason());
    }

    /// Says in the error who was asked for what.
    pub(super) fn named(&self, error: Error) -> Error {
        error.provider(&self.event.provider).model(&self.event.model)
    }

    /// What a broken stream had delivered.
    pub(super) fn partial(&self) -> PartialResult {
        PartialResult { usage: self.event.usage.clone(), chunks: self.chunks }
    }

    /// A cancelled or broken stream has been read and written without anyone saying how much: an estimate is better
    /// than nothing, and marked as one.
    fn estimate(&mut self) {
        let was_served = match self.event.outcome {
            Outcome::Ok | Outcome::Cancelled => self.event.attempts > 0,
            Outcome::Failed(_) => self.chunks > 0,
        };
        if self.event.usage.is_some() || !was_served {
            return;
        }
        let tokens = |bytes: usize| i32::try_from(bytes.div_ceil(BYTES_PER_TOKEN)).unwrap_or(i32::MAX);
        self.event.usage = Some(Usage {
            input_tokens: tokens(self.input_bytes),
            output_tokens: tokens(self.output_bytes),
            ..Usage::default()
        });
        self.event.estimated = true;
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.estimate();
        self.event.duration = self.start.elapsed();
        let event = mem::take(&mut self.event);
        self.usage.send(event);
    }
}
