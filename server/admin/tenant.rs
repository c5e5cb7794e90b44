//! The tenant.

use super::{Admin, check, sight::Sight, stamp};
use crate::{
    error::{Error, Result},
    proto::{
        self,
        v1::{
            DeleteTenantRequest, DeleteTenantResponse, GetTenantRequest, GetTenantResponse, Permission,
            Tenant, UpdateTenantRequest, UpdateTenantResponse,
        },
    },
    state::{Call, Change, Records, Resource, ResourceKind},
};

const DEFAULT_NAME: &str = "default";
/// There is one tenant, so that every gateway may give it the same id. Policies that name it then mean it everywhere.
const ID: &str = "7e4a1f60-0000-4000-8000-000000000001";

impl Admin {
    /// Reads the tenant.
    ///
    /// # Errors
    /// That policies keep it from the caller.
    pub async fn get_tenant(&self, call: &Call, _: GetTenantRequest) -> Result<GetTenantResponse> {
        let tenant = of(&call.snapshot.records);
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
        let mut wanted = request.tenant.ok_or_else(|| Error::invalid("tenant", "is required"))?;
        if wanted.name.is_empty() {
            DEFAULT_NAME.clone_into(&mut wanted.name);
        }
        check::key_name("tenant.name", &wanted.name)?;
        check::labels("tenant.labels", &wanted.labels)?;
        let (tenant, revision) = self
            .state
            .change(|records| {
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
            .change(|records| {
                let forgotten = Tenant { name: DEFAULT_NAME.to_owned(), ..Tenant::default() };
                let tenant = self.next_tenant(call, records, forgotten)?;
                Ok((vec![Change::PutTenant(Box::new(tenant.clone()))], tenant))
            })
            .await?;
        self.note(call, "delete tenant", &tenant.id, &tenant.name, revision);
        Ok(DeleteTenantResponse { revision })
    }

    fn next_tenant(&self, call: &Call, records: &Records, mut wanted: Tenant) -> Result<Tenant> {
        let stored = of(records);
        let resource = Resource::Other(ResourceKind::Tenant, &stored.id);
        Sight::newest(records, &call.caller).require(Permission::WriteTenant, resource)?;
        stamp::check_etag("tenant.etag", &wanted.etag, &stored.etag)?;
        let now = proto::timestamp(self.clock.now());
        wanted.id = stored.id;
        wanted.create_time = Some(stored.create_time.unwrap_or(now));
        wanted.update_time = Some(now);
        wanted.etag = String::new();
        wanted.etag = stamp::etag(records.revision, &wanted);
        Ok(wanted)
    }
}

/// The tenant; as it is by itself, before anybody has said anything of it.
pub(super) fn of(records: &Records) -> Tenant {
    records.tenant.clone().unwrap_or_else(|| {
        let mut tenant = Tenant { id: ID.to_owned(), name: DEFAULT_NAME.to_owned(), ..Tenant::default() };
        tenant.etag = stamp::etag(0, &tenant);
        tenant
    })
}
