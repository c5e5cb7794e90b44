//! The configuration that calls see.
//!
//! Here: the records, the snapshot built from them, its publication, and what one call carries. Not here: what may be
//! changed and by whom (`admin`). Imports `store`, `providers`, `secrets` and floor 0.

mod access;
mod build;
mod call;
mod publish;
mod records;
mod rows;
mod seals;
mod snapshot;

pub use access::{ALL, Access, Decision, Resource, ResourceKind};
pub use build::{Connector, build};
pub use call::{Call, Caller, Protocol};
pub use publish::State;
pub use records::{Change, Records, StoredKey, StoredProvider};
pub use rows::OWN;
pub use snapshot::{Group, Homes, Key, Live, Snapshot, Target};
