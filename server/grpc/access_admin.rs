//! Administration of access.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{close, open};
use crate::{
    admin::Admin,
    proto::v1::{
        CreateApiKeyRequest, CreateApiKeyResponse, DeleteApiKeyRequest, DeleteApiKeyResponse,
        GetApiKeyRequest, GetApiKeyResponse, ListApiKeysRequest, ListApiKeysResponse, UpdateApiKeyRequest,
        UpdateApiKeyResponse, access_admin_server::AccessAdmin,
    },
};

pub(super) struct Service(pub(super) Arc<Admin>);

#[tonic::async_trait]
impl AccessAdmin for Service {
    async fn create_api_key(
        &self,
        request: Request<CreateApiKeyRequest>,
    ) -> Result<Response<CreateApiKeyResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call.request_id, self.0.create_api_key(&call, message).await)
    }

    async fn get_api_key(
        &self,
        request: Request<GetApiKeyRequest>,
    ) -> Result<Response<GetApiKeyResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call.request_id, self.0.get_api_key(&call, message).await)
    }

    async fn list_api_keys(
        &self,
        request: Request<ListApiKeysRequest>,
    ) -> Result<Response<ListApiKeysResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call.request_id, self.0.list_api_keys(&call, message).await)
    }

    async fn update_api_key(
        &self,
        request: Request<UpdateApiKeyRequest>,
    ) -> Result<Response<UpdateApiKeyResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call.request_id, self.0.update_api_key(&call, message).await)
    }

    async fn delete_api_key(
        &self,
        request: Request<DeleteApiKeyRequest>,
    ) -> Result<Response<DeleteApiKeyResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call.request_id, self.0.delete_api_key(&call, message).await)
    }
}
