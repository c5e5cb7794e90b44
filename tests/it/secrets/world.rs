//! A vendor that takes one key at a time, a vault that gives it or not, and a gateway between them.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tonic::Code;

use crate::{
    rest::sent,
    support::{
        FakeUpstream, Received, Step, TestGateway, chat as grpc_chat, chat_answer, json_answer,
        start_gateway_with,
    },
};

/// The gateway's own token at the vault.
pub const VAULT_TOKEN: &str = "hvs.own-token-of-the-gateway-0123456789";

/// What the vault does when it is asked for a secret.
#[derive(Clone, Debug)]
pub enum Mood {
    /// Gives this key.
    Gives(String),
    /// Answers with this status, and repeats the token that it was shown.
    Says(u16),
    /// Tears the connection down.
    Resets,
    /// Never answers.
    Hangs,
}

pub struct World {
    pub gateway: TestGateway,
    pub vault: FakeUpstream,
    pub upstream: FakeUpstream,
    mood: Arc<Mutex<Mood>>,
    taken: Arc<Mutex<String>>,
}

/// A vendor that answers who shows this key, and repeats any other.
pub async fn vendor(taken: &Arc<Mutex<String>>) -> FakeUpstream {
    let taken = Arc::clone(taken);
    FakeUpstream::start(move |request| {
        let shown = header(request, "authorization").trim_start_matches("Bearer ").to_owned();
        if shown == *taken.lock().expect("not poisoned") {
            return vec![Step::Send(chat_answer("Hello"))];
        }
        let said = json!({"error": {"message": format!("wrong key {shown}"), "code": "invalid_api_key"}});
        vec![Step::Send(json_answer(401, &said.to_string()))]
    })
    .await
}

/// The value of a header of a request.
pub fn header<'a>(request: &'a Received, name: &str) -> &'a str {
    let named = |line: &&str| line.to_ascii_lowercase().starts_with(&format!("{name}:"));
    request.head.lines().find(named).and_then(|line| line.split_once(": ")).map_or("", |(_, value)| value)
}

/// Makes a provider named `east` with one model `m`.
pub async fn add_provider(gateway: &TestGateway, provider: Value) -> Value {
    let path = "/sluicegate/v1/providers";
    let (status, made) = sent(gateway.request("POST", path, json!({ "provider": provider }))).await;
    assert_eq!(status, 201, "{made}");
    gateway.add_model("east", "upstream-model", "m", None).await;
    made["provider"].clone()
}

/// A provider that refers to `resource`.
pub fn referring(upstream: &FakeUpstream, resource: &str) -> Value {
    json!({"name": "east", "type": "openai", "baseUrl": upstream.base_url,
        "credential": {"reference": {"resource": resource}}})
}

/// Asks over REST.
pub async fn ask(gateway: &TestGateway) -> (u16, Value) {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    sent(gateway.post("/v1/chat/completions", &body)).await
}

/// Asks over both edges; both are answered.
pub async fn is_answered(gateway: &TestGateway) {
    let (status, answer) = ask(gateway).await;
    assert_eq!(status, 200, "{answer}");
    let answer = gateway.client.inference().chat(grpc_chat("m", "Hi")).await;
    answer.expect("it is answered over gRPC as well");
}

/// Asks over both edges; both tell this reason. Gives what they say.
pub async fn is_refused(gateway: &TestGateway, reason: &str, http: u16, grpc: Code) -> String {
    let (status, answer) = ask(gateway).await;
    assert_eq!((status, &answer["error"]["code"]), (http, &json!(reason)), "{answer}");
    let refused = gateway.client.inference().chat(grpc_chat("m", "Hi")).await.expect_err("refused");
    assert_eq!(refused.code(), grpc, "{refused}");
    format!("{answer} {refused:?}")
}

impl World {
    /// With a secret manager named `vault` of these times, and a provider that refers to a key in it.
    pub async fn start(times: Value) -> Self {
        let world = Self::without_provider(times).await;
        add_provider(&world.gateway, referring(&world.upstream, "vault:team/openai")).await;
        world
    }

    /// The same without the provider.
    pub async fn without_provider(times: Value) -> Self {
        let mood = Arc::new(Mutex::new(Mood::Gives("sk-first-0123456789".to_owned())));
        let taken = Arc::new(Mutex::new("sk-first-0123456789".to_owned()));
        let vault = vault(&mood).await;
        let upstream = vendor(&taken).await;
        let gateway = start_gateway_with(&[]).await;
        let address = vault.base_url.trim_end_matches("/v1");
        let mut manager = json!({"name": "vault", "vault": {"address": address},
            "credential": {"inline": {"values": {"token": VAULT_TOKEN}}}});
        manager.as_object_mut().expect("an object").extend(times.as_object().expect("an object").clone());
        let request =
            gateway.request("POST", "/sluicegate/v1/secret-managers", json!({ "secretManager": manager }));
        let (status, made) = sent(request).await;
        assert_eq!(status, 201, "{made}");
        Self { gateway, vault, upstream, mood, taken }
    }

    /// From now on the vault does this.
    pub fn vault_is(&self, mood: Mood) {
        *self.mood.lock().expect("not poisoned") = mood;
    }

    /// From now on the vendor takes this key only.
    pub fn vendor_takes(&self, key: &str) {
        key.clone_into(&mut self.taken.lock().expect("not poisoned"));
    }

    /// How often the vault was asked for the secret.
    pub fn reads(&self) -> usize {
        self.vault.requests().iter().filter(|request| is_read(request)).count()
    }

    /// Changes the secret manager.
    pub async fn update_manager(&self, change: impl FnOnce(&mut Value)) {
        let path = "/sluicegate/v1/secret-managers/vault";
        let (_, mut got) = sent(self.gateway.request("GET", path, Value::Null)).await;
        change(&mut got["secretManager"]);
        let (status, told) = sent(self.gateway.request("PUT", path, got)).await;
        assert_eq!(status, 200, "{told}");
    }

    /// Waits until a read had this outcome so often.
    pub async fn read_becomes(&self, outcome: &str, count: f64) {
        let labels = ["manager=\"vault\"", &format!("outcome=\"{outcome}\"")];
        self.gateway.metric_becomes("sluicegate_secret_reads_total", &labels, count).await;
    }

    pub async fn used_stale(&self) -> f64 {
        self.gateway.metric("sluicegate_secrets_used_stale_total", &["manager=\"vault\""]).await
    }
}

async fn vault(mood: &Arc<Mutex<Mood>>) -> FakeUpstream {
    let mood = Arc::clone(mood);
    FakeUpstream::start(move |request| {
        if !is_read(request) {
            return vec![Step::Send(json_answer(200, r#"{"data": {"ttl": 0, "renewable": false}}"#))];
        }
        match mood.lock().expect("not poisoned").clone() {
            Mood::Gives(key) => {
                let given = json!({"data": {"data": {"apikey": key}, "metadata": {"version": 1}}});
                vec![Step::Send(json_answer(200, &given.to_string()))]
            }
            Mood::Says(status) => {
                let said = json!({"errors": [format!("no, {}", header(request, "x-vault-token"))]});
                vec![Step::Send(json_answer(status, &said.to_string()))]
            }
            Mood::Resets => vec![Step::Reset],
            Mood::Hangs => vec![Step::Hold],
        }
    })
    .await
}

fn is_read(request: &Received) -> bool {
    request.path == "/v1/secret/data/team/openai"
}
