//! Messages of a conversation as Cohere wants them.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    proto::v1::{ImagePart, Message, Part, ToolCallPart, ToolResultPart, image_part::Source, part::Content},
    providers::unserved,
    wire::json::{List, Malformed, Object, Writer},
};

/// Appends a message: one element, or several where it holds results of tools, each of which is a message here.
pub(super) fn write(list: &mut List<'_>, message: &Message) {
    let (results, rest): (Vec<_>, Vec<_>) =
        message.parts.iter().partition(|part| matches!(part.content, Some(Content::ToolResult(_))));
    for (position, part) in results.iter().enumerate() {
        let Some(Content::ToolResult(result)) = &part.content else { continue };
        list.element(|writer| {
            writer.object(|object| {
                write_result(object, result);
                object.extras(&part.extra_json);
                // They belong to the whole message; the first result stands for it where there is no rest.
                if position == 0 && rest.is_empty() {
                    object.extras(&message.extra_json);
                }
            });
        });
    }
    if results.is_empty() || !rest.is_empty() {
        list.element(|writer| writer.object(|object| write_spoken(object, message)));
    }
}

/// Whether its plan of tool calls is of a thought that says more than text.
pub(super) fn loses_extras_of_plan(message: &Message) -> bool {
    let calls = message.parts.iter().any(|part| matches!(part.content, Some(Content::ToolCall(_))));
    calls && message.parts.iter().any(|part| thought(part).is_some() && !part.extra_json.is_empty())
}

fn write_spoken(object: &mut Object<'_>, message: &Message) {
    unserved::write_role(object, message, "cohere");
    let is_call = |part: &&Part| matches!(part.content, Some(Content::ToolCall(_)));
    let calls: Vec<_> = message.parts.iter().filter(is_call).collect();
    let plans = !calls.is_empty();
    let content: Vec<_> = message.parts.iter().filter(|part| stands_in_content(part, plans)).collect();
    if plans {
        let plan: String = message.parts.iter().filter_map(thought).collect();
        object.optional_text("tool_plan", Some(plan.as_str()).filter(|plan| !plan.is_empty()));
        object.member("tool_calls", |value| value.each(calls, write_call));
    }
    if !content.is_empty() || !plans {
        write_content(object, &content);
    }
    object.extras(&message.extra_json);
}

fn thought(part: &Part) -> Option<&str> {
    match &part.content {
        Some(Content::Thinking(thinking)) => Some(&thinking.text),
        _ => None,
    }
}

/// Whether the part is an element of `content`. Thoughts before tool calls are the plan of them.
fn stands_in_content(part: &Part, plans: bool) -> bool {
    match &part.content {
        Some(Content::Thinking(thinking)) => !plans && !thinking.text.is_empty(),
        // Only its maker can read it; the caller is told.
        Some(Content::RedactedThinking(_) | Content::ToolCall(_) | Content::ToolResult(_)) => false,
        Some(
            Content::Text(_)
            | Content::Image(_)
            | Content::Audio(_)
            | Content::File(_)
            | Content::Refusal(_)
            | Content::Other(_),
        )
        | None => true,
    }
}

/// Appends `content`: a string where it is one text, which every version takes.
fn write_content(object: &mut Object<'_>, parts: &[&Part]) {
    match parts {
        [] => object.text("content", ""),
        [Part { content: Some(Content::Text(text)), extra_json, .. }] if extra_json.is_empty() => {
            object.text("content", &text.text);
        }
        parts => object.member("content", |value| value.each(parts, |value, part| write_part(value, part))),
    }
}

fn write_part(writer: &mut Writer, part: &Part) {
    let refuse = |writer: &mut Writer, why: &str| {
        writer.blame(Malformed::new(why));
        writer.null();
    };
    match &part.content {
        Some(Content::Text(text)) => write_kind(writer, part, "text", |value| value.text(&text.text)),
        // To the model its own refusal is what it has said.
        Some(Content::Refusal(refusal)) => {
            write_kind(writer, part, "text", |value| value.text(&refusal.text));
        }
        Some(Content::Thinking(thinking)) => {
            write_kind(writer, part, "thinking", |value| value.text(&thinking.text));
        }
        Some(Content::Image(image)) => write_kind(writer, part, "image_url", |value| {
            value.object(|object| write_image(object, image, part.extra_json.get("image_url")));
        }),
        Some(Content::Other(other)) if other.member != "tool_calls" => writer.raw(&other.json),
        Some(Content::Other(_)) => refuse(writer, "cohere takes calls of functions only"),
        Some(Content::Audio(_)) => refuse(writer, "cohere takes no audio; send its text"),
        Some(Content::File(_)) => {
            refuse(writer, "cohere takes no files; send their text, or as `documents` of the request");
        }
        Some(Content::RedactedThinking(_) | Content::ToolCall(_) | Content::ToolResult(_)) | None => {
            refuse(writer, "a part of this kind cannot stand here");
        }
    }
}

fn write_kind(writer: &mut Writer, part: &Part, kind: &'static str, content: impl FnOnce(&mut Writer)) {
    writer.object(|object| {
        object.text("type", kind);
        object.member(kind, content);
        object.extras_except(&part.extra_json, &[kind]);
    });
}

fn write_image(object: &mut Object<'_>, image: &ImagePart, nested: Option<&String>) {
    match &image.source {
        Some(Source::Url(url)) => object.text("url", url),
        Some(Source::Inline(inline)) => {
            let data = STANDARD.encode(&inline.data);
            object.text("url", &format!("data:{};base64,{data}", inline.media_type));
        }
        None => object.blame(Malformed::required("source")),
    }
    object.optional_text("detail", image.detail.as_deref());
    object.merge(nested);
}

fn write_call(writer: &mut Writer, part: &Part) {
    let none = ToolCallPart::default();
    let call = match &part.content {
        Some(Content::ToolCall(call)) => call,
        _ => &none,
    };
    writer.object(|object| {
        object.text("id", &call.id);
        object.text("type", "function");
        object.object("function", |object| {
            object.text("name", &call.name);
            let no_arguments = call.arguments_json.trim().is_empty();
            object.text("arguments", if no_arguments { "{}" } else { &call.arguments_json });
            object.merge(part.extra_json.get("function"));
        });
        object.extras_except(&part.extra_json, &["function"]);
    });
}

/// Appends the members of the result of a tool call: texts, or documents that can be cited.
fn write_result(object: &mut Object<'_>, result: &ToolResultPart) {
    object.text("role", "tool");
    object.text("tool_call_id", &result.tool_call_id);
    let parts: Vec<_> = result.parts.iter().collect();
    write_content(object, &parts);
}
