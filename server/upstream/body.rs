//! The body of an upstream's answer, from the network or from a built-in model.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::Body as _;
use tokio::time::Sleep;

use super::Pace;
use crate::error::{Error, Reason, Result};

/// A body that is read piece by piece. Dropping it closes the upstream call.
pub struct Body {
    source: Source,
    head: HeaderMap,
}

enum Source {
    Http(reqwest::Body),
    Timed { pieces: VecDeque<(Duration, Bytes)>, wait: Option<Pin<Box<Sleep>>> },
}

impl Body {
    /// The body of an HTTP answer.
    pub(super) fn http(response: reqwest::Response) -> Self {
        let head = response.headers().clone();
        Self { source: Source::Http(response.into()), head }
    }

    /// Pieces that come each after its time.
    pub(super) fn timed(pieces: Vec<(Duration, Bytes)>) -> Self {
        Self { source: Source::Timed { pieces: pieces.into(), wait: None }, head: HeaderMap::new() }
    }

    /// The headers of the answer.
    #[must_use]
    pub fn head(&self) -> &HeaderMap {
        &self.head
    }

    /// The next piece; `None` at a clean end.
    pub(super) fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        match &mut self.source {
            Source::Http(body) => loop {
                let frame = match ready!(Pin::new(&mut *body).poll_frame(context)) {
                    None => return Poll::Ready(None),
                    Some(Err(error)) => {
                        let message = "the upstream broke off its answer";
                        return Poll::Ready(Some(Err(
                            Error::new(Reason::StreamTruncated, message).source(error)
                        )));
                    }
                    Some(Ok(frame)) => frame,
                };
                // Trailers mean nothing here.
                if let Ok(bytes) = frame.into_data() {
                    return Poll::Ready(Some(Ok(bytes)));
                }
            },
            Source::Timed { pieces, wait } => {
                if wait.is_none() {
                    let delay = pieces.front().map_or(Duration::ZERO, |(delay, _)| *delay);
                    if !delay.is_zero() {
                        *wait = Some(Box::pin(tokio::time::sleep(delay)));
                    }
                }
                if let Some(sleep) = wait {
                    ready!(sleep.as_mut().poll(context));
                    *wait = None;
                }
                Poll::Ready(pieces.pop_front().map(|(_, bytes)| Ok(bytes)))
            }
        }
    }

    /// The whole body, at most `limit` bytes.
    pub(super) async fn collect(mut self, limit: usize, pace: &mut Pace) -> Result<Bytes> {
        let mut whole = BytesMut::new();
        loop {
            let piece = std::future::poll_fn(|context| match self.poll_bytes(context) {
                Poll::Ready(piece) => Poll::Ready(Ok(piece)),
                Poll::Pending => pace.poll_expired(context).map(Err),
            });
            let Some(bytes) = piece.await?.transpose()? else {
                return Ok(whole.freeze());
            };
            pace.touch()?;
            if whole.len() + bytes.len() > limit {
                let message = format!("the upstream's answer is longer than {limit} bytes");
                return Err(Error::new(Reason::ProviderBadAnswer, message));
            }
            whole.extend_from_slice(&bytes);
        }
    }

    /// The beginning of the body; what cannot be read is left out. For error messages.
    pub(super) async fn read_up_to(mut self, limit: usize) -> Bytes {
        let mut start = BytesMut::new();
        while start.len() < limit {
            match std::future::poll_fn(|context| self.poll_bytes(context)).await {
                Some(Ok(bytes)) => start.extend_from_slice(&bytes),
                Some(Err(_)) | None => break,
            }
        }
        start.truncate(limit);
        start.freeze()
    }

    /// Reads and forgets what is left, so that the connection can serve the next call.
    pub(super) async fn discard(mut self) {
        while let Some(Ok(_)) = std::future::poll_fn(|context| self.poll_bytes(context)).await {}
    }
}
