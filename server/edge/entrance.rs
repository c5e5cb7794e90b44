//! From an HTTP request to a [`Call`]: request id, protocol, who calls, whether they may, and until when they wait.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use http::{HeaderMap, Request, header};
use tokio::time::Instant;
use uuid::Uuid;

use super::served::REQUEST_ID;
use crate::{
    audit::Journal,
    auth::{Authenticator, Token},
    clock::Clock,
    error::{Error, Reason, Result},
    places::Places,
    proto::{self, v1::Permission},
    providers::Scope,
    state::{Call, Caller, Protocol, Refusal, State},
};

const PROJECT: &str = "x-ibm-project-id";
const SPACE: &str = "x-ibm-space-id";
/// The longest id of a project or a space that is passed on; IBM's are UUIDs.
const MAX_SCOPE: usize = 128;
const GRPC_TIMEOUT: &str = "grpc-timeout";
/// When to try again where all places are taken.
const COME_BACK: Duration = Duration::from_secs(1);
/// The longest request id that is taken from a caller.
const MAX_REQUEST_ID: usize = 128;

/// What is known of a request before it is routed. Every request carries one among its extensions.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Id of the request: the caller's own, or ours.
    pub request_id: Arc<str>,
    /// How it came in.
    pub protocol: Protocol,
    /// The address that it came from.
    pub source: IpAddr,
}

/// The address at the other end of a connection, among the extensions of its requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

/// Lets callers in. The one place where both edges find out who calls and what for. Clones lead to the same.
#[derive(Clone)]
pub struct Entrance {
    state: Arc<State>,
    authenticator: Arc<Authenticator>,
    clock: Clock,
    places: Places,
    journal: Journal,
    serves: Serves,
}

/// What is served on one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serves {
    /// All there is.
    Everything,
    /// Calls to models, and the list of models.
    Calls,
    /// All but calls to models.
    Administration,
}

// === impl Arrival ===

impl Arrival {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let given = request.headers().get(&REQUEST_ID).and_then(|value| value.to_str().ok());
        let request_id = match given {
            Some(id) if is_request_id(id) => id.into(),
            _ => format!("req-{}", Uuid::now_v7().simple()).into(),
        };
        // Requests that did not come over a socket have none; tests make such.
        let source = request.extensions().get::<Peer>().map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.0);
        Self { request_id, protocol: protocol(request.headers()), source }
    }
}

fn is_request_id(id: &str) -> bool {
    (1..=MAX_REQUEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Chosen by content type, before any routing: a path says nothing about it.
fn protocol(headers: &HeaderMap) -> Protocol {
    let content_type = headers.get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let begins = |prefix: &[u8]| {
        content_type.get(..prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix))
    };
    if begins(b"application/grpc-web") {
        Protocol::GrpcWeb
    } else if begins(b"application/grpc") {
        Protocol::Grpc
    } else {
        Protocol::Rest
    }
}

// === impl Entrance ===

impl Entrance {
    /// An entrance to the configuration in `state`, for as many calls to models at once as there are `places`. Who is
    /// refused stands in the `journal`.
    #[must_use]
    pub fn new(
        state: Arc<State>,
        authenticator: Arc<Authenticator>,
        clock: Clock,
        places: Places,
        journal: Journal,
    ) -> Self {
        Self { state, authenticator, clock, places, journal, serves: Serves::Everything }
    }

    /// An entrance to this part of it.
    #[must_use]
    pub fn only(&self, serves: Serves) -> Self {
        Self { serves, ..self.clone() }
    }

    /// The call that a request makes. `rpc` is the path of the RPC, or on REST of its twin.
    ///
    /// # Errors
    /// When there is no such RPC here, the caller is unknown or may not, a header cannot be read, or there are as many calls as
    /// there may be.
    pub async fn call(&self, rpc: &str, headers: &HeaderMap, arrival: &Arrival) -> Result<Call> {
        let permission = proto::permission(rpc).ok_or_else(|| unknown(rpc))?;
        self.serves.admit(permission)?;
        let (snapshot, time) = (self.state.snapshot(), self.clock.now());
        let caller = self.authenticator.caller(headers, arrival.source, &snapshot, time).await;
        let caller = caller.inspect_err(|error| self.note(rpc, None, arrival, error))?;
        let allowed = caller.require(permission);
        allowed.inspect_err(|error| self.note(rpc, Some(&caller), arrival, error))?;
        let deadline = match arrival.protocol {
            Protocol::Grpc | Protocol::GrpcWeb => deadline(headers)?,
            Protocol::Rest => None,
        };
        // Before the body is read: what cannot be served shall cost nothing.
        let place = match permission {
            Permission::Infer => Some(Arc::new(self.places.take().ok_or_else(|| full(&self.places))?)),
            Permission::Unspecified
            | Permission::ReadModels
            | Permission::WriteModels
            | Permission::ReadProviders
            | Permission::WriteProviders
            | Permission::ReadAccess
            | Permission::WriteAccess
            | Permission::ReadPolicies
            | Permission::WritePolicies
            | Permission::ReadRateLimits
            | Permission::WriteRateLimits
            | Permission::ReadTenant
            | Permission::WriteTenant
            | Permission::ReferenceSecrets
            | Permission::ReadSecretManagers
            | Permission::WriteSecretManagers
            | Permission::ReadIssuers
            | Permission::WriteIssuers
            | Permission::ReadAudit => None,
        };
        Ok(Call {
            caller,
            snapshot,
            request_id: Arc::clone(&arrival.request_id),
            time,
            deadline,
            protocol: arrival.protocol,
            source: arrival.source,
            place,
            scope: scope(headers)?,
        })
    }

    /// A token for the holder of an API key; `secrets` are the readings of what was sent.
    ///
    /// # Errors
    /// When none is an API key that is good, or too many wrong ones came from the same address.
    pub fn exchange(&self, secrets: &[impl AsRef<[u8]>], arrival: &Arrival) -> Result<Token> {
        let token =
            self.authenticator.exchange(secrets, arrival.source, &self.state.snapshot(), self.clock.now());
        token.inspect_err(|error| self.note("ExchangeToken", None, arrival, error))
    }

    /// The same token, if it is good.
    ///
    /// # Errors
    /// As [`Self::exchange`].
    pub fn validate(&self, token: &[u8], arrival: &Arrival) -> Result<Token> {
        let token =
            self.authenticator.validate(token, arrival.source, &self.state.snapshot(), self.clock.now());
        token.inspect_err(|error| self.note("ValidateToken", None, arrival, error))
    }

    /// Tells the audit log of a call that failed, if it was refused. `rpc` is the path of the RPC, or what else was asked.
    pub fn note(&self, rpc: &str, caller: Option<&Arc<Caller>>, arrival: &Arrival, error: &Error) {
        if Journal::is_refusal(error.reason()) {
            self.refused(rpc, caller, arrival, error.reason(), error.to_string());
        }
    }

    /// Tells the audit log of a call that was refused for this reason.
    pub fn refused(
        &self,
        rpc: &str,
        caller: Option<&Arc<Caller>>,
        arrival: &Arrival,
        reason: Reason,
        message: String,
    ) {
        self.journal.send(Refusal {
            time: self.clock.now(),
            action: rpc.rsplit('/').next().unwrap_or_default().to_owned(),
            caller: caller.cloned(),
            source: arrival.source,
            request_id: Arc::clone(&arrival.request_id),
            protocol: arrival.protocol,
            reason,
            message,
        });
    }
}

// === impl Serves ===

impl Serves {
    fn admit(self, permission: Permission) -> Result<()> {
        let is_call = permission == Permission::Infer;
        let elsewhere = match self {
            Self::Calls if !is_call && permission != Permission::ReadModels => "administration is",
            Self::Administration if is_call => "calls to models are",
            Self::Everything | Self::Calls | Self::Administration => return Ok(()),
        };
        let message = format!("{elsewhere} served on another address of this gateway");
        Err(Error::new(Reason::RouteNotFound, message))
    }
}

fn unknown(rpc: &str) -> Error {
    Error::new(Reason::RouteNotFound, format!("there is no RPC {rpc}; list services by server reflection"))
}

fn scope(headers: &HeaderMap) -> Result<Scope> {
    let read = |name: &str| match headers.get(name).map(|value| value.to_str()) {
        None | Some(Ok("")) => Ok(None),
        Some(Ok(id)) if id.len() <= MAX_SCOPE => Ok(Some(id.to_owned())),
        Some(_) => Err(Error::invalid(name, "give an id of at most 128 visible ASCII characters")),
    };
    Ok(Scope { project_id: read(PROJECT)?, space_id: read(SPACE)? })
}

fn full(places: &Places) -> Error {
    let message =
        format!("the gateway has {} calls in flight, as many as it takes; call again", places.limit());
    Error::new(Reason::Overloaded, message).retry_after(COME_BACK)
}

fn deadline(headers: &HeaderMap) -> Result<Option<Instant>> {
    let Some(value) = headers.get(GRPC_TIMEOUT) else { return Ok(None) };
    let timeout = value.to_str().ok().and_then(timeout).ok_or_else(|| {
        Error::invalid(GRPC_TIMEOUT, "give one to eight digits and a unit, one of H, M, S, m, u, n")
    })?;
    // One that lies beyond what the clock can tell is none.
    Ok(Instant::now().checked_add(timeout))
}

fn timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(name: &'static str, value: &str) -> Arrival {
        Arrival::of(&Request::builder().header(name, value).body(()).unwrap())
    }

    #[test]
    fn callers_request_id_is_kept_where_it_is_fit_for_logs() {
        let longest = "x".repeat(MAX_REQUEST_ID);
        for id in ["a", "req-1/2:3", &longest] {
            assert_eq!(&*arrival("x-request-id", id).request_id, id);
        }
        let too_long = "x".repeat(MAX_REQUEST_ID + 1);
        for id in ["", "two words", "tab\there", &too_long] {
            assert!(arrival("x-request-id", id).request_id.starts_with("req-"), "{id:?}");
        }
        assert_ne!(arrival("x", "").request_id, arrival("x", "").request_id);
    }

    #[test]
    fn content_type_chooses_the_protocol() {
        for (content_type, protocol) in [
            ("application/grpc", Protocol::Grpc),
            ("Application/GRPC+proto", Protocol::Grpc),
            ("application/grpc-web+proto", Protocol::GrpcWeb),
            ("application/grpc-web-text", Protocol::GrpcWeb),
            ("application/json", Protocol::Rest),
            ("application/gr", Protocol::Rest),
        ] {
            assert_eq!(arrival("content-type", content_type).protocol, protocol, "{content_type}");
        }
    }

    #[test]
    fn account_that_the_caller_names_is_read() {
        let headers = |name: &'static str, value: &str| {
            HeaderMap::from_iter([(header::HeaderName::from_static(name), value.parse().unwrap())])
        };
        let id = |id: &str| Some(id.to_owned());
        let project = Scope { project_id: id("p-1"), ..Scope::default() };
        assert_eq!(scope(&headers("x-ibm-project-id", "p-1")).unwrap(), project);
        let space = Scope { space_id: id("s-1"), ..Scope::default() };
        assert_eq!(scope(&headers("x-ibm-space-id", "s-1")).unwrap(), space);
        assert_eq!(scope(&headers("x-ibm-space-id", "")).unwrap(), Scope::default());
        for wrong in ["gr\u{fc}n", &"x".repeat(MAX_SCOPE + 1)] {
            let error = scope(&headers("x-ibm-project-id", wrong)).unwrap_err();
            assert_eq!(error.detail().field.as_deref(), Some("x-ibm-project-id"));
        }
    }

    #[test]
    fn grpc_timeout_is_read_in_every_unit() {
        for (text, expected) in [
            ("2H", Some(Duration::from_secs(7200))),
            ("3M", Some(Duration::from_secs(180))),
            ("99999999S", Some(Duration::from_secs(99_999_999))),
            ("100m", Some(Duration::from_millis(100))),
            ("5u", Some(Duration::from_micros(5))),
            ("0n", Some(Duration::ZERO)),
            ("", None),
            ("S", None),
            ("1", None),
            ("1s", None),
            ("-1S", None),
            ("+1S", None),
            ("123456789S", None),
            ("1\u{b5}", None),
        ] {
            assert_eq!(timeout(text), expected, "{text:?}");
        }
    }
}
