//! The tenant.

use super::{Admin, sight::Sight, tenant_plan};
use crate::{
    error::{Error, Result},
    proto::v1::{
        DeleteTenantRequest, DeleteTenantResponse, GetTenantRequest, GetTenantResponse, Permission, Tenant,
        UpdateTenantRequest, UpdateTenantResponse,
    },
    state::{Call, Change, Records, Resource, ResourceKind},
};

impl Admin {
    /// Reads the tenant.
    ///
    /// # Errors
    /// That policies keep it from the caller.
    pub async fn get_tenant(&self, call: &Call, _: GetTenantRequest) -> Result<GetTenantResponse> {
        let tenant = tenant_plan::stored(&call.snapshot.records);
        call.require(Permission::ReadTenant, Resource::Other(ResourceKind::Tenant, &tenant.id))?;
        Ok(GetTenantResponse { tenant: Some(tenant) })
    }

    /// Replaces the tenant's name and labels.
    ///
    /// # Errors
    /// What is wrong with them, that it has changed since it was read, or that policies keep it from the caller.
    pub async fn update_tenant(
        &self,
        call: &Call,
        request: UpdateTenantRequest,
    ) -> Result<UpdateTenantResponse> {
        let wanted = request.tenant.ok_or_else(|| Error::invalid("tenant", "is required"))?;
        let (tenant, revision) = self
            .state
            .change(&call.origin("UpdateTenant"), |records| {
                let tenant = self.next_tenant(call, records, wanted)?;
                Ok((vec![Change::PutTenant(Box::new(tenant.clone()))], tenant))
            })
            .await?;
        self.note(call, "update tenant", &tenant.id, &tenant.name, revision);
        Ok(UpdateTenantResponse { tenant: Some(tenant), revision })
    }

    /// Forgets the tenant's name and labels. Its id stays, and so does all that it has.
    ///
    /// # Errors
    /// That policies keep it from the caller.
    pub async fn delete_tenant(&self, call: &Call, _: DeleteTenantRequest) -> Result<DeleteTenantResponse> {
        let (tenant, revision) = self
            .state
            .change(&call.origin("DeleteTenant"), |records| {
                let tenant = self.next_tenant(call, records, Tenant::default())?;
                Ok((vec![Change::PutTenant(Box::new(tenant.clone()))], tenant))
            })
            .await?;
        self.note(call, "delete tenant", &tenant.id, &tenant.name, revision);
        Ok(DeleteTenantResponse { revision })
    }

    fn next_tenant(&self, call: &Call, records: &Records, wanted: Tenant) -> Result<Tenant> {
        let stored = tenant_plan::stored(records);
        let resource = Resource::Other(ResourceKind::Tenant, &stored.id);
        Sight::newest(records, &call.caller).require(Permission::WriteTenant, resource)?;
        tenant_plan::replace(records, stored, wanted, self.clock.now())
    }
}
