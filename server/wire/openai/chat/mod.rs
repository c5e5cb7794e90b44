//! Chat: requests, answers, chunks.
//!
//! A message of ours is one list of parts, in OpenAI's JSON several members hold them: `content`, `tool_calls`,
//! `refusal`, `audio`, `reasoning_content`, `thinking_blocks`. `message` and `part` say which is which; `request`, `response` and `chunk`
//! are the three bodies.

mod chunk;
mod delta_reader;
mod delta_writer;
mod extra_content;
mod logprobs;
mod message;
mod part;
mod request;
mod response;
mod signed;
mod thinking;
mod tool;

pub use chunk::{ChunkReader, ChunkWriter};
pub use logprobs::read_token as read_token_logprob;
pub use request::{Wanted, read_request, unsaid, write_request};
pub use response::{read_response, write_response};
pub use thinking::{read_thinking, write_thinking};

use crate::{
    proto::v1::Role,
    wire::json::{Malformed, Object, Reader},
};

/// Takes who speaks.
fn read_role(reader: &mut Reader<'_>) -> Result<(Role, String), Malformed> {
    let text = reader.text()?;
    let role = match text.as_ref() {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        "function" => Role::Function,
        _ => return Ok((Role::Unspecified, text.into_owned())),
    };
    Ok((role, String::new()))
}

/// Appends who speaks, if it is known.
fn write_role(object: &mut Object<'_>, role: Role, text: &str) {
    let word = match role {
        Role::Unspecified => text,
        Role::System => "system",
        Role::Developer => "developer",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
        Role::Function => "function",
    };
    if !word.is_empty() {
        object.text("role", word);
    }
}

#[cfg(test)]
mod tests;
