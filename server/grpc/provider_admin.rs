//! Administration of providers.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{close, open};
use crate::{
    admin::Admin,
    proto::v1::{
        CreateProviderRequest, CreateProviderResponse, CreateSecretManagerRequest,
        CreateSecretManagerResponse, DeleteProviderRequest, DeleteProviderResponse,
        DeleteSecretManagerRequest, DeleteSecretManagerResponse, GetProviderRequest, GetProviderResponse,
        GetSecretManagerRequest, GetSecretManagerResponse, ListProviderTypesRequest,
        ListProviderTypesResponse, ListProvidersRequest, ListProvidersResponse, ListSecretManagersRequest,
        ListSecretManagersResponse, TestProviderRequest, TestProviderResponse, UpdateProviderRequest,
        UpdateProviderResponse, UpdateSecretManagerRequest, UpdateSecretManagerResponse,
        provider_admin_server::ProviderAdmin,
    },
};

pub(super) struct Service(pub(super) Arc<Admin>);

#[tonic::async_trait]
impl ProviderAdmin for Service {
    async fn list_provider_types(
        &self,
        request: Request<ListProviderTypesRequest>,
    ) -> Result<Response<ListProviderTypesResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.list_provider_types(&call, message).await)
    }

    async fn create_provider(
        &self,
        request: Request<CreateProviderRequest>,
    ) -> Result<Response<CreateProviderResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.create_provider(&call, message).await)
    }

    async fn get_provider(
        &self,
        request: Request<GetProviderRequest>,
    ) -> Result<Response<GetProviderResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.get_provider(&call, message).await)
    }

    async fn list_providers(
        &self,
        request: Request<ListProvidersRequest>,
    ) -> Result<Response<ListProvidersResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.list_providers(&call, message).await)
    }

    async fn update_provider(
        &self,
        request: Request<UpdateProviderRequest>,
    ) -> Result<Response<UpdateProviderResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.update_provider(&call, message).await)
    }

    async fn delete_provider(
        &self,
        request: Request<DeleteProviderRequest>,
    ) -> Result<Response<DeleteProviderResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.delete_provider(&call, message).await)
    }

    async fn test_provider(
        &self,
        request: Request<TestProviderRequest>,
    ) -> Result<Response<TestProviderResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.test_provider(&call, message).await)
    }

    async fn create_secret_manager(
        &self,
        request: Request<CreateSecretManagerRequest>,
    ) -> Result<Response<CreateSecretManagerResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.create_secret_manager(&call, message).await)
    }

    async fn get_secret_manager(
        &self,
        request: Request<GetSecretManagerRequest>,
    ) -> Result<Response<GetSecretManagerResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.get_secret_manager(&call, message).await)
    }

    async fn list_secret_managers(
        &self,
        request: Request<ListSecretManagersRequest>,
    ) -> Result<Response<ListSecretManagersResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.list_secret_managers(&call, message).await)
    }

    async fn update_secret_manager(
        &self,
        request: Request<UpdateSecretManagerRequest>,
    ) -> Result<Response<UpdateSecretManagerResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.update_secret_manager(&call, message).await)
    }

    async fn delete_secret_manager(
        &self,
        request: Request<DeleteSecretManagerRequest>,
    ) -> Result<Response<DeleteSecretManagerResponse>, Status> {
        let (call, message) = open(request)?;
        close(&call, self.0.delete_secret_manager(&call, message).await)
    }
}
