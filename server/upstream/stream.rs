//! Upstream bytes -> frames -> chunks, as they come and no faster than they are asked for.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;

use super::{Body, Pace};
use crate::{
    error::{Error, Reason, Result},
    providers::{ChunkDecoder, Flow},
    task::Tasks,
    wire::{End, Frame, Frames, Framing, PushError},
};

/// How long to wait for the end of a body whose answer is complete, to keep its connection.
const DISCARD_TIME: Duration = Duration::from_secs(1);

/// So much is read of what came in place of a stream.
const MAX_DOCUMENT_BYTES: usize = 64 << 10;

/// The chunks of one upstream stream. `None` only after the upstream really finished; an error is the last item.
///
/// Nothing is read before it is asked for, so a slow reader makes the upstream wait.
pub struct ChunkStream<C> {
    body: Option<Body>,
    shape: Shape,
    frames: Frames,
    decoder: Box<dyn ChunkDecoder<C>>,
    /// Decoded and not yet taken.
    chunks: VecDeque<C>,
    /// What the decoder appends to; empty between reads, kept for its memory.
    fresh: Vec<C>,
    /// The error that follows the chunks.
    failed: Option<Error>,
    pace: Pace,
    tasks: Tasks,
}

/// What the body is, as its first byte tells. Content types are not to be trusted with that.
enum Shape {
    Unknown,
    Frames,
    /// JSON or HTML, as no event begins: the upstream does not stream, or answers with an error as if it were none.
    Document(BytesMut),
}

// === impl ChunkStream ===

impl<C> ChunkStream<C> {
    /// Reads `body`, framed like this, with `decoder` within the limits of `pace`.
    #[must_use]
    pub fn new(
        body: Body,
        framing: Framing,
        decoder: Box<dyn ChunkDecoder<C>>,
        pace: Pace,
        tasks: Tasks,
    ) -> Self {
        Self {
            body: Some(body),
            shape: Shape::of(framing),
            frames: Frames::new(framing),
            decoder,
            chunks: VecDeque::new(),
            fresh: Vec::new(),
            failed: None,
            pace,
            tasks,
        }
    }

    /// The first content came; see [`Pace::content`].
    pub fn content(&mut self) {
        self.pace.content();
    }

    /// Decodes what was read. Ends the stream on a finished answer or an error.
    fn take(&mut self, bytes: &Bytes, context: &mut Context<'_>) {
        if let Err(late) = self.pace.touch() {
            return self.fail(late);
        }
        self.shape.see(bytes);
        if let Shape::Document(document) = &mut self.shape {
            document.extend_from_slice(bytes);
            if document.len() > MAX_DOCUMENT_BYTES {
                self.fail(not_streamed());
            }
            return;
        }
        let (decoder, fresh) = (&mut self.decoder, &mut self.fresh);
        let pushed = self.frames.push(bytes, &mut |frame: Frame<'_>| {
            decoder.frame(frame, fresh).map(|flow| match flow {
                Flow::More => true,
                Flow::Finished => false,
            })
        });
        match pushed {
            Ok(true) => {}
            Ok(false) => self.finish(context),
            Err(PushError::Frame(error)) => self.fail(error),
            Err(PushError::TooLong(limit)) => {
                let message = format!("the upstream sent a frame of more than {limit} bytes");
                self.fail(Error::new(Reason::ProviderBadAnswer, message));
            }
            Err(PushError::Broken(why)) => {
                let message = format!("the upstream sent a broken frame: {why}");
                self.fail(Error::new(Reason::ProviderBadAnswer, message));
            }
        }
        self.chunks.extend(self.fresh.drain(..));
    }

    /// The body ended cleanly; the decoder knows whether the answer did. A half frame at the end is never decoded: it
    /// matters only where the answer is not complete without it.
    fn end(&mut self) {
        self.body = None;
        if let Shape::Document(document) = &self.shape {
            // The vendor's error where it is one; a whole answer is none of ours to cut into chunks.
            let said = self.decoder.frame(Frame { event: "", data: document }, &mut self.fresh);
            self.fresh.clear();
            let error = said.err().filter(|error| error.reason() != Reason::ProviderBadAnswer);
            return self.fail(error.unwrap_or_else(not_streamed));
        }
        let ended = self.decoder.end(&mut self.fresh);
        self.chunks.extend(self.fresh.drain(..));
        match (ended, self.frames.end()) {
            (Ok(()), _) => {}
            (Err(error), End::Clean) => self.fail(error),
            (Err(_), End::HalfFrame) => {
                let message = "the upstream's stream ended in the middle of a frame";
                self.fail(Error::new(Reason::StreamTruncated, message));
            }
        }
    }

    fn fail(&mut self, error: Error) {
        self.body = None;
        self.failed = Some(error);
    }

    /// The answer is complete, the body perhaps not: its end is read aside, so that the connection can be used again.
    fn finish(&mut self, context: &mut Context<'_>) {
        let Some(mut body) = self.body.take() else { return };
        if body.poll_bytes(context).is_pending() {
            self.tasks.spawn(async move {
                // What does not end in time is closed by the drop.
                let _ = tokio::time::timeout(DISCARD_TIME, body.discard()).await;
            });
        }
    }
}

fn not_streamed() -> Error {
    let message =
        "the upstream sent one document in place of a stream; does it stream, and is its base URL right?";
    Error::new(Reason::ProviderBadAnswer, message)
}

impl<C: Unpin> Stream for ChunkStream<C> {
    type Item = Result<C>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(chunk) = this.chunks.pop_front() {
                return Poll::Ready(Some(Ok(chunk)));
            }
            if let Some(error) = this.failed.take() {
                return Poll::Ready(Some(Err(error)));
            }
            let Some(body) = &mut this.body else {
                return Poll::Ready(None);
            };
            match body.poll_bytes(context) {
                Poll::Ready(Some(Ok(bytes))) => this.take(&bytes, context),
                Poll::Ready(Some(Err(error))) => this.fail(error),
                Poll::Ready(None) => this.end(),
                Poll::Pending => {
                    let error = ready!(this.pace.poll_expired(context));
                    this.fail(error);
                }
            }
        }
    }
}

// === impl Shape ===

impl Shape {
    /// What is known before the first byte: where frames begin in another way than documents, one can be told from them.
    /// An event of AWS begins with its length, of which no document's first bytes would be a possible one.
    fn of(framing: Framing) -> Self {
        match framing {
            Framing::Sse | Framing::AwsEventStream => Self::Unknown,
            Framing::JsonLines => Self::Frames,
        }
    }

    fn see(&mut self, bytes: &[u8]) {
        let Self::Unknown = self else { return };
        // White space and a byte order mark may stand before either.
        let first = bytes.iter().find(|byte| !b" \t\r\n\xef\xbb\xbf".contains(byte));
        match first {
            Some(b'{' | b'[' | b'<') => *self = Self::Document(BytesMut::new()),
            Some(_) => *self = Self::Frames,
            None => {}
        }
    }
}
