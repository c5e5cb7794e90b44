//! Every refused call is told, on both edges, with where it came from and why; floods are bounded.

use std::{collections::BTreeSet, net::IpAddr};

use serde_json::json;
use sluicegate_client::v1::{
    AccessRole, AuditEvent, AuditOutcome, ErrorReason, ListAuditEventsRequest, PolicyAction, PolicyEffect,
};

use crate::{
    permissions::{
        ask::{grpc, rest},
        table::TABLE,
        world::World,
    },
    rest::sent,
    support::{TestGateway, chat, start_gateway},
};

const CANARY: &str = "sk-canary-of-a-guesser-0123456789";

fn told(events: &[AuditEvent]) -> BTreeSet<(String, String, ErrorReason)> {
    events.iter().map(|event| (event.action.clone(), event.protocol.clone(), event.reason())).collect()
}

#[tokio::test]
async fn every_rpc_that_the_role_does_not_hold_is_told_on_both_edges() {
    let world = World::new().await;
    let set = world.set(0).await;
    let mut expected = BTreeSet::new();
    for row in TABLE.iter().filter(|row| row.user.starts_with('R')) {
        let (_, method) = row.rpc.split_once('/').expect("a method");
        let message = set.fill(row.message);
        grpc(&world.gateway, Some(&world.user), row.rpc, (row.encode)(&message)).await;
        expected.insert((method.to_owned(), "grpc".to_owned(), ErrorReason::PermissionDenied));
        for (verb, path, body) in row.twins {
            let body = if *body == "=" { message.clone() } else { set.fill(body) };
            rest(&world.gateway, Some(&world.user), verb, &set.fill(path), &body).await;
            expected.insert((method.to_owned(), "rest".to_owned(), ErrorReason::PermissionDenied));
        }
    }
    assert!(expected.len() > 40, "the table was read");
    let refused = world.gateway.audited_refusals(|refused| told(refused).len() >= expected.len()).await;
    assert_eq!(told(&refused), expected);
    for event in refused {
        let actor = event.actor.clone().expect("the caller is known");
        assert_eq!((actor.role(), &*event.source), (AccessRole::User, "127.0.0.1"));
        assert!(event.message.contains("role ACCESS_ROLE_USER"), "{}", event.message);
        assert!(event.count >= 1 && !event.request_id.is_empty());
        assert!(event.before_json.is_empty() && event.after_json.is_empty());
    }
    assert!(world.gateway.verify_audit_log().await.intact);
}

#[tokio::test]
async fn what_a_policy_refuses_is_told_of_calls_streams_and_administration() {
    let world = World::new().await;
    let gateway = &world.gateway;
    gateway.add_demo().await;
    gateway.policy("team", PolicyAction::Read, "model:demo", PolicyEffect::Deny).await;
    let client = sluicegate_client::Gateway::connect(&gateway.url, &world.user).await.expect("a connection");
    client.inference().chat(chat("demo", "Hi")).await.expect_err("refused");
    client.inference().stream_chat(chat("demo", "Hi")).await.expect_err("refused");
    let body = json!({"model": "demo", "messages": [{"role": "user", "content": "Hi"}]}).to_string();
    rest(gateway, Some(&world.user), "POST", "/v1/chat/completions", &body).await;
    let set = world.set(3).await;
    rest(gateway, Some(&world.manage), "DELETE", &format!("/sluicegate/v1/providers/{}", set.provider), "")
        .await;
    let expected = [("Chat", "grpc"), ("StreamChat", "grpc"), ("Chat", "rest"), ("DeleteProvider", "rest")]
        .map(|(action, protocol)| (action.to_owned(), protocol.to_owned(), ErrorReason::PolicyDenied));
    let refused = gateway.audited_refusals(|refused| refused.len() >= 4).await;
    assert_eq!(told(&refused), BTreeSet::from(expected));
    assert!(refused.iter().all(|event| event.actor.is_some()));
    // Both edges say the same.
    let of_chat = refused.iter().filter(|event| event.action == "Chat").map(|event| &event.message);
    assert_eq!(of_chat.collect::<BTreeSet<_>>().len(), 1);
}

#[tokio::test]
async fn callers_that_nobody_knows_are_told_without_what_they_sent() {
    let gateway = start_gateway().await;
    grpc(&gateway, Some(CANARY), "AccessAdmin/GetTenant", Vec::new()).await;
    rest(&gateway, Some(CANARY), "GET", "/v1/models", "").await;
    rest(&gateway, None, "GET", "/sluicegate/v1/providers", "").await;
    let grant = "urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey";
    let form = format!("apikey={CANARY}&grant_type={grant}");
    rest(&gateway, None, "POST", "/identity/token", &form).await;
    let hub = json!({"username": "a", "password": CANARY}).to_string();
    rest(&gateway, None, "POST", "/icp4d-api/v1/authorize", &hub).await;
    rest(
        &gateway,
        None,
        "POST",
        "/idprovider/v1/auth/identitytoken",
        &format!("grant_type=password&password={CANARY}"),
    )
    .await;
    let request =
        gateway.http.get(format!("{}/v1/preauth/validateAuth", gateway.url)).header("iam-token", CANARY);
    assert_eq!(sent(request).await.0, 401);
    let expected = [
        ("GetTenant", "grpc"),
        ("ListModels", "rest"),
        ("ListProviders", "rest"),
        ("ExchangeToken", "rest"),
        ("ValidateToken", "rest"),
    ]
    .map(|(action, protocol)| (action.to_owned(), protocol.to_owned(), ErrorReason::Unauthenticated));
    let refused = gateway.audited_refusals(|refused| told(refused).len() >= expected.len()).await;
    assert_eq!(told(&refused), BTreeSet::from(expected));
    assert!(refused.iter().all(|event| event.actor.is_none() && event.source == "127.0.0.1"));
    assert!(!format!("{refused:?}").contains(CANARY), "{refused:#?}");
}

#[tokio::test]
async fn a_request_that_is_only_wrong_is_no_refusal() {
    let gateway = start_gateway().await;
    rest(&gateway, Some(crate::support::ADMIN_KEY), "GET", "/sluicegate/v1/providers/none", "").await;
    rest(&gateway, Some(crate::support::ADMIN_KEY), "POST", "/sluicegate/v1/providers", "{}").await;
    rest(&gateway, None, "GET", "/healthz", "").await;
    rest(&gateway, None, "GET", "/nowhere", "").await;
    // The last one is told, so whatever came before would be.
    rest(&gateway, None, "GET", "/v1/models", "").await;
    let refused = gateway.audited_refusals(|refused| !refused.is_empty()).await;
    assert_eq!(refused.len(), 1, "{refused:#?}");
}

fn from(last: u8) -> reqwest::Client {
    reqwest::Client::builder().local_address(IpAddr::from([127, 0, 0, last])).build().expect("a client")
}

#[tokio::test]
async fn a_flood_of_wrong_keys_is_few_events_that_count_them_all() {
    const SENT: usize = 600;
    let gateway = start_gateway().await;
    let before = gateway.verify_audit_log().await.checked_events;
    let clients = [from(11), from(12), from(13)];
    for number in 0..SENT {
        let request = clients[number % 3].get(format!("{}/v1/models", gateway.url)).bearer_auth(CANARY);
        let status = request.send().await.expect("an answer").status().as_u16();
        assert!(matches!(status, 401 | 429), "{status}");
    }
    let count = |refused: &[AuditEvent]| refused.iter().map(|event| event.count).sum::<i64>();
    let refused = gateway.audited_refusals(|refused| count(refused) >= i64::try_from(SENT).unwrap()).await;
    assert_eq!(count(&refused), i64::try_from(SENT).unwrap(), "each is counted once");
    let sources: BTreeSet<_> = refused.iter().map(|event| &*event.source).collect();
    assert_eq!(sources, BTreeSet::from(["127.0.0.11", "127.0.0.12", "127.0.0.13"]));
    let reasons: BTreeSet<_> = refused.iter().map(AuditEvent::reason).collect();
    assert_eq!(reasons, BTreeSet::from([ErrorReason::Unauthenticated, ErrorReason::TooManyWrongKeys]));
    let seconds: BTreeSet<_> = refused.iter().map(|event| event.time.expect("a time").seconds).collect();
    // Two reasons of three sources each.
    assert!(refused.len() <= 6 * (seconds.len() + 1), "{} in {} seconds", refused.len(), seconds.len());
    let verdict = gateway.verify_audit_log().await;
    assert!(verdict.intact);
    assert_eq!(verdict.checked_events - before, i64::try_from(refused.len()).unwrap());
    assert!(gateway.metric("sluicegate_audit_events_lost_total", &[]).await.abs() < 0.5);
}

#[tokio::test]
async fn what_was_refused_just_before_the_end_is_kept() {
    let gateway = start_gateway().await;
    rest(&gateway, None, "GET", "/v1/models", "").await;
    let TestGateway { app, data, client, http, url } = gateway;
    drop((client, http, url));
    app.stop().await;
    let gateway = crate::support::start_gateway_in(data, &[]).await;
    let outcome = AuditOutcome::Refused.into();
    let refused = gateway.audit_events(ListAuditEventsRequest { outcome, ..Default::default() }).await;
    assert_eq!(refused.len(), 1);
}
