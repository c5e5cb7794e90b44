//! The vault of IBM Software Hub.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use url::{Url, form_urlencoded::byte_serialize};

use super::{
    Content, Credential, Resource,
    bearer::{Bearer, Login, below, members_of, not_readable},
};
use crate::{error::Result, http::Client, proto::v1, secrets::Proof, task::Tasks};

/// The vault of IBM Software Hub.
#[derive(Debug)]
pub struct SoftwareHub {
    settings: v1::SoftwareHubVault,
    bearer: Bearer,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    data: Kept<'a>,
}

#[derive(Deserialize)]
struct Kept<'a> {
    /// What the secret holds, by its type.
    #[serde(borrow)]
    secret: BTreeMap<String, &'a RawValue>,
}

impl SoftwareHub {
    pub(super) fn new(settings: &v1::SoftwareHubVault, client: Client) -> Self {
        Self { settings: settings.clone(), bearer: Bearer::new("the vault of Software Hub", client) }
    }

    pub(super) async fn read(&self, resource: &Resource, own: &Credential, tasks: &Tasks) -> Result<Content> {
        let Resource::SoftwareHub(urn) = resource else {
            let why = "is no URN, and so not kept in a vault of Software Hub; name another secret manager";
            return Err(not_readable(resource, why));
        };
        let login = self.login(resource, own)?;
        let answer = self.bearer.get(&self.address(urn)?, resource, &login, tasks).await?;
        let Answer { data: Kept { secret } } = serde_json::from_slice(answer.body())
            .map_err(|_| self.bearer.unreadable("is no secret; is the address right?"))?;
        match secret.get("generic") {
            Some(members) => members_of(resource, members),
            None => {
                let kinds: Vec<_> = secret.keys().map(String::as_str).collect();
                let why = format!(
                    "is of type {}; only generic (key-value) can be referred to",
                    if kinds.is_empty() { "unknown".to_owned() } else { kinds.join(", ") }
                );
                Err(not_readable(resource, &why))
            }
        }
    }

    fn address(&self, urn: &str) -> Result<Url> {
        let urn: String = byte_serialize(urn.as_bytes()).collect();
        below(&self.settings.address, &format!("/zen-data/v2/secrets/{urn}"))
    }

    fn login(&self, resource: &Resource, own: &Credential) -> Result<Login> {
        let v1::SoftwareHubVault { address, username, .. } = &self.settings;
        let username = username.clone();
        let proof = match (own.get("apikey").cloned(), own.get("password").cloned()) {
            (Some(key), _) => Proof::HubKey { username, key },
            (None, Some(password)) => Proof::HubPassword { username, password },
            (None, None) => {
                let why = "cannot be read: the secret manager has no credential \"apikey\" or \"password\"";
                return Err(not_readable(resource, why));
            }
        };
        Ok(Login { address: below(address, "/icp4d-api/v1/authorize")?, proof })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Clients, Way};

    #[test]
    fn a_urn_becomes_one_part_of_a_path_below_the_address() {
        let hub = |address: &str| {
            let settings =
                v1::SoftwareHubVault { address: address.into(), ..v1::SoftwareHubVault::default() };
            SoftwareHub::new(&settings, Clients::default().get(&Way::default()).unwrap())
        };
        for (address, url) in [
            ("https://hub.example.com", "https://hub.example.com/zen-data/v2/secrets/1000330999%3Aopenai-1"),
            (
                "https://hub.example.com/a/",
                "https://hub.example.com/a/zen-data/v2/secrets/1000330999%3Aopenai-1",
            ),
        ] {
            assert_eq!(hub(address).address("1000330999:openai-1").unwrap().as_str(), url);
        }
    }
}
