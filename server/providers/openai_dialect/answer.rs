//! What a read answer still lacks to say the same as those of other vendors.

use super::Quirks;
use crate::{
    proto::v1::{ChatResponse, CompleteResponse, Message, Role, ThinkingPart, Usage, part::Content},
    wire::openai::chat::read_thinking,
};

/// An unstreamed answer.
pub(super) trait Answer {
    /// Puts in what the vendor has left out or elsewhere.
    fn complete(&mut self, quirks: &Quirks);
}

impl Answer for ChatResponse {
    fn complete(&mut self, quirks: &Quirks) {
        for choice in &mut self.choices {
            // A filtered choice may come without; callers rely on a message.
            let message = choice
                .message
                .get_or_insert_with(|| Message { role: Role::Assistant.into(), ..Message::default() });
            lift_thinking(message);
        }
        if let Some(usage) = self.usage.as_mut().filter(|_| quirks.counts_apart) {
            count_together(usage);
        }
    }
}

impl Answer for CompleteResponse {
    fn complete(&mut self, quirks: &Quirks) {
        if let Some(usage) = self.usage.as_mut().filter(|_| quirks.counts_apart) {
            count_together(usage);
        }
    }
}

/// Reasoning that stands as an element of the content becomes what reasoning is elsewhere.
fn lift_thinking(message: &mut Message) {
    for part in &mut message.parts {
        if let Some(Content::Other(other)) = &part.content
            && let Some((text, extras)) = read_thinking(&other.json)
        {
            part.content = Some(Content::Thinking(ThinkingPart { text, ..ThinkingPart::default() }));
            part.extra_json.extend(extras);
        }
    }
}

/// Makes output all that was written, and input all that was read. What the total holds beyond them tells what was
/// counted apart; a vendor that one day counts as the others do is left alone.
pub(super) fn count_together(usage: &mut Usage) {
    let Some(total) = usage.total_tokens else { return };
    let beyond = total.saturating_sub(usage.input_tokens).saturating_sub(usage.output_tokens);
    if beyond <= 0 {
        return;
    }
    let (reasoning, audio) =
        (usage.reasoning_tokens.unwrap_or_default(), usage.audio_input_tokens.unwrap_or_default());
    if beyond == reasoning || beyond == reasoning.saturating_add(audio) {
        usage.output_tokens += reasoning;
    }
    if beyond == audio || beyond == reasoning.saturating_add(audio) {
        usage.input_tokens += audio;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_counted_apart_are_put_where_they_belong() {
        let usage = |input, output, total, reasoning, audio| Usage {
            input_tokens: input,
            output_tokens: output,
            total_tokens: total,
            reasoning_tokens: reasoning,
            audio_input_tokens: audio,
            ..Usage::default()
        };
        for (mut given, expected) in [
            (usage(9, 5, Some(21), Some(7), Some(0)), (9, 12)),
            (usage(9, 5, Some(14), Some(3), None), (9, 5)),
            (usage(9, 5, Some(109), None, Some(95)), (104, 5)),
            (usage(9, 5, Some(21), Some(3), Some(4)), (13, 8)),
            (usage(9, 5, Some(20), Some(3), Some(4)), (9, 5)),
            (usage(9, 5, Some(14), Some(0), Some(0)), (9, 5)),
            (usage(9, 5, None, Some(7), None), (9, 5)),
            (usage(9, 5, Some(3), Some(7), None), (9, 5)),
        ] {
            count_together(&mut given);
            assert_eq!((given.input_tokens, given.output_tokens), expected, "{given:?}");
        }
    }
}
