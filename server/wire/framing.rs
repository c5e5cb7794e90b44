//! How upstreams cut a stream into frames, and the one reader for all of them.

use super::{event_stream, json_lines, sse};

/// One event of an upstream's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The event's name; empty where the framing or the upstream gives none.
    pub event: &'a str,
    /// The event's payload.
    pub data: &'a [u8],
}

/// How an upstream frames a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    Sse,
    /// One JSON text a line, each a frame.
    JsonLines,
    /// AWS's binary event streams.
    AwsEventStream,
}

/// Why reading stopped.
#[derive(Debug, PartialEq, Eq)]
pub enum PushError<E> {
    /// A frame is longer than this many bytes.
    TooLong(usize),
    /// A frame is not what its framing wants: why.
    Broken(String),
    /// Whoever took the frame failed.
    Frame(E),
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Between two frames.
    Clean,
    /// In the middle of a frame, which was not handed out.
    HalfFrame,
}

/// Reads the frames of one stream, however it is framed and cut into pieces.
#[derive(Debug)]
pub enum Frames {
    /// Server-sent events.
    Sse(sse::Reader),
    /// Lines of JSON.
    JsonLines(json_lines::Reader),
    /// AWS's binary event streams.
    AwsEventStream(event_stream::Reader),
}

impl Frames {
    /// A reader for this framing.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        match framing {
            Framing::Sse => Self::Sse(sse::Reader::default()),
            Framing::JsonLines => Self::JsonLines(json_lines::Reader::default()),
            Framing::AwsEventStream => Self::AwsEventStream(event_stream::Reader::default()),
        }
    }

    /// Takes the next bytes of the stream and hands out the frames that are whole now, until `on_frame` says `false`.
    /// Returns whether to go on; after `false` or an error the reader is spent.
    ///
    /// # Errors
    /// When a frame is too long or broken, or `on_frame` fails.
    pub fn push<E>(
        &mut self,
        bytes: &[u8],
        on_frame: &mut dyn FnMut(Frame<'_>) -> Result<bool, E>,
    ) -> Result<bool, PushError<E>> {
        match self {
            Self::Sse(reader) => reader.push(bytes, on_frame),
            Self::JsonLines(reader) => reader.push(bytes, on_frame),
            Self::AwsEventStream(reader) => reader.push(bytes, on_frame),
        }
    }

    /// The stream is over. A half frame is never handed out.
    #[must_use]
    pub fn end(&self) -> End {
        match self {
            Self::Sse(reader) => reader.end(),
            Self::JsonLines(reader) => reader.end(),
            Self::AwsEventStream(reader) => reader.end(),
        }
    }
}
