//! IBM Cloud and Software Hub as far as the contract tells them: who gives tokens, and who keeps secrets.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};
use sluicegate_client::v1::{self, credential::Source, secret_manager::Kind};

use crate::support::{FakeUpstream, Received, Step, TestGateway, json_answer};

/// The gateway's own key, and the name of its user in Software Hub.
pub const OWN_KEY: &str = "own-key-of-the-gateway-0123456789";
pub const USERNAME: &str = "gateway";
pub const INSTANCE: &str = "5af6d1b2-0000-4000-8000-000000000001";

/// Both, at one address.
#[derive(Clone, Default)]
pub struct Ibm(Arc<Kept>);

#[derive(Default)]
struct Kept {
    /// What is answered at which path.
    secrets: Mutex<BTreeMap<String, Value>>,
    /// How many tokens were given, and how many of these ended.
    given: AtomicUsize,
    ended: AtomicUsize,
    /// What is done in place of giving secrets.
    fault: Mutex<Option<Vec<Step>>>,
}

/// The CRN of a secret.
pub fn crn(id: &str) -> String {
    format!("crn:v1:bluemix:public:secrets-manager:us-south:a/0123abcd:{INSTANCE}:secret:{id}")
}

/// The address without a path.
pub fn root(server: &FakeUpstream) -> &str {
    server.base_url.trim_end_matches("/v1")
}

/// How often somebody asked for a token.
pub fn logins(server: &FakeUpstream) -> usize {
    server.requests().iter().filter(|request| is_login(request)).count()
}

/// The requests for secrets.
pub fn reads(server: &FakeUpstream) -> Vec<Received> {
    server.requests().into_iter().filter(|request| !is_login(request)).collect()
}

fn is_login(request: &Received) -> bool {
    matches!(request.path.as_str(), "/identity/token" | "/icp4d-api/v1/authorize")
}

impl Ibm {
    pub async fn start() -> (Self, FakeUpstream) {
        let ibm = Self::default();
        let shared = ibm.clone();
        let server = FakeUpstream::start(move |request| shared.answer(request)).await;
        (ibm, server)
    }

    /// Keeps a secret of Secrets Manager; `members` stand in place of those of an active one.
    pub fn put(&self, id: &str, members: Value) {
        let mut secret =
            json!({"id": id, "crn": crn(id), "name": format!("mg-east-{id}"), "state": 1, "labels": []});
        for (name, value) in members.as_object().expect("an object") {
            secret[name] = value.clone();
        }
        self.keep(format!("/api/v2/secrets/{id}"), secret);
    }

    /// Keeps an active key-value secret.
    pub fn put_members(&self, id: &str, data: Value) {
        self.put(id, json!({"secret_type": "kv", "data": data}));
    }

    /// Keeps a secret of Software Hub, by its type.
    pub fn put_in_hub(&self, urn: &str, secret: Value) {
        let path = format!("/zen-data/v2/secrets/{}", urn.replace(':', "%3A"));
        self.keep(path, json!({"data": {"secret": secret}, "metadata": {"secret_urn": urn}}));
    }

    /// Ends all tokens that were given so far.
    pub fn end_tokens(&self) {
        self.0.ended.store(self.0.given.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// Does this in place of giving secrets, from now on.
    pub fn fail(&self, fault: Option<Vec<Step>>) {
        *self.0.fault.lock().expect("not poisoned") = fault;
    }

    fn keep(&self, path: String, answer: Value) {
        self.0.secrets.lock().expect("not poisoned").insert(path, answer);
    }

    fn answer(&self, request: &Received) -> Vec<Step> {
        if is_login(request) {
            return vec![Step::Send(self.give(request))];
        }
        if let Some(fault) = &*self.0.fault.lock().expect("not poisoned") {
            return fault.clone();
        }
        let said = |status, code: &str, message: &str| {
            let errors = json!([{"code": code, "message": message}]);
            let body = json!({"status_code": status, "trace": "t-1", "errors": errors});
            vec![Step::Send(json_answer(status, &body.to_string()))]
        };
        let head = request.head.to_ascii_lowercase();
        let good = self.0.ended.load(Ordering::SeqCst) + 1..=self.0.given.load(Ordering::SeqCst);
        let is_good = |number: usize| head.contains(&format!("authorization: bearer {}\r\n", token(number)));
        if !good.into_iter().any(is_good) {
            return said(401, "unauthorized", &format!("the token ended: {}", request.head));
        }
        match self.0.secrets.lock().expect("not poisoned").get(&request.path) {
            Some(secret) => vec![Step::Send(json_answer(200, &secret.to_string()))],
            None => said(404, "not_found", "there is no such secret"),
        }
    }

    fn give(&self, request: &Received) -> Vec<u8> {
        let body = String::from_utf8_lossy(&request.body);
        if !body.contains(OWN_KEY) {
            let body = json!({"errorCode": "BXNIM0415E", "errorMessage": format!("no such key: {body}")});
            return json_answer(400, &body.to_string());
        }
        let token = token(self.0.given.fetch_add(1, Ordering::SeqCst) + 1);
        let answer = if request.path == "/identity/token" {
            json!({"access_token": token, "expires_in": 3600, "token_type": "Bearer"})
        } else {
            json!({"_messageCode_": "200", "message": "Success", "token": token})
        };
        json_answer(200, &answer.to_string())
    }
}

/// The token that is given as this one of all.
pub fn token(number: usize) -> String {
    format!("token-{number}-of-the-gateway")
}

impl TestGateway {
    /// Registers the fake Secrets Manager with these rules.
    pub async fn add_secrets_manager(
        &self,
        server: &FakeUpstream,
        rules: Vec<v1::SecretRule>,
    ) -> v1::SecretManager {
        let settings = v1::IbmSecretsManager {
            address: root(server).into(),
            auth_url: root(server).into(),
            ..Default::default()
        };
        self.add_manager(Kind::IbmSecretsManager(settings), rules).await
    }

    /// Registers the fake Software Hub.
    pub async fn add_hub(&self, server: &FakeUpstream) -> v1::SecretManager {
        let (address, username) = (root(server).into(), USERNAME.into());
        let settings = v1::SoftwareHubVault { address, username, ..Default::default() };
        self.add_manager(Kind::SoftwareHub(settings), Vec::new()).await
    }

    async fn add_manager(&self, kind: Kind, rules: Vec<v1::SecretRule>) -> v1::SecretManager {
        let values = [("apikey".to_owned(), OWN_KEY.to_owned())].into();
        let credential = v1::Credential { source: Some(Source::Inline(v1::InlineSecrets { values })) };
        let manager = v1::SecretManager {
            name: "ibm".into(),
            kind: Some(kind),
            credential: Some(credential),
            rules,
            ..Default::default()
        };
        let request = v1::CreateSecretManagerRequest { secret_manager: Some(manager) };
        let created = self.client.providers().create_secret_manager(request).await.expect("it is created");
        created.into_inner().secret_manager.expect("a secret manager")
    }
}
