use serde_json::{Value, json};

use crate::{
    proto::v1::{
        ChatChunk, ChatRequest, ChoiceDelta, PartDelta, RedactedThinkingPart, ThinkingDelta, part::Content,
        part_delta,
    },
    wire::openai::{
        Spelling,
        chat::{ChunkReader, ChunkWriter, Wanted, read_request, unsaid, write_request},
    },
};

fn read(message: &Value) -> ChatRequest {
    let body = json!({"model": "m", "messages": [message]});
    read_request(body.to_string().as_bytes()).unwrap().0
}

fn write(request: &ChatRequest, spelling: &Spelling) -> Value {
    let wanted = Wanted { model: "m", stream: false, spelling, stream_options: None };
    let written: Value = serde_json::from_slice(&write_request(request, &wanted).unwrap()).unwrap();
    written["messages"][0].clone()
}

fn blocks() -> Value {
    json!([
        {"type": "thinking", "thinking": "a", "signature": "Eq+/=="},
        {"type": "redacted_thinking", "data": "ZGF0YQ=="},
        {"type": "thinking", "thinking": "", "signature": "c2ln", "hint": 1},
    ])
}

#[test]
fn proofs_of_thoughts_survive_the_round_trip() {
    let message =
        json!({"role": "assistant", "content": "b", "reasoning_content": "a", "thinking_blocks": blocks()});
    let request = read(&message);
    let parts = &request.messages[0].parts;
    assert!(matches!(&parts[0].content, Some(Content::Thinking(it)) if it.signature == "Eq+/=="));
    assert!(matches!(&parts[1].content, Some(Content::RedactedThinking(it)) if it.data == "ZGF0YQ=="));
    assert_eq!(write(&request, &Spelling::OURS), message);
    assert_eq!(unsaid(&request, &Spelling::OURS), Vec::<&str>::new());
}

#[test]
fn proofs_do_not_reach_who_takes_none_and_that_is_told() {
    let request = read(
        &json!({"role": "assistant", "content": "b", "reasoning_content": "a", "thinking_blocks": blocks()}),
    );
    let expected = json!({"role": "assistant", "content": "b", "reasoning_content": "a"});
    assert_eq!(write(&request, &Spelling::VENDORS), expected);
    assert_eq!(unsaid(&request, &Spelling::VENDORS), ["thinking.signature", "redacted_thinking"]);
}

#[test]
fn blocks_that_say_something_else_stay_as_they_are() {
    for blocks in [
        json!([{"type": "thinking", "thinking": "a"}]),
        json!([{"type": "thinking", "thinking": "a", "signature": ""}]),
        json!([{"type": "redacted_thinking"}]),
        json!([{"type": "dream", "data": "a"}]),
        json!([]),
        json!("a"),
    ] {
        let message =
            json!({"role": "assistant", "content": "b", "reasoning_content": "a", "thinking_blocks": blocks});
        assert_eq!(write(&read(&message), &Spelling::OURS), message);
    }
    let other_words = json!({"role": "assistant", "content": "b", "reasoning_content": "short", "thinking_blocks":
        [{"type": "thinking", "thinking": "long", "signature": "s"}]});
    assert_eq!(write(&read(&other_words), &Spelling::OURS), other_words);
}

fn chunk(parts: Vec<PartDelta>) -> ChatChunk {
    ChatChunk { choices: vec![ChoiceDelta { parts, ..ChoiceDelta::default() }], ..ChatChunk::default() }
}

fn thinking(index: i32, text: &str, signature: &'static str) -> PartDelta {
    let content = ThinkingDelta { text: text.to_owned(), signature: signature.into() };
    PartDelta { index, content: Some(part_delta::Content::Thinking(content)), ..PartDelta::default() }
}

/// Two thoughts in pieces, one that nobody can read between them.
fn stream() -> Vec<ChatChunk> {
    let redacted = part_delta::Content::RedactedThinking(RedactedThinkingPart { data: "eA==".into() });
    vec![
        chunk(vec![thinking(0, "Two ", "")]),
        chunk(vec![thinking(0, "and two", "")]),
        chunk(vec![thinking(0, "", "sig-1")]),
        chunk(vec![PartDelta { index: 1, content: Some(redacted), ..PartDelta::default() }]),
        chunk(vec![thinking(2, "make four", "")]),
        chunk(vec![thinking(2, "", "sig-2")]),
    ]
}

#[test]
fn a_client_puts_the_blocks_of_a_stream_together() {
    let (mut writer, mut blocks, mut reasoning) = (ChunkWriter::default(), Vec::new(), String::new());
    for chunk in stream() {
        let mut out = Vec::new();
        writer.write(&chunk, &mut out);
        let delta = serde_json::from_slice::<Value>(&out).unwrap()["choices"][0]["delta"].clone();
        reasoning += delta["reasoning_content"].as_str().unwrap_or_default();
        for mut block in delta["thinking_blocks"].as_array().cloned().unwrap_or_default() {
            assert_eq!(block["index"], blocks.len(), "each comes once, whole");
            block.as_object_mut().unwrap().remove("index");
            blocks.push(block);
        }
    }
    assert_eq!(reasoning, "Two and twomake four");
    let expected = json!([
        {"type": "thinking", "thinking": "Two and two", "signature": "sig-1"},
        {"type": "redacted_thinking", "data": "eA=="},
        {"type": "thinking", "thinking": "make four", "signature": "sig-2"},
    ]);
    assert_eq!(Value::from(blocks), expected);
}

#[test]
fn another_gateway_reads_the_stream_as_it_was() {
    let (mut writer, mut reader) = (ChunkWriter::default(), ChunkReader::default());
    for chunk in stream() {
        let mut out = Vec::new();
        writer.write(&chunk, &mut out);
        assert_eq!(reader.read(&out).unwrap(), chunk);
    }
}

#[test]
fn foreign_blocks_of_a_stream_survive() {
    let (mut reader, mut writer) = (ChunkReader::default(), ChunkWriter::default());
    for delta in [
        json!({"reasoning_content": "a", "thinking_blocks": [{"type": "thinking", "thinking": "a", "signature": ""}]}),
        json!({"thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "s"}]}),
        json!({"thinking_blocks": [{"index": 0, "type": "thinking", "thinking": "other", "signature": "s"}]}),
        json!({"thinking_blocks": [{"index": 7, "type": "redacted_thinking", "data": "x"}]}),
    ] {
        let chunk = json!({"choices": [{"index": 0, "delta": delta}]});
        let mut out = Vec::new();
        writer.write(&reader.read(chunk.to_string().as_bytes()).unwrap(), &mut out);
        assert_eq!(serde_json::from_slice::<Value>(&out).unwrap()["choices"][0]["delta"], delta);
    }
}
