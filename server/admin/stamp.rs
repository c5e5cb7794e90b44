//! Members that the server makes.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use prost::Message;
use uuid::Uuid;

use crate::error::{Error, Reason, Result};

/// Bytes of the content's hash that an etag shows.
const SHOWN_HASH_BYTES: usize = 8;

/// A new id. Ids made later sort later.
pub(super) fn id() -> String {
    Uuid::now_v7().to_string()
}

/// The etag of a resource that the commit after `revision` writes. The commit's own revision makes it new even where the
/// content returns to what it once was; the hash tells stores apart that were restored from a backup.
pub(super) fn etag(revision: i64, resource: &impl Message) -> String {
    let mut etag = format!("{:x}-", revision.saturating_add(1));
    for byte in digest(&SHA256, &resource.encode_to_vec()).as_ref().iter().take(SHOWN_HASH_BYTES) {
        let _ = write!(etag, "{byte:02x}");
    }
    etag
}

/// Refuses an update that was made from an older reading. An empty etag is not checked.
pub(super) fn check_etag(field: &str, given: &str, stored: &str) -> Result<()> {
    if given.is_empty() || given == stored {
        return Ok(());
    }
    Err(Error::new(Reason::Conflict, "the resource has changed since it was read; read it and try again")
        .field(field))
}
