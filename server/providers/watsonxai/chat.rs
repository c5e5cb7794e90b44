//! Chats as watsonx.ai wants them: OpenAI's, but for what is changed here.

use super::place::post;
use crate::{
    error::{Error, Result},
    proto::v1::{
        ChatRequest, Message, Part, Role, TextPart, Tool, part::Content, response_format::Format,
        tool::Kind as ToolKind,
    },
    providers::{Outbound, UpstreamModel, openai_dialect::speak_as_system},
    wire::{
        json::{Malformed, Members},
        openai::{Spelling, chat},
    },
};

/// Unknown members that OpenAI has and watsonx.ai does not, with what to do about each. They would change the answer.
const REFUSED: [(&str, &str); 3] = [
    ("function_call", "watsonx.ai knows tools only; send tools and tool_choice"),
    ("functions", "watsonx.ai knows tools only; send tools"),
    ("web_search_options", "watsonx.ai does not search the web; leave it out"),
];

/// Asks for a chat.
pub(super) fn ask(request: &ChatRequest, to: &UpstreamModel<'_>) -> Result<Outbound> {
    refuse(request)?;
    let mut dropped = chat::unsaid(request, &Spelling::VENDORS);
    let mut request = request.clone();
    for lost in drop_members(&mut request).into_iter().chain(change_messages(&mut request)) {
        if !dropped.contains(&lost) {
            dropped.push(lost);
        }
    }
    request.reasoning_effort = request.reasoning_effort.as_deref().map(effort).transpose()?;
    // What is streamed has a path of its own, and tells its usage without being asked.
    let wanted =
        chat::Wanted { model: to.id, stream: false, spelling: &Spelling::VENDORS, stream_options: None };
    let written = chat::write_request(&request, &wanted).map_err(Malformed::in_request)?;
    let mut body = Members::of(&written).map_err(Malformed::in_request)?;
    body.remove("model");
    let is_word = |body: &Members<'_>, name| body.get(name).is_some_and(|json| json.starts_with('"'));
    if is_word(&body, "tool_choice") {
        body.rename("tool_choice", "tool_choice_option");
    }
    if is_word(&body, "stop") {
        let list = format!("[{}]", body.get("stop").unwrap_or_default());
        body.set("stop", list);
    }
    let operation = if to.stream { "chat_stream" } else { "chat" };
    post(operation, &body.write(), &request.provider_options_json, dropped, to)
}

/// Refuses what would be answered otherwise than it is asked.
fn refuse(request: &ChatRequest) -> Result<()> {
    if let Some((name, why)) = REFUSED.iter().find(|(name, _)| request.extra_json.contains_key(*name)) {
        return Err(Error::invalid(*name, *why));
    }
    if request.audio_json.is_some() {
        return Err(Error::invalid("audio", "watsonx.ai answers in text only; leave it out"));
    }
    if request.modalities.iter().any(|modality| modality != "text") {
        return Err(Error::invalid("modalities", "watsonx.ai answers in text only; leave them out"));
    }
    if request.parallel_tool_calls == Some(false) {
        let why = "watsonx.ai cannot be kept from calling several tools at once; leave it out";
        return Err(Error::invalid("parallel_tool_calls", why));
    }
    for (index, message) in request.messages.iter().enumerate() {
        let is_file = |part: &Part| matches!(part.content, Some(Content::File(_)));
        if let Some(part) = message.parts.iter().position(is_file) {
            let field = format!("messages[{index}].content[{part}]");
            return Err(Error::invalid(
                field,
                "watsonx.ai reads no files; send their text, or images of them",
            ));
        }
    }
    Ok(())
}

/// Takes out what watsonx.ai has no place for, and what says no more than is so anyway. Gives the former.
fn drop_members(request: &mut ChatRequest) -> Vec<&'static str> {
    request.modalities.clear();
    request.parallel_tool_calls = None;
    request.stream_options = None;
    let description = match request.response_format.as_mut().and_then(|format| format.format.as_mut()) {
        Some(Format::JsonSchema(schema)) => schema.description.take().is_some(),
        Some(Format::Text(_) | Format::JsonObject(_) | Format::OtherJson(_)) | None => false,
    };
    let (mut strict, mut cache) = (false, false);
    for Tool { kind, cache: mark, .. } in &mut request.tools {
        cache |= mark.take().is_some();
        if let Some(ToolKind::Function(function)) = kind {
            strict |= function.strict.take().is_some();
        }
    }
    [
        ("user", request.user.take().is_some()),
        ("service_tier", request.service_tier.take().is_some()),
        ("verbosity", request.verbosity.take().is_some()),
        ("prediction", request.prediction_json.take().is_some()),
        ("metadata", !std::mem::take(&mut request.metadata).is_empty()),
        ("store", request.store.take().is_some()),
        ("prompt_cache_key", request.prompt_cache_key.take().is_some()),
        ("prompt_cache_retention", request.extra_json.remove("prompt_cache_retention").is_some()),
        ("safety_identifier", request.safety_identifier.take().is_some()),
        ("response_format.json_schema.description", description),
        ("tools.strict", strict),
        ("cache", cache),
    ]
    .into_iter()
    .filter_map(|(name, was_set)| was_set.then_some(name))
    .collect()
}

/// Only users say more than one text; nobody is a developer, and nobody's thoughts are read again. Gives what is lost.
fn change_messages(request: &mut ChatRequest) -> Vec<&'static str> {
    speak_as_system(request);
    let (mut cache, mut thinking) = (false, false);
    for message in &mut request.messages {
        let parts = message.parts.len();
        message.parts.retain(|part| !matches!(part.content, Some(Content::Thinking(_))));
        thinking |= message.parts.len() < parts;
        cache |= forget_cache(&mut message.parts);
        for part in &mut message.parts {
            if let Some(Content::ToolResult(result)) = &mut part.content {
                cache |= forget_cache(&mut result.parts);
                join_texts(&mut result.parts);
            }
        }
        if message.role() != Role::User {
            join_texts(&mut message.parts);
            say_refusals_beside(message);
        }
    }
    [("cache", cache), ("messages.reasoning_content", thinking)]
        .into_iter()
        .filter_map(|(name, lost)| lost.then_some(name))
        .collect()
}

fn forget_cache(parts: &mut [Part]) -> bool {
    parts.iter_mut().filter_map(|part| part.cache.take()).count() > 0
}

/// Makes one text of several, where nothing else stands between them.
fn join_texts(parts: &mut Vec<Part>) {
    let plain = |part: &Part| part.extra_json.is_empty();
    let mut joined: Vec<Part> = Vec::with_capacity(parts.len());
    for part in std::mem::take(parts) {
        if let (Some(Content::Text(text)), Some(last)) = (&part.content, joined.last_mut())
            && let Some(Content::Text(TextPart { text: before })) = &mut last.content
            && plain(&part)
            && last.extra_json.is_empty()
        {
            before.push('\n');
            before.push_str(&text.text);
        } else {
            joined.push(part);
        }
    }
    *parts = joined;
}

/// Refusals stand beside the content, never in it.
fn say_refusals_beside(message: &mut Message) {
    for part in &mut message.parts {
        if let Some(Content::Refusal(refusal)) = &mut part.content {
            refusal.in_content = false;
        }
    }
}

/// Its three efforts, and the nearest of them for those that others have. One that this version does not know is sent.
fn effort(word: &str) -> Result<String> {
    match word {
        "none" => {
            let why = "watsonx.ai takes low, medium or high; some models stop thinking by their own \
                       chat_template_kwargs";
            Err(Error::invalid("reasoning_effort", why))
        }
        "minimal" => Ok("low".to_owned()),
        "xhigh" | "max" => Ok("high".to_owned()),
        _ => Ok(word.to_owned()),
    }
}
