//! New secrets: nobody is logged out before the grace is over, and afterwards everybody is who has only the old one.

use std::net::{IpAddr, Ipv4Addr};

use futures_util::FutureExt as _;
use http::HeaderMap;
use pbjson_types::Duration;
use sluicegate::{
    admin::bootstrap,
    auth::Authenticator,
    error::{Reason, Result},
    proto::v1::{
        AccessRole, ApiKey, DeleteApiKeyRequest, RotateApiKeyRequest, RotateApiKeyResponse,
        UpdateApiKeyRequest,
    },
    secret::Secret,
};

use super::{Bench, CANARY, in_seconds, key, map, refused};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const HOUR: u64 = 3600;

async fn rotate(bench: &Bench, id: &str, secret: &str, grace: Option<i64>) -> Result<RotateApiKeyResponse> {
    let grace = grace.map(|seconds| Duration { seconds, nanos: 0 });
    let request = RotateApiKeyRequest { id: id.into(), secret: secret.into(), grace };
    bench.admin.rotate_api_key(&bench.call(), request).await
}

async fn update(bench: &Bench, key: ApiKey) -> ApiKey {
    let request = UpdateApiKeyRequest { api_key: Some(key) };
    bench.admin.update_api_key(&bench.call(), request).await.unwrap().api_key.unwrap()
}

/// Whether this secret or token lets its holder in, as the key that it belongs to.
fn enters(bench: &Bench, doors: &Authenticator, secret: &str) -> Result<String> {
    let headers: HeaderMap =
        [("authorization".parse().unwrap(), format!("Bearer {secret}").parse().unwrap())]
            .into_iter()
            .collect();
    let snapshot = bench.state.snapshot();
    let caller = doors.caller(&headers, HERE, &snapshot, bench.clock.now()).now_or_never();
    Ok(caller.expect("a token waits for nobody")?.id.clone())
}

fn token(bench: &Bench, doors: &Authenticator, secret: &str) -> String {
    doors.exchange(&[secret], HERE, &bench.state.snapshot(), bench.clock.now()).unwrap().text
}

#[tokio::test]
async fn old_secret_and_its_tokens_are_good_in_the_grace_and_not_after() {
    let bench = Bench::new().await;
    let doors = bench.authenticator();
    let (made, old) = bench.key("one", AccessRole::User).await;
    let rotated = rotate(&bench, "one", "", None).await.unwrap();
    let shown = rotated.api_key.unwrap();
    assert_eq!(rotated.revision, bench.revision());
    assert_eq!((&shown.id, &shown.name, shown.create_time), (&made.id, &made.name, made.create_time));
    assert_eq!(shown.previous_secret_expire_time, in_seconds(24 * HOUR));
    assert!(rotated.secret.ends_with(&shown.hint) && rotated.secret != old && shown.etag != made.etag);
    bench.clock.advance(24 * HOUR - 1800);
    let (of_old, of_new) = (token(&bench, &doors, &old), token(&bench, &doors, &rotated.secret));
    for good in [&old, &rotated.secret, &of_old, &of_new] {
        assert_eq!(enters(&bench, &doors, good).unwrap(), made.id);
    }
    // It is so after a restart too; tokens need nothing that is kept.
    let bench = bench.reopen().await;
    let doors = bench.authenticator();
    bench.clock.advance(24 * HOUR - 1);
    for good in [&old, &rotated.secret, &of_old, &of_new] {
        assert_eq!(enters(&bench, &doors, good).unwrap(), made.id);
    }
    bench.clock.advance(1);
    refused(enters(&bench, &doors, &old), Reason::Unauthenticated, "", "new secret");
    assert!(enters(&bench, &doors, &of_old).is_err());
    for good in [&rotated.secret, &of_new] {
        assert_eq!(enters(&bench, &doors, good).unwrap(), made.id);
    }
}

#[tokio::test]
async fn without_a_grace_the_old_secret_and_its_tokens_are_void_at_once() {
    let bench = Bench::new().await;
    let doors = bench.authenticator();
    let (_, old) = bench.key("one", AccessRole::User).await;
    let of_old = token(&bench, &doors, &old);
    let rotated = rotate(&bench, "one", CANARY, Some(0)).await.unwrap();
    assert_eq!(rotated.secret, CANARY);
    assert_eq!(rotated.api_key.unwrap().previous_secret_expire_time, None);
    refused(enters(&bench, &doors, &old), Reason::Unauthenticated, "", "not known");
    refused(enters(&bench, &doors, &of_old), Reason::Unauthenticated, "", "new secret");
    assert!(enters(&bench, &doors, CANARY).is_ok());
}

#[tokio::test]
async fn a_second_rotation_voids_the_oldest_secret() {
    let bench = Bench::new().await;
    let doors = bench.authenticator();
    let (_, first) = bench.key("one", AccessRole::User).await;
    let of_first = token(&bench, &doors, &first);
    let second = rotate(&bench, "one", "", None).await.unwrap().secret;
    let third = rotate(&bench, "one", "", None).await.unwrap().secret;
    for void in [&first, &of_first] {
        assert!(enters(&bench, &doors, void).is_err());
    }
    for good in [&second, &third] {
        assert!(enters(&bench, &doors, good).is_ok());
    }
    // Back to the one before: then that one is new, and the other old.
    rotate(&bench, "one", &second, None).await.unwrap();
    assert!(enters(&bench, &doors, &second).is_ok() && enters(&bench, &doors, &third).is_ok());
}

#[tokio::test]
async fn tokens_die_with_their_key() {
    let bench = Bench::new().await;
    bench.key("root", AccessRole::Admin).await;
    let doors = bench.authenticator();
    let expiring = ApiKey { expire_time: in_seconds(100), ..key("one", AccessRole::User) };
    let (made, secret) = bench.try_key(expiring, "").await.unwrap();
    let issued = doors.exchange(&[&secret], HERE, &bench.state.snapshot(), bench.clock.now()).unwrap();
    assert_eq!(issued.expires - issued.issued, 100, "a token says when its key ends");
    let token = issued.text;
    assert!(enters(&bench, &doors, &token).is_ok());
    let off = update(&bench, ApiKey { disabled: true, ..made }).await;
    refused(enters(&bench, &doors, &token), Reason::Unauthenticated, "", "is disabled");
    let on = update(&bench, ApiKey { disabled: false, ..off }).await;
    assert!(enters(&bench, &doors, &token).is_ok());
    bench.clock.advance(100);
    refused(enters(&bench, &doors, &token), Reason::AuthenticationTokenExpired, "", "exchange the API key");
    update(&bench, ApiKey { expire_time: None, ..on }).await;
    let token = self::token(&bench, &doors, &secret);
    assert!(enters(&bench, &doors, &token).is_ok());
    bench.admin.delete_api_key(&bench.call(), DeleteApiKeyRequest { id: "one".into() }).await.unwrap();
    refused(enters(&bench, &doors, &token), Reason::Unauthenticated, "", "deleted");
}

#[tokio::test]
async fn a_rotation_that_breaks_a_rule_is_refused_at_its_field() {
    let bench = Bench::new().await;
    bench.try_key(key("one", AccessRole::User), CANARY).await.unwrap();
    let (_, other) = bench.key("two", AccessRole::User).await;
    rotate(&bench, "two", "", None).await.unwrap();
    let invalid = Reason::InvalidRequest;
    for (id, secret, grace, reason, field) in [
        ("three", "", None, Reason::ApiKeyNotFound, "id"),
        ("", "", None, invalid, "id"),
        ("one", "too-short", None, invalid, "secret"),
        ("one", CANARY, None, invalid, "secret"),
        ("one", &*other, None, invalid, "secret"),
        ("one", "", Some(-1), invalid, "grace"),
        ("one", "", Some(30 * 24 * 3600 + 1), invalid, "grace"),
    ] {
        refused(rotate(&bench, id, secret, grace).await, reason, field, "");
    }
    let outcome = bench.try_key(key("four", AccessRole::User), &other).await;
    refused(outcome, invalid, "secret", "\"two\"");
    rotate(&bench, "one", "", Some(30 * 24 * 3600)).await.unwrap();
    let call = bench.call_as("manager", AccessRole::Manage);
    bench.key("root", AccessRole::Admin).await;
    let request = RotateApiKeyRequest { id: "root".into(), ..Default::default() };
    refused(
        bench.admin.rotate_api_key(&call, request).await,
        Reason::PermissionDenied,
        "",
        "cannot make or change",
    );
}

#[tokio::test]
async fn the_environment_does_not_undo_a_rotation_in_its_grace() {
    let bench = Bench::new().await;
    let doors = bench.authenticator();
    let given = || Some(Secret::new(CANARY.into()));
    let start = async || bootstrap::apply(&bench.state, &bench.hasher, &bench.clock, given()).await.unwrap();
    start().await;
    let new = rotate(&bench, "bootstrap-admin", "", None).await.unwrap().secret;
    start().await;
    assert!(enters(&bench, &doors, &new).is_ok() && enters(&bench, &doors, CANARY).is_ok());
    // Afterwards what is given is the key again, as it always was.
    bench.clock.advance(24 * HOUR);
    start().await;
    assert!(enters(&bench, &doors, &new).is_err() && enters(&bench, &doors, CANARY).is_ok());
}

#[tokio::test]
async fn groups_are_kept_and_checked() {
    let bench = Bench::new().await;
    let of = |groups: &[&str]| ApiKey {
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        labels: map(&[]),
        ..key("one", AccessRole::User)
    };
    let long = "x".repeat(129);
    let many: Vec<_> = (0..65).map(|number| number.to_string()).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    for (groups, field) in [
        (&[""][..], "api_key.groups[0]"),
        (&["a", "b c"], "api_key.groups[1]"),
        (&["gr\u{fc}n"], "api_key.groups[0]"),
        (&[&long], "api_key.groups[0]"),
        (&["a", "b", "a"], "api_key.groups[2]"),
        (&many, "api_key.groups"),
    ] {
        refused(bench.try_key(of(groups), "").await, Reason::InvalidRequest, field, "");
    }
    let (made, _) = bench.try_key(of(&many[..64]), "").await.unwrap();
    assert_eq!(made.groups, many[..64]);
    let changed = ApiKey { groups: vec!["AccessGroupId-1".into()], ..made };
    assert_eq!(update(&bench, changed).await.groups, ["AccessGroupId-1"]);
}
