//! Embeddings: `inputs` in, `results` out.

use super::place::{Model, post};
use crate::{
    error::{Error, Reason, Result},
    proto::v1::{EmbedRequest, EmbedResponse, Embedding, Usage, embed_input::Content},
    providers::{Outbound, UpstreamModel, failure},
    wire::json::{self, Malformed, Reader, Writer},
};

/// Members that stand beside the parameters.
const BESIDE: [&str; 4] = ["crypto", "model_id", "project_id", "space_id"];

/// Asks for vectors.
pub(super) fn ask(request: &EmbedRequest, to: &UpstreamModel<'_>) -> Result<Outbound> {
    if let Model::Deployment(_) = Model::of(to.id) {
        let message = "deployments of watsonx.ai embed nothing; register the foundation model itself";
        return Err(Error::new(Reason::NotSupported, message));
    }
    if request.dimensions.is_some() {
        let message = "watsonx.ai gives vectors of the model's own length only; leave dimensions out";
        return Err(Error::invalid("dimensions", message));
    }
    let inputs = write_inputs(request).map_err(|fault| fault.inside("input").in_request())?;
    let mut writer = Writer::strict();
    writer.object(|object| {
        object.member("inputs", |value| value.raw(&inputs));
        let (beside, parameters) =
            request.extra_json.clone().into_iter().partition(|(name, _)| BESIDE.contains(&name.as_str()));
        object.extras(&beside);
        if !parameters.is_empty() {
            object.object("parameters", |object| object.extras(&parameters));
        }
    });
    let written = writer.finish().map_err(Malformed::in_request)?;
    let dropped = request.user.is_some().then_some("user").into_iter().collect();
    post("embeddings", &written, &request.provider_options_json, dropped, to)
}

fn write_inputs(request: &EmbedRequest) -> Result<String, Malformed> {
    let mut writer = Writer::strict();
    writer.each(&request.inputs, |value, input| match &input.content {
        Some(Content::Text(text)) => value.text(text),
        Some(Content::Tokens(_)) => {
            value.blame(Malformed::new("watsonx.ai takes text, not tokens; send the text itself"));
        }
        None => value.blame(Malformed::new("set text")),
    });
    writer.finish().map(|json| String::from_utf8_lossy(&json).into_owned())
}

/// Reads the vectors.
pub(super) fn read(body: &[u8]) -> Result<EmbedResponse> {
    let mut response = EmbedResponse::default();
    json::read(body, |reader| {
        reader.object(|reader, name| {
            match name {
                "model_id" => response.model = reader.string()?,
                "results" => response.embeddings = reader.list(read_vector)?,
                "input_token_count" => {
                    let input_tokens = reader.integer()?;
                    let total_tokens = Some(input_tokens);
                    response.usage = Some(Usage { input_tokens, total_tokens, ..Usage::default() });
                }
                _ => reader.keep(&mut response.extra_json, name)?,
            }
            Ok(())
        })
    })
    .map_err(Malformed::in_answer)?;
    failure::refuse_empty(response.embeddings.is_empty(), &response.extra_json, body)?;
    for (index, embedding) in (0..).zip(&mut response.embeddings) {
        embedding.index = index;
    }
    Ok(response)
}

fn read_vector(reader: &mut Reader<'_>) -> Result<Embedding, Malformed> {
    let mut values = None;
    reader.object(|reader, name| {
        match name {
            "embedding" => values = Some(reader.list(Reader::single)?),
            // The text itself, where it was asked for; the caller has it.
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    let values = values.ok_or_else(|| Malformed::required("embedding"))?;
    Ok(Embedding { values, ..Embedding::default() })
}
