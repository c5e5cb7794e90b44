//! Changes of a conversation that stricter vendors need. Each takes messages as any caller may send them.

use std::borrow::Cow;

use aws_lc_rs::digest;

use super::ChangeTurns;
use crate::{
    proto::v1::{ChatRequest, OtherPart, Part, Role, TextPart, part::Content, tool::Kind},
    wire::openai::chat::write_thinking,
};

const ID_LENGTH: usize = 9;
const NO_PARAMETERS: &str = r#"{"type":"object","properties":{}}"#;
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The request with these changes, and what they have taken out. Without changes nothing is copied.
pub(super) fn change<'a>(
    changes: &[ChangeTurns],
    request: &'a ChatRequest,
) -> (Cow<'a, ChatRequest>, Vec<&'static str>) {
    let mut request = Cow::Borrowed(request);
    let mut dropped = Vec::new();
    for change in changes {
        dropped.extend(change(request.to_mut()));
    }
    (request, dropped)
}

/// For vendors that refuse names of speakers. Those of tools stay.
pub fn drop_names(request: &mut ChatRequest) -> Option<&'static str> {
    let mut dropped = false;
    for message in
        request.messages.iter_mut().filter(|message| !matches!(message.role(), Role::Tool | Role::Function))
    {
        dropped |= message.name.take().is_some();
    }
    dropped.then_some("messages.name")
}

/// For vendors that know no developers.
pub fn speak_as_system(request: &mut ChatRequest) -> Option<&'static str> {
    for message in request.messages.iter_mut().filter(|message| message.role() == Role::Developer) {
        message.role = Role::System.into();
    }
    None
}

/// For vendors that want reasoning back as an element of the content. One without text says nothing to them.
pub fn think_in_content(request: &mut ChatRequest) -> Option<&'static str> {
    for message in &mut request.messages {
        message.parts.retain(
            |part| !matches!(&part.content, Some(Content::Thinking(thinking)) if thinking.text.is_empty()),
        );
    }
    for part in request.messages.iter_mut().flat_map(|message| &mut message.parts) {
        if let Some(Content::Thinking(thinking)) = &part.content {
            let json = write_thinking(&thinking.text, &part.extra_json);
            *part = Part {
                content: Some(Content::Other(OtherPart { json, member: String::new() })),
                ..Part::default()
            };
        }
    }
    None
}

/// For vendors that take ids of tool calls of nine letters and digits only. Any other id becomes one that is made of it,
/// the same wherever it stands.
pub fn shorten_ids(request: &mut ChatRequest) -> Option<&'static str> {
    for part in request.messages.iter_mut().flat_map(|message| &mut message.parts) {
        match &mut part.content {
            Some(Content::ToolCall(call)) => shorten(&mut call.id),
            Some(Content::ToolResult(result)) => shorten(&mut result.tool_call_id),
            Some(
                Content::Text(_)
                | Content::Image(_)
                | Content::Audio(_)
                | Content::File(_)
                | Content::Thinking(_)
                | Content::RedactedThinking(_)
                | Content::Refusal(_)
                | Content::Other(_),
            )
            | None => {}
        }
    }
    None
}

/// For vendors that know no refusals: they are what the model said.
pub fn say_refusals(request: &mut ChatRequest) -> Option<&'static str> {
    for part in request.messages.iter_mut().flat_map(|message| &mut message.parts) {
        if let Some(Content::Refusal(refusal)) = &mut part.content {
            part.content = Some(Content::Text(TextPart { text: std::mem::take(&mut refusal.text) }));
        }
    }
    None
}

/// For vendors that want every function to say which arguments it takes, also where it takes none.
pub fn declare_parameters(request: &mut ChatRequest) -> Option<&'static str> {
    for tool in &mut request.tools {
        if let Some(Kind::Function(function)) = &mut tool.kind {
            function.parameters_json.get_or_insert_with(|| NO_PARAMETERS.to_owned());
        }
    }
    None
}

/// An empty id names no call; the vendor says so better than we could.
fn shorten(id: &mut String) {
    let fits = id.len() == ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if fits || id.is_empty() {
        return;
    }
    let hash = digest::digest(&digest::SHA256, id.as_bytes());
    *id = hash
        .as_ref()
        .iter()
        .take(ID_LENGTH)
        .map(|byte| char::from(LETTERS[usize::from(*byte) % 62]))
        .collect();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::openai::chat::read_request;

    fn request(messages: &str) -> ChatRequest {
        let body = format!(r#"{{"model":"m","messages":{messages}}}"#);
        read_request(body.as_bytes()).unwrap().0
    }

    #[test]
    fn a_call_and_its_result_keep_one_id() {
        let mut turns = request(
            r#"[{"role":"assistant","tool_calls":[
                {"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}},
                {"id":"call_2","type":"function","function":{"name":"g","arguments":"{}"}},
                {"id":"aB3dE6gH9","type":"function","function":{"name":"h","arguments":"{}"}}]},
                {"role":"tool","tool_call_id":"call_2","content":"2"},
                {"role":"tool","tool_call_id":"call_1","content":"1"},
                {"role":"tool","tool_call_id":"aB3dE6gH9","content":"3"}]"#,
        );
        assert_eq!(shorten_ids(&mut turns), None);
        let ids: Vec<_> = turns
            .messages
            .iter()
            .flat_map(|message| &message.parts)
            .filter_map(|part| match &part.content {
                Some(Content::ToolCall(call)) => Some(call.id.as_str()),
                Some(Content::ToolResult(result)) => Some(result.tool_call_id.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!((ids[0], ids[1], ids[2]), (ids[4], ids[3], ids[5]));
        assert_ne!(ids[0], ids[1]);
        assert_eq!(ids[2], "aB3dE6gH9", "what fits stays");
        for id in ids {
            assert!(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
        }
    }

    #[test]
    fn only_names_that_were_there_are_told() {
        let mut turns = request(r#"[{"role":"user","content":"a"}]"#);
        assert_eq!(drop_names(&mut turns), None);
        let mut turns = request(r#"[{"role":"user","content":"a","name":"anna"}]"#);
        assert_eq!(drop_names(&mut turns), Some("messages.name"));
        assert_eq!(turns.messages[0].name, None);
    }
}
