//! The demo model: any JSON Schema, any request. It answers or refuses, in bounded time and size.
//!
//! Input: a letter that chooses what the bytes are, then the bytes: `s` a schema for the answer, `t` one for a tool's
//! arguments, `q` a chat, `c` a completion, `e` a request for embeddings. A capital letter: it is made of the bytes.

use super::{body, names};
use arbitrary::Unstructured;
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use sluicegate::providers::{BuiltInReply, Endpoint, Outbound, Settings, provider_type};

/// More than any answer needs.
const LARGEST_ANSWER: usize = 64 << 20;

/// Holds the laws on one input.
pub fn check(input: &[u8]) {
    let Some((&letter, rest)) = input.split_first() else { return };
    let (of, path) = match letter.to_ascii_lowercase() {
        b's' | b't' => (names::SCHEMA, "/chat/completions"),
        b'q' => (names::CHAT, "/chat/completions"),
        b'c' => (names::COMPLETION, "/completions"),
        b'e' => (names::EMBEDDING, "/embeddings"),
        _ => return,
    };
    let given =
        if letter.is_ascii_uppercase() { body(of, &mut Unstructured::new(rest)) } else { rest.to_vec() };
    let Ok(mut value) = serde_json::from_slice::<Value>(&given) else {
        answered(path, &given);
        return;
    };
    match letter.to_ascii_lowercase() {
        b's' => fits_the_form(&json!({
            "model": "demo", "messages": [{"role": "user", "content": "Hi"}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": value}},
        })),
        b't' => calls_the_tool(&json!({
            "model": "demo", "messages": [{"role": "user", "content": "Hi"}], "tool_choice": "required", "stream": true,
            "tools": [{"type": "function", "function": {"name": "f", "parameters": value}}],
        })),
        _ => {
            if let Value::Object(members) = &mut value {
                members.insert("model".to_owned(), "demo".into());
            }
            answered(path, value.to_string().as_bytes());
        }
    }
}

fn fits_the_form(request: &Value) {
    let Some(answer) = answered("/chat/completions", request.to_string().as_bytes()) else { return };
    let text = answer[0]["choices"][0]["message"]["content"].as_str().expect("text");
    serde_json::from_str::<Value>(text).expect("the answer is JSON");
}

fn calls_the_tool(request: &Value) {
    let Some(chunks) = answered("/chat/completions", request.to_string().as_bytes()) else { return };
    let piece = |chunk: &Value| {
        let function = &chunk["choices"][0]["delta"]["tool_calls"][0]["function"];
        function["arguments"].as_str().unwrap_or_default().to_owned()
    };
    let arguments: String = chunks.iter().map(piece).collect();
    serde_json::from_str::<Value>(&arguments).expect("the arguments are JSON");
}

/// The bodies of an answer: one, or one a chunk. `None`: the request was refused.
fn answered(path: &str, body: &[u8]) -> Option<Vec<Value>> {
    let row = provider_type("demo").expect("the demo row");
    let Endpoint::BuiltIn(respond) = row.endpoint else { panic!("the demo model is built in") };
    let request = Outbound {
        method: Method::POST,
        path: path.to_owned(),
        headers: HeaderMap::new(),
        body: body.to_vec().into(),
        dropped: Vec::new(),
    };
    let BuiltInReply { status, body } = respond(&request, &Settings::new());
    let size: usize = body.iter().map(|(_, piece)| piece.len()).sum();
    assert!(size <= LARGEST_ANSWER, "{size} bytes of answer to {} of request", request.body.len());
    let streamed = body.first().is_some_and(|(_, piece)| piece.starts_with(b"data: "));
    if !streamed {
        let whole: Vec<u8> = body.iter().flat_map(|(_, piece)| piece.to_vec()).collect();
        let whole: Value = serde_json::from_slice(&whole).expect("the answer is JSON");
        assert_eq!(whole.get("error").is_some(), !status.is_success(), "{whole}");
        assert!(status.is_success() || status.is_client_error(), "{status}: {whole}");
        return status.is_success().then(|| vec![whole]);
    }
    assert!(status.is_success());
    let mut chunks: Vec<_> = body.iter().map(|(_, piece)| piece.as_ref()).collect();
    assert_eq!(chunks.pop(), Some(b"data: [DONE]\n\n".as_slice()));
    let chunk = |event: &[u8]| {
        let data = event.strip_prefix(b"data: ")?.strip_suffix(b"\n\n")?;
        serde_json::from_slice(data).ok()
    };
    Some(chunks.into_iter().map(|event| chunk(event).expect("the chunk is JSON")).collect())
}
