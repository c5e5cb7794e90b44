//! References at use: read once for many calls, read again when they change or are refused, used stale in an outage.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tonic::Code;

use super::world::{
    Mood, VAULT_TOKEN, World, add_provider, ask, header, is_answered, is_refused, referring, vendor,
};
use crate::{
    program::Gateway,
    rest::sent,
    support::{
        ADMIN_KEY, FakeUpstream, PATIENCE, Step, chat_answer, json_answer, start_gateway, start_gateway_with,
    },
};

/// Longer than any test.
fn long() -> Value {
    json!({"cacheTime": "3600s", "staleTime": "3600s"})
}

#[tokio::test]
async fn a_secret_is_read_before_the_first_call_and_once_for_many() {
    let world = World::start(long()).await;
    world.read_becomes("ok", 1.0).await;
    let calls = futures_util::future::join_all((0..100).map(|_| ask(&world.gateway)));
    for (status, answer) in calls.await {
        assert_eq!(status, 200, "{answer}");
    }
    is_answered(&world.gateway).await;
    assert_eq!(world.reads(), 2, "one when the provider was made, one for all calls");
    let read = world.vault.requests().into_iter().find(|request| request.path.contains("openai"));
    assert_eq!(header(&read.expect("a read"), "x-vault-token"), VAULT_TOKEN);
}

#[tokio::test]
async fn what_was_read_outlives_changes_of_provider_and_manager() {
    let world = World::start(long()).await;
    is_answered(&world.gateway).await;
    world.vault_is(Mood::Resets);
    world.update_manager(|manager| manager["staleTime"] = json!("60s")).await;
    world.update_manager(|manager| manager["labels"] = json!({"by": "ops"})).await;
    assert_eq!(world.reads(), 2, "one when the provider was made, one for all calls");
    let path = "/sluicegate/v1/providers/east";
    let (_, mut got) = sent(world.gateway.request("GET", path, Value::Null)).await;
    got["provider"]["labels"] = json!({"by": "ops"});
    let (status, told) = sent(world.gateway.request("PUT", path, got)).await;
    assert_eq!(status, 200, "{told}");
    is_answered(&world.gateway).await;
}

#[tokio::test]
async fn a_key_that_was_changed_in_the_vault_takes_effect_when_the_old_one_is_refused() {
    let world = World::start(long()).await;
    is_answered(&world.gateway).await;
    world.vault_is(Mood::Gives("sk-second-0123456789".to_owned()));
    world.vendor_takes("sk-second-0123456789");
    is_answered(&world.gateway).await;
    assert_eq!((world.reads(), world.upstream.requests().len()), (3, 5));
    let calls = world.upstream.requests();
    assert_eq!(calls[2].body, calls[3].body, "the same is asked again");
    assert_eq!(header(&calls[3], "authorization"), "Bearer sk-second-0123456789");
}

#[tokio::test]
async fn a_key_that_is_the_same_still_is_not_sent_twice_and_not_shown() {
    let world = World::start(long()).await;
    world.read_becomes("ok", 1.0).await;
    world.vendor_takes("sk-of-others-0123456789");
    let (status, answer) = ask(&world.gateway).await;
    assert_eq!((status, &answer["error"]["code"]), (424, &json!("invalid_api_key")), "{answer}");
    assert_eq!(
        (world.reads(), world.upstream.requests().len()),
        (3, 1),
        "it was read anew, and was the same"
    );
    assert!(
        answer.to_string().contains("[redacted]") && !answer.to_string().contains("sk-first"),
        "{answer}"
    );
    let (status, _) = ask(&world.gateway).await;
    assert_eq!(
        (status, world.reads(), world.upstream.requests().len()),
        (424, 3, 2),
        "and is not read for long"
    );
}

#[tokio::test]
async fn a_vault_that_is_down_does_not_stop_calls_within_its_stale_time() {
    let world = World::start(json!({"cacheTime": "1s", "staleTime": "3600s"})).await;
    is_answered(&world.gateway).await;
    for (failures, mood) in [(1.0, Mood::Says(503)), (2.0, Mood::Resets)] {
        world.vault_is(mood);
        let asked_in_vain = async {
            let unavailable = ["manager=\"vault\"", "outcome=\"unavailable\""];
            let metric = "sluicegate_secret_reads_total";
            while world.gateway.metric(metric, &unavailable).await < failures
                || world.used_stale().await < failures
            {
                is_answered(&world.gateway).await;
            }
        };
        tokio::time::timeout(PATIENCE, asked_in_vain).await.expect("the secret gets old");
    }
    world.vault_is(Mood::Gives("sk-second-0123456789".to_owned()));
    world.vendor_takes("sk-second-0123456789");
    let back = async {
        while ask(&world.gateway).await.0 != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, back).await.expect("what it says when it is back is taken");
}

#[tokio::test]
async fn a_vault_that_is_down_for_longer_than_its_stale_time_stops_calls() {
    let world = World::start(json!({"cacheTime": "1s", "staleTime": "1s"})).await;
    is_answered(&world.gateway).await;
    world.vault_is(Mood::Says(503));
    let stopped = async {
        while ask(&world.gateway).await.0 == 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, stopped).await.expect("the secret gets too old");
    let said = is_refused(&world.gateway, "secret_manager_unavailable", 502, Code::Unavailable).await;
    assert!(!said.contains(VAULT_TOKEN), "{said}");
    world.vault_is(Mood::Gives("sk-first-0123456789".to_owned()));
    let back = async {
        while ask(&world.gateway).await.0 != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, back).await.expect("an outage has an end");
}

#[tokio::test]
async fn a_vault_that_hangs_does_not_stop_calls_within_its_stale_time() {
    let world = World::start(json!({"cacheTime": "1s", "staleTime": "3600s"})).await;
    is_answered(&world.gateway).await;
    world.vault_is(Mood::Hangs);
    let used = async {
        while world.used_stale().await < 20.0 {
            is_answered(&world.gateway).await;
        }
    };
    tokio::time::timeout(PATIENCE, used).await.expect("nobody waits for the vault again and again");
}

#[tokio::test]
async fn a_secret_that_the_vault_refuses_is_not_used_stale() {
    for status in [403, 404] {
        let world = World::start(json!({"cacheTime": "1s", "staleTime": "3600s"})).await;
        is_answered(&world.gateway).await;
        world.vault_is(Mood::Says(status));
        let refused = async {
            while ask(&world.gateway).await.0 == 200 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, refused).await.expect("the refusal counts");
        let said = is_refused(&world.gateway, "secret_not_readable", 424, Code::FailedPrecondition).await;
        assert!(said.contains("team/openai") && !said.contains(VAULT_TOKEN), "{said}");
        assert!(world.used_stale().await < 0.5);
    }
}

#[tokio::test]
async fn rules_that_are_narrowed_hold_for_what_refers_already() {
    let world = World::start(long()).await;
    is_answered(&world.gateway).await;
    let served = world.upstream.requests().len();
    world
        .update_manager(|manager| {
            manager["rules"] = json!([{"prefix": "vault:team", "hosts": ["a.example"]}])
        })
        .await;
    let said = is_refused(&world.gateway, "authorization_rejected", 403, Code::PermissionDenied).await;
    assert!(said.contains("SECRET_NOT_ALLOWED") || said.contains("no rule of secret manager"), "{said}");
    assert_eq!(world.upstream.requests().len(), served, "nothing is sent");
    let own = world.upstream.base_url.trim_end_matches("/v1").to_owned();
    world
        .update_manager(|manager| manager["rules"] = json!([{"prefix": "vault:team", "hosts": [own]}]))
        .await;
    is_answered(&world.gateway).await;
}

#[tokio::test]
async fn a_token_belongs_to_the_key_that_it_was_given_for() {
    let world = World::without_provider(long()).await;
    let newest = Arc::new(Mutex::new("sk-first-0123456789".to_owned()));
    let taken = Arc::clone(&newest);
    let ibm = FakeUpstream::start(move |request| {
        let newest = taken.lock().expect("not poisoned").clone();
        let body = String::from_utf8_lossy(&request.body);
        let answer = if request.path.contains("/identity/token") && body.ends_with(&newest) {
            json_answer(
                200,
                &json!({"access_token": format!("token-of-{newest}"), "expires_in": 3600}).to_string(),
            )
        } else if request.path.contains("/identity/token") {
            json_answer(
                400,
                r#"{"errorCode": "BXNIM0415E", "errorMessage": "Provided API key could not be found."}"#,
            )
        } else if header(request, "authorization") == format!("Bearer token-of-{newest}") {
            chat_answer("Hello")
        } else {
            json_answer(401, r#"{"errors": [{"code": "authentication_token_expired", "message": "ended"}]}"#)
        };
        vec![Step::Send(answer)]
    })
    .await;
    let root = ibm.base_url.trim_end_matches("/v1");
    let settings = json!({"auth_url": root, "project_id": "p-1"});
    let provider = json!({"name": "east", "type": "watsonxai", "baseUrl": root, "settings": settings,
        "credential": {"reference": {"resource": "vault:team/openai"}}});
    add_provider(&world.gateway, provider).await;
    is_answered(&world.gateway).await;
    let logins = || ibm.requests().iter().filter(|request| request.path.contains("/identity")).count();
    assert_eq!((logins(), world.reads()), (1, 2));
    "sk-second-0123456789".clone_into(&mut newest.lock().expect("not poisoned"));
    world.vault_is(Mood::Gives("sk-second-0123456789".to_owned()));
    is_answered(&world.gateway).await;
    assert_eq!((logins(), world.reads()), (3, 3), "the old key is tried once, then the new one");
}

#[tokio::test]
async fn a_file_that_is_replaced_takes_effect_without_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let put = |key: &str| {
        let beside = folder.path().join("beside");
        std::fs::write(&beside, format!("{key}\n")).expect("written");
        std::fs::rename(beside, folder.path().join("openai")).expect("replaced");
    };
    put("sk-first-0123456789");
    let taken = Arc::new(Mutex::new("sk-first-0123456789".to_owned()));
    let upstream = vendor(&taken).await;
    let flags = ["--secret-files", folder.path().to_str().expect("a path")];
    let gateway = start_gateway_with(&flags).await;
    add_provider(&gateway, referring(&upstream, "file:openai")).await;
    is_answered(&gateway).await;
    put("sk-second-0123456789");
    "sk-second-0123456789".clone_into(&mut taken.lock().expect("not poisoned"));
    is_answered(&gateway).await;
    std::fs::remove_file(folder.path().join("openai")).expect("removed");
    let gone = async {
        while ask(&gateway).await.0 == 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("what was taken away is not used");
    is_refused(&gateway, "secret_not_readable", 424, Code::FailedPrecondition).await;
}

#[tokio::test]
async fn files_and_variables_that_the_start_does_not_name_are_not_given() {
    let upstream = FakeUpstream::answering(chat_answer("Hello")).await;
    for resource in ["file:/etc/hostname", "env:PATH"] {
        let gateway = start_gateway().await;
        add_provider(&gateway, referring(&upstream, resource)).await;
        let said = is_refused(&gateway, "authorization_rejected", 403, Code::PermissionDenied).await;
        assert!(said.contains("--secret-"), "{said}");
    }
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn a_variable_is_given_as_one_secret_or_as_an_object_and_never_the_gateways_own() {
    let upstream = FakeUpstream::answering(chat_answer("Hello")).await;
    let data = tempfile::tempdir().expect("a folder");
    let variables = [
        ("TEAM_PLAIN", "sk-plain-0123456789"),
        ("TEAM_OBJECT", r#"{"openai_key": "sk-object-0123456789"}"#),
        ("OTHER", "sk-other-0123456789"),
        ("SLUICEGATE_SECRET_ENV", "TEAM_*,SLUICEGATE_MASTER_KEY"),
    ];
    let gateway = Gateway::start_with(data.path(), &[], &variables);
    let http = reqwest::Client::new();
    let post = async |path: &str, body: Value| {
        sent(http.post(format!("{}{path}", gateway.url)).bearer_auth(ADMIN_KEY).body(body.to_string())).await
    };
    for (resource, names, status, shown) in [
        ("env:TEAM_PLAIN", json!({}), 200, "sk-plain-0123456789"),
        ("env:TEAM_OBJECT", json!({"apikey": "openai_key"}), 200, "sk-object-0123456789"),
        ("env:TEAM_OBJECT", json!({}), 424, ""),
        ("env:TEAM_NONE", json!({}), 424, ""),
        ("env:OTHER", json!({}), 403, ""),
        ("env:SLUICEGATE_MASTER_KEY", json!({}), 403, ""),
    ] {
        let before = upstream.requests().len();
        let name = format!("{} {}", resource.trim_start_matches("env:"), names.to_string().len());
        let provider = json!({"name": name, "type": "openai", "baseUrl": upstream.base_url,
            "credential": {"reference": {"resource": resource, "names": names}}});
        let (made, told) = post("/sluicegate/v1/providers", json!({ "provider": provider })).await;
        assert_eq!(made, 201, "{told}");
        let model = json!({"model": {"provider": name, "upstreamId": "m", "alias": name.replace(' ', "-")}});
        assert_eq!(post("/sluicegate/v1/models", model).await.0, 201);
        let body = json!({"model": name.replace(' ', "-"), "messages": [{"role": "user", "content": "Hi"}]});
        let (answered, told) = post("/v1/chat/completions", body).await;
        assert_eq!(answered, status, "{resource}: {told}");
        let sent = upstream.requests().split_off(before);
        let headers: Vec<_> = sent.iter().map(|request| header(request, "authorization")).collect();
        assert_eq!(
            headers.join(","),
            if shown.is_empty() { String::new() } else { format!("Bearer {shown}") }
        );
    }
}

#[tokio::test]
async fn an_outage_is_logged_once_and_without_secrets() {
    let data = tempfile::tempdir().expect("a folder");
    let world = World::without_provider(long()).await;
    let address = world.vault.base_url.trim_end_matches("/v1");
    let (gateway, log) = Gateway::start_heard(data.path(), &[], &[]);
    let http = reqwest::Client::new();
    let post = async |path: &str, body: Value| {
        sent(http.post(format!("{}{path}", gateway.url)).bearer_auth(ADMIN_KEY).body(body.to_string())).await
    };
    let manager = json!({"name": "vault", "vault": {"address": address}, "cacheTime": "1s",
        "credential": {"inline": {"values": {"token": VAULT_TOKEN}}}});
    let provider = referring(&world.upstream, "vault:team/openai");
    let model = json!({"provider": "east", "upstreamId": "m"});
    let ask = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    for (path, body) in [
        ("/sluicegate/v1/secret-managers", json!({ "secretManager": manager })),
        ("/sluicegate/v1/providers", json!({ "provider": provider })),
        ("/sluicegate/v1/models", json!({ "model": model })),
        ("/v1/chat/completions", ask.clone()),
    ] {
        let (status, told) = post(path, body).await;
        assert!(status < 300, "{told}");
    }
    world.vault_is(Mood::Says(503));
    let reads = world.reads();
    let failed = async {
        while world.reads() < reads + 3 {
            assert_eq!(post("/v1/chat/completions", ask.clone()).await.0, 200);
        }
    };
    tokio::time::timeout(PATIENCE, failed).await.expect("it is asked in vain");
    world.vault_is(Mood::Gives("sk-second-0123456789".to_owned()));
    world.vendor_takes("sk-second-0123456789");
    let back = async { while post("/v1/chat/completions", ask.clone()).await.0 != 200 {} };
    tokio::time::timeout(PATIENCE, back).await.expect("the outage ends");
    gateway.signal("-TERM");
    let lines = log.until("ended");
    for secret in [VAULT_TOKEN, "sk-first-0123456789", "sk-second-0123456789"] {
        assert!(!lines.iter().any(|line| line.contains(secret)), "{lines:#?}");
    }
    for text in ["a secret cannot be read", "a secret is used stale"] {
        assert_eq!(lines.iter().filter(|line| line.contains(text)).count(), 1, "{text}: {lines:#?}");
    }
}
