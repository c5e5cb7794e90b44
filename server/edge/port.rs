//! The choice of protocol, and what every answer has in common.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{Extension, Router, body::Body};
use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri, Version, header};
use tower::{Layer, Service, ServiceExt, util::BoxCloneSyncService};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use super::{
    Arrival, Serving, answer,
    body::{Inbound, Leftover},
    error,
    probe::{self, Metrics},
    served::{self, REQUEST_ID},
};
use crate::{
    error::{Error, Reason, Result},
    state::Protocol,
};

const PREFLIGHT_AGE: Duration = Duration::from_secs(3600);
/// What gRPC-Web clients read of a status.
const GRPC_HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("grpc-status"),
    HeaderName::from_static("grpc-message"),
    HeaderName::from_static("grpc-status-details-bin"),
];

/// How the port behaves.
#[derive(Clone)]
pub struct Options {
    /// Origins whose pages may call, e.g. `https://console.example.com`; `*` is any. Empty: none.
    pub cors_origins: Vec<String>,
    /// Writes the metrics in OpenMetrics text. `None`: `/metrics` is closed.
    pub metrics: Option<Metrics>,
    /// Whether `/readyz` says so.
    pub serving: Serving,
}

/// Everything behind the port. Clones share it.
#[derive(Clone)]
pub struct Edge(BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>);

/// Chooses by content type. A merge of the two routers would give unknown paths the answers of the wrong one.
#[derive(Clone)]
struct Dispatch {
    grpc: Router,
    rest: Router,
}

// === impl Edge ===

impl Edge {
    /// Joins the gRPC and the REST routes.
    ///
    /// # Errors
    /// When an origin cannot stand in a header.
    pub fn new(grpc: Router, rest: Router, options: Options) -> Result<Self> {
        let rest = rest
            .merge(probe::routes(options.serving, options.metrics))
            .method_not_allowed_fallback(method_not_allowed)
            .fallback(not_found);
        let dispatch = Dispatch { grpc, rest };
        let service = match cors(&options.cors_origins)? {
            Some(cors) => BoxCloneSyncService::new(cors.layer(dispatch)),
            None => BoxCloneSyncService::new(dispatch),
        };
        Ok(Self(service))
    }

    /// Answers every request with this error.
    pub(super) fn refusing(error: Error) -> Self {
        let error = Arc::new(error);
        let refuse = move |request: Request<Body>| {
            let answer = answer(&error, &Arrival::of(&request));
            std::future::ready(Ok(answer))
        };
        Self(BoxCloneSyncService::new(tower::service_fn(refuse)))
    }

    /// Answers one request.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let Ok(response) = self.0.clone().oneshot(request.map(Body::new)).await;
        response
    }
}

fn cors(origins: &[String]) -> Result<Option<CorsLayer>> {
    let origins = match origins {
        [] => return Ok(None),
        some if some.iter().any(|origin| origin == "*") => AllowOrigin::any(),
        some => {
            let values = some.iter().map(|origin| {
                HeaderValue::from_str(origin).map_err(|_| {
                    Error::invalid(
                        "cors-origin",
                        format!("\"{origin}\" is no origin; write it like https://console.example.org"),
                    )
                })
            });
            AllowOrigin::list(values.collect::<Result<Vec<_>>>()?)
        }
    };
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let readable = GRPC_HEADERS.into_iter().chain(served::ALL).chain([header::RETRY_AFTER]);
    Ok(Some(
        CorsLayer::new()
            .allow_origin(origins)
            .allow_methods(methods)
            // A header that a browser sends is one that some client library wants to send.
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers(readable.collect::<Vec<_>>())
            .max_age(PREFLIGHT_AGE),
    ))
}

async fn not_found(Extension(arrival): Extension<Arrival>, method: Method, uri: Uri) -> Response<Body> {
    let message = format!("there is no {method} {}", uri.path());
    answer(&Error::new(Reason::RouteNotFound, message), &arrival)
}

/// The router adds the `Allow` header.
async fn method_not_allowed(
    Extension(arrival): Extension<Arrival>,
    method: Method,
    uri: Uri,
) -> Response<Body> {
    let message = format!("{} does not take {method}; see the allow header", uri.path());
    answer(&Error::new(Reason::MethodNotAllowed, message), &arrival)
}

// === impl Dispatch ===

impl Dispatch {
    async fn run(self, mut request: Request<Body>) -> Response<Body> {
        let arrival = Arrival::of(&request);
        request.extensions_mut().insert(arrival.clone());
        let leftover = Leftover::default();
        let is_http1 = request.version() < Version::HTTP_2;
        let routed = AssertUnwindSafe(self.route(request, &arrival, &leftover)).catch_unwind().await;
        if is_http1 {
            leftover.discard().await;
        }
        // The panic hook has told the log where.
        let mut response = routed.unwrap_or_else(|_| {
            answer(
                &Error::new(Reason::Internal, "the gateway failed; try again or tell its operator"),
                &arrival,
            )
        });
        response.headers_mut().insert(REQUEST_ID, served::text(&arrival.request_id));
        response
    }

    async fn route(self, request: Request<Body>, arrival: &Arrival, leftover: &Leftover) -> Response<Body> {
        let (router, request) = match arrival.protocol {
            Protocol::Rest => (self.rest, request.map(|body| Body::new(Inbound::of_rest(body, leftover)))),
            Protocol::Grpc | Protocol::GrpcWeb => {
                if let Err(error) = speaks_grpc(&request, arrival.protocol) {
                    return answer(&error, arrival);
                }
                let id = arrival.request_id.clone();
                // tonic finds a status in an error and passes it on.
                let limited = |body| {
                    let body = Inbound::of_grpc(body, leftover);
                    Body::new(http_body_util::BodyExt::map_err(body, move |cause| error::status(&cause, &id)))
                };
                (self.grpc, request.map(limited))
            }
        };
        let Ok(response) = router.oneshot(request).await;
        response
    }
}

/// What tonic would answer with an empty page.
fn speaks_grpc(request: &Request<Body>, protocol: Protocol) -> Result<()> {
    if request.method() != Method::POST {
        return Err(Error::new(Reason::MethodNotAllowed, "RPCs are called by POST").allow("POST"));
    }
    if protocol == Protocol::Grpc && request.version() < Version::HTTP_2 {
        return Err(Error::new(
            Reason::InvalidRequest,
            "gRPC needs HTTP/2; over HTTP/1.1 use gRPC-Web or REST",
        ));
    }
    Ok(())
}

impl Service<Request<Body>> for Dispatch {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let this = self.clone();
        async move { Ok(this.run(request).await) }.boxed()
    }
}
