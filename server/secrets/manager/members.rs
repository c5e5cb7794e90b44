//! Reads an object that holds secrets by name.

use std::collections::BTreeMap;

use crate::{
    secret::Secret,
    wire::json::{Kind, Malformed, Reader},
};

/// Takes the object that comes next. A number, `true` and `false` are taken as they are written; `null` is no secret.
///
/// # Errors
/// When it is not an object, or a member holds something else.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<BTreeMap<String, Secret>, Malformed> {
    let mut members = BTreeMap::new();
    reader.object(|reader, name| {
        let text = match reader.kind() {
            Kind::Number | Kind::Boolean => reader.raw()?.to_owned(),
            Kind::Text => reader.string()?,
            Kind::Object | Kind::List | Kind::Null | Kind::Invalid => {
                return Err(Malformed::new("must be a text, a number, true or false"));
            }
        };
        members.insert(name.to_owned(), Secret::new(text));
        Ok(())
    })?;
    Ok(members)
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::wire::json;

    #[test]
    fn plain_members_become_text_as_they_are_written() {
        let body = br#"{"a": "x\"y", "b": 9007199254740993, "c": 1.00, "d": true, "e": null}"#;
        let members = json::read(body, read).unwrap();
        let members: Vec<_> = members.iter().map(|(name, secret)| (name.as_str(), secret.expose())).collect();
        assert_eq!(members, [("a", "x\"y"), ("b", "9007199254740993"), ("c", "1.00"), ("d", "true")]);
    }

    #[test]
    fn what_is_no_text_is_refused_by_its_name_and_not_shown() {
        for body in [r#"{"a": "x", "key": {"canary": 1}}"#, r#"{"key": ["canary"]}"#] {
            let error = json::read(body.as_bytes(), read).unwrap_err();
            assert_eq!(error.field, "key", "{body}");
            assert!(!error.message.contains("canary"), "{body}");
        }
        assert!(json::read(br#""text""#, read).is_err());
    }
}
