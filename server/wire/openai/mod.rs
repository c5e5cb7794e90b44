//! OpenAI JSON, as callers of our edge and most vendors speak it: bytes to messages and back.
//!
//! Here: one file an operation, each with a reader and a writer for both directions. Members that have no field are
//! kept as JSON text and written back. Not here: what single vendors do differently (`providers`). Imports `json` and
//! floor 0; everything above may import it.

pub mod chat;
pub mod completion;
pub mod embedding;
pub mod error;
pub mod model;
mod usage;

use std::borrow::Cow;

use pbjson_types::Timestamp;

use super::json::{Extras, Kind, Malformed, Object, Reader, Writer};
use crate::proto::v1::{FinishReason, StreamOptions, TokenIds};

pub use usage::read as read_usage;

/// How a dialect spells what OpenAI's JSON leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spelling {
    /// Member of a message that holds reasoning: `reasoning_content` or `reasoning`.
    pub reasoning: &'static str,
    /// Member of a request that bounds the answer.
    pub max_tokens: MaxTokens,
    /// Whether a message may hold `thinking_blocks`: thoughts with their maker's proof.
    pub thinking_blocks: bool,
}

/// Which member bounds the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxTokens {
    /// Whichever the caller used.
    AsGiven,
    /// Always `max_completion_tokens`.
    Completion,
    /// Always `max_tokens`.
    Plain,
}

impl Spelling {
    /// What our own edge speaks.
    pub const OURS: Self =
        Self { reasoning: "reasoning_content", max_tokens: MaxTokens::AsGiven, thinking_blocks: true };

    /// What most vendors speak: they make no thoughts that have to come back with a proof.
    pub const VENDORS: Self = Self { thinking_blocks: false, ..Self::OURS };
}

/// Takes the time at which an answer was begun: whole or broken seconds, 0 where the vendor does not know.
fn read_created(reader: &mut Reader<'_>) -> Result<Option<Timestamp>, Malformed> {
    let seconds = reader.double()?;
    #[expect(clippy::cast_possible_truncation, reason = "saturates; no clock shows such times")]
    let (whole, nanos) = (seconds.floor() as i64, (seconds.fract().abs() * 1e9) as i32);
    Ok((seconds != 0.0).then_some(Timestamp { seconds: whole, nanos }))
}

/// Appends `created`, in whole seconds as OpenAI does; its clients insist on the member.
fn write_created(object: &mut Object<'_>, time: Option<&Timestamp>) {
    object.member("created", |value| value.integer(time.map_or(0, |time| time.seconds)));
}

/// Takes the member `object`. Only a value other than the usual one is kept.
fn read_object_type(reader: &mut Reader<'_>, usual: &str, extras: &mut Extras) -> Result<(), Malformed> {
    let raw = reader.raw()?;
    if raw.trim_matches('"') != usual {
        extras.insert("object".to_owned(), raw.to_owned());
    }
    Ok(())
}

/// Appends the member `object`, unless the answer has one of its own.
fn write_object_type(object: &mut Object<'_>, usual: &'static str, extras: &Extras) {
    if !extras.contains_key("object") {
        object.text("object", usual);
    }
}

/// Takes why a model stopped.
fn read_finish(reader: &mut Reader<'_>) -> Result<(FinishReason, String), Malformed> {
    let text = reader.text()?;
    let reason = match text.as_ref() {
        "stop" => FinishReason::Stop,
        "length" => FinishReason::Length,
        "tool_calls" => FinishReason::ToolCalls,
        "content_filter" => FinishReason::ContentFilter,
        "function_call" => FinishReason::FunctionCall,
        _ => return Ok((FinishReason::Unspecified, text.into_owned())),
    };
    Ok((reason, String::new()))
}

/// Appends why a model stopped; `null` while it has not.
fn write_finish(object: &mut Object<'_>, reason: FinishReason, text: &str) {
    let word = match reason {
        FinishReason::Unspecified => text,
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter => "content_filter",
        FinishReason::FunctionCall => "function_call",
    };
    object.member("finish_reason", |value| if word.is_empty() { value.null() } else { value.text(word) });
}

/// Takes `stream_options`.
fn read_stream_options(reader: &mut Reader<'_>) -> Result<StreamOptions, Malformed> {
    let mut options = StreamOptions::default();
    reader.object(|reader, name| {
        match name {
            "include_usage" => options.include_usage = Some(reader.boolean()?),
            _ => reader.keep(&mut options.extra_json, name)?,
        }
        Ok(())
    })?;
    Ok(options)
}

/// Appends `stream_options`.
fn write_stream_options(object: &mut Object<'_>, options: &StreamOptions) {
    object.object("stream_options", |object| {
        object.optional_boolean("include_usage", options.include_usage);
        object.extras(&options.extra_json);
    });
}

/// Takes one string or a list of strings.
fn read_strings(reader: &mut Reader<'_>) -> Result<Vec<String>, Malformed> {
    match reader.kind() {
        Kind::Text => Ok(vec![reader.string()?]),
        Kind::List => reader.list(Reader::string),
        Kind::Object | Kind::Number | Kind::Boolean | Kind::Null | Kind::Invalid => {
            Err(reader.found("a string or a list of strings"))
        }
    }
}

/// One input: a text, or tokens in the model's own numbering.
enum TextOrTokens {
    Text(String),
    Tokens(TokenIds),
}

impl TextOrTokens {
    fn either<T>(self, text: impl FnOnce(String) -> T, tokens: impl FnOnce(TokenIds) -> T) -> T {
        match self {
            Self::Text(it) => text(it),
            Self::Tokens(it) => tokens(it),
        }
    }
}

/// Takes a string, a list of tokens, or a list of either.
fn read_texts_or_tokens(reader: &mut Reader<'_>) -> Result<Vec<TextOrTokens>, Malformed> {
    const WANTED: &str = "a string, a list of strings, or lists of tokens";
    if reader.kind() == Kind::Text {
        return Ok(vec![TextOrTokens::Text(reader.string()?)]);
    }
    if reader.kind() != Kind::List {
        return Err(reader.found(WANTED));
    }
    let mut tokens = Vec::new();
    let mut inputs = Vec::new();
    reader.list(|reader| {
        match reader.kind() {
            Kind::Text => inputs.push(TextOrTokens::Text(reader.string()?)),
            Kind::List => {
                let ids = reader.list(Reader::integer)?;
                inputs.push(TextOrTokens::Tokens(TokenIds { ids }));
            }
            Kind::Number => tokens.push(reader.integer()?),
            Kind::Object | Kind::Boolean | Kind::Null | Kind::Invalid => return Err(reader.found(WANTED)),
        }
        Ok(())
    })?;
    if !tokens.is_empty() && !inputs.is_empty() {
        return Err(Malformed::new("tokens of one input stand beside other inputs; put them into a list"));
    }
    if !tokens.is_empty() {
        inputs.push(TextOrTokens::Tokens(TokenIds { ids: tokens }));
    }
    Ok(inputs)
}

/// Takes an object of numbers by name.
fn read_doubles(reader: &mut Reader<'_>) -> Result<std::collections::BTreeMap<String, f64>, Malformed> {
    let mut numbers = std::collections::BTreeMap::new();
    reader.object(|reader, name| {
        numbers.insert(name.to_owned(), reader.double()?);
        Ok(())
    })?;
    Ok(numbers)
}

/// Takes an object that stays JSON text.
fn read_json_object(reader: &mut Reader<'_>) -> Result<String, Malformed> {
    reader.raw_object().map(str::to_owned)
}

/// Takes `provider_options`: for each provider type an object that only it is sent.
fn read_provider_options(reader: &mut Reader<'_>) -> Result<Extras, Malformed> {
    let mut options = Extras::new();
    reader.object(|reader, name| {
        options.insert(name.to_owned(), read_json_object(reader)?);
        Ok(())
    })?;
    Ok(options)
}

/// The string under `name` in an object that is JSON text, if there is one.
fn text_member<'a>(json: &'a str, name: &str) -> Result<Option<Cow<'a, str>>, Malformed> {
    let mut found = None;
    Reader::over(json).object(|reader, member| {
        if member == name {
            found = Some(reader.text()?);
            return Ok(());
        }
        reader.skip()
    })?;
    Ok(found)
}

/// Keeps unknown members of the object under `name` as an object of that name.
fn keep_nested(extras: &mut Extras, name: &str, nested: &Extras) {
    if !nested.is_empty() {
        extras.insert(name.to_owned(), Writer::text_of(|object| object.extras(nested)));
    }
}
