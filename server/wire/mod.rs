//! Wire formats, pure: bytes in, messages out, and back. No I/O, no clock, no logging.
//!
//! Here: OpenAI JSON and watsonx administration JSON to and from proto, and the framings of streams. Not here: what a
//! vendor does differently (`providers`). Everything above may import it; it imports floor 0 only.

pub mod json;
pub mod openai;
pub mod sse;
pub mod watsonx;

/// One event of an upstream's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The event's name; empty where the framing or the upstream gives none.
    pub event: &'a str,
    /// The event's payload.
    pub data: &'a [u8],
}
