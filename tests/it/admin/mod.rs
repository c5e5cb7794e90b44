//! Administration, on a real store.

mod backup;
mod callers;
mod durability;
mod keys;
mod master_key;
mod models;
mod named_hosts;
mod providers;
mod rate_limits;
mod references;
mod released;
mod rotation;
mod secret_managers;
mod start;
mod upstreams;

use std::{collections::BTreeMap, path::Path, sync::Arc, time::UNIX_EPOCH};

use prometheus_client::metrics::counter::Counter;
use sluicegate::{
    admin::Admin,
    auth::Authenticator,
    clock::Clock,
    error::{Error, Reason},
    proto::v1::{
        AccessRole, ApiKey, CreateApiKeyRequest, CreateModelRequest, CreateProviderRequest, Credential,
        InlineSecrets, Model, Provider, credential::Source,
    },
    providers::Scope,
    secrets::{KeyHasher, MasterKeys, Sealer},
    state::{Call, Caller, Connector, Protocol, State},
    store::{DataDir, Store},
    task::Tasks,
    upstream::Driver,
};
use tempfile::TempDir;

/// A secret that must appear nowhere.
const CANARY: &str = "sk-canary-do-not-show-0123456789";

/// 2026-01-01.
const NOW: u64 = 1_767_225_600;

/// The administration of one data directory.
struct Bench {
    dir: TempDir,
    state: State,
    sealer: Arc<Sealer>,
    hasher: Arc<KeyHasher>,
    clock: Clock,
    tasks: Tasks,
    admin: Admin,
}

impl Bench {
    async fn new() -> Self {
        Self::open(tempfile::tempdir().unwrap()).await
    }

    async fn open(dir: TempDir) -> Self {
        let keys = MasterKeys::from_data_dir(dir.path(), dir.path().join("sluicegate.db").exists()).unwrap();
        Self::open_with(dir, &keys).await.unwrap()
    }

    async fn open_with(dir: TempDir, keys: &MasterKeys) -> Result<Self, Error> {
        crate::canary::suite::watch_log();
        let tasks = Tasks::default();
        let sealer = Arc::new(Sealer::new(keys)?);
        let (state, hasher) = open_state(dir.path(), &sealer, &tasks).await?;
        let hasher = Arc::new(hasher);
        let clock = Clock::test(NOW);
        let driver = Driver::new(Arc::clone(&sealer), clock.clone(), tasks.clone());
        let admin = Admin::new(
            state.clone(),
            Arc::clone(&sealer),
            Arc::clone(&hasher),
            driver.clone(),
            clock.clone(),
        );
        Ok(Self { dir, state, sealer, hasher, clock, tasks, admin })
    }

    /// Ends in good order and gives the directory back.
    async fn close(self) -> TempDir {
        self.tasks.drain().await;
        self.state.close().await;
        self.dir
    }

    async fn reopen(self) -> Self {
        Self::open(self.close().await).await
    }

    fn call(&self) -> Call {
        self.call_as("administrator", AccessRole::Admin)
    }

    fn call_as(&self, name: &str, role: AccessRole) -> Call {
        let caller = Caller { id: format!("id of {name}"), name: name.into(), role, ..Caller::default() };
        Call {
            caller: Arc::new(caller),
            snapshot: self.state.snapshot(),
            request_id: "req-1".into(),
            time: self.clock.now(),
            deadline: None,
            protocol: Protocol::Grpc,
            source: std::net::Ipv4Addr::LOCALHOST.into(),
            scope: Scope::default(),
            place: None,
        }
    }

    fn authenticator(&self) -> Authenticator {
        Authenticator::new(Arc::clone(&self.hasher), self.tasks.clone(), Counter::default())
    }

    fn revision(&self) -> i64 {
        self.state.snapshot().revision
    }

    async fn try_provider(&self, provider: Provider) -> Result<Provider, Error> {
        let request = CreateProviderRequest { provider: Some(provider) };
        Ok(self.admin.create_provider(&self.call(), request).await?.provider.unwrap())
    }

    async fn provider(&self, provider: Provider) -> Provider {
        self.try_provider(provider).await.unwrap()
    }

    async fn try_model(&self, model: Model) -> Result<Model, Error> {
        let request = CreateModelRequest { model: Some(model) };
        Ok(self.admin.create_model(&self.call(), request).await?.model.unwrap())
    }

    async fn model(&self, provider: &str, upstream_id: &str, alias: &str) -> Model {
        self.try_model(model(provider, upstream_id, alias)).await.unwrap()
    }

    async fn try_key(&self, key: ApiKey, secret: &str) -> Result<(ApiKey, String), Error> {
        let request = CreateApiKeyRequest { api_key: Some(key), secret: secret.into() };
        let response = self.admin.create_api_key(&self.call(), request).await?;
        Ok((response.api_key.unwrap(), response.secret))
    }

    async fn key(&self, name: &str, role: AccessRole) -> (ApiKey, String) {
        self.try_key(key(name, role), "").await.unwrap()
    }
}

async fn open_state(dir: &Path, sealer: &Arc<Sealer>, tasks: &Tasks) -> Result<(State, KeyHasher), Error> {
    let store = Store::open(DataDir::open(dir)?).await?;
    State::open(store, connector(sealer), Clock::test(NOW), tasks.clone()).await
}

fn connector(sealer: &Arc<Sealer>) -> Connector {
    Connector::new(Arc::clone(sealer))
}

/// A server that speaks OpenAI's dialect, without a credential.
fn custom(name: &str) -> Provider {
    Provider {
        name: name.into(),
        r#type: "custom".into(),
        base_url: "http://127.0.0.1:9/v1".into(),
        ..Provider::default()
    }
}

fn openai(name: &str, apikey: &str) -> Provider {
    Provider {
        name: name.into(),
        r#type: "openai".into(),
        credential: secrets(&[("apikey", apikey)]),
        ..Provider::default()
    }
}

fn secrets(values: &[(&str, &str)]) -> Option<Credential> {
    Some(Credential { source: Some(Source::Inline(InlineSecrets { values: map(values) })) })
}

fn model(provider: &str, upstream_id: &str, alias: &str) -> Model {
    Model {
        provider: provider.into(),
        upstream_id: upstream_id.into(),
        alias: alias.into(),
        ..Model::default()
    }
}

fn key(name: &str, role: AccessRole) -> ApiKey {
    ApiKey { name: name.into(), role: role.into(), ..ApiKey::default() }
}

fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Asserts why something was refused, at which field, and that the message names the thing.
fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>, reason: Reason, field: &str, message: &str) {
    let error = outcome.expect_err("it is refused");
    assert_eq!(error.reason(), reason, "{error}");
    assert_eq!(error.detail().field.as_deref().unwrap_or_default(), field, "{error}");
    assert!(error.message().contains(message), "{error} does not say {message:?}");
    assert!(!error.message().ends_with('.'), "{error}");
}

fn in_seconds(seconds: u64) -> Option<pbjson_types::Timestamp> {
    Some(sluicegate::proto::timestamp(UNIX_EPOCH + std::time::Duration::from_secs(NOW + seconds)))
}
