//! What a policy is about: from `KIND:ID`, or `KIND:NAME`, to a kind and an id.

use uuid::Uuid;

use super::{find, sight::Sight, tenant_plan};
use crate::{
    error::{Error, Result},
    state::{ALL, ResourceKind},
};

/// Another spelling, which some clients use.
const LOAD_BALANCERS: &str = "load-balancer:";

/// Kind and id of a resource that the caller sees.
pub(super) fn read(sight: &Sight<'_>, field: &str, text: &str) -> Result<(ResourceKind, String)> {
    find::given(field, text, "is required: KIND:ID, or KIND:* for all of a kind")?;
    let (kind, name) = match text.strip_prefix(LOAD_BALANCERS) {
        Some(name) => (ResourceKind::LoadBalancer, name),
        None => ResourceKind::split(text).ok_or_else(|| {
            let message = "must be KIND:ID; KIND is model, provider, load_balancer, tenant or policy, and ID is * for all of it";
            Error::invalid(field, message)
        })?,
    };
    if name == ALL {
        return Ok((kind, name.to_owned()));
    }
    let id = match kind {
        ResourceKind::Model => sight.only_model(field, name)?.id.clone(),
        ResourceKind::Provider => sight.provider(field, name)?.provider.id.clone(),
        ResourceKind::Policy => sight.policy(field, name)?.id.clone(),
        ResourceKind::Tenant => tenant(sight, field, name)?,
        ResourceKind::LoadBalancer => load_balancer(field, name)?,
    };
    Ok((kind, id))
}

/// The one that there is.
fn tenant(sight: &Sight<'_>, field: &str, name: &str) -> Result<String> {
    let tenant = tenant_plan::stored(sight.records);
    if name == tenant.id || name == tenant.name {
        return Ok(tenant.id);
    }
    Err(Error::invalid(field, "must name the tenant by its id, which GetTenant tells, by its name, or by *"))
}

/// There are none yet, but whoever knows the id of one to come may write it.
fn load_balancer(field: &str, id: &str) -> Result<String> {
    let id = Uuid::try_parse(id)
        .map_err(|_| Error::invalid(field, "must name a load balancer by its id, a UUID, or by *"))?;
    Ok(id.to_string())
}
