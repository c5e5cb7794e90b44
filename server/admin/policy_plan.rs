//! From what an operator writes to a policy as it is stored. Only what the caller sees and has itself.

use std::time::SystemTime;

use super::{check, policy_bound, policy_resource, removal, sight::Sight, stamp};
use crate::{
    error::{Error, Reason, Result},
    proto::{
        self,
        v1::{Permission, Policy, PolicyAction, PolicyEffect},
    },
    state::{ALL, Change, Resource, ResourceKind},
};

/// A new policy, or the stored one that says the same; and whether that was there.
pub(super) fn create(sight: &Sight<'_>, policy: Policy, now: SystemTime) -> Result<(Policy, bool)> {
    sight.require(Permission::WritePolicies, of_policy(ALL))?;
    let mut policy = check(sight, policy)?;
    policy_bound::require(sight, &policy)?;
    if let Some(same) = same(sight, &policy) {
        sight.require(Permission::ReadPolicies, of_policy(&same.id))?;
        return Ok((same.clone(), true));
    }
    policy.id = stamp::id();
    policy.create_time = Some(proto::timestamp(now));
    Ok((finish(sight, policy, now), false))
}

/// A policy in place of the one with its id.
pub(super) fn replace(sight: &Sight<'_>, policy: Policy, now: SystemTime) -> Result<Policy> {
    let stored = changeable(sight, "policy.id", &policy.id)?;
    stamp::check_etag("policy.etag", &policy.etag, &stored.etag)?;
    let mut policy = check(sight, policy)?;
    policy_bound::require(sight, &policy)?;
    policy.create_time = stored.create_time;
    if same(sight, &policy).is_some_and(|same| same.id != stored.id) {
        let message =
            "there is a policy of this subject, action, resource and effect already; delete one of the two";
        return Err(Error::new(Reason::NameTaken, message).field("policy"));
    }
    Ok(finish(sight, policy, now))
}

/// The policy that makes the records say what is wanted, and whether it differs from what is stored.
pub(super) fn reconcile(sight: &Sight<'_>, wanted: Policy, now: SystemTime) -> Result<(Policy, bool)> {
    let (stored, existed) = create(sight, wanted.clone(), now)?;
    if !existed {
        return Ok((stored, true));
    }
    stamp::check_etag("policy.etag", &wanted.etag, &stored.etag)?;
    if stored.labels == wanted.labels {
        return Ok((stored, false));
    }
    let next = replace(sight, Policy { id: stored.id.clone(), ..wanted }, now)?;
    Ok((next, true))
}

/// The removal of a policy, and the policy.
pub(super) fn delete(sight: &Sight<'_>, id: &str) -> Result<(Vec<Change>, Policy)> {
    let gone = changeable(sight, "id", id)?.clone();
    let mut changes = removal::of_what_names(sight.records, &[(ResourceKind::Policy, &gone.id)]);
    changes.push(Change::DeletePolicy(gone.id.clone()));
    Ok((changes, gone))
}

fn of_policy(id: &str) -> Resource<'_> {
    Resource::Other(ResourceKind::Policy, id)
}

/// The stored policy, where the caller may change it.
fn changeable<'a>(sight: &Sight<'a>, field: &str, id: &str) -> Result<&'a Policy> {
    let stored = sight.policy(field, id)?;
    sight.require(Permission::WritePolicies, of_policy(&stored.id))?;
    policy_bound::require(sight, stored)?;
    Ok(stored)
}

/// The stored policy that says the same.
fn same<'a>(sight: &Sight<'a>, policy: &Policy) -> Option<&'a Policy> {
    let said = |policy: &Policy| (policy.action, policy.effect);
    sight.records.policies.values().find(|stored| {
        said(stored) == said(policy) && stored.subject == policy.subject && stored.resource == policy.resource
    })
}

/// Checks a policy and brings it into the form that is stored.
fn check(sight: &Sight<'_>, mut policy: Policy) -> Result<Policy> {
    check::group("policy.subject", &policy.subject)?;
    match PolicyAction::try_from(policy.action) {
        Ok(PolicyAction::Read | PolicyAction::Write) => {}
        Ok(PolicyAction::Unspecified) | Err(_) => {
            return Err(Error::invalid(
                "policy.action",
                "is required: POLICY_ACTION_READ or POLICY_ACTION_WRITE",
            ));
        }
    }
    match PolicyEffect::try_from(policy.effect) {
        Ok(PolicyEffect::Allow | PolicyEffect::Deny) => {}
        Ok(PolicyEffect::Unspecified) => policy.effect = PolicyEffect::Allow.into(),
        Err(_) => {
            return Err(Error::invalid(
                "policy.effect",
                "must be POLICY_EFFECT_ALLOW or POLICY_EFFECT_DENY, or unset for allow",
            ));
        }
    }
    let (kind, id) = policy_resource::read(sight, "policy.resource", &policy.resource)?;
    policy.resource = format!("{}:{id}", kind.name());
    check::labels("policy.labels", &policy.labels)?;
    Ok(policy)
}

fn finish(sight: &Sight<'_>, mut policy: Policy, now: SystemTime) -> Policy {
    policy.update_time = Some(proto::timestamp(now));
    policy.etag = String::new();
    policy.etag = stamp::etag(sight.records.revision, &policy);
    policy
}

#[cfg(test)]
mod tests;
