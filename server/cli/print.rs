//! What a command says on standard output: a table or details for people, JSON or YAML for programs.

use std::io::{self, Write as _};

use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr as _;

use super::exit::Failure;

/// Form of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people: lists as tables, anything else line by line.
    #[default]
    Table,
    /// For programs: proto JSON as the REST API has it; lists as one array.
    Json,
    /// The same as YAML.
    Yaml,
}

/// A column: its head, and the member that it shows; `settings.name` shows the names of all settings.
pub(super) type Column = (&'static str, &'static str);

/// Members whose values are words of an enum, and what the words begin with.
const WORDS: [(&str, &str); 12] = [
    ("role", "ACCESS_ROLE_"),
    ("defaultRole", "ACCESS_ROLE_"),
    ("roles.role", "ACCESS_ROLE_"),
    ("actor.role", "ACCESS_ROLE_"),
    ("outcome", "AUDIT_OUTCOME_"),
    ("action", "POLICY_ACTION_"),
    ("effect", "POLICY_EFFECT_"),
    ("type", "RATE_LIMIT_TYPE_"),
    ("rule", "ACCESS_RULE_"),
    ("reason", "ERROR_REASON_"),
    ("fault", "FAULT_"),
    ("operations", "OPERATION_"),
];

impl Format {
    /// Many of a kind.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(super) fn list(self, columns: &[Column], messages: &[impl Serialize]) -> Result<(), Failure> {
        let values = messages.iter().map(as_json).collect::<Result<Vec<_>, _>>()?;
        match self {
            Self::Table => write(&table(columns, &values)),
            Self::Json | Self::Yaml => self.value(&Value::Array(values)),
        }
    }

    /// One message.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(super) fn message(self, message: &impl Serialize) -> Result<(), Failure> {
        let value = as_json(message)?;
        match self {
            Self::Table => write(&details(&value)),
            Self::Json | Self::Yaml => self.value(&value),
        }
    }

    /// An answer that is yes or no above all. Proto JSON leaves a no out, people want to read it.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(super) fn verdict(self, name: &str, yes: bool, message: &impl Serialize) -> Result<(), Failure> {
        match self {
            Self::Table => {
                let mut value = json!({ name: yes });
                if let (Value::Object(all), Value::Object(rest)) = (&mut value, as_json(message)?) {
                    all.extend(rest);
                }
                write(&details(&value))
            }
            Self::Json | Self::Yaml => self.message(message),
        }
    }

    /// An answer with a secret. For people it is alone on its line, so that scripts can take it, too.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(super) fn secret(self, message: &impl Serialize, secret: &str) -> Result<(), Failure> {
        match self {
            Self::Table => write(&format!("{secret}\n")),
            Self::Json | Self::Yaml => self.value(&as_json(message)?),
        }
    }

    /// What was done, as a line, or for programs as a list.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(super) fn done(self, lines: &[String], values: Vec<Value>) -> Result<(), Failure> {
        match self {
            Self::Table => write(&lines.iter().map(|line| format!("{line}\n")).collect::<String>()),
            Self::Json | Self::Yaml => self.value(&Value::Array(values)),
        }
    }

    /// A failure, on standard error.
    pub(super) fn failure(self, failure: &Failure) {
        let text = match self {
            Self::Json => failure.to_json().to_string(),
            Self::Table | Self::Yaml => format!("error: {failure}"),
        };
        note(&text);
    }

    fn value(self, value: &Value) -> Result<(), Failure> {
        let text = match self {
            Self::Yaml => serde_saphyr::to_string(value).map_err(|error| error.to_string()),
            Self::Table | Self::Json => {
                serde_json::to_string_pretty(value).map_err(|error| error.to_string())
            }
        };
        let text = text.map_err(|cause| Failure::failed(format!("the answer cannot be shown: {cause}")))?;
        write(&format!("{}\n", text.trim_end()))
    }
}

/// Something for people that is not the answer, on standard error.
pub(super) fn note(text: &str) {
    // Where nobody can be told, there is nothing to be done about it.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Writes to standard output. That nobody reads any more, as behind `| head`, is no failure.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("the answer cannot be written: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn as_json(message: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(message)
        .map_err(|cause| Failure::failed(format!("the answer cannot be shown: {cause}")))
}

// === for people ===

fn table(columns: &[Column], values: &[Value]) -> String {
    let head = columns.iter().map(|(head, _)| (*head).to_owned()).collect();
    let row = |value| columns.iter().map(|(_, path)| or_dash(shown(path, &reach(value, path)))).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(values.iter().map(row)).collect();
    aligned(&rows)
}

fn details(value: &Value) -> String {
    let mut rows = Vec::new();
    flatten("", value, &mut rows);
    aligned(&rows)
}

/// One row for each member, for each member of a member, and so on; those of a list stand below one another.
fn flatten(path: &str, value: &Value, rows: &mut Vec<Vec<String>>) {
    match value {
        Value::Object(members) if path.is_empty() || !members.is_empty() => {
            let before = if path.is_empty() { String::new() } else { format!("{path}.") };
            for (name, value) in members {
                flatten(&format!("{before}{name}"), value, rows);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().for_each(|item| flatten(path, item, rows));
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => {
            rows.push(vec![format!("{}:", plain(path)), shown(path, &reach(value, ""))]);
        }
    }
}

/// Rows whose columns begin below one another.
fn aligned(rows: &[Vec<String>]) -> String {
    let count = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
    let widths: Vec<_> = (0..count).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - cell.width() + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The values at the end of a path; lists on the way, and at its end, are gone through.
fn reach<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    match (value, path.split_once('.').unwrap_or((path, ""))) {
        (Value::Array(items), _) => items.iter().flat_map(|item| reach(item, path)).collect(),
        (value, ("", _)) => vec![value],
        (value, (member, rest)) => value.get(member).map_or_else(Vec::new, |inner| reach(inner, rest)),
    }
}

fn shown(path: &str, values: &[&Value]) -> String {
    values.iter().map(|value| cell(path, value)).collect::<Vec<_>>().join(", ")
}

fn cell(path: &str, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => word(path, text),
        Value::Array(_) => shown(path, &reach(value, "")),
        Value::Object(bucket) if matches!(path, "request" | "token") => {
            let member = |name: &str| bucket.get(name).and_then(Value::as_str).unwrap_or("0");
            format!("{}/{}, at most {}", member("amount"), member("duration"), member("capacity"))
        }
        // That it is there says something, though it says nothing itself.
        Value::Object(members) if members.is_empty() => "yes".to_owned(),
        Value::Object(members) => {
            let pairs = members.iter().map(|(name, value)| format!("{}={}", plain(name), cell("", value)));
            pairs.collect::<Vec<_>>().join(", ")
        }
    }
}

/// A text as people read it: words of enums without what they begin with, times to the second.
fn word(path: &str, text: &str) -> String {
    let prefix = WORDS.iter().find(|(member, _)| *member == path).map(|(_, prefix)| *prefix);
    if let Some(word) = prefix.and_then(|prefix| text.strip_prefix(prefix)) {
        return word.to_lowercase().replace('_', "-");
    }
    // Lengths of time end so, too.
    if (path == "time" || path.ends_with("Time")) && text.contains('T') {
        let seconds = text.split(['.', '+', 'Z']).next().unwrap_or(text);
        return format!("{seconds}Z");
    }
    plain(text)
}

/// A text that cannot break the line, or command the terminal.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() { plain.extend(letter.escape_default()) } else { plain.push(letter) }
    }
    plain
}

fn or_dash(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{details, table};

    #[test]
    fn columns_begin_below_one_another_whatever_the_letters() {
        let values = [
            json!({"name": "東京", "settings": [{"name": "region"}, {"name": "project_id"}]}),
            json!({"name": "e\u{301}a\u{1b}[31m\n", "settings": []}),
        ];
        let text = table(&[("NAME", "name"), ("SETTINGS", "settings.name")], &values);
        assert_eq!(
            text,
            "NAME            SETTINGS\n東京            region, project_id\ne\u{301}a\\u{1b}[31m\\n  -\n"
        );
    }

    #[test]
    fn details_show_words_and_times_as_people_read_them() {
        let key = json!({"role": "ACCESS_ROLE_USER", "labels": {"role": "ACCESS_ROLE_X"}, "groups": ["a", "b"],
            "createTime": "2026-01-02T03:04:05.678+00:00", "request": {"amount": "15"}});
        assert_eq!(
            details(&key),
            "role:            user\nlabels.role:     ACCESS_ROLE_X\ngroups:          a, b\n\
             createTime:      2026-01-02T03:04:05Z\nrequest.amount:  15\n"
        );
    }

    #[test]
    fn details_show_lists_of_messages_and_messages_that_say_nothing() {
        let manager = json!({"name": "ibm", "ibmSecretsManager": {}, "cacheTime": "90s",
            "rules": [{"prefix": "crn:a", "hosts": ["x", "y"]}, {"prefix": "crn:b"}], "roles": [{"role": "ACCESS_ROLE_USER"}]});
        assert_eq!(
            details(&manager),
            "name:               ibm\nibmSecretsManager:  yes\ncacheTime:          90s\nrules.prefix:       crn:a\nrules.hosts:        x, y\n\
             rules.prefix:       crn:b\nroles.role:         user\n"
        );
    }
}
