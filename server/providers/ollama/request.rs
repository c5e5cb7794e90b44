//! A chat as Ollama wants to be asked.

use super::{
    NAME,
    sampling::{self, Sampling},
    turns::{self, Names},
};
use crate::{
    error::{Error, Result},
    proto::v1::{
        ChatRequest, FunctionTool, Tool, ToolChoiceMode, response_format::Format, tool::Kind,
        tool_choice::Choice,
    },
    providers::{UpstreamModel, unserved},
    wire::json::{Malformed, Object, Writer},
};

/// The only models that think more or less; others think or do not.
const LEVELLED: &str = "gpt-oss";
/// Words for how long to think, and the levels nearest to them.
const LEVELS: [(&str, &str); 6] = [
    ("minimal", "low"),
    ("low", "low"),
    ("medium", "medium"),
    ("high", "high"),
    ("xhigh", "high"),
    ("max", "high"),
];

/// Writes a chat; gives also what it has lost.
///
/// # Errors
/// When it asks for what Ollama cannot do, or cannot be written; names the member.
pub(super) fn write(request: &ChatRequest, to: &UpstreamModel<'_>) -> Result<(Vec<u8>, Vec<&'static str>)> {
    unserved::refuse(NAME, request)?;
    let mut dropped = unserved::dropped(request);
    dropped.extend(turns::unsaid(&request.messages));
    if request.response_format.as_ref().is_some_and(|format| !format.extra_json.is_empty()) {
        dropped.push("response_format.extra_json");
    }
    let offers_tools = may_call(request)?;
    let names = Names::of(&request.messages);
    let mut writer = Writer::strict();
    writer.object(|object| {
        object.text("model", to.id);
        object.member("messages", |value| {
            value
                .list(|list| request.messages.iter().for_each(|message| turns::write(list, message, &names)));
        });
        if offers_tools && !request.tools.is_empty() {
            object.member("tools", |value| value.each(&request.tools, write_tool));
        }
        write_format(object, request);
        write_think(object, request.reasoning_effort.as_deref(), to.id);
        object.optional_boolean("logprobs", request.logprobs);
        object.optional_integer("top_logprobs", request.top_logprobs);
        // Streaming is what it does unless told otherwise.
        object.member("stream", |value| value.boolean(to.stream));
        let sampling = Sampling::of_chat(request);
        sampling::write_rest(object, &sampling, &request.extra_json, &unserved::UNWRITTEN, to.settings);
    });
    let written = writer.finish().map_err(Malformed::in_request)?;
    if offers_tools
        && request.tools.iter().any(|tool| function(tool).is_some_and(|function| function.strict.is_some()))
    {
        dropped.push("tools.function.strict");
    }
    Ok((sampling::merge(&request.provider_options_json, &written)?, dropped))
}

/// Whether tools are offered. There is no choice but that: a model that is offered tools is free to call them or not.
fn may_call(request: &ChatRequest) -> Result<bool> {
    let refuse = || {
        let message = "ollama cannot make a model call a tool; use auto or none, or leave it out";
        Err(Error::invalid("tool_choice", message))
    };
    match request.tool_choice.as_ref().and_then(|choice| choice.choice.as_ref()) {
        None => Ok(true),
        Some(Choice::FunctionName(_) | Choice::OtherJson(_)) => refuse(),
        Some(Choice::Mode(mode)) => match ToolChoiceMode::try_from(*mode) {
            Ok(ToolChoiceMode::Unspecified | ToolChoiceMode::Auto) => Ok(true),
            Ok(ToolChoiceMode::None) => Ok(false),
            Ok(ToolChoiceMode::Required) | Err(_) => refuse(),
        },
    }
}

fn function(tool: &Tool) -> Option<&FunctionTool> {
    match &tool.kind {
        Some(Kind::Function(function)) => Some(function),
        Some(Kind::OtherJson(_)) | None => None,
    }
}

fn write_tool(writer: &mut Writer, tool: &Tool) {
    let Some(function) = function(tool) else {
        // It would pass over what it does not know.
        writer.blame(Malformed::new("ollama takes functions only"));
        return writer.null();
    };
    writer.object(|object| {
        object.text("type", "function");
        object.object("function", |object| {
            object.text("name", &function.name);
            object.optional_text("description", function.description.as_deref());
            let none = r#"{"type":"object","properties":{}}"#;
            object.member("parameters", |value| {
                value.raw(function.parameters_json.as_deref().unwrap_or(none));
            });
            object.extras(&function.extra_json);
        });
        object.extras(&tool.extra_json);
    });
}

/// A schema is always kept to; it has neither name nor description.
fn write_format(object: &mut Object<'_>, request: &ChatRequest) {
    match request.response_format.as_ref().and_then(|format| format.format.as_ref()) {
        None | Some(Format::Text(_)) => {}
        Some(Format::JsonObject(_)) => object.text("format", "json"),
        Some(Format::JsonSchema(schema)) => match &schema.schema_json {
            Some(json) => object.member("format", |value| value.raw(json)),
            None => object.text("format", "json"),
        },
        Some(Format::OtherJson(_)) => {
            let fault = Malformed::new("ollama knows text, json_object and json_schema");
            object.blame(fault.inside("response_format"));
        }
    }
}

fn write_think(object: &mut Object<'_>, effort: Option<&str>, model: &str) {
    let Some(effort) = effort else { return };
    let level = LEVELS.iter().find(|(word, _)| *word == effort).map(|(_, level)| *level);
    match level {
        Some(level) if model.contains(LEVELLED) => object.text("think", level),
        Some(_) => object.optional_boolean("think", Some(true)),
        None if effort == "none" => object.optional_boolean("think", Some(false)),
        None => {
            let fault = Malformed::new("use none, minimal, low, medium, high, xhigh or max");
            object.blame(fault.inside("reasoning_effort"));
        }
    }
}
