//! Messages -> Converse's `system` and `messages`, in which user and assistant take turns.

use super::content::{Blocks, has_more};
use crate::{
    proto::v1::{Message, Role, part::Content},
    wire::json::{Malformed, Object},
};

/// A conversation as Converse wants it. Blocks are JSON text.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    system: Vec<String>,
    turns: Vec<Turn>,
    /// Whether a tool was called in it.
    pub(super) has_tools: bool,
}

#[derive(Debug)]
struct Turn {
    role: &'static str,
    blocks: Vec<String>,
}

impl Conversation {
    /// Messages of one role that follow each other become one turn, and results of tools the user's. What an operator
    /// says goes before all others, wherever it stands.
    pub(super) fn of(messages: &[Message], dropped: &mut Vec<&'static str>) -> Result<Self, Malformed> {
        let mut conversation = Self::default();
        let mut blocks = Blocks::new(dropped);
        for (index, message) in messages.iter().enumerate() {
            conversation
                .take(message, &mut blocks)
                .map_err(|fault| fault.inside_element(index).inside("messages"))?;
        }
        Ok(conversation)
    }

    fn take(&mut self, message: &Message, blocks: &mut Blocks<'_>) -> Result<(), Malformed> {
        let role = match message.role() {
            Role::System | Role::Developer => "",
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
            Role::Function | Role::Unspecified => {
                let message = "Bedrock knows system, user and assistant; call tools in place of functions";
                return Err(Malformed::new(message).inside("role"));
            }
        };
        blocks.tell("messages.name", message.name.is_some());
        blocks.tell("messages.extra_json", has_more(&message.extra_json));
        let mut written = Vec::new();
        for part in &message.parts {
            if role.is_empty() {
                blocks.write_system(part, &mut written)?;
            } else {
                self.has_tools |= matches!(part.content, Some(Content::ToolCall(_) | Content::ToolResult(_)));
                blocks.write(part, &mut written)?;
            }
        }
        match self.turns.last_mut() {
            _ if role.is_empty() => self.system.append(&mut written),
            Some(turn) if turn.role == role => turn.blocks.append(&mut written),
            _ if written.is_empty() => {}
            _ => self.turns.push(Turn { role, blocks: written }),
        }
        Ok(())
    }

    /// Appends `messages` and, where there is one, `system`.
    pub(super) fn write(&self, object: &mut Object<'_>) {
        object.member("messages", |value| {
            value.each(&self.turns, |value, turn| {
                value.object(|object| {
                    object.text("role", turn.role);
                    object
                        .member("content", |value| value.each(&turn.blocks, |value, block| value.raw(block)));
                });
            });
        });
        if !self.system.is_empty() {
            object.member("system", |value| value.each(&self.system, |value, block| value.raw(block)));
        }
    }
}
