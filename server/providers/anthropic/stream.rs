//! Streamed answers: `message_start`; for each block a start, additions and a stop; `message_delta` with why the model
//! stopped; `message_stop`. Only the last is the end of an answer. Events that we do not know are passed over.

use std::collections::BTreeMap;

use super::{
    answer::{Stop, read_block},
    failure,
    tools::OUTPUT,
    usage::Counts,
};
use crate::{
    error::Result,
    proto::v1::{
        ChatChunk, ChoiceDelta, PartDelta, RedactedThinkingPart, TextDelta, ThinkingDelta, ToolCallDelta,
        part, part_delta::Content,
    },
    providers::{
        ChunkDecoder, Flow,
        teller::{Teller, truncated},
    },
    wire::{
        Frame,
        json::{self, Extras, Kind, Malformed, Members, Reader, Writer},
    },
};

/// Reads one stream.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    teller: Teller,
    counts: Counts,
    /// Blocks that have begun and not stopped.
    open: BTreeMap<i32, Open>,
    /// Whether a tool of the caller's was called.
    calls: bool,
    citations: i64,
    others: i64,
}

/// What is known of a block that has begun.
#[derive(Debug)]
enum Open {
    Text,
    Thinking,
    /// A call. `input`: the arguments with which it began; they count where no others come.
    Call {
        input: String,
        began: bool,
        is_output: bool,
    },
    /// Of a kind that we do not know: its JSON so far, and the arguments that came.
    Other {
        json: String,
        input: String,
    },
}

/// The members of an event.
#[derive(Debug, Default)]
struct Event<'a> {
    kind: String,
    index: i32,
    message: Option<&'a str>,
    block: Option<&'a str>,
    delta: Option<&'a str>,
    usage: Option<&'a str>,
    extras: Extras,
}

impl ChunkDecoder<ChatChunk> for Decoder {
    fn frame(&mut self, frame: Frame<'_>, out: &mut Vec<ChatChunk>) -> Result<Flow> {
        let event = Event::read(frame.data).map_err(Malformed::in_answer)?;
        match event.kind.as_str() {
            "error" => {
                self.teller.break_off(out);
                return Err(failure::of_body(frame.data));
            }
            "message_stop" => {
                self.teller.close(out)?;
                return Ok(Flow::Finished);
            }
            _ => self.take(event, out).map_err(Malformed::in_answer)?,
        }
        Ok(Flow::More)
    }

    fn end(&mut self, out: &mut Vec<ChatChunk>) -> Result<()> {
        self.teller.break_off(out);
        Err(truncated())
    }
}

// === impl Event ===

impl<'a> Event<'a> {
    fn read(data: &'a [u8]) -> Result<Self, Malformed> {
        let mut event = Self::default();
        json::read(data, |reader| {
            reader.object(|reader, name| {
                match name {
                    "type" => event.kind = reader.string()?,
                    "index" => event.index = reader.integer()?,
                    "message" if reader.kind() == Kind::Object => event.message = Some(reader.raw()?),
                    "content_block" => event.block = Some(reader.raw_object()?),
                    "delta" => event.delta = Some(reader.raw_object()?),
                    "usage" => event.usage = Some(reader.raw_object()?),
                    _ => reader.keep(&mut event.extras, name)?,
                }
                Ok(())
            })
        })?;
        Ok(event)
    }
}

// === impl Decoder ===

impl Decoder {
    fn take(&mut self, event: Event<'_>, out: &mut Vec<ChatChunk>) -> Result<(), Malformed> {
        match (event.kind.as_str(), event.message, event.block, event.delta) {
            ("message_start", Some(message), ..) => self.begin(message),
            ("content_block_start", _, Some(block), _) => self.begin_block(event.index, block, out),
            ("content_block_delta", .., Some(delta)) => self.add(event.index, delta, out),
            ("content_block_stop", ..) => self.end_block(event.index, out),
            ("message_delta", .., Some(delta)) => {
                if let Some(usage) = event.usage {
                    self.count(&mut Reader::over(usage))?;
                }
                self.teller.extra_json.extend(event.extras);
                self.finish(delta, out)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, message: &str) -> Result<(), Malformed> {
        Reader::over(message).object(|reader, name| {
            match name {
                "id" => self.teller.id = reader.string()?,
                "model" => self.teller.model = reader.string()?,
                "usage" => self.count(reader)?,
                "type" | "role" | "content" => reader.skip()?,
                _ => reader.keep(&mut self.teller.extra_json, name)?,
            }
            Ok(())
        })
    }

    fn count(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        self.counts.read(reader)?;
        self.teller.usage = Some(self.counts.usage());
        self.teller.service_tier.clone_from(&self.counts.service_tier);
        Ok(())
    }

    fn begin_block(&mut self, index: i32, json: &str, out: &mut Vec<ChatChunk>) -> Result<(), Malformed> {
        let part = read_block(json)?;
        let name = Members::of(json.as_bytes())?.get("name").map(str::to_owned);
        let (open, first) = match part.content {
            Some(part::Content::Text(text)) if name.as_deref() == Some(&Writer::text_value(OUTPUT)) => {
                (Open::Call { input: text.text, began: false, is_output: true }, None)
            }
            Some(part::Content::Text(text)) => {
                let first = (!text.text.is_empty()).then_some(Content::Text(TextDelta { text: text.text }));
                (Open::Text, first)
            }
            Some(part::Content::Thinking(thinking)) => {
                let says = !thinking.text.is_empty() || !thinking.signature.is_empty();
                let delta = ThinkingDelta { text: thinking.text, signature: thinking.signature };
                (Open::Thinking, says.then_some(Content::Thinking(delta)))
            }
            Some(part::Content::RedactedThinking(redacted)) => {
                let data = redacted.data;
                (Open::Thinking, Some(Content::RedactedThinking(RedactedThinkingPart { data })))
            }
            Some(part::Content::ToolCall(call)) => {
                self.calls = true;
                let delta = ToolCallDelta { id: call.id, name: call.name, ..ToolCallDelta::default() };
                let input = call.arguments_json;
                (Open::Call { input, began: false, is_output: false }, Some(Content::ToolCall(delta)))
            }
            _ => (Open::Other { json: json.to_owned(), input: String::new() }, None),
        };
        self.open.insert(index, open);
        if first.is_some() {
            let part = PartDelta { index, content: first, extra_json: part.extra_json };
            self.teller.choice(ChoiceDelta { parts: vec![part], ..ChoiceDelta::default() }, out);
        }
        Ok(())
    }

    fn add(&mut self, index: i32, json: &str, out: &mut Vec<ChatChunk>) -> Result<(), Malformed> {
        let delta = Members::of(json.as_bytes())?;
        let text = |name: &str| {
            let text = delta.get(name).map(|json| Reader::over(json).string());
            text.transpose().map_err(|fault| fault.inside(name)).map(Option::unwrap_or_default)
        };
        let content = match (self.open.get_mut(&index), text("type")?.as_str()) {
            (Some(Open::Text), "text_delta") => Content::Text(TextDelta { text: text("text")? }),
            (Some(Open::Text), "citations_delta") => {
                let citation = numbered("citations", self.citations, delta.get("citation").unwrap_or("{}"))?;
                self.citations += 1;
                Content::OtherJson(citation)
            }
            (Some(Open::Thinking), "thinking_delta") => {
                Content::Thinking(ThinkingDelta { text: text("thinking")?, ..ThinkingDelta::default() })
            }
            (Some(Open::Thinking), "signature_delta") => {
                let signature = text("signature")?.into_bytes().into();
                Content::Thinking(ThinkingDelta { signature, ..ThinkingDelta::default() })
            }
            (Some(Open::Call { began, is_output, .. }), "input_json_delta") => {
                let fragment = text("partial_json")?;
                if fragment.is_empty() {
                    return Ok(());
                }
                *began = true;
                arguments(fragment, *is_output)
            }
            (Some(Open::Other { input, .. }), "input_json_delta") => {
                input.push_str(&text("partial_json")?);
                return Ok(());
            }
            (Some(Open::Other { json, .. }), _) => {
                *json = extended(json, &delta)?;
                return Ok(());
            }
            // An addition that we do not know, to a block that we do.
            _ => {
                Content::OtherJson(Writer::text_of(|object| object.optional_raw("content_delta", Some(json))))
            }
        };
        self.teller.part(0, index, content, out);
        Ok(())
    }

    fn end_block(&mut self, index: i32, out: &mut Vec<ChatChunk>) -> Result<(), Malformed> {
        let content = match self.open.remove(&index) {
            // A call without arguments brings no more than an empty piece of them.
            Some(Open::Call { input, began: false, is_output }) => {
                arguments(if input.is_empty() { "{}".to_owned() } else { input }, is_output)
            }
            Some(Open::Other { json, input }) => {
                let mut block = Members::of(json.as_bytes())?;
                if !input.is_empty() {
                    block.set("input", input);
                }
                let number = self.others;
                self.others += 1;
                Content::OtherJson(numbered(
                    "content_blocks",
                    number,
                    &String::from_utf8_lossy(&block.write()),
                )?)
            }
            Some(Open::Text | Open::Thinking | Open::Call { .. }) | None => return Ok(()),
        };
        self.teller.part(0, index, content, out);
        Ok(())
    }

    fn finish(&mut self, json: &str, out: &mut Vec<ChatChunk>) -> Result<(), Malformed> {
        let (mut word, mut beside) = (None, Extras::new());
        Reader::over(json).object(|reader, name| {
            match name {
                "stop_reason" => word = Some(reader.string()?),
                "stop_sequence" | "stop_details" => reader.keep(&mut beside, name)?,
                _ => reader.keep(&mut self.teller.extra_json, name)?,
            }
            Ok(())
        })?;
        let Some(word) = word else { return Ok(()) };
        let stop = Stop::of(&word, beside, self.calls);
        self.teller.finish(0, stop.reason, stop.text, out);
        if let Some(last) = out.last_mut() {
            last.choices.iter_mut().for_each(|choice| choice.extra_json.extend(stop.extras.clone()));
        }
        Ok(())
    }
}

/// A piece of the arguments of a call, or of an answer that came as one.
fn arguments(fragment: String, is_output: bool) -> Content {
    if is_output {
        return Content::Text(TextDelta { text: fragment });
    }
    Content::ToolCall(ToolCallDelta { arguments_json_fragment: fragment, ..ToolCallDelta::default() })
}

/// An object whose member of this name is a list of one object with its number, so that clients that put lists together by
/// index keep all of them.
fn numbered(name: &'static str, index: i64, json: &str) -> Result<String, Malformed> {
    let members = json::read(json.as_bytes(), Reader::raw_object)?.trim_start_matches('{').trim_start();
    let comma = if members == "}" { "" } else { "," };
    let object = format!("{{\"index\":{index}{comma}{members}");
    Ok(Writer::text_of(|all| {
        all.member(name, |value| value.list(|list| list.element(|it| it.raw(&object))));
    }))
}

/// A block of a kind that we do not know, with an addition to it: texts grow, other values are replaced.
fn extended(block: &str, delta: &Members<'_>) -> Result<String, Malformed> {
    let delta = delta.write();
    let mut block = Members::of(block.as_bytes())?;
    json::read(&delta, |reader| {
        reader.object(|reader, name| {
            let json = reader.raw()?;
            let known = block.get(name).and_then(|known| Reader::over(known).string().ok());
            match (known, Reader::over(json).string()) {
                _ if name == "type" => {}
                (Some(known), Ok(more)) => block.set(name, Writer::text_value(&(known + &more))),
                _ => block.set(name, json.to_owned()),
            }
            Ok(())
        })
    })?;
    Ok(String::from_utf8_lossy(&block.write()).into_owned())
}
