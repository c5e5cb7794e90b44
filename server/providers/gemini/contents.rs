//! The conversation: `systemInstruction`, and `contents` by turns of `user` and `model`.

use std::borrow::Cow;

use super::{
    id,
    media::Media,
    results::{Answer, Calls, is_object},
    signature,
};
use crate::{
    proto::v1::{Message, Part, Role, ToolCallPart, part::Content},
    wire::json::{self, Extras, Malformed, Object, Writer},
};

/// A conversation in Gemini's order.
#[derive(Debug, Default)]
pub(super) struct Conversation<'m> {
    /// Instructions, wherever they stood: Gemini takes them in front of everything else only.
    system: Vec<&'m str>,
    turns: Vec<Turn<'m>>,
    /// What was left out.
    pub(super) dropped: Vec<&'static str>,
}

#[derive(Debug)]
struct Turn<'m> {
    role: &'static str,
    said: Vec<Said<'m>>,
    /// Whether it holds results of tools, each of which is a message in OpenAI's JSON.
    results: bool,
}

/// One part of Gemini's.
#[derive(Debug)]
struct Said<'m> {
    piece: Piece<'m>,
    signature: Option<Cow<'m, str>>,
    extras: Option<&'m Extras>,
}

/// What a part holds.
#[derive(Debug)]
pub(super) enum Piece<'m> {
    Text(&'m str),
    Thought(&'m str),
    Call(&'m ToolCallPart),
    Result(Answer<'m>),
    Media(Media<'m>),
    /// A part of Gemini's own.
    Other(&'m str),
}

/// Members of a part that stand elsewhere or say nothing to Gemini. `index` is what some callers copy from a stream.
const NOT_EXTRA: [&str; 4] = [signature::EXTRA_CONTENT, "function", "index", "cache_control"];

// === impl Conversation ===

impl<'m> Conversation<'m> {
    /// Reads messages. With `needs_signatures`, function calls without one get the mark that Google has for such.
    pub(super) fn of(messages: &'m [Message], needs_signatures: bool) -> Result<Self, Malformed> {
        let (mut conversation, mut calls) = (Self::default(), Calls::default());
        for (index, message) in messages.iter().enumerate() {
            conversation
                .add(message, &mut calls)
                .map_err(|fault| fault.inside_element(index).inside("messages"))?;
        }
        for turn in &mut conversation.turns {
            turn.order_results();
            if needs_signatures {
                turn.mark_unsigned();
            }
        }
        conversation.turns.retain(|turn| !turn.said.is_empty());
        Ok(conversation)
    }

    fn add(&mut self, message: &'m Message, calls: &mut Calls<'m>) -> Result<(), Malformed> {
        let role = match message.role() {
            Role::System | Role::Developer => {
                self.tell("messages.name", message.name.is_some());
                return self.instruct(message);
            }
            Role::User | Role::Tool | Role::Function => "user",
            Role::Assistant => "model",
            Role::Unspecified if message.role_text == "model" => "model",
            Role::Unspecified => {
                let fault = Malformed::new("use system, developer, user, assistant or tool");
                return Err(fault.inside("role"));
            }
        };
        if message.extra_json.contains_key("function_call") {
            return Err(Malformed::new("send it as tool_calls").inside("function_call"));
        }
        let results = matches!(message.role(), Role::Tool | Role::Function);
        self.tell("messages.name", message.name.is_some() && !results);
        self.tell_extras(&message.extra_json);
        let mut said = Vec::with_capacity(message.parts.len());
        for (index, part) in message.parts.iter().enumerate() {
            self.tell("cache", part.cache.is_some() || part.extra_json.contains_key("cache_control"));
            let place = |fault: Malformed| {
                if results { fault } else { fault.inside_element(index).inside("content") }
            };
            said.extend(self.read(part, message, calls).map_err(place)?);
        }
        if role == "model" {
            // Beside a signature an empty text counts, alone it says nothing.
            said.retain(|said| !matches!(said.piece, Piece::Text("")) || said.signature.is_some());
            sign(&mut said, &message.extra_json);
        }
        match self.turns.last_mut().filter(|turn| turn.results && results) {
            Some(turn) => turn.said.extend(said),
            None => self.turns.push(Turn { role, said, results }),
        }
        Ok(())
    }

    fn instruct(&mut self, message: &'m Message) -> Result<(), Malformed> {
        self.tell_extras(&message.extra_json);
        for (index, part) in message.parts.iter().enumerate() {
            self.tell("cache", part.cache.is_some());
            let Some(Content::Text(text)) = &part.content else {
                let fault = Malformed::new("instructions to Gemini are text");
                return Err(fault.inside_element(index).inside("content"));
            };
            self.system.push(&text.text);
        }
        Ok(())
    }

    /// Reads one part. `None`: it is left out.
    fn read(
        &mut self,
        part: &'m Part,
        message: &'m Message,
        calls: &mut Calls<'m>,
    ) -> Result<Option<Said<'m>>, Malformed> {
        let mut own = signature::find(&part.extra_json);
        let piece = match &part.content {
            // In OpenAI's older interface a result is the text of a message with the function's name.
            Some(Content::Text(text)) if message.role() == Role::Function => {
                let name = message.name.as_deref().ok_or_else(|| Malformed::required("name"))?;
                Piece::Result(Answer::named(name, &text.text))
            }
            Some(Content::Text(text)) => Piece::Text(&text.text),
            Some(Content::Refusal(refusal)) => Piece::Text(&refusal.text),
            Some(Content::Thinking(thinking)) => {
                if !thinking.signature.is_empty() {
                    let text = std::str::from_utf8(&thinking.signature);
                    let text = text.map_err(|_| Malformed::new("the signature is none of Gemini's"))?;
                    own = Some(Cow::Borrowed(text));
                }
                Piece::Thought(&thinking.text)
            }
            Some(Content::RedactedThinking(_)) => {
                self.tell("redacted_thinking", true);
                return Ok(None);
            }
            Some(Content::ToolCall(call)) => {
                calls.add(call);
                Piece::Call(call)
            }
            Some(Content::ToolResult(result)) => calls.read(result, message.name.as_deref())?,
            Some(Content::Image(image)) => {
                let detail = image.detail.as_deref().is_some_and(|detail| detail != "auto");
                self.tell("messages.content.image_url.detail", detail);
                Piece::Media(Media::of_image(image)?)
            }
            // What a model said aloud is told in words; Gemini keeps no audio.
            Some(Content::Audio(audio)) if !audio.transcript.is_empty() => Piece::Text(&audio.transcript),
            Some(Content::Audio(audio)) => Piece::Media(Media::of_audio(audio)?),
            Some(Content::File(file)) => {
                self.tell("messages.content.file.filename", file.filename.is_some());
                Piece::Media(Media::of_file(file)?)
            }
            Some(Content::Other(other)) => Piece::Other(own_part(&other.json)?),
            None => return Err(Malformed::new("an empty part says nothing; leave it out")),
        };
        Ok(Some(Said { piece, signature: own, extras: Some(&part.extra_json) }))
    }

    fn tell_extras(&mut self, extras: &Extras) {
        // An empty list says nothing, and signatures are read elsewhere.
        let says = |(name, json): (&String, &String)| name != signature::EXTRA_CONTENT && json != "[]";
        self.tell("messages.extra_json", extras.iter().any(says));
    }

    fn tell(&mut self, name: &'static str, lost: bool) {
        if lost && !self.dropped.contains(&name) {
            self.dropped.push(name);
        }
    }

    /// Appends both members.
    pub(super) fn write(&self, object: &mut Object<'_>) {
        if !self.system.is_empty() {
            object.object("systemInstruction", |object| {
                object.member("parts", |value| {
                    value.each(&self.system, |value, text| value.object(|object| object.text("text", text)));
                });
            });
        }
        object.member("contents", |value| {
            value.each(&self.turns, |value, turn| {
                value.object(|object| {
                    object.text("role", turn.role);
                    object.member("parts", |value| value.each(&turn.said, |value, said| said.write(value)));
                });
            });
        });
    }
}

/// A part of Gemini's own, as it came: Gemini names what a part holds by a member, others by a type.
fn own_part(json: &str) -> Result<&str, Malformed> {
    let mut kind = None;
    json::read(json.as_bytes(), |reader| {
        reader.object(|reader, name| match name {
            "type" => {
                kind = Some(reader.raw()?);
                Ok(())
            }
            _ => reader.skip(),
        })
    })?;
    match kind {
        None => Ok(json),
        Some(kind) => Err(Malformed::new(format!("Gemini knows no part of type {kind:.40}")).inside("type")),
    }
}

/// Puts the signature that stands beside a message where it came from: on its last text, else on its first call, else on
/// an empty text.
fn sign<'m>(said: &mut Vec<Said<'m>>, extras: &'m Extras) {
    let Some(signature) = signature::find(extras) else { return };
    let text = said.iter().rposition(|said| matches!(said.piece, Piece::Text(_)));
    let place = text.or_else(|| said.iter().position(|said| matches!(said.piece, Piece::Call(_))));
    match place.and_then(|place| said.get_mut(place)) {
        Some(said) => _ = said.signature.get_or_insert(signature),
        None => said.push(Said { piece: Piece::Text(""), signature: Some(signature), extras: None }),
    }
}

// === impl Turn ===

impl Turn<'_> {
    /// Callers may give results in any order; without ids Gemini goes by that of the calls.
    fn order_results(&mut self) {
        if self.results {
            self.said.sort_by_key(|said| match &said.piece {
                Piece::Result(answer) => answer.rank,
                Piece::Text(_) | Piece::Thought(_) | Piece::Call(_) | Piece::Media(_) | Piece::Other(_) => {
                    usize::MAX
                }
            });
        }
    }

    /// Of calls made at once the first alone is signed.
    fn mark_unsigned(&mut self) {
        let is_call = |said: &&mut Said<'_>| matches!(said.piece, Piece::Call(_));
        if let Some(first) = self.said.iter_mut().find(is_call) {
            first.signature.get_or_insert(Cow::Borrowed(signature::UNSIGNED));
        }
    }
}

// === impl Said ===

impl Said<'_> {
    fn write(&self, writer: &mut Writer) {
        if let Piece::Other(json) = &self.piece {
            return writer.raw(json);
        }
        writer.object(|object| {
            match &self.piece {
                Piece::Text(text) => object.text("text", text),
                Piece::Thought(text) => {
                    object.text("text", text);
                    object.optional_boolean("thought", Some(true));
                }
                Piece::Call(call) => write_call(object, call, self.extras),
                Piece::Result(answer) => answer.write(object),
                Piece::Media(media) => media.write(object),
                // Written above.
                Piece::Other(_) => {}
            }
            object.optional_text("thoughtSignature", self.signature.as_deref());
            if let Some(extras) = self.extras {
                object.extras_except(extras, &NOT_EXTRA);
            }
        });
    }
}

fn write_call(object: &mut Object<'_>, call: &ToolCallPart, extras: Option<&Extras>) {
    object.object("functionCall", |object| {
        object.optional_text("id", id::known(&call.id));
        object.text("name", &call.name);
        match call.arguments_json.as_str() {
            arguments if is_object(arguments) => object.optional_raw("args", Some(arguments)),
            arguments if arguments.trim().is_empty() => object.object("args", |_| {}),
            // Another model wrote what is no object; Gemini takes nothing else.
            other => object.object("args", |object| object.text("arguments", other)),
        }
        object.merge(extras.and_then(|extras| extras.get("function")));
    });
}
