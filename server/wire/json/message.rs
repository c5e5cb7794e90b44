//! Messages in the JSON that protobuf defines for them.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

use super::{Kind, Malformed, Reader, Writer, read};

/// Callers choose the names that stand in messages. More of them does not help.
const MAX_MESSAGE: usize = 400;
/// What pbjson says where a number is wanted.
const NO_NUMBER: &str = "data did not match any variant of untagged enum Content";

/// Reads a message. Members that are `null` are absent, as protobuf wants and its implementation here does not.
///
/// # Errors
/// When it is not one; names the member.
pub fn read_message<M: DeserializeOwned>(body: &[u8]) -> Result<M, Malformed> {
    let mut json = Vec::with_capacity(body.len());
    read(body, |reader| copy(reader, &mut json))?;
    let mut deserializer = serde_json::Deserializer::from_slice(&json);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let message = error.into_inner().to_string();
        // The place is one in the copy, which nobody has seen.
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
        let message = if message == NO_NUMBER { "expected a number that fits" } else { message };
        let fault = Malformed::new(format!("{:.MAX_MESSAGE$}", without_value(message)));
        if path == "." { fault } else { fault.inside(&path) }
    })
}

/// What serde says, without the value that it repeats where another is expected: that may be a secret.
fn without_value(message: &str) -> Cow<'_, str> {
    let said = message.strip_prefix("invalid ").and_then(|said| said.split_once(": "));
    let Some((what, (value, expected))) =
        said.and_then(|(what, said)| Some((what, said.rsplit_once(", expected ")?)))
    else {
        return message.into();
    };
    // `string "..."`, ``integer `1` ``: the kind of value stands before it.
    let kind = value.find(['"', '`']).map_or(value, |start| value[..start].trim_end());
    format!("invalid {what}: {kind}, expected {expected}").into()
}

/// Copies a value without the members that are `null`.
fn copy(reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
    match reader.kind() {
        Kind::Object => {
            out.push(b'{');
            let mut first = true;
            reader.object(|reader, name| {
                if !std::mem::take(&mut first) {
                    out.push(b',');
                }
                out.extend_from_slice(Writer::text_value(name).as_bytes());
                out.push(b':');
                copy(reader, out)
            })?;
            out.push(b'}');
        }
        Kind::List => {
            out.push(b'[');
            let mut first = true;
            reader.list(|reader| {
                if !std::mem::take(&mut first) {
                    out.push(b',');
                }
                copy(reader, out)
            })?;
            out.push(b']');
        }
        Kind::Text | Kind::Number | Kind::Boolean | Kind::Null | Kind::Invalid => {
            out.extend_from_slice(reader.raw()?.as_bytes());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1::{CreateModelRequest, CreateProviderRequest};

    fn fault(body: &str) -> (String, String) {
        let Malformed { field, message } = read_message::<CreateModelRequest>(body.as_bytes()).unwrap_err();
        (field, message)
    }

    #[test]
    fn null_is_absent_in_messages() {
        let body = r#"{"provider": {"name": "east", "baseUrl": null, "labels": {"a": "b\"", "c": null},
            "credential": null, "createTime": null}}"#;
        let read: CreateProviderRequest = read_message(body.as_bytes()).unwrap();
        let short = r#"{"provider":{"name":"east","labels":{"a":"b\""}}}"#;
        assert_eq!(read, read_message(short.as_bytes()).unwrap());
        assert_eq!(read.provider.unwrap().labels["a"], "b\"");
        let empty: CreateProviderRequest = read_message(br#"{"provider": null}"#).unwrap();
        assert_eq!(empty, CreateProviderRequest::default());
    }

    #[test]
    fn wrong_type_in_a_message_names_the_field() {
        for (body, field) in [
            (r#"{"model": {"alias": 1}}"#, "model.alias"),
            (r#"{"model": {"weight": "x"}}"#, "model.weight"),
            (r#"{"model": {"labels": {"a": 1}}}"#, "model.labels.a"),
            (r#"{"model": {"createTime": []}}"#, "model.createTime"),
            (r#"{"model": []}"#, "model"),
            (r#"{"model": {"alais": 1}}"#, "model.alais"),
            (r#"{"model": {"alias": "a" "b"}}"#, "model"),
            ("[]", ""),
            ("", ""),
        ] {
            assert_eq!(fault(body).0, field, "{body}: {:?}", fault(body));
        }
    }

    #[test]
    fn wrong_number_in_a_message_is_told_so() {
        for weight in ["[]", "{}", "true", "1e99", "99999999999", "1.5"] {
            let (field, message) = fault(&format!("{{\"model\": {{\"weight\": {weight}}}}}"));
            assert_eq!(field, "model.weight", "{weight}");
            assert!(message.contains("number") || message.contains("i32"), "{weight}: {message}");
        }
    }

    #[test]
    fn long_names_do_not_make_long_faults() {
        let (field, message) = fault(&format!("{{\"model\": {{\"{}\": 1}}}}", "x".repeat(10_000)));
        assert!(message.starts_with("unknown field"), "{message}");
        assert!(field.len() < 100 && message.len() <= MAX_MESSAGE, "{} {}", field.len(), message.len());
    }

    #[test]
    fn place_in_the_copy_is_not_told() {
        let (_, message) = fault("{\"a\": null,\n\"model\": {\"alias\": 1}}");
        assert_eq!(message, "invalid type: integer, expected a string");
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_not_repeated() {
        for (body, place) in [
            (r#"{"provider": {"credential": "sk-canary"}}"#, "provider.credential"),
            (
                r#"{"provider": {"credential": "sk-canary, expected \"x\", expected y"}}"#,
                "provider.credential",
            ),
            (r#"{"provider": {"credential": {"inline": ["sk-canary"]}}}"#, "provider.credential.inline"),
            (r#"{"provider": {"credential": {"inline": {"values": "sk-canary"}}}}"#, "provider.credential"),
            (r#"{"provider": {"createTime": "sk-canary"}}"#, "provider.createTime"),
            (r#"{"provider": {"name": 7355608}}"#, "provider.name"),
        ] {
            let Malformed { field, message } =
                read_message::<CreateProviderRequest>(body.as_bytes()).unwrap_err();
            assert!(field.starts_with(place) && !message.contains("canary"), "{field}: {message}");
            assert!(!message.contains("7355608"), "{message}");
        }
    }
}
