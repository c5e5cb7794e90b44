//! Laws over every fixture. The functions are shared with the recordings.

use std::collections::BTreeMap;

use serde_json::Value;
use sluicegate::{
    error::{Error, Reason},
    providers::{Adapter, Endpoint, Settings},
    wire::Framing,
};

use super::{
    decode::payloads,
    fixture::{self, Subject, assert_none, cases, read, subjects},
    join::{comparable, join},
    normal::{difference, normal},
    operation::{Operation, Streamed},
};
use crate::event_stream;

/// Every upstream stream of the fixtures.
fn streams() -> Vec<(Subject, String, Vec<u8>)> {
    let mut all = Vec::new();
    for subject in subjects() {
        for case in subject.streams() {
            let body = subject.stream(&case);
            all.push((subject, case, body));
        }
    }
    assert!(!all.is_empty(), "streams to read");
    all
}

/// Every unstreamed upstream answer of the fixtures.
fn replies() -> Vec<(Subject, String, Vec<u8>)> {
    let mut all = Vec::new();
    for subject in subjects() {
        let folder = subject.folder("answers");
        for case in cases(&folder, ".reply.json") {
            let body = read(&folder.join(format!("{case}.reply.json")));
            all.push((subject, case, body));
        }
    }
    assert!(!all.is_empty(), "answers to read");
    all
}

#[test]
fn requests_survive_the_round_trip() {
    let mut wrong = Vec::new();
    for case in cases(&fixture::requests(), ".json") {
        let body = read(&fixture::requests().join(format!("{case}.json")));
        wrong.extend(request_differs(Operation::of_case(&case), &body).map(|found| format!("{case}{found}")));
    }
    for subject in subjects() {
        for case in cases(&subject.folder("asks"), ".json") {
            let body = read(&subject.folder("asks").join(format!("{case}.json")));
            let found = request_differs(Operation::of_case(&case), &body);
            wrong.extend(found.map(|found| format!("{}/{case}{found}", subject.0.name)));
        }
    }
    assert_none(&wrong);
}

#[test]
fn answers_survive_the_round_trip() {
    let mut wrong = Vec::new();
    for (subject, case, body) in replies() {
        if speaks_openai(&body) {
            let found = answer_differs(Operation::of_case(&case), &body);
            wrong.extend(found.map(|found| format!("{}/{case}{found}", subject.0.name)));
        }
    }
    assert_none(&wrong);
}

#[test]
fn chunks_survive_the_round_trip() {
    let mut wrong = Vec::new();
    for (subject, case, body) in streams() {
        let found = chunks_differ(Operation::of_case(&case), subject.adapter(), &body);
        wrong.extend(found.map(|found| format!("{}/{case}{found}", subject.0.name)));
    }
    assert_none(&wrong);
}

#[test]
fn streams_may_come_in_any_pieces() {
    let mut wrong = Vec::new();
    for (subject, case, body) in streams() {
        let operation = Operation::of_case(&case);
        let found = chopped_differs(operation, subject.adapter(), &body, &subject.settings());
        wrong.extend(found.map(|found| format!("{}/{case}{found}", subject.0.name)));
    }
    assert_none(&wrong);
}

#[test]
fn streams_end_finished_or_as_an_error_and_show_usage_once() {
    let mut wrong = Vec::new();
    for (subject, case, body) in streams() {
        let pieces = std::iter::once(body.as_slice());
        let streamed = Operation::of_case(&case).stream(subject.adapter(), pieces, &subject.settings());
        wrong.extend(ends_badly(&streamed).map(|found| format!("{}/{case}: {found}", subject.0.name)));
    }
    assert_none(&wrong);
}

#[test]
fn cut_streams_never_pass_for_finished() {
    let mut wrong = Vec::new();
    for (subject, case, body) in streams() {
        let operation = Operation::of_case(&case);
        let found = cut_passes(operation, subject.adapter(), &body, &subject.settings(), usize::MAX);
        wrong.extend(found.map(|found| format!("{}/{case}{found}", subject.0.name)));
    }
    assert_none(&wrong);
}

#[test]
fn chunks_sum_to_the_unstreamed_answer() {
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for (subject, case, body) in streams() {
        let folder = subject.folder("answers");
        if !folder.join(format!("{case}.reply.json")).exists() {
            continue;
        }
        let operation = Operation::of_case(&case);
        let reply = read(&folder.join(format!("{case}.reply.json")));
        let answer = operation.answer(subject.adapter(), &reply, &subject.settings());
        let streamed =
            operation.stream(subject.adapter(), std::iter::once(body.as_slice()), &subject.settings());
        let answer = match answer {
            Ok(answer) => answer,
            // What is an error in one piece is the same error as a stream.
            Err(error) => {
                let ended = streamed.ended.as_ref().err().map(Error::reason);
                assert_eq!(ended, Some(error.reason()), "{}/{case}", subject.0.name);
                continue;
            }
        };
        let found = difference(&comparable(answer), &join(operation, &streamed.chunks));
        wrong.extend(found.map(|found| format!("{}/{case}{found}", subject.0.name)));
        compared += 1;
    }
    assert!(compared > 0, "streams with an unstreamed twin");
    assert_none(&wrong);
}

#[test]
fn built_in_models_answer_every_request_alike_whole_and_streamed() {
    let mut wrong = Vec::new();
    for subject in subjects() {
        let Endpoint::BuiltIn(respond) = subject.0.endpoint else { continue };
        let settings = subject.settings();
        for case in cases(&fixture::requests(), ".json") {
            let operation = Operation::of_case(&case);
            let body = read(&fixture::requests().join(format!("{case}.json")));
            let bytes = |stream| -> Vec<u8> {
                let asked =
                    operation.ask(subject.adapter(), &body, Some(stream), &subject.model(&case), &settings);
                let reply = respond(&asked.expect(&case), &settings);
                reply.body.iter().flat_map(|(_, piece)| piece.to_vec()).collect()
            };
            let answer = operation.answer(subject.adapter(), &bytes(false), &settings).expect(&case);
            if matches!(operation, Operation::Chat | Operation::Complete) {
                let body = bytes(true);
                let streamed =
                    operation.stream(subject.adapter(), std::iter::once(body.as_slice()), &settings);
                let found = difference(&comparable(answer), &join(operation, &streamed.chunks));
                wrong.extend(found.or(ends_badly(&streamed)).map(|found| format!("{case}{found}")));
            }
        }
    }
    assert_none(&wrong);
}

/// A stream that is whole, cut at so many places at most: one that then passes for finished must say the same.
pub(super) fn cut_passes(
    operation: Operation,
    adapter: &dyn Adapter,
    body: &[u8],
    settings: &Settings,
    most: usize,
) -> Option<String> {
    let stream = |body| operation.stream(adapter, std::iter::once(body), settings);
    let whole = stream(body);
    if whole.ended.is_err() {
        return None;
    }
    let whole = without_usage(join(operation, &whole.chunks));
    let cuts: Vec<_> = cuts(adapter.framing(), body).collect();
    let step = cuts.len().div_ceil(most).max(1);
    cuts.into_iter().step_by(step).find_map(|end| {
        let cut = stream(&body[..end]);
        let found = match cut.ended {
            // What follows the finish of every choice is usage and the farewell.
            Ok(_) => difference(&whole, &without_usage(join(operation, &cut.chunks))),
            Err(error) if error.reason() == Reason::StreamTruncated => None,
            Err(error) => Some(format!(": {error:?}")),
        };
        found.map(|found| format!(" cut at {end}{found}"))
    })
}

/// Where a body is cut: around the end of each line or binary frame, and within it.
fn cuts(framing: Framing, body: &[u8]) -> impl Iterator<Item = usize> {
    let ends = match framing {
        Framing::AwsEventStream => event_stream::ends(body),
        Framing::Sse | Framing::JsonLines => {
            body.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect()
        }
    };
    let cuts = ends.into_iter().flat_map(|end| [end.saturating_sub(20), end.saturating_sub(1), end, end + 1]);
    cuts.filter(|end| *end < body.len())
}

/// Law 1 on a request in OpenAI's format.
pub(super) fn request_differs(operation: Operation, body: &[u8]) -> Option<String> {
    // How vectors are packed is between the edge and its caller.
    let asked = |body: &[u8]| {
        let mut normal = normal(body);
        let members = normal.as_object_mut().expect("an object");
        // What is meant for one vendor is merged into its body; it has no member there.
        members.shift_remove("provider_options");
        members.shift_remove("encoding_format");
        normal
    };
    match operation.rewrite_request(body) {
        Ok(written) => difference(&asked(body), &asked(&written)).map(|found| format!(" request{found}")),
        Err(wrong) => Some(format!(" request: {wrong:?}")),
    }
}

/// Law 1 on an answer in OpenAI's format.
pub(super) fn answer_differs(operation: Operation, body: &[u8]) -> Option<String> {
    match operation.rewrite_answer(body)? {
        Ok(written) => difference(&normal(body), &normal(&written)).map(|found| format!(" answer{found}")),
        Err(wrong) => Some(format!(" answer: {wrong:?}")),
    }
}

/// Law 1 on the chunks of a stream in OpenAI's format.
pub(super) fn chunks_differ(operation: Operation, adapter: &dyn Adapter, body: &[u8]) -> Option<String> {
    let mut chunks = payloads(adapter.framing(), body);
    chunks.retain(|event| speaks_openai(event));
    // Chunks refer back to others of the same id only.
    let id = |chunk: &Vec<u8>| normal(chunk)["id"].clone();
    chunks.chunk_by(|one, other| id(one) == id(other)).find_map(|chunks| {
        match operation.rewrite_chunks(chunks) {
            Ok(written) => ranked(chunks).iter().zip(&written).find_map(|(before, after)| {
                difference(before, &normal(after)).map(|found| format!(" chunk{found}"))
            }),
            Err(wrong) => Some(format!(" chunk: {wrong:?}")),
        }
    })
}

/// Chunks in normal form, calls of tools counted from 0 in the order in which they appear: not all vendors do.
fn ranked(chunks: &[Vec<u8>]) -> Vec<Value> {
    let mut seen: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut chunks: Vec<_> = chunks.iter().map(|chunk| normal(chunk)).collect();
    let lists = chunks.iter_mut().filter_map(|chunk| chunk.get_mut("choices")?.as_array_mut());
    for choice in lists.flatten() {
        let known = seen.entry(choice["index"].to_string()).or_default();
        let calls = choice.pointer_mut("/delta/tool_calls").and_then(Value::as_array_mut);
        for call in calls.into_iter().flatten() {
            let index = call["index"].clone();
            let rank = known.iter().position(|other| *other == index).unwrap_or_else(|| {
                known.push(index);
                known.len() - 1
            });
            call["index"] = rank.into();
        }
    }
    chunks
}

/// Law 2.
pub(super) fn chopped_differs(
    operation: Operation,
    adapter: &dyn Adapter,
    body: &[u8],
    settings: &Settings,
) -> Option<String> {
    let whole = operation.stream(adapter, std::iter::once(body), settings);
    let bytes = operation.stream(adapter, body.chunks(1), settings);
    let differs = difference(&Value::from(whole.chunks), &Value::from(bytes.chunks));
    let ends = |streamed: &Result<_, Error>| format!("{streamed:?}");
    differs
        .or_else(|| (ends(&whole.ended) != ends(&bytes.ended)).then(|| ": ends in another way".to_owned()))
        .map(|found| format!(" byte by byte{found}"))
}

/// The end rule of law 3: finished, or a truncation, or the upstream's own error; and usage at most once.
pub(super) fn ends_badly(streamed: &Streamed) -> Option<String> {
    let usages = streamed.chunks.iter().filter(|chunk| chunk.get("usage").is_some()).count();
    if usages > 1 {
        return Some(format!("usage {usages} times"));
    }
    let last = streamed.chunks.last();
    if usages == 1 && last.is_some_and(|chunk| chunk.get("usage").is_none()) {
        return Some("usage before the last chunk".to_owned());
    }
    match &streamed.ended {
        Ok(_) if streamed.chunks.is_empty() => Some("finished without a chunk".to_owned()),
        Ok(_) => None,
        Err(error) if error.reason() == Reason::ProviderBadAnswer => Some(format!("{error:?}")),
        Err(_) => None,
    }
}

/// An answer without what may come after the finish of every choice.
fn without_usage(mut answer: Value) -> Value {
    answer["usage"].take();
    answer["serviceTier"].take();
    // Null and absent are the same.
    normal(answer.to_string().as_bytes())
}

/// Whether a body is in OpenAI's format.
pub(super) fn speaks_openai(body: &[u8]) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let object = body["object"].as_str().unwrap_or_default();
    object.starts_with("chat.completion") || object == "text_completion" || object == "list"
}
