//! How an error looks to a caller: the same facts on both edges.

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use prost::Message;
use prost_types::Any;
use tonic::Status;
use tonic_types::pb::{BadRequest, ErrorInfo, RetryInfo, bad_request::FieldViolation};

use super::{Arrival, served::text};
use crate::{
    error::{Error, Reason},
    state::Protocol,
    wire,
};

const DOMAIN: &str = "sluicegate";
const TYPES: &str = "type.googleapis.com";
/// gRPC clients bound the size of metadata, 8 KiB being usual, and the message stands there twice.
const MAX_GRPC_MESSAGE: usize = 1024;

/// The error in the protocol of the request, before any handler has begun to answer.
#[must_use]
pub fn answer(error: &Error, arrival: &Arrival) -> Response<Body> {
    match arrival.protocol {
        Protocol::Rest => rest(error, &arrival.request_id),
        Protocol::Grpc => status(error, &arrival.request_id).into_http(),
        Protocol::GrpcWeb => {
            let mut response = status(error, &arrival.request_id).into_http();
            let content_type = HeaderValue::from_static("application/grpc-web+proto");
            response.headers_mut().insert(header::CONTENT_TYPE, content_type);
            response
        }
    }
}

/// The error as a REST response.
#[must_use]
pub fn rest(error: &Error, request_id: &str) -> Response<Body> {
    report(error, request_id);
    let mut response = Response::new(Body::from(wire::openai::error::write(error, request_id)));
    *response.status_mut() = error.row().http;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(after) = error.detail().retry_after {
        // Whole seconds, rounded up: coming back too early helps nobody.
        headers.insert(header::RETRY_AFTER, text(&after.as_millis().div_ceil(1000).max(1).to_string()));
    }
    if let Some(methods) = &error.detail().allow {
        headers.insert(header::ALLOW, text(methods));
    }
    if error.row().http == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// The error as a gRPC status with `google.rpc` details.
#[must_use]
pub fn status(error: &Error, request_id: &str) -> Status {
    report(error, request_id);
    let message = error.to_string();
    let message = shorten(&message, MAX_GRPC_MESSAGE);
    let code = error.row().grpc;
    let details = tonic_types::pb::Status {
        code: code.into(),
        message: message.to_owned(),
        details: details(error, request_id),
    };
    Status::with_details(code, message, details.encode_to_vec().into())
}

fn details(error: &Error, request_id: &str) -> Vec<Any> {
    let detail = error.detail();
    let facts = [
        ("provider", detail.provider.clone()),
        ("model", detail.model.clone()),
        ("request_id", Some(request_id.to_owned())),
        ("upstream_status", detail.upstream_status.map(|status| status.to_string())),
        ("upstream_code", detail.upstream_code.clone()),
        ("upstream_request_id", detail.upstream_request_id.clone()),
    ];
    let metadata = facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    let name = error.reason().as_str_name();
    let reason = name.strip_prefix("ERROR_REASON_").unwrap_or(name).to_owned();
    let mut details =
        vec![any("google.rpc.ErrorInfo", &ErrorInfo { reason, domain: DOMAIN.to_owned(), metadata })];
    if let Some(after) = detail.retry_after {
        let retry_delay = prost_types::Duration::try_from(after).ok();
        details.push(any("google.rpc.RetryInfo", &RetryInfo { retry_delay }));
    }
    if let Some(field) = &detail.field {
        let violation = FieldViolation {
            field: field.clone(),
            description: shorten(error.message(), MAX_GRPC_MESSAGE).to_owned(),
            ..Default::default()
        };
        details.push(any("google.rpc.BadRequest", &BadRequest { field_violations: vec![violation] }));
    }
    if let Some(partial) = &detail.partial {
        details.push(any("sluicegate.v1.PartialResult", partial));
    }
    details
}

fn any(name: &str, message: &impl Message) -> Any {
    Any { type_url: format!("{TYPES}/{name}"), value: message.encode_to_vec() }
}

/// The beginning of a text, cut between two letters.
fn shorten(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

/// Tells the log. Our own failures stand there with their cause; callers see only the message.
pub fn report(error: &Error, request_id: &str) {
    let cause = error.cause().map(tracing::field::display);
    let reason = error.reason();
    if matches!(reason, Reason::Internal | Reason::Unspecified) {
        tracing::error!(request_id, cause, "{}", error.message());
    } else {
        tracing::debug!(request_id, reason = reason.as_str_name(), cause, "{}", error.message());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tonic::Code;
    use tonic_types::StatusExt;

    use super::*;
    use crate::proto::v1::{PartialResult, Usage};

    #[test]
    fn status_carries_every_fact() {
        let partial =
            PartialResult { usage: Some(Usage { input_tokens: 3, ..Default::default() }), chunks: 2 };
        let error = Error::new(Reason::ProviderRateLimited, "slow down")
            .provider("east")
            .model("m")
            .upstream_status(429)
            .retry_after(Duration::from_millis(1500))
            .field("messages[0]")
            .partial(partial.clone());
        let status = status(&error, "req-1");
        assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, "messages[0]: slow down"));
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("PROVIDER_RATE_LIMITED", "sluicegate"));
        let metadata =
            [("provider", "east"), ("model", "m"), ("request_id", "req-1"), ("upstream_status", "429")];
        assert_eq!(info.metadata, metadata.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        assert_eq!(details.retry_info().unwrap().retry_delay, Some(Duration::from_millis(1500)));
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, "messages[0]");

        let packed = tonic_types::pb::Status::decode(status.details()).unwrap();
        let last = packed.details.last().unwrap();
        assert_eq!(last.type_url, "type.googleapis.com/sluicegate.v1.PartialResult");
        assert_eq!(PartialResult::decode(last.value.as_slice()).unwrap(), partial);
    }

    #[test]
    fn long_message_fits_into_metadata() {
        let error = Error::new(Reason::ProviderRejected, "\u{e9}".repeat(10_000));
        let response = status(&error, "req-1").into_http::<Body>();
        let bytes: usize =
            response.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        assert!(bytes < 8 << 10, "{bytes}");
    }

    #[test]
    fn rest_answer_says_when_and_how_to_come_back() {
        let error =
            Error::new(Reason::ProviderRateLimited, "slow down").retry_after(Duration::from_millis(1500));
        let response = rest(&error, "req-1");
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "2");
        let response = rest(&Error::new(Reason::MethodNotAllowed, "no").allow("GET, PUT"), "req-1");
        assert_eq!(response.headers()["allow"], "GET, PUT");
        let response = rest(&Error::new(Reason::Unauthenticated, "no key"), "req-1");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        assert_eq!(response.headers()["content-type"], "application/json");
    }

    #[test]
    fn cause_is_not_shown() {
        let error = Error::internal("the store failed", "disk /secret/path is full");
        let status = status(&error, "req-1");
        assert_eq!(status.code(), Code::Internal);
        assert!(!String::from_utf8_lossy(status.details()).contains("secret"));
    }
}
