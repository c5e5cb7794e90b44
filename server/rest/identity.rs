//! Tokens for API keys, by the endpoints of the three services that watsonx clients know: the identity service of IBM
//! Cloud, Software Hub, and the identity provider beside that. None of them needs a key to be called.

use std::sync::Arc;

use axum::{
    Extension, Router,
    body::Body,
    extract::{Request, State},
    response::Response,
    routing::{get, post},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{Parts, exchange::json};
use crate::{
    auth::Token,
    edge::{Arrival, read_within, rest},
    error::{Error, Result},
    secret::Secret,
    wire::{
        json::Malformed,
        watsonx::identity::{
            self, API_KEY_GRANT, Form, PASSWORD_GRANT, hub_error, hub_token, hub_version, iam_error,
            iam_token, provider_error, provider_token, validated_token,
        },
    },
};

/// Nobody needs more to say a user and a key, and whoever asks is not known yet.
const MAX_BODY: usize = 64 << 10;
/// What IBM Cloud says of an API key that it does not know.
const IAM_WRONG_KEY: &str = "BXNIM0415E";

pub(super) fn routes() -> Router<Arc<Parts>> {
    Router::new()
        .route("/identity/token", post(of_cloud))
        .route("/icp4d-api/v1/authorize", post(of_hub))
        .route("/idprovider/v1/auth/identitytoken", post(of_provider))
        .route("/v1/preauth/validateAuth", get(validated))
        .route("/ml/wml_services/v2/version", get(async || json(StatusCode::OK, hub_version())))
}

/// `POST /identity/token`
async fn of_cloud(
    State(parts): State<Arc<Parts>>,
    Extension(arrival): Extension<Arrival>,
    request: Request,
) -> Response {
    match by_form(&parts, &arrival, request, API_KEY_GRANT, "apikey").await {
        Ok(token) => answer(iam_token(&token.text, token.issued, token.expires)),
        Err(error) => {
            // There a wrong key is a wrong argument, and clients do not try it again.
            let (status, code) = if is_wrong_key(&error) {
                (StatusCode::BAD_REQUEST, IAM_WRONG_KEY)
            } else {
                (error.row().http, error.row().openai_code)
            };
            refuse(&error, &arrival, status, iam_error(code, &error.to_string(), &arrival.request_id))
        }
    }
}

/// `POST /icp4d-api/v1/authorize`
async fn of_hub(
    State(parts): State<Arc<Parts>>,
    Extension(arrival): Extension<Arrival>,
    request: Request,
) -> Response {
    let token = async {
        let body = body(request).await?;
        let secrets = identity::authorize_secrets(&body).map_err(Malformed::in_request)?;
        exchange(&parts, &arrival, &secrets)
    };
    match token.await {
        Ok(token) => answer(hub_token(&token.text)),
        Err(error) => refuse_hub(&error, &arrival),
    }
}

/// `POST /idprovider/v1/auth/identitytoken`
async fn of_provider(
    State(parts): State<Arc<Parts>>,
    Extension(arrival): Extension<Arrival>,
    request: Request,
) -> Response {
    match by_form(&parts, &arrival, request, PASSWORD_GRANT, "password").await {
        Ok(token) => answer(provider_token(&token.text, token.issued, token.expires)),
        Err(error) => {
            let (status, code) = if is_wrong_key(&error) {
                (StatusCode::BAD_REQUEST, "invalid_grant")
            } else if error.detail().field.as_deref() == Some("grant_type") {
                (StatusCode::BAD_REQUEST, "unsupported_grant_type")
            } else {
                (error.row().http, "invalid_request")
            };
            refuse(&error, &arrival, status, provider_error(code, &error.to_string()))
        }
    }
}

/// `GET /v1/preauth/validateAuth`: the token of the identity provider is good here as it is, and no longer.
async fn validated(
    State(parts): State<Arc<Parts>>,
    Extension(arrival): Extension<Arrival>,
    headers: HeaderMap,
) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = match header("iam-token") {
        "" => Err(Error::invalid("iam-token", "is required: a header with the token to look at")),
        token => parts.entrance.validate(token.as_bytes(), &arrival),
    };
    match token {
        Ok(token) => answer(validated_token(&token.text, header("username"))),
        Err(error) => refuse_hub(&error, &arrival),
    }
}

/// The token for the API key that stands in a form.
async fn by_form(
    parts: &Parts,
    arrival: &Arrival,
    request: Request,
    grant_type: &str,
    argument: &str,
) -> Result<Token> {
    let body = body(request).await?;
    let form = Form::read(&body).map_err(Malformed::in_request)?;
    if form.text("grant_type") != grant_type {
        return Err(Error::invalid("grant_type", format!("must be {grant_type}")));
    }
    let secrets = form.secrets(argument);
    if secrets.is_empty() {
        return Err(Error::invalid(argument, "is required: an API key"));
    }
    exchange(parts, arrival, &secrets)
}

fn exchange(parts: &Parts, arrival: &Arrival, secrets: &[Secret]) -> Result<Token> {
    let secrets: Vec<&str> = secrets.iter().map(Secret::expose).collect();
    parts.entrance.exchange(&secrets, arrival)
}

async fn body(request: Request) -> Result<Bytes> {
    let (head, body) = request.into_parts();
    read_within(MAX_BODY, &head.headers, body).await
}

fn is_wrong_key(error: &Error) -> bool {
    error.row().http == StatusCode::UNAUTHORIZED
}

fn answer(body: Vec<u8>) -> Response {
    private(json(StatusCode::OK, body))
}

fn refuse_hub(error: &Error, arrival: &Arrival) -> Response {
    let status = error.row().http;
    refuse(error, arrival, status, hub_error(status.as_u16(), &error.to_string(), &arrival.request_id))
}

/// The error with the headers that it has everywhere, in other words.
fn refuse(error: &Error, arrival: &Arrival, status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = rest(error, &arrival.request_id);
    *response.status_mut() = status;
    *response.body_mut() = Body::from(body);
    if status != StatusCode::UNAUTHORIZED {
        response.headers_mut().remove(header::WWW_AUTHENTICATE);
    }
    private(response)
}

/// A token is for its holder alone, and for now.
fn private(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
