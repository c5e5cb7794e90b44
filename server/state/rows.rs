//! Records <-> rows of the store.

use prost::Message;

use super::{Change, Records, StoredKey, StoredManager, StoredProvider};
use crate::{
    error::{Error, Reason, Result},
    proto::v1::{ApiKey, Issuer, Model, Policy, Provider, RateLimit, SecretManager, Tenant},
    secrets::Sealed,
    store::{Loaded, Row, Write},
};

/// Kinds of records. All but the last are resources; those are what the gateway seals for itself.
pub(super) const PROVIDER: &str = "provider";
pub(super) const MODEL: &str = "model";
pub(super) const API_KEY: &str = "api_key";
pub(super) const POLICY: &str = "policy";
pub(super) const RATE_LIMIT: &str = "rate_limit";
pub(super) const TENANT: &str = "tenant";
pub(super) const SECRET_MANAGER: &str = "secret_manager";
pub(super) const ISSUER: &str = "issuer";
/// The tenant's record: there is one, whatever its id says to clients.
const THE_TENANT: &str = "default";
/// Kind of the records that belong to the store itself: what its secrets are sealed and hashed with.
pub const OWN: &str = "own";

/// Sorts what the store holds into resources and the gateway's own secrets, by id.
pub(super) fn read(loaded: Loaded) -> Result<(Records, Vec<(String, Sealed)>)> {
    let mut records = Records { revision: loaded.revision, ..Records::default() };
    let mut own = Vec::new();
    for row in loaded.rows {
        match row.kind.as_str() {
            PROVIDER => {
                let provider = decode::<Provider>(&row)?;
                let credential = sealed(&row);
                records.providers.insert(row.id, StoredProvider { provider, credential });
            }
            MODEL => {
                let model = decode::<Model>(&row)?;
                records.models.insert(row.id, model);
            }
            API_KEY => {
                let key = decode::<ApiKey>(&row)?;
                let (hash, previous) = row
                    .secret
                    .as_deref()
                    .and_then(hashes)
                    .ok_or_else(|| unreadable(&row, "its hash is missing"))?;
                records.keys.insert(row.id, StoredKey { key, hash, previous });
            }
            POLICY => {
                let policy = decode::<Policy>(&row)?;
                records.policies.insert(row.id, policy);
            }
            RATE_LIMIT => {
                let limit = decode::<RateLimit>(&row)?;
                records.rate_limits.insert(row.id, limit);
            }
            TENANT => records.tenant = Some(decode::<Tenant>(&row)?),
            SECRET_MANAGER => {
                let manager = decode::<SecretManager>(&row)?;
                let credential = sealed(&row);
                records.secret_managers.insert(row.id, StoredManager { manager, credential });
            }
            ISSUER => {
                let issuer = decode::<Issuer>(&row)?;
                records.issuers.insert(row.id, issuer);
            }
            OWN => {
                let sealed = sealed(&row).ok_or_else(|| unreadable(&row, "its secret is missing"))?;
                own.push((row.id, sealed));
            }
            _ => return Err(unreadable(&row, "this version of the gateway does not know its kind")),
        }
    }
    Ok((records, own))
}

/// How a change is written.
pub(super) fn write(change: &Change) -> Write {
    match change {
        Change::PutProvider(stored) => {
            put_sealed(PROVIDER, &stored.provider.id, &stored.provider, stored.credential.as_ref())
        }
        Change::PutSecretManager(stored) => {
            put_sealed(SECRET_MANAGER, &stored.manager.id, &stored.manager, stored.credential.as_ref())
        }
        Change::DeleteSecretManager(id) => Write::Delete { kind: SECRET_MANAGER, id: id.clone() },
        Change::PutIssuer(issuer) => put(ISSUER, &issuer.id, &**issuer),
        Change::DeleteIssuer(id) => Write::Delete { kind: ISSUER, id: id.clone() },
        Change::PutModel(model) => put(MODEL, &model.id, &**model),
        Change::PutKey(stored) => Write::Put(Row {
            kind: API_KEY.into(),
            id: stored.key.id.clone(),
            payload: stored.key.encode_to_vec(),
            secret: Some([&stored.hash[..], stored.previous.as_ref().map_or(&[], |hash| &hash[..])].concat()),
            key_version: None,
        }),
        Change::DeleteProvider(id) => Write::Delete { kind: PROVIDER, id: id.clone() },
        Change::DeleteModel(id) => Write::Delete { kind: MODEL, id: id.clone() },
        Change::DeleteKey(id) => Write::Delete { kind: API_KEY, id: id.clone() },
        Change::PutPolicy(policy) => put(POLICY, &policy.id, &**policy),
        Change::DeletePolicy(id) => Write::Delete { kind: POLICY, id: id.clone() },
        Change::PutRateLimit(limit) => put(RATE_LIMIT, &limit.id, &**limit),
        Change::DeleteRateLimit(id) => Write::Delete { kind: RATE_LIMIT, id: id.clone() },
        Change::PutTenant(tenant) => put(TENANT, THE_TENANT, &**tenant),
    }
}

/// A record without a secret.
fn put(kind: &str, id: &str, message: &impl Message) -> Write {
    put_sealed(kind, id, message, None)
}

/// A record with its secret.
fn put_sealed(kind: &str, id: &str, message: &impl Message, secret: Option<&Sealed>) -> Write {
    Write::Put(Row {
        kind: kind.into(),
        id: id.into(),
        payload: message.encode_to_vec(),
        secret: secret.map(|sealed| sealed.bytes.to_vec()),
        key_version: secret.map(|sealed| sealed.key_version),
    })
}

/// The hash of a key's secret and of the one before.
fn hashes(bytes: &[u8]) -> Option<([u8; 32], Option<[u8; 32]>)> {
    let (hash, rest) = bytes.split_first_chunk()?;
    let previous = if rest.is_empty() { None } else { Some(rest.try_into().ok()?) };
    Some((*hash, previous))
}

/// How one of the gateway's own secrets is written.
pub(super) fn write_own(id: &str, sealed: &Sealed) -> Write {
    Write::Put(Row {
        kind: OWN.into(),
        id: id.into(),
        payload: Vec::new(),
        secret: Some(sealed.bytes.to_vec()),
        key_version: Some(sealed.key_version),
    })
}

/// The sealed secret of a row. `None`: it has none, or one that is only hashed.
pub(super) fn sealed(row: &Row) -> Option<Sealed> {
    let bytes = row.secret.clone()?;
    Some(Sealed { key_version: row.key_version?, bytes: bytes.into() })
}

fn decode<M: Message + Default>(row: &Row) -> Result<M> {
    M::decode(row.payload.as_slice()).map_err(|cause| unreadable(row, "its payload is damaged").source(cause))
}

fn unreadable(row: &Row, why: &str) -> Error {
    Error::new(
        Reason::FailedPrecondition,
        format!("the stored {} \"{}\" cannot be read: {why}", row.kind, row.id),
    )
}
