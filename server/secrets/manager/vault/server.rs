//! What a Vault is asked.

use http::{HeaderValue, Method, header};
use reqwest::Request;
use url::Url;

use crate::{
    error::{Error, Reason, Result},
    http::Client,
    proto::v1,
    secret::Secret,
    secrets::answer::{Answer, Asked},
    wire::json::Writer,
};

pub(super) const ASKED: Asked =
    Asked { who: "the vault", refused: Reason::SecretNotReadable, away: Reason::SecretManagerUnavailable };

/// A server, or a cluster behind one address.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) settings: v1::Vault,
    pub(super) client: Client,
}

/// The text, or what it stands for when it is empty.
fn or<'a>(text: &'a str, default: &'a str) -> &'a str {
    if text.is_empty() { default } else { text }
}

impl Server {
    /// Where the secrets engine is.
    pub(super) fn mount(&self) -> &str {
        or(&self.settings.mount, "secret")
    }

    /// Asks for the newest version of a secret.
    pub(super) async fn secret(&self, path: &str, token: &Secret) -> Result<Answer> {
        self.ask(Method::GET, &[self.mount(), "data", path], Some(token), None).await
    }

    /// Asks what engine is at the mount. Every token may that can read something there.
    pub(super) async fn engine(&self, token: &Secret) -> Result<Answer> {
        self.ask(Method::GET, &["sys/internal/ui/mounts", self.mount()], Some(token), None).await
    }

    /// Asks for a token for an AppRole.
    pub(super) async fn log_in(&self, role_id: &Secret, secret_id: &Secret) -> Result<Answer> {
        let body = Writer::text_of(|object| {
            object.text("role_id", role_id.expose());
            object.text("secret_id", secret_id.expose());
        });
        let mount = or(&self.settings.app_role_mount, "approle");
        self.ask(Method::POST, &["auth", mount, "login"], None, Some(body)).await
    }

    /// Asks what the token is.
    pub(super) async fn look_up(&self, token: &Secret) -> Result<Answer> {
        self.ask(Method::GET, &["auth/token/lookup-self"], Some(token), None).await
    }

    /// Asks that the token live on.
    pub(super) async fn renew(&self, token: &Secret) -> Result<Answer> {
        self.ask(Method::POST, &["auth/token/renew-self"], Some(token), Some("{}".to_owned())).await
    }

    async fn ask(
        &self,
        method: Method,
        path: &[&str],
        token: Option<&Secret>,
        body: Option<String>,
    ) -> Result<Answer> {
        let mut request = Request::new(method, self.address(path)?);
        let headers = request.headers_mut();
        // Agents between us and the server can want it: no browser can be made to send it.
        headers.insert("x-vault-request", HeaderValue::from_static("true"));
        if !self.settings.namespace.is_empty() {
            headers.insert("x-vault-namespace", value("namespace", &self.settings.namespace)?);
        }
        if let Some(token) = token {
            let mut token = value("token", token.expose())?;
            token.set_sensitive(true);
            headers.insert("x-vault-token", token);
        }
        if let Some(body) = body {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Some(body.into());
        }
        ASKED.ask(&self.client, request).await
    }

    /// The address of what is below these paths, one below the other. Their parts can hold anything but what leads
    /// elsewhere, which is left out.
    fn address(&self, paths: &[&str]) -> Result<Url> {
        let broken = || Error::new(Reason::SecretNotReadable, "the vault has an unusable address");
        let mut url = Url::parse(&self.settings.address).map_err(|cause| broken().source(cause))?;
        let parts = paths.iter().flat_map(|path| path.split('/')).filter(|part| !part.is_empty());
        url.path_segments_mut().map_err(|()| broken())?.pop_if_empty().push("v1").extend(parts);
        Ok(url)
    }
}

fn value(name: &str, text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(|_| {
        let message = format!("the {name} for the vault must be visible ASCII characters in one line");
        Error::new(Reason::SecretNotReadable, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Clients, Way};

    fn server(address: &str, mount: &str) -> Server {
        let settings = v1::Vault { address: address.into(), mount: mount.into(), ..v1::Vault::default() };
        Server { settings, client: Clients::default().get(&Way::default()).unwrap() }
    }

    #[test]
    fn parts_of_a_path_stay_parts() {
        for (address, mount, path, expected) in [
            ("https://v:8200", "", "a", "https://v:8200/v1/secret/data/a"),
            ("https://v:8200/", "/team/kv/", "a b/c", "https://v:8200/v1/team/kv/data/a%20b/c"),
            ("https://v/vault/", "kv", "a?b#c%2f", "https://v/vault/v1/kv/data/a%3Fb%23c%252f"),
            ("https://v", "../sys", "../../x", "https://v/v1/sys/data/x"),
        ] {
            let server = server(address, mount);
            assert_eq!(server.address(&[server.mount(), "data", path]).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn what_no_header_can_carry_is_refused_and_not_shown() {
        let error = value("token", "hvs.canary\nx: y").unwrap_err();
        assert!(error.message().contains("token") && !format!("{error:?}").contains("canary"));
    }
}
