//! AES-256-GCM sealing.

use std::{collections::BTreeMap, fmt};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use bytes::Bytes;
use zeroize::Zeroizing;

use super::MasterKeys;
use crate::error::{Error, Reason, Result};

/// A sealed secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Version of the master key that sealed it.
    pub key_version: u32,
    /// Nonce, ciphertext and tag.
    pub bytes: Bytes,
}

/// Seals with the newest version of the master key, opens with any.
///
/// Every secret is bound to the name of its record, `KIND/ID`: bytes that were moved to another record do not open.
pub struct Sealer {
    newest: u32,
    keys: BTreeMap<u32, RandomizedNonceKey>,
}

impl Sealer {
    /// Takes the versions of the master key into use.
    ///
    /// # Errors
    /// [`Reason::Internal`] when the cryptography refuses them.
    pub fn new(master: &MasterKeys) -> Result<Self> {
        let mut keys = BTreeMap::new();
        for (version, key) in master.versions() {
            let key = RandomizedNonceKey::new(&AES_256_GCM, key)
                .map_err(|cause| Error::internal("the master key cannot be used", cause))?;
            keys.insert(version, key);
        }
        Ok(Self { newest: master.newest(), keys })
    }

    /// Seals a secret of the record `id`.
    ///
    /// # Errors
    /// [`Reason::Internal`] when there is no randomness.
    pub fn seal(&self, id: &str, secret: &[u8]) -> Result<Sealed> {
        let key = self.key(self.newest)?;
        // Long enough from the start: growing would leave copies of the secret behind.
        let mut text = Vec::with_capacity(secret.len() + AES_256_GCM.tag_len());
        text.extend_from_slice(secret);
        let nonce = key
            .seal_in_place_append_tag(Aad::from(id.as_bytes()), &mut text)
            .map_err(|cause| Error::internal("a secret could not be sealed", cause))?;
        let mut bytes = Vec::with_capacity(NONCE_LEN + text.len());
        bytes.extend_from_slice(nonce.as_ref());
        bytes.extend_from_slice(&text);
        Ok(Sealed { key_version: self.newest, bytes: bytes.into() })
    }

    /// Opens what was sealed for the record `id`.
    ///
    /// # Errors
    /// [`Reason::Internal`] when it was sealed for another record or with a key that is not there.
    pub fn open(&self, id: &str, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>> {
        let key = self.key(sealed.key_version)?;
        let broken = || Error::new(Reason::Internal, format!("the sealed secret of {id} cannot be opened"));
        let (nonce, text) = sealed.bytes.split_at_checked(NONCE_LEN).ok_or_else(broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| broken())?;
        let mut secret = Zeroizing::new(text.to_vec());
        let length =
            key.open_in_place(nonce, Aad::from(id.as_bytes()), &mut secret).map_err(|_| broken())?.len();
        secret.truncate(length);
        Ok(secret)
    }

    /// Whether a newer version of the master key would seal it today.
    #[must_use]
    pub fn is_stale(&self, sealed: &Sealed) -> bool {
        sealed.key_version != self.newest
    }

    /// The version that seals.
    #[must_use]
    pub fn newest(&self) -> u32 {
        self.newest
    }

    fn key(&self, version: u32) -> Result<&RandomizedNonceKey> {
        self.keys.get(&version).ok_or_else(|| {
            Error::new(Reason::Internal, format!("version {version} of the master key was not given"))
        })
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("versions", &self.keys.keys()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MasterKeys, Sealed, Sealer};

    fn sealer(keys: &str) -> Sealer {
        Sealer::new(&MasterKeys::parse(keys).unwrap()).unwrap()
    }

    fn key(byte: u8) -> String {
        format!("{byte:02x}").repeat(32)
    }

    proptest! {
        #[test]
        fn sealed_bytes_open_for_their_own_record_only(
            secret: Vec<u8>, id in "[a-z]{1,9}/[a-z0-9-]{1,36}", other in "[a-z]{1,9}/[a-z0-9-]{1,36}",
        ) {
            let sealer = sealer(&key(7));
            let sealed = sealer.seal(&id, &secret).unwrap();
            prop_assert_eq!(&*sealer.open(&id, &sealed).unwrap(), &secret);
            prop_assert_eq!(sealer.open(&other, &sealed).is_ok(), id == other);
        }

        #[test]
        fn changed_bytes_do_not_open(secret: Vec<u8>, at: proptest::sample::Index, bit in 0_u8..8) {
            let sealer = sealer(&key(7));
            let Sealed { key_version, bytes } = sealer.seal("provider/1", &secret).unwrap();
            let mut bytes = bytes.to_vec();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let forged = Sealed { key_version, bytes: bytes.into() };
            prop_assert!(sealer.open("provider/1", &forged).is_err());
        }
    }

    #[test]
    fn the_newest_version_seals_and_older_ones_open() {
        let old = sealer(&key(1)).seal("a/1", b"secret").unwrap();
        let both = sealer(&format!("2:{},1:{}", key(2), key(1)));
        assert_eq!(&**both.open("a/1", &old).unwrap(), b"secret");
        assert!(both.is_stale(&old));
        let new = both.seal("a/1", b"secret").unwrap();
        assert_eq!(new.key_version, 2);
        assert!(!both.is_stale(&new));
        assert!(sealer(&key(1)).open("a/1", &new).is_err());
    }

    #[test]
    fn equal_secrets_are_sealed_differently() {
        let sealer = sealer(&key(1));
        assert_ne!(sealer.seal("a/1", b"secret").unwrap(), sealer.seal("a/1", b"secret").unwrap());
    }

    #[test]
    fn too_few_bytes_are_an_error() {
        let sealed = Sealed { key_version: 1, bytes: bytes::Bytes::from_static(b"short") };
        assert!(sealer(&key(1)).open("a/1", &sealed).is_err());
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", sealer(&key(0xab))), "Sealer { versions: [1], .. }");
    }
}
