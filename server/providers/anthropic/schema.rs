//! JSON Schemas as the vendor takes them. What a caller wrote keeps its order.

use crate::wire::json::{Kind, Malformed, Members, Reader, Writer, read};

/// Keywords that the vendor cannot enforce and refuses (platform.claude.com: structured outputs). Its own SDK tells the
/// model of them in the description; so do we.
const NOT_ENFORCED: [&str; 12] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
];

/// Keywords that hold one schema, a list of them, or an object of them.
const ONE: [&str; 1] = ["items"];
const LISTS: [&str; 3] = ["anyOf", "oneOf", "allOf"];
const OBJECTS: [&str; 3] = ["properties", "$defs", "definitions"];

/// The schema of an object: any object where nothing is said.
///
/// # Errors
/// That it is no JSON object.
pub(super) fn of_object(schema: Option<&str>) -> Result<String, Malformed> {
    let mut members = Members::of(schema.unwrap_or("{}").as_bytes())?;
    if members.get("type").is_none() {
        members.set("type", "\"object\"");
    }
    text(&members)
}

/// The same, with a description unless it has one.
pub(super) fn described(schema: &str, description: Option<&str>) -> Result<String, Malformed> {
    let mut members = Members::of(schema.as_bytes())?;
    if let (None, Some(description)) = (members.get("description"), description) {
        members.set("description", Writer::text_value(description));
    }
    text(&members)
}

/// A schema that the vendor enforces: objects are closed, and what it cannot enforce stands in descriptions.
///
/// # Errors
/// That it is no JSON.
pub(super) fn enforced(schema: &str) -> Result<String, Malformed> {
    let mut reader = Reader::over(schema);
    // `true` is a schema too.
    if reader.kind() != Kind::Object {
        return reader.raw().map(str::to_owned);
    }
    let mut members = Members::of(schema.as_bytes())?;
    for name in ONE {
        if let Some(inner) = members.get(name).map(enforced).transpose()? {
            members.set(name, inner);
        }
    }
    for name in LISTS {
        let Some(list) = members.get(name).filter(|json| Reader::over(json).kind() == Kind::List) else {
            continue;
        };
        let inner = Reader::over(list).list(|reader| enforced(reader.raw()?))?;
        members.set(name, format!("[{}]", inner.join(",")));
    }
    for name in OBJECTS {
        let Some(object) = members.get(name).filter(|json| Reader::over(json).kind() == Kind::Object) else {
            continue;
        };
        let mut inner = Vec::new();
        Reader::over(object).every_member(|reader, name| {
            inner.push(format!("{}:{}", Writer::text_value(name), enforced(reader.raw()?)?));
            Ok(())
        })?;
        members.set(name, format!("{{{}}}", inner.join(",")));
    }
    let is_object = members.get("type").is_some_and(|kind| kind.contains("\"object\""));
    if is_object && members.get("additionalProperties").is_none() {
        members.set("additionalProperties", "false");
    }
    describe(&mut members)?;
    text(&members)
}

/// Moves what is not enforced into the description.
fn describe(members: &mut Members<'_>) -> Result<(), Malformed> {
    let mut limits = Vec::new();
    for name in NOT_ENFORCED {
        let Some(value) = members.get(name) else { continue };
        // Whether there is anything at all, it can enforce.
        if name == "minItems" && matches!(value, "0" | "1") {
            continue;
        }
        limits.push(format!("{name}: {value}"));
        members.remove(name);
    }
    if limits.is_empty() {
        return Ok(());
    }
    let limits = format!("{{{}}}", limits.join(", "));
    let described = match members.get("description") {
        Some(json) => format!("{}\n\n{limits}", read(json.as_bytes(), Reader::string)?),
        None => limits,
    };
    members.set("description", Writer::text_value(&described));
    Ok(())
}

fn text(members: &Members<'_>) -> Result<String, Malformed> {
    String::from_utf8(members.write()).map_err(|_| Malformed::new("not valid UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_of_arguments_is_that_of_an_object() {
        for (given, made) in [
            (None, r#"{"type":"object"}"#),
            (Some("{}"), r#"{"type":"object"}"#),
            (Some(r#"{"z":1.00,"type":"object","a":2}"#), r#"{"z":1.00,"type":"object","a":2}"#),
        ] {
            assert_eq!(of_object(given).unwrap(), made);
        }
        assert!(of_object(Some("[]")).is_err());
    }

    #[test]
    fn what_cannot_be_enforced_is_said() {
        let given = r##"{"type":"object","properties":{"minimum":{"type":"integer","minimum":18,"description":"Years"},
            "tags":{"type":"array","minItems":1,"maxItems":3,"items":{"type":["object","null"],"x":true}},
            "a":{"anyOf":[{"$ref":"#/$defs/b"},{"type":"string","maxLength":5}]}},"$defs":{"b":true}}"##;
        let made = concat!(
            r##"{"type":"object","properties":{"minimum":{"type":"integer","description":"Years\n\n{minimum: 18}"},"##,
            r##""tags":{"type":"array","minItems":1,"items":{"type":["object","null"],"x":true,"additionalProperties":false},"##,
            r##""description":"{maxItems: 3}"},"##,
            r##""a":{"anyOf":[{"$ref":"#/$defs/b"},{"type":"string","description":"{maxLength: 5}"}]}},"##,
            r##""$defs":{"b":true},"additionalProperties":false}"##
        );
        assert_eq!(enforced(given).unwrap(), made);
        assert_eq!(enforced(made).unwrap(), made, "twice is once");
    }

    #[test]
    fn a_description_of_its_own_stays() {
        assert_eq!(described("{}", Some("a \"b\"")).unwrap(), r#"{"description":"a \"b\""}"#);
        assert_eq!(described(r#"{"description":"x"}"#, Some("y")).unwrap(), r#"{"description":"x"}"#);
    }
}
