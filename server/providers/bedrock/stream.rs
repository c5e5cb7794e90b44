//! The stream of ConverseStream.
//!
//! `messageStart`, then of each block perhaps a start (texts have none), deltas and a stop, then `messageStop` with the
//! stop reason, then `metadata` with the usage. The answer is complete with `messageStop`, and finished with `metadata`: a
//! body that ends between the two has lost its usage, not its answer. Every payload is padded by a member `p`.

use std::collections::BTreeMap;

use super::{
    answer::{BLOCKS, is_servers, read_redacted, read_tier},
    failure,
    outcome::{finish, read_usage},
    tools::ANSWER,
};
use crate::{
    error::Result,
    proto::v1::{ChatChunk, ChoiceDelta, TextDelta, ThinkingDelta, ToolCallDelta, part_delta::Content},
    providers::{ChunkDecoder, Flow, teller::Teller},
    wire::{
        Frame, event_stream,
        json::{self, Extras, Malformed, Members, Reader},
    },
};

const PADDING: &str = "p";

/// Reads one stream.
#[derive(Debug)]
pub(super) struct Decoder {
    teller: Teller,
    /// Blocks that have begun, by Bedrock's index.
    blocks: BTreeMap<i64, Block>,
    /// How many parts were told.
    parts: i32,
    /// Whether a tool of the caller was called.
    calls: bool,
}

/// What becomes of a block.
#[derive(Clone, Copy, Debug)]
enum Block {
    /// A part, with our index.
    Part(i32),
    /// A call of a tool, with our index, and whether arguments have come.
    Call(i32, bool),
    /// The answer in the form that was asked for; a text, with our index.
    Answer(i32),
    /// No part of ours.
    Other,
}

/// The members of an event that concern us.
#[derive(Default)]
struct Event<'a> {
    block: i64,
    /// `start` or `delta`: the kind of block that it names, and what it says of it.
    content: Option<(String, &'a str)>,
    stop_reason: Option<String>,
}

impl Decoder {
    /// For an answer of the model with this id.
    pub(super) fn new(model: &str) -> Self {
        let mut teller = Teller::default();
        model.clone_into(&mut teller.model);
        Self { teller, blocks: BTreeMap::new(), parts: 0, calls: false }
    }

    fn start(&mut self, data: &[u8], out: &mut Vec<ChatChunk>) -> Result<(), Malformed> {
        let event = read_event(data)?;
        let Some(("toolUse", json)) = event.content.as_ref().map(|(kind, json)| (kind.as_str(), *json))
        else {
            self.blocks.insert(event.block, Block::Other);
            return self.tell_other(data, out);
        };
        let (mut call, mut extras) = (ToolCallDelta::default(), Extras::new());
        Reader::over(json).object(|reader, name| {
            match name {
                "toolUseId" => call.id = reader.string()?,
                "name" => call.name = reader.string()?,
                _ => reader.keep(&mut extras, name)?,
            }
            Ok(())
        })?;
        let block = if is_servers(extras.get("type").map(String::as_str)) {
            self.tell_other(data, out)?;
            Block::Other
        } else if call.name == ANSWER {
            Block::Answer(self.next_part())
        } else {
            let part = self.next_part();
            self.calls = true;
            self.teller.part(0, part, Content::ToolCall(call), out);
            Block::Call(part, false)
        };
        self.blocks.insert(event.block, block);
        Ok(())
    }

    fn delta(&mut self, data: &[u8], out: &mut Vec<ChatChunk>) -> Result<(), Malformed> {
        let event = read_event(data)?;
        let Some((kind, json)) = event.content else { return Ok(()) };
        let mut reader = Reader::over(json);
        match (kind.as_str(), self.blocks.get(&event.block).copied()) {
            (_, Some(Block::Other)) => self.tell_other(data, out)?,
            ("toolUse", Some(block)) => {
                let mut input = String::new();
                reader.object(|reader, name| {
                    match name {
                        "input" => input = reader.string()?,
                        _ => reader.skip()?,
                    }
                    Ok(())
                })?;
                self.input(event.block, block, input, out);
            }
            ("text", _) => {
                let text = reader.string()?;
                self.add(event.block, Content::Text(TextDelta { text }), out);
            }
            ("reasoningContent", _) => {
                if let Some(content) = read_reasoning(&mut reader)? {
                    self.add(event.block, content, out);
                } else {
                    self.tell_other(data, out)?;
                }
            }
            _ => self.tell_other(data, out)?,
        }
        Ok(())
    }

    /// Adds to the call of a tool, or to the answer that came by one.
    fn input(&mut self, index: i64, block: Block, input: String, out: &mut Vec<ChatChunk>) {
        if input.is_empty() {
            return;
        }
        match block {
            Block::Answer(part) => {
                self.teller.part(0, part, Content::Text(TextDelta { text: input }), out);
            }
            Block::Call(part, _) => {
                self.blocks.insert(index, Block::Call(part, true));
                let delta = ToolCallDelta { arguments_json_fragment: input, ..ToolCallDelta::default() };
                self.teller.part(0, part, Content::ToolCall(delta), out);
            }
            Block::Part(_) | Block::Other => {}
        }
    }

    /// Adds to a part, which may begin with that.
    fn add(&mut self, index: i64, content: Content, out: &mut Vec<ChatChunk>) {
        let part = match self.blocks.get(&index) {
            Some(Block::Part(part)) => *part,
            Some(Block::Call(..) | Block::Answer(_) | Block::Other) | None => {
                let part = self.next_part();
                self.blocks.insert(index, Block::Part(part));
                part
            }
        };
        self.teller.part(0, part, content, out);
    }

    /// A call without arguments is one with none, as it is where the answer comes whole.
    fn stop(&mut self, data: &[u8], out: &mut Vec<ChatChunk>) -> Result<(), Malformed> {
        let index = read_event(data)?.block;
        if let Some(block @ Block::Call(_, false)) = self.blocks.get(&index).copied() {
            self.input(index, block, "{}".to_owned(), out);
        }
        Ok(())
    }

    /// Tells what is no part of ours as it came.
    fn tell_other(&mut self, data: &[u8], out: &mut Vec<ChatChunk>) -> Result<(), Malformed> {
        let mut event = Members::of(data)?;
        event.remove(PADDING);
        let event = String::from_utf8(event.write()).map_err(|_| Malformed::new("not UTF-8"))?;
        let extra_json = Extras::from([("delta".to_owned(), format!("{{\"{BLOCKS}\":[{event}]}}"))]);
        self.teller.choice(ChoiceDelta { extra_json, ..ChoiceDelta::default() }, out);
        Ok(())
    }

    fn message_stop(&mut self, data: &[u8], out: &mut Vec<ChatChunk>) -> Result<(), Malformed> {
        let reason = read_event(data)?.stop_reason.ok_or_else(|| Malformed::required("stopReason"))?;
        let (reason, text) = finish(&reason, self.calls);
        self.teller.finish(0, reason, text, out);
        Ok(())
    }

    /// The last event. What has no field stands beside the usage.
    fn metadata(&mut self, data: &[u8], out: &mut Vec<ChatChunk>) -> Result<(), Malformed> {
        json::read(data, |reader| {
            reader.object(|reader, name| {
                match name {
                    "usage" => self.teller.usage = Some(read_usage(reader)?),
                    "serviceTier" => self.teller.service_tier = read_tier(reader)?,
                    PADDING => reader.skip()?,
                    _ => reader.keep(&mut self.teller.extra_json, name)?,
                }
                Ok(())
            })
        })?;
        if self.teller.is_complete() {
            self.teller.end(out);
        }
        Ok(())
    }

    fn next_part(&mut self) -> i32 {
        self.parts += 1;
        self.parts - 1
    }
}

impl ChunkDecoder<ChatChunk> for Decoder {
    fn frame(&mut self, frame: Frame<'_>, out: &mut Vec<ChatChunk>) -> Result<Flow> {
        let read = match frame.event {
            "contentBlockStart" => self.start(frame.data, out),
            "contentBlockDelta" => self.delta(frame.data, out),
            "contentBlockStop" => self.stop(frame.data, out),
            "messageStop" => self.message_stop(frame.data, out),
            "metadata" => {
                self.metadata(frame.data, out).map_err(Malformed::in_answer)?;
                return Ok(if self.teller.is_complete() { Flow::Finished } else { Flow::More });
            }
            // What came in place of a stream has no name.
            "" => return Err(failure::of_empty_answer(frame.data)),
            event => {
                let class = [event_stream::EXCEPTION, event_stream::ERROR]
                    .into_iter()
                    .find_map(|before| event.strip_prefix(before));
                match class {
                    Some(class) => {
                        self.teller.break_off(out);
                        return Err(failure::of_frame(class, frame.data));
                    }
                    // `messageStart` says the role, which is known; of others nothing is known.
                    None => Ok(()),
                }
            }
        };
        read.map_err(Malformed::in_answer)?;
        Ok(Flow::More)
    }

    fn end(&mut self, out: &mut Vec<ChatChunk>) -> Result<()> {
        self.teller.close(out)
    }
}

fn read_event(data: &[u8]) -> Result<Event<'_>, Malformed> {
    let mut event = Event::default();
    json::read(data, |reader| {
        reader.object(|reader, name| {
            match name {
                "contentBlockIndex" => event.block = reader.integer()?,
                "stopReason" => event.stop_reason = Some(reader.string()?),
                "start" | "delta" => reader.object(|reader, kind| {
                    event.content = Some((kind.to_owned(), reader.raw()?));
                    Ok(())
                })?,
                _ => reader.skip()?,
            }
            Ok(())
        })
    })?;
    Ok(event)
}

fn read_reasoning(reader: &mut Reader<'_>) -> Result<Option<Content>, Malformed> {
    let mut content = None;
    reader.object(|reader, name| {
        content = match name {
            "text" => {
                Some(Content::Thinking(ThinkingDelta { text: reader.string()?, ..ThinkingDelta::default() }))
            }
            "signature" => {
                let signature = reader.string()?.into();
                Some(Content::Thinking(ThinkingDelta { signature, ..ThinkingDelta::default() }))
            }
            "redactedContent" => Some(Content::RedactedThinking(read_redacted(reader)?)),
            _ => return reader.skip(),
        };
        Ok(())
    })?;
    Ok(content)
}
