//! Tells an answer in chunks, for vendors whose streams have a shape of their own.
//!
//! Keeps what callers rely on and such streams do not give: one id, model and time on every chunk, the role first, one
//! finish reason for each choice, usage once and last.

use std::collections::BTreeMap;

use pbjson_types::Timestamp;

use crate::{
    error::{Error, Reason, Result},
    proto::v1::{ChatChunk, ChoiceDelta, FinishReason, PartDelta, Role, Usage, part_delta::Content},
    wire::json::Extras,
};

/// What a stream has told so far.
#[derive(Debug, Default)]
pub(super) struct Teller {
    /// Id of the answer, on every chunk.
    pub(super) id: String,
    /// The model that answers, on every chunk.
    pub(super) model: String,
    /// When the answer began, on every chunk.
    pub(super) create_time: Option<Timestamp>,
    /// The tier that serves the call, on every chunk.
    pub(super) service_tier: Option<String>,
    /// Members of the answer that have no field; they go out with the next chunk.
    pub(super) extra_json: Extras,
    /// The newest usage; goes out once, at the end.
    pub(super) usage: Option<Usage>,
    /// Whether each choice seen has finished.
    finished: BTreeMap<i32, bool>,
}

impl Teller {
    /// Adds to a part of a choice.
    pub(super) fn part(&mut self, choice: i32, index: i32, content: Content, out: &mut Vec<ChatChunk>) {
        let part = PartDelta { index, content: Some(content), ..PartDelta::default() };
        self.choice(ChoiceDelta { index: choice, parts: vec![part], ..ChoiceDelta::default() }, out);
    }

    /// Ends a choice. A reason that has no word of ours keeps the vendor's own, in `text`.
    pub(super) fn finish(
        &mut self,
        choice: i32,
        reason: FinishReason,
        text: impl Into<String>,
        out: &mut Vec<ChatChunk>,
    ) {
        let choice = ChoiceDelta {
            index: choice,
            finish_reason: reason.into(),
            finish_reason_text: text.into(),
            ..ChoiceDelta::default()
        };
        self.choice(choice, out);
    }

    /// Tells any change of a choice; the first of each choice carries the role.
    pub(super) fn choice(&mut self, mut choice: ChoiceDelta, out: &mut Vec<ChatChunk>) {
        let ends = choice.finish_reason != 0 || !choice.finish_reason_text.is_empty();
        let finished = self.finished.entry(choice.index).or_insert_with(|| {
            choice.role = Role::Assistant.into();
            false
        });
        *finished |= ends;
        let chunk = ChatChunk { choices: vec![choice], ..self.blank() };
        out.push(chunk);
    }

    /// Whether a choice was told at all, and every one has finished.
    pub(super) fn is_complete(&self) -> bool {
        !self.finished.is_empty() && self.finished.values().all(|finished| *finished)
    }

    /// The answer breaks off. What it has cost goes out, but only behind something that was told: an error that comes first
    /// can still be answered as one, or another target tried.
    pub(super) fn break_off(&mut self, out: &mut Vec<ChatChunk>) {
        if !self.finished.is_empty() {
            self.end(out);
        }
    }

    /// Nothing more comes: usage goes out. What a broken answer has cost counts as well, so call it before an error too.
    pub(super) fn end(&mut self, out: &mut Vec<ChatChunk>) {
        if let Some(usage) = self.usage.take() {
            let chunk = ChatChunk { usage: Some(usage), ..self.blank() };
            out.push(chunk);
        }
    }

    /// The upstream closed its stream: [`Teller::end`], or an error where a choice is not complete.
    pub(super) fn close(&mut self, out: &mut Vec<ChatChunk>) -> Result<()> {
        if self.is_complete() {
            self.end(out);
            return Ok(());
        }
        self.break_off(out);
        Err(truncated())
    }

    fn blank(&mut self) -> ChatChunk {
        ChatChunk {
            id: self.id.clone(),
            model: self.model.clone(),
            create_time: self.create_time,
            service_tier: self.service_tier.clone(),
            extra_json: std::mem::take(&mut self.extra_json),
            ..ChatChunk::default()
        }
    }
}

/// The error of a stream that was closed before its answer was complete.
pub(super) fn truncated() -> Error {
    Error::new(Reason::StreamTruncated, "the upstream closed its stream before its answer was complete")
}
