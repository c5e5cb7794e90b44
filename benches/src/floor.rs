//! The floor: a plain proxy on the HTTP implementation that the gateway is built on. It passes on what comes, looks at
//! nothing, and knows nobody. What the gateway costs above it is what the gateway does.

use std::net::SocketAddr;

use hyper::{
    Request, Response, Uri,
    body::Incoming,
    header::HOST,
    http::{HeaderValue, uri::Authority},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::Result;

/// Serves until the process ends.
pub(crate) async fn serve(listener: TcpListener, upstream: SocketAddr) -> Result<()> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let (authority, host) = (upstream.to_string().parse()?, upstream.to_string().parse()?);
    let floor = Floor { client, authority, host };
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        connections.spawn(floor.clone().talk(stream));
        while connections.try_join_next().is_some() {}
    }
}

#[derive(Clone)]
struct Floor {
    client: Client<HttpConnector, Incoming>,
    authority: Authority,
    host: HeaderValue,
}

// === impl Floor ===

impl Floor {
    async fn talk(self, stream: TcpStream) {
        let service = service_fn(|request| self.pass(request));
        // A peer that leaves is no news: the load counts what did not arrive.
        drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
    }

    async fn pass(&self, mut request: Request<Incoming>) -> Result<Response<Incoming>> {
        let mut parts = std::mem::take(request.uri_mut()).into_parts();
        parts.scheme = Some(hyper::http::uri::Scheme::HTTP);
        parts.authority = Some(self.authority.clone());
        *request.uri_mut() = Uri::from_parts(parts)?;
        request.headers_mut().insert(HOST, self.host.clone());
        Ok(self.client.request(request).await?)
    }
}
