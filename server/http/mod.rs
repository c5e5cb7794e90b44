//! The one factory of HTTP clients for upstream calls.
//!
//! Here: how an upstream is reached ([`Way`]), and one client for each way that is in use ([`Clients`]). Not here: what is
//! sent (`upstream`), who may say how (`admin`). Imports floor 0 only.
//!
//! Redirects are never followed (they would carry credentials elsewhere), proxies of the environment are ignored, and
//! names that resolve to forbidden addresses are refused at the moment of connecting, so that a name cannot change its
//! meaning after it was checked.

mod client;
mod resolve;
mod way;

use std::{sync::Arc, time::Duration};

use tower::util::MapResponseLayer;

pub use self::{
    client::{Client, Clients},
    way::{CLIENT_KEY, PROXY_PASSWORD, PROXY_USERNAME, Way},
};
use crate::{
    error::{Error, Result},
    proto::v1::Connection,
};

/// How long a connection may take to come about.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Idle connections are closed before common load balancers (60 s and more) do it under us.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(55);

/// HTTP/2 connections are asked for a sign of life so often, as nobody else would notice that one is dead.
const PING_EVERY: Duration = Duration::from_secs(30);
/// And are dead when they give none for so long.
const PING_PATIENCE: Duration = Duration::from_secs(20);

/// Makes a client that reaches servers in the usual way. It pools connections, so make few.
///
/// # Errors
/// When the machine's root certificates cannot be read.
pub fn client() -> Result<reqwest::Client> {
    build(&Way::default(), |builder| builder)
}

/// Makes a client that trusts these authorities, certificates in PEM, and no others.
///
/// # Errors
/// When they cannot be read.
pub fn client_trusting(authorities: &str) -> Result<reqwest::Client> {
    let connection = Connection { ca_bundle_pem: authorities.to_owned(), ..Connection::default() };
    build(&Way::of(&connection, |_| None), |builder| builder)
}

/// Makes a client that does not look at certificates: for this very machine, and for what everybody may read.
///
/// # Errors
/// Those of [`client`].
pub fn client_for_loopback() -> Result<reqwest::Client> {
    build(&Way::default(), |builder| builder.tls_danger_accept_invalid_certs(true))
}

fn build(way: &Way, last: fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder) -> Result<reqwest::Client> {
    let builder = plain();
    let builder = if way.http2_connections() == 0 {
        // HTTP/2 would share one connection per host, and calls beyond the peer's stream limit would queue unseen.
        builder.http1_only()
    } else {
        builder
            .http2_prior_knowledge()
            .http2_keep_alive_interval(PING_EVERY)
            .http2_keep_alive_timeout(PING_PATIENCE)
    };
    last(way.apply(builder)?)
        .build()
        .map_err(|error| Error::internal("could not set up the HTTP client", error))
}

/// What every client has in common.
#[expect(clippy::disallowed_methods, reason = "this is the one place that makes clients")]
fn plain() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("sluicegate/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .tcp_nodelay(true)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .dns_resolver(Arc::new(resolve::Guarded))
        .connector_layer(MapResponseLayer::new(client::dialled))
}
