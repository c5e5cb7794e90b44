//! The tenant.

use super::Admin;
use crate::{
    error::{Error, Reason, Result},
    proto::v1::{
        DeleteTenantRequest, DeleteTenantResponse, GetTenantRequest, GetTenantResponse, UpdateTenantRequest,
        UpdateTenantResponse,
    },
    state::Call,
};

impl Admin {
    /// GetTenant.
    ///
    /// # Errors
    /// Not built yet.
    pub async fn get_tenant(&self, _: &Call, _: GetTenantRequest) -> Result<GetTenantResponse> {
        Err(Error::new(Reason::NotSupported, "not built yet"))
    }

    /// UpdateTenant.
    ///
    /// # Errors
    /// Not built yet.
    pub async fn update_tenant(&self, _: &Call, _: UpdateTenantRequest) -> Result<UpdateTenantResponse> {
        Err(Error::new(Reason::NotSupported, "not built yet"))
    }

    /// DeleteTenant.
    ///
    /// # Errors
    /// Not built yet.
    pub async fn delete_tenant(&self, _: &Call, _: DeleteTenantRequest) -> Result<DeleteTenantResponse> {
        Err(Error::new(Reason::NotSupported, "not built yet"))
    }
}
