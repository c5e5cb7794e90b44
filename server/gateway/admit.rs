//! What every request must fulfil, whatever serves it. The provider checks the rest.

use crate::{
    error::{Error, Result},
    proto::v1::{ChatRequest, CompleteRequest, EmbedRequest, embed_input, prompt},
};

/// OpenAI's bound on inputs of one embedding call, and ours on prompts.
const MAX_INPUTS: usize = 2048;
/// OpenAI's bound on choices.
const MAX_CHOICES: i32 = 128;

pub(super) fn chat(request: &ChatRequest) -> Result<()> {
    if request.messages.is_empty() {
        return Err(Error::invalid("messages", "give at least one message"));
    }
    at_least_one("max_tokens", request.max_tokens)?;
    at_least_one("max_completion_tokens", request.max_completion_tokens)?;
    choices(request.n)
}

pub(super) fn complete(request: &CompleteRequest) -> Result<()> {
    inputs("prompts", request.prompts.len())?;
    let empty = |prompt: &crate::proto::v1::Prompt| match &prompt.content {
        Some(prompt::Content::Text(_)) => false,
        Some(prompt::Content::Tokens(tokens)) => tokens.ids.is_empty(),
        None => true,
    };
    if let Some(index) = request.prompts.iter().position(empty) {
        return Err(Error::invalid(format!("prompts[{index}]"), "give a text or at least one token"));
    }
    choices(request.n)
}

pub(super) fn embed(request: &EmbedRequest) -> Result<()> {
    inputs("inputs", request.inputs.len())?;
    let empty = |input: &crate::proto::v1::EmbedInput| match &input.content {
        Some(embed_input::Content::Text(text)) => text.is_empty(),
        Some(embed_input::Content::Tokens(tokens)) => tokens.ids.is_empty(),
        None => true,
    };
    if let Some(index) = request.inputs.iter().position(empty) {
        return Err(Error::invalid(
            format!("inputs[{index}]"),
            "give a text that is not empty, or at least one token",
        ));
    }
    at_least_one("dimensions", request.dimensions)
}

fn inputs(field: &str, count: usize) -> Result<()> {
    match count {
        0 => Err(Error::invalid(field, "give at least one")),
        1..=MAX_INPUTS => Ok(()),
        _ => Err(Error::invalid(field, format!("give at most {MAX_INPUTS}; there are {count}"))),
    }
}

fn choices(n: Option<i32>) -> Result<()> {
    match n {
        None | Some(1..=MAX_CHOICES) => Ok(()),
        Some(n) => Err(Error::invalid("n", format!("must be 1 to {MAX_CHOICES}, not {n}"))),
    }
}

fn at_least_one(field: &str, value: Option<i32>) -> Result<()> {
    match value {
        Some(value) if value < 1 => Err(Error::invalid(field, format!("must be at least 1, not {value}"))),
        Some(_) | None => Ok(()),
    }
}
