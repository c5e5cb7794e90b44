//! What the store holds, in memory.

use std::collections::BTreeMap;

use crate::{
    proto::v1::{ApiKey, Model, Provider},
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
}

/// A provider as stored.
#[derive(Clone, Debug)]
pub struct StoredProvider {
    /// The resource, without its credential.
    pub provider: Provider,
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
        }
    }
}
