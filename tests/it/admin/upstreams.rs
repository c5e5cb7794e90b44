//! What administration asks of upstreams.

use sluicegate::{
    error::Reason,
    proto::v1::{
        AvailableModel, ErrorReason, Fault, ListAvailableModelsRequest, Provider, TestProviderRequest,
        TestProviderResponse, UpdateProviderRequest,
    },
};

use super::{Bench, CANARY, custom, openai, refused};
use crate::support::{FakeUpstream, json_answer};

const LIST: &str =
    r#"{"object":"list","data":[{"id":"m-2","object":"model","created":5,"owned_by":"us"},{"id":"m-1"}]}"#;

async fn test(bench: &Bench, base_url: &str) -> TestProviderResponse {
    bench.provider(Provider { base_url: base_url.into(), ..openai("east", CANARY) }).await;
    let request = TestProviderRequest { id: "east".into() };
    bench.admin.test_provider(&bench.call(), request).await.unwrap()
}

#[tokio::test]
async fn a_test_sends_the_stored_credential_and_tells_what_it_found() {
    let upstream = FakeUpstream::answering(json_answer(200, LIST)).await;
    let bench = Bench::new().await;
    let found = test(&bench, &upstream.base_url).await;
    assert!(found.ok, "{found:?}");
    assert_eq!((found.reason(), found.fault()), (ErrorReason::Unspecified, Fault::Unspecified));
    assert_eq!(found.upstream_status, Some(200));
    assert!(found.latency.is_some() && found.message.contains("2 models"));
    let request = &upstream.requests()[0];
    assert_eq!((&*request.method, &*request.path), ("GET", "/v1/models"));
    assert!(request.head.contains(&format!("Bearer {CANARY}")));
}

#[tokio::test]
async fn an_update_without_a_credential_keeps_the_stored_one_in_use_also_after_a_restart() {
    let upstream = FakeUpstream::answering(json_answer(200, LIST)).await;
    let bench = Bench::new().await;
    let made =
        bench.provider(Provider { base_url: upstream.base_url.clone(), ..openai("east", CANARY) }).await;
    let changed = Provider { base_url: format!("{}/", upstream.base_url), settings: [].into(), ..made };
    let request = UpdateProviderRequest { provider: Some(changed) };
    bench.admin.update_provider(&bench.call(), request).await.unwrap();
    let bench = bench.reopen().await;
    let request = TestProviderRequest { id: "east".into() };
    assert!(bench.admin.test_provider(&bench.call(), request).await.unwrap().ok);
    assert!(upstream.requests()[0].head.contains(&format!("Bearer {CANARY}")));
}

#[tokio::test]
async fn a_test_that_fails_tells_whose_fault_it_is_and_no_secret() {
    for (status, reason, fault) in [
        (401, ErrorReason::ProviderAuthFailed, Fault::Caller),
        (403, ErrorReason::ProviderAuthFailed, Fault::Caller),
        (429, ErrorReason::ProviderRateLimited, Fault::Provider),
        (500, ErrorReason::ProviderUnavailable, Fault::Provider),
    ] {
        let body = format!(r#"{{"error":{{"message":"wrong key {CANARY}"}}}}"#);
        let upstream = FakeUpstream::answering(json_answer(status, &body)).await;
        let found = test(&Bench::new().await, &upstream.base_url).await;
        assert!(!found.ok);
        assert_eq!((found.reason(), found.fault()), (reason, fault), "{status}");
        assert_eq!(found.upstream_status, Some(i32::from(status)));
        assert!(!found.message.contains("canary"), "{}", found.message);
    }
    let found = test(&Bench::new().await, "http://127.0.0.1:9/v1").await;
    assert_eq!((found.ok, found.reason()), (false, ErrorReason::ProviderUnavailable));
    assert_eq!((found.fault(), found.upstream_status), (Fault::Provider, None));
}

#[tokio::test]
async fn an_upstream_without_a_list_of_models_is_reachable_with_a_word_of_warning() {
    for status in [404, 405] {
        let upstream = FakeUpstream::answering(json_answer(status, "{}")).await;
        let found = test(&Bench::new().await, &upstream.base_url).await;
        assert!(found.ok && found.message.contains("could not be verified"), "{found:?}");
        assert_eq!(found.upstream_status, Some(i32::from(status)));
    }
}

#[tokio::test]
async fn the_models_that_an_upstream_offers_are_told_in_its_order() {
    let upstream = FakeUpstream::answering(json_answer(200, LIST)).await;
    let bench = Bench::new().await;
    bench.provider(Provider { base_url: upstream.base_url.clone(), ..custom("east") }).await;
    let request = ListAvailableModelsRequest { provider: "east".into() };
    let offered = bench.admin.list_available_models(&bench.call(), request).await.unwrap();
    let ids: Vec<_> = offered.models.iter().map(|AvailableModel { id, .. }| id.as_str()).collect();
    assert_eq!(ids, ["m-2", "m-1"]);
    assert_eq!(offered.models[0].owned_by, "us");
    let request = ListAvailableModelsRequest { provider: "north".into() };
    let outcome = bench.admin.list_available_models(&bench.call(), request).await;
    refused(outcome, Reason::ProviderNotFound, "provider", "north");
}

#[tokio::test]
async fn a_list_that_fails_is_an_error_that_names_the_provider() {
    let upstream = FakeUpstream::answering(json_answer(401, "{}")).await;
    let bench = Bench::new().await;
    bench.provider(Provider { base_url: upstream.base_url.clone(), ..custom("east") }).await;
    let request = ListAvailableModelsRequest { provider: "east".into() };
    let error = bench.admin.list_available_models(&bench.call(), request).await.unwrap_err();
    assert_eq!(error.reason(), Reason::ProviderAuthFailed);
    assert_eq!(error.detail().provider.as_deref(), Some("east"));
}

#[tokio::test]
async fn a_stored_credential_never_moves_to_another_host() {
    let bench = Bench::new().await;
    let thief = FakeUpstream::answering(json_answer(200, LIST)).await;
    let made = bench.provider(openai("east", CANARY)).await;
    let moved = Provider { base_url: thief.base_url.clone(), ..made };
    let request = |provider: &Provider| UpdateProviderRequest { provider: Some(provider.clone()) };
    let refused = bench.admin.update_provider(&bench.call(), request(&moved)).await.unwrap_err();
    assert_eq!(refused.detail().field.as_deref(), Some("provider.credential"));

    let own = Provider { credential: openai("", "sk-of-whoever-moves-it").credential, ..moved };
    bench.admin.update_provider(&bench.call(), request(&own)).await.unwrap();
    let test = TestProviderRequest { id: "east".into() };
    assert!(bench.admin.test_provider(&bench.call(), test).await.unwrap().ok);
    assert!(thief.requests().iter().all(|request| !request.head.contains(CANARY)));
}
