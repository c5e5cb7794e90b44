//! From what an operator writes to the tenant as it is stored.

use std::time::SystemTime;

use super::{check, stamp};
use crate::{
    error::Result,
    proto::{self, v1::Tenant},
    state::Records,
};

const DEFAULT_NAME: &str = "default";
/// There is one tenant, so that every gateway may give it the same id. Policies that name it then mean it everywhere.
const ID: &str = "7e4a1f60-0000-4000-8000-000000000001";

/// The tenant; as it is by itself, before anybody has said anything of it.
pub(super) fn stored(records: &Records) -> Tenant {
    records.tenant.clone().unwrap_or_else(|| {
        let mut tenant = Tenant { id: ID.to_owned(), name: DEFAULT_NAME.to_owned(), ..Tenant::default() };
        tenant.etag = stamp::etag(0, &tenant);
        tenant
    })
}

/// A tenant in place of `stored`.
pub(super) fn replace(
    records: &Records,
    stored: Tenant,
    mut tenant: Tenant,
    now: SystemTime,
) -> Result<Tenant> {
    if tenant.name.is_empty() {
        DEFAULT_NAME.clone_into(&mut tenant.name);
    }
    check::key_name("tenant.name", &tenant.name)?;
    check::labels("tenant.labels", &tenant.labels)?;
    stamp::check_etag("tenant.etag", &tenant.etag, &stored.etag)?;
    let now = proto::timestamp(now);
    tenant.id = stored.id;
    tenant.create_time = Some(stored.create_time.unwrap_or(now));
    tenant.update_time = Some(now);
    tenant.etag = String::new();
    tenant.etag = stamp::etag(records.revision, &tenant);
    Ok(tenant)
}

/// The tenant that makes the stored one be as wanted. `None`: it is so already.
pub(super) fn reconcile(records: &Records, wanted: Tenant, now: SystemTime) -> Result<Option<Tenant>> {
    let stored = stored(records);
    let next = replace(records, stored.clone(), wanted, now)?;
    let same = next.name == stored.name && next.labels == stored.labels;
    Ok(if same { None } else { Some(next) })
}
