//! The watsonx administration JSON, as far as it differs from OpenAI's, and what its clients send to get tokens.
//!
//! Here: what its clients send and expect, to and from proto. Not here: which argument of `data` means what, for that
//! is said by the registry of provider types (`rest::watsonx`).

pub mod identity;
pub mod model;
pub mod policy;
pub mod provider;
pub mod rate_limit;
pub mod tenant;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::json::Malformed;

/// A member of a request. Whether `null` differs from absence is for the operation to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member<T> {
    /// It is not there.
    Absent,
    /// It is `null`.
    Null,
    /// It has a value.
    Set(T),
}

/// The envelope of every list.
#[derive(Serialize)]
struct List<T> {
    object: &'static str,
    data: T,
}

/// The members of a JSON object, unread. Those that nobody asks for are ignored, as the contract wants.
struct Members<'a>(BTreeMap<String, &'a RawValue>);

impl<T> Member<T> {
    /// The value, where `null` means the same as absence.
    pub fn set(self) -> Option<T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }
}

impl<'a> Members<'a> {
    fn of(body: &'a [u8]) -> Result<Self, Malformed> {
        serde_json::from_slice(body)
            .map(Self)
            .map_err(|error| malformed("", format!("the body is not a JSON object: {error}")))
    }

    fn text(&self, name: &str) -> Result<Member<String>, Malformed> {
        self.read(name, "a string")
    }

    fn object(&self, name: &str) -> Result<Member<BTreeMap<String, &'a RawValue>>, Malformed> {
        self.read(name, "an object")
    }

    /// The members of an object inside. `None`: it is absent or `null`.
    fn inside(&self, name: &str) -> Result<Option<Self>, Malformed> {
        Ok(self.object(name)?.set().map(Self))
    }

    /// The member, which must be there.
    fn required<T: serde::Deserialize<'a>>(&self, name: &str, what: &str) -> Result<T, Malformed> {
        self.read(name, what)?.set().ok_or_else(|| malformed(name, format!("is required: {what}")))
    }

    fn read<T: serde::Deserialize<'a>>(&self, name: &str, what: &str) -> Result<Member<T>, Malformed> {
        let Some(raw) = self.0.get(name) else { return Ok(Member::Absent) };
        match serde_json::from_str(raw.get()) {
            Ok(Some(value)) => Ok(Member::Set(value)),
            Ok(None) => Ok(Member::Null),
            Err(_) => Err(malformed(name, format!("must be {what}"))),
        }
    }
}

fn malformed(field: impl Into<String>, message: impl Into<String>) -> Malformed {
    Malformed { field: field.into(), message: message.into() }
}

fn list<T: Serialize>(data: T) -> Vec<u8> {
    json(&List { object: "list", data })
}

/// A value that serialises without fail, as all of ours do.
fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
