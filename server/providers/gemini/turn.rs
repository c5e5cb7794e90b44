//! What a candidate has said so far, part by part, in one way for whole answers and for streams.

use super::{
    event::{Candidate, Content, Part},
    id, signature,
};
use crate::{
    proto::v1::{ChoiceDelta, FinishReason, PartDelta, TextDelta, ThinkingDelta, ToolCallDelta, part_delta},
    wire::json::{Extras, Writer},
};

/// The member in which Gemini's own word stays where it is one of several that mean the same here.
pub(super) const FINISH_REASON: &str = "finishReason";

/// Gemini's words for an end, where OpenAI has one for it. Others stay as they are.
const FINISHES: [(&str, FinishReason); 16] = [
    ("STOP", FinishReason::Stop),
    // Said by servers that imitate Gemini; it says STOP itself.
    ("FUNCTION_CALL", FinishReason::ToolCalls),
    ("MAX_TOKENS", FinishReason::Length),
    ("CONTINUATION", FinishReason::Length),
    ("SAFETY", FinishReason::ContentFilter),
    ("RECITATION", FinishReason::ContentFilter),
    ("BLOCKLIST", FinishReason::ContentFilter),
    ("PROHIBITED_CONTENT", FinishReason::ContentFilter),
    ("SPII", FinishReason::ContentFilter),
    ("LANGUAGE", FinishReason::ContentFilter),
    ("ESCALATION", FinishReason::ContentFilter),
    ("IMAGE_SAFETY", FinishReason::ContentFilter),
    ("IMAGE_PROHIBITED_CONTENT", FinishReason::ContentFilter),
    ("IMAGE_RECITATION", FinishReason::ContentFilter),
    ("MODEL_ARMOR", FinishReason::ContentFilter),
    ("JAILBREAK", FinishReason::ContentFilter),
];

/// The parts of a candidate so far.
#[derive(Debug, Default)]
pub(super) struct Turn {
    next: i32,
    calls: usize,
    /// The last part, while more of its kind belongs to it.
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Text,
    Thought,
}

// === impl Turn ===

impl Turn {
    /// What a candidate adds. `answer` is the id of the whole answer.
    pub(super) fn add(&mut self, candidate: Candidate, answer: &str) -> ChoiceDelta {
        let index = candidate.index;
        let parts = candidate.parts.into_iter().filter_map(|part| self.place(part, answer, index)).collect();
        let mut extra_json = candidate.extras;
        let (mut reason, mut text) = (FinishReason::Unspecified, String::new());
        if let Some(word) = candidate.finish {
            (reason, text) = self.finish(word, &mut extra_json);
        }
        ChoiceDelta {
            index,
            parts,
            finish_reason: reason.into(),
            finish_reason_text: text,
            logprobs: candidate.logprobs,
            extra_json,
            ..ChoiceDelta::default()
        }
    }

    /// Why it ended. Several of Gemini's words are one of OpenAI's, so the own one stays beside it.
    fn finish(&self, word: String, extras: &mut Extras) -> (FinishReason, String) {
        let known = FINISHES.iter().find(|(known, _)| *known == word).map(|(_, reason)| *reason);
        let Some(reason) = known else { return (FinishReason::Unspecified, word) };
        if reason == FinishReason::Stop && self.calls > 0 {
            return (FinishReason::ToolCalls, String::new());
        }
        if !matches!(word.as_str(), "STOP" | "FUNCTION_CALL" | "MAX_TOKENS") {
            extras.insert(FINISH_REASON.to_owned(), Writer::text_value(&word));
        }
        (reason, String::new())
    }

    /// Text goes on where text stood last. What is signed stands alone, or its signature would say more than it did.
    /// `None`: it says nothing.
    fn place(&mut self, part: Part, answer: &str, choice: i32) -> Option<PartDelta> {
        let mut extra_json = part.extras;
        let is_plain = part.signature.is_none() && extra_json.is_empty();
        let (content, kind) = match part.content {
            Content::Text(text) | Content::Thought(text) if text.is_empty() && is_plain => return None,
            Content::Text(text) => {
                if let Some(signature) = &part.signature {
                    signature::put(signature, &mut extra_json);
                }
                (part_delta::Content::Text(TextDelta { text }), Some(Open::Text))
            }
            Content::Thought(text) => {
                let signature = part.signature.unwrap_or_default().into();
                (part_delta::Content::Thinking(ThinkingDelta { text, signature }), Some(Open::Thought))
            }
            Content::Call { id, name, arguments } => {
                if let Some(signature) = &part.signature {
                    signature::put(signature, &mut extra_json);
                }
                (self.call(id, name, arguments, answer, choice), None)
            }
            Content::Other(json) => (part_delta::Content::OtherJson(json), None),
        };
        let goes_on = is_plain && kind.is_some() && self.open == kind;
        if !goes_on {
            self.next += 1;
        }
        self.open = kind.filter(|_| is_plain);
        Some(PartDelta { index: self.next - 1, content: Some(content), extra_json })
    }

    /// Up to Gemini 2.5 calls have no ids. One is made that is the same when the answer is read again, and no other call
    /// of the conversation has.
    fn call(
        &mut self,
        mut id: String,
        name: String,
        arguments: String,
        answer: &str,
        choice: i32,
    ) -> part_delta::Content {
        if id.is_empty() {
            let (choice, rank) = (choice.to_be_bytes(), self.calls.to_be_bytes());
            id = id::make(&[answer.as_bytes(), &choice, &rank, name.as_bytes()]);
        }
        self.calls += 1;
        part_delta::Content::ToolCall(ToolCallDelta { id, name, arguments_json_fragment: arguments })
    }
}
