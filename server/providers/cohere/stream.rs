//! Reads one stream of events. Each says its type in its data and mostly as its name too.

use std::borrow::Cow;

use super::{
    answer::{self, Ending},
    read_error,
};
use crate::{
    error::{Error, Result},
    proto::v1::{
        ChatChunk, ChoiceDelta, Logprobs, TextDelta, ThinkingDelta, ToolCallDelta, Usage,
        part::Content as Part, part_delta::Content,
    },
    providers::{ChunkDecoder, Flow, failure, teller::Teller, teller::truncated},
    wire::{
        Frame,
        json::{self, Kind, Malformed, Reader, Writer},
    },
};

const DONE: &[u8] = b"[DONE]";

/// Reads one stream.
pub(super) struct Decoder {
    teller: Teller,
    /// The parts that have appeared so far, by what Cohere calls them. The place of each is its index.
    parts: Vec<Name>,
}

/// What an event adds to, in Cohere's counting.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    Plan,
    /// An element of `content`.
    Content(i64),
    Call(i64),
}

/// One event, taken apart.
#[derive(Default)]
struct Event<'a> {
    kind: Cow<'a, str>,
    id: Option<String>,
    index: i64,
    /// The message in its delta, as JSON text.
    message: Option<&'a str>,
    logprobs: Option<Logprobs>,
    usage: Option<Usage>,
    ending: Ending,
    /// Whether it looks like the body of an error.
    is_error: bool,
}

// === impl Decoder ===

impl Decoder {
    /// For answers of this model; they do not name it.
    pub(super) fn new(model: &str) -> Self {
        let mut teller = Teller::default();
        model.clone_into(&mut teller.model);
        Self { teller, parts: Vec::new() }
    }

    fn take(&mut self, mut event: Event<'_>, out: &mut Vec<ChatChunk>) -> Result<Flow> {
        let read = match event.kind.as_ref() {
            "message-start" => {
                self.teller.id = event.id.take().unwrap_or_default();
                Ok(())
            }
            "tool-plan-delta" => self.plan(&event, out),
            "content-start" | "content-delta" => self.content(&mut event, out),
            "tool-call-start" | "tool-call-delta" => self.call(&event, out),
            "citation-start" => self.citation(&event, out),
            "message-end" => return self.finish(event, out),
            // The ends of parts say nothing more, and what comes up later is not ours to judge.
            _ => Ok(()),
        };
        read.map_err(Malformed::in_answer)?;
        Ok(Flow::More)
    }

    fn plan(&mut self, event: &Event<'_>, out: &mut Vec<ChatChunk>) -> Result<(), Malformed> {
        let mut plan = String::new();
        event.member("tool_plan", |reader| {
            plan = reader.string()?;
            Ok(())
        })?;
        self.add(Name::Plan, thinking(plan), out);
        Ok(())
    }

    fn content(&mut self, event: &mut Event<'_>, out: &mut Vec<ChatChunk>) -> Result<(), Malformed> {
        let (mut added, mut other, mut json) = (Vec::new(), false, "");
        event.member("content", |reader| {
            json = reader.raw()?;
            Reader::over(json).object(|reader, name| {
                match name {
                    "type" => other = !matches!(reader.text()?.as_ref(), "text" | "thinking"),
                    "text" => added.push(Content::Text(TextDelta { text: reader.string()? })),
                    "thinking" => added.push(thinking(reader.string()?)),
                    _ => reader.skip()?,
                }
                Ok(())
            })
        })?;
        if other {
            added = vec![Content::OtherJson(format!("{{\"content\":[{json}]}}"))];
        }
        for content in added {
            self.add(Name::Content(event.index), content, out);
        }
        if let Some(logprobs) = event.logprobs.take() {
            self.teller.choice(ChoiceDelta { logprobs: Some(logprobs), ..ChoiceDelta::default() }, out);
        }
        Ok(())
    }

    fn call(&mut self, event: &Event<'_>, out: &mut Vec<ChatChunk>) -> Result<(), Malformed> {
        let mut added = None;
        event.member("tool_calls", |reader| {
            added = Some(answer::read_call(reader)?);
            Ok(())
        })?;
        if let Some(Part::ToolCall(call)) = added.and_then(|part| part.content) {
            let delta =
                ToolCallDelta { id: call.id, name: call.name, arguments_json_fragment: call.arguments_json };
            self.add(Name::Call(event.index), Content::ToolCall(delta), out);
        }
        Ok(())
    }

    /// OpenAI's stream has no place for it, so it stands in the delta as it stands in the message.
    fn citation(&mut self, event: &Event<'_>, out: &mut Vec<ChatChunk>) -> Result<(), Malformed> {
        let mut citation = None;
        event.member("citations", |reader| {
            citation = Some(reader.raw()?);
            Ok(())
        })?;
        if let Some(citation) = citation {
            let delta = Writer::text_of(|object| {
                object.member("citations", |value| value.each([citation], |value, json| value.raw(json)));
            });
            let extra_json = [("delta".to_owned(), delta)].into();
            self.teller.choice(ChoiceDelta { extra_json, ..ChoiceDelta::default() }, out);
        }
        Ok(())
    }

    fn add(&mut self, name: Name, content: Content, out: &mut Vec<ChatChunk>) {
        let says_nothing = match &content {
            Content::Text(text) => text.text.is_empty(),
            Content::Thinking(thinking) => thinking.text.is_empty(),
            Content::ToolCall(call) => {
                call.id.is_empty() && call.name.is_empty() && call.arguments_json_fragment.is_empty()
            }
            Content::Refusal(_)
            | Content::Audio(_)
            | Content::OtherJson(_)
            | Content::RedactedThinking(_) => false,
        };
        if says_nothing {
            return;
        }
        let place = self.parts.iter().position(|part| *part == name).unwrap_or_else(|| {
            self.parts.push(name);
            self.parts.len() - 1
        });
        let index = i32::try_from(place).unwrap_or(i32::MAX);
        self.teller.part(0, index, content, out);
    }

    fn finish(&mut self, mut event: Event<'_>, out: &mut Vec<ChatChunk>) -> Result<Flow> {
        self.teller.usage = event.usage.take();
        match event.ending.finish() {
            Ok((reason, text)) => self.teller.finish(0, reason, text, out),
            Err(error) => return Err(self.fail(error, out)),
        }
        self.teller.end(out);
        Ok(Flow::Finished)
    }

    /// What a broken answer has cost counts as well.
    fn fail(&mut self, error: Error, out: &mut Vec<ChatChunk>) -> Error {
        self.teller.end(out);
        error
    }
}

impl ChunkDecoder<ChatChunk> for Decoder {
    fn frame(&mut self, frame: Frame<'_>, out: &mut Vec<ChatChunk>) -> Result<Flow> {
        if frame.data.trim_ascii() == DONE {
            // The event that ends an answer has not come.
            return Err(self.fail(truncated(), out));
        }
        let event = Event::read(frame).map_err(Malformed::in_answer)?;
        if event.is_error || frame.event == "error" {
            return Err(self.fail(failure::of_stream(read_error(frame.data)), out));
        }
        self.take(event, out)
    }

    fn end(&mut self, out: &mut Vec<ChatChunk>) -> Result<()> {
        self.teller.close(out)
    }
}

// === impl Event ===

impl<'a> Event<'a> {
    fn read(frame: Frame<'a>) -> Result<Self, Malformed> {
        let mut event = Self { kind: frame.event.into(), ..Self::default() };
        let mut is_typed = false;
        json::read(frame.data, |reader| {
            reader.object(|reader, name| {
                match name {
                    "type" => (is_typed, event.kind) = (true, reader.text()?),
                    "id" => event.id = Some(reader.string()?),
                    "index" => event.index = reader.integer()?,
                    "delta" => event.read_delta(reader)?,
                    "logprobs" => {
                        let content = vec![answer::read_logprob(reader)?];
                        event.logprobs = Some(Logprobs { content, ..Logprobs::default() });
                    }
                    "message" | "error" => {
                        event.is_error |= name == "error" || reader.kind() == Kind::Text;
                        reader.skip()?;
                    }
                    _ => reader.skip()?,
                }
                Ok(())
            })
        })?;
        event.is_error &= !is_typed;
        Ok(event)
    }

    fn read_delta(&mut self, reader: &mut Reader<'a>) -> Result<(), Malformed> {
        reader.object(|reader, name| {
            match name {
                "message" => self.message = Some(reader.raw()?),
                "usage" => self.usage = answer::read_usage(reader.raw()?),
                _ if self.ending.read(reader, name)? => {}
                _ => reader.skip()?,
            }
            Ok(())
        })
    }

    /// Reads a member of its message: an object, or a list of one, as older streams have it.
    fn member(
        &self,
        wanted: &str,
        mut read: impl FnMut(&mut Reader<'a>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        let Some(message) = self.message else { return Ok(()) };
        Reader::over(message).object(|reader, name| {
            if name != wanted {
                return reader.skip();
            }
            if reader.kind() == Kind::List { reader.list(&mut read).map(drop) } else { read(reader) }
        })
    }
}

fn thinking(text: String) -> Content {
    Content::Thinking(ThinkingDelta { text, ..ThinkingDelta::default() })
}
