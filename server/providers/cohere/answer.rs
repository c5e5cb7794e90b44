//! What Cohere answers: the whole answer to an unstreamed chat, and the pieces that a stream has as well.

use super::{classify, read_error};
use crate::{
    error::{Error, Reason, Result},
    proto::v1::{
        ChatResponse, Choice, FinishReason, Logprobs, Message, OtherPart, Part, Role, TextPart, ThinkingPart,
        TokenLogprob, ToolCallPart, Usage, part::Content,
    },
    providers::failure,
    wire::{
        json::{self, Extras, Kind, Malformed, Reader},
        openai::error::VendorError,
    },
};

/// How an answer ended.
#[derive(Debug, Default)]
pub(super) struct Ending {
    /// Cohere's word. `None`: it has not ended.
    pub(super) word: Option<String>,
    /// What went wrong, where something did.
    pub(super) error: Option<String>,
    /// Its type.
    pub(super) error_type: Option<String>,
}

/// Reads the answer to an unstreamed chat. The model is not in it.
///
/// # Errors
/// When it cannot be read, or is an error, which may come as an answer of status 200.
pub(super) fn read(body: &[u8], model: &str) -> Result<ChatResponse> {
    let mut ending = Ending::default();
    let (mut choice, mut is_error) = (Choice::default(), false);
    let mut response = ChatResponse { model: model.to_owned(), ..ChatResponse::default() };
    json::read(body, |reader| {
        reader.object(|reader, name| {
            match name {
                "id" => response.id = reader.string()?,
                "message" if reader.kind() == Kind::Text => (is_error, _) = (true, reader.skip()?),
                "message" => choice.message = Some(read_message(reader)?),
                "usage" => {
                    let json = reader.raw()?;
                    response.usage = read_usage(json);
                    if response.usage.is_none() && json != "{}" {
                        response.extra_json.insert(name.to_owned(), json.to_owned());
                    }
                }
                "logprobs" => {
                    let content = reader.list(read_logprob)?;
                    choice.logprobs = Some(Logprobs { content, ..Logprobs::default() });
                }
                _ if ending.read(reader, name)? => {}
                _ => reader.keep(&mut response.extra_json, name)?,
            }
            Ok(())
        })
    })
    .map_err(Malformed::in_answer)?;
    if is_error {
        return Err(failure::of_stream(read_error(body)));
    }
    failure::refuse_empty(choice.message.is_none() && ending.word.is_none(), &response.extra_json, body)?;
    let (reason, text) = ending.finish()?;
    (choice.finish_reason, choice.finish_reason_text) = (reason.into(), text);
    // Callers rely on a message.
    choice.message.get_or_insert_default().role = Role::Assistant.into();
    response.choices = vec![choice];
    Ok(response)
}

fn read_message(reader: &mut Reader<'_>) -> Result<Message, Malformed> {
    let mut message = Message { role: Role::Assistant.into(), ..Message::default() };
    let (mut plan, mut content, mut calls) = (None, Vec::new(), Vec::new());
    reader.object(|reader, name| {
        match name {
            "role" => reader.skip()?,
            "tool_plan" => plan = Some(reader.string()?),
            "content" if reader.kind() == Kind::Text => content = vec![text(reader.string()?)],
            "content" => content = reader.list(read_part)?,
            "tool_calls" => calls = reader.list(read_call)?,
            "citations" if reader.at_empty_list() => reader.skip()?,
            _ => reader.keep(&mut message.extra_json, name)?,
        }
        Ok(())
    })?;
    message.parts.extend(plan.filter(|plan| !plan.is_empty()).map(thinking));
    message.parts.extend(content);
    message.parts.extend(calls);
    Ok(message)
}

fn read_part(reader: &mut Reader<'_>) -> Result<Part, Malformed> {
    let json = reader.raw_object()?;
    let (mut part, mut extras) = (None, Extras::new());
    Reader::over(json).object(|reader, name| {
        match name {
            "type" => reader.skip()?,
            "text" => part = Some(text(reader.string()?)),
            "thinking" => part = Some(thinking(reader.string()?)),
            _ => reader.keep(&mut extras, name)?,
        }
        Ok(())
    })?;
    let other = || Part {
        content: Some(Content::Other(OtherPart { json: json.to_owned(), member: String::new() })),
        ..Part::default()
    };
    Ok(part.map_or_else(other, |part| Part { extra_json: extras, ..part }))
}

/// Takes a tool call, or the beginning of one.
pub(super) fn read_call(reader: &mut Reader<'_>) -> Result<Part, Malformed> {
    let (mut call, mut extras) = (ToolCallPart::default(), Extras::new());
    reader.object(|reader, name| {
        match name {
            "type" => reader.skip()?,
            "id" => call.id = reader.string()?,
            "function" => reader.object(|reader, name| {
                match name {
                    "name" => call.name = reader.string()?,
                    "arguments" => call.arguments_json = reader.string()?,
                    _ => reader.skip()?,
                }
                Ok(())
            })?,
            _ => reader.keep(&mut extras, name)?,
        }
        Ok(())
    })?;
    Ok(Part { content: Some(Content::ToolCall(call)), extra_json: extras, ..Part::default() })
}

fn text(text: String) -> Part {
    Part { content: Some(Content::Text(TextPart { text })), ..Part::default() }
}

fn thinking(text: String) -> Part {
    let thinking = ThinkingPart { text, ..ThinkingPart::default() };
    Part { content: Some(Content::Thinking(thinking)), ..Part::default() }
}

/// Takes the probability of a piece of text. It may be of several tokens, which are not cut apart: theirs is the
/// product, and each one's own is kept beside it.
pub(super) fn read_logprob(reader: &mut Reader<'_>) -> Result<TokenLogprob, Malformed> {
    let mut token = TokenLogprob::default();
    reader.object(|reader, name| {
        match name {
            "text" => token.token = reader.string()?,
            "logprobs" => {
                let json = reader.raw()?;
                let each = Reader::over(json).list(Reader::double)?;
                token.logprob = each.iter().sum();
                if each.len() > 1 {
                    token.extra_json.insert(name.to_owned(), json.to_owned());
                }
            }
            _ => reader.keep(&mut token.extra_json, name)?,
        }
        Ok(())
    })?;
    Ok(token)
}

/// The usage. What the model has read and written is in `tokens`, and ours; what is billed is less, and kept beside it.
/// `None`: nothing was counted, or counts that cannot be read, which make no answer worse.
pub(super) fn read_usage(json: &str) -> Option<Usage> {
    let (mut usage, mut tokens, mut billed) = (Usage::default(), None, None);
    let read = Reader::over(json).object(|reader, name| {
        match name {
            "tokens" => tokens = Some(read_counts(reader)?),
            "billed_units" => {
                let json = reader.raw()?;
                usage.extra_json.insert(name.to_owned(), json.to_owned());
                billed = Some(read_counts(&mut Reader::over(json))?);
            }
            "cached_tokens" => usage.cache_read_tokens = Some(reader.integer()?),
            _ => reader.keep(&mut usage.extra_json, name)?,
        }
        Ok(())
    });
    read.ok()?;
    let has_tokens = tokens.is_some();
    let counts = tokens.or(billed)?;
    usage.input_tokens = counts.input;
    usage.output_tokens = counts.output;
    usage.reasoning_tokens = counts.reasoning;
    if has_tokens {
        // Images are counted beside the text; what is billed for input is both.
        usage.input_tokens = usage.input_tokens.saturating_add(counts.images);
        usage.extra_json.extend(counts.extras);
    }
    Some(usage)
}

/// One of the two ways to count.
#[derive(Default)]
struct Counts {
    input: i32,
    output: i32,
    reasoning: Option<i32>,
    images: i32,
    extras: Extras,
}

fn read_counts(reader: &mut Reader<'_>) -> Result<Counts, Malformed> {
    let mut counts = Counts::default();
    reader.object(|reader, name| {
        match name {
            "input_tokens" => counts.input = reader.integer()?,
            "output_tokens" => counts.output = reader.integer()?,
            "reasoning_tokens" => counts.reasoning = Some(reader.integer()?),
            "image_tokens" => {
                let json = reader.raw()?;
                counts.images = Reader::over(json).integer()?;
                counts.extras.insert(name.to_owned(), json.to_owned());
            }
            _ => reader.keep(&mut counts.extras, name)?,
        }
        Ok(())
    })?;
    Ok(counts)
}

// === impl Ending ===

impl Ending {
    /// Takes a member that tells how an answer ended. Returns whether it is one.
    pub(super) fn read(&mut self, reader: &mut Reader<'_>, name: &str) -> Result<bool, Malformed> {
        let place = match name {
            "finish_reason" => &mut self.word,
            "error" if reader.kind() == Kind::Text => &mut self.error,
            "error_type" => &mut self.error_type,
            _ => return Ok(false),
        };
        *place = Some(reader.string()?);
        Ok(true)
    }

    /// Why the model stopped, and Cohere's word where none of ours fits.
    ///
    /// # Errors
    /// When it did not stop but fail, which an answer of status 200 may say at its end.
    pub(super) fn finish(&mut self) -> Result<(FinishReason, String)> {
        let Some(word) = self.word.take() else {
            let message = "the provider's answer is not finished: it has no finish reason";
            return Err(Error::new(Reason::ProviderBadAnswer, message));
        };
        let reason = match word.as_str() {
            "COMPLETE" | "STOP_SEQUENCE" => FinishReason::Stop,
            "MAX_TOKENS" => FinishReason::Length,
            "TOOL_CALL" => FinishReason::ToolCalls,
            "ERROR" | "TIMEOUT" => return Err(self.failed(word)),
            _ => return Ok((FinishReason::Unspecified, word)),
        };
        Ok((reason, String::new()))
    }

    fn failed(&mut self, word: String) -> Error {
        let mut vendor = VendorError {
            message: self.error.take(),
            code: self.error_type.take(),
            kind: Some(word),
            ..VendorError::default()
        };
        classify(&mut vendor);
        failure::of_stream(vendor)
    }
}
