//! Upstream bytes -> frames -> chunks, as the driver does it, without the network.

use serde::Serialize;
use sluicegate::{
    error::Result,
    providers::{ChunkDecoder, Flow},
    wire::{Frames, Framing, PushError},
};

use super::operation::{Streamed, json};

/// How a stream that did not fail ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The upstream said that it is finished.
    Said,
    /// The body ended and the answer is complete.
    Closed,
}

/// Decodes a body that comes in these pieces.
pub(super) fn decode<'a, C: Serialize>(
    framing: Framing,
    decoder: Result<Box<dyn ChunkDecoder<C>>>,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Streamed {
    let mut chunks = Vec::new();
    let ended = decoder.and_then(|mut decoder| {
        let mut reader = Frames::new(framing);
        for piece in pieces {
            let pushed = reader.push(piece, &mut |frame| {
                decoder.frame(frame, &mut chunks).map(|flow| matches!(flow, Flow::More))
            });
            match pushed {
                Ok(true) => {}
                Ok(false) => return Ok(Ended::Said),
                Err(PushError::Frame(error)) => return Err(error),
                Err(PushError::TooLong(limit)) => panic!("a frame of more than {limit} bytes"),
                Err(PushError::Broken(why)) => panic!("a broken frame: {why}"),
            }
        }
        decoder.end(&mut chunks).map(|()| Ended::Closed)
    });
    Streamed { chunks: chunks.into_iter().map(json).collect(), ended }
}

/// The payloads of the frames of a body.
pub(super) fn payloads(framing: Framing, body: &[u8]) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    let mut reader = Frames::new(framing);
    let pushed: Result<_, PushError<()>> = reader.push(body, &mut |frame| {
        payloads.push(frame.data.to_vec());
        Ok(true)
    });
    assert!(pushed.is_ok());
    payloads
}
