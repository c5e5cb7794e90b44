//! One line of an answer, of a chat or of a completion. An answer that is not streamed is one line.

use pbjson_types::Timestamp;

use super::{mint, read_error};
use crate::{
    error::{Error, Reason, Result},
    proto::v1::{FinishReason, TokenLogprob, ToolCallPart, Usage},
    providers::failure,
    wire::{
        json::{self, Extras, Kind, Malformed, Reader},
        openai::chat::read_token_logprob,
    },
};

/// What a line says.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) model: String,
    /// When it was written, in its own words.
    pub(super) created_at: String,
    pub(super) thinking: String,
    pub(super) text: String,
    /// Whole calls, each with its id or none.
    pub(super) calls: Vec<ToolCallPart>,
    pub(super) logprobs: Vec<TokenLogprob>,
    /// Whether it is the last.
    pub(super) done: bool,
    done_reason: String,
    input: Option<i32>,
    output: Option<i32>,
    /// Members that have no field; on the last line these are durations.
    pub(super) extras: Extras,
    /// The same of its message.
    pub(super) message_extras: Extras,
}

/// The time that such words tell, if they do.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    use serde::{Deserialize as _, de::IntoDeserializer as _, de::value::Error};
    let text: serde::de::value::StrDeserializer<'_, Error> = text.into_deserializer();
    Timestamp::deserialize(text).ok()
}

// === impl Line ===

impl Line {
    /// Reads a line.
    ///
    /// # Errors
    /// When it cannot be read, or is an error, which may come as a line of an answer of status 200.
    pub(super) fn read(data: &[u8]) -> Result<Self> {
        let mut line = Self::default();
        json::read(data, |reader| reader.object(|reader, name| line.read_member(reader, name)))
            .map_err(Malformed::in_answer)?;
        if failure::is_error(&line.extras) {
            return Err(failure::of_stream(read_error(data)));
        }
        Ok(line)
    }

    /// Reads an answer that is one line.
    ///
    /// # Errors
    /// As [`Line::read`], and when it is not the last.
    pub(super) fn read_whole(body: &[u8]) -> Result<Self> {
        let line = Self::read(body)?;
        if line.done {
            return Ok(line);
        }
        failure::refuse_empty(line.model.is_empty(), &line.extras, body)?;
        let message = "the provider's answer is not finished: it does not say that it is done";
        Err(Error::new(Reason::ProviderBadAnswer, message))
    }

    fn read_member(&mut self, reader: &mut Reader<'_>, name: &str) -> Result<(), Malformed> {
        match name {
            "model" => self.model = reader.string()?,
            "created_at" => self.created_at = reader.string()?,
            "message" => reader.object(|reader, name| self.read_message(reader, name))?,
            "response" => self.text = reader.string()?,
            "done" => self.done = reader.boolean()?,
            "done_reason" => self.done_reason = reader.string()?,
            "prompt_eval_count" => self.input = count(reader, name, &mut self.extras)?,
            "eval_count" => self.output = count(reader, name, &mut self.extras)?,
            "logprobs" => self.logprobs = reader.list(read_token_logprob)?,
            _ => reader.keep(&mut self.extras, name)?,
        }
        Ok(())
    }

    fn read_message(&mut self, reader: &mut Reader<'_>, name: &str) -> Result<(), Malformed> {
        match name {
            "role" => reader.skip()?,
            "content" => self.text = reader.string()?,
            "thinking" => self.thinking = reader.string()?,
            "tool_calls" => self.calls = reader.list(read_call)?,
            _ => reader.keep(&mut self.message_extras, name)?,
        }
        Ok(())
    }

    /// The calls, of which so many came before. One without an id is given one that no other call of the conversation
    /// has: it is made of all that is known of it, the time included.
    pub(super) fn take_calls(&mut self, before: usize) -> Vec<ToolCallPart> {
        let mut calls = std::mem::take(&mut self.calls);
        for (rank, call) in calls.iter_mut().enumerate().filter(|(_, call)| call.id.is_empty()) {
            let rank = (before + rank).to_string();
            call.id = mint(&[&self.model, &self.created_at, &rank, &call.name, &call.arguments_json]);
        }
        calls
    }

    /// What was counted. `None`: nothing. A prompt that was all in the cache is not counted by older versions.
    pub(super) fn usage(&self) -> Option<Usage> {
        if self.input.is_none() && self.output.is_none() {
            return None;
        }
        Some(Usage {
            input_tokens: self.input.unwrap_or_default(),
            output_tokens: self.output.unwrap_or_default(),
            ..Usage::default()
        })
    }

    /// Why the model stopped, and Ollama's word where none of ours fits. Calls of tools are not told from other ends.
    pub(super) fn finish(&self, calls: bool) -> (FinishReason, String) {
        let reason = match self.done_reason.as_str() {
            "" | "stop" if calls => FinishReason::ToolCalls,
            "" | "stop" => FinishReason::Stop,
            "length" => FinishReason::Length,
            other => return (FinishReason::Unspecified, other.to_owned()),
        };
        (reason, String::new())
    }
}

/// Takes a count of tokens. One that cannot be read makes no answer worse, and stays as it is.
pub(super) fn count(
    reader: &mut Reader<'_>,
    name: &str,
    extras: &mut Extras,
) -> Result<Option<i32>, Malformed> {
    let json = reader.raw()?;
    let count = Reader::over(json).integer().ok();
    if count.is_none() {
        extras.insert(name.to_owned(), json.to_owned());
    }
    Ok(count)
}

/// Takes a call: its arguments are an object, its index stands beside its name.
fn read_call(reader: &mut Reader<'_>) -> Result<ToolCallPart, Malformed> {
    let mut call = ToolCallPart::default();
    reader.object(|reader, name| match name {
        "id" => {
            call.id = reader.string()?;
            Ok(())
        }
        "function" => reader.object(|reader, name| {
            match name {
                "name" => call.name = reader.string()?,
                "arguments" if reader.kind() == Kind::Text => call.arguments_json = reader.string()?,
                "arguments" => reader.raw()?.clone_into(&mut call.arguments_json),
                _ => reader.skip()?,
            }
            Ok(())
        }),
        _ => reader.skip(),
    })?;
    Ok(call)
}
