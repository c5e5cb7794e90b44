//! Secret managers: places outside of the gateway that keep secrets, ready to be asked.
//!
//! Here: what each kind is asked and how it answers. Not here: which secrets may be referred to and by whom (`admin`), how
//! long an answer is used (`referenced`).

mod bearer;
mod ibm_cloud;
mod members;
mod software_hub;
mod vault;

use std::{collections::BTreeMap, time::Duration};

use self::{ibm_cloud::IbmCloud, software_hub::SoftwareHub, vault::Vault};
use super::{Credential, Resource};
use crate::{
    error::{Error, Reason, Result},
    http::Client,
    proto::v1::secret_manager::Kind,
    secret::Secret,
    task::Tasks,
};

/// How long a read may take, with all that is asked for it.
const TIME: Duration = Duration::from_secs(10);

/// What a manager keeps under a name.
#[derive(Debug)]
pub enum Content {
    /// Secrets by name.
    Members(BTreeMap<String, Secret>),
    /// One secret, as it is.
    Text(Secret),
}

/// A secret manager.
#[derive(Debug)]
pub enum Manager {
    /// HashiCorp Vault or OpenBao.
    Vault(Vault),
    /// IBM Cloud Secrets Manager.
    IbmCloud(IbmCloud),
    /// The vault of IBM Software Hub.
    SoftwareHub(SoftwareHub),
}

impl Manager {
    /// The manager that is set up so and called through `client`.
    #[must_use]
    pub fn new(kind: &Kind, client: Client) -> Self {
        match kind {
            Kind::Vault(settings) => Self::Vault(Vault::new(settings, client)),
            Kind::IbmSecretsManager(settings) => Self::IbmCloud(IbmCloud::new(settings, client)),
            Kind::SoftwareHub(settings) => Self::SoftwareHub(SoftwareHub::new(settings, client)),
        }
    }

    /// Reads a secret. `own` is the credential with which the gateway reads there; what it is exchanged for is kept and
    /// renewed among `tasks`.
    ///
    /// # Errors
    /// [`Reason::SecretNotReadable`](crate::error::Reason::SecretNotReadable) when the manager refuses it, or holds
    /// something else; [`Reason::SecretManagerUnavailable`](crate::error::Reason::SecretManagerUnavailable) when it gives no
    /// answer.
    pub async fn read(&self, resource: &Resource, own: &Credential, tasks: &Tasks) -> Result<Content> {
        let read = async {
            match self {
                Self::Vault(vault) => vault.read(resource, own, tasks).await,
                Self::IbmCloud(manager) => manager.read(resource, own, tasks).await,
                Self::SoftwareHub(hub) => hub.read(resource, own, tasks).await,
            }
        };
        tokio::time::timeout(TIME, read).await.unwrap_or_else(|_| {
            let message = format!("{resource} could not be read within {} s", TIME.as_secs());
            Err(Error::new(Reason::SecretManagerUnavailable, message))
        })
    }
}
