//! The tenant. It is always there: to create it is to say its name.

use axum::response::Response;
use http::StatusCode;

use super::in_its_words;
use crate::{
    error::Result,
    proto::v1::{DeleteTenantRequest, GetTenantRequest, Tenant, UpdateTenantRequest},
    rest::exchange::{Exchange, empty, json},
    wire::{
        json::Malformed,
        watsonx::{
            Member,
            tenant::{TenantWrite, read, write},
        },
    },
};

pub(super) async fn get(exchange: Exchange) -> Result<Response> {
    Ok(json(StatusCode::OK, write(&stored(&exchange).await?)))
}

pub(super) async fn create(exchange: Exchange) -> Result<Response> {
    replace_with(exchange, StatusCode::CREATED).await
}

pub(super) async fn replace(exchange: Exchange) -> Result<Response> {
    replace_with(exchange, StatusCode::OK).await
}

pub(super) async fn patch(mut exchange: Exchange) -> Result<Response> {
    let TenantWrite { name } = read(&exchange.take_body()?).map_err(Malformed::in_request)?;
    let stored = stored(&exchange).await?;
    let name = match name {
        Member::Absent => stored.name,
        Member::Null => String::new(),
        Member::Set(name) => name,
    };
    update(&exchange, StatusCode::OK, Tenant { name, ..stored }).await
}

pub(super) async fn delete(exchange: Exchange) -> Result<Response> {
    exchange.admin().delete_tenant(&exchange.call, DeleteTenantRequest {}).await?;
    Ok(empty())
}

async fn replace_with(mut exchange: Exchange, status: StatusCode) -> Result<Response> {
    let TenantWrite { name } = read(&exchange.take_body()?).map_err(Malformed::in_request)?;
    // Labels are not known to this API, so not its to remove.
    let stored = stored(&exchange).await?;
    update(&exchange, status, Tenant { name: name.set().unwrap_or_default(), ..stored }).await
}

async fn update(exchange: &Exchange, status: StatusCode, tenant: Tenant) -> Result<Response> {
    let request = UpdateTenantRequest { tenant: Some(tenant) };
    let updated = exchange.admin().update_tenant(&exchange.call, request).await.map_err(in_its_words)?;
    Ok(json(status, write(&updated.tenant.unwrap_or_default())))
}

async fn stored(exchange: &Exchange) -> Result<Tenant> {
    let tenant = exchange.admin().get_tenant(&exchange.call, GetTenantRequest {}).await?.tenant;
    Ok(tenant.unwrap_or_default())
}
