//! A conversation as the vendor wants it: instructions apart, results of tools in one turn of the user.

use super::{
    block::{self, Block},
    model::Model,
};
use crate::{
    proto::v1::{Message, Role, part::Content},
    wire::json::Malformed,
};

/// Instructions and turns.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Conversation {
    pub(super) system: Vec<Block>,
    pub(super) turns: Vec<Turn>,
}

/// What one side says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) role: &'static str,
    pub(super) blocks: Vec<Block>,
}

const SYSTEM: &str = "system";
const USER: &str = "user";
const ASSISTANT: &str = "assistant";

/// Reads it. What has no place and changes nothing is told in `dropped`.
///
/// # Errors
/// When the vendor cannot take a message; names it.
pub(super) fn read(
    messages: &[Message],
    model: Model,
    dropped: &mut Vec<&'static str>,
) -> Result<Conversation, Malformed> {
    let mut conversation = Conversation::default();
    for (index, message) in messages.iter().enumerate() {
        let place = |fault: Malformed| fault.inside_element(index).inside("messages");
        let role = role_of(message).map_err(place)?;
        let blocks = blocks_of(message, dropped).map_err(place)?;
        tell(message, dropped).map_err(place)?;
        conversation.add(role, blocks, model);
    }
    conversation.settle();
    Ok(conversation)
}

/// Whether tools were called and the thoughts that led there are missing.
pub(super) fn lost_thoughts(messages: &[Message]) -> bool {
    let called = |message: &&Message| {
        message.role() == Role::Assistant
            && message.parts.iter().any(|part| matches!(part.content, Some(Content::ToolCall(_))))
    };
    let open = messages.iter().rev().take_while(|message| message.role() != Role::User);
    let mut open = open.filter(called);
    open.any(|message| {
        let thought = message.parts.iter().find_map(|part| match &part.content {
            Some(Content::Thinking(thinking)) => Some(!thinking.signature.is_empty()),
            Some(Content::RedactedThinking(_)) => Some(true),
            _ => None,
        });
        thought != Some(true)
    })
}

fn role_of(message: &Message) -> Result<&'static str, Malformed> {
    let wrong = |text: String| Err(Malformed::new(text).inside("role"));
    match message.role() {
        Role::System | Role::Developer => Ok(SYSTEM),
        Role::User | Role::Tool => Ok(USER),
        Role::Assistant => Ok(ASSISTANT),
        Role::Function => {
            wrong("this provider has no functions; use tools and a message of role tool".to_owned())
        }
        Role::Unspecified if message.role_text.is_empty() => wrong("required, but not set".to_owned()),
        Role::Unspecified => wrong(format!(
            "this provider knows no {:?}; use system, developer, user, assistant or tool",
            message.role_text
        )),
    }
}

fn blocks_of(message: &Message, dropped: &mut Vec<&'static str>) -> Result<Vec<Block>, Malformed> {
    let is_system = matches!(message.role(), Role::System | Role::Developer);
    // Members of a message that its last part, or each result in it, takes.
    let mark = message.extra_json.get("cache_control");
    let is_error = message.extra_json.get("is_error");
    let mut blocks = Vec::new();
    for (index, part) in message.parts.iter().enumerate() {
        let place = |fault: Malformed| fault.inside_element(index).inside("content");
        if is_system && !matches!(part.content, Some(Content::Text(_) | Content::Other(_))) {
            return Err(place(Malformed::new("instructions are text for this provider")));
        }
        let last = index + 1 == message.parts.len();
        let of_message = [
            ("cache_control", mark.filter(|_| last && part.cache.is_none())),
            ("is_error", is_error.filter(|_| is_result(&part.content))),
        ];
        let mut part = std::borrow::Cow::Borrowed(part);
        for (name, json) in of_message {
            if let Some(json) = json {
                part.to_mut().extra_json.entry(name.to_owned()).or_insert_with(|| json.clone());
            }
        }
        blocks.extend(block::of(&part, dropped).map_err(place)?);
    }
    // The vendor refuses texts without a letter; beside other blocks they say nothing.
    if blocks.len() > 1 || message.role() == Role::Assistant {
        blocks.retain(|block| !matches!(block, Block::Text(text) if text.trim().is_empty()));
    }
    Ok(blocks)
}

fn is_result(content: &Option<Content>) -> bool {
    matches!(content, Some(Content::ToolResult(_)))
}

/// Tells which members of a message have no place.
fn tell(message: &Message, dropped: &mut Vec<&'static str>) -> Result<(), Malformed> {
    if message.name.is_some() && !matches!(message.role(), Role::Tool) {
        dropped.push("messages.name");
    }
    for (name, json) in &message.extra_json {
        match name.as_str() {
            _ if is_empty(json) => {}
            "cache_control" | "is_error" => {}
            "function_call" => {
                let message = "this provider has no functions; use tools and tool_calls";
                return Err(Malformed::new(message).inside("function_call"));
            }
            "reasoning_content" | "reasoning" => dropped.push("reasoning_content"),
            // Clients send back what answers of other vendors held.
            _ => dropped.push("messages.*"),
        }
    }
    Ok(())
}

fn is_empty(json: &str) -> bool {
    matches!(json.trim(), "[]" | "{}" | "\"\"")
}

// === impl Conversation ===

impl Conversation {
    fn add(&mut self, role: &'static str, blocks: Vec<Block>, model: Model) {
        if role == SYSTEM && (self.turns.is_empty() || !model.takes_system_turns()) {
            self.system.extend(blocks);
            return;
        }
        // An assistant that said nothing had no turn.
        if role == ASSISTANT && blocks.is_empty() {
            return;
        }
        match self.turns.last_mut() {
            // All results of the calls of one turn must stand in the next.
            Some(last)
                if role == last.role && (role == SYSTEM || (last.is_results() && results(&blocks))) =>
            {
                last.blocks.extend(blocks);
            }
            _ => self.turns.push(Turn { role, blocks }),
        }
    }

    /// Instructions between turns may stand only behind a turn of the user and before one of the assistant; elsewhere they
    /// join those at the top.
    fn settle(&mut self) {
        let mut at = 0;
        while at < self.turns.len() {
            let role = |at: usize| self.turns.get(at).map(|turn| turn.role);
            let fits = at > 0 && role(at - 1) == Some(USER) && role(at + 1) != Some(USER);
            if role(at) == Some(SYSTEM) && !fits {
                self.system.extend(self.turns.remove(at).blocks);
            } else {
                at += 1;
            }
        }
    }
}

// === impl Turn ===

impl Turn {
    fn is_results(&self) -> bool {
        results(&self.blocks)
    }
}

fn results(blocks: &[Block]) -> bool {
    !blocks.is_empty() && blocks.iter().all(|block| matches!(block, Block::Json { is_result: true, .. }))
}
