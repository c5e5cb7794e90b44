//! IBM watsonx.ai, in IBM Cloud and on Software Hub.
//!
//! Chats are OpenAI's in other words; text generation, embeddings and the list of models have shapes of their own. An
//! upstream id is that of a foundation model, or `deployment/ID` for a deployment, by its id or its serving name.

mod answer;
mod chat;
mod embedding;
mod error;
mod generation;
mod generation_stream;
mod models;
mod place;
mod stream;

use http::{HeaderMap, StatusCode};

use super::{
    AUTH_TYPE, AUTH_URL, Adapter, Auth, ChunkDecoder, Endpoint, IbmAuth, Outbound, ProviderType, Setting,
    Settings, USERNAME, UpstreamModel,
    openai_dialect::{Dialect, Quirks},
};
use crate::{
    address,
    error::{Error, Result},
    proto::v1::{
        AvailableModel, ChatChunk, ChatRequest, ChatResponse, CompleteChunk, CompleteRequest,
        CompleteResponse, EmbedRequest, EmbedResponse, Operation,
    },
};

const NAME: &str = "watsonxai";
const API_VERSION: &str = "api_version";
/// The newest version whose answers our fixtures have.
const DEFAULT_VERSION: &str = "2025-04-23";
const PROJECT_ID: &str = "project_id";
const SPACE_ID: &str = "space_id";

/// The registry row.
pub(super) static ROW: ProviderType = ProviderType {
    name: NAME,
    title: "IBM watsonx.ai",
    // Each region has its own, and data shall not go to one that nobody has chosen.
    endpoint: Endpoint::FromOperator,
    auth: &[Auth::IbmKey, Auth::IbmPassword, Auth::Token],
    settings: &[
        optional(PROJECT_ID, "project that calls are for; default: the caller's X-IBM-Project-Id", is_id),
        optional(
            SPACE_ID,
            "deployment space that calls are for, where there is no project_id; default: the caller's X-IBM-Space-Id",
            is_id,
        ),
        optional(API_VERSION, "version of the interface: a date; default: 2025-04-23", is_date),
        optional(
            AUTH_URL,
            "where the credential is exchanged for a token, a host or the whole address; default: \
             https://iam.cloud.ibm.com/identity/token, on Software Hub /icp4d-api/v1/authorize at base_url",
            |url| address::read(url).map(drop),
        ),
        optional(
            AUTH_TYPE,
            "iam for IBM Cloud, cp4d for Software Hub, zen for Software Hub without exchange of the key; default: cp4d \
             where there is a username, else iam",
            |name| IbmAuth::named(name).map(drop).ok_or("must be iam, cp4d or zen"),
        ),
        optional(USERNAME, "user of Software Hub whose apikey or password the credential holds", |_| Ok(())),
    ],
    environment: &[
        ("WATSONX_APIKEY", "apikey"),
        ("WATSONX_URL", "base_url"),
        ("WATSONX_PROJECT_ID", PROJECT_ID),
        ("WATSONX_SPACE_ID", SPACE_ID),
        ("WATSONX_USERNAME", USERNAME),
    ],
    adapter: &Watsonx,
};

/// Reads what is like OpenAI's.
static DIALECT: Dialect = Dialect {
    provider_type: NAME,
    operations: &[Operation::Chat, Operation::StreamChat],
    quirks: Quirks { asks_for_usage: false, ..Quirks::NONE },
};

struct Watsonx;

impl Adapter for Watsonx {
    fn operations(&self) -> &'static [Operation] {
        &[
            Operation::Chat,
            Operation::StreamChat,
            Operation::Complete,
            Operation::StreamComplete,
            Operation::Embed,
            Operation::ListModels,
        ]
    }

    fn chat(&self, request: &ChatRequest, to: &UpstreamModel<'_>) -> Result<Outbound> {
        chat::ask(request, to)
    }

    fn chat_response(&self, body: &[u8], to: &UpstreamModel<'_>) -> Result<ChatResponse> {
        answer::mend(DIALECT.chat_response(body, to)?)
    }

    fn chat_stream(&self, to: &UpstreamModel<'_>) -> Result<Box<dyn ChunkDecoder<ChatChunk>>> {
        Ok(Box::new(stream::Decoder::new(DIALECT.chat_stream(to)?)))
    }

    fn complete(&self, request: &CompleteRequest, to: &UpstreamModel<'_>) -> Result<Outbound> {
        generation::ask(request, to)
    }

    fn complete_response(&self, body: &[u8], _: &UpstreamModel<'_>) -> Result<CompleteResponse> {
        generation::read(body)
    }

    fn complete_stream(&self, _: &UpstreamModel<'_>) -> Result<Box<dyn ChunkDecoder<CompleteChunk>>> {
        Ok(Box::new(generation_stream::Decoder::default()))
    }

    fn embed(&self, request: &EmbedRequest, to: &UpstreamModel<'_>) -> Result<Outbound> {
        embedding::ask(request, to)
    }

    fn embed_response(&self, body: &[u8], _: &UpstreamModel<'_>) -> Result<EmbedResponse> {
        embedding::read(body)
    }

    fn list_models(&self, settings: &Settings) -> Result<Outbound> {
        Ok(models::ask(settings))
    }

    fn list_models_response(&self, body: &[u8]) -> Result<Vec<AvailableModel>> {
        models::read(body)
    }

    fn list_more_models(&self, body: &[u8], settings: &Settings) -> Result<Option<Outbound>> {
        models::ask_more(body, settings)
    }

    fn error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
        error::read(status, headers, body)
    }
}

const fn optional(
    name: &'static str,
    help: &'static str,
    check: fn(&str) -> Result<(), &'static str>,
) -> Setting {
    Setting { name, required: false, help, check }
}

/// It stands in a body; IBM's are UUIDs.
fn is_id(id: &str) -> Result<(), &'static str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if id.len() <= 128 && id.bytes().all(fits) {
        Ok(())
    } else {
        Err("must be an id: letters, digits, - and _")
    }
}

/// It becomes a part of the query.
fn is_date(version: &str) -> Result<(), &'static str> {
    let fits = |(at, byte): (usize, u8)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    if version.len() == 10 && version.bytes().enumerate().all(fits) {
        Ok(())
    } else {
        Err("must be a date like 2025-04-23")
    }
}

#[cfg(test)]
mod tests;
