//! What somebody answers who is asked with a secret, or for one.

use std::time::Duration;

use http::StatusCode;
use reqwest::Request;
use zeroize::Zeroizing;

use crate::{
    error::{Error, Reason, Result},
    http::Client,
    wire::openai,
};

/// How long a question may take, with its answer.
const TIME: Duration = Duration::from_secs(10);
/// The longest answer that is read.
const MAX_BYTES: usize = 1 << 20;

/// Who is asked, and what it means when there is no good answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// In words, e.g. `the identity service`.
    pub(super) who: &'static str,
    /// The reason when it refuses.
    pub(super) refused: Reason,
    /// The reason when it gives no answer.
    pub(super) away: Reason,
}

/// An answer. Its body may hold secrets, and is wiped when dropped.
pub(super) struct Answer {
    asked: Asked,
    status: StatusCode,
    body: Zeroizing<Vec<u8>>,
}

// === impl Asked ===

impl Asked {
    /// Sends the request and reads the whole answer.
    ///
    /// # Errors
    /// That there is none, or not in time, or that it is too long.
    pub(super) async fn ask(self, client: &Client, request: Request) -> Result<Answer> {
        let host = request.url().origin().ascii_serialization();
        let answered = tokio::time::timeout(TIME, self.exchange(client, request, &host)).await;
        answered.unwrap_or_else(|_| {
            let message = format!("{} at {host} gave no answer within {} s", self.who, TIME.as_secs());
            Err(Error::new(self.away, message))
        })
    }

    async fn exchange(self, client: &Client, request: Request, host: &str) -> Result<Answer> {
        let failed = |what, error: reqwest::Error| {
            Error::new(self.away, format!("{} at {host} {what}", self.who)).source(error.without_url())
        };
        let sent = client.send(request).await;
        let mut response = sent.map_err(|error| failed("could not be reached", error))?;
        let status = response.status();
        let mut body = Zeroizing::new(Vec::new());
        while let Some(piece) =
            response.chunk().await.map_err(|error| failed("broke off its answer", error))?
        {
            let room = MAX_BYTES - body.len();
            body.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.len() > room {
                // Of a refusal the beginning is enough.
                if !status.is_success() {
                    break;
                }
                let message = format!("{} at {host} gave more than {MAX_BYTES} bytes", self.who);
                return Err(Error::new(self.refused, message));
            }
        }
        Ok(Answer { asked: self, status, body })
    }

    /// An answer of which nothing can be made.
    pub(super) fn unreadable(self, why: &str) -> Error {
        Error::new(self.away, format!("{} answered with something that {why}", self.who))
    }
}

// === impl Answer ===

impl Answer {
    /// Its status.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// Its body, whatever the status.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// What a refusal says, in words.
    pub(super) fn said(&self) -> String {
        said(openai::error::read(&self.body).message)
    }

    /// The body of an answer that gives what was asked for, which is named in `what`.
    ///
    /// # Errors
    /// That it does not, in the words of who was asked.
    pub(super) fn given(&self, what: &str) -> Result<&[u8]> {
        if self.status.is_success() {
            return Ok(&self.body);
        }
        let (Asked { who, refused, away }, status) = (self.asked, self.status.as_u16());
        let vendor = openai::error::read(&self.body);
        let said = said(vendor.message);
        let code = vendor.code.map(|code| format!(", {code}")).unwrap_or_default();
        let (reason, did) = match status {
            408 | 429 | 500..=599 => (away, format!("cannot give {what} now")),
            400..=499 => (refused, format!("refused {what}")),
            _ => (away, "gave no answer, and redirects are not followed".to_owned()),
        };
        Err(Error::new(reason, format!("{who} {did} ({status}{code}): {said}")))
    }
}

fn said(message: Option<String>) -> String {
    message.unwrap_or_else(|| "without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Asked = Asked {
        who: "the vault",
        refused: Reason::SecretNotReadable,
        away: Reason::SecretManagerUnavailable,
    };

    #[test]
    fn a_refusal_is_not_an_outage() {
        let ibm = r#"{"status_code":404,"errors":[{"code":"not_found","message":"no such secret"}]}"#;
        let cases = [
            (400, r#"{"errorCode":"BX1","errorMessage":"bad key"}"#, false, "refused x (400, BX1): bad key"),
            (401, r#"{"message":"User unauthorized"}"#, false, "User unauthorized"),
            (404, ibm, false, "refused x (404, not_found): no such secret"),
            (408, "", true, "cannot give x now (408): without a message"),
            (429, "slow down", true, "slow down"),
            (503, "", true, "without a message"),
            (302, "", true, "redirects are not followed"),
        ];
        for (status, body, is_outage, says) in cases {
            let status = StatusCode::from_u16(status).unwrap();
            let answer = Answer { asked: ASKED, status, body: Zeroizing::new(body.into()) };
            let error = answer.given("x").unwrap_err();
            assert_eq!(error.is_outage(), is_outage, "{error}");
            assert!(error.message().starts_with("the vault") && error.message().contains(says), "{error}");
        }
    }
}
