//! Tools, the choice among them, and the form of the answer: a schema that the model keeps to, or, where it cannot, a tool of
//! ours that it has to call, whose arguments are the answer.

use std::borrow::Cow;

use super::{block::mark, model::Model, schema};
use crate::{
    proto::v1::{
        ChatRequest, FunctionTool, JsonSchemaFormat, Tool, ToolChoiceMode, response_format::Format,
        tool::Kind as ToolKind, tool_choice::Choice,
    },
    wire::json::{self, Malformed, Members, Reader, Writer},
};

/// The tool of ours. Calls of it are told as text, so no caller may have one of that name.
pub(super) const OUTPUT: &str = "sluicegate_output";
/// Kinds of choice that the vendor knows.
const CHOICES: [&str; 4] = ["auto", "any", "tool", "none"];

/// What of it goes upstream, as JSON text.
#[derive(Debug, Default)]
pub(super) struct Tools {
    pub(super) list: Vec<String>,
    pub(super) choice: Option<String>,
    /// `output_config.format`.
    pub(super) format: Option<String>,
    /// Whether the choice leaves the model no answer without a call.
    pub(super) forced: bool,
}

/// What the model has to do with its tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Must<'a> {
    /// Nothing is said.
    Decide,
    Nothing,
    CallAny,
    Call(&'a str),
    /// In the vendor's own words.
    Other(&'a str),
}

/// Reads it from a request. What the model cannot take is told in `dropped`.
///
/// # Errors
/// When a schema is no JSON, or something has no counterpart; names the member.
pub(super) fn read(
    request: &ChatRequest,
    model: Model,
    dropped: &mut Vec<&'static str>,
) -> Result<Tools, Malformed> {
    let mut tools = Tools::default();
    for (index, tool) in request.tools.iter().enumerate() {
        let place = |fault: Malformed| fault.inside_element(index).inside("tools");
        tools.list.push(write_tool(tool, model, dropped).map_err(place)?);
    }
    let mut must = must(request)?;
    let output = read_format(request, model, &mut tools).map_err(|fault| fault.inside("response_format"))?;
    // Where the caller wants its own tools called, there is no answer yet that could have a form.
    if let Some(output) = output.filter(|_| matches!(must, Must::Decide | Must::Nothing)) {
        must =
            if tools.list.is_empty() || must == Must::Nothing { Must::Call(OUTPUT) } else { Must::CallAny };
        tools.list.push(output);
    }
    tools.forced = matches!(must, Must::CallAny | Must::Call(_));
    tools.choice = choice(must, request.parallel_tool_calls == Some(false), tools.list.is_empty());
    Ok(tools)
}

fn must(request: &ChatRequest) -> Result<Must<'_>, Malformed> {
    let wrong = |message: &str| Err(Malformed::new(message).inside("tool_choice"));
    let Some(choice) = request.tool_choice.as_ref().and_then(|choice| choice.choice.as_ref()) else {
        return Ok(Must::Decide);
    };
    match choice {
        Choice::Mode(mode) => match ToolChoiceMode::try_from(*mode) {
            Ok(ToolChoiceMode::Unspecified | ToolChoiceMode::Auto) => Ok(Must::Decide),
            Ok(ToolChoiceMode::None) => Ok(Must::Nothing),
            Ok(ToolChoiceMode::Required) => Ok(Must::CallAny),
            Err(_) => wrong("not a mode that this version knows"),
        },
        Choice::FunctionName(name) => Ok(Must::Call(name)),
        Choice::OtherJson(json) => {
            let members = Members::of(json.as_bytes()).map_err(|fault| fault.inside("tool_choice"))?;
            let known = |kind: &&str| members.get("type") == Some(&Writer::text_value(kind));
            match CHOICES.iter().find(|kind| known(kind)) {
                Some(_) => Ok(Must::Other(json)),
                None => wrong(
                    "this provider has no such choice; use auto, none, required or the name of a function",
                ),
            }
        }
    }
}

fn choice(must: Must<'_>, one_at_a_time: bool, no_tools: bool) -> Option<String> {
    let (kind, name) = match must {
        Must::Decide | Must::Nothing if no_tools => return None,
        Must::Decide if one_at_a_time => ("auto", None),
        Must::Decide => return None,
        Must::Nothing => ("none", None),
        Must::CallAny => ("any", None),
        Must::Call(name) => ("tool", Some(name)),
        Must::Other(json) => return Some(json.to_owned()),
    };
    Some(Writer::text_of(|object| {
        object.text("type", kind);
        object.optional_text("name", name);
        object.optional_boolean(
            "disable_parallel_tool_use",
            Some(true).filter(|_| one_at_a_time && kind != "none"),
        );
    }))
}

fn write_tool(tool: &Tool, model: Model, dropped: &mut Vec<&'static str>) -> Result<String, Malformed> {
    let function = match &tool.kind {
        Some(ToolKind::Function(function)) => function,
        Some(ToolKind::OtherJson(json)) => return Ok(json.clone()),
        None => return Err(Malformed::new("set function or other_json")),
    };
    if function.name == OUTPUT {
        let message = format!("{OUTPUT} is a tool of the gateway; give yours another name");
        return Err(Malformed::new(message).inside("name").inside("function"));
    }
    let strict = function.strict == Some(true);
    if strict && !model.keeps_to_schemas() {
        dropped.push("tools.function.strict");
    }
    write_function(tool, function, strict && model.keeps_to_schemas())
}

fn write_function(tool: &Tool, function: &FunctionTool, strict: bool) -> Result<String, Malformed> {
    let place = |fault: Malformed| fault.inside("parameters").inside("function");
    let mut parameters = schema::of_object(function.parameters_json.as_deref()).map_err(place)?;
    if strict {
        parameters = schema::enforced(&parameters).map_err(place)?;
    }
    let mut writer = Writer::strict();
    writer.object(|object| {
        object.text("name", &function.name);
        object.optional_text("description", function.description.as_deref());
        object.optional_raw("input_schema", Some(&parameters));
        object.optional_boolean("strict", Some(true).filter(|_| strict));
        object.optional_raw("cache_control", mark(tool.cache.as_ref(), &tool.extra_json).as_deref());
        object.extras(&function.extra_json);
        object.extras_except(&tool.extra_json, &["cache_control"]);
    });
    text(writer)
}

/// The form of the answer. Where the model does not keep to it by itself: the tool that it has to call.
fn read_format(request: &ChatRequest, model: Model, to: &mut Tools) -> Result<Option<String>, Malformed> {
    let Some(format) = &request.response_format else { return Ok(None) };
    match &format.format {
        None | Some(Format::Text(_)) => Ok(None),
        Some(Format::JsonObject(_)) => output_tool(&JsonSchemaFormat::default()).map(Some),
        Some(Format::JsonSchema(wanted)) => match &wanted.schema_json {
            Some(json) if model.keeps_to_schemas() => {
                let place = |fault: Malformed| fault.inside("schema").inside("json_schema");
                let schema = schema::enforced(json).map_err(place)?;
                let schema = schema::described(&schema, wanted.description.as_deref()).map_err(place)?;
                let mut writer = Writer::strict();
                writer.object(|object| {
                    object.text("type", "json_schema");
                    object.optional_raw("schema", Some(&schema));
                });
                to.format = Some(text(writer)?);
                Ok(None)
            }
            Some(_) | None => output_tool(wanted).map(Some),
        },
        Some(Format::OtherJson(_)) => {
            Err(Malformed::new("this provider has no such form; use json_schema, json_object or text"))
        }
    }
}

fn output_tool(wanted: &JsonSchemaFormat) -> Result<String, Malformed> {
    let schema = schema::of_object(wanted.schema_json.as_deref())
        .map_err(|fault| fault.inside("schema").inside("json_schema"))?;
    let what = wanted.description.as_deref().unwrap_or("The answer as a JSON object");
    let mut writer = Writer::strict();
    writer.object(|object| {
        object.text("name", OUTPUT);
        object.text("description", &format!("Give your answer by a call of this tool. {what}"));
        object.optional_raw("input_schema", Some(&schema));
    });
    text(writer)
}

/// What a strict writer has written.
pub(super) fn text(writer: Writer) -> Result<String, Malformed> {
    String::from_utf8(writer.finish()?).map_err(|_| Malformed::new("not valid UTF-8"))
}

/// The arguments of a call: a JSON object, an empty one where nothing stands. What a model wrote otherwise stands in one, as
/// the vendor takes nothing else.
pub(super) fn arguments(json: &str) -> Cow<'_, str> {
    if json.trim().is_empty() {
        return Cow::Borrowed("{}");
    }
    match json::read(json.as_bytes(), Reader::raw_object) {
        Ok(object) => Cow::Borrowed(object),
        Err(_) => Writer::text_of(|object| object.text("arguments", json)).into(),
    }
}
