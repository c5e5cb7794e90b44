//! The REST edge: wire -> proto, call, proto -> wire.
//!
//! Here: the OpenAI surface, the watsonx-compatible administration, the endpoints that hand out tokens, the proto JSON
//! twins of every administrative RPC, and the OpenAPI document of all. Not here: what a call does (`gateway`, `admin`), JSON formats (`wire`), sockets, errors
//! and limits (`edge`). Only the composition root imports it.

mod exchange;
mod identity;
mod native;
mod openai;
mod openapi;
mod sse;
mod watsonx;

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{RawPathParams, Request, State, rejection::RawPathParamsRejection},
    response::Response,
    routing::{MethodFilter, on},
};
use futures_util::future::BoxFuture;

use exchange::Exchange;

use crate::{
    admin::Admin,
    edge::{Arrival, Entrance, rest},
    error::{Error, Reason, Result},
    gateway::Gateway,
};

/// What the routes call.
pub struct Parts {
    /// Calls to models.
    pub gateway: Arc<Gateway>,
    /// Administration.
    pub admin: Arc<Admin>,
    /// Who calls.
    pub entrance: Arc<Entrance>,
}

/// One route: the REST twin of an RPC.
struct Route {
    method: MethodFilter,
    path: &'static str,
    /// Path of the RPC; its permission is the route's.
    rpc: &'static str,
    run: Run,
}

type Run = fn(Exchange) -> BoxFuture<'static, Result<Response>>;

/// A line of a table of routes: `POST "/v1/embeddings" => "Inference/Embed", embed;`
macro_rules! routes {
    ($($method:ident $path:expr => $rpc:literal, $run:path;)*) => {
        &[$(crate::rest::Route {
            method: axum::routing::MethodFilter::$method,
            path: $path,
            rpc: concat!("/sluicegate.v1.", $rpc),
            run: |exchange| Box::pin($run(exchange)),
        },)*]
    };
}
use routes;

/// Every route.
pub fn router(parts: Parts) -> Router {
    let mut router = Router::new();
    for route in tables() {
        let Route { method, path, rpc, run } = *route;
        let answer = move |parts, arrival, params, request| answer(rpc, run, parts, arrival, params, request);
        router = router.route(path, on(method, answer));
        if let Some(path) = watsonx::older(path) {
            router = router.route(&path, on(method, answer));
        }
    }
    watsonx::unsupported(router)
        .merge(identity::routes())
        .merge(openapi::routes())
        .with_state(Arc::new(parts))
}

fn tables() -> impl Iterator<Item = &'static Route> {
    [openai::ROUTES, native::ROUTES, watsonx::ROUTES].into_iter().flatten()
}

async fn answer(
    rpc: &'static str,
    run: Run,
    State(parts): State<Arc<Parts>>,
    Extension(arrival): Extension<Arrival>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Response {
    let id = Arc::clone(&arrival.request_id);
    let call = match parts.entrance.call(rpc, request.headers(), &arrival).await {
        Ok(call) => call,
        Err(error) => return rest(&error, &id),
    };
    let (caller, entrance) = (Arc::clone(&call.caller), Arc::clone(&parts.entrance));
    let answer = async {
        let params = params.map_err(|_| {
            Error::new(Reason::InvalidRequest, "the path holds an argument that is not UTF-8")
        })?;
        run(Exchange::receive(parts, call, &params, request).await?).await
    };
    answer.await.unwrap_or_else(|error| {
        entrance.note(rpc, Some(&caller), &arrival, &error);
        rest(&error, &id)
    })
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::proto;

    /// The `REST:` lines of the proto comments: method, path with `{}` for each argument, RPC.
    fn documented() -> Vec<(String, String, String)> {
        let files = [
            include_str!("../../proto/sluicegate/v1/inference.proto"),
            include_str!("../../proto/sluicegate/v1/provider_admin.proto"),
            include_str!("../../proto/sluicegate/v1/model_catalog.proto"),
            include_str!("../../proto/sluicegate/v1/access_admin.proto"),
        ];
        let mut twins = Vec::new();
        for file in files {
            let (mut service, mut comment) = ("", String::new());
            for line in file.lines().map(str::trim) {
                if let Some(text) = line.strip_prefix("//") {
                    comment.push_str(text);
                    continue;
                }
                if let Some(rest) = line.strip_prefix("service ") {
                    service = rest.trim_end_matches(" {");
                } else if let Some(rest) = line.strip_prefix("rpc ") {
                    let rpc = rest.split('(').next().unwrap();
                    let (_, rest) = comment.split_once("REST:").expect("every RPC has a twin");
                    for twin in rest.split(',') {
                        let mut words = twin.split_whitespace();
                        let method = words.next().unwrap().to_owned();
                        let path = shape(words.next().unwrap());
                        twins.push((method, path, format!("/sluicegate.v1.{service}/{rpc}")));
                    }
                }
                comment.clear();
            }
        }
        twins
    }

    /// The path with `{}` for each argument.
    pub(super) fn shape(path: &str) -> String {
        let segments = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
        segments.collect::<Vec<_>>().join("/")
    }

    /// The one route stands for the RPC and for its streaming twin.
    fn unary(rpc: &str) -> String {
        rpc.replace("/Stream", "/")
    }

    #[test]
    fn every_documented_twin_is_routed_to_its_rpc() {
        let documented = documented();
        assert!(documented.len() > 30, "the comments were not read");
        for (method, path, rpc) in documented {
            let method = MethodFilter::try_from(Method::from_bytes(method.as_bytes()).unwrap()).unwrap();
            let found = tables()
                .any(|route| route.method == method && shape(route.path) == path && route.rpc == unary(&rpc));
            assert!(found, "{method:?} {path} of {rpc} is not routed");
        }
    }

    #[test]
    fn every_route_names_an_rpc_that_exists() {
        for route in tables() {
            assert!(proto::permission(route.rpc).is_some(), "{} names {}", route.path, route.rpc);
        }
    }
}
