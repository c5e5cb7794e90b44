//! Rate limits: what may be written, and what is kept.

use sluicegate::{
    error::{Reason, Result},
    proto::v1::{
        CreateRateLimitRequest, DeleteRateLimitRequest, GetRateLimitRequest, ListRateLimitsRequest,
        RateBucket, RateLimit, RateLimitType, UpdateRateLimitRequest,
    },
};

use super::{Bench, custom, map, refused};

fn bucket(amount: i64, capacity: i64, duration: &str) -> Option<RateBucket> {
    Some(RateBucket { amount, capacity, duration: duration.into() })
}

fn of_tenant(request: Option<RateBucket>) -> RateLimit {
    RateLimit { r#type: RateLimitType::Tenant.into(), request, ..RateLimit::default() }
}

async fn create(bench: &Bench, limit: RateLimit) -> Result<RateLimit> {
    let request = CreateRateLimitRequest { rate_limit: Some(limit) };
    Ok(bench.admin.create_rate_limit(&bench.call(), request).await?.rate_limit.unwrap())
}

async fn update(bench: &Bench, limit: RateLimit) -> Result<RateLimit> {
    let request = UpdateRateLimitRequest { rate_limit: Some(limit) };
    Ok(bench.admin.update_rate_limit(&bench.call(), request).await?.rate_limit.unwrap())
}

async fn ids(bench: &Bench) -> Vec<String> {
    let (mut ids, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListRateLimitsRequest { page_size: 2, page_token };
        let page = bench.admin.list_rate_limits(&bench.call(), request).await.unwrap();
        assert!(page.rate_limits.len() <= 2);
        ids.extend(page.rate_limits.into_iter().map(|limit| limit.id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return ids;
        }
    }
}

#[tokio::test]
async fn amounts_and_durations_have_their_bounds() {
    let bench = Bench::new().await;
    let request = "rate_limit.request";
    for (amount, capacity, duration, field, message) in [
        (-1, 1, "1m", "amount", "from 0"),
        (1, -1, "1m", "capacity", "from 0"),
        (i64::MIN, 1, "1m", "amount", "from 0"),
        (1, 1, "", "duration", "required"),
        (1, 1, "0", "duration", "above 0"),
        (1, 1, "-1m", "duration", "above 0"),
        (1, 1, "0.9ns", "duration", "above 0"),
        (1, 1, "366d1ns", "duration", "366d"),
        (1, 1, "106752d", "duration", "64 bits"),
        (1, 1, "1", "duration", "unit"),
        (1, 1, "1 minute", "duration", "unit"),
        (1, 1, "often", "duration", "numbers"),
        (0, 1, "often", "duration", "numbers"),
        (1, 1, &"1s".repeat(33), "duration", "64 characters"),
    ] {
        let outcome = create(&bench, of_tenant(bucket(amount, capacity, duration))).await;
        refused(outcome, Reason::InvalidRequest, &format!("{request}.{field}"), message);
    }
    for none in [None, bucket(0, i64::MAX, "1m")] {
        refused(create(&bench, of_tenant(none)).await, Reason::InvalidRequest, request, "above 0");
    }
    for (amount, capacity, duration) in [
        (1, 0, "1ns"),
        (i64::MAX, i64::MAX, "366d"),
        (1, 1, "8784h"),
        (1, 1, "+1.5h30m"),
        (1, 1, "0.5\u{b5}s"),
    ] {
        let limit = of_tenant(bucket(amount, capacity, duration));
        let stored = create(&bench, limit.clone()).await.unwrap();
        assert_eq!(stored.request, limit.request, "as it was written");
    }
    assert_eq!(ids(&bench).await.len(), 5);
}

#[tokio::test]
async fn a_limit_is_about_what_its_type_says() {
    let bench = Bench::new().await;
    let provider = bench.provider(custom("east")).await;
    let model = bench.model("east", "gpt", "a").await;
    let of = |kind: RateLimitType, provider: &str, model: &str| RateLimit {
        r#type: kind.into(),
        provider: provider.into(),
        model: model.into(),
        token: bucket(1, 1, "1m"),
        ..RateLimit::default()
    };
    use RateLimitType::{Model, Provider, Tenant, Unspecified};
    for (kind, provider, model, reason, field, message) in [
        (Unspecified, "", "", Reason::InvalidRequest, "type", "RATE_LIMIT_TYPE_TENANT"),
        (Tenant, "east", "", Reason::InvalidRequest, "provider", "leave it out"),
        (Tenant, "", "a", Reason::InvalidRequest, "model", "leave it out"),
        (Provider, "", "", Reason::InvalidRequest, "provider", "id or the name"),
        (Provider, "east", "a", Reason::InvalidRequest, "model", "leave it out"),
        (Provider, "nope", "", Reason::ProviderNotFound, "provider", "nope"),
        (Model, "", "", Reason::InvalidRequest, "model", "id, the alias"),
        (Model, "east", "a", Reason::InvalidRequest, "provider", "leave it out"),
        (Model, "", "nope", Reason::ModelNotFound, "model", "nope"),
    ] {
        let outcome = create(&bench, of(kind, provider, model)).await;
        refused(outcome, reason, &format!("rate_limit.{field}"), message);
    }
    let mut unknown = of(Tenant, "", "");
    unknown.r#type = 99;
    refused(create(&bench, unknown).await, Reason::InvalidRequest, "rate_limit.type", "required");
    for (limit, provider, model) in [
        (of(Tenant, "", ""), "", ""),
        (of(Provider, "east", ""), &*provider.id, ""),
        (of(Provider, &provider.id, ""), &provider.id, ""),
        (of(Model, "", "a"), "", &*model.id),
        (of(Model, "", "gpt"), "", &model.id),
    ] {
        let stored = create(&bench, limit).await.unwrap();
        assert_eq!((&*stored.provider, &*stored.model), (provider, model), "ids, however it was named");
    }
    bench.provider(custom("west")).await;
    bench.model("west", "gpt", "a").await;
    // No repeat of what was created above.
    bench.clock.advance(11);
    let shared = create(&bench, of(Model, "", "a")).await;
    refused(shared, Reason::FailedPrecondition, "rate_limit.model", "fits 2 models");
}

#[tokio::test]
async fn an_update_replaces_all_but_id_and_create_time() {
    let bench = Bench::new().await;
    let mut limit = of_tenant(bucket(1, 2, "1m"));
    limit.labels = map(&[("team", "blue")]);
    let stored = create(&bench, limit).await.unwrap();
    assert!(!stored.etag.is_empty() && stored.create_time.is_some());
    bench.clock.advance(60);
    let mut next = RateLimit { id: stored.id.clone(), etag: stored.etag.clone(), ..of_tenant(None) };
    next.token = bucket(3, 4, "1h");
    let updated = update(&bench, next.clone()).await.unwrap();
    assert_eq!((&updated.id, &updated.create_time), (&stored.id, &stored.create_time));
    assert_eq!(
        (updated.request.clone(), updated.token.clone(), updated.labels.len()),
        (None, next.token.clone(), 0)
    );
    assert_ne!((&updated.etag, &updated.update_time), (&stored.etag, &stored.update_time));
    refused(update(&bench, next.clone()).await, Reason::Conflict, "rate_limit.etag", "changed");
    next.etag.clear();
    update(&bench, next.clone()).await.unwrap();
    next.token = None;
    refused(update(&bench, next.clone()).await, Reason::InvalidRequest, "rate_limit.request", "above 0");
    next.id = "nope".into();
    refused(update(&bench, next.clone()).await, Reason::RateLimitNotFound, "rate_limit.id", "nope");
    next.id.clear();
    refused(update(&bench, next).await, Reason::InvalidRequest, "rate_limit.id", "give the id");

    let dir = bench.close().await;
    let bench = Bench::open(dir).await;
    let read = GetRateLimitRequest { id: stored.id.clone() };
    let kept = bench.admin.get_rate_limit(&bench.call(), read.clone()).await.unwrap().rate_limit.unwrap();
    assert_eq!(kept.token, updated.token, "over a restart");
    let request = DeleteRateLimitRequest { id: stored.id };
    bench.admin.delete_rate_limit(&bench.call(), request.clone()).await.unwrap();
    let again = bench.admin.delete_rate_limit(&bench.call(), request).await;
    refused(again, Reason::RateLimitNotFound, "id", "does not exist");
    let gone = bench.admin.get_rate_limit(&bench.call(), read).await;
    refused(gone, Reason::RateLimitNotFound, "id", "does not exist");
}

#[tokio::test]
async fn a_create_is_repeated_for_ten_seconds_and_by_the_same_caller_only() {
    let bench = Bench::new().await;
    let limit = of_tenant(bucket(1, 2, "1m"));
    let first = create(&bench, limit.clone()).await.unwrap();
    bench.clock.advance(9);
    let revision = bench.revision();
    assert_eq!(create(&bench, limit.clone()).await.unwrap(), first);
    assert_eq!(bench.revision(), revision, "nothing was written");
    bench.clock.advance(2);
    let second = create(&bench, limit.clone()).await.unwrap();
    let request = CreateRateLimitRequest { rate_limit: Some(limit) };
    let other = bench.call_as("somebody else", sluicegate::proto::v1::AccessRole::Manage);
    let third = bench.admin.create_rate_limit(&other, request).await.unwrap().rate_limit.unwrap();
    assert_eq!(ids(&bench).await, [first.id, second.id, third.id], "in the order of their creation");
}
