//! What goes with a resource that is removed: the policies and the rate limits that name it.

use std::collections::BTreeSet;

use crate::state::{Change, Records, ResourceKind};

/// The removal of everything that names one of `gone`. A policy that goes takes with it those that name the policy.
pub(super) fn of_what_names(records: &Records, gone: &[(ResourceKind, &str)]) -> Vec<Change> {
    let name = |kind: ResourceKind, id: &str| format!("{}:{id}", kind.name());
    let mut names: BTreeSet<_> = gone.iter().map(|(kind, id)| name(*kind, id)).collect();
    let mut policies = BTreeSet::new();
    loop {
        let found = records
            .policies
            .values()
            .filter(|policy| names.contains(&policy.resource) && !policies.contains(&policy.id))
            .map(|policy| policy.id.clone())
            .collect::<Vec<_>>();
        if found.is_empty() {
            break;
        }
        names.extend(found.iter().map(|id| name(ResourceKind::Policy, id)));
        policies.extend(found);
    }
    let limits = records.rate_limits.values().filter(|limit| {
        gone.contains(&(ResourceKind::Provider, &limit.provider))
            || gone.contains(&(ResourceKind::Model, &limit.model))
    });
    let limits = limits.map(|limit| Change::DeleteRateLimit(limit.id.clone()));
    policies.into_iter().map(Change::DeletePolicy).chain(limits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1::{Policy, RateLimit};

    #[test]
    fn only_what_names_the_removed_goes_and_what_names_that() {
        let mut records = Records::default();
        for (id, resource) in [
            ("0", "model:m"),
            ("1", "policy:0"),
            ("2", "policy:1"),
            ("3", "policy:3"),
            ("4", "provider:m"),
            ("5", "model:*"),
        ] {
            let policy = Policy { id: id.into(), resource: resource.into(), ..Policy::default() };
            records.apply(Change::PutPolicy(Box::new(policy)));
        }
        for (id, provider, model) in [("0", "", "m"), ("1", "m", ""), ("2", "", "n"), ("3", "", "")] {
            let limit = RateLimit {
                id: id.into(),
                provider: provider.into(),
                model: model.into(),
                ..RateLimit::default()
            };
            records.apply(Change::PutRateLimit(Box::new(limit)));
        }
        for change in of_what_names(&records, &[(ResourceKind::Model, "m")]) {
            records.apply(change);
        }
        assert_eq!(records.policies.keys().collect::<Vec<_>>(), ["3", "4", "5"]);
        assert_eq!(records.rate_limits.keys().collect::<Vec<_>>(), ["1", "2", "3"]);
    }
}
