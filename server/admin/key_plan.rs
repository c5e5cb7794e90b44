//! From what an operator writes to an API key as it is stored.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::{check, find, stamp};
use crate::{
    error::{Error, Reason, Result},
    proto::{
        self,
        v1::{AccessRole, ApiKey},
    },
    secret::Secret,
    secrets::KeyHasher,
    state::{Records, StoredKey},
};

const MIN_SECRET: usize = 16;
const MAX_SECRET: usize = 256;
const RANDOM_BYTES: usize = 32;
const MAX_GROUPS: usize = 64;
/// The last second that JSON can say: 9999-12-31T23:59:59Z.
const MAX_SECONDS: i64 = 253_402_300_799;

/// A random secret.
pub(super) fn random_secret() -> Result<Secret> {
    let mut bytes = Zeroizing::new([0; RANDOM_BYTES]);
    aws_lc_rs::rand::fill(bytes.as_mut_slice())
        .map_err(|cause| Error::internal("the machine gives no randomness", cause))?;
    let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice()));
    Ok(Secret::new(format!("sg-{}", text.as_str())))
}

/// The secret that a request chooses, or a random one where it chooses none.
pub(super) fn given_or_random_secret(given: String) -> Result<Secret> {
    if given.is_empty() {
        return random_secret();
    }
    let chosen = Secret::new(given);
    check_secret("secret", &chosen)?;
    Ok(chosen)
}

/// Checks a secret that somebody chose.
pub(super) fn check_secret(field: &str, secret: &Secret) -> Result<()> {
    let text = secret.expose();
    if !(MIN_SECRET..=MAX_SECRET).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::invalid(field, "must be 16 to 256 visible ASCII characters"));
    }
    Ok(())
}

/// A new key.
pub(super) fn create(
    records: &Records,
    mut key: ApiKey,
    secret: &Secret,
    hasher: &KeyHasher,
    now: SystemTime,
) -> Result<StoredKey> {
    key.id = stamp::id();
    check(records, &key)?;
    if key.expire_time.as_ref().and_then(proto::time).is_some_and(|expires| expires <= now) {
        return Err(Error::invalid("api_key.expire_time", "has passed already; give a later time, or none"));
    }
    key.create_time = Some(proto::timestamp(now));
    key.previous_secret_expire_time = None;
    let hash = free_hash(records, secret, hasher, &key.id)?;
    key.hint = secret.hint();
    Ok(StoredKey { key: finish(records, key, now), hash, previous: None })
}

/// A key in place of `stored`. With a secret, the key gets that one, and those before are void.
pub(super) fn replace(
    records: &Records,
    stored: &StoredKey,
    mut key: ApiKey,
    secret: Option<(&Secret, &KeyHasher)>,
    now: SystemTime,
) -> Result<StoredKey> {
    stamp::check_etag("api_key.etag", &key.etag, &stored.key.etag)?;
    key.id.clone_from(&stored.key.id);
    check(records, &key)?;
    keep_an_admin(records, &key.id, Some(&key), now)?;
    key.create_time = stored.key.create_time;
    let (hash, previous) = match secret {
        None => {
            key.hint.clone_from(&stored.key.hint);
            key.previous_secret_expire_time = stored.key.previous_secret_expire_time;
            (stored.hash, stored.previous)
        }
        Some((secret, hasher)) => {
            key.hint = secret.hint();
            key.previous_secret_expire_time = None;
            (free_hash(records, secret, hasher, &key.id)?, None)
        }
    };
    Ok(StoredKey { key: finish(records, key, now), hash, previous })
}

/// `stored` with a new secret. The one it has stays good for the grace.
pub(super) fn rotate(
    records: &Records,
    stored: &StoredKey,
    secret: &Secret,
    hasher: &KeyHasher,
    grace: Duration,
    now: SystemTime,
) -> Result<StoredKey> {
    let hash = free_hash(records, secret, hasher, &stored.key.id)?;
    if hash == stored.hash {
        return Err(Error::invalid("secret", "is the key's secret already; choose another, or none"));
    }
    let mut key = stored.key.clone();
    key.hint = secret.hint();
    let keep = !grace.is_zero();
    key.previous_secret_expire_time = keep.then(|| proto::timestamp(now + grace));
    Ok(StoredKey { key: finish(records, key, now), hash, previous: keep.then_some(stored.hash) })
}

/// The key that makes `stored` be as wanted, with this secret. `None`: it is so already. A secret that was rotated out and
/// is still good does not undo the rotation.
pub(super) fn reconcile(
    records: &Records,
    stored: &StoredKey,
    wanted: ApiKey,
    secret: &Secret,
    hasher: &KeyHasher,
    now: SystemTime,
) -> Result<Option<StoredKey>> {
    let hash = hasher.hash(secret.expose().as_bytes());
    let is_current =
        hash == stored.hash || (stored.previous == Some(hash) && previous_is_good(&stored.key, now));
    let secret = if is_current { None } else { Some((secret, hasher)) };
    let next = replace(records, stored, wanted, secret, now)?;
    let content = |key: &ApiKey| ApiKey { update_time: None, etag: String::new(), ..key.clone() };
    let same = next.hash == stored.hash && content(&next.key) == content(&stored.key);
    Ok(if same { None } else { Some(next) })
}

/// Refuses to take away the last key that can administer: its owner would be locked out. `after`: the key as it shall
/// be; `None`: it shall be gone.
pub(super) fn keep_an_admin(
    records: &Records,
    id: &str,
    after: Option<&ApiKey>,
    now: SystemTime,
) -> Result<()> {
    let mut usable = records.keys.values().filter(|stored| is_usable_admin(&stored.key, now));
    let Some(last) = usable.next().filter(|last| last.key.id == id) else { return Ok(()) };
    if usable.next().is_some() {
        return Ok(());
    }
    let loss = match after {
        None => "removed",
        Some(after) if after.role != i32::from(AccessRole::Admin) => "given another role",
        Some(after) if after.disabled => "disabled",
        Some(after) if expires_sooner(after, &last.key) => "made to expire",
        Some(_) => return Ok(()),
    };
    Err(Error::new(
        Reason::FailedPrecondition,
        format!(
            "\"{}\" is the last usable admin key and cannot be {loss}; make another one first",
            last.key.name
        ),
    ))
}

/// Whether the key can administer now.
pub(super) fn is_usable_admin(key: &ApiKey, now: SystemTime) -> bool {
    let expired = key.expire_time.as_ref().is_some_and(|at| proto::time(at).is_none_or(|at| at <= now));
    key.role == i32::from(AccessRole::Admin) && !key.disabled && !expired
}

fn previous_is_good(key: &ApiKey, now: SystemTime) -> bool {
    key.previous_secret_expire_time.as_ref().and_then(proto::time).is_some_and(|end| now < end)
}

fn expires_sooner(after: &ApiKey, before: &ApiKey) -> bool {
    let second = |key: &ApiKey| key.expire_time.map_or((i64::MAX, 0), |at| (at.seconds, at.nanos));
    second(after) < second(before)
}

fn finish(records: &Records, mut key: ApiKey, now: SystemTime) -> ApiKey {
    key.update_time = Some(proto::timestamp(now));
    key.etag = String::new();
    key.etag = stamp::etag(records.revision, &key);
    key
}

fn check(records: &Records, key: &ApiKey) -> Result<()> {
    check::key_name("api_key.name", &key.name)?;
    match AccessRole::try_from(key.role) {
        Ok(AccessRole::Admin | AccessRole::Manage | AccessRole::User | AccessRole::Audit) => {}
        Ok(AccessRole::Unspecified) | Err(_) => {
            return Err(Error::invalid(
                "api_key.role",
                "is required: ACCESS_ROLE_ADMIN, ACCESS_ROLE_MANAGE or ACCESS_ROLE_USER",
            ));
        }
    }
    if let Some(expires) = &key.expire_time
        && (proto::time(expires).is_none() || expires.seconds > MAX_SECONDS)
    {
        return Err(Error::invalid("api_key.expire_time", "must be a time from 1970 to 9999"));
    }
    check::labels("api_key.labels", &key.labels)?;
    check_groups(&key.groups)?;
    match find::key_by_name(records, &key.name) {
        Some(other) if other.key.id != key.id => Err(Error::new(
            Reason::NameTaken,
            format!(
                "there is an API key named \"{}\" already; choose another name, or update that one",
                key.name
            ),
        )
        .field("api_key.name")),
        _ => Ok(()),
    }
}

fn check_groups(groups: &[String]) -> Result<()> {
    check::count("api_key.groups", groups.len(), MAX_GROUPS)?;
    for (index, group) in groups.iter().enumerate() {
        let field = format!("api_key.groups[{index}]");
        check::group(&field, group)?;
        if groups.iter().take(index).any(|other| other == group) {
            return Err(Error::invalid(field, format!("repeats \"{group}\"; name each group once")));
        }
    }
    Ok(())
}

/// The hash of a secret that no other key has, or had and still may use: else it would not be known who calls.
fn free_hash(records: &Records, secret: &Secret, hasher: &KeyHasher, own_id: &str) -> Result<[u8; 32]> {
    let hash = hasher.hash(secret.expose().as_bytes());
    let has_it = |stored: &&StoredKey| stored.hash == hash || stored.previous == Some(hash);
    match records.keys.values().filter(|stored| stored.key.id != own_id).find(has_it) {
        Some(other) => Err(Error::invalid(
            "secret",
            format!("is the secret of API key \"{}\" already; choose another", other.key.name),
        )),
        None => Ok(hash),
    }
}
