//! What an upstream's failure means for our caller.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};

use crate::{
    error::{Error, Reason, Result},
    wire::{
        json::Extras,
        openai::error::{VendorError, read},
    },
};

const RETRY_AFTER_MS: &str = "retry-after-ms";
/// Longer waits are mistakes.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Words in a vendor's type or code of an error, and what they mean. The first that fits counts.
const WORDS: [(&str, Reason); 16] = [
    ("context_length", Reason::ContextLengthExceeded),
    ("too_many_tokens", Reason::ContextLengthExceeded),
    ("string_above_max_length", Reason::ContextLengthExceeded),
    ("content_filter", Reason::ContentFiltered),
    ("content_policy", Reason::ContentFiltered),
    ("rate_limit", Reason::ProviderRateLimited),
    ("quota", Reason::ProviderRateLimited),
    ("too_many_requests", Reason::ProviderRateLimited),
    ("authentication", Reason::ProviderAuthFailed),
    ("api_key", Reason::ProviderAuthFailed),
    ("permission", Reason::ProviderAuthFailed),
    ("model_not_found", Reason::UpstreamModelNotFound),
    ("model_not_supported", Reason::UpstreamModelNotFound),
    ("timeout", Reason::ProviderTimeout),
    ("invalid_request", Reason::ProviderRejected),
    ("invalid_tool_generation", Reason::ProviderRejected),
];

/// The error of an answer outside 2xx. The vendor's words, code and parameter survive. A 400 that says one of
/// `refuses_key_with` is about our key.
pub(super) fn of_status(
    status: StatusCode,
    headers: &HeaderMap,
    vendor: VendorError,
    refuses_key_with: &[&str],
) -> Error {
    let said = said(&vendor);
    let refuses_key =
        status == StatusCode::BAD_REQUEST && refuses_key_with.iter().any(|words| said.contains(words));
    let by_status = reason_of(status);
    let reason = if by_status != Reason::ProviderRejected {
        by_status
    } else if refuses_key {
        Reason::ProviderAuthFailed
    } else {
        // The vendor's code tells more of a wrong request than its status.
        reason_of_names(&vendor).filter(is_about_content).unwrap_or(by_status)
    };
    of_known(reason, status, headers, vendor)
}

/// The same where the vendor has other reasons for a status than most.
pub(super) fn of_known(
    reason: Reason,
    status: StatusCode,
    headers: &HeaderMap,
    vendor: VendorError,
) -> Error {
    let said = said(&vendor);
    let message = match status.as_u16() {
        _ if reason == Reason::ProviderAuthFailed => {
            format!("the provider refused the gateway's credential: {said}")
        }
        400..=599 => match status.canonical_reason() {
            Some(name) => format!("the provider answered {} {name}: {said}", status.as_u16()),
            None => format!("the provider answered {}: {said}", status.as_u16()),
        },
        _ => format!("the provider answered {status}, which is no answer; redirects are not followed"),
    };
    let mut error = with_vendor(Error::new(reason, message), vendor).upstream_status(status.as_u16());
    // Some vendors send a wait with every answer; it means something only where waiting helps.
    if matches!(reason, Reason::ProviderRateLimited | Reason::ProviderUnavailable)
        && let Some(after) = retry_after(headers)
    {
        error = error.retry_after(after);
    }
    error
}

/// The error that a stream brings in place of a chunk.
pub(super) fn of_stream(vendor: VendorError) -> Error {
    let reason = reason_of_body(&vendor);
    of_broken_stream(vendor, reason)
}

/// The same of a vendor whose classes of errors tell the reason.
pub(super) fn of_broken_stream(vendor: VendorError, reason: Reason) -> Error {
    let message = format!("the provider broke off its answer: {}", said(&vendor));
    with_vendor(Error::new(reason, message), vendor)
}

/// Why it failed, as far as the body tells.
fn reason_of_body(vendor: &VendorError) -> Reason {
    let status = vendor.status.and_then(|status| StatusCode::from_u16(status).ok()).map(reason_of);
    match (status, reason_of_names(vendor)) {
        (None, Some(named)) => named,
        (Some(Reason::ProviderRejected), Some(named)) if is_about_content(&named) => named,
        (Some(reason), _) => reason,
        (None, None) => Reason::ProviderUnavailable,
    }
}

/// Why it failed, as far as the vendor's type and code tell.
fn reason_of_names(vendor: &VendorError) -> Option<Reason> {
    let names = [vendor.code.as_deref(), vendor.kind.as_deref()];
    let says = |word: &str| names.iter().flatten().any(|name| name.to_ascii_lowercase().contains(word));
    WORDS.iter().find(|(word, _)| says(word)).map(|(_, reason)| *reason)
}

fn is_about_content(reason: &Reason) -> bool {
    matches!(reason, Reason::ContextLengthExceeded | Reason::ContentFiltered)
}

/// Refuses an answer that holds nothing but perhaps the vendor's error.
pub(super) fn refuse_empty(empty: bool, extras: &Extras, body: &[u8]) -> Result<()> {
    if is_error(extras) {
        let vendor = read(body);
        let message = format!("the provider answered with an error: {}", said(&vendor));
        return Err(with_vendor(Error::new(reason_of_body(&vendor), message), vendor));
    }
    if empty {
        let message = "the provider's answer is empty: it holds neither content nor an error";
        return Err(Error::new(Reason::ProviderBadAnswer, message));
    }
    Ok(())
}

/// Whether the members of an answer that have no field say that it is an error.
pub(super) fn is_error(extras: &Extras) -> bool {
    let error = extras.get("error").map(String::as_str);
    let said = error.is_some_and(|error| !matches!(error, "\"\"" | "{}" | "false"));
    let several = extras.get("errors").is_some_and(|errors| errors.starts_with('[') && errors != "[]");
    said || several || extras.get("object").is_some_and(|object| object == "\"error\"")
}

/// Why it failed, as far as the status tells.
pub(super) fn reason_of(status: StatusCode) -> Reason {
    match status.as_u16() {
        // 402: our account is not paid for.
        401..=403 => Reason::ProviderAuthFailed,
        404 => Reason::UpstreamModelNotFound,
        408 => Reason::ProviderTimeout,
        // 498 is Groq's own: no capacity is left in the caller's tier.
        429 | 498 => Reason::ProviderRateLimited,
        400..=499 => Reason::ProviderRejected,
        500..=599 => Reason::ProviderUnavailable,
        _ => Reason::ProviderBadAnswer,
    }
}

fn said(vendor: &VendorError) -> &str {
    vendor.message.as_deref().unwrap_or("without a message")
}

fn with_vendor(mut error: Error, vendor: VendorError) -> Error {
    if let Some(code) = vendor.code {
        error = error.upstream_code(code);
    }
    if let Some(param) = vendor.param {
        error = error.field(param);
    }
    error
}

/// When to come back: `retry-after-ms`, which some vendors send beside the standard header, or `retry-after` in seconds.
/// As a date it would need a clock, and vendors do not send it so.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = number(RETRY_AFTER_MS)
        .filter(|milliseconds| *milliseconds > 0.0)
        .map(|milliseconds| milliseconds / 1000.0)
        .or_else(|| number(header::RETRY_AFTER.as_str()))?;
    wait(seconds)
}

/// A wait of so many seconds. `None`: it cannot be meant.
pub(super) fn wait(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok().filter(|after| *after <= MAX_RETRY_AFTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_more_exact_wait_wins() {
        let cases = [
            (vec![("retry-after", "7")], Some(7000)),
            (vec![("retry-after", "1"), ("retry-after-ms", "250")], Some(250)),
            (vec![("retry-after", "1"), ("retry-after-ms", "0")], Some(1000)),
            (vec![("retry-after", "-1")], None),
            (vec![("retry-after", "9e9")], None),
            (vec![("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")], None),
        ];
        for (pairs, expected) in cases {
            assert_eq!(retry_after(&headers(&pairs)), expected.map(Duration::from_millis), "{pairs:?}");
        }
    }

    #[test]
    fn each_status_has_its_reason() {
        let cases = [
            (302, Reason::ProviderBadAnswer),
            (400, Reason::ProviderRejected),
            (401, Reason::ProviderAuthFailed),
            (402, Reason::ProviderAuthFailed),
            (403, Reason::ProviderAuthFailed),
            (404, Reason::UpstreamModelNotFound),
            (408, Reason::ProviderTimeout),
            (413, Reason::ProviderRejected),
            (422, Reason::ProviderRejected),
            (429, Reason::ProviderRateLimited),
            (498, Reason::ProviderRateLimited),
            (500, Reason::ProviderUnavailable),
            (529, Reason::ProviderUnavailable),
        ];
        for (status, reason) in cases {
            let wait = headers(&[("retry-after", "7")]);
            let status = StatusCode::from_u16(status).unwrap();
            let error = of_status(status, &wait, VendorError::default(), &[]);
            let status = status.as_u16();
            assert_eq!((error.reason(), error.detail().upstream_status), (reason, Some(status)));
            let waits = matches!(reason, Reason::ProviderRateLimited | Reason::ProviderUnavailable);
            assert_eq!(error.detail().retry_after.is_some(), waits, "{status}");
        }
    }

    #[test]
    fn a_400_about_our_key_is_not_the_callers_fault() {
        let read = || read(br#"{"code":"c","error":"Incorrect API key provided: k"}"#);
        let of = |words| of_status(StatusCode::BAD_REQUEST, &HeaderMap::new(), read(), words).reason();
        assert_eq!(of(&["Incorrect API key"]), Reason::ProviderAuthFailed);
        assert_eq!(of(&[]), Reason::ProviderRejected);
    }

    #[test]
    fn vendors_words_code_and_parameter_survive() {
        let body = br#"{"error":{"message":"Too long","code":"context_length_exceeded","param":"messages"}}"#;
        let error = of_status(StatusCode::BAD_REQUEST, &HeaderMap::new(), read(body), &[]);
        assert_eq!(error.message(), "the provider answered 400 Bad Request: Too long");
        assert_eq!(error.reason(), Reason::ContextLengthExceeded);
        assert_eq!(error.detail().upstream_code.as_deref(), Some("context_length_exceeded"));
        assert_eq!(error.detail().field.as_deref(), Some("messages"));
    }

    #[test]
    fn error_inside_a_body_keeps_its_class() {
        let cases = [
            (
                r#"{"error":{"message":"x","type":"invalid_request_error","code":"tool_use_failed"}}"#,
                Reason::ProviderRejected,
            ),
            (r#"{"error":{"message":"x","type":"server_error"}}"#, Reason::ProviderUnavailable),
            (r#"{"error":{"message":"x","type":"rate_limit_error"}}"#, Reason::ProviderRateLimited),
            (r#"{"error":{"message":"x","code":"insufficient_quota"}}"#, Reason::ProviderRateLimited),
            (r#"{"error":{"message":"x","code":400}}"#, Reason::ProviderRejected),
            (r#"{"object":"error","message":"x","code":404}"#, Reason::UpstreamModelNotFound),
            (r#"{"error":{"message":"x","code":"content_filter","status":400}}"#, Reason::ContentFiltered),
            (r#"{"error":"x"}"#, Reason::ProviderUnavailable),
        ];
        for (body, reason) in cases {
            assert_eq!(of_stream(read(body.as_bytes())).reason(), reason, "{body}");
        }
    }
}
