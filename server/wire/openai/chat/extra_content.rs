//! `extra_content`: what Google's OpenAI-compatible interface puts beside the content, and wants back unchanged. With us it
//! belongs to a text; beside the content it leaves that the one string that callers expect.

use crate::{
    proto::v1::{Part, PartDelta, part::Content, part_delta},
    wire::json::Extras,
};

const NAME: &str = "extra_content";

/// That of the only text of a message that has one. `None`: there is no such text, or more stands beside the texts.
pub(super) fn of_parts<'m>(parts: &[&'m Part], message: &Extras) -> Option<(&'static str, &'m String)> {
    let mut found = None;
    for part in parts {
        let is_text = matches!(part.content, Some(Content::Text(_))) && part.cache.is_none();
        let own = part.extra_json.get(NAME);
        let only = part.extra_json.len() == usize::from(own.is_some());
        if !is_text || !only || (own.is_some() && found.is_some()) {
            return None;
        }
        found = found.or(own);
    }
    found.filter(|_| !message.contains_key(NAME)).map(|json| (NAME, json))
}

/// That of the first text of a chunk that has one.
pub(super) fn of_deltas(parts: &[PartDelta]) -> Option<(&'static str, &String)> {
    let texts = parts.iter().filter(|part| matches!(part.content, Some(part_delta::Content::Text(_))));
    texts.filter_map(|part| part.extra_json.get(NAME)).map(|json| (NAME, json)).next()
}
