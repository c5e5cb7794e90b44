//! What flags can give: pairs, secrets that stand elsewhere, times, whole resources from files.

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use pbjson_types::Timestamp;
use serde::{Deserialize as _, de::DeserializeOwned, de::IntoDeserializer};
use serde_json::Value;

use super::exit::Failure;
use crate::{
    clock::Clock,
    config::variable,
    proto,
    wire::{duration, json::read_message},
};

/// Files of resources are no larger than what the gateway takes.
const MAX_FILE_BYTES: u64 = 32 << 20;

/// The last second of the year 9999, beyond which protobuf has no times.
const END_OF_TIME: i64 = 253_402_300_799;

const NO_TIME: &str = "give a length of time, e.g. 30d, or a time, e.g. 2030-01-31T00:00:00Z";

/// `NAME=VALUE`, as a flag.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("give NAME=VALUE".to_owned()),
    }
}

/// Sets what the pairs name. An empty value takes the name out.
pub(super) fn merge(members: &mut BTreeMap<String, String>, pairs: Vec<(String, String)>) {
    for (name, value) in pairs {
        if value.is_empty() {
            members.remove(&name);
        } else {
            members.insert(name, value);
        }
    }
}

/// Takes over a value, if one is given.
pub(super) fn set<T>(member: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *member = given;
    }
}

/// Takes over all values, if there are any. Empty ones only say that there shall be none.
pub(super) fn replace<T: Default + PartialEq>(members: &mut Vec<T>, given: Vec<T>) {
    if !given.is_empty() {
        *members = given.into_iter().filter(|value| *value != T::default()).collect();
    }
}

// === secrets ===

/// Where a secret stands. The secret itself is never a flag: other users of the machine can see flags.
#[derive(Clone, Debug)]
pub enum Source {
    /// `@FILE`
    File(PathBuf),
    /// `env:NAME`
    Variable(String),
    /// `-`
    Input,
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix('@'), text.strip_prefix("env:")) {
            ("-", _, _) => Ok(Self::Input),
            (_, Some(path), _) if !path.is_empty() => Ok(Self::File(path.into())),
            (_, _, Some(name)) if !name.is_empty() => Ok(Self::Variable(name.to_owned())),
            // The text may be the secret, so it is not repeated.
            _ => Err("give @FILE, env:VARIABLE, or - for standard input; never the secret itself, which other users of \
                      the machine could see"
                .to_owned()),
        }
    }
}

/// `NAME=SOURCE`, as a flag.
pub(super) fn secret_pair(text: &str) -> Result<(String, Source), String> {
    let (name, source) = pair(text).map_err(|_| "give NAME=@FILE, NAME=env:VARIABLE or NAME=-".to_owned())?;
    Ok((name, source.parse()?))
}

impl Source {
    /// The secret, without the end of its last line.
    ///
    /// # Errors
    /// When it is not there, or empty.
    pub(super) fn read(&self) -> Result<String, Failure> {
        let text = match self {
            Self::File(path) => read_text(path)?,
            Self::Variable(name) => variable(name)
                .ok_or_else(|| Failure::wrong(format!("the environment variable {name} is not set")))?,
            Self::Input => read_text(Path::new("-"))?,
        };
        let secret = text.trim_end_matches(['\r', '\n']);
        if secret.is_empty() {
            return Err(Failure::wrong(format!("{self} holds no secret: it is empty")));
        }
        Ok(secret.to_owned())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => write!(f, "env:{name}"),
            Self::Input => f.write_str("standard input"),
        }
    }
}

// === files ===

/// A whole resource, from a file or, as `-`, from standard input: proto JSON, or the same as YAML.
///
/// # Errors
/// When it cannot be read; names the member.
pub(super) fn resource<M: DeserializeOwned + Default>(file: Option<&Path>) -> Result<M, Failure> {
    let Some(path) = file else { return Ok(M::default()) };
    let text = read_text(path)?;
    let wrong = |cause: String| Failure::wrong(format!("{}: {cause}", path.display()));
    let json = if text.trim_start().starts_with('{') {
        text.into_bytes()
    } else {
        // A file may hold secrets: what is said of it does not show it.
        let options = serde_saphyr::options! { with_snippet: false };
        let value: Value =
            serde_saphyr::from_str_with_options(&text, options).map_err(|error| wrong(error.to_string()))?;
        value.to_string().into_bytes()
    };
    read_message(&json).map_err(|malformed| wrong(malformed.in_request().to_string()))
}

/// The text of a file that a flag names.
///
/// # Errors
/// When it cannot be read.
pub(super) fn text_of(path: PathBuf) -> Result<String, Failure> {
    read_text(&path)
}

fn read_text(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(MAX_FILE_BYTES).read_to_string(&mut text)
    } else {
        fs::File::open(path).and_then(|file| file.take(MAX_FILE_BYTES).read_to_string(&mut text))
    };
    read.map_err(|cause| Failure::wrong(format!("{} cannot be read: {cause}", path.display())))?;
    Ok(text)
}

// === times ===

/// A length of time, as Go writes it: `1h30m`, and `d` for days.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let nanoseconds = duration::parse(text).map_err(|malformed| malformed.message)?;
    u64::try_from(nanoseconds).map(Duration::from_nanos).map_err(|_| "must not be less than 0".to_owned())
}

/// When something ends, as a flag: a length of time from now, a time, or nothing for never.
pub(super) fn end(text: &str) -> Result<Option<Timestamp>, String> {
    if text.is_empty() || text == "never" {
        return Ok(None);
    }
    if let Ok(length) = duration(text) {
        let end = Clock::real().now().checked_add(length);
        let end = end.map(proto::timestamp).filter(|end| end.seconds <= END_OF_TIME);
        return end.map(Some).ok_or_else(|| "is too far away".to_owned());
    }
    time(text).map(Some).ok_or_else(|| NO_TIME.to_owned())
}

/// When something was, as a flag: a length of time before now, or a time.
pub(super) fn past(text: &str) -> Result<Timestamp, String> {
    if let Ok(length) = duration(text) {
        let then = Clock::real().now().checked_sub(length).map(proto::timestamp);
        return then.filter(|then| then.seconds >= 0).ok_or_else(|| "is too long ago".to_owned());
    }
    time(text).ok_or_else(|| NO_TIME.to_owned())
}

fn time(text: &str) -> Option<Timestamp> {
    let deserializer: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
        text.into_deserializer();
    Timestamp::deserialize(deserializer).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Source, duration, end, past};

    #[test]
    fn lengths_of_time_are_read_or_refused() {
        for (text, seconds) in [("0", 0), ("0s", 0), ("90s", 90), ("1h30m", 5400), ("30d", 2_592_000)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "5", "h", "-1h", "1 h", "1y", "99999999999999999999d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_end_is_a_time_or_never() {
        assert_eq!(end("never"), Ok(None));
        assert_eq!(end(""), Ok(None));
        assert_eq!(end("2030-01-31T00:00:00Z").unwrap().unwrap().seconds, 1_896_048_000);
        assert!(end("7d").unwrap().is_some());
        assert!(end("tomorrow").is_err());
        assert!(end("9999999999999d").is_err());
    }

    #[test]
    fn what_was_is_a_time_before_now() {
        assert_eq!(past("2030-01-31T00:00:00Z").unwrap().seconds, 1_896_048_000);
        let (now, before) = (past("0").unwrap(), past("1h").unwrap());
        assert!((3600..3660).contains(&(now.seconds - before.seconds)), "{now:?} {before:?}");
        assert!(past("yesterday").is_err());
        assert!(past("").is_err());
        assert!(past("9999999999999d").is_err());
    }

    #[test]
    fn a_secret_itself_is_no_source_of_one() {
        for text in ["sk-0123456789", "", "@", "env:"] {
            let refused = text.parse::<Source>().unwrap_err();
            assert!(text.is_empty() || text.len() < 5 || !refused.contains(text), "{refused}");
        }
    }
}
