//! Errors: `{"type": "error", "error": {"type", "message"}, "request_id"}`, as an answer of its own or as an event.

use http::{HeaderMap, StatusCode, header};

use crate::{
    error::Error,
    providers::failure,
    wire::{
        json::{Malformed, Reader},
        openai::error::{VendorError, read},
    },
};

/// The vendor's types, and the status that each comes with (platform.claude.com: errors). Inside a stream only the type
/// tells.
const TYPES: [(&str, u16); 10] = [
    ("invalid_request_error", 400),
    ("authentication_error", 401),
    ("billing_error", 402),
    ("permission_error", 403),
    ("not_found_error", 404),
    ("request_too_large", 413),
    ("rate_limit_error", 429),
    ("api_error", 500),
    ("timeout_error", 504),
    ("overloaded_error", 529),
];

/// What the vendor says where it has no type for it, and the word that `failure` knows.
const MESSAGES: [(&str, &str); 4] = [
    ("prompt is too long", "context_length_exceeded"),
    ("exceed context limit", "context_length_exceeded"),
    ("content filtering policy", "content_filter"),
    ("usage policies", "content_filter"),
];

/// With these the vendor refuses our account, whatever the status says.
const REFUSES_ACCOUNT: [&str; 1] = ["credit balance is too low"];

/// The error of an answer outside 2xx.
pub(super) fn of_status(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
    let mut headers = headers.clone();
    // It sends a wait with every answer, good ones too.
    if !matches!(status.as_u16(), 429 | 503 | 529) {
        headers.remove(header::RETRY_AFTER);
    }
    failure::of_status(status, &headers, vendor_error(body), &REFUSES_ACCOUNT)
}

/// The error that a stream, or an answer that seemed good, brings.
pub(super) fn of_body(body: &[u8]) -> Error {
    failure::of_stream(vendor_error(body))
}

fn vendor_error(body: &[u8]) -> VendorError {
    let mut vendor = read(body);
    let kind = vendor.kind.clone().unwrap_or_default();
    vendor.status = TYPES.iter().find(|(name, _)| *name == kind).map(|(_, status)| *status);
    // Its type is the only code that it has.
    vendor.code = vendor.code.or_else(|| Some(kind).filter(|kind| !kind.is_empty() && kind != "error"));
    if let Some(message) = &mut vendor.message {
        let said = MESSAGES.iter().find(|(words, _)| message.contains(words));
        if let Some((_, word)) = said {
            vendor.kind = Some((*word).to_owned());
        }
        if let Some(id) = request_id(body) {
            message.push_str(&format!(" (the provider's request id is {id})"));
        }
    }
    vendor
}

fn request_id(body: &[u8]) -> Option<String> {
    let mut id = None;
    let read: Result<(), Malformed> =
        Reader::over(std::str::from_utf8(body).ok()?).object(|reader, name| match name {
            "request_id" => {
                id = Some(reader.string()?);
                Ok(())
            }
            _ => reader.skip(),
        });
    id.filter(|_| read.is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Reason;

    fn body(kind: &str, message: &str) -> String {
        format!(
            r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"}},"request_id":"req_1"}}"#
        )
    }

    #[test]
    fn events_keep_their_class() {
        for (kind, reason) in [
            ("overloaded_error", Reason::ProviderUnavailable),
            ("api_error", Reason::ProviderUnavailable),
            ("rate_limit_error", Reason::ProviderRateLimited),
            ("not_found_error", Reason::UpstreamModelNotFound),
            ("authentication_error", Reason::ProviderAuthFailed),
            ("permission_error", Reason::ProviderAuthFailed),
            ("invalid_request_error", Reason::ProviderRejected),
            ("a_new_error", Reason::ProviderUnavailable),
        ] {
            let error = of_body(body(kind, "x").as_bytes());
            assert_eq!((error.reason(), error.detail().upstream_code.as_deref()), (reason, Some(kind)));
            assert!(error.message().contains("req_1"), "{error:?}");
        }
    }

    #[test]
    fn messages_tell_what_types_do_not() {
        for (message, reason) in [
            ("prompt is too long: 9 tokens > 5 maximum", Reason::ContextLengthExceeded),
            ("input length and `max_tokens` exceed context limit: 9 + 5 > 10", Reason::ContextLengthExceeded),
            ("Output blocked by content filtering policy", Reason::ContentFiltered),
            ("Your credit balance is too low to access the API", Reason::ProviderAuthFailed),
            ("messages.0: no", Reason::ProviderRejected),
        ] {
            let body = body("invalid_request_error", message);
            let error = of_status(StatusCode::BAD_REQUEST, &HeaderMap::new(), body.as_bytes());
            assert_eq!(error.reason(), reason, "{message}");
            assert_eq!(error.detail().upstream_code.as_deref(), Some("invalid_request_error"));
        }
    }

    #[test]
    fn a_wait_counts_only_where_waiting_helps() {
        let headers = HeaderMap::from_iter([(header::RETRY_AFTER, "7".parse().unwrap())]);
        for (status, waits) in [(400, false), (500, false), (429, true), (503, true), (529, true)] {
            let status = StatusCode::from_u16(status).unwrap();
            let error = of_status(status, &headers, body("overloaded_error", "x").as_bytes());
            assert_eq!(error.detail().retry_after.is_some(), waits, "{status}");
        }
    }
}
