//! Secret managers that are set up, each with the credential with which the gateway reads there.

use std::{fmt, sync::Arc, time::Duration};

use arc_swap::ArcSwap;

use super::{
    Content, Credential, LocalSecrets, Manager, Owner, Resource, Sealed, Sealer, content::Wanted, redact,
};
use crate::{
    error::{Error, Result},
    proto::v1::{SecretReference, secret_manager::Kind},
    task::Tasks,
};

/// A secret manager that is set up, ready to be read.
#[derive(Clone, Debug)]
pub struct Keeper {
    /// Its name.
    pub name: String,
    /// What is asked.
    pub manager: Arc<Manager>,
    /// The gateway's own credential there.
    pub own: Arc<Own>,
    /// How long a secret is used before it is read again.
    pub cache_time: Duration,
    /// How long after that it is still used when the manager gives no answer.
    pub stale_time: Duration,
}

/// The gateway's own credential at a secret manager.
pub struct Own {
    source: Source,
    /// What was opened or read last, and before.
    seen: ArcSwap<Vec<Credential>>,
}

enum Source {
    /// There is none.
    Nowhere,
    /// It is in the store.
    Sealed { id: String, sealer: Arc<Sealer>, sealed: Sealed },
    /// It is on this machine.
    Local { local: LocalSecrets, resource: Resource, wanted: Wanted },
}

/// The sets of secrets with which a kind of secret manager can be read; one of them is needed.
#[must_use]
pub fn secret_sets(kind: &Kind) -> &'static [&'static [&'static str]] {
    match kind {
        Kind::Vault(_) => &[&["token"], &["role_id", "secret_id"]],
        Kind::IbmSecretsManager(_) => &[&["apikey"]],
        Kind::SoftwareHub(_) => &[&["apikey"], &["password"]],
    }
}

// === impl Keeper ===

impl Keeper {
    /// Reads a secret. What the manager gives for the credential is kept and renewed among `tasks`.
    ///
    /// # Errors
    /// Those of [`Manager::read`], and that its own credential cannot be read. They hold no secret.
    pub async fn read(&self, resource: &Resource, tasks: &Tasks) -> Result<Content> {
        let own = self.own.get().await.map_err(|error| {
            let message = format!("the credential of secret manager \"{}\": {}", self.name, error.message());
            Error::new(error.reason(), message).source(error)
        })?;
        let read = self.manager.read(resource, &own, tasks).await;
        read.map_err(|error| redact(error, own.iter().map(|(_, secret)| secret)))
    }

    /// Whether the same would be read there.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.manager, &other.manager) && Arc::ptr_eq(&self.own, &other.own)
    }
}

// === impl Own ===

impl Own {
    /// There is none.
    #[must_use]
    pub fn none() -> Self {
        Self::from(Source::Nowhere)
    }

    /// It is sealed for the manager with this id.
    #[must_use]
    pub fn sealed(id: String, sealer: Arc<Sealer>, sealed: Sealed) -> Self {
        Self::from(Source::Sealed { id, sealer, sealed })
    }

    /// It is on this machine, and a manager of the kind takes it.
    ///
    /// # Errors
    /// That the reference cannot be read.
    pub fn local(reference: &SecretReference, kind: &Kind, local: LocalSecrets) -> Result<Self, String> {
        let resource = Resource::read(&reference.resource)?;
        let kinds = secret_sets(kind).iter().map(|set| set.iter().map(|name| (*name, true)).collect());
        let wanted = Wanted { kinds: kinds.collect(), names: reference.names.clone(), in_headers: false };
        Ok(Self::from(Source::Local { local, resource, wanted }))
    }

    /// The credential now.
    async fn get(&self) -> Result<Credential> {
        let credential = match &self.source {
            Source::Nowhere => return Ok(Credential::default()),
            Source::Sealed { id, sealer, sealed } => {
                Credential::open(Owner::SecretManager(id), sealer, sealed)?
            }
            Source::Local { local, resource, wanted } => {
                let (content, _) = local.read(resource).await?;
                wanted.take(resource, content)?
            }
        };
        let seen = self.seen.load();
        if !seen.first().is_some_and(|last| last.same_as(&credential)) {
            let last = seen.first().cloned();
            self.seen.store(Arc::new([credential.clone()].into_iter().chain(last).collect()));
        }
        Ok(credential)
    }

    /// What the credential was and is, as far as it was used.
    pub(super) fn known(&self) -> Arc<Vec<Credential>> {
        self.seen.load_full()
    }
}

impl From<Source> for Own {
    fn from(source: Source) -> Self {
        Self { source, seen: ArcSwap::default() }
    }
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Own").finish_non_exhaustive()
    }
}
