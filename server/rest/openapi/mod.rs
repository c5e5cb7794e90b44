//! The OpenAPI document: every route of the REST edge, for people, generators of clients, and testers.
//!
//! Here: the document as it is served, and the tests that hold it to the tables of routes. `make/` makes it at build time
//! out of `proto/` and the JSON files beside it; that folder is no part of the crate.

use axum::{Router, response::Response, routing::get};
use bytes::Bytes;
use http::StatusCode;

use super::exchange::json;

/// The document.
const DOCUMENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// Serves the document to all: it says nothing of this gateway that is not in its source.
pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/openapi.json", get(document))
}

async fn document() -> Response {
    json(StatusCode::OK, Bytes::from_static(DOCUMENT))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::routing::MethodFilter;
    use http::Method;
    use serde_json::Value;

    use super::*;
    use crate::{
        error::{Reason, row},
        proto,
        rest::{tables, tests::shape},
    };

    /// What is served beside the routes of RPCs: the probes, the document itself, and what hands out tokens.
    const OPEN: [(&str, &str); 9] = [
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
        ("POST", "/identity/token"),
        ("POST", "/icp4d-api/v1/authorize"),
        ("POST", "/idprovider/v1/auth/identitytoken"),
        ("GET", "/v1/preauth/validateAuth"),
        ("GET", "/ml/wml_services/v2/version"),
    ];

    fn document() -> Value {
        serde_json::from_slice(DOCUMENT).unwrap()
    }

    /// Method, path and content of every operation.
    fn operations(document: &Value) -> Vec<(String, String, &Value)> {
        let paths = document["paths"].as_object().unwrap();
        let operations = paths.iter().flat_map(|(path, item)| {
            let of_path = item.as_object().unwrap().iter();
            of_path.map(|(method, operation)| (method.to_uppercase(), path.clone(), operation))
        });
        operations.collect()
    }

    #[test]
    fn every_route_stands_in_the_document_and_nothing_else() {
        let document = document();
        let mut documented = Vec::new();
        for (method, path, operation) in operations(&document) {
            let Some(rpc) = operation["x-sluicegate-rpc"].as_str() else {
                assert!(OPEN.contains(&(&method, &path)), "{method} {path} names no RPC");
                assert_eq!(operation["security"], serde_json::json!([]), "{path}");
                continue;
            };
            let rpc = format!("/sluicegate.v1.{rpc}");
            let permission = proto::permission(&rpc).unwrap().as_str_name();
            let said = operation["x-sluicegate-permission"].as_str().unwrap();
            assert_eq!(permission, format!("PERMISSION_{said}"), "{method} {path}");
            assert!(operation.get("security").is_none(), "{method} {path} is not open");
            let method = MethodFilter::try_from(Method::from_bytes(method.as_bytes()).unwrap()).unwrap();
            documented.push(format!("{method:?} {} {rpc}", shape(&path)));
        }
        let mut routed: Vec<_> =
            tables().map(|route| format!("{:?} {} {}", route.method, shape(route.path), route.rpc)).collect();
        documented.sort_unstable();
        routed.sort_unstable();
        assert_eq!(documented, routed);
        assert_eq!(operations(&document).len(), routed.len() + OPEN.len());
    }

    #[test]
    fn every_reason_is_documented_under_its_status() {
        let document = document();
        for reason in (1..).map_while(|number| Reason::try_from(number).ok()) {
            let name = reason.as_str_name().trim_start_matches("ERROR_REASON_").to_lowercase();
            let response =
                &document["components"]["responses"][format!("Error{}", row(reason).http.as_u16())];
            let description = response["description"].as_str().unwrap_or_default();
            assert!(description.contains(&format!("- {name}: ")), "{name} is not in {response}");
        }
    }

    #[test]
    fn every_call_tells_how_it_can_fail() {
        let document = document();
        for (method, path, operation) in operations(&document) {
            let answers = operation["responses"].as_object().unwrap();
            assert!(answers.keys().any(|status| status.starts_with('2')), "{method} {path}");
            if operation.get("x-sluicegate-rpc").is_some() {
                for status in ["400", "401", "403", "408", "413", "429", "500"] {
                    let expected = format!("#/components/responses/Error{status}");
                    assert_eq!(answers[status]["$ref"], expected.as_str(), "{method} {path}");
                }
            }
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_names_are_unique() {
        fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
            match value {
                Value::Object(members) => {
                    found.extend(members.get("$ref").and_then(Value::as_str));
                    members.values().for_each(|value| references(value, found));
                }
                Value::Array(elements) => elements.iter().for_each(|value| references(value, found)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        let document = document();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 100);
        for reference in found {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
        let operations = operations(&document);
        let ids: BTreeSet<_> =
            operations.iter().map(|(.., operation)| operation["operationId"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), operations.len());
    }
}
