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
    proto::v1::{ChatChunk, CompleteChunk, Usage},
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

/// A chunk that OpenAI's JSON has a form for.
pub(super) trait Chunk {
    /// What one chunk leaves behind for the next.
    type Writer: Default + Send + Unpin;

    fn write(&self, writer: &mut Self::Writer, out: &mut Vec<u8>);
    fn usage(&mut self) -> &mut Option<Usage>;
    fn has_choices(&self) -> bool;
    /// Takes its choices away.
    fn clear(&mut self);
}

/// Writes the chunks of one stream as events. A chunk is 0 to 2 events.
struct Events<C: Chunk> {
    writer: C::Writer,
    /// Whether usage was asked for.
    usage: bool,
    json: Vec<u8>,
}

/// The body. Everything that is ready goes out in one frame; nothing waits for more.
struct Sse<S, C: Chunk> {
    /// `None` once the stream is over: dropping it there gives the lease back before the caller has read the end.
    chunks: Option<S>,
    events: Events<C>,
    request_id: Arc<str>,
    ping: Pin<Box<Sleep>>,
}

/// The response that streams `chunks`. It shows usage only where it was asked for.
pub(super) fn stream<S, C>(chunks: S, usage: bool, request_id: Arc<str>) -> Response
where
    S: Stream<Item = Result<C>> + Send + Unpin + 'static,
    C: Chunk + 'static,
{
    let events = Events::<C> { writer: C::Writer::default(), usage, json: Vec::new() };
    let sse = Sse { chunks: Some(chunks), events, request_id, ping: Box::pin(sleep(PING_AFTER)) };
    let mut response = Response::new(Body::new(sse));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(BUFFERING, HeaderValue::from_static("no"));
    response
}

// === impl Events ===

impl<C: Chunk> Events<C> {
    fn write(&mut self, mut chunk: C, out: &mut Vec<u8>) {
        let Some(usage) = chunk.usage().take() else { return self.event(&chunk, out) };
        if chunk.has_choices() {
            self.event(&chunk, out);
        }
        if self.usage {
            // OpenAI sends usage in a chunk of its own, and its clients look for one.
            chunk.clear();
            *chunk.usage() = Some(usage);
            self.event(&chunk, out);
        }
    }

    fn event(&mut self, chunk: &C, out: &mut Vec<u8>) {
        self.json.clear();
        chunk.write(&mut self.writer, &mut self.json);
        write_event(&self.json, out);
    }
}

// === impl Chunk ===

impl Chunk for ChatChunk {
    type Writer = ChunkWriter;

    fn write(&self, writer: &mut ChunkWriter, out: &mut Vec<u8>) {
        writer.write(self, out);
    }

    fn usage(&mut self) -> &mut Option<Usage> {
        &mut self.usage
    }

    fn has_choices(&self) -> bool {
        !self.choices.is_empty()
    }

    fn clear(&mut self) {
        self.choices.clear();
    }
}

impl Chunk for CompleteChunk {
    type Writer = ();

    fn write(&self, (): &mut (), out: &mut Vec<u8>) {
        completion::write_chunk(self, out);
    }

    fn usage(&mut self) -> &mut Option<Usage> {
        &mut self.usage
    }

    fn has_choices(&self) -> bool {
        !self.choices.is_empty()
    }

    fn clear(&mut self) {
        self.choices.clear();
    }
}

// === impl Sse ===

impl<S, C: Chunk> Sse<S, C> {
    /// Writes what is ready. Forgets the stream when it is over.
    fn drain(&mut self, cx: &mut Context<'_>, out: &mut Vec<u8>)
    where
        S: Stream<Item = Result<C>> + Unpin,
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

impl<S, C> http_body::Body for Sse<S, C>
where
    S: Stream<Item = Result<C>> + Unpin,
    C: Chunk,
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
