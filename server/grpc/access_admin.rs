//! Administration of access.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{close, open};
use crate::{
    admin::Admin,
    edge::not_enforced,
    proto::v1::{
        CreateApiKeyRequest, CreateApiKeyResponse, CreateIssuerRequest, CreateIssuerResponse,
        CreatePolicyRequest, CreatePolicyResponse, CreateRateLimitRequest, CreateRateLimitResponse,
        DeleteApiKeyRequest, DeleteApiKeyResponse, DeleteIssuerRequest, DeleteIssuerResponse,
        DeletePolicyRequest, DeletePolicyResponse, DeleteRateLimitRequest, DeleteRateLimitResponse,
        DeleteTenantRequest, DeleteTenantResponse, ExplainAccessRequest, ExplainAccessResponse,
        GetApiKeyRequest, GetApiKeyResponse, GetIssuerRequest, GetIssuerResponse, GetPolicyRequest,
        GetPolicyResponse, GetRateLimitRequest, GetRateLimitResponse, GetTenantRequest, GetTenantResponse,
        ListApiKeysRequest, ListApiKeysResponse, ListAuditEventsRequest, ListAuditEventsResponse,
        ListIssuersRequest, ListIssuersResponse, ListPoliciesRequest, ListPoliciesResponse,
        ListRateLimitsRequest, ListRateLimitsResponse, RotateApiKeyRequest, RotateApiKeyResponse,
        UpdateApiKeyRequest, UpdateApiKeyResponse, UpdateIssuerRequest, UpdateIssuerResponse,
        UpdatePolicyRequest, UpdatePolicyResponse, UpdateRateLimitRequest, UpdateRateLimitResponse,
        UpdateTenantRequest, UpdateTenantResponse, VerifyAuditLogRequest, VerifyAuditLogResponse,
        access_admin_server::AccessAdmin,
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
        close(&call, self.0.create_api_key(&call, message).await)
    }

    async fn get_api_key(
        &self,
        request: Request<GetApiKeyRequest>,
    ) -> Result<Response<GetApiKeyResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.get_api_key(&call, message).await)
    }

    async fn list_api_keys(
        &self,
        request: Request<ListApiKeysRequest>,
    ) -> Result<Response<ListApiKeysResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.list_api_keys(&call, message).await)
    }

    async fn update_api_key(
        &self,
        request: Request<UpdateApiKeyRequest>,
    ) -> Result<Response<UpdateApiKeyResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.update_api_key(&call, message).await)
    }

    async fn delete_api_key(
        &self,
        request: Request<DeleteApiKeyRequest>,
    ) -> Result<Response<DeleteApiKeyResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.delete_api_key(&call, message).await)
    }

    async fn rotate_api_key(
        &self,
        request: Request<RotateApiKeyRequest>,
    ) -> Result<Response<RotateApiKeyResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.rotate_api_key(&call, message).await)
    }

    async fn create_policy(
        &self,
        request: Request<CreatePolicyRequest>,
    ) -> Result<Response<CreatePolicyResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.create_policy(&call, message).await)
    }

    async fn get_policy(
        &self,
        request: Request<GetPolicyRequest>,
    ) -> Result<Response<GetPolicyResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.get_policy(&call, message).await)
    }

    async fn list_policies(
        &self,
        request: Request<ListPoliciesRequest>,
    ) -> Result<Response<ListPoliciesResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.list_policies(&call, message).await)
    }

    async fn update_policy(
        &self,
        request: Request<UpdatePolicyRequest>,
    ) -> Result<Response<UpdatePolicyResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.update_policy(&call, message).await)
    }

    async fn delete_policy(
        &self,
        request: Request<DeletePolicyRequest>,
    ) -> Result<Response<DeletePolicyResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.delete_policy(&call, message).await)
    }

    async fn explain_access(
        &self,
        request: Request<ExplainAccessRequest>,
    ) -> Result<Response<ExplainAccessResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.explain_access(&call, message).await)
    }

    async fn create_rate_limit(
        &self,
        request: Request<CreateRateLimitRequest>,
    ) -> Result<Response<CreateRateLimitResponse>, Status> {
        let (call, message) = open(request)?;
        let mut response = close(&call, self.0.create_rate_limit(&call, message).await)?;
        response.metadata_mut().as_mut().extend([not_enforced()]);
        Ok(response)
    }

    async fn get_rate_limit(
        &self,
        request: Request<GetRateLimitRequest>,
    ) -> Result<Response<GetRateLimitResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.get_rate_limit(&call, message).await)
    }

    async fn list_rate_limits(
        &self,
        request: Request<ListRateLimitsRequest>,
    ) -> Result<Response<ListRateLimitsResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.list_rate_limits(&call, message).await)
    }

    async fn update_rate_limit(
        &self,
        request: Request<UpdateRateLimitRequest>,
    ) -> Result<Response<UpdateRateLimitResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.update_rate_limit(&call, message).await)
    }

    async fn delete_rate_limit(
        &self,
        request: Request<DeleteRateLimitRequest>,
    ) -> Result<Response<DeleteRateLimitResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.delete_rate_limit(&call, message).await)
    }

    async fn get_tenant(
        &self,
        request: Request<GetTenantRequest>,
    ) -> Result<Response<GetTenantResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.get_tenant(&call, message).await)
    }

    async fn update_tenant(
        &self,
        request: Request<UpdateTenantRequest>,
    ) -> Result<Response<UpdateTenantResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.update_tenant(&call, message).await)
    }

    async fn delete_tenant(
        &self,
        request: Request<DeleteTenantRequest>,
    ) -> Result<Response<DeleteTenantResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.delete_tenant(&call, message).await)
    }

    async fn create_issuer(
        &self,
        request: Request<CreateIssuerRequest>,
    ) -> Result<Response<CreateIssuerResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.create_issuer(&call, message).await)
    }

    async fn get_issuer(
        &self,
        request: Request<GetIssuerRequest>,
    ) -> Result<Response<GetIssuerResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.get_issuer(&call, message).await)
    }

    async fn list_issuers(
        &self,
        request: Request<ListIssuersRequest>,
    ) -> Result<Response<ListIssuersResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.list_issuers(&call, message).await)
    }

    async fn update_issuer(
        &self,
        request: Request<UpdateIssuerRequest>,
    ) -> Result<Response<UpdateIssuerResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.update_issuer(&call, message).await)
    }

    async fn delete_issuer(
        &self,
        request: Request<DeleteIssuerRequest>,
    ) -> Result<Response<DeleteIssuerResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.delete_issuer(&call, message).await)
    }

    async fn list_audit_events(
        &self,
        request: Request<ListAuditEventsRequest>,
    ) -> Result<Response<ListAuditEventsResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.list_audit_events(&call, message).await)
    }

    async fn verify_audit_log(
        &self,
        request: Request<VerifyAuditLogRequest>,
    ) -> Result<Response<VerifyAuditLogResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.verify_audit_log(&call, message).await)
    }
}
