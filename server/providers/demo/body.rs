//! Reading a request, and refusing it in OpenAI's shape.

use std::ops::RangeInclusive;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::MODEL;

/// All answers to one request together have no more tokens than these.
const MOST_TOKENS: usize = 50_000;

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    message: String,
    param: Option<String>,
    code: Option<&'static str>,
}

/// The members of a request. `null` counts as absent.
pub(super) struct Body(Map<String, Value>);

/// How a streamed answer is wanted.
#[derive(Clone, Copy)]
pub(super) struct Streaming {
    /// Whether it is streamed at all.
    pub(super) on: bool,
    /// Whether the stream ends with the usage.
    pub(super) usage: bool,
}

/// How much one request may lead to. An answer is made before it is sent, so a short request for a very long one would take
/// all the memory there is.
pub(super) struct Bound {
    left: usize,
    /// What a token counts: itself, and its alternatives.
    weight: usize,
}

// === impl Bound ===

impl Bound {
    /// Where so many alternatives to each token are wanted.
    pub(super) fn new(logprobs: Option<usize>) -> Self {
        Self { left: MOST_TOKENS, weight: logprobs.map_or(1, |alternatives| alternatives + 2) }
    }

    /// Refuses tokens that would be too many.
    pub(super) fn take(&mut self, tokens: usize) -> Result<(), Refused> {
        match self.left.checked_sub(tokens.saturating_mul(self.weight)) {
            Some(left) => self.left = left,
            None => {
                let message =
                    "the answers would be too long for the demo model; ask for fewer or for shorter ones";
                return Err(Refused::new(StatusCode::BAD_REQUEST, message));
            }
        }
        Ok(())
    }
}

// === impl Refused ===

impl Refused {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), param: None, code: None }
    }

    /// A wrong member.
    pub(super) fn wrong(param: &str, message: impl Into<String>) -> Self {
        Self {
            param: Some(param.to_owned()),
            code: Some("invalid_value"),
            ..Self::new(StatusCode::BAD_REQUEST, message)
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn body(&self) -> Value {
        json!({"error": {
            "message": self.message,
            "type": "invalid_request_error",
            "param": self.param,
            "code": self.code,
        }})
    }
}

// === impl Body ===

impl Body {
    /// Reads a request for our one model.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Refused> {
        let body: Map<String, Value> = serde_json::from_slice(bytes).map_err(|error| {
            Refused::new(StatusCode::BAD_REQUEST, format!("the body is not a JSON object: {error}"))
        })?;
        let body = Self(body);
        match body.text("model")? {
            Some(MODEL) => Ok(body),
            Some(other) => Err(Refused {
                param: Some("model".to_owned()),
                code: Some("model_not_found"),
                ..Refused::new(
                    StatusCode::NOT_FOUND,
                    format!("the model \"{other}\" does not exist; the only one here is \"{MODEL}\""),
                )
            }),
            None => Err(Refused::wrong("model", format!("model is missing; use \"{MODEL}\""))),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Refused> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Refused::wrong(name, format!("{name} must be a string"))),
        }
    }

    pub(super) fn list(&self, name: &str) -> Result<&[Value], Refused> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(list)) => Ok(list),
            Some(_) => Err(Refused::wrong(name, format!("{name} must be an array"))),
        }
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refused> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(Refused::wrong(name, format!("{name} must be true or false"))),
        }
    }

    pub(super) fn count(&self, name: &str, range: RangeInclusive<usize>) -> Result<Option<usize>, Refused> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
        match count.filter(|count| range.contains(count)) {
            Some(count) => Ok(Some(count)),
            None => {
                let (from, to) = range.into_inner();
                let limits = if to == usize::MAX {
                    format!("at least {from}")
                } else {
                    format!("from {from} to {to}")
                };
                Err(Refused::wrong(name, format!("{name} must be a whole number {limits}")))
            }
        }
    }

    /// The texts before which an answer ends.
    pub(super) fn stop(&self) -> Result<Vec<&str>, Refused> {
        let stops = match self.get("stop") {
            None => Some(Vec::new()),
            Some(Value::String(one)) => Some(vec![one.as_str()]),
            Some(Value::Array(several)) => several.iter().map(Value::as_str).collect(),
            Some(_) => None,
        };
        let mut stops =
            stops.ok_or_else(|| Refused::wrong("stop", "stop must be a string or an array of strings"))?;
        stops.retain(|stop| !stop.is_empty());
        Ok(stops)
    }

    pub(super) fn streaming(&self) -> Result<Streaming, Refused> {
        let usage = self.get("stream_options").and_then(|options| options.get("include_usage"));
        Ok(Streaming {
            on: self.flag("stream")?.unwrap_or(false),
            usage: usage.and_then(Value::as_bool).unwrap_or(false),
        })
    }
}
