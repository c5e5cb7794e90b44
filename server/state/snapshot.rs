//! The immutable view of the configuration that every call reads.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use super::{Access, Caller, Records, TrustedIssuer};
use crate::{
    error::{Error, Reason, Result},
    providers::Upstream,
    secrets::Keeper,
    task::Tasks,
};

/// One revision of the configuration. Plain maps: no locks, and no secret that is not sealed or hashed.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Revision of the store that this was built from.
    pub revision: i64,
    /// The records that this was built from.
    pub records: Arc<Records>,
    /// Providers ready to be called, by id.
    pub upstreams: BTreeMap<String, Arc<Upstream>>,
    /// Secret managers ready to be read, by id.
    pub keepers: BTreeMap<String, Arc<Keeper>>,
    /// What a `model` in a call may say: alias, model id, upstream id.
    pub groups: HashMap<String, Arc<Group>>,
    /// API keys by the keyed hash of their secret.
    pub keys: HashMap<[u8; 32], Key>,
    /// Issuers of tokens that are not disabled, by what their tokens say as `iss`.
    pub issuers: HashMap<String, Arc<TrustedIssuer>>,
    /// What policies allow.
    pub access: Access,
}

/// An API key as the call path sees it.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its holder.
    pub caller: Arc<Caller>,
    /// Whether it is refused.
    pub disabled: bool,
    /// When it stops to be good. `None`: never.
    pub expires: Option<SystemTime>,
    /// Where it was used from. Survives a change of the snapshot.
    pub homes: Arc<Homes>,
}

/// The sources from which a key was used with success: the last of each of eight kinds. Sources are numbers that the
/// authenticator makes of addresses.
#[derive(Debug, Default)]
pub struct Homes([AtomicU64; 8]);

/// The targets that one name stands for. At least one.
#[derive(Debug, Default)]
pub struct Group {
    /// The targets.
    pub targets: Vec<Arc<Target>>,
    /// Where the next scan begins, so that ties are rotated.
    pub turn: AtomicUsize,
}

/// What a call is sent to: a model at a provider.
#[derive(Debug)]
pub struct Target {
    /// Id of the model.
    pub model_id: String,
    /// The name that callers see: the alias, or the upstream id where there is none.
    pub model_name: String,
    /// The vendor's id of the model.
    pub upstream_id: String,
    /// The provider.
    pub upstream: Arc<Upstream>,
    /// Share of the group's calls in flight, 1 to 1000.
    pub weight: u32,
    /// Counters that survive a change of the snapshot.
    pub live: Arc<Live>,
}

/// Live counters of a target.
#[derive(Debug, Default)]
pub struct Live {
    /// Attempts in flight.
    pub in_flight: AtomicU32,
}

// === impl Homes ===

impl Homes {
    /// Whether the key was used from there.
    #[must_use]
    pub fn has(&self, source: u64) -> bool {
        self.place(source).is_some_and(|place| place.load(Ordering::Relaxed) == source)
    }

    /// Remembers it.
    pub fn add(&self, source: u64) {
        // Mostly it is there: read first, so that callers on many cores do not fight for the cache line.
        if !self.has(source)
            && let Some(place) = self.place(source)
        {
            place.store(source, Ordering::Relaxed);
        }
    }

    fn place(&self, source: u64) -> Option<&AtomicU64> {
        self.0.get(usize::try_from(source % 8).unwrap_or_default())
    }
}

// === impl Snapshot ===

impl Snapshot {
    /// Every target.
    pub fn targets(&self) -> impl Iterator<Item = &Arc<Target>> {
        let own_groups = self.records.models.keys().filter_map(|id| self.groups.get(id));
        own_groups.flat_map(|group| &group.targets)
    }

    /// Begins to read what providers refer to, where that is not known yet.
    pub(super) fn prepare(&self, tasks: &Tasks) {
        let referenced = self.upstreams.values().filter_map(|upstream| upstream.referenced.as_ref());
        referenced.for_each(|referenced| referenced.prepare(tasks));
    }

    /// The targets that `name` stands for.
    ///
    /// # Errors
    /// [`Reason::ModelNotFound`] when it stands for none.
    pub fn group(&self, name: &str) -> Result<&Arc<Group>> {
        if name.is_empty() {
            return Err(Error::invalid("model", "name the model; list models with ModelCatalog.ListModels"));
        }
        self.groups.get(name).ok_or_else(|| {
            Error::new(
                Reason::ModelNotFound,
                format!("model \"{name}\" is not in the catalog; list models with ModelCatalog.ListModels"),
            )
            .field("model")
            .model(name)
        })
    }
}
