//! What the store holds, in memory.

use std::collections::BTreeMap;

use crate::{
    proto::v1::{ApiKey, Issuer, Model, Policy, Provider, RateLimit, SecretManager, Tenant},
    secrets::Sealed,
};

/// Every record of one revision, by id.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// Revision of the store.
    pub revision: i64,
    /// Providers.
    pub providers: BTreeMap<String, StoredProvider>,
    /// Models; their `provider` is an id.
    pub models: BTreeMap<String, Model>,
    /// API keys.
    pub keys: BTreeMap<String, StoredKey>,
    /// Policies; their `resource` names an id.
    pub policies: BTreeMap<String, Policy>,
    /// Rate limits; their `provider` and `model` are ids.
    pub rate_limits: BTreeMap<String, RateLimit>,
    /// The tenant. `None`: nobody has said anything of it yet.
    pub tenant: Option<Tenant>,
    /// Secret managers.
    pub secret_managers: BTreeMap<String, StoredManager>,
    /// Issuers of tokens.
    pub issuers: BTreeMap<String, Issuer>,
}

/// A provider as stored.
#[derive(Clone, Debug)]
pub struct StoredProvider {
    /// The resource, without inline secrets. Its credential is a reference, or not there.
    pub provider: Provider,
    /// The sealed secrets. `None`: there are none.
    pub credential: Option<Sealed>,
}

/// A secret manager as stored.
#[derive(Clone, Debug)]
pub struct StoredManager {
    /// The resource, without inline secrets. Its credential is a reference, or not there.
    pub manager: SecretManager,
    /// The sealed secrets. `None`: there are none.
    pub credential: Option<Sealed>,
}

/// An API key as stored.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// The resource.
    pub key: ApiKey,
    /// Keyed hash of its secret.
    pub hash: [u8; 32],
    /// Keyed hash of the secret before the last rotation, while that is good.
    pub previous: Option<[u8; 32]>,
}

/// One change of a record. Several make one commit.
#[derive(Clone, Debug)]
pub enum Change {
    /// Insert or replace a provider.
    PutProvider(Box<StoredProvider>),
    /// Remove a provider.
    DeleteProvider(String),
    /// Insert or replace a model.
    PutModel(Box<Model>),
    /// Remove a model.
    DeleteModel(String),
    /// Insert or replace a key.
    PutKey(Box<StoredKey>),
    /// Remove a key.
    DeleteKey(String),
    /// Insert or replace a policy.
    PutPolicy(Box<Policy>),
    /// Remove a policy.
    DeletePolicy(String),
    /// Insert or replace a rate limit.
    PutRateLimit(Box<RateLimit>),
    /// Remove a rate limit.
    DeleteRateLimit(String),
    /// Insert or replace the tenant.
    PutTenant(Box<Tenant>),
    /// Insert or replace a secret manager.
    PutSecretManager(Box<StoredManager>),
    /// Remove a secret manager.
    DeleteSecretManager(String),
    /// Insert or replace an issuer.
    PutIssuer(Box<Issuer>),
    /// Remove an issuer.
    DeleteIssuer(String),
}

impl Records {
    /// Makes the change. Does not touch the revision.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::PutProvider(stored) => {
                self.providers.insert(stored.provider.id.clone(), *stored);
            }
            Change::DeleteProvider(id) => {
                self.providers.remove(&id);
            }
            Change::PutModel(model) => {
                self.models.insert(model.id.clone(), *model);
            }
            Change::DeleteModel(id) => {
                self.models.remove(&id);
            }
            Change::PutKey(stored) => {
                self.keys.insert(stored.key.id.clone(), *stored);
            }
            Change::DeleteKey(id) => {
                self.keys.remove(&id);
            }
            Change::PutPolicy(policy) => {
                self.policies.insert(policy.id.clone(), *policy);
            }
            Change::DeletePolicy(id) => {
                self.policies.remove(&id);
            }
            Change::PutRateLimit(limit) => {
                self.rate_limits.insert(limit.id.clone(), *limit);
            }
            Change::DeleteRateLimit(id) => {
                self.rate_limits.remove(&id);
            }
            Change::PutTenant(tenant) => self.tenant = Some(*tenant),
            Change::PutSecretManager(stored) => {
                self.secret_managers.insert(stored.manager.id.clone(), *stored);
            }
            Change::DeleteSecretManager(id) => {
                self.secret_managers.remove(&id);
            }
            Change::PutIssuer(issuer) => {
                self.issuers.insert(issuer.id.clone(), *issuer);
            }
            Change::DeleteIssuer(id) => {
                self.issuers.remove(&id);
            }
        }
    }
}
