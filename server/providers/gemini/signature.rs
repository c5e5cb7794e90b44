//! Signatures of thoughts: `{"google": {"thought_signature": "..."}}` under `extra_content`, as Google's own
//! OpenAI-compatible interface has it.

use std::borrow::Cow;

use super::effort::Family;
use crate::wire::json::{Extras, Kind, Reader, Writer};

/// The member of a part, a tool call or a message in which it stands.
pub(super) const EXTRA_CONTENT: &str = "extra_content";

/// What Google's documents name for function calls that no signature came with, as they were made by another model or
/// lost it on the way. Without any, Gemini 3 refuses them.
pub(super) const UNSIGNED: &str = "skip_thought_signature_validator";

/// Puts a signature among the extra members of what it signs.
pub(super) fn put(signature: &str, extras: &mut Extras) {
    let json = Writer::text_of(|object| {
        object.object("google", |object| object.text("thought_signature", signature));
    });
    extras.insert(EXTRA_CONTENT.to_owned(), json);
}

/// The signature among extra members, if there is one.
pub(super) fn find(extras: &Extras) -> Option<Cow<'_, str>> {
    let mut signature = None;
    let read = Reader::over(extras.get(EXTRA_CONTENT)?).object(|reader, name| match name {
        "google" if reader.kind() == Kind::Object => reader.object(|reader, name| match name {
            "thought_signature" if reader.kind() == Kind::Text => {
                signature = Some(reader.text()?);
                Ok(())
            }
            _ => reader.skip(),
        }),
        _ => reader.skip(),
    });
    signature.filter(|_| read.is_ok())
}

/// Whether models of this family refuse function calls without one.
pub(super) fn is_required(family: Family) -> bool {
    match family {
        Family::Levels => true,
        Family::Budgets | Family::Open => false,
    }
}
