//! Text: its pieces, its limits and its hash.

use serde_json::Value;

/// A longer word is several pieces, as it would be several tokens.
const LONGEST_PIECE: usize = 8;

/// A quote does not go on for ever.
const LONGEST_QUOTE: usize = 200;

/// Cuts a text into what we call tokens: words with the space before them, and single marks. Joined they are the text.
pub(super) fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(first_piece(rest));
        pieces.push(piece);
        rest = tail;
    }
    pieces
}

/// How many tokens a text has.
pub(super) fn count(text: &str) -> usize {
    pieces(text).len()
}

/// The text before the earliest of the stop texts.
pub(super) fn before<'a>(text: &'a str, stops: &[&str]) -> &'a str {
    let end = stops.iter().filter_map(|stop| text.find(stop)).min();
    end.map_or(text, |end| text.split_at(end).0)
}

/// The text in quotation marks, cut where it is long.
pub(super) fn quote(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(LONGEST_QUOTE) {
        None => format!("\"{text}\""),
        Some((end, _)) => format!("\"{}…\"", text.split_at(end).0),
    }
}

/// The text of a message's content: a string, or the text parts of a list.
pub(super) fn content(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let texts = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
            texts.collect::<Vec<_>>().join("\n")
        }
        Some(_) | None => String::new(),
    }
}

/// FNV-1a: the same on every machine and in every release, which the standard hashers do not promise.
pub(super) fn hash<'a>(texts: impl IntoIterator<Item = &'a str>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for text in texts {
        // 0xff never occurs in UTF-8, so that "a", "bc" and "ab", "c" differ.
        for byte in text.bytes().chain(std::iter::once(0xff)) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

fn first_piece(text: &str) -> usize {
    let space = usize::from(text.starts_with(' '));
    let (_, body) = text.split_at(space);
    match body.chars().next() {
        Some(mark) if mark.is_alphanumeric() => {
            let word = body.chars().take_while(|letter| letter.is_alphanumeric()).take(LONGEST_PIECE);
            space + word.map(char::len_utf8).sum::<usize>()
        }
        Some(mark) if !mark.is_whitespace() => space + mark.len_utf8(),
        Some(_) | None => text.len() - text.trim_start().len(),
    }
}
