//! What binds the events of the audit log to each other.

use std::fmt;

use aws_lc_rs::hmac;

use super::KeyHasher;

/// Hashes events, each over the one before, with keys that come from the pepper: who has the store alone can make none.
pub struct Chain {
    events: hmac::Key,
    ends: hmac::Key,
}

impl Chain {
    /// The chain of one store.
    #[must_use]
    pub fn new(hasher: &KeyHasher) -> Self {
        let key = |part: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, &*hasher.derive("audit log", part));
        Self { events: key(b"events"), ends: key(b"ends") }
    }

    /// The hash of an event, over the hash of the one before it. Before the first one there are zeros.
    #[must_use]
    pub fn link(&self, before: &[u8], sequence: i64, payload: &[u8]) -> Vec<u8> {
        sign(&self.events, &[before, &sequence.to_be_bytes(), payload])
    }

    /// Proves where the log begins or ends: `first` or `last`, then number, revision and hash of the event.
    #[must_use]
    pub fn prove(&self, first: bool, sequence: i64, revision: i64, hash: &[u8]) -> Vec<u8> {
        sign(&self.ends, &[&[u8::from(first)], &sequence.to_be_bytes(), &revision.to_be_bytes(), hash])
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chain([redacted])")
    }
}

fn sign(key: &hmac::Key, parts: &[&[u8]]) -> Vec<u8> {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    context.sign().as_ref().to_vec()
}
