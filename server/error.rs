//! The one error type and the one table that says how each reason looks on either edge.

use std::{fmt, time::Duration};

use http::StatusCode;
use tonic::Code;

use crate::proto::v1::PartialResult;
pub use crate::proto::v1::{ErrorReason as Reason, Fault};

/// What callers and vendors name stands in messages. Longer ones help nobody and do not fit into trailers.
const MAX_MESSAGE: usize = 4096;
/// The same for a name.
const MAX_NAME: usize = 256;

/// The result of everything that can fail with an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, whose fault it is, and what helps to understand it.
///
/// Messages are lower-case, have no full stop, and name the thing and the fix. They reach the caller.
pub struct Error(Box<Inner>);

struct Inner {
    reason: Reason,
    message: String,
    detail: Detail,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Facts beside the message. Each is optional.
#[derive(Clone, Debug, Default)]
pub struct Detail {
    /// Name of the provider that was asked.
    pub provider: Option<String>,
    /// Name of the model that was asked for.
    pub model: Option<String>,
    /// The member of the request that is wrong, as a path: `messages[0].role`.
    pub field: Option<String>,
    /// HTTP status of the upstream's answer.
    pub upstream_status: Option<u16>,
    /// The vendor's own error code, e.g. `context_length_exceeded`.
    pub upstream_code: Option<String>,
    /// The vendor's own id of the request, for its support.
    pub upstream_request_id: Option<String>,
    /// When it makes sense to try again.
    pub retry_after: Option<Duration>,
    /// What a broken stream had delivered.
    pub partial: Option<PartialResult>,
    /// The methods that a path takes, for the `Allow` header.
    pub allow: Option<String>,
}

/// How one reason looks on both edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// gRPC status code.
    pub grpc: Code,
    /// HTTP status.
    pub http: StatusCode,
    /// `error.type` of the OpenAI error body.
    pub openai_type: &'static str,
    /// `error.code` of the OpenAI error body, unless the vendor gave one.
    pub openai_code: &'static str,
    /// Who has to act.
    pub fault: Fault,
    /// Whether another attempt may help.
    pub retry: Retry,
}

/// Whether another attempt may help, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same would happen again.
    Never,
    /// Another target of the same group may do better.
    OtherTarget,
}

/// The row of a reason.
#[must_use]
pub fn row(reason: Reason) -> Row {
    use Fault::{Caller, Gateway, Provider};
    use Retry::{Never, OtherTarget};
    const REQUEST: &str = "invalid_request_error";
    const API: &str = "api_error";
    let (grpc, http, openai_type, openai_code, fault, retry) = match reason {
        Reason::InvalidRequest => (Code::InvalidArgument, 400, REQUEST, "invalid_request", Caller, Never),
        Reason::RequestTooLarge => {
            (Code::ResourceExhausted, 413, REQUEST, "request_too_large", Caller, Never)
        }
        Reason::RequestTimeout => (Code::DeadlineExceeded, 408, REQUEST, "request_timeout", Caller, Never),
        Reason::Unauthenticated => {
            (Code::Unauthenticated, 401, "authentication_error", "invalid_api_key", Caller, Never)
        }
        Reason::AuthenticationTokenExpired => (
            Code::Unauthenticated,
            401,
            "authentication_error",
            "authentication_token_expired",
            Caller,
            Never,
        ),
        Reason::PermissionDenied => {
            (Code::PermissionDenied, 403, "permission_error", "authorization_rejected", Caller, Never)
        }
        Reason::PolicyDenied => {
            (Code::PermissionDenied, 403, "permission_error", "authorization_rejected", Caller, Never)
        }
        Reason::PolicyNotFound => (Code::NotFound, 404, REQUEST, "policy_not_found", Caller, Never),
        Reason::SecretManagerNotFound => {
            (Code::NotFound, 404, REQUEST, "secret_manager_not_found", Caller, Never)
        }
        Reason::IssuerNotFound => (Code::NotFound, 404, REQUEST, "issuer_not_found", Caller, Never),
        Reason::IssuerUnavailable => (Code::Unavailable, 502, API, "issuer_unavailable", Provider, Never),
        Reason::SecretNotAllowed => {
            (Code::PermissionDenied, 403, "permission_error", "authorization_rejected", Caller, OtherTarget)
        }
        Reason::SecretNotReadable => {
            (Code::FailedPrecondition, 424, API, "secret_not_readable", Caller, OtherTarget)
        }
        Reason::SecretManagerUnavailable => {
            (Code::Unavailable, 502, API, "secret_manager_unavailable", Provider, OtherTarget)
        }
        Reason::RateLimitNotFound => (Code::NotFound, 404, REQUEST, "rate_limit_not_found", Caller, Never),
        Reason::TooManyWrongKeys => {
            (Code::ResourceExhausted, 429, "rate_limit_error", "too_many_wrong_keys", Caller, Never)
        }
        Reason::ModelNotFound => (Code::NotFound, 404, REQUEST, "model_not_found", Caller, Never),
        Reason::ProviderNotFound => (Code::NotFound, 404, REQUEST, "provider_not_found", Caller, Never),
        Reason::ApiKeyNotFound => (Code::NotFound, 404, REQUEST, "api_key_not_found", Caller, Never),
        Reason::RouteNotFound => (Code::Unimplemented, 404, REQUEST, "route_not_found", Caller, Never),
        Reason::MethodNotAllowed => (Code::Unimplemented, 405, REQUEST, "method_not_allowed", Caller, Never),
        Reason::NameTaken => (Code::AlreadyExists, 409, REQUEST, "name_taken", Caller, Never),
        Reason::Conflict => (Code::Aborted, 409, REQUEST, "conflict", Caller, Never),
        Reason::FailedPrecondition => {
            (Code::FailedPrecondition, 409, REQUEST, "failed_precondition", Caller, Never)
        }
        Reason::NotSupported => (Code::Unimplemented, 400, REQUEST, "not_supported", Caller, Never),
        Reason::Overloaded => (Code::Unavailable, 503, API, "overloaded", Gateway, Never),
        Reason::DeadlineExceeded => (Code::DeadlineExceeded, 504, API, "deadline_exceeded", Caller, Never),
        Reason::Internal | Reason::Unspecified => {
            (Code::Internal, 500, API, "internal_server_error", Gateway, Never)
        }
        Reason::ProviderAuthFailed => {
            (Code::FailedPrecondition, 424, API, "provider_auth_failed", Caller, OtherTarget)
        }
        Reason::ProviderRateLimited => {
            (Code::ResourceExhausted, 429, "rate_limit_error", "rate_limit_exceeded", Provider, OtherTarget)
        }
        Reason::ProviderRejected => (Code::InvalidArgument, 400, REQUEST, "provider_rejected", Caller, Never),
        Reason::ContextLengthExceeded => {
            (Code::InvalidArgument, 400, REQUEST, "context_length_exceeded", Caller, Never)
        }
        Reason::ContentFiltered => (Code::InvalidArgument, 400, REQUEST, "content_filter", Caller, Never),
        Reason::UpstreamModelNotFound => {
            (Code::NotFound, 404, REQUEST, "model_not_found", Caller, OtherTarget)
        }
        Reason::ProviderUnavailable => {
            (Code::Unavailable, 502, API, "provider_unavailable", Provider, OtherTarget)
        }
        Reason::ProviderBadAnswer => {
            (Code::Unavailable, 502, API, "provider_bad_answer", Provider, OtherTarget)
        }
        Reason::StreamTruncated => (Code::Unavailable, 502, API, "stream_truncated", Provider, OtherTarget),
        Reason::ProviderTimeout => {
            (Code::DeadlineExceeded, 504, API, "provider_timeout", Provider, OtherTarget)
        }
    };
    // Every number above is a valid status; the fallback keeps this free of a panic.
    let http = StatusCode::from_u16(http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Row { grpc, http, openai_type, openai_code, fault, retry }
}

/// The text, or its beginning.
fn bounded(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        text.truncate(text.floor_char_boundary(limit));
        text.push_str("...");
    }
    text
}

impl Error {
    /// An error without details.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        let message = bounded(message.into(), MAX_MESSAGE);
        Self(Box::new(Inner { reason, message, detail: Detail::default(), source: None }))
    }

    /// A wrong request: names the field and says how to mend it.
    #[must_use]
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Reason::InvalidRequest, message).field(field)
    }

    /// A failure of the gateway itself. The cause is logged, not shown.
    #[must_use]
    pub fn internal(
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::new(Reason::Internal, message).source(source)
    }

    /// Names the member of the request that is wrong.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.0.detail.field = Some(bounded(field.into(), MAX_NAME));
        self
    }

    /// Names the provider that was asked.
    #[must_use]
    pub fn provider(mut self, provider: impl Into<String>) -> Self {
        self.0.detail.provider = Some(bounded(provider.into(), MAX_NAME));
        self
    }

    /// Names the model that was asked for.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.0.detail.model = Some(bounded(model.into(), MAX_NAME));
        self
    }

    /// Tells the upstream's HTTP status.
    #[must_use]
    pub fn upstream_status(mut self, status: u16) -> Self {
        self.0.detail.upstream_status = Some(status);
        self
    }

    /// Tells the vendor's own error code.
    #[must_use]
    pub fn upstream_code(mut self, code: impl Into<String>) -> Self {
        self.0.detail.upstream_code = Some(bounded(code.into(), MAX_NAME));
        self
    }

    /// Tells the vendor's own id of the request.
    #[must_use]
    pub fn upstream_request_id(mut self, id: impl Into<String>) -> Self {
        self.0.detail.upstream_request_id = Some(bounded(id.into(), MAX_NAME));
        self
    }

    /// Tells when it makes sense to try again.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.0.detail.retry_after = Some(after);
        self
    }

    /// Tells what a broken stream had delivered.
    #[must_use]
    pub fn partial(mut self, partial: PartialResult) -> Self {
        self.0.detail.partial = Some(partial);
        self
    }

    /// Tells the methods that a path takes.
    #[must_use]
    pub fn allow(mut self, methods: impl Into<String>) -> Self {
        self.0.detail.allow = Some(methods.into());
        self
    }

    /// The error with other words wherever somebody else's may stand: in the message, the field, the vendor's code and
    /// its id of the request.
    /// `rewrite` gives `None` for a text that stays.
    #[must_use]
    pub fn reworded(mut self, rewrite: impl Fn(&str) -> Option<String>) -> Self {
        let Inner { message, detail, .. } = &mut *self.0;
        let details = [&mut detail.field, &mut detail.upstream_code, &mut detail.upstream_request_id];
        for text in std::iter::once(message).chain(details.into_iter().flatten()) {
            if let Some(rewritten) = rewrite(text) {
                *text = rewritten;
            }
        }
        self
    }

    /// Keeps the cause, for the log.
    #[must_use]
    pub fn source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same error for another who waits for the same thing. The cause stays with the first.
    #[must_use]
    pub fn retold(&self) -> Self {
        Self(Box::new(Inner {
            reason: self.0.reason,
            message: self.0.message.clone(),
            detail: self.0.detail.clone(),
            source: None,
        }))
    }

    /// Why it failed.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.0.reason
    }

    /// What the caller reads.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Facts beside the message.
    #[must_use]
    pub fn detail(&self) -> &Detail {
        &self.0.detail
    }

    /// Whether somebody gave no answer, who may give another one later.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        self.row().grpc == Code::Unavailable
    }

    /// How it looks on both edges.
    #[must_use]
    pub fn row(&self) -> Row {
        row(self.0.reason)
    }

    /// The cause, for the log.
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn std::error::Error + Send + Sync)> {
        self.0.source.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.detail.field {
            Some(field) => write!(f, "{field}: {}", self.0.message),
            None => f.write_str(&self.0.message),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("reason", &self.0.reason)
            .field("message", &self.0.message)
            .field("detail", &self.0.detail)
            .field("source", &self.0.source)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}
