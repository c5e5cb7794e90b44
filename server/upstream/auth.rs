//! Puts the credential into a request. Sealed secrets are opened here, for one call to the upstream, and wiped after it;
//! those that live elsewhere are kept in memory for a while.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue, header};

use super::{login, sigv4};
use crate::{
    clock::Clock,
    error::{Error, Reason, Result},
    http::{Client, PROXY_PASSWORD, PROXY_USERNAME},
    providers::{Auth, IbmAuth, Setting, USERNAME, Upstream},
    renewal::{Kept, Renewed},
    secret::Secret,
    secrets::{Credential, Owner, Reading, Sealer},
    task::Tasks,
};

/// Where tokens for one credential come from.
type Tokens = Arc<Renewed<Secret>>;
/// One of them.
type Token = Arc<Kept<Secret>>;

/// What a request was signed with, as far as there may be another.
pub(super) struct Shown {
    /// The token, and where there are others.
    token: Option<(Tokens, Token)>,
    /// What was read where the secrets live.
    reading: Option<Arc<Kept<Reading>>>,
}

/// What a refused call may still be tried with, once each.
pub(super) struct Chances {
    /// Another token.
    token: bool,
    /// What the secrets are by now, where they live.
    secret: bool,
}

/// Opens credentials, and exchanges them for tokens where their kind wants that.
#[derive(Clone)]
pub(super) struct Opener {
    pub(super) sealer: Arc<Sealer>,
    pub(super) tasks: Tasks,
    /// Signatures tell their time.
    pub(super) clock: Clock,
}

/// The secrets for one request.
enum Opened {
    Inline(Credential),
    Read(Arc<Kept<Reading>>),
}

impl Opener {
    /// Adds to a finished request what the provider's kind of credential wants, and tells what that was.
    pub(super) async fn authorize(
        &self,
        client: &Client,
        to: &Upstream,
        request: &mut reqwest::Request,
    ) -> Result<Shown> {
        let opened = self.open(to).await?;
        let refused = match self.put(client, to, opened.credential(), opened.token(to), request).await {
            Err(error) if error.reason() == Reason::ProviderAuthFailed => error,
            done => return done.map(|token| opened.shown(to, token)),
        };
        // Who gives tokens refused the secrets: they may have been changed.
        let Some(other) = self.other(to, opened.reading()).await? else { return Err(refused) };
        let token = self.put(client, to, other.credential(), other.token(to), request).await?;
        Ok(other.shown(to, token))
    }

    /// The upstream refused what it was shown. Whether it may take what there is instead.
    ///
    /// # Errors
    /// That the secrets cannot be read any more.
    pub(super) async fn has_other(
        &self,
        to: &Upstream,
        shown: &Shown,
        chances: &mut Chances,
    ) -> Result<bool> {
        // A token may end before its time; the credential behind it is good for another.
        if let Some((tokens, token)) = &shown.token
            && std::mem::take(&mut chances.token)
            && tokens.refuse(token)
        {
            return Ok(true);
        }
        if !std::mem::take(&mut chances.secret) {
            return Ok(false);
        }
        Ok(self.other(to, shown.reading.as_ref()).await?.is_some())
    }

    async fn put(
        &self,
        client: &Client,
        to: &Upstream,
        credential: &Credential,
        tokens: &Tokens,
        request: &mut reqwest::Request,
    ) -> Result<Option<Token>> {
        let secret = |name| credential.get(name).map_or("", Secret::expose);
        match kind(to, credential)? {
            Auth::None => {}
            Auth::Bearer => put(to, request, header::AUTHORIZATION, &["Bearer ", secret("apikey")])?,
            Auth::Header(name) => {
                put(to, request, HeaderName::from_static(name), &[secret("apikey")])?;
            }
            Auth::Token => put(to, request, header::AUTHORIZATION, &["Bearer ", secret("token")])?,
            Auth::IbmKey if IbmAuth::of(&to.settings) == IbmAuth::Zen => {
                let pair = zen_pair(to, credential);
                put(to, request, header::AUTHORIZATION, &["ZenApiKey ", pair.expose()])?;
            }
            Auth::AwsSigV4(service) => {
                sigv4::authorize(to, service, credential, request, self.clock.now())?;
            }
            Auth::IbmKey | Auth::IbmPassword => {
                let fetch = || login::fetch(client, to, credential);
                let token = tokens.get(&self.tasks, fetch).await.map_err(|error| error.provider(&to.name))?;
                put(to, request, header::AUTHORIZATION, &["Bearer ", token.value.expose()])?;
                return Ok(Some(token));
            }
        }
        Ok(None)
    }

    /// All secrets of the provider, what they were before, and what was made of them: nothing of it shall be seen in what
    /// an upstream or a secret manager said.
    pub(super) fn secrets(&self, to: &Upstream) -> Vec<Secret> {
        // Where it does not open, nothing of it was sent either.
        let inline = self.open_inline(to).unwrap_or_default();
        let mut secrets = made(to, &inline, &to.token);
        let Some(referenced) = &to.referenced else { return secrets };
        for reading in referenced.known() {
            secrets.extend(made(to, &reading.value.credential, &reading.value.token));
        }
        let of_manager = referenced.known_of_manager();
        secrets.extend(of_manager.iter().flat_map(Credential::iter).map(|(_, secret)| secret.clone()));
        secrets
    }

    async fn open(&self, to: &Upstream) -> Result<Opened> {
        match &to.referenced {
            None => self.open_inline(to).map(Opened::Inline),
            Some(referenced) => {
                let read = referenced.get(&self.tasks).await.map_err(|error| error.provider(&to.name))?;
                Ok(Opened::Read(read))
            }
        }
    }

    fn open_inline(&self, to: &Upstream) -> Result<Credential> {
        match &to.credential {
            Some(sealed) => Credential::open(Owner::Provider(&to.id), &self.sealer, sealed)
                .map_err(|error| error.provider(&to.name)),
            None => Ok(Credential::default()),
        }
    }

    /// What the secrets are now, where they were changed after they were read.
    async fn other(&self, to: &Upstream, refused: Option<&Arc<Kept<Reading>>>) -> Result<Option<Opened>> {
        let (Some(referenced), Some(refused)) = (&to.referenced, refused) else { return Ok(None) };
        let other = referenced.get_other(refused, &self.tasks).await;
        Ok(other.map_err(|error| error.provider(&to.name))?.map(Opened::Read))
    }
}

// === impl Chances ===

impl Chances {
    pub(super) fn of(to: &Upstream) -> Self {
        let token = to.provider_type.auth.iter().any(|kind| kind.is_exchanged());
        Self { token, secret: to.referenced.is_some() }
    }

    pub(super) fn are_left(&self) -> bool {
        self.token || self.secret
    }
}

// === impl Opened ===

impl Opened {
    fn credential(&self) -> &Credential {
        match self {
            Self::Inline(credential) => credential,
            Self::Read(reading) => &reading.value.credential,
        }
    }

    fn token<'a>(&'a self, to: &'a Upstream) -> &'a Tokens {
        match self {
            Self::Inline(_) => &to.token,
            Self::Read(reading) => &reading.value.token,
        }
    }

    fn shown(&self, to: &Upstream, token: Option<Token>) -> Shown {
        let token = token.map(|token| (Arc::clone(self.token(to)), token));
        Shown { token, reading: self.reading().cloned() }
    }

    fn reading(&self) -> Option<&Arc<Kept<Reading>>> {
        match self {
            Self::Inline(_) => None,
            Self::Read(reading) => Some(reading),
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

/// The secrets, their tokens, and the pair for Software Hub.
fn made(to: &Upstream, credential: &Credential, tokens: &Renewed<Secret>) -> Vec<Secret> {
    let own = credential.iter().map(|(_, secret)| secret.clone());
    own.chain(tokens.known().map(|token| token.value.clone()))
        .chain([zen_pair(to, credential), proxy_pair(credential)])
        .collect()
}

/// The user's name and key as Software Hub takes them without exchange.
fn zen_pair(to: &Upstream, credential: &Credential) -> Secret {
    let user = to.settings.get(USERNAME).map_or("", String::as_str);
    let key = credential.get("apikey").map_or("", Secret::expose);
    Secret::new(STANDARD.encode(Secret::new(format!("{user}:{key}")).expose()))
}

/// The user's name and password as a proxy takes them; it, too, may repeat what it refuses.
fn proxy_pair(credential: &Credential) -> Secret {
    let secret = |name| credential.get(name).map_or("", Secret::expose);
    let pair = Secret::new(format!("{}:{}", secret(PROXY_USERNAME), secret(PROXY_PASSWORD)));
    Secret::new(STANDARD.encode(pair.expose()))
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
