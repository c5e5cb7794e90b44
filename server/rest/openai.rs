//! The OpenAI surface, under `/v1` and again under `/ml/gateway/v1`.

use axum::response::Response;
use http::StatusCode;

use super::{
    Route,
    exchange::{Exchange, json},
    routes,
    sse::{ChatEvents, CompleteEvents, stream},
};
use crate::{
    edge::served_headers,
    error::{Error, Result},
    gateway::{Answer, Served},
    proto::v1::{GetModelRequest, ListModelsRequest, Model, StreamOptions},
    wire::{
        json::Malformed,
        openai::{chat, completion, embedding, model},
    },
};

pub(super) static ROUTES: &[Route] = routes! {
    POST "/v1/chat/completions" => "Inference/Chat", chat;
    POST "/v1/completions" => "Inference/Complete", complete;
    POST "/v1/embeddings" => "Inference/Embed", embed;
    GET "/v1/models" => "ModelCatalog/ListModels", list_models;
    GET "/v1/models/{*id}" => "ModelCatalog/GetModel", get_model;
    POST "/ml/gateway/v1/chat/completions" => "Inference/Chat", chat;
    POST "/ml/gateway/v1/completions" => "Inference/Complete", complete;
    POST "/ml/gateway/v1/embeddings" => "Inference/Embed", embed;
    GET "/ml/gateway/v1/models" => "ModelCatalog/ListModels", list_models;
    GET "/ml/gateway/v1/models/{*id}" => "ModelCatalog/GetModel", get_model;
};

/// The largest page that there is: REST lists have no pages.
pub(super) const PAGE: i32 = 1000;

async fn chat(mut exchange: Exchange) -> Result<Response> {
    let (request, streamed) = chat::read_request(&exchange.take_body()?).map_err(Malformed::in_request)?;
    let call = exchange.call.clone();
    if !streamed {
        let answer = exchange.gateway().chat(call, request).await?;
        return Ok(served(&answer.served, json(StatusCode::OK, chat::write_response(&answer.body))));
    }
    let events = ChatEvents::new(wants_usage(request.stream_options.as_ref()));
    let id = call.request_id.clone();
    let Answer { served: by, body } = exchange.gateway().stream_chat(call, request).await?;
    Ok(served(&by, stream(body, events, id)))
}

async fn complete(mut exchange: Exchange) -> Result<Response> {
    let (request, streamed) =
        completion::read_request(&exchange.take_body()?).map_err(Malformed::in_request)?;
    let call = exchange.call.clone();
    if !streamed {
        let answer = exchange.gateway().complete(call, request).await.map_err(respelled)?;
        return Ok(served(&answer.served, json(StatusCode::OK, completion::write_response(&answer.body))));
    }
    let events = CompleteEvents::new(wants_usage(request.stream_options.as_ref()));
    let id = call.request_id.clone();
    let answer = exchange.gateway().stream_complete(call, request).await;
    let Answer { served: by, body } = answer.map_err(respelled)?;
    Ok(served(&by, stream(body, events, id)))
}

async fn embed(mut exchange: Exchange) -> Result<Response> {
    let (request, encoding) =
        embedding::read_request(&exchange.take_body()?).map_err(Malformed::in_request)?;
    let answer = exchange.gateway().embed(exchange.call.clone(), request).await.map_err(respelled)?;
    Ok(served(&answer.served, json(StatusCode::OK, embedding::write_response(&answer.body, encoding))))
}

async fn list_models(exchange: Exchange) -> Result<Response> {
    let models = all_models(&exchange, "").await?;
    Ok(json(StatusCode::OK, model::write_list(&models)))
}

async fn get_model(exchange: Exchange) -> Result<Response> {
    let request = GetModelRequest { id: exchange.param("id") };
    let model = exchange.admin().get_model(&exchange.call, request).await?.model.unwrap_or_default();
    Ok(json(StatusCode::OK, model::write(&model)))
}

/// The models of one provider, or of all where it is empty, from all pages.
pub(super) async fn all_models(exchange: &Exchange, provider: &str) -> Result<Vec<Model>> {
    let mut models = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListModelsRequest { provider: provider.to_owned(), page_size: PAGE, page_token };
        let page = exchange.admin().list_models(&exchange.call, request).await?;
        models.extend(page.models);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(models);
        }
    }
}

/// The field under the name that it has in OpenAI's JSON.
fn respelled(error: Error) -> Error {
    let spelled = error.detail().field.as_deref().and_then(|field| {
        let names = [("prompts", "prompt"), ("inputs", "input")];
        names.iter().find_map(|(ours, theirs)| Some(format!("{theirs}{}", field.strip_prefix(ours)?)))
    });
    match spelled {
        Some(field) => error.field(field),
        None => error,
    }
}

fn wants_usage(options: Option<&StreamOptions>) -> bool {
    options.and_then(|options| options.include_usage).unwrap_or(false)
}

fn served(served: &Served, mut response: Response) -> Response {
    response.headers_mut().extend(served_headers(served));
    response
}
