//! How an operator wants a provider to be reached, checked and brought into the form that is stored.

use super::{
    base_url,
    check::{self, MAX_SECRET_BYTES},
};
use crate::{
    error::{Error, Result},
    http::{CLIENT_KEY, PROXY_PASSWORD, PROXY_USERNAME, Way},
    proto::v1::{Connection, Provider},
    providers::Endpoint,
    secrets::Credential,
};

const FIELD: &str = "provider.connection";
const MAX_PEM_BYTES: usize = 256 << 10;
const MAX_HTTP2_CONNECTIONS: i32 = 16;

/// Whether a secret of this name belongs to the connection, not to the provider's type.
pub(super) fn owns(name: &str) -> bool {
    matches!(name, CLIENT_KEY | PROXY_USERNAME | PROXY_PASSWORD)
}

/// Where a secret of the connection stands in the request.
pub(super) fn secret_field(name: &str) -> String {
    format!("{FIELD}.credential.inline.values.{name}")
}

/// Of stored secrets those that the connection still has a use for.
pub(super) fn still_used(connection: Option<&Connection>, stored: &Credential) -> Credential {
    stored.part(|name| connection.is_some_and(|connection| is_used(connection, name)))
}

/// Checks the connection of the provider together with its secrets.
pub(super) fn normalize(provider: &mut Provider, endpoint: Endpoint, secrets: &Credential) -> Result<()> {
    provider.connection = provider.connection.take().map(|connection| Connection {
        credential: None,
        credential_hint: secrets.iter().map(|(name, secret)| (name.to_owned(), hint(name, secret))).collect(),
        ..connection
    });
    provider.connection =
        provider.connection.take().filter(|connection| *connection != Connection::default());
    let Some(connection) = &mut provider.connection else { return Ok(()) };
    if matches!(endpoint, Endpoint::BuiltIn(_)) {
        return Err(Error::invalid(FIELD, "must be empty: the type is built into the gateway"));
    }
    for (name, pem) in [
        ("ca_bundle_pem", &connection.ca_bundle_pem),
        ("client_certificate_pem", &connection.client_certificate_pem),
    ] {
        if pem.len() > MAX_PEM_BYTES {
            let message = format!("must have at most {MAX_PEM_BYTES} bytes");
            return Err(Error::invalid(format!("{FIELD}.{name}"), message));
        }
    }
    if !connection.proxy_url.is_empty() {
        let proxy = base_url::check_proxy(&connection.proxy_url)?;
        proxy.as_str().trim_end_matches('/').clone_into(&mut connection.proxy_url);
    }
    check_http2(connection, endpoint.address(&provider.base_url, &provider.settings).as_deref())?;
    check_secrets(connection, secrets)?;
    Way::of(connection, |name| secrets.get(name).cloned()).check()
}

fn check_http2(connection: &Connection, address: Option<&str>) -> Result<()> {
    const HTTP2_FIELD: &str = "provider.connection.http2_connections";
    if !(0..=MAX_HTTP2_CONNECTIONS).contains(&connection.http2_connections) {
        let message = format!("must be from 1 to {MAX_HTTP2_CONNECTIONS}, or 0 for HTTP/1.1");
        return Err(Error::invalid(HTTP2_FIELD, message));
    }
    let is_plain = address.is_some_and(|address| address.starts_with("http:"));
    if connection.http2_connections > 0 && is_plain && !connection.proxy_url.is_empty() {
        let message =
            "must be 0 where an upstream without https is called through a proxy, which speaks HTTP/1.1";
        return Err(Error::invalid(HTTP2_FIELD, message));
    }
    Ok(())
}

fn check_secrets(connection: &Connection, secrets: &Credential) -> Result<()> {
    for (name, secret) in secrets.iter() {
        let field = secret_field(name);
        if !owns(name) {
            let known = [CLIENT_KEY, PROXY_USERNAME, PROXY_PASSWORD].join(", ");
            return Err(Error::invalid(field, format!("is no secret of a connection; it takes {known}")));
        }
        if !is_used(connection, name) {
            let without = if name == CLIENT_KEY { "client_certificate_pem" } else { "proxy_url" };
            return Err(Error::invalid(field, format!("is of no use without {without}; give both")));
        }
        if secret.expose().is_empty() {
            return Err(Error::invalid(field, "must not be empty; leave it out where there is none"));
        }
        if name == CLIENT_KEY {
            // Its lines end as lines do; whether it is a key is found out by using it.
            if secret.expose().len() > MAX_SECRET_BYTES {
                return Err(Error::invalid(field, format!("must have at most {MAX_SECRET_BYTES} bytes")));
            }
            continue;
        }
        check::value(&field, secret.expose(), MAX_SECRET_BYTES)?;
        if name == PROXY_USERNAME && secret.expose().contains(':') {
            return Err(Error::invalid(
                field,
                "must not contain a colon, which ends it on its way to the proxy",
            ));
        }
    }
    let required =
        |name: &str, why: &str| Err(Error::invalid(secret_field(name), format!("is required {why}")));
    if !connection.client_certificate_pem.is_empty() && secrets.get(CLIENT_KEY).is_none() {
        return required(CLIENT_KEY, "with client_certificate_pem: the key of that certificate");
    }
    if secrets.get(PROXY_PASSWORD).is_some() && secrets.get(PROXY_USERNAME).is_none() {
        return required(PROXY_USERNAME, "with proxy_password");
    }
    Ok(())
}

fn is_used(connection: &Connection, name: &str) -> bool {
    match name {
        CLIENT_KEY => !connection.client_certificate_pem.is_empty(),
        PROXY_USERNAME | PROXY_PASSWORD => !connection.proxy_url.is_empty(),
        // Told apart as unknown.
        _ => true,
    }
}

/// The end of a key is the same in all of them, and its middle nobody's to see.
fn hint(name: &str, secret: &crate::secret::Secret) -> String {
    let shown = if name == CLIENT_KEY { String::new() } else { secret.hint() };
    format!("...{shown}")
}
