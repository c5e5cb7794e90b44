//! `sluicegate audit`

use clap::{Args, Subcommand, ValueEnum};
use pbjson_types::Timestamp;
use tonic::Status;

use super::{
    connect::Gateway,
    exit::Failure,
    given,
    print::{Column, Format},
    resource::{PAGE_SIZE, pages},
};
use crate::proto::v1::{AuditEvent, AuditOutcome, ListAuditEventsRequest, VerifyAuditLogRequest};

const COLUMNS: [Column; 8] = [
    ("SEQUENCE", "sequence"),
    ("TIME", "time"),
    ("OUTCOME", "outcome"),
    ("ACTION", "action"),
    ("ACTOR", "actor.name"),
    ("SOURCE", "source"),
    ("RESOURCE", "resource"),
    ("NAME", "resourceName"),
];

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List who changed what, and who was refused, newest first. JSON and YAML have the resources before and after.
    List(List),
    /// Find out whether the audit log is as it was written; fails with code 1 if not.
    Verify,
}

/// What `list` wants to know. Events fit all that is given.
#[derive(Debug, Args)]
pub struct List {
    /// The oldest event: a length of time ago, e.g. 30d, or a time, e.g. 2030-01-31T00:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = given::past)]
    since: Option<Timestamp>,

    /// Before what the newest event was, as `--since`.
    #[arg(long, value_name = "TIME", value_parser = given::past)]
    until: Option<Timestamp>,

    /// Id or name of who did it.
    #[arg(long)]
    actor: Option<String>,

    /// What was done, as the RPCs are called, e.g. CreateProvider.
    #[arg(long)]
    action: Option<String>,

    /// What it was done to: KIND:ID, or a kind alone, e.g. provider.
    #[arg(long, value_name = "KIND:ID")]
    resource: Option<String>,

    /// What came of it.
    #[arg(long, value_enum)]
    outcome: Option<Outcome>,

    /// Most events to list.
    #[arg(long, value_name = "COUNT", default_value = "100", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,

    /// List all of them.
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Outcome {
    /// The configuration changed
    Changed,
    /// The caller is unknown, or may not
    Refused,
}

pub(super) async fn run(verb: Verb, gateway: &Gateway, format: Format) -> Result<(), Failure> {
    match verb {
        Verb::List(asked) => format.list(&COLUMNS, &events(asked, gateway).await?),
        Verb::Verify => {
            let found = gateway.access().verify_audit_log(VerifyAuditLogRequest {}).await?.into_inner();
            format.verdict("intact", found.intact, &found)?;
            if found.intact {
                return Ok(());
            }
            Err(Failure::failed(format!(
                "the audit log is not as it was written: event {} is missing or changed",
                found.broken_sequence
            )))
        }
    }
}

/// The events that fit, until there are enough.
async fn events(asked: List, gateway: &Gateway) -> Result<Vec<AuditEvent>, Failure> {
    let most = if asked.all { usize::MAX } else { usize::try_from(asked.limit).unwrap_or(usize::MAX) };
    let mut wanted = ListAuditEventsRequest {
        page_size: i32::try_from(most).unwrap_or(PAGE_SIZE).min(PAGE_SIZE),
        start_time: asked.since,
        end_time: asked.until,
        actor: asked.actor.unwrap_or_default(),
        action: asked.action.unwrap_or_default(),
        resource: asked.resource.unwrap_or_default(),
        ..ListAuditEventsRequest::default()
    };
    if let Some(outcome) = asked.outcome {
        wanted.set_outcome(match outcome {
            Outcome::Changed => AuditOutcome::Changed,
            Outcome::Refused => AuditOutcome::Refused,
        });
    }
    let mut count = 0;
    let mut events = pages(async |page_token| -> Result<_, Status> {
        let request = ListAuditEventsRequest { page_token, ..wanted.clone() };
        let page = gateway.access().list_audit_events(request).await?.into_inner();
        count += page.audit_events.len();
        let next = if count < most { page.next_page_token } else { String::new() };
        Ok((page.audit_events, next))
    })
    .await?;
    events.truncate(most);
    Ok(events)
}
