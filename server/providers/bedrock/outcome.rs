//! How an answer ended and what it cost, as both forms of it say.

use crate::{
    proto::v1::{FinishReason, Usage},
    wire::json::{Extras, Malformed, Reader},
};

/// Counts that stand there twice, under an older name.
const TWINS: [&str; 2] = ["cacheReadInputTokenCount", "cacheWriteInputTokenCount"];

/// Our word for a stop reason, and Bedrock's where we have none. `calls`: whether a tool of the caller was called.
pub(super) fn finish(reason: &str, calls: bool) -> (FinishReason, String) {
    let known = match reason {
        "end_turn" | "stop_sequence" => FinishReason::Stop,
        // A form that was kept by a tool is an answer, not a call.
        "tool_use" if calls => FinishReason::ToolCalls,
        "tool_use" => FinishReason::Stop,
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "guardrail_intervened" | "content_filtered" => FinishReason::ContentFilter,
        _ => return (FinishReason::Unspecified, reason.to_owned()),
    };
    (known, String::new())
}

/// Takes `usage`. Bedrock's input is what was neither read from a cache nor written to one; ours is all of it.
pub(super) fn read_usage(reader: &mut Reader<'_>) -> Result<Usage, Malformed> {
    let mut usage = Usage::default();
    let mut extras = Extras::new();
    reader.object(|reader, name| {
        match name {
            "inputTokens" => usage.input_tokens = reader.integer()?,
            "outputTokens" => usage.output_tokens = reader.integer()?,
            "totalTokens" => usage.total_tokens = Some(reader.integer()?),
            "cacheReadInputTokens" => usage.cache_read_tokens = Some(reader.integer()?),
            "cacheWriteInputTokens" => usage.cache_write_tokens = Some(reader.integer()?),
            _ if TWINS.contains(&name) => reader.skip()?,
            _ => reader.keep(&mut extras, name)?,
        }
        Ok(())
    })?;
    extras.retain(|_, json| !matches!(json.as_str(), "{}" | "[]"));
    let cached = [usage.cache_read_tokens, usage.cache_write_tokens].into_iter().flatten();
    usage.input_tokens = cached.fold(usage.input_tokens, i32::saturating_add);
    usage.extra_json = extras;
    Ok(usage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::json::read;

    #[test]
    fn cached_tokens_are_input_and_counted_once() {
        let body = br#"{"inputTokens":433,"outputTokens":16,"totalTokens":3201,"cacheReadInputTokens":2752,
            "cacheReadInputTokenCount":2752,"cacheWriteInputTokens":0,"cacheWriteInputTokenCount":0,
            "serverToolUsage":{},"cacheDetails":[{"ttl":"5m","inputTokens":1}]}"#;
        let usage = read(body, read_usage).unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens, usage.total_tokens), (3185, 16, Some(3201)));
        assert_eq!((usage.cache_read_tokens, usage.cache_write_tokens), (Some(2752), Some(0)));
        assert_eq!(usage.extra_json.keys().collect::<Vec<_>>(), ["cacheDetails"]);
    }

    #[test]
    fn a_stop_reason_that_we_have_no_word_for_is_kept() {
        assert_eq!(
            finish("malformed_tool_use", true),
            (FinishReason::Unspecified, "malformed_tool_use".into())
        );
        assert_eq!(finish("tool_use", false).0, FinishReason::Stop);
    }
}
