//! Thoughts with their maker's proof, as callers know them from LiteLLM: the member `thinking_blocks` of a message or a
//! delta, a list of `{"type":"thinking","thinking","signature"}` and `{"type":"redacted_thinking","data"}`.
//!
//! The text of such thoughts stands among the reasoning as well, for callers that only show it. In a delta each block has
//! its `index` and comes once and whole, when its proof has come: appended to a list, or merged by index as OpenAI's SDKs
//! do, the blocks of all deltas are those of the whole message.

use crate::{
    proto::v1::{Part, RedactedThinkingPart, ThinkingPart, part::Content},
    wire::{
        json::{Extras, Malformed, Object, Reader, Writer},
        openai::text_member,
    },
};

/// The member that holds the blocks.
pub(super) const MEMBER: &str = "thinking_blocks";

/// One block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Block<'b> {
    Thinking { text: &'b str, signature: &'b str },
    Redacted { data: &'b str },
}

/// The block that a part is. `None`: it has no proof, or one that no text can hold.
pub(super) fn block_of(part: &Part) -> Option<Block<'_>> {
    match &part.content {
        Some(Content::Thinking(thinking)) => thought(&thinking.text, &thinking.signature),
        Some(Content::RedactedThinking(redacted)) => redaction(&redacted.data),
        Some(
            Content::Text(_)
            | Content::Image(_)
            | Content::Audio(_)
            | Content::File(_)
            | Content::Refusal(_)
            | Content::ToolCall(_)
            | Content::ToolResult(_)
            | Content::Other(_),
        )
        | None => None,
    }
}

/// The block of a thought that has its proof.
pub(super) fn thought<'b>(text: &'b str, signature: &'b [u8]) -> Option<Block<'b>> {
    let signature = std::str::from_utf8(signature).ok().filter(|signature| !signature.is_empty())?;
    Some(Block::Thinking { text, signature })
}

/// The block of a thought that nobody else can read.
pub(super) fn redaction(data: &[u8]) -> Option<Block<'_>> {
    std::str::from_utf8(data).ok().map(|data| Block::Redacted { data })
}

/// The parts that a list of blocks holds, each with the index that it says. `None`: it holds something else as well, and
/// stays as it is.
pub(super) fn read(json: &str) -> Option<Vec<(Option<i64>, Part)>> {
    let blocks = Reader::over(json).list(|reader| read_block(reader.raw_object()?)).ok()?;
    blocks.into_iter().collect()
}

fn read_block(json: &str) -> Result<Option<(Option<i64>, Part)>, Malformed> {
    let kind = text_member(json, "type")?;
    let (mut text, mut proof, mut index, mut extras) = (None, None, None, Extras::new());
    Reader::over(json).object(|reader, name| {
        match (name, kind.as_deref()) {
            ("type", _) => reader.skip()?,
            ("index", _) => index = Some(reader.integer()?),
            ("thinking", Some("thinking")) => text = Some(reader.string()?),
            ("signature", Some("thinking")) | ("data", Some("redacted_thinking")) => {
                proof = Some(reader.string()?);
            }
            _ => reader.keep(&mut extras, name)?,
        }
        Ok(())
    })?;
    let content = match (kind.as_deref(), text, proof) {
        (Some("thinking"), Some(text), Some(signature)) if !signature.is_empty() => {
            Content::Thinking(ThinkingPart { text, signature: signature.into_bytes().into() })
        }
        (Some("redacted_thinking"), None, Some(data)) => {
            Content::RedactedThinking(RedactedThinkingPart { data: data.into_bytes().into() })
        }
        _ => return Ok(None),
    };
    Ok(Some((index, Part { content: Some(content), extra_json: extras, ..Part::default() })))
}

/// Appends the blocks among these parts, if there are any.
pub(super) fn write(object: &mut Object<'_>, parts: &[&Part]) {
    let blocks: Vec<_> = parts.iter().filter_map(|part| Some((block_of(part)?, &part.extra_json))).collect();
    if !blocks.is_empty() {
        object.member(MEMBER, |value| {
            value.each(&blocks, |value, (block, extras)| write_block(value, None, block, extras));
        });
    }
}

/// Appends one block.
pub(super) fn write_block(writer: &mut Writer, index: Option<i64>, block: &Block<'_>, extras: &Extras) {
    writer.object(|object| {
        object.optional_integer("index", index);
        match block {
            Block::Thinking { text, signature } => {
                object.text("type", "thinking");
                object.text("thinking", text);
                object.text("signature", signature);
            }
            Block::Redacted { data } => {
                object.text("type", "redacted_thinking");
                object.text("data", data);
            }
        }
        object.extras(extras);
    });
}

#[cfg(test)]
mod tests;
