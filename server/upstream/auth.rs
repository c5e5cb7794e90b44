//! Puts the credential into a request. Secrets are opened here, for one call to the upstream, and wiped after it.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue, header};

use super::{login, sigv4};
use crate::{
    clock::Clock,
    error::{Error, Reason, Result},
    http::Client,
    providers::{Auth, IbmAuth, Setting, USERNAME, Upstream},
    renewal::Kept,
    secret::Secret,
    secrets::{Credential, Sealer},
    task::Tasks,
};

/// A token that was put into a request.
pub(super) type Token = Arc<Kept<Secret>>;

/// Opens credentials, and exchanges them for tokens where their kind wants that.
#[derive(Clone)]
pub(super) struct Opener {
    pub(super) sealer: Arc<Sealer>,
    pub(super) tasks: Tasks,
    /// Signatures tell their time.
    pub(super) clock: Clock,
}

impl Opener {
    /// Adds to a finished request what the provider's kind of credential wants. Gives the token that it used, if it did.
    pub(super) async fn authorize(
        &self,
        client: &Client,
        to: &Upstream,
        request: &mut reqwest::Request,
    ) -> Result<Option<Token>> {
        let credential = self.open(to)?;
        let secret = |name| credential.get(name).map_or("", Secret::expose);
        match kind(to, &credential)? {
            Auth::None => {}
            Auth::Bearer => put(to, request, header::AUTHORIZATION, &["Bearer ", secret("apikey")])?,
            Auth::Header(name) => {
                put(to, request, HeaderName::from_static(name), &[secret("apikey")])?;
            }
            Auth::Token => put(to, request, header::AUTHORIZATION, &["Bearer ", secret("token")])?,
            Auth::IbmKey if IbmAuth::of(&to.settings) == IbmAuth::Zen => {
                let pair = zen_pair(to, &credential);
                put(to, request, header::AUTHORIZATION, &["ZenApiKey ", pair.expose()])?;
            }
            Auth::AwsSigV4(service) => {
                sigv4::authorize(to, service, &credential, request, self.clock.now())?;
            }
            Auth::IbmKey | Auth::IbmPassword => {
                let fetch = || login::fetch(client, to, &credential);
                let token =
                    to.token.get(&self.tasks, fetch).await.map_err(|error| error.provider(&to.name))?;
                put(to, request, header::AUTHORIZATION, &["Bearer ", token.value.expose()])?;
                return Ok(Some(token));
            }
        }
        Ok(None)
    }

    /// All secrets of the provider and what was made of them: nothing of it shall be seen in what an upstream said.
    pub(super) fn secrets(&self, to: &Upstream) -> Result<Credential> {
        let credential = self.open(to)?;
        let tokens = to.token.known().map(|token| token.value.expose().to_owned());
        let made = tokens.chain([zen_pair(to, &credential).expose().to_owned()]);
        let made = made.enumerate().map(|(rank, secret)| (format!("made {rank}"), secret)).collect();
        Ok(credential.with(Credential::new(made)))
    }

    fn open(&self, to: &Upstream) -> Result<Credential> {
        match &to.credential {
            Some(sealed) => {
                Credential::open(&to.id, &self.sealer, sealed).map_err(|error| error.provider(&to.name))
            }
            None => Ok(Credential::default()),
        }
    }
}

/// The first kind whose secrets are all there.
fn kind(to: &Upstream, credential: &Credential) -> Result<Auth> {
    let there = |secret: &Setting| !secret.required || credential.get(secret.name).is_some();
    let has = |kind: &&Auth| kind.secrets().iter().all(there);
    to.provider_type.auth.iter().find(has).copied().ok_or_else(|| {
        let message =
            format!("provider \"{}\" has no credential; set one with ProviderAdmin.UpdateProvider", to.name);
        Error::new(Reason::ProviderAuthFailed, message).provider(&to.name)
    })
}

/// The user's name and key as Software Hub takes them without exchange.
fn zen_pair(to: &Upstream, credential: &Credential) -> Secret {
    let user = to.settings.get(USERNAME).map_or("", String::as_str);
    let key = credential.get("apikey").map_or("", Secret::expose);
    Secret::new(STANDARD.encode(Secret::new(format!("{user}:{key}")).expose()))
}

fn put(to: &Upstream, request: &mut reqwest::Request, name: HeaderName, pieces: &[&str]) -> Result<()> {
    let text = Secret::new(pieces.concat());
    let mut value = HeaderValue::from_str(text.expose()).map_err(|error| {
        let message =
            format!("the credential of provider \"{}\" has characters that no header can carry", to.name);
        Error::new(Reason::ProviderAuthFailed, message).provider(&to.name).source(error)
    })?;
    value.set_sensitive(true);
    request.headers_mut().insert(name, value);
    Ok(())
}
