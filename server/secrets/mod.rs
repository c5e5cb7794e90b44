//! Secrets at rest, and where else they live.
//!
//! Here: the master key and where it comes from, sealing with it, provider credentials as they are sealed, secret managers
//! that keep them elsewhere and the rules about those, references that are ready to be used, the exchange of secrets for
//! tokens, taking secrets out of what others say, and the keyed hashes by which API keys are known and the audit log is bound
//! together. Not here: where sealed bytes are kept (`store`), who may write them (`admin`), when they are used (`upstream`).
//! Imports `wire` and floor 0 only.

mod answer;
mod chain;
mod content;
mod credential;
mod keeper;
mod key_hash;
mod local;
mod manager;
mod master_key;
mod redact;
mod referenced;
mod resource;
mod rules;
mod sealed;
mod token_exchange;

pub use chain::Chain;
pub use content::{Kind as CredentialKind, MAX_SECRET_BYTES, fits_header, secret_name};
pub use credential::{Credential, Owner};
pub use keeper::{Keeper, Own, secret_sets};
pub use key_hash::KeyHasher;
pub use local::{LocalSecrets, Lookup};
pub use manager::{Content, Manager};
pub use master_key::MasterKeys;
pub use redact::redact;
pub use referenced::{Place, Reading, Referenced};
pub use resource::{Crn, Resource};
pub use rules::Rules;
pub use sealed::{Sealed, Sealer};
pub use token_exchange::{IAM_URL, Proof, TokenExchange};
