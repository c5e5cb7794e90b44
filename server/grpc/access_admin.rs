//! Administration of access.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{close, open};
use crate::{
    admin::Admin,
    edge::not_enforced,
    proto::v1::{
        CreateApiKeyRequest, CreateApiKeyResponse, CreatePolicyRequest, CreatePolicyResponse,
        CreateRateLimitRequest, CreateRateLimitResponse, DeleteApiKeyRequest, DeleteApiKeyResponse,
        DeletePolicyRequest, DeletePolicyResponse, DeleteRateLimitRequest, DeleteRateLimitResponse,
        DeleteTenantRequest, DeleteTenantResponse, ExplainAccessRequest, ExplainAccessResponse,
        GetApiKeyRequest, GetApiKeyResponse, GetPolicyRequest, GetPolicyResponse, GetRateLimitRequest,
        GetRateLimitResponse, GetTenantRequest, GetTenantResponse, ListApiKeysRequest, ListApiKeysResponse,
        ListPoliciesRequest, ListPoliciesResponse, ListRateLimitsRequest, ListRateLimitsResponse,
        RotateApiKeyRequest, RotateApiKeyResponse, UpdateApiKeyRequest, UpdateApiKeyResponse,
        UpdatePolicyRequest, UpdatePolicyResponse, UpdateRateLimitRequest, UpdateRateLimitResponse,
        UpdateTenantRequest, UpdateTenantResponse, access_admin_server::AccessAdmin,
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

    async fn rotate_api_key(
        &self,
        request: Request<RotateApiKeyRequest>,
    ) -> Result<Response<RotateApiKeyResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call.request_id, self.0.rotate_api_key(&call, message).await)
    }

    async fn create_policy(
        &self,
        request: Request<CreatePolicyRequest>,
    ) -> Result<Response<CreatePolicyResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call.request_id, self.0.create_policy(&call, message).await)
    }

    async fn get_policy(
        &self,
        request: Request<GetPolicyRequest>,
    ) -> Result<Response<GetPolicyResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call.request_id, self.0.get_policy(&call, message).await)
    }

    async fn list_policies(
        &self,
        request: Request<ListPoliciesRequest>,
    ) -> Result<Response<ListPoliciesResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call.request_id, self.0.list_policies(&call, message).await)
    }

    async fn update_policy(
        &self,
        request: Request<UpdatePolicyRequest>,
    ) -> Result<Response<UpdatePolicyResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call.request_id, self.0.update_policy(&call, message).await)
    }

    async fn delete_policy(
        &self,
        request: Request<DeletePolicyRequest>,
    ) -> Result<Response<DeletePolicyResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call.request_id, self.0.delete_policy(&call, message).await)
    }

    async fn explain_access(
        &self,
        request: Request<ExplainAccessRequest>,
    ) -> Result<Response<ExplainAccessResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call.request_id, self.0.explain_access(&call, message).await)
    }

    async fn create_rate_limit(
        &self,
        request: Request<CreateRateLimitRequest>,
    ) -> Result<Response<CreateRateLimitResponse>, Status> {
        let (call, message) = open(request)?;
        let mut response = close(&call.request_id, self.0.create_rate_limit(&call, message).await)?;
        response.metadata_mut().as_mut().extend([not_enforced()]);
        Ok(response)
    }

    async fn get_rate_limit(
        &self,
        request: Request<GetRateLimitRequest>,
    ) -> Result<Response<GetRateLimitResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call.request_id, self.0.get_rate_limit(&call, message).await)
    }

    async fn list_rate_limits(
        &self,
        request: Request<ListRateLimitsRequest>,
    ) -> Result<Response<ListRateLimitsResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call.request_id, self.0.list_rate_limits(&call, message).await)
    }

    async fn update_rate_limit(
        &self,
        request: Request<UpdateRateLimitRequest>,
    ) -> Result<Response<UpdateRateLimitResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call.request_id, self.0.update_rate_limit(&call, message).await)
    }

    async fn delete_rate_limit(
        &self,
        request: Request<DeleteRateLimitRequest>,
    ) -> Result<Response<DeleteRateLimitResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call.request_id, self.0.delete_rate_limit(&call, message).await)
    }

    async fn get_tenant(
        &self,
        request: Request<GetTenantRequest>,
    ) -> Result<Response<GetTenantResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call.request_id, self.0.get_tenant(&call, message).await)
    }

    async fn update_tenant(
        &self,
        request: Request<UpdateTenantRequest>,
    ) -> Result<Response<UpdateTenantResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call.request_id, self.0.update_tenant(&call, message).await)
    }

    async fn delete_tenant(
        &self,
        request: Request<DeleteTenantRequest>,
    ) -> Result<Response<DeleteTenantResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call.request_id, self.0.delete_tenant(&call, message).await)
    }
}
