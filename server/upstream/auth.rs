//! Puts the credential into a request. Secrets are opened here, for one call to the upstream, and wiped after it.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::sigv4;
use crate::{
    clock::Clock,
    error::{Error, Reason, Result},
    providers::{Auth, Setting, Upstream},
    secret::Secret,
    secrets::{Credential, Sealer},
};

/// Opens credentials.
#[derive(Clone)]
pub(super) struct Opener {
    pub(super) sealer: Arc<Sealer>,
    /// Signatures tell their time.
    pub(super) clock: Clock,
}

impl Opener {
    /// Adds what the provider's kind of credential wants. The request must be finished: some kinds sign it.
    pub(super) fn authorize(&self, to: &Upstream, request: &mut reqwest::Request) -> Result<()> {
        let credential = self.open(to)?;
        let there = |secret: &Setting| !secret.required || credential.get(secret.name).is_some();
        let has = |kind: &&Auth| kind.secrets().iter().all(there);
        let headers = request.headers_mut();
        match to.provider_type.auth.iter().find(has) {
            Some(Auth::None) => Ok(()),
            Some(Auth::Bearer) => {
                insert(to, headers, header::AUTHORIZATION, "Bearer ", credential.get("apikey"))
            }
            Some(Auth::Header(name)) => {
                insert(to, headers, HeaderName::from_static(name), "", credential.get("apikey"))
            }
            Some(Auth::AwsSigV4(service)) => {
                sigv4::authorize(to, service, &credential, request, self.clock.now())
            }
            None => Err(Error::new(
                Reason::ProviderAuthFailed,
                format!(
                    "provider \"{}\" has no credential; set one with ProviderAdmin.UpdateProvider",
                    to.name
                ),
            )
            .provider(&to.name)),
        }
    }

    /// Opens all secrets of the provider.
    pub(super) fn open(&self, to: &Upstream) -> Result<Credential> {
        match &to.credential {
            Some(sealed) => {
                Credential::open(&to.id, &self.sealer, sealed).map_err(|error| error.provider(&to.name))
            }
            None => Ok(Credential::default()),
        }
    }
}

fn insert(
    to: &Upstream,
    headers: &mut HeaderMap,
    name: HeaderName,
    prefix: &str,
    key: Option<&Secret>,
) -> Result<()> {
    let text = Secret::new(format!("{prefix}{}", key.map_or("", Secret::expose)));
    let mut value = HeaderValue::from_str(text.expose()).map_err(|error| {
        let message =
            format!("the credential of provider \"{}\" has characters that no header can carry", to.name);
        Error::new(Reason::ProviderAuthFailed, message).provider(&to.name).source(error)
    })?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}
