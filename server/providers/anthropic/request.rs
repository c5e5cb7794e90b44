//! The body of a request.

use super::{
    MAX_TOKENS, NAME,
    block::write_all,
    model::Model,
    thinking::{self, Config, Given, Plan},
    tools::{self, Tools},
    turns::{self, Conversation},
};
use crate::{
    error::{Error, Reason, Result},
    proto::v1::ChatRequest,
    providers::{UpstreamModel, options},
    wire::json::{Extras, Malformed, Members, Object, Reader, Writer},
};

/// Members that say what we expect to come back; options may not change them behind our back.
const OURS: [&str; 2] = ["model", "stream"];
/// The member of the options that becomes a header.
const BETAS: &str = "betas";
/// Lists that were empty and say nothing, and members that become others.
const ELSEWHERE: [&str; 4] = ["tools", "stop", "modalities", "prompt_cache_retention"];

/// A body, what it has lost, and the beta features that it needs.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) body: Vec<u8>,
    pub(super) dropped: Vec<&'static str>,
    pub(super) betas: Vec<String>,
}

/// Writes it.
///
/// # Errors
/// When the vendor has no counterpart to what is asked, or text that should be JSON is not; names the member.
pub(super) fn write(request: &ChatRequest, to: &UpstreamModel<'_>) -> Result<Written> {
    refuse(request)?;
    let model = Model::of(to.id);
    let mut dropped = untold(request);
    let conversation = turns::read(&request.messages, model, &mut dropped).map_err(Malformed::in_request)?;
    let tools = tools::read(request, model, &mut dropped).map_err(Malformed::in_request)?;
    let default_limit = to.settings.get(MAX_TOKENS).and_then(|limit| limit.parse().ok());
    let given = Given {
        forces_tool: tools.forced,
        lost_thoughts: turns::lost_thoughts(&request.messages),
        default_limit: default_limit.unwrap_or_else(|| model.max_tokens()),
    };
    let plan = thinking::plan(request, model, given, &mut dropped)?;
    let body =
        write_body(request, to, &conversation, &tools, &plan, &mut dropped).map_err(Malformed::in_request)?;
    let (options, betas) = take_betas(&request.provider_options_json)?;
    let mut seen = Vec::new();
    dropped.retain(|name| {
        !seen.contains(name) && {
            seen.push(*name);
            true
        }
    });
    if options.is_empty() {
        return Ok(Written { body, dropped, betas });
    }
    let mut members = Members::of(&body).map_err(Malformed::in_request)?;
    options::merge(NAME, &options, &OURS, &mut members)?;
    Ok(Written { body: members.write(), dropped, betas })
}

/// What would make the answer another one than was asked for.
fn refuse(request: &ChatRequest) -> Result<()> {
    let refusal = |field: &str, message: &str| Err(Error::new(Reason::NotSupported, message).field(field));
    if request.n.is_some_and(|n| n != 1) {
        return refusal("n", "this provider gives one answer a call; leave n out and call again");
    }
    if request.audio_json.is_some() {
        return refusal("audio", "this provider answers in text only");
    }
    if request.modalities.iter().any(|modality| modality != "text") {
        return refusal("modalities", "this provider answers in text only");
    }
    for (name, message) in [
        ("function_call", "this provider has no functions; use tool_choice"),
        ("functions", "this provider has no functions; use tools"),
        (
            "web_search_options",
            "this provider searches with a tool; add {\"type\": \"web_search_20250305\", \"name\": \"web_search\"}",
        ),
    ] {
        if request.extra_json.contains_key(name) {
            return refusal(name, message);
        }
    }
    Ok(())
}

/// What the vendor has no place for and can do without.
fn untold(request: &ChatRequest) -> Vec<&'static str> {
    let options = request.stream_options.as_ref();
    [
        ("seed", request.seed.is_some()),
        ("frequency_penalty", request.frequency_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("presence_penalty", request.presence_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("logit_bias", !request.logit_bias.is_empty()),
        ("logprobs", request.logprobs == Some(true)),
        ("top_logprobs", request.top_logprobs.is_some()),
        ("verbosity", request.verbosity.is_some()),
        ("prediction", request.prediction_json.is_some()),
        ("metadata", !request.metadata.is_empty()),
        ("store", request.store == Some(true)),
        ("prompt_cache_key", request.prompt_cache_key.is_some()),
        ("prompt_cache_retention", request.extra_json.contains_key("prompt_cache_retention")),
        ("stream_options", options.is_some_and(|options| !options.extra_json.is_empty())),
        ("response_format", request.response_format.as_ref().is_some_and(|it| !it.extra_json.is_empty())),
    ]
    .into_iter()
    .filter_map(|(name, is_there)| is_there.then_some(name))
    .collect()
}

fn write_body(
    request: &ChatRequest,
    to: &UpstreamModel<'_>,
    conversation: &Conversation,
    tools: &Tools,
    plan: &Plan,
    dropped: &mut Vec<&'static str>,
) -> Result<Vec<u8>, Malformed> {
    let mut writer = Writer::strict();
    writer.object(|object| {
        object.text("model", to.id);
        object.member("max_tokens", |value| value.integer(plan.max_tokens));
        if !conversation.system.is_empty() {
            object.member("system", |value| write_all(value, &conversation.system));
        }
        object.member("messages", |value| {
            value.each(&conversation.turns, |value, turn| {
                value.object(|object| {
                    object.text("role", turn.role);
                    object.member("content", |value| write_all(value, &turn.blocks));
                });
            });
        });
        if !tools.list.is_empty() {
            object.member("tools", |value| value.each(&tools.list, |value, tool| value.raw(tool)));
        }
        object.optional_raw("tool_choice", tools.choice.as_deref());
        write_plan(object, plan, tools);
        if !request.stop.is_empty() {
            object
                .member("stop_sequences", |value| value.each(&request.stop, |value, stop| value.text(stop)));
        }
        write_caller(object, request, dropped);
        // As an extra member it would change what comes back while we expect something else.
        object.reserve(&["stream"]);
        object.optional_boolean("stream", to.stream.then_some(true));
        object.extras_except(&request.extra_json, &ELSEWHERE);
    });
    writer.finish()
}

fn write_plan(object: &mut Object<'_>, plan: &Plan, tools: &Tools) {
    match &plan.thinking {
        Some(Config::Budget(budget)) => object.object("thinking", |object| {
            object.text("type", "enabled");
            object.optional_integer("budget_tokens", Some(*budget));
        }),
        Some(Config::Adaptive { asks }) => object.object("thinking", |object| {
            object.text("type", "adaptive");
            object.optional_text("display", Some("summarized").filter(|_| *asks));
        }),
        Some(Config::Disabled) => object.object("thinking", |object| object.text("type", "disabled")),
        None => {}
    }
    if plan.effort.is_some() || tools.format.is_some() {
        object.object("output_config", |object| {
            object.optional_text("effort", plan.effort.as_deref());
            object.optional_raw("format", tools.format.as_deref());
        });
    }
    object.optional_double("temperature", plan.temperature);
    object.optional_double("top_p", plan.top_p);
}

/// Who asks, and how urgently.
fn write_caller(object: &mut Object<'_>, request: &ChatRequest, dropped: &mut Vec<&'static str>) {
    // Both say the same; the newer one wins.
    if let Some(id) = request.safety_identifier.as_ref().or(request.user.as_ref()) {
        object.object("metadata", |object| object.text("user_id", id));
        dropped.extend(request.user.as_ref().filter(|user| *user != id).map(|_| "user"));
    }
    match request.service_tier.as_deref() {
        None => {}
        // With `auto` a call uses what priority there is.
        Some("auto" | "priority") => object.text("service_tier", "auto"),
        Some("default" | "standard_only") => object.text("service_tier", "standard_only"),
        Some(_) => dropped.push("service_tier"),
    }
}

/// The options without the beta features that they name, and those.
fn take_betas(options: &Extras) -> Result<(Extras, Vec<String>)> {
    let Some(json) = options.get(NAME) else { return Ok((Extras::new(), Vec::new())) };
    let place = |fault: Malformed| fault.inside(NAME).inside("provider_options_json").in_request();
    let mut members = Members::of(json.as_bytes()).map_err(place)?;
    let betas = members.get(BETAS).map(|list| Reader::over(list).list(Reader::string)).transpose();
    let betas = betas.map_err(|fault| place(fault.inside(BETAS)))?.unwrap_or_default();
    members.remove(BETAS);
    let rest = String::from_utf8_lossy(&members.write()).into_owned();
    Ok((Extras::from([(NAME.to_owned(), rest)]), betas))
}
