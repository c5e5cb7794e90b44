//! Tools and the choice among them.

use crate::{
    proto::v1::{ChatRequest, FunctionTool, Tool, ToolChoiceMode, tool::Kind, tool_choice::Choice},
    wire::json::{self, Malformed, Members, Object, Reader, Writer},
};

/// Who decides, and among which functions. No names: all.
struct Calling {
    mode: &'static str,
    names: Vec<String>,
}

/// Appends `tools` and `toolConfig`.
pub(super) fn write(object: &mut Object<'_>, request: &ChatRequest) {
    if !request.tools.is_empty() {
        object.member("tools", |value| write_tools(value, &request.tools));
    }
    match calling(request) {
        Ok(Some(calling)) => object.object("toolConfig", |object| {
            object.object("functionCallingConfig", |object| {
                object.text("mode", calling.mode);
                if !calling.names.is_empty() {
                    object.member("allowedFunctionNames", |value| {
                        value.each(&calling.names, |value, name| value.text(name));
                    });
                }
            });
        }),
        Ok(None) => {}
        Err(fault) => object.blame(fault.inside("tool_choice")),
    }
}

/// Functions are one tool of Gemini's; what else there is are others.
fn write_tools(writer: &mut Writer, tools: &[Tool]) {
    let functions: Vec<_> = tools
        .iter()
        .filter_map(|tool| match &tool.kind {
            Some(Kind::Function(function)) => Some((tool, function)),
            Some(Kind::OtherJson(_)) | None => None,
        })
        .collect();
    writer.list(|list| {
        if !functions.is_empty() {
            list.element(|value| {
                value.object(|object| {
                    object.member("functionDeclarations", |value| {
                        value.each(&functions, |value, (tool, function)| {
                            write_function(value, tool, function)
                        });
                    });
                });
            });
        }
        for tool in tools {
            match &tool.kind {
                Some(Kind::Function(_)) => {}
                Some(Kind::OtherJson(other)) => list.element(|value| write_other(value, other)),
                None => list.element(|value| {
                    value.blame(Malformed::new("set function or other_json"));
                    value.null();
                }),
            }
        }
    });
}

/// A schema in full goes into `parametersJsonSchema`; `parameters` would take a part of the language only.
fn write_function(writer: &mut Writer, tool: &Tool, function: &FunctionTool) {
    writer.object(|object| {
        object.text("name", &function.name);
        object.optional_text("description", function.description.as_deref());
        object.optional_raw("parametersJsonSchema", function.parameters_json.as_deref());
        object.extras(&function.extra_json);
        object.extras(&tool.extra_json);
    });
}

/// A tool of Gemini's own, `{"googleSearch": {}}`. OpenAI's JSON needs a `type` beside it, which Gemini does not know.
fn write_other(writer: &mut Writer, other: &str) {
    match Members::of(other.as_bytes()) {
        Ok(mut members) => {
            members.remove("type");
            writer.raw(&String::from_utf8_lossy(&members.write()));
        }
        Err(fault) => {
            writer.blame(fault);
            writer.null();
        }
    }
}

fn calling(request: &ChatRequest) -> Result<Option<Calling>, Malformed> {
    let is_strict = request
        .tools
        .iter()
        .any(|tool| matches!(&tool.kind, Some(Kind::Function(function)) if function.strict == Some(true)));
    // Free to call or not, but with arguments that match the schema.
    let free = if is_strict { "VALIDATED" } else { "AUTO" };
    let of = |mode, names| Ok(Some(Calling { mode, names }));
    match request.tool_choice.as_ref().and_then(|choice| choice.choice.as_ref()) {
        None if is_strict => of(free, Vec::new()),
        None => Ok(None),
        Some(Choice::Mode(mode)) => match ToolChoiceMode::try_from(*mode) {
            Ok(ToolChoiceMode::Required) => of("ANY", Vec::new()),
            // There is nothing to choose from; Gemini would refuse to be told how.
            Ok(_) if request.tools.is_empty() => Ok(None),
            Ok(ToolChoiceMode::Auto | ToolChoiceMode::Unspecified) => of(free, Vec::new()),
            Ok(ToolChoiceMode::None) => of("NONE", Vec::new()),
            Err(_) => Err(Malformed::new("not a mode that this version knows")),
        },
        Some(Choice::FunctionName(name)) => of("ANY", vec![name.clone()]),
        Some(Choice::OtherJson(json)) => read_allowed(json).map(Some),
    }
}

/// OpenAI's choice among some of the tools: `{"type": "allowed_tools", "allowed_tools": {"mode": ..., "tools": [...]}}`.
fn read_allowed(json: &str) -> Result<Calling, Malformed> {
    let (mut mode, mut names) = (None, Vec::new());
    json::read(json.as_bytes(), |reader| {
        reader.object(|reader, name| match name {
            "allowed_tools" => reader.object(|reader, name| {
                match name {
                    "mode" => mode = Some(reader.string()?),
                    "tools" => names = reader.list(read_name)?,
                    _ => reader.skip()?,
                }
                Ok(())
            }),
            _ => reader.skip(),
        })
    })?;
    let mode = match mode.as_deref() {
        Some("auto") => "VALIDATED",
        Some("required") => "ANY",
        _ => {
            return Err(Malformed::new("use auto, none, required, a function, or allowed_tools with a mode"));
        }
    };
    Ok(Calling { mode, names })
}

fn read_name(reader: &mut Reader<'_>) -> Result<String, Malformed> {
    let mut function = None;
    reader.object(|reader, name| match name {
        "function" => reader.object(|reader, name| match name {
            "name" => {
                function = Some(reader.string()?);
                Ok(())
            }
            _ => reader.skip(),
        }),
        _ => reader.skip(),
    })?;
    function.ok_or_else(|| Malformed::new("only functions can be allowed; name one"))
}
