//! What OpenAI's interface offers and most interfaces of a vendor's own do not.

use crate::{
    error::{Error, Result},
    proto::v1::{ChatRequest, Message, Role, part::Content, response_format::Format},
    wire::json::{Malformed, Object},
};

/// Members of a chat that are told as dropped and never written, though they stand among the unknown ones.
pub(super) const UNWRITTEN: [&str; 1] = ["prompt_cache_retention"];

/// Refuses what would be answered otherwise than it is asked.
///
/// # Errors
/// That names the first such member, and what to do.
pub(super) fn refuse(vendor: &str, request: &ChatRequest) -> Result<()> {
    let no = |field: &str, why: &str| Err(Error::invalid(field, format!("{vendor} {why}")));
    let unknown = |name: &str| request.extra_json.contains_key(name);
    if request.n.is_some_and(|n| n != 1) {
        return no("n", "gives one answer to a call; leave n out and call again for more");
    }
    if request.parallel_tool_calls == Some(false) {
        return no("parallel_tool_calls", "cannot be kept from calling several tools at once; leave it out");
    }
    if unknown("function_call") {
        return no("function_call", "knows tools only; use tools and tool_choice");
    }
    if unknown("functions") {
        return no("functions", "knows tools only; use tools");
    }
    if unknown("web_search_options") {
        return no("web_search_options", "does not search the web; leave it out");
    }
    if request.audio_json.is_some() {
        return no("audio", "answers in text only; leave it out");
    }
    if request.modalities.iter().any(|modality| modality != "text") {
        return no("modalities", "answers in text only; leave them out");
    }
    Ok(())
}

/// Members that are set and change nothing that the answer says: there is no place for them.
pub(super) fn dropped(request: &ChatRequest) -> Vec<&'static str> {
    let parts = || request.messages.iter().flat_map(|message| &message.parts);
    let holds = |wanted: fn(&Content) -> bool| parts().filter_map(|part| part.content.as_ref()).any(wanted);
    let signed = |content: &Content| matches!(content, Content::Thinking(it) if !it.signature.is_empty());
    let redacted = |content: &Content| matches!(content, Content::RedactedThinking(_));
    let format = request.response_format.as_ref().and_then(|format| format.format.as_ref());
    let schema = match format {
        Some(Format::JsonSchema(schema)) => Some(schema),
        _ => None,
    };
    let marks_cache =
        parts().any(|part| part.cache.is_some()) || request.tools.iter().any(|tool| tool.cache.is_some());
    [
        ("logit_bias", !request.logit_bias.is_empty()),
        ("user", request.user.is_some()),
        ("service_tier", request.service_tier.is_some()),
        ("verbosity", request.verbosity.is_some()),
        ("prediction", request.prediction_json.is_some()),
        ("metadata", !request.metadata.is_empty()),
        ("store", request.store.is_some()),
        ("prompt_cache_key", request.prompt_cache_key.is_some()),
        ("prompt_cache_retention", request.extra_json.contains_key("prompt_cache_retention")),
        ("safety_identifier", request.safety_identifier.is_some()),
        ("messages.name", request.messages.iter().any(is_named)),
        ("cache", marks_cache),
        ("thinking.signature", holds(signed)),
        ("redacted_thinking", holds(redacted)),
        (
            "stream_options.extra_json",
            request.stream_options.as_ref().is_some_and(|it| !it.extra_json.is_empty()),
        ),
        ("response_format.json_schema.description", schema.is_some_and(|it| it.description.is_some())),
        ("response_format.json_schema.extra_json", schema.is_some_and(|it| !it.extra_json.is_empty())),
    ]
    .into_iter()
    .filter_map(|(name, set)| set.then_some(name))
    .collect()
}

/// Names of tools are not lost: their calls have them.
fn is_named(message: &Message) -> bool {
    message.name.is_some() && !matches!(message.role(), Role::Tool | Role::Function)
}

/// Writes who speaks a message. There are no results of functions, and developers are the system.
pub(super) fn write_role(object: &mut Object<'_>, message: &Message, vendor: &str) {
    let word = match message.role() {
        Role::System | Role::Developer => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
        Role::Function => {
            let message = format!("{vendor} knows no results of functions; send the result of a tool call");
            return object.blame(Malformed::new(message).inside("role"));
        }
        // Some models have roles of their own; not ours to judge.
        Role::Unspecified if !message.role_text.is_empty() => &message.role_text,
        Role::Unspecified => return object.blame(Malformed::required("role")),
    };
    object.text("role", word);
}
