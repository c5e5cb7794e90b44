//! A provider whose key lives only in a real OpenBao.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tonic::Code;

use super::{
    openbao::{OpenBao, ROOT},
    world::{add_provider, ask, header, is_answered, is_refused, referring, vendor},
};
use crate::{
    rest::sent,
    support::{
        DONE, FakeUpstream, PATIENCE, Step, TestGateway, chat, clean_end, finish_event, piece, start_gateway,
        stream_head, text_event,
    },
};

const FIRST: &str = "sk-first-canary-0123456789";
const SECOND: &str = "sk-second-canary-0123456789";

/// An OpenBao with a vendor's key, the vendor, and a gateway between the two.
struct World {
    bao: OpenBao,
    upstream: FakeUpstream,
    gateway: TestGateway,
    taken: Arc<Mutex<String>>,
}

impl World {
    /// A secret manager of these settings reads there as root.
    async fn start(settings: Value) -> Option<Self> {
        let bao = OpenBao::start()?;
        Some(Self::at(bao, json!({ "token": ROOT }), settings).await)
    }

    /// It reads there with these secrets.
    async fn at(bao: OpenBao, own: Value, settings: Value) -> Self {
        bao.write("team/openai", json!({ "apikey": FIRST })).await;
        let taken = Arc::new(Mutex::new(FIRST.to_owned()));
        let (upstream, gateway) = (vendor(&taken).await, start_gateway().await);
        let mut manager = json!({"name": "bao", "vault": {"address": bao.url},
            "credential": {"inline": {"values": own}}});
        manager.as_object_mut().expect("an object").extend(settings.as_object().expect("an object").clone());
        let body = json!({ "secretManager": manager });
        let (status, made) = sent(gateway.request("POST", "/sluicegate/v1/secret-managers", body)).await;
        assert_eq!(status, 201, "{made}");
        add_provider(&gateway, referring(&upstream, "vault:team/openai")).await;
        Self { bao, upstream, gateway, taken }
    }

    /// Writes the other key; the vendor takes only that one, if `at_once`.
    async fn rotate(&self, at_once: bool) {
        self.bao.write("team/openai", json!({ "apikey": SECOND })).await;
        if at_once {
            SECOND.clone_into(&mut self.taken.lock().expect("not poisoned"));
        }
    }

    async fn reads(&self, outcome: &str) -> f64 {
        let outcome = format!("outcome=\"{outcome}\"");
        self.gateway.metric("sluicegate_secret_reads_total", &["manager=\"bao\"", &outcome]).await
    }

    /// So many calls at once, over gRPC; all are answered.
    async fn answers_many(&self, count: usize) {
        let calls = (0..count).map(|_| async { self.gateway.client.inference().chat(chat("m", "Hi")).await });
        for answer in futures_util::future::join_all(calls).await {
            answer.expect("it is answered");
        }
    }
}

/// Whether a file below the folder holds the text.
fn holds(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).expect("a folder").any(|entry| {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            return holds(&path, text);
        }
        let bytes = std::fs::read(&path).expect("a file");
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_lives_only_in_openbao_serves_both_edges_and_is_nowhere_else() {
    let Some(world) = World::start(json!({})).await else { return };
    is_answered(&world.gateway).await;
    for request in world.upstream.requests() {
        assert_eq!(header(&request, "authorization"), format!("Bearer {FIRST}"));
    }
    let mut told = String::new();
    for path in ["providers/east", "providers", "secret-managers/bao", "secret-managers", "audit-events"] {
        let request = world.gateway.request("GET", &format!("/sluicegate/v1/{path}"), Value::Null);
        told += &sent(request).await.1.to_string();
    }
    let metrics =
        world.gateway.http.get(format!("{}/metrics", world.gateway.url)).send().await.expect("metrics");
    told += &metrics.text().await.expect("text");
    assert!(told.contains("vault:team/openai"), "the reference is told");
    for secret in [FIRST, ROOT] {
        assert!(!told.contains(secret), "an answer shows {secret}");
        assert!(!holds(world.gateway.data.path(), secret), "the store holds {secret}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_rotated_in_openbao_takes_effect_at_once_when_the_old_one_is_refused() {
    let Some(world) = World::start(json!({ "cacheTime": "3600s" })).await else { return };
    is_answered(&world.gateway).await;
    world.rotate(true).await;
    is_answered(&world.gateway).await;
    assert_eq!(world.reads("ok").await, 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_rotated_in_openbao_takes_effect_after_its_cache_time() {
    let Some(world) = World::start(json!({ "cacheTime": "1s" })).await else { return };
    is_answered(&world.gateway).await;
    // Until the vendor ends the old key, both are good.
    world.rotate(false).await;
    let replaced = async {
        let shows_second = || world.upstream.requests().iter().any(|request| request.head.contains(SECOND));
        while !shows_second() {
            ask(&world.gateway).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, replaced).await.expect("the new key is used");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_by_an_app_role_cause_one_read_and_one_login() {
    let Some(bao) = OpenBao::start() else { return };
    bao.let_read("keys", "secret/data/team/*").await;
    let (role_id, secret_id) = bao.app_role(json!({ "token_policies": "keys" })).await;
    let own = json!({ "role_id": role_id, "secret_id": secret_id });
    let world = World::at(bao, own, json!({ "cacheTime": "3600s" })).await;
    world.answers_many(100).await;
    assert_eq!(world.reads("ok").await, 1.0);
    world.rotate(true).await;
    world.answers_many(100).await;
    assert_eq!(world.reads("ok").await, 2.0);
    assert_eq!(world.bao.accessors().await.len(), 1, "tokens");
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_openbao_does_not_stop_inference_within_the_stale_limit() {
    let times = json!({ "cacheTime": "1s", "staleTime": "4s" });
    let Some(mut world) = World::start(times).await else { return };
    is_answered(&world.gateway).await;
    world.bao.kill();
    let start = tokio::time::Instant::now();
    // The last second of it is left to slow machines.
    while start.elapsed() < Duration::from_secs(3) {
        is_answered(&world.gateway).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(world.gateway.metric("sluicegate_secrets_used_stale_total", &["manager=\"bao\""]).await > 0.0);
    let refused = async {
        while ask(&world.gateway).await.0 == 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.expect("the limit holds");
    let told = is_refused(&world.gateway, "secret_manager_unavailable", 502, Code::Unavailable).await;
    assert!(told.contains("SECRET_MANAGER_UNAVAILABLE") && !told.contains("canary"), "{told}");

    world.bao.come_back();
    world.bao.write("team/openai", json!({ "apikey": FIRST })).await;
    let back = async {
        while ask(&world.gateway).await.0 != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, back).await.expect("calls go on");
    is_answered(&world.gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_in_flight_does_not_notice_that_openbao_is_killed() {
    let times = json!({ "cacheTime": "1s", "staleTime": "0s" });
    let Some(mut world) = World::start(times).await else { return };
    let gate = Arc::new(tokio::sync::Notify::new());
    let opened = Arc::clone(&gate);
    let slow = FakeUpstream::start(move |_| {
        let mut start = stream_head();
        start.extend(piece(text_event("one ")));
        let end = [piece(text_event("two")), piece(finish_event()), piece(DONE), clean_end()].concat();
        vec![Step::Send(start), Step::Gate(Arc::clone(&opened)), Step::Send(end)]
    })
    .await;
    let mut provider = referring(&slow, "vault:team/openai");
    provider["name"] = json!("west");
    let body = json!({ "provider": provider });
    let (status, made) = sent(world.gateway.request("POST", "/sluicegate/v1/providers", body)).await;
    assert_eq!(status, 201, "{made}");
    world.gateway.add_model("west", "upstream-model", "slow", None).await;
    let mut stream = world
        .gateway
        .client
        .inference()
        .stream_chat(chat("slow", "Hi"))
        .await
        .expect("a stream")
        .into_inner();
    let mut text = sluicegate_client::text(&stream.message().await.expect("no error").expect("a chunk"));
    world.bao.kill();
    let refused = async {
        while ask(&world.gateway).await.0 == 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.expect("new calls are refused");
    gate.notify_one();
    while let Some(chunk) = stream.message().await.expect("no error") {
        text.push_str(&sluicegate_client::text(&chunk));
    }
    assert_eq!(text, "one two");
}
