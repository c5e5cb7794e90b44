//! A streamed answer as server-sent events.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderName, HeaderValue, header};
use http_body::Frame;
use tokio::time::{Instant, Sleep, sleep};

use crate::{
    edge::report,
    error::Result,
    proto::v1::{ChatChunk, CompleteChunk},
    wire::{
        openai::{chat::ChunkWriter, completion, error},
        sse::{DONE, write_event},
    },
};

/// Silence after which a comment is sent, so that no proxy takes a thinking model for a dead one.
const PING_AFTER: Duration = Duration::from_secs(15);
const PING: &[u8] = b": ping\n\n";
/// One write is no larger than about this, however much is ready.
const ENOUGH: usize = 64 << 10;
/// Tells nginx not to collect events.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Writes the chunks of one stream as events. A chunk is 0 to 2 events.
pub(super) trait Events<C> {
    fn write(&mut self, chunk: C, out: &mut Vec<u8>);
}

/// Chat chunks as OpenAI writes them.
#[derive(Default)]
pub(super) struct ChatEvents {
    writer: ChunkWriter,
    usage: bool,
    json: Vec<u8>,
}

/// Completion chunks as OpenAI writes them.
#[derive(Default)]
pub(super) struct CompleteEvents {
    usage: bool,
    json: Vec<u8>,
}

/// The body. Everything that is ready goes out in one frame; nothing waits for more.
struct Sse<S, E> {
    /// `None` once the stream is over: dropping it there gives the lease back before the caller has read the end.
    chunks: Option<S>,
    events: E,
    request_id: Arc<str>,
    ping: Pin<Box<Sleep>>,
}

/// The response that streams `chunks`.
pub(super) fn stream<S, C, E>(chunks: S, events: E, request_id: Arc<str>) -> Response
where
    S: Stream<Item = Result<C>> + Send + Unpin + 'static,
    E: Events<C> + Send + Unpin + 'static,
{
    let sse = Sse { chunks: Some(chunks), events, request_id, ping: Box::pin(sleep(PING_AFTER)) };
    let mut response = Response::new(Body::new(sse));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(BUFFERING, HeaderValue::from_static("no"));
    response
}

// === impl ChatEvents ===

impl ChatEvents {
    /// Shows usage only where it was asked for.
    pub(super) fn new(usage: bool) -> Self {
        Self { usage, ..Self::default() }
    }

    fn event(&mut self, chunk: &ChatChunk, out: &mut Vec<u8>) {
        self.json.clear();
        self.writer.write(chunk, &mut self.json);
        write_event(&self.json, out);
    }
}

impl Events<ChatChunk> for ChatEvents {
    fn write(&mut self, mut chunk: ChatChunk, out: &mut Vec<u8>) {
        let Some(usage) = chunk.usage.take() else { return self.event(&chunk, out) };
        if !chunk.choices.is_empty() {
            self.event(&chunk, out);
        }
        if self.usage {
            // OpenAI sends usage in a chunk of its own, and its clients look for one.
            chunk.choices.clear();
            chunk.usage = Some(usage);
            self.event(&chunk, out);
        }
    }
}

// === impl CompleteEvents ===

impl CompleteEvents {
    /// Shows usage only where it was asked for.
    pub(super) fn new(usage: bool) -> Self {
        Self { usage, ..Self::default() }
    }

    fn event(&mut self, chunk: &CompleteChunk, out: &mut Vec<u8>) {
        self.json.clear();
        completion::write_chunk(chunk, &mut self.json);
        write_event(&self.json, out);
    }
}

impl Events<CompleteChunk> for CompleteEvents {
    fn write(&mut self, mut chunk: CompleteChunk, out: &mut Vec<u8>) {
        let Some(usage) = chunk.usage.take() else { return self.event(&chunk, out) };
        if !chunk.choices.is_empty() {
            self.event(&chunk, out);
        }
        if self.usage {
            chunk.choices.clear();
            chunk.usage = Some(usage);
            self.event(&chunk, out);
        }
    }
}

// === impl Sse ===

impl<S, E> Sse<S, E> {
    /// Writes what is ready. Forgets the stream when it is over.
    fn drain<C>(&mut self, cx: &mut Context<'_>, out: &mut Vec<u8>)
    where
        S: Stream<Item = Result<C>> + Unpin,
        E: Events<C>,
    {
        while out.len() < ENOUGH {
            let Some(chunks) = &mut self.chunks else { return };
            match Pin::new(chunks).poll_next(cx) {
                Poll::Pending => return,
                Poll::Ready(Some(Ok(chunk))) => self.events.write(chunk, out),
                Poll::Ready(Some(Err(cause))) => {
                    self.chunks = None;
                    report(&cause, &self.request_id);
                    write_event(&error::write(&cause, &self.request_id), out);
                }
                // Only here did the upstream really finish.
                Poll::Ready(None) => {
                    self.chunks = None;
                    out.extend_from_slice(DONE);
                }
            }
        }
    }
}

impl<S, C, E> http_body::Body for Sse<S, E>
where
    S: Stream<Item = Result<C>> + Unpin,
    E: Events<C> + Unpin,
{
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut out = Vec::new();
        self.drain(cx, &mut out);
        if out.is_empty() {
            if self.chunks.is_none() {
                return Poll::Ready(None);
            }
            ready!(self.ping.as_mut().poll(cx));
            out.extend_from_slice(PING);
        }
        self.ping.as_mut().reset(Instant::now() + PING_AFTER);
        Poll::Ready(Some(Ok(Frame::data(out.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_none()
    }
}

#[cfg(test)]
mod tests;
