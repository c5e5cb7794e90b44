//! What an unstreamed chat still lacks, and what both forms of an answer share.

use aws_lc_rs::digest;

use crate::{
    error::{Error, Reason, Result},
    proto::v1::{ChatResponse, FinishReason, part::Content},
    wire::json::{self, Kind, Reader},
};

/// Puts in what was left out, and says usual things in the usual words.
///
/// # Errors
/// That the model failed, which is told as if it were an answer.
pub(super) fn mend(mut response: ChatResponse) -> Result<ChatResponse> {
    if response.model.is_empty()
        && let Some(id) = response.extra_json.get("model_id")
    {
        response.model = Reader::over(id).string().unwrap_or_default();
    }
    for choice in &mut response.choices {
        mend_finish(&mut choice.finish_reason, &mut choice.finish_reason_text)?;
        let parts = choice.message.iter_mut().flat_map(|message| &mut message.parts);
        let calls = parts.filter_map(|part| match &mut part.content {
            Some(Content::ToolCall(call)) => Some(call),
            _ => None,
        });
        for (rank, call) in calls.enumerate() {
            if call.id.is_empty() {
                call.id = call_id(&response.id, choice.index, rank);
            }
            if is_nothing(&call.arguments_json) {
                "{}".clone_into(&mut call.arguments_json);
            }
        }
    }
    Ok(response)
}

/// The words that only watsonx.ai has for why a chat ended.
pub(super) fn mend_finish(reason: &mut i32, text: &mut String) -> Result<()> {
    match text.as_str() {
        "error" => return Err(failed()),
        "time_limit" => {
            *reason = FinishReason::Length.into();
            text.clear();
        }
        _ => {}
    }
    Ok(())
}

/// The error of an answer whose reason to end is an error.
pub(super) fn failed() -> Error {
    Error::new(Reason::ProviderUnavailable, "the provider's model failed while it answered")
        .upstream_code("error")
}

/// Arguments of a tool that has none: callers rely on an object.
pub(super) fn is_nothing(arguments: &str) -> bool {
    matches!(arguments.trim(), "" | "null")
}

/// Whether the arguments are all there.
pub(super) fn is_whole(arguments: &str) -> bool {
    let read = json::read(arguments.as_bytes(), |reader| {
        let kind = reader.kind();
        reader.skip().map(|()| kind)
    });
    matches!(read, Ok(Kind::Object | Kind::Null))
}

/// The id of a call that came without one, as calls do that were forced: the same whenever the answer is read.
pub(super) fn call_id(answer: &str, choice: i32, rank: usize) -> String {
    format!("call_{}", hash(&[answer, &choice.to_string(), &rank.to_string()]))
}

/// 24 hexadecimal digits made of these texts.
pub(super) fn hash(texts: &[&str]) -> String {
    let digest = digest::digest(&digest::SHA256, texts.join("\n").as_bytes());
    digest.as_ref().iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}
