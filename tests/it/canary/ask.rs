//! What is asked of the gateway, on both edges, and what it answers.

use std::{fmt::Debug, net::IpAddr, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use prost::Message;
use serde_json::{Value, json};
use sluicegate_client::{Gateway, v1};

use super::{
    sinks::Sinks,
    slots::Canaries,
    upstream::{GOOD_LOGIN, MODES},
};
use crate::support::{FakeUpstream, chat};

/// The administrator, whose every answer is kept.
pub struct Caller {
    url: String,
    key: String,
    client: Gateway,
    http: reqwest::Client,
    sinks: Arc<Sinks>,
}

// === impl Caller ===

impl Caller {
    pub async fn connect(url: &str, key: &str, sinks: &Arc<Sinks>) -> Self {
        let client = Gateway::connect(url, key).await.expect("the gateway answers");
        let http = sluicegate::http::client().expect("a client");
        Self { url: url.into(), key: key.into(), client, http, sinks: Arc::clone(sinks) }
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method.parse().expect("a method"), format!("{}{path}", self.url))
    }

    /// Sends and keeps all that comes back.
    async fn send(&self, request: reqwest::RequestBuilder) -> (u16, String) {
        let (status, told, text) = self.send_unseen(request).await;
        self.sinks.add("answers over REST", format!("{told}{text}").as_bytes());
        (status, text)
    }

    /// The same where a secret is shown by design.
    async fn send_unseen(&self, request: reqwest::RequestBuilder) -> (u16, String, String) {
        let response = request.send().await.expect("an answer");
        let (status, told) = (response.status().as_u16(), format!("{:?}", response.headers()));
        (status, told, response.text().await.unwrap_or_default())
    }

    async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> (u16, String) {
        self.send(self.request("POST", path).bearer_auth(&self.key).body(body)).await
    }

    /// A request that has to be granted.
    pub async fn must(&self, path: &str, body: Value) {
        let (status, told) = self.post(path, body.to_string()).await;
        assert!(status < 300, "{body}: {told}");
    }

    pub async fn get(&self, path: &str) -> String {
        self.send(self.request("GET", path).bearer_auth(&self.key)).await.1
    }

    /// The alias of every model.
    pub async fn models(&self) -> Vec<String> {
        let request = v1::ListModelsRequest { page_size: 1000, ..Default::default() };
        let listed = self.client.models().list_models(request).await;
        self.keep(&listed);
        listed.expect("a list").into_inner().models.into_iter().map(|model| model.alias).collect()
    }

    /// Asks the model on both edges, in one piece and as a stream.
    pub async fn every_way(&self, model: &str) {
        for stream in [false, true] {
            let body =
                json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": "Hi"}]});
            self.post("/v1/chat/completions", body.to_string()).await;
        }
        self.post("/v1/embeddings", json!({"model": model, "input": "Hi"}).to_string()).await;
        self.keep(&self.client.inference().chat(chat(model, "Hi")).await);
        match self.client.inference().stream_chat(chat(model, "Hi")).await {
            Ok(mut stream) => loop {
                let chunk = stream.get_mut().message().await;
                let more = matches!(chunk, Ok(Some(_)));
                self.keep(&chunk.map(|chunk| tonic::Response::new(chunk.unwrap_or_default())));
                if !more {
                    break;
                }
            },
            Err(status) => self.keep::<v1::ChatChunk>(&Err(status)),
        }
    }

    /// Every list, every resource of it, and every document.
    pub async fn read_everything(&self) {
        for noun in [
            "providers",
            "models",
            "api-keys",
            "policies",
            "rate-limits",
            "secret-managers",
            "issuers",
            "audit-events",
        ] {
            let path = format!("/sluicegate/v1/{noun}");
            let listed: Value =
                serde_json::from_str(&self.get(&format!("{path}?page_size=1000")).await).expect("JSON");
            let all =
                listed.as_object().into_iter().flat_map(|listed| listed.values()).filter_map(Value::as_array);
            for id in all.flatten().filter_map(|one| one["id"].as_str()) {
                self.get(&format!("{path}/{id}")).await;
                if noun == "providers" {
                    self.post(&format!("{path}/{id}/test"), "").await;
                    self.get(&format!("{path}/{id}/available-models")).await;
                    self.get(&format!("/ml/gateway/v1/providers/{id}")).await;
                    let request = v1::TestProviderRequest { id: id.to_owned() };
                    self.keep(&self.client.providers().test_provider(request).await);
                    let request = v1::GetProviderRequest { id: id.to_owned() };
                    self.keep(&self.client.providers().get_provider(request).await);
                }
            }
        }
        for path in [
            "/openapi.json",
            "/sluicegate/v1/provider-types",
            "/sluicegate/v1/tenant",
            "/ml/gateway/v1/providers",
            "/ml/gateway/v1/models",
            "/v1/models",
            "/healthz",
            "/readyz",
        ] {
            self.get(path).await;
        }
    }

    fn keep<M: Message + Debug>(&self, answer: &Result<tonic::Response<M>, tonic::Status>) {
        let bytes = match answer {
            Ok(answer) => {
                [format!("{:?}", answer.metadata()).into_bytes(), answer.get_ref().encode_to_vec()].concat()
            }
            Err(status) => [format!("{status:?}").as_bytes(), status.details()].concat(),
        };
        self.sinks.add("answers over gRPC", &bytes);
    }
}

/// Keys that are given, made, rotated and exchanged.
pub async fn keys(caller: &Caller, canaries: &Canaries) {
    let create = |name: &str, secret: &str| {
        json!({"apiKey": {"name": name, "role": "ACCESS_ROLE_USER"}, "secret": secret}).to_string()
    };
    let send = |path: String, body: String| {
        caller.send_unseen(caller.request("POST", &path).bearer_auth(&caller.key).body(body))
    };
    let (given, rotated) = (canaries.make("key that was given"), canaries.make("key that was given anew"));
    for (name, secret, next) in [("given", given.as_str(), rotated.as_str()), ("made", "", "")] {
        let (status, head, text) = send("/sluicegate/v1/api-keys".into(), create(name, secret)).await;
        assert_eq!(status, 201, "{text}");
        let first = learn(canaries, &format!("key {name}"), &text, "secret");
        let (status, other_head, text) =
            send(format!("/sluicegate/v1/api-keys/{name}/rotate"), json!({"secret": next}).to_string()).await;
        assert_eq!(status, 200, "{text}");
        learn(canaries, &format!("key {name}, rotated"), &text, "secret");
        caller.sinks.add("answers over REST", format!("{head}{other_head}").as_bytes());

        let grant = format!("grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey={first}");
        let form = caller.request("POST", "/identity/token").body(grant);
        let form = form.header("content-type", "application/x-www-form-urlencoded");
        let (status, head, text) = caller.send_unseen(form).await;
        assert_eq!(status, 200, "{text}");
        caller.sinks.add("answers over REST", head.as_bytes());
        let token = learn(canaries, &format!("token for key {name}"), &text, "access_token");
        caller.send(caller.request("GET", "/v1/models").bearer_auth(token)).await;
        // The same name again: what is refused is not repeated.
        caller.post("/sluicegate/v1/api-keys", create(name, &canaries.make("key that was refused"))).await;
        let request = v1::CreateApiKeyRequest {
            api_key: Some(v1::ApiKey {
                name: name.into(),
                role: v1::AccessRole::User.into(),
                ..Default::default()
            }),
            secret: canaries.make("key that was refused"),
        };
        let refused = caller.client.access().create_api_key(request).await;
        caller.keep(&refused);
        refused.expect_err("the name is taken");
    }
}

fn learn(canaries: &Canaries, place: &str, answer: &str, member: &str) -> String {
    let answer: Value = serde_json::from_str(answer).expect("JSON");
    let secret = answer[member].as_str().expect("a secret");
    canaries.learn(place, secret);
    secret.to_owned()
}

/// Wrong keys wherever callers may put one, and where they may not.
pub async fn strangers(caller: &Caller, canaries: &Canaries) {
    let body = json!({"model": "none", "messages": [{"role": "user", "content": "Hi"}]}).to_string();
    let names = ["authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "proxy-authorization"];
    for (number, name) in (1..).zip(names) {
        for (rank, scheme) in (1..).zip(["", "Bearer ", "ZenApiKey ", "Basic ", "Digest "]) {
            // Who guesses is made to wait; each of them comes from somewhere else.
            let from = IpAddr::from([127, 1, number, rank]);
            let stranger =
                reqwest::Client::builder().no_proxy().local_address(from).build().expect("a client");
            let wrong = canaries.make(&format!("wrong key, {name}: {scheme}"));
            let pair = STANDARD.encode(format!("ann:{wrong}"));
            for value in [format!("{scheme}{wrong}"), format!("{scheme}{pair}")] {
                let request =
                    stranger.post(format!("{}/v1/chat/completions", caller.url)).header(name, &value);
                caller.send(request.body(body.clone())).await;
                let mut request = tonic::Request::new(chat("none", "Hi"));
                let name = tonic::metadata::MetadataKey::from_bytes(name.as_bytes()).expect("a name");
                request.metadata_mut().insert(name, value.parse().expect("a value"));
                let channel = tonic::transport::Endpoint::from_shared(caller.url.clone()).expect("a URL");
                let channel = channel.local_address(Some(from)).connect().await.expect("a connection");
                caller.keep(&v1::inference_client::InferenceClient::new(channel).chat(request).await);
            }
        }
    }
    for path in
        ["/identity/token", "/icp4d-api/v1/authorize", "/v1/preauth/validateAuth", "/v1/models", "/nowhere"]
    {
        let wrong = canaries.make(&format!("wrong key at {path}"));
        let token = format!("eyJhbGciOiJIUzI1NiJ9.{wrong}.{wrong}");
        let form = format!("grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey={wrong}");
        let object = json!({"username": wrong, "password": wrong, "api_key": wrong}).to_string();
        let post = |path: &str, body: String| caller.send(caller.request("POST", path).body(body));
        post(path, form.clone()).await;
        post(path, object.clone()).await;
        post(path, object.replace(':', "=")).await;
        caller.send(caller.request("GET", &format!("{path}?key={wrong}&api_key={wrong}"))).await;
        caller.send(caller.request("GET", path).basic_auth("ann", Some(&wrong))).await;
        caller.send(caller.request("GET", path).bearer_auth(token)).await;
        let form = caller
            .request("POST", path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        caller.send(form).await;
    }
}

/// Requests that are wrong around a secret.
pub async fn mistakes(caller: &Caller, canaries: &Canaries) {
    let secret = canaries.make("wrong request");
    let inline = |values: Value| json!({"inline": {"values": values}});
    let credentials = [
        json!(secret),
        json!([secret]),
        json!({"apikey": secret}),
        json!({"inline": secret}),
        json!({"inline": {"values": secret}}),
        json!({"inline": {"apikey": secret}}),
        json!({"inline": {"values": [secret]}}),
        inline(json!({"apikey": {"a": secret}})),
        inline(json!({"apikey": [secret]})),
        inline(json!({"wrong": secret})),
        inline(json!({"apikey": format!("{secret}\n")})),
        inline(json!({"apikey": format!("{secret}\u{7f}é")})),
        inline(json!({"apikey": secret.repeat(2000)})),
        inline(json!({"apikey": secret, "token": secret})),
        json!({"reference": secret}),
        json!({"reference": {"resource": {"a": secret}}}),
    ];
    for credential in credentials {
        let provider = json!({"name": "wrong", "type": "openai", "baseUrl": "http://127.0.0.1:9/v1", "credential": credential});
        caller.post("/sluicegate/v1/providers", json!({"provider": provider}).to_string()).await;
        caller
            .post("/ml/gateway/v1/providers/openai", json!({"name": "wrong", "data": credential}).to_string())
            .await;
        caller
            .send(caller.request("DELETE", "/sluicegate/v1/providers/wrong").bearer_auth(&caller.key))
            .await;
    }
    for url in [
        format!("http://ann:{secret}@127.0.0.1/v1"),
        format!("http://127.0.0.1/v1?key={secret}"),
        format!("http://127.0.0.1/v1#{secret}"),
    ] {
        for provider in [
            json!({"name": "wrong", "type": "openai", "baseUrl": url}),
            json!({"name": "wrong", "type": "custom", "baseUrl": "http://127.0.0.1:9/v1", "connection": {"proxyUrl": url}}),
            json!({"name": "wrong", "type": "watsonxai", "baseUrl": "http://127.0.0.1:9", "settings": {"auth_url": url},
                "credential": inline(json!({"apikey": secret}))}),
        ] {
            let (status, told) =
                caller.post("/sluicegate/v1/providers", json!({"provider": provider}).to_string()).await;
            assert_eq!(status, 400, "{told}");
        }
    }
    for pem in [secret.clone(), format!("-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n")]
    {
        let connection =
            json!({"clientCertificatePem": pem, "credential": inline(json!({"client_key_pem": pem}))});
        let provider = json!({"name": "wrong", "type": "custom", "baseUrl": "http://127.0.0.1:9/v1", "connection": connection});
        caller.post("/sluicegate/v1/providers", json!({"provider": provider}).to_string()).await;
    }
    let key = json!({"name": "wrong", "role": "ACCESS_ROLE_USER"});
    for wrong in
        [json!({"a": secret}), json!([secret]), json!(format!("{secret} {secret}")), json!(secret.repeat(9))]
    {
        let body = json!({"apiKey": key, "secret": wrong}).to_string();
        caller.post("/sluicegate/v1/api-keys", body.clone()).await;
        caller.post("/sluicegate/v1/api-keys/given/rotate", body.clone()).await;
        // Breaks off in the middle of the secret, and behind it.
        for end in [body.len() - 10, body.len() - 1] {
            caller.post("/sluicegate/v1/api-keys", body[..end].to_owned()).await;
        }
    }
    caller.post("/sluicegate/v1/api-keys", format!("{{\"secret\": {secret}}}")).await;
    caller.post("/sluicegate/v1/api-keys", format!("{{\"{secret}: 1}}")).await;
    caller.post("/sluicegate/v1/api-keys", format!("{{\"secret\": \"{secret}\\q\"}}")).await;
}

/// The credential of a secret manager of every kind, and references to secrets in each: one that is there, and one that is
/// refused by a manager that repeats what it was sent.
pub async fn secret_managers(caller: &Caller, canaries: &Canaries, upstream: &FakeUpstream) {
    let root = upstream.base_url.trim_end_matches("/v1");
    let login = format!("{root}{GOOD_LOGIN}");
    let crn = "crn:v1:bluemix:public:secrets-manager:us-south:a/0123456789abcdef0123456789abcdef:\
               11111111-1111-4111-8111-111111111111:secret:22222222-2222-4222-8222-222222222222";
    let vault = json!({"address": root});
    let hub = json!({"address": root, "username": "ann"});
    let kinds = [
        ("vault", &vault, &["token"][..], &["vault:good", "vault:bad"][..]),
        ("vault", &vault, &["role_id", "secret_id"], &["vault:good"]),
        ("ibmSecretsManager", &json!({"address": root, "authUrl": login}), &["apikey"], &[crn]),
        ("softwareHub", &hub, &["apikey"], &["1000330999:openai"]),
        ("softwareHub", &hub, &["password"], &["1000330999:openai"]),
    ];
    for (number, (kind, settings, names, resources)) in kinds.into_iter().enumerate() {
        let name = format!("manager-{number}");
        let values: serde_json::Map<_, _> = names
            .iter()
            .map(|secret| ((*secret).to_owned(), canaries.make(&format!("{secret} of {kind}")).into()))
            .collect();
        let manager = json!({"name": name, kind: settings, "credential": {"inline": {"values": values}}});
        caller.must("/sluicegate/v1/secret-managers", json!({"secretManager": manager})).await;
        for (rank, resource) in resources.iter().enumerate() {
            refer(caller, upstream, resource, &name, &format!("refers-{number}-{rank}")).await;
        }
    }
    refer(caller, upstream, "env:REFERRED_KEY", "", "refers-env").await;
    refer(caller, upstream, "file:referred", "", "refers-file").await;
}

/// A provider whose credential lives elsewhere. Where it cannot be read there, there is none.
async fn refer(caller: &Caller, upstream: &FakeUpstream, resource: &str, manager: &str, name: &str) {
    let credential = json!({"reference": {"resource": resource, "manager": manager}});
    let provider =
        json!({"name": name, "type": "custom", "baseUrl": upstream.base_url, "credential": credential});
    let (status, told) =
        caller.post("/sluicegate/v1/providers", json!({"provider": provider}).to_string()).await;
    let is_there = !manager.starts_with("manager") || resource == "vault:good";
    assert_eq!(status == 201, is_there, "{resource}: {told}");
    for mode in MODES.iter().filter(|_| is_there) {
        let model = json!({"provider": name, "upstreamId": mode, "alias": format!("{name}-{mode}")});
        caller.must("/sluicegate/v1/models", json!({"model": model})).await;
    }
}
