//! Every change leaves its events, with who made it, what was there before and what is there now; no secret stands in any.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sluicegate_client::v1::{
    AccessRole, AuditEvent, AuditOutcome, CreateApiKeyRequest, CreateProviderRequest, Credential,
    DeleteProviderRequest, InlineSecrets, Provider, RotateApiKeyRequest, UpdateProviderRequest, credential,
};

use crate::{
    permissions::{
        ask::{Outcome, grpc, grpc_web, rest},
        table::{Row, TABLE},
        world::{Set, World},
    },
    support::{ADMIN_KEY, start_gateway},
};

const CANARY: &str = "sk-canary-of-the-audit-log-0123456789";

fn method(row: &Row) -> &'static str {
    row.rpc.split_once('/').expect("a service and a method").1
}

/// Whether the RPC changes the configuration, by its name.
fn changes(row: &Row) -> bool {
    ["Create", "Update", "Delete", "Rotate"].iter().any(|verb| method(row).starts_with(verb))
}

#[test]
fn every_rpc_that_may_write_is_one_that_changes() {
    let verbless: BTreeSet<_> = TABLE
        .iter()
        .filter(|row| row.permission.as_str_name().starts_with("PERMISSION_WRITE_") && !changes(row))
        .map(|row| row.rpc)
        .collect();
    assert_eq!(verbless, BTreeSet::from(["ProviderAdmin/TestProvider"]), "a new one belongs to `changes`");
}

/// Asks as administrator and gives the events that this left.
async fn left(world: &World, row: &Row, set: &Set, twin: Option<usize>, web: bool) -> Vec<AuditEvent> {
    let before = world.gateway.verify_audit_log().await.last_sequence;
    let message = set.fill(row.message);
    let key = Some(ADMIN_KEY);
    let outcome = match twin {
        None if web => grpc_web(&world.gateway, key, row.rpc, &(row.encode)(&message)).await,
        None => grpc(&world.gateway, key, row.rpc, (row.encode)(&message)).await,
        Some(twin) => {
            let (method, path, body) = row.twins[twin];
            let body = if body == "=" { message } else { set.fill(body) };
            rest(&world.gateway, key, method, &set.fill(path), &body).await
        }
    };
    if changes(row) {
        assert!(matches!(outcome, Outcome::Answered(_)), "{}: {outcome}", row.rpc);
    }
    let mut events = world.gateway.audited_changes().await;
    events.retain(|event| event.sequence > before);
    events
}

#[tokio::test]
async fn every_rpc_that_changes_leaves_events_on_every_edge_and_no_other_does() {
    let world = World::new().await;
    let reading = world.set(0).await;
    for row in TABLE {
        let edges = [(None, false, "grpc"), (None, true, "grpc_web")];
        let twins = (0..row.twins.len()).map(|twin| (Some(twin), false, "rest"));
        for (twin, web, protocol) in edges.into_iter().chain(twins) {
            if !changes(row) {
                let events = left(&world, row, &reading, twin, web).await;
                assert!(events.is_empty(), "{} changes nothing: {events:#?}", row.rpc);
                continue;
            }
            let set = world.set(0).await;
            let events = left(&world, row, &set, twin, web).await;
            assert!(!events.is_empty(), "{} by {protocol} left no event", row.rpc);
            for event in events {
                let actor = event.actor.clone().unwrap_or_default();
                assert_eq!((&*event.action, &*event.protocol), (method(row), protocol), "{event:#?}");
                assert_eq!((&*actor.name, actor.role()), ("bootstrap-admin", AccessRole::Admin));
                assert_eq!((&*event.source, event.count), ("127.0.0.1", 0));
                assert!(event.request_id.starts_with("req-") && event.revision > 0, "{event:#?}");
                let (kind, id) = event.resource.split_once(':').expect("KIND:ID");
                assert!(!kind.is_empty() && !id.is_empty());
                check_sides(&event);
            }
        }
    }
    assert!(world.gateway.verify_audit_log().await.intact);
}

/// What is created was not there, what is deleted is gone, and all that is told is JSON.
fn check_sides(event: &AuditEvent) {
    let [before, after] = [&event.before_json, &event.after_json]
        .map(|json| (!json.is_empty()).then(|| serde_json::from_str::<Value>(json).expect("JSON")));
    match (event.action.split_at(6).0, &*event.resource) {
        // There is one, whatever was done to it.
        (_, "tenant:default") => assert!(after.is_some()),
        ("Create", _) => assert!(before.is_none() && after.is_some(), "{event:#?}"),
        ("Delete", _) => assert!(before.is_some() && after.is_none(), "{event:#?}"),
        _ => assert!(before.is_some() && after.is_some() && before != after, "{event:#?}"),
    }
}

fn provider(apikey: Option<&str>) -> Provider {
    let values = |key: &str| BTreeMap::from([("apikey".to_owned(), key.to_owned())]).into_iter().collect();
    Provider {
        name: "east".into(),
        r#type: "openai".into(),
        credential: apikey.map(|key| Credential {
            source: Some(credential::Source::Inline(InlineSecrets { values: values(key) })),
        }),
        ..Default::default()
    }
}

#[tokio::test]
async fn an_event_tells_that_a_secret_changed_and_never_the_secret() {
    let gateway = start_gateway().await;
    let mut providers = gateway.client.providers();
    let request = CreateProviderRequest { provider: Some(provider(Some(CANARY))) };
    let made = providers.create_provider(request).await.expect("created").into_inner().provider.expect("one");
    for (apikey, label) in [(None, "a"), (Some("sk-other-canary-0123456789"), "b")] {
        let labels = [(label.to_owned(), String::new())].into_iter().collect();
        let changed = Provider { id: made.id.clone(), labels, ..provider(apikey) };
        let request = UpdateProviderRequest { provider: Some(changed) };
        providers.update_provider(request).await.expect("updated");
    }
    providers.delete_provider(DeleteProviderRequest { id: made.id.clone() }).await.expect("deleted");
    let mut access = gateway.client.access();
    let key = sluicegate_client::v1::ApiKey {
        name: "one".into(),
        role: AccessRole::User.into(),
        ..Default::default()
    };
    let request = CreateApiKeyRequest { api_key: Some(key), secret: CANARY.into() };
    let key = access.create_api_key(request).await.expect("created").into_inner().api_key.expect("a key");
    let secret = "sk-third-canary-0123456789".to_owned();
    let request = RotateApiKeyRequest { id: key.id, secret, ..Default::default() };
    access.rotate_api_key(request).await.expect("rotated");

    let changes = gateway.audited_changes().await;
    let told: Vec<_> =
        changes.iter().map(|event| (&*event.action, &*event.resource_name, event.secret_changed)).collect();
    let expected = [
        ("CreateProvider", "east", true),
        ("UpdateProvider", "east", false),
        ("UpdateProvider", "east", true),
        ("DeleteProvider", "east", true),
        ("CreateApiKey", "one", true),
        ("RotateApiKey", "one", true),
    ];
    assert_eq!(told[told.len() - expected.len()..], expected);
    let all = format!("{changes:?}");
    for secret in [CANARY, "sk-other-canary-0123456789", "sk-third-canary-0123456789", ADMIN_KEY] {
        assert!(!all.contains(secret), "{all}");
        // The hint shows the last four letters, and that is all there is.
        assert!(!all.contains(&secret[secret.len() - 8..]), "{all}");
    }
}

#[tokio::test]
async fn what_goes_with_a_resource_has_events_of_its_own() {
    let world = World::new().await;
    let set = world.set(0).await;
    let before = world.gateway.verify_audit_log().await.last_sequence;
    let request = DeleteProviderRequest { id: set.provider.clone() };
    let revision = world
        .gateway
        .client
        .providers()
        .delete_provider(request)
        .await
        .expect("deleted")
        .into_inner()
        .revision;
    let mut events = world.gateway.audited_changes().await;
    events.retain(|event| event.sequence > before);
    let resources: Vec<_> = events.iter().map(|event| event.resource.clone()).collect();
    for gone in [
        format!("provider:{}", set.provider),
        format!("model:{}", set.model),
        format!("rate_limit:{}", set.limit),
    ] {
        assert!(resources.contains(&gone), "{resources:?}");
    }
    assert!(events.iter().all(|event| event.revision == revision && event.action == "DeleteProvider"));
    let ids: BTreeSet<_> = events.iter().map(|event| &event.request_id).collect();
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn what_the_gateway_does_by_itself_has_events_without_an_actor() {
    let seed = tempfile::NamedTempFile::new().expect("a file");
    let text = r#"[{"createProvider": {"provider": {"name": "demo", "type": "demo"}}}, {"createModel": {"model": {"provider": "demo", "upstreamId": "demo"}}}]"#;
    std::fs::write(seed.path(), text).expect("written");
    let gateway =
        crate::support::start_gateway_with(&["--config", seed.path().to_str().expect("a path")]).await;
    let events = gateway.audited_changes().await;
    let told: Vec<_> = events.iter().map(|event| (&*event.action, &*event.resource_name)).collect();
    let expected = [
        ("FirstStart", ""),
        ("MasterKey", ""),
        ("SeedFile", "demo"),
        ("SeedFile", "demo"),
        ("Bootstrap", "bootstrap-admin"),
    ];
    assert_eq!(told, expected);
    assert!(events.iter().all(|event| event.actor.is_none() && event.source.is_empty()));
    assert!(
        events.iter().enumerate().all(|(place, event)| event.sequence == i64::try_from(place).unwrap() + 1)
    );
    assert!(events.iter().all(|event| event.outcome() == AuditOutcome::Changed));
}

/// As large as a seed file can be.
#[tokio::test]
async fn a_change_of_ten_thousand_records_is_one_commit_with_as_many_events() {
    let seed = tempfile::NamedTempFile::new().expect("a file");
    let key = |number| {
        format!(
            r#"{{"createApiKey":{{"apiKey":{{"name":"k{number}","role":"ACCESS_ROLE_USER"}},"secret":"0123456789abcdef-{number}"}}}}"#
        )
    };
    let keys: Vec<_> = (0..10_000).map(key).collect();
    std::fs::write(seed.path(), format!("[{}]", keys.join(","))).expect("written");
    let gateway =
        crate::support::start_gateway_with(&["--config", seed.path().to_str().expect("a path")]).await;
    let verdict = gateway.verify_audit_log().await;
    assert!(verdict.intact && verdict.checked_events > 10_000, "{verdict:?}");
    let newest =
        sluicegate_client::v1::ListAuditEventsRequest { action: "SeedFile".into(), ..Default::default() };
    let events = gateway.audit_events(newest).await;
    assert_eq!(events.len(), 10_000);
    assert!(events.iter().all(|event| event.revision == events[0].revision && event.secret_changed));
}
