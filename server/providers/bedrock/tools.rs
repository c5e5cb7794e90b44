//! Tools, the choice among them, and the form of the answer, which may be one more tool.

use super::{
    ability::Ability,
    content::{cache_point, has_more, tell},
};
use crate::{
    proto::v1::{
        ChatRequest, FunctionTool, JsonSchemaFormat, Tool, ToolChoiceMode, response_format::Format,
        tool::Kind, tool_choice::Choice as Chosen,
    },
    wire::json::{self, Malformed, Object, Writer},
};

/// The tool by which a model answers in a form that it would not keep by itself. What it is called with is the answer.
pub(super) const ANSWER: &str = "sluicegate_json_answer";

const ANSWER_HELP: &str = "Gives the answer. Call this tool, once, to answer.";
const ANY_OBJECT: &str = r#"{"type":"object"}"#;
const NO_ARGUMENTS: &str = r#"{"type":"object","properties":{}}"#;

/// What a request says about tools and form.
pub(super) struct Tools<'a> {
    /// Tools of the caller, and perhaps the answer.
    listed: Vec<String>,
    choice: Option<Choice<'a>>,
    /// The schema that the model itself keeps to.
    schema: Option<&'a JsonSchemaFormat>,
    /// Whether the choice stands among the fields of the model, as Converse's own cannot say all of it.
    one_by_one: bool,
}

/// Which tool must be called.
enum Choice<'a> {
    Auto,
    Any,
    Named(&'a str),
}

/// The answer's form.
enum Form<'a> {
    Text,
    /// The model keeps to it.
    Kept(&'a JsonSchemaFormat),
    /// By the tool [`ANSWER`], with this schema.
    Called(&'a str, Option<&'a str>),
}

impl<'a> Tools<'a> {
    /// `has_calls`: whether tools were called in the conversation.
    pub(super) fn of(
        request: &'a ChatRequest,
        ability: Ability,
        has_calls: bool,
        dropped: &mut Vec<&'static str>,
    ) -> Result<Self, Malformed> {
        let form = form(request, ability, dropped)?;
        let mut tools = Self { listed: Vec::new(), choice: None, schema: None, one_by_one: false };
        let forbidden = tools.choose(request, &form, has_calls)?;
        if !forbidden {
            for (index, tool) in request.tools.iter().enumerate() {
                let place = |fault: Malformed| fault.inside_element(index).inside("tools");
                tools.listed.extend(write_tool(tool, ability, dropped).map_err(place)?);
            }
        }
        match form {
            Form::Called(schema, help) if tools.calls_answer(request) => {
                tools.listed.push(spec(ANSWER, Some(help.unwrap_or(ANSWER_HELP)), schema, None));
            }
            Form::Kept(schema) => tools.schema = Some(schema),
            Form::Text | Form::Called(..) => {}
        }
        let one_by_one = request.parallel_tool_calls == Some(false) && !tools.listed.is_empty();
        tools.one_by_one = one_by_one && ability.calls_one_by_one;
        tell(dropped, "parallel_tool_calls", one_by_one && !ability.calls_one_by_one);
        Ok(tools)
    }

    /// Decides what must be called. Returns whether the caller's tools must not even be offered.
    fn choose(
        &mut self,
        request: &'a ChatRequest,
        form: &Form<'_>,
        has_calls: bool,
    ) -> Result<bool, Malformed> {
        let wrong = |message: &str| Err(Malformed::new(message).inside("tool_choice"));
        let called = matches!(form, Form::Called(..));
        let mode = match request.tool_choice.as_ref().and_then(|choice| choice.choice.as_ref()) {
            Some(Chosen::FunctionName(name)) => {
                self.choice = Some(Choice::Named(name));
                return Ok(false);
            }
            Some(Chosen::OtherJson(_)) => return wrong("Bedrock knows auto, required, none and a function"),
            Some(Chosen::Mode(mode)) => ToolChoiceMode::try_from(*mode).unwrap_or_default(),
            None => ToolChoiceMode::Unspecified,
        };
        let choice = match mode {
            ToolChoiceMode::Required => Some(Choice::Any),
            ToolChoiceMode::None if called => Some(Choice::Named(ANSWER)),
            ToolChoiceMode::None if has_calls => {
                return wrong(
                    "Bedrock cannot forbid tools where some were called before; leave it out, or take the calls and \
                     their results out of messages",
                );
            }
            ToolChoiceMode::None => None,
            ToolChoiceMode::Auto | ToolChoiceMode::Unspecified if called => {
                Some(if request.tools.is_empty() { Choice::Named(ANSWER) } else { Choice::Any })
            }
            ToolChoiceMode::Auto => (!request.tools.is_empty()).then_some(Choice::Auto),
            ToolChoiceMode::Unspecified => None,
        };
        self.choice = choice;
        // Tools that were called must stay known.
        Ok(mode == ToolChoiceMode::None && !has_calls)
    }

    /// Whether the answer may come by its tool: not where the caller wants one of its own called.
    fn calls_answer(&self, request: &ChatRequest) -> bool {
        let wanted = request.tool_choice.as_ref().and_then(|choice| choice.choice.as_ref());
        let required =
            matches!(wanted, Some(Chosen::Mode(mode)) if *mode == i32::from(ToolChoiceMode::Required));
        !required && !matches!(&self.choice, Some(Choice::Named(name)) if *name != ANSWER)
    }

    /// Appends `toolConfig`, if there are tools.
    pub(super) fn write(&self, object: &mut Object<'_>) {
        if self.listed.is_empty() {
            return;
        }
        object.object("toolConfig", |object| {
            object.member("tools", |value| value.each(&self.listed, |value, tool| value.raw(tool)));
            if let Some(choice) = self.choice.as_ref().filter(|_| !self.one_by_one) {
                object.object("toolChoice", |object| match choice {
                    Choice::Auto => object.object("auto", |_| {}),
                    Choice::Any => object.object("any", |_| {}),
                    Choice::Named(name) => object.object("tool", |object| object.text("name", name)),
                });
            }
        });
    }

    /// Appends Anthropic's own `tool_choice`, where calls must come one by one. Beside Converse's it would be refused.
    pub(super) fn write_field(&self, object: &mut Object<'_>) {
        if !self.one_by_one {
            return;
        }
        object.object("tool_choice", |object| {
            match &self.choice {
                None | Some(Choice::Auto) => object.text("type", "auto"),
                Some(Choice::Any) => object.text("type", "any"),
                Some(Choice::Named(name)) => {
                    object.text("type", "tool");
                    object.text("name", name);
                }
            }
            object.optional_boolean("disable_parallel_tool_use", Some(true));
        });
    }

    /// Appends `textFormat`, where the model keeps to a schema by itself.
    pub(super) fn write_format(&self, object: &mut Object<'_>) {
        let Some(format) = self.schema else { return };
        object.object("textFormat", |object| {
            object.text("type", "json_schema");
            object.object("structure", |object| {
                object.object("jsonSchema", |object| {
                    // Bedrock wants the schema as text.
                    object.text("schema", format.schema_json.as_deref().unwrap_or(ANY_OBJECT));
                    object.optional_text("name", Some(format.name.as_str()).filter(|name| !name.is_empty()));
                    object.optional_text("description", format.description.as_deref());
                });
            });
        });
    }

    /// Whether there is a schema that the model keeps to by itself.
    pub(super) fn has_format(&self) -> bool {
        self.schema.is_some()
    }
}

fn form<'a>(
    request: &'a ChatRequest,
    ability: Ability,
    dropped: &mut Vec<&'static str>,
) -> Result<Form<'a>, Malformed> {
    let Some(format) = &request.response_format else { return Ok(Form::Text) };
    tell(dropped, "response_format.extra_json", has_more(&format.extra_json));
    match &format.format {
        None | Some(Format::Text(_)) => Ok(Form::Text),
        Some(Format::JsonObject(_)) => Ok(Form::Called(ANY_OBJECT, None)),
        Some(Format::JsonSchema(schema)) => {
            tell(dropped, "response_format.extra_json", has_more(&schema.extra_json));
            let json = schema.schema_json.as_deref().unwrap_or(ANY_OBJECT);
            json::read(json.as_bytes(), |reader| reader.raw_object().map(drop))
                .map_err(|fault| fault.inside("schema").inside("json_schema").inside("response_format"))?;
            if ability.keeps_schemas {
                Ok(Form::Kept(schema))
            } else {
                Ok(Form::Called(json, schema.description.as_deref().filter(|help| !help.is_empty())))
            }
        }
        Some(Format::OtherJson(_)) => {
            Err(Malformed::new("Bedrock knows text, json_object and json_schema").inside("response_format"))
        }
    }
}

/// A tool, and the mark behind it where the prompt is to be cached up to it.
fn write_tool(
    tool: &Tool,
    ability: Ability,
    dropped: &mut Vec<&'static str>,
) -> Result<Vec<String>, Malformed> {
    let mut out = Vec::new();
    tell(dropped, "tools.extra_json", has_more(&tool.extra_json));
    match &tool.kind {
        Some(Kind::Function(function)) => out.push(write_function(function, ability, dropped)?),
        Some(Kind::OtherJson(json)) => out.push(system_tool(json)?),
        None => return Err(Malformed::required("function")),
    }
    out.extend(tool.cache.as_ref().map(cache_point));
    Ok(out)
}

fn write_function(
    function: &FunctionTool,
    ability: Ability,
    dropped: &mut Vec<&'static str>,
) -> Result<String, Malformed> {
    tell(dropped, "tools.extra_json", has_more(&function.extra_json));
    tell(dropped, "tools.strict", function.strict == Some(true) && !ability.keeps_schemas);
    let parameters = function.parameters_json.as_deref().unwrap_or(NO_ARGUMENTS);
    json::read(parameters.as_bytes(), |reader| reader.raw_object().map(drop))
        .map_err(|fault| fault.inside("parameters").inside("function"))?;
    let help = function.description.as_deref().filter(|help| !help.is_empty());
    Ok(spec(&function.name, help, parameters, function.strict.filter(|_| ability.keeps_schemas)))
}

fn spec(name: &str, help: Option<&str>, schema: &str, strict: Option<bool>) -> String {
    Writer::text_of(|object| {
        object.object("toolSpec", |object| {
            object.text("name", name);
            object.optional_text("description", help);
            object.object("inputSchema", |object| object.optional_raw("json", Some(schema)));
            object.optional_boolean("strict", strict);
        });
    })
}

/// A tool that Bedrock runs: `{"type": "systemTool", "systemTool": {"name": ...}}`.
fn system_tool(json: &str) -> Result<String, Malformed> {
    let mut system = None;
    json::read(json.as_bytes(), |reader| {
        reader.object(|reader, name| match name {
            "systemTool" => {
                system = Some(reader.raw_object()?.to_owned());
                Ok(())
            }
            _ => reader.skip(),
        })
    })?;
    let tool =
        system.ok_or_else(|| Malformed::new("Bedrock knows function and systemTool").inside("type"))?;
    Ok(Writer::text_of(|object| object.optional_raw("systemTool", Some(&tool))))
}
