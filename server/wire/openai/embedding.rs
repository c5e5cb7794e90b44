//! Embeddings.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{read_object_type, read_provider_options, read_texts_or_tokens, usage, write_object_type};
use crate::{
    proto::v1::{EmbedInput, EmbedRequest, EmbedResponse, Embedding, TokenIds, embed_input::Content},
    wire::json::{self, Kind, Malformed, Reader, Writer},
};

const OBJECT: &str = "list";

/// How vectors are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As a list of numbers.
    Float,
    /// As base64 of little-endian 32-bit floats.
    Base64,
}

/// Reads a request, and how the vectors are wanted.
///
/// # Errors
/// When it is not a request for embeddings; names the member.
pub fn read_request(body: &[u8]) -> Result<(EmbedRequest, Encoding), Malformed> {
    let (mut request, mut encoding) = (EmbedRequest::default(), Encoding::Float);
    let (mut model, mut inputs) = (None, None);
    json::read(body, |reader| {
        reader.object(|reader, name| {
            match name {
                "model" => model = Some(reader.string()?),
                "input" => inputs = Some(read_texts_or_tokens(reader)?),
                "encoding_format" => encoding = read_encoding(reader)?,
                "dimensions" => request.dimensions = Some(reader.integer()?),
                "user" => request.user = Some(reader.string()?),
                "provider_options" => request.provider_options_json = read_provider_options(reader)?,
                _ => reader.keep(&mut request.extra_json, name)?,
            }
            Ok(())
        })
    })?;
    request.model = model.ok_or_else(|| Malformed::required("model"))?;
    request.inputs = inputs
        .ok_or_else(|| Malformed::required("input"))?
        .into_iter()
        .map(|input| EmbedInput { content: Some(input.either(Content::Text, Content::Tokens)) })
        .collect();
    Ok((request, encoding))
}

fn read_encoding(reader: &mut Reader<'_>) -> Result<Encoding, Malformed> {
    match reader.text()?.as_ref() {
        "float" => Ok(Encoding::Float),
        "base64" => Ok(Encoding::Base64),
        _ => Err(Malformed::new("use float or base64")),
    }
}

/// Writes a request for the upstream model `model`, without `provider_options_json`.
///
/// # Errors
/// When text that should be JSON is not; names the member.
pub fn write_request(request: &EmbedRequest, model: &str) -> Result<Vec<u8>, Malformed> {
    let mut writer = Writer::strict();
    writer.object(|object| {
        object.text("model", model);
        object.member("input", |value| match request.inputs.as_slice() {
            [one] if !is_no_tokens(one) => write_input(value, one),
            several => value.each(several, write_input),
        });
        object.optional_integer("dimensions", request.dimensions);
        object.optional_text("user", request.user.as_deref());
        object.extras(&request.extra_json);
    });
    writer.finish()
}

/// Whether the input is a list without tokens, which alone would look like a list without inputs.
fn is_no_tokens(input: &EmbedInput) -> bool {
    matches!(&input.content, Some(Content::Tokens(tokens)) if tokens.ids.is_empty())
}

fn write_input(writer: &mut Writer, input: &EmbedInput) {
    match &input.content {
        Some(Content::Text(text)) => writer.text(text),
        Some(Content::Tokens(TokenIds { ids })) => writer.each(ids, |value, id| value.integer(*id)),
        None => {
            writer.blame(Malformed::new("set text or tokens"));
            writer.null();
        }
    }
}

/// Reads an answer, whichever way its vectors are written.
///
/// # Errors
/// When it is not one; names the member.
pub fn read_response(body: &[u8]) -> Result<EmbedResponse, Malformed> {
    let mut response = EmbedResponse::default();
    json::read(body, |reader| {
        reader.object(|reader, name| {
            match name {
                "object" => read_object_type(reader, OBJECT, &mut response.extra_json)?,
                "model" => response.model = reader.string()?,
                "data" => response.embeddings = reader.list(read_embedding)?,
                "usage" => response.usage = usage::take(reader, &mut response.extra_json)?,
                _ => reader.keep(&mut response.extra_json, name)?,
            }
            Ok(())
        })
    })?;
    Ok(response)
}

fn read_embedding(reader: &mut Reader<'_>) -> Result<Embedding, Malformed> {
    let (mut embedding, mut values) = (Embedding::default(), None);
    reader.object(|reader, name| {
        match name {
            "index" => embedding.index = reader.integer()?,
            "embedding" if reader.kind() == Kind::Text => values = Some(read_base64(reader)?),
            "embedding" => values = Some(reader.list(Reader::single)?),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    embedding.values = values.ok_or_else(|| Malformed::required("embedding"))?;
    Ok(embedding)
}

fn read_base64(reader: &mut Reader<'_>) -> Result<Vec<f32>, Malformed> {
    let text = reader.text()?;
    let bytes = STANDARD.decode(text.as_bytes()).map_err(|_| Malformed::new("not valid base64"))?;
    let (singles, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(Malformed::new("not a whole number of 32-bit floats"));
    }
    let values: Vec<_> = singles.iter().map(|single| f32::from_le_bytes(*single)).collect();
    // As a list, it could not be written: JSON has no word for them.
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(Malformed::new(format!("holds {value}, which is no number"))),
        None => Ok(values),
    }
}

/// Writes an answer.
#[must_use]
pub fn write_response(response: &EmbedResponse, encoding: Encoding) -> Vec<u8> {
    let mut out = Vec::new();
    Writer::append(&mut out, |object| {
        write_object_type(object, OBJECT, &response.extra_json);
        object.member("data", |value| {
            value.each(&response.embeddings, |value, embedding| write_embedding(value, embedding, encoding));
        });
        object.text("model", &response.model);
        if let Some(usage) = &response.usage {
            object.member("usage", |value| usage::write_input_only(value, usage));
        }
        object.extras(&response.extra_json);
    });
    out
}

fn write_embedding(writer: &mut Writer, embedding: &Embedding, encoding: Encoding) {
    writer.object(|object| {
        object.text("object", "embedding");
        object.member("index", |value| value.integer(embedding.index));
        object.member("embedding", |value| match encoding {
            Encoding::Float => value.each(&embedding.values, |value, single| value.single(*single)),
            Encoding::Base64 => {
                let bytes: Vec<u8> =
                    embedding.values.iter().flat_map(|single| single.to_le_bytes()).collect();
                value.text(&STANDARD.encode(bytes));
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_inputs_survive() {
        for input in ["[]", "[[]]", "[[],[]]", "[[1,2],\"a\"]", "[1,2]"] {
            let body = format!(r#"{{"model":"m","input":{input}}}"#);
            let (request, _) = read_request(body.as_bytes()).unwrap();
            assert_eq!(write_request(&request, "m").unwrap(), body.as_bytes());
        }
    }

    #[test]
    fn vector_with_holes_is_refused_however_it_is_written() {
        for hole in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let bytes: Vec<u8> = [1.0, hole].iter().flat_map(|value: &f32| value.to_le_bytes()).collect();
            for vector in [format!("\"{}\"", STANDARD.encode(bytes)), "[1.0,null]".to_owned()] {
                let body = format!(r#"{{"data":[{{"index":0,"embedding":{vector}}}]}}"#);
                let fault = read_response(body.as_bytes()).unwrap_err();
                assert!(fault.field.starts_with("data[0].embedding"), "{vector}: {fault:?}");
            }
        }
    }
}
