//! The dialect that most vendors speak: OpenAI's JSON over HTTP and server-sent events, with quirks as data.
//!
//! Here: the one adapter for all of them, its stream decoder, and how their errors are read. Not here: the rows.

mod answer;
mod body;
mod decoder;
mod route;
#[cfg(test)]
mod tests;
mod turns;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use self::{answer::Answer, decoder::Decoder};
pub use self::{
    route::{Place, Route, usual_route},
    turns::{declare_parameters, drop_names, say_refusals, shorten_ids, speak_as_system, think_in_content},
};
use super::{Adapter, ChunkDecoder, Outbound, Settings, UpstreamModel, failure, unsupported};
use crate::{
    error::{Error, Result},
    proto::v1::{
        AvailableModel, ChatChunk, ChatRequest, ChatResponse, CompleteChunk, CompleteRequest,
        CompleteResponse, EmbedRequest, EmbedResponse, Operation, StreamOptions,
    },
    wire::{
        json::{Malformed, Members},
        openai::{self, Spelling, chat, completion, embedding, model},
    },
};

/// An adapter for a vendor that speaks the dialect.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    /// Name of the row, under which callers give options for this vendor alone.
    pub provider_type: &'static str,
    /// What the vendor can do.
    pub operations: &'static [Operation],
    /// Where it differs.
    pub quirks: Quirks,
}

/// Where a vendor differs from OpenAI. Write `..Quirks::NONE` behind what does.
#[derive(Clone, Copy, Debug)]
pub struct Quirks {
    /// Where its operations are, below the base URL.
    pub route: FindRoute,
    /// How it spells what OpenAI's JSON leaves open.
    pub spelling: Spelling,
    /// Whether a stream must be asked for its usage. Other vendors always send it, or refuse to be asked.
    pub asks_for_usage: bool,
    /// Whether every stream of it ends with `[DONE]`. Where it does, nothing else is a good end; where it may not, every
    /// choice seen must have given its finish reason.
    pub always_says_done: bool,
    /// Whether it may count reasoning beside what was written, or audio beside what was read. Its total tells.
    pub counts_apart: bool,
    /// Words in the message of an answer 400 with which it refuses our key. Others answer 401.
    pub refuses_key_with: &'static [&'static str],
    /// Members of a request that it cannot take. The caller is told.
    pub drops: &'static [&'static str],
    /// Members of a request that it calls otherwise: (OpenAI's name, its own).
    pub renames: &'static [(&'static str, &'static str)],
    /// Settings that it wants as headers: (setting, header).
    pub setting_headers: &'static [(&'static str, &'static str)],
    /// Changes what a conversation holds, one after another.
    pub turns: &'static [ChangeTurns],
    /// Changes a request in a way that the fields above cannot say. The last resort.
    pub patch: Option<Patch>,
}

/// Finds where an operation is: its place, the upstream's id of the model (empty for a list), the provider's settings.
pub type FindRoute = fn(Place, &str, &Settings) -> Result<Route>;

/// Changes what a chat holds. What it returns was taken out.
pub type ChangeTurns = fn(&mut ChatRequest) -> Option<&'static str>;

/// Changes the members of a request.
pub type Patch = fn(&mut Members<'_>, &UpstreamModel<'_>) -> Result<()>;

/// Everything that OpenAI's own interface offers.
pub const ALL_OPERATIONS: &[Operation] = &[
    Operation::Chat,
    Operation::StreamChat,
    Operation::Complete,
    Operation::StreamComplete,
    Operation::Embed,
    Operation::ListModels,
];

// === impl Quirks ===

impl Quirks {
    /// None at all.
    pub const NONE: Self = Self {
        route: usual_route,
        spelling: Spelling::VENDORS,
        asks_for_usage: true,
        always_says_done: false,
        counts_apart: false,
        refuses_key_with: &[],
        drops: &[],
        renames: &[],
        setting_headers: &[],
        turns: &[],
        patch: None,
    };

    /// What a stream is asked for. Usage always, so that every call can be counted; the edges show it only to callers
    /// who asked. Of the caller's own options only those travel that we do not know.
    fn stream_options(&self, request: Option<&StreamOptions>) -> Option<StreamOptions> {
        let extra_json = request.map(|options| options.extra_json.clone()).unwrap_or_default();
        let include_usage = self.asks_for_usage.then_some(true);
        (include_usage.is_some() || !extra_json.is_empty())
            .then_some(StreamOptions { include_usage, extra_json })
    }
}

// === impl Dialect ===

impl Dialect {
    fn post(&self, place: Place, body: body::Changed, to: &UpstreamModel<'_>) -> Result<Outbound> {
        let route = (self.quirks.route)(place, to.id, to.settings)?;
        Ok(Outbound {
            method: Method::POST,
            headers: self.headers(&route, to.settings)?,
            path: route.path.into_owned(),
            body: body.bytes.into(),
            dropped: body.dropped,
        })
    }

    fn headers(&self, route: &Route, settings: &Settings) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        for (header, value) in route.headers {
            headers.insert(HeaderName::from_static(header), HeaderValue::from_static(value));
        }
        for (setting, header) in self.quirks.setting_headers {
            let Some(value) = settings.get(*setting) else { continue };
            let value = HeaderValue::from_str(value).map_err(|_| {
                Error::invalid(format!("provider.settings.{setting}"), "cannot stand in a header")
            })?;
            headers.insert(*header, value);
        }
        Ok(headers)
    }

    fn needs(&self, operation: Operation, name: &str) -> Result<()> {
        if self.operations.contains(&operation) { Ok(()) } else { Err(unsupported(name)) }
    }
}

impl Adapter for Dialect {
    fn operations(&self) -> &'static [Operation] {
        self.operations
    }

    fn chat(&self, request: &ChatRequest, to: &UpstreamModel<'_>) -> Result<Outbound> {
        self.needs(Operation::Chat, "chat")?;
        let (turned, dropped) = turns::change(self.quirks.turns, request);
        let stream_options = self.quirks.stream_options(request.stream_options.as_ref());
        let wanted = chat::Wanted {
            model: to.id,
            stream: to.stream,
            spelling: &self.quirks.spelling,
            stream_options: stream_options.as_ref(),
        };
        let written = chat::write_request(&turned, &wanted).map_err(Malformed::in_request)?;
        let mut body = body::change(self, written, &request.provider_options_json, to)?;
        body.dropped.extend(dropped);
        body.dropped.extend(chat::unsaid(request, &self.quirks.spelling));
        self.post(Place::Chat, body, to)
    }

    fn chat_response(&self, body: &[u8], _: &UpstreamModel<'_>) -> Result<ChatResponse> {
        let mut response = chat::read_response(body).map_err(Malformed::in_answer)?;
        failure::refuse_empty(response.choices.is_empty(), &response.extra_json, body)?;
        response.complete(&self.quirks);
        Ok(response)
    }

    fn chat_stream(&self, _: &UpstreamModel<'_>) -> Result<Box<dyn ChunkDecoder<ChatChunk>>> {
        Ok(Box::new(Decoder::<ChatChunk>::new(&self.quirks)))
    }

    fn complete(&self, request: &CompleteRequest, to: &UpstreamModel<'_>) -> Result<Outbound> {
        self.needs(Operation::Complete, "text completion")?;
        let stream_options = self.quirks.stream_options(request.stream_options.as_ref());
        let written = completion::write_request(request, to.id, to.stream, stream_options.as_ref())
            .map_err(Malformed::in_request)?;
        let body = body::change(self, written, &request.provider_options_json, to)?;
        self.post(Place::Completion, body, to)
    }

    fn complete_response(&self, body: &[u8], _: &UpstreamModel<'_>) -> Result<CompleteResponse> {
        let mut response = completion::read_response(body).map_err(Malformed::in_answer)?;
        failure::refuse_empty(response.choices.is_empty(), &response.extra_json, body)?;
        response.complete(&self.quirks);
        Ok(response)
    }

    fn complete_stream(&self, _: &UpstreamModel<'_>) -> Result<Box<dyn ChunkDecoder<CompleteChunk>>> {
        Ok(Box::new(Decoder::<CompleteChunk>::new(&self.quirks)))
    }

    fn embed(&self, request: &EmbedRequest, to: &UpstreamModel<'_>) -> Result<Outbound> {
        self.needs(Operation::Embed, "embedding")?;
        let written = embedding::write_request(request, to.id).map_err(Malformed::in_request)?;
        let body = body::change(self, written, &request.provider_options_json, to)?;
        self.post(Place::Embedding, body, to)
    }

    fn embed_response(&self, body: &[u8], _: &UpstreamModel<'_>) -> Result<EmbedResponse> {
        let response = embedding::read_response(body).map_err(Malformed::in_answer)?;
        failure::refuse_empty(response.embeddings.is_empty(), &response.extra_json, body)?;
        Ok(response)
    }

    fn list_models(&self, settings: &Settings) -> Result<Outbound> {
        self.needs(Operation::ListModels, "listing of models")?;
        let route = (self.quirks.route)(Place::Models, "", settings)?;
        Ok(Outbound {
            method: Method::GET,
            headers: self.headers(&route, settings)?,
            path: route.path.into_owned(),
            body: Bytes::new(),
            dropped: Vec::new(),
        })
    }

    fn list_models_response(&self, body: &[u8]) -> Result<Vec<AvailableModel>> {
        model::read_list(body).map_err(Malformed::in_answer)
    }

    fn error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
        failure::of_status(status, headers, openai::error::read(body), self.quirks.refuses_key_with)
    }
}
