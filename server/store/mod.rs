//! Durable records.
//!
//! Here: the data directory and its lock, and the SQLite store: records of (kind, id, payload, secret), changed by whole
//! commits that count a revision, each with its events of the audit log; copies of it. All SQL stands here. Not here: what the payloads mean (`state`), keys (`secrets`).
//! Imports floor 0 only; imported by `state` and by the composition root.

mod audit;
mod backup;
mod data_dir;
mod sqlite;

pub use audit::{Appended, AuditLog, End, Ends, Entry, Filter, View};
pub use backup::{Copied, back_up, restore, restore_live};
pub use data_dir::DataDir;
pub use sqlite::Store;

use crate::error::Error;

/// One record.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub kind: String,
    /// Its id, unique within the kind.
    pub id: String,
    /// Encoded message, without secrets.
    pub payload: Vec<u8>,
    /// Its secret, sealed or hashed.
    pub secret: Option<Vec<u8>>,
    /// Version of the master key that sealed the secret. `None`: it is not sealed.
    pub key_version: Option<u32>,
}

/// One write of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Insert or replace.
    Put(Row),
    /// Remove; no error where there is none.
    Delete {
        /// Kind of the record.
        kind: &'static str,
        /// Its id.
        id: String,
    },
}

/// All records of one revision.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The revision.
    pub revision: i64,
    /// The records, by kind and id.
    pub rows: Vec<Row>,
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Row").field("kind", &self.kind).field("id", &self.id).finish_non_exhaustive()
    }
}

/// A failure of the database, which callers are not told of.
fn failed(cause: sqlx::Error) -> Error {
    Error::internal("the store failed; the gateway's log has the cause", cause)
}
