//! Why a caller may, or may not.

use super::{
    Admin, find, policy_resource,
    sight::{Sight, holder},
};
use crate::{
    error::{Error, Result},
    proto::{
        self,
        v1::{AccessRule, ApiKey, ExplainAccessRequest, ExplainAccessResponse, Permission, Policy},
    },
    state::{ALL, Call, Caller, Decision, Records, Resource, ResourceKind},
};

impl Admin {
    /// Tells whether the holder of a key may do something, and which rule decides.
    ///
    /// # Errors
    /// That there is no such key or resource, or that the resource is none that the permission is about.
    pub async fn explain_access(
        &self,
        call: &Call,
        request: ExplainAccessRequest,
    ) -> Result<ExplainAccessResponse> {
        let records = &*call.snapshot.records;
        let key = &find::key(records, "api_key", &request.api_key)?.key;
        let permission = request.permission();
        if permission == Permission::Unspecified {
            return Err(Error::invalid("permission", "is required, e.g. PERMISSION_INFER"));
        }
        let asked = match request.resource.as_str() {
            "" => None,
            text => Some(one_of(&Sight::of(call), permission, text)?),
        };
        let resource = asked.as_ref().map(|(kind, id)| resource(records, *kind, id));
        let caller = holder(key);
        let mut decision = call.snapshot.access.decide(&caller, permission, resource);
        let unusable = unusable(key, call.time);
        if unusable.is_some() {
            let asked = resource.map(|resource| resource.to_string()).unwrap_or_default();
            decision =
                Decision { allowed: false, rule: AccessRule::Key, policy_id: String::new(), resource: asked };
        }
        let because =
            unusable.map_or_else(|| because(&decision, records, &caller, permission), str::to_owned);
        let may = if decision.allowed { "may" } else { "may not" };
        Ok(ExplainAccessResponse {
            message: format!("key \"{}\" {may}: {because}", caller.name),
            allowed: decision.allowed,
            rule: decision.rule.into(),
            policy_id: decision.policy_id,
            resource: decision.resource,
        })
    }
}

/// Kind and id of the one resource that is asked about.
fn one_of(sight: &Sight<'_>, permission: Permission, text: &str) -> Result<(ResourceKind, String)> {
    let (kind, id) = policy_resource::read(sight, "resource", text)?;
    if id == ALL {
        return Err(Error::invalid("resource", "must name one resource, not all of a kind"));
    }
    let kinds = kinds(permission);
    if kinds.contains(&kind) {
        return Ok((kind, id));
    }
    let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
    let about = if names.is_empty() { "no resource".to_owned() } else { names.join(" or ") };
    Err(Error::invalid("resource", format!("does not fit: {} is about {about}", permission.as_str_name())))
}

/// The kinds of resources that a permission is about.
fn kinds(permission: Permission) -> &'static [ResourceKind] {
    match permission {
        Permission::Infer | Permission::ReadModels | Permission::WriteModels => {
            &[ResourceKind::Model, ResourceKind::LoadBalancer]
        }
        Permission::ReadProviders | Permission::WriteProviders => &[ResourceKind::Provider],
        Permission::ReadPolicies | Permission::WritePolicies => &[ResourceKind::Policy],
        Permission::ReadTenant | Permission::WriteTenant => &[ResourceKind::Tenant],
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
        | Permission::ReadAudit => &[],
    }
}

fn resource<'a>(records: &'a Records, kind: ResourceKind, id: &'a str) -> Resource<'a> {
    match records.models.get(id) {
        Some(model) if kind == ResourceKind::Model => Resource::Model { id, provider: &model.provider },
        Some(_) | None => Resource::Other(kind, id),
    }
}

/// Why nobody can call with the key.
fn unusable(key: &ApiKey, now: std::time::SystemTime) -> Option<&'static str> {
    let expires = key.expire_time.as_ref().and_then(proto::time);
    if key.disabled {
        Some("the key is disabled")
    } else if expires.is_some_and(|expires| expires <= now) {
        Some("the key has expired")
    } else {
        None
    }
}

/// The rule that decided, in words.
fn because(decision: &Decision, records: &Records, caller: &Caller, permission: Permission) -> String {
    let (role, permission) = (caller.role.as_str_name(), permission.as_str_name());
    let resource = &decision.resource;
    let policy = records.policies.get(&decision.policy_id).cloned().unwrap_or_default();
    let Policy { id, subject, .. } = &policy;
    let action = policy.action().as_str_name().trim_start_matches("POLICY_ACTION_").to_ascii_lowercase();
    match decision.rule {
        AccessRule::Role => format!("its role {role} does not hold {permission}"),
        AccessRule::Admin => format!("its role {role} stands above all policies"),
        AccessRule::Denied => format!("policy {id} denies {action} on {resource} to group \"{subject}\""),
        AccessRule::Allowed => format!("policy {id} allows {action} on {resource} to group \"{subject}\""),
        AccessRule::AllowedToOthers => format!(
            "policy {id} allows {action} on {resource} to group \"{subject}\", and none allows it to a group of the key"
        ),
        AccessRule::Open if resource.is_empty() => format!("its role {role} holds {permission}"),
        AccessRule::Open => {
            format!("its role {role} holds {permission}, and no policy closes {resource} to it")
        }
        AccessRule::Key | AccessRule::Unspecified => "the key cannot be used".into(),
    }
}
