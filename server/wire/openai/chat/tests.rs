//! Laws of the chat codec that fixtures do not show: what callers of gRPC may build, and what streams may interleave.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    proto::v1::{
        AudioPart, ChatChunk, ChatRequest, ChatResponse, Choice, ChoiceDelta, ImagePart, InlineImage,
        Message, Part, PartDelta, RedactedThinkingPart, RefusalPart, TextDelta, TextPart, ThinkingPart, Tool,
        ToolCallPart, ToolResultPart, image_part::Source, part::Content, part_delta,
    },
    wire::{
        json::Extras,
        openai::{MaxTokens, Spelling},
    },
};

fn read(body: &Value) -> Result<ChatRequest, Malformed> {
    read_request(body.to_string().as_bytes()).map(|(request, _)| request)
}

/// As model `m` and without stream options.
fn write_as(request: &ChatRequest, stream: bool, spelling: &Spelling) -> Result<Vec<u8>, Malformed> {
    write_request(request, &Wanted { model: "m", stream, spelling, stream_options: None })
}

fn write(request: &ChatRequest) -> Value {
    serde_json::from_slice(&write_as(request, false, &Spelling::OURS).unwrap()).unwrap()
}

fn part(content: Content) -> Part {
    Part { content: Some(content), ..Part::default() }
}

fn text(text: &str) -> Part {
    part(Content::Text(TextPart { text: text.to_owned() }))
}

fn request(role: Role, parts: Vec<Part>) -> ChatRequest {
    let message = Message { role: role.into(), parts, ..Message::default() };
    ChatRequest { messages: vec![message], ..ChatRequest::default() }
}

#[test]
fn everything_that_a_request_says_survives() {
    let body = json!({
        "model": "m",
        "messages": [
            {"role": "developer", "content": "Be brief.", "x": {"b": 1, "a": 9_007_199_254_740_993_u64}},
            {"role": "user", "name": "Ada", "content": [
                {"type": "text", "text": "See", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
                {"type": "text", "text": "also", "cache_control": {"type": "ephemeral", "scope": "x"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low", "x": 1}},
                {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
                {"type": "file", "file": {"file_id": "f", "filename": "a.pdf"}},
                {"type": "video_url", "video_url": {"url": "https://example.com/v"}},
            ]},
            {"role": "assistant", "content": null, "reasoning_content": "Hm", "refusal": "No", "audio": {"id": "a1"},
             "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1.00"}, "index": 0},
                {"id": "2", "type": "custom", "custom": {"name": "g", "input": "x"}},
            ]},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No"}], "function_call": {"name": "f"}},
            {"role": "tool", "tool_call_id": "1", "content": "22"},
            {"role": "tool", "tool_call_id": "2", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "critic", "content": ""},
        ],
        "tools": [
            {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "z": 1, "a": 2}, "strict": true, "x": 1},
             "cache_control": {"type": "ephemeral"}},
            {"type": "web_search", "filters": [1]},
        ],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {"z": 1, "a": 2}, "strict": true}},
        "temperature": 0.1, "stop": ["a", "b"], "logit_bias": {"50256": -100}, "seed": 9_007_199_254_740_993_i64,
        "metadata": {"k": "v"}, "audio": {"voice": "v"}, "functions": [{"name": "f"}], "top_k": 5,
    });
    assert_eq!(write(&read(&body).unwrap()), body);
}

#[test]
fn other_choices_and_formats_survive() {
    for choice in
        [json!("none"), json!("required"), json!("any"), json!({"type": "allowed_tools", "mode": "auto"})]
    {
        for format in
            [json!({"type": "text"}), json!({"type": "json_object"}), json!({"type": "grammar", "g": 1})]
        {
            let body = json!({"model": "m", "messages": [], "tool_choice": choice, "response_format": format, "tools": []});
            assert_eq!(write(&read(&body).unwrap()), body);
        }
    }
}

#[test]
fn what_was_said_never_becomes_what_is_to_be_heard() {
    for audio in [json!({}), json!({"data": "AA=="}), json!({"id": ""}), json!({"id": "a", "x": 1})] {
        let body =
            json!({"model": "m", "messages": [{"role": "assistant", "content": null, "audio": audio}]});
        assert_eq!(write(&read(&body).unwrap()), body);
    }
}

#[test]
fn wrong_member_is_named_by_its_path() {
    let cases = [
        (
            json!({"messages": [{"content": [{"type": "text", "text": "a"}, {"type": 5}]}]}),
            "messages[0].content[1].type",
        ),
        (
            json!({"messages": [{"content": [{"type": "image_url", "image_url": {}}]}]}),
            "messages[0].content[0].image_url.url",
        ),
        (json!({"messages": [{"content": [{"type": "text"}]}]}), "messages[0].content[0].text"),
        (json!({"messages": [{"content": 5}]}), "messages[0].content"),
        (
            json!({"messages": [{"tool_calls": [{"function": {"arguments": 5}}]}]}),
            "messages[0].tool_calls[0].function.arguments",
        ),
        (json!({"tools": [{"type": "function"}]}), "tools[0].function"),
        (json!({"tools": [{"type": "function", "function": {}}]}), "tools[0].function.name"),
        (json!({"metadata": {"k": 5}}), "metadata.k"),
        (json!({"response_format": {"type": "json_schema"}}), "response_format.json_schema"),
        (json!({"n": 1.5}), "n"),
        (json!({"stream": "yes"}), "stream"),
        (json!({"model": "m"}), "messages"),
        (json!({"messages": []}), "model"),
    ];
    for (body, field) in cases {
        assert_eq!(read(&body).unwrap_err().field, field, "{body}");
    }
}

#[test]
fn results_of_tools_become_messages_of_their_own() {
    let result = |id: &str, said: &str| {
        part(Content::ToolResult(ToolResultPart { tool_call_id: id.to_owned(), parts: vec![text(said)] }))
    };
    let parts = vec![result("1", "a"), text("and now?"), result("2", "b")];
    let expected = json!([
        {"role": "tool", "content": "a", "tool_call_id": "1"},
        {"role": "tool", "content": "b", "tool_call_id": "2"},
        {"role": "user", "content": "and now?"},
    ]);
    assert_eq!(write(&request(Role::User, parts))["messages"], expected);
}

#[test]
fn message_of_a_tool_stays_one() {
    for beside in [
        json!({}),
        json!({"reasoning_content": "Hm"}),
        json!({"refusal": "No", "name": "f", "x": 1}),
        json!({"audio": {"id": "a1"}, "tool_calls": [
            {"id": "2", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        ]}),
    ] {
        let mut message = json!({"role": "tool", "content": "22", "tool_call_id": "1"});
        for (name, value) in beside.as_object().unwrap() {
            message[name] = value.clone();
        }
        let body = json!({"model": "m", "messages": [message]});
        assert_eq!(write(&read(&body).unwrap()), body);
    }
}

#[test]
fn what_this_json_has_no_place_for_is_told_or_refused() {
    let extra =
        |content| Part { extra_json: Extras::from([("x".to_owned(), "1".to_owned())]), ..part(content) };
    let thinking =
        extra(Content::Thinking(ThinkingPart { text: "Hm".to_owned(), ..ThinkingPart::default() }));
    let refusal = |in_content| extra(Content::Refusal(RefusalPart { text: "No".to_owned(), in_content }));
    let said = request(Role::Assistant, vec![thinking, refusal(false), refusal(true), text("a")]);
    assert_eq!(unsaid(&said, &Spelling::OURS), ["thinking.extra_json", "refusal.extra_json"]);
    let spoken = |id: &str| part(Content::Audio(AudioPart { id: id.to_owned(), ..AudioPart::default() }));
    let twice = request(Role::Assistant, vec![spoken("a"), spoken("b")]);
    assert_eq!(write_as(&twice, false, &Spelling::OURS).unwrap_err().field, "messages[0].audio");
}

#[test]
fn usage_that_cannot_be_read_costs_no_answer() {
    for usage in [
        json!({"prompt_tokens": 3_000_000_000_u64, "completion_tokens": 1}),
        json!({"prompt_tokens": "many"}),
        json!([]),
    ] {
        let body = json!({"choices": [{"index": 0, "message": {"content": "a"}}], "usage": usage});
        let answer = read_response(body.to_string().as_bytes()).unwrap();
        assert_eq!((answer.choices.len(), answer.usage.clone()), (1, None));
        let written: Value = serde_json::from_slice(&write_response(&answer)).unwrap();
        assert_eq!(written["usage"], usage, "it is passed on as it came");
        let chunk = ChunkReader::default().read(body.to_string().as_bytes()).unwrap();
        assert_eq!(chunk.usage, None);
    }
}

#[test]
fn inline_image_becomes_a_data_url() {
    let inline = InlineImage { media_type: "image/png".to_owned(), data: vec![0].into() };
    let image = part(Content::Image(ImagePart { source: Some(Source::Inline(inline)), detail: None }));
    let content = &write(&request(Role::User, vec![image]))["messages"][0]["content"];
    assert_eq!(*content, json!([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]));
}

#[test]
fn what_is_no_json_or_says_a_member_twice_is_refused_with_its_path() {
    let extras = |name: &str, json: &str| Extras::from([(name.to_owned(), json.to_owned())]);
    let mut in_part = request(Role::User, vec![text("a")]);
    in_part.messages[0].parts[0].extra_json = extras("x", "}");
    let empty_part = request(Role::User, vec![Part::default()]);
    let empty_tool = ChatRequest { tools: vec![Tool::default()], ..ChatRequest::default() };
    let top =
        |name: &str, json: &str| ChatRequest { extra_json: extras(name, json), ..ChatRequest::default() };
    for (request, field) in [
        (in_part, "messages[0].content[0].x"),
        (empty_part, "messages[0].content[0]"),
        (empty_tool, "tools[0]"),
        (top("x", r#"1,"model":"dearer""#), "x"),
        (top("model", "\"dearer\""), "model"),
        (top("stream", "true"), "stream"),
        (ChatRequest { temperature: Some(f64::NAN), ..ChatRequest::default() }, "temperature"),
    ] {
        let fault = write_as(&request, false, &Spelling::OURS).unwrap_err();
        assert_eq!(fault.field, field);
    }
}

#[test]
fn dialects_spell_reasoning_and_limits_in_their_way() {
    let mut request = request(
        Role::Assistant,
        vec![
            part(Content::Thinking(ThinkingPart { text: "Hm".to_owned(), ..ThinkingPart::default() })),
            text("a"),
        ],
    );
    request.max_tokens = Some(5);
    for (spelling, member, limit) in [
        (
            Spelling { reasoning: "reasoning", max_tokens: MaxTokens::Completion, ..Spelling::OURS },
            "reasoning",
            "max_completion_tokens",
        ),
        (Spelling { max_tokens: MaxTokens::Plain, ..Spelling::OURS }, "reasoning_content", "max_tokens"),
    ] {
        let body: Value = serde_json::from_slice(&write_as(&request, true, &spelling).unwrap()).unwrap();
        assert_eq!(body["messages"][0], json!({"role": "assistant", "content": "a", member: "Hm"}));
        assert_eq!(body, json!({"model": "m", "messages": body["messages"], limit: 5, "stream": true}));
    }
}

#[test]
fn reasoning_said_twice_is_kept_once_and_nothing_is_lost() {
    let rewrite = |message: &str| {
        let body = format!(r#"{{"choices": [{{"message": {message}}}]}}"#);
        let written = write_response(&read_response(body.as_bytes()).unwrap());
        let message = serde_json::from_slice::<Value>(&written).unwrap()["choices"][0]["message"].clone();
        (message["reasoning_content"].clone(), message["reasoning"].clone())
    };
    assert_eq!(rewrite(r#"{"reasoning": "a", "reasoning_content": "a"}"#), (json!("a"), Value::Null));
    assert_eq!(rewrite(r#"{"reasoning": "a", "reasoning_content": "b"}"#), (json!("b"), json!("a")));
    assert_eq!(rewrite(r#"{"reasoning_content": "b", "reasoning": "a"}"#), (json!("b"), json!("a")));
    assert_eq!(rewrite(r#"{"reasoning": {"text": "a"}}"#), (Value::Null, json!({"text": "a"})));
}

#[test]
fn texts_of_an_answer_are_one_string_and_calls_alone_have_null_content() {
    let call = ToolCallPart { id: "1".to_owned(), name: "f".to_owned(), arguments_json: "{}".to_owned() };
    let redacted = RedactedThinkingPart { data: vec![1].into() };
    let answer = |parts| {
        let message = Message { role: Role::Assistant.into(), parts, ..Message::default() };
        let choices = vec![Choice { message: Some(message), ..Choice::default() }];
        let written = write_response(&ChatResponse { choices, ..ChatResponse::default() });
        serde_json::from_slice::<Value>(&written).unwrap()["choices"][0]["message"].clone()
    };
    let texts = answer(vec![part(Content::RedactedThinking(redacted)), text("a"), text("b")]);
    let blocks = json!([{"type": "redacted_thinking", "data": "\u{1}"}]);
    assert_eq!(
        texts,
        json!({"role": "assistant", "content": "ab", "refusal": null, "thinking_blocks": blocks})
    );
    let calls = answer(vec![part(Content::ToolCall(call))]);
    assert_eq!(
        calls,
        json!({"role": "assistant", "content": null, "refusal": null, "tool_calls":
        [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]})
    );
}

#[test]
fn texts_of_one_chunk_stand_in_one_member() {
    let delta = |index, text: &str| {
        let content = part_delta::Content::Text(TextDelta { text: text.to_owned() });
        PartDelta { index, content: Some(content), ..PartDelta::default() }
    };
    let choice = ChoiceDelta { parts: vec![delta(0, "a"), delta(1, "b")], ..ChoiceDelta::default() };
    let mut out = Vec::new();
    ChunkWriter::default().write(&ChatChunk { choices: vec![choice], ..ChatChunk::default() }, &mut out);
    let written: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(written["choices"][0]["delta"], json!({"content": "ab"}));
}

#[test]
fn unknown_members_of_a_chunk_survive() {
    let chunks = [
        json!({"id": "c", "object": "chat.completion.chunk", "created": 7, "model": "m", "p": "x", "choices": [
            {"index": 0, "delta": {"role": "assistant", "channel": "analysis", "reasoning_content": "a"},
             "logprobs": null, "finish_reason": null, "content_filter_results": {}}]}),
        json!({"id": "c", "object": "chat.completion.chunk", "created": 7, "model": "m", "choices": [
            {"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "1", "type": "custom", "custom": {"name": "g"}}]},
             "logprobs": null, "finish_reason": null}]}),
        json!({"id": "c", "object": "chat.completion.chunk", "created": 7, "model": "m", "choices": [
            {"index": 0, "delta": {"tool_calls": [
                {"index": 0, "custom": {"input": "x"}},
                {"index": 1, "id": "2", "type": "function", "function": {"name": "f", "arguments": "", "x": 1}, "y": 2}]},
             "logprobs": null, "finish_reason": "odd"}]}),
    ];
    let (mut reader, mut writer) = (ChunkReader::default(), ChunkWriter::default());
    for chunk in chunks {
        let mut out = Vec::new();
        writer.write(&reader.read(chunk.to_string().as_bytes()).unwrap(), &mut out);
        assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), chunk);
    }
}

/// How an upstream tells calls apart.
#[derive(Clone, Copy, Debug)]
enum Telling {
    /// By index, the id on the first piece.
    Index,
    /// By id alone, on each piece.
    Id,
    /// Every call is number 0; the id on each piece.
    ZeroAndId,
}

proptest! {
    #[test]
    fn interleaved_calls_come_together_again(
        pieces in prop::collection::vec((0..2_i64, 0..4_usize, "[a-z\u{4f60}\"]{0,3}"), 1..40),
        telling in prop_oneof![Just(Telling::Index), Just(Telling::Id), Just(Telling::ZeroAndId)],
    ) {
        let mut expected: BTreeMap<(i64, String), String> = BTreeMap::new();
        let (mut reader, mut writer) = (ChunkReader::default(), ChunkWriter::default());
        // As our caller puts them together: by choice and index.
        let mut got: BTreeMap<(i64, u64), (String, String)> = BTreeMap::new();
        for (choice, call, piece) in pieces {
            // Both choices use the same ids.
            let id = format!("call-{call}");
            let first = !expected.contains_key(&(choice, id.clone()));
            expected.entry((choice, id.clone())).or_default().push_str(&piece);
            let mut delta = json!({"function": {"arguments": piece}});
            match telling {
                Telling::Index => delta["index"] = json!(call),
                Telling::ZeroAndId => delta["index"] = json!(0),
                Telling::Id => {}
            }
            if first || !matches!(telling, Telling::Index) {
                delta["id"] = json!(id);
            }
            let chunk = json!({"choices": [{"index": choice, "delta": {"tool_calls": [delta]}}]});
            let mut out = Vec::new();
            writer.write(&reader.read(chunk.to_string().as_bytes()).unwrap(), &mut out);
            let written: Value = serde_json::from_slice(&out).unwrap();
            let call = &written["choices"][0]["delta"]["tool_calls"][0];
            let place = (choice, call["index"].as_u64().unwrap());
            let entry = got.entry(place).or_insert_with(|| (call["id"].as_str().unwrap().to_owned(), String::new()));
            entry.1.push_str(call["function"]["arguments"].as_str().unwrap());
        }
        let got: BTreeMap<_, _> = got.into_iter().map(|((choice, _), (id, text))| ((choice, id), text)).collect();
        prop_assert_eq!(got, expected);
    }
}
