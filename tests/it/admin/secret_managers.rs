//! Secret managers as resources.

use sluicegate::{
    error::{Error, Reason},
    proto::v1::{
        AccessRole, CreateSecretManagerRequest, Credential, DeleteSecretManagerRequest,
        GetSecretManagerRequest, IbmSecretsManager, ListSecretManagersRequest, SecretManager,
        SecretReference, SecretRule, SoftwareHubVault, UpdateSecretManagerRequest, Vault, credential::Source,
        secret_manager::Kind,
    },
    secrets::{self, MasterKeys, Owner, Sealer},
};

use super::{Bench, CANARY, map, refused, secrets};

const TOKEN: &str = "secret_manager.credential.inline.values.token";

impl Bench {
    pub(super) async fn try_manager(&self, manager: SecretManager) -> Result<SecretManager, Error> {
        let request = CreateSecretManagerRequest { secret_manager: Some(manager) };
        let created = self.admin.create_secret_manager(&self.call(), request).await?;
        Ok(created.secret_manager.unwrap())
    }

    pub(super) async fn update_manager(&self, manager: SecretManager) -> Result<SecretManager, Error> {
        let request = UpdateSecretManagerRequest { secret_manager: Some(manager) };
        let updated = self.admin.update_secret_manager(&self.call(), request).await?;
        Ok(updated.secret_manager.unwrap())
    }

    fn secrets_of(&self, id: &str) -> secrets::Credential {
        let snapshot = self.state.snapshot();
        let sealed = snapshot.records.secret_managers[id].credential.as_ref().unwrap();
        secrets::Credential::open(Owner::SecretManager(id), &self.sealer, sealed).unwrap()
    }
}

/// A vault at this address.
pub(super) fn vault(name: &str, address: &str) -> SecretManager {
    let kind = Kind::Vault(Vault { address: address.into(), ..Vault::default() });
    SecretManager {
        name: name.into(),
        kind: Some(kind),
        credential: secrets(&[("token", CANARY)]),
        ..SecretManager::default()
    }
}

pub(super) fn refers(resource: &str, manager: &str) -> Option<Credential> {
    let reference =
        SecretReference { resource: resource.into(), manager: manager.into(), ..Default::default() };
    Some(Credential { source: Some(Source::Reference(reference)) })
}

fn of_kind(kind: Kind, credential: Option<Credential>) -> SecretManager {
    SecretManager { name: "x".into(), kind: Some(kind), credential, ..SecretManager::default() }
}

fn ibm(settings: IbmSecretsManager) -> SecretManager {
    of_kind(Kind::IbmSecretsManager(settings), secrets(&[("apikey", CANARY)]))
}

#[tokio::test]
async fn a_secret_manager_is_kept_and_its_credential_never_shown() {
    let bench = Bench::new().await;
    let wanted = SecretManager {
        rules: vec![SecretRule {
            prefix: "vault:team".into(),
            hosts: vec!["API.example.com:443".into()],
            groups: vec!["team".into()],
        }],
        ..vault("east", "https://vault.example:8200/")
    };
    let made = bench.try_manager(wanted.clone()).await.unwrap();
    assert_eq!(made.credential, None);
    assert_eq!(made.credential_hint, map(&[("token", "...6789")]));
    assert_eq!(made.rules[0].hosts, ["api.example.com"]);
    let again = bench.try_manager(wanted).await.unwrap();
    assert_eq!(again, made, "a create that is sent twice gives the first result");
    bench.try_manager(vault("a", "https://a.example")).await.unwrap();

    let bench = bench.reopen().await;
    let request = GetSecretManagerRequest { id: "east".into() };
    let read = bench.admin.get_secret_manager(&bench.call(), request).await.unwrap();
    assert_eq!(read.secret_manager.as_ref(), Some(&made));
    let listed = bench.admin.list_secret_managers(&bench.call(), ListSecretManagersRequest::default()).await;
    let names = listed.unwrap().secret_managers.into_iter().map(|manager| manager.name);
    assert_eq!(names.collect::<Vec<_>>(), ["a", "east"]);
    assert_eq!(bench.secrets_of(&made.id).get("token").unwrap().expose(), CANARY);
    assert!(!format!("{:?}", bench.state.snapshot().records).contains(CANARY));
}

#[tokio::test]
async fn an_update_keeps_the_credential_where_it_was_given_for() {
    let bench = Bench::new().await;
    let made = bench.try_manager(vault("east", "https://vault.example")).await.unwrap();
    let plain = |address: &str| SecretManager { credential: None, ..vault("east", address) };
    let by_name = SecretManager { id: "east".into(), ..plain("https://vault.example/v") };
    let kept = bench.update_manager(by_name).await.unwrap();
    assert_eq!((&kept.id, &kept.create_time), (&made.id, &made.create_time));
    assert_eq!(kept.credential_hint, made.credential_hint);
    assert_eq!(bench.secrets_of(&made.id).get("token").unwrap().expose(), CANARY);
    let by_id = |manager| SecretManager { id: made.id.clone(), ..manager };
    for address in ["https://vault.example:8443", "http://localhost", "https://evil.example"] {
        let outcome = bench.update_manager(by_id(plain(address))).await;
        refused(outcome, Reason::InvalidRequest, "secret_manager.credential", "another host");
    }
    let outcome = bench.update_manager(by_id(ibm(IbmSecretsManager::default()))).await;
    refused(outcome, Reason::InvalidRequest, "secret_manager", "cannot change its kind");
    let stale = SecretManager { etag: made.etag.clone(), ..by_id(plain("https://vault.example")) };
    refused(bench.update_manager(stale).await, Reason::Conflict, "secret_manager.etag", "changed");
    let renamed = SecretManager { id: "east".into(), name: "west".into(), ..plain("https://vault.example") };
    refused(bench.update_manager(renamed).await, Reason::InvalidRequest, "secret_manager.name", "rename");

    let referring =
        SecretManager { credential: refers("env:VAULT_TOKEN", ""), ..vault("west", "https://evil.example") };
    let changed = bench.update_manager(by_id(referring.clone())).await.unwrap();
    assert_eq!(changed.credential, referring.credential);
    assert_eq!(changed.credential_hint, map(&[]));
    assert_eq!(bench.state.snapshot().records.secret_managers[&made.id].credential, None, "it is gone");
}

#[tokio::test]
async fn the_credential_of_ibms_secrets_manager_stays_with_its_identity_service() {
    let bench = Bench::new().await;
    let made = bench.try_manager(ibm(IbmSecretsManager::default())).await.unwrap();
    for settings in [
        IbmSecretsManager { auth_url: "https://iam.evil.example".into(), ..Default::default() },
        IbmSecretsManager { address: "https://evil.example".into(), ..Default::default() },
        IbmSecretsManager { private_endpoint: true, ..Default::default() },
    ] {
        let moved = SecretManager { id: made.id.clone(), credential: None, ..ibm(settings) };
        let outcome = bench.update_manager(moved).await;
        refused(outcome, Reason::InvalidRequest, "secret_manager.credential", "another host");
    }
}

#[tokio::test]
async fn a_secret_manager_that_cannot_work_or_would_leak_is_refused() {
    let bench = Bench::new().await;
    bench.try_manager(vault("taken", "https://vault.example")).await.unwrap();
    let good = || vault("new", "https://vault.example");
    let rule = |rule| SecretManager { rules: vec![rule], ..good() };
    let with = |kind: fn(&mut Vault)| {
        let mut vault = Vault { address: "https://vault.example".into(), ..Vault::default() };
        kind(&mut vault);
        SecretManager { kind: Some(Kind::Vault(vault)), ..good() }
    };
    let seconds = |seconds, nanos| Some(pbjson_types::Duration { seconds, nanos });
    let hub = SoftwareHubVault { address: "https://hub.example".into(), ..Default::default() };
    let vault_address = "secret_manager.vault.address";
    let cases = [
        (SecretManager { name: String::new(), ..good() }, "secret_manager.name", "required"),
        (SecretManager { kind: None, ..good() }, "secret_manager", "kind"),
        (
            SecretManager { credential: None, ..good() },
            "secret_manager.credential",
            "token, or role_id and secret_id",
        ),
        (SecretManager { credential: secrets(&[]), ..good() }, "secret_manager.credential", "required"),
        (
            SecretManager { credential: secrets(&[("role_id", "r")]), ..good() },
            "secret_manager.credential",
            "secret_id",
        ),
        (
            SecretManager { credential: secrets(&[("apikey", "k")]), ..good() },
            "secret_manager.credential.inline.values.apikey",
            "token",
        ),
        (SecretManager { credential: secrets(&[("token", "")]), ..good() }, TOKEN, "empty"),
        (SecretManager { credential: secrets(&[("token", "a\nb")]), ..good() }, TOKEN, "control"),
        (SecretManager { credential: secrets(&[("token", "schl\u{fc}ssel")]), ..good() }, TOKEN, "ASCII"),
        (
            SecretManager { credential: refers("vault:a", ""), ..good() },
            "secret_manager.credential.reference.resource",
            "env:NAME",
        ),
        (
            SecretManager { credential: refers("env:A", "taken"), ..good() },
            "secret_manager.credential.reference.manager",
            "empty",
        ),
        (vault("new", ""), vault_address, "required"),
        (vault("new", "http://vault.example"), vault_address, "https://"),
        (vault("new", "http://8.8.8.8"), vault_address, "https://"),
        (vault("new", "http://169.254.169.254"), vault_address, "metadata"),
        (vault("new", "https://user:pass@vault.example"), vault_address, "user"),
        (with(|vault| vault.mount = "a/../b".into()), "secret_manager.vault.mount", ".."),
        (with(|vault| vault.mount = "a?b".into()), "secret_manager.vault.mount", "letters"),
        (with(|vault| vault.namespace = "/a".into()), "secret_manager.vault.namespace", "ends"),
        (with(|vault| vault.ca_bundle_pem = "no".into()), "secret_manager.vault.ca_bundle_pem", "PEM"),
        (
            ibm(IbmSecretsManager { instance: "../x".into(), ..Default::default() }),
            "secret_manager.ibm_secrets_manager.instance",
            "UUID",
        ),
        (
            ibm(IbmSecretsManager { auth_url: "http://iam.example".into(), ..Default::default() }),
            "secret_manager.ibm_secrets_manager.auth_url",
            "https://",
        ),
        (
            of_kind(Kind::SoftwareHub(hub), secrets(&[("password", "p")])),
            "secret_manager.software_hub.username",
            "required",
        ),
        (SecretManager { cache_time: seconds(0, 5), ..good() }, "secret_manager.cache_time", "1s"),
        (SecretManager { cache_time: seconds(86_400, 1), ..good() }, "secret_manager.cache_time", "86400s"),
        (SecretManager { stale_time: seconds(-1, 0), ..good() }, "secret_manager.stale_time", "0s"),
        (
            SecretManager { stale_time: seconds(2_592_001, 0), ..good() },
            "secret_manager.stale_time",
            "2592000s",
        ),
        (
            SecretManager { rules: vec![SecretRule::default(); 65], ..good() },
            "secret_manager.rules",
            "at most 64",
        ),
        (
            rule(SecretRule { hosts: vec!["a.example".into(); 65], ..Default::default() }),
            "secret_manager.rules[0].hosts",
            "at most 64",
        ),
        (
            rule(SecretRule { hosts: vec!["a.example/x".into()], ..Default::default() }),
            "secret_manager.rules[0].hosts[0]",
            "no host",
        ),
        (
            rule(SecretRule { groups: vec!["team".into()], ..Default::default() }),
            "secret_manager.rules[0].hosts",
            "who can choose the host can read the secret",
        ),
        (
            rule(SecretRule { prefix: "team".into(), ..Default::default() }),
            "secret_manager.rules[0].prefix",
            "vault:PATH",
        ),
    ];
    for (manager, field, message) in cases {
        refused(bench.try_manager(manager).await, Reason::InvalidRequest, field, message);
    }
    let taken = bench.try_manager(vault("taken", "https://other.example")).await;
    refused(taken, Reason::NameTaken, "secret_manager.name", "\"taken\"");
    let near = ["http://127.0.0.1:8200", "http://localhost:8200", "http://10.0.0.5", "http://[::1]:8200"];
    for (index, address) in near.into_iter().enumerate() {
        bench.try_manager(vault(&format!("near {index}"), address)).await.unwrap();
    }
}

#[tokio::test]
async fn a_secret_manager_that_is_referred_to_cannot_be_removed() {
    let bench = Bench::new().await;
    bench.try_manager(vault("east", "https://vault.example")).await.unwrap();
    let provider = super::Provider { credential: refers("vault:a", "east"), ..super::openai("p", "") };
    let provider = bench.provider(provider).await;
    let delete = || DeleteSecretManagerRequest { id: "east".into() };
    let outcome = bench.admin.delete_secret_manager(&bench.call(), delete()).await;
    refused(outcome, Reason::FailedPrecondition, "id", "these providers: p;");
    let request = sluicegate::proto::v1::DeleteProviderRequest { id: provider.id };
    bench.admin.delete_provider(&bench.call(), request).await.unwrap();
    bench.admin.delete_secret_manager(&bench.call(), delete()).await.unwrap();
    let outcome = bench.admin.delete_secret_manager(&bench.call(), delete()).await;
    refused(outcome, Reason::SecretManagerNotFound, "id", "\"east\"");
}

#[tokio::test]
async fn only_administrators_change_secret_managers_also_while_they_wait() {
    let bench = Bench::new().await;
    for role in [AccessRole::User, AccessRole::Manage, AccessRole::Audit] {
        // The edges refuse this; what is planned refuses it too.
        let call = bench.call_as("other", role);
        let request = CreateSecretManagerRequest { secret_manager: Some(vault("x", "https://x.example")) };
        let outcome = bench.admin.create_secret_manager(&call, request).await;
        refused(outcome, Reason::PermissionDenied, "", "PERMISSION_WRITE_SECRET_MANAGERS");
    }
}

#[tokio::test]
async fn a_new_master_key_seals_credentials_of_secret_managers_anew() {
    let (old, new) = ("01".repeat(32), "02".repeat(32));
    let first = MasterKeys::parse(&format!("1:{old}")).unwrap();
    let bench = Bench::open_with(tempfile::tempdir().unwrap(), &first).await.unwrap();
    let made = bench.try_manager(vault("east", "https://vault.example")).await.unwrap();
    let both = MasterKeys::parse(&format!("2:{new},1:{old}")).unwrap();
    let dir = bench.close().await;
    let bench = Bench::open_with(dir, &both).await.unwrap();
    bench.state.reseal().await.unwrap();
    let dir = bench.close().await;
    let only_new = MasterKeys::parse(&format!("2:{new}")).unwrap();
    let bench = Bench::open_with(dir, &only_new).await.unwrap();
    assert_eq!(bench.secrets_of(&made.id).get("token").unwrap().expose(), CANARY);
    let sealed = bench.state.snapshot().records.secret_managers[&made.id].credential.clone().unwrap();
    let stranger = Sealer::new(&first).unwrap();
    assert!(secrets::Credential::open(Owner::SecretManager(&made.id), &stranger, &sealed).is_err());
}
