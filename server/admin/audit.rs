//! The audit log.

use super::{Admin, page::Page};
use crate::{
    error::{Error, Result},
    proto::{
        time,
        v1::{
            AuditOutcome, ListAuditEventsRequest, ListAuditEventsResponse, VerifyAuditLogRequest,
            VerifyAuditLogResponse,
        },
    },
    state::Call,
    store::Filter,
};

/// The longest text that an event is looked for by.
const MAX_TEXT: usize = 1024;

impl Admin {
    /// Lists events that fit all that is given, newest first. A page may hold fewer than were asked for, where they are
    /// large.
    ///
    /// # Errors
    /// A wrong page, time or outcome.
    pub async fn list_audit_events(
        &self,
        _: &Call,
        request: ListAuditEventsRequest,
    ) -> Result<ListAuditEventsResponse> {
        let page = Page::read("audit-events", request.page_size, &request.page_token)?;
        let before = match page.after() {
            None => i64::MAX,
            Some(sequence) => {
                sequence.parse().map_err(|_| Error::invalid("page_token", "is none of this list"))?
            }
        };
        let filter = filter(request)?;
        let (audit_events, next) = self.state.find_audit_events(&filter, before, page.size()).await?;
        // The last page is known by finding nothing beyond it.
        let more = match next {
            Some(next) => !self.state.find_audit_events(&filter, next, 1).await?.0.is_empty(),
            None => false,
        };
        let last = next.filter(|_| more).map(|next| page.token(&next.to_string()));
        Ok(ListAuditEventsResponse { audit_events, next_page_token: last.unwrap_or_default() })
    }

    /// Looks at every event of the log: whether all are there and as they were written.
    ///
    /// # Errors
    /// That the store failed.
    pub async fn verify_audit_log(
        &self,
        _: &Call,
        _: VerifyAuditLogRequest,
    ) -> Result<VerifyAuditLogResponse> {
        let verdict = self.state.verify_audit_log().await?;
        Ok(VerifyAuditLogResponse {
            intact: verdict.broken.is_none(),
            checked_events: verdict.events,
            first_sequence: verdict.first,
            last_sequence: verdict.last,
            broken_sequence: verdict.broken.unwrap_or_default(),
        })
    }
}

fn filter(request: ListAuditEventsRequest) -> Result<Filter> {
    let outcome = AuditOutcome::try_from(request.outcome)
        .map_err(|_| Error::invalid("outcome", "is none that there is; leave it out for any"))?;
    for (field, text) in
        [("actor", &request.actor), ("action", &request.action), ("resource", &request.resource)]
    {
        if text.len() > MAX_TEXT {
            return Err(Error::invalid(field, format!("must be at most {MAX_TEXT} bytes")));
        }
    }
    Ok(Filter {
        start: millis("start_time", request.start_time.as_ref())?.unwrap_or(i64::MIN),
        end: millis("end_time", request.end_time.as_ref())?.unwrap_or(i64::MAX),
        actor: request.actor,
        action: request.action,
        resource: request.resource,
        outcome: outcome.into(),
    })
}

/// Milliseconds since 1970, rounded up: events have whole ones.
fn millis(field: &str, given: Option<&pbjson_types::Timestamp>) -> Result<Option<i64>> {
    let Some(given) = given else { return Ok(None) };
    let since = time(given).and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let millis = since.and_then(|since| i64::try_from(since.as_nanos().div_ceil(1_000_000)).ok());
    let wrong = || Error::invalid(field, "must be a time from 1970 on");
    millis.map(Some).ok_or_else(wrong)
}
