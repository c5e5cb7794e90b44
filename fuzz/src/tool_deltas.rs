//! Tool calls in pieces: however an upstream numbers and names them, and however they interleave, each call comes
//! together again: from the chunks that `ChunkReader` makes, and from the JSON that `ChunkWriter` makes of those.
//!
//! Input: any bytes; the stream is made of them.

use std::collections::BTreeMap;

use super::text;
use arbitrary::{Result, Unstructured};
use serde_json::{Map, Value, json};
use sluicegate::{
    proto::v1::{ChatChunk, part_delta::Content},
    wire::openai::chat::{ChunkReader, ChunkWriter},
};

/// How an upstream tells calls apart. All of these are met.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Style {
    /// Index on all, id on the first.
    Index,
    /// Index and id on all.
    IndexAndId,
    /// Index on all, id on the first, and an empty id and name on the others.
    EmptyLater,
    /// Id on all, no index.
    Id,
    /// Index 0 on all, id on the first; one call after the other.
    AlwaysZero,
    /// Id on the first, no index; one call after the other.
    IdOnce,
    /// Nothing but the name on the first; one call after the other.
    NameOnly,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Call {
    id: String,
    name: String,
    arguments: String,
}

/// By index of the choice: its text, and its calls in the order in which they began.
type Answers = BTreeMap<i64, (String, Vec<Call>)>;

/// Holds the laws on one input.
pub fn check(bytes: &[u8]) {
    let mut expected = Answers::new();
    let Ok(stream) = stream(&mut Unstructured::new(bytes), &mut expected) else { return };
    let mut reader = ChunkReader::default();
    let chunks: Vec<ChatChunk> = stream
        .iter()
        .map(|chunk| {
            reader.read(chunk.to_string().as_bytes()).unwrap_or_else(|fault| panic!("{fault:?}: {chunk}"))
        })
        .collect();
    assert_eq!(of_chunks(&chunks), expected, "{stream:#?}");
    let mut writer = ChunkWriter::default();
    let written: Vec<Value> = chunks
        .iter()
        .map(|chunk| {
            let mut out = Vec::new();
            writer.write(chunk, &mut out);
            serde_json::from_slice(&out).expect("JSON")
        })
        .collect();
    assert_eq!(as_a_client(&written), expected, "{stream:#?}");
}

fn stream(from: &mut Unstructured<'_>, answers: &mut Answers) -> Result<Vec<Value>> {
    let style = *from.choose(&[
        Style::Index,
        Style::IndexAndId,
        Style::EmptyLater,
        Style::Id,
        Style::AlwaysZero,
        Style::IdOnce,
        Style::NameOnly,
    ])?;
    let (first_index, typed) = (from.int_in_range(0..=1)?, from.arbitrary()?);
    let mut chunks = Vec::new();
    for _ in 0..from.int_in_range(1..=16)? {
        let mut choices = Vec::new();
        for _ in 0..from.int_in_range(1..=3)? {
            let choice = from.int_in_range(0..=2)?;
            let (said, calls) = answers.entry(choice).or_default();
            let mut delta = Map::new();
            if from.ratio(1, 4)? {
                let more = text(from)?;
                said.push_str(&more);
                delta.insert("content".to_owned(), more.into());
            }
            let mut pieces = Vec::new();
            for _ in 0..from.int_in_range(0..=3)? {
                pieces.push(piece(style, first_index, typed, calls, from)?);
            }
            if !pieces.is_empty() {
                delta.insert("tool_calls".to_owned(), pieces.into());
            }
            // Members in an order that makes the index known last.
            choices.push(json!({"delta": delta, "index": choice}));
        }
        chunks.push(json!({"id": "c", "model": "m", "choices": choices}));
    }
    Ok(chunks)
}

/// Begins a call or goes on with one.
fn piece(
    style: Style,
    first_index: usize,
    typed: bool,
    calls: &mut Vec<Call>,
    from: &mut Unstructured<'_>,
) -> Result<Value> {
    let sequential = matches!(style, Style::AlwaysZero | Style::IdOnce | Style::NameOnly);
    let begins = calls.is_empty() || (calls.len() < 5 && from.ratio(1, 3)?);
    let rank = if begins {
        // Other choices use the same ids.
        let id = if style == Style::NameOnly { String::new() } else { format!("call_{}", calls.len()) };
        let name = (*from.choose(&["f", "g", "é\""])?).to_owned();
        calls.push(Call { id, name, arguments: String::new() });
        calls.len() - 1
    } else if sequential {
        calls.len() - 1
    } else {
        from.int_in_range(0..=calls.len() - 1)?
    };
    let more = text(from)?;
    let call = &mut calls[rank];
    call.arguments.push_str(&more);
    let mut function = json!({"arguments": more});
    let mut piece = json!({});
    match style {
        Style::Index | Style::IndexAndId | Style::EmptyLater => piece["index"] = (first_index + rank).into(),
        Style::AlwaysZero => piece["index"] = 0.into(),
        Style::Id | Style::IdOnce | Style::NameOnly => {}
    }
    if style != Style::NameOnly && (begins || matches!(style, Style::IndexAndId | Style::Id)) {
        piece["id"] = call.id.as_str().into();
    }
    if begins {
        function["name"] = call.name.as_str().into();
    } else if style == Style::EmptyLater {
        (piece["id"], function["name"]) = ("".into(), "".into());
    }
    if begins || typed {
        piece["type"] = "function".into();
    }
    piece["function"] = function;
    Ok(piece)
}

/// Puts our chunks together by the index of their parts.
fn of_chunks(chunks: &[ChatChunk]) -> Answers {
    let mut parts = BTreeMap::<(i64, i32), Result<Call, String>>::new();
    let mut answers = Answers::new();
    for choice in chunks.iter().flat_map(|chunk| &chunk.choices) {
        answers.entry(choice.index.into()).or_default();
        for delta in &choice.parts {
            let part = parts.entry((choice.index.into(), delta.index));
            match delta.content.as_ref().expect("a delta adds something") {
                Content::Text(text) => match part.or_insert(Err(String::new())) {
                    Ok(call) => panic!("text continues {call:?}"),
                    Err(said) => said.push_str(&text.text),
                },
                Content::ToolCall(more) => match part.or_insert(Ok(Call::default())) {
                    Ok(call) => call.take(&more.id, &more.name, &more.arguments_json_fragment),
                    Err(said) => panic!("a call continues {said:?}"),
                },
                other => panic!("nobody sent {other:?}"),
            }
        }
    }
    for ((choice, _), part) in parts {
        let (said, calls) = answers.entry(choice).or_default();
        match part {
            Ok(call) => calls.push(call),
            Err(text) => said.push_str(&text),
        }
    }
    answers
}

/// Puts JSON together as the SDKs of OpenAI do: by index, which must be there and count from 0 without gaps.
fn as_a_client(chunks: &[Value]) -> Answers {
    let mut answers = Answers::new();
    for choice in chunks.iter().flat_map(|chunk| chunk["choices"].as_array().expect("choices")) {
        let (said, calls) = answers.entry(choice["index"].as_i64().expect("an index")).or_default();
        let delta = &choice["delta"];
        said.push_str(delta["content"].as_str().unwrap_or_default());
        for more in delta["tool_calls"].as_array().map_or(&[][..], Vec::as_slice) {
            let rank = more["index"].as_u64().and_then(|rank| usize::try_from(rank).ok()).expect("an index");
            if rank == calls.len() {
                assert!(more["id"].is_string() && more["type"] == "function", "{more}");
                calls.push(Call::default());
            }
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let function = &more["function"];
            calls[rank].take(&text(&more["id"]), &text(&function["name"]), &text(&function["arguments"]));
        }
    }
    answers
}

impl Call {
    fn take(&mut self, id: &str, name: &str, arguments: &str) {
        for (own, new) in [(&mut self.id, id), (&mut self.name, name)] {
            assert!(own.is_empty() || new.is_empty() || own == new, "{own} becomes {new}");
            if own.is_empty() {
                own.push_str(new);
            }
        }
        self.arguments.push_str(arguments);
    }
}
