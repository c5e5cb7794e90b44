//! What is asked for is found, page by page, the same on both edges.

use serde_json::{Value, json};
use sluicegate_client::v1::{AccessRole, AuditOutcome, ListAuditEventsRequest};

use crate::{
    rest::sent,
    support::{TestGateway, start_gateway},
};

/// The numbers of the events that REST gives for a query.
async fn by_rest(gateway: &TestGateway, query: &str) -> (Vec<i64>, String) {
    let path = format!("/sluicegate/v1/audit-events?{query}");
    let (status, body) = sent(gateway.request("GET", &path, Value::Null)).await;
    assert_eq!(status, 200, "{body}");
    let number = |event: &Value| event["sequence"].as_str().expect("a number").parse().expect("a number");
    let events = body["auditEvents"].as_array().map(|events| events.iter().map(number).collect());
    (events.unwrap_or_default(), body["nextPageToken"].as_str().unwrap_or_default().to_owned())
}

async fn by_grpc(gateway: &TestGateway, asked: ListAuditEventsRequest) -> (Vec<i64>, String) {
    let page = gateway.client.access().list_audit_events(asked).await.expect("a page").into_inner();
    (page.audit_events.iter().map(|event| event.sequence).collect(), page.next_page_token)
}

#[tokio::test]
async fn every_filter_finds_the_same_on_both_edges() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let secret = gateway.member(AccessRole::User, &[]).await;
    let (status, _) =
        sent(gateway.http.get(format!("{}/sluicegate/v1/api-keys", gateway.url)).bearer_auth(&secret)).await;
    assert_eq!(status, 403);
    gateway.audited_refusals(|refused| refused.len() == 1).await;
    let all = gateway.audit_events(ListAuditEventsRequest::default()).await;
    let newest: Vec<_> = all.iter().rev().map(|event| event.sequence).collect();
    let provider = all.iter().find(|event| event.action == "CreateProvider").expect("an event").clone();
    let actor = provider.actor.clone().expect("an actor");
    let at = |index: usize| all[index].time.expect("a time");
    let text = |index: usize| {
        serde_json::to_value(pbjson_types::Timestamp { seconds: at(index).seconds, nanos: at(index).nanos })
            .expect("JSON")
            .as_str()
            .expect("a text")
            .to_owned()
    };
    let of = |fits: &dyn Fn(&sluicegate_client::v1::AuditEvent) -> bool| {
        all.iter().rev().filter(|event| fits(event)).map(|event| event.sequence).collect::<Vec<_>>()
    };
    let millis = |event: &sluicegate_client::v1::AuditEvent| {
        let time = event.time.expect("a time");
        time.seconds * 1000 + i64::from(time.nanos / 1_000_000)
    };
    let asked = ListAuditEventsRequest::default;
    let time = millis(&all[3]) + i64::from(at(3).nanos % 1_000_000 != 0);
    for (grpc, query, expected) in [
        (asked(), String::new(), newest.clone()),
        (
            ListAuditEventsRequest { actor: actor.id.clone(), ..asked() },
            format!("actor={}", actor.id),
            of(&|event| event.actor.as_ref() == Some(&actor)),
        ),
        (
            ListAuditEventsRequest { actor: "bootstrap-admin".into(), ..asked() },
            "actor=bootstrap-admin".into(),
            of(&|event| event.actor.as_ref() == Some(&actor)),
        ),
        (
            ListAuditEventsRequest { action: "CreateModel".into(), ..asked() },
            "action=CreateModel".into(),
            of(&|event| event.action == "CreateModel"),
        ),
        (
            ListAuditEventsRequest { resource: provider.resource.clone(), ..asked() },
            format!("resource={}", provider.resource),
            vec![provider.sequence],
        ),
        (
            ListAuditEventsRequest { resource: "api_key".into(), ..asked() },
            "resource=api_key".into(),
            of(&|event| event.resource.starts_with("api_key:")),
        ),
        (ListAuditEventsRequest { resource: "api".into(), ..asked() }, "resource=api".into(), vec![]),
        (
            ListAuditEventsRequest { outcome: AuditOutcome::Refused.into(), ..asked() },
            "outcome=AUDIT_OUTCOME_REFUSED".into(),
            of(&|event| event.count == 1),
        ),
        (
            ListAuditEventsRequest { start_time: Some(at(3)), ..asked() },
            format!("start_time={}", text(3)),
            of(&|event| millis(event) >= time),
        ),
        (
            ListAuditEventsRequest { end_time: Some(at(3)), ..asked() },
            format!("end_time={}", text(3)),
            of(&|event| millis(event) < time),
        ),
        (
            ListAuditEventsRequest { action: "CreateModel".into(), actor: "nobody".into(), ..asked() },
            "action=CreateModel&actor=nobody".into(),
            vec![],
        ),
    ] {
        assert_eq!(by_grpc(&gateway, grpc).await.0, expected, "{query}");
        assert_eq!(by_rest(&gateway, &query).await.0, expected, "{query}");
    }
}

#[tokio::test]
async fn both_edges_show_an_event_alike() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let (_, body) =
        sent(gateway.request("GET", "/sluicegate/v1/audit-events?page_size=1", Value::Null)).await;
    let shown = &body["auditEvents"][0];
    let event = gateway.audited_changes().await.pop().expect("an event");
    assert_eq!(shown["action"], json!(event.action));
    assert_eq!(shown["resourceName"], "demo");
    assert_eq!(shown["outcome"], "AUDIT_OUTCOME_CHANGED");
    assert_eq!(shown["hash"], json!(event.hash));
    assert_eq!(event.hash.len(), 64);
    assert_eq!(shown["afterJson"], json!(event.after_json));
    let (status, verdict) =
        sent(gateway.request("POST", "/sluicegate/v1/audit-events/verify", Value::Null)).await;
    assert_eq!((status, &verdict["intact"]), (200, &json!(true)));
    assert_eq!(verdict["lastSequence"], shown["sequence"]);
}

#[tokio::test]
async fn pages_stay_right_while_events_come() {
    let gateway = start_gateway().await;
    for _ in 0..7 {
        gateway.member(AccessRole::User, &[]).await;
    }
    let all = gateway.audit_events(ListAuditEventsRequest::default()).await;
    let newest: Vec<_> = all.iter().rev().map(|event| event.sequence).collect();
    for size in [1, 3, i32::try_from(all.len()).unwrap()] {
        let (mut grpc, mut rest) = (Vec::new(), Vec::new());
        let (mut token, mut other) = (String::new(), String::new());
        loop {
            let asked = ListAuditEventsRequest { page_size: size, page_token: token, ..Default::default() };
            let (page, next) = by_grpc(&gateway, asked).await;
            assert!(page.len() <= usize::try_from(size).unwrap());
            grpc.extend(page);
            token = next;
            let (page, next) = by_rest(&gateway, &format!("page_size={size}&page_token={other}")).await;
            rest.extend(page);
            other = next;
            assert_eq!(token.is_empty(), other.is_empty());
            if token.is_empty() {
                break;
            }
            gateway.member(AccessRole::User, &[]).await;
        }
        assert_eq!(grpc[grpc.len() - newest.len()..], newest);
        assert_eq!(rest[rest.len() - newest.len()..], newest);
    }
}

#[tokio::test]
async fn what_cannot_be_looked_for_is_told_with_the_field() {
    let gateway = start_gateway().await;
    for (query, field) in [
        ("page_size=1001", "page_size"),
        ("page_size=x", "page_size"),
        ("page_token=x", "page_token"),
        ("start_time=yesterday", "start_time"),
        ("start_time=1960-01-01T00:00:00Z", "start_time"),
        ("end_time=2026-01-31", "end_time"),
        ("outcome=good", "outcome"),
    ] {
        let path = format!("/sluicegate/v1/audit-events?{query}");
        let (status, body) = sent(gateway.request("GET", &path, Value::Null)).await;
        assert_eq!((status, &body["error"]["param"]), (400, &json!(field)), "{query}: {body}");
    }
    let asked = ListAuditEventsRequest { outcome: 9, ..Default::default() };
    gateway.client.access().list_audit_events(asked).await.expect_err("there is no such outcome");
}
