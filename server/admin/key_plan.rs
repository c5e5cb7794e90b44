//! From what an operator writes to an API key as it is stored.

use std::time::SystemTime;

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

/// A key in place of `stored`. With a secret, the key gets that one.
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
    key.previous_secret_expire_time = stored.key.previous_secret_expire_time;
    let (hash, previous) = match secret {
        None => {
            key.hint.clone_from(&stored.key.hint);
            (stored.hash, stored.previous)
        }
        Some((secret, hasher)) => {
            key.hint = secret.hint();
            (free_hash(records, secret, hasher, &key.id)?, stored.previous)
        }
    };
    Ok(StoredKey { key: finish(records, key, now), hash, previous })
}

/// The key that makes `stored` be as wanted, with this secret. `None`: it is so already.
pub(super) fn reconcile(
    records: &Records,
    stored: &StoredKey,
    wanted: ApiKey,
    secret: &Secret,
    hasher: &KeyHasher,
    now: SystemTime,
) -> Result<Option<StoredKey>> {
    let next = replace(records, stored, wanted, Some((secret, hasher)), now)?;
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
        Ok(AccessRole::Admin | AccessRole::Manage | AccessRole::User) => {}
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

/// The hash of a secret that no other key has: else it would not be known who calls.
fn free_hash(records: &Records, secret: &Secret, hasher: &KeyHasher, own_id: &str) -> Result<[u8; 32]> {
    let hash = hasher.hash(secret.expose().as_bytes());
    match records.keys.values().find(|stored| stored.hash == hash && stored.key.id != own_id) {
        Some(other) => Err(Error::invalid(
            "secret",
            format!("is the secret of API key \"{}\" already; choose another", other.key.name),
        )),
        None => Ok(hash),
    }
}
