//! What a chunk adds to a choice, and to which parts.

use super::{
    message::{REASONING, take_reasoning},
    part::read_arguments,
    read_role, signed,
    thinking::split,
};
use crate::{
    proto::v1::{
        AudioDelta, Part, PartDelta, RefusalDelta, Role, TextDelta, ThinkingDelta, ThinkingPart,
        ToolCallDelta, part, part_delta::Content,
    },
    wire::{
        json::{Extras, Kind, Malformed, Reader, Writer},
        openai::keep_nested,
    },
};

/// A `delta` object, before it is known to which choice it belongs.
#[derive(Debug, Default)]
pub(super) struct Delta {
    role: Option<(Role, String)>,
    thinking: Option<String>,
    /// Members that stood beside the thinking.
    thinking_extras: Extras,
    /// `thinking_blocks`, as JSON text, and the thoughts that they are.
    blocks: Option<(String, Vec<Numbered>)>,
    text: Option<String>,
    /// Content that is a list, as JSON text.
    list: Option<String>,
    refusal: Option<String>,
    audio: Option<(AudioDelta, Extras)>,
    calls: Vec<CallDelta>,
    /// Members that have no field.
    pub(super) extras: Extras,
}

/// A thought with its proof, and the index that its block says.
type Numbered = (Option<i64>, Part);

/// One element of a delta's `tool_calls`.
#[derive(Debug, Default)]
struct CallDelta {
    index: Option<i64>,
    kind: Option<String>,
    call: ToolCallDelta,
    /// The whole element, where it is not a call of a function.
    other: Option<String>,
    extras: Extras,
}

/// The parts of one choice that have appeared so far.
#[derive(Debug, Default)]
pub(super) struct Parts {
    count: i32,
    thinking: Option<i32>,
    /// What the thought says that has no proof yet.
    thought: String,
    /// How many blocks have come.
    blocks: i64,
    text: Option<i32>,
    list: Option<i32>,
    refusal: Option<i32>,
    audio: Option<i32>,
    calls: Vec<Call>,
}

#[derive(Debug)]
struct Call {
    index: Option<i64>,
    id: String,
    named: bool,
    part: i32,
}

// === impl Delta ===

impl Delta {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut delta = Self::default();
        reader.object(|reader, name| {
            match name {
                "role" => delta.role = Some(read_role(reader)?),
                "content" if reader.kind() == Kind::Text => delta.text = Some(reader.string()?),
                "content" | "tool_calls" if reader.at_empty_list() => reader.keep(&mut delta.extras, name)?,
                "content" if reader.kind() == Kind::List => delta.list = Some(reader.raw()?.to_owned()),
                "content" => return Err(reader.found("a string or a list of content parts")),
                "refusal" => delta.refusal = Some(reader.string()?),
                "tool_calls" => delta.calls = reader.list(CallDelta::read)?,
                "audio" if reader.kind() == Kind::Object => delta.audio = Some(read_audio(reader)?),
                signed::MEMBER if reader.kind() == Kind::List => {
                    let json = reader.raw()?;
                    // Of two members with one name the last counts.
                    delta.extras.remove(name);
                    let blocks = signed::read(json).filter(|blocks| !blocks.is_empty());
                    delta.blocks = blocks.map(|blocks| (json.to_owned(), blocks));
                    if delta.blocks.is_none() {
                        delta.extras.insert(name.to_owned(), json.to_owned());
                    }
                }
                _ if REASONING.contains(&name) && reader.kind() == Kind::Text => {
                    take_reasoning(reader, name, &mut delta.thinking, &mut delta.extras)?;
                }
                _ => reader.keep(&mut delta.extras, name)?,
            }
            Ok(())
        })?;
        Ok(delta)
    }

    /// Makes thinking and text of a list that holds nothing else.
    pub(super) fn split_list(&mut self) {
        let Some(split) = self.list.as_deref().and_then(split) else { return };
        self.list = None;
        self.thinking = join(self.thinking.take(), split.thinking);
        self.thinking_extras.extend(split.extras);
        self.text = join(self.text.take(), split.text);
    }

    pub(super) fn take_role(&mut self) -> (Role, String) {
        self.role.take().unwrap_or_default()
    }
}

fn read_audio(reader: &mut Reader<'_>) -> Result<(AudioDelta, Extras), Malformed> {
    let (mut audio, mut nested, mut extras) = (AudioDelta::default(), Extras::new(), Extras::new());
    reader.object(|reader, name| {
        match name {
            "id" => audio.id = reader.string()?,
            "data" => audio.data_base64 = reader.string()?,
            "transcript" => audio.transcript = reader.string()?,
            "expires_at" => audio.expires_at = Some(reader.integer()?),
            _ => reader.keep(&mut nested, name)?,
        }
        Ok(())
    })?;
    keep_nested(&mut extras, "audio", &nested);
    Ok((audio, extras))
}

// === impl CallDelta ===

impl CallDelta {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let json = reader.raw_object()?;
        let (mut delta, mut nested, mut function) = (Self::default(), Extras::new(), false);
        Reader::over(json).object(|reader, name| {
            match name {
                "index" => delta.index = Some(reader.integer()?),
                "id" => delta.call.id = reader.string()?,
                "type" => delta.kind = Some(reader.string()?),
                "function" => {
                    function = true;
                    read_function(reader, &mut delta.call, &mut nested)?;
                }
                _ => reader.keep(&mut delta.extras, name)?,
            }
            Ok(())
        })?;
        let foreign = match delta.kind.as_deref() {
            Some("function" | "") => false,
            Some(_) => true,
            // The first addition names the kind; those that follow may only hold its member.
            None => !function && !delta.extras.is_empty(),
        };
        if foreign {
            delta.other = Some(json.to_owned());
        }
        keep_nested(&mut delta.extras, "function", &nested);
        Ok(delta)
    }

    /// The addition, to the part with this index.
    fn into_part(mut self, part: i32, first: bool) -> PartDelta {
        if let Some(json) = self.other {
            let other_json = format!("{{\"tool_calls\":[{json}]}}");
            return PartDelta {
                index: part,
                content: Some(Content::OtherJson(other_json)),
                ..PartDelta::default()
            };
        }
        if let Some(kind) = self.kind.filter(|_| !first) {
            // Mostly said once; where it is said again, it stays.
            self.extras.insert("type".to_owned(), Writer::text_value(&kind));
        }
        PartDelta { index: part, content: Some(Content::ToolCall(self.call)), extra_json: self.extras }
    }
}

fn read_function(
    reader: &mut Reader<'_>,
    call: &mut ToolCallDelta,
    nested: &mut Extras,
) -> Result<(), Malformed> {
    reader.object(|reader, name| {
        match name {
            "name" => call.name = reader.string()?,
            "arguments" => call.arguments_json_fragment = read_arguments(reader)?,
            _ => reader.keep(nested, name)?,
        }
        Ok(())
    })
}

// === impl Parts ===

impl Parts {
    /// Most vendors begin with an empty text, whatever follows. It begins no part, or what is thought after it would
    /// stand behind what is said after that; it stays a member that says nothing.
    pub(super) fn hold_back_empty_text(&self, delta: &mut Delta) {
        if self.text.is_none() && delta.text.take_if(|text| text.is_empty()).is_some() {
            delta.extras.insert("content".to_owned(), "\"\"".to_owned());
        }
    }

    /// Blocks count as the proof of what was thought where they say the same; others stay as they are.
    pub(super) fn check_blocks(&self, delta: &mut Delta) {
        let Some((json, blocks)) = &delta.blocks else { return };
        let mut thought = self.thought.clone() + delta.thinking.as_deref().unwrap_or_default();
        let continues = (self.blocks..).zip(blocks).all(|(count, (index, block))| {
            let differs = matches!(&block.content, Some(part::Content::Thinking(block))
                if block.text != std::mem::take(&mut thought));
            *index == Some(count) && !differs && block.extra_json.is_empty()
        });
        if !continues {
            delta.extras.insert(signed::MEMBER.to_owned(), json.clone());
            delta.blocks = None;
        }
    }

    /// Says to which part each addition belongs.
    pub(super) fn place(&mut self, delta: Delta) -> Vec<PartDelta> {
        let mut parts = Vec::new();
        let mut add = |slot: &mut Option<i32>, content: Content, extra_json: Extras| {
            let index = *slot.get_or_insert_with(|| next(&mut self.count));
            parts.push(PartDelta { index, content: Some(content), extra_json });
        };
        if let Some(text) = delta.thinking {
            self.thought.push_str(&text);
            let thinking = ThinkingDelta { text, ..ThinkingDelta::default() };
            add(&mut self.thinking, Content::Thinking(thinking), delta.thinking_extras);
        }
        for (_, block) in delta.blocks.into_iter().flat_map(|(_, blocks)| blocks) {
            self.blocks += 1;
            if let Some(part::Content::Thinking(ThinkingPart { signature, .. })) = block.content {
                self.thought.clear();
                let thinking = ThinkingDelta { signature, ..ThinkingDelta::default() };
                add(&mut self.thinking, Content::Thinking(thinking), Extras::new());
                self.thinking = None;
            } else if let Some(part::Content::RedactedThinking(redacted)) = block.content {
                add(&mut None, Content::RedactedThinking(redacted), Extras::new());
            }
        }
        if let Some(text) = delta.text {
            add(&mut self.text, Content::Text(TextDelta { text }), Extras::new());
        }
        if let Some(list) = delta.list {
            add(&mut self.list, Content::OtherJson(format!("{{\"content\":{list}}}")), Extras::new());
        }
        if let Some(text) = delta.refusal {
            add(&mut self.refusal, Content::Refusal(RefusalDelta { text }), Extras::new());
        }
        if let Some((audio, extras)) = delta.audio {
            add(&mut self.audio, Content::Audio(audio), extras);
        }
        for call in delta.calls {
            let (part, first) = self.place_call(&call);
            parts.push(call.into_part(part, first));
        }
        parts
    }

    /// The part of a call, and whether this is its first addition.
    fn place_call(&mut self, delta: &CallDelta) -> (i32, bool) {
        let (id, named) = (&delta.call.id, !delta.call.name.is_empty());
        let known = match delta.index {
            // Some vendors count every call as 0; another id then means another call.
            Some(_) => self.calls.iter_mut().rfind(|call| {
                call.index == delta.index && (id.is_empty() || call.id.is_empty() || call.id == *id)
            }),
            None if !id.is_empty() => self.calls.iter_mut().rfind(|call| call.id == *id),
            None => self.calls.last_mut().filter(|call| !(named && call.named)),
        };
        if let Some(call) = known {
            call.named |= named;
            if call.id.is_empty() {
                call.id.clone_from(id);
            }
            return (call.part, false);
        }
        let part = next(&mut self.count);
        self.calls.push(Call { index: delta.index, id: id.clone(), named, part });
        (part, true)
    }
}

fn join(text: Option<String>, more: Option<String>) -> Option<String> {
    match (text, more) {
        (Some(text), Some(more)) => Some(text + &more),
        (text, more) => text.or(more),
    }
}

fn next(count: &mut i32) -> i32 {
    let index = *count;
    *count += 1;
    index
}
