//! A stream: events of the same shape as a whole answer. Nothing says that it is over but its end, which is good when every
//! candidate has its reason to finish.

use std::collections::BTreeMap;

use super::{
    error,
    event::{self, Event},
    turn::{FINISH_REASON, Turn},
};
use crate::{
    error::Result,
    proto::v1::{ChatChunk, ChoiceDelta},
    providers::{ChunkDecoder, Flow, UpstreamModel, failure, teller::Teller},
    wire::{Frame, json::Malformed},
};

/// Reads one stream.
pub(super) struct Decoder {
    /// The id under which the upstream was asked, where it does not name its model.
    asked: String,
    teller: Teller,
    turns: BTreeMap<i32, Turn>,
    /// How candidates have finished. Older models name a reason in each event; only the last is one.
    finishes: BTreeMap<i32, ChoiceDelta>,
}

impl Decoder {
    pub(super) fn new(to: &UpstreamModel<'_>) -> Self {
        Self {
            asked: to.id.to_owned(),
            teller: Teller::default(),
            turns: BTreeMap::new(),
            finishes: BTreeMap::new(),
        }
    }

    /// The first identity counts: each event repeats it.
    fn identify(&mut self, event: &mut Event) {
        let teller = &mut self.teller;
        if teller.id.is_empty() {
            teller.id = std::mem::take(&mut event.id);
        }
        if teller.model.is_empty() {
            let named = !event.model.is_empty();
            teller.model = std::mem::take(if named { &mut event.model } else { &mut self.asked });
        }
        teller.create_time = teller.create_time.take().or_else(|| event.create_time.take());
        teller.service_tier = event.service_tier.take().or_else(|| teller.service_tier.take());
        teller.usage = event.usage.take().or_else(|| teller.usage.take());
    }

    fn tell(&mut self, event: Event, out: &mut Vec<ChatChunk>) {
        self.teller.extra_json.extend(event.extras);
        for candidate in event.candidates {
            let index = candidate.index;
            let finishes = candidate.finish.is_some();
            let mut delta = self.turns.entry(index).or_default().add(candidate, &self.teller.id);
            let earlier = self.finishes.remove(&index);
            if finishes {
                let mut finish = take_finish(&mut delta);
                for (name, json) in earlier.into_iter().flat_map(|earlier| earlier.extra_json) {
                    finish.extra_json.entry(name).or_insert(json);
                }
                self.finishes.insert(index, finish);
            } else if let Some(mut earlier) = earlier {
                if delta.parts.is_empty() {
                    // It says more of the whole candidate, which stays finished.
                    earlier.extra_json.append(&mut delta.extra_json);
                    self.finishes.insert(index, earlier);
                } else {
                    earlier.extra_json.remove(FINISH_REASON);
                    delta.extra_json.extend(earlier.extra_json);
                }
            }
            if delta != (ChoiceDelta { index, ..ChoiceDelta::default() }) {
                self.teller.choice(delta, out);
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<ChatChunk>) {
        for finish in std::mem::take(&mut self.finishes).into_values() {
            self.teller.choice(finish, out);
        }
    }

    fn break_off(&mut self, out: &mut Vec<ChatChunk>) {
        self.finish(out);
        self.teller.break_off(out);
    }
}

/// The end of a candidate alone, with what is said of the whole candidate.
fn take_finish(delta: &mut ChoiceDelta) -> ChoiceDelta {
    ChoiceDelta {
        index: delta.index,
        finish_reason: std::mem::take(&mut delta.finish_reason),
        finish_reason_text: std::mem::take(&mut delta.finish_reason_text),
        extra_json: std::mem::take(&mut delta.extra_json),
        ..ChoiceDelta::default()
    }
}

impl ChunkDecoder<ChatChunk> for Decoder {
    fn frame(&mut self, frame: Frame<'_>, out: &mut Vec<ChatChunk>) -> Result<Flow> {
        let data = frame.data.trim_ascii();
        // Proxies add it to streams of every vendor. It proves nothing.
        if data == b"[DONE]" {
            return Ok(Flow::More);
        }
        if let Some(error) = error::in_list(data) {
            self.break_off(out);
            return Err(error);
        }
        let mut event = event::read(data).map_err(Malformed::in_answer)?;
        self.identify(&mut event);
        if failure::is_error(&event.extras) {
            self.break_off(out);
            return Err(error::in_stream(data));
        }
        if let Some((reason, message)) = event.blocked.take().filter(|_| event.candidates.is_empty()) {
            self.break_off(out);
            return Err(error::of_block(&reason, &message));
        }
        self.tell(event, out);
        Ok(Flow::More)
    }

    fn end(&mut self, out: &mut Vec<ChatChunk>) -> Result<()> {
        self.finish(out);
        self.teller.close(out)
    }
}
