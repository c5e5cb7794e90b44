//! What the model says.

use serde_json::{Value, json};

use super::{
    body::{Bound, Refused},
    question::{Chat, Format, fingerprint},
    schema, text, tools,
};

/// One answer of those that `n` asks for, cut to the limit.
pub(super) struct Choice {
    /// Pieces of the text. `None`: there are tool calls instead.
    pub(super) text: Option<Vec<String>>,
    /// Calls of tools.
    pub(super) calls: Vec<Call>,
    /// OpenAI's word for why it ended.
    pub(super) finish: &'static str,
    /// Tokens written.
    pub(super) tokens: usize,
}

/// A call of a tool.
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    /// Pieces of the JSON text of the arguments.
    pub(super) arguments: Vec<String>,
}

/// Several answers to one question begin differently.
const OPENINGS: [&str; 4] = ["Hello!", "Good to hear from you!", "Hi there!", "Greetings!"];

/// As many answers as are wanted. What a schema asks for is made once, for it is the same in all.
pub(super) fn choices(chat: &Chat<'_>) -> Result<Vec<Choice>, Refused> {
    let mut bound = Bound::new(chat.logprobs);
    let called = tools::called(&chat.tools, chat.messages);
    let mut formed = String::new();
    if let (Format::Schema(schema), true) = (&chat.format, called.is_empty()) {
        formed = made("response_format", schema)?.to_string();
    }
    let mut wishes = Vec::new();
    for tool in called {
        let arguments = match tool.parameters {
            Some(schema) => made("tools", schema)?.to_string(),
            None => "{}".to_owned(),
        };
        bound.take(text::count(&arguments))?;
        wishes.push((tool.name, arguments));
    }
    let mut bound = Bound::new(chat.logprobs);
    let mut choices = Vec::new();
    for index in 0..chat.choices {
        let choice = if wishes.is_empty() {
            match &chat.format {
                Format::Text => spoken(&words(chat, index), chat),
                Format::AnyObject => spoken(&json!({"answer": words(chat, index)}).to_string(), chat),
                Format::Schema(_) => spoken(&formed, chat),
            }
        } else {
            calls(chat, &wishes, index)
        };
        bound.take(choice.tokens)?;
        choices.push(choice);
    }
    Ok(choices)
}

/// How many images a message holds.
pub(super) fn images(message: &Value) -> usize {
    let parts = message.get("content").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    parts.iter().filter(|part| part.get("type").and_then(Value::as_str) == Some("image_url")).count()
}

fn spoken(said: &str, chat: &Chat<'_>) -> Choice {
    let said = text::before(said, &chat.stop);
    let mut pieces: Vec<_> = text::pieces(said).into_iter().map(str::to_owned).collect();
    let limit = chat.limit.unwrap_or(usize::MAX);
    let finish = if pieces.len() > limit { "length" } else { "stop" };
    pieces.truncate(limit);
    Choice { tokens: pieces.len(), text: Some(pieces), calls: Vec::new(), finish }
}

/// The limit cuts calls as it cuts text: what a real model does, and what a client must bear.
fn calls(chat: &Chat<'_>, wishes: &[(&str, String)], index: usize) -> Choice {
    let limit = chat.limit.unwrap_or(usize::MAX);
    let seed = format!("{:x} {index}", fingerprint(chat.messages));
    let mut written = Choice { text: None, calls: Vec::new(), finish: "tool_calls", tokens: 0 };
    for (rank, (name, arguments)) in wishes.iter().enumerate() {
        let name_tokens = text::count(name);
        if written.tokens + name_tokens > limit {
            written.finish = "length";
            break;
        }
        written.tokens += name_tokens;
        let mut pieces: Vec<_> = text::pieces(arguments).into_iter().map(str::to_owned).collect();
        if written.tokens + pieces.len() > limit {
            written.finish = "length";
            pieces.truncate(limit - written.tokens);
        }
        written.tokens += pieces.len();
        let rank = rank.to_string();
        written.calls.push(Call {
            id: format!("call_{:016x}", text::hash([seed.as_str(), name, &rank])),
            name: (*name).to_owned(),
            arguments: pieces,
        });
    }
    written
}

fn made(param: &str, schema: &Value) -> Result<Value, Refused> {
    schema::sample(schema).ok_or_else(|| {
        Refused::wrong(param, "the demo model finds no small value that fits this schema; make it simpler")
    })
}

fn words(chat: &Chat<'_>, index: usize) -> String {
    let role = |message: &Value| message.get("role").and_then(Value::as_str).map(str::to_owned);
    let is_result = |message: &&Value| matches!(role(message).as_deref(), Some("tool" | "function"));
    let mut results: Vec<_> = chat
        .messages
        .iter()
        .rev()
        .take_while(is_result)
        .map(|message| text::quote(&text::content(message)))
        .collect();
    results.reverse();
    match results.len() {
        0 => {}
        1 => return format!("The tool answered: {}", results.join("")),
        _ => return format!("The tools answered: {}", results.join(" and ")),
    }
    let opening = OPENINGS.get(index % OPENINGS.len()).copied().unwrap_or_default();
    let opening = format!("{opening} This is the demo model of Sluicegate.");
    let asked = chat.messages.iter().rev().find(|message| role(message).as_deref() == Some("user"));
    let Some(asked) = asked else { return format!("{opening} Say something and I will quote it.") };
    let seen = match images(asked) {
        0 => String::new(),
        1 => " I also see an image.".to_owned(),
        several => format!(" I also see {several} images."),
    };
    format!("{opening} You said: {}{seen}", text::quote(&text::content(asked)))
}
