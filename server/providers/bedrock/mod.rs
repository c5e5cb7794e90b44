//! AWS Bedrock: Converse and ConverseStream for chats with every model, InvokeModel for embeddings, which Converse does
//! not have.
//!
//! Here: the row and the adapter. Chats are written by `request` (with `conversation`, `content`, `tools`, `fields`), read
//! by `answer` and `stream` (with `outcome`). `ability` holds what is known of models by their ids, `embedding` the bodies
//! of InvokeModel. Not here: the signature (`upstream/sigv4`), the framing (`wire/event_stream`). Only the registry
//! imports it.
//!
//! An upstream id is whatever Bedrock takes for a model: its id, its ARN, or the id or ARN of an inference profile. Facts
//! of the wire: the service models in botocore's `bedrock-runtime` and `bedrock`.

mod ability;
mod answer;
mod content;
mod conversation;
mod embedding;
mod failure;
mod fields;
mod models;
mod outcome;
mod request;
mod stream;
mod tools;

use http::{HeaderMap, StatusCode};

use super::{
    AWS_REGION, Adapter, Auth, ChunkDecoder, Endpoint, Outbound, ProviderType, Setting, Settings,
    UpstreamModel, options, safe_path_segment,
};
use crate::{
    error::{Error, Result},
    proto::v1::{
        AvailableModel, ChatChunk, ChatRequest, ChatResponse, EmbedRequest, EmbedResponse, Operation, Usage,
    },
    wire::{
        Framing,
        json::{Extras, Malformed, Members},
    },
};

const NAME: &str = "bedrock";

/// The registry row.
pub(super) static ROW: ProviderType = ProviderType {
    name: NAME,
    title: "AWS Bedrock",
    endpoint: Endpoint::Named {
        setting: AWS_REGION,
        before: "https://bedrock-runtime.",
        after: ".amazonaws.com",
        control: "https://bedrock.",
    },
    auth: &[Auth::AwsSigV4("bedrock"), Auth::Bearer],
    settings: &[Setting {
        name: AWS_REGION,
        required: true,
        help: "region, like us-east-1: names the hosts where there is no base_url, and calls are signed for it; regions \
               outside the domain amazonaws.com, as in China, need a base_url too",
        check: is_region,
    }],
    environment: &[
        ("AWS_ACCESS_KEY_ID", "access_key_id"),
        ("AWS_SECRET_ACCESS_KEY", "secret_access_key"),
        ("AWS_SESSION_TOKEN", "session_token"),
        ("AWS_BEARER_TOKEN_BEDROCK", "apikey"),
        ("AWS_DEFAULT_REGION", AWS_REGION),
        ("AWS_REGION", AWS_REGION),
        ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "base_url"),
    ],
    adapter: &Bedrock,
};

struct Bedrock;

impl Adapter for Bedrock {
    fn operations(&self) -> &'static [Operation] {
        &[Operation::Chat, Operation::StreamChat, Operation::Embed, Operation::ListModels]
    }

    fn chat(&self, request: &ChatRequest, to: &UpstreamModel<'_>) -> Result<Outbound> {
        let (body, dropped) = request::write(request, to.id)?;
        let operation = if to.stream { "converse-stream" } else { "converse" };
        post(to.id, operation, &body, &request.provider_options_json, dropped)
    }

    fn chat_response(&self, body: &[u8], to: &UpstreamModel<'_>) -> Result<ChatResponse> {
        answer::read(body, to.id)
    }

    fn chat_stream(&self, to: &UpstreamModel<'_>) -> Result<Box<dyn ChunkDecoder<ChatChunk>>> {
        Ok(Box::new(stream::Decoder::new(to.id)))
    }

    fn embed(&self, request: &EmbedRequest, to: &UpstreamModel<'_>) -> Result<Outbound> {
        let (body, dropped) = embedding::write(request, to.id)?;
        post(to.id, "invoke", &body, &request.provider_options_json, dropped)
    }

    fn embed_response(&self, body: &[u8], to: &UpstreamModel<'_>) -> Result<EmbedResponse> {
        embedding::read(body, to.id)
    }

    fn embed_usage(&self, head: &HeaderMap) -> Option<Usage> {
        embedding::read_usage(head)
    }

    fn list_models(&self, _: &Settings) -> Result<Outbound> {
        Ok(Outbound::get("/foundation-models"))
    }

    fn list_models_response(&self, body: &[u8]) -> Result<Vec<AvailableModel>> {
        models::read(body).map_err(Malformed::in_answer)
    }

    fn framing(&self) -> Framing {
        Framing::AwsEventStream
    }

    fn error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
        failure::of_answer(status, headers, body)
    }
}

fn post(
    model: &str,
    operation: &str,
    body: &[u8],
    provider_options: &Extras,
    dropped: Vec<&'static str>,
) -> Result<Outbound> {
    let mut members = Members::of(body).map_err(Malformed::in_request)?;
    // The model and whether it streams stand in the path: no option can change what comes back.
    options::merge(NAME, provider_options, &[], &mut members)?;
    Ok(Outbound::post(format!("/model/{}/{operation}", safe_path_segment(model)?), members.write(), dropped))
}

/// It becomes a part of the host.
fn is_region(region: &str) -> Result<(), &'static str> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let holds = region.len() <= 32 && region.bytes().all(fits) && region.contains('-');
    if holds && !region.starts_with('-') && !region.ends_with('-') {
        Ok(())
    } else {
        Err("must be the name of a region, like us-east-1")
    }
}

#[cfg(test)]
mod tests;
