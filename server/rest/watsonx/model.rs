//! Models.

use axum::response::Response;
use http::StatusCode;

use super::in_its_words;
use crate::{
    error::{Error, Reason, Result},
    proto::v1::{CreateModelRequest, DeleteModelRequest, GetModelRequest, Model, UpdateModelRequest},
    rest::{
        exchange::{Exchange, empty, json},
        openai::all_models,
    },
    wire::{
        json::Malformed,
        openai::model::{write, write_list},
        watsonx::model::{ModelWrite, read},
    },
};

pub(super) async fn list(exchange: Exchange) -> Result<Response> {
    let models = all_models(&exchange, &exchange.param("id")).await?;
    Ok(json(StatusCode::OK, write_list(&models)))
}

pub(super) async fn create(mut exchange: Exchange) -> Result<Response> {
    let body = read(&exchange.take_body()?).map_err(Malformed::in_request)?;
    let model = body.create(exchange.param("id")).map_err(Malformed::in_request)?;
    let request = CreateModelRequest { model: Some(model) };
    let created = exchange
        .admin()
        .create_model(&exchange.call, request)
        .await
        .map_err(in_its_words)?
        .model
        .unwrap_or_default();
    Ok(json(StatusCode::CREATED, write(&created)))
}

pub(super) async fn replace(exchange: Exchange) -> Result<Response> {
    let stored = by_name(&exchange).await?;
    update(exchange, stored, ModelWrite::replace).await
}

pub(super) async fn patch(exchange: Exchange) -> Result<Response> {
    let stored = by_name(&exchange).await?;
    update(exchange, stored, ModelWrite::patch).await
}

pub(super) async fn delete(exchange: Exchange) -> Result<Response> {
    let id = exchange.param("id");
    remove(&exchange, id).await
}

pub(super) async fn replace_of_provider(exchange: Exchange) -> Result<Response> {
    let stored = of_provider(&exchange).await?;
    update(exchange, stored, ModelWrite::replace).await
}

pub(super) async fn patch_of_provider(exchange: Exchange) -> Result<Response> {
    let stored = of_provider(&exchange).await?;
    update(exchange, stored, ModelWrite::patch).await
}

pub(super) async fn delete_of_provider(exchange: Exchange) -> Result<Response> {
    let id = of_provider(&exchange).await?.id;
    remove(&exchange, id).await
}

async fn remove(exchange: &Exchange, id: String) -> Result<Response> {
    exchange.admin().delete_model(&exchange.call, DeleteModelRequest { id }).await?;
    Ok(empty())
}

/// What is stored carries its etag, so that a change in between is not overwritten.
async fn update(
    mut exchange: Exchange,
    stored: Model,
    change: fn(ModelWrite, Model) -> Model,
) -> Result<Response> {
    let body = read(&exchange.take_body()?).map_err(Malformed::in_request)?;
    let request = UpdateModelRequest { model: Some(change(body, stored)) };
    let updated = exchange
        .admin()
        .update_model(&exchange.call, request)
        .await
        .map_err(in_its_words)?
        .model
        .unwrap_or_default();
    Ok(json(StatusCode::OK, write(&updated)))
}

/// The model that the path names. A name that several share names none, for a change must not hit the wrong one.
async fn by_name(exchange: &Exchange) -> Result<Model> {
    let name = exchange.param("id");
    let request = GetModelRequest { id: name.clone() };
    let found = exchange.admin().get_model(&exchange.call, request).await?.model.unwrap_or_default();
    if found.id == name {
        return Ok(found);
    }
    only(all_models(exchange, "").await?, &name)
}

/// The model of the provider that the path names.
async fn of_provider(exchange: &Exchange) -> Result<Model> {
    only(all_models(exchange, &exchange.param("id")).await?, &exchange.param("model"))
}

/// The one model with this id, alias or upstream id, looked for in that order.
fn only(mut models: Vec<Model>, name: &str) -> Result<Model> {
    const KEYS: [fn(&Model) -> &String; 3] =
        [|model| &model.id, |model| &model.alias, |model| &model.upstream_id];
    for key in KEYS {
        let mut hits: Vec<_> = (0..models.len()).filter(|&index| key(&models[index]) == name).collect();
        match (hits.pop(), hits.is_empty()) {
            (None, _) => {}
            (Some(hit), true) => return Ok(models.swap_remove(hit)),
            (Some(_), false) => {
                let message = format!("\"{name}\" names {} models; use the uuid of one", hits.len() + 1);
                return Err(Error::new(Reason::FailedPrecondition, message).model(name));
            }
        }
    }
    Err(Error::new(Reason::ModelNotFound, format!("this provider has no model \"{name}\"")).model(name))
}
