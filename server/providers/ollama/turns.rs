//! Messages of a conversation as Ollama wants them: one text each, images beside it.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    proto::v1::{ImagePart, Message, Part, ToolCallPart, image_part::Source, part::Content},
    providers::unserved,
    wire::json::{Kind, List, Malformed, Object, Reader, Writer},
};

/// Which tool each call was of, by the id of the call. Results name the tool.
pub(super) struct Names<'m>(BTreeMap<&'m str, &'m str>);

/// The parts of a message, by the member in which they stand.
#[derive(Default)]
struct Places<'m> {
    texts: Vec<&'m str>,
    images: Vec<String>,
    thinking: String,
    calls: Vec<(&'m Part, &'m ToolCallPart)>,
    fault: Option<Malformed>,
}

// === impl Names ===

impl<'m> Names<'m> {
    pub(super) fn of(messages: &'m [Message]) -> Self {
        let parts = messages.iter().flat_map(|message| &message.parts);
        let calls = parts.filter_map(|part| match &part.content {
            Some(Content::ToolCall(call)) => Some((call.id.as_str(), call.name.as_str())),
            _ => None,
        });
        Self(calls.collect())
    }
}

// === impl Places ===

impl<'m> Places<'m> {
    /// Sorts parts; those that cannot stand in a message are its fault.
    fn of(parts: &'m [Part]) -> Self {
        let mut places = Self::default();
        let mut position = 0;
        for part in parts {
            let sorted = places.sort(part);
            if let Err(fault) = sorted {
                places.fault.get_or_insert(fault.inside_element(position).inside("content"));
            }
            let in_content = !matches!(part.content, Some(Content::Thinking(_) | Content::ToolCall(_)));
            position += usize::from(in_content);
        }
        places
    }

    fn sort(&mut self, part: &'m Part) -> Result<(), Malformed> {
        match &part.content {
            Some(Content::Text(text)) => self.texts.push(&text.text),
            // To the model its own refusal is what it has said.
            Some(Content::Refusal(refusal)) => self.texts.push(&refusal.text),
            Some(Content::Image(image)) => self.images.push(base64_of(image)?),
            Some(Content::Thinking(thinking)) => self.thinking.push_str(&thinking.text),
            Some(Content::ToolCall(call)) => self.calls.push((part, call)),
            // Written as a message of its own; or for its maker's eyes only, and the caller is told.
            Some(Content::ToolResult(_) | Content::RedactedThinking(_)) => {}
            Some(Content::Audio(_)) => return Err(Malformed::new("ollama takes no audio; send its text")),
            Some(Content::File(_)) => return Err(Malformed::new("ollama takes no files; send their text")),
            Some(Content::Other(_)) | None => {
                return Err(Malformed::new("ollama takes text and images only"));
            }
        }
        Ok(())
    }

    fn write(&self, object: &mut Object<'_>) {
        if let Some(fault) = &self.fault {
            object.blame(fault.clone());
        }
        object.text("content", &self.texts.join("\n"));
        if !self.images.is_empty() {
            object.member("images", |value| value.each(&self.images, |value, image| value.text(image)));
        }
    }
}

/// What the messages hold and there is no place for, each kind once: texts and images stand without their parts.
pub(super) fn unsaid(messages: &[Message]) -> impl Iterator<Item = &'static str> {
    let parts = || messages.iter().flat_map(|message| &message.parts).flat_map(with_results);
    let detailed =
        parts().any(|part| matches!(&part.content, Some(Content::Image(image)) if image.detail.is_some()));
    let apart = |part: &Part| !matches!(part.content, Some(Content::ToolCall(_) | Content::ToolResult(_)));
    let extended = parts().any(|part| apart(part) && !part.extra_json.is_empty());
    let unsaid = [("image_url.detail", detailed), ("messages.content.extra_json", extended)];
    unsaid.into_iter().filter_map(|(name, lost)| lost.then_some(name))
}

/// A part, and those inside it.
fn with_results(part: &Part) -> impl Iterator<Item = &Part> {
    let inside = match &part.content {
        Some(Content::ToolResult(result)) => result.parts.as_slice(),
        _ => &[],
    };
    std::iter::once(part).chain(inside)
}

/// Appends a message: one element, or several where it holds results of tools, each of which is a message here.
pub(super) fn write(list: &mut List<'_>, message: &Message, names: &Names<'_>) {
    let (results, rest): (Vec<_>, Vec<_>) =
        message.parts.iter().partition(|part| matches!(part.content, Some(Content::ToolResult(_))));
    for (position, part) in results.iter().enumerate() {
        let Some(Content::ToolResult(result)) = &part.content else { continue };
        list.element(|writer| {
            writer.object(|object| {
                object.text("role", "tool");
                let places = Places::of(&result.parts);
                places.write(object);
                if !places.calls.is_empty() || !places.thinking.is_empty() {
                    object.blame(Malformed::new("a result holds text and images only").inside("content"));
                }
                let called = names.0.get(result.tool_call_id.as_str()).copied();
                object.optional_text("tool_name", called.or(message.name.as_deref()));
                let id = result.tool_call_id.as_str();
                object.optional_text("tool_call_id", Some(id).filter(|id| !id.is_empty()));
                object.extras(&part.extra_json);
                // They belong to the whole message; the first result stands for it where there is no rest.
                if position == 0 && rest.is_empty() {
                    object.extras(&message.extra_json);
                }
            });
        });
    }
    if results.is_empty() || !rest.is_empty() {
        list.element(|writer| writer.object(|object| write_spoken(object, message)));
    }
}

fn write_spoken(object: &mut Object<'_>, message: &Message) {
    unserved::write_role(object, message, "ollama");
    let places = Places::of(&message.parts);
    places.write(object);
    let thinking = Some(places.thinking.as_str()).filter(|text| !text.is_empty());
    object.optional_text("thinking", thinking);
    if !places.calls.is_empty() {
        object.member("tool_calls", |value| {
            value.each(&places.calls, |value, (part, call)| write_call(value, part, call));
        });
    }
    object.extras(&message.extra_json);
}

fn write_call(writer: &mut Writer, part: &Part, call: &ToolCallPart) {
    writer.object(|object| {
        object.optional_text("id", Some(call.id.as_str()).filter(|id| !id.is_empty()));
        object.object("function", |object| {
            object.text("name", &call.name);
            object.member("arguments", |value| match call.arguments_json.trim() {
                "" => value.raw("{}"),
                json if Reader::over(json).kind() == Kind::Object => value.raw(json),
                _ => {
                    value.blame(Malformed::new("ollama takes arguments as a JSON object only"));
                    value.null();
                }
            });
            object.merge(part.extra_json.get("function"));
        });
        object.extras_except(&part.extra_json, &["function"]);
    });
}

/// The image as base64 alone, which is all that Ollama takes.
fn base64_of(image: &ImagePart) -> Result<String, Malformed> {
    let url = match &image.source {
        Some(Source::Inline(inline)) => return Ok(STANDARD.encode(&inline.data)),
        Some(Source::Url(url)) => url,
        None => return Err(Malformed::required("source")),
    };
    let data = url.strip_prefix("data:").and_then(|rest| rest.split_once(','));
    match data {
        Some((kind, data)) if kind.ends_with(";base64") => Ok(data.to_owned()),
        Some(_) => Err(Malformed::new("ollama takes images as base64 only; encode the data: URL so")),
        None => Err(Malformed::new("ollama fetches no images; send the image as a data: URL with base64")),
    }
}
