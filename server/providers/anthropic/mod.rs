//! Anthropic's Messages interface, version 2023-06-01: also where others host it, like Azure below `/anthropic`.
//!
//! Here: the row and its adapter; `request` writes what is asked out of `turns`, `block`, `tools` and `thinking`; `answer`
//! and `stream` read what comes back; `model` says what a model takes; `failure` reads errors. Not here: what all vendors
//! share (`teller`, `options`, `failure` beside this folder).

mod answer;
mod block;
mod catalog;
mod failure;
mod model;
mod request;
mod schema;
mod stream;
mod thinking;
mod tools;
mod turns;
mod usage;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::{
    Adapter, Auth, ChunkDecoder, Endpoint, Outbound, ProviderType, Setting, Settings, UpstreamModel,
};
use crate::{
    error::{Error, Result},
    proto::v1::{AvailableModel, ChatChunk, ChatRequest, ChatResponse, Operation},
};

const NAME: &str = "anthropic";
/// The version of the interface that this adapter speaks. The next, 2026-10-21, takes no temperature at all.
const VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");
const VERSION_HEADER: &str = "anthropic-version";
const BETA_HEADER: &str = "anthropic-beta";
const BETA: &str = "beta";
const MAX_TOKENS: &str = "max_tokens";
/// As many models as one page may hold.
const LIST: &str = "/v1/models?limit=1000";

/// The registry row.
pub(super) static ROW: ProviderType = ProviderType {
    name: NAME,
    title: "Anthropic",
    endpoint: Endpoint::Url("https://api.anthropic.com"),
    auth: &[Auth::Header("x-api-key")],
    settings: &[
        Setting {
            name: BETA,
            required: false,
            help: "beta features that every call asks for, separated by commas; a call asks for more with the member betas, \
                   a list, of its provider options; default: none",
            check: is_beta,
        },
        Setting {
            name: MAX_TOKENS,
            required: false,
            help: "tokens that an answer may have where the caller sets no limit, as this vendor wants one; default: 16384, \
                   for models before Claude 3.7 and for ids that are not Claude's fewer",
            check: is_limit,
        },
    ],
    environment: &[("ANTHROPIC_API_KEY", "apikey"), ("ANTHROPIC_BASE_URL", "base_url")],
    adapter: &Messages,
};

/// The adapter.
struct Messages;

impl Adapter for Messages {
    fn operations(&self) -> &'static [Operation] {
        &[Operation::Chat, Operation::StreamChat, Operation::ListModels]
    }

    fn chat(&self, request: &ChatRequest, to: &UpstreamModel<'_>) -> Result<Outbound> {
        let written = request::write(request, to)?;
        Ok(Outbound {
            method: Method::POST,
            path: "/v1/messages".to_owned(),
            headers: headers(to.settings, &written.betas)?,
            body: written.body.into(),
            dropped: written.dropped,
        })
    }

    fn chat_response(&self, body: &[u8], _: &UpstreamModel<'_>) -> Result<ChatResponse> {
        answer::read(body)
    }

    fn chat_stream(&self, _: &UpstreamModel<'_>) -> Result<Box<dyn ChunkDecoder<ChatChunk>>> {
        Ok(Box::new(stream::Decoder::default()))
    }

    fn list_models(&self, settings: &Settings) -> Result<Outbound> {
        Ok(Outbound {
            method: Method::GET,
            path: LIST.to_owned(),
            headers: headers(settings, &[])?,
            body: Bytes::new(),
            dropped: Vec::new(),
        })
    }

    fn list_models_response(&self, body: &[u8]) -> Result<Vec<AvailableModel>> {
        catalog::read(body)
    }

    fn error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
        failure::of_status(status, headers, body)
    }
}

/// The version, and the beta features of the provider and of the call.
fn headers(settings: &Settings, betas: &[String]) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(VERSION_HEADER, VERSION);
    let of_provider = settings.get(BETA).into_iter().flat_map(|list| list.split(','));
    let mut all: Vec<_> = of_provider.map(str::trim).filter(|beta| !beta.is_empty()).collect();
    for beta in betas {
        if !all.contains(&beta.as_str()) {
            all.push(beta);
        }
    }
    if !all.is_empty() {
        let value = HeaderValue::from_str(&all.join(",")).map_err(|_| {
            Error::invalid(
                "provider_options.anthropic.betas",
                "a beta feature is a word like files-api-2025-04-14",
            )
        })?;
        headers.insert(BETA_HEADER, value);
    }
    Ok(headers)
}

fn is_beta(list: &str) -> Result<(), &'static str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let words = list.split(',').map(str::trim);
    if words.clone().all(|word| !word.is_empty() && word.bytes().all(fits)) {
        Ok(())
    } else {
        Err("must be names like files-api-2025-04-14, separated by commas")
    }
}

fn is_limit(limit: &str) -> Result<(), &'static str> {
    match limit.parse::<i32>() {
        Ok(1..) => Ok(()),
        Ok(_) | Err(_) => Err("must be a whole number of tokens, at least 1"),
    }
}

#[cfg(test)]
mod tests;
