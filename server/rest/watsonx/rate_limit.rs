//! Rate limits.

use axum::response::Response;
use http::StatusCode;

use super::in_its_words;
use crate::{
    edge::not_enforced,
    error::{Error, Result},
    proto::v1::{
        CreateRateLimitRequest, DeleteRateLimitRequest, GetRateLimitRequest, ListRateLimitsRequest,
        RateLimit, UpdateRateLimitRequest,
    },
    rest::{
        exchange::{Exchange, empty, json},
        openai::all_pages,
    },
    wire::{
        json::Malformed,
        watsonx::rate_limit::{RateLimitWrite, read, write, write_list},
    },
};

pub(super) async fn list(exchange: Exchange) -> Result<Response> {
    let exchange = &exchange;
    let limits = all_pages(|page_size, page_token| async move {
        let request = ListRateLimitsRequest { page_size, page_token };
        let page = exchange.admin().list_rate_limits(&exchange.call, request).await?;
        Ok((page.rate_limits, page.next_page_token))
    });
    Ok(json(StatusCode::OK, write_list(&limits.await?)))
}

pub(super) async fn create(mut exchange: Exchange) -> Result<Response> {
    let RateLimitWrite { limit, target } = read(&exchange.take_body()?).map_err(Malformed::in_request)?;
    let request = CreateRateLimitRequest { rate_limit: Some(limit) };
    let created = exchange
        .admin()
        .create_rate_limit(&exchange.call, request)
        .await
        .map_err(|error| respelled(error, target))?
        .rate_limit
        .unwrap_or_default();
    let mut response = json(StatusCode::CREATED, write(&created));
    response.headers_mut().extend([not_enforced()]);
    Ok(response)
}

pub(super) async fn get(exchange: Exchange) -> Result<Response> {
    Ok(json(StatusCode::OK, write(&stored(&exchange).await?)))
}

/// Labels are not known to this API, so not its to remove.
pub(super) async fn replace(mut exchange: Exchange) -> Result<Response> {
    let RateLimitWrite { limit, target } = read(&exchange.take_body()?).map_err(Malformed::in_request)?;
    let RateLimit { id, labels, etag, .. } = stored(&exchange).await?;
    let request = UpdateRateLimitRequest { rate_limit: Some(RateLimit { id, labels, etag, ..limit }) };
    let updated = exchange
        .admin()
        .update_rate_limit(&exchange.call, request)
        .await
        .map_err(|error| respelled(error, target))?
        .rate_limit
        .unwrap_or_default();
    Ok(json(StatusCode::OK, write(&updated)))
}

pub(super) async fn delete(exchange: Exchange) -> Result<Response> {
    let request = DeleteRateLimitRequest { id: exchange.param("id") };
    exchange.admin().delete_rate_limit(&exchange.call, request).await?;
    Ok(empty())
}

async fn stored(exchange: &Exchange) -> Result<RateLimit> {
    let request = GetRateLimitRequest { id: exchange.param("id") };
    Ok(exchange.admin().get_rate_limit(&exchange.call, request).await?.rate_limit.unwrap_or_default())
}

/// The error with the names that the client used.
fn respelled(error: Error, target: &str) -> Error {
    match error.detail().field.as_deref() {
        Some("rate_limit.provider" | "rate_limit.model") => error.field(target),
        _ => in_its_words(error),
    }
}
