//! Errors: `{"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": ..., "details": [...]}}`, in streams perhaps as
//! the one element of a list. How long to wait stands among the details, never in a header.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

use crate::{
    error::{Error, Reason},
    providers::failure,
    wire::{
        json::{self, Kind, Malformed, Reader},
        openai::error::{VendorError, read as read_vendor},
    },
};

/// How a 400 says that our key is wrong, expired or missing.
const REFUSES_KEY_WITH: [&str; 2] = ["API key", "API Key"];
/// How it says that the conversation is too long.
const TOO_LONG: &str = "input token count";

/// What the details tell.
#[derive(Default)]
struct Details {
    /// The status in words, `RESOURCE_EXHAUSTED`.
    status: Option<String>,
    /// The reason of an `ErrorInfo`, `API_KEY_INVALID`.
    reason: Option<String>,
    /// The member of the request that is wrong.
    field: Option<String>,
    wait: Option<Duration>,
}

/// The error of an answer outside 2xx.
pub(super) fn of_status(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
    let (vendor, wait) = read(body);
    let error = failure::of_status(status, headers, vendor, &REFUSES_KEY_WITH);
    with_wait(error, wait)
}

/// The error that stands in place of an event.
pub(super) fn in_stream(body: &[u8]) -> Error {
    let (vendor, wait) = read(body);
    with_wait(failure::of_stream(vendor), wait)
}

/// The error in a list, as it comes where events were to come. `None`: it is no list.
pub(super) fn in_list(body: &[u8]) -> Option<Error> {
    if body.first() != Some(&b'[') {
        return None;
    }
    let (vendor, wait) = read(body);
    Some(match vendor.message {
        Some(_) => with_wait(failure::of_stream(vendor), wait),
        None => Malformed::new("a list came in place of an event").in_answer(),
    })
}

/// The error of a prompt that was blocked, as OpenAI's clients know it: there is no answer to filter. They look for the
/// code `content_filter`, so Gemini's word stands in the message alone.
pub(super) fn of_block(reason: &str, message: &str) -> Error {
    let joint = if message.is_empty() { "" } else { ": " };
    let text = format!("the provider blocked the prompt as {reason}{joint}{message}");
    Error::new(Reason::ContentFiltered, text)
}

fn with_wait(error: Error, wait: Option<Duration>) -> Error {
    let helps = matches!(error.reason(), Reason::ProviderRateLimited | Reason::ProviderUnavailable);
    match wait.filter(|_| helps && error.detail().retry_after.is_none()) {
        Some(wait) => error.retry_after(wait),
        None => error,
    }
}

fn read(body: &[u8]) -> (VendorError, Option<Duration>) {
    let mut vendor = read_vendor(body);
    let mut details = Details::default();
    // A body of another shape has no details; its message was read already.
    let _ = json::read(body, |reader| match reader.kind() {
        Kind::List => reader.list(|reader| details.read(reader)).map(drop),
        Kind::Object | Kind::Text | Kind::Number | Kind::Boolean | Kind::Null | Kind::Invalid => {
            details.read(reader)
        }
    });
    vendor.code = details.reason.or(details.status).or(vendor.code);
    vendor.param = vendor.param.or(details.field);
    if vendor.message.as_deref().is_some_and(|message| message.contains(TOO_LONG)) {
        vendor.kind = Some("context_length".to_owned());
    }
    (vendor, details.wait)
}

// === impl Details ===

impl Details {
    fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.object(|reader, name| match name {
            "error" => reader.object(|reader, name| {
                match name {
                    "status" => self.status = Some(reader.string()?),
                    "details" => drop(reader.list(|reader| self.read_detail(reader))?),
                    _ => reader.skip()?,
                }
                Ok(())
            }),
            _ => reader.skip(),
        })
    }

    /// Takes an `ErrorInfo`, a `RetryInfo`, a `BadRequest` or another message; their members do not overlap.
    fn read_detail(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.object(|reader, name| {
            match name {
                "reason" => self.reason = Some(reader.string()?),
                "retryDelay" => self.wait = read_delay(&reader.text()?),
                "fieldViolations" => {
                    let fields = reader.list(read_violation)?;
                    self.field = self.field.take().or_else(|| fields.into_iter().flatten().next());
                }
                _ => reader.skip()?,
            }
            Ok(())
        })
    }
}

fn read_violation(reader: &mut Reader<'_>) -> Result<Option<String>, Malformed> {
    let mut field = None;
    reader.object(|reader, name| match name {
        "field" => {
            field = Some(reader.string()?);
            Ok(())
        }
        _ => reader.skip(),
    })?;
    Ok(field)
}

/// A duration as protobuf writes it: `48.5s`.
fn read_delay(text: &str) -> Option<Duration> {
    failure::wait(text.strip_suffix('s')?.parse().ok()?)
}
