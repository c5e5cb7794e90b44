//! Embeddings, always as a batch.

use super::{NAME, resource};
use crate::{
    error::Result,
    proto::v1::{EmbedRequest, EmbedResponse, Embedding, Usage, embed_input::Content},
    providers::{UpstreamModel, failure, options},
    wire::json::{self, Extras, Malformed, Members, Reader, Writer},
};

/// What other vendors call `input_type`, in Gemini's words.
const TASK_TYPES: [(&str, &str); 7] = [
    ("\"query\"", "RETRIEVAL_QUERY"),
    ("\"search_query\"", "RETRIEVAL_QUERY"),
    ("\"passage\"", "RETRIEVAL_DOCUMENT"),
    ("\"document\"", "RETRIEVAL_DOCUMENT"),
    ("\"search_document\"", "RETRIEVAL_DOCUMENT"),
    ("\"classification\"", "CLASSIFICATION"),
    ("\"clustering\"", "CLUSTERING"),
];
const INPUT_TYPE: &str = "input_type";

/// Writes the body; with it comes what it has lost. Members without a field go to every input.
pub(super) fn write(request: &EmbedRequest, to: &UpstreamModel<'_>) -> Result<(Vec<u8>, Vec<&'static str>)> {
    let (collection, id) = resource(to.id);
    let model = format!("{collection}/{id}");
    let mut inputs = Vec::with_capacity(request.inputs.len());
    for (index, input) in request.inputs.iter().enumerate() {
        let Some(Content::Text(text)) = &input.content else {
            let fault = Malformed::new("Gemini embeds texts only; send the text itself");
            return Err(fault.inside_element(index).inside("input").in_request());
        };
        let mut writer = Writer::strict();
        write_input(&mut writer, request, &model, text);
        let written = writer.finish().map_err(Malformed::in_request)?;
        let mut members = Members::of(&written).map_err(Malformed::in_request)?;
        options::merge(NAME, &request.provider_options_json, &["model"], &mut members)?;
        inputs.push(String::from_utf8_lossy(&members.write()).into_owned());
    }
    let mut writer = Writer::strict();
    writer.object(|object| {
        object.member("requests", |value| value.each(&inputs, |value, input| value.raw(input)));
    });
    let dropped = request.user.is_some().then_some("user").into_iter().collect();
    Ok((writer.finish().map_err(Malformed::in_request)?, dropped))
}

fn write_input(writer: &mut Writer, request: &EmbedRequest, model: &str, text: &str) {
    let asked = request.extra_json.get(INPUT_TYPE);
    let task = TASK_TYPES.iter().find(|(word, _)| asked.is_some_and(|asked| asked == word));
    writer.object(|object| {
        object.text("model", model);
        object.object("content", |object| {
            object.member("parts", |value| {
                value.each([text], |value, text| value.object(|object| object.text("text", text)));
            });
        });
        object.optional_text("taskType", task.map(|(_, task)| *task));
        object.optional_integer("outputDimensionality", request.dimensions);
        object.extras_except(&request.extra_json, if task.is_some() { &[INPUT_TYPE] } else { &[] });
    });
}

/// Reads the answer.
pub(super) fn read(body: &[u8], to: &UpstreamModel<'_>) -> Result<EmbedResponse> {
    let (mut response, mut vectors) =
        (EmbedResponse { model: to.id.to_owned(), ..EmbedResponse::default() }, Vec::new());
    let mut extras = Extras::new();
    json::read(body, |reader| {
        reader.object(|reader, name| {
            match name {
                "embeddings" => vectors = reader.list(read_vector)?,
                "usageMetadata" => response.usage = Some(read_usage(reader)?),
                _ => reader.keep(&mut extras, name)?,
            }
            Ok(())
        })
    })
    .map_err(Malformed::in_answer)?;
    failure::refuse_empty(vectors.is_empty(), &extras, body)?;
    response.embeddings = (0..).zip(vectors).map(|(index, values)| Embedding { index, values }).collect();
    response.extra_json = extras;
    Ok(response)
}

fn read_vector(reader: &mut Reader<'_>) -> Result<Vec<f32>, Malformed> {
    let mut values = None;
    reader.object(|reader, name| match name {
        "values" => {
            values = Some(reader.list(Reader::single)?);
            Ok(())
        }
        _ => reader.skip(),
    })?;
    values.ok_or_else(|| Malformed::required("values"))
}

/// Takes `usageMetadata`, which older models do not send.
fn read_usage(reader: &mut Reader<'_>) -> Result<Usage, Malformed> {
    let mut usage = Usage::default();
    reader.object(|reader, name| {
        match name {
            "promptTokenCount" => usage.input_tokens = reader.integer()?,
            "totalTokenCount" => usage.total_tokens = Some(reader.integer()?),
            _ => reader.keep(&mut usage.extra_json, name)?,
        }
        Ok(())
    })?;
    Ok(usage)
}
