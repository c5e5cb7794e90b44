//! Wire formats, pure: bytes in, messages out, and back. No I/O, no clock, no logging.
//!
//! Here: OpenAI JSON and watsonx administration JSON to and from proto, the framings of streams, and durations as text. Not here: what a
//! vendor does differently (`providers`). Everything above may import it; it imports floor 0 only.

pub mod duration;
pub mod event_stream;
mod framing;
pub mod json;
pub mod json_lines;
pub mod openai;
pub mod sse;
pub mod watsonx;

pub use framing::{End, Frame, Frames, Framing, PushError};
