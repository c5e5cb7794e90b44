//! The gRPC edge: unwrap, call, wrap.
//!
//! Here: our services, server reflection and health. Not here: what an RPC does (`gateway`, `admin`), sockets, errors
//! and limits (`edge`). Only the composition root imports it.

mod access_admin;
mod health;
mod inference;
mod model_catalog;
mod provider_admin;

use std::sync::Arc;

use axum::{
    Extension, Router,
    body::Body,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use tokio::time::timeout_at;
use tonic::{Code, Status, codec::CompressionEncoding, service::Routes};
use tonic_reflection::server::Builder;
use tonic_types::StatusExt as _;

use crate::{
    admin::Admin,
    audit::Journal,
    edge::{Arrival, Entrance, MAX_BODY_BYTES, Serving, served_headers, status},
    error::{Error, Reason, Result},
    gateway::{Answer, Gateway},
    proto::{
        self,
        v1::{
            access_admin_server::AccessAdminServer, inference_server::InferenceServer,
            model_catalog_server::ModelCatalogServer, provider_admin_server::ProviderAdminServer,
        },
    },
    state::Call,
};

/// Services that need no key.
const OPEN: [&str; 3] = [
    "/grpc.health.v1.Health/",
    "/grpc.reflection.v1.ServerReflection/",
    "/grpc.reflection.v1alpha.ServerReflection/",
];
const INFERENCE: &str = "/sluicegate.v1.Inference/";

/// What the services call.
pub struct Parts {
    /// Calls to models.
    pub gateway: Arc<Gateway>,
    /// Administration.
    pub admin: Arc<Admin>,
    /// Who calls.
    pub entrance: Arc<Entrance>,
    /// What the health service tells.
    pub serving: Serving,
}

/// The routes of every service.
///
/// # Errors
/// When the descriptors cannot be read.
pub fn router(parts: Parts) -> Result<Router> {
    let Parts { gateway, admin, entrance, serving } = parts;
    macro_rules! limited {
        ($server:ident, $service:expr) => {
            $server::new($service)
                .max_decoding_message_size(MAX_BODY_BYTES)
                .accept_compressed(CompressionEncoding::Gzip)
        };
    }
    let describe = |error| Error::internal("the descriptors cannot be served", error);
    let routes = Routes::new(limited!(InferenceServer, inference::Service(gateway)))
        .add_service(limited!(ProviderAdminServer, provider_admin::Service(Arc::clone(&admin))))
        .add_service(limited!(ModelCatalogServer, model_catalog::Service(Arc::clone(&admin))))
        .add_service(limited!(AccessAdminServer, access_admin::Service(admin)))
        .add_service(health::server(serving))
        .add_service(reflection().build_v1().map_err(describe)?)
        .add_service(reflection().build_v1alpha().map_err(describe)?);
    Ok(routes
        .prepare()
        .into_axum_router()
        .layer(from_fn_with_state(entrance, admit))
        .layer(tonic_web::GrpcWebLayer::new()))
}

fn reflection() -> Builder<'static> {
    // Clients decode health and error details by what reflection tells them, so both stand beside our own.
    Builder::configure()
        .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
}

/// Lets the caller in, and holds administration to the caller's deadline. For inference the gateway does, because it
/// alone can tell what a broken stream had delivered.
async fn admit(
    State(entrance): State<Arc<Entrance>>,
    Extension(arrival): Extension<Arrival>,
    mut request: Request,
    next: Next,
) -> Response {
    // Status is all there is to say inside gRPC-Web: the layer above translates.
    let refuse = |error: &Error| status(error, &arrival.request_id).into_http::<Body>();
    let path = request.uri().path();
    if OPEN.iter().any(|service| path.starts_with(service)) {
        return explain_unread(next.run(request).await, &arrival);
    }
    let inference = path.starts_with(INFERENCE);
    let call = match entrance.call(path, request.headers(), &arrival).await {
        Ok(call) => call,
        Err(error) => return refuse(&error),
    };
    let (deadline, caller, uri) = (call.deadline, Arc::clone(&call.caller), request.uri().clone());
    request.extensions_mut().insert(call);
    let response = match deadline {
        Some(deadline) if !inference => match timeout_at(deadline, next.run(request)).await {
            Ok(response) => response,
            Err(_) => {
                let late = Error::new(Reason::DeadlineExceeded, "the deadline of the call has passed");
                return refuse(&late);
            }
        },
        _ => next.run(request).await,
    };
    if let Some((reason, message)) = refusal(&response) {
        entrance.refused(uri.path(), Some(&caller), &arrival, reason, message);
    }
    explain(response, &arrival)
}

/// Why a call was refused after it had been let in, and what the caller is told.
fn refusal(response: &Response) -> Option<(Reason, String)> {
    let status = Status::from_header_map(response.headers()).filter(|status| status.code() != Code::Ok)?;
    let info = status.get_details_error_info()?;
    let reason = Reason::from_str_name(&format!("ERROR_REASON_{}", info.reason))?;
    Journal::is_refusal(reason).then(|| (reason, status.message().to_owned()))
}

/// The same for services that are not ours, and say of themselves what is wrong with a message that can be read.
fn explain_unread(response: Response, arrival: &Arrival) -> Response {
    match Status::from_header_map(response.headers()) {
        Some(status) if status.code() == Code::Internal => explain(response, arrival),
        Some(_) | None => response,
    }
}

/// Statuses that tonic makes of itself, before our code is reached, have no details: they say what is wrong with the
/// message, but neither in our codes nor with a reason.
fn explain(response: Response, arrival: &Arrival) -> Response {
    let Some(status) = Status::from_header_map(response.headers()) else { return response };
    if status.code() == Code::Ok || !status.details().is_empty() {
        return response;
    }
    let reason = if matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted) {
        Reason::RequestTooLarge
    } else if status.code() == Code::Unimplemented {
        Reason::NotSupported
    } else {
        Reason::InvalidRequest
    };
    let mut explained = self::status(&Error::new(reason, status.message()), &arrival.request_id);
    // It may hold what the caller should have sent, e.g. the compressions that are accepted.
    *explained.metadata_mut() = status.metadata().clone();
    explained.into_http()
}

/// The call and the message of a request.
fn open<T>(request: tonic::Request<T>) -> Result<(Call, T), Status> {
    let (_, mut extensions, message) = request.into_parts();
    let call = extensions.remove::<Call>();
    let call = call.ok_or_else(|| Status::internal("the call was not admitted"))?;
    Ok((call, message))
}

/// The answer to an administrative call.
fn close<T>(call: &Call, answer: Result<T>) -> Result<tonic::Response<T>, Status> {
    answer.map(tonic::Response::new).map_err(|error| status(&error, &call.request_id))
}

/// The answer to a call to a model, with what served it as metadata.
fn close_served<T>(request_id: &str, answer: Result<Answer<T>>) -> Result<tonic::Response<T>, Status> {
    let answer = answer.map_err(|error| status(&error, request_id))?;
    let mut response = tonic::Response::new(answer.body);
    response.metadata_mut().as_mut().extend(served_headers(&answer.served));
    Ok(response)
}
