//! Puts the credential into a request. Secrets are opened here, for one call to the upstream, and wiped after it.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{
    error::{Error, Reason, Result},
    providers::{Auth, Upstream},
    secret::Secret,
    secrets::{Credential, Sealer},
};

/// Shorter secrets are not looked for in answers: they would match by chance.
const MIN_REDACTED: usize = 8;

/// Opens credentials.
#[derive(Clone)]
pub(super) struct Opener(pub(super) Arc<Sealer>);

impl Opener {
    /// Adds what the provider's kind of credential wants.
    pub(super) fn authorize(&self, to: &Upstream, headers: &mut HeaderMap) -> Result<()> {
        let credential = self.open(to)?;
        let has = |kind: &&Auth| kind.secrets().iter().all(|secret| credential.get(secret.name).is_some());
        match to.provider_type.auth.iter().find(has) {
            Some(Auth::None) => Ok(()),
            Some(Auth::Bearer) => {
                insert(to, headers, header::AUTHORIZATION, "Bearer ", credential.get("apikey"))
            }
            Some(Auth::Header(name)) => {
                insert(to, headers, HeaderName::from_static(name), "", credential.get("apikey"))
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

    /// What an upstream said, without the credential that it may have echoed.
    pub(super) fn redact(&self, to: &Upstream, said: Bytes) -> Bytes {
        let (Ok(credential), Ok(text)) = (self.open(to), std::str::from_utf8(&said)) else { return said };
        let mut redacted = text.to_owned();
        for (_, secret) in credential.iter().filter(|(_, secret)| secret.expose().len() >= MIN_REDACTED) {
            redacted = redacted.replace(secret.expose(), "[redacted]");
        }
        redacted.into()
    }

    fn open(&self, to: &Upstream) -> Result<Credential> {
        match &to.credential {
            Some(sealed) => {
                Credential::open(&to.id, &self.0, sealed).map_err(|error| error.provider(&to.name))
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
