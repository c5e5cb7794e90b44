//! Secrets of a real OpenBao.

use std::time::Duration;

use serde_json::{Value, json};
use sluicegate::{
    error::{Error, Reason},
    http::{Clients, Way},
    proto::v1,
    secrets::{Content, Credential, Manager, Resource},
    task::Tasks,
};

use super::openbao::{OpenBao, ROOT};

/// What reads at a vault.
pub struct Reader {
    manager: Manager,
    own: Credential,
    tasks: Tasks,
}

impl Reader {
    fn new(settings: v1::Vault, own: &[(&str, &str)]) -> Self {
        let client = Clients::default().get(&Way::default()).expect("a client");
        let manager = Manager::new(&v1::secret_manager::Kind::Vault(settings), client);
        Self { manager, own: credential(own), tasks: Tasks::default() }
    }

    /// One that reads at this address with these secrets.
    pub fn at(address: &str, own: &[(&str, &str)]) -> Self {
        Self::new(v1::Vault { address: address.to_owned(), ..v1::Vault::default() }, own)
    }

    fn with_token(bao: &OpenBao, token: &str) -> Self {
        Self::at(&bao.url, &[("token", token)])
    }

    fn with_role(bao: &OpenBao, (role_id, secret_id): &(String, String)) -> Self {
        Self::at(&bao.url, &[("role_id", role_id), ("secret_id", secret_id)])
    }

    /// The members of a secret.
    pub async fn read(&self, path: &str) -> Result<Vec<(String, String)>, Error> {
        let resource = Resource::read(&format!("vault:{path}")).expect("a resource");
        match self.manager.read(&resource, &self.own, &self.tasks).await? {
            Content::Members(members) => {
                Ok(members.into_iter().map(|(name, secret)| (name, secret.expose().to_owned())).collect())
            }
            Content::Text(_) => panic!("a vault keeps members"),
        }
    }

    async fn key(&self, path: &str) -> String {
        let members = self.read(path).await.unwrap_or_else(|error| panic!("{path}: {error}"));
        members.into_iter().find_map(|(name, text)| (name == "apikey").then_some(text)).expect("a key")
    }

    /// What is said when there is nothing to read, for this reason.
    pub async fn refusal(&self, path: &str, reason: Reason) -> String {
        let error = self.read(path).await.expect_err("there is nothing to read");
        assert_eq!(error.reason(), reason, "{error}");
        for (name, secret) in self.own.iter() {
            assert!(!format!("{error} {error:?}").contains(secret.expose()), "shows its {name}: {error}");
        }
        error.to_string()
    }
}

fn settings(bao: &OpenBao) -> v1::Vault {
    v1::Vault { address: bao.url.clone(), ..v1::Vault::default() }
}

fn credential(secrets: &[(&str, &str)]) -> Credential {
    Credential::new(secrets.iter().map(|(name, secret)| ((*name).to_owned(), (*secret).to_owned())).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_reads_every_path_that_may_be_written() {
    let Some(bao) = OpenBao::start() else { return };
    let reader = Reader::with_token(&bao, ROOT);
    for path in ["openai", "team/openai", "a b/c+d@e/f_g-h.i", "data/data", "..."] {
        bao.write(&path.replace(' ', "%20"), json!({ "apikey": path, "port": 8443, "on": true })).await;
        let pairs = [("apikey", path), ("on", "true"), ("port", "8443")];
        let expected = pairs.map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(reader.read(path).await.expect("a secret"), expected);
    }
    bao.write("openai", json!({ "apikey": "second" })).await;
    assert_eq!(reader.key("openai").await, "second", "the newest version is read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_and_a_mount_are_where_they_are_said_to_be() {
    let Some(bao) = OpenBao::start() else { return };
    bao.post("sys/namespaces/team", json!({})).await;
    let engine = json!({ "type": "kv", "options": { "version": "2" } });
    let (status, answer) = bao.ask("POST", "sys/mounts/ai/keys", "team", engine).await;
    assert_eq!(status, 204, "{answer}");
    let written = async || {
        let body = json!({ "data": { "apikey": "of-team" } });
        bao.ask("POST", "ai/keys/data/openai", "team", body).await.0 == 200
    };
    // The engine makes itself ready first.
    while !written().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let there = v1::Vault { namespace: "team".into(), mount: "ai/keys".into(), ..settings(&bao) };
    assert_eq!(Reader::new(there.clone(), &[("token", ROOT)]).key("openai").await, "of-team");
    let elsewhere = v1::Vault { namespace: String::new(), ..there };
    let said = Reader::new(elsewhere, &[("token", ROOT)]).refusal("openai", Reason::SecretNotReadable).await;
    assert!(said.contains("ai/keys") && said.contains("namespace"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_role_logs_in_once_for_all_reads() {
    let Some(bao) = OpenBao::start() else { return };
    bao.write("openai", json!({ "apikey": "k1" })).await;
    bao.let_read("keys", "secret/data/*").await;
    let role = bao.app_role(json!({ "token_policies": "keys" })).await;
    let reader = Reader::with_role(&bao, &role);
    let reads = (0..50).map(|_| reader.key("openai"));
    assert!(futures_util::future::join_all(reads).await.iter().all(|key| key == "k1"));
    assert_eq!(bao.accessors().await.len(), 1);

    let wrong = Reader::with_role(&bao, &(role.0, "wrong-secret-id".to_owned()));
    let said = wrong.refusal("openai", Reason::SecretNotReadable).await;
    assert!(said.contains("login") && said.contains("invalid role or secret ID"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_lived_token_lives_on_though_nobody_reads() {
    let Some(bao) = OpenBao::start() else { return };
    bao.write("openai", json!({ "apikey": "k1" })).await;
    bao.let_read("keys", "secret/data/*").await;
    let token = bao.token(json!({ "policies": ["keys"], "ttl": "2s" })).await;
    let reader = Reader::with_token(&bao, &token);
    assert_eq!(reader.key("openai").await, "k1");
    // Time itself is what the test waits for: OpenBao counts it.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(reader.key("openai").await, "k1");
    drop(reader);
    let gone = async {
        while !bao.accessors().await.is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(crate::support::PATIENCE, gone)
        .await
        .expect("a token that nobody needs is left to end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_logs_in_anew_where_renewals_end() {
    let Some(bao) = OpenBao::start() else { return };
    bao.write("openai", json!({ "apikey": "k1" })).await;
    bao.let_read("keys", "secret/data/*").await;
    for kind in ["service", "batch"] {
        let times =
            json!({ "token_policies": "keys", "token_ttl": "2s", "token_max_ttl": "3s", "token_type": kind });
        let reader = Reader::with_role(&bao, &bao.app_role(times).await);
        let start = tokio::time::Instant::now();
        while start.elapsed() < Duration::from_secs(5) {
            assert_eq!(reader.key("openai").await, "k1", "{kind} after {:?}", start.elapsed());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_leads_to_a_new_login() {
    let Some(bao) = OpenBao::start() else { return };
    bao.write("openai", json!({ "apikey": "k1" })).await;
    bao.let_read("keys", "secret/data/*").await;
    let given = bao.token(json!({ "policies": ["keys"] })).await;
    let role = bao.app_role(json!({ "token_policies": "keys" })).await;
    let (given, role) = (Reader::with_token(&bao, &given), Reader::with_role(&bao, &role));
    for reader in [&given, &role] {
        assert_eq!(reader.key("openai").await, "k1");
    }
    bao.revoke_all().await;
    assert_eq!(role.key("openai").await, "k1");
    let said = given.refusal("openai", Reason::SecretNotReadable).await;
    assert!(said.contains("vault:openai (403): permission denied"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_credential_is_used_at_once() {
    let Some(bao) = OpenBao::start() else { return };
    bao.write("openai", json!({ "apikey": "k1" })).await;
    let mut reader = Reader::with_token(&bao, "wrong-token-0123456789");
    reader.refusal("openai", Reason::SecretNotReadable).await;
    reader.own = credential(&[("token", ROOT)]);
    assert_eq!(reader.key("openai").await, "k1");
    reader.own = credential(&[("role_id", "half")]);
    let said = reader.refusal("openai", Reason::SecretNotReadable).await;
    assert!(said.contains("secret_id"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_may_only_read_its_secret_is_enough_and_reads_nothing_else() {
    let Some(bao) = OpenBao::start() else { return };
    for path in ["openai", "groq"] {
        bao.write(path, json!({ "apikey": path })).await;
    }
    bao.let_read("keys", "secret/data/openai").await;
    let narrow = json!({ "policies": ["keys"], "no_default_policy": true });
    let reader = Reader::with_token(&bao, &bao.token(narrow).await);
    assert_eq!(reader.key("openai").await, "openai");
    let said = reader.refusal("groq", Reason::SecretNotReadable).await;
    assert!(said.contains("vault:groq (403)") && said.contains("permission denied"), "{said}");
    assert_eq!(reader.key("openai").await, "openai", "one refusal does not end the others");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_says_why() {
    let Some(bao) = OpenBao::start() else { return };
    for path in ["deleted", "destroyed", "nested"] {
        bao.write(path, json!({ "apikey": { "canary": 1 } })).await;
    }
    bao.ask("DELETE", "secret/data/deleted", "", Value::Null).await;
    bao.post("secret/destroy/destroyed", json!({ "versions": [1] })).await;
    bao.post("sys/mounts/old", json!({ "type": "kv", "options": { "version": "1" } })).await;
    bao.post("old/openai", json!({ "apikey": "k1" })).await;
    bao.post("old/data/openai", json!({ "apikey": "k1" })).await;
    let at =
        |mount: &str| Reader::new(v1::Vault { mount: mount.into(), ..settings(&bao) }, &[("token", ROOT)]);
    for (mount, path, words) in [
        ("", "deleted", "version 1 of vault:deleted was deleted at 20"),
        ("", "destroyed", "version 1 of vault:destroyed was destroyed"),
        ("", "missing", "no missing at mount \"secret\" (404): without a message"),
        ("", "nested", "vault:nested holds cannot be used: apikey: must be a text"),
        ("nowhere", "openai", "mount \"nowhere\" (404): no handler for route"),
        ("old", "missing", "mount \"old\" is of version 1"),
        ("old", "openai", "no secret of a KV engine of version 2"),
    ] {
        let said = at(mount).refusal(path, Reason::SecretNotReadable).await;
        assert!(said.contains(words) && !said.contains("canary"), "{mount} {path}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_nearly_a_mebibyte_is_read_and_a_longer_one_refused() {
    let Some(bao) = OpenBao::start() else { return };
    let reader = Reader::with_token(&bao, ROOT);
    let long = "x".repeat((1 << 20) - 1024);
    bao.write("long", json!({ "apikey": long })).await;
    assert!(reader.key("long").await == long);
    bao.write("long", json!({ "apikey": format!("{long}{}", "x".repeat(1024)) })).await;
    let said = reader.refusal("long", Reason::SecretNotReadable).await;
    assert!(said.contains("1048576 bytes"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_is_sealed_or_gone_is_an_outage() {
    let Some(mut bao) = OpenBao::start() else { return };
    bao.write("openai", json!({ "apikey": "k1" })).await;
    let reader = Reader::with_token(&bao, ROOT);
    assert_eq!(reader.key("openai").await, "k1");
    bao.post("sys/seal", json!({})).await;
    let said = reader.refusal("openai", Reason::SecretManagerUnavailable).await;
    assert!(said.contains("503") && said.contains("sealed"), "{said}");
    bao.kill();
    let said = reader.refusal("openai", Reason::SecretManagerUnavailable).await;
    assert!(said.contains("could not be reached"), "{said}");
    bao.come_back();
    bao.write("openai", json!({ "apikey": "k2" })).await;
    assert_eq!(reader.key("openai").await, "k2");
}
