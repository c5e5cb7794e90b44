//! Google Gemini: `generateContent` of the Gemini API.
//!
//! Here: the row and the adapter; `request` with `contents`, `results`, `media`, `tools` and `effort` for what is asked;
//! `event`, `turn`, `answer` and `stream` for what comes back; `embedding`, `models`, `error`. An answer in one piece and an
//! event of a stream have one shape, so both go through `event` and `turn`. Not here: the key, which the driver puts into a
//! header.
//!
//! What Gemini signs it wants back to the byte. A signature stands in `extra_content` of its part, where Google's own
//! OpenAI-compatible interface has it, that of a thought in the thought.

mod answer;
mod contents;
mod effort;
mod embedding;
mod error;
mod event;
mod id;
mod media;
mod models;
mod request;
mod results;
mod signature;
mod stream;
#[cfg(test)]
mod tests;
mod tools;
mod turn;

use http::{HeaderMap, StatusCode};

use super::{
    Adapter, Auth, ChunkDecoder, Endpoint, Outbound, ProviderType, Settings, UpstreamModel, safe_path_segment,
};
use crate::{
    error::{Error, Result},
    proto::v1::{
        AvailableModel, ChatChunk, ChatRequest, ChatResponse, EmbedRequest, EmbedResponse, Operation,
    },
};

const NAME: &str = "gemini";

/// The registry row.
pub(super) static ROW: ProviderType = ProviderType {
    name: NAME,
    title: "Google Gemini",
    endpoint: Endpoint::Url("https://generativelanguage.googleapis.com"),
    auth: &[Auth::Header("x-goog-api-key")],
    settings: &[],
    environment: &[("GEMINI_API_KEY", "apikey"), ("GOOGLE_GEMINI_BASE_URL", "base_url")],
    adapter: &Gemini,
};

struct Gemini;

// === impl Gemini ===

impl Adapter for Gemini {
    fn operations(&self) -> &'static [Operation] {
        &[Operation::Chat, Operation::StreamChat, Operation::Embed, Operation::ListModels]
    }

    fn chat(&self, request: &ChatRequest, to: &UpstreamModel<'_>) -> Result<Outbound> {
        let (body, dropped) = request::write(request, to)?;
        let method = if to.stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
        post(to.id, method, body, dropped)
    }

    fn chat_response(&self, body: &[u8], to: &UpstreamModel<'_>) -> Result<ChatResponse> {
        answer::read(body, to)
    }

    fn chat_stream(&self, to: &UpstreamModel<'_>) -> Result<Box<dyn ChunkDecoder<ChatChunk>>> {
        Ok(Box::new(stream::Decoder::new(to)))
    }

    fn embed(&self, request: &EmbedRequest, to: &UpstreamModel<'_>) -> Result<Outbound> {
        let (body, dropped) = embedding::write(request, to)?;
        post(to.id, "batchEmbedContents", body, dropped)
    }

    fn embed_response(&self, body: &[u8], to: &UpstreamModel<'_>) -> Result<EmbedResponse> {
        embedding::read(body, to)
    }

    fn list_models(&self, _: &Settings) -> Result<Outbound> {
        Ok(models::ask(None))
    }

    fn list_models_response(&self, body: &[u8]) -> Result<Vec<AvailableModel>> {
        models::read(body)
    }

    fn list_more_models(&self, body: &[u8], _: &Settings) -> Result<Option<Outbound>> {
        Ok(models::next_page(body)?.map(|token| models::ask(Some(&token))))
    }

    fn error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
        error::of_status(status, headers, body)
    }
}

fn post(model: &str, method: &str, body: Vec<u8>, dropped: Vec<&'static str>) -> Result<Outbound> {
    let (collection, id) = resource(model);
    let id = safe_path_segment(id)?;
    Ok(Outbound::post(format!("/v1beta/{collection}/{id}:{method}"), body, dropped))
}

/// The collection that a model stands in, and its id there. Most are called by the id alone.
fn resource(model: &str) -> (&str, &str) {
    match model.split_once('/') {
        Some((collection @ ("models" | "tunedModels"), id)) => (collection, id),
        _ => ("models", model),
    }
}
