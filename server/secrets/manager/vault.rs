//! HashiCorp Vault and OpenBao, secrets engine KV version 2.

mod server;
mod session;
mod stored;

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use http::StatusCode;

use self::{server::Server, session::Session};
use super::{Content, Credential, Resource};
use crate::{
    error::{Error, Reason, Result},
    http::Client,
    proto::v1,
    secret::Secret,
    secrets::{answer::Answer, redact},
    task::Tasks,
};

/// HashiCorp Vault and OpenBao, secrets engine KV version 2.
#[derive(Debug)]
pub struct Vault {
    server: Arc<Server>,
    /// Begins with the first read, and anew when the gateway's own credential there is another one.
    session: ArcSwapOption<Session>,
}

impl Vault {
    pub(super) fn new(settings: &v1::Vault, client: Client) -> Self {
        let server = Arc::new(Server { settings: settings.clone(), client });
        Self { server, session: ArcSwapOption::empty() }
    }

    pub(super) async fn read(&self, resource: &Resource, own: &Credential, tasks: &Tasks) -> Result<Content> {
        let Resource::Vault(path) = resource else {
            let message = format!("{resource} is not kept in a vault; write vault:PATH");
            return Err(Error::new(Reason::SecretNotReadable, message));
        };
        let session = self.session(own)?;
        let mut token = session.token(tasks).await?;
        let mut answer = self.server.secret(path, &token.value.secret).await?;
        // The token was revoked, or is older than the policy that lets it read this.
        if answer.status() == StatusCode::FORBIDDEN && session.refuse(&token) {
            token = session.token(tasks).await?;
            answer = self.server.secret(path, &token.value.secret).await?;
        }
        let content = match answer.status() {
            StatusCode::NOT_FOUND => Err(self.missing(path, &token.value.secret, &answer).await),
            _ => answer.given(&resource.to_string()).and_then(|body| stored::read(path, body)),
        };
        let secrets = own.iter().map(|(_, secret)| secret).chain([&token.value.secret]);
        content.map_err(|error| redact(error, secrets))
    }

    /// The session of this credential.
    fn session(&self, own: &Credential) -> Result<Arc<Session>> {
        if let Some(session) = self.session.load_full().filter(|session| session.is_of(own)) {
            return Ok(session);
        }
        let session = Arc::new(Session::new(Arc::clone(&self.server), own)?);
        self.session.store(Some(Arc::clone(&session)));
        Ok(session)
    }

    /// Why there is nothing at the path.
    async fn missing(&self, path: &str, token: &Secret, answer: &Answer) -> Error {
        if let Some(gone) = stored::gone(path, answer.body()) {
            return gone;
        }
        let mount = self.server.mount();
        let engine = self.server.engine(token).await;
        let message = if engine.is_ok_and(|engine| stored::is_version_1(engine.body())) {
            format!(
                "the KV engine at mount \"{mount}\" is of version 1; upgrade it, or name one of version 2"
            )
        } else {
            let said = answer.said();
            format!(
                "the vault has no {path} at mount \"{mount}\" (404): {said}; is it there, and in this namespace?"
            )
        };
        Error::new(Reason::SecretNotReadable, message)
    }
}
