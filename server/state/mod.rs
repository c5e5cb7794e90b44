//! The configuration that calls see.
//!
//! Here: the records, the snapshot built from them, its publication, the audit log, and what one call carries. Not
//! here: what may be changed and by whom (`admin`). Imports `store`, `providers`, `secrets` and floor 0.

mod access;
mod audit;
mod build;
mod call;
mod issuer;
mod origin;
mod publish;
mod records;
mod references;
mod reseal;
mod rows;
mod seals;
mod snapshot;
mod writer;

pub use access::{ALL, Access, Decision, Resource, ResourceKind};
pub use audit::{Refusal, Verdict};
pub use build::{Connector, build};
pub use call::{Call, Caller, Protocol};
pub use issuer::{IssuerKey, KeySet, SIGNATURES, TrustedIssuer};
pub use origin::Origin;
pub use publish::State;
pub use records::{Change, Records, StoredKey, StoredManager, StoredProvider};
pub use references::reference;
pub use reseal::{prove, reseal};
pub use rows::OWN;
pub use snapshot::{Group, Homes, Key, Live, Snapshot, Target};
