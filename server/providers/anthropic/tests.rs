//! What the fixtures cannot say: messages as callers of gRPC may build them, and streams that are odd.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::{
    error::Reason,
    proto::v1::{
        CacheMarker, ImagePart, InlineImage, Message, OtherPart, Part, RedactedThinkingPart, Role, TextPart,
        ThinkingPart, ToolCallPart, ToolResultPart, image_part::Source, part::Content, part_delta,
    },
    wire::{Frame, openai::chat::read_request},
};

fn asked(request: &ChatRequest, model: &str) -> Result<(Value, Vec<&'static str>)> {
    let settings = BTreeMap::new();
    let outbound = Messages.chat(
        request,
        &UpstreamModel {
            id: model,
            stream: false,
            settings: &settings,
            scope: &crate::providers::Scope::default(),
        },
    )?;
    Ok((serde_json::from_slice(&outbound.body).unwrap(), outbound.dropped))
}

fn read(body: &Value) -> ChatRequest {
    read_request(body.to_string().as_bytes()).unwrap().0
}

fn part(content: Content) -> Part {
    Part { content: Some(content), ..Part::default() }
}

fn text(text: &str) -> Part {
    part(Content::Text(TextPart { text: text.to_owned() }))
}

fn message(role: Role, parts: Vec<Part>) -> Message {
    Message { role: role.into(), parts, ..Message::default() }
}

fn request(messages: Vec<Message>) -> ChatRequest {
    ChatRequest { messages, ..ChatRequest::default() }
}

#[test]
fn every_part_that_may_be_marked_is() {
    let cache = Some(CacheMarker { r#type: String::new(), ttl: "1h".to_owned() });
    let image = InlineImage { media_type: "image/png".to_owned(), data: vec![0].into() };
    let image = Content::Image(ImagePart { source: Some(Source::Inline(image)), detail: None });
    let call = ToolCallPart { id: "a".to_owned(), name: "f".to_owned(), arguments_json: "{}".to_owned() };
    let result = ToolResultPart { tool_call_id: "a".to_owned(), parts: vec![text("x")] };
    let marked = |content| Part { content: Some(content), cache: cache.clone(), ..Part::default() };
    let (body, dropped) = asked(
        &request(vec![
            message(Role::System, vec![Part { cache: cache.clone(), ..text("s") }]),
            message(Role::User, vec![marked(image), Part { cache: cache.clone(), ..text("t") }]),
            message(Role::Assistant, vec![marked(Content::ToolCall(call))]),
            message(Role::Tool, vec![marked(Content::ToolResult(result))]),
        ]),
        "m",
    )
    .unwrap();
    let mark = json!({"type": "ephemeral", "ttl": "1h"});
    for place in [
        "/system/0",
        "/messages/0/content/0",
        "/messages/0/content/1",
        "/messages/1/content/0",
        "/messages/2/content/0",
    ] {
        assert_eq!(body.pointer(place).unwrap()["cache_control"], mark, "{place}: {body}");
    }
    assert!(dropped.is_empty());
}

#[test]
fn results_of_parallel_calls_stand_in_one_turn_before_what_follows() {
    let result = |id: &str| {
        part(Content::ToolResult(ToolResultPart { tool_call_id: id.to_owned(), parts: Vec::new() }))
    };
    let (body, _) = asked(
        &request(vec![
            message(Role::Tool, vec![result("a")]),
            message(Role::Tool, vec![result("b")]),
            message(Role::User, vec![text("and?")]),
            message(Role::Assistant, vec![text(" ")]),
        ]),
        "m",
    )
    .unwrap();
    let results = json!([
        {"type": "tool_result", "tool_use_id": "a"},
        {"type": "tool_result", "tool_use_id": "b"},
    ]);
    let expected = json!([{"role": "user", "content": results}, {"role": "user", "content": "and?"}]);
    assert_eq!(body["messages"], expected);
}

#[test]
fn instructions_stay_where_the_model_takes_them_and_join_the_others_elsewhere() {
    let turns = |last: &str| {
        read(&json!({"model": "m", "messages": [
            {"role": "system", "content": "a"},
            {"role": "user", "content": "1"},
            {"role": "system", "content": "b"},
            {"role": "developer", "content": "c"},
            {"role": last, "content": "2"},
        ]}))
    };
    let list = json!([{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]);
    let (body, _) = asked(&turns("assistant"), "claude-opus-4-8").unwrap();
    assert_eq!((&body["system"], &body["messages"][1]["content"]), (&json!("a"), &list));
    for (last, model) in [("user", "claude-opus-4-8"), ("assistant", "claude-opus-4-7"), ("assistant", "m")] {
        let (body, _) = asked(&turns(last), model).unwrap();
        let texts: Vec<_> = body["system"].as_array().unwrap().iter().map(|block| &block["text"]).collect();
        assert_eq!(texts, ["a", "b", "c"], "{model}");
        assert_eq!(body["messages"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn thoughts_without_a_proof_are_told_and_stay_here() {
    let thinking = |text: &str, signature: &'static [u8]| {
        part(Content::Thinking(ThinkingPart { text: text.to_owned(), signature: signature.into() }))
    };
    let redacted =
        |data: &'static [u8]| part(Content::RedactedThinking(RedactedThinkingPart { data: data.into() }));
    let parts = vec![
        thinking("a", b""),
        thinking("b", b"\xff"),
        thinking("", b"s+/="),
        redacted(b"\xff"),
        redacted(b"d"),
        text("c"),
    ];
    let (body, dropped) = asked(&request(vec![message(Role::Assistant, parts)]), "m").unwrap();
    let expected = json!([
        {"type": "thinking", "thinking": "", "signature": "s+/="},
        {"type": "redacted_thinking", "data": "d"},
        {"type": "text", "text": "c"},
    ]);
    assert_eq!(body["messages"][0]["content"], expected);
    assert_eq!(dropped, ["reasoning_content", "redacted_thinking"]);
}

#[test]
fn what_clients_copy_from_other_vendors_does_not_break_the_call() {
    let (body, dropped) = asked(
        &read(&json!({"model": "m", "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "a", "annotations": [], "provider_specific_fields": {"x": 1},
             "tool_calls": [{"index": 0, "id": "call:1", "type": "function", "extra_content": {"g": 1},
                "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "call:1", "content": "b"},
        ]})),
        "m",
    )
    .unwrap();
    assert_eq!(dropped, ["messages.tool_calls.*", "messages.*"]);
    let (call, result) = (&body["messages"][1]["content"][1], &body["messages"][2]["content"][0]);
    assert_eq!(call.as_object().unwrap().len(), 4, "{call}");
    assert_eq!(call["id"], result["tool_use_id"]);
    let id = call["id"].as_str().unwrap();
    assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{id}");
}

#[test]
fn what_the_vendor_cannot_take_is_refused_by_its_place() {
    let user = |part: Value| json!({"messages": [{"role": "user", "content": [part]}]});
    for (body, field) in [
        (
            user(json!({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}})),
            "messages[0].content[0]",
        ),
        (
            user(json!({"type": "image_url", "image_url": {"url": "http://example.com/a.png"}})),
            "messages[0].content[0].image_url.url",
        ),
        (
            user(json!({"type": "file", "file": {"file_data": "AAAA"}})),
            "messages[0].content[0].file.file_data",
        ),
        (user(json!({"type": "file", "file": {}})), "messages[0].content[0].file.file_data"),
        (json!({"messages": [{"role": "function", "name": "f", "content": "x"}]}), "messages[0].role"),
        (json!({"messages": [{"role": "critic", "content": "x"}]}), "messages[0].role"),
        (
            json!({"messages": [{"role": "assistant", "function_call": {"name": "f"}}]}),
            "messages[0].function_call",
        ),
        (
            json!({"messages": [], "tools": [{"type": "function", "function": {"name": "sluicegate_output"}}]}),
            "tools[0].function.name",
        ),
        (
            json!({"messages": [], "tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]}),
            "tools[0].function.parameters",
        ),
        (json!({"messages": [], "tool_choice": {"type": "allowed_tools"}}), "tool_choice"),
        (json!({"messages": [], "response_format": {"type": "grammar"}}), "response_format"),
        (json!({"messages": [], "modalities": ["audio"]}), "modalities"),
        (json!({"messages": [], "n": 2}), "n"),
    ] {
        let mut body = body;
        body["model"] = json!("m");
        let error = asked(&read(&body), "m").unwrap_err();
        assert_eq!(error.detail().field.as_deref(), Some(field), "{body}");
        assert_eq!(error.row().http, 400);
    }
    let custom = OtherPart { json: "{}".to_owned(), member: "tool_calls".to_owned() };
    let parts = vec![part(Content::Other(custom))];
    assert!(asked(&request(vec![message(Role::Assistant, parts)]), "m").is_err());
}

#[test]
fn the_callers_choice_of_a_tool_comes_before_the_form_of_the_answer() {
    let body = |choice: Value| {
        read(
            &json!({"model": "m", "messages": [], "response_format": {"type": "json_object"}, "tool_choice": choice,
            "tools": [{"type": "function", "function": {"name": "f"}}]}),
        )
    };
    for (choice, expected, tools) in [
        (json!("auto"), json!({"type": "any"}), 2),
        (json!("none"), json!({"type": "tool", "name": "sluicegate_output"}), 2),
        (json!("required"), json!({"type": "any"}), 1),
        (json!({"type": "function", "function": {"name": "f"}}), json!({"type": "tool", "name": "f"}), 1),
    ] {
        let (body, _) = asked(&body(choice.clone()), "m").unwrap();
        assert_eq!(body["tool_choice"], expected, "{choice}");
        assert_eq!(body["tools"].as_array().unwrap().len(), tools, "{choice}");
    }
}

#[test]
fn arguments_are_an_object_whatever_the_model_wrote() {
    for (written, sent) in [
        ("{\"a\": 1.00}", "{\"a\": 1.00}"),
        (" ", "{}"),
        ("{\"a\": ", r#"{"arguments":"{\"a\": "}"#),
        ("[1]", r#"{"arguments":"[1]"}"#),
    ] {
        assert_eq!(tools::arguments(written), sent);
    }
}

#[test]
fn beta_features_are_words() {
    assert!(is_beta("files-api-2025-04-14, x").is_ok());
    for wrong in ["", "a,,b", "a b", "a\r\nb: c"] {
        assert!(is_beta(wrong).is_err(), "{wrong:?}");
    }
    assert!(is_limit("1").is_ok() && is_limit("0").is_err() && is_limit("many").is_err());
}

fn stream(events: &[Value]) -> (Vec<ChatChunk>, Result<()>) {
    let settings = BTreeMap::new();
    let to = UpstreamModel {
        id: "m",
        stream: true,
        settings: &settings,
        scope: &crate::providers::Scope::default(),
    };
    let (mut decoder, mut chunks) = (Messages.chat_stream(&to).unwrap(), Vec::new());
    for event in events {
        let data = event.to_string();
        if let Err(error) = decoder.frame(Frame { event: "", data: data.as_bytes() }, &mut chunks) {
            return (chunks, Err(error));
        }
    }
    let end = decoder.end(&mut chunks);
    (chunks, end)
}

#[test]
fn an_error_before_anything_was_said_comes_alone() {
    let start = json!({"type": "message_start", "message": {"id": "i", "usage": {"input_tokens": 9}}});
    let error = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
    let (chunks, end) = stream(&[start, error]);
    assert!(chunks.is_empty(), "another target may still be tried");
    assert_eq!(end.unwrap_err().reason(), Reason::ProviderUnavailable);
}

#[test]
fn a_farewell_without_a_reason_is_no_end() {
    let block =
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "a"}});
    let (chunks, end) = stream(&[block, json!({"type": "message_stop"})]);
    assert_eq!(chunks.len(), 1);
    assert_eq!(end.unwrap_err().reason(), Reason::StreamTruncated);
}

#[test]
fn additions_that_nobody_knows_are_kept() {
    let (chunks, _) = stream(&[
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "mood_delta", "mood": 1.00}}),
        json!({"type": "a_new_event", "x": 1}),
    ]);
    let Some(part_delta::Content::OtherJson(json)) = &chunks[0].choices[0].parts[0].content else { panic!() };
    let kept: Value = serde_json::from_str(json).unwrap();
    assert_eq!(kept["content_delta"]["mood"], 1.0);
    assert_eq!(chunks.len(), 1);
}
