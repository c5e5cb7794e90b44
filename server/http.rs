//! The one factory of HTTP clients for upstream calls.
//!
//! Redirects are never followed (they would carry credentials elsewhere), proxies of the environment are ignored, and
//! names that resolve to forbidden addresses are refused at the moment of connecting, so that a name cannot change its
//! meaning after it was checked.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::Instant;
use tower::util::MapResponseLayer;

use crate::{
    address,
    error::{Error, Result},
};

/// How long a connection may take to come about.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Idle connections are closed before common load balancers (60 s and more) do it under us.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(55);

/// A kept connection that the peer has closed shows it within a round trip. What is lost later was worked on.
const STALE_TIME: Duration = Duration::from_secs(1);

/// Sends requests. Clones share the pools of connections.
#[derive(Clone)]
pub struct Client {
    kept: reqwest::Client,
    /// Keeps no connection, so that every request has a new one.
    fresh: reqwest::Client,
}

tokio::task_local! {
    /// Whether a connection was dialled for the request that this task sends.
    static DIALLED: Arc<AtomicBool>;
}

/// Makes a client. It pools connections, so make few.
///
/// # Errors
/// When the machine's root certificates cannot be read.
pub fn client() -> Result<reqwest::Client> {
    build(|builder| builder)
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that makes clients")]
fn build(last: fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder) -> Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("sluicegate/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        // HTTP/2 would share one connection per host, and calls beyond the peer's stream limit would queue unseen.
        .http1_only()
        .tcp_nodelay(true)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .dns_resolver(Arc::new(GuardedResolver))
        .connector_layer(MapResponseLayer::new(dialled));
    last(builder).build().map_err(|error| Error::internal("could not set up the HTTP client", error))
}

/// Notes that the connection is new. One that comes too late for its request is opened in another task.
fn dialled<C>(connection: C) -> C {
    // Outside of `Client::send` nobody wants to know.
    let _ = DIALLED.try_with(|dialled| dialled.store(true, Ordering::Relaxed));
    connection
}

/// Whether the connection ended before the answer began.
fn is_lost(error: &reqwest::Error) -> bool {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.into_iter().any(|cause| {
        let by_close = cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message);
        by_close
            || cause.downcast_ref::<io::Error>().is_some_and(|error| {
                matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
            })
    })
}

// === impl Client ===

impl Client {
    /// A client with pools of its own.
    ///
    /// # Errors
    /// As [`client`].
    pub fn new() -> Result<Self> {
        Ok(Self { kept: client()?, fresh: build(|builder| builder.pool_max_idle_per_host(0))? })
    }

    /// Sends a request. Servers close kept connections when they like, some after 5 s; a request that meets such a
    /// close on its way was never worked on, and is sent again, once, over a new connection.
    ///
    /// # Errors
    /// That there was no answer.
    pub async fn send(&self, request: reqwest::Request) -> Result<reqwest::Response, reqwest::Error> {
        let copy = request.try_clone();
        let (start, is_new) = (Instant::now(), Arc::new(AtomicBool::new(false)));
        let sent = DIALLED.scope(Arc::clone(&is_new), self.kept.execute(request)).await;
        match (sent, copy) {
            (Err(error), Some(copy))
                if is_lost(&error) && !is_new.load(Ordering::Relaxed) && start.elapsed() < STALE_TIME =>
            {
                self.fresh.execute(copy).await
            }
            (sent, _) => sent,
        }
    }
}

/// Resolves names as the machine does, and refuses addresses that no provider can have.
struct GuardedResolver;

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if found.iter().any(|address| address::forbidden(address.ip())) {
                let message = format!("{} resolves to a link-local or cloud-metadata address", name.as_str());
                return Err(message.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
