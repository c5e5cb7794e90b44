//! What is wrong in a seed file, and where.

use crate::error::{Error, Reason};

/// The most problems that are told. Who has more has one reason for all of them.
const MAX_TOLD: usize = 100;

/// A place in a file; both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub line: usize,
    pub column: usize,
}

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub at: Mark,
    /// The member, e.g. `[2].createModel.model.provider`. Empty: what is wrong is the file.
    path: String,
    reason: Reason,
    pub message: String,
}

// === impl Mark ===

impl Mark {
    pub(super) const START: Self = Self { line: 1, column: 1 };
}

// === impl Problem ===

impl Problem {
    /// Something wrong with the file itself.
    pub(super) fn file(at: Mark, message: impl Into<String>) -> Self {
        Self::new(at, String::new(), message)
    }

    /// Something wrong with a member.
    pub(super) fn new(at: Mark, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { at, path: path.into(), reason: Reason::InvalidRequest, message: message.into() }
    }

    /// The same with the reason that the API gives.
    pub(super) fn with_reason(self, reason: Reason) -> Self {
        Self { reason, ..self }
    }

    fn error(self, file: &str) -> Error {
        let Mark { line, column } = self.at;
        let mut place = format!("{file}:{line}:{column}");
        if !self.path.is_empty() {
            place.push_str(": ");
            place.push_str(&self.path);
        }
        Error::new(self.reason, self.message).field(place)
    }
}

/// The problems in the order of the file, as they are told.
pub(super) fn told(mut problems: Vec<Problem>, file: &str) -> Vec<Error> {
    problems.sort_by_key(|problem| problem.at);
    let count = problems.len();
    let mut errors: Vec<_> = problems.into_iter().take(MAX_TOLD).map(|problem| problem.error(file)).collect();
    if count > MAX_TOLD {
        errors.push(Error::invalid(file, format!("has {} further problems", count - MAX_TOLD)));
    }
    errors
}
