//! JSON, read and written by hand, so that nothing is lost on the way.
//!
//! Here: [`Reader`], which walks a text once and names the member that is wrong; [`Writer`], which appends members;
//! [`Members`], which changes an object that is written already; [`read_message`], for messages in the JSON of protobuf;
//! and the nesting check. What a codec does not know it keeps as JSON text ([`Extras`]): numbers keep their digits and
//! objects the order of their members, which a value tree would not. Not here: what the members mean.

mod members;
mod message;
mod reader;
mod writer;

use std::collections::BTreeMap;

pub use members::Members;
pub use message::read_message;
pub use reader::{Kind, Reader, read};
pub use writer::{List, Object, Writer};

use crate::error::{Error, Reason};

/// How deep bodies may nest.
pub const MAX_DEPTH: usize = 128;

/// Longer names of members are cut where an error names them.
const MAX_NAME: usize = 64;

/// Members that have no field: name -> JSON text.
pub type Extras = BTreeMap<String, String>;

/// What is wrong with a body, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Path of the member: `messages[0].content[1].type`. Empty: the whole body.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl Malformed {
    /// Something is wrong right here; callers that know the way here add it.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { field: String::new(), message: message.into() }
    }

    /// A member must be there, and is not.
    #[must_use]
    pub fn required(member: &str) -> Self {
        Self::new("required, but not set").inside(member)
    }

    /// It happened inside this member.
    #[must_use]
    pub fn inside(mut self, member: &str) -> Self {
        let member = match member.char_indices().nth(MAX_NAME) {
            Some((end, _)) => &member[..end],
            None => member,
        };
        let joint = if self.field.is_empty() || self.field.starts_with('[') { "" } else { "." };
        self.field = format!("{member}{joint}{}", self.field);
        self
    }

    /// It happened inside this element of a list.
    #[must_use]
    pub fn inside_element(self, index: usize) -> Self {
        self.inside(&format!("[{index}]"))
    }

    /// The error where a caller sent the body.
    #[must_use]
    pub fn in_request(self) -> Error {
        let error = Error::new(Reason::InvalidRequest, self.message);
        if self.field.is_empty() { error } else { error.field(self.field) }
    }

    /// The error where a provider sent the body.
    #[must_use]
    pub fn in_answer(self) -> Error {
        let place = if self.field.is_empty() { String::new() } else { format!("{}: ", self.field) };
        Error::new(
            Reason::ProviderBadAnswer,
            format!("the provider's answer cannot be read: {place}{}", self.message),
        )
    }
}

/// Refuses a body that nests deeper than `limit`, in one cheap pass and before anything else looks at it.
///
/// # Errors
/// When it does.
pub fn check_depth(body: &[u8], limit: usize) -> Result<(), Malformed> {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(byte) = body.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => {
                depth += 1;
                if depth > limit {
                    return Err(too_deep(limit));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => at = string_end(body, at),
            _ => {}
        }
    }
    Ok(())
}

/// A text without the space between its tokens, which some vendors use to indent. What is no JSON stays what it is not.
#[must_use]
pub fn compact(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let (mut in_text, mut escaped) = (false, false);
    for byte in body {
        let is_space = matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        if in_text || !is_space {
            out.push(*byte);
        }
        if in_text && !escaped && *byte == b'\\' {
            escaped = true;
            continue;
        }
        in_text = if in_text { escaped || *byte != b'"' } else { *byte == b'"' };
        escaped = false;
    }
    out
}

/// Where the string ends into which `at` points. Brackets inside it do not count.
fn string_end(body: &[u8], mut at: usize) -> usize {
    loop {
        at += plain_length(body.get(at..).unwrap_or_default());
        match body.get(at) {
            None | Some(b'"') => return at + 1,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
        }
    }
}

/// How many bytes stand before the first that a string may not hold as it is: a quote, a backslash or a control character.
fn plain_length(bytes: &[u8]) -> usize {
    // Blocks without a branch for each byte are looked at many bytes at a time.
    const BLOCK: usize = 32;
    let special = |byte: u8| (byte == b'"') | (byte == b'\\') | (byte < 0x20);
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let plain = blocks.iter().take_while(|block| !block.iter().fold(false, |any, byte| any | special(*byte)));
    let start = plain.count() * BLOCK;
    let rest = bytes[start..].iter().position(|byte| special(*byte));
    rest.map_or(bytes.len(), |at| start + at)
}

fn too_deep(limit: usize) -> Malformed {
    Malformed::new(format!("nested deeper than {limit} levels"))
}

#[cfg(test)]
mod tests;
