//! The driver: what an adapter asks becomes HTTP, and what comes back becomes frames for its decoder.
//!
//! Here: credentials, sending, time limits, reading. Not here: which target (`gateway`), what the bytes mean
//! (`providers`). Used by `gateway` for calls and by `admin` for tests and listings.

mod auth;
mod body;
mod login;
mod pace;
mod sigv4;
mod stream;

use std::{sync::Arc, time::Duration};

use ::http::{HeaderMap, HeaderValue, StatusCode, header};
use bytes::Bytes;
use tokio::time::Instant;
use url::Url;

use self::auth::{Chances, Opener};
pub use self::{body::Body, pace::Pace, stream::ChunkStream};
use crate::{
    clock::Clock,
    error::{Error, Reason, Result},
    providers::{Endpoint, Outbound, Upstream},
    secrets::{Sealer, redact},
    task::Tasks,
};

/// The longest unstreamed answer that is read.
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// The longest error body that is read; vendors' are a few kilobytes.
const MAX_ERROR_BYTES: usize = 64 << 10;
/// An error body that takes longer is not worth waiting for.
const ERROR_BODY_TIME: Duration = Duration::from_secs(5);
/// Where vendors tell their id of a request: OpenAI and most others, Anthropic, AWS, Azure, IBM, Cohere, NVIDIA.
const REQUEST_IDS: [&str; 7] = [
    "x-request-id",
    "request-id",
    "x-amzn-requestid",
    "apim-request-id",
    "x-global-transaction-id",
    "x-debug-trace-id",
    "nvcf-reqid",
];
/// How long an administration call to an upstream may take.
const FETCH_TIME: Duration = Duration::from_secs(20);

/// Sends to upstreams, each by its own client.
#[derive(Clone)]
pub struct Driver {
    opener: Opener,
    tasks: Tasks,
}

/// How long an upstream may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Until the first content of a stream.
    pub first_token: Duration,
    /// Between two reads after that.
    pub idle: Duration,
    /// For the whole call.
    pub total: Duration,
}

impl Limits {
    /// For an answer in one piece, which gives no sign of life until it is there.
    #[must_use]
    pub fn unary(self) -> Self {
        Self { first_token: self.total, ..self }
    }
}

impl Driver {
    /// A driver that opens credentials with `sealer` and signs at the time that `clock` tells.
    #[must_use]
    pub fn new(sealer: Arc<Sealer>, clock: Clock, tasks: Tasks) -> Self {
        Self { opener: Opener { sealer, tasks: tasks.clone(), clock }, tasks }
    }

    /// Sends a request and waits for the head of the answer; gives the body, which is still to come. Dropping the future,
    /// or later the body, closes the upstream call.
    ///
    /// # Errors
    /// That the upstream could not be reached in time, or what it answered outside 2xx, as its adapter reads it.
    pub async fn send(&self, to: &Upstream, outbound: Outbound, pace: &Pace) -> Result<Body> {
        self.send_to(to, &to.base_url, outbound, pace).await
    }

    async fn send_to(&self, to: &Upstream, address: &Url, outbound: Outbound, pace: &Pace) -> Result<Body> {
        if let Endpoint::BuiltIn(respond) = to.provider_type.endpoint {
            let reply = respond(&outbound, &to.settings);
            let body = Body::timed(reply.body);
            if reply.status.is_success() {
                return Ok(body);
            }
            return Err(self.refusal(to, reply.status, &HeaderMap::new(), body).await);
        }
        let mut request = request(to, address, outbound)?;
        let mut chances = Chances::of(to);
        loop {
            let spare = if chances.are_left() { request.try_clone() } else { None };
            let shown = within(to, pace, self.opener.authorize(&to.client, to, &mut request)).await??;
            let response = within(to, pace, to.client.send(request)).await?;
            let response = response.map_err(|error| unreachable(to, address, error))?;
            let status = response.status();
            if status.is_success() {
                return Ok(Body::http(response));
            }
            if let (StatusCode::UNAUTHORIZED, Some(spare)) = (status, spare)
                && within(to, pace, self.opener.has_other(to, &shown, &mut chances)).await??
            {
                request = spare;
                continue;
            }
            if let (StatusCode::PROXY_AUTHENTICATION_REQUIRED, Some(proxy)) = (status, to.client.proxy()) {
                return Err(refused_by_proxy(to, proxy));
            }
            let headers = response.headers().clone();
            return Err(self.refusal(to, status, &headers, Body::http(response)).await);
        }
    }

    /// Sends a request to where the upstream is administered and collects the whole answer, for cheap calls.
    ///
    /// # Errors
    /// As [`Driver::send`], or that the answer broke off or is too long.
    pub async fn fetch(&self, to: &Upstream, outbound: Outbound) -> Result<Bytes> {
        let limits = Limits { first_token: FETCH_TIME, idle: FETCH_TIME, total: FETCH_TIME };
        let mut pace = Pace::new(Instant::now(), limits, None);
        let body = self.send_to(to, &to.control_url, outbound, &pace).await?;
        self.collect(to, body, &mut pace).await
    }

    /// Collects the whole body of an answer.
    ///
    /// # Errors
    /// That it broke off, came too slowly, or is too long.
    pub async fn collect(&self, to: &Upstream, body: Body, pace: &mut Pace) -> Result<Bytes> {
        body.collect(MAX_ANSWER_BYTES, pace).await.map_err(|error| error.provider(&to.name))
    }

    /// The error of an upstream as callers may see it: it names the provider, and holds none of its credentials. Every one
    /// goes through here, also those that an adapter finds in an answer.
    #[must_use]
    pub fn explain(&self, to: &Upstream, error: Error) -> Error {
        redact(error.provider(&to.name), &self.opener.secrets(to))
    }

    /// The tasks in which the rest of a finished answer is read.
    pub(crate) fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// What an answer that is no success means, as its adapter reads it.
    async fn refusal(&self, to: &Upstream, status: StatusCode, headers: &HeaderMap, body: Body) -> Error {
        let body =
            tokio::time::timeout(ERROR_BODY_TIME, body.read_up_to(MAX_ERROR_BYTES)).await.unwrap_or_default();
        let error = to.provider_type.adapter.error(status, headers, &body);
        let error = error.provider(&to.name).upstream_status(status.as_u16());
        match request_id(headers) {
            Some(id) => error.upstream_request_id(id),
            None => error,
        }
    }
}

/// The HTTP request without credential: the adapter's part and the provider's headers.
fn request(to: &Upstream, address: &Url, outbound: Outbound) -> Result<reqwest::Request> {
    let url = join(to, address, &outbound.path)?;
    let mut request = reqwest::Request::new(outbound.method, url);
    let headers = request.headers_mut();
    *headers = outbound.headers;
    if !outbound.body.is_empty() && !headers.contains_key(header::CONTENT_TYPE) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    for (name, value) in &to.headers {
        headers.insert(name, value.clone());
    }
    if !outbound.body.is_empty() {
        *request.body_mut() = Some(outbound.body.into());
    }
    Ok(request)
}

/// What comes of something that may last until the head of the answer must be there.
async fn within<T>(to: &Upstream, pace: &Pace, work: impl Future<Output = T>) -> Result<T> {
    let done = tokio::time::timeout_at(pace.head_deadline(), work).await;
    done.map_err(|_| pace.expired().provider(&to.name))
}

/// The vendor's id of the request, where it tells one.
fn request_id(headers: &HeaderMap) -> Option<&str> {
    REQUEST_IDS.iter().find_map(|name| headers.get(*name)?.to_str().ok())
}

/// The address of `path` below an address of the provider.
fn join(to: &Upstream, address: &Url, path: &str) -> Result<Url> {
    let mut address = address.as_str().trim_end_matches('/').to_owned();
    address.push_str(path);
    Url::parse(&address)
        .map_err(|error| Error::internal(format!("provider \"{}\" has an unusable address", to.name), error))
}

/// The upstream gave no answer. The error of the client names no credential: none stands in a URL.
fn unreachable(to: &Upstream, address: &Url, error: reqwest::Error) -> Error {
    let what = if error.is_connect() { "could not connect to" } else { "lost the connection to" };
    let mut cause: &dyn std::error::Error = &error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let way = to.client.proxy().map(|proxy| format!(" through the proxy {proxy}")).unwrap_or_default();
    let message = format!("{what} provider \"{}\" at {address}{way}: {cause}", to.name);
    Error::new(Reason::ProviderUnavailable, message).provider(&to.name).source(error)
}

/// The proxy answered in the upstream's place.
fn refused_by_proxy(to: &Upstream, proxy: &str) -> Error {
    let message = format!(
        "the proxy {proxy} of provider \"{}\" refused the gateway's credential; set proxy_username and proxy_password \
         in connection.credential",
        to.name
    );
    Error::new(Reason::ProviderAuthFailed, message).provider(&to.name)
}
