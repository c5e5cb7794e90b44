//! The laws that hold whatever bytes come: one file a target, each with a `check` of one input.
//!
//! Here: the targets, and what they share: pieces of bytes, and JSON that is nearly right. Not here: the fuzzer
//! (`targets/`), and the replay in the tests of the gateway (`tests/it/fuzz.rs`), which takes this folder in.

pub mod auth_header;
pub mod chat_json;
pub mod decoder;
pub mod demo_schema;
pub mod duration;
pub mod rest_body;
pub mod seed_file;
pub mod sse;
pub mod tool_deltas;

mod body;
mod cut;
mod judge;

pub use body::{Names, body, names, text};
pub use cut::{Cut, pieces};
pub use judge::{is_json, names_are_unique};
