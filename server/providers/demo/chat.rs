//! `POST /chat/completions`.

use serde_json::Value;

use super::{
    Answer,
    body::{Body, Refused},
    question::{self, Chat, fingerprint},
    say, text, write,
};

/// Marks that stand around each message in a model's prompt.
const TOKENS_A_MESSAGE: usize = 3;
const TOKENS_AN_IMAGE: usize = 85;

/// Answers, or says what is wrong.
pub(super) fn answer(bytes: &[u8]) -> Result<Answer, Refused> {
    let body = Body::read(bytes)?;
    let chat = question::read(&body)?;
    let streaming = body.streaming()?;
    let choices = say::choices(&chat)?;
    let prompt_tokens = prompt_tokens(&chat, &body);
    let reply = write::Reply { chat: &chat, id: id(&chat), choices, prompt_tokens };
    Ok(if streaming.on {
        Answer::Stream(reply.chunks(streaming.usage))
    } else {
        Answer::Whole(reply.whole())
    })
}

fn id(chat: &Chat<'_>) -> String {
    format!("chatcmpl-{:016x}", fingerprint(chat.messages))
}

fn prompt_tokens(chat: &Chat<'_>, body: &Body) -> usize {
    let messages = chat.messages.iter().map(|message| {
        let calls = message.get("tool_calls").map_or(0, |calls| text::count(&calls.to_string()));
        let name = message.get("name").and_then(Value::as_str).map_or(0, text::count);
        let images = say::images(message) * TOKENS_AN_IMAGE;
        TOKENS_A_MESSAGE + text::count(&text::content(message)) + calls + name + images
    });
    let shape = ["tools", "response_format"]
        .map(|name| body.get(name).map_or(0, |value| text::count(&value.to_string())));
    messages.sum::<usize>() + shape.iter().sum::<usize>()
}
