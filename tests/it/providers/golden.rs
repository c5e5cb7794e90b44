//! Golden files: what is asked, and how answers, streams and errors are read.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use sluicegate::{
    error::Result,
    providers::{Endpoint, Outbound},
};

use super::{
    decode::Ended,
    fixture::{self, Review, Subject, assert_none, cases, pretty, pretty_value, read, subjects},
    operation::{Operation, Streamed, error_json},
};

/// An upstream's answer that is not a success.
#[derive(Deserialize)]
pub(super) struct Failure {
    pub(super) status: u16,
    #[serde(default)]
    pub(super) headers: std::collections::BTreeMap<String, String>,
    /// As text, or as the JSON that it is.
    pub(super) body: Box<RawValue>,
}

#[test]
fn every_request_becomes_what_the_vendor_wants() {
    let mut review = Review::of_fixtures();
    subjects().for_each(|subject| review_requests(subject, &mut review));
    assert_none(&review.wrong);
}

/// Golden files of one provider type.
pub(super) fn review_requests(subject: Subject, review: &mut Review) {
    let all = cases(&fixture::requests(), ".json");
    assert!(all.len() >= 10, "requests to send");
    let (folder, own) = (subject.folder("requests"), subject.folder("asks"));
    let shared = all.iter().map(|case| (case, fixture::requests(), Some(subject.model(case))));
    let own_cases = cases(&own, ".json");
    let asked = shared.chain(own_cases.iter().map(|case| (case, own.clone(), None)));
    for (case, from, model) in asked {
        let body = read(&from.join(format!("{case}.json")));
        let named = || serde_json::from_slice::<Value>(&body).ok()?["model"].as_str().map(str::to_owned);
        let model = model.or_else(named).expect("a model");
        let asked = Operation::of_case(case).ask(subject.adapter(), &body, None, &model, &subject.settings());
        review.expect(&folder.join(format!("{case}.json")), &outbound(asked));
    }
    review.expect_no_others(&folder, ".json", &[all.as_slice(), own_cases.as_slice()].concat());
}

#[test]
fn every_answer_is_read() {
    let mut review = Review::of_fixtures();
    subjects().for_each(|subject| review_answers(subject, &mut review));
    assert_none(&review.wrong);
}

/// Golden files of one provider type.
pub(super) fn review_answers(subject: Subject, review: &mut Review) {
    let folder = subject.folder("answers");
    let all = cases(&folder, ".reply.json");
    for case in &all {
        let reply = upstream_bytes(subject, case, false, review);
        let answer = Operation::of_case(case).answer(subject.adapter(), &reply, &subject.settings());
        let answer = answer.unwrap_or_else(|error| json!({"error": error_json(&error)}));
        review.expect(&folder.join(format!("{case}.answer.json")), &pretty_value(&answer));
    }
    review.expect_no_others(&folder, ".answer.json", &all);
}

#[test]
fn every_stream_is_read() {
    let mut review = Review::of_fixtures();
    subjects().for_each(|subject| review_streams(subject, &mut review));
    assert_none(&review.wrong);
}

/// Golden files of one provider type.
pub(super) fn review_streams(subject: Subject, review: &mut Review) {
    let folder = subject.folder("answers");
    let all = subject.streams();
    for case in &all {
        let body = upstream_bytes(subject, case, true, review);
        let pieces = std::iter::once(body.as_slice());
        let Streamed { chunks, ended } =
            Operation::of_case(case).stream(subject.adapter(), pieces, &subject.settings());
        let ended = match ended {
            Ok(Ended::Said) => json!("the upstream said so"),
            Ok(Ended::Closed) => json!("the body ended"),
            Err(error) => json!({"error": error_json(&error)}),
        };
        let golden = json!({"chunks": chunks, "ended": ended});
        review.expect(&folder.join(format!("{case}.chunks.json")), &pretty_value(&golden));
    }
    review.expect_no_others(&folder, ".chunks.json", &all);
}

#[test]
fn every_error_is_read() {
    let mut review = Review::of_fixtures();
    subjects().for_each(|subject| review_errors(subject, &mut review));
    assert_none(&review.wrong);
}

/// Golden files of one provider type.
pub(super) fn review_errors(subject: Subject, review: &mut Review) {
    let folder = subject.folder("errors");
    let all: Vec<_> =
        cases(&folder, ".json").into_iter().filter(|case| !case.ends_with(".expected")).collect();
    for case in &all {
        let failure: Failure =
            serde_json::from_slice(&read(&folder.join(format!("{case}.json")))).expect(case);
        let error = subject.adapter().error(
            StatusCode::from_u16(failure.status).expect("a status"),
            &failure.headers(),
            &failure.body(),
        );
        review.expect(&folder.join(format!("{case}.expected.json")), &pretty_value(&error_json(&error)));
    }
    review.expect_no_others(&folder, ".expected.json", &all);
}

/// The upstream's bytes of a case. Those of a built-in type are golden themselves: they are its own answer.
pub(super) fn upstream_bytes(subject: Subject, case: &str, stream: bool, review: &mut Review) -> Vec<u8> {
    let end = if stream { "stream.txt" } else { "reply.json" };
    let path = subject.folder("answers").join(format!("{case}.{end}"));
    if let Endpoint::BuiltIn(respond) = subject.0.endpoint {
        let request = fixture::requests().join(format!("{case}.json"));
        let body = if request.exists() { read(&request) } else { Vec::new() };
        let settings = subject.settings();
        let operation = Operation::of_case(case);
        let asked = operation
            .ask(subject.adapter(), &body, Some(stream), &subject.model(case), &settings)
            .expect(case);
        let reply = respond(&asked, &settings);
        assert_eq!(reply.status, StatusCode::OK, "{case}");
        let bytes: Vec<u8> = reply.body.iter().flat_map(|(_, piece)| piece.to_vec()).collect();
        let text = String::from_utf8(bytes).expect("text");
        review.expect(&path, &if stream { text } else { pretty(&text) });
    }
    if stream { subject.stream(case) } else { read(&path) }
}

fn outbound(asked: Result<Outbound>) -> String {
    let asked = match asked {
        Ok(asked) => asked,
        Err(error) => return pretty_value(&json!({"refused": error_json(&error)})),
    };
    let headers: Vec<_> = asked
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().expect("text")))
        .collect();
    let mut head = json!({"method": asked.method.as_str(), "path": asked.path, "dropped": asked.dropped});
    if !headers.is_empty() {
        head["headers"] = json!(headers);
    }
    // The body goes in as it is, to the last byte.
    let head = head.to_string();
    let open = head.strip_suffix('}').expect("an object");
    pretty(&format!("{open},\"body\":{}}}", std::str::from_utf8(&asked.body).expect("text")))
}

// === impl Failure ===

impl Failure {
    pub(super) fn headers(&self) -> HeaderMap {
        let header = |(name, value): (&String, &String)| {
            let name: HeaderName = name.parse().expect("a header name");
            (name, HeaderValue::from_str(value).expect("a header value"))
        };
        self.headers.iter().map(header).collect()
    }

    pub(super) fn body(&self) -> Vec<u8> {
        match serde_json::from_str::<Value>(self.body.get()).expect("JSON") {
            Value::String(text) => text.into_bytes(),
            _ => self.body.get().as_bytes().to_vec(),
        }
    }
}
