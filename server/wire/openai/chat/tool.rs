//! Tools, the choice among them, and the form of the answer.

use super::part::{read_cache, write_cache};
use crate::{
    proto::v1::{
        FunctionTool, JsonObjectFormat, JsonSchemaFormat, ResponseFormat, TextFormat, Tool, ToolChoice,
        ToolChoiceMode, response_format::Format, tool::Kind as ToolKind, tool_choice::Choice,
    },
    wire::{
        json::{Kind, Malformed, Object, Reader, Writer},
        openai::text_member,
    },
};

/// Takes one element of `tools`.
pub(super) fn read_tool(reader: &mut Reader<'_>) -> Result<Tool, Malformed> {
    let json = reader.raw_object()?;
    let kind = text_member(json, "type")?;
    if kind.is_some_and(|kind| kind != "function") {
        return Ok(Tool { kind: Some(ToolKind::OtherJson(json.to_owned())), ..Tool::default() });
    }
    let (mut tool, mut function) = (Tool::default(), None);
    Reader::over(json).object(|reader, name| match name {
        "type" => reader.skip(),
        "function" => {
            function = Some(read_function(reader)?);
            Ok(())
        }
        "cache_control" => read_cache(reader, &mut tool.cache, &mut tool.extra_json),
        _ => reader.keep(&mut tool.extra_json, name),
    })?;
    tool.kind = Some(ToolKind::Function(function.ok_or_else(|| Malformed::required("function"))?));
    Ok(tool)
}

fn read_function(reader: &mut Reader<'_>) -> Result<FunctionTool, Malformed> {
    let (mut function, mut named) = (FunctionTool::default(), false);
    reader.object(|reader, name| {
        match name {
            "name" => (function.name, named) = (reader.string()?, true),
            "description" => function.description = Some(reader.string()?),
            "parameters" => function.parameters_json = Some(reader.raw()?.to_owned()),
            "strict" => function.strict = Some(reader.boolean()?),
            _ => reader.keep(&mut function.extra_json, name)?,
        }
        Ok(())
    })?;
    if named { Ok(function) } else { Err(Malformed::required("name")) }
}

/// Appends one element of `tools`.
pub(super) fn write_tool(writer: &mut Writer, tool: &Tool) {
    let function = match &tool.kind {
        Some(ToolKind::Function(function)) => function,
        Some(ToolKind::OtherJson(json)) => return writer.raw(json),
        None => {
            writer.blame(Malformed::new("set function or other_json"));
            return writer.null();
        }
    };
    writer.object(|object| {
        object.text("type", "function");
        object.object("function", |object| {
            object.text("name", &function.name);
            object.optional_text("description", function.description.as_deref());
            object.optional_raw("parameters", function.parameters_json.as_deref());
            object.optional_boolean("strict", function.strict);
            object.extras(&function.extra_json);
        });
        write_cache(object, tool.cache.as_ref());
        object.extras(&tool.extra_json);
    });
}

/// Takes `tool_choice`.
pub(super) fn read_choice(reader: &mut Reader<'_>) -> Result<ToolChoice, Malformed> {
    if !matches!(reader.kind(), Kind::Text | Kind::Object) {
        return Err(reader.found("a string or an object"));
    }
    let json = reader.raw()?;
    let choice = match json {
        "\"auto\"" => Choice::Mode(ToolChoiceMode::Auto.into()),
        "\"none\"" => Choice::Mode(ToolChoiceMode::None.into()),
        "\"required\"" => Choice::Mode(ToolChoiceMode::Required.into()),
        _ => match named_function(json) {
            Some(name) => Choice::FunctionName(name),
            None => Choice::OtherJson(json.to_owned()),
        },
    };
    Ok(ToolChoice { choice: Some(choice) })
}

/// The name in `{"type": "function", "function": {"name": ...}}`, if nothing else stands there.
fn named_function(json: &str) -> Option<String> {
    let (mut kind, mut function, mut only) = (None, None, true);
    let read = Reader::over(json).object(|reader, name| {
        match name {
            "type" => kind = Some(reader.text()?),
            "function" => reader.object(|reader, name| {
                match name {
                    "name" => function = Some(reader.string()?),
                    _ => (only, _) = (false, reader.skip()?),
                }
                Ok(())
            })?,
            _ => (only, _) = (false, reader.skip()?),
        }
        Ok(())
    });
    function.filter(|_| read.is_ok() && only && kind.as_deref() == Some("function"))
}

/// Appends `tool_choice`.
pub(super) fn write_choice(object: &mut Object<'_>, choice: &ToolChoice) {
    object.member("tool_choice", |value| match &choice.choice {
        Some(Choice::Mode(mode)) => match ToolChoiceMode::try_from(*mode) {
            Ok(ToolChoiceMode::Auto | ToolChoiceMode::Unspecified) => value.text("auto"),
            Ok(ToolChoiceMode::None) => value.text("none"),
            Ok(ToolChoiceMode::Required) => value.text("required"),
            Err(_) => {
                value.blame(Malformed::new("not a mode that this version knows"));
                value.null();
            }
        },
        Some(Choice::FunctionName(name)) => value.object(|object| {
            object.text("type", "function");
            object.object("function", |object| object.text("name", name));
        }),
        Some(Choice::OtherJson(json)) => value.raw(json),
        None => value.text("auto"),
    });
}

/// Takes `response_format`.
pub(super) fn read_format(reader: &mut Reader<'_>) -> Result<ResponseFormat, Malformed> {
    let json = reader.raw_object()?;
    let kind = text_member(json, "type")?;
    let known = match kind.as_deref() {
        Some("text") => Format::Text(TextFormat {}),
        Some("json_object") => Format::JsonObject(JsonObjectFormat {}),
        Some("json_schema") => Format::JsonSchema(JsonSchemaFormat::default()),
        _ => {
            return Ok(ResponseFormat {
                format: Some(Format::OtherJson(json.to_owned())),
                ..ResponseFormat::default()
            });
        }
    };
    let mut format = ResponseFormat { format: Some(known), ..ResponseFormat::default() };
    let mut schema = None;
    Reader::over(json).object(|reader, name| match name {
        "type" => reader.skip(),
        "json_schema" if matches!(format.format, Some(Format::JsonSchema(_))) => {
            schema = Some(read_schema(reader)?);
            Ok(())
        }
        _ => reader.keep(&mut format.extra_json, name),
    })?;
    if let Some(Format::JsonSchema(empty)) = &mut format.format {
        *empty = schema.ok_or_else(|| Malformed::required("json_schema"))?;
    }
    Ok(format)
}

fn read_schema(reader: &mut Reader<'_>) -> Result<JsonSchemaFormat, Malformed> {
    let mut schema = JsonSchemaFormat::default();
    reader.object(|reader, name| {
        match name {
            "name" => schema.name = reader.string()?,
            "description" => schema.description = Some(reader.string()?),
            "schema" => schema.schema_json = Some(reader.raw()?.to_owned()),
            "strict" => schema.strict = Some(reader.boolean()?),
            _ => reader.keep(&mut schema.extra_json, name)?,
        }
        Ok(())
    })?;
    Ok(schema)
}

/// Appends `response_format`.
pub(super) fn write_format(object: &mut Object<'_>, format: &ResponseFormat) {
    if let Some(Format::OtherJson(json)) = &format.format {
        return object.optional_raw("response_format", Some(json));
    }
    object.object("response_format", |object| {
        match &format.format {
            Some(Format::Text(_)) | None => object.text("type", "text"),
            Some(Format::JsonObject(_)) => object.text("type", "json_object"),
            Some(Format::JsonSchema(schema)) => {
                object.text("type", "json_schema");
                object.object("json_schema", |object| {
                    object.text("name", &schema.name);
                    object.optional_text("description", schema.description.as_deref());
                    object.optional_raw("schema", schema.schema_json.as_deref());
                    object.optional_boolean("strict", schema.strict);
                    object.extras(&schema.extra_json);
                });
            }
            // Written above.
            Some(Format::OtherJson(_)) => {}
        }
        object.extras(&format.extra_json);
    });
}
