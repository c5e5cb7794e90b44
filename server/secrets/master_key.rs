//! The master key, and where it comes from.
//!
//! Written as `KEY`, or to rotate it as `2:KEY,1:KEY` (commas or lines): the highest version seals, the others still
//! open. The next start seals everything anew, and the others can be taken away. A `KEY` is 32 bytes as 64 hexadecimal
//! digits or as base64. A key without a version is version 1.

use std::{
    collections::BTreeMap,
    fmt,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

use crate::{
    error::{Error, Reason, Result},
    private_file,
};

/// Name of the generated file in a data directory.
const FILE: &str = "master.key";
/// Bytes of a key.
const LENGTH: usize = 32;

/// One or more versions of the master key.
pub struct MasterKeys(BTreeMap<u32, Zeroizing<[u8; LENGTH]>>);

impl MasterKeys {
    /// Reads `KEY` or `2:KEY,1:KEY`.
    ///
    /// # Errors
    /// [`Reason::FailedPrecondition`] when the text is something else.
    pub fn parse(text: &str) -> Result<Self> {
        let mut keys = BTreeMap::new();
        for entry in text.split([',', '\n']).map(str::trim).filter(|entry| !entry.is_empty()) {
            let (version, key) = match entry.split_once(':') {
                Some((version, key)) => (version.parse().ok().filter(|version| *version > 0), key),
                None => (Some(1), entry),
            };
            let version =
                version.ok_or_else(|| wrong("the version before \":\" must be a number of 1 or more"))?;
            let key = decode(key)
                .ok_or_else(|| wrong("a key must be 64 hexadecimal digits, or 32 bytes as base64"))?;
            if keys.insert(version, key).is_some() {
                return Err(wrong(format!("version {version} stands there twice")));
            }
        }
        if keys.is_empty() {
            return Err(wrong("it is empty; make one with: openssl rand -hex 32"));
        }
        Ok(Self(keys))
    }

    /// Reads the operator's own file.
    ///
    /// # Errors
    /// [`Reason::FailedPrecondition`] when it cannot be read or holds no key.
    pub fn from_file(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map(Zeroizing::new).map_err(|cause| {
            start_error(format!("the master key file {} cannot be read: {cause}", path.display()))
        })?;
        if private_file::open_to_others(path).unwrap_or(false) {
            // Container platforms mount secrets like this, so it is no error.
            tracing::warn!(file = %path.display(), "other users of this machine may read the master key file");
        }
        Self::parse(&text)
            .map_err(|error| start_error(format!("file {}: {}", path.display(), error.message())))
    }

    /// Reads the generated key of the data directory, which must be locked. Where there is none, makes one, unless the
    /// directory holds a store already: its key was another.
    ///
    /// # Errors
    /// [`Reason::FailedPrecondition`] when the file cannot be used, or is missing beside a store.
    pub fn from_data_dir(dir: &Path, has_store: bool) -> Result<Self> {
        let path = Self::file_in(dir);
        if fs::exists(&path).unwrap_or(true) {
            if private_file::open_to_others(&path).unwrap_or(false) {
                return Err(start_error(format!(
                    "other users of this machine may read {0}; close it with: chmod 600 {0}",
                    path.display()
                )));
            }
            return Self::from_file(&path);
        }
        if has_store {
            return Err(start_error(format!(
                "there is a store in {}, but its master key is not given: bring back {FILE}, or give the key by \
                 SLUICEGATE_MASTER_KEY or SLUICEGATE_MASTER_KEY_FILE",
                dir.display()
            )));
        }
        let keys = Self::generate()?;
        private_file::write(&path, keys.text().as_bytes()).map_err(|cause| {
            start_error(format!("the master key cannot be written to {}: {cause}", path.display()))
        })?;
        Ok(keys)
    }

    /// Where the generated key of a data directory is.
    #[must_use]
    pub fn file_in(dir: &Path) -> PathBuf {
        dir.join(FILE)
    }

    /// A random key of version 1.
    ///
    /// # Errors
    /// [`Reason::Internal`] when there is no randomness.
    pub fn generate() -> Result<Self> {
        Ok(Self(BTreeMap::from([(1, random()?)])))
    }

    /// The same with a new random version, which seals from then on.
    ///
    /// # Errors
    /// [`Reason::Internal`] when there is no randomness, or no higher version.
    pub fn with_next(&self) -> Result<Self> {
        let next =
            self.newest().checked_add(1).ok_or_else(|| wrong("there is no version above its newest"))?;
        let mut keys = self.0.clone();
        keys.insert(next, random()?);
        Ok(Self(keys))
    }

    /// The newest version without the others.
    #[must_use]
    pub fn newest_alone(&self) -> Self {
        Self(self.0.clone().split_off(&self.newest()))
    }

    /// Whether there are others beside the newest version.
    #[must_use]
    pub fn has_older(&self) -> bool {
        self.0.len() > 1
    }

    /// Puts these versions in place of what a file holds. After a crash either the old or the new ones are there. The file
    /// keeps its owner and its mode.
    ///
    /// # Errors
    /// Those of the file system. Then the old ones are there.
    pub fn replace_file(&self, path: &Path) -> io::Result<()> {
        private_file::replace(path, self.text().as_bytes())
    }

    /// One version a line, as [`MasterKeys::parse`] reads it.
    fn text(&self) -> Zeroizing<String> {
        // Long enough from the start: growing would leave copies of the keys behind.
        let mut text = Zeroizing::new(String::with_capacity(self.0.len() * (2 * LENGTH + 16)));
        for (version, key) in self.versions() {
            let _ = write!(text, "{version}:");
            for byte in key {
                let _ = write!(text, "{byte:02x}");
            }
            text.push('\n');
        }
        text
    }

    /// The versions, oldest first.
    pub(super) fn versions(&self) -> impl Iterator<Item = (u32, &[u8; LENGTH])> {
        self.0.iter().map(|(version, key)| (*version, &**key))
    }

    /// The version that seals.
    #[must_use]
    pub fn newest(&self) -> u32 {
        self.0.keys().next_back().copied().unwrap_or_default()
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MasterKeys").field(&self.0.keys()).finish()
    }
}

fn random() -> Result<Zeroizing<[u8; LENGTH]>> {
    let mut key = Zeroizing::new([0; LENGTH]);
    aws_lc_rs::rand::fill(key.as_mut_slice())
        .map_err(|cause| Error::internal("the machine gives no randomness", cause))?;
    Ok(key)
}

fn decode(text: &str) -> Option<Zeroizing<[u8; LENGTH]>> {
    let bytes = if text.len() == 2 * LENGTH { hex(text)? } else { base64(text)? };
    let mut key = Zeroizing::new([0; LENGTH]);
    if bytes.len() != LENGTH {
        return None;
    }
    key.copy_from_slice(&bytes);
    Some(key)
}

fn hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = text.as_bytes().chunks_exact(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    bytes.collect::<Option<Vec<u8>>>().map(Zeroizing::new)
}

fn base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [STANDARD, URL_SAFE]
        .iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, config).decode(text).ok())
        .map(Zeroizing::new)
}

fn wrong(message: impl fmt::Display) -> Error {
    start_error(format!("the master key cannot be used: {message}"))
}

fn start_error(message: String) -> Error {
    Error::new(Reason::FailedPrecondition, message)
}

#[cfg(test)]
mod tests;
