//! Proto JSON twins of the administrative RPCs, under `/sluicegate/v1`. One rule: the body is the RPC's request message,
//! the answer its response message; what the path names overrides the body.

use axum::response::Response;
use http::StatusCode;

use super::{
    Route,
    exchange::{Exchange, proto_json},
    routes,
};
use crate::{
    edge::not_enforced,
    error::{Error, Result},
    proto::v1::{
        AuditOutcome, CreateApiKeyRequest, CreateIssuerRequest, CreateModelRequest, CreatePolicyRequest,
        CreateProviderRequest, CreateRateLimitRequest, CreateSecretManagerRequest, DeleteApiKeyRequest,
        DeleteIssuerRequest, DeleteModelRequest, DeletePolicyRequest, DeleteProviderRequest,
        DeleteRateLimitRequest, DeleteSecretManagerRequest, DeleteTenantRequest, GetApiKeyRequest,
        GetIssuerRequest, GetModelRequest, GetPolicyRequest, GetProviderRequest, GetRateLimitRequest,
        GetSecretManagerRequest, GetTenantRequest, ListApiKeysRequest, ListAuditEventsRequest,
        ListAvailableModelsRequest, ListIssuersRequest, ListModelsRequest, ListPoliciesRequest,
        ListProviderTypesRequest, ListProvidersRequest, ListRateLimitsRequest, ListSecretManagersRequest,
        RotateApiKeyRequest, TestProviderRequest, UpdateApiKeyRequest, UpdateIssuerRequest,
        UpdateModelRequest, UpdatePolicyRequest, UpdateProviderRequest, UpdateRateLimitRequest,
        UpdateSecretManagerRequest, UpdateTenantRequest, VerifyAuditLogRequest,
    },
};

pub(super) static ROUTES: &[Route] = routes! {
    GET "/sluicegate/v1/provider-types" => "ProviderAdmin/ListProviderTypes", list_provider_types;
    GET "/sluicegate/v1/providers" => "ProviderAdmin/ListProviders", list_providers;
    POST "/sluicegate/v1/providers" => "ProviderAdmin/CreateProvider", create_provider;
    GET "/sluicegate/v1/providers/{id}" => "ProviderAdmin/GetProvider", get_provider;
    PUT "/sluicegate/v1/providers/{id}" => "ProviderAdmin/UpdateProvider", update_provider;
    DELETE "/sluicegate/v1/providers/{id}" => "ProviderAdmin/DeleteProvider", delete_provider;
    POST "/sluicegate/v1/providers/{id}/test" => "ProviderAdmin/TestProvider", test_provider;
    GET "/sluicegate/v1/providers/{id}/available-models" => "ModelCatalog/ListAvailableModels", list_available_models;
    GET "/sluicegate/v1/models" => "ModelCatalog/ListModels", list_models;
    POST "/sluicegate/v1/models" => "ModelCatalog/CreateModel", create_model;
    GET "/sluicegate/v1/models/{*id}" => "ModelCatalog/GetModel", get_model;
    PUT "/sluicegate/v1/models/{*id}" => "ModelCatalog/UpdateModel", update_model;
    DELETE "/sluicegate/v1/models/{*id}" => "ModelCatalog/DeleteModel", delete_model;
    GET "/sluicegate/v1/api-keys" => "AccessAdmin/ListApiKeys", list_api_keys;
    POST "/sluicegate/v1/api-keys" => "AccessAdmin/CreateApiKey", create_api_key;
    GET "/sluicegate/v1/api-keys/{id}" => "AccessAdmin/GetApiKey", get_api_key;
    PUT "/sluicegate/v1/api-keys/{id}" => "AccessAdmin/UpdateApiKey", update_api_key;
    DELETE "/sluicegate/v1/api-keys/{id}" => "AccessAdmin/DeleteApiKey", delete_api_key;
    POST "/sluicegate/v1/api-keys/{id}/rotate" => "AccessAdmin/RotateApiKey", rotate_api_key;
    GET "/sluicegate/v1/policies" => "AccessAdmin/ListPolicies", list_policies;
    POST "/sluicegate/v1/policies" => "AccessAdmin/CreatePolicy", create_policy;
    GET "/sluicegate/v1/policies/{id}" => "AccessAdmin/GetPolicy", get_policy;
    PUT "/sluicegate/v1/policies/{id}" => "AccessAdmin/UpdatePolicy", update_policy;
    DELETE "/sluicegate/v1/policies/{id}" => "AccessAdmin/DeletePolicy", delete_policy;
    POST "/sluicegate/v1/access/explain" => "AccessAdmin/ExplainAccess", explain_access;
    GET "/sluicegate/v1/rate-limits" => "AccessAdmin/ListRateLimits", list_rate_limits;
    POST "/sluicegate/v1/rate-limits" => "AccessAdmin/CreateRateLimit", create_rate_limit;
    GET "/sluicegate/v1/rate-limits/{id}" => "AccessAdmin/GetRateLimit", get_rate_limit;
    PUT "/sluicegate/v1/rate-limits/{id}" => "AccessAdmin/UpdateRateLimit", update_rate_limit;
    DELETE "/sluicegate/v1/rate-limits/{id}" => "AccessAdmin/DeleteRateLimit", delete_rate_limit;
    GET "/sluicegate/v1/tenant" => "AccessAdmin/GetTenant", get_tenant;
    PUT "/sluicegate/v1/tenant" => "AccessAdmin/UpdateTenant", update_tenant;
    DELETE "/sluicegate/v1/tenant" => "AccessAdmin/DeleteTenant", delete_tenant;
    GET "/sluicegate/v1/secret-managers" => "ProviderAdmin/ListSecretManagers", list_secret_managers;
    POST "/sluicegate/v1/secret-managers" => "ProviderAdmin/CreateSecretManager", create_secret_manager;
    GET "/sluicegate/v1/secret-managers/{id}" => "ProviderAdmin/GetSecretManager", get_secret_manager;
    PUT "/sluicegate/v1/secret-managers/{id}" => "ProviderAdmin/UpdateSecretManager", update_secret_manager;
    DELETE "/sluicegate/v1/secret-managers/{id}" => "ProviderAdmin/DeleteSecretManager", delete_secret_manager;
    GET "/sluicegate/v1/issuers" => "AccessAdmin/ListIssuers", list_issuers;
    POST "/sluicegate/v1/issuers" => "AccessAdmin/CreateIssuer", create_issuer;
    GET "/sluicegate/v1/issuers/{id}" => "AccessAdmin/GetIssuer", get_issuer;
    PUT "/sluicegate/v1/issuers/{id}" => "AccessAdmin/UpdateIssuer", update_issuer;
    DELETE "/sluicegate/v1/issuers/{id}" => "AccessAdmin/DeleteIssuer", delete_issuer;
    GET "/sluicegate/v1/audit-events" => "AccessAdmin/ListAuditEvents", list_audit_events;
    POST "/sluicegate/v1/audit-events/verify" => "AccessAdmin/VerifyAuditLog", verify_audit_log;
};

/// A route without a body: its request message, its RPC.
macro_rules! plain {
    ($($name:ident($exchange:ident) $request:expr;)*) => { $(
        async fn $name($exchange: Exchange) -> Result<Response> {
            let request = $request;
            proto_json(StatusCode::OK, &$exchange.admin().$name(&$exchange.call, request).await?)
        }
    )* };
}

plain! {
    list_provider_types(exchange) ListProviderTypesRequest {};
    list_providers(exchange) {
        let (page_size, page_token) = exchange.page()?;
        ListProvidersRequest { page_size, page_token }
    };
    get_provider(exchange) GetProviderRequest { id: exchange.param("id") };
    delete_provider(exchange) DeleteProviderRequest { id: exchange.param("id") };
    test_provider(exchange) TestProviderRequest { id: exchange.param("id") };
    list_available_models(exchange) ListAvailableModelsRequest { provider: exchange.param("id") };
    list_models(exchange) {
        let (page_size, page_token) = exchange.page()?;
        ListModelsRequest { provider: exchange.query("provider")?, page_size, page_token }
    };
    get_model(exchange) GetModelRequest { id: exchange.param("id") };
    delete_model(exchange) DeleteModelRequest { id: exchange.param("id") };
    list_api_keys(exchange) {
        let (page_size, page_token) = exchange.page()?;
        ListApiKeysRequest { page_size, page_token }
    };
    get_api_key(exchange) GetApiKeyRequest { id: exchange.param("id") };
    delete_api_key(exchange) DeleteApiKeyRequest { id: exchange.param("id") };
    list_policies(exchange) {
        let (page_size, page_token) = exchange.page()?;
        ListPoliciesRequest { page_size, page_token }
    };
    get_policy(exchange) GetPolicyRequest { id: exchange.param("id") };
    delete_policy(exchange) DeletePolicyRequest { id: exchange.param("id") };
    list_rate_limits(exchange) {
        let (page_size, page_token) = exchange.page()?;
        ListRateLimitsRequest { page_size, page_token }
    };
    get_rate_limit(exchange) GetRateLimitRequest { id: exchange.param("id") };
    delete_rate_limit(exchange) DeleteRateLimitRequest { id: exchange.param("id") };
    get_tenant(exchange) GetTenantRequest {};
    delete_tenant(exchange) DeleteTenantRequest {};
    list_secret_managers(exchange) {
        let (page_size, page_token) = exchange.page()?;
        ListSecretManagersRequest { page_size, page_token }
    };
    get_secret_manager(exchange) GetSecretManagerRequest { id: exchange.param("id") };
    delete_secret_manager(exchange) DeleteSecretManagerRequest { id: exchange.param("id") };
    list_issuers(exchange) {
        let (page_size, page_token) = exchange.page()?;
        ListIssuersRequest { page_size, page_token }
    };
    get_issuer(exchange) GetIssuerRequest { id: exchange.param("id") };
    delete_issuer(exchange) DeleteIssuerRequest { id: exchange.param("id") };
    verify_audit_log(exchange) VerifyAuditLogRequest {};
    list_audit_events(exchange) {
        let (page_size, page_token) = exchange.page()?;
        ListAuditEventsRequest {
            page_size,
            page_token,
            start_time: exchange.query_time("start_time")?,
            end_time: exchange.query_time("end_time")?,
            actor: exchange.query("actor")?,
            action: exchange.query("action")?,
            resource: exchange.query("resource")?,
            outcome: outcome(&exchange.query("outcome")?)?.into(),
        }
    };
}

/// A route that creates the resource in its body.
macro_rules! create {
    ($($name:ident $request:ty;)*) => { $(
        async fn $name(mut exchange: Exchange) -> Result<Response> {
            let request: $request = exchange.message()?;
            proto_json(StatusCode::CREATED, &exchange.admin().$name(&exchange.call, request).await?)
        }
    )* };
}

create! {
    create_provider CreateProviderRequest;
    create_model CreateModelRequest;
    create_api_key CreateApiKeyRequest;
    create_policy CreatePolicyRequest;
    create_secret_manager CreateSecretManagerRequest;
    create_issuer CreateIssuerRequest;
}

/// A route that replaces the resource named by its path.
macro_rules! update {
    ($($name:ident $request:ty, $resource:ident;)*) => { $(
        async fn $name(mut exchange: Exchange) -> Result<Response> {
            let mut request: $request = exchange.message()?;
            request.$resource.get_or_insert_default().id = exchange.param("id");
            proto_json(StatusCode::OK, &exchange.admin().$name(&exchange.call, request).await?)
        }
    )* };
}

update! {
    update_provider UpdateProviderRequest, provider;
    update_model UpdateModelRequest, model;
    update_api_key UpdateApiKeyRequest, api_key;
    update_policy UpdatePolicyRequest, policy;
    update_rate_limit UpdateRateLimitRequest, rate_limit;
    update_secret_manager UpdateSecretManagerRequest, secret_manager;
    update_issuer UpdateIssuerRequest, issuer;
}

/// By its name in proto JSON.
fn outcome(name: &str) -> Result<AuditOutcome> {
    if name.is_empty() {
        return Ok(AuditOutcome::Unspecified);
    }
    AuditOutcome::from_str_name(name)
        .ok_or_else(|| Error::invalid("outcome", "give AUDIT_OUTCOME_CHANGED or AUDIT_OUTCOME_REFUSED"))
}

async fn create_rate_limit(mut exchange: Exchange) -> Result<Response> {
    let request: CreateRateLimitRequest = exchange.message()?;
    let created = exchange.admin().create_rate_limit(&exchange.call, request).await?;
    let mut response = proto_json(StatusCode::CREATED, &created)?;
    response.headers_mut().extend([not_enforced()]);
    Ok(response)
}

/// There is one tenant, so that no path names it.
async fn update_tenant(mut exchange: Exchange) -> Result<Response> {
    let request: UpdateTenantRequest = exchange.message()?;
    proto_json(StatusCode::OK, &exchange.admin().update_tenant(&exchange.call, request).await?)
}

async fn rotate_api_key(mut exchange: Exchange) -> Result<Response> {
    let request = RotateApiKeyRequest { id: exchange.param("id"), ..exchange.message()? };
    proto_json(StatusCode::OK, &exchange.admin().rotate_api_key(&exchange.call, request).await?)
}

async fn explain_access(mut exchange: Exchange) -> Result<Response> {
    let request = exchange.message()?;
    proto_json(StatusCode::OK, &exchange.admin().explain_access(&exchange.call, request).await?)
}
