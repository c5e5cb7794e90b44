//! Vectors.

use super::{
    NAME,
    line::count,
    sampling::{self, Sampling},
};
use crate::{
    error::Result,
    proto::v1::{EmbedInput, EmbedRequest, EmbedResponse, Embedding, Usage, embed_input::Content},
    providers::{UpstreamModel, failure},
    wire::json::{self, Malformed, Reader, Writer},
};

/// Writes a request for vectors; gives also what it has lost.
///
/// # Errors
/// When an input is not text, or the request cannot be written; names the member.
pub(super) fn write(request: &EmbedRequest, to: &UpstreamModel<'_>) -> Result<(Vec<u8>, Vec<&'static str>)> {
    let mut writer = Writer::strict();
    writer.object(|object| {
        object.text("model", to.id);
        object.member("input", |value| value.each(&request.inputs, write_input));
        object.optional_integer("dimensions", request.dimensions);
        sampling::write_rest(object, &Sampling::default(), &request.extra_json, &[], to.settings);
    });
    let written = writer.finish().map_err(Malformed::in_request)?;
    let dropped = request.user.is_some().then_some("user");
    Ok((sampling::merge(&request.provider_options_json, &written)?, dropped.into_iter().collect()))
}

fn write_input(writer: &mut Writer, input: &EmbedInput) {
    let why = match &input.content {
        Some(Content::Text(text)) => return writer.text(text),
        Some(Content::Tokens(_)) => format!("{} takes texts only, no tokens; send the text", NAME),
        None => "set text or tokens".to_owned(),
    };
    writer.blame(Malformed::new(why));
    writer.null();
}

/// Reads an answer.
///
/// # Errors
/// When it cannot be read, or holds no vectors.
pub(super) fn read(body: &[u8]) -> Result<EmbedResponse> {
    let mut response = EmbedResponse::default();
    json::read(body, |reader| {
        reader.object(|reader, name| {
            match name {
                "model" => response.model = reader.string()?,
                "embeddings" => {
                    let vectors = reader.list(|reader| reader.list(Reader::single))?;
                    response.embeddings = numbered(vectors);
                }
                "prompt_eval_count" => {
                    let counted = count(reader, name, &mut response.extra_json)?;
                    response.usage = counted.map(|input_tokens| Usage { input_tokens, ..Usage::default() });
                }
                _ => reader.keep(&mut response.extra_json, name)?,
            }
            Ok(())
        })
    })
    .map_err(Malformed::in_answer)?;
    failure::refuse_empty(response.embeddings.is_empty(), &response.extra_json, body)?;
    Ok(response)
}

fn numbered(vectors: Vec<Vec<f32>>) -> Vec<Embedding> {
    let embedding = |(index, values)| Embedding { index: i32::try_from(index).unwrap_or(i32::MAX), values };
    vectors.into_iter().enumerate().map(embedding).collect()
}
