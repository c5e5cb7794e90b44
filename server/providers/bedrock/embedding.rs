//! Embeddings: bodies of InvokeModel, in which each maker's models speak their own language.

use http::HeaderMap;

use super::content::{has_more, tell};
use crate::{
    error::{Error, Reason, Result},
    proto::v1::{EmbedRequest, EmbedResponse, Embedding, Usage, embed_input::Content},
    wire::json::{self, Kind, Malformed, Object, Reader, Writer},
};

/// Who made a model, as far as bodies differ.
#[derive(Clone, Copy)]
enum Maker {
    /// Titan, of the first version, which has one size only.
    Titan1,
    /// Titan, which reads images too.
    TitanImage,
    /// Titan.
    Titan,
    /// Cohere, of the third version, which has one size only.
    Cohere3,
    /// Cohere.
    Cohere,
    /// Nova.
    Nova,
}

/// Part of the id -> maker. The first that fits counts.
const MAKERS: [(&str, Maker); 8] = [
    ("amazon.titan-embed-text-v1", Maker::Titan1),
    ("amazon.titan-embed-g1", Maker::Titan1),
    ("amazon.titan-embed-image", Maker::TitanImage),
    ("amazon.titan-embed", Maker::Titan),
    ("cohere.embed-english-v3", Maker::Cohere3),
    ("cohere.embed-multilingual-v3", Maker::Cohere3),
    ("cohere.embed", Maker::Cohere),
    ("amazon.nova-2-multimodal-embeddings", Maker::Nova),
];

/// What texts are embedded for, where Cohere must be told and the caller does not.
const PURPOSE: &str = "search_document";

const INPUT_TOKENS: &str = "x-amzn-bedrock-input-token-count";

/// The body, and what it has lost.
pub(super) fn write(request: &EmbedRequest, model: &str) -> Result<(Vec<u8>, Vec<&'static str>)> {
    let Some((_, maker)) = MAKERS.iter().find(|(part, _)| model.contains(part)) else {
        let message = format!(
            "\"{model}\" is no embedding model of Bedrock that the gateway knows; it knows Titan, Cohere and Nova by \
             their ids"
        );
        return Err(Error::new(Reason::NotSupported, message).field("model"));
    };
    let texts = texts(request).map_err(Malformed::in_request)?;
    let mut dropped = Vec::new();
    tell(&mut dropped, "user", request.user.is_some());
    let mut writer = Writer::strict();
    let mut written = Ok(());
    writer.object(|object| {
        written = match maker {
            Maker::Titan1 => one_size(request).and_then(|()| write_titan(object, &texts, |_| {})),
            Maker::Titan => write_titan(object, &texts, |object| {
                object.optional_integer("dimensions", request.dimensions);
            }),
            Maker::TitanImage => write_titan(object, &texts, |object| {
                if let Some(dimensions) = request.dimensions {
                    object.object("embeddingConfig", |object| {
                        object.optional_integer("outputEmbeddingLength", Some(dimensions));
                    });
                }
            }),
            Maker::Cohere3 => one_size(request).map(|()| write_cohere(object, request, &texts)),
            Maker::Cohere => {
                write_cohere(object, request, &texts);
                Ok(())
            }
            Maker::Nova => {
                tell(&mut dropped, "extra_json", has_more(&request.extra_json));
                write_nova(object, request, &texts)
            }
        };
        if !matches!(maker, Maker::Nova) {
            object.extras(&request.extra_json);
        }
    });
    written.map_err(Malformed::in_request)?;
    Ok((writer.finish().map_err(Malformed::in_request)?, dropped))
}

/// Reads an answer, by its shape: the model's id may not tell whose it is.
pub(super) fn read(body: &[u8], model: &str) -> Result<EmbedResponse> {
    let mut response = EmbedResponse { model: model.to_owned(), ..EmbedResponse::default() };
    let mut vectors = Vec::new();
    json::read(body, |reader| {
        reader.object(|reader, name| {
            match name {
                // Titan.
                "embedding" => vectors = vec![reader.list(Reader::single)?],
                "inputTextTokenCount" => {
                    let input_tokens = reader.integer()?;
                    let total_tokens = Some(input_tokens);
                    response.usage = Some(Usage { input_tokens, total_tokens, ..Usage::default() });
                }
                // Cohere and Nova.
                "embeddings" => vectors = read_vectors(reader)?,
                // The same again, and what was asked.
                "embeddingsByType" | "texts" | "response_type" => reader.skip()?,
                _ => reader.keep(&mut response.extra_json, name)?,
            }
            Ok(())
        })
    })
    .map_err(Malformed::in_answer)?;
    if vectors.is_empty() {
        let message = "the provider's answer holds no vectors of floats";
        return Err(Error::new(Reason::ProviderBadAnswer, message));
    }
    let numbered = (0..).zip(vectors);
    response.embeddings = numbered.map(|(index, values)| Embedding { index, values }).collect();
    Ok(response)
}

/// Usage as Bedrock counts it for every model, also for those that say none.
pub(super) fn read_usage(head: &HeaderMap) -> Option<Usage> {
    let input_tokens = head.get(INPUT_TOKENS)?.to_str().ok()?.parse().ok()?;
    Some(Usage { input_tokens, total_tokens: Some(input_tokens), ..Usage::default() })
}

/// `{"float": [[...]]}` or `[[...]]` of Cohere, `[{"embedding": [...]}]` of Nova.
fn read_vectors(reader: &mut Reader<'_>) -> Result<Vec<Vec<f32>>, Malformed> {
    if reader.kind() == Kind::List {
        return reader.list(read_vector);
    }
    let mut vectors = Vec::new();
    reader.object(|reader, name| {
        match name {
            "float" => vectors = reader.list(read_vector)?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(vectors)
}

fn read_vector(reader: &mut Reader<'_>) -> Result<Vec<f32>, Malformed> {
    if reader.kind() == Kind::List {
        return reader.list(Reader::single);
    }
    let mut values = None;
    reader.object(|reader, name| {
        match name {
            "embedding" => values = Some(reader.list(Reader::single)?),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    values.ok_or_else(|| Malformed::required("embedding"))
}

fn texts(request: &EmbedRequest) -> Result<Vec<&str>, Malformed> {
    request
        .inputs
        .iter()
        .map(|input| match &input.content {
            Some(Content::Text(text)) => Ok(text.as_str()),
            Some(Content::Tokens(_)) | None => {
                Err(Malformed::new("models on Bedrock embed texts, not tokens").inside("input"))
            }
        })
        .collect()
}

fn only_one<'a>(texts: &[&'a str]) -> Result<&'a str, Malformed> {
    match texts {
        [text] => Ok(text),
        _ => Err(Malformed::new("this model embeds one text a call; call once for each").inside("input")),
    }
}

fn one_size(request: &EmbedRequest) -> Result<(), Malformed> {
    match request.dimensions {
        None => Ok(()),
        Some(_) => Err(Malformed::new("this model has vectors of one size only").inside("dimensions")),
    }
}

fn write_titan(
    object: &mut Object<'_>,
    texts: &[&str],
    size: impl FnOnce(&mut Object<'_>),
) -> Result<(), Malformed> {
    object.text("inputText", only_one(texts)?);
    size(object);
    Ok(())
}

fn write_cohere(object: &mut Object<'_>, request: &EmbedRequest, texts: &[&str]) {
    object.member("texts", |value| value.each(texts, |value, text| value.text(text)));
    if !request.extra_json.contains_key("input_type") {
        object.text("input_type", PURPOSE);
    }
    object.member("embedding_types", |value| value.each(["float"], |value, kind| value.text(kind)));
    object.optional_integer("output_dimension", request.dimensions);
}

fn write_nova(object: &mut Object<'_>, request: &EmbedRequest, texts: &[&str]) -> Result<(), Malformed> {
    let text = only_one(texts)?;
    object.text("taskType", "SINGLE_EMBEDDING");
    object.object("singleEmbeddingParams", |object| {
        object.text("embeddingPurpose", "GENERIC_INDEX");
        object.optional_integer("embeddingDimension", request.dimensions);
        object.object("text", |object| {
            // A text that is too long is refused, not cut.
            object.text("truncationMode", "NONE");
            object.text("value", text);
        });
    });
    Ok(())
}
