//! Events: of changes, of refused calls, and of what the gateway does by itself; and how they are stored.

use std::{net::IpAddr, sync::Arc, time::SystemTime};

use prost::Message;
use serde::Serialize;

use super::super::{Caller, Change, Origin, Protocol, Records, rows};
use crate::{
    error::Reason,
    proto::{
        timestamp,
        v1::{AuditActor, AuditEvent, AuditOutcome},
    },
    secrets::{Chain, Sealed},
    store::{Entry, Write},
};

/// A resource longer than this is cut.
const MAX_JSON: usize = 64 << 10;
/// So is a message.
const MAX_MESSAGE: usize = 1024;

/// Makes the events of one commit.
pub(in crate::state) struct Telling {
    /// What all of them have in common.
    event: AuditEvent,
}

/// A call that was refused.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// When.
    pub time: SystemTime,
    /// Name of the RPC.
    pub action: String,
    /// Who called, if that is known.
    pub caller: Option<Arc<Caller>>,
    /// The address that the call came from.
    pub source: IpAddr,
    /// Id of the request.
    pub request_id: Arc<str>,
    /// How it came in.
    pub protocol: Protocol,
    /// Why it was refused.
    pub reason: Reason,
    /// What the caller was told.
    pub message: String,
}

/// A record at one moment.
#[derive(Default)]
struct Side {
    name: String,
    json: String,
    /// Its secrets, sealed or hashed.
    secret: Vec<u8>,
}

// === impl Telling ===

impl Telling {
    pub(in crate::state) fn new(origin: &Origin, time: SystemTime) -> Self {
        let mut event = AuditEvent {
            time: Some(timestamp(time)),
            action: origin.action.to_owned(),
            outcome: AuditOutcome::Changed.into(),
            ..AuditEvent::default()
        };
        if let Some(call) = &origin.call {
            event.actor = Some(actor(&call.caller));
            event.source = call.source.to_canonical().to_string();
            event.request_id = call.request_id.to_string();
            event.protocol = call.protocol.name().to_owned();
        }
        Self { event }
    }

    /// Makes a change to the records and tells of it.
    pub(in crate::state) fn apply(&self, records: &mut Records, change: Change, write: &Write) -> AuditEvent {
        let (kind, id) = match write {
            Write::Put(row) => (row.kind.as_str(), &row.id),
            Write::Delete { kind, id } => (*kind, id),
        };
        let before = Side::of(records, kind, id);
        records.apply(change);
        let after = Side::of(records, kind, id);
        AuditEvent {
            resource: format!("{kind}:{id}"),
            resource_name: if after.name.is_empty() { before.name } else { after.name },
            secret_changed: before.secret != after.secret,
            before_json: before.json,
            after_json: after.json,
            ..self.event.clone()
        }
    }
}

// === impl Refusal ===

impl Refusal {
    /// The event of `count` such calls.
    #[must_use]
    pub fn event(self, count: i64) -> AuditEvent {
        AuditEvent {
            time: Some(timestamp(self.time)),
            action: self.action,
            outcome: AuditOutcome::Refused.into(),
            actor: self.caller.as_deref().map(actor),
            source: self.source.to_canonical().to_string(),
            request_id: self.request_id.to_string(),
            protocol: self.protocol.name().to_owned(),
            reason: self.reason.into(),
            message: shortened(self.message, MAX_MESSAGE),
            count,
            ..AuditEvent::default()
        }
    }
}

/// The event of what the gateway did by itself to no one resource.
pub(in crate::state) fn own(action: &str, message: String, time: SystemTime) -> AuditEvent {
    AuditEvent {
        time: Some(timestamp(time)),
        action: action.to_owned(),
        outcome: AuditOutcome::Changed.into(),
        message,
        ..AuditEvent::default()
    }
}

/// The row of an event that follows one with this hash.
pub(super) fn write(chain: &Chain, before: &[u8], event: AuditEvent) -> Entry {
    let entry = columns(&event);
    let payload = event.encode_to_vec();
    let hash = chain.link(before, event.sequence, &payload);
    Entry { payload, hash, ..entry }
}

/// The event of a row.
pub(super) fn read(row: Entry) -> AuditEvent {
    let mut event = AuditEvent::decode(row.payload.as_slice()).unwrap_or_else(|_| AuditEvent {
        message: "this event is damaged and cannot be read".to_owned(),
        ..AuditEvent::default()
    });
    event.sequence = row.sequence;
    event.hash = row.hash.iter().map(|byte| format!("{byte:02x}")).collect();
    event
}

/// Whether the columns of a row say what its payload says.
pub(super) fn describes(row: &Entry) -> bool {
    AuditEvent::decode(row.payload.as_slice()).is_ok_and(|event| {
        let Entry { payload, hash, .. } = row.clone();
        Entry { payload, hash, ..columns(&event) } == *row
    })
}

/// Milliseconds since 1970.
pub(super) fn millis(time: SystemTime) -> i64 {
    let time = timestamp(time);
    time.seconds.saturating_mul(1000).saturating_add(i64::from(time.nanos / 1_000_000))
}

/// What events are found by.
fn columns(event: &AuditEvent) -> Entry {
    let actor = event.actor.clone().unwrap_or_default();
    let time = event.time.as_ref().and_then(crate::proto::time).map_or(0, millis);
    Entry {
        sequence: event.sequence,
        time,
        outcome: event.outcome,
        action: event.action.clone(),
        actor_id: actor.id,
        actor_name: actor.name,
        resource: event.resource.clone(),
        ..Entry::default()
    }
}

fn actor(caller: &Caller) -> AuditActor {
    AuditActor {
        id: caller.id.clone(),
        name: caller.name.clone(),
        role: caller.role.into(),
        issuer: caller.issuer.clone(),
    }
}

/// The beginning of a text, cut between two letters.
fn shortened(mut text: String, limit: usize) -> String {
    text.truncate(text.floor_char_boundary(limit));
    text
}

// === impl Side ===

impl Side {
    /// The record. Empty where it is not there.
    fn of(records: &Records, kind: &str, id: &str) -> Self {
        let side = match kind {
            rows::PROVIDER => records.providers.get(id).map(|stored| {
                Self::with(&stored.provider.name, &stored.provider, sealed(stored.credential.as_ref()))
            }),
            rows::SECRET_MANAGER => records.secret_managers.get(id).map(|stored| {
                Self::with(&stored.manager.name, &stored.manager, sealed(stored.credential.as_ref()))
            }),
            rows::API_KEY => records.keys.get(id).map(|stored| {
                let hashes = [&stored.hash[..], stored.previous.as_ref().map_or(&[], |hash| &hash[..])];
                Self::with(&stored.key.name, &stored.key, hashes.concat())
            }),
            rows::MODEL => records.models.get(id).map(|model| {
                let name = if model.alias.is_empty() { &model.upstream_id } else { &model.alias };
                Self::with(name, model, Vec::new())
            }),
            rows::POLICY => records.policies.get(id).map(|policy| Self::with("", policy, Vec::new())),
            rows::RATE_LIMIT => records.rate_limits.get(id).map(|limit| Self::with("", limit, Vec::new())),
            rows::TENANT => {
                records.tenant.as_ref().map(|tenant| Self::with(&tenant.name, tenant, Vec::new()))
            }
            rows::ISSUER => {
                records.issuers.get(id).map(|issuer| Self::with(&issuer.name, issuer, Vec::new()))
            }
            _ => None,
        };
        side.unwrap_or_default()
    }

    fn with(name: &str, resource: &impl Serialize, secret: Vec<u8>) -> Self {
        // Our own messages can always be written.
        let json = serde_json::to_string(resource).unwrap_or_default();
        Self { name: name.to_owned(), json: bounded(json), secret }
    }
}

/// The JSON, or where it is too long, an object with the beginning of it.
fn bounded(json: String) -> String {
    if json.len() <= MAX_JSON {
        return json;
    }
    let bytes = json.len();
    serde_json::json!({ "cut": shortened(json, MAX_JSON), "bytes": bytes }).to_string()
}

fn sealed(sealed: Option<&Sealed>) -> Vec<u8> {
    sealed.map(|sealed| sealed.bytes.to_vec()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{MAX_JSON, bounded};

    #[test]
    fn a_resource_that_is_too_long_is_cut_and_stays_json() {
        let short = format!("{{\"name\":\"{}\"}}", "a".repeat(100));
        assert_eq!(bounded(short.clone()), short);
        let long = format!("{{\"name\":\"{}\"}}", "\u{e9}\"".repeat(MAX_JSON));
        let read: serde_json::Value = serde_json::from_str(&bounded(long.clone())).unwrap();
        assert_eq!(read["bytes"], long.len());
        let cut = read["cut"].as_str().unwrap();
        assert!(long.starts_with(cut) && (MAX_JSON - 2..=MAX_JSON).contains(&cut.len()));
    }
}
