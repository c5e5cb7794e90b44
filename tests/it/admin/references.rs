//! Who may refer to which secret, and for which host.

use std::sync::Arc;

use sluicegate::{
    error::{Error, Reason},
    proto::v1::{
        AccessRole, Connection, CreateProviderRequest, Credential, Provider, SecretManager, SecretReference,
        SecretRule, UpdateProviderRequest, credential::Source,
    },
    state::{Call, Caller},
};

use super::{
    Bench, CANARY, custom, map, openai, refused,
    secret_managers::{refers, vault},
    secrets,
};

const RESOURCE: &str = "provider.credential.reference.resource";
const MANAGER: &str = "provider.credential.reference.manager";

impl Bench {
    /// A call of one who manages providers, in these groups.
    fn member(&self, groups: &[&str]) -> Call {
        let mut call = self.call_as("member", AccessRole::Manage);
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        call.caller = Arc::new(Caller { groups, ..(*call.caller).clone() });
        call
    }

    async fn make(&self, call: &Call, provider: Provider) -> Result<Provider, Error> {
        let request = CreateProviderRequest { provider: Some(provider) };
        Ok(self.admin.create_provider(call, request).await?.provider.unwrap())
    }

    async fn update(&self, call: &Call, provider: Provider) -> Result<Provider, Error> {
        let request = UpdateProviderRequest { provider: Some(provider) };
        Ok(self.admin.update_provider(call, request).await?.provider.unwrap())
    }

    fn has_sealed(&self, provider: &Provider) -> bool {
        self.state.snapshot().records.providers[&provider.id].credential.is_some()
    }
}

fn referring(name: &str, credential: Option<Credential>) -> Provider {
    Provider { credential, ..openai(name, "") }
}

fn rule(prefix: &str, hosts: &[&str], groups: &[&str]) -> SecretRule {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    SecretRule { prefix: prefix.into(), hosts: texts(hosts), groups: texts(groups) }
}

fn ruled(name: &str, rules: Vec<SecretRule>) -> SecretManager {
    SecretManager { rules, ..vault(name, &format!("https://{name}.example")) }
}

/// A vault whose secrets below `team` its members may send to OpenAI.
async fn team() -> (Bench, SecretManager) {
    let bench = Bench::new().await;
    let rules = vec![
        rule("vault:team", &["api.openai.com"], &["team"]),
        rule("vault:other", &["api.openai.com"], &["others"]),
        rule("vault:shared", &["*.example.com"], &[]),
    ];
    let manager = bench.try_manager(ruled("east", rules)).await.unwrap();
    (bench, manager)
}

#[tokio::test]
async fn a_reference_is_returned_with_the_id_of_its_manager_and_nothing_is_sealed() {
    let (bench, manager) = team().await;
    for (name, given) in [("a", "east"), ("b", &*manager.id), ("c", "")] {
        let made =
            bench.make(&bench.call(), referring(name, refers("vault:team/openai", given))).await.unwrap();
        assert_eq!(made.credential, refers("vault:team/openai", &manager.id));
        assert_eq!(made.credential_hint, map(&[]));
        assert!(!bench.has_sealed(&made));
    }
}

#[tokio::test]
async fn a_member_refers_to_secrets_of_its_groups_for_hosts_of_their_rules_only() {
    let (bench, _) = team().await;
    let member = bench.member(&["team"]);
    bench.make(&member, referring("good", refers("vault:team/openai", ""))).await.unwrap();
    for resource in ["vault:other/openai", "vault:shared/a", "vault:teams", "vault:tea"] {
        let outcome = bench.make(&member, referring("bad", refers(resource, "east"))).await;
        refused(outcome, Reason::SecretNotAllowed, RESOURCE, "an administrator can add a rule");
    }
    for call in [bench.member(&[]), bench.member(&["others"])] {
        let outcome = bench.make(&call, referring("bad", refers("vault:team/openai", ""))).await;
        refused(outcome, Reason::SecretNotAllowed, RESOURCE, "\"member\"");
    }
    let at = |base_url: &str| Provider {
        base_url: base_url.into(),
        ..referring("bad", refers("vault:team/openai", ""))
    };
    for base_url in [
        "https://evil.example/v1",
        "http://api.openai.com/v1",
        "https://api.openai.com.evil.example",
        "https://api.openai.com:8443",
    ] {
        let outcome = bench.make(&member, at(base_url)).await;
        refused(outcome, Reason::SecretNotAllowed, RESOURCE, "may not let vault:team/openai be sent to");
    }
    for resource in ["env:PATH", "file:secret"] {
        let outcome = bench.make(&member, referring("bad", refers(resource, ""))).await;
        refused(outcome, Reason::SecretNotAllowed, RESOURCE, "only administrators");
    }
}

#[tokio::test]
async fn every_host_of_the_provider_must_be_admitted() {
    let bench = Bench::new().await;
    let rules = vec![rule("vault:team", &["hub.example.com"], &["team"])];
    bench.try_manager(ruled("east", rules)).await.unwrap();
    let watsonx = |settings: &[(&str, &str)]| Provider {
        r#type: "watsonxai".into(),
        base_url: "https://hub.example.com".into(),
        settings: map(settings),
        ..referring("w", refers("vault:team/hub", ""))
    };
    for call in [bench.member(&["team"]), bench.call()] {
        for settings in [&[][..], &[("username", "anna"), ("auth_url", "https://evil.example")]] {
            let outcome = bench.make(&call, watsonx(settings)).await;
            refused(outcome, Reason::SecretNotAllowed, RESOURCE, "hub.example.com");
        }
    }
    let plain = Connection { proxy_url: "http://proxy.evil.example".into(), ..Connection::default() };
    let member = bench.member(&["team"]);
    let made = bench.make(&member, watsonx(&[("username", "anna")])).await.unwrap();
    // Whose certificates are trusted can be the proxy's own.
    let authority = crate::authority::Authority::new();
    let trusting = Connection { ca_bundle_pem: authority.pem(), ..plain };
    let proxied = Provider { connection: Some(trusting), id: made.id, ..watsonx(&[("username", "anna")]) };
    let outcome = bench.update(&member, proxied).await;
    refused(outcome, Reason::SecretNotAllowed, RESOURCE, "http://proxy.evil.example");
}

#[tokio::test]
async fn rules_hold_for_administrators_too() {
    let (bench, _) = team().await;
    let admin = bench.call();
    bench.make(&admin, referring("a", refers("vault:other/openai", "east"))).await.unwrap();
    for (resource, base_url) in
        [("vault:unruled", ""), ("vault:team/openai", "https://elsewhere.example"), ("vault:shared", "")]
    {
        let provider = Provider { base_url: base_url.into(), ..referring("b", refers(resource, "east")) };
        refused(bench.make(&admin, provider).await, Reason::SecretNotAllowed, RESOURCE, "\"east\"");
    }
    let shared = Provider {
        base_url: "https://api.example.com/v1".into(),
        ..referring("c", refers("vault:shared/x", ""))
    };
    bench.make(&admin, shared).await.unwrap();
    for (name, resource) in [("d", "env:OPENAI_API_KEY"), ("e", "file:openai")] {
        bench.make(&admin, referring(name, refers(resource, ""))).await.unwrap();
    }
}

#[tokio::test]
async fn the_one_secret_manager_that_fits_need_not_be_named() {
    let bench = Bench::new().await;
    let admin = bench.call();
    let wanted = |resource: &str| referring("p", refers(resource, ""));
    let outcome = bench.make(&admin, wanted("vault:a")).await;
    refused(outcome, Reason::SecretManagerNotFound, MANAGER, "CreateSecretManager");
    let west = bench.try_manager(ruled("west", vec![rule("vault:west", &[], &[])])).await.unwrap();
    bench.try_manager(ruled("east", vec![rule("vault:east", &[], &[])])).await.unwrap();
    let made = bench.make(&admin, wanted("vault:west/a")).await.unwrap();
    assert_eq!(made.credential, refers("vault:west/a", &west.id));
    let outcome = bench.make(&admin, wanted("vault:north")).await;
    refused(outcome, Reason::SecretNotAllowed, RESOURCE, "vault:north");
    bench.try_manager(ruled("everything", Vec::new())).await.unwrap();
    let outcome = bench.make(&admin, wanted("vault:west/b")).await;
    refused(outcome, Reason::InvalidRequest, MANAGER, "everything");
    let outcome = bench.make(&admin, referring("p", refers("123:name", "west"))).await;
    refused(outcome, Reason::InvalidRequest, MANAGER, "does not keep 123:name");
    let outcome = bench.make(&admin, referring("p", refers("vault:a", "nowhere"))).await;
    refused(outcome, Reason::SecretManagerNotFound, MANAGER, "\"nowhere\"");
}

#[tokio::test]
async fn a_reference_that_could_mean_something_else_is_refused() {
    let (bench, _) = team().await;
    for resource in
        ["", "vault:team/../other/openai", "vault:team/./x", "vault:/team/x", "vault:team%2f..", "x"]
    {
        let outcome = bench.make(&bench.member(&["team"]), referring("p", refers(resource, "east"))).await;
        assert_eq!(outcome.as_ref().unwrap_err().reason(), Reason::InvalidRequest, "{resource}");
        assert_eq!(outcome.unwrap_err().detail().field.as_deref(), Some(RESOURCE), "{resource}");
    }
    let named = |names: &[(&str, &str)]| {
        let reference = SecretReference {
            resource: "vault:team/x".into(),
            names: map(names),
            ..SecretReference::default()
        };
        referring("p", Some(Credential { source: Some(Source::Reference(reference)) }))
    };
    let outcome = bench.make(&bench.call(), named(&[("token", "x")])).await;
    refused(outcome, Reason::InvalidRequest, "provider.credential.reference.names.token", "apikey");
    let outcome = bench.make(&bench.call(), named(&[("apikey", "")])).await;
    refused(outcome, Reason::InvalidRequest, "provider.credential.reference.names.apikey", "required");
    let demo = Provider { r#type: "demo".into(), ..referring("d", refers("vault:team/x", "")) };
    let outcome = bench.make(&bench.call(), demo).await;
    refused(outcome, Reason::InvalidRequest, "provider.credential.reference", "takes no credential");
    let connection = Connection { credential: refers("vault:team/x", ""), ..Connection::default() };
    let outcome = bench.make(&bench.call(), Provider { connection: Some(connection), ..custom("c") }).await;
    refused(outcome, Reason::InvalidRequest, "provider.connection.credential.reference", "inline");
}

#[tokio::test]
async fn a_move_needs_the_reference_again_and_asks_the_permission_for_the_new_host() {
    let (bench, manager) = team().await;
    let made = bench.make(&bench.call(), referring("p", refers("vault:other/openai", ""))).await.unwrap();
    let member = bench.member(&["team"]);
    let at = |base_url: &str, credential| Provider {
        id: made.id.clone(),
        base_url: base_url.into(),
        ..referring("p", credential)
    };
    for call in [&member, &bench.call()] {
        let outcome = bench.update(call, at("https://evil.example", None)).await;
        refused(outcome, Reason::InvalidRequest, "provider.credential", "another host");
        for given in [&*manager.id, "east", ""] {
            let outcome =
                bench.update(call, at("https://evil.example", refers("vault:other/openai", given))).await;
            refused(outcome, Reason::SecretNotAllowed, RESOURCE, "evil.example");
        }
    }
    // Everything else of it may be changed by who may not refer to its secret.
    for credential in [None, refers("vault:other/openai", ""), refers("vault:other/openai", "east")] {
        let changed = Provider {
            settings: map(&[("organization", "o")]),
            ..at("https://api.openai.com/v2", credential)
        };
        let changed = bench.update(&member, changed).await.unwrap();
        assert_eq!(changed.credential, made.credential);
    }
    let renamed = SecretReference {
        resource: "vault:other/openai".into(),
        names: map(&[("apikey", "another")]),
        ..SecretReference::default()
    };
    let renamed = Some(Credential { source: Some(Source::Reference(renamed)) });
    let outcome = bench.update(&member, at("", renamed)).await;
    refused(outcome, Reason::SecretNotAllowed, RESOURCE, "vault:other/openai");
}

#[tokio::test]
async fn a_reference_and_inline_secrets_take_each_others_place() {
    let (bench, manager) = team().await;
    let made = bench.make(&bench.call(), openai("p", CANARY)).await.unwrap();
    assert!(bench.has_sealed(&made));
    let to = |credential| Provider { id: made.id.clone(), ..referring("p", credential) };
    let referred = bench.update(&bench.member(&["team"]), to(refers("vault:team/a", "east"))).await.unwrap();
    assert_eq!(referred.credential, refers("vault:team/a", &manager.id));
    assert_eq!(referred.credential_hint, map(&[]));
    assert!(!bench.has_sealed(&made), "what was sealed is gone");
    let inline = bench.update(&bench.call(), to(secrets(&[("apikey", CANARY)]))).await.unwrap();
    assert_eq!((inline.credential, inline.credential_hint), (None, map(&[("apikey", "...6789")])));
    assert!(bench.has_sealed(&made));
}

#[tokio::test]
async fn rules_and_groups_are_asked_as_they_are_when_a_reference_is_given() {
    let (bench, manager) = team().await;
    let member = bench.member(&["team"]);
    let wanted = || referring("p", refers("vault:team/a", ""));
    let narrowed = SecretManager {
        id: manager.id.clone(),
        credential: None,
        ..ruled("east", vec![rule("vault:team", &["api.openai.com"], &["others"])])
    };
    bench.update_manager(narrowed).await.unwrap();
    let outcome = bench.make(&member, wanted()).await;
    refused(outcome, Reason::SecretNotAllowed, RESOURCE, "vault:team/a");
    bench.make(&bench.member(&["others"]), wanted()).await.unwrap();
}

#[tokio::test]
async fn a_key_whose_groups_were_taken_away_refers_to_nothing_more() {
    let (bench, _) = team().await;
    let key =
        sluicegate::proto::v1::ApiKey { groups: vec!["team".into()], ..super::key("k", AccessRole::Manage) };
    let (key, _) = bench.try_key(key, "").await.unwrap();
    let mut call = bench.member(&["team"]);
    call.caller = Arc::new(Caller { id: key.id.clone(), ..(*call.caller).clone() });
    bench.make(&call, referring("a", refers("vault:team/a", ""))).await.unwrap();
    let without = sluicegate::proto::v1::ApiKey { groups: Vec::new(), ..key };
    let request = sluicegate::proto::v1::UpdateApiKeyRequest { api_key: Some(without) };
    bench.admin.update_api_key(&bench.call(), request).await.unwrap();
    // The call still carries the groups that it came with.
    let outcome = bench.make(&call, referring("b", refers("vault:team/a", ""))).await;
    refused(outcome, Reason::SecretNotAllowed, RESOURCE, "vault:team/a");
}
