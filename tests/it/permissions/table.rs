//! The verdicts, written by hand. A new RPC or route gets a line here.
//!
//! In messages, paths and bodies, MODEL, PROVIDER, POLICY, LIMIT, ISSUER, KEY and MANAGER stand for ids of resources made
//! for the test, ALIAS and NAME for the names of model and provider, SUBJECT for that of the policy, and FRESH for a name
//! that nobody has.
//!
//! A verdict is a letter for each [`CONDITIONS`], or one letter where the row is about no such resource:
//! `Y` yes, `L` let in (whatever comes of it), `S` shown in the list, `N` not shown, `H` hidden: as if it were not there,
//! `P` refused by a policy, `R` refused by the role.

use prost::Message;
use serde::de::DeserializeOwned;
use sluicegate::proto::v1::{self, Permission};

/// What policies say of provider, model and policy of a row, for the group of the callers: allowed to it; allowed to
/// another group only; denied to it; reading allowed to it, writing allowed to another group only.
pub const CONDITIONS: [&str; 4] = ["own", "others", "denied", "read only"];

/// An RPC with its REST twins.
pub struct Row {
    pub rpc: &'static str,
    pub permission: Permission,
    /// In proto JSON.
    pub message: &'static str,
    pub encode: fn(&str) -> Vec<u8>,
    pub user: &'static str,
    pub manage: &'static str,
    pub admin: &'static str,
    pub audit: &'static str,
    /// Method, path, body. The body `=` is the message.
    pub twins: &'static [(&'static str, &'static str, &'static str)],
}

impl Row {
    /// What the list shows, or does not.
    pub fn needle(&self) -> &'static str {
        match self.rpc {
            "ModelCatalog/ListModels" => "ALIAS",
            "ProviderAdmin/ListProviders" => "PROVIDER",
            "ProviderAdmin/ListSecretManagers" => "MANAGER",
            "AccessAdmin/ListPolicies" => "SUBJECT",
            "AccessAdmin/ListRateLimits" => "LIMIT",
            _ => "",
        }
    }

    /// Whether a yes leaves the resources other than they were.
    pub fn spoils(&self) -> bool {
        self.rpc.contains("/Delete")
    }
}

fn encode<M: Message + DeserializeOwned>(json: &str) -> Vec<u8> {
    serde_json::from_str::<M>(json).unwrap_or_else(|error| panic!("{json}: {error}")).encode_to_vec()
}

macro_rules! rows {
    ($($rpc:literal, $permission:ident, $request:ident, $user:literal $manage:literal $admin:literal $audit:literal,
        $message:literal,
        [$($method:ident $path:literal $body:literal,)*];)*) => {
        &[$(Row {
            rpc: $rpc,
            permission: Permission::$permission,
            message: $message,
            encode: encode::<v1::$request>,
            user: $user,
            manage: $manage,
            admin: $admin,
            audit: $audit,
            twins: &[$((stringify!($method), $path, $body),)*],
        },)*]
    };
}

pub const TABLE: &[Row] = rows! {
    "Inference/Chat", Infer, ChatRequest, "YPPY" "YPPY" "YYYY" "RRRR",
    r#"{"model": "ALIAS", "messages": [{"role": "ROLE_USER", "parts": [{"text": {"text": "Hi"}}]}]}"#, [
        POST "/v1/chat/completions" r#"{"model": "ALIAS", "messages": [{"role": "user", "content": "Hi"}]}"#,
        POST "/ml/gateway/v1/chat/completions" r#"{"model": "MODEL", "messages": [{"role": "user", "content": "Hi"}]}"#,
    ];
    "Inference/StreamChat", Infer, ChatRequest, "YPPY" "YPPY" "YYYY" "RRRR",
    r#"{"model": "MODEL", "messages": [{"role": "ROLE_USER", "parts": [{"text": {"text": "Hi"}}]}]}"#, [
        POST "/v1/chat/completions" r#"{"model": "ALIAS", "stream": true, "messages": [{"role": "user", "content": "Hi"}]}"#,
    ];
    "Inference/Complete", Infer, CompleteRequest, "YPPY" "YPPY" "YYYY" "RRRR",
    r#"{"model": "ALIAS", "prompts": [{"text": "Hi"}]}"#, [
        POST "/v1/completions" r#"{"model": "ALIAS", "prompt": "Hi"}"#,
        POST "/ml/gateway/v1/completions" r#"{"model": "ALIAS", "prompt": "Hi"}"#,
    ];
    "Inference/StreamComplete", Infer, CompleteRequest, "YPPY" "YPPY" "YYYY" "RRRR",
    r#"{"model": "ALIAS", "prompts": [{"text": "Hi"}]}"#, [
        POST "/v1/completions" r#"{"model": "ALIAS", "prompt": "Hi", "stream": true}"#,
    ];
    "Inference/Embed", Infer, EmbedRequest, "YPPY" "YPPY" "YYYY" "RRRR",
    r#"{"model": "ALIAS", "inputs": [{"text": "Hi"}]}"#, [
        POST "/v1/embeddings" r#"{"model": "ALIAS", "input": "Hi"}"#,
        POST "/ml/gateway/v1/embeddings" r#"{"model": "ALIAS", "input": "Hi"}"#,
    ];
    "ModelCatalog/ListModels", ReadModels, ListModelsRequest, "SNNS" "SNNS" "SSSS" "SSSS", r#"{"pageSize": 1000}"#, [
        GET "/v1/models" "",
        GET "/ml/gateway/v1/models" "",
        GET "/sluicegate/v1/models?page_size=1000" "",
    ];
    "ModelCatalog/ListModels", ReadModels, ListModelsRequest, "SHHS" "SHHS" "SSSS" "SSSS", r#"{"provider": "NAME"}"#, [
        GET "/ml/gateway/v1/providers/PROVIDER/models" "",
        GET "/sluicegate/v1/models?provider=PROVIDER" "",
    ];
    "ModelCatalog/GetModel", ReadModels, GetModelRequest, "YHHY" "YHHY" "YYYY" "YYYY", r#"{"id": "ALIAS"}"#, [
        GET "/v1/models/ALIAS" "",
        GET "/ml/gateway/v1/models/MODEL" "",
        GET "/sluicegate/v1/models/MODEL" "",
    ];
    "ModelCatalog/CreateModel", WriteModels, CreateModelRequest, "RRRR" "YHHY" "YYYY" "RRRR",
    r#"{"model": {"provider": "PROVIDER", "upstreamId": "demo", "alias": "FRESH"}}"#, [
        POST "/sluicegate/v1/models" "=",
        POST "/ml/gateway/v1/providers/PROVIDER/models" r#"{"id": "demo", "alias": "FRESH"}"#,
    ];
    "ModelCatalog/UpdateModel", WriteModels, UpdateModelRequest, "RRRR" "YHHP" "YYYY" "RRRR",
    r#"{"model": {"id": "MODEL", "upstreamId": "demo", "alias": "ALIAS"}}"#, [
        PUT "/sluicegate/v1/models/MODEL" "=",
        PUT "/ml/gateway/v1/models/ALIAS" r#"{"id": "demo", "alias": "ALIAS"}"#,
        PATCH "/ml/gateway/v1/models/MODEL" r#"{"alias": "ALIAS"}"#,
        PUT "/ml/gateway/v1/providers/PROVIDER/models/ALIAS" r#"{"id": "demo", "alias": "ALIAS"}"#,
        PATCH "/ml/gateway/v1/providers/PROVIDER/models/MODEL" r#"{"alias": "ALIAS"}"#,
    ];
    "ModelCatalog/DeleteModel", WriteModels, DeleteModelRequest, "RRRR" "YHHP" "YYYY" "RRRR", r#"{"id": "ALIAS"}"#, [
        DELETE "/sluicegate/v1/models/MODEL" "",
        DELETE "/ml/gateway/v1/models/ALIAS" "",
        DELETE "/ml/gateway/v1/providers/PROVIDER/models/MODEL" "",
    ];
    "ModelCatalog/ListAvailableModels", ReadProviders, ListAvailableModelsRequest, "RRRR" "LHHL" "LLLL" "LLLL",
    r#"{"provider": "NAME"}"#, [
        GET "/sluicegate/v1/providers/PROVIDER/available-models" "",
        GET "/ml/gateway/v1/providers/PROVIDER/models/available" "",
    ];
    "ProviderAdmin/ListProviderTypes", ReadProviders, ListProviderTypesRequest, "R" "Y" "Y" "Y", "{}", [
        GET "/sluicegate/v1/provider-types" "",
    ];
    "ProviderAdmin/ListProviders", ReadProviders, ListProvidersRequest, "RRRR" "SNNS" "SSSS" "SSSS", r#"{"pageSize": 1000}"#, [
        GET "/sluicegate/v1/providers?page_size=1000" "",
        GET "/ml/gateway/v1/providers" "",
    ];
    "ProviderAdmin/GetProvider", ReadProviders, GetProviderRequest, "RRRR" "YHHY" "YYYY" "YYYY", r#"{"id": "NAME"}"#, [
        GET "/sluicegate/v1/providers/NAME" "",
        GET "/ml/gateway/v1/providers/PROVIDER" "",
    ];
    "ProviderAdmin/CreateProvider", WriteProviders, CreateProviderRequest, "R" "Y" "Y" "R",
    r#"{"provider": {"name": "FRESH", "type": "demo"}}"#, [
        POST "/sluicegate/v1/providers" "=",
        POST "/ml/gateway/v1/providers/TYPE" r#"{"name": "FRESH", "data": {}}"#,
    ];
    "ProviderAdmin/UpdateProvider", WriteProviders, UpdateProviderRequest, "RRRR" "YHHP" "YYYY" "RRRR",
    r#"{"provider": {"id": "PROVIDER", "name": "NAME"}}"#, [
        PUT "/sluicegate/v1/providers/PROVIDER" "=",
        PUT "/ml/gateway/v1/providers/PROVIDER/TYPE" r#"{"name": "NAME", "data": {}}"#,
    ];
    "ProviderAdmin/DeleteProvider", WriteProviders, DeleteProviderRequest, "RRRR" "YHHP" "YYYY" "RRRR", r#"{"id": "PROVIDER"}"#, [
        DELETE "/sluicegate/v1/providers/NAME" "",
        DELETE "/ml/gateway/v1/providers/PROVIDER" "",
    ];
    "ProviderAdmin/TestProvider", WriteProviders, TestProviderRequest, "RRRR" "YHHP" "YYYY" "RRRR", r#"{"id": "NAME"}"#, [
        POST "/sluicegate/v1/providers/PROVIDER/test" "",
    ];
    "ProviderAdmin/ListSecretManagers", ReadSecretManagers, ListSecretManagersRequest, "R" "S" "S" "S", r#"{"pageSize": 1000}"#, [
        GET "/sluicegate/v1/secret-managers?page_size=1000" "",
    ];
    "ProviderAdmin/GetSecretManager", ReadSecretManagers, GetSecretManagerRequest, "R" "Y" "Y" "Y", r#"{"id": "MANAGER"}"#, [
        GET "/sluicegate/v1/secret-managers/MANAGER" "",
    ];
    "ProviderAdmin/CreateSecretManager", WriteSecretManagers, CreateSecretManagerRequest, "R" "R" "Y" "R",
    r#"{"secretManager": {"name": "FRESH", "vault": {"address": "https://vault.example"}, "credential": {"inline": {"values": {"token": "t"}}}}}"#, [
        POST "/sluicegate/v1/secret-managers" "=",
    ];
    "ProviderAdmin/UpdateSecretManager", WriteSecretManagers, UpdateSecretManagerRequest, "R" "R" "Y" "R",
    r#"{"secretManager": {"id": "MANAGER", "name": "FRESH", "vault": {"address": "https://vault.example"}}}"#, [
        PUT "/sluicegate/v1/secret-managers/MANAGER" "=",
    ];
    "ProviderAdmin/DeleteSecretManager", WriteSecretManagers, DeleteSecretManagerRequest, "R" "R" "Y" "R", r#"{"id": "MANAGER"}"#, [
        DELETE "/sluicegate/v1/secret-managers/MANAGER" "",
    ];
    "AccessAdmin/ListApiKeys", ReadAccess, ListApiKeysRequest, "R" "R" "Y" "Y", "{}", [
        GET "/sluicegate/v1/api-keys" "",
    ];
    "AccessAdmin/GetApiKey", ReadAccess, GetApiKeyRequest, "R" "R" "Y" "Y", r#"{"id": "KEY"}"#, [
        GET "/sluicegate/v1/api-keys/KEY" "",
    ];
    "AccessAdmin/CreateApiKey", WriteAccess, CreateApiKeyRequest, "R" "R" "Y" "R",
    r#"{"apiKey": {"name": "FRESH", "role": "ACCESS_ROLE_USER", "groups": ["team"]}}"#, [
        POST "/sluicegate/v1/api-keys" "=",
    ];
    "AccessAdmin/UpdateApiKey", WriteAccess, UpdateApiKeyRequest, "R" "R" "Y" "R",
    r#"{"apiKey": {"id": "KEY", "name": "FRESH", "role": "ACCESS_ROLE_USER", "groups": ["team"]}}"#, [
        PUT "/sluicegate/v1/api-keys/KEY" "=",
    ];
    "AccessAdmin/DeleteApiKey", WriteAccess, DeleteApiKeyRequest, "R" "R" "Y" "R", r#"{"id": "KEY"}"#, [
        DELETE "/sluicegate/v1/api-keys/KEY" "",
    ];
    "AccessAdmin/RotateApiKey", WriteAccess, RotateApiKeyRequest, "R" "R" "L" "R", r#"{"id": "KEY"}"#, [
        POST "/sluicegate/v1/api-keys/KEY/rotate" "",
    ];
    "AccessAdmin/ListPolicies", ReadPolicies, ListPoliciesRequest, "RRRR" "SNNS" "SSSS" "SSSS", r#"{"pageSize": 1000}"#, [
        GET "/sluicegate/v1/policies?page_size=1000" "",
        GET "/ml/gateway/v1/policies" "",
    ];
    "AccessAdmin/GetPolicy", ReadPolicies, GetPolicyRequest, "RRRR" "YHHY" "YYYY" "YYYY", r#"{"id": "POLICY"}"#, [
        GET "/sluicegate/v1/policies/POLICY" "",
        GET "/ml/gateway/v1/policies/POLICY" "",
    ];
    "AccessAdmin/CreatePolicy", WritePolicies, CreatePolicyRequest, "RRRR" "YHHP" "YYYY" "RRRR",
    r#"{"policy": {"subject": "FRESH", "action": "POLICY_ACTION_READ", "resource": "model:ALIAS", "effect": "POLICY_EFFECT_DENY"}}"#, [
        POST "/sluicegate/v1/policies" "=",
        POST "/ml/gateway/v1/policies" r#"{"subject": "FRESH", "action": "read", "resource": "model:MODEL", "effect": "deny"}"#,
    ];
    "AccessAdmin/CreatePolicy", WritePolicies, CreatePolicyRequest, "RRRR" "YHHP" "YYYY" "RRRR",
    r#"{"policy": {"subject": "FRESH", "action": "POLICY_ACTION_WRITE", "resource": "provider:NAME", "effect": "POLICY_EFFECT_DENY"}}"#, [
        POST "/sluicegate/v1/policies" "=",
    ];
    "AccessAdmin/UpdatePolicy", WritePolicies, UpdatePolicyRequest, "RRRR" "YHHP" "YYYY" "RRRR",
    r#"{"policy": {"id": "POLICY", "subject": "FRESH", "action": "POLICY_ACTION_READ", "resource": "load_balancer:*", "effect": "POLICY_EFFECT_DENY"}}"#, [
        PUT "/sluicegate/v1/policies/POLICY" "=",
    ];
    "AccessAdmin/DeletePolicy", WritePolicies, DeletePolicyRequest, "RRRR" "YHHP" "YYYY" "RRRR", r#"{"id": "POLICY"}"#, [
        DELETE "/sluicegate/v1/policies/POLICY" "",
        DELETE "/ml/gateway/v1/policies/POLICY" "",
    ];
    "AccessAdmin/ExplainAccess", ReadAccess, ExplainAccessRequest, "RRRR" "RRRR" "YYYY" "YYYY",
    r#"{"apiKey": "KEY", "permission": "PERMISSION_INFER", "resource": "model:ALIAS"}"#, [
        POST "/sluicegate/v1/access/explain" "=",
    ];
    "AccessAdmin/ListRateLimits", ReadRateLimits, ListRateLimitsRequest, "RRRR" "SNNS" "SSSS" "SSSS", r#"{"pageSize": 1000}"#, [
        GET "/sluicegate/v1/rate-limits?page_size=1000" "",
        GET "/ml/gateway/v1/rate-limits" "",
    ];
    "AccessAdmin/GetRateLimit", ReadRateLimits, GetRateLimitRequest, "RRRR" "YHHY" "YYYY" "YYYY", r#"{"id": "LIMIT"}"#, [
        GET "/sluicegate/v1/rate-limits/LIMIT" "",
        GET "/ml/gateway/v1/rate-limits/LIMIT" "",
    ];
    "AccessAdmin/CreateRateLimit", WriteRateLimits, CreateRateLimitRequest, "RRRR" "YHHY" "YYYY" "RRRR",
    r#"{"rateLimit": {"type": "RATE_LIMIT_TYPE_MODEL", "model": "ALIAS", "request": {"amount": "1", "capacity": "1", "duration": "1s"}}}"#, [
        POST "/sluicegate/v1/rate-limits" "=",
        POST "/ml/gateway/v1/rate-limits" r#"{"type": "model", "modelId": "MODEL", "request": {"amount": 1, "capacity": 1, "duration": "1s"}}"#,
    ];
    "AccessAdmin/CreateRateLimit", WriteRateLimits, CreateRateLimitRequest, "RRRR" "YHHY" "YYYY" "RRRR",
    r#"{"rateLimit": {"type": "RATE_LIMIT_TYPE_PROVIDER", "provider": "NAME", "request": {"amount": "1", "capacity": "1", "duration": "1s"}}}"#, [
        POST "/ml/gateway/v1/rate-limits" r#"{"type": "provider", "provider_uuid": "PROVIDER", "token": {"amount": 1, "capacity": 1, "duration": "1s"}}"#,
    ];
    "AccessAdmin/UpdateRateLimit", WriteRateLimits, UpdateRateLimitRequest, "RRRR" "YHHY" "YYYY" "RRRR",
    r#"{"rateLimit": {"id": "LIMIT", "type": "RATE_LIMIT_TYPE_MODEL", "model": "MODEL", "token": {"amount": "1", "capacity": "1", "duration": "1s"}}}"#, [
        PUT "/sluicegate/v1/rate-limits/LIMIT" "=",
        PUT "/ml/gateway/v1/rate-limits/LIMIT" r#"{"type": "model", "model_uuid": "MODEL", "request": {"amount": 1, "capacity": 1, "duration": "1s"}}"#,
    ];
    "AccessAdmin/DeleteRateLimit", WriteRateLimits, DeleteRateLimitRequest, "RRRR" "YHHY" "YYYY" "RRRR", r#"{"id": "LIMIT"}"#, [
        DELETE "/sluicegate/v1/rate-limits/LIMIT" "",
        DELETE "/ml/gateway/v1/rate-limits/LIMIT" "",
    ];
    "AccessAdmin/GetTenant", ReadTenant, GetTenantRequest, "L" "L" "L" "L", "{}", [
        GET "/sluicegate/v1/tenant" "",
        GET "/ml/gateway/v1/tenant" "",
    ];
    "AccessAdmin/UpdateTenant", WriteTenant, UpdateTenantRequest, "R" "R" "L" "R", r#"{"tenant": {"name": "FRESH"}}"#, [
        PUT "/sluicegate/v1/tenant" "=",
        POST "/ml/gateway/v1/tenant" r#"{"name": "FRESH"}"#,
        PUT "/ml/gateway/v1/tenant" r#"{"name": "FRESH"}"#,
        PATCH "/ml/gateway/v1/tenant" r#"{"name": "FRESH"}"#,
    ];
    "AccessAdmin/DeleteTenant", WriteTenant, DeleteTenantRequest, "R" "R" "L" "R", "{}", [
        DELETE "/sluicegate/v1/tenant" "",
        DELETE "/ml/gateway/v1/tenant" "",
    ];
    "AccessAdmin/ListIssuers", ReadIssuers, ListIssuersRequest, "R" "R" "Y" "Y", "{}", [
        GET "/sluicegate/v1/issuers" "",
    ];
    "AccessAdmin/GetIssuer", ReadIssuers, GetIssuerRequest, "R" "R" "Y" "Y", r#"{"id": "ISSUER"}"#, [
        GET "/sluicegate/v1/issuers/ISSUER" "",
    ];
    "AccessAdmin/CreateIssuer", WriteIssuers, CreateIssuerRequest, "R" "R" "Y" "R",
    r#"{"issuer": {"name": "FRESH", "issuerUrl": "https://FRESH.invalid", "audiences": ["a"], "disabled": true}}"#, [
        POST "/sluicegate/v1/issuers" "=",
    ];
    "AccessAdmin/UpdateIssuer", WriteIssuers, UpdateIssuerRequest, "R" "R" "Y" "R",
    r#"{"issuer": {"id": "ISSUER", "name": "FRESH", "issuerUrl": "https://FRESH.invalid", "audiences": ["a"], "disabled": true}}"#, [
        PUT "/sluicegate/v1/issuers/ISSUER" "=",
    ];
    "AccessAdmin/DeleteIssuer", WriteIssuers, DeleteIssuerRequest, "R" "R" "Y" "R", r#"{"id": "ISSUER"}"#, [
        DELETE "/sluicegate/v1/issuers/ISSUER" "",
    ];
    "AccessAdmin/ListAuditEvents", ReadAudit, ListAuditEventsRequest, "R" "R" "Y" "Y", r#"{"pageSize": 10}"#, [
        GET "/sluicegate/v1/audit-events?page_size=10" "",
    ];
    "AccessAdmin/VerifyAuditLog", ReadAudit, VerifyAuditLogRequest, "R" "R" "Y" "Y", "{}", [
        POST "/sluicegate/v1/audit-events/verify" "",
    ];
};
