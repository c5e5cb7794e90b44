//! The administration that watsonx clients know, under `/ml/gateway/v1`. The same calls as everywhere, in other words.

mod model;
mod policy;
mod provider;
mod rate_limit;
mod tenant;

use std::sync::Arc;

use axum::{Extension, Router, response::Response, routing::any};
use http::Uri;

use super::{Parts, Route, routes};
use crate::{
    edge::{Arrival, answer},
    error::{Error, Reason},
};

pub(super) static ROUTES: &[Route] = routes! {
    GET "/ml/gateway/v1/providers" => "ProviderAdmin/ListProviders", provider::list;
    // Here the argument is a type; the router wants one name for one segment.
    POST "/ml/gateway/v1/providers/{id}" => "ProviderAdmin/CreateProvider", provider::create;
    GET "/ml/gateway/v1/providers/{id}" => "ProviderAdmin/GetProvider", provider::get;
    PUT "/ml/gateway/v1/providers/{id}/{type}" => "ProviderAdmin/UpdateProvider", provider::replace;
    DELETE "/ml/gateway/v1/providers/{id}" => "ProviderAdmin/DeleteProvider", provider::delete;
    GET "/ml/gateway/v1/providers/{id}/models/available" => "ModelCatalog/ListAvailableModels", provider::available;
    GET "/ml/gateway/v1/providers/{id}/models" => "ModelCatalog/ListModels", model::list;
    POST "/ml/gateway/v1/providers/{id}/models" => "ModelCatalog/CreateModel", model::create;
    PUT "/ml/gateway/v1/providers/{id}/models/{*model}" => "ModelCatalog/UpdateModel", model::replace_of_provider;
    PATCH "/ml/gateway/v1/providers/{id}/models/{*model}" => "ModelCatalog/UpdateModel", model::patch_of_provider;
    DELETE "/ml/gateway/v1/providers/{id}/models/{*model}" => "ModelCatalog/DeleteModel", model::delete_of_provider;
    PUT "/ml/gateway/v1/models/{*id}" => "ModelCatalog/UpdateModel", model::replace;
    PATCH "/ml/gateway/v1/models/{*id}" => "ModelCatalog/UpdateModel", model::patch;
    DELETE "/ml/gateway/v1/models/{*id}" => "ModelCatalog/DeleteModel", model::delete;
    GET "/ml/gateway/v1/policies" => "AccessAdmin/ListPolicies", policy::list;
    POST "/ml/gateway/v1/policies" => "AccessAdmin/CreatePolicy", policy::create;
    GET "/ml/gateway/v1/policies/{id}" => "AccessAdmin/GetPolicy", policy::get;
    DELETE "/ml/gateway/v1/policies/{id}" => "AccessAdmin/DeletePolicy", policy::delete;
    GET "/ml/gateway/v1/rate-limits" => "AccessAdmin/ListRateLimits", rate_limit::list;
    POST "/ml/gateway/v1/rate-limits" => "AccessAdmin/CreateRateLimit", rate_limit::create;
    GET "/ml/gateway/v1/rate-limits/{id}" => "AccessAdmin/GetRateLimit", rate_limit::get;
    PUT "/ml/gateway/v1/rate-limits/{id}" => "AccessAdmin/UpdateRateLimit", rate_limit::replace;
    DELETE "/ml/gateway/v1/rate-limits/{id}" => "AccessAdmin/DeleteRateLimit", rate_limit::delete;
    GET "/ml/gateway/v1/tenant" => "AccessAdmin/GetTenant", tenant::get;
    POST "/ml/gateway/v1/tenant" => "AccessAdmin/UpdateTenant", tenant::create;
    PUT "/ml/gateway/v1/tenant" => "AccessAdmin/UpdateTenant", tenant::replace;
    PATCH "/ml/gateway/v1/tenant" => "AccessAdmin/UpdateTenant", tenant::patch;
    DELETE "/ml/gateway/v1/tenant" => "AccessAdmin/DeleteTenant", tenant::delete;
};

/// How older clients spell a path: its beginning, and theirs.
const OLDER: (&str, &str) = ("/ml/gateway/v1/rate-limits", "/ml/gateway/v1/ratelimits");

/// What its clients may ask for and we do not have.
const UNSUPPORTED: [&str; 3] = ["load-balancers", "images", "audio"];

/// The other spelling of a path. `None`: it has none.
pub(super) fn older(path: &str) -> Option<String> {
    let (ours, older) = OLDER;
    Some(format!("{older}{}", path.strip_prefix(ours)?))
}

/// Adds an answer to what is not supported, clearer than that there is no such path.
pub(super) fn unsupported(mut router: Router<Arc<Parts>>) -> Router<Arc<Parts>> {
    for name in UNSUPPORTED {
        let refuse = move |Extension(arrival): Extension<Arrival>, uri: Uri| async move {
            let message = format!("there is no {}: the gateway does not support {name} yet", uri.path());
            let response: Response = answer(&Error::new(Reason::RouteNotFound, message), &arrival);
            response
        };
        let path = format!("/ml/gateway/v1/{name}");
        router = router.route(&path, any(refuse)).route(&format!("{path}/{{*rest}}"), any(refuse));
    }
    router
}

/// The error with the name that this API has for the wrong member.
fn in_its_words(error: Error) -> Error {
    const NAMES: [(&str, &str); 13] = [
        ("provider.credential.inline.values.", "data."),
        ("provider.settings.", "data."),
        ("provider.base_url", "data.base_url"),
        ("provider.credential.reference", "data_reference"),
        ("provider.credential", "data"),
        ("provider.settings", "data"),
        ("model.upstream_id", "id"),
        ("model.metadata_json", "metadata"),
        ("provider.", ""),
        ("model.", ""),
        ("policy.", ""),
        ("rate_limit.", ""),
        ("tenant.", ""),
    ];
    let field = error.detail().field.as_deref().unwrap_or_default();
    let renamed = NAMES.iter().find_map(|(ours, its)| Some(format!("{its}{}", field.strip_prefix(ours)?)));
    match renamed {
        Some(field) => error.field(field),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_members_have_the_names_that_clients_sent() {
        for (ours, its) in [
            ("provider.credential.inline.values.apikey", "data.apikey"),
            ("provider.settings.api_version", "data.api_version"),
            ("provider.base_url", "data.base_url"),
            ("provider.credential.reference", "data_reference"),
            ("provider.credential", "data"),
            ("provider.name", "name"),
            ("model.upstream_id", "id"),
            ("model.metadata_json.cost", "metadata.cost"),
            ("model.alias", "alias"),
            ("policy.resource", "resource"),
            ("rate_limit.request.amount", "request.amount"),
            ("tenant.name", "name"),
            ("page_size", "page_size"),
        ] {
            let error = in_its_words(Error::invalid(ours, "is wrong"));
            assert_eq!(error.detail().field.as_deref(), Some(its));
        }
        assert_eq!(in_its_words(Error::new(Reason::Internal, "x")).detail().field, None);
    }
}
