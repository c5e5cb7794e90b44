//! What clients of OpenAI's interface rely on in a stream, whatever the vendor has sent.

use std::collections::BTreeMap;

use serde_json::Value;
use sluicegate::{proto::v1::ChatChunk, wire::openai::chat::ChunkWriter};

use super::{
    fixture::{assert_none, subjects},
    operation::{Operation, Streamed},
};

/// One choice of a stream, as far as it was told.
#[derive(Default)]
struct Told {
    finishes: usize,
    /// Ids of tool calls, by index.
    calls: BTreeMap<u64, String>,
}

#[test]
fn streams_are_as_clients_expect_them() {
    let mut wrong = Vec::new();
    for subject in subjects() {
        for case in subject.streams() {
            let operation = Operation::of_case(&case);
            let body = subject.stream(&case);
            let streamed =
                operation.stream(subject.adapter(), std::iter::once(body.as_slice()), &subject.settings());
            wrong.extend(
                unclean(operation, &streamed).map(|found| format!("{}/{case}: {found}", subject.0.name)),
            );
        }
    }
    assert_none(&wrong);
}

/// What is wrong with the chunks of a chat, as the REST edge writes them.
pub(super) fn unclean(operation: Operation, streamed: &Streamed) -> Option<String> {
    if operation != Operation::Chat {
        return None;
    }
    let mut writer = ChunkWriter::default();
    let (mut choices, mut ids) = (BTreeMap::<u64, Told>::new(), Vec::new());
    for chunk in &streamed.chunks {
        let chunk: ChatChunk = serde_json::from_value(chunk.clone()).expect("a chunk");
        let mut json = Vec::new();
        writer.write(&chunk, &mut json);
        let written: Value = serde_json::from_slice(&json).expect("JSON");
        ids.push([written["id"].to_string(), written["model"].to_string(), written["created"].to_string()]);
        for choice in written["choices"].as_array().expect("choices") {
            let index = choice["index"].as_u64().expect("an index");
            let is_first = !choices.contains_key(&index);
            let told = choices.entry(index).or_default();
            if let Some(found) = told.take(is_first, choice) {
                return Some(format!("choice {index}: {found} in {written}"));
            }
        }
    }
    ids.dedup();
    if ids.len() > 1 {
        return Some(format!("several identities: {ids:?}"));
    }
    let unfinished = choices.iter().find(|(_, told)| told.finishes != 1);
    unfinished
        .filter(|_| streamed.ended.is_ok())
        .map(|(index, told)| format!("choice {index}: {} finishes", told.finishes))
}

impl Told {
    fn take(&mut self, is_first: bool, choice: &Value) -> Option<String> {
        let delta = choice["delta"].as_object().expect("a delta");
        if is_first && delta.get("role").is_none_or(Value::is_null) {
            return Some("no role at its beginning".to_owned());
        }
        if self.finishes > 0 && delta.iter().any(|(name, value)| name != "role" && !value.is_null()) {
            return Some("more after its end".to_owned());
        }
        self.finishes += usize::from(!choice["finish_reason"].is_null());
        if self.finishes > 1 {
            return Some("a second end".to_owned());
        }
        for call in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            let index = call["index"].as_u64().expect("an index");
            let id = call["id"].as_str().unwrap_or_default();
            if self.calls.values().any(|known| !id.is_empty() && known == id)
                && self.calls.get(&index).is_none_or(|known| known != id)
            {
                return Some(format!("two calls with the id {id}"));
            }
            match self.calls.get(&index) {
                None if id.is_empty() || call["function"]["name"].as_str().unwrap_or_default().is_empty() => {
                    return Some(format!("call {index} begins without id or name"));
                }
                None => _ = self.calls.insert(index, id.to_owned()),
                Some(known) if !id.is_empty() && known != id => {
                    return Some(format!("call {index} is {known} and then {id}"));
                }
                Some(_) => {}
            }
        }
        None
    }
}
