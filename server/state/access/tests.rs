//! The evaluator against an oracle that knows nothing of how it works.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::proto::v1::Policy;

const KINDS: [&str; 5] = ["model", "provider", "load_balancer", "tenant", "policy"];
const IDS: [&str; 3] = ["1", "2", "*"];
const GROUPS: [&str; 3] = ["a", "b", "c"];

/// Subject, whether it is about writing, kind, id, whether it denies.
type Said = (&'static str, bool, &'static str, &'static str, bool);

fn said() -> impl Strategy<Value = Said> {
    let of = proptest::sample::select::<&'static str>;
    (of(GROUPS.to_vec()), any::<bool>(), of(KINDS.to_vec()), of(IDS.to_vec()), any::<bool>())
}

fn access(policies: &[Said]) -> Access {
    let mut records = Records::default();
    for (index, (subject, write, kind, id, deny)) in policies.iter().enumerate() {
        let policy = Policy {
            id: index.to_string(),
            subject: (*subject).into(),
            action: if *write { PolicyAction::Write } else { PolicyAction::Read }.into(),
            resource: format!("{kind}:{id}"),
            effect: if *deny { PolicyEffect::Deny } else { PolicyEffect::Allow }.into(),
            ..Policy::default()
        };
        records.policies.insert(policy.id.clone(), policy);
    }
    Access::of(&records)
}

fn caller(role: AccessRole, groups: &[&str]) -> Caller {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    Caller { id: "key".into(), name: "app".into(), role, groups, ..Caller::default() }
}

fn callers() -> impl Strategy<Value = Caller> {
    let roles = [AccessRole::Admin, AccessRole::Manage, AccessRole::User];
    (proptest::sample::select(roles.to_vec()), proptest::sample::subsequence(GROUPS.to_vec(), 0..=3))
        .prop_map(|(role, groups)| caller(role, &groups))
}

/// What the page of Policy says, read aloud.
fn oracle(policies: &[Said], caller: &Caller, write: bool, place: &[(&str, &str)]) -> bool {
    if caller.role == AccessRole::Admin {
        return true;
    }
    let open = |kind: &str, id: &str, write: bool| {
        let about: Vec<_> = policies
            .iter()
            .filter(|policy| policy.2 == kind && policy.1 == write && (policy.3 == id || policy.3 == "*"))
            .collect();
        let mine = |policy: &&&Said| caller.groups.iter().any(|group| group == policy.0);
        let denied = about.iter().filter(mine).any(|policy| policy.4);
        let allowed = about.iter().filter(mine).any(|policy| !policy.4);
        let narrowed = about.iter().any(|policy| !policy.4);
        !denied && (allowed || !narrowed)
    };
    let (kind, id) = place[0];
    let above = place.get(1).is_none_or(|(kind, id)| open(kind, id, false));
    above && open(kind, id, false) && (!write || open(kind, id, true))
}

/// A permission, whether it is for writing, what it is wanted on, and the kinds and ids of that.
type Question = (Permission, bool, Resource<'static>, Vec<(&'static str, &'static str)>);

/// Every question.
fn questions() -> Vec<Question> {
    let mut questions = Vec::new();
    for id in IDS {
        for provider in IDS {
            for (permission, write) in
                [(Permission::Infer, false), (Permission::ReadModels, false), (Permission::WriteModels, true)]
            {
                let place = vec![("model", id), ("provider", provider)];
                questions.push((permission, write, Resource::Model { id, provider }, place));
            }
        }
        for (permission, write, kind) in [
            (Permission::ReadProviders, false, ResourceKind::Provider),
            (Permission::WriteProviders, true, ResourceKind::Provider),
            (Permission::ReadModels, false, ResourceKind::LoadBalancer),
            (Permission::WriteModels, true, ResourceKind::LoadBalancer),
            (Permission::ReadTenant, false, ResourceKind::Tenant),
            (Permission::WriteTenant, true, ResourceKind::Tenant),
            (Permission::ReadPolicies, false, ResourceKind::Policy),
            (Permission::WritePolicies, true, ResourceKind::Policy),
        ] {
            questions.push((permission, write, Resource::Other(kind, id), vec![(kind.name(), id)]));
        }
    }
    questions
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn it_decides_as_the_oracle_does(policies in proptest::collection::vec(said(), 0..12), caller in callers()) {
        let access = access(&policies);
        prop_assert_eq!(access.is_empty(), policies.is_empty());
        for (permission, write, resource, place) in questions() {
            let expected = caller.may(permission) && oracle(&policies, &caller, write, &place);
            let decision = access.decide(&caller, permission, Some(resource));
            prop_assert_eq!(decision.allowed, expected, "{:?} {:?}", permission, resource);
            prop_assert_eq!(access.allows(&caller, permission, resource), expected);
            prop_assert_eq!(decision.require(&caller).is_ok(), expected);
        }
    }

    #[test]
    fn the_policy_that_it_names_says_what_decided(
        policies in proptest::collection::vec(said(), 1..12), caller in callers(),
    ) {
        let access = access(&policies);
        for (permission, _, resource, place) in questions() {
            let Decision { rule, policy_id, resource: about, .. } =
                access.decide(&caller, permission, Some(resource));
            let named = policy_id.parse::<usize>().ok().map(|index| policies[index]);
            let by_policy = matches!(
                rule, AccessRule::Denied | AccessRule::Allowed | AccessRule::AllowedToOthers
            );
            prop_assert_eq!(by_policy, named.is_some());
            let Some((subject, _, kind, id, denies)) = named else { continue };
            prop_assert_eq!(denies, rule == AccessRule::Denied);
            prop_assert_eq!(caller.groups.iter().any(|group| group == subject), rule != AccessRule::AllowedToOthers);
            let (at_kind, at_id) = about.split_once(':').unwrap();
            prop_assert!(place.contains(&(at_kind, at_id)));
            prop_assert!(kind == at_kind && (id == at_id || id == "*"));
        }
    }

    #[test]
    fn one_more_deny_opens_nothing(
        mut policies in proptest::collection::vec(said(), 0..12), deny in said(), caller in callers(),
    ) {
        let before = access(&policies);
        policies.push((deny.0, deny.1, deny.2, deny.3, true));
        let after = access(&policies);
        for (permission, _, resource, _) in questions() {
            prop_assert!(
                before.allows(&caller, permission, resource) || !after.allows(&caller, permission, resource)
            );
        }
    }
}

#[test]
fn what_no_policy_names_stays_open_to_whom_the_role_lets() {
    let access = access(&[]);
    let user = caller(AccessRole::User, &[]);
    let model = Resource::Model { id: "1", provider: "1" };
    let rule = |permission| access.decide(&user, permission, Some(model)).rule;
    assert_eq!(rule(Permission::Infer), AccessRule::Open);
    assert_eq!(rule(Permission::WriteModels), AccessRule::Role);
}

#[test]
fn a_policy_of_a_kind_or_action_of_a_later_version_is_left_out() {
    let odd = [("gadget:1", PolicyAction::Read as i32), ("model:1", 77), ("model", 1)];
    let policies = odd.iter().enumerate().map(|(index, (resource, action))| {
        let policy = Policy {
            id: index.to_string(),
            subject: "a".into(),
            action: *action,
            resource: (*resource).into(),
            ..Policy::default()
        };
        (policy.id.clone(), policy)
    });
    let records = Records { policies: BTreeMap::from_iter(policies), ..Records::default() };
    let access = Access::of(&records);
    let model = Resource::Model { id: "1", provider: "1" };
    assert!(access.allows(&caller(AccessRole::User, &[]), Permission::Infer, model));
}

#[test]
fn ids_that_policies_name_are_told_by_kind() {
    let access = access(&[("a", false, "tenant", "1", false), ("a", true, "policy", "*", true)]);
    assert_eq!(access.named(ResourceKind::Tenant).collect::<Vec<_>>(), ["1"]);
    assert_eq!(access.named(ResourceKind::Policy).collect::<Vec<_>>(), [ALL]);
    assert_eq!(access.named(ResourceKind::Model).count(), 0);
}
