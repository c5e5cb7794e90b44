//! Cohere, by its own interface v2.
//!
//! Here: the row, its adapter and how its errors are read; `request` and `turns` write a chat, `answer` and `stream`
//! read what comes back, `embedding` does both for vectors. Not here: Cohere models on other vendors' hosts.
//!
//! A plan of tool calls and thoughts before them are one thing to the model, so both are thinking of ours; beside tool
//! calls it goes back as the plan.

mod answer;
mod embedding;
mod request;
mod stream;
#[cfg(test)]
mod tests;
mod turns;

use http::{HeaderMap, StatusCode};

use super::{
    Adapter, Auth, ChunkDecoder, Endpoint, Outbound, ProviderType, Setting, Settings, UpstreamModel, failure,
};
use crate::{
    error::{Error, Reason, Result},
    proto::v1::{
        AvailableModel, ChatChunk, ChatRequest, ChatResponse, EmbedRequest, EmbedResponse, Operation,
    },
    wire::{
        json::{self, Malformed, Reader},
        openai::error::{VendorError, read},
    },
};

const NAME: &str = "cohere";
/// Setting: what vectors are for, where the caller does not say.
const INPUT_TYPE: &str = "input_type";
/// Everything in one page; there are some dozens.
const LIST: &str = "/v1/models?page_size=1000";

/// The registry row.
pub(super) static ROW: ProviderType = ProviderType {
    name: NAME,
    title: "Cohere",
    endpoint: Endpoint::Url("https://api.cohere.com"),
    auth: &[Auth::Bearer],
    settings: &[Setting {
        name: INPUT_TYPE,
        required: false,
        help: "what embeddings are for where a call does not say: search_document, search_query, classification or \
               clustering; default: search_document",
        check: is_input_type,
    }],
    environment: &[("COHERE_API_KEY", "apikey"), ("COHERE_BASE_URL", "base_url")],
    adapter: &Cohere,
};

struct Cohere;

impl Adapter for Cohere {
    fn operations(&self) -> &'static [Operation] {
        &[Operation::Chat, Operation::StreamChat, Operation::Embed, Operation::ListModels]
    }

    fn chat(&self, request: &ChatRequest, to: &UpstreamModel<'_>) -> Result<Outbound> {
        let (body, dropped) = request::write(request, to)?;
        Ok(Outbound::post("/v2/chat", body, dropped))
    }

    fn chat_response(&self, body: &[u8], to: &UpstreamModel<'_>) -> Result<ChatResponse> {
        answer::read(body, to.id)
    }

    fn chat_stream(&self, to: &UpstreamModel<'_>) -> Result<Box<dyn ChunkDecoder<ChatChunk>>> {
        Ok(Box::new(stream::Decoder::new(to.id)))
    }

    fn embed(&self, request: &EmbedRequest, to: &UpstreamModel<'_>) -> Result<Outbound> {
        let (body, dropped) = embedding::write(request, to)?;
        Ok(Outbound::post("/v2/embed", body, dropped))
    }

    fn embed_response(&self, body: &[u8], to: &UpstreamModel<'_>) -> Result<EmbedResponse> {
        embedding::read(body, to.id)
    }

    fn list_models(&self, _: &Settings) -> Result<Outbound> {
        Ok(Outbound::get(LIST))
    }

    fn list_models_response(&self, body: &[u8]) -> Result<Vec<AvailableModel>> {
        read_models(body).map_err(Malformed::in_answer)
    }

    fn error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
        let vendor = read_error(body);
        match status.as_u16() {
            // The account has reached its billing limit.
            402 => failure::of_known(Reason::ProviderRateLimited, status, headers, vendor),
            // A request or an answer that its usage guidelines forbid.
            498 => failure::of_known(Reason::ContentFiltered, status, headers, vendor),
            // "request cancelled": not by us, who would not be there to read it.
            499 => failure::of_known(Reason::ProviderUnavailable, status, headers, vendor),
            _ => failure::of_status(status, headers, vendor, &[]),
        }
    }
}

/// Errors are flat: `{"id", "message", "error_type"}`, the last often missing.
fn read_error(body: &[u8]) -> VendorError {
    let mut vendor = read(body);
    _ = json::read(body, |reader| {
        reader.object(|reader, name| match name {
            "error_type" => {
                vendor.code = Some(reader.string()?);
                Ok(())
            }
            _ => reader.skip(),
        })
    });
    classify(&mut vendor);
    vendor
}

/// Where there is no type of error, its first words tell the one that callers act on.
fn classify(vendor: &mut VendorError) {
    let said = vendor.message.as_deref().unwrap_or_default();
    if vendor.code.is_none() && said.starts_with("too many tokens") {
        vendor.kind = Some("too_many_tokens".to_owned());
    }
}

/// Models that can be asked for something we offer: others only rank or classify.
fn read_models(body: &[u8]) -> Result<Vec<AvailableModel>, Malformed> {
    let mut models = None;
    json::read(body, |reader| {
        reader.object(|reader, name| match name {
            "models" => {
                models = Some(reader.list(read_model)?);
                Ok(())
            }
            _ => reader.skip(),
        })
    })?;
    Ok(models.ok_or_else(|| Malformed::required("models"))?.into_iter().flatten().collect())
}

fn read_model(reader: &mut Reader<'_>) -> Result<Option<AvailableModel>, Malformed> {
    let (mut id, mut endpoints) = (None, Vec::new());
    reader.object(|reader, name| {
        match name {
            "name" => id = Some(reader.string()?),
            "endpoints" => endpoints = reader.list(Reader::string)?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    let id = id.ok_or_else(|| Malformed::required("name"))?;
    let serves = endpoints.is_empty() || endpoints.iter().any(|name| name == "chat" || name == "embed");
    Ok(serves.then(|| AvailableModel { id, ..AvailableModel::default() }))
}

fn is_input_type(text: &str) -> Result<(), &'static str> {
    match text {
        "search_document" | "search_query" | "classification" | "clustering" => Ok(()),
        _ => Err("must be search_document, search_query, classification or clustering"),
    }
}
