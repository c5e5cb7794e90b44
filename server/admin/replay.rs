//! Creates that are sent twice.
//!
//! Clients repeat a create when its answer was lost. For ten seconds the same request of the same caller gives the first
//! result, as long as that stands unchanged.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use prost::Message;
use zeroize::Zeroizing;

use crate::{secrets::KeyHasher, state::Call};

const MEMORY: Duration = Duration::from_secs(10);
/// The oldest is forgotten when there are more.
const MAX_ENTRIES: usize = 1024;

/// The latest creates.
#[derive(Debug, Default)]
pub(super) struct Replays(Mutex<VecDeque<Entry>>);

/// Tells a whole request, credentials and caller included, from any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digest([u8; 32]);

#[derive(Debug)]
struct Entry {
    digest: Digest,
    at: SystemTime,
    id: String,
    etag: String,
}

impl Digest {
    pub(super) fn of(call: &Call, method: &str, request: &impl Message, hasher: &KeyHasher) -> Self {
        let encoded = Zeroizing::new(request.encode_to_vec());
        let mut bytes = Zeroizing::new(Vec::with_capacity(encoded.len() + 128));
        for part in [method.as_bytes(), call.caller.id.as_bytes(), &encoded] {
            bytes.extend_from_slice(&part.len().to_be_bytes());
            bytes.extend_from_slice(part);
        }
        Self(hasher.hash(&bytes))
    }
}

impl Replays {
    /// Id and etag of what the same request made a moment ago.
    pub(super) fn find(&self, digest: Digest, now: SystemTime) -> Option<(String, String)> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| now.duration_since(entry.at).is_ok_and(|age| age < MEMORY));
        // The newest, should an older one be gone already.
        let entry = entries.iter().rev().find(|entry| entry.digest == digest)?;
        Some((entry.id.clone(), entry.etag.clone()))
    }

    /// Remembers what a request makes. No harm if the commit fails: what is not stored is not found again.
    pub(super) fn keep(&self, digest: Digest, now: SystemTime, id: &str, etag: &str) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX_ENTRIES {
            entries.pop_front();
        }
        entries.push_back(Entry { digest, at: now, id: id.to_owned(), etag: etag.to_owned() });
    }
}
