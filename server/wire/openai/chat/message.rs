//! Messages: which member of OpenAI's message holds which part of ours.

use std::borrow::Cow;

use super::{
    extra_content,
    part::{read_part, read_tool_call, text_part, write_part, write_tool_call},
    read_role, signed, write_role,
};
use crate::{
    proto::v1::{AudioPart, Message, Part, RefusalPart, Role, ThinkingPart, ToolResultPart, part::Content},
    wire::{
        json::{Extras, Kind, List, Malformed, Object, Reader, Writer},
        openai::{Spelling, keep_nested},
    },
};

/// Members that hold reasoning, in the vendors' spellings.
pub(super) const REASONING: [&str; 2] = ["reasoning_content", "reasoning"];

/// Who reads what is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// A vendor reads a request.
    Request,
    /// A caller reads an answer; its SDK wants the content as one string.
    Answer,
}

/// Takes a message.
pub(super) fn read_message(reader: &mut Reader<'_>) -> Result<Message, Malformed> {
    let mut message = Message::default();
    let mut members = Members::default();
    reader.object(|reader, name| {
        match name {
            "role" => {
                let (role, text) = read_role(reader)?;
                (message.role, message.role_text) = (role.into(), text);
            }
            "name" => message.name = Some(reader.string()?),
            _ => members.read(reader, name, &mut message.extra_json)?,
        }
        Ok(())
    })?;
    if message.role() == Role::Tool {
        members.wrap_result();
    } else if let Some(id) = members.tool_call_id.take() {
        let json = Writer::text_value(&id);
        message.extra_json.insert("tool_call_id".to_owned(), json);
    }
    message.parts = members.into_parts(&mut message.extra_json);
    Ok(message)
}

/// The members of a message that become parts.
#[derive(Default)]
struct Members {
    thinking: Option<String>,
    blocks: Vec<Part>,
    content: Vec<Part>,
    refusal: Option<String>,
    audio: Option<Part>,
    calls: Vec<Part>,
    tool_call_id: Option<String>,
}

impl Members {
    fn read(&mut self, reader: &mut Reader<'_>, name: &str, extras: &mut Extras) -> Result<(), Malformed> {
        match name {
            "content" | "tool_calls" if reader.at_empty_list() => reader.keep(extras, name)?,
            "content" => self.content = read_content(reader)?,
            "refusal" => self.refusal = Some(reader.string()?),
            "tool_calls" => self.calls = reader.list(read_tool_call)?,
            "tool_call_id" => self.tool_call_id = Some(reader.string()?),
            signed::MEMBER if reader.kind() == Kind::List => {
                let json = reader.raw()?;
                // Of two members with one name the last counts.
                extras.remove(name);
                self.blocks = match signed::read(json) {
                    Some(blocks) if blocks.iter().all(|(index, _)| index.is_none()) => {
                        blocks.into_iter().map(|(_, part)| part).collect()
                    }
                    _ => Vec::new(),
                };
                if self.blocks.is_empty() {
                    extras.insert(name.to_owned(), json.to_owned());
                }
            }
            "audio" if reader.kind() == Kind::Object => {
                let json = reader.raw()?;
                self.audio = read_audio(&mut Reader::over(json))?;
                if self.audio.is_none() {
                    extras.insert(name.to_owned(), json.to_owned());
                }
            }
            _ if REASONING.contains(&name) && reader.kind() == Kind::Text => {
                take_reasoning(reader, name, &mut self.thinking, extras)?;
            }
            _ => reader.keep(extras, name)?,
        }
        Ok(())
    }

    /// What a tool says is the result of a call.
    fn wrap_result(&mut self) {
        let result = ToolResultPart {
            tool_call_id: self.tool_call_id.take().unwrap_or_default(),
            parts: std::mem::take(&mut self.content),
        };
        self.content = vec![Part { content: Some(Content::ToolResult(result)), ..Part::default() }];
    }

    fn into_parts(mut self, extras: &mut Extras) -> Vec<Part> {
        if !self.blocks.is_empty()
            && let Some(text) = self.thinking.take()
            && text != text_of(&self.blocks)
        {
            // It says something else than the thoughts that have a proof.
            let [preferred, other] = REASONING;
            let name = if extras.contains_key(preferred) { other } else { preferred };
            extras.insert(name.to_owned(), Writer::text_value(&text));
        }
        let part = |content| Part { content: Some(content), ..Part::default() };
        let thinking = self
            .thinking
            .map(|text| part(Content::Thinking(ThinkingPart { text, ..ThinkingPart::default() })));
        let refusal =
            self.refusal.map(|text| part(Content::Refusal(RefusalPart { text, in_content: false })));
        let mut parts = Vec::with_capacity(self.content.len() + self.calls.len() + 1);
        parts.extend(thinking);
        parts.extend(self.blocks);
        parts.extend(self.content);
        parts.extend(refusal);
        parts.extend(self.audio);
        parts.extend(self.calls);
        parts
    }
}

/// What the thoughts among these parts say.
fn text_of(parts: &[Part]) -> Cow<'_, str> {
    Places::of(parts).thinking.unwrap_or_default()
}

/// Takes reasoning. Some vendors send it under both names: a second text that says the same is not kept, another stays
/// an extra member under its own name.
pub(super) fn take_reasoning(
    reader: &mut Reader<'_>,
    name: &str,
    thinking: &mut Option<String>,
    extras: &mut Extras,
) -> Result<(), Malformed> {
    let mut text = reader.string()?;
    match thinking {
        Some(first) if *first == text => {}
        Some(first) => {
            let [preferred, other] = REASONING;
            if name == preferred {
                std::mem::swap(first, &mut text);
            }
            extras.insert(other.to_owned(), Writer::text_value(&text));
        }
        None => *thinking = Some(text),
    }
    Ok(())
}

fn read_content(reader: &mut Reader<'_>) -> Result<Vec<Part>, Malformed> {
    match reader.kind() {
        Kind::Text => Ok(vec![text_part(reader.string()?)]),
        Kind::List => reader.list(read_part),
        Kind::Object | Kind::Number | Kind::Boolean | Kind::Null | Kind::Invalid => {
            Err(reader.found("a string or a list of content parts"))
        }
    }
}

/// Takes the member `audio`: what a model said. `None`: nothing tells it from audio that a model shall hear.
fn read_audio(reader: &mut Reader<'_>) -> Result<Option<Part>, Malformed> {
    let (mut audio, mut nested, mut extras) = (AudioPart::default(), Extras::new(), Extras::new());
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
    Ok(is_spoken(&audio).then(|| Part {
        content: Some(Content::Audio(audio)),
        extra_json: extras,
        ..Part::default()
    }))
}

/// The parts of a message, by the member in which they stand.
#[derive(Default)]
struct Places<'m> {
    thinking: Option<Cow<'m, str>>,
    /// Thoughts with a proof.
    signed: Vec<&'m Part>,
    content: Vec<&'m Part>,
    refusal: Option<Cow<'m, str>>,
    audio: Vec<(&'m Part, &'m AudioPart)>,
    calls: Vec<&'m Part>,
    results: Vec<(&'m Part, &'m ToolResultPart)>,
}

impl<'m> Places<'m> {
    fn of(parts: &'m [Part]) -> Self {
        let mut places = Self::default();
        for part in parts {
            match &part.content {
                Some(Content::Thinking(thinking)) => {
                    join(&mut places.thinking, &thinking.text);
                    places.signed.extend(signed::block_of(part).map(|_| part));
                }
                Some(Content::Refusal(refusal)) if !refusal.in_content => {
                    join(&mut places.refusal, &refusal.text);
                }
                Some(Content::Audio(audio)) if is_spoken(audio) => places.audio.push((part, audio)),
                Some(Content::ToolCall(_)) => places.calls.push(part),
                Some(Content::Other(other)) if other.member == "tool_calls" => places.calls.push(part),
                Some(Content::ToolResult(result)) => places.results.push((part, result)),
                Some(Content::RedactedThinking(_)) => {
                    places.signed.extend(signed::block_of(part).map(|_| part));
                }
                Some(
                    Content::Text(_)
                    | Content::Image(_)
                    | Content::Audio(_)
                    | Content::File(_)
                    | Content::Refusal(_)
                    | Content::Other(_),
                )
                | None => places.content.push(part),
            }
        }
        places
    }

    /// Whether there is nothing beside results of tools.
    fn is_empty(&self) -> bool {
        self.thinking.is_none()
            && self.signed.is_empty()
            && self.content.is_empty()
            && self.refusal.is_none()
            && self.audio.is_empty()
            && self.calls.is_empty()
    }
}

/// Whether the part is one of those that stand in `content`, where a cache mark has its place.
pub(super) fn stands_in_content(part: &Part) -> bool {
    Places::of(std::slice::from_ref(part)).content.len() == 1
}

/// Audio that a model made has an id or a transcript; audio that a model shall hear has neither.
fn is_spoken(audio: &AudioPart) -> bool {
    !audio.id.is_empty() || !audio.transcript.is_empty() || audio.expires_at.is_some()
}

pub(super) fn join<'m>(text: &mut Option<Cow<'m, str>>, more: &'m str) {
    match text {
        Some(text) => text.to_mut().push_str(more),
        None => *text = Some(Cow::Borrowed(more)),
    }
}

/// Appends a message of a conversation: one element, or several where it holds more than the result of one tool, each of
/// which is a message in OpenAI's JSON.
pub(super) fn write_turn(list: &mut List<'_>, message: &Message, spelling: &Spelling) {
    let mut places = Places::of(&message.parts);
    if message.role() == Role::Tool && places.content.is_empty() && places.results.len() == 1 {
        list.element(|writer| write_placed(writer, message, &places, Side::Request, spelling));
        return;
    }
    let results = std::mem::take(&mut places.results);
    for (position, (part, result)) in results.iter().enumerate() {
        list.element(|writer| {
            writer.object(|object| {
                object.text("role", "tool");
                // Name and extras belong to the whole message; the first result stands for it where there is no rest.
                let first = position == 0 && places.is_empty();
                object.optional_text("name", message.name.as_deref().filter(|_| first));
                write_result(object, part, result, &message.extra_json);
                if first {
                    object.extras(&message.extra_json);
                }
            });
        });
    }
    if results.is_empty() || !places.is_empty() {
        list.element(|writer| write_placed(writer, message, &places, Side::Request, spelling));
    }
}

/// Appends the message of an answer.
pub(super) fn write_answer(writer: &mut Writer, message: &Message) {
    write_placed(writer, message, &Places::of(&message.parts), Side::Answer, &Spelling::OURS);
}

/// With the one result, if there is any, in place of content.
fn write_placed(
    writer: &mut Writer,
    message: &Message,
    places: &Places<'_>,
    side: Side,
    spelling: &Spelling,
) {
    writer.object(|object| {
        write_role(object, message.role(), &message.role_text);
        object.optional_text("name", message.name.as_deref());
        match places.results.first() {
            None => {
                let beside = extra_content::of_parts(&places.content, &message.extra_json)
                    .filter(|_| side == Side::Answer);
                write_content(object, &places.content, side, &message.extra_json, beside.is_some());
                if let Some((name, json)) = beside {
                    object.optional_raw(name, Some(json));
                }
            }
            Some((part, result)) => write_result(object, part, result, &message.extra_json),
        }
        let signed = if spelling.thinking_blocks { places.signed.as_slice() } else { &[] };
        let own_words = !signed.is_empty() && message.extra_json.contains_key(spelling.reasoning);
        let thinking = places.thinking.as_deref().filter(|text| signed.is_empty() || !text.is_empty());
        let thinking = thinking.filter(|_| !own_words);
        object.optional_text(spelling.reasoning, thinking);
        signed::write(object, signed);
        if !places.calls.is_empty() {
            object.member("tool_calls", |value| {
                value.each(&places.calls, |value, part| write_call(value, part))
            });
        }
        object.optional_text("refusal", places.refusal.as_deref());
        if places.refusal.is_none() && side == Side::Answer {
            object.member("refusal", Writer::null);
        }
        if let Some((part, audio)) = places.audio.first() {
            object.object("audio", |object| write_audio(object, audio, part.extra_json.get("audio")));
        }
        if places.audio.len() > 1 {
            let message = "holds two that a model spoke; send each in a message of its own";
            object.blame(Malformed::new(message).inside("audio"));
        }
        let written = if thinking.is_some() { spelling.reasoning } else { "" };
        object.extras_except(&message.extra_json, &[written]);
    });
}

fn write_result(object: &mut Object<'_>, part: &Part, result: &ToolResultPart, extras: &Extras) {
    // All of them: one that cannot stand there is refused, not lost.
    let content: Vec<_> = result.parts.iter().collect();
    write_content(object, &content, Side::Request, extras, false);
    if !result.tool_call_id.is_empty() {
        object.text("tool_call_id", &result.tool_call_id);
    }
    object.extras(&part.extra_json);
}

fn write_call(writer: &mut Writer, part: &Part) {
    match &part.content {
        Some(Content::ToolCall(call)) => write_tool_call(writer, part, call),
        _ => write_part(writer, part),
    }
}

/// Appends `content`. What stands beside its texts is written elsewhere where `is_beside`.
fn write_content(object: &mut Object<'_>, parts: &[&Part], side: Side, extras: &Extras, is_beside: bool) {
    let plain = |part: &&Part| {
        matches!(part.content, Some(Content::Text(_)))
            && (part.extra_json.is_empty() || is_beside)
            && part.cache.is_none()
    };
    let one_text = match side {
        Side::Request => parts.len() == 1,
        Side::Answer => !parts.is_empty(),
    } && parts.iter().all(plain);
    if one_text {
        let mut text = None;
        for part in parts {
            if let Some(Content::Text(part)) = &part.content {
                join(&mut text, &part.text);
            }
        }
        object.optional_text("content", text.as_deref());
    } else if !parts.is_empty() {
        object.member("content", |value| value.each(parts, |value, part| write_part(value, part)));
    } else if !extras.contains_key("content") {
        object.member("content", Writer::null);
    }
}

fn write_audio(object: &mut Object<'_>, audio: &AudioPart, nested: Option<&String>) {
    let texts = [("id", &audio.id), ("data", &audio.data_base64), ("transcript", &audio.transcript)];
    for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        object.text(name, text);
    }
    object.optional_integer("expires_at", audio.expires_at);
    object.merge(nested);
}
