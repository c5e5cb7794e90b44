//! What the targets share: pieces of bytes, and JSON that is nearly right.

mod body;
mod cut;
mod judge;

pub use body::{Names, body, names, text};
pub use cut::{Cut, pieces};
pub use judge::{is_json, names_are_unique};
