//! Chat answers in one piece.

use super::{
    logprobs,
    message::{read_message, write_answer},
};
use crate::{
    proto::v1::{ChatResponse, Choice},
    wire::{
        json::{self, Malformed, Object, Reader, Writer},
        openai::{
            read_created, read_finish, read_object_type, usage, write_created, write_finish,
            write_object_type,
        },
    },
};

const OBJECT: &str = "chat.completion";

/// Reads an answer.
///
/// # Errors
/// When it is not one; names the member.
pub fn read_response(body: &[u8]) -> Result<ChatResponse, Malformed> {
    let mut response = ChatResponse::default();
    json::read(body, |reader| {
        reader.object(|reader, name| {
            match name {
                "id" => response.id = reader.string()?,
                "object" => read_object_type(reader, OBJECT, &mut response.extra_json)?,
                "created" => response.create_time = read_created(reader)?,
                "model" => response.model = reader.string()?,
                "choices" => response.choices = reader.list(read_choice)?,
                "usage" => response.usage = usage::take(reader, &mut response.extra_json)?,
                "service_tier" => response.service_tier = Some(reader.string()?),
                "system_fingerprint" => response.system_fingerprint = Some(reader.string()?),
                _ => reader.keep(&mut response.extra_json, name)?,
            }
            Ok(())
        })
    })?;
    Ok(response)
}

fn read_choice(reader: &mut Reader<'_>) -> Result<Choice, Malformed> {
    let mut choice = Choice::default();
    reader.object(|reader, name| {
        match name {
            "index" => choice.index = reader.integer()?,
            "message" => choice.message = Some(read_message(reader)?),
            "finish_reason" => {
                let (reason, text) = read_finish(reader)?;
                (choice.finish_reason, choice.finish_reason_text) = (reason.into(), text);
            }
            "logprobs" => choice.logprobs = Some(logprobs::read(reader)?),
            _ => reader.keep(&mut choice.extra_json, name)?,
        }
        Ok(())
    })?;
    Ok(choice)
}

/// Writes an answer.
#[must_use]
pub fn write_response(response: &ChatResponse) -> Vec<u8> {
    let mut out = Vec::new();
    Writer::append(&mut out, |object| {
        object.text("id", &response.id);
        write_object_type(object, OBJECT, &response.extra_json);
        write_created(object, response.create_time.as_ref());
        object.text("model", &response.model);
        object.member("choices", |value| {
            value.each(&response.choices, |value, choice| {
                value.object(|object| write_choice(object, choice));
            });
        });
        if let Some(usage) = &response.usage {
            object.member("usage", |value| usage::write(value, usage));
        }
        object.optional_text("service_tier", response.service_tier.as_deref());
        object.optional_text("system_fingerprint", response.system_fingerprint.as_deref());
        object.extras(&response.extra_json);
    });
    out
}

fn write_choice(object: &mut Object<'_>, choice: &Choice) {
    object.member("index", |value| value.integer(choice.index));
    if let Some(message) = &choice.message {
        object.member("message", |value| write_answer(value, message));
    }
    object.member("logprobs", |value| match &choice.logprobs {
        Some(logprobs) => logprobs::write(value, logprobs),
        None => value.null(),
    });
    write_finish(object, choice.finish_reason(), &choice.finish_reason_text);
    object.extras(&choice.extra_json);
}
