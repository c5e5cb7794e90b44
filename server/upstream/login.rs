//! Exchanges a provider's credential for a token, where a vendor wants that: IBM Cloud's identity service, and Software Hub.

use url::Url;

use crate::{
    error::{Error, Reason, Result},
    http::Client,
    providers::{AUTH_URL, IbmAuth, USERNAME, Upstream},
    renewal::Fresh,
    secret::Secret,
    secrets::{Credential, IAM_URL, Proof, TokenExchange},
};

/// The exchange of the provider's credential for a token, yet to be made.
///
/// # Errors
/// That a setting is missing.
pub(super) fn fetch(
    client: &Client,
    to: &Upstream,
    credential: &Credential,
) -> Result<impl Future<Output = Result<Fresh<Secret>>> + Send + 'static + use<>> {
    let (exchange, client) = (exchange(to, credential)?, client.clone());
    Ok(async move { exchange.make(&client).await })
}

fn exchange(to: &Upstream, credential: &Credential) -> Result<TokenExchange> {
    let proof = proof(to, credential).ok_or_else(|| no_user(to))?;
    let (refused, away) = (Reason::ProviderAuthFailed, Reason::ProviderUnavailable);
    Ok(TokenExchange { address: address(to)?, proof, refused, away })
}

fn proof(to: &Upstream, credential: &Credential) -> Option<Proof> {
    let key = credential.get("apikey").cloned();
    match IbmAuth::of(&to.settings) {
        IbmAuth::Cloud => key.map(Proof::CloudKey),
        // Without exchange there is nothing to fetch but with a password, which only an exchange takes.
        IbmAuth::SoftwareHub | IbmAuth::Zen => {
            let username = to.settings.get(USERNAME)?.clone();
            match key {
                Some(key) => Some(Proof::HubKey { username, key }),
                None => Some(Proof::HubPassword { username, password: credential.get("password")?.clone() }),
            }
        }
    }
}

/// Where the exchange is: where `auth_url` says, which is a host or the whole address; else at IBM Cloud, or at the
/// provider's own host.
fn address(to: &Upstream) -> Result<Url> {
    let broken = |error| Error::internal(format!("provider \"{}\" has an unusable auth_url", to.name), error);
    match (to.settings.get(AUTH_URL), IbmAuth::of(&to.settings)) {
        (Some(address), _) => Url::parse(address).map_err(broken),
        (None, IbmAuth::Cloud) => Url::parse(IAM_URL).map_err(broken),
        (None, IbmAuth::SoftwareHub | IbmAuth::Zen) => to.base_url.join("/").map_err(broken),
    }
}

fn no_user(to: &Upstream) -> Error {
    let message = format!(
        "provider \"{}\" has a password, but the setting username is missing; set it with ProviderAdmin.UpdateProvider",
        to.name
    );
    Error::new(Reason::ProviderAuthFailed, message)
}

#[cfg(test)]
mod tests;
