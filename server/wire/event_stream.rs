//! AWS's binary event streams (`application/vnd.amazon.eventstream`), as Bedrock streams.
//!
//! A frame is its length, the length of its headers, a checksum over both, headers, payload, and a checksum over all of
//! it. The library checks both sums; what fails either is an error and never skipped, as nothing tells where the next
//! frame begins. A frame is an event, an exception that the service models, or an error that it does not
//! (`:message-type`); the last two end a stream.

use aws_smithy_eventstream::frame::read_message_from;
use bytes::BytesMut;

use super::{End, Frame, PushError};

/// Stands before the type of an exception in [`Frame::event`]; the payload is its JSON body.
pub const EXCEPTION: &str = "exception:";

/// Stands before the code of an error that has no model, in [`Frame::event`]; the payload is its message as text.
pub const ERROR: &str = "error:";

/// AWS allows 24 MiB a frame; so much is read unless the reader is told otherwise.
const DEFAULT_LIMIT: usize = 24 << 20;

/// Bytes that hold the length of a frame, itself included.
const LENGTH_BYTES: usize = 4;

/// Reads the frames of one stream, however it is cut into pieces.
#[derive(Debug)]
pub struct Reader {
    limit: usize,
    /// From the beginning of the frame that is not whole yet.
    buffer: BytesMut,
}

impl Default for Reader {
    fn default() -> Self {
        Self::with_limit(DEFAULT_LIMIT)
    }
}

impl Reader {
    /// A reader that refuses frames of more bytes than this.
    #[must_use]
    pub fn with_limit(max_frame_bytes: usize) -> Self {
        Self { limit: max_frame_bytes, buffer: BytesMut::new() }
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
        self.buffer.extend_from_slice(bytes);
        while let Some(length) = self.length() {
            if length > self.limit {
                return Err(PushError::TooLong(self.limit));
            }
            if self.buffer.len() < length {
                break;
            }
            if !hand_out(&mut self.buffer.split_to(length), on_frame)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The stream is over.
    #[must_use]
    pub fn end(&self) -> End {
        if self.buffer.is_empty() { End::Clean } else { End::HalfFrame }
    }

    /// Length of the frame with which the buffer begins, once that is known.
    fn length(&self) -> Option<usize> {
        let bytes = self.buffer.first_chunk::<LENGTH_BYTES>()?;
        Some(usize::try_from(u32::from_be_bytes(*bytes)).unwrap_or(usize::MAX))
    }
}

fn hand_out<E>(
    frame: &mut BytesMut,
    on_frame: &mut dyn FnMut(Frame<'_>) -> Result<bool, E>,
) -> Result<bool, PushError<E>> {
    let message = read_message_from(frame).map_err(|error| PushError::Broken(error.to_string()))?;
    let header = |name: &str| {
        let header = message.headers().iter().find(|header| header.name().as_str() == name)?;
        header.value().as_string().ok().map(|text| text.as_str())
    };
    let data = message.payload();
    let handed_out = match header(":message-type") {
        Some("event") => on_frame(Frame { event: header(":event-type").unwrap_or_default(), data }),
        Some("exception") => {
            let event = format!("{EXCEPTION}{}", header(":exception-type").unwrap_or_default());
            on_frame(Frame { event: &event, data })
        }
        Some("error") => {
            let event = format!("{ERROR}{}", header(":error-code").unwrap_or_default());
            on_frame(Frame { event: &event, data: header(":error-message").unwrap_or_default().as_bytes() })
        }
        _ => return Err(PushError::Broken("it does not say what it is".to_owned())),
    };
    handed_out.map_err(PushError::Frame)
}

#[cfg(test)]
mod tests;
