//! The first administrator.

use std::time::SystemTime;

use super::{find, key_plan};
use crate::{
    clock::Clock,
    error::{Error, Reason, Result},
    proto::v1::{AccessRole, ApiKey},
    secret::Secret,
    secrets::KeyHasher,
    state::{Change, Origin, Records, State},
};

/// Name of the key that the environment gives.
pub const NAME: &str = "bootstrap-admin";
const VARIABLE: &str = "SLUICEGATE_ADMIN_KEY";

/// Sees to it that somebody can administer. A key that is given becomes the secret of `bootstrap-admin`. Where none is
/// given and no usable admin key is stored, one is made and returned, to be shown this once.
///
/// # Errors
/// That the key given is too short, or is the secret of an API key that cannot administer.
pub async fn apply(
    state: &State,
    hasher: &KeyHasher,
    clock: &Clock,
    admin_key: Option<Secret>,
) -> Result<Option<Secret>> {
    let now = clock.now();
    if let Some(given) = admin_key {
        key_plan::check_secret(VARIABLE, &given)?;
        let (changed, revision) =
            state.change(&Origin::own("Bootstrap"), |records| with_key(records, &given, hasher, now)).await?;
        if changed {
            tracing::info!(name = NAME, revision, "the administrator's API key was set from {VARIABLE}");
        }
        return Ok(None);
    }
    let made = key_plan::random_secret()?;
    let (used, revision) = state
        .change(&Origin::own("Bootstrap"), |records| {
            if records.keys.values().any(|stored| key_plan::is_usable_admin(&stored.key, now)) {
                return Ok((Vec::new(), false));
            }
            Ok((upsert(records, &made, hasher, now)?, true))
        })
        .await?;
    if !used {
        return Ok(None);
    }
    tracing::info!(name = NAME, revision, "an administrator's API key was made");
    Ok(Some(made))
}

fn with_key(
    records: &Records,
    given: &Secret,
    hasher: &KeyHasher,
    now: SystemTime,
) -> Result<(Vec<Change>, bool)> {
    let hash = hasher.hash(given.expose().as_bytes());
    match records.keys.values().find(|stored| stored.hash == hash && stored.key.name != NAME) {
        // Somebody has registered it under a name of their own.
        Some(other) if key_plan::is_usable_admin(&other.key, now) => Ok((Vec::new(), false)),
        Some(other) => Err(Error::new(
            Reason::FailedPrecondition,
            format!(
                "{VARIABLE} is the secret of API key \"{}\", which is no usable admin key; choose another",
                other.key.name
            ),
        )),
        None => {
            let changes = upsert(records, given, hasher, now)?;
            let changed = !changes.is_empty();
            Ok((changes, changed))
        }
    }
}

fn upsert(records: &Records, secret: &Secret, hasher: &KeyHasher, now: SystemTime) -> Result<Vec<Change>> {
    let mut wanted = ApiKey { name: NAME.into(), role: AccessRole::Admin.into(), ..ApiKey::default() };
    let stored = match find::key_by_name(records, NAME) {
        None => Some(key_plan::create(records, wanted, secret, hasher, now)?),
        Some(stored) => {
            wanted.labels.clone_from(&stored.key.labels);
            key_plan::reconcile(records, stored, wanted, secret, hasher, now)?
        }
    };
    Ok(stored.map(|stored| Change::PutKey(Box::new(stored))).into_iter().collect())
}
