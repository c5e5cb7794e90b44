//! Secrets in the gateway's own environment and files, as far as its start lets references read them.

use std::{
    fmt, fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use zeroize::Zeroizing;

use super::{Content, Resource};
use crate::{
    error::{Error, Reason, Result},
    secret::Secret,
};

/// The largest file.
const MAX_FILE_BYTES: u64 = 64 << 10;
/// So soon is a file read again that calls need.
const FILE_LIFE: Duration = Duration::from_secs(1);
/// The environment of a process does not change.
const VARIABLE_LIFE: Duration = Duration::from_secs(24 * 3600);
/// Settings of the gateway itself, its master key among them.
const OWN_PREFIX: &str = "SLUICEGATE_";

/// Tells the value of a variable of the environment.
pub type Lookup = fn(&str) -> Option<String>;

/// What references may read on this machine. The default: nothing. Clones share it.
#[derive(Clone, Default)]
pub struct LocalSecrets(Arc<Let>);

#[derive(Default)]
struct Let {
    /// Names of variables, and beginnings of names that end in `*`.
    variables: Vec<String>,
    lookup: Option<Lookup>,
    /// The folder of the files.
    files: Option<PathBuf>,
}

impl LocalSecrets {
    /// Lets references read these variables, by name or by a beginning that ends in `*`, and the files below the folder.
    /// What the gateway itself is set by is never read.
    #[must_use]
    pub fn new(variables: Vec<String>, lookup: Lookup, files: Option<PathBuf>) -> Self {
        Self(Arc::new(Let { variables, lookup: Some(lookup), files }))
    }

    /// Reads a variable or a file, and tells how long what was read may be used. A file that is not there, if only for a
    /// moment, is refused like a wrong one: who takes it away takes the secret away. Files that are replaced by renaming,
    /// as container platforms do, are always there.
    ///
    /// # Errors
    /// [`Reason::SecretNotAllowed`] when the gateway's start does not let it be read; [`Reason::SecretNotReadable`] when
    /// it is not there or too large. Nothing is told of files outside of the folder.
    pub(super) async fn read(&self, resource: &Resource) -> Result<(Content, Duration)> {
        match resource {
            Resource::Environment(name) => Ok((Content::Text(self.variable(name)?), VARIABLE_LIFE)),
            Resource::File(path) => {
                let folder = self.0.files.clone().ok_or_else(|| {
                    let message = "files cannot be referred to; start the gateway with --secret-files FOLDER";
                    Error::new(Reason::SecretNotAllowed, message)
                })?;
                let path = path.clone();
                let read = tokio::task::spawn_blocking(move || file(&folder, &path)).await;
                let read = read.map_err(|cause| Error::internal("a file was not read to its end", cause))?;
                let text =
                    read.map_err(|why| Error::new(Reason::SecretNotReadable, format!("{resource} {why}")))?;
                Ok((Content::Text(text), FILE_LIFE))
            }
            Resource::Vault(_) | Resource::IbmCloud(_) | Resource::SoftwareHub(_) => {
                Err(Error::new(Reason::SecretNotReadable, format!("{resource} is kept by a secret manager")))
            }
        }
    }

    fn variable(&self, name: &str) -> Result<Secret> {
        let named = |one: &String| match one.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => one == name,
        };
        if name.starts_with(OWN_PREFIX) || !self.0.variables.iter().any(named) {
            let message =
                format!("env:{name} cannot be referred to; start the gateway with --secret-env {name}");
            return Err(Error::new(Reason::SecretNotAllowed, message));
        }
        let value = self.0.lookup.and_then(|lookup| lookup(name)).filter(|value| !value.is_empty());
        value.map(Secret::new).ok_or_else(|| {
            let message = format!("env:{name} is not set in the gateway's environment");
            Error::new(Reason::SecretNotReadable, message)
        })
    }
}

/// Shows names, which are no secrets.
impl fmt::Debug for LocalSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Let { variables, files, .. } = &*self.0;
        f.debug_struct("LocalSecrets").field("variables", variables).field("files", files).finish()
    }
}

/// The text of a file below the folder, without the line end that editors add.
fn file(folder: &Path, path: &Path) -> Result<Secret, &'static str> {
    // One answer for both, which tells nothing of files elsewhere.
    let not_there = |_: io::Error| "is no file below the folder of --secret-files";
    let folder = folder.canonicalize().map_err(not_there)?;
    // Where links lead counts: platforms mount secrets as links within the folder.
    let path = folder.join(path).canonicalize().map_err(not_there)?;
    // Opening a pipe would wait for whoever writes into it.
    if !path.starts_with(&folder) || !path.is_file() {
        return Err("is no file below the folder of --secret-files");
    }
    let unreadable = |_: io::Error| "cannot be read by the gateway's user";
    let opened = fs::File::open(&path).map_err(unreadable)?;
    // Room for all from the start: growing would leave copies of the secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES as usize + 1));
    opened.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err("is larger than 64 KiB");
    }
    let text = str::from_utf8(&bytes).map_err(|_| "is no text in UTF-8")?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(Secret::new(text.strip_suffix('\r').unwrap_or(text).to_owned()))
}

#[cfg(test)]
mod tests;
