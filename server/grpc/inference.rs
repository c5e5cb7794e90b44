//! Calls to models.

use std::sync::Arc;

use futures_util::{StreamExt, stream::BoxStream};
use tonic::{Request, Response, Status};

use super::{close_served, open};
use crate::{
    edge::status,
    error::Result,
    gateway::{Answer, Chunks, Gateway},
    proto::v1::{
        ChatChunk, ChatRequest, ChatResponse, CompleteChunk, CompleteRequest, CompleteResponse, EmbedRequest,
        EmbedResponse, inference_server::Inference,
    },
};

pub(super) struct Service(pub(super) Arc<Gateway>);

#[tonic::async_trait]
impl Inference for Service {
    type StreamChatStream = BoxStream<'static, Result<ChatChunk, Status>>;
    type StreamCompleteStream = BoxStream<'static, Result<CompleteChunk, Status>>;

    async fn chat(&self, request: Request<ChatRequest>) -> Result<Response<ChatResponse>, Status> {
        let (call, message) = open(request)?;
        let id = Arc::clone(&call.request_id);
        close_served(&id, self.0.chat(call, message).await)
    }

    async fn stream_chat(
        &self,
        request: Request<ChatRequest>,
    ) -> Result<Response<Self::StreamChatStream>, Status> {
        let (call, message) = open(request)?;
        let id = Arc::clone(&call.request_id);
        let answer = self.0.stream_chat(call, message).await;
        close_served(&Arc::clone(&id), answer.map(|answer| stream(answer, id)))
    }

    async fn complete(
        &self,
        request: Request<CompleteRequest>,
    ) -> Result<Response<CompleteResponse>, Status> {
        let (call, message) = open(request)?;
        let id = Arc::clone(&call.request_id);
        close_served(&id, self.0.complete(call, message).await)
    }

    async fn stream_complete(
        &self,
        request: Request<CompleteRequest>,
    ) -> Result<Response<Self::StreamCompleteStream>, Status> {
        let (call, message) = open(request)?;
        let id = Arc::clone(&call.request_id);
        let answer = self.0.stream_complete(call, message).await;
        close_served(&Arc::clone(&id), answer.map(|answer| stream(answer, id)))
    }

    async fn embed(&self, request: Request<EmbedRequest>) -> Result<Response<EmbedResponse>, Status> {
        let (call, message) = open(request)?;
        let id = Arc::clone(&call.request_id);
        close_served(&id, self.0.embed(call, message).await)
    }
}

/// The chunks as gRPC wants them. The boxed stream owns the lease: dropping it ends the call.
fn stream<C: Send + Unpin + 'static>(
    answer: Answer<Chunks<C>>,
    request_id: Arc<str>,
) -> Answer<BoxStream<'static, Result<C, Status>>> {
    let chunks = answer.body.map(move |chunk| chunk.map_err(|error| status(&error, &request_id)));
    Answer { served: answer.served, body: chunks.boxed() }
}
