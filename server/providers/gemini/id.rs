//! Ids for what Gemini gives none.

use aws_lc_rs::digest;

/// Ids that we made for calls that came without; Gemini never saw them.
const MADE_HERE: &str = "gemini_";
/// So much of a digest makes an id.
const ID_BYTES: usize = 12;

/// An id made of what is the same whenever the same is read again.
pub(super) fn make(of: &[&[u8]]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in of {
        context.update(&part.len().to_be_bytes());
        context.update(part);
    }
    let hash = context.finish();
    let hex = hash.as_ref().iter().take(ID_BYTES).map(|byte| format!("{byte:02x}"));
    hex.fold(MADE_HERE.to_owned(), |id, byte| id + &byte)
}

/// The id as Gemini knows it.
pub(super) fn known(id: &str) -> Option<&str> {
    Some(id).filter(|id| !id.is_empty() && !id.starts_with(MADE_HERE))
}
