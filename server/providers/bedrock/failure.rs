//! What Bedrock says when it fails: the class in a header or in the frame, a message in the body.

use http::{HeaderMap, StatusCode};

use crate::{
    error::{Error, Reason},
    providers::failure,
    wire::{
        json::{self, Members, Reader},
        openai::error::{VendorError, read},
    },
};

const ERROR_TYPE: &str = "x-amzn-errortype";

/// Words in the class of an error, in small letters, and what they mean. The first that fits counts. Statuses mean less:
/// a model that failed is 424, a session that has expired may be 400 or 403.
const CLASSES: [(&str, Reason); 15] = [
    ("throttling", Reason::ProviderRateLimited),
    ("toomanyrequests", Reason::ProviderRateLimited),
    ("servicequotaexceeded", Reason::ProviderRateLimited),
    ("accessdenied", Reason::ProviderAuthFailed),
    ("expiredtoken", Reason::ProviderAuthFailed),
    ("unrecognizedclient", Reason::ProviderAuthFailed),
    ("signature", Reason::ProviderAuthFailed),
    ("authentication", Reason::ProviderAuthFailed),
    ("resourcenotfound", Reason::UpstreamModelNotFound),
    ("modeltimeout", Reason::ProviderTimeout),
    ("modelnotready", Reason::ProviderUnavailable),
    ("model", Reason::ProviderUnavailable),
    ("internal", Reason::ProviderUnavailable),
    ("unavailable", Reason::ProviderUnavailable),
    ("validation", Reason::ProviderRejected),
];

/// Words with which models say, each in its own way, that a prompt is too long.
const TOO_LONG: [&str; 7] = [
    "input is too long",
    "input tokens exceed",
    "prompt is too long",
    "context length",
    "context window",
    "context limit",
    "maximum input",
];

/// The error of an answer outside 2xx.
pub(super) fn of_answer(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
    let mut vendor = read_body(body);
    let class = headers.get(ERROR_TYPE).and_then(|class| class.to_str().ok());
    // `ValidationException:http://internal.amazon.com/...`
    let class = class.and_then(|class| class.split(':').next()).filter(|class| !class.is_empty());
    vendor.code = class.map(str::to_owned).or(vendor.code);
    let reason = reason(&vendor).unwrap_or_else(|| failure::reason_of(status));
    failure::of_known(reason, status, headers, vendor)
}

/// The error that a frame brings in place of an event.
pub(super) fn of_frame(class: &str, body: &[u8]) -> Error {
    let mut vendor = read_body(body);
    vendor.code = Some(class.to_owned()).filter(|class| !class.is_empty()).or(vendor.code);
    let reason = reason(&vendor).unwrap_or(Reason::ProviderUnavailable);
    failure::of_broken_stream(vendor, reason)
}

/// The error of an answer that is none.
pub(super) fn of_empty_answer(body: &[u8]) -> Error {
    if read(body).message.is_some() {
        return of_frame("", body);
    }
    let message = "the provider's answer is empty: it holds neither content nor an error";
    Error::new(Reason::ProviderBadAnswer, message)
}

/// Reads a body, also of what stands before Bedrock: `{"__type": "a.b#C", "Message": ...}`. A model that failed may have
/// said something of its own.
fn read_body(body: &[u8]) -> VendorError {
    let mut vendor = read(body);
    let Ok(members) = Members::of(body) else { return vendor };
    let text = |name| json::read(members.get(name)?.as_bytes(), Reader::string).ok();
    vendor.message = vendor.message.or_else(|| text("Message"));
    vendor.code = vendor.code.or_else(|| Some(text("__type")?.rsplit('#').next()?.to_owned()));
    if let (Some(message), Some(original)) = (&mut vendor.message, text("originalMessage"))
        && *message != original
    {
        *message = format!("{message}: {original}");
    }
    vendor
}

fn reason(vendor: &VendorError) -> Option<Reason> {
    let class = vendor.code.as_deref()?.to_ascii_lowercase();
    let (_, reason) = CLASSES.iter().find(|(word, _)| class.contains(word))?;
    let message = vendor.message.as_deref().unwrap_or_default().to_ascii_lowercase();
    let too_long =
        *reason == Reason::ProviderRejected && TOO_LONG.iter().any(|words| message.contains(words));
    Some(if too_long { Reason::ContextLengthExceeded } else { *reason })
}
