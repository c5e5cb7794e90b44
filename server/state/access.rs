//! Who may do what: the one evaluator, for both edges, for calls and for administration.

use std::collections::HashMap;

use super::{Caller, Records};
use crate::{
    error::{Error, Reason, Result},
    proto::v1::{AccessRole, AccessRule, Permission, Policy, PolicyAction, PolicyEffect},
};

/// Stands for every resource of a kind.
pub const ALL: &str = "*";

/// What a policy can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResourceKind {
    /// Models.
    Model,
    /// Providers.
    Provider,
    /// Load balancers.
    LoadBalancer,
    /// The tenant.
    Tenant,
    /// Policies.
    Policy,
}

/// What a caller wants to use. An id of [`ALL`] is one that is not there yet.
#[derive(Clone, Copy, Debug)]
pub enum Resource<'a> {
    /// A model of a provider, by their ids.
    Model {
        /// Id of the model.
        id: &'a str,
        /// Id of its provider.
        provider: &'a str,
    },
    /// Any other, by its id.
    Other(ResourceKind, &'a str),
}

/// Whether a caller may, and what decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may.
    pub allowed: bool,
    /// What decided.
    pub rule: AccessRule,
    /// Id of the policy that decided. Empty: none did.
    pub policy_id: String,
    /// The resource whose policies decided, as `KIND:ID`. Empty: none was asked about.
    pub resource: String,
}

/// The policies of one configuration, found by what they are about.
#[derive(Clone, Debug, Default)]
pub struct Access(HashMap<(ResourceKind, PolicyAction), HashMap<String, Vec<Rule>>>);

/// A decision that still borrows what it is made from.
struct Verdict<'a> {
    allowed: bool,
    rule: AccessRule,
    policy_id: &'a str,
    /// Where the deciding policies stand. `None`: none decided.
    about: Option<(ResourceKind, &'a str)>,
}

/// What one policy says of the resource under whose name it is found.
#[derive(Clone, Debug)]
struct Rule {
    policy_id: String,
    subject: String,
    denies: bool,
}

// === impl ResourceKind ===

impl ResourceKind {
    const NAMES: [(Self, &'static str); 5] = [
        (Self::Model, "model"),
        (Self::Provider, "provider"),
        (Self::LoadBalancer, "load_balancer"),
        (Self::Tenant, "tenant"),
        (Self::Policy, "policy"),
    ];

    /// Its name in [`Policy::resource`].
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// The kind and the id in `KIND:ID`. `None`: it is none of ours.
    #[must_use]
    pub fn split(resource: &str) -> Option<(Self, &str)> {
        let (name, id) = resource.split_once(':')?;
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(kind, _)| (*kind, id))
    }
}

// === impl Access ===

impl Access {
    /// The policies in `records`. What cannot be read is left out: it is refused where it is written.
    #[must_use]
    pub fn of(records: &Records) -> Self {
        let mut access = Self::default();
        for policy in records.policies.values() {
            access.add(policy);
        }
        access
    }

    fn add(&mut self, policy: &Policy) {
        let Some((kind, id)) = ResourceKind::split(&policy.resource) else { return };
        let rule = Rule {
            policy_id: policy.id.clone(),
            subject: policy.subject.clone(),
            denies: policy.effect() == PolicyEffect::Deny,
        };
        self.0.entry((kind, policy.action())).or_default().entry(id.to_owned()).or_default().push(rule);
    }

    /// Whether there is no policy at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ids of this kind that policies name, [`ALL`] among them where one names that.
    pub fn named(&self, kind: ResourceKind) -> impl Iterator<Item = &str> {
        let of_kind = self.0.iter().filter(move |((of, _), _)| *of == kind);
        of_kind.flat_map(|(_, by_id)| by_id.keys().map(String::as_str))
    }

    /// Whether the caller may use the resource. Says what [`Access::decide`] says, and takes no memory: calls ask this.
    #[must_use]
    pub fn allows(&self, caller: &Caller, permission: Permission, resource: Resource<'_>) -> bool {
        self.judge(caller, permission, Some(resource)).allowed
    }

    /// Whether the caller may use the resource, by its role and by every policy about it, and what decides that.
    #[must_use]
    pub fn decide(
        &self,
        caller: &Caller,
        permission: Permission,
        resource: Option<Resource<'_>>,
    ) -> Decision {
        let Verdict { allowed, rule, policy_id, about } = self.judge(caller, permission, resource);
        let about = match about {
            Some((kind, id)) => format!("{}:{id}", kind.name()),
            None => resource.map(|resource| resource.to_string()).unwrap_or_default(),
        };
        Decision { allowed, rule, policy_id: policy_id.to_owned(), resource: about }
    }

    fn judge<'a>(
        &'a self,
        caller: &Caller,
        permission: Permission,
        resource: Option<Resource<'a>>,
    ) -> Verdict<'a> {
        if !caller.may(permission) {
            return Verdict::without_policy(false, AccessRule::Role);
        }
        // Neither is narrowed; who audits holds nothing but reading.
        if matches!(caller.role, AccessRole::Admin | AccessRole::Audit) {
            return Verdict::without_policy(true, AccessRule::Admin);
        }
        let mut last = Verdict::without_policy(true, AccessRule::Open);
        let (Some(resource), Some(action)) = (resource, action(permission)) else { return last };
        // What stands above a resource comes first, and reading before writing: the first refusal decides.
        for (kind, id, action) in resource.steps(action) {
            let Some(step) = self.step(caller, kind, id, action) else { continue };
            last = step;
            if !last.allowed {
                break;
            }
        }
        last
    }

    /// What the policies of one resource say about one action. `None`: nothing.
    fn step<'a>(
        &'a self,
        caller: &Caller,
        kind: ResourceKind,
        id: &'a str,
        action: PolicyAction,
    ) -> Option<Verdict<'a>> {
        let by_id = self.0.get(&(kind, action))?;
        let names = if id == ALL { [Some(ALL), None] } else { [Some(id), Some(ALL)] };
        let rules = || names.iter().flatten().filter_map(|name| by_id.get(*name)).flatten();
        let mine = |rule: &&Rule| caller.groups.contains(&rule.subject);
        let decided = |allowed, rule, by: &'a Rule| Verdict {
            allowed,
            rule,
            policy_id: &by.policy_id,
            about: Some((kind, id)),
        };
        if let Some(rule) = rules().filter(|rule| rule.denies).find(mine) {
            return Some(decided(false, AccessRule::Denied, rule));
        }
        if let Some(rule) = rules().filter(|rule| !rule.denies).find(mine) {
            return Some(decided(true, AccessRule::Allowed, rule));
        }
        let closing = rules().find(|rule| !rule.denies)?;
        Some(decided(false, AccessRule::AllowedToOthers, closing))
    }
}

impl Verdict<'_> {
    fn without_policy(allowed: bool, rule: AccessRule) -> Self {
        Self { allowed, rule, policy_id: "", about: None }
    }
}

/// What policies call that which a permission is about. `None`: no policy is about it.
fn action(permission: Permission) -> Option<PolicyAction> {
    match permission {
        Permission::Infer
        | Permission::ReadModels
        | Permission::ReadProviders
        | Permission::ReadPolicies
        | Permission::ReadTenant => Some(PolicyAction::Read),
        Permission::WriteModels
        | Permission::WriteProviders
        | Permission::WritePolicies
        | Permission::WriteTenant => Some(PolicyAction::Write),
        Permission::Unspecified
        | Permission::ReadAccess
        | Permission::WriteAccess
        | Permission::ReadRateLimits
        | Permission::WriteRateLimits
        | Permission::ReferenceSecrets
        | Permission::ReadSecretManagers
        | Permission::WriteSecretManagers
        | Permission::ReadIssuers
        | Permission::WriteIssuers
        | Permission::ReadAudit => None,
    }
}

// === impl Resource ===

impl<'a> Resource<'a> {
    /// What must be allowed so that the action is: reading the provider of a model, reading, and then writing.
    fn steps(self, action: PolicyAction) -> impl Iterator<Item = (ResourceKind, &'a str, PolicyAction)> {
        let (above, kind, id) = match self {
            Self::Model { id, provider } => (Some(provider), ResourceKind::Model, id),
            Self::Other(kind, id) => (None, kind, id),
        };
        let above = above.map(|id| (ResourceKind::Provider, id, PolicyAction::Read));
        let write = (action == PolicyAction::Write).then_some((kind, id, PolicyAction::Write));
        above.into_iter().chain([(kind, id, PolicyAction::Read)]).chain(write)
    }
}

impl std::fmt::Display for Resource<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Model { id, .. } => write!(f, "model:{id}"),
            Self::Other(kind, id) => write!(f, "{}:{id}", kind.name()),
        }
    }
}

// === impl Decision ===

impl Decision {
    /// Refuses what is not allowed.
    ///
    /// # Errors
    /// [`Reason::PolicyDenied`], naming the caller and the resource.
    pub fn require(&self, caller: &Caller) -> Result<()> {
        if self.allowed {
            return Ok(());
        }
        let message = format!(
            "{caller} may not use {}; ask an administrator, whom AccessAdmin.ExplainAccess tells which policy it is",
            self.resource
        );
        Err(Error::new(Reason::PolicyDenied, message))
    }
}

#[cfg(test)]
mod tests;
