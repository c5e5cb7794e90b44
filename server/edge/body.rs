//! What comes in: bounded in size and in time. What goes out: held together with its count.

use std::{
    io::Read,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, header};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Limited};
use tokio::time::{Instant, Sleep, sleep_until};

use super::socket::Active;
use crate::error::{Error, Reason, Result};

/// The most that one request may hold, also after decompression.
pub const MAX_BODY_BYTES: usize = 32 << 20;
/// A gRPC message has a head of five bytes; the rest is for the padding of gRPC-Web in text form.
const GRPC_OVERHEAD: usize = 1 << 10;
/// Silence within a request body.
const IDLE: Duration = Duration::from_secs(10);
/// A whole request body.
const TOTAL: Duration = Duration::from_secs(300);
/// So much of an unwanted body is read; who sends more learns by the closed connection.
const MAX_LEFTOVER_BYTES: usize = 1 << 20;
/// And for so long.
const LEFTOVER_TIME: Duration = Duration::from_secs(1);

/// A request body that ends with an error when it grows too large or comes too slowly.
#[derive(Debug)]
pub(super) struct Inbound {
    inner: Body,
    left: usize,
    end: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    /// Where the rest goes when nobody wants it.
    leftover: Leftover,
}

/// The rest of a request body that was answered before it was read. HTTP/1 clients write their whole request before they
/// read: closed under them, the connection loses the answer too.
#[derive(Clone, Debug, Default)]
pub(super) struct Leftover(Arc<Mutex<Option<Body>>>);

/// A response body that counts its request as active until dropped.
#[derive(Debug)]
pub(super) struct Held {
    inner: Body,
    _active: Active,
}

/// Reads the whole body of a REST request, decompressed.
///
/// # Errors
/// When it is too large, comes too slowly, or is encoded in another way than gzip.
pub async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes> {
    read_within(MAX_BODY_BYTES, headers, body).await
}

/// The same with a smaller limit.
///
/// # Errors
/// As [`read`].
pub async fn read_within(limit: usize, headers: &HeaderMap, body: Body) -> Result<Bytes> {
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large(limit));
    }
    let gzip = match headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase())
    {
        None => false,
        Some(encoding) if encoding == b"identity" => false,
        Some(encoding) if encoding == b"gzip" || encoding == b"x-gzip" => true,
        Some(_) => {
            return Err(Error::invalid("content-encoding", "send the body as it is or compressed by gzip"));
        }
    };
    let bytes = collect(body, limit).await?;
    if gzip { unzip(&bytes, limit) } else { Ok(bytes) }
}

async fn collect(body: Body, limit: usize) -> Result<Bytes> {
    let collected = Limited::new(body, limit).collect().await;
    let bytes = collected.map_err(|error| match error.downcast() {
        Ok(error) => own(*error),
        Err(_) => too_large(limit),
    })?;
    Ok(bytes.to_bytes())
}

/// The error of an [`Inbound`] body, taken out of the wrapping that axum gave it.
fn own(error: axum::Error) -> Error {
    match error.into_inner().downcast::<Error>() {
        Ok(error) => *error,
        Err(other) => broken(other),
    }
}

fn unzip(bytes: &[u8], limit: usize) -> Result<Bytes> {
    let mut plain = Vec::new();
    MultiGzDecoder::new(bytes).take(limit as u64 + 1).read_to_end(&mut plain).map_err(|error| {
        Error::new(Reason::InvalidRequest, format!("the body is not valid gzip: {error}"))
    })?;
    if plain.len() > limit { Err(too_large(limit)) } else { Ok(plain.into()) }
}

fn too_large(limit: usize) -> Error {
    let limit =
        if limit >= 1 << 20 { format!("{} MiB", limit >> 20) } else { format!("{} KiB", limit >> 10) };
    Error::new(Reason::RequestTooLarge, format!("the request body is larger than {limit}; send less"))
}

fn broken(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(Reason::InvalidRequest, "the request body broke off").source(cause)
}

// === impl Inbound ===

impl Inbound {
    pub(super) fn of_rest(body: Body, leftover: &Leftover) -> Self {
        Self::new(body, MAX_BODY_BYTES, leftover)
    }

    pub(super) fn of_grpc(body: Body, leftover: &Leftover) -> Self {
        // Text form is base64: four bytes for three.
        Self::new(body, MAX_BODY_BYTES / 3 * 4 + GRPC_OVERHEAD, leftover)
    }

    fn new(inner: Body, left: usize, leftover: &Leftover) -> Self {
        Self { inner, left, end: Instant::now() + TOTAL, timer: None, leftover: leftover.clone() }
    }
}

impl Drop for Inbound {
    fn drop(&mut self) {
        if !http_body::Body::is_end_stream(&self.inner) {
            self.leftover.put(std::mem::take(&mut self.inner));
        }
    }
}

// === impl Leftover ===

impl Leftover {
    fn put(&self, rest: Body) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(rest);
    }

    /// Reads and forgets the rest, within bounds.
    pub(super) async fn discard(&self) {
        let rest = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut rest) = rest else { return };
        let read = async {
            let mut left = MAX_LEFTOVER_BYTES;
            while let Some(Ok(frame)) = rest.frame().await {
                let length = frame.data_ref().map_or(0, Bytes::len);
                let Some(less) = left.checked_sub(length) else { break };
                left = less;
            }
        };
        // What does not come in time is lost with its connection.
        let _ = tokio::time::timeout(LEFTOVER_TIME, read).await;
    }
}

impl http_body::Body for Inbound {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.timer = None;
                let length = frame.data_ref().map_or(0, Bytes::len);
                match this.left.checked_sub(length) {
                    Some(left) => this.left = left,
                    None => return Poll::Ready(Some(Err(too_large(MAX_BODY_BYTES)))),
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(broken(error)))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                let limit = this.end.min(Instant::now() + IDLE);
                let timer = this.timer.get_or_insert_with(|| Box::pin(sleep_until(limit)));
                ready!(timer.as_mut().poll(cx));
                Poll::Ready(Some(Err(Error::new(
                    Reason::RequestTimeout,
                    "the request body came too slowly; send it without pauses",
                ))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

// === impl Held ===

impl Held {
    pub(super) fn new(inner: Body, active: Active) -> Self {
        Self { inner, _active: active }
    }
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests;
