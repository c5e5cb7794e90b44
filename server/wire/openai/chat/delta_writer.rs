//! The `delta` object of a choice.

use std::{borrow::Cow, mem};

use super::{extra_content, message::join, signed, write_role};
use crate::{
    proto::v1::{AudioDelta, ChoiceDelta, PartDelta, ToolCallDelta, part_delta::Content},
    wire::{
        json::{Extras, Object, Reader, Writer},
        openai::Spelling,
    },
};

/// What the chunks of a choice have told so far.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Indexes of the parts that are tool calls. Their rank is the index that OpenAI's JSON gives them.
    calls: Vec<i32>,
    /// The part that is a thought without a proof yet, and what it says.
    thought: (i32, String),
    /// How many thoughts with a proof.
    blocks: i64,
}

/// What a chunk adds, by the member in which it stands.
#[derive(Default)]
struct Places<'c> {
    thinking: Option<Cow<'c, str>>,
    /// Thoughts that are whole now: their text, and the proof. Without text: the proof is all there is.
    signed: Vec<(Option<String>, &'c [u8])>,
    text: Option<Cow<'c, str>>,
    refusal: Option<Cow<'c, str>>,
    audio: Option<(&'c PartDelta, &'c AudioDelta)>,
    calls: Vec<(&'c PartDelta, CallDelta<'c>)>,
    /// Additions of unknown kinds: objects whose members stand in the delta.
    others: Vec<&'c String>,
}

enum CallDelta<'c> {
    Function(&'c ToolCallDelta),
    Other(&'c str),
}

impl<'c> Places<'c> {
    fn of(parts: &'c [PartDelta], told: &mut Told) -> Self {
        let mut places = Self::default();
        for part in parts {
            match &part.content {
                Some(Content::Text(text)) => join(&mut places.text, &text.text),
                Some(Content::Thinking(thinking)) => {
                    told.think(part.index, &thinking.text);
                    if thinking.signature.is_empty() || !thinking.text.is_empty() {
                        join(&mut places.thinking, &thinking.text);
                    }
                    if !thinking.signature.is_empty() {
                        let text = mem::take(&mut told.thought.1);
                        places.signed.push((Some(text), &thinking.signature));
                    }
                }
                Some(Content::RedactedThinking(redacted)) => places.signed.push((None, &redacted.data)),
                Some(Content::Refusal(refusal)) => join(&mut places.refusal, &refusal.text),
                Some(Content::Audio(audio)) => places.audio = Some((part, audio)),
                Some(Content::ToolCall(call)) => places.calls.push((part, CallDelta::Function(call))),
                Some(Content::OtherJson(json)) => match tool_calls_of(json) {
                    Some(calls) => {
                        places.calls.extend(calls.into_iter().map(|call| (part, CallDelta::Other(call))));
                    }
                    None => places.others.push(json),
                },
                None => {}
            }
        }
        places
    }
}

impl Told {
    fn think(&mut self, part: i32, text: &str) {
        if self.thought.0 != part {
            self.thought = (part, String::new());
        }
        self.thought.1.push_str(text);
    }
}

/// The elements of `{"tool_calls": [...]}`.
fn tool_calls_of(json: &str) -> Option<Vec<&str>> {
    let mut calls = None;
    let read = Reader::over(json).object(|reader, name| match name {
        "tool_calls" => {
            calls = Some(reader.list(Reader::raw)?);
            Ok(())
        }
        _ => reader.skip(),
    });
    calls.filter(|_| read.is_ok())
}

/// Appends what a chunk adds to a choice.
pub(super) fn write_delta(object: &mut Object<'_>, choice: &ChoiceDelta, told: &mut Told) {
    let places = Places::of(&choice.parts, told);
    write_role(object, choice.role(), &choice.role_text);
    object.optional_text("content", places.text.as_deref());
    object.optional_text(Spelling::OURS.reasoning, places.thinking.as_deref());
    write_signed(object, &places.signed, told);
    object.optional_text("refusal", places.refusal.as_deref());
    if !places.calls.is_empty() {
        object.member("tool_calls", |value| {
            value.each(&places.calls, |value, (part, call)| write_call(value, part, call, &mut told.calls));
        });
    }
    if let Some((part, audio)) = places.audio {
        object.object("audio", |object| write_audio(object, audio, part));
    }
    for json in places.others {
        object.merge(Some(json));
    }
    if let Some((name, json)) = extra_content::of_deltas(&choice.parts) {
        object.optional_raw(name, Some(json));
    }
    object.merge(choice.extra_json.get("delta"));
}

fn write_signed(object: &mut Object<'_>, signed: &[(Option<String>, &[u8])], told: &mut Told) {
    let blocks = signed.iter().filter_map(|(text, proof)| match text {
        Some(text) => signed::thought(text, proof),
        None => signed::redaction(proof),
    });
    let blocks: Vec<_> = blocks.collect();
    if !blocks.is_empty() {
        object.member(signed::MEMBER, |value| {
            value.each(&blocks, |value, block| {
                signed::write_block(value, Some(told.blocks), block, &Extras::new());
                told.blocks += 1;
            });
        });
    }
}

fn write_call(writer: &mut Writer, part: &PartDelta, call: &CallDelta<'_>, known: &mut Vec<i32>) {
    let rank = known.iter().position(|index| *index == part.index);
    let (rank, first) = rank.map_or((known.len(), true), |rank| (rank, false));
    if first {
        known.push(part.index);
    }
    let call = match call {
        CallDelta::Function(call) => call,
        CallDelta::Other(json) => return writer.raw(json),
    };
    writer.object(|object| {
        object.optional_integer("index", i64::try_from(rank).ok());
        if first || !call.id.is_empty() {
            object.text("id", &call.id);
        }
        if first {
            object.text("type", "function");
        }
        object.object("function", |object| {
            object.optional_text("name", Some(call.name.as_str()).filter(|name| !name.is_empty()));
            object.text("arguments", &call.arguments_json_fragment);
            object.merge(part.extra_json.get("function"));
        });
        object.extras_except(&part.extra_json, &["function"]);
    });
}

fn write_audio(object: &mut Object<'_>, audio: &AudioDelta, part: &PartDelta) {
    let texts = [("id", &audio.id), ("data", &audio.data_base64), ("transcript", &audio.transcript)];
    for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        object.text(name, text);
    }
    object.optional_integer("expires_at", audio.expires_at);
    object.merge(part.extra_json.get("audio"));
}
