//! Everything that a gateway has, read over gRPC.

use crate::{
    cli::{Failure, Gateway, api_key, model, policy, provider, rate_limit},
    proto::v1::{ApiKey, GetTenantRequest, Model, Policy, Provider, RateLimit, Tenant},
};

/// Everything that a gateway has, each list in its own order.
#[derive(Debug)]
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
        Ok(Self {
            tenant: tenant.unwrap_or_default(),
            providers: provider::all(gateway).await?,
            models: model::all(gateway, "").await?,
            keys: api_key::all(gateway).await?,
            policies: policy::all(gateway).await?,
            rate_limits: rate_limit::all(gateway).await?,
        })
    }
}
