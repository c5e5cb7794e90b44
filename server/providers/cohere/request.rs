//! A chat as Cohere wants to be asked.

use std::borrow::Cow;

use super::{NAME, turns};
use crate::{
    error::{Error, Result},
    proto::v1::{
        ChatRequest, FunctionTool, ResponseFormat, Tool, ToolChoice, ToolChoiceMode, response_format::Format,
        tool::Kind, tool_choice::Choice,
    },
    providers::{UpstreamModel, options, unserved},
    wire::json::{Malformed, Members, Object, Writer},
};

/// Unknown members that have another name here: (what others call it, its own).
const RENAMED: (&str, &str) = ("top_k", "k");
/// Members that say what we expect to come back; options may not change them behind our back.
const OURS: [&str; 2] = ["model", "stream"];
/// What `p` may be.
const P: (f64, f64) = (0.01, 0.99);
/// Tokens that a little and some thinking may take. More has no limit but that of the whole answer.
const BUDGETS: [(&str, i32); 3] = [("minimal", 512), ("low", 1024), ("medium", 4096)];

/// Which tools may be called, and whether one must be.
struct Tools<'a> {
    offered: Cow<'a, [Tool]>,
    choice: Option<&'static str>,
}

/// Writes a chat; gives also what it has lost.
///
/// # Errors
/// When it asks for what Cohere cannot do, or cannot be written; names the member.
pub(super) fn write(request: &ChatRequest, to: &UpstreamModel<'_>) -> Result<(Vec<u8>, Vec<&'static str>)> {
    unserved::refuse(NAME, request)?;
    let mut dropped = unserved::dropped(request);
    if request.top_logprobs.is_some() {
        dropped.push("top_logprobs");
    }
    if request.messages.iter().any(turns::loses_extras_of_plan) {
        dropped.push("thinking.extra_json");
    }
    let tools = choose(request)?;
    let thinking = thinking(request.reasoning_effort.as_deref())?;
    let mut writer = Writer::strict();
    writer.object(|object| {
        object.text("model", to.id);
        object.member("messages", |value| {
            value.list(|list| request.messages.iter().for_each(|message| turns::write(list, message)));
        });
        write_tools(object, &tools, &mut dropped);
        if let Some(format) = &request.response_format {
            write_format(object, format);
        }
        if let Some(thinking) = thinking {
            object.object("thinking", |object| {
                object.text("type", if thinking.is_on { "enabled" } else { "disabled" });
                object.optional_integer("token_budget", thinking.budget);
            });
        }
        write_sampling(object, request);
        object.reserve(&["stream"]);
        object.optional_boolean("stream", to.stream.then_some(true));
        let (theirs, ours) = RENAMED;
        object.optional_raw(ours, request.extra_json.get(theirs).map(String::as_str));
        let [unwritten] = unserved::UNWRITTEN;
        object.extras_except(&request.extra_json, &[theirs, unwritten]);
    });
    let written = writer.finish().map_err(Malformed::in_request)?;
    let mut members = Members::of(&written).map_err(Malformed::in_request)?;
    options::merge(NAME, &request.provider_options_json, &OURS, &mut members)?;
    Ok((members.write(), dropped))
}

fn write_sampling(object: &mut Object<'_>, request: &ChatRequest) {
    object.optional_integer("max_tokens", request.max_completion_tokens.or(request.max_tokens));
    object.optional_double("temperature", request.temperature);
    object.optional_double("p", request.top_p.map(|p| p.clamp(P.0, P.1)));
    object.optional_double("frequency_penalty", request.frequency_penalty);
    object.optional_double("presence_penalty", request.presence_penalty);
    object.optional_integer("seed", request.seed);
    object.optional_boolean("logprobs", request.logprobs);
    if !request.stop.is_empty() {
        object.member("stop_sequences", |value| value.each(&request.stop, |value, stop| value.text(stop)));
    }
}

/// One function among several cannot be named: it is the only one offered, and a call is required.
fn choose(request: &ChatRequest) -> Result<Tools<'_>> {
    let all = Cow::Borrowed(request.tools.as_slice());
    let Some(ToolChoice { choice: Some(choice) }) = &request.tool_choice else {
        return Ok(Tools { offered: all, choice: None });
    };
    match choice {
        Choice::Mode(mode) => {
            let choice = match ToolChoiceMode::try_from(*mode) {
                Ok(ToolChoiceMode::Unspecified | ToolChoiceMode::Auto) => None,
                Ok(ToolChoiceMode::None) => Some("NONE"),
                Ok(ToolChoiceMode::Required) => Some("REQUIRED"),
                Err(_) => return Err(Error::invalid("tool_choice", "not a mode that this version knows")),
            };
            Ok(Tools { offered: all, choice })
        }
        Choice::FunctionName(name) => {
            let is_named = |tool: &&Tool| matches!(&tool.kind, Some(Kind::Function(it)) if it.name == *name);
            let named: Vec<_> = request.tools.iter().filter(is_named).cloned().collect();
            if named.is_empty() {
                return Err(Error::invalid("tool_choice", format!("there is no tool \"{name}\" in tools")));
            }
            Ok(Tools { offered: named.into(), choice: Some("REQUIRED") })
        }
        Choice::OtherJson(_) => {
            Err(Error::invalid("tool_choice", "cohere knows auto, none, required and one function"))
        }
    }
}

fn write_tools(object: &mut Object<'_>, tools: &Tools<'_>, dropped: &mut Vec<&'static str>) {
    if !tools.offered.is_empty() {
        object.member("tools", |value| value.each(tools.offered.iter(), write_tool));
    }
    object.optional_text("tool_choice", tools.choice);
    let strict = tools.offered.iter().map(|tool| match &tool.kind {
        Some(Kind::Function(function)) => function.strict,
        Some(Kind::OtherJson(_)) | None => None,
    });
    let mut strict: Vec<_> = strict.collect();
    strict.dedup();
    match strict.as_slice() {
        [] => {}
        [all] => object.optional_boolean("strict_tools", *all),
        // It is said of all tools or of none.
        _ => dropped.push("tools.function.strict"),
    }
}

fn write_tool(writer: &mut Writer, tool: &Tool) {
    match &tool.kind {
        Some(Kind::Function(function)) => writer.object(|object| {
            object.text("type", "function");
            object.object("function", |object| write_function(object, function));
            object.extras(&tool.extra_json);
        }),
        Some(Kind::OtherJson(json)) => writer.raw(json),
        None => {
            writer.blame(Malformed::new("set function or other_json"));
            writer.null();
        }
    }
}

fn write_function(object: &mut Object<'_>, function: &FunctionTool) {
    object.text("name", &function.name);
    object.optional_text("description", function.description.as_deref());
    // Required here, even where there are no arguments.
    let parameters = function.parameters_json.as_deref().unwrap_or(r#"{"type":"object","properties":{}}"#);
    object.member("parameters", |value| value.raw(parameters));
    object.extras(&function.extra_json);
}

/// JSON of a schema is a JSON object with a schema; it is always kept to, and has neither name nor description.
fn write_format(object: &mut Object<'_>, format: &ResponseFormat) {
    let mut write = |kind: &str, schema: Option<&str>| {
        object.object("response_format", |object| {
            object.text("type", kind);
            object.optional_raw("json_schema", schema);
            object.extras(&format.extra_json);
        });
    };
    match &format.format {
        Some(Format::Text(_)) | None => write("text", None),
        Some(Format::JsonObject(_)) => write("json_object", None),
        Some(Format::JsonSchema(schema)) => write("json_object", schema.schema_json.as_deref()),
        Some(Format::OtherJson(json)) => object.optional_raw("response_format", Some(json)),
    }
}

struct Thinking {
    is_on: bool,
    budget: Option<i32>,
}

fn thinking(effort: Option<&str>) -> Result<Option<Thinking>> {
    let Some(effort) = effort else { return Ok(None) };
    let budget = BUDGETS.iter().find(|(word, _)| *word == effort).map(|(_, budget)| *budget);
    match effort {
        "none" => Ok(Some(Thinking { is_on: false, budget: None })),
        "high" | "xhigh" | "max" => Ok(Some(Thinking { is_on: true, budget: None })),
        _ if budget.is_some() => Ok(Some(Thinking { is_on: true, budget })),
        _ => {
            let message = "use none, minimal, low, medium, high, xhigh or max; for a budget of your own set \
                           provider_options.cohere.thinking";
            Err(Error::invalid("reasoning_effort", message))
        }
    }
}
