//! What the gateway seals for itself: a check value for each version of the master key, and the pepper of the API keys.

use super::rows;
use crate::{
    error::{Error, Reason, Result},
    secrets::{KeyHasher, Sealed, Sealer},
    store::Write,
};

const PEPPER: &str = "pepper";
const CHECK: &str = "check-";

/// Proves that the master key fits the store and opens the pepper. A new store gets both; a new version of the master
/// key gets its check value: these are the writes.
pub(super) fn open(own: &[(String, Sealed)], sealer: &Sealer) -> Result<(KeyHasher, Vec<Write>)> {
    let mut writes = Vec::new();
    for (id, sealed) in own {
        sealer.open(&bound(id), sealed).map_err(|cause| {
            Error::new(
                Reason::FailedPrecondition,
                format!(
                    "the master key does not fit the store, which needs version {} of it; give the right one by \
                     SLUICEGATE_MASTER_KEY or SLUICEGATE_MASTER_KEY_FILE, or bring back the data directory's \
                     master.key",
                    sealed.key_version
                ),
            )
            .source(cause)
        })?;
    }
    let check = format!("{CHECK}{}", sealer.newest());
    if !own.iter().any(|(id, _)| *id == check) {
        writes.push(rows::write_own(&check, &sealer.seal(&bound(&check), check.as_bytes())?));
    }
    let hasher = match own.iter().find(|(id, _)| id == PEPPER) {
        Some((_, sealed)) => KeyHasher::open(&bound(PEPPER), sealer, sealed)?,
        // The first commit writes both, so one without the other is damage; a new pepper would void every API key.
        None if !own.is_empty() => {
            return Err(Error::new(
                Reason::FailedPrecondition,
                "the store is damaged: its pepper is missing",
            ));
        }
        None => {
            let (hasher, sealed) = KeyHasher::generate(&bound(PEPPER), sealer)?;
            writes.push(rows::write_own(PEPPER, &sealed));
            hasher
        }
    };
    Ok((hasher, writes))
}

/// Whether it is the check value of a version of the master key.
pub(super) fn is_check(id: &str) -> bool {
    id.starts_with(CHECK)
}

fn bound(id: &str) -> String {
    format!("{}/{id}", rows::OWN)
}
