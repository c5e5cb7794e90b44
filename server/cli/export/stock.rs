//! Everything that a gateway has, read over gRPC.

use crate::{
    cli::{Failure, Gateway, resource::all},
    proto::v1::{
        ApiKey, GetTenantRequest, Issuer, Model, Policy, Provider, RateLimit, SecretManager, Tenant,
    },
};

/// Everything that a gateway has, each list in its own order.
#[derive(Debug)]
pub(super) struct Stock {
    pub tenant: Tenant,
    pub secret_managers: Vec<SecretManager>,
    pub providers: Vec<Provider>,
    pub models: Vec<Model>,
    pub issuers: Vec<Issuer>,
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
            secret_managers: all(gateway).await?,
            providers: all(gateway).await?,
            models: all(gateway).await?,
            issuers: all(gateway).await?,
            keys: all(gateway).await?,
            policies: all(gateway).await?,
            rate_limits: all(gateway).await?,
        })
    }
}
