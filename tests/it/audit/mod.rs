//! The audit log: every change and every refused call is in it, and nobody can change it unseen.

mod chain;
mod changes;
mod copies;
mod file;
mod list;
mod refused;
mod retention;

use sluicegate_client::v1::{
    AuditEvent, AuditOutcome, ListAuditEventsRequest, VerifyAuditLogRequest, VerifyAuditLogResponse,
};

use crate::support::{PATIENCE, TestGateway};

impl TestGateway {
    /// Every event that fits, oldest first.
    pub async fn audit_events(&self, asked: ListAuditEventsRequest) -> Vec<AuditEvent> {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let asked = ListAuditEventsRequest { page_size: 1000, page_token, ..asked.clone() };
            let page = self.client.access().list_audit_events(asked).await.expect("events").into_inner();
            all.extend(page.audit_events);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                all.reverse();
                return all;
            }
        }
    }

    /// Every change, oldest first.
    pub async fn audited_changes(&self) -> Vec<AuditEvent> {
        let outcome = AuditOutcome::Changed.into();
        self.audit_events(ListAuditEventsRequest { outcome, ..Default::default() }).await
    }

    /// The refused calls, oldest first, once there are what is waited for.
    pub async fn audited_refusals(&self, enough: impl Fn(&[AuditEvent]) -> bool) -> Vec<AuditEvent> {
        let outcome = AuditOutcome::Refused.into();
        let mut refused = Vec::new();
        let written = async {
            loop {
                refused = self.audit_events(ListAuditEventsRequest { outcome, ..Default::default() }).await;
                if enough(&refused) {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        let outcome = tokio::time::timeout(PATIENCE, written).await;
        assert!(outcome.is_ok(), "the refused calls are written: {refused:#?}");
        refused
    }

    pub async fn verify_audit_log(&self) -> VerifyAuditLogResponse {
        let verdict = self.client.access().verify_audit_log(VerifyAuditLogRequest {}).await;
        verdict.expect("a verdict").into_inner()
    }
}
