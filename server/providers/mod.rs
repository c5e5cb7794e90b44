//! Vendors: what each wants to be asked and how it answers, as data where possible and pure code where not.
//!
//! Here: the registry, the adapter contract, one file a vendor. Not here: sending, credentials, time, retries
//! (`upstream`, `gateway`). Imports `wire` and floor 0 only; imported by everything above.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

mod anthropic;
mod argument;
mod auth;
mod azure_openai;
mod bedrock;
mod cerebras;
mod cohere;
mod custom;
mod demo;
mod failure;
mod gemini;
mod groq;
mod hosts;
mod mistral;
mod nim;
mod ollama;
mod openai;
pub mod openai_dialect;
mod options;
mod segment;
mod teller;
mod unserved;
mod watsonxai;
mod xai;

pub use argument::Argument;
pub use auth::{AUTH_TYPE, AUTH_URL, AWS_REGION, Auth, IbmAuth, USERNAME};
pub use hosts::{Hosts, host_name};
pub use segment::safe_path_segment;

use crate::{
    error::{Error, Reason, Result},
    http::Client,
    proto::v1::{
        AvailableModel, ChatChunk, ChatRequest, ChatResponse, CompleteChunk, CompleteRequest,
        CompleteResponse, EmbedRequest, EmbedResponse, Operation, Usage,
    },
    renewal::Renewed,
    secret::Secret,
    secrets::{Referenced, Sealed},
    wire::{Frame, Framing},
};

/// Every provider type, by name. A new vendor is one file and one line here.
pub static REGISTRY: &[&ProviderType] = &[
    &anthropic::ROW,
    &azure_openai::ROW,
    &bedrock::ROW,
    &cerebras::ROW,
    &cohere::ROW,
    &custom::ROW,
    &demo::ROW,
    &gemini::ROW,
    &groq::ROW,
    &mistral::ROW,
    &nim::ROW,
    &ollama::ROW,
    &openai::ROW,
    &watsonxai::ROW,
    &xai::ROW,
];

/// Settings of a provider, by name. Where one of them may name its host, they also hold its address, under [`BASE_URL`].
pub type Settings = BTreeMap<String, String>;

/// The name under which settings hold the provider's address, as its paths may depend on the host. No setting has it.
pub const BASE_URL: &str = "base_url";

/// A registry row: everything ordinary about a vendor, as data.
pub struct ProviderType {
    /// API value, metrics label, fixture folder, documentation: `groq`.
    pub name: &'static str,
    /// For people: `Groq`.
    pub title: &'static str,
    /// Where it is.
    pub endpoint: Endpoint,
    /// Accepted kinds of credential. The first whose secrets are all there is used.
    pub auth: &'static [Auth],
    /// Settings beside the base URL.
    pub settings: &'static [Setting],
    /// Environment variables that make a ready-made provider: (variable, name of the secret, setting or `base_url`), later
    /// ones before earlier ones of the same name. The first must be set, or one that holds a secret.
    pub environment: &'static [(&'static str, &'static str)],
    /// Translates.
    pub adapter: &'static dyn Adapter,
}

/// Where a vendor is.
#[derive(Clone, Copy)]
pub enum Endpoint {
    /// At this address unless the provider says otherwise.
    Url(&'static str),
    /// Where the provider's `base_url` says.
    FromOperator,
    /// At the address that begins and ends so around the value of a setting, unless the provider has a `base_url`. The
    /// setting's check lets nothing through that would name another host.
    Named {
        /// Name of the setting.
        setting: &'static str,
        /// What stands before its value.
        before: &'static str,
        /// What stands behind it.
        after: &'static str,
        /// What stands before it where the vendor is administered, which may be another host of the same name's family.
        control: &'static str,
    },
    /// Inside the gateway: a pure function from request to answer.
    BuiltIn(fn(&Outbound, &Settings) -> BuiltInReply),
}

/// One named argument of a provider.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Name, as in `Provider.settings` and in the watsonx `data` object.
    pub name: &'static str,
    /// Whether it must be set.
    pub required: bool,
    /// What it is, its unit and its default.
    pub help: &'static str,
    /// Refuses a value that cannot work, with the reason.
    pub check: fn(&str) -> Result<(), &'static str>,
}

/// A configured provider, ready to be called. The credential stays sealed until the driver sends.
#[derive(Debug)]
pub struct Upstream {
    /// The provider's id.
    pub id: String,
    /// The provider's name.
    pub name: String,
    /// The registry row.
    pub provider_type: &'static ProviderType,
    /// Base address, without a trailing slash. Meaningless for a built-in type.
    pub base_url: Url,
    /// Where the vendor is administered, for listings: the base address, unless the vendor has another host for that.
    pub control_url: Url,
    /// Settings by name.
    pub settings: Settings,
    /// Headers sent with every call.
    pub headers: HeaderMap,
    /// The sealed secrets. `None`: there are none.
    pub credential: Option<Sealed>,
    /// The token for which the credential was exchanged, where its kind wants that. It goes with the credential.
    pub token: Arc<Renewed<Secret>>,
    /// The secrets that live elsewhere; they stand in place of the sealed ones, but for those of its connection.
    pub referenced: Option<Arc<Referenced>>,
    /// What sends to it, shared by providers that are reached in the same way.
    pub client: Client,
}

/// Which account of the vendor a call is for, where the caller says so and the provider does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The caller's `X-IBM-Project-Id`.
    pub project_id: Option<String>,
    /// The caller's `X-IBM-Space-Id`.
    pub space_id: Option<String>,
}

/// The adapter's narrow view of a target.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamModel<'a> {
    /// The vendor's id of the model.
    pub id: &'a str,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// The provider's settings.
    pub settings: &'a Settings,
    /// Which account of the vendor the caller wants.
    pub scope: &'a Scope,
}

/// A request as the vendor wants it, without credential and without host.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// HTTP method.
    pub method: Method,
    /// Path and query below the base URL, beginning with a slash.
    pub path: String,
    /// Headers of this call, beside those of the driver.
    pub headers: HeaderMap,
    /// Body; empty for GET.
    pub body: Bytes,
    /// Members of the request that the vendor cannot take.
    pub dropped: Vec<&'static str>,
}

/// The answer of a built-in model: HTTP bytes with the time at which each piece is due.
#[derive(Clone, Debug)]
pub struct BuiltInReply {
    /// HTTP status.
    pub status: StatusCode,
    /// Pieces of the body, each with the time to wait before it.
    pub body: Vec<(Duration, Bytes)>,
}

/// Whether a stream has more to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// More may come.
    More,
    /// The upstream said that its answer is complete.
    Finished,
}

/// Reads the frames of one stream. Lives as long as the stream.
pub trait ChunkDecoder<C>: Send {
    /// Takes one frame, appends 0..n chunks.
    ///
    /// # Errors
    /// When the frame cannot be read, or is the upstream's own error.
    fn frame(&mut self, frame: Frame<'_>, out: &mut Vec<C>) -> Result<Flow>;

    /// The upstream closed its stream cleanly. Appends what was held back.
    ///
    /// # Errors
    /// [`Reason::StreamTruncated`] when the answer was not complete.
    fn end(&mut self, out: &mut Vec<C>) -> Result<()>;
}

/// Translates between our messages and one vendor's. Pure: no I/O, no clock, no credentials, no logging.
pub trait Adapter: Send + Sync {
    /// What the vendor can do.
    fn operations(&self) -> &'static [Operation];

    /// Asks for a chat, streamed where `to.stream`.
    fn chat(&self, request: &ChatRequest, to: &UpstreamModel<'_>) -> Result<Outbound> {
        let _ = (request, to);
        Err(unsupported("chat"))
    }

    /// Reads the answer to an unstreamed chat.
    fn chat_response(&self, body: &[u8], to: &UpstreamModel<'_>) -> Result<ChatResponse> {
        let _ = (body, to);
        Err(unsupported("chat"))
    }

    /// Begins to read the answer to a streamed chat.
    fn chat_stream(&self, to: &UpstreamModel<'_>) -> Result<Box<dyn ChunkDecoder<ChatChunk>>> {
        let _ = to;
        Err(unsupported("chat"))
    }

    /// Asks for a text completion, streamed where `to.stream`.
    fn complete(&self, request: &CompleteRequest, to: &UpstreamModel<'_>) -> Result<Outbound> {
        let _ = (request, to);
        Err(unsupported("text completion"))
    }

    /// Reads the answer to an unstreamed completion.
    fn complete_response(&self, body: &[u8], to: &UpstreamModel<'_>) -> Result<CompleteResponse> {
        let _ = (body, to);
        Err(unsupported("text completion"))
    }

    /// Begins to read the answer to a streamed completion.
    fn complete_stream(&self, to: &UpstreamModel<'_>) -> Result<Box<dyn ChunkDecoder<CompleteChunk>>> {
        let _ = to;
        Err(unsupported("text completion"))
    }

    /// Asks for embeddings.
    fn embed(&self, request: &EmbedRequest, to: &UpstreamModel<'_>) -> Result<Outbound> {
        let _ = (request, to);
        Err(unsupported("embedding"))
    }

    /// Reads the answer to a request for embeddings.
    fn embed_response(&self, body: &[u8], to: &UpstreamModel<'_>) -> Result<EmbedResponse> {
        let _ = (body, to);
        Err(unsupported("embedding"))
    }

    /// Reads the usage out of the headers of an answer with embeddings, of vendors that say it nowhere else.
    fn embed_usage(&self, head: &HeaderMap) -> Option<Usage> {
        let _ = head;
        None
    }

    /// Asks which models the upstream offers. Also the cheap call of `TestProvider`.
    fn list_models(&self, settings: &Settings) -> Result<Outbound> {
        let _ = settings;
        Err(unsupported("listing of models"))
    }

    /// Reads the answer to [`Adapter::list_models`].
    fn list_models_response(&self, body: &[u8]) -> Result<Vec<AvailableModel>> {
        let _ = body;
        Err(unsupported("listing of models"))
    }

    /// Asks for the models that stand behind those of this answer. `None`: it was the last.
    ///
    /// # Errors
    /// When the answer cannot be read.
    fn list_more_models(&self, body: &[u8], settings: &Settings) -> Result<Option<Outbound>> {
        let _ = (body, settings);
        Ok(None)
    }

    /// How streams are framed.
    fn framing(&self) -> Framing {
        Framing::Sse
    }

    /// Reads an answer that is not a success. `status` may be anything outside 2xx.
    fn error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error;
}

/// The row of a provider type.
///
/// # Errors
/// When there is none; the message lists those that there are.
pub fn provider_type(name: &str) -> Result<&'static ProviderType> {
    REGISTRY.iter().find(|row| row.name == name).copied().ok_or_else(|| {
        let known: Vec<_> = REGISTRY.iter().map(|row| row.name).collect();
        Error::invalid(
            "type",
            format!("there is no provider type \"{name}\"; use one of {}", known.join(", ")),
        )
    })
}

fn unsupported(operation: &str) -> Error {
    Error::new(Reason::NotSupported, format!("this provider type does not support {operation}"))
}

// === impl Endpoint ===

impl Endpoint {
    /// The address of a provider with this `base_url`, which may be empty, and these settings. `None`: they do not tell
    /// one, or it is built in.
    #[must_use]
    pub fn address<'a>(self, base_url: &'a str, settings: &Settings) -> Option<Cow<'a, str>> {
        match self {
            Self::BuiltIn(_) => None,
            Self::Url(_) | Self::FromOperator | Self::Named { .. } if !base_url.is_empty() => {
                Some(base_url.into())
            }
            Self::Url(default) => Some(default.into()),
            Self::FromOperator => None,
            Self::Named { setting, before, after, .. } => {
                settings.get(setting).map(|value| format!("{before}{value}{after}").into())
            }
        }
    }

    /// Where a provider with this address is administered: elsewhere if the address is one of the vendor's own that says
    /// so by how it begins, whoever wrote it.
    #[must_use]
    pub fn control_address(self, address: &str) -> Cow<'_, str> {
        let elsewhere = match self {
            Self::Named { before, control, .. } => {
                address.strip_prefix(before).map(|rest| format!("{control}{rest}").into())
            }
            Self::Url(_) | Self::FromOperator | Self::BuiltIn(_) => None,
        };
        elsewhere.unwrap_or(address.into())
    }
}

// === impl Outbound ===

impl Outbound {
    /// A request with a body and no headers of its own.
    fn post(path: impl Into<String>, body: impl Into<Bytes>, dropped: Vec<&'static str>) -> Self {
        Self {
            method: Method::POST,
            path: path.into(),
            headers: HeaderMap::new(),
            body: body.into(),
            dropped,
        }
    }

    /// A request without a body and headers.
    fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            dropped: Vec::new(),
        }
    }
}

// === impl ProviderType ===

impl std::fmt::Debug for ProviderType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ProviderType").field(&self.name).finish()
    }
}
