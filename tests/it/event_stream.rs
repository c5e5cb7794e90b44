//! AWS's event streams, written by AWS's library: what fixtures and fake upstreams of Bedrock say.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use serde::Deserialize;
use serde_json::value::RawValue;

/// One frame, as a fixture says it: an event or an exception with its payload, or an error with its message.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Frame {
    event: Option<String>,
    exception: Option<String>,
    error: Option<String>,
    payload: Option<Box<RawValue>>,
    message: Option<String>,
}

/// The bytes of a list of frames.
pub fn encode(frames: &[u8]) -> Vec<u8> {
    let frames: Vec<Frame> = serde_json::from_slice(frames).expect("a list of frames");
    frames.iter().flat_map(Frame::encode).collect()
}

/// One event.
pub fn event(name: &str, payload: &serde_json::Value) -> Vec<u8> {
    encode(serde_json::json!([{"event": name, "payload": payload}]).to_string().as_bytes())
}

/// Where the frames of a body end.
pub fn ends(body: &[u8]) -> Vec<usize> {
    let (mut ends, mut at) = (Vec::new(), 0);
    while let Some(length) = body[at..].first_chunk::<4>() {
        at += usize::try_from(u32::from_be_bytes(*length)).expect("a length");
        ends.push(at);
    }
    ends
}

impl Frame {
    fn encode(&self) -> Vec<u8> {
        let mut headers = match (&self.event, &self.exception, &self.error) {
            (Some(event), None, None) => vec![(":event-type", event.as_str()), (":message-type", "event")],
            (None, Some(class), None) => {
                vec![(":exception-type", class.as_str()), (":message-type", "exception")]
            }
            (None, None, Some(code)) => vec![
                (":error-code", code.as_str()),
                (":error-message", self.message.as_deref().unwrap_or_default()),
                (":message-type", "error"),
            ],
            _ => panic!("a frame is an event, an exception or an error"),
        };
        if self.payload.is_some() {
            headers.push((":content-type", "application/json"));
        }
        let payload = self.payload.as_ref().map(|payload| payload.get().as_bytes().to_vec());
        let mut message = Message::new(payload.unwrap_or_default());
        for (name, value) in headers {
            message = message.add_header(Header::new(name, HeaderValue::String(value.to_owned().into())));
        }
        let mut bytes = Vec::new();
        write_message_to(&message, &mut bytes).expect("a frame");
        bytes
    }
}
