//! The built-in model: it needs no account and no network, and the same request always gets the same answer.
//!
//! Here: a pure function from an OpenAI request to timed OpenAI bytes, which then pass the same driver, decoder, lease and
//! meter as any vendor's. Not here: waiting (the driver does it). Imported by the registry only.

mod body;
mod chat;
mod completion;
mod embedding;
mod logprobs;
mod question;
mod say;
mod schema;
mod text;
mod tools;
mod write;

use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use self::body::Refused;
use super::{
    Auth, BuiltInReply, Endpoint, Outbound, ProviderType, Setting, Settings,
    openai_dialect::{ALL_OPERATIONS, Dialect, Quirks},
};

const NAME: &str = "demo";

/// The one model there is.
const MODEL: &str = "demo";

/// There is no clock here, so every answer claims to be made at the start of 2026.
const CREATED: i64 = 1_767_225_600;

const FIRST_DELAY: Setting = Setting {
    name: "first_delay_ms",
    required: false,
    help: "milliseconds before the first byte of an answer, 0 to 60000; default 0",
    check: check_delay,
};

const DELAY: Setting = Setting {
    name: "delay_ms",
    required: false,
    help: "milliseconds between the chunks of a stream, 0 to 60000; default 0",
    check: check_delay,
};

const LONGEST_DELAY_MS: u64 = 60_000;

/// The registry row.
pub(super) static ROW: ProviderType = ProviderType {
    name: NAME,
    title: "Built-in demo model",
    endpoint: Endpoint::BuiltIn(respond),
    auth: &[Auth::None],
    settings: &[FIRST_DELAY, DELAY],
    environment: &[],
    adapter: &Dialect {
        provider_type: NAME,
        operations: ALL_OPERATIONS,
        quirks: Quirks { always_says_done: true, ..Quirks::NONE },
    },
};

/// What a request leads to.
enum Answer {
    Whole(Value),
    Stream(Vec<Value>),
}

/// Answers one request, as an upstream that speaks OpenAI's protocol would.
fn respond(request: &Outbound, settings: &Settings) -> BuiltInReply {
    let first = delay(settings, FIRST_DELAY.name);
    let between = delay(settings, DELAY.name);
    let whole =
        |status, body: Value| BuiltInReply { status, body: vec![(first, Bytes::from(body.to_string()))] };
    match route(request) {
        Ok(Answer::Whole(body)) => whole(StatusCode::OK, body),
        Err(refused) => whole(refused.status(), refused.body()),
        Ok(Answer::Stream(chunks)) => {
            let events = chunks.iter().map(|chunk| format!("data: {chunk}\n\n"));
            let done = std::iter::once("data: [DONE]\n\n".to_owned());
            let waits = std::iter::once(first).chain(std::iter::repeat(between));
            BuiltInReply {
                status: StatusCode::OK,
                body: waits.zip(events.chain(done).map(Bytes::from)).collect(),
            }
        }
    }
}

fn route(request: &Outbound) -> Result<Answer, Refused> {
    let path = request.path.split('?').next().unwrap_or_default();
    match (&request.method, path) {
        (&Method::POST, "/chat/completions") => chat::answer(&request.body),
        (&Method::POST, "/completions") => completion::answer(&request.body),
        (&Method::POST, "/embeddings") => embedding::answer(&request.body),
        (&Method::GET, "/models") => Ok(Answer::Whole(json!({"object": "list", "data": [model()]}))),
        (method, path) => Err(Refused::new(
            StatusCode::NOT_FOUND,
            format!("the demo model does not answer {method} {path}"),
        )),
    }
}

fn model() -> Value {
    json!({"id": MODEL, "object": "model", "created": CREATED, "owned_by": "sluicegate"})
}

fn delay(settings: &Settings, name: &str) -> Duration {
    let milliseconds = settings.get(name).and_then(|text| text.parse().ok()).unwrap_or(0);
    Duration::from_millis(LONGEST_DELAY_MS.min(milliseconds))
}

fn check_delay(text: &str) -> Result<(), &'static str> {
    match text.parse::<u64>() {
        Ok(0..=LONGEST_DELAY_MS) => Ok(()),
        Ok(_) | Err(_) => Err("give a whole number of milliseconds from 0 to 60000"),
    }
}

#[cfg(test)]
mod tests;
