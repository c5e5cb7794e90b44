//! The OpenAI surface, under `/v1` and again under `/ml/gateway/v1`.

use axum::response::Response;
use http::StatusCode;

use super::{
    Route,
    exchange::{Exchange, json},
    routes,
    sse::stream,
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
const PAGE: i32 = 1000;

async fn chat(mut exchange: Exchange) -> Result<Response> {
    let (request, streamed) = chat::read_request(&exchange.take_body()?).map_err(Malformed::in_request)?;
    let call = exchange.call.clone();
    if !streamed {
        let answer = exchange.gateway().chat(call, request).await?;
        return Ok(served(&answer.served, json(StatusCode::OK, chat::write_response(&answer.body))));
    }
    let usage = wants_usage(request.stream_options.as_ref());
    let id = call.request_id.clone();
    let Answer { served: by, body } = exchange.gateway().stream_chat(call, request).await?;
    Ok(served(&by, stream(body, usage, id)))
}

async fn complete(mut exchange: Exchange) -> Result<Response> {
    let (request, streamed) =
        completion::read_request(&exchange.take_body()?).map_err(Malformed::in_request)?;
    let call = exchange.call.clone();
    if !streamed {
        let answer = exchange.gateway().complete(call, request).await.map_err(respelled)?;
        return Ok(served(&answer.served, json(StatusCode::OK, completion::write_response(&answer.body))));
    }
    let usage = wants_usage(request.stream_options.as_ref());
    let id = call.request_id.clone();
    let answer = exchange.gateway().stream_complete(call, request).await;
    let Answer { served: by, body } = answer.map_err(respelled)?;
    Ok(served(&by, stream(body, usage, id)))
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
    all_pages(|page_size, page_token| async move {
        let request = ListModelsRequest { provider: provider.to_owned(), page_size, page_token };
        let page = exchange.admin().list_models(&exchange.call, request).await?;
        Ok((page.models, page.next_page_token))
    })
    .await
}

/// What stands on all pages of a list. `page` takes size and token of one, and gives what stands there and the next token.
pub(super) async fn all_pages<T, F>(page: impl Fn(i32, String) -> F) -> Result<Vec<T>>
where
    F: Future<Output = Result<(Vec<T>, String)>>,
{
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let (shown, next) = page(PAGE, token).await?;
        all.extend(shown);
        if next.is_empty() {
            return Ok(all);
        }
        token = next;
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
