//! How a command ends: what it tells of a failure, and the code that scripts see.

use std::{error, fmt, process::ExitCode};

use serde_json::{Value, json};
use tonic::{Code, Status, TimeoutExpired};
use tonic_types::StatusExt as _;

use crate::error::{Error, Reason, row};

/// What the codes mean, for people.
pub const EXIT_HELP: &str = "\
Exit codes:
  0  done
  1  failed: the gateway, or an upstream that was asked
  2  the command line, a file, or a value in them is wrong
  3  there is no such resource
  4  conflict: the name is taken, the resource has changed meanwhile, or its state forbids it
  5  not permitted: no key, a wrong one, or one that may not
  6  no gateway was reached in time, or it or an upstream has too much to do: try again later";

/// The code of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The gateway, or an upstream that was asked, failed.
    Failed = 1,
    /// What was asked is wrong.
    Wrong = 2,
    /// There is no such resource.
    NotFound = 3,
    /// The present state does not allow it.
    Conflict = 4,
    /// The key does not allow it.
    NotPermitted = 5,
    /// No gateway that has time was reached.
    NotReached = 6,
}

/// Why a command did not do what was asked.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    reason: String,
    message: String,
    field: Option<String>,
    request_id: Option<String>,
}

impl Failure {
    /// The gateway cannot be talked to. The message says what to do.
    #[must_use]
    pub fn not_reached(message: impl Into<String>) -> Self {
        Self::local(Exit::NotReached, "NOT_REACHED", message)
    }

    /// What was asked is wrong. The message names it and says what to do.
    #[must_use]
    pub fn wrong(message: impl Into<String>) -> Self {
        Self::local(Exit::Wrong, "INVALID_REQUEST", message)
    }

    /// The command was understood and answered, and the answer is no.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self::local(Exit::Failed, "FAILED", message)
    }

    fn local(exit: Exit, reason: &str, message: impl Into<String>) -> Self {
        Self { exit, reason: reason.into(), message: message.into(), field: None, request_id: None }
    }

    /// The code for scripts.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The same for scripts, in JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut error = json!({"reason": self.reason, "message": self.message});
        for (name, value) in [("field", &self.field), ("request_id", &self.request_id)] {
            if let Some(value) = value {
                error[name] = json!(value);
            }
        }
        json!({"error": error})
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl error::Error for Failure {}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

// === what becomes a failure ===

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let name = error.reason().as_str_name();
        let mut message = error.to_string();
        if let Some(cause) = error.cause() {
            message = format!("{message}: {cause}");
        }
        Self {
            exit: exit(error.reason()),
            reason: name.trim_start_matches("ERROR_REASON_").to_owned(),
            message,
            field: error.detail().field.clone(),
            request_id: None,
        }
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info().filter(|info| info.domain == "sluicegate");
        let Some(info) = info else { return no_gateway(&status) };
        // A newer gateway may have a reason that is not known here: then the code decides.
        let exit = Reason::from_str_name(&format!("ERROR_REASON_{}", info.reason))
            .map_or_else(|| exit_of_code(status.code()), exit);
        let mut message = status.message().to_owned();
        if status.code() == Code::Unauthenticated {
            message.push_str("; SLUICEGATE_API_KEY or --api-key-file must hold a key of this gateway");
        }
        Self {
            exit,
            reason: info.reason.clone(),
            message,
            field: details
                .bad_request()
                .and_then(|wrong| Some(wrong.field_violations.first()?.field.clone())),
            request_id: info.metadata.get("request_id").cloned(),
        }
    }
}

/// The failure behind a status that no gateway has made.
fn no_gateway(status: &Status) -> Failure {
    let source = error::Error::source(status);
    if std::iter::successors(source, |error| error.source()).any(|error| error.is::<TimeoutExpired>()) {
        return Failure::not_reached("the gateway took too long; allow more by --timeout-seconds");
    }
    let cause = source.map_or_else(|| status.message().to_owned(), root);
    Failure::not_reached(format!(
        "what answers is no Sluicegate gateway, or went away ({cause}); look at --server, its port, and whether it is \
         http or https"
    ))
}

/// What an error comes from in the end.
pub(super) fn root(error: &(dyn error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// By the HTTP status that the one table of reasons gives: what REST scripts tell apart, these can, too.
fn exit(reason: Reason) -> Exit {
    match row(reason).http.as_u16() {
        400 | 413 => Exit::Wrong,
        401 | 403 => Exit::NotPermitted,
        404 => Exit::NotFound,
        409 => Exit::Conflict,
        408 | 429 | 503 | 504 => Exit::NotReached,
        _ => Exit::Failed,
    }
}

fn exit_of_code(code: Code) -> Exit {
    match code {
        Code::InvalidArgument | Code::OutOfRange | Code::Unimplemented => Exit::Wrong,
        Code::NotFound => Exit::NotFound,
        Code::AlreadyExists | Code::Aborted | Code::FailedPrecondition => Exit::Conflict,
        Code::Unauthenticated | Code::PermissionDenied => Exit::NotPermitted,
        Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted => Exit::NotReached,
        Code::Ok | Code::Cancelled | Code::Unknown | Code::Internal | Code::DataLoss => Exit::Failed,
    }
}
