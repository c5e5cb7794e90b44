//! The keyed hash by which API keys are known.

use std::fmt;

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::{Sealed, Sealer};
use crate::error::{Error, Result};

/// Hashes API keys with a random key of its own, the pepper, which the store keeps sealed: a stolen store does not tell
/// the keys, and a new master key does not make them void.
pub struct KeyHasher(hmac::Key);

impl KeyHasher {
    /// Makes a pepper and seals it for the record `id`.
    ///
    /// # Errors
    /// Those of [`Sealer::seal`].
    pub fn generate(id: &str, sealer: &Sealer) -> Result<(Self, Sealed)> {
        let mut pepper = Zeroizing::new([0; 32]);
        aws_lc_rs::rand::fill(pepper.as_mut_slice())
            .map_err(|cause| Error::internal("the machine gives no randomness", cause))?;
        let sealed = sealer.seal(id, pepper.as_slice())?;
        Ok((Self::new(pepper.as_slice()), sealed))
    }

    /// Opens the pepper that was sealed for the record `id`.
    ///
    /// # Errors
    /// Those of [`Sealer::open`].
    pub fn open(id: &str, sealer: &Sealer, sealed: &Sealed) -> Result<Self> {
        Ok(Self::new(&sealer.open(id, sealed)?))
    }

    /// The keyed hash of a secret.
    #[must_use]
    pub fn hash(&self, secret: &[u8]) -> [u8; 32] {
        let mut hash = [0; 32];
        // HMAC-SHA256 gives exactly as many bytes.
        for (to, from) in hash.iter_mut().zip(hmac::sign(&self.0, secret).as_ref()) {
            *to = *from;
        }
        hash
    }

    /// A key of its own for another purpose, for which `context` stands. Who has it knows nothing of the pepper.
    #[must_use]
    pub fn derive(&self, context: &str, value: &[u8]) -> Zeroizing<[u8; 32]> {
        // No API key contains a NUL, so none has such a hash.
        let input = Zeroizing::new([b"\0", context.as_bytes(), b"\0", value].concat());
        Zeroizing::new(self.hash(&input))
    }

    fn new(pepper: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, pepper))
    }
}

impl fmt::Debug for KeyHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHasher([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::KeyHasher;

    #[test]
    fn hash_is_hmac_sha256_as_rfc_4231_has_it() {
        // Test case 2.
        let hash = KeyHasher::new(b"Jefe").hash(b"what do ya want for nothing?");
        let text: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn derived_keys_differ_by_context_and_value_and_from_every_hash() {
        let hasher = KeyHasher::new(b"pepper");
        let one = hasher.derive("a", b"b");
        assert_eq!(one, hasher.derive("a", b"b"));
        for other in [hasher.derive("a", b"c"), hasher.derive("c", b"b"), hasher.derive("ab", b"")] {
            assert_ne!(one, other);
        }
        assert_ne!(*one, hasher.hash(b"b"));
        assert_ne!(one, KeyHasher::new(b"salt").derive("a", b"b"));
    }
}
