//! What a caller sees of the records, and what it may do with them. Hidden is as good as gone: whoever may not read a
//! resource is told what it would be told if the resource were not there.

use std::borrow::Cow;

use super::find;
use crate::{
    error::{Error, Reason, Result},
    proto::v1::{AccessRole, ApiKey, Model, Permission, Policy, RateLimit},
    state::{Access, Call, Caller, Records, Resource, ResourceKind, StoredProvider},
};

/// The records as one caller sees them.
pub(super) struct Sight<'a> {
    /// All of them, the hidden ones too.
    pub(super) records: &'a Records,
    pub(super) access: Cow<'a, Access>,
    caller: Cow<'a, Caller>,
}

impl<'a> Sight<'a> {
    /// By the configuration that the call sees, which is what reading goes by.
    pub(super) fn of(call: &'a Call) -> Self {
        Self {
            records: &call.snapshot.records,
            access: Cow::Borrowed(&call.snapshot.access),
            caller: Cow::Borrowed(&call.caller),
        }
    }

    /// By the newest records, which is what changes go by. Policies, role and groups are as they are now: while the call
    /// waited for its turn, somebody may have taken them away. What a key began that is gone by now runs to its end, and so does
    /// what the bearer of an issuer's token began.
    pub(super) fn newest(records: &'a Records, caller: &'a Caller) -> Self {
        let caller = match records.keys.get(&caller.id) {
            Some(stored) => Cow::Owned(holder(&stored.key)),
            None => Cow::Borrowed(caller),
        };
        Self { records, access: Cow::Owned(Access::of(records)), caller }
    }

    /// By these records, for a caller who is known already.
    pub(super) fn over(records: &'a Records, caller: &'a Caller) -> Self {
        Self { records, access: Cow::Owned(Access::of(records)), caller: Cow::Borrowed(caller) }
    }

    /// Who calls.
    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Groups of the caller.
    pub(super) fn groups(&self) -> &[String] {
        &self.caller.groups
    }

    /// Whether the caller may use a resource.
    pub(super) fn may(&self, permission: Permission, resource: Resource<'_>) -> bool {
        self.access.allows(&self.caller, permission, resource)
    }

    /// Refuses a caller whose role does not hold the permission.
    pub(super) fn require_role(&self, permission: Permission) -> Result<()> {
        self.caller.require(permission)
    }

    /// Refuses a caller who may not use a resource that it sees.
    pub(super) fn require(&self, permission: Permission, resource: Resource<'_>) -> Result<()> {
        self.caller.require(permission)?;
        self.access.decide(&self.caller, permission, Some(resource)).require(&self.caller)
    }

    pub(super) fn sees_model(&self, model: &Model) -> bool {
        self.may(Permission::ReadModels, of_model(model))
    }

    /// Asks for no more than reading the catalog, which every role holds: models are seen through their provider.
    pub(super) fn sees_provider(&self, id: &str) -> bool {
        self.may(Permission::ReadModels, Resource::Other(ResourceKind::Provider, id))
    }

    pub(super) fn sees_policy(&self, id: &str) -> bool {
        self.may(Permission::ReadPolicies, Resource::Other(ResourceKind::Policy, id))
    }

    /// Whether the caller sees what a rate limit is about.
    pub(super) fn sees_rate_limit(&self, limit: &RateLimit) -> bool {
        let model = || self.records.models.get(&limit.model).is_some_and(|model| self.sees_model(model));
        (limit.provider.is_empty() || self.sees_provider(&limit.provider))
            && (limit.model.is_empty() || model())
    }

    /// The provider of this id or name.
    pub(super) fn provider(&self, field: &str, id_or_name: &str) -> Result<&'a StoredProvider> {
        let found = find::provider(self.records, field, id_or_name)?;
        if self.sees_provider(&found.provider.id) {
            Ok(found)
        } else {
            Err(find::no_provider(field, id_or_name))
        }
    }

    /// The oldest model of this id, alias or upstream id.
    pub(super) fn model(&self, field: &str, name: &str) -> Result<&'a Model> {
        let fitting = find::models(self.records, field, name, |model| self.sees_model(model))?;
        fitting.into_iter().min_by_key(|model| find::age(model)).ok_or_else(|| find::no_model(field, name))
    }

    /// The one model of this id, alias or upstream id. Hidden ones do not count: they make no name ambiguous.
    pub(super) fn only_model(&self, field: &str, name: &str) -> Result<&'a Model> {
        find::only(field, name, &find::models(self.records, field, name, |model| self.sees_model(model))?)
    }

    /// The rate limit of this id.
    pub(super) fn rate_limit(&self, field: &str, id: &str) -> Result<&'a RateLimit> {
        find::given(field, id, "give the id of a rate limit")?;
        self.records.rate_limits.get(id).filter(|limit| self.sees_rate_limit(limit)).ok_or_else(|| {
            let message =
                format!("rate limit \"{id}\" does not exist; list them with AccessAdmin.ListRateLimits");
            Error::new(Reason::RateLimitNotFound, message).field(field)
        })
    }

    /// The policy of this id.
    pub(super) fn policy(&self, field: &str, id: &str) -> Result<&'a Policy> {
        find::given(field, id, "give the id of a policy")?;
        self.records.policies.get(id).filter(|policy| self.sees_policy(&policy.id)).ok_or_else(|| {
            let message =
                format!("policy \"{id}\" does not exist; list policies with AccessAdmin.ListPolicies");
            Error::new(Reason::PolicyNotFound, message).field(field)
        })
    }
}

/// Who calls with a key.
pub(super) fn holder(key: &ApiKey) -> Caller {
    Caller {
        id: key.id.clone(),
        name: key.name.clone(),
        role: AccessRole::try_from(key.role).unwrap_or_default(),
        groups: key.groups.clone(),
        issuer: String::new(),
    }
}

/// A model as what policies are about.
pub(super) fn of_model(model: &Model) -> Resource<'_> {
    Resource::Model { id: &model.id, provider: &model.provider }
}
