//! The chunks of a stream put together to the answer that they make.

use serde_json::Value;
use sluicegate::proto::v1::{
    AudioPart, ChatChunk, ChatResponse, Choice, CompleteChunk, CompleteResponse, CompletionChoice, Logprobs,
    Message, OtherPart, Part, PartDelta, RedactedThinkingPart, RefusalPart, TextPart, ThinkingPart,
    ToolCallPart, part::Content, part_delta::Content as Delta,
};

use super::operation::{Operation, json};

/// What the chunks make together, as proto JSON without what only one of the two forms has.
pub(super) fn join(operation: Operation, chunks: &[Value]) -> Value {
    match operation {
        Operation::Chat => comparable(json(chat(&typed(chunks)))),
        Operation::Complete => comparable(json(complete(&typed(chunks)))),
        Operation::Embed | Operation::ListModels => panic!("{operation:?} has no streams"),
    }
}

/// An answer without what only one of the two forms has: members that we do not know, and empty texts.
pub(super) fn comparable(mut answer: Value) -> Value {
    answer["extraJson"].take();
    for choice in answer["choices"].as_array_mut().into_iter().flatten() {
        choice["extraJson"].take();
        if let Some(logprobs) = choice["logprobsJson"].as_str() {
            choice["logprobsJson"] = serde_json::from_str(logprobs).expect("JSON");
        }
        if let Some(parts) = choice["message"]["parts"].as_array_mut() {
            parts.retain(|part| part["text"] != serde_json::json!({}));
            parts.iter_mut().for_each(|part| _ = part["extraJson"].take());
        }
        if choice["message"].is_object() {
            choice["message"]["extraJson"].take();
        }
    }
    // Null and absent are the same.
    super::normal::normal(answer.to_string().as_bytes())
}

fn typed<C: serde::de::DeserializeOwned>(chunks: &[Value]) -> Vec<C> {
    chunks.iter().map(|chunk| serde_json::from_value(chunk.clone()).expect("a chunk")).collect()
}

fn chat(chunks: &[ChatChunk]) -> ChatResponse {
    let mut answer = ChatResponse::default();
    for chunk in chunks {
        first(&mut answer.id, &chunk.id);
        first(&mut answer.model, &chunk.model);
        answer.create_time = answer.create_time.take().or(chunk.create_time);
        answer.usage = chunk.usage.clone().or(answer.usage.take());
        answer.service_tier = answer.service_tier.take().or_else(|| chunk.service_tier.clone());
        answer.system_fingerprint =
            answer.system_fingerprint.take().or_else(|| chunk.system_fingerprint.clone());
        for delta in &chunk.choices {
            let at = at(
                &mut answer.choices,
                |choice| choice.index == delta.index,
                || Choice { index: delta.index, message: Some(Message::default()), ..Default::default() },
            );
            let message = at.message.get_or_insert_default();
            if delta.role != 0 {
                message.role = delta.role;
            }
            first(&mut message.role_text, &delta.role_text);
            at.finish_reason = at.finish_reason.max(delta.finish_reason);
            first(&mut at.finish_reason_text, &delta.finish_reason_text);
            for part in &delta.parts {
                add_part(&mut message.parts, part);
            }
            if let Some(more) = &delta.logprobs {
                let logprobs = at.logprobs.get_or_insert_with(Logprobs::default);
                logprobs.content.extend(more.content.iter().cloned());
                logprobs.refusal.extend(more.refusal.iter().cloned());
            }
        }
    }
    answer.choices.sort_by_key(|choice| choice.index);
    answer
}

fn complete(chunks: &[CompleteChunk]) -> CompleteResponse {
    let mut answer = CompleteResponse::default();
    for chunk in chunks {
        first(&mut answer.id, &chunk.id);
        first(&mut answer.model, &chunk.model);
        answer.create_time = answer.create_time.take().or(chunk.create_time);
        answer.usage = chunk.usage.clone().or(answer.usage.take());
        answer.system_fingerprint =
            answer.system_fingerprint.take().or_else(|| chunk.system_fingerprint.clone());
        for delta in &chunk.choices {
            let at = at(
                &mut answer.choices,
                |choice| choice.index == delta.index,
                || CompletionChoice { index: delta.index, ..Default::default() },
            );
            at.text += &delta.text;
            if let Some(more) = &delta.logprobs_json {
                let joined = join_lists(at.logprobs_json.as_deref().unwrap_or("{}"), more);
                at.logprobs_json = Some(joined);
            }
            at.finish_reason = at.finish_reason.max(delta.finish_reason);
            first(&mut at.finish_reason_text, &delta.finish_reason_text);
        }
    }
    answer.choices.sort_by_key(|choice| choice.index);
    answer
}

/// Two objects of lists as one of longer lists.
fn join_lists(before: &str, more: &str) -> String {
    let mut joined: Value = serde_json::from_str(before).expect("an object of lists");
    let more: serde_json::Map<String, Value> = serde_json::from_str(more).expect("an object of lists");
    for (name, list) in more {
        let own = joined[&name].as_array().cloned().unwrap_or_default();
        joined[&name] = own.into_iter().chain(list.as_array().cloned().unwrap_or_default()).collect();
    }
    joined.to_string()
}

/// Parts stand in the order of their indexes, which may have gaps.
fn add_part(parts: &mut Vec<Part>, delta: &PartDelta) {
    let index = usize::try_from(delta.index).expect("an index");
    if parts.len() <= index {
        parts.resize(index + 1, Part::default());
    }
    let part = &mut parts[index];
    let start = match &delta.content {
        None => return,
        Some(Delta::Text(_)) => Content::Text(TextPart::default()),
        Some(Delta::Thinking(_)) => Content::Thinking(ThinkingPart::default()),
        Some(Delta::RedactedThinking(_)) => Content::RedactedThinking(RedactedThinkingPart::default()),
        Some(Delta::ToolCall(_)) => Content::ToolCall(ToolCallPart::default()),
        Some(Delta::Refusal(_)) => Content::Refusal(RefusalPart::default()),
        Some(Delta::Audio(_)) => Content::Audio(AudioPart::default()),
        Some(Delta::OtherJson(json)) => return add_other(part, json),
    };
    match (part.content.get_or_insert(start), &delta.content) {
        (Content::Text(part), Some(Delta::Text(more))) => part.text += &more.text,
        (Content::Refusal(part), Some(Delta::Refusal(more))) => part.text += &more.text,
        (Content::Thinking(part), Some(Delta::Thinking(more))) => {
            part.text += &more.text;
            part.signature = [&part.signature[..], &more.signature[..]].concat().into();
        }
        (Content::RedactedThinking(part), Some(Delta::RedactedThinking(more))) => {
            part.data = [&part.data[..], &more.data[..]].concat().into();
        }
        (Content::ToolCall(part), Some(Delta::ToolCall(more))) => {
            first(&mut part.id, &more.id);
            first(&mut part.name, &more.name);
            part.arguments_json += &more.arguments_json_fragment;
        }
        (Content::Audio(part), Some(Delta::Audio(more))) => {
            first(&mut part.id, &more.id);
            part.data_base64 += &more.data_base64;
            part.transcript += &more.transcript;
            part.expires_at = part.expires_at.or(more.expires_at);
        }
        (content, more) => panic!("part {index} is {content:?} and then {more:?}"),
    }
}

/// Blocks that only the vendor knows come whole. What is cited stands beside a text, as a member that is not compared.
fn add_other(part: &mut Part, json: &str) {
    let other: Value = serde_json::from_str(json).expect("JSON");
    match (other["content_blocks"][0].clone(), &other["citations"]) {
        (Value::Object(mut block), _) => {
            block.shift_remove("index");
            let json = Value::Object(block).to_string();
            part.content = Some(Content::Other(OtherPart { json, member: String::new() }));
        }
        (_, Value::Array(_)) => {}
        _ => match part.content.get_or_insert_with(|| Content::Other(OtherPart::default())) {
            Content::Other(part) => part.json += json,
            content => panic!("{content:?} and then {json}"),
        },
    }
}

fn first(own: &mut String, other: &str) {
    if own.is_empty() {
        other.clone_into(own);
    }
}

fn at<T>(list: &mut Vec<T>, is: impl Fn(&T) -> bool, make: impl Fn() -> T) -> &mut T {
    let place = list.iter().position(is).unwrap_or_else(|| {
        list.push(make());
        list.len() - 1
    });
    &mut list[place]
}
