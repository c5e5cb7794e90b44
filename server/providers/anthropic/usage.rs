//! Token counts. Each event of a stream says again what it knows: the last word counts, nothing is added up.

use crate::{
    proto::v1::Usage,
    wire::json::{Extras, Malformed, Reader},
};

/// What has been counted so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Read beside what the prompt cache holds.
    input: i32,
    output: i32,
    cache_read: Option<i32>,
    cache_write: Option<i32>,
    thinking: Option<i32>,
    /// The tier that served the call.
    pub(super) service_tier: Option<String>,
    extras: Extras,
}

impl Counts {
    /// Takes a `usage` object.
    ///
    /// # Errors
    /// When it is not one; names the member.
    pub(super) fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.object(|reader, name| {
            match name {
                "input_tokens" => self.input = reader.integer()?,
                "output_tokens" => self.output = reader.integer()?,
                "cache_read_input_tokens" => self.cache_read = Some(reader.integer()?),
                "cache_creation_input_tokens" => self.cache_write = Some(reader.integer()?),
                "output_tokens_details" => reader.object(|reader, name| match name {
                    "thinking_tokens" => {
                        self.thinking = Some(reader.integer()?);
                        Ok(())
                    }
                    _ => reader.keep(&mut self.extras, name),
                })?,
                "service_tier" => self.service_tier = Some(reader.string()?),
                _ => reader.keep(&mut self.extras, name)?,
            }
            Ok(())
        })
    }

    /// As OpenAI counts: what the cache held is part of the input.
    pub(super) fn usage(&self) -> Usage {
        let cached = self.cache_read.unwrap_or_default().saturating_add(self.cache_write.unwrap_or_default());
        let input = self.input.saturating_add(cached);
        Usage {
            input_tokens: input,
            output_tokens: self.output,
            total_tokens: Some(input.saturating_add(self.output)),
            reasoning_tokens: self.thinking,
            cache_read_tokens: self.cache_read,
            cache_write_tokens: self.cache_write,
            extra_json: self.extras.clone(),
            ..Usage::default()
        }
    }
}
