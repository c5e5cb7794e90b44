//! What the dialect asks, and how it reads streams that vendors end in their own ways.

use serde_json::{Value, json};

use super::*;
use crate::{
    error::Reason,
    proto::v1::{
        CacheMarker, Message, Part, RedactedThinkingPart, Role, TextPart, ThinkingPart, ToolCallPart,
        ToolResultPart, part::Content, part_delta,
    },
    providers::Scope,
    wire::{Frame, json::Extras},
};

const DIALECT: Dialect =
    Dialect { provider_type: "custom", operations: ALL_OPERATIONS, quirks: Quirks::NONE };

fn request() -> ChatRequest {
    let text = Content::Text(TextPart { text: "Hi".to_owned() });
    ChatRequest {
        model: "alias".to_owned(),
        messages: vec![Message {
            role: Role::User.into(),
            parts: vec![Part { content: Some(text), ..Part::default() }],
            ..Message::default()
        }],
        temperature: Some(1.0),
        ..ChatRequest::default()
    }
}

fn ask(dialect: &Dialect, request: &ChatRequest, stream: bool) -> Result<(Value, Vec<&'static str>)> {
    let settings = Settings::new();
    let to = UpstreamModel { id: "upstream", stream, settings: &settings, scope: &Scope::default() };
    let outbound = dialect.chat(request, &to)?;
    Ok((serde_json::from_slice(&outbound.body).unwrap(), outbound.dropped))
}

/// The same, after a turn of the assistant that holds this.
fn after(part: Part) -> ChatRequest {
    let turn = Message { role: Role::Assistant.into(), parts: vec![part], ..Message::default() };
    let mut request = request();
    request.messages.insert(0, turn);
    request
}

fn with_options(json: &str) -> ChatRequest {
    let provider_options_json = Extras::from([("custom".to_owned(), json.to_owned())]);
    ChatRequest { provider_options_json, ..request() }
}

/// The chunks of a stream of these payloads, and how it ended. `None` at the end: the upstream closes.
fn decode(payloads: &[Value], done: bool) -> (Vec<ChatChunk>, Result<()>) {
    let settings = Settings::new();
    let to = UpstreamModel { id: "upstream", stream: true, settings: &settings, scope: &Scope::default() };
    let mut decoder = DIALECT.chat_stream(&to).unwrap();
    let mut chunks = Vec::new();
    for payload in payloads {
        let frame = Frame { event: "", data: &serde_json::to_vec(payload).unwrap() };
        if let Err(error) = decoder.frame(frame, &mut chunks) {
            return (chunks, Err(error));
        }
    }
    let ended = match done {
        true => decoder.frame(Frame { event: "", data: b"[DONE]" }, &mut chunks).map(drop),
        false => decoder.end(&mut chunks),
    };
    (chunks, ended)
}

fn text(text: &str) -> Value {
    json!({"id": "c1", "model": "m", "created": 7, "choices": [{"index": 0, "delta": {"content": text}}]})
}

fn finish() -> Value {
    json!({"id": "c1", "model": "m", "created": 7, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
}

fn usage(output: i32) -> Value {
    json!({"prompt_tokens": 1, "completion_tokens": output, "total_tokens": 1 + output})
}

fn with(mut chunk: Value, member: &str, value: Value) -> Value {
    chunk[member] = value;
    chunk
}

fn tokens(chunks: &[ChatChunk]) -> Vec<Option<i32>> {
    chunks.iter().map(|chunk| chunk.usage.as_ref().map(|usage| usage.output_tokens)).collect()
}

#[test]
fn what_the_dialect_cannot_say_is_told_or_refused_never_lost() {
    let part = |content| Part { content: Some(content), ..Part::default() };
    let signed = ThinkingPart { text: "Hm".to_owned(), signature: "proof".into() };
    let marked = Part {
        cache: Some(CacheMarker::default()),
        ..part(Content::ToolCall(ToolCallPart { id: "c".to_owned(), ..ToolCallPart::default() }))
    };
    for (part, dropped) in [
        (part(Content::Thinking(signed)), vec!["thinking.signature"]),
        (part(Content::RedactedThinking(RedactedThinkingPart::default())), vec!["redacted_thinking"]),
        (marked, vec!["cache"]),
        (part(Content::Thinking(ThinkingPart::default())), vec![]),
        (Part { cache: Some(CacheMarker::default()), ..part(Content::Text(TextPart::default())) }, vec![]),
    ] {
        assert_eq!(ask(&DIALECT, &after(part), false).unwrap().1, dropped);
    }
    let inside = vec![part(Content::RedactedThinking(RedactedThinkingPart::default()))];
    let result = ToolResultPart { tool_call_id: "c".to_owned(), parts: inside };
    let refused = ask(&DIALECT, &after(part(Content::ToolResult(result))), false).unwrap_err();
    assert_eq!(refused.detail().field.as_deref(), Some("messages[0].content[0]"));
}

#[test]
fn streams_are_always_asked_for_usage() {
    let mut request = request();
    let extra_json = Extras::from([("include_obfuscation".to_owned(), "false".to_owned())]);
    request.stream_options = Some(StreamOptions { include_usage: Some(false), extra_json });
    let (body, _) = ask(&DIALECT, &request, true).unwrap();
    assert_eq!(body["stream_options"], json!({"include_usage": true, "include_obfuscation": false}));
    assert_eq!((&body["stream"], &body["model"]), (&json!(true), &json!("upstream")));
    let (body, _) = ask(&DIALECT, &request, false).unwrap();
    assert!(body.get("stream_options").is_none());

    let quiet = Dialect { quirks: Quirks { asks_for_usage: false, ..Quirks::NONE }, ..DIALECT };
    let (body, _) = ask(&quiet, &request, true).unwrap();
    assert_eq!(body["stream_options"], json!({"include_obfuscation": false}));
}

#[test]
fn options_for_the_vendor_replace_members_and_for_others_do_not_travel() {
    let mut request = with_options(r#"{"temperature": 0.5, "top_k": 9007199254740993, "messages": null}"#);
    request.provider_options_json.insert("other".to_owned(), r#"{"x": 1}"#.to_owned());
    let (body, _) = ask(&DIALECT, &request, false).unwrap();
    assert_eq!(body, json!({"model": "upstream", "temperature": 0.5, "top_k": 9_007_199_254_740_993_u64}));
}

#[test]
fn options_that_cannot_be_merged_name_their_place() {
    for (options, field) in [
        ("[]", "provider_options_json.custom"),
        ("{\"a\":}", "provider_options_json.custom.a"),
        (r#"{"model": "dearer"}"#, "provider_options_json.custom.model"),
        (r#"{"stream": true}"#, "provider_options_json.custom.stream"),
    ] {
        let error = ask(&DIALECT, &with_options(options), false).unwrap_err();
        assert_eq!((error.reason(), error.detail().field.as_deref()), (Reason::InvalidRequest, Some(field)));
    }
}

#[test]
fn quirks_drop_and_patch_and_tell() {
    let patch: Patch = |members, to| {
        members.set("deployment", format!("\"{}\"", to.id));
        Ok(())
    };
    let quirks = Quirks { drops: &["temperature", "seed"], patch: Some(patch), ..Quirks::NONE };
    let (body, dropped) = ask(&Dialect { quirks, ..DIALECT }, &request(), false).unwrap();
    assert_eq!((body.get("temperature"), &body["deployment"]), (None, &json!("upstream")));
    assert_eq!(dropped, ["temperature"], "only what was there is told");
}

#[test]
fn usage_leaves_once_and_last_wherever_it_came() {
    let own_chunk = json!({"id": "c1", "choices": [], "usage": usage(2)});
    let groq = with(finish(), "x_groq", json!({"usage": usage(2)}));
    let streams = [
        vec![text("a"), finish(), own_chunk.clone()],
        vec![text("a"), with(finish(), "usage", usage(2))],
        vec![with(text("a"), "usage", usage(1)), with(finish(), "usage", usage(2))],
        vec![text("a"), with(finish(), "usage", usage(1)), own_chunk],
        vec![text("a"), groq],
    ];
    for stream in streams {
        for done in [true, false] {
            let (chunks, ended) = decode(&stream, done);
            assert!(ended.is_ok());
            assert_eq!(tokens(&chunks), [None, None, Some(2)], "{stream:?}");
            assert!(chunks.iter().all(|chunk| chunk.id == "c1" && chunk.create_time.is_some()));
        }
    }
}

#[test]
fn empty_first_chunk_gives_no_identity() {
    let first = json!({"id": "", "model": "", "created": 0, "object": "", "choices": [], "prompt_filter_results": [1]});
    let nothing = json!({"id": "", "choices": []});
    let (chunks, ended) = decode(&[nothing, first, text("a"), finish()], true);
    assert!(ended.is_ok());
    assert_eq!(chunks.len(), 3);
    assert!(chunks.iter().all(|chunk| (chunk.id.as_str(), chunk.model.as_str()) == ("c1", "m")));
    assert_eq!(chunks[0].extra_json, Extras::from([("prompt_filter_results".to_owned(), "[1]".to_owned())]));
}

#[test]
fn stream_is_complete_only_with_evidence() {
    let second = json!({"id": "c1", "choices": [{"index": 1, "delta": {"content": "b"}}]});
    for (stream, done, expected) in [
        (vec![text("a"), finish()], false, None),
        (vec![text("a")], true, None),
        (vec![text("a")], false, Some(Reason::StreamTruncated)),
        (vec![text("a"), second, finish()], false, Some(Reason::StreamTruncated)),
        (vec![], false, Some(Reason::StreamTruncated)),
        (vec![], true, Some(Reason::ProviderBadAnswer)),
    ] {
        let (_, ended) = decode(&stream, done);
        assert_eq!(ended.err().map(|error| error.reason()), expected, "{stream:?} {done}");
    }
}

#[test]
fn error_inside_a_stream_ends_it_and_usage_is_still_told() {
    let errors = [
        json!({"error": {"message": "slow down", "type": "rate_limit_error"}}),
        json!({"object": "error", "message": "slow down", "code": 429}),
        with(text("b"), "error", json!({"message": "slow down", "code": 429})),
    ];
    for error in errors {
        let (chunks, ended) = decode(&[with(text("a"), "usage", usage(1)), error], true);
        let ended = ended.unwrap_err();
        assert_eq!(ended.reason(), Reason::ProviderRateLimited);
        assert_eq!(ended.message(), "the provider broke off its answer: slow down");
        assert_eq!(tokens(&chunks), [None, Some(1)]);
    }
    let mut decoder = Decoder::<ChatChunk>::new(&Quirks::NONE);
    let named = Frame { event: "error", data: b"out of memory" };
    assert_eq!(decoder.frame(named, &mut Vec::new()).unwrap_err().reason(), Reason::ProviderUnavailable);
}

#[test]
fn success_without_content_is_no_answer() {
    let settings = Settings::new();
    let to = UpstreamModel { id: "upstream", stream: false, settings: &settings, scope: &Scope::default() };
    for (body, reason) in [
        (r#"{"error": {"message": "x", "type": "invalid_request_error"}}"#, Reason::ProviderRejected),
        (r#"{"id": "c1", "choices": []}"#, Reason::ProviderBadAnswer),
        ("<html>", Reason::ProviderBadAnswer),
    ] {
        assert_eq!(DIALECT.chat_response(body.as_bytes(), &to).unwrap_err().reason(), reason, "{body}");
        assert_eq!(DIALECT.embed_response(body.as_bytes(), &to).unwrap_err().reason(), reason, "{body}");
    }
}

#[test]
fn deltas_of_text_and_calls_keep_their_places() {
    let call = |id: &str, name: &str| {
        json!({"id": "c1", "choices": [{"index": 0, "delta": {"tool_calls":
            [{"index": 0, "id": id, "function": {"name": name, "arguments": "{}"}}]}}]})
    };
    let (chunks, _) = decode(&[text("a"), call("1", "f"), call("2", "g"), finish()], true);
    let calls: Vec<_> = chunks
        .iter()
        .flat_map(|chunk| &chunk.choices[0].parts)
        .filter(|part| matches!(part.content, Some(part_delta::Content::ToolCall(_))))
        .map(|part| part.index)
        .collect();
    assert_eq!(calls, [1, 2], "another id at the same index is another call");
}

#[test]
fn a_finish_reason_is_told_once() {
    let (chunks, ended) = decode(&[text("a"), finish(), finish()], true);
    ended.unwrap();
    let finishes = chunks.iter().flat_map(|chunk| &chunk.choices).filter(|choice| choice.finish_reason != 0);
    assert_eq!(finishes.count(), 1);
}
