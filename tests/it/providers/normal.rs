//! The form in which bodies are compared. The order of members counts only inside schemas. Equal are:
//! - null, an empty list and an absent member; `stream: false` and no `stream`;
//! - numbers of one value; a vector, its single precision and its base64;
//! - a text and a list of one text part; a stop text, prompt or input and a list of just it;
//! - an image's address alone and as `url` of an object;
//! - the two spellings of reasoning; reasoning that only repeats what the `thinking_blocks` beside it say, and none;
//! - a tool call without index or type and one with its rank or of type function; empty and absent arguments, ids and
//!   names of it;
//! - no completion tokens and zero of them, as some vendors count for embeddings.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Number, Value, json};

/// Members whose value is JSON of the caller's own, where order counts.
const ORDERED: [&str; 2] = ["parameters", "schema"];

/// The normal form of a JSON text.
pub(super) fn normal(text: &[u8]) -> Value {
    let value: Value = serde_json::from_slice(text)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(text)));
    value_of("", value)
}

/// Where two values in normal form differ first.
pub(super) fn difference(left: &Value, right: &Value) -> Option<String> {
    fn walk(path: &str, left: &Value, right: &Value) -> Option<String> {
        match (left, right) {
            (Value::Object(one), Value::Object(other)) => {
                let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
                let get =
                    |members: &Map<String, Value>, name: &str| members.get(name).cloned().unwrap_or_default();
                let mut members =
                    names.map(|name| walk(&format!("{path}.{name}"), &get(one, name), &get(other, name)));
                let reordered = || format!("{path}: members in another order");
                members.find_map(|found| found).or_else(|| (!one.keys().eq(other.keys())).then(reordered))
            }
            (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
                let mut pairs = one.iter().zip(other).enumerate();
                pairs.find_map(|(index, (one, other))| walk(&format!("{path}[{index}]"), one, other))
            }
            (_, _) => (left != right).then(|| format!("{path}: {} became {}", short(left), short(right))),
        }
    }
    walk("", left, right)
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 200 { text.chars().take(200).chain("...".chars()).collect() } else { text }
}

fn value_of(name: &str, value: Value) -> Value {
    match (name, value) {
        ("stop" | "input" | "prompt", Value::String(text)) => json!([text]),
        ("image_url", Value::String(url)) => json!({"url": url}),
        ("embedding", Value::String(packed)) => unpack(&packed),
        ("embedding", Value::Array(vector)) => vector
            .iter()
            .map(|value| Value::from(value.as_f64().expect("vectors hold numbers") as f32))
            .collect(),
        ("tool_calls", Value::Array(calls)) => calls.into_iter().enumerate().map(tool_call).collect(),
        ("content", Value::Array(parts)) => match parts.as_slice() {
            [Value::Object(part)] if part.len() == 2 && part.get("type") == Some(&"text".into()) => {
                part.get("text").cloned().unwrap_or_default()
            }
            _ => parts.into_iter().map(|part| value_of("", part)).collect(),
        },
        (_, Value::Array(items)) => items.into_iter().map(|item| value_of("", item)).collect(),
        (_, Value::Object(members)) => object(members),
        (_, Value::Number(number)) => Value::Number(by_value(&number)),
        (_, other) => other,
    }
}

fn object(mut members: Map<String, Value>) -> Value {
    if let (Some(reasoning), false) = (members.get("reasoning"), members.contains_key("reasoning_content"))
        && reasoning.is_string()
    {
        members.insert("reasoning_content".to_owned(), reasoning.clone());
        members.remove("reasoning");
    }
    if let Some(blocks) = members.get("thinking_blocks").and_then(Value::as_array) {
        let texts = blocks.iter().filter_map(|block| block["thinking"].as_str());
        let said: String = texts.collect();
        if members.get("reasoning_content").is_some_and(|reasoning| *reasoning == said) {
            members.remove("reasoning_content");
        }
    }
    let is_default = |name: &str, value: &Value| match name {
        "stream" => value == false,
        "completion_tokens" => value == 0,
        "arguments" => value == "",
        _ => false,
    };
    let mut normal: Vec<_> = members
        .into_iter()
        .map(|(name, value)| {
            let value = if ORDERED.contains(&name.as_str()) { value } else { value_of(&name, value) };
            (name, value)
        })
        .filter(|(name, value)| !value.is_null() && *value != json!([]) && !is_default(name, value))
        .collect();
    normal.sort_by(|(one, _), (other, _)| one.cmp(other));
    Value::Object(normal.into_iter().collect())
}

fn tool_call((rank, mut call): (usize, Value)) -> Value {
    if let Value::Object(members) = &mut call {
        members.retain(|name, value| !(value.is_null() || name == "id" && value == ""));
        if let Some(Value::Object(function)) = members.get_mut("function") {
            function.retain(|name, value| !(name == "name" && value == ""));
        }
        members.entry("index").or_insert(rank.into());
        members.entry("type").or_insert("function".into());
    }
    value_of("", call)
}

/// `1.0` is `1`.
fn by_value(number: &Number) -> Number {
    match number.as_f64() {
        Some(double) if number.is_f64() && double.fract() == 0.0 && double.abs() < 9e15 => {
            Number::from(double as i64)
        }
        Some(_) | None => number.clone(),
    }
}

fn unpack(packed: &str) -> Value {
    let bytes = STANDARD.decode(packed).expect("base64");
    let floats = bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().expect("four bytes")));
    floats.map(Value::from).collect()
}
