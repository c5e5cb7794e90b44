//! Clients and their pools of connections.

use std::{
    collections::HashMap,
    fmt, io,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{
    build,
    way::{Digest, Way},
};
use crate::error::Result;

/// A kept connection that the peer has closed shows it within a round trip. What is lost later was worked on.
const STALE_TIME: Duration = Duration::from_secs(1);

/// One client for each way that somebody uses. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Clients(Arc<Mutex<HashMap<Digest, Weak<Pools>>>>);

/// Sends requests over one way. Clones share the pools of connections, which close with the last of them.
#[derive(Clone)]
pub struct Client(Arc<Pools>);

struct Pools {
    /// One for HTTP/1.1, which has a connection for each call. HTTP/2 has one connection for all calls of a client, so as
    /// many clients as connections are wanted.
    kept: Vec<reqwest::Client>,
    /// Whose turn it is.
    turn: AtomicUsize,
    /// Keeps no connection, so that every request has a new one.
    fresh: reqwest::Client,
    /// Address of the proxy; empty without one.
    proxy: String,
}

tokio::task_local! {
    /// Whether a connection was dialled for the request that this task sends.
    static DIALLED: Arc<AtomicBool>;
}

/// Notes that the connection is new. One that comes too late for its request is opened in another task.
pub(super) fn dialled<C>(connection: C) -> C {
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

// === impl Clients ===

impl Clients {
    /// The client of this way: the one that is in use already, or a new one. For those who build the configuration; no
    /// call waits for it.
    ///
    /// # Errors
    /// When there can be none, e.g. because the machine's root certificates cannot be read.
    pub fn get(&self, way: &Way) -> Result<Client> {
        let digest = way.digest();
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pools) = clients.get(&digest).and_then(Weak::upgrade) {
            return Ok(Client(pools));
        }
        let pools = Arc::new(Pools::new(way)?);
        clients.retain(|_, pools| pools.strong_count() > 0);
        clients.insert(digest, Arc::downgrade(&pools));
        Ok(Client(pools))
    }
}

// === impl Client ===

impl Client {
    /// Sends a request. Servers close kept connections when they like, some after 5 s; a request that meets such a
    /// close on its way was never worked on, and is sent again, once, over a new connection.
    ///
    /// # Errors
    /// That there was no answer.
    pub async fn send(&self, request: reqwest::Request) -> Result<reqwest::Response, reqwest::Error> {
        let copy = request.try_clone();
        let (start, is_new) = (Instant::now(), Arc::new(AtomicBool::new(false)));
        let sent = DIALLED.scope(Arc::clone(&is_new), self.0.next().execute(request)).await;
        match (sent, copy) {
            (Err(error), Some(copy))
                if is_lost(&error) && !is_new.load(Ordering::Relaxed) && start.elapsed() < STALE_TIME =>
            {
                self.0.fresh.execute(copy).await
            }
            (sent, _) => sent,
        }
    }

    /// The address of the proxy that it goes through, without secrets.
    #[must_use]
    pub fn proxy(&self) -> Option<&str> {
        Some(self.0.proxy.as_str()).filter(|proxy| !proxy.is_empty())
    }

    /// Whether both share their connections.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Shows no proxy credential and no key.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// === impl Pools ===

impl Pools {
    fn new(way: &Way) -> Result<Self> {
        let kept = (0..way.http2_connections().max(1)).map(|_| build(way, |builder| builder));
        Ok(Self {
            kept: kept.collect::<Result<_>>()?,
            turn: AtomicUsize::new(0),
            fresh: build(way, |builder| builder.pool_max_idle_per_host(0))?,
            proxy: way.proxy_url().to_owned(),
        })
    }

    fn next(&self) -> &reqwest::Client {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.kept.len();
        &self.kept[turn]
    }
}

impl fmt::Debug for Pools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("proxy", &self.proxy).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Clients, Way};
    use crate::proto::v1::Connection;

    fn through(proxy: &str) -> Way {
        Way::of(&Connection { proxy_url: proxy.into(), ..Connection::default() }, |_| None)
    }

    #[test]
    fn equal_ways_share_a_client_and_one_that_nobody_uses_is_gone() {
        let clients = Clients::default();
        let direct = clients.get(&Way::default()).unwrap();
        let proxied = clients.get(&through("http://proxy.example")).unwrap();
        assert!(direct.is_same(&clients.get(&Way::default()).unwrap()));
        assert!(!direct.is_same(&proxied));
        drop(proxied);
        clients.get(&through("http://other.example")).unwrap();
        assert_eq!(clients.0.lock().unwrap().len(), 2, "the way that nobody uses is forgotten");
    }
}
