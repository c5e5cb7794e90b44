//! A provider's secrets that live elsewhere: read when they are used, and then used for a while.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::time::Instant;

use super::{Credential, CredentialKind, Keeper, LocalSecrets, Resource, content::Wanted};
use crate::{
    error::{Error, Reason, Result},
    metrics::SecretReads,
    proto::v1::SecretReference,
    renewal::{Fresh, Kept, Renewed},
    secret::Secret,
    task::Tasks,
};

/// One reference, ready to be used. However many use it, there is one read at a time, and nobody waits for it while what
/// was read before holds.
#[derive(Debug)]
pub struct Referenced {
    reference: SecretReference,
    wanted: Wanted,
    /// Where it is read, or why it is not.
    place: Result<(Resource, Place)>,
    kept: Arc<Renewed<Reading>>,
    told: Arc<Told>,
    reads: SecretReads,
}

/// Where a secret lives.
#[derive(Clone, Debug)]
pub enum Place {
    /// On this machine.
    Local(LocalSecrets),
    /// At a secret manager.
    Keeper(Arc<Keeper>),
}

/// What was read at one time.
#[derive(Debug)]
pub struct Reading {
    /// The secrets, by the names that the provider's type gives them.
    pub credential: Credential,
    /// The token for which they were exchanged, where their kind wants that. Other secrets have another one.
    pub token: Arc<Renewed<Secret>>,
}

/// What the log has been told of an outage, so that it is told once.
#[derive(Debug, Default)]
struct Told {
    failing: AtomicBool,
    stale: AtomicBool,
}

impl Referenced {
    /// The reference, read at the place, for one of these kinds of credential.
    #[must_use]
    pub fn new(
        reference: &SecretReference,
        kinds: Vec<CredentialKind>,
        place: Result<Place>,
        reads: SecretReads,
    ) -> Self {
        let unreadable = |why| Error::new(Reason::SecretNotReadable, format!("the reference {why}"));
        let resource = Resource::read(&reference.resource).map_err(unreadable);
        Self {
            reference: reference.clone(),
            wanted: Wanted { kinds, names: reference.names.clone(), in_headers: true },
            place: place.and_then(|place| Ok((resource?, place))),
            kept: Arc::default(),
            told: Arc::default(),
            reads,
        }
    }

    /// Goes on with what `before` has read, if it would read the same. Where the secrets are exchanged at another place
    /// now, their tokens stay behind.
    #[must_use]
    pub fn following(self, before: &Self, same_login: bool) -> Self {
        let same_place = match (&self.place, &before.place) {
            (Ok((_, Place::Local(_))), Ok((_, Place::Local(_)))) => true,
            (Ok((_, Place::Keeper(one))), Ok((_, Place::Keeper(other)))) => one.is_same(other),
            (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
        };
        if !same_place || (&self.reference, &self.wanted) != (&before.reference, &before.wanted) {
            return self;
        }
        let kept = if same_login {
            Arc::clone(&before.kept)
        } else {
            let without_token =
                |reading: &Reading| Reading { credential: reading.credential.clone(), token: Arc::default() };
            Arc::new(before.kept.mapped(without_token))
        };
        Self { kept, told: Arc::clone(&before.told), ..self }
    }

    /// The secrets as they are now, or were a short while ago.
    ///
    /// # Errors
    /// Why they cannot be read, where nothing that was read before may be used. They hold no secret.
    pub async fn get(self: &Arc<Self>, tasks: &Tasks) -> Result<Arc<Kept<Reading>>> {
        let (resource, place) = self.place.as_ref().map_err(Error::retold)?;
        let asked = Instant::now();
        let fetch = || {
            let (this, tasks) = (Arc::clone(self), tasks.clone());
            Ok(async move { this.read(&tasks).await })
        };
        let kept = self.kept.get(tasks, fetch).await?;
        if kept.was_stale(asked) {
            self.reads.count_stale(place.name());
            if !self.told.stale.swap(true, Ordering::Relaxed) {
                tracing::warn!(manager = place.name(), %resource, "a secret is used stale: it cannot be read anew");
            }
        }
        Ok(kept)
    }

    /// An upstream refused these secrets: reads them once more. `None`: they are the same still, or were read anew for
    /// this reason a moment ago.
    ///
    /// # Errors
    /// Those of [`Referenced::get`].
    pub async fn get_other(
        self: &Arc<Self>,
        refused: &Arc<Kept<Reading>>,
        tasks: &Tasks,
    ) -> Result<Option<Arc<Kept<Reading>>>> {
        if !self.kept.refuse(refused) {
            return Ok(None);
        }
        let kept = self.get(tasks).await?;
        Ok(Some(kept).filter(|kept| !kept.value.credential.same_as(&refused.value.credential)))
    }

    /// Reads the secrets in the background, so that the first call need not wait for them.
    pub fn prepare(self: &Arc<Self>, tasks: &Tasks) {
        let (this, tasks_of_read) = (Arc::clone(self), tasks.clone());
        // A failure is told by the read.
        tasks.spawn(async move { drop(this.get(&tasks_of_read).await) });
    }

    /// What was read last, and before: somebody may still be using that.
    pub fn known(&self) -> impl Iterator<Item = Arc<Kept<Reading>>> + use<> {
        self.kept.known()
    }

    /// What the gateway's own credential at the secret manager is, and was.
    #[must_use]
    pub fn known_of_manager(&self) -> Arc<Vec<Credential>> {
        match &self.place {
            Ok((_, Place::Keeper(keeper))) => keeper.own.known(),
            Ok((_, Place::Local(_))) | Err(_) => Arc::default(),
        }
    }

    async fn read(&self, tasks: &Tasks) -> Result<Fresh<Reading>> {
        let (resource, place) = self.place.as_ref().map_err(Error::retold)?;
        let read = self.read_at(resource, place, tasks).await;
        self.reads.count(place.name(), read.as_ref().err());
        match &read {
            Ok(_) => {
                self.told.failing.store(false, Ordering::Relaxed);
                self.told.stale.store(false, Ordering::Relaxed);
            }
            Err(error) if !self.told.failing.swap(true, Ordering::Relaxed) => {
                tracing::warn!(manager = place.name(), %resource, %error, "a secret cannot be read");
            }
            Err(_) => {}
        }
        read
    }

    async fn read_at(&self, resource: &Resource, place: &Place, tasks: &Tasks) -> Result<Fresh<Reading>> {
        let (content, life, stale) = match place {
            Place::Local(local) => {
                let (content, life) = local.read(resource).await?;
                (content, life, std::time::Duration::ZERO)
            }
            Place::Keeper(keeper) => {
                (keeper.read(resource, tasks).await?, keeper.cache_time, keeper.stale_time)
            }
        };
        let credential = self.wanted.take(resource, content)?;
        let before = self.kept.known().find(|before| before.value.credential.same_as(&credential));
        let token = before.map(|before| Arc::clone(&before.value.token)).unwrap_or_default();
        Ok(Fresh { value: Reading { credential, token }, life, stale })
    }
}

// === impl Place ===

impl Place {
    /// What it is called in the log and in metrics.
    fn name(&self) -> &str {
        match self {
            Self::Local(_) => "local",
            Self::Keeper(keeper) => &keeper.name,
        }
    }
}

#[cfg(test)]
mod tests;
