//! Everything that a gateway has, read over gRPC.

use tonic::Response;

use crate::{
    cli::{
        Failure, Gateway,
        administer::{PAGE_SIZE, pages},
    },
    proto::v1::{
        ApiKey, GetTenantRequest, ListApiKeysRequest, ListModelsRequest, ListPoliciesRequest,
        ListProvidersRequest, ListRateLimitsRequest, Model, Policy, Provider, RateLimit, Tenant,
    },
};

/// Everything that a gateway has, each list in its own order.
#[derive(Debug, Default)]
pub(super) struct Stock {
    pub tenant: Tenant,
    pub providers: Vec<Provider>,
    pub models: Vec<Model>,
    pub keys: Vec<ApiKey>,
    pub policies: Vec<Policy>,
    pub rate_limits: Vec<RateLimit>,
}

// === impl Stock ===

impl Stock {
    pub(super) async fn read(gateway: &Gateway) -> Result<Self, Failure> {
        let tenant = gateway.access().get_tenant(GetTenantRequest {}).await?.into_inner().tenant;
        let mut stock = Self { tenant: tenant.unwrap_or_default(), ..Self::default() };
        stock.providers = pages(async |page_token| {
            let request = ListProvidersRequest { page_size: PAGE_SIZE, page_token };
            let page = gateway.providers().list_providers(request).await.map(Response::into_inner)?;
            Ok((page.providers, page.next_page_token))
        })
        .await?;
        stock.models = pages(async |page_token| {
            let request = ListModelsRequest { page_size: PAGE_SIZE, page_token, ..Default::default() };
            let page = gateway.models().list_models(request).await.map(Response::into_inner)?;
            Ok((page.models, page.next_page_token))
        })
        .await?;
        stock.keys = pages(async |page_token| {
            let request = ListApiKeysRequest { page_size: PAGE_SIZE, page_token };
            let page = gateway.access().list_api_keys(request).await.map(Response::into_inner)?;
            Ok((page.api_keys, page.next_page_token))
        })
        .await?;
        stock.policies = pages(async |page_token| {
            let request = ListPoliciesRequest { page_size: PAGE_SIZE, page_token };
            let page = gateway.access().list_policies(request).await.map(Response::into_inner)?;
            Ok((page.policies, page.next_page_token))
        })
        .await?;
        stock.rate_limits = pages(async |page_token| {
            let request = ListRateLimitsRequest { page_size: PAGE_SIZE, page_token };
            let page = gateway.access().list_rate_limits(request).await.map(Response::into_inner)?;
            Ok((page.rate_limits, page.next_page_token))
        })
        .await?;
        Ok(stock)
    }
}
