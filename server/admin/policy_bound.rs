//! Nobody gives what it does not have.
//!
//! A policy, wherever it stands, decides about more than it names: who may read a model may also change it where nothing
//! closes that, who may read a provider may read its models, and what is said of `*` holds for each. So a caller changes
//! only policies about what it may change itself, with everything that they decide about. Then no change of it lets
//! anybody do what it could not do before.

use super::sight::{Sight, of_model};
use crate::{
    error::{Error, Reason, Result},
    proto::v1::{Permission, Policy, PolicyAction},
    state::{ALL, Resource, ResourceKind},
};

/// Refuses a caller that does not have everything that the policy decides about.
pub(super) fn require(sight: &Sight<'_>, policy: &Policy) -> Result<()> {
    let Some((kind, id)) = ResourceKind::split(&policy.resource) else {
        return Err(Error::invalid("policy.resource", "is of no kind that this version knows"));
    };
    let action = policy.action();
    let (named, others) = decided_about(sight, kind, id, action);
    sight.require(permission(named, action), named)?;
    if others.iter().all(|resource| sight.may(permission(*resource, action), *resource)) {
        return Ok(());
    }
    // Which of them it is stays unsaid: it may be hidden.
    let message = format!(
        "{} may not change policies about {}, which decide about resources that it may not change itself; ask \
         an administrator",
        sight.caller(),
        policy.resource
    );
    Err(Error::new(Reason::PolicyDenied, message).field("policy.resource"))
}

/// What the policies of one resource and action decide about: the resource itself, and all others.
fn decided_about<'a>(
    sight: &'a Sight<'_>,
    kind: ResourceKind,
    id: &'a str,
    action: PolicyAction,
) -> (Resource<'a>, Vec<Resource<'a>>) {
    let records = sight.records;
    let all = id == ALL;
    let named = Resource::Other(kind, id);
    match kind {
        ResourceKind::Model => match records.models.get(id) {
            Some(model) => (of_model(model), Vec::new()),
            None => {
                let models = records.models.values().map(of_model);
                let new = records.providers.keys().map(|provider| Resource::Model { id: ALL, provider });
                (named, models.chain(new).collect())
            }
        },
        ResourceKind::Provider => {
            let providers = records.providers.keys().map(String::as_str).filter(|other| all || *other == id);
            let providers: Vec<_> = providers.chain(all.then_some(ALL)).collect();
            let mut others: Vec<_> = providers.iter().map(|id| Resource::Other(kind, id)).collect();
            // A model is used through its provider, which for that must only be read.
            if action == PolicyAction::Read {
                let models = records.models.values().filter(|model| all || model.provider == id);
                others.extend(models.map(of_model));
                others.extend(providers.iter().map(|provider| Resource::Model { id: ALL, provider }));
            }
            (named, others)
        }
        // One that no policy names is as good as a new one.
        ResourceKind::LoadBalancer | ResourceKind::Tenant | ResourceKind::Policy => {
            let others = sight.access.named(kind).filter(|_| all).map(|id| Resource::Other(kind, id));
            (named, others.collect())
        }
    }
}

/// What the caller must hold on one resource: to change it, which takes reading it. The tenant is changed by
/// administrators alone, whom no policy stops, so that its policies decide about reading.
fn permission(resource: Resource<'_>, action: PolicyAction) -> Permission {
    match resource {
        Resource::Model { .. } | Resource::Other(ResourceKind::Model | ResourceKind::LoadBalancer, _) => {
            Permission::WriteModels
        }
        Resource::Other(ResourceKind::Provider, _) => Permission::WriteProviders,
        Resource::Other(ResourceKind::Policy, _) => Permission::WritePolicies,
        Resource::Other(ResourceKind::Tenant, _) if action == PolicyAction::Read => Permission::ReadTenant,
        Resource::Other(ResourceKind::Tenant, _) => Permission::WriteTenant,
    }
}
