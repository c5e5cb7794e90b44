//! No way out for a credential: each way is tried by one who manages providers, against a listener that would catch it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use serde_json::json;
use sluicegate_client::{
    Gateway,
    v1::{self, AccessRole, credential::Source, secret_manager::Kind},
};
use tonic::{Code, Status};

use crate::{
    authority::Authority,
    faults::reason,
    support::{
        ADMIN_KEY, FakeUpstream, Received, Step, TestGateway, chat, chat_answer, json_answer, start_gateway,
    },
};

const INLINE: &str = "sk-canary-inline-0123456789abcdef";
const KEPT: &str = "sk-canary-kept-0123456789abcdef";
const TOKEN: &str = "hvs.canary-token-0123456789abcdef";
const PRIVATE: &str = "vault:private/key";

/// Two providers at one upstream, each with a model of its name: `inline` with a stored secret, `kept` with a reference.
struct Scene {
    gateway: TestGateway,
    /// Manages providers, in the group `team`, which may refer to secrets below `vault:team` for the upstream.
    thief: Gateway,
    thief_key: String,
    upstream: FakeUpstream,
    /// The thief's own server.
    catcher: FakeUpstream,
    vault: FakeUpstream,
}

impl Scene {
    async fn new() -> Self {
        let answer = |_: &Received| vec![Step::Send(chat_answer("Hello"))];
        Self::of(FakeUpstream::start(answer).await, FakeUpstream::start(keep).await).await
    }

    async fn of(upstream: FakeUpstream, vault: FakeUpstream) -> Self {
        let catcher = FakeUpstream::answering(chat_answer("Caught")).await;
        let gateway = start_gateway().await;
        let thief_key = gateway.member(AccessRole::Manage, &["team"]).await;
        let thief = Gateway::connect(&gateway.url, &thief_key).await.expect("the gateway answers");
        let scene = Self { gateway, thief, thief_key, upstream, catcher, vault };
        let request = v1::CreateSecretManagerRequest { secret_manager: Some(scene.manager(&["private"])) };
        scene.gateway.client.providers().create_secret_manager(request).await.expect("a secret manager");
        for (name, credential) in [("inline", inline(&[("apikey", INLINE)])), ("kept", refers(PRIVATE))] {
            let base_url = &scene.upstream.base_url;
            make(&scene.gateway.client, custom(name, base_url, credential)).await.expect("a provider");
            scene.gateway.add_model(name, "m", name, None).await;
        }
        scene
    }

    /// The vault with a rule for the team, and rules without groups for these folders.
    fn manager(&self, folders: &[&str]) -> v1::SecretManager {
        let hosts = vec![root(&self.upstream).to_owned()];
        let rule = |folder: &str, groups: &[&str]| v1::SecretRule {
            prefix: format!("vault:{folder}"),
            hosts: hosts.clone(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        };
        let rules = folders.iter().map(|folder| rule(folder, &[]));
        v1::SecretManager {
            name: "vault".into(),
            kind: Some(Kind::Vault(v1::Vault { address: root(&self.vault).into(), ..Default::default() })),
            credential: inline(&[("token", TOKEN)]),
            rules: rules.chain([rule("team", &["team"])]).collect(),
            ..Default::default()
        }
    }

    /// The provider as the thief reads it.
    async fn read(&self, name: &str) -> v1::Provider {
        let request = v1::GetProviderRequest { id: name.into() };
        let read = self.thief.providers().get_provider(request).await.expect("it is read").into_inner();
        read.provider.expect("a provider")
    }

    /// Makes the gateway use the provider in every way that the thief has. Gives what was answered.
    async fn use_provider(&self, name: &str) -> Vec<Result<String, Status>> {
        let id = || name.to_owned();
        let chatted = self.thief.inference().chat(chat(name, "Hi")).await;
        let tested = self.thief.providers().test_provider(v1::TestProviderRequest { id: id() }).await;
        let request = v1::ListAvailableModelsRequest { provider: id() };
        let listed = self.thief.models().list_available_models(request).await;
        let rest = self.gateway.post(
            "/v1/chat/completions",
            &json!({"model": name, "messages": [
                {"role": "user", "content": "Hi"}
            ]}),
        );
        let rest = rest.header("x-request-id", "r").send().await.expect("an answer");
        vec![
            chatted.map(|answer| format!("{answer:?}")),
            tested.map(|answer| format!("{answer:?}")),
            listed.map(|answer| format!("{answer:?}")),
            Ok(format!("{:?} {:?}", rest.headers().clone(), rest.text().await.expect("a body"))),
        ]
    }

    /// Uses both providers, and asserts that the thief's server hears of none.
    async fn assert_safe(&self) {
        for name in ["inline", "kept"] {
            self.use_provider(name).await;
        }
        assert!(self.catcher.requests().is_empty(), "caught: {:?}", self.catcher.requests());
    }
}

/// A vault that holds one key, whatever is asked.
fn keep(request: &Received) -> Vec<Step> {
    let answer = if request.path.contains("/auth/token/") {
        json!({"data": {"ttl": 0, "renewable": false}})
    } else {
        json!({"data": {"data": {"apikey": KEPT}, "metadata": {"version": 1}}})
    };
    vec![Step::Send(json_answer(200, &answer.to_string()))]
}

fn root(server: &FakeUpstream) -> &str {
    server.base_url.trim_end_matches("/v1")
}

fn inline(values: &[(&str, &str)]) -> Option<v1::Credential> {
    let values = values.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Some(v1::Credential { source: Some(Source::Inline(v1::InlineSecrets { values })) })
}

fn refers(resource: &str) -> Option<v1::Credential> {
    let reference = v1::SecretReference { resource: resource.into(), ..Default::default() };
    Some(v1::Credential { source: Some(Source::Reference(reference)) })
}

fn custom(name: &str, base_url: &str, credential: Option<v1::Credential>) -> v1::Provider {
    v1::Provider {
        name: name.into(),
        r#type: "custom".into(),
        base_url: base_url.into(),
        credential,
        ..Default::default()
    }
}

async fn make(client: &Gateway, provider: v1::Provider) -> Result<v1::Provider, Status> {
    let request = v1::CreateProviderRequest { provider: Some(provider) };
    Ok(client.providers().create_provider(request).await?.into_inner().provider.expect("a provider"))
}

async fn update(client: &Gateway, provider: v1::Provider) -> Result<v1::Provider, Status> {
    let request = v1::UpdateProviderRequest { provider: Some(provider) };
    Ok(client.providers().update_provider(request).await?.into_inner().provider.expect("a provider"))
}

fn redirect(status: u16, to: &FakeUpstream) -> Vec<u8> {
    format!("HTTP/1.1 {status} Moved\r\nlocation: {}/caught\r\ncontent-length: 0\r\n\r\n", to.base_url).into()
}

/// The provider with its address, or its proxy, at the thief's server.
fn moves(provider: &v1::Provider, catcher: &FakeUpstream) -> [v1::Provider; 3] {
    let proxy = v1::Connection { proxy_url: root(catcher).into(), ..Default::default() };
    let by_name = catcher.base_url.replace("127.0.0.1", "localhost");
    [
        v1::Provider { base_url: catcher.base_url.clone(), ..provider.clone() },
        v1::Provider { base_url: by_name, ..provider.clone() },
        v1::Provider { connection: Some(proxy), ..provider.clone() },
    ]
}

#[tokio::test]
async fn what_the_scene_holds_is_used() {
    let scene = Scene::new().await;
    for (name, secret) in [("inline", INLINE), ("kept", KEPT)] {
        let before = scene.upstream.requests().len();
        scene.thief.inference().chat(chat(name, "Hi")).await.expect("it answers");
        assert!(scene.upstream.requests()[before].head.contains(secret), "{name}");
    }
    assert!(scene.vault.requests().iter().all(|request| request.head.contains(TOKEN)));
}

#[tokio::test]
async fn a_provider_that_moves_takes_no_stored_secret_and_no_reference_along() {
    let scene = Scene::new().await;
    for name in ["inline", "kept"] {
        for moved in moves(&scene.read(name).await, &scene.catcher) {
            let refused = update(&scene.thief, v1::Provider { credential: None, ..moved.clone() }).await;
            let refused = refused.expect_err("it is refused");
            assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
            assert!(refused.message().contains("stored secrets stay with the host"), "{refused:?}");
            let again = update(&scene.thief, v1::Provider { credential: refers(PRIVATE), ..moved }).await;
            assert_eq!(reason(&again.expect_err("it is refused")), "SECRET_NOT_ALLOWED");
        }
    }
    scene.assert_safe().await;
}

#[tokio::test]
async fn a_moved_provider_with_a_credential_of_its_own_sends_that_alone() {
    let scene = Scene::new().await;
    for name in ["inline", "kept"] {
        let moved = scene.read(name).await;
        let own = inline(&[("apikey", "the-key-of-the-thief")]);
        let base_url = scene.catcher.base_url.clone();
        update(&scene.thief, v1::Provider { base_url, credential: own, ..moved }).await.expect("it moves");
        scene.use_provider(name).await;
    }
    let caught = scene.catcher.requests();
    assert!(caught.len() >= 8, "each is used: {}", caught.len());
    for request in caught {
        assert!(request.head.contains("the-key-of-the-thief"), "{}", request.head);
        for secret in [INLINE, KEPT, TOKEN] {
            assert!(!request.head.contains(secret), "{}", request.head);
        }
    }
}

#[tokio::test]
async fn a_provider_of_the_same_name_inherits_nothing() {
    let scene = Scene::new().await;
    for name in ["inline", "kept"] {
        let request = v1::DeleteProviderRequest { id: name.into() };
        scene.thief.providers().delete_provider(request).await.expect("it is removed");
        make(&scene.thief, custom(name, &scene.catcher.base_url, None)).await.expect("it is made");
        scene.gateway.add_model(name, "m", name, None).await;
        scene.use_provider(name).await;
    }
    let caught = scene.catcher.requests();
    assert!(!caught.is_empty());
    for request in caught {
        assert!(!request.head.to_ascii_lowercase().contains("authorization"), "{}", request.head);
    }
}

#[tokio::test]
async fn a_login_that_moves_takes_no_key_along() {
    let scene = Scene::new().await;
    let login = json!({"access_token": "t-1", "expires_in": 3600}).to_string();
    let ibm = FakeUpstream::answering(json_answer(200, &login)).await;
    let settings = |login: &FakeUpstream| v1::Provider {
        r#type: "watsonxai".into(),
        settings: [("auth_url".to_owned(), root(login).to_owned()), ("project_id".into(), "p".into())].into(),
        ..custom("ibm", root(&scene.upstream), inline(&[("apikey", INLINE)]))
    };
    let made = make(&scene.gateway.client, settings(&ibm)).await.expect("a provider");
    scene.gateway.add_model("ibm", "m", "ibm", None).await;
    let with = |name: &str, value: &str| {
        let mut moved = v1::Provider { id: made.id.clone(), credential: None, ..settings(&ibm) };
        moved.settings.insert(name.into(), value.into());
        moved
    };
    for moved in [with("auth_url", root(&scene.catcher)), with("auth_url", "")] {
        let refused = update(&scene.thief, moved).await.expect_err("it is refused");
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    }
    scene.use_provider("ibm").await;
    assert!(ibm.requests().iter().any(|request| String::from_utf8_lossy(&request.body).contains(INLINE)));
    for server in [&scene.catcher, &scene.upstream] {
        for request in server.requests() {
            assert!(!request.head.contains(INLINE), "only the login gets the key itself: {}", request.head);
        }
    }
    assert!(scene.catcher.requests().is_empty());
}

#[tokio::test]
async fn a_setting_that_names_the_host_takes_no_secret_along() {
    let scene = Scene::new().await;
    for (kind, setting, secrets) in [
        ("azure-openai", "resource_name", inline(&[("apikey", INLINE)])),
        ("bedrock", "region", inline(&[("apikey", INLINE)])),
    ] {
        let named = |host: &str| v1::Provider {
            name: kind.into(),
            r#type: kind.into(),
            settings: [(setting.to_owned(), host.to_owned())].into(),
            ..Default::default()
        };
        let wanted = v1::Provider { credential: secrets, ..named("eu-west-1") };
        let made = make(&scene.gateway.client, wanted).await.expect("a provider");
        let moved = v1::Provider { id: made.id, ..named("us-east-1") };
        let refused = update(&scene.thief, moved).await.expect_err("it is refused");
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    }
}

#[tokio::test]
async fn no_header_of_a_provider_leads_its_secret_elsewhere() {
    let scene = Scene::new().await;
    for name in ["Host", "authorization", "Proxy-Authorization", "connection", "transfer-encoding"] {
        let mut provider = v1::Provider { credential: None, ..scene.read("inline").await };
        provider.headers.insert(name.into(), root(&scene.catcher).into());
        let refused = update(&scene.thief, provider).await.expect_err("it is refused");
        assert_eq!(refused.code(), Code::InvalidArgument, "{name}: {refused:?}");
    }
    scene.assert_safe().await;
}

#[tokio::test]
async fn nobody_refers_to_the_secrets_of_others_or_of_the_gateway_itself() {
    let scene = Scene::new().await;
    let read_before = scene.vault.requests().len();
    for (resource, said) in [
        (PRIVATE, "SECRET_NOT_ALLOWED"),
        ("vault:private", "SECRET_NOT_ALLOWED"),
        ("vault:teams/key", "SECRET_NOT_ALLOWED"),
        ("vault:team/../private/key", "INVALID_REQUEST"),
        ("vault:team/%2e%2e/private/key", "INVALID_REQUEST"),
        ("vault:team//private", "INVALID_REQUEST"),
        ("vault:team/x?version=1", "INVALID_REQUEST"),
        ("env:SLUICEGATE_ADMIN_KEY", "SECRET_NOT_ALLOWED"),
        ("file:/etc/passwd", "SECRET_NOT_ALLOWED"),
        ("file:../master.key", "INVALID_REQUEST"),
    ] {
        for base_url in [&scene.upstream.base_url, &scene.catcher.base_url] {
            let outcome = make(&scene.thief, custom("mine", base_url, refers(resource))).await;
            assert_eq!(reason(&outcome.expect_err("it is refused")), said, "{resource}");
        }
    }
    let outcome = make(&scene.thief, custom("mine", &scene.catcher.base_url, refers("vault:team/key"))).await;
    assert_eq!(
        reason(&outcome.expect_err("it is refused")),
        "SECRET_NOT_ALLOWED",
        "of the team, to the thief"
    );
    // What it may refer to goes where the rule says.
    make(&scene.thief, custom("mine", &scene.upstream.base_url, refers("vault:team/key")))
        .await
        .expect("made");
    scene.assert_safe().await;
    let read = scene.vault.requests().split_off(read_before);
    for request in read.iter().filter(|request| request.path.contains("/data/")) {
        assert!(
            ["/v1/secret/data/private/key", "/v1/secret/data/team/key"].contains(&&*request.path),
            "{}",
            request.path
        );
    }
}

#[tokio::test]
async fn what_the_start_does_not_let_is_not_read_for_administrators_either() {
    let scene = Scene::new().await;
    let before = scene.upstream.requests().len();
    for (name, resource) in [("variable", "env:PATH"), ("file", "file:/etc/hostname")] {
        let provider = custom(name, &scene.upstream.base_url, refers(resource));
        make(&scene.gateway.client, provider).await.expect("a provider");
        scene.gateway.add_model(name, "m", name, None).await;
        let refused = scene.gateway.client.inference().chat(chat(name, "Hi")).await;
        let refused = refused.expect_err("it is not read");
        assert_eq!(reason(&refused), "SECRET_NOT_ALLOWED", "{refused:?}");
    }
    assert_eq!(scene.upstream.requests().len(), before, "nothing is sent without its credential");
}

#[tokio::test]
async fn a_redirect_of_the_upstream_takes_no_secret_along() {
    for status in [301, 302, 303, 307, 308] {
        let catcher = FakeUpstream::answering(chat_answer("Caught")).await;
        let upstream = FakeUpstream::answering(redirect(status, &catcher)).await;
        let scene = Scene::of(upstream, FakeUpstream::start(keep).await).await;
        scene.assert_safe().await;
        assert!(scene.upstream.requests().len() >= 6, "{status}: it was asked");
        assert!(catcher.requests().is_empty(), "{status}: {:?}", catcher.requests());
    }
}

#[tokio::test]
async fn a_redirect_of_a_login_takes_no_key_along() {
    let scene = Scene::new().await;
    for status in [301, 302, 303, 307, 308] {
        let login = FakeUpstream::answering(redirect(status, &scene.catcher)).await;
        let name = format!("ibm-{status}");
        let provider = v1::Provider {
            r#type: "watsonxai".into(),
            settings: [("auth_url".to_owned(), root(&login).to_owned()), ("project_id".into(), "p".into())]
                .into(),
            ..custom(&name, root(&scene.upstream), inline(&[("apikey", INLINE)]))
        };
        make(&scene.gateway.client, provider).await.expect("a provider");
        scene.gateway.add_model(&name, "m", &name, None).await;
        scene.use_provider(&name).await;
        assert!(!login.requests().is_empty(), "{status}: it was asked");
    }
    assert!(scene.catcher.requests().is_empty(), "{:?}", scene.catcher.requests());
}

#[tokio::test]
async fn a_redirect_of_a_secret_manager_takes_no_credential_along() {
    for status in [301, 302, 303, 307, 308] {
        let catcher = FakeUpstream::start(keep).await;
        let (answer, moved) = (redirect(status, &catcher), Arc::new(AtomicBool::new(false)));
        let has_moved = Arc::clone(&moved);
        let vault = FakeUpstream::start(move |request| match has_moved.load(Ordering::SeqCst) {
            true => vec![Step::Send(answer.clone())],
            false => keep(request),
        });
        let upstream = FakeUpstream::answering(chat_answer("Hello")).await;
        let scene = Scene::of(upstream, vault.await).await;
        moved.store(true, Ordering::SeqCst);
        let other = custom("other", &scene.upstream.base_url, refers(PRIVATE));
        let asked = scene.vault.requests().len();
        make(&scene.gateway.client, other).await.expect("a provider whose secret is not known yet");
        scene.gateway.add_model("other", "m", "other", None).await;
        scene.use_provider("other").await;
        assert!(scene.vault.requests().len() > asked, "{status}: it was asked");
        assert!(catcher.requests().is_empty(), "{status}: {:?}", catcher.requests());
    }
}

#[tokio::test]
async fn a_server_that_proves_another_name_is_told_nothing() {
    let authority = Authority::new();
    let answer = |_: &Received| vec![Step::Send(chat_answer("Caught"))];
    // Its certificate is for localhost. So it is when a name leads to another machine than it did.
    let impostor = FakeUpstream::start_tls(authority.server(None), answer).await;
    let scene = Scene::new().await;
    let elsewhere = impostor.base_url.replace("localhost", "127.0.0.1");
    let trusting = v1::Connection { ca_bundle_pem: authority.pem(), ..Default::default() };
    let provider = v1::Provider {
        connection: Some(trusting),
        ..custom("tls", &elsewhere, inline(&[("apikey", INLINE)]))
    };
    make(&scene.gateway.client, provider).await.expect("a provider");
    scene.gateway.add_model("tls", "m", "tls", None).await;
    let refused = scene.thief.inference().chat(chat("tls", "Hi")).await.expect_err("it is not trusted");
    assert_eq!(reason(&refused), "PROVIDER_UNAVAILABLE", "{refused:?}");
    assert!(impostor.requests().is_empty(), "nothing is said before the name is proved");
}

#[tokio::test]
async fn nobody_else_vouches_for_a_host_without_the_credential() {
    let scene = Scene::new().await;
    let own = v1::Connection { ca_bundle_pem: Authority::new().pem(), ..Default::default() };
    for name in ["inline", "kept"] {
        let provider = scene.read(name).await;
        let vouched = v1::Provider { connection: Some(own.clone()), credential: None, ..provider };
        let refused = update(&scene.thief, vouched).await.expect_err("it is refused");
        assert!(refused.message().contains("ca_bundle_pem"), "{refused:?}");
    }
    scene.assert_safe().await;
}

#[tokio::test]
async fn an_upstream_that_echoes_a_secret_does_not_show_it_to_callers() {
    for status in [400, 401, 403, 404, 429, 500] {
        let echo = move |request: &Received| {
            let answer =
                json!({"error": {"message": format!("you sent {}", request.head), "code": request.head}});
            vec![Step::Send(json_answer(status, &answer.to_string()))]
        };
        let scene = Scene::of(FakeUpstream::start(echo).await, FakeUpstream::start(keep).await).await;
        for (name, secret) in [("inline", INLINE), ("kept", KEPT)] {
            for outcome in scene.use_provider(name).await {
                let shown = format!("{outcome:?}");
                assert!(!shown.contains(secret), "{name}, {status}: {shown}");
            }
        }
        let sent = scene.upstream.requests();
        assert!(sent.iter().any(|request| request.head.contains(KEPT)), "{status}: the echo is one");
    }
}

#[tokio::test]
async fn no_rpc_gives_a_stored_secret_back() {
    let scene = Scene::new().await;
    let gateway = &scene.gateway;
    scene.assert_safe().await;
    for key in [ADMIN_KEY, &scene.thief_key] {
        for path in [
            "/sluicegate/v1/providers",
            "/sluicegate/v1/providers/inline",
            "/sluicegate/v1/providers/kept",
            "/sluicegate/v1/secret-managers",
            "/sluicegate/v1/secret-managers/vault",
            "/sluicegate/v1/provider-types",
            "/sluicegate/v1/models",
            "/ml/gateway/v1/providers",
            "/v1/models",
            "/metrics",
        ] {
            let request = gateway.http.get(format!("{}{path}", gateway.url));
            let answer = request.header("authorization", format!("Bearer {key}")).send().await;
            let answer = answer.expect("an answer");
            assert_eq!(answer.status().as_u16(), 200, "{path}");
            let body = answer.text().await.expect("a body");
            for secret in [INLINE, KEPT, TOKEN] {
                assert!(!body.contains(secret), "{path}: {body}");
            }
        }
    }
    for name in ["inline", "kept"] {
        let provider = v1::Provider { credential: None, ..scene.read(name).await };
        let updated = format!("{:?}", update(&scene.thief, provider).await.expect("it is as it was"));
        assert!(![INLINE, KEPT, TOKEN].iter().any(|secret| updated.contains(secret)), "{updated}");
    }
}

#[tokio::test]
async fn rules_that_are_narrowed_stop_a_provider_that_they_admitted() {
    let scene = Scene::new().await;
    scene.thief.inference().chat(chat("kept", "Hi")).await.expect("it answers");
    let rewrite = async |folders: &[&str]| {
        let manager = v1::SecretManager { id: "vault".into(), credential: None, ..scene.manager(folders) };
        let request = v1::UpdateSecretManagerRequest { secret_manager: Some(manager) };
        scene.gateway.client.providers().update_secret_manager(request).await.expect("it is changed");
    };
    rewrite(&["elsewhere"]).await;
    let before = scene.upstream.requests().len();
    let refused = scene.thief.inference().chat(chat("kept", "Hi")).await.expect_err("it is refused");
    assert_eq!(reason(&refused), "SECRET_NOT_ALLOWED", "{refused:?}");
    assert_eq!(scene.upstream.requests().len(), before, "also what was read before is not sent");
    rewrite(&["private"]).await;
    scene.thief.inference().chat(chat("kept", "Hi")).await.expect("it answers again");
}

#[tokio::test]
async fn a_mask_in_place_of_a_secret_moves_nothing() {
    let scene = Scene::new().await;
    let provider = scene.read("inline").await;
    let url = format!("{}/ml/gateway/v1/providers/{}", scene.gateway.url, provider.id);
    let ask = async |request: reqwest::RequestBuilder| {
        let request = request.header("authorization", format!("Bearer {}", scene.thief_key));
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    };
    let (status, read) = ask(scene.gateway.http.get(&url)).await;
    assert_eq!(status, 200);
    let read: serde_json::Value = serde_json::from_str(&read).expect("JSON");
    let mask = read["data"]["apikey"].as_str().expect("a mask");
    assert!(!mask.is_empty() && !INLINE.starts_with(mask), "{mask}");
    let body = json!({"name": "inline", "data": {"apikey": mask, "base_url": scene.catcher.base_url}});
    let (status, said) = ask(scene.gateway.http.put(format!("{url}/custom")).body(body.to_string())).await;
    assert_eq!(status, 400, "{said}");
    scene.assert_safe().await;
}
