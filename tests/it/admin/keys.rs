//! API keys: secrets, roles, and the last administrator.

use sluicegate::{
    error::{Reason, Result},
    proto::v1::{
        AccessRole, ApiKey, CreateApiKeyRequest, DeleteApiKeyRequest, GetApiKeyRequest, ListApiKeysRequest,
        UpdateApiKeyRequest,
    },
    state::Call,
};

use super::{Bench, CANARY, in_seconds, key, map, refused};

async fn update(bench: &Bench, key: ApiKey) -> Result<ApiKey> {
    let request = UpdateApiKeyRequest { api_key: Some(key) };
    Ok(bench.admin.update_api_key(&bench.call(), request).await?.api_key.unwrap())
}

async fn delete(bench: &Bench, name: &str) -> Result<i64> {
    let request = DeleteApiKeyRequest { id: name.into() };
    Ok(bench.admin.delete_api_key(&bench.call(), request).await?.revision)
}

#[tokio::test]
async fn a_made_secret_is_long_random_and_shown_once() {
    let bench = Bench::new().await;
    let (key, secret) = bench.key("one", AccessRole::User).await;
    let (_, other) = bench.key("two", AccessRole::User).await;
    assert!(secret.starts_with("sg-") && secret.len() == 46 && secret != other);
    assert_eq!(key.hint, &secret[42..]);
    let request = GetApiKeyRequest { id: "one".into() };
    let read = bench.admin.get_api_key(&bench.call(), request).await.unwrap();
    assert_eq!(read.api_key, Some(key));
    let list = bench.admin.list_api_keys(&bench.call(), ListApiKeysRequest::default()).await.unwrap();
    assert!(!format!("{list:?} {:?}", bench.state.snapshot()).contains(&secret));
    let dir = bench.close().await;
    let bytes = std::fs::read(dir.path().join("sluicegate.db")).unwrap();
    assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
}

#[tokio::test]
async fn a_chosen_secret_must_be_strong_enough_and_nobody_elses() {
    let bench = Bench::new().await;
    let request = CreateApiKeyRequest { api_key: Some(key("a", AccessRole::User)), secret: CANARY.into() };
    assert!(!format!("{request:?}").contains("canary"));
    let response = bench.admin.create_api_key(&bench.call(), request).await.unwrap();
    assert_eq!(response.secret, CANARY);
    assert!(!format!("{response:?}").contains("canary"));
    for secret in [
        &"x".repeat(15),
        &"x".repeat(257),
        "sixteen and space",
        "with\nline-end-0123",
        "schlüssel-0123456789",
    ] {
        let outcome = bench.try_key(key("b", AccessRole::User), secret).await;
        refused(outcome, Reason::InvalidRequest, "secret", "16 to 256");
    }
    let outcome = bench.try_key(key("b", AccessRole::User), CANARY).await;
    refused(outcome, Reason::InvalidRequest, "secret", "\"a\"");
}

#[tokio::test]
async fn a_key_that_breaks_a_rule_is_refused_at_its_field() {
    let bench = Bench::new().await;
    bench.key("taken", AccessRole::User).await;
    let good = || key("a", AccessRole::User);
    let invalid = Reason::InvalidRequest;
    let never = pbjson_types::Timestamp { seconds: i64::MAX, nanos: 0 };
    for (wrong, reason, field) in [
        (ApiKey { name: String::new(), ..good() }, invalid, "api_key.name"),
        (ApiKey { name: " a".into(), ..good() }, invalid, "api_key.name"),
        (ApiKey { name: "a\u{200b}".into(), ..good() }, invalid, "api_key.name"),
        (ApiKey { name: "x".repeat(129), ..good() }, invalid, "api_key.name"),
        (ApiKey { name: "taken".into(), ..good() }, Reason::NameTaken, "api_key.name"),
        (ApiKey { role: 0, ..good() }, invalid, "api_key.role"),
        (ApiKey { role: 99, ..good() }, invalid, "api_key.role"),
        (ApiKey { expire_time: in_seconds(0), ..good() }, invalid, "api_key.expire_time"),
        (ApiKey { expire_time: Some(never), ..good() }, invalid, "api_key.expire_time"),
        (ApiKey { labels: map(&[("", "x")]), ..good() }, invalid, "api_key.labels"),
    ] {
        refused(bench.try_key(wrong, "").await, reason, field, "");
    }
    let request = CreateApiKeyRequest::default();
    refused(bench.admin.create_api_key(&bench.call(), request).await, invalid, "api_key", "required");
}

#[tokio::test]
async fn a_second_create_does_not_mint_a_second_secret() {
    let bench = Bench::new().await;
    bench.key("one", AccessRole::User).await;
    let outcome = bench.try_key(key("one", AccessRole::User), "").await;
    refused(outcome, Reason::NameTaken, "api_key.name", "\"one\"");
}

#[tokio::test]
async fn an_update_keeps_the_secret() {
    let bench = Bench::new().await;
    bench.key("root", AccessRole::Admin).await;
    let (made, _) = bench.key("one", AccessRole::User).await;
    let hash = bench.state.snapshot().records.keys[&made.id].hash;
    let wanted = ApiKey { id: "one".into(), hint: "fake".into(), ..key("uno", AccessRole::Manage) };
    let next = update(&bench, wanted).await.unwrap();
    assert_eq!((&next.id, &next.hint, next.create_time), (&made.id, &made.hint, made.create_time));
    assert_eq!((&*next.name, next.role()), ("uno", AccessRole::Manage));
    assert_eq!(bench.state.snapshot().records.keys[&made.id].hash, hash);
    refused(update(&bench, made).await, Reason::Conflict, "api_key.etag", "");
}

#[tokio::test]
async fn the_last_usable_admin_key_cannot_be_lost() {
    let bench = Bench::new().await;
    let (last, _) = bench.key("root", AccessRole::Admin).await;
    // None of these can administer, now or for long.
    bench.try_key(ApiKey { disabled: true, ..key("off", AccessRole::Admin) }, "").await.unwrap();
    bench.key("manager", AccessRole::Manage).await;
    let expiring = ApiKey { expire_time: in_seconds(5), ..key("expiring", AccessRole::Admin) };
    bench.try_key(expiring, "").await.unwrap();
    bench.clock.advance(5);
    let no = Reason::FailedPrecondition;
    refused(delete(&bench, "root").await, no, "", "\"root\"");
    for loss in [
        ApiKey { disabled: true, ..last.clone() },
        ApiKey { role: AccessRole::Manage.into(), ..last.clone() },
        ApiKey { expire_time: in_seconds(0), ..last.clone() },
        ApiKey { expire_time: in_seconds(3600), ..last.clone() },
    ] {
        refused(update(&bench, loss).await, no, "", "last usable admin key");
    }
    let renamed = update(&bench, ApiKey { name: "chief".into(), ..last }).await.unwrap();
    bench.key("second", AccessRole::Admin).await;
    update(&bench, ApiKey { disabled: true, ..renamed }).await.unwrap();
    refused(delete(&bench, "second").await, no, "", "\"second\"");
    delete(&bench, "manager").await.unwrap();
    delete(&bench, "chief").await.unwrap();
}

#[tokio::test]
async fn a_caller_gives_and_changes_no_role_above_its_own() {
    let bench = Bench::new().await;
    let roles = [AccessRole::User, AccessRole::Manage, AccessRole::Admin];
    bench.key("root", AccessRole::Admin).await;
    for (held, caller_role) in roles.into_iter().enumerate() {
        let call: Call = bench.call_as("caller", caller_role);
        for (wanted, role) in roles.into_iter().enumerate() {
            let name = format!("{held}-{wanted}");
            let request = CreateApiKeyRequest { api_key: Some(key(&name, role)), secret: String::new() };
            let created = bench.admin.create_api_key(&call, request).await;
            assert_eq!(created.is_ok(), wanted <= held);
            let (target, _) = bench.key(&format!("target {name}"), role).await;
            let weaker = ApiKey { role: AccessRole::User.into(), ..target.clone() };
            let request = UpdateApiKeyRequest { api_key: Some(weaker) };
            assert_eq!(bench.admin.update_api_key(&call, request).await.is_ok(), wanted <= held);
            let (target, _) = bench.key(&format!("gone {name}"), role).await;
            let request = DeleteApiKeyRequest { id: target.id };
            let deleted = bench.admin.delete_api_key(&call, request).await;
            if wanted <= held {
                deleted.unwrap();
            } else {
                refused(deleted, Reason::PermissionDenied, "", "cannot make or change");
            }
        }
    }
}

#[tokio::test]
async fn keys_are_listed_by_name_in_pages() {
    let bench = Bench::new().await;
    for name in ["c", "a", "b"] {
        bench.key(name, AccessRole::User).await;
    }
    let request = ListApiKeysRequest { page_size: 2, ..Default::default() };
    let first = bench.admin.list_api_keys(&bench.call(), request).await.unwrap();
    assert_eq!(first.api_keys.iter().map(|key| &*key.name).collect::<Vec<_>>(), ["a", "b"]);
    let request = ListApiKeysRequest { page_token: first.next_page_token, ..Default::default() };
    let second = bench.admin.list_api_keys(&bench.call(), request).await.unwrap();
    assert_eq!(second.api_keys.iter().map(|key| &*key.name).collect::<Vec<_>>(), ["c"]);
    let request = GetApiKeyRequest { id: "d".into() };
    refused(bench.admin.get_api_key(&bench.call(), request).await, Reason::ApiKeyNotFound, "id", "\"d\"");
}
