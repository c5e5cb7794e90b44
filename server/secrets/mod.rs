//! Secrets at rest.
//!
//! Here: the master key and where it comes from, sealing with it, provider credentials as they are sealed, and the keyed
//! hash by which API keys are known. Not here: where sealed bytes are kept (`store`), who may write them (`admin`), when
//! they are used (`upstream`). Imports floor 0 only.

mod credential;
mod key_hash;
mod master_key;
mod sealed;

pub use credential::Credential;
pub use key_hash::KeyHasher;
pub use master_key::MasterKeys;
pub use sealed::{Sealed, Sealer};
