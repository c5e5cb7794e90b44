//! Vectors.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{INPUT_TYPE, NAME, answer::read_usage};
use crate::{
    error::Result,
    proto::v1::{EmbedInput, EmbedRequest, EmbedResponse, Embedding, embed_input::Content},
    providers::{UpstreamModel, failure, options},
    wire::json::{self, Extras, Kind, Malformed, Members, Reader, Writer},
};

const DEFAULT_INPUT_TYPE: &str = "search_document";
/// What others call it: (their word, Cohere's).
const INPUT_TYPES: [(&str, &str); 3] =
    [("query", "search_query"), ("document", "search_document"), ("passage", "search_document")];
const OURS: [&str; 1] = ["model"];
/// The types of vectors, the most exact first. Where several were asked for, ours is the first of them.
const TYPES: [&str; 6] = ["float", "base64", "int8", "uint8", "binary", "ubinary"];

/// Writes a request for vectors; gives also what it has lost.
///
/// # Errors
/// When an input is not text, or the request cannot be written; names the member.
pub(super) fn write(request: &EmbedRequest, to: &UpstreamModel<'_>) -> Result<(Vec<u8>, Vec<&'static str>)> {
    let mut writer = Writer::strict();
    writer.object(|object| {
        object.text("model", to.id);
        match request.extra_json.get(INPUT_TYPE).filter(|asked| *asked != "null") {
            Some(asked) => object.member(INPUT_TYPE, |value| value.raw(&in_its_words(asked))),
            None => {
                let setting = to.settings.get(INPUT_TYPE).map_or(DEFAULT_INPUT_TYPE, String::as_str);
                object.text(INPUT_TYPE, setting);
            }
        }
        object.member("texts", |value| value.each(&request.inputs, write_input));
        object.optional_integer("output_dimension", request.dimensions);
        if !request.extra_json.contains_key("embedding_types") {
            object.member("embedding_types", |value| value.each(["float"], Writer::text));
        }
        object.extras_except(&request.extra_json, &[INPUT_TYPE]);
    });
    let written = writer.finish().map_err(|fault| said_of_input(fault).in_request())?;
    let mut members = Members::of(&written).map_err(Malformed::in_request)?;
    options::merge(NAME, &request.provider_options_json, &OURS, &mut members)?;
    let dropped = request.user.is_some().then_some("user");
    Ok((members.write(), dropped.into_iter().collect()))
}

fn in_its_words(asked: &str) -> String {
    let word = asked.trim_matches('"');
    let known = INPUT_TYPES.iter().find(|(theirs, _)| *theirs == word);
    known.map_or_else(|| asked.to_owned(), |(_, ours)| Writer::text_value(ours))
}

/// Callers know the texts as `input`.
fn said_of_input(mut fault: Malformed) -> Malformed {
    if let Some(place) = fault.field.strip_prefix("texts") {
        fault.field = format!("input{place}");
    }
    fault
}

fn write_input(writer: &mut Writer, input: &EmbedInput) {
    let why = match &input.content {
        Some(Content::Text(text)) => return writer.text(text),
        Some(Content::Tokens(_)) => "cohere takes texts only, no tokens; send the text",
        None => "set text or tokens",
    };
    writer.blame(Malformed::new(why));
    writer.null();
}

/// Reads an answer. The model is not in it.
///
/// # Errors
/// When it cannot be read, or holds no vectors.
pub(super) fn read(body: &[u8], model: &str) -> Result<EmbedResponse> {
    let mut response = EmbedResponse { model: model.to_owned(), ..EmbedResponse::default() };
    json::read(body, |reader| {
        reader.object(|reader, name| {
            match name {
                "embeddings" => read_vectors(reader, &mut response)?,
                "meta" => {
                    let json = reader.raw()?;
                    response.usage = read_usage(json);
                    // All of it is kept here, once.
                    response.usage.iter_mut().for_each(|usage| usage.extra_json.clear());
                    response.extra_json.insert(name.to_owned(), json.to_owned());
                }
                // The caller's own.
                "texts" | "response_type" => reader.skip()?,
                _ => reader.keep(&mut response.extra_json, name)?,
            }
            Ok(())
        })
    })
    .map_err(Malformed::in_answer)?;
    failure::refuse_empty(response.embeddings.is_empty(), &response.extra_json, body)?;
    Ok(response)
}

/// Takes vectors by type, or a list of them, as an older version has it.
fn read_vectors(reader: &mut Reader<'_>, response: &mut EmbedResponse) -> Result<(), Malformed> {
    if reader.kind() == Kind::List {
        response.embeddings = numbered(reader.list(read_vector)?);
        return Ok(());
    }
    let mut by_type = Extras::new();
    reader.object(|reader, name| reader.keep(&mut by_type, name))?;
    if let Some(name) = TYPES.into_iter().find(|name| by_type.contains_key(*name))
        && let Some(json) = by_type.remove(name)
    {
        let vectors = Reader::over(&json).list(read_vector).map_err(|fault| fault.inside(name))?;
        response.embeddings = numbered(vectors);
    }
    if !by_type.is_empty() {
        let rest = Writer::text_of(|object| object.extras(&by_type));
        response.extra_json.insert("embeddings".to_owned(), rest);
    }
    Ok(())
}

fn numbered(vectors: Vec<Vec<f32>>) -> Vec<Embedding> {
    let embedding = |(index, values)| Embedding { index: i32::try_from(index).unwrap_or(i32::MAX), values };
    vectors.into_iter().enumerate().map(embedding).collect()
}

fn read_vector(reader: &mut Reader<'_>) -> Result<Vec<f32>, Malformed> {
    if reader.kind() == Kind::List {
        return reader.list(Reader::single);
    }
    let text = reader.text()?;
    let bytes = STANDARD.decode(text.as_bytes()).map_err(|_| Malformed::new("not valid base64"))?;
    let (singles, rest) = bytes.as_chunks::<4>();
    if rest.is_empty() {
        Ok(singles.iter().map(|single| f32::from_le_bytes(*single)).collect())
    } else {
        Err(Malformed::new("not a whole number of 32-bit floats"))
    }
}
