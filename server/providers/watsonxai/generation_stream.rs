//! Streamed text generation: each event holds the next piece, and counts of tokens so far.

use std::collections::BTreeMap;

use pbjson_types::Timestamp;

use super::{
    answer::failed,
    generation::{Answer, count},
};
use crate::{
    error::Result,
    proto::v1::{CompleteChunk, CompletionChoice},
    providers::{ChunkDecoder, Flow, failure, teller::truncated},
    wire::{Frame, json::Malformed, openai::error},
};

/// Reads one stream.
#[derive(Default)]
pub(super) struct Decoder {
    /// Id, model and time of the first event.
    id: String,
    model: String,
    create_time: Option<Timestamp>,
    /// Tokens so far: (read, written).
    tokens: Option<(i32, i32)>,
    /// Whether each text has ended.
    finished: BTreeMap<i32, bool>,
}

impl Decoder {
    fn blank(&self) -> CompleteChunk {
        CompleteChunk {
            id: self.id.clone(),
            model: self.model.clone(),
            create_time: self.create_time,
            ..CompleteChunk::default()
        }
    }

    /// Nothing more comes: usage goes out. What a broken answer has cost counts as well.
    fn drain(&mut self, out: &mut Vec<CompleteChunk>) {
        if let Some(tokens) = self.tokens.take() {
            out.push(CompleteChunk { usage: Some(count(tokens)), ..self.blank() });
        }
    }
}

impl ChunkDecoder<CompleteChunk> for Decoder {
    fn frame(&mut self, frame: Frame<'_>, out: &mut Vec<CompleteChunk>) -> Result<Flow> {
        // Says that the body ends, which is seen anyway.
        if frame.event == "close" {
            return Ok(Flow::More);
        }
        if frame.event == "error" {
            self.drain(out);
            return Err(failure::of_stream(error::read(frame.data)));
        }
        let answer = Answer::read(frame.data).map_err(Malformed::in_answer)?;
        if failure::is_error(&answer.extras) {
            self.drain(out);
            return Err(failure::of_stream(error::read(frame.data)));
        }
        if self.id.is_empty() {
            (self.id, self.create_time) = (answer.id(), answer.create_time());
            self.model.clone_from(&answer.model);
        }
        let mut chunk = CompleteChunk { extra_json: answer.extras, ..self.blank() };
        for (index, piece) in (0..).zip(answer.pieces) {
            self.tokens = Some(piece.tokens(self.tokens.unwrap_or_default()));
            if piece.failed() {
                self.drain(out);
                return Err(failed());
            }
            let ends = piece.choice.finish_reason != 0 || !piece.choice.finish_reason_text.is_empty();
            *self.finished.entry(index).or_default() |= ends;
            chunk.choices.push(CompletionChoice { index, ..piece.choice });
        }
        out.push(chunk);
        Ok(Flow::More)
    }

    fn end(&mut self, out: &mut Vec<CompleteChunk>) -> Result<()> {
        self.drain(out);
        let complete = !self.finished.is_empty() && self.finished.values().all(|finished| *finished);
        if complete { Ok(()) } else { Err(truncated()) }
    }
}
