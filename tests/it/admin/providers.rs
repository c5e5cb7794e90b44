//! Providers: what is refused, what is kept, what is never shown.

use std::time::Duration;

use sluicegate::{
    error::Reason,
    proto::v1::{
        AccessRole, CreateProviderRequest, DeleteProviderRequest, GetProviderRequest,
        ListProviderTypesRequest, ListProvidersRequest, Provider, UpdateProviderRequest,
    },
};

use super::{Bench, CANARY, custom, map, openai, refused, secrets};

async fn update(bench: &Bench, provider: Provider) -> sluicegate::error::Result<Provider> {
    let request = UpdateProviderRequest { provider: Some(provider) };
    Ok(bench.admin.update_provider(&bench.call(), request).await?.provider.unwrap())
}

#[tokio::test]
async fn a_provider_reads_back_as_written_by_id_and_by_name() {
    let bench = Bench::new().await;
    let made = bench
        .provider(Provider {
            base_url: "https://example.com/v1/".into(),
            settings: map(&[("organization", "org-1"), ("project", "")]),
            headers: map(&[("X-Team", "blue")]),
            labels: map(&[("team", "blue")]),
            ..openai("East (1) [a].b-c_d", CANARY)
        })
        .await;
    assert_eq!(made.base_url, "https://example.com/v1");
    assert_eq!(made.headers, map(&[("x-team", "blue")]));
    assert_eq!(made.settings, map(&[("organization", "org-1")]), "blank is unset");
    assert_eq!(made.credential_hint, map(&[("apikey", "...6789")]));
    assert!(uuid::Uuid::try_parse(&made.id).is_ok() && made.create_time.is_some() && !made.etag.is_empty());
    for name in [&made.id, &made.name] {
        let request = GetProviderRequest { id: name.clone() };
        let read = bench.admin.get_provider(&bench.call(), request).await.unwrap();
        assert_eq!(read.provider.as_ref(), Some(&made));
    }
    let bench = bench.reopen().await;
    let request = GetProviderRequest { id: made.id.clone() };
    let read = bench.admin.get_provider(&bench.call(), request).await.unwrap();
    assert_eq!(read.provider, Some(made), "and so after a restart");
}

#[tokio::test]
async fn a_credential_is_shown_nowhere_and_stored_nowhere_in_the_clear() {
    let bench = Bench::new().await;
    let request = CreateProviderRequest { provider: Some(openai("east", CANARY)) };
    assert!(!format!("{request:?}").contains("canary"));
    let response = bench.admin.create_provider(&bench.call(), request).await.unwrap();
    assert_eq!(response.provider.as_ref().unwrap().credential, None);
    let list = bench.admin.list_providers(&bench.call(), ListProvidersRequest::default()).await.unwrap();
    assert!(
        !format!("{response:?} {list:?} {:?} {:?}", bench.state.snapshot(), bench.state).contains("canary")
    );
    let dir = bench.close().await;
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(9).any(|window| window == b"sk-canary"));
    }
}

#[tokio::test]
async fn a_name_is_required_readable_and_unique() {
    let bench = Bench::new().await;
    for name in
        ["", " a", "a ", "a  b", "a/b", "a\nb", "ä", &"x".repeat(129), "018f3c5e-8a4b-7000-8000-000000000000"]
    {
        refused(bench.try_provider(custom(name)).await, Reason::InvalidRequest, "provider.name", "");
    }
    bench.provider(custom("east")).await;
    let other = Provider { base_url: "http://127.0.0.1:10/v1".into(), ..custom("east") };
    refused(bench.try_provider(other).await, Reason::NameTaken, "provider.name", "\"east\"");
    let west = bench.provider(custom("west")).await;
    let renamed = Provider { name: "east".into(), ..west };
    refused(update(&bench, renamed).await, Reason::NameTaken, "provider.name", "\"east\"");
    let request = CreateProviderRequest::default();
    refused(
        bench.admin.create_provider(&bench.call(), request).await,
        Reason::InvalidRequest,
        "provider",
        "required",
    );
}

#[tokio::test]
async fn what_a_type_does_not_know_is_refused_with_what_it_knows() {
    let bench = Bench::new().await;
    let unknown_type = Provider { r#type: "nobody".into(), ..custom("a") };
    refused(bench.try_provider(unknown_type).await, Reason::InvalidRequest, "provider.type", "openai");
    let setting = Provider { settings: map(&[("foo", "1")]), ..openai("a", "k") };
    refused(
        bench.try_provider(setting).await,
        Reason::InvalidRequest,
        "provider.settings.foo",
        "it takes organization, project",
    );
    let secret = Provider { credential: secrets(&[("apikey", "k"), ("foo", "k")]), ..openai("a", "k") };
    refused(
        bench.try_provider(secret).await,
        Reason::InvalidRequest,
        "provider.credential.inline.values.foo",
        "it takes apikey",
    );
    let none = Provider { settings: map(&[("foo", "1")]), ..custom("a") };
    refused(bench.try_provider(none).await, Reason::InvalidRequest, "provider.settings.foo", "it takes none");
}

#[tokio::test]
async fn what_a_type_requires_is_named_when_it_is_missing() {
    let bench = Bench::new().await;
    const APIKEY: &str = "provider.credential.inline.values.apikey";
    for credential in [None, secrets(&[]), secrets(&[("apikey", "")])] {
        let provider = Provider { credential, ..openai("a", "") };
        refused(
            bench.try_provider(provider).await,
            Reason::InvalidRequest,
            APIKEY,
            "required for type openai",
        );
    }
    for pasted in ["key\n", " key", "k\ney", "schlüssel"] {
        refused(bench.try_provider(openai("a", pasted)).await, Reason::InvalidRequest, APIKEY, "");
    }
    let nowhere = Provider { base_url: String::new(), ..custom("a") };
    refused(bench.try_provider(nowhere).await, Reason::InvalidRequest, "provider.base_url", "required");
    let metadata = Provider { base_url: "http://169.254.169.254/".into(), ..custom("a") };
    refused(bench.try_provider(metadata).await, Reason::InvalidRequest, "provider.base_url", "metadata");
}

#[tokio::test]
async fn headers_of_the_gateway_cannot_be_set_and_others_must_be_sendable() {
    let bench = Bench::new().await;
    for name in [
        "Host",
        "authorization",
        "Content-Length",
        "content-type",
        "Connection",
        "TE",
        "upgrade",
        "transfer-encoding",
    ] {
        let provider = Provider { headers: map(&[(name, "x")]), ..custom("a") };
        let field = format!("provider.headers.{name}");
        refused(bench.try_provider(provider).await, Reason::InvalidRequest, &field, "cannot be set");
    }
    for (name, value) in [("a b", "x"), ("", "x"), ("x-a", "a\nb"), ("x-a", "ä")] {
        let provider = Provider { headers: map(&[(name, value)]), ..custom("a") };
        let field = format!("provider.headers.{name}");
        refused(bench.try_provider(provider).await, Reason::InvalidRequest, &field, "");
    }
    let twice = Provider { headers: map(&[("X-A", "1"), ("x-a", "2")]), ..custom("a") };
    refused(bench.try_provider(twice).await, Reason::InvalidRequest, "provider.headers.x-a", "twice");
}

#[tokio::test]
async fn maps_have_limits() {
    let bench = Bench::new().await;
    let many = |count: usize| (0..count).map(|number| (format!("x-{number}"), "1".to_owned())).collect();
    bench.provider(Provider { labels: many(64), headers: many(32), ..custom("full") }).await;
    for (provider, field) in [
        (Provider { labels: many(65), ..custom("a") }, "provider.labels"),
        (Provider { headers: many(33), ..custom("a") }, "provider.headers"),
        (Provider { settings: many(65), ..custom("a") }, "provider.settings"),
        (Provider { labels: map(&[("a", &"x".repeat(1025))]), ..custom("a") }, "provider.labels.a"),
        (Provider { labels: map(&[("", "x")]), ..custom("a") }, "provider.labels"),
    ] {
        refused(bench.try_provider(provider).await, Reason::InvalidRequest, field, "");
    }
}

#[tokio::test]
async fn an_update_replaces_everything_but_id_type_create_time_and_an_unsaid_credential() {
    let bench = Bench::new().await;
    let made = bench.provider(Provider { labels: map(&[("a", "1")]), ..openai("east", CANARY) }).await;
    bench.clock.advance(5);
    let wanted = Provider { id: made.id.clone(), name: "West".into(), ..Provider::default() };
    let next = update(&bench, wanted).await.unwrap();
    assert_eq!((&next.id, &*next.r#type, next.create_time), (&made.id, "openai", made.create_time));
    assert_eq!((&*next.name, next.labels.len()), ("West", 0));
    assert_eq!(next.credential_hint, made.credential_hint);
    assert_ne!(next.update_time, made.update_time);
    let other = Provider { credential: secrets(&[("apikey", "sk-another-key-0000wxyz")]), ..next.clone() };
    let next = update(&bench, other).await.unwrap();
    assert_eq!(next.credential_hint, map(&[("apikey", "...wxyz")]));
    let other = Provider { r#type: "custom".into(), ..next };
    refused(update(&bench, other).await, Reason::InvalidRequest, "provider.type", "cannot change");
}

#[tokio::test]
async fn a_provider_named_by_name_keeps_its_name() {
    let bench = Bench::new().await;
    bench.provider(custom("east")).await;
    let unnamed = Provider { id: "east".into(), name: String::new(), ..custom("") };
    assert_eq!(update(&bench, unnamed).await.unwrap().name, "east");
    let renamed = Provider { id: "east".into(), ..custom("west") };
    refused(update(&bench, renamed).await, Reason::InvalidRequest, "provider.name", "to rename");
}

#[tokio::test]
async fn an_etag_changes_with_every_change_and_an_old_one_is_refused() {
    let bench = Bench::new().await;
    let first = bench.provider(custom("east")).await;
    let second = update(&bench, Provider { labels: map(&[("a", "1")]), ..first.clone() }).await.unwrap();
    let again = Provider { labels: map(&[]), ..second.clone() };
    let third = update(&bench, again).await.unwrap();
    assert!(first.etag != second.etag && second.etag != third.etag && first.etag != third.etag);
    refused(update(&bench, second).await, Reason::Conflict, "provider.etag", "read it and try again");
    let unchecked = Provider { etag: String::new(), ..first };
    update(&bench, unchecked).await.unwrap();
}

#[tokio::test]
async fn deleting_a_provider_deletes_its_models_and_no_others() {
    let bench = Bench::new().await;
    for provider in ["east", "west"] {
        bench.provider(custom(provider)).await;
        bench.model(provider, "m", "shared").await;
    }
    let before = bench.revision();
    let request = DeleteProviderRequest { id: "east".into() };
    let response = bench.admin.delete_provider(&bench.call(), request.clone()).await.unwrap();
    assert_eq!(response.revision, before + 1, "in one commit");
    let snapshot = bench.state.snapshot();
    assert_eq!(snapshot.revision, response.revision);
    assert_eq!(snapshot.records.models.len(), 1);
    assert_eq!(snapshot.group("shared").unwrap().targets.len(), 1);
    refused(
        bench.admin.delete_provider(&bench.call(), request).await,
        Reason::ProviderNotFound,
        "id",
        "east",
    );
}

#[tokio::test]
async fn a_create_that_is_repeated_within_ten_seconds_gives_the_first_result() {
    let bench = Bench::new().await;
    let request = CreateProviderRequest { provider: Some(openai("east", CANARY)) };
    let first = bench.admin.create_provider(&bench.call(), request.clone()).await.unwrap();
    bench.clock.advance(9);
    let again = bench.admin.create_provider(&bench.call(), request.clone()).await.unwrap();
    assert_eq!(again, first);
    let another_key = CreateProviderRequest { provider: Some(openai("east", "another key")) };
    let outcome = bench.admin.create_provider(&bench.call(), another_key).await;
    refused(outcome, Reason::NameTaken, "provider.name", "east");
    let other = bench.call_as("somebody else", AccessRole::Admin);
    let outcome = bench.admin.create_provider(&other, request.clone()).await;
    refused(outcome, Reason::NameTaken, "provider.name", "east");
    bench.clock.advance(1);
    let outcome = bench.admin.create_provider(&bench.call(), request).await;
    refused(outcome, Reason::NameTaken, "provider.name", "east");
}

#[tokio::test]
async fn a_repeated_create_does_not_bring_back_what_was_changed_or_deleted() {
    let bench = Bench::new().await;
    let first = bench.provider(custom("east")).await;
    let renamed = update(&bench, Provider { name: "old".into(), ..first.clone() }).await.unwrap();
    let second = bench.provider(custom("east")).await;
    assert!(second.id != renamed.id, "the first result has changed, so this is a new one");
    for id in [&renamed.id, &second.id] {
        let request = DeleteProviderRequest { id: id.clone() };
        bench.admin.delete_provider(&bench.call(), request).await.unwrap();
    }
    let third = bench.provider(custom("east")).await;
    assert!(third.id != first.id && third.id != second.id);
}

#[tokio::test]
async fn equal_creates_at_the_same_time_make_one_provider() {
    let bench = Bench::new().await;
    let creates = (0..20).map(|_| bench.provider(custom("east")));
    let made =
        tokio::time::timeout(Duration::from_secs(20), futures_util::future::join_all(creates)).await.unwrap();
    assert!(made.iter().all(|provider| provider.id == made[0].id));
    assert_eq!(bench.state.snapshot().records.providers.len(), 1);
}

#[tokio::test]
async fn providers_are_listed_by_name_in_pages() {
    let bench = Bench::new().await;
    for name in ["c", "a", "b"] {
        bench.provider(custom(name)).await;
    }
    let request = ListProvidersRequest { page_size: 2, ..Default::default() };
    let first = bench.admin.list_providers(&bench.call(), request.clone()).await.unwrap();
    let names = |page: &[Provider]| page.iter().map(|provider| provider.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&first.providers), ["a", "b"]);
    let request = ListProvidersRequest { page_token: first.next_page_token, ..request };
    let second = bench.admin.list_providers(&bench.call(), request).await.unwrap();
    assert_eq!((names(&second.providers), &*second.next_page_token), (vec!["c".to_owned()], ""));
    let request = ListProvidersRequest { page_token: "x".into(), ..Default::default() };
    refused(
        bench.admin.list_providers(&bench.call(), request).await,
        Reason::InvalidRequest,
        "page_token",
        "",
    );
}

#[tokio::test]
async fn provider_types_are_listed_by_name_with_what_they_need() {
    let bench = Bench::new().await;
    let list =
        bench.admin.list_provider_types(&bench.call(), ListProviderTypesRequest::default()).await.unwrap();
    assert!(list.provider_types.is_sorted_by_key(|row| row.name.clone()));
    let row = |name: &str| list.provider_types.iter().find(|row| row.name == name).unwrap();
    assert!(row("custom").base_url_required);
    assert_eq!(row("openai").default_base_url, "https://api.openai.com/v1");
    assert_eq!(row("openai").auth_kinds[0].secrets[0].name, "apikey");
}
