//! Streamed chats: the dialect's, with calls of tools put right.
//!
//! Some models send the arguments of a call in pieces, some whole, and some of those several times, each a snapshot of what
//! the model seems to say: `{"a": ""}`, `{"a": "x"}`, `{}`. Put one behind the other they are no JSON. So whole ones are held
//! back until their choice is finished. Calls that were forced may come without an id, and without a finish reason: then the
//! event with the usage, which is always the last, says that all is told.

use std::collections::BTreeMap;

use super::answer::{call_id, is_nothing, is_whole, mend_finish};
use crate::{
    error::{Reason, Result},
    proto::v1::{ChatChunk, ChoiceDelta, FinishReason, PartDelta, ToolCallDelta, part_delta::Content},
    providers::{ChunkDecoder, Flow},
    wire::{Frame, json::Members},
};

/// Reads one stream.
pub(super) struct Decoder {
    dialect: Box<dyn ChunkDecoder<ChatChunk>>,
    choices: BTreeMap<i32, Choice>,
    /// What the dialect appends to; empty between frames.
    fresh: Vec<ChatChunk>,
}

#[derive(Default)]
struct Choice {
    finished: bool,
    /// By the index of their part.
    calls: BTreeMap<i32, Call>,
}

#[derive(Default)]
struct Call {
    begun: bool,
    /// Whether its id is ours.
    minted: bool,
    arguments: Arguments,
}

#[derive(Default)]
enum Arguments {
    /// Nothing came yet.
    #[default]
    None,
    /// Whole ones, held back.
    Whole(Vec<String>),
    /// Pieces, passed on as they come.
    Pieces,
}

impl Decoder {
    /// Mends what this decoder of the dialect reads.
    pub(super) fn new(dialect: Box<dyn ChunkDecoder<ChatChunk>>) -> Self {
        Self { dialect, choices: BTreeMap::new(), fresh: Vec::new() }
    }

    fn release(&mut self, out: &mut Vec<ChatChunk>) -> Result<()> {
        for mut chunk in std::mem::take(&mut self.fresh) {
            let id = chunk.id.clone();
            for choice in &mut chunk.choices {
                self.choices.entry(choice.index).or_default().mend(choice, &id)?;
            }
            out.push(chunk);
        }
        Ok(())
    }

    /// Whether nothing is missing but the finish reasons of choices that call tools.
    fn only_lacks_reasons(&self) -> bool {
        let usage_came = self.fresh.last().is_some_and(|last| last.usage.is_some());
        usage_came && self.choices.values().all(|choice| choice.finished || !choice.calls.is_empty())
    }

    /// The finish reasons that did not come, in a chunk before that of the usage.
    fn finish(&mut self) {
        let Some(last) = self.fresh.pop() else { return };
        let unfinished = self.choices.iter_mut().filter(|(_, choice)| !choice.finished);
        let choices = unfinished.map(|(index, choice)| ChoiceDelta {
            index: *index,
            finish_reason: FinishReason::ToolCalls.into(),
            parts: choice.close(),
            ..ChoiceDelta::default()
        });
        let chunk = ChatChunk {
            id: last.id.clone(),
            model: last.model.clone(),
            create_time: last.create_time,
            choices: choices.collect(),
            ..ChatChunk::default()
        };
        self.choices.values_mut().for_each(|choice| choice.finished = true);
        self.fresh.extend([chunk, last]);
    }
}

impl ChunkDecoder<ChatChunk> for Decoder {
    fn frame(&mut self, frame: Frame<'_>, out: &mut Vec<ChatChunk>) -> Result<Flow> {
        // Says that the body ends, which is seen anyway.
        if frame.event == "close" {
            return Ok(Flow::More);
        }
        let flow = self.dialect.frame(frame, &mut self.fresh);
        self.release(out)?;
        flow
    }

    fn end(&mut self, out: &mut Vec<ChatChunk>) -> Result<()> {
        let ended = match self.dialect.end(&mut self.fresh) {
            Err(error) if error.reason() == Reason::StreamTruncated && self.only_lacks_reasons() => {
                self.finish();
                Ok(())
            }
            ended => ended,
        };
        self.release(out)?;
        ended
    }
}

// === impl Choice ===

impl Choice {
    fn mend(&mut self, delta: &mut ChoiceDelta, answer: &str) -> Result<()> {
        mend_finish(&mut delta.finish_reason, &mut delta.finish_reason_text)?;
        for part in &mut delta.parts {
            let Some(Content::ToolCall(addition)) = &mut part.content else { continue };
            let rank = self.calls.len();
            let call = self.calls.entry(part.index).or_default();
            if !call.begun {
                call.begun = true;
                call.minted = addition.id.is_empty();
                if call.minted {
                    addition.id = call_id(answer, delta.index, rank);
                }
            } else if call.minted {
                addition.id.clear();
            }
            let fragment = std::mem::take(&mut addition.arguments_json_fragment);
            addition.arguments_json_fragment = call.arguments.take(fragment);
        }
        let ends = delta.finish_reason != 0 || !delta.finish_reason_text.is_empty();
        if ends && !self.finished {
            self.finished = true;
            delta.parts.extend(self.close());
        }
        Ok(())
    }

    /// What was held back.
    fn close(&mut self) -> Vec<PartDelta> {
        let calls = self.calls.iter_mut();
        let held = calls.filter_map(|(index, call)| {
            let arguments_json_fragment = call.arguments.close()?;
            let addition = ToolCallDelta { arguments_json_fragment, ..ToolCallDelta::default() };
            let content = Some(Content::ToolCall(addition));
            Some(PartDelta { index: *index, content, ..PartDelta::default() })
        });
        held.collect()
    }
}

// === impl Arguments ===

impl Arguments {
    /// Takes the next fragment; gives what of it, and of those before it, can go out.
    fn take(&mut self, fragment: String) -> String {
        match self {
            Self::Pieces => fragment,
            Self::None | Self::Whole(_) if fragment.trim().is_empty() => String::new(),
            Self::None if is_whole(&fragment) => {
                *self = Self::Whole(vec![fragment]);
                String::new()
            }
            Self::Whole(snapshots) if is_whole(&fragment) => {
                snapshots.push(fragment);
                String::new()
            }
            Self::None => {
                *self = Self::Pieces;
                fragment
            }
            Self::Whole(snapshots) => {
                let all = snapshots.concat() + &fragment;
                *self = Self::Pieces;
                all
            }
        }
    }

    /// All has come. What was held back, if anything was.
    fn close(&mut self) -> Option<String> {
        match std::mem::replace(self, Self::Pieces) {
            Self::None => Some("{}".to_owned()),
            Self::Whole(snapshots) => Some(fullest(&snapshots)),
            Self::Pieces => None,
        }
    }
}

/// What snapshots say together: of each member the last value that says something.
fn fullest(snapshots: &[String]) -> String {
    let says_nothing = |json: &str| matches!(json.trim(), "\"\"" | "{}" | "[]" | "null");
    match snapshots {
        [only] if is_nothing(only) => "{}".to_owned(),
        [only] => only.clone(),
        several => {
            let mut all = Members::default();
            for members in several.iter().filter_map(|snapshot| Members::of(snapshot.as_bytes()).ok()) {
                for (name, json) in members.iter() {
                    if all.get(name).is_none() || !says_nothing(json) {
                        all.set(name, json.to_owned());
                    }
                }
            }
            String::from_utf8_lossy(&all.write()).into_owned()
        }
    }
}
