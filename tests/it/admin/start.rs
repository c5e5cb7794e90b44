//! How a gateway gets its first resources: bootstrap key, seed file, ready-made providers.

use sluicegate::{
    admin::{bootstrap, ready_made, seed::Seed},
    error::{Error, Reason, Result},
    proto::v1::{AccessRole, ApiKey, Provider, UpdateApiKeyRequest},
    secret::Secret,
    secrets::{Credential, Owner},
};

use super::{Bench, CANARY, custom, key, map, openai, refused};
use crate::support::{FakeUpstream, json_answer};

const ADMIN: &str = "an-administrators-key";

async fn boot(bench: &Bench, key: Option<&str>) -> Result<Option<Secret>> {
    let key = key.map(|key| Secret::new(key.to_owned()));
    bootstrap::apply(&bench.state, &bench.hasher, &bench.clock, key).await
}

/// Name and role of the holder of a secret.
fn holder(bench: &Bench, secret: &str) -> Option<(String, AccessRole)> {
    let snapshot = bench.state.snapshot();
    let key = snapshot.keys.get(&bench.hasher.hash(secret.as_bytes()))?;
    (!key.disabled).then(|| (key.caller.name.clone(), key.caller.role))
}

fn environment(name: &str) -> Option<String> {
    match name {
        "KEY" => Some(CANARY.into()),
        "USER_KEY" => Some("a-users-key-0123456789".into()),
        _ => None,
    }
}

async fn sow(bench: &Bench, text: &str) -> Result<i64, Vec<Error>> {
    let seed = Seed { name: "seed", text, lookup: &environment };
    seed.apply(&bench.state, &bench.sealer, &bench.hasher, &bench.clock).await
}

/// The members that problems name, without their lines.
fn members(problems: &[Error]) -> Vec<String> {
    let member = |problem: &Error| {
        let place = problem.detail().field.clone().expect("a place");
        place.split_once(": ").expect("a member").1.to_owned()
    };
    problems.iter().map(member).collect()
}

const SEED: &str = r#"[
    {"createProvider": {"provider": {"name": "east", "type": "openai", "settings": {"organization": "org-1"},
        "credential": {"inline": {"values": {"apikey": "${KEY}"}}}}}},
    {"createModel": {"model": {"provider": "east", "upstreamId": "m", "alias": "fast", "weight": 2,
        "metadataJson": {"cost": "0.1"}, "description": "costs $${5}"}}},
    {"createModel": {"model": {"provider": "east", "upstream_id": "m"}}},
    {"createApiKey": {"apiKey": {"name": "user", "role": "ACCESS_ROLE_USER"}, "secret": "${USER_KEY}"}}
]"#;

// === bootstrap ===

#[tokio::test]
async fn without_a_key_one_is_made_once() {
    let bench = Bench::new().await;
    let made = boot(&bench, None).await.unwrap().expect("a key is made");
    assert_eq!(holder(&bench, made.expose()), Some(("bootstrap-admin".into(), AccessRole::Admin)));
    let bench = bench.reopen().await;
    let revision = bench.revision();
    assert!(boot(&bench, None).await.unwrap().is_none());
    assert_eq!(bench.revision(), revision);
}

#[tokio::test]
async fn a_given_key_is_the_administrators_and_a_new_one_takes_its_place() {
    let bench = Bench::new().await;
    assert!(boot(&bench, Some(ADMIN)).await.unwrap().is_none());
    assert_eq!(holder(&bench, ADMIN), Some(("bootstrap-admin".into(), AccessRole::Admin)));
    let revision = bench.revision();
    boot(&bench, Some(ADMIN)).await.unwrap();
    assert_eq!(bench.revision(), revision, "nothing to do");
    boot(&bench, Some("another-administrators-key")).await.unwrap();
    assert_eq!(holder(&bench, ADMIN), None);
    assert!(holder(&bench, "another-administrators-key").is_some());
    for weak in ["short", "with white space in it", ""] {
        refused(boot(&bench, Some(weak)).await, Reason::InvalidRequest, "SLUICEGATE_ADMIN_KEY", "16 to 256");
    }
}

#[tokio::test]
async fn a_given_key_opens_the_door_again_for_one_who_is_locked_out() {
    let bench = Bench::new().await;
    boot(&bench, Some(ADMIN)).await.unwrap();
    bench.key("second", AccessRole::Admin).await;
    let stored =
        bench.state.snapshot().records.keys.values().find(|stored| stored.key.name != "second").cloned();
    let off = ApiKey { disabled: true, ..stored.unwrap().key };
    let request = UpdateApiKeyRequest { api_key: Some(off) };
    bench.admin.update_api_key(&bench.call(), request).await.unwrap();
    assert_eq!(holder(&bench, ADMIN), None);
    boot(&bench, Some(ADMIN)).await.unwrap();
    assert!(holder(&bench, ADMIN).is_some());
}

#[tokio::test]
async fn a_given_key_that_is_anothers_is_taken_only_if_that_one_can_administer() {
    let bench = Bench::new().await;
    bench.try_key(key("mine", AccessRole::Admin), ADMIN).await.unwrap();
    boot(&bench, Some(ADMIN)).await.unwrap();
    assert_eq!(bench.state.snapshot().records.keys.len(), 1);
    bench.try_key(key("weak", AccessRole::User), "a-users-key-0123456789").await.unwrap();
    let outcome = boot(&bench, Some("a-users-key-0123456789")).await;
    refused(outcome, Reason::FailedPrecondition, "", "\"weak\"");
}

// === seed ===

#[tokio::test]
async fn a_seed_is_one_commit_and_the_second_time_none() {
    let bench = Bench::new().await;
    let before = bench.revision();
    assert_eq!(sow(&bench, SEED).await.unwrap(), before + 1);
    let snapshot = bench.state.snapshot();
    let target = &snapshot.group("fast").unwrap().targets[0];
    assert_eq!((target.weight, &*target.upstream_id), (2, "m"));
    assert_eq!(snapshot.records.models[&target.model_id].description, "costs ${5}");
    assert_eq!(snapshot.group("m").unwrap().targets.len(), 2);
    let upstream = snapshot.upstreams.values().next().unwrap();
    let credential =
        Credential::open(Owner::Provider(&upstream.id), &bench.sealer, upstream.credential.as_ref().unwrap())
            .unwrap();
    assert_eq!(credential.get("apikey").unwrap().expose(), CANARY);
    assert_eq!(holder(&bench, "a-users-key-0123456789"), Some(("user".into(), AccessRole::User)));
    let bench = bench.reopen().await;
    bench.clock.advance(60);
    assert_eq!(sow(&bench, SEED).await.unwrap(), before + 1, "also after a restart");
}

#[tokio::test]
async fn a_seed_mends_what_differs_and_leaves_the_rest_alone() {
    let bench = Bench::new().await;
    sow(&bench, SEED).await.unwrap();
    bench.provider(custom("mine")).await;
    let old = bench.state.snapshot();
    let changed = SEED
        .replace("org-1", "org-2")
        .replace("\"weight\": 2", "\"weight\": 3")
        .replace("${KEY}", "another-key")
        .replace("${USER_KEY}", "another-users-key-0123");
    assert_eq!(sow(&bench, &changed).await.unwrap(), old.revision + 1);
    let new = bench.state.snapshot();
    assert_eq!(new.records.providers.len(), 2);
    assert!(old.records.models.keys().eq(new.records.models.keys()), "ids stay");
    assert_eq!(new.group("fast").unwrap().targets[0].weight, 3);
    let upstream = new.upstreams.values().find(|upstream| upstream.name == "east").unwrap();
    assert_eq!(upstream.settings, map(&[("organization", "org-2")]));
    let credential =
        Credential::open(Owner::Provider(&upstream.id), &bench.sealer, upstream.credential.as_ref().unwrap())
            .unwrap();
    assert_eq!(credential.get("apikey").unwrap().expose(), "another-key");
    assert_eq!(holder(&bench, "a-users-key-0123456789"), None);
    assert!(holder(&bench, "another-users-key-0123").is_some());
}

#[tokio::test]
async fn every_problem_of_a_seed_is_told_with_its_place_and_nothing_is_applied() {
    let bench = Bench::new().await;
    let text = r#"[
        {"createProvider": {"provider": {"name": "east", "type": "custom", "baseUrl": "http://127.0.0.1:9/v1"}}},
        {"createProvider": {"provider": {"name": "west", "type": "openai"}}},
        {"createModel": {"model": {"provider": "north", "upstreamId": "m"}}},
        {"createApiKey": {"apiKey": {"name": "a", "role": "ACCESS_ROLE_USER"}}},
        {"createApiKey": {"apiKey": {"name": "b"}, "secret": "0123456789abcdef"}},
        {"createProvider": {"provider": {"name": "east", "type": "custom", "baseUrl": "http://127.0.0.1:8/v1"}}}
    ]"#;
    let problems = sow(&bench, text).await.unwrap_err();
    assert_eq!(
        members(&problems),
        [
            "[1].createProvider.provider.credential.inline.values.apikey",
            "[2].createModel.model.provider",
            "[3].createApiKey.secret",
            "[4].createApiKey.apiKey.role",
            "[5].createProvider",
        ]
    );
    assert!(bench.state.snapshot().records.providers.is_empty());
}

#[tokio::test]
async fn a_seed_that_cannot_be_read_tells_every_place() {
    let bench = Bench::new().await;
    let text = r#"[
        {"createProvider": {"provider": {"name": "${NOBODY}", "type": "custom", "headers": {"a": ["${NONE"]}}}},
        {"createNothing": {}},
        {"createModel": {}, "createProvider": {}},
        5,
        {"createModel": {"model": {"provider": "east", "modelId": "m"}}},
        {"createModel": {}}
    ]"#;
    let problems = sow(&bench, text).await.unwrap_err();
    let all: Vec<_> = problems.iter().map(ToString::to_string).collect();
    for (place, message) in [
        ("[0].createProvider.provider.name", "NOBODY is not set"),
        ("[0].createProvider.provider.headers.a", "must be a text"),
        ("[0].createProvider.provider.headers.a[0]", "without its }"),
        ("[1].createNothing", "no request of a seed"),
        ("[2]", "one member"),
        ("[3]", "one member"),
        ("[4].createModel.model.modelId", "not known"),
        ("[4].createModel.model.upstreamId", "required"),
        ("[5].createModel.model", "required"),
    ] {
        let found =
            |problem: &&String| problem.contains(&format!(": {place}: ")) && problem.contains(message);
        assert!(all.iter().any(|problem| found(&problem)), "{place}: {message} in {all:#?}");
    }
    assert_eq!(problems.len(), 9);
    for text in ["", "{}", "[", "not JSON"] {
        assert_eq!(sow(&bench, text).await.unwrap_err().len(), 1);
    }
    assert_eq!(sow(&bench, "[]").await.unwrap(), bench.revision());
}

#[tokio::test]
async fn a_variable_in_the_wrong_place_is_not_shown() {
    let bench = Bench::new().await;
    for text in [
        r#"[{"createProvider": {"provider": {"settings": "${KEY}"}}}]"#,
        r#"[{"createModel": {"model": {"weight": "${KEY}"}}}]"#,
        r#"[{"createApiKey": {"apiKey": {"role": "${KEY}"}}}]"#,
    ] {
        let problems = sow(&bench, text).await.unwrap_err();
        assert!(!problems.is_empty() && !format!("{problems:?}").contains("canary"), "{problems:?}");
    }
}

#[tokio::test]
async fn a_seed_does_not_change_a_type_nor_lock_everybody_out() {
    let bench = Bench::new().await;
    bench.provider(custom("east")).await;
    boot(&bench, Some(ADMIN)).await.unwrap();
    let text = r#"[
        {"createProvider": {"provider": {"name": "east", "type": "openai"}}},
        {"createApiKey": {"apiKey": {"name": "bootstrap-admin", "role": "ACCESS_ROLE_USER"}, "secret": "0123456789abcdef"}}
    ]"#;
    let problems = sow(&bench, text).await.unwrap_err();
    assert_eq!(members(&problems), ["[0].createProvider.provider.type", "[1].createApiKey"]);
}

// === ready-made providers ===

const LIST: &str = r#"{"object":"list","data":[{"id":"m-1"},{"id":"m-2"},{"id":"m-1"}]}"#;

async fn make_ready(bench: &Bench, key: &str, base_url: &str) {
    let lookup = |name: &str| match name {
        "OPENAI_API_KEY" => Some(key.to_owned()),
        "OPENAI_BASE_URL" => Some(base_url.to_owned()),
        _ => None,
    };
    ready_made::create_providers(&lookup, &bench.state, &bench.sealer, &bench.clock).await.unwrap();
}

#[tokio::test]
async fn a_key_in_the_environment_makes_a_provider_with_all_its_models() {
    let upstream = FakeUpstream::answering(json_answer(200, LIST)).await;
    let bench = Bench::new().await;
    make_ready(&bench, CANARY, &upstream.base_url).await;
    let before = bench.revision();
    ready_made::register_models(&bench.admin).await;
    assert_eq!(bench.revision(), before + 1, "in one commit");
    assert!(upstream.requests()[0].head.contains(&format!("Bearer {CANARY}")));
    let snapshot = bench.state.snapshot();
    assert_eq!(snapshot.records.models.len(), 2);
    assert_eq!(snapshot.group("m-2").unwrap().targets[0].upstream.name, "openai");
    make_ready(&bench, CANARY, &upstream.base_url).await;
    ready_made::register_models(&bench.admin).await;
    assert_eq!(bench.revision(), before + 1, "and the next time nothing");
    make_ready(&bench, "sk-another-key-0000wxyz", &upstream.base_url).await;
    let snapshot = bench.state.snapshot();
    let provider = &snapshot.records.providers.values().next().unwrap().provider;
    assert_eq!(provider.credential_hint, map(&[("apikey", "...wxyz")]), "a new key is taken over");
}

#[tokio::test]
async fn a_provider_of_the_operators_is_left_alone() {
    let bench = Bench::new().await;
    bench.provider(openai("openai", "the-operators-own-key")).await;
    let before = bench.revision();
    make_ready(&bench, CANARY, "http://127.0.0.1:9/v1").await;
    ready_made::register_models(&bench.admin).await;
    assert_eq!(bench.revision(), before);
}

#[tokio::test]
async fn a_vendor_that_fails_does_not_keep_the_gateway_from_starting() {
    let bench = Bench::new().await;
    make_ready(&bench, "wrong\nkey", "http://127.0.0.1:9/v1").await;
    assert!(bench.state.snapshot().records.providers.is_empty());
    make_ready(&bench, CANARY, "http://127.0.0.1:9/v1").await;
    ready_made::register_models(&bench.admin).await;
    let snapshot = bench.state.snapshot();
    assert_eq!((snapshot.records.providers.len(), snapshot.records.models.len()), (1, 0));
}

#[tokio::test]
async fn whichever_credential_stands_in_the_environment_makes_its_provider() {
    for (secrets, named) in [
        (&[("AWS_BEARER_TOKEN_BEDROCK", CANARY)][..], &["apikey"][..]),
        (
            &[("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE000000001"), ("AWS_SECRET_ACCESS_KEY", CANARY)],
            &["access_key_id", "secret_access_key"],
        ),
    ] {
        let bench = Bench::new().await;
        let lookup = |name: &str| {
            let region = [("AWS_DEFAULT_REGION", "eu-west-3"), ("AWS_REGION", "us-east-1")];
            let known = secrets.iter().chain(&region).find(|(variable, _)| *variable == name);
            known.map(|(_, value)| (*value).to_owned())
        };
        ready_made::create_providers(&lookup, &bench.state, &bench.sealer, &bench.clock).await.unwrap();
        let snapshot = bench.state.snapshot();
        let made: Vec<_> = snapshot.records.providers.values().map(|stored| &stored.provider).collect();
        assert_eq!(made.len(), 1);
        assert_eq!(made[0].r#type, "bedrock");
        assert_eq!(made[0].settings, map(&[("region", "us-east-1")]), "the later variable counts");
        assert_eq!(made[0].credential_hint.keys().collect::<Vec<_>>(), named);
    }
}

#[tokio::test]
async fn an_empty_environment_makes_nothing() {
    let bench = Bench::new().await;
    let before = bench.revision();
    ready_made::create_providers(&|_| None, &bench.state, &bench.sealer, &bench.clock).await.unwrap();
    assert_eq!(bench.revision(), before);
    let made: Vec<Provider> =
        Vec::from_iter(bench.state.snapshot().records.providers.values().map(|s| s.provider.clone()));
    assert_eq!(made, []);
}

#[tokio::test]
async fn a_key_of_the_environment_does_not_follow_its_provider_to_another_host() {
    let bench = Bench::new().await;
    let start = async || {
        let lookup = |name: &str| (name == "OPENAI_API_KEY").then(|| CANARY.to_owned());
        ready_made::create_providers(&lookup, &bench.state, &bench.sealer, &bench.clock).await.unwrap();
        bench.state.snapshot().records.providers.values().next().unwrap().provider.clone()
    };
    let made = start().await;
    let proxy =
        sluicegate::proto::v1::Connection { proxy_url: "https://evil.example".into(), ..Default::default() };
    let moved = [
        Provider { base_url: "https://evil.example/v1".into(), ..made.clone() },
        Provider { connection: Some(proxy), ..made.clone() },
    ];
    for moved in moved {
        let moved = Provider {
            credential: super::secrets(&[("apikey", "the-key-of-the-thief-0123")]),
            etag: String::new(),
            ..moved
        };
        let call = bench.call_as("thief", AccessRole::Manage);
        let request = sluicegate::proto::v1::UpdateProviderRequest { provider: Some(moved.clone()) };
        bench.admin.update_provider(&call, request).await.unwrap();
        let after = start().await;
        assert_eq!((after.base_url, after.connection), (moved.base_url, moved.connection));
        assert_eq!(
            after.credential_hint,
            map(&[("apikey", "...0123")]),
            "the next start gives it no other key"
        );
    }
}
