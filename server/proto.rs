//! The generated messages and services: the domain model of the gateway.

/// Package `sluicegate.v1`.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    rustdoc::all,
    reason = "generated code"
)]
pub mod v1 {
    tonic::include_proto!("sluicegate.v1");
    include!(concat!(env!("OUT_DIR"), "/sluicegate.v1.serde.rs"));
}

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use pbjson_types::Timestamp;
use v1::Permission;

/// The encoded descriptor set of `proto/`, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The permission that an RPC of ours needs, by its path, e.g. `/sluicegate.v1.Inference/Chat`. `None` for any other.
#[must_use]
pub fn permission(path: &str) -> Option<Permission> {
    include!(concat!(env!("OUT_DIR"), "/permissions.rs"))
}

/// The time as messages carry it. Times before 1970 become 1970.
#[must_use]
pub fn timestamp(time: SystemTime) -> Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp {
        seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(since.subsec_nanos()).unwrap_or_default(),
    }
}

/// The time that a message carries. `None`: it lies before 1970 or beyond what the machine can say.
#[must_use]
pub fn time(timestamp: &Timestamp) -> Option<SystemTime> {
    let seconds = u64::try_from(timestamp.seconds).ok()?;
    let nanos = u32::try_from(timestamp.nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))
}

// === messages that hold secrets: their Debug shows everything else ===

impl fmt::Debug for v1::InlineSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl fmt::Debug for v1::CreateApiKeyRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateApiKeyRequest").field("api_key", &self.api_key).finish_non_exhaustive()
    }
}

impl fmt::Debug for v1::CreateApiKeyResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateApiKeyResponse")
            .field("api_key", &self.api_key)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for v1::RotateApiKeyRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RotateApiKeyRequest").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for v1::RotateApiKeyResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RotateApiKeyResponse")
            .field("api_key", &self.api_key)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}
