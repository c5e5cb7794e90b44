//! One request and what its route needs of it.

use std::{mem, sync::Arc};

use axum::{
    body::Body,
    extract::{Query, RawPathParams, Request},
    response::Response,
};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, Uri, header};
use pbjson_types::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use super::Parts;
use crate::{
    admin::Admin,
    edge::read,
    error::{Error, Reason, Result},
    gateway::Gateway,
    state::Call,
    wire::json::{MAX_DEPTH, Malformed, check_depth, read_message},
};

/// A request that was let in and has come in whole.
pub(super) struct Exchange {
    /// The call that it makes.
    pub(super) call: Call,
    parts: Arc<Parts>,
    params: Vec<(String, String)>,
    uri: Uri,
    body: Bytes,
}

// === impl Exchange ===

impl Exchange {
    /// Reads the body.
    ///
    /// # Errors
    /// When it is too large or too slow.
    pub(super) async fn receive(
        parts: Arc<Parts>,
        call: Call,
        params: &RawPathParams,
        request: Request,
    ) -> Result<Self> {
        let params = params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let (head, body) = request.into_parts();
        let body = read(&head.headers, body).await?;
        Ok(Self { call, parts, params, uri: head.uri, body })
    }

    pub(super) fn gateway(&self) -> &Gateway {
        &self.parts.gateway
    }

    pub(super) fn admin(&self) -> &Admin {
        &self.parts.admin
    }

    /// An argument of the path, decoded. Empty where the path has none of this name.
    pub(super) fn param(&self, name: &str) -> String {
        self.params.iter().find(|(key, _)| key == name).map_or_else(String::new, |(_, value)| value.clone())
    }

    /// An argument of the query. Empty where it is not given.
    ///
    /// # Errors
    /// When the query cannot be read.
    pub(super) fn query(&self, name: &str) -> Result<String> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&self.uri).map_err(|error| {
            Error::new(Reason::InvalidRequest, format!("the query cannot be read: {error}"))
        })?;
        Ok(pairs.into_iter().find(|(key, _)| key == name).map_or_else(String::new, |(_, value)| value))
    }

    /// A time of the query, in RFC 3339.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn query_time(&self, name: &str) -> Result<Option<Timestamp>> {
        let text = self.query(name)?;
        if text.is_empty() {
            return Ok(None);
        }
        // The + of an offset, where it is not written as %2B, comes as a space.
        serde_json::from_value(text.replace(' ', "+").into())
            .map(Some)
            .map_err(|_| Error::invalid(name, "give a time such as 2026-01-31T12:00:00Z"))
    }

    /// The page that a list request asks for.
    ///
    /// # Errors
    /// When `page_size` is no number.
    pub(super) fn page(&self) -> Result<(i32, String)> {
        let size = match self.query("page_size")? {
            text if text.is_empty() => 0,
            text => text.parse().map_err(|_| Error::invalid("page_size", "give a number, 1 to 1000"))?,
        };
        Ok((size, self.query("page_token")?))
    }

    /// Takes the body, not nested too deeply to be read. It is taken so that a large one is gone while its call runs.
    ///
    /// # Errors
    /// When it is too deep.
    pub(super) fn take_body(&mut self) -> Result<Bytes> {
        check_depth(&self.body, MAX_DEPTH).map_err(Malformed::in_request)?;
        Ok(mem::take(&mut self.body))
    }

    /// The body as a message in proto JSON. No body is an empty message.
    ///
    /// # Errors
    /// When it is not one; names the member.
    pub(super) fn message<M: DeserializeOwned + Default>(&mut self) -> Result<M> {
        let body = self.take_body()?;
        if body.trim_ascii().is_empty() {
            return Ok(M::default());
        }
        read_message(&body).map_err(Malformed::in_request)
    }
}

/// A message in proto JSON.
///
/// # Errors
/// When it cannot be written, which is our failure.
pub(super) fn proto_json<M: Serialize>(status: StatusCode, message: &M) -> Result<Response> {
    let body = serde_json::to_vec(message)
        .map_err(|error| Error::internal("the answer cannot be written", error))?;
    Ok(json(status, body))
}

/// JSON that is written already.
pub(super) fn json(status: StatusCode, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// No content.
pub(super) fn empty() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
