//! What a KV engine of version 2 says about a path.

use serde::Deserialize;

use crate::{
    error::{Error, Reason, Result},
    secrets::manager::{Content, members},
    wire::json::{self, Malformed},
};

/// The answer about a version whose secrets are gone.
#[derive(Deserialize)]
struct Gone {
    data: Version,
}

#[derive(Deserialize)]
struct Version {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    version: u64,
    #[serde(default)]
    deletion_time: String,
    #[serde(default)]
    destroyed: bool,
}

/// What is at a mount.
#[derive(Deserialize)]
struct Mount {
    data: Engine,
}

#[derive(Deserialize)]
struct Engine {
    #[serde(rename = "type")]
    kind: String,
    options: Option<Options>,
}

#[derive(Deserialize)]
struct Options {
    #[serde(default)]
    version: String,
}

/// Reads the secrets at a path.
pub(super) fn read(path: &str, body: &[u8]) -> Result<Content> {
    let (mut members, mut is_version_2) = (None, false);
    let whole = json::read(body, |reader| {
        reader.object(|reader, name| match name {
            "data" => reader.object(|reader, name| {
                match name {
                    "data" => members = Some(members::read(reader)?),
                    "metadata" => {
                        is_version_2 = true;
                        reader.skip()?;
                    }
                    _ => reader.skip()?,
                }
                Ok(())
            }),
            _ => reader.skip(),
        })
    });
    let unreadable = |Malformed { field, message }| {
        let place = field.strip_prefix("data.data.").map_or(String::new(), |member| format!("{member}: "));
        Error::new(
            Reason::SecretNotReadable,
            format!("what vault:{path} holds cannot be used: {place}{message}"),
        )
    };
    whole.map_err(unreadable)?;
    match members {
        Some(members) if is_version_2 => Ok(Content::Members(members)),
        Some(_) | None => {
            let message = format!(
                "vault:{path} is no secret of a KV engine of version 2; are mount and address right?"
            );
            Err(Error::new(Reason::SecretNotReadable, message))
        }
    }
}

/// That the newest version is gone, where the answer says so.
pub(super) fn gone(path: &str, body: &[u8]) -> Option<Error> {
    let Gone { data } = serde_json::from_slice(body).ok()?;
    let Metadata { version, deletion_time, destroyed } = data.metadata;
    let message = if destroyed {
        format!("version {version} of vault:{path} was destroyed; write a new one")
    } else {
        format!(
            "version {version} of vault:{path} was deleted at {deletion_time}; undelete it or write a new one"
        )
    };
    Some(Error::new(Reason::SecretNotReadable, message))
}

/// Whether the engine at a mount is KV, and not of version 2.
pub(super) fn is_version_1(body: &[u8]) -> bool {
    serde_json::from_slice(body).is_ok_and(|Mount { data: Engine { kind, options } }| {
        kind == "kv" && options.is_none_or(|options| options.version != "2")
    })
}
