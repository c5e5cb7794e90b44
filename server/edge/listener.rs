//! The accept loop.

use std::{convert::Infallible, io, net::IpAddr, sync::Arc, time::Duration};

use axum::{BoxError, body::Body};
use http::{Request, Response};
use hyper::{body::Incoming, rt::Executor, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::TaskTracker;

use super::{
    Edge,
    body::Held,
    entrance::Peer,
    socket::{Requests, Socket},
    tls::{Greeted, Tls},
};
use crate::{
    error::{Error, Reason},
    places::Places,
    task::Tasks,
};

/// An idle HTTP/1 connection is kept this long: longer than load balancers keep theirs (60 s is usual), so that it is
/// they who close it, never we under a request that is on its way.
const IDLE: Duration = Duration::from_secs(75);
const MAX_HEADERS: usize = 100;
const MAX_HEAD_BYTES: usize = 64 << 10;
const MAX_STREAMS: u32 = 1000;
/// Streams that the peer opened and reset at once, before it is taken for a flood.
const MAX_RESET_STREAMS: usize = 50;
const MAX_ERROR_STREAMS: usize = 1024;
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;
/// What one stream may hold back while its reader is slow.
const SEND_BUFFER: usize = 256 << 10;
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_PATIENCE: Duration = Duration::from_secs(20);
/// How long a connection may write what its streams say when they are cut off.
const LAST_WORDS: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Spawns the streams of HTTP/2 connections where the drain sees them.
#[derive(Clone, Debug)]
struct Spawner(Tasks);

/// What every connection of one listener has in common.
#[derive(Clone)]
struct Ways {
    builder: Arc<Builder<Spawner>>,
    edge: Edge,
    tls: Option<Tls>,
    tasks: Tasks,
}

/// Serves both edges, on as many connections as there are `places`, until the tasks are asked to end. Then accepts nothing
/// more, tells every peer to go away, lets what is in flight run until it ends or is cut off, and returns when the last
/// connection is closed.
pub async fn serve(listener: TcpListener, edge: Edge, tls: Option<Tls>, places: Places, tasks: Tasks) {
    let ways = Ways { builder: Arc::new(builder(&tasks)), edge, tls, tasks: tasks.clone() };
    let connections = TaskTracker::new();
    let mut pause = Duration::ZERO;
    loop {
        let accepted = tokio::select! {
            biased;
            () = tasks.stopping() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, peer)) => {
                pause = Duration::ZERO;
                // Closed at once: a client that hears so goes elsewhere, one that hears nothing waits.
                let Some(place) = places.take() else { continue };
                let ways = ways.clone();
                tasks.spawn(connections.track_future(async move {
                    if let Err(error) = ways.meet(socket, peer.ip()).await {
                        tracing::debug!(%error, "connection lost");
                    }
                    drop(place);
                }));
            }
            // The peer was gone before we took it: its loss only.
            Err(error) if is_of_one_peer(&error) => {}
            Err(error) => {
                // Most likely no file descriptor is left; asking again at once would only burn a core.
                pause = (pause * 2).clamp(Duration::from_millis(10), MAX_PAUSE);
                tracing::error!(%error, ?pause, "cannot accept connections");
                tokio::select! {
                    () = tasks.stopping() => break,
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

fn is_of_one_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

fn builder(tasks: &Tasks) -> Builder<Spawner> {
    let mut builder = Builder::new(Spawner(tasks.clone()));
    builder
        .http1()
        .timer(TokioTimer::new())
        // Bounds idle time; the socket bounds the head itself.
        .header_read_timeout(IDLE)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .keep_alive(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_pending_accept_reset_streams(MAX_RESET_STREAMS)
        .max_local_error_reset_streams(MAX_ERROR_STREAMS)
        .max_header_list_size(MAX_HEAD_BYTES as u32)
        // Requests are small and answers are ours to pace: fixed windows, no bandwidth probing by ping.
        .adaptive_window(false)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_PATIENCE);
    builder
}

// === impl Ways ===

impl Ways {
    /// Serves one connection to its end.
    async fn meet(self, socket: TcpStream, peer: IpAddr) -> Result<(), BoxError> {
        // Without this, tokens that come every 20 ms leave in pairs every 40.
        socket.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return self.talk(socket, peer, &self.edge).await };
        let greeted = tokio::select! {
            () = self.tasks.stopping() => return Ok(()),
            greeted = tls.greet(socket) => greeted?,
        };
        match greeted {
            Greeted::Tls(socket) => self.talk(socket, peer, &self.edge).await,
            Greeted::Plain(socket) => {
                let error = Error::new(Reason::InvalidRequest, "this port speaks TLS; call it by https://");
                self.talk(socket, peer, &Edge::refusing(error)).await
            }
        }
    }

    /// Answers what comes over the connection.
    async fn talk<I>(&self, socket: I, peer: IpAddr, edge: &Edge) -> Result<(), BoxError>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let requests = Arc::new(Requests::default());
        let service = service_fn(|mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            let active = requests.begin();
            let edge = edge.clone();
            async move {
                let answer: Response<Body> = edge.answer(request).await;
                Ok::<_, Infallible>(answer.map(|body| Held::new(body, active)))
            }
        });
        let io = TokioIo::new(Socket::new(socket, Arc::clone(&requests)));
        let mut connection = std::pin::pin!(self.builder.serve_connection(io, service));
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = self.tasks.stopping() => connection.as_mut().graceful_shutdown(),
        }
        tokio::select! {
            ended = connection.as_mut() => ended,
            // Streams say why they end; then the connection is dropped, and with it whatever was in flight.
            () = self.tasks.cut_off() => {
                tokio::time::timeout(LAST_WORDS, connection.as_mut()).await.unwrap_or(Ok(()))
            }
        }
    }
}

// === impl Spawner ===

impl<F> Executor<F> for Spawner
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, future: F) {
        self.0.spawn(async move {
            drop(future.await);
        });
    }
}
