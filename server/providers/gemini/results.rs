//! Results of function calls, which Gemini finds by the function's name, and by their order where calls have no ids.

use super::{contents::Piece, id, media::Media};
use crate::{
    proto::v1::{Part, ToolCallPart, ToolResultPart, part::Content},
    wire::json::{self, Malformed, Object, Reader},
};

/// The calls of a conversation so far.
#[derive(Debug, Default)]
pub(super) struct Calls<'m>(Vec<&'m ToolCallPart>);

/// The answer of one function.
#[derive(Debug)]
pub(super) struct Answer<'m> {
    id: &'m str,
    name: &'m str,
    /// The place of its call among all of the conversation.
    pub(super) rank: usize,
    texts: Vec<&'m str>,
    media: Vec<Media<'m>>,
}

// === impl Calls ===

impl<'m> Calls<'m> {
    pub(super) fn add(&mut self, call: &'m ToolCallPart) {
        self.0.push(call);
    }

    /// Reads a result. `name` is the function's, where the message says it.
    pub(super) fn read(
        &self,
        result: &'m ToolResultPart,
        name: Option<&'m str>,
    ) -> Result<Piece<'m>, Malformed> {
        let rank = self.0.iter().rposition(|call| call.id == result.tool_call_id);
        let called = rank.and_then(|rank| self.0.get(rank)).map(|call| call.name.as_str());
        let name = called.or(name).ok_or_else(|| {
            let message = format!(
                "there is no earlier call \"{}\"; Gemini needs the name of its function",
                result.tool_call_id
            );
            Malformed::new(message).inside("tool_call_id")
        })?;
        let mut answer = Answer {
            id: &result.tool_call_id,
            name,
            rank: rank.unwrap_or(usize::MAX),
            texts: Vec::new(),
            media: Vec::new(),
        };
        for (index, part) in result.parts.iter().enumerate() {
            answer.add(part).map_err(|fault| fault.inside_element(index).inside("content"))?;
        }
        Ok(Piece::Result(answer))
    }
}

// === impl Answer ===

impl<'m> Answer<'m> {
    /// The text that a function answered, where nothing tells which call.
    pub(super) fn named(name: &'m str, text: &'m str) -> Self {
        Self { id: "", name, rank: usize::MAX, texts: vec![text], media: Vec::new() }
    }

    fn add(&mut self, part: &'m Part) -> Result<(), Malformed> {
        match &part.content {
            Some(Content::Text(text)) => self.texts.push(&text.text),
            Some(Content::Refusal(refusal)) => self.texts.push(&refusal.text),
            Some(Content::Image(image)) => self.media.push(Media::of_image(image)?),
            Some(Content::Audio(audio)) => self.media.push(Media::of_audio(audio)?),
            Some(Content::File(file)) => self.media.push(Media::of_file(file)?),
            Some(
                Content::Thinking(_)
                | Content::RedactedThinking(_)
                | Content::ToolCall(_)
                | Content::ToolResult(_)
                | Content::Other(_),
            )
            | None => return Err(Malformed::new("a part of this kind cannot stand in a result")),
        }
        Ok(())
    }

    /// Appends `functionResponse`. It must be an object: what is one goes as it is, anything else as its `output`.
    pub(super) fn write(&self, object: &mut Object<'_>) {
        object.object("functionResponse", |object| {
            object.optional_text("id", id::known(self.id));
            object.text("name", self.name);
            match self.texts.as_slice() {
                [one] if is_object(one) => object.optional_raw("response", Some(one)),
                [one] => object.object("response", |object| object.text("output", one)),
                several => object.object("response", |object| {
                    object.member("output", |value| value.each(several, |value, text| value.text(text)));
                }),
            }
            if !self.media.is_empty() {
                object.member("parts", |value| {
                    value.each(&self.media, |value, media| value.object(|object| media.write(object)));
                });
            }
        });
    }
}

/// Whether a text is one JSON object.
pub(super) fn is_object(text: &str) -> bool {
    json::read(text.as_bytes(), Reader::raw_object).is_ok()
}
