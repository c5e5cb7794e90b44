//! The master key, and where it comes from.
//!
//! Written as `KEY`, or to rotate it as `2:KEY,1:KEY` (commas or lines): the highest version seals, the others still
//! open. The next start seals everything anew, and the others can be taken away. A `KEY` is 32 bytes as 64 hexadecimal
//! digits or as base64. A key without a version is version 1.

use std::{collections::BTreeMap, fmt, fmt::Write as _, fs, path::Path};

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

/// Name of the generated file in the data directory.
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
        let path = dir.join(FILE);
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
        let mut text = Zeroizing::new(String::with_capacity(2 * LENGTH + 16));
        for (version, key) in keys.versions() {
            let _ = write!(text, "{version}:");
            for byte in key {
                let _ = write!(text, "{byte:02x}");
            }
            text.push('\n');
        }
        private_file::write(&path, text.as_bytes()).map_err(|cause| {
            start_error(format!("the master key cannot be written to {}: {cause}", path.display()))
        })?;
        Ok(keys)
    }

    /// A random key of version 1.
    ///
    /// # Errors
    /// [`Reason::Internal`] when there is no randomness.
    pub fn generate() -> Result<Self> {
        let mut key = Zeroizing::new([0; LENGTH]);
        aws_lc_rs::rand::fill(key.as_mut_slice())
            .map_err(|cause| Error::internal("the machine gives no randomness", cause))?;
        Ok(Self(BTreeMap::from([(1, key)])))
    }

    /// The versions, oldest first.
    pub(super) fn versions(&self) -> impl Iterator<Item = (u32, &[u8; LENGTH])> {
        self.0.iter().map(|(version, key)| (*version, &**key))
    }

    /// The version that seals.
    pub(super) fn newest(&self) -> u32 {
        self.0.keys().next_back().copied().unwrap_or_default()
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MasterKeys").field(&self.0.keys()).finish()
    }
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
mod tests {
    use super::MasterKeys;

    const BASE64: &str = "/////////////////////////////////////////w8=";

    #[test]
    fn hex_and_both_kinds_of_base64_are_read() {
        for text in [
            "ab".repeat(32),
            "AB".repeat(32) + "\n",
            BASE64.to_owned(),
            BASE64.trim_end_matches('=').to_owned(),
            BASE64.replace('/', "_"),
        ] {
            assert_eq!(MasterKeys::parse(&text).unwrap().newest(), 1, "{text}");
        }
    }

    #[test]
    fn the_highest_version_is_the_newest_wherever_it_stands() {
        let (one, two) = ("01".repeat(32), "02".repeat(32));
        assert_eq!(MasterKeys::parse(&format!("1:{one}\n2:{two}\n")).unwrap().newest(), 2);
        assert_eq!(MasterKeys::parse(&format!("2:{two},{one}")).unwrap().newest(), 2);
    }

    #[test]
    fn anything_else_is_refused_without_showing_it() {
        let key = "cd".repeat(32);
        for text in
            ["", "short", &key[1..], &format!("x:{key}"), &format!("0:{key}"), &format!("{key},1:{key}")]
        {
            let error = MasterKeys::parse(text).unwrap_err();
            assert!(!error.to_string().contains(&key[2..]), "{error}");
        }
    }

    #[test]
    fn a_generated_key_is_kept_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let made = MasterKeys::from_data_dir(dir.path(), false).unwrap();
        let read = MasterKeys::from_data_dir(dir.path(), true).unwrap();
        assert_eq!(made.0, read.0);
        assert!(!crate::private_file::open_to_others(&dir.path().join("master.key")).unwrap());
    }

    #[test]
    fn a_generated_key_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        MasterKeys::from_data_dir(dir.path(), false).unwrap();
        let path = dir.path().join("master.key");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = MasterKeys::from_data_dir(dir.path(), true).unwrap_err();
        assert!(error.message().contains("chmod 600"), "{error}");
    }

    #[test]
    fn no_second_key_is_made_beside_a_store() {
        let dir = tempfile::tempdir().unwrap();
        assert!(MasterKeys::from_data_dir(dir.path(), true).is_err());
        assert!(!dir.path().join("master.key").exists());
    }
}
