//! Nobody gives what it does not have.
//!
//! The law: after any changes that callers without role admin make, whoever may do something that it could not do at the
//! start may do only what one of these callers could do at the start. It is asked of every key there is, and of every
//! caller there could be: each set of groups, with role manage, which holds all that policies are about.

use std::{
    sync::LazyLock,
    time::{Duration, UNIX_EPOCH},
};

use proptest::prelude::*;

use super::*;
use crate::{
    admin::{
        key_plan,
        sight::{holder, of_model},
    },
    proto::v1::{AccessRole, ApiKey, Model, Provider, Tenant},
    secret::Secret,
    secrets::{KeyHasher, MasterKeys, Sealer},
    state::{Access, Caller, Records, StoredKey, StoredProvider},
};

static HASHER: LazyLock<KeyHasher> = LazyLock::new(|| {
    let sealer = Sealer::new(&MasterKeys::generate().unwrap()).unwrap();
    KeyHasher::generate("pepper", &sealer).unwrap().0
});

const GROUPS: [&str; 3] = ["a", "b", "c"];
/// What policies of the test are about. The last three are policies themselves.
const RESOURCES: [&str; 14] = [
    "model:m1",
    "model:m2",
    "model:m3",
    "model:*",
    "provider:p1",
    "provider:p2",
    "provider:*",
    "load_balancer:*",
    "tenant:t",
    "tenant:*",
    "policy:*",
    "policy:0",
    "policy:1",
    "policy:2",
];

/// A change that a caller tries.
#[derive(Clone, Debug)]
enum Try {
    Create(Policy),
    Replace(usize, Policy),
    Delete(usize),
    /// Gives a key these groups.
    Regroup(&'static str, Vec<&'static str>),
    MakeKey(AccessRole, Vec<&'static str>),
}

fn of<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> proptest::sample::Select<T> {
    proptest::sample::select(values.to_vec())
}

fn policies() -> impl Strategy<Value = Policy> {
    (of(&GROUPS), of(&RESOURCES), 1..=2_i32, 1..=2_i32).prop_map(|(subject, resource, action, effect)| {
        Policy { subject: subject.into(), resource: resource.into(), action, effect, ..Policy::default() }
    })
}

fn tries() -> impl Strategy<Value = Try> {
    let groups = || proptest::sample::subsequence(GROUPS.to_vec(), 0..=3);
    prop_oneof![
        4 => policies().prop_map(Try::Create),
        4 => (0..8_usize, policies()).prop_map(|(place, policy)| Try::Replace(place, policy)),
        4 => (0..8_usize).prop_map(Try::Delete),
        1 => (of(&["alice", "bob", "carol"]), groups()).prop_map(|(key, groups)| Try::Regroup(key, groups)),
        1 => (of(&[AccessRole::Admin, AccessRole::Manage, AccessRole::User]), groups())
            .prop_map(|(role, groups)| Try::MakeKey(role, groups)),
    ]
}

/// Two providers with three models, an administrator, two managers, a user, and the policies of the start.
fn start(policies: Vec<Policy>, groups: [Vec<&str>; 3]) -> Records {
    let mut records = Records::default();
    let tenant = Tenant { id: "t".into(), name: "t-name".into(), ..Tenant::default() };
    records.apply(Change::PutTenant(Box::new(tenant)));
    for id in ["p1", "p2"] {
        let provider = Provider { id: id.into(), name: format!("{id}-name"), ..Provider::default() };
        records.apply(Change::PutProvider(Box::new(StoredProvider { provider, credential: None })));
    }
    for (id, provider) in [("m1", "p1"), ("m2", "p1"), ("m3", "p2")] {
        let model = Model { id: id.into(), provider: provider.into(), ..Model::default() };
        records.apply(Change::PutModel(Box::new(model)));
    }
    let [alice, bob, carol] = groups;
    for (index, (name, role, groups)) in [
        ("root", AccessRole::Admin, Vec::new()),
        ("alice", AccessRole::Manage, alice),
        ("bob", AccessRole::Manage, bob),
        ("carol", AccessRole::User, carol),
    ]
    .into_iter()
    .enumerate()
    {
        let groups = groups.into_iter().map(str::to_owned).collect();
        let key =
            ApiKey { id: name.into(), name: name.into(), role: role.into(), groups, ..ApiKey::default() };
        let hash = [u8::try_from(index).unwrap(); 32];
        records.apply(Change::PutKey(Box::new(StoredKey { key, hash, previous: None })));
    }
    for (index, policy) in policies.into_iter().enumerate() {
        records.apply(Change::PutPolicy(Box::new(Policy { id: index.to_string(), ..policy })));
    }
    records
}

/// Makes the change as `name`, through the permission of its RPC and its plan.
fn attempt(records: &Records, name: &str, change: &Try) -> Result<Vec<Change>> {
    let now = UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    let caller = holder(&records.keys[name].key);
    let let_in = |rpc: &str| {
        caller.require(proto::permission(&format!("/sluicegate.v1.AccessAdmin/{rpc}")).expect("an RPC"))
    };
    let sight = Sight::newest(records, &caller);
    let nth = |place: usize| records.policies.keys().nth(place).cloned().unwrap_or_default();
    let put = |policy| vec![Change::PutPolicy(Box::new(policy))];
    match change {
        Try::Create(policy) => {
            let_in("CreatePolicy")?;
            create(&sight, policy.clone(), now).map(|(policy, _)| put(policy))
        }
        Try::Replace(place, policy) => {
            let_in("UpdatePolicy")?;
            replace(&sight, Policy { id: nth(*place), ..policy.clone() }, now).map(put)
        }
        Try::Delete(place) => {
            let_in("DeletePolicy")?;
            delete(&sight, &nth(*place)).map(|(changes, _)| changes)
        }
        Try::Regroup(key, groups) => {
            let_in("UpdateApiKey")?;
            let stored = &records.keys[*key];
            let groups = groups.iter().map(|group| (*group).to_owned()).collect();
            let next = ApiKey { groups, ..stored.key.clone() };
            key_plan::replace(records, stored, next, None, now).map(|key| vec![Change::PutKey(Box::new(key))])
        }
        Try::MakeKey(role, groups) => {
            let_in("CreateApiKey")?;
            let groups = groups.iter().map(|group| (*group).to_owned()).collect();
            let name = format!("key {}", records.keys.len());
            let key = ApiKey { name: name.clone(), role: (*role).into(), groups, ..ApiKey::default() };
            let secret = Secret::new(format!("secret of {name}, made up"));
            let key = key_plan::create(records, key, &secret, &HASHER, now)?;
            Ok(vec![Change::PutKey(Box::new(key))])
        }
    }
}

/// All that can be asked for: what is there, and what may come.
fn questions(records: &Records) -> Vec<(Permission, Resource<'_>)> {
    let mut questions = Vec::new();
    let mut ask = |permissions: &[Permission], resource| {
        questions.extend(permissions.iter().map(|permission| (*permission, resource)));
    };
    const MODELS: [Permission; 3] = [Permission::Infer, Permission::ReadModels, Permission::WriteModels];
    for model in records.models.values() {
        ask(&MODELS, of_model(model));
    }
    for provider in ["p1", "p2", ALL] {
        ask(&MODELS, Resource::Model { id: ALL, provider });
        ask(
            &[Permission::ReadProviders, Permission::WriteProviders],
            Resource::Other(ResourceKind::Provider, provider),
        );
    }
    ask(&MODELS, Resource::Other(ResourceKind::LoadBalancer, ALL));
    for tenant in ["t", ALL] {
        ask(
            &[Permission::ReadTenant, Permission::WriteTenant],
            Resource::Other(ResourceKind::Tenant, tenant),
        );
    }
    for policy in ["0", "1", "2", ALL] {
        ask(
            &[Permission::ReadPolicies, Permission::WritePolicies],
            Resource::Other(ResourceKind::Policy, policy),
        );
    }
    questions
}

/// Every caller without role admin that there could be.
fn anybody() -> Vec<Caller> {
    let sets = 0..1_usize << GROUPS.len();
    sets.map(|set| {
        let held = GROUPS.iter().enumerate().filter(|(index, _)| set & (1 << index) != 0);
        let groups = held.map(|(_, group)| (*group).to_owned()).collect();
        Caller {
            id: "anybody".into(),
            name: "anybody".into(),
            role: AccessRole::Manage,
            groups,
            ..Caller::default()
        }
    })
    .collect()
}

/// A policy that is gone never comes back: ids are used once.
fn may_come(records: &Records, resource: &Resource<'_>) -> bool {
    let Resource::Other(ResourceKind::Policy, id) = resource else { return true };
    *id == ALL || records.policies.contains_key(*id)
}

/// What the law forbids and has happened.
fn breach(before: &Records, after: &Records, changers: &[&str]) -> Option<String> {
    let (old, new) = (Access::of(before), Access::of(after));
    let changers: Vec<_> = changers.iter().map(|name| holder(&before.keys[*name].key)).collect();
    let hypothetical = anybody().into_iter().map(|caller| (Some(caller.clone()), caller));
    let keys = after.keys.values().map(|stored| {
        let was = before.keys.get(&stored.key.id).map(|stored| holder(&stored.key));
        (was, holder(&stored.key))
    });
    for (was, is) in hypothetical.chain(keys) {
        for (permission, resource) in
            questions(before).into_iter().filter(|(_, asked)| may_come(after, asked))
        {
            let could = was.iter().chain(&changers).any(|who| old.allows(who, permission, resource));
            if new.allows(&is, permission, resource) && !could {
                return Some(format!("{is:?} gained {permission:?} on {resource}"));
            }
        }
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_sequence_of_changes_gives_anybody_what_its_makers_did_not_have(
        policies in proptest::collection::vec(policies(), 0..8),
        groups in [(); 3].map(|()| proptest::sample::subsequence(GROUPS.to_vec(), 0..=3)),
        changes in proptest::collection::vec((of(&["alice", "bob", "carol"]), tries()), 1..8),
    ) {
        let before = start(policies, groups);
        let (mut after, mut changers) = (before.clone(), Vec::new());
        for (name, change) in changes {
            if let Ok(planned) = attempt(&after, name, &change) {
                planned.into_iter().for_each(|change| after.apply(change));
                changers.push(name);
            }
            prop_assert_eq!(breach(&before, &after, &changers), None, "by {} with {:?}", name, change);
        }
    }

    /// The bound is no wall: who has all may give it.
    #[test]
    fn whom_no_policy_stops_may_make_any_policy_but_about_writing_the_tenant(policy in policies()) {
        let records = start(Vec::new(), [vec![], vec![], vec![]]);
        let names_a_policy = policy.resource.starts_with("policy:") && policy.resource != "policy:*";
        let writes_tenant = policy.resource.starts_with("tenant:") && policy.action() == PolicyAction::Write;
        let made = attempt(&records, "alice", &Try::Create(policy));
        prop_assert_eq!(made.is_ok(), !names_a_policy && !writes_tenant, "{:?}", made);
    }
}

/// A story that a check of the named resource alone would let pass.
#[test]
fn opening_a_provider_needs_all_of_its_models() {
    let said = |subject: &str, resource: &str, effect: PolicyEffect| Policy {
        subject: subject.into(),
        resource: resource.into(),
        action: PolicyAction::Read.into(),
        effect: effect.into(),
        ..Policy::default()
    };
    let policies =
        vec![said("a", "provider:p1", PolicyEffect::Allow), said("a", "model:m1", PolicyEffect::Deny)];
    let records = start(policies, [vec!["a"], vec![], vec![]]);
    let open = Try::Create(said("b", "provider:p1-name", PolicyEffect::Allow));
    let refused = attempt(&records, "alice", &open).unwrap_err();
    assert_eq!(refused.reason(), Reason::PolicyDenied);
    assert!(!refused.message().contains("m1"), "what is hidden stays hidden: {refused}");
}
