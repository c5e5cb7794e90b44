//! How an upstream is reached: whom to trust, what to show, through which proxy.

use aws_lc_rs::digest::{Context, SHA256};
use reqwest::{Certificate, Identity, Proxy};

use super::plain;
use crate::{
    error::{Error, Result},
    proto::v1::Connection,
    secret::Secret,
};

/// Name of the secret that holds the key of the client certificate, in PEM.
pub const CLIENT_KEY: &str = "client_key_pem";
/// Name of the secret that holds the user at the proxy.
pub const PROXY_USERNAME: &str = "proxy_username";
/// Name of the secret that holds the user's password.
pub const PROXY_PASSWORD: &str = "proxy_password";

const CA_BUNDLE_FIELD: &str = "provider.connection.ca_bundle_pem";
const CERTIFICATE_FIELD: &str = "provider.connection.client_certificate_pem";
const KEY_FIELD: &str = "provider.connection.credential.inline.values.client_key_pem";

/// Two ways with one digest are the same way.
pub(super) type Digest = [u8; 32];

/// A way to an upstream, with its secrets. The default is straight, over HTTP/1.1, trusting whom the machine trusts.
#[derive(Clone, Debug, Default)]
pub struct Way {
    connection: Connection,
    key: Option<Secret>,
    username: Option<Secret>,
    password: Option<Secret>,
}

impl Way {
    /// The way that the settings describe, with its secrets by name.
    #[must_use]
    pub fn of(connection: &Connection, secret: impl Fn(&str) -> Option<Secret>) -> Self {
        Self {
            connection: Connection { credential: None, ..connection.clone() },
            key: secret(CLIENT_KEY),
            username: secret(PROXY_USERNAME),
            password: secret(PROXY_PASSWORD),
        }
    }

    /// Finds out whether certificates and key can be read and belong together.
    ///
    /// # Errors
    /// Names the member that is wrong.
    pub fn check(&self) -> Result<()> {
        if !self.connection.ca_bundle_pem.is_empty() {
            let authorities = certificates(CA_BUNDLE_FIELD, &self.connection.ca_bundle_pem)?;
            let built = plain().tls_certs_only(authorities).build();
            built.map_err(|cause| {
                refused(CA_BUNDLE_FIELD, "holds a certificate that is none of an authority", &cause)
            })?;
        }
        if let Some(key) = &self.key {
            certificates(CERTIFICATE_FIELD, &self.connection.client_certificate_pem)?;
            check_key(key)?;
            let built = plain().identity(self.identity(key)?).build();
            built.map_err(|cause| refused(KEY_FIELD, "is not the key of client_certificate_pem", &cause))?;
        }
        Ok(())
    }

    pub(super) fn http2_connections(&self) -> usize {
        usize::try_from(self.connection.http2_connections).unwrap_or(0)
    }

    pub(super) fn proxy_url(&self) -> &str {
        &self.connection.proxy_url
    }

    /// Makes the client take this way.
    pub(super) fn apply(&self, mut builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder> {
        if !self.connection.ca_bundle_pem.is_empty() {
            builder = builder.tls_certs_only(certificates(CA_BUNDLE_FIELD, &self.connection.ca_bundle_pem)?);
        }
        if let Some(key) = &self.key {
            builder = builder.identity(self.identity(key)?);
        }
        if !self.connection.proxy_url.is_empty() {
            let unusable = |cause| Error::internal("the address of the proxy cannot be used", cause);
            let mut proxy = Proxy::all(&self.connection.proxy_url).map_err(unusable)?;
            if let Some(username) = &self.username {
                let password = self.password.as_ref().map_or("", Secret::expose);
                proxy = proxy.basic_auth(username.expose(), password);
            }
            builder = builder.proxy(proxy);
        }
        Ok(builder)
    }

    pub(super) fn digest(&self) -> Digest {
        let connections = self.connection.http2_connections.to_string();
        let secret = |secret: &Option<Secret>| secret.clone().unwrap_or_else(|| Secret::new(String::new()));
        let (key, username, password) = (secret(&self.key), secret(&self.username), secret(&self.password));
        let mut context = Context::new(&SHA256);
        for text in [
            self.connection.ca_bundle_pem.as_str(),
            self.connection.client_certificate_pem.as_str(),
            self.connection.proxy_url.as_str(),
            connections.as_str(),
            key.expose(),
            username.expose(),
            password.expose(),
        ] {
            // With its length, so that no text can stand for two.
            context.update(&text.len().to_be_bytes());
            context.update(text.as_bytes());
        }
        let mut digest = Digest::default();
        digest.copy_from_slice(context.finish().as_ref());
        digest
    }

    fn identity(&self, key: &Secret) -> Result<Identity> {
        let pem = Secret::new(format!("{}\n{}", self.connection.client_certificate_pem, key.expose()));
        Identity::from_pem(pem.expose().as_bytes())
            .map_err(|cause| refused(KEY_FIELD, "is no key in PEM that can be read", &cause))
    }
}

fn certificates(field: &str, pem: &str) -> Result<Vec<Certificate>> {
    // What stands here is shown to readers.
    if pem.contains("PRIVATE KEY") {
        return Err(Error::invalid(
            field,
            format!("must not hold a key; give it as the secret {CLIENT_KEY}"),
        ));
    }
    let certificates = Certificate::from_pem_bundle(pem.as_bytes())
        .map_err(|cause| refused(field, "holds PEM that cannot be read", &cause))?;
    if certificates.is_empty() {
        let message =
            "holds no certificate; paste it in PEM, with its lines BEGIN CERTIFICATE and END CERTIFICATE";
        return Err(Error::invalid(field, message));
    }
    Ok(certificates)
}

fn check_key(key: &Secret) -> Result<()> {
    let text = key.expose();
    if text.contains("ENCRYPTED") {
        return Err(Error::invalid(
            KEY_FIELD,
            "has a pass phrase; give the key without one, it is sealed here",
        ));
    }
    if !text.contains("PRIVATE KEY-----") {
        return Err(Error::invalid(
            KEY_FIELD,
            "holds no private key; paste it in PEM, with its BEGIN and END lines",
        ));
    }
    Ok(())
}

/// Says what is wrong, with the innermost cause, which quotes nothing of the text.
fn refused(field: &str, what: &str, error: &reqwest::Error) -> Error {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    Error::invalid(field, format!("{what}: {cause}"))
}
