//! Policies.

use axum::response::Response;
use http::StatusCode;

use super::in_its_words;
use crate::{
    error::Result,
    proto::v1::{CreatePolicyRequest, DeletePolicyRequest, GetPolicyRequest, ListPoliciesRequest},
    rest::{
        exchange::{Exchange, empty, json},
        openai::all_pages,
    },
    wire::{
        json::Malformed,
        watsonx::policy::{read, write, write_list},
    },
};

pub(super) async fn list(exchange: Exchange) -> Result<Response> {
    let exchange = &exchange;
    let policies = all_pages(|page_size, page_token| async move {
        let request = ListPoliciesRequest { page_size, page_token };
        let page = exchange.admin().list_policies(&exchange.call, request).await?;
        Ok((page.policies, page.next_page_token))
    });
    Ok(json(StatusCode::OK, write_list(&policies.await?)))
}

/// Clients tell by the status whether the policy is new.
pub(super) async fn create(mut exchange: Exchange) -> Result<Response> {
    let policy = read(&exchange.take_body()?).map_err(Malformed::in_request)?;
    let request = CreatePolicyRequest { policy: Some(policy) };
    let created = exchange.admin().create_policy(&exchange.call, request).await.map_err(in_its_words)?;
    let status = if created.existed { StatusCode::OK } else { StatusCode::CREATED };
    Ok(json(status, write(&created.policy.unwrap_or_default())))
}

pub(super) async fn get(exchange: Exchange) -> Result<Response> {
    let request = GetPolicyRequest { id: exchange.param("id") };
    let policy = exchange.admin().get_policy(&exchange.call, request).await?.policy.unwrap_or_default();
    Ok(json(StatusCode::OK, write(&policy)))
}

pub(super) async fn delete(exchange: Exchange) -> Result<Response> {
    let request = DeletePolicyRequest { id: exchange.param("id") };
    exchange.admin().delete_policy(&exchange.call, request).await?;
    Ok(empty())
}
