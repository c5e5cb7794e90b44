//! The answer of Converse.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    failure,
    outcome::{finish, read_usage},
    tools::ANSWER,
};
use crate::{
    error::Result,
    proto::v1::{
        ChatResponse, Choice, Message, Part, RedactedThinkingPart, Role, TextPart, ThinkingPart,
        ToolCallPart, part::Content,
    },
    wire::json::{self, Extras, Malformed, Reader},
};

/// The extra member of a message that holds the blocks which are no part of ours, as they came: what tools of Bedrock's
/// own did, citations, media.
pub(super) const BLOCKS: &str = "content_blocks";

/// Reads an answer of the model with this id.
pub(super) fn read(body: &[u8], model: &str) -> Result<ChatResponse> {
    let mut response = ChatResponse { model: model.to_owned(), ..ChatResponse::default() };
    let (mut message, mut stop_reason) = (None, String::new());
    json::read(body, |reader| {
        reader.object(|reader, name| {
            match name {
                "output" => message = read_output(reader)?,
                "stopReason" => stop_reason = reader.string()?,
                "usage" => response.usage = Some(read_usage(reader)?),
                "serviceTier" => response.service_tier = read_tier(reader)?,
                _ => reader.keep(&mut response.extra_json, name)?,
            }
            Ok(())
        })
    })
    .map_err(Malformed::in_answer)?;
    let Some(message) = message else { return Err(failure::of_empty_answer(body)) };
    let calls = message.parts.iter().any(|part| matches!(part.content, Some(Content::ToolCall(_))));
    let (reason, text) = finish(&stop_reason, calls);
    response.choices.push(Choice {
        message: Some(message),
        finish_reason: reason.into(),
        finish_reason_text: text,
        ..Choice::default()
    });
    Ok(response)
}

/// Takes `serviceTier`.
pub(super) fn read_tier(reader: &mut Reader<'_>) -> Result<Option<String>, Malformed> {
    let mut tier = None;
    reader.object(|reader, name| {
        match name {
            "type" => tier = Some(reader.string()?),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(tier)
}

/// Takes `redactedContent`, which is base64 in JSON.
pub(super) fn read_redacted(reader: &mut Reader<'_>) -> Result<RedactedThinkingPart, Malformed> {
    let data = STANDARD.decode(reader.text()?.as_bytes()).map_err(|_| Malformed::new("not base64"))?;
    Ok(RedactedThinkingPart { data: data.into() })
}

fn read_output(reader: &mut Reader<'_>) -> Result<Option<Message>, Malformed> {
    let mut message = None;
    reader.object(|reader, name| {
        match name {
            "message" => message = Some(read_message(reader)?),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(message)
}

fn read_message(reader: &mut Reader<'_>) -> Result<Message, Malformed> {
    let mut message = Message { role: Role::Assistant.into(), ..Message::default() };
    let mut others = Vec::new();
    reader.object(|reader, name| {
        match name {
            "role" => reader.skip()?,
            "content" => {
                for read in reader.list(read_block)? {
                    match read {
                        Ok(content) => message.parts.push(Part { content: Some(content), ..Part::default() }),
                        Err(block) => others.push(block),
                    }
                }
            }
            _ => reader.keep(&mut message.extra_json, name)?,
        }
        Ok(())
    })?;
    if !others.is_empty() {
        message.extra_json.insert(BLOCKS.to_owned(), format!("[{}]", others.join(",")));
    }
    Ok(message)
}

/// Takes a block. One that is no part of ours is given as it came.
fn read_block(reader: &mut Reader<'_>) -> Result<Result<Content, String>, Malformed> {
    let block = reader.raw_object()?;
    let mut content = None;
    Reader::over(block).object(|reader, name| {
        match name {
            "text" => content = Some(Content::Text(TextPart { text: reader.string()? })),
            "reasoningContent" => content = read_reasoning(reader)?,
            "toolUse" => content = read_tool_use(reader)?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(content.ok_or_else(|| block.to_owned()))
}

fn read_reasoning(reader: &mut Reader<'_>) -> Result<Option<Content>, Malformed> {
    let mut content = None;
    reader.object(|reader, name| {
        match name {
            "reasoningText" => {
                let mut thinking = ThinkingPart::default();
                reader.object(|reader, name| {
                    match name {
                        "text" => thinking.text = reader.string()?,
                        "signature" => thinking.signature = reader.string()?.into(),
                        _ => reader.skip()?,
                    }
                    Ok(())
                })?;
                content = Some(Content::Thinking(thinking));
            }
            "redactedContent" => content = Some(Content::RedactedThinking(read_redacted(reader)?)),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(content)
}

/// `None`: Bedrock has run the tool itself.
fn read_tool_use(reader: &mut Reader<'_>) -> Result<Option<Content>, Malformed> {
    let (mut call, mut extras) = (ToolCallPart::default(), Extras::new());
    reader.object(|reader, name| {
        match name {
            "toolUseId" => call.id = reader.string()?,
            "name" => call.name = reader.string()?,
            "input" => call.arguments_json = reader.raw()?.to_owned(),
            _ => reader.keep(&mut extras, name)?,
        }
        Ok(())
    })?;
    if is_servers(extras.get("type").map(String::as_str)) {
        return Ok(None);
    }
    if call.name == ANSWER {
        return Ok(Some(Content::Text(TextPart { text: call.arguments_json })));
    }
    Ok(Some(Content::ToolCall(call)))
}

/// Whether the type of a call, as JSON, says that Bedrock runs the tool.
pub(super) fn is_servers(kind: Option<&str>) -> bool {
    kind == Some("\"server_tool_use\"")
}
