//! Policies from create to delete.

use sluicegate_client::v1::{
    AccessRole, CreatePolicyRequest, CreatePolicyResponse, DeleteModelRequest, DeletePolicyRequest,
    DeleteProviderRequest, GetPolicyRequest, ListPoliciesRequest, Policy, PolicyAction, PolicyEffect,
    UpdatePolicyRequest,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::{TestGateway, start_gateway};

fn reads(subject: &str, resource: &str) -> Policy {
    Policy {
        subject: subject.into(),
        action: PolicyAction::Read.into(),
        resource: resource.into(),
        ..Policy::default()
    }
}

async fn create(gateway: &TestGateway, policy: Policy) -> Result<CreatePolicyResponse, Status> {
    let request = CreatePolicyRequest { policy: Some(policy) };
    Ok(gateway.client.access().create_policy(request).await?.into_inner())
}

async fn update(gateway: &TestGateway, policy: Policy) -> Result<Policy, Status> {
    let request = UpdatePolicyRequest { policy: Some(policy) };
    Ok(gateway.client.access().update_policy(request).await?.into_inner().policy.expect("a policy"))
}

async fn list(gateway: &TestGateway) -> Vec<Policy> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListPoliciesRequest { page_size: 2, page_token };
        let page = gateway.client.access().list_policies(request).await.expect("a page").into_inner();
        all.extend(page.policies);
        if page.next_page_token.is_empty() {
            return all;
        }
        page_token = page.next_page_token;
    }
}

fn field(status: &Status) -> String {
    let violations = status.get_details_bad_request().map(|details| details.field_violations);
    violations.and_then(|mut violations| Some(violations.pop()?.field)).unwrap_or_default()
}

#[tokio::test]
async fn names_are_stored_as_ids_and_an_unset_effect_as_allow() {
    let gateway = start_gateway().await;
    let model = gateway.add_upstream("east", "http://127.0.0.1:9/v1", "team/m:1").await;
    let provider = &model.provider;
    let load_balancer = "0193a3c8-0000-7000-8000-00000000000a";
    for (given, stored) in [
        ("model:team/m:1", format!("model:{}", model.id)),
        ("model:upstream-model", format!("model:{}", model.id)),
        (&*format!("model:{}", model.id), format!("model:{}", model.id)),
        ("provider:east", format!("provider:{provider}")),
        ("model:*", "model:*".into()),
        ("load-balancer:*", "load_balancer:*".into()),
        (
            &format!("load-balancer:{}", load_balancer.to_uppercase()),
            format!("load_balancer:{load_balancer}"),
        ),
        ("tenant:default", "tenant:7e4a1f60-0000-4000-8000-000000000001".into()),
    ] {
        let made =
            create(&gateway, reads("staff", given)).await.expect("it is created").policy.expect("a policy");
        assert_eq!((&made.resource, made.effect()), (&stored, PolicyEffect::Allow), "{given}");
        assert!(made.create_time.is_some() && !made.etag.is_empty());
    }
}

#[tokio::test]
async fn the_same_policy_is_there_only_once() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let first = create(&gateway, reads("staff", "model:demo")).await.expect("it is created");
    let again = Policy { effect: PolicyEffect::Allow.into(), ..reads("staff", "model:demo") };
    let again = create(&gateway, again).await.expect("it is there");
    assert!(again.existed && !first.existed);
    assert_eq!((&again.policy, again.revision), (&first.policy, first.revision));
    let other = create(&gateway, reads("interns", "model:demo")).await.expect("it is created");
    let same = Policy { subject: "staff".into(), ..other.policy.expect("a policy") };
    assert_eq!(update(&gateway, same).await.expect_err("it is there").code(), Code::AlreadyExists);
    assert_eq!(list(&gateway).await.len(), 2);
}

#[tokio::test]
async fn wrong_policies_are_refused_by_their_field() {
    let gateway = start_gateway().await;
    for provider in ["east", "west"] {
        gateway.add_upstream(provider, "http://127.0.0.1:9/v1", "shared").await;
    }
    let good = || reads("staff", "model:*");
    let long = "x".repeat(129);
    let subject = |subject: &str| Policy { subject: subject.into(), ..good() };
    let resource = |resource: &str| Policy { resource: resource.into(), ..good() };
    let invalid = Code::InvalidArgument;
    for (policy, code, wrong) in [
        (subject(""), invalid, "policy.subject"),
        (subject("two words"), invalid, "policy.subject"),
        (subject("gr\u{fc}n"), invalid, "policy.subject"),
        (subject(&long), invalid, "policy.subject"),
        (Policy { action: 0, ..good() }, invalid, "policy.action"),
        (Policy { action: 9, ..good() }, invalid, "policy.action"),
        (Policy { effect: 9, ..good() }, invalid, "policy.effect"),
        (resource(""), invalid, "policy.resource"),
        (resource("model"), invalid, "policy.resource"),
        (resource("gadget:*"), invalid, "policy.resource"),
        (resource("model:"), invalid, "policy.resource"),
        (resource("provider:"), invalid, "policy.resource"),
        (resource("tenant:"), invalid, "policy.resource"),
        (resource("load_balancer:x"), invalid, "policy.resource"),
        (resource("model:nope"), Code::NotFound, "policy.resource"),
        (resource("provider:nope"), Code::NotFound, "policy.resource"),
        (resource("policy:nope"), Code::NotFound, "policy.resource"),
        (resource("model:shared"), Code::FailedPrecondition, "policy.resource"),
        (Policy { labels: [(String::new(), String::new())].into(), ..good() }, invalid, "policy.labels"),
    ] {
        let status = create(&gateway, policy.clone()).await.expect_err("it is refused");
        assert_eq!((status.code(), &*field(&status)), (code, wrong), "{policy:?}: {status:?}");
    }
    assert!(list(&gateway).await.is_empty());
}

#[tokio::test]
async fn policies_are_listed_by_creation_updated_and_deleted() {
    let gateway = start_gateway().await;
    let mut made = Vec::new();
    for subject in ["c", "a", "b", "e", "d"] {
        made.push(
            create(&gateway, reads(subject, "model:*")).await.expect("it is created").policy.expect("one"),
        );
    }
    assert_eq!(list(&gateway).await, made);
    let stale = Policy { etag: "1-0".into(), ..made[0].clone() };
    assert_eq!(update(&gateway, stale).await.expect_err("it has changed").code(), Code::Aborted);
    let wanted = Policy { effect: PolicyEffect::Deny.into(), ..made[0].clone() };
    let updated = update(&gateway, wanted).await.expect("it is updated");
    assert_eq!((&updated.id, updated.create_time), (&made[0].id, made[0].create_time));
    assert_ne!(updated.etag, made[0].etag);
    let id = updated.id.clone();
    let mut access = gateway.client.access();
    let read =
        access.get_policy(GetPolicyRequest { id: id.clone() }).await.expect("it is there").into_inner();
    assert_eq!(read.policy, Some(updated));
    access.delete_policy(DeletePolicyRequest { id: id.clone() }).await.expect("it is deleted");
    let gone = access.get_policy(GetPolicyRequest { id }).await.expect_err("it is gone");
    assert_eq!(gone.get_details_error_info().expect("an ErrorInfo").reason, "POLICY_NOT_FOUND");
}

#[tokio::test]
async fn policies_go_with_what_they_name() {
    let gateway = start_gateway().await;
    let model = gateway.add_upstream("east", "http://127.0.0.1:9/v1", "m").await;
    let second = gateway.add_model("east", "second", "", None).await;
    let kept = create(&gateway, reads("staff", "model:*")).await.expect("it is created").policy.expect("one");
    for resource in ["model:m", "model:second", "provider:east"] {
        let about =
            create(&gateway, reads("staff", resource)).await.expect("it is created").policy.expect("one");
        create(&gateway, reads("staff", &format!("policy:{}", about.id))).await.expect("it is created");
    }
    gateway.client.models().delete_model(DeleteModelRequest { id: model.id.clone() }).await.expect("deleted");
    let left = list(&gateway).await;
    assert_eq!(left.len(), 5, "{left:?}");
    assert!(!left.iter().any(|policy| policy.resource.contains(&model.id)));
    let id = second.provider;
    gateway.client.providers().delete_provider(DeleteProviderRequest { id }).await.expect("deleted");
    assert_eq!(list(&gateway).await, [kept]);
}

#[tokio::test]
async fn a_manager_gives_only_what_it_has() {
    let gateway = start_gateway().await;
    gateway.add_upstream("east", "http://127.0.0.1:9/v1", "m").await;
    let secret = gateway.member(AccessRole::Manage, &["staff"]).await;
    let manager =
        sluicegate_client::Gateway::connect(&gateway.url, &secret).await.expect("the gateway answers");
    let give = async |policy: Policy| {
        let request = CreatePolicyRequest { policy: Some(policy) };
        manager.access().create_policy(request).await.map(|made| made.into_inner().policy.expect("a policy"))
    };
    let given = give(reads("staff", "model:m")).await.expect("it has that");
    let writes = Policy { action: PolicyAction::Write.into(), ..reads("admins", "model:m") };
    let closing = create(&gateway, writes).await.expect("it is created").policy.expect("a policy");
    for policy in
        [reads("interns", "model:m"), reads("interns", "model:*"), reads("interns", "provider:east")]
    {
        let refused = give(policy).await.expect_err("it may not change the model any more");
        assert_eq!(refused.code(), Code::PermissionDenied);
        assert_eq!(refused.get_details_error_info().expect("an ErrorInfo").reason, "POLICY_DENIED");
    }
    for id in [given.id, closing.id] {
        let refused =
            manager.access().delete_policy(DeletePolicyRequest { id }).await.expect_err("nor open it");
        assert_eq!(refused.code(), Code::PermissionDenied);
    }
}
