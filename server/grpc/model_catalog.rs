//! Administration of models.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{close, open};
use crate::{
    admin::Admin,
    proto::v1::{
        CreateModelRequest, CreateModelResponse, DeleteModelRequest, DeleteModelResponse, GetModelRequest,
        GetModelResponse, ListAvailableModelsRequest, ListAvailableModelsResponse, ListModelsRequest,
        ListModelsResponse, UpdateModelRequest, UpdateModelResponse, model_catalog_server::ModelCatalog,
    },
};

pub(super) struct Service(pub(super) Arc<Admin>);

#[tonic::async_trait]
impl ModelCatalog for Service {
    async fn create_model(
        &self,
        request: Request<CreateModelRequest>,
    ) -> Result<Response<CreateModelResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.create_model(&call, message).await)
    }

    async fn get_model(
        &self,
        request: Request<GetModelRequest>,
    ) -> Result<Response<GetModelResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.get_model(&call, message).await)
    }

    async fn list_models(
        &self,
        request: Request<ListModelsRequest>,
    ) -> Result<Response<ListModelsResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.list_models(&call, message).await)
    }

    async fn update_model(
        &self,
        request: Request<UpdateModelRequest>,
    ) -> Result<Response<UpdateModelResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.update_model(&call, message).await)
    }

    async fn delete_model(
        &self,
        request: Request<DeleteModelRequest>,
    ) -> Result<Response<DeleteModelResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.delete_model(&call, message).await)
    }

    async fn list_available_models(
        &self,
        request: Request<ListAvailableModelsRequest>,
    ) -> Result<Response<ListAvailableModelsResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.list_available_models(&call, message).await)
    }
}
