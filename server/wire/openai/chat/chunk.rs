//! Chunks of a streamed chat. Both directions keep state for as long as one stream: which part an addition continues.

use super::{
    delta_reader::{Delta, Parts},
    delta_writer::{Told, write_delta},
    logprobs,
};
use crate::{
    proto::v1::{ChatChunk, ChoiceDelta},
    wire::{
        json::{self, Malformed, Object, Reader, Writer},
        openai::{
            keep_nested, read_created, read_finish, read_object_type, usage, write_created, write_finish,
            write_object_type,
        },
    },
};

const OBJECT: &str = "chat.completion.chunk";

/// Reads the chunks of one stream.
#[derive(Debug, Default)]
pub struct ChunkReader {
    /// By index of the choice. Never by the id of a call: two choices may use the same.
    choices: Vec<(i32, Parts)>,
    splits_thinking: bool,
}

/// Writes the chunks of one stream.
#[derive(Debug, Default)]
pub struct ChunkWriter {
    choices: Vec<(i32, Told)>,
}

// === impl ChunkReader ===

impl ChunkReader {
    /// Reads content that is a list of thoughts and texts as the thinking and text that they are. Otherwise it stays the
    /// list that it was.
    #[must_use]
    pub fn that_splits_thinking() -> Self {
        Self { splits_thinking: true, ..Self::default() }
    }

    /// Reads the next chunk. Parts are numbered in the order in which they first appear in their choice.
    ///
    /// # Errors
    /// When it is not one; names the member.
    pub fn read(&mut self, data: &[u8]) -> Result<ChatChunk, Malformed> {
        let mut chunk = ChatChunk::default();
        json::read(data, |reader| {
            reader.object(|reader, name| {
                match name {
                    "id" => chunk.id = reader.string()?,
                    "object" => read_object_type(reader, OBJECT, &mut chunk.extra_json)?,
                    "created" => chunk.create_time = read_created(reader)?,
                    "model" => chunk.model = reader.string()?,
                    "choices" => chunk.choices = reader.list(|reader| self.read_choice(reader))?,
                    "usage" => chunk.usage = usage::take(reader, &mut chunk.extra_json)?,
                    "service_tier" => chunk.service_tier = Some(reader.string()?),
                    "system_fingerprint" => chunk.system_fingerprint = Some(reader.string()?),
                    _ => reader.keep(&mut chunk.extra_json, name)?,
                }
                Ok(())
            })
        })?;
        Ok(chunk)
    }

    fn read_choice(&mut self, reader: &mut Reader<'_>) -> Result<ChoiceDelta, Malformed> {
        let mut choice = ChoiceDelta::default();
        let mut delta = Delta::default();
        reader.object(|reader, name| {
            match name {
                "index" => choice.index = reader.integer()?,
                "delta" => delta = Delta::read(reader)?,
                "finish_reason" => {
                    let (reason, text) = read_finish(reader)?;
                    (choice.finish_reason, choice.finish_reason_text) = (reason.into(), text);
                }
                "logprobs" => choice.logprobs = Some(logprobs::read(reader)?),
                _ => reader.keep(&mut choice.extra_json, name)?,
            }
            Ok(())
        })?;
        if self.splits_thinking {
            delta.split_list();
        }
        let (role, text) = delta.take_role();
        (choice.role, choice.role_text) = (role.into(), text);
        // Only now: the index may stand behind the delta.
        let parts = state(&mut self.choices, choice.index);
        parts.hold_back_empty_text(&mut delta);
        parts.check_blocks(&mut delta);
        keep_nested(&mut choice.extra_json, "delta", &delta.extras);
        choice.parts = parts.place(delta);
        Ok(choice)
    }
}

// === impl ChunkWriter ===

impl ChunkWriter {
    /// Appends the next chunk as a JSON object. The index of a tool call is its rank among those of its choice.
    pub fn write(&mut self, chunk: &ChatChunk, out: &mut Vec<u8>) {
        Writer::append(out, |object| {
            object.text("id", &chunk.id);
            write_object_type(object, OBJECT, &chunk.extra_json);
            write_created(object, chunk.create_time.as_ref());
            object.text("model", &chunk.model);
            object.optional_text("service_tier", chunk.service_tier.as_deref());
            object.optional_text("system_fingerprint", chunk.system_fingerprint.as_deref());
            object.member("choices", |value| {
                value.each(&chunk.choices, |value, choice| {
                    let told = state(&mut self.choices, choice.index);
                    value.object(|object| write_choice(object, choice, told));
                });
            });
            if let Some(usage) = &chunk.usage {
                object.member("usage", |value| usage::write(value, usage));
            }
            object.extras(&chunk.extra_json);
        });
    }
}

fn write_choice(object: &mut Object<'_>, choice: &ChoiceDelta, told: &mut Told) {
    object.member("index", |value| value.integer(choice.index));
    object.object("delta", |object| write_delta(object, choice, told));
    object.member("logprobs", |value| match &choice.logprobs {
        Some(logprobs) => logprobs::write(value, logprobs),
        None => value.null(),
    });
    write_finish(object, choice.finish_reason(), &choice.finish_reason_text);
    object.extras_except(&choice.extra_json, &["delta"]);
}

/// The state of a choice; there are few, mostly one.
fn state<S: Default>(choices: &mut Vec<(i32, S)>, index: i32) -> &mut S {
    let position = choices.iter().position(|(known, _)| *known == index).unwrap_or_else(|| {
        choices.push((index, S::default()));
        choices.len() - 1
    });
    &mut choices[position].1
}
