//! Log probabilities of tokens.

use crate::{
    proto::v1::{Logprobs, TokenLogprob},
    wire::json::{Malformed, Reader, Writer},
};

/// Takes the `logprobs` of a choice.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<Logprobs, Malformed> {
    let mut logprobs = Logprobs::default();
    reader.object(|reader, name| {
        match name {
            "content" => logprobs.content = reader.list(read_token)?,
            "refusal" => logprobs.refusal = reader.list(read_token)?,
            _ => reader.keep(&mut logprobs.extra_json, name)?,
        }
        Ok(())
    })?;
    Ok(logprobs)
}

/// Takes one token.
///
/// # Errors
/// When it is not one; names the member.
pub fn read_token(reader: &mut Reader<'_>) -> Result<TokenLogprob, Malformed> {
    let mut token = TokenLogprob::default();
    reader.object(|reader, name| {
        match name {
            "token" => token.token = reader.string()?,
            "logprob" => token.logprob = reader.double()?,
            "bytes" => token.bytes = Some(reader.list(Reader::integer::<u8>)?.into()),
            "top_logprobs" => token.top_logprobs = reader.list(read_token)?,
            _ => reader.keep(&mut token.extra_json, name)?,
        }
        Ok(())
    })?;
    Ok(token)
}

/// Appends the `logprobs` of a choice.
pub(super) fn write(writer: &mut Writer, logprobs: &Logprobs) {
    writer.object(|object| {
        if !logprobs.content.is_empty() || logprobs.refusal.is_empty() {
            object.member("content", |value| value.each(&logprobs.content, write_token));
        }
        if !logprobs.refusal.is_empty() {
            object.member("refusal", |value| value.each(&logprobs.refusal, write_token));
        }
        object.extras(&logprobs.extra_json);
    });
}

fn write_token(writer: &mut Writer, token: &TokenLogprob) {
    write_alternative(writer, token, true);
}

/// Alternatives have no alternatives of their own, and OpenAI writes no empty list there.
fn write_alternative(writer: &mut Writer, token: &TokenLogprob, top: bool) {
    writer.object(|object| {
        object.text("token", &token.token);
        object.member("logprob", |value| value.double(token.logprob));
        object.member("bytes", |value| match &token.bytes {
            Some(bytes) => value.each(bytes.iter(), |value, byte| value.integer(*byte)),
            None => value.null(),
        });
        if top || !token.top_logprobs.is_empty() {
            object.member("top_logprobs", |value| {
                value.each(&token.top_logprobs, |value, token| write_alternative(value, token, false));
            });
        }
        object.extras(&token.extra_json);
    });
}
