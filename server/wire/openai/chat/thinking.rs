//! Reasoning as an element of the content, as Mistral has it: `{"type":"thinking","thinking":[{"type":"text",...}]}`.

use super::part::text_value;
use crate::wire::{
    json::{Extras, Kind, Malformed, Reader, Writer},
    openai::text_member,
};

/// A list of thoughts and texts, each joined.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) thinking: Option<String>,
    /// Members that stood beside the thoughts.
    pub(super) extras: Extras,
    pub(super) text: Option<String>,
}

/// The text of an element that is a thought, and its other members. `None`: it is something else.
#[must_use]
pub fn read_thinking(json: &str) -> Option<(String, Extras)> {
    if text_member(json, "type").ok()?? != "thinking" {
        return None;
    }
    let (mut thought, mut extras) = (None, Extras::new());
    let read = Reader::over(json).object(|reader, name| {
        match name {
            "type" => reader.skip()?,
            "thinking" => thought = Some(read_thought(reader)?),
            _ => reader.keep(&mut extras, name)?,
        }
        Ok(())
    });
    thought.filter(|_| read.is_ok()).map(|text| (text, extras))
}

/// The element that is such a thought.
#[must_use]
pub fn write_thinking(text: &str, extras: &Extras) -> String {
    Writer::text_of(|object| {
        object.text("type", "thinking");
        object.member("thinking", |value| {
            value.each([text], |value, text| {
                value.object(|object| {
                    object.text("type", "text");
                    object.text("text", text);
                });
            });
        });
        object.extras_except(extras, &["type", "thinking"]);
    })
}

/// Takes a list apart. `None`: it holds something else as well.
pub(super) fn split(list: &str) -> Option<Split> {
    let mut split = Split::default();
    let elements = Reader::over(list).list(|reader| reader.raw()).ok()?;
    for element in elements {
        if let Some((thought, extras)) = read_thinking(element) {
            split.thinking.get_or_insert_default().push_str(&thought);
            split.extras.extend(extras);
        } else {
            split.text.get_or_insert_default().push_str(&text_value(element)?);
        }
    }
    Some(split)
}

/// Takes the texts of a thought: one, or a list.
fn read_thought(reader: &mut Reader<'_>) -> Result<String, Malformed> {
    if reader.kind() == Kind::Text {
        return reader.string();
    }
    let texts = reader.list(|reader| {
        let json = reader.raw()?;
        text_value(json).ok_or_else(|| Malformed::new("a thought holds something else than text"))
    })?;
    Ok(texts.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thoughts_come_back_as_they_were() {
        let json = r#"{"type":"thinking","thinking":[{"type":"text","text":"a \"b\""}],"closed":true}"#;
        let (text, extras) = read_thinking(json).unwrap();
        assert_eq!((text.as_str(), extras["closed"].as_str()), ("a \"b\"", "true"));
        assert_eq!(write_thinking(&text, &extras), json);
        assert_eq!(read_thinking(r#"{"type":"thinking","thinking":"a"}"#).unwrap().0, "a");
    }

    #[test]
    fn what_is_more_than_text_stays_as_it_is() {
        for json in [
            r#"{"type":"text","text":"a"}"#,
            r#"{"type":"thinking"}"#,
            r#"{"type":"thinking","thinking":[{"type":"reference","reference_ids":[1]}]}"#,
            "7",
        ] {
            assert_eq!(read_thinking(json), None, "{json}");
        }
        assert_eq!(split(r#"[{"type":"text","text":"a"},{"type":"reference","reference_ids":[1]}]"#), None);
        assert_eq!(split(r#"[{"type":"text","text":"a","cache_control":{}}]"#), None);
    }

    #[test]
    fn lists_are_joined_by_kind() {
        let list = r#"[{"type":"thinking","thinking":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
            {"type":"text","text":"c"}]"#;
        let split = split(list).unwrap();
        assert_eq!((split.thinking.as_deref(), split.text.as_deref()), (Some("ab"), Some("c")));
    }
}
