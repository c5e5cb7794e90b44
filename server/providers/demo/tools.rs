//! Which tools are called.

use serde_json::Value;

use super::{
    body::{Body, Refused},
    text,
};

/// A function that may be called.
pub(super) struct Tool<'a> {
    pub(super) name: &'a str,
    /// The JSON Schema of its arguments.
    pub(super) parameters: Option<&'a Value>,
}

/// The tools on offer and the caller's wish.
pub(super) struct Offer<'a> {
    tools: Vec<Tool<'a>>,
    wish: Wish<'a>,
    /// Whether one answer may call several.
    several: bool,
}

enum Wish<'a> {
    Never,
    WhenNamed,
    Always,
    This(&'a str),
}

/// As many as OpenAI takes.
const MOST_TOOLS: usize = 128;

/// Words of a tool's name that say little of what it is about.
const LITTLE: [&str; 24] = [
    "get", "set", "list", "find", "fetch", "lookup", "look", "up", "query", "read", "make", "create", "do",
    "run", "call", "the", "a", "an", "of", "in", "for", "to", "by", "current",
];

/// Reads the members of the request that are about tools.
pub(super) fn read(body: &Body) -> Result<Offer<'_>, Refused> {
    let mut tools = Vec::new();
    if body.list("tools")?.len() > MOST_TOOLS {
        return Err(Refused::wrong("tools", format!("tools must be at most {MOST_TOOLS}")));
    }
    for (index, tool) in body.list("tools")?.iter().enumerate() {
        // Tools of other kinds are run by the vendor that invented them; nothing here runs them.
        if tool.get("type").and_then(Value::as_str).is_none_or(|kind| kind == "function") {
            let field = format!("tools[{index}].function.name");
            let function = tool.get("function").unwrap_or(&Value::Null);
            let name = function.get("name").and_then(Value::as_str);
            let name = name.ok_or_else(|| Refused::wrong(&field, format!("{field} must be a string")))?;
            let parameters = function.get("parameters").filter(|schema| !schema.is_null());
            tools.push(Tool { name, parameters });
        }
    }
    let wish = wish(body.get("tool_choice"), &mut tools)?;
    Ok(Offer { tools, wish, several: body.flag("parallel_tool_calls")?.unwrap_or(true) })
}

/// The tools that this answer calls, in order.
pub(super) fn called<'a>(offer: &'a Offer<'a>, messages: &[Value]) -> Vec<&'a Tool<'a>> {
    let last = messages.last().unwrap_or(&Value::Null);
    let is_user = last.get("role").and_then(Value::as_str) == Some("user");
    let asked = if is_user { text::content(last) } else { String::new() };
    let mut called = match offer.wish {
        Wish::Never => Vec::new(),
        Wish::WhenNamed => named(&offer.tools, &asked),
        Wish::This(name) => offer.tools.iter().filter(|tool| tool.name == name).take(1).collect(),
        Wish::Always => {
            let named = named(&offer.tools, &asked);
            if named.is_empty() { offer.tools.iter().take(1).collect() } else { named }
        }
    };
    if !offer.several {
        called.truncate(1);
    }
    called
}

fn wish<'a>(choice: Option<&'a Value>, tools: &mut Vec<Tool<'a>>) -> Result<Wish<'a>, Refused> {
    const PARAM: &str = "tool_choice";
    let Some(choice) = choice else { return Ok(Wish::WhenNamed) };
    let mut mode = choice.as_str();
    if choice.get("type").and_then(Value::as_str) == Some("allowed_tools") {
        let allowed = choice.get("allowed_tools").unwrap_or(&Value::Null);
        let list = allowed.get("tools").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        tools.retain(|tool| list.iter().any(|entry| function_name(entry) == Some(tool.name)));
        mode = allowed.get("mode").and_then(Value::as_str);
    }
    match (mode, function_name(choice)) {
        (Some("none"), _) => Ok(Wish::Never),
        (Some("auto"), _) => Ok(Wish::WhenNamed),
        (Some("required"), _) if tools.is_empty() => {
            Err(Refused::wrong(PARAM, "tool_choice requires a call, but tools offers no function"))
        }
        (Some("required"), _) => Ok(Wish::Always),
        (None, Some(name)) if tools.iter().any(|tool| tool.name == name) => Ok(Wish::This(name)),
        (None, Some(name)) => Err(Refused::wrong(
            PARAM,
            format!("tool_choice names the function \"{name}\", which is not in tools"),
        )),
        (Some(_) | None, _) => {
            Err(Refused::wrong(PARAM, "tool_choice must be none, auto, required, or name a function"))
        }
    }
}

fn function_name(choice: &Value) -> Option<&str> {
    choice.get("function")?.get("name")?.as_str()
}

/// The tools that a text names, in the order in which it names them.
fn named<'a>(tools: &'a [Tool<'a>], asked: &str) -> Vec<&'a Tool<'a>> {
    let asked_words = words(asked);
    let mut named: Vec<_> =
        tools.iter().filter_map(|tool| Some((place(tool.name, asked, &asked_words)?, tool))).collect();
    named.sort_by_key(|(place, _)| *place);
    named.into_iter().map(|(_, tool)| tool).collect()
}

/// The first word of the text that belongs to the name, if the text holds the name, or all of its telling words.
fn place(name: &str, asked: &str, asked_words: &[String]) -> Option<usize> {
    let all = words(name);
    let telling: Vec<_> = all.iter().filter(|word| !LITTLE.contains(&word.as_str())).collect();
    let needed = if telling.is_empty() { all.iter().collect() } else { telling };
    let places: Option<Vec<_>> =
        needed.iter().map(|needed| asked_words.iter().position(|word| word == *needed)).collect();
    match places {
        Some(places) if !places.is_empty() => places.into_iter().min(),
        Some(_) | None => asked.find(name).filter(|_| !name.is_empty()).map(|_| asked_words.len()),
    }
}

/// Lower-case words; `getWeather` and `get_weather` are two.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_small = false;
    for letter in text.chars() {
        let breaks = !letter.is_alphanumeric() || (after_small && letter.is_uppercase());
        if breaks {
            words.push(String::new());
        }
        if let (true, Some(word)) = (letter.is_alphanumeric(), words.last_mut()) {
            word.extend(letter.to_lowercase());
        }
        after_small = letter.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}
