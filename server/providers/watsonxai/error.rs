//! Errors: `{"errors": [{code, message, more_info}], "trace", "status_code"}`.

use http::{HeaderMap, StatusCode};

use crate::{
    error::{Error, Reason},
    providers::failure,
    wire::{json, openai},
};

/// Words that stand in the message of what is too long; it has no code of its own.
const TOO_LONG: [&str; 3] =
    ["cannot exceed the total tokens limit", "maximum context length", "maximum sequence length"];

/// Codes that say more than the status.
const CODES: [(&str, Reason); 4] = [
    ("model_not_supported", Reason::UpstreamModelNotFound),
    ("token_quota_reached", Reason::ProviderRateLimited),
    ("authentication_token_expired", Reason::ProviderAuthFailed),
    ("authentication_token_not_valid", Reason::ProviderAuthFailed),
];

/// Reads an answer that is not a success. What IBM wants to be told of it, the trace, stays with the message.
pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
    let mut vendor = openai::error::read(body);
    let message = vendor.message.as_deref().unwrap_or_default();
    let too_long = status.is_client_error() && TOO_LONG.iter().any(|words| message.contains(words));
    let by_code = CODES.iter().find(|(code, _)| vendor.code.as_deref() == Some(*code));
    let reason =
        if too_long { Some(Reason::ContextLengthExceeded) } else { by_code.map(|(_, reason)| *reason) };
    if let (Some(message), Some(trace)) = (&mut vendor.message, trace(body)) {
        message.push_str(&format!(" (trace {trace})"));
    }
    match reason {
        Some(reason) => failure::of_known(reason, status, headers, vendor),
        None => failure::of_status(status, headers, vendor, &[]),
    }
}

fn trace(body: &[u8]) -> Option<String> {
    let mut trace = None;
    let read = json::read(body, |reader| {
        reader.object(|reader, name| {
            match name {
                "trace" => trace = Some(reader.string()?),
                _ => reader.skip()?,
            }
            Ok(())
        })
    });
    trace.filter(|trace| read.is_ok() && !trace.is_empty())
}
