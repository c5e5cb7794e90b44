//! A socket that does not wait forever: neither for a request head that trickles in, nor for a peer that stops reading.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::frames::Frames;

/// From its first byte, a request head must be complete within this time. The first head counts from the connection.
pub(super) const HEAD: Duration = Duration::from_secs(10);
/// A peer that has read nothing for this long is gone.
pub(super) const STALL: Duration = Duration::from_secs(120);

/// So many bytes are taken in before anybody asks for them.
const MAX_EARLY: usize = 16 << 10;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Requests of one connection, counted by the service for the socket below it.
#[derive(Debug, Default)]
pub(super) struct Requests {
    begun: AtomicUsize,
    active: AtomicUsize,
}

/// Counts a request as active until dropped.
#[derive(Debug)]
pub(super) struct Active(Arc<Requests>);

/// The socket.
#[derive(Debug)]
pub(super) struct Socket<I> {
    inner: I,
    requests: Arc<Requests>,
    speech: Speech,
    /// The wait for a head, and how many had come when it began.
    head: Option<(Pin<Box<Sleep>>, usize)>,
    /// What comes in over HTTP/2.
    frames: Frames,
    stall: Option<Pin<Box<Sleep>>>,
    /// Somebody waits for bytes, and so hears when the peer leaves.
    awaited: bool,
    /// Bytes that came while nobody waited.
    early: Vec<u8>,
}

/// What the peer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speech {
    /// So many bytes of the HTTP/2 preface were seen.
    Unknown(usize),
    Http1,
    /// It has pings of its own to find dead peers, but waits for half a head.
    Http2,
}

// === impl Requests ===

impl Requests {
    /// Counts one request.
    pub(super) fn begin(self: &Arc<Self>) -> Active {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.active.fetch_add(1, Ordering::Relaxed);
        Active(Arc::clone(self))
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

// === impl Socket ===

impl<I> Socket<I> {
    pub(super) fn new(inner: I, requests: Arc<Requests>) -> Self {
        Self {
            inner,
            requests,
            speech: Speech::Unknown(0),
            head: Some((Box::pin(sleep(HEAD)), 0)),
            frames: Frames::default(),
            stall: None,
            awaited: false,
            early: Vec::new(),
        }
    }

    /// Whether a head is awaited and late.
    fn late(&mut self, cx: &mut Context<'_>) -> bool {
        let count = self.heads();
        let Some((timer, before)) = &mut self.head else { return false };
        if count != *before {
            self.head = None;
            return false;
        }
        timer.as_mut().poll(cx).is_ready()
    }

    /// How many heads have come in.
    fn heads(&self) -> usize {
        match self.speech {
            Speech::Http2 => self.frames.whole(),
            Speech::Http1 | Speech::Unknown(_) => self.requests.begun.load(Ordering::Relaxed),
        }
    }

    /// Learns from bytes that came in.
    fn hear(&mut self, bytes: &[u8]) {
        match self.speech {
            Speech::Unknown(seen) => {
                let expected = &PREFACE[seen..PREFACE.len().min(seen + bytes.len())];
                if !bytes.starts_with(expected) {
                    self.speech = Speech::Http1;
                } else if seen + expected.len() == PREFACE.len() {
                    self.speech = Speech::Http2;
                    self.hear_frames(&bytes[expected.len()..]);
                } else {
                    self.speech = Speech::Unknown(seen + expected.len());
                }
            }
            Speech::Http1 => {
                if self.head.is_none() && self.requests.active.load(Ordering::Relaxed) == 0 {
                    self.head = Some((Box::pin(sleep(HEAD)), self.heads()));
                }
            }
            Speech::Http2 => self.hear_frames(bytes),
        }
    }

    fn hear_frames(&mut self, bytes: &[u8]) {
        self.frames.hear(bytes);
        let count = self.heads();
        if !self.frames.is_open() {
            self.head = None;
        } else if self.head.as_ref().is_none_or(|(_, before)| *before != count) {
            self.head = Some((Box::pin(sleep(HEAD)), count));
        }
    }

    /// Lets a write wait, but not forever.
    fn patient<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stall = None;
            return written;
        }
        let timer = self.stall.get_or_insert_with(|| Box::pin(sleep(STALL)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer stopped reading")))
    }
}

impl<I: AsyncRead + Unpin> Socket<I> {
    /// Whether the peer has left in the middle of its request. The HTTP/1 machine below the service finds that out by
    /// reading, but does not read on when it holds bytes after the request already, be it a stray line end.
    fn has_left(&mut self, cx: &mut Context<'_>) -> bool {
        let is_busy = self.speech == Speech::Http1 && self.requests.active.load(Ordering::Relaxed) > 0;
        while is_busy && !self.awaited && self.early.len() < MAX_EARLY {
            let mut bytes = [0; 1024];
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.inner).poll_read(cx, &mut buffer) {
                Poll::Pending => return false,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.early.extend_from_slice(buffer.filled());
                }
                Poll::Ready(_) => return true,
            }
        }
        false
    }

    fn read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.early.is_empty() {
            return Pin::new(&mut self.inner).poll_read(cx, buffer);
        }
        let count = buffer.remaining().min(self.early.len());
        buffer.put_slice(&self.early[..count]);
        self.early.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Socket<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = self.read(cx, buffer);
        self.awaited = read.is_pending();
        // Only now: what is there already is not late, however long we did not read.
        if self.awaited && self.late(cx) {
            let late = io::Error::new(io::ErrorKind::TimedOut, "the request head took too long");
            return Poll::Ready(Err(late));
        }
        ready!(read)?;
        let bytes = &buffer.filled()[before..];
        if !bytes.is_empty() {
            self.hear(bytes);
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.patient(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, pieces);
        self.patient(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.has_left(cx) {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the peer left")));
        }
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        self.patient(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Behind TLS, a farewell must be written first.
        let shut = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.patient(cx, shut)
    }
}

#[cfg(test)]
mod tests;
