//! Answers to chats, whole and streamed.

use super::line::{Line, time};
use crate::{
    error::Result,
    proto::v1::{
        ChatChunk, ChatResponse, Choice, ChoiceDelta, Logprobs, Message, Part, Role, TextDelta, TextPart,
        ThinkingDelta, ThinkingPart, TokenLogprob, ToolCallDelta, part, part_delta::Content,
    },
    providers::{ChunkDecoder, Flow, teller::Teller},
    wire::{Frame, json::Writer},
};

/// Reads the answer to an unstreamed chat.
///
/// # Errors
/// When it cannot be read, or is an error.
pub(super) fn read(body: &[u8]) -> Result<ChatResponse> {
    let mut line = Line::read_whole(body)?;
    let calls = line.take_calls(0);
    let (reason, text) = line.finish(!calls.is_empty());
    let mut message = Message { role: Role::Assistant.into(), ..Message::default() };
    let mut add = |content| message.parts.push(Part { content: Some(content), ..Part::default() });
    if !line.thinking.is_empty() {
        let text = std::mem::take(&mut line.thinking);
        add(part::Content::Thinking(ThinkingPart { text, ..ThinkingPart::default() }));
    }
    if !line.text.is_empty() {
        add(part::Content::Text(TextPart { text: std::mem::take(&mut line.text) }));
    }
    calls.into_iter().for_each(|call| add(part::Content::ToolCall(call)));
    message.extra_json = std::mem::take(&mut line.message_extras);
    let choice = Choice {
        message: Some(message),
        finish_reason: reason.into(),
        finish_reason_text: text,
        logprobs: logprobs(std::mem::take(&mut line.logprobs)),
        ..Choice::default()
    };
    Ok(ChatResponse {
        create_time: time(&line.created_at),
        choices: vec![choice],
        usage: line.usage(),
        extra_json: line.extras,
        model: line.model,
        ..ChatResponse::default()
    })
}

fn logprobs(content: Vec<TokenLogprob>) -> Option<Logprobs> {
    (!content.is_empty()).then(|| Logprobs { content, ..Logprobs::default() })
}

/// Reads one stream.
#[derive(Default)]
pub(super) struct Decoder {
    teller: Teller,
    /// The parts that have appeared so far. The place of each is its index.
    parts: Vec<Kind>,
    calls: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Thinking,
    Text,
    /// With its rank.
    Call(usize),
}

// === impl Decoder ===

impl Decoder {
    fn take(&mut self, mut line: Line, out: &mut Vec<ChatChunk>) {
        if self.teller.model.is_empty() {
            self.teller.model.clone_from(&line.model);
            self.teller.create_time = time(&line.created_at);
        }
        if !line.thinking.is_empty() {
            let text = std::mem::take(&mut line.thinking);
            let delta = ThinkingDelta { text, ..ThinkingDelta::default() };
            self.add(Kind::Thinking, Content::Thinking(delta), out);
        }
        if !line.text.is_empty() {
            let delta = TextDelta { text: std::mem::take(&mut line.text) };
            self.add(Kind::Text, Content::Text(delta), out);
        }
        for call in line.take_calls(self.calls) {
            let delta =
                ToolCallDelta { id: call.id, name: call.name, arguments_json_fragment: call.arguments_json };
            self.add(Kind::Call(self.calls), Content::ToolCall(delta), out);
            self.calls += 1;
        }
        self.rest(&mut line, out);
    }

    /// What is beside the message, and in it without a place of ours.
    fn rest(&mut self, line: &mut Line, out: &mut Vec<ChatChunk>) {
        let mut choice =
            ChoiceDelta { logprobs: logprobs(std::mem::take(&mut line.logprobs)), ..ChoiceDelta::default() };
        if !line.message_extras.is_empty() {
            let delta = Writer::text_of(|object| object.extras(&line.message_extras));
            choice.extra_json.insert("delta".to_owned(), delta);
        }
        if choice != ChoiceDelta::default() {
            self.teller.choice(choice, out);
        }
    }

    fn add(&mut self, kind: Kind, content: Content, out: &mut Vec<ChatChunk>) {
        let place = self.parts.iter().position(|part| *part == kind).unwrap_or_else(|| {
            self.parts.push(kind);
            self.parts.len() - 1
        });
        self.teller.part(0, i32::try_from(place).unwrap_or(i32::MAX), content, out);
    }
}

impl ChunkDecoder<ChatChunk> for Decoder {
    fn frame(&mut self, frame: Frame<'_>, out: &mut Vec<ChatChunk>) -> Result<Flow> {
        let mut line = Line::read(frame.data)?;
        let done = line.done;
        let (usage, extras) = (line.usage(), std::mem::take(&mut line.extras));
        let calls = self.calls > 0 || !line.calls.is_empty();
        let (reason, text) = line.finish(calls);
        self.take(line, out);
        if !done {
            return Ok(Flow::More);
        }
        self.teller.finish(0, reason, text, out);
        if let Some(last) = out.last_mut() {
            last.extra_json = extras;
        }
        self.teller.usage = usage;
        self.teller.end(out);
        Ok(Flow::Finished)
    }

    fn end(&mut self, out: &mut Vec<ChatChunk>) -> Result<()> {
        self.teller.close(out)
    }
}
