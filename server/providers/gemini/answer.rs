//! A whole answer.

use super::{error, event, turn};
use crate::{
    error::Result,
    proto::v1::{
        ChatResponse, Choice, ChoiceDelta, Message, OtherPart, Part, PartDelta, Role, TextPart, ThinkingPart,
        ToolCallPart, part::Content, part_delta,
    },
    providers::{UpstreamModel, failure},
    wire::json::Malformed,
};

/// Reads the answer to an unstreamed chat.
pub(super) fn read(body: &[u8], to: &UpstreamModel<'_>) -> Result<ChatResponse> {
    let mut event = event::read(body).map_err(Malformed::in_answer)?;
    if let Some((reason, message)) = event.blocked.take().filter(|_| event.candidates.is_empty()) {
        return Err(error::of_block(&reason, &message));
    }
    failure::refuse_empty(event.candidates.is_empty(), &event.extras, body)?;
    let model = if event.model.is_empty() { to.id.to_owned() } else { std::mem::take(&mut event.model) };
    let choices = std::mem::take(&mut event.candidates).into_iter().map(|candidate| {
        let delta = turn::Turn::default().add(candidate, &event.id);
        choice_of(delta)
    });
    Ok(ChatResponse {
        choices: choices.collect(),
        id: event.id.clone(),
        model,
        create_time: event.create_time,
        usage: event.usage,
        service_tier: event.service_tier,
        extra_json: event.extras,
        ..ChatResponse::default()
    })
}

/// The choice that one addition makes.
fn choice_of(delta: ChoiceDelta) -> Choice {
    let mut parts: Vec<Part> = Vec::with_capacity(delta.parts.len());
    let mut last = None;
    for added in delta.parts {
        let goes_on = last == Some(added.index);
        last = Some(added.index);
        let part = part_of(added);
        match (parts.last_mut().and_then(|part| part.content.as_mut()), &part.content) {
            (Some(Content::Text(own)), Some(Content::Text(more))) if goes_on => own.text.push_str(&more.text),
            (Some(Content::Thinking(own)), Some(Content::Thinking(more))) if goes_on => {
                own.text.push_str(&more.text);
            }
            _ => parts.push(part),
        }
    }
    let message = Message { role: Role::Assistant.into(), parts, ..Message::default() };
    Choice {
        index: delta.index,
        message: Some(message),
        finish_reason: delta.finish_reason,
        finish_reason_text: delta.finish_reason_text,
        logprobs: delta.logprobs,
        extra_json: delta.extra_json,
    }
}

fn part_of(delta: PartDelta) -> Part {
    let content = delta.content.and_then(|content| match content {
        part_delta::Content::Text(text) => Some(Content::Text(TextPart { text: text.text })),
        part_delta::Content::Thinking(thinking) => {
            Some(Content::Thinking(ThinkingPart { text: thinking.text, signature: thinking.signature }))
        }
        part_delta::Content::ToolCall(call) => Some(Content::ToolCall(ToolCallPart {
            id: call.id,
            name: call.name,
            arguments_json: call.arguments_json_fragment,
        })),
        part_delta::Content::OtherJson(json) => {
            Some(Content::Other(OtherPart { json, member: String::new() }))
        }
        // Gemini's parts become none of these.
        part_delta::Content::Refusal(_)
        | part_delta::Content::Audio(_)
        | part_delta::Content::RedactedThinking(_) => None,
    });
    Part { content, extra_json: delta.extra_json, ..Part::default() }
}
