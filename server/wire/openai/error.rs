//! Error bodies: whatever a vendor sends, and ours.

use serde_json::Value;

use crate::{error::Error, wire::json::Writer};

/// More of a vendor's message does not help, and would not fit into gRPC's trailers.
const MAX_MESSAGE: usize = 2000;

/// What a vendor said about a failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VendorError {
    /// In words.
    pub message: Option<String>,
    /// Its code, as text.
    pub code: Option<String>,
    /// The member of the request that is wrong.
    pub param: Option<String>,
    /// Its type.
    pub kind: Option<String>,
    /// HTTP status that the body names; the one that counts where an error stands inside a stream.
    pub status: Option<u16>,
}

/// Reads whatever the vendor sent; never fails.
#[must_use]
pub fn read(body: &[u8]) -> VendorError {
    match serde_json::from_slice(body) {
        Ok(Value::String(text)) => VendorError { message: shown(&text), ..VendorError::default() },
        Ok(value @ (Value::Object(_) | Value::Array(_))) => read_value(&value),
        // Text, or a number or word that is no more than text.
        Ok(Value::Null | Value::Bool(_) | Value::Number(_)) | Err(_) => {
            VendorError { message: shown(&String::from_utf8_lossy(body)), ..VendorError::default() }
        }
    }
}

fn read_value(value: &Value) -> VendorError {
    // Most wrap it in `error`, some in a list of `errors`, some in a list of such objects.
    let outer = first(value);
    let inner = match (outer.get("error"), outer.get("errors")) {
        (Some(error @ Value::Object(_)), _) => error,
        (_, Some(errors @ Value::Array(_))) => first(errors),
        _ => outer,
    };
    let member = |name: &str| inner.get(name).or_else(|| outer.get(name)).filter(|value| !value.is_null());
    // IBM's identity service says `errorCode` and `errorMessage`.
    let code = member("code").or_else(|| member("errorCode")).and_then(text_of);
    let status = ["status_code", "status", "code"].iter().find_map(|name| member(name).and_then(status_of));
    VendorError {
        // Vault's list holds the words themselves.
        message: inner.as_str().and_then(shown).or_else(|| {
            ["message", "detail", "error", "msg", "title", "errorMessage"]
                .iter()
                .find_map(|name| member(name).and_then(words_of))
        }),
        param: member("param").and_then(text_of),
        kind: member("type").and_then(text_of),
        code,
        status,
    }
}

/// The first element of a list, or the value itself.
fn first(value: &Value) -> &Value {
    value.as_array().and_then(|elements| elements.first()).unwrap_or(value)
}

/// The words in a message: a text, or the `msg` or `message` of an object or of the first one in a list.
fn words_of(value: &Value) -> Option<String> {
    match first(value) {
        Value::String(text) => shown(text),
        Value::Object(members) => ["message", "msg"]
            .iter()
            .find_map(|name| members.get(*name).and_then(Value::as_str).and_then(shown))
            .or_else(|| shown(&value.to_string())),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => shown(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn status_of(value: &Value) -> Option<u16> {
    let number = match value {
        Value::Number(number) => u16::try_from(number.as_u64()?).ok()?,
        Value::String(text) => text.parse().ok()?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    (400..600).contains(&number).then_some(number)
}

/// Text as it may be shown: trimmed and capped. `None` where nothing is left.
fn shown(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| match text.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    })
}

/// Writes our error body.
#[must_use]
pub fn write(error: &Error, request_id: &str) -> Vec<u8> {
    let (row, detail) = (error.row(), error.detail());
    let mut out = Vec::new();
    Writer::append(&mut out, |object| {
        object.object("error", |object| {
            object.text("message", &error.to_string());
            object.text("type", row.openai_type);
            object.member("param", |value| match &detail.field {
                Some(field) => value.text(field),
                None => value.null(),
            });
            object.text("code", detail.upstream_code.as_deref().unwrap_or(row.openai_code));
            object.text("request_id", request_id);
            object.optional_text("upstream_request_id", detail.upstream_request_id.as_deref());
        });
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Reason;

    fn said(body: &str) -> (String, String, String) {
        let VendorError { message, code, param, .. } = read(body.as_bytes());
        (message.unwrap_or_default(), code.unwrap_or_default(), param.unwrap_or_default())
    }

    #[test]
    fn every_vendors_body_yields_its_message() {
        let cases = [
            (r#"{"error":{"message":"no","code":"c","param":"p","type":"t"}}"#, ("no", "c", "p")),
            (r#"{"error":{"message":"no","code":null}}"#, ("no", "", "")),
            (r#"{"code":"c","error":"no"}"#, ("no", "c", "")),
            (r#"{"object":"error","message":"no","code":3051}"#, ("no", "3051", "")),
            (r#"{"detail":"no"}"#, ("no", "", "")),
            (r#"{"detail":[{"msg":"no","loc":["body"]}]}"#, ("no", "", "")),
            (r#"{"errors":[{"code":"c","message":"no"}],"trace":"1"}"#, ("no", "c", "")),
            (r#"[{"error":{"code":400,"message":"no","status":"X"}}]"#, ("no", "400", "")),
            (r#"{"status":429,"title":"no"}"#, ("no", "", "")),
            (r#"{"errorCode":"c","errorMessage":"no","context":{}}"#, ("no", "c", "")),
            (r#""no""#, ("no", "", "")),
            ("  no\n", ("no", "", "")),
            ("", ("", "", "")),
            ("{}", ("", "", "")),
        ];
        for (body, (message, code, param)) in cases {
            assert_eq!(said(body), (message.to_owned(), code.to_owned(), param.to_owned()), "{body}");
        }
    }

    #[test]
    fn status_inside_the_body_is_found() {
        assert_eq!(read(br#"{"error":{"message":"x","status_code":429}}"#).status, Some(429));
        assert_eq!(read(br#"{"error":{"message":"x","code":502}}"#).status, Some(502));
        assert_eq!(read(br#"{"error":{"message":"x","code":"3051"}}"#).status, None);
    }

    #[test]
    fn long_text_is_capped_between_characters() {
        let page = "\u{e9}".repeat(MAX_MESSAGE + 5);
        let message = read(page.as_bytes()).message.unwrap();
        assert_eq!(message.chars().count(), MAX_MESSAGE + 3);
    }

    #[test]
    fn our_body_names_the_field_and_keeps_the_vendors_code() {
        let error = Error::new(Reason::ProviderRejected, "too \"long\"").field("messages").upstream_code("c");
        let body: Value = serde_json::from_slice(&write(&error, "req-1")).unwrap();
        let expected = serde_json::json!({"error": {
            "message": "messages: too \"long\"", "type": "invalid_request_error", "param": "messages",
            "code": "c", "request_id": "req-1",
        }});
        assert_eq!(body, expected);
    }
}
