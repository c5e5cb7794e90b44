//! Questions to managers that want a token, for which the gateway's own secret is exchanged.

use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, header};
use reqwest::Request;
use serde_json::value::RawValue;
use url::Url;

use super::{Content, Resource, members};
use crate::{
    error::{Error, Reason, Result},
    http::Client,
    renewal::{Fresh, Renewed},
    secret::Secret,
    secrets::{
        Proof, TokenExchange,
        answer::{Answer, Asked},
        redact,
    },
    task::Tasks,
    wire::json::{self, Malformed},
};

const REFUSED: Reason = Reason::SecretNotReadable;
const AWAY: Reason = Reason::SecretManagerUnavailable;

/// A manager that wants a token, and the token, which all reads share.
#[derive(Debug)]
pub(super) struct Bearer {
    asked: Asked,
    client: Client,
    token: Arc<Renewed<Secret>>,
}

/// Where the gateway's own secret is exchanged, and what it is.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub address: Url,
    pub proof: Proof,
}

impl Bearer {
    /// Asks `who` through `client`.
    pub(super) fn new(who: &'static str, client: Client) -> Self {
        let asked = Asked { who, refused: REFUSED, away: AWAY };
        Self { asked, client, token: Arc::default() }
    }

    /// Gets the secret from there. A token that is refused there is fetched anew, once.
    ///
    /// # Errors
    /// [`Reason::SecretNotReadable`] or [`Reason::SecretManagerUnavailable`].
    pub(super) async fn get(
        &self,
        url: &Url,
        resource: &Resource,
        login: &Login,
        tasks: &Tasks,
    ) -> Result<Answer> {
        let fetch = || Ok(self.exchange(login.clone()));
        let mut token = self.token.get(tasks, fetch).await?;
        let mut answer = self.ask(url, &token.value).await?;
        if answer.status() == StatusCode::UNAUTHORIZED && self.token.refuse(&token) {
            token = self.token.get(tasks, fetch).await?;
            answer = self.ask(url, &token.value).await?;
        }
        let refusal = answer.given(&resource.to_string()).err();
        refusal.map_or(Ok(answer), |error| Err(redact(error, [&token.value])))
    }

    /// An answer of which nothing can be made.
    pub(super) fn unreadable(&self, why: &str) -> Error {
        self.asked.unreadable(why)
    }

    fn exchange(&self, login: Login) -> impl Future<Output = Result<Fresh<Secret>>> + use<> {
        let (client, Login { address, proof }) = (self.client.clone(), login);
        let exchange = TokenExchange { address, proof, refused: REFUSED, away: AWAY };
        async move { exchange.make(&client).await }
    }

    async fn ask(&self, url: &Url, token: &Secret) -> Result<Answer> {
        let text = Secret::new(format!("Bearer {}", token.expose()));
        let mut value = HeaderValue::from_str(text.expose())
            .map_err(|_| self.unreadable("is no token: no header can carry it"))?;
        value.set_sensitive(true);
        let mut request = Request::new(Method::GET, url.clone());
        request.headers_mut().insert(header::AUTHORIZATION, value);
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        self.asked.ask(&self.client, request).await
    }
}

/// That a secret cannot be read, and why.
pub(super) fn not_readable(resource: &Resource, why: &str) -> Error {
    Error::new(REFUSED, format!("{resource} {why}"))
}

/// The secrets of an object.
pub(super) fn members_of(resource: &Resource, object: &RawValue) -> Result<Content> {
    let read = json::read(object.get().as_bytes(), members::read);
    let unfit = |why: Malformed| {
        not_readable(resource, &format!("holds no secrets by name: {} {}", why.field, why.message))
    };
    read.map(Content::Members).map_err(unfit)
}

/// What is at `path` below the address, which was checked when it was set.
pub(super) fn below(address: &str, path: &str) -> Result<Url> {
    let mut url = Url::parse(address)
        .map_err(|error| Error::internal("the address of the secret manager cannot be used", error))?;
    let whole = format!("{}{path}", url.path().trim_end_matches('/'));
    url.set_path(&whole);
    Ok(url)
}
