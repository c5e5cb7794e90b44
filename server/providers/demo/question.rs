//! What a chat request asks for.

use serde_json::Value;

use super::{
    body::{Body, Refused},
    logprobs, text, tools,
};

/// What is wanted, checked.
pub(super) struct Chat<'a> {
    pub(super) messages: &'a [Value],
    pub(super) tools: tools::Offer<'a>,
    pub(super) format: Format<'a>,
    pub(super) limit: Option<usize>,
    pub(super) stop: Vec<&'a str>,
    pub(super) choices: usize,
    /// How many alternatives to each token, where probabilities are wanted at all.
    pub(super) logprobs: Option<usize>,
}

/// The form of the answer's text.
pub(super) enum Format<'a> {
    Text,
    AnyObject,
    Schema(&'a Value),
}

/// A number that is the same for the same conversation.
pub(super) fn fingerprint(messages: &[Value]) -> u64 {
    let texts: Vec<_> = messages.iter().map(Value::to_string).collect();
    text::hash(texts.iter().map(String::as_str))
}

/// Reads a request, or says what is wrong with it.
pub(super) fn read(body: &Body) -> Result<Chat<'_>, Refused> {
    let messages = body.list("messages")?;
    if messages.is_empty() {
        return Err(Refused::wrong("messages", "messages is missing or empty; give at least one message"));
    }
    for (index, message) in messages.iter().enumerate() {
        if !message.get("role").is_some_and(Value::is_string) {
            let field = format!("messages[{index}].role");
            return Err(Refused::wrong(&field, format!("{field} must be a string such as \"user\"")));
        }
    }
    let newer = body.count("max_completion_tokens", 1..=usize::MAX)?;
    let older = body.count("max_tokens", 1..=usize::MAX)?;
    let alternatives = body.count("top_logprobs", 0..=logprobs::MOST)?;
    let logprobs = match (body.flag("logprobs")?.unwrap_or(false), alternatives) {
        (true, alternatives) => Some(alternatives.unwrap_or(0)),
        (false, None) => None,
        (false, Some(_)) => {
            return Err(Refused::wrong("top_logprobs", "top_logprobs needs logprobs to be true"));
        }
    };
    Ok(Chat {
        messages,
        tools: tools::read(body)?,
        format: format(body)?,
        limit: newer.or(older),
        stop: body.stop()?,
        choices: body.count("n", 1..=128)?.unwrap_or(1),
        logprobs,
    })
}

fn format(body: &Body) -> Result<Format<'_>, Refused> {
    let Some(format) = body.get("response_format") else { return Ok(Format::Text) };
    match format.get("type").and_then(Value::as_str) {
        Some("text") => Ok(Format::Text),
        Some("json_object") => Ok(Format::AnyObject),
        Some("json_schema") => {
            let Some(schema) = format.get("json_schema") else {
                return Err(Refused::wrong(
                    "response_format.json_schema",
                    "response_format.json_schema is missing",
                ));
            };
            Ok(schema
                .get("schema")
                .filter(|schema| !schema.is_null())
                .map_or(Format::AnyObject, Format::Schema))
        }
        Some(_) | None => Err(Refused::wrong(
            "response_format.type",
            "response_format.type must be text, json_object or json_schema",
        )),
    }
}
