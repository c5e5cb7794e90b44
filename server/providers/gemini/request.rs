//! The request for a chat.

use super::{
    NAME,
    contents::Conversation,
    effort::{self, Family, Thinking},
    signature, tools,
};
use crate::{
    error::{Error, Result},
    proto::v1::{ChatRequest, JsonSchemaFormat, ResponseFormat, response_format::Format},
    providers::{UpstreamModel, options},
    wire::json::{Malformed, Members, Object, Writer},
};

/// Members of the body that hold further members: options for Gemini are merged into them.
const NESTED: [&str; 2] = ["generationConfig", "toolConfig"];

/// Members without a field here that Gemini takes elsewhere or not at all.
const KNOWN_EXTRAS: [&str; 2] = ["prompt_cache_retention", "top_k"];

/// What is known only after it was read, and stands in `generationConfig`.
struct Read {
    thinking: Option<Thinking>,
    /// The schema of the answer.
    schema: Option<String>,
}

/// Writes the body; with it comes what it has lost.
pub(super) fn write(request: &ChatRequest, to: &UpstreamModel<'_>) -> Result<(Vec<u8>, Vec<&'static str>)> {
    refuse(request)?;
    let signed = signature::is_required(Family::of(to.id));
    let mut conversation = Conversation::of(&request.messages, signed).map_err(Malformed::in_request)?;
    let read = Read::of(request, to).map_err(Malformed::in_request)?;
    let mut writer = Writer::strict();
    writer.object(|object| {
        conversation.write(object);
        tools::write(object, request);
        write_config(object, request, &read);
        object.optional_text("serviceTier", request.service_tier.as_deref().map(tier));
        object.optional_boolean("store", request.store);
        // A list without elements says nothing to Gemini; the edge has kept it.
        let empty =
            request.extra_json.iter().filter(|(_, json)| *json == "[]").map(|(name, _)| name.as_str());
        let elsewhere: Vec<_> = KNOWN_EXTRAS.into_iter().chain(empty).collect();
        object.extras_except(&request.extra_json, &elsewhere);
    });
    let written = writer.finish().map_err(Malformed::in_request)?;
    let mut dropped = unsaid(request);
    dropped.append(&mut conversation.dropped);
    if !request.provider_options_json.contains_key(NAME) {
        return Ok((written, dropped));
    }
    let mut body = Members::of(&written).map_err(Malformed::in_request)?;
    options::merge_nested(NAME, &request.provider_options_json, &NESTED, &mut body)?;
    Ok((body.write(), dropped))
}

/// What would make another answer than the one asked for.
fn refuse(request: &ChatRequest) -> Result<()> {
    let extra = |name: &str| request.extra_json.contains_key(name);
    let refused = [
        (
            "parallel_tool_calls",
            request.parallel_tool_calls == Some(false) && !request.tools.is_empty(),
            "Gemini cannot be kept from calling several tools at once; leave it out",
        ),
        (
            "audio",
            request.audio_json.is_some(),
            "name a voice of Gemini's in provider_options.gemini.generationConfig.speechConfig",
        ),
        ("function_call", extra("function_call"), "send it as tool_choice"),
        ("functions", extra("functions"), "send them as tools"),
        (
            "web_search_options",
            extra("web_search_options"),
            "send the tool {\"type\": \"googleSearch\", \"googleSearch\": {}}",
        ),
    ];
    match refused.iter().find(|(_, holds, _)| *holds) {
        Some((name, _, fix)) => Err(Error::invalid(*name, *fix)),
        None => Ok(()),
    }
}

/// Members that Gemini has no place for. The answer does not depend on them.
fn unsaid(request: &ChatRequest) -> Vec<&'static str> {
    let lost = [
        ("logit_bias", !request.logit_bias.is_empty()),
        ("user", request.user.is_some()),
        ("safety_identifier", request.safety_identifier.is_some()),
        ("metadata", !request.metadata.is_empty()),
        ("prediction", request.prediction_json.is_some()),
        ("prompt_cache_key", request.prompt_cache_key.is_some()),
        ("prompt_cache_retention", request.extra_json.contains_key("prompt_cache_retention")),
        ("verbosity", request.verbosity.is_some()),
        ("stream_options", request.stream_options.as_ref().is_some_and(|it| !it.extra_json.is_empty())),
        ("cache", request.tools.iter().any(|tool| tool.cache.is_some())),
    ];
    lost.into_iter().filter(|(_, lost)| *lost).map(|(name, _)| name).collect()
}

fn write_config(object: &mut Object<'_>, request: &ChatRequest, read: &Read) {
    object.object("generationConfig", |object| {
        object.optional_double("temperature", request.temperature);
        object.optional_double("topP", request.top_p);
        object.optional_raw("topK", request.extra_json.get("top_k").map(String::as_str));
        let limit = request.max_completion_tokens.or(request.max_tokens);
        object.optional_integer("maxOutputTokens", limit);
        object.optional_integer("candidateCount", request.n);
        object.optional_integer("seed", request.seed.map(fold));
        object.optional_double("presencePenalty", request.presence_penalty);
        object.optional_double("frequencyPenalty", request.frequency_penalty);
        if !request.stop.is_empty() {
            object.member("stopSequences", |value| value.each(&request.stop, |value, stop| value.text(stop)));
        }
        object.optional_boolean("responseLogprobs", request.logprobs);
        object.optional_integer("logprobs", request.top_logprobs);
        if !request.modalities.is_empty() {
            object.member("responseModalities", |value| {
                value.each(&request.modalities, |value, word| value.text(&word.to_ascii_uppercase()));
            });
        }
        if let Some(format) = &request.response_format {
            write_format(object, format, read.schema.as_deref());
        }
        if let Some(thinking) = read.thinking {
            thinking.write(object);
        }
    });
}

/// Gemini's seeds have 32 bits. A seed only has to be the same again, so a longer one is folded.
fn fold(seed: i64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "both halves are used")]
    i32::try_from(seed).unwrap_or((seed ^ (seed >> 32)) as i32)
}

/// The tier in Gemini's words; `auto` is what it does when it is not told.
fn tier(word: &str) -> &str {
    match word {
        "auto" => "unspecified",
        "default" => "standard",
        other => other,
    }
}

fn write_format(object: &mut Object<'_>, format: &ResponseFormat, schema: Option<&str>) {
    match &format.format {
        None | Some(Format::Text(_) | Format::OtherJson(_)) => {}
        Some(Format::JsonObject(_) | Format::JsonSchema(_)) => {
            object.text("responseMimeType", "application/json");
            object.optional_raw("responseJsonSchema", schema);
        }
    }
}

/// The schema, with the description that stands beside it. Beside a reference Gemini takes none.
fn described(schema: &JsonSchemaFormat) -> Result<Option<String>, Malformed> {
    let (Some(json), Some(description)) = (&schema.schema_json, &schema.description) else {
        return Ok(schema.schema_json.clone());
    };
    let mut members = Members::of(json.as_bytes())?;
    if members.get("description").is_some() || members.get("$ref").is_some() {
        return Ok(Some(json.clone()));
    }
    members.set("description", Writer::text_value(description));
    Ok(Some(String::from_utf8_lossy(&members.write()).into_owned()))
}

// === impl Read ===

impl Read {
    fn of(request: &ChatRequest, to: &UpstreamModel<'_>) -> Result<Self, Malformed> {
        let effort = request.reasoning_effort.as_deref();
        let thinking = effort.map(|effort| effort::read(effort, to.id)).transpose()?;
        let schema = match request.response_format.as_ref().and_then(|format| format.format.as_ref()) {
            None | Some(Format::Text(_) | Format::JsonObject(_)) => None,
            Some(Format::JsonSchema(schema)) => described(schema)
                .map_err(|fault| fault.inside("schema").inside("json_schema").inside("response_format"))?,
            Some(Format::OtherJson(_)) => {
                let fault = Malformed::new("use text, json_object or json_schema");
                return Err(fault.inside("type").inside("response_format"));
            }
        };
        Ok(Self { thinking, schema })
    }
}
