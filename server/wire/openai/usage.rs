//! Token counts.

use super::keep_nested;
use crate::{
    proto::v1::Usage,
    wire::json::{Extras, Malformed, Object, Reader, Writer},
};

const INPUT_DETAILS: &str = "prompt_tokens_details";
const OUTPUT_DETAILS: &str = "completion_tokens_details";

/// Takes the member `usage` of an answer. Counts that nobody can have used make no answer worse: what cannot be read stays
/// among the extras as it is, and counts as not said.
///
/// # Errors
/// When it is not JSON.
pub(super) fn take(reader: &mut Reader<'_>, extras: &mut Extras) -> Result<Option<Usage>, Malformed> {
    let json = reader.raw()?;
    let usage = read(&mut Reader::over(json)).ok();
    if usage.is_none() {
        extras.insert("usage".to_owned(), json.to_owned());
    }
    Ok(usage)
}

/// Reads a `usage` object.
///
/// # Errors
/// When it is not one; names the member.
pub fn read(reader: &mut Reader<'_>) -> Result<Usage, Malformed> {
    let mut usage = Usage::default();
    let mut extras = Extras::new();
    reader.object(|reader, name| {
        match name {
            "prompt_tokens" => usage.input_tokens = reader.integer()?,
            "completion_tokens" => usage.output_tokens = reader.integer()?,
            "total_tokens" => usage.total_tokens = Some(reader.integer()?),
            INPUT_DETAILS => read_details(reader, INPUT_DETAILS, &mut extras, |reader, name| {
                let field = match name {
                    "cached_tokens" => &mut usage.cache_read_tokens,
                    "cache_write_tokens" => &mut usage.cache_write_tokens,
                    "audio_tokens" => &mut usage.audio_input_tokens,
                    _ => return Ok(false),
                };
                *field = Some(reader.integer()?);
                Ok(true)
            })?,
            OUTPUT_DETAILS => read_details(reader, OUTPUT_DETAILS, &mut extras, |reader, name| {
                let field = match name {
                    "reasoning_tokens" => &mut usage.reasoning_tokens,
                    "audio_tokens" => &mut usage.audio_output_tokens,
                    "accepted_prediction_tokens" => &mut usage.accepted_prediction_tokens,
                    "rejected_prediction_tokens" => &mut usage.rejected_prediction_tokens,
                    _ => return Ok(false),
                };
                *field = Some(reader.integer()?);
                Ok(true)
            })?,
            _ => reader.keep(&mut extras, name)?,
        }
        Ok(())
    })?;
    usage.extra_json = extras;
    Ok(usage)
}

/// Takes an object of counts; `known` takes those that have a field and says whether it did.
fn read_details(
    reader: &mut Reader<'_>,
    details: &str,
    extras: &mut Extras,
    mut known: impl FnMut(&mut Reader<'_>, &str) -> Result<bool, Malformed>,
) -> Result<(), Malformed> {
    let (mut nested, mut empty) = (Extras::new(), true);
    reader.object(|reader, name| {
        empty = false;
        if known(reader, name)? { Ok(()) } else { reader.keep(&mut nested, name) }
    })?;
    if empty {
        extras.insert(details.to_owned(), "{}".to_owned());
    }
    keep_nested(extras, details, &nested);
    Ok(())
}

/// Appends a `usage` object.
pub(super) fn write(writer: &mut Writer, usage: &Usage) {
    writer.object(|object| {
        object.member("prompt_tokens", |value| value.integer(usage.input_tokens));
        object.member("completion_tokens", |value| value.integer(usage.output_tokens));
        write_rest(object, usage);
    });
}

/// Appends the `usage` object of embeddings, where nothing is written by the model.
pub(super) fn write_input_only(writer: &mut Writer, usage: &Usage) {
    writer.object(|object| {
        object.member("prompt_tokens", |value| value.integer(usage.input_tokens));
        if usage.output_tokens != 0 {
            object.member("completion_tokens", |value| value.integer(usage.output_tokens));
        }
        write_rest(object, usage);
    });
}

fn write_rest(object: &mut Object<'_>, usage: &Usage) {
    // OpenAI's clients insist on a total.
    let sum = usage.input_tokens.saturating_add(usage.output_tokens);
    object.member("total_tokens", |value| value.integer(usage.total_tokens.unwrap_or(sum)));
    let input = [
        ("cached_tokens", usage.cache_read_tokens),
        ("cache_write_tokens", usage.cache_write_tokens),
        ("audio_tokens", usage.audio_input_tokens),
    ];
    let output = [
        ("reasoning_tokens", usage.reasoning_tokens),
        ("audio_tokens", usage.audio_output_tokens),
        ("accepted_prediction_tokens", usage.accepted_prediction_tokens),
        ("rejected_prediction_tokens", usage.rejected_prediction_tokens),
    ];
    write_details(object, INPUT_DETAILS, &input, &usage.extra_json);
    write_details(object, OUTPUT_DETAILS, &output, &usage.extra_json);
    object.extras_except(&usage.extra_json, &[INPUT_DETAILS, OUTPUT_DETAILS]);
}

fn write_details(
    object: &mut Object<'_>,
    name: &'static str,
    counts: &[(&'static str, Option<i32>)],
    extras: &Extras,
) {
    let nested = extras.get(name);
    if nested.is_none() && counts.iter().all(|(_, count)| count.is_none()) {
        return;
    }
    object.object(name, |object| {
        for (name, count) in counts {
            object.optional_integer(name, *count);
        }
        object.merge(nested);
    });
}
