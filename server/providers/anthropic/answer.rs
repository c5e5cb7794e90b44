//! Answers in one piece, and what streams share with them: blocks as parts, and why the model stopped.

use super::{failure, tools::OUTPUT, usage::Counts};
use crate::{
    error::{Error, Reason, Result},
    proto::v1::{
        ChatResponse, Choice, FinishReason, Message, OtherPart, Part, RedactedThinkingPart, Role, TextPart,
        ThinkingPart, ToolCallPart, part::Content,
    },
    wire::json::{self, Extras, Malformed, Reader, Writer},
};

/// Why a model stopped.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Stop {
    pub(super) reason: FinishReason,
    /// The vendor's word, where we have none.
    pub(super) text: String,
    /// What the vendor says beside it.
    pub(super) extras: Extras,
}

/// Reads an answer.
///
/// # Errors
/// When it is not one, or is the vendor's error.
pub(super) fn read(body: &[u8]) -> Result<ChatResponse> {
    let mut response = ChatResponse::default();
    let (mut kind, mut blocks, mut stop, mut counts) = (String::new(), None, None, None);
    let mut extras = Extras::new();
    json::read(body, |reader| {
        reader.object(|reader, name| {
            match name {
                "type" => kind = reader.string()?,
                "id" => response.id = reader.string()?,
                "model" => response.model = reader.string()?,
                "role" => reader.skip()?,
                "content" => blocks = Some(reader.list(|reader| read_block(reader.raw_object()?))?),
                "stop_reason" => stop = Some(reader.string()?),
                "stop_sequence" | "stop_details" => reader.keep(&mut extras, name)?,
                "usage" => counts.get_or_insert_with(Counts::default).read(reader)?,
                _ => reader.keep(&mut response.extra_json, name)?,
            }
            Ok(())
        })
    })
    .map_err(Malformed::in_answer)?;
    if kind == "error" || response.extra_json.contains_key("error") {
        return Err(failure::of_body(body));
    }
    let Some(parts) = blocks else {
        let message = "the provider's answer is empty: it holds neither content nor an error";
        return Err(Error::new(Reason::ProviderBadAnswer, message));
    };
    let calls = parts.iter().any(|part| matches!(part.content, Some(Content::ToolCall(_))));
    let stop = Stop::of(&stop.unwrap_or_default(), extras, calls);
    let message = Message { role: Role::Assistant.into(), parts, ..Message::default() };
    response.choices = vec![Choice {
        message: Some(message),
        finish_reason: stop.reason.into(),
        finish_reason_text: stop.text,
        extra_json: stop.extras,
        ..Choice::default()
    }];
    response.usage = counts.as_ref().map(Counts::usage);
    response.service_tier = counts.and_then(|counts| counts.service_tier);
    Ok(response)
}

/// A block as a part. One of a kind that we do not know, like those of the vendor's own tools, stays as it is.
///
/// # Errors
/// When it is not a block.
pub(super) fn read_block(json: &str) -> Result<Part, Malformed> {
    let mut block = Members::default();
    Reader::over(json).object(|reader, name| block.read(reader, name))?;
    let Members { kind, id, name, text, proof, input, extras } = block;
    let text = text.unwrap_or_default();
    let content = match kind.as_str() {
        "text" => Content::Text(TextPart { text }),
        "thinking" => Content::Thinking(ThinkingPart { text, signature: proof.into_bytes().into() }),
        "redacted_thinking" => {
            Content::RedactedThinking(RedactedThinkingPart { data: proof.into_bytes().into() })
        }
        "tool_use" if name == OUTPUT => {
            let content = Content::Text(TextPart { text: input });
            return Ok(Part { content: Some(content), ..Part::default() });
        }
        "tool_use" => Content::ToolCall(ToolCallPart { id, name, arguments_json: input }),
        "" => return Err(Malformed::required("type")),
        _ => {
            let other = OtherPart { json: json.to_owned(), member: String::new() };
            return Ok(Part { content: Some(Content::Other(other)), ..Part::default() });
        }
    };
    Ok(Part { content: Some(content), extra_json: extras, ..Part::default() })
}

/// The members of a block of any kind.
#[derive(Debug, Default)]
struct Members {
    kind: String,
    id: String,
    name: String,
    text: Option<String>,
    proof: String,
    input: String,
    extras: Extras,
}

impl Members {
    fn read(&mut self, reader: &mut Reader<'_>, name: &str) -> Result<(), Malformed> {
        let is_text = reader.kind() == json::Kind::Text;
        match name {
            "type" => self.kind = reader.string()?,
            "id" if is_text => self.id = reader.string()?,
            "name" if is_text => self.name = reader.string()?,
            "text" | "thinking" if is_text => self.text = Some(reader.string()?),
            "signature" | "data" if is_text => self.proof = reader.string()?,
            "input" => reader.raw()?.clone_into(&mut self.input),
            // Nothing is cited.
            "citations" if reader.at_empty_list() => reader.skip()?,
            _ => reader.keep(&mut self.extras, name)?,
        }
        Ok(())
    }
}

// === impl Stop ===

impl Stop {
    /// For the vendor's word, what it says beside it, and whether tools are called. An answer in the form of a call of our
    /// own tool calls none.
    pub(super) fn of(word: &str, mut extras: Extras, calls: bool) -> Self {
        let (reason, says_all) = match word {
            "end_turn" => (FinishReason::Stop, true),
            // Which of the texts it was stands beside it.
            "stop_sequence" => (FinishReason::Stop, true),
            "tool_use" if calls => (FinishReason::ToolCalls, true),
            "tool_use" => (FinishReason::Stop, true),
            "max_tokens" => (FinishReason::Length, true),
            "model_context_window_exceeded" => (FinishReason::Length, false),
            "refusal" => (FinishReason::ContentFilter, false),
            // `pause_turn` is not final: the caller sends the answer back and the model goes on.
            _ => return Self { reason: FinishReason::Unspecified, text: word.to_owned(), extras },
        };
        if !says_all {
            extras.insert("stop_reason".to_owned(), Writer::text_value(word));
        }
        Self { reason, text: String::new(), extras }
    }
}
