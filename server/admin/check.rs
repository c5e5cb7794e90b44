//! Rules that several resources share. Each names the field that breaks it.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::error::{Error, Result};
pub(super) use crate::secrets::{MAX_SECRET_BYTES, fits_header};

/// The longest name.
pub(super) const MAX_NAME: usize = 128;
const MAX_LABELS: usize = 64;
const MAX_LABEL_VALUE: usize = 1024;

/// A value that travels to a vendor as it is.
pub(super) fn value(field: &str, value: &str, max_bytes: usize) -> Result<()> {
    if value.len() > max_bytes {
        return Err(Error::invalid(field, format!("must have at most {max_bytes} bytes")));
    }
    // What was pasted with its line end would fail at the vendor, with a riddle for a message.
    if value.trim() != value {
        return Err(Error::invalid(field, "must not begin or end with white space"));
    }
    printable(field, value)
}

/// A provider's name: letters, digits, single spaces, `-`, `_`, `.`, `(`, `)`, `[`, `]`.
pub(super) fn provider_name(field: &str, name: &str) -> Result<()> {
    length(field, name, 1, MAX_NAME)?;
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || " -_.()[]".contains(letter);
    if let Some(letter) = name.chars().find(|letter| !allowed(*letter)) {
        return Err(Error::invalid(
            field,
            format!("must not contain {letter:?}; use letters, digits, single spaces and - _ . ( ) [ ]"),
        ));
    }
    if name.trim() != name || name.contains("  ") {
        return Err(Error::invalid(field, "must not begin or end with a space or contain two in a row"));
    }
    no_id(field, name)
}

/// An API key's name: anything that people can read.
pub(super) fn key_name(field: &str, name: &str) -> Result<()> {
    length(field, name, 1, MAX_NAME)?;
    if name.trim() != name {
        return Err(Error::invalid(field, "must not begin or end with white space"));
    }
    printable(field, name)?;
    no_id(field, name)
}

/// A model's alias, or the provider's id of it: visible characters.
pub(super) fn model_name(field: &str, name: &str, max: usize) -> Result<()> {
    length(field, name, 1, max)?;
    printable(field, name)?;
    if name.contains(char::is_whitespace) {
        return Err(Error::invalid(field, "must not contain white space"));
    }
    Ok(())
}

/// Refuses what looks like an id of ours: it could be taken for one.
pub(super) fn no_id(field: &str, name: &str) -> Result<()> {
    if Uuid::try_parse(name).is_ok() {
        return Err(Error::invalid(field, "must not look like an id; choose a name that is no UUID"));
    }
    Ok(())
}

/// The operator's own marks.
pub(super) fn labels(field: &str, labels: &BTreeMap<String, String>) -> Result<()> {
    count(field, labels.len(), MAX_LABELS)?;
    for (name, value) in labels {
        entry_name(field, name)?;
        let field = format!("{field}.{name}");
        length(&field, value, 0, MAX_LABEL_VALUE)?;
        printable(&field, value)?;
    }
    Ok(())
}

/// A group of callers: visible ASCII characters.
pub(super) fn group(field: &str, name: &str) -> Result<()> {
    if !(1..=MAX_NAME).contains(&name.len()) || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::invalid(field, "must be 1 to 128 visible ASCII characters"));
    }
    Ok(())
}

/// The name of an entry of a map.
pub(super) fn entry_name(field: &str, name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Error::invalid(field, "has an entry without a name; name it"));
    }
    if name.len() > MAX_NAME {
        return Err(Error::invalid(field, format!("has a name of more than {MAX_NAME} bytes; shorten it")));
    }
    printable(field, name)
}

/// How many entries a map may have.
pub(super) fn count(field: &str, given: usize, max: usize) -> Result<()> {
    if given > max {
        return Err(Error::invalid(field, format!("has {given} entries; at most {max} are allowed")));
    }
    Ok(())
}

/// How many characters a text may have.
pub(super) fn length(field: &str, text: &str, min: usize, max: usize) -> Result<()> {
    // Bytes first, so that a huge text is not counted through.
    if text.len() > 4 * max || text.chars().count() > max {
        return Err(Error::invalid(field, format!("must have at most {max} characters")));
    }
    if text.is_empty() && min > 0 {
        return Err(Error::invalid(field, "is required"));
    }
    if text.chars().count() < min {
        return Err(Error::invalid(field, format!("must have at least {min} characters")));
    }
    Ok(())
}

/// Refuses control characters and characters that cannot be seen, which make one name look like another.
pub(super) fn printable(field: &str, text: &str) -> Result<()> {
    let hidden = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    if let Some(letter) = text.chars().find(|letter| hidden(*letter)) {
        return Err(Error::invalid(
            field,
            format!("must not contain control or invisible characters; remove {letter:?}"),
        ));
    }
    Ok(())
}
