//! ExplainAccess tells which rule decided.

use sluicegate_client::v1::{
    AccessRole, AccessRule, ApiKey, CreateApiKeyRequest, ExplainAccessRequest, ExplainAccessResponse,
    Permission, PolicyAction, PolicyEffect, UpdateApiKeyRequest,
};
use tonic::{Code, Status};

use crate::support::{TestGateway, start_gateway};

async fn explain(
    gateway: &TestGateway,
    api_key: &str,
    permission: Permission,
    resource: &str,
) -> Result<ExplainAccessResponse, Status> {
    let request = ExplainAccessRequest {
        api_key: api_key.into(),
        permission: permission.into(),
        resource: resource.into(),
    };
    Ok(gateway.client.access().explain_access(request).await?.into_inner())
}

async fn key(gateway: &TestGateway, name: &str, role: AccessRole, groups: &[&str]) -> ApiKey {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    let api_key = Some(ApiKey { name: name.into(), role: role.into(), groups, ..ApiKey::default() });
    let request = CreateApiKeyRequest { api_key, secret: String::new() };
    let created = gateway.client.access().create_api_key(request).await.expect("the key is created");
    created.into_inner().api_key.expect("a key")
}

#[tokio::test]
async fn the_rule_the_policy_and_the_resource_that_decided_are_told() {
    let gateway = start_gateway().await;
    let model = gateway.add_upstream("east", "http://127.0.0.1:9/v1", "m").await;
    let (provider, model) = (format!("provider:{}", model.provider), format!("model:{}", model.id));
    let staff = gateway.policy("staff", PolicyAction::Read, "model:m", PolicyEffect::Allow).await;
    let interns = gateway.policy("interns", PolicyAction::Read, "provider:east", PolicyEffect::Deny).await;
    key(&gateway, "root", AccessRole::Admin, &["interns"]).await;
    key(&gateway, "chief", AccessRole::Manage, &["staff"]).await;
    key(&gateway, "app", AccessRole::User, &["staff", "interns"]).await;
    key(&gateway, "guest", AccessRole::User, &[]).await;
    let none = String::new();
    for (name, permission, resource, allowed, rule, policy, about, message) in [
        (
            "root",
            Permission::Infer,
            "model:m",
            true,
            AccessRule::Admin,
            &none,
            &model,
            "key \"root\" may: its role ACCESS_ROLE_ADMIN stands above all policies".to_owned(),
        ),
        (
            "app",
            Permission::WriteModels,
            "model:m",
            false,
            AccessRule::Role,
            &none,
            &model,
            "key \"app\" may not: its role ACCESS_ROLE_USER does not hold PERMISSION_WRITE_MODELS".into(),
        ),
        (
            "app",
            Permission::Infer,
            "model:m",
            false,
            AccessRule::Denied,
            &interns,
            &provider,
            format!("key \"app\" may not: policy {interns} denies read on {provider} to group \"interns\""),
        ),
        (
            "chief",
            Permission::Infer,
            "model:m",
            true,
            AccessRule::Allowed,
            &staff,
            &model,
            format!("key \"chief\" may: policy {staff} allows read on {model} to group \"staff\""),
        ),
        (
            "guest",
            Permission::Infer,
            "model:upstream-model",
            false,
            AccessRule::AllowedToOthers,
            &staff,
            &model,
            format!(
                "key \"guest\" may not: policy {staff} allows read on {model} to group \"staff\", and none allows it to \
                a group of the key"
            ),
        ),
        (
            "chief",
            Permission::WriteProviders,
            "provider:east",
            true,
            AccessRule::Open,
            &none,
            &provider,
            format!(
                "key \"chief\" may: its role ACCESS_ROLE_MANAGE holds PERMISSION_WRITE_PROVIDERS, and no policy closes \
                {provider} to it"
            ),
        ),
        (
            "guest",
            Permission::Infer,
            "",
            true,
            AccessRule::Open,
            &none,
            &none,
            "key \"guest\" may: its role ACCESS_ROLE_USER holds PERMISSION_INFER".into(),
        ),
    ] {
        let told = explain(&gateway, name, permission, resource).await.expect("it is told");
        let expected = ExplainAccessResponse {
            allowed,
            rule: rule.into(),
            policy_id: policy.clone(),
            resource: about.clone(),
            message,
        };
        assert_eq!(told, expected);
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_used_may_nothing() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let app = key(&gateway, "app", AccessRole::Admin, &[]).await;
    let off = UpdateApiKeyRequest { api_key: Some(ApiKey { disabled: true, ..app.clone() }) };
    gateway.client.access().update_api_key(off).await.expect("it is disabled");
    let told = explain(&gateway, &app.id, Permission::Infer, "model:demo").await.expect("it is told");
    assert_eq!((told.allowed, told.rule()), (false, AccessRule::Key));
    assert_eq!(told.message, "key \"app\" may not: the key is disabled");
    assert!(told.resource.starts_with("model:"));

    let expired = ApiKey {
        expire_time: Some(pbjson_types::Timestamp { seconds: 1, nanos: 0 }),
        etag: String::new(),
        ..app.clone()
    };
    let expired = UpdateApiKeyRequest { api_key: Some(expired) };
    gateway.client.access().update_api_key(expired).await.expect("it is expired");
    let told = explain(&gateway, "app", Permission::Infer, "").await.expect("it is told");
    assert_eq!((told.rule(), &*told.message), (AccessRule::Key, "key \"app\" may not: the key has expired"));
}

#[tokio::test]
async fn questions_that_make_no_sense_are_refused() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    key(&gateway, "app", AccessRole::User, &[]).await;
    for (name, permission, resource, code) in [
        ("", Permission::Infer, "", Code::InvalidArgument),
        ("nobody", Permission::Infer, "", Code::NotFound),
        ("app", Permission::Unspecified, "", Code::InvalidArgument),
        ("app", Permission::Infer, "model:*", Code::InvalidArgument),
        ("app", Permission::Infer, "demo", Code::InvalidArgument),
        ("app", Permission::Infer, "model:nope", Code::NotFound),
        ("app", Permission::Infer, "provider:demo", Code::InvalidArgument),
        ("app", Permission::ReadAccess, "model:demo", Code::InvalidArgument),
    ] {
        let status = explain(&gateway, name, permission, resource).await.expect_err("it is refused");
        assert_eq!(status.code(), code, "{name} {permission:?} {resource}: {status:?}");
    }
}
