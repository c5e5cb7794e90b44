//! The composition root: the only place that builds everything, and the drain that takes it down in order.

mod ports;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::signal::unix::SignalKind;

use ports::Port;

use crate::{
    admin::{Admin, bootstrap, ready_made, seed::SeedFile},
    audit::{self, EventFile},
    auth::Authenticator,
    clock::Clock,
    config::{self, Config, ReferenceSettings},
    edge::{self, Edge, Entrance, Options, Serves, Serving, Tls},
    error::{Error, Result},
    gateway::Gateway,
    grpc,
    metrics::{self, InFlight, SecretReads},
    places::Places,
    rest,
    secret::Secret,
    secrets::{KeyHasher, LocalSecrets, MasterKeys, Sealer},
    state::{Connector, Snapshot, State},
    store::{DataDir, Store},
    task::Tasks,
    upstream::{Driver, Limits},
};

/// How often it is looked whether a copy was restored into the store.
const STORE_WATCH: Duration = Duration::from_secs(1);

/// A running gateway.
pub struct App {
    /// Where it listens: for administration last.
    addresses: Vec<SocketAddr>,
    scheme: &'static str,
    generated_admin_key: Option<Secret>,
    serving: Serving,
    /// How long calls in flight may go on at the end.
    grace: Duration,
    state: State,
    /// The ports, the streams on them, and what providers are asked at start. They end first.
    work: Tasks,
    /// Commits, the usage reader and what writes refused calls down. They end after it, so that nothing that a call left
    /// behind is lost.
    records: Tasks,
    /// The copy of the audit log, which ends last.
    copies: Tasks,
}

/// What every port leads to.
struct Inside {
    gateway: Arc<Gateway>,
    admin: Arc<Admin>,
    entrance: Entrance,
    options: Options,
}

impl App {
    /// Starts a gateway; when this returns, its ports answer.
    ///
    /// # Errors
    /// Every problem that keeps it from starting, as far as they can be told at once.
    pub async fn start(config: Config) -> Result<Self, Vec<Error>> {
        let (work, records, copies) = (Tasks::default(), Tasks::default(), Tasks::default());
        let started = Self::build(config, &work, &records, &copies).await;
        if started.is_err() {
            work.stop();
            records.stop();
            copies.stop();
        }
        started
    }

    async fn build(
        config: Config,
        work: &Tasks,
        records: &Tasks,
        copies: &Tasks,
    ) -> Result<Self, Vec<Error>> {
        let clock = Clock::real();
        let data_dir = DataDir::open(&config.data_dir).map_err(one)?;
        // Before an administrator's key is made: who is not told of it would be locked out.
        let ports = ports::open(&config).await.map_err(one)?;
        let addresses: Vec<_> = ports.iter().map(|port| port.address).collect();
        let hosts = addresses.iter().map(SocketAddr::ip);
        let tls = Tls::start(&config.tls, &config.data_dir, hosts, clock.clone(), work).await.map_err(one)?;
        if tls.is_none() {
            ports.iter().for_each(Port::warn_of_plain_text);
        }
        let (metrics, usage, usage_reader) = metrics::new();
        records.spawn(usage_reader.run());
        let secret_reads = metrics.secret_reads.clone();
        let (state, sealer, hasher) =
            open_state(&config, data_dir, secret_reads, &clock, records).await.map_err(one)?;
        keep_audit_log(&config, &state, &clock, work, copies).map_err(one)?;
        if let Some(path) = config.config.clone() {
            let (state, sealer, hasher) = (state.clone(), Arc::clone(&sealer), Arc::clone(&hasher));
            let lookup = &config::variable;
            let seed = SeedFile { path, lookup, state, sealer, hasher, clock: clock.clone() };
            seed.start(work).await?;
        }
        let generated_admin_key = configure(&config, &state, &sealer, &hasher, &clock).await.map_err(one)?;

        let driver = Driver::new(Arc::clone(&sealer), clock.clone(), work.clone());
        let limits = Limits {
            first_token: config.first_token_limit,
            idle: config.idle_limit,
            total: config.total_limit,
        };
        let gateway = Arc::new(Gateway::new(driver.clone(), limits, usage));
        let admin = Arc::new(Admin::new(state.clone(), sealer, Arc::clone(&hasher), driver, clock.clone()));
        if config.providers_from_env {
            let admin = Arc::clone(&admin);
            work.spawn(async move { ready_made::register_models(&admin).await });
        }

        let calls = Places::new(config.max_calls.get(), metrics.calls_refused.clone());
        let authenticator = Authenticator::new(hasher, work.clone(), metrics.keys_refused.clone());
        let authenticator = Arc::new(authenticator);
        {
            let (authenticator, state) = (Arc::clone(&authenticator), state.clone());
            work.spawn(async move { authenticator.keep_keys(&state).await });
        }
        let lost = metrics.audit_events_lost.clone();
        let (journal, journal_writer) = audit::journal(state.clone(), clock.clone(), lost);
        records.spawn(journal_writer.run());
        let entrance = Entrance::new(Arc::new(state.clone()), authenticator, clock.clone(), calls, journal);
        let serving = Serving::off();
        let connections_refused = metrics.connections_refused.clone();
        let render = {
            let state = state.clone();
            move || metrics.render(in_flight(&state.snapshot()))
        };
        let options = Options {
            cors_origins: config.cors_origins,
            metrics: (!config.no_metrics).then(|| Arc::new(render) as _),
            serving: serving.clone(),
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let inside = Inside { gateway, admin, entrance, options };
        for port in ports {
            let edge = inside.edge(port.serves).map_err(one)?;
            // Of its own, so that a flood of callers does not keep administrators out.
            let connections = Places::new(config.max_connections.get(), connections_refused.clone());
            work.spawn(edge::serve(port.listener, edge, tls.clone(), connections, work.clone()));
        }
        work.spawn(watch_store(state.clone(), work.clone()));
        serving.set(true);
        let (grace, work, records, copies) = (config.grace, work.clone(), records.clone(), copies.clone());
        Ok(Self { addresses, scheme, generated_admin_key, serving, grace, state, work, records, copies })
    }

    /// How it is called, e.g. `https://127.0.0.1:8080`.
    #[must_use]
    pub fn url(&self) -> String {
        self.urls().next().unwrap_or_default()
    }

    /// How administration is called, where it has an address of its own.
    #[must_use]
    pub fn admin_url(&self) -> Option<String> {
        self.urls().nth(1)
    }

    fn urls(&self) -> impl Iterator<Item = String> {
        self.addresses.iter().map(|address| format!("{}://{address}", self.scheme))
    }

    /// The administrator's key, where this start has made one. It is not stored.
    #[must_use]
    pub fn generated_admin_key(&self) -> Option<&Secret> {
        self.generated_admin_key.as_ref()
    }

    /// Serves until SIGINT or SIGTERM, then drains. A second signal ends the drain.
    pub async fn run_until_asked_to_end(self) {
        let interrupt = tokio::signal::unix::signal(SignalKind::interrupt());
        let terminate = tokio::signal::unix::signal(SignalKind::terminate());
        let (mut interrupt, mut terminate) = match (interrupt, terminate) {
            (Ok(interrupt), Ok(terminate)) => (interrupt, terminate),
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(%error, "cannot wait for signals; the gateway ends");
                return self.stop().await;
            }
        };
        let mut asked = async || {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        asked().await;
        self.drain(asked()).await;
    }

    /// Accepts nothing more, lets calls in flight run for the grace period, and writes down what they left.
    pub async fn stop(self) {
        self.drain(std::future::pending()).await;
    }

    async fn drain(self, hurry: impl Future<Output = ()>) {
        tracing::info!("draining");
        self.serving.set(false);
        let patience = async {
            tokio::select! {
                () = tokio::time::sleep(self.grace) => tracing::warn!("the grace period is over"),
                () = hurry => tracing::warn!("asked to end at once"),
            }
        };
        self.work.drain_within(patience).await;
        self.records.drain().await;
        self.copies.drain().await;
        self.state.close().await;
        tracing::info!("ended");
    }
}

// === impl Inside ===

impl Inside {
    /// The way in from a port.
    fn edge(&self, serves: Serves) -> Result<Edge> {
        let entrance = Arc::new(self.entrance.only(serves));
        let (gateway, admin) = (&self.gateway, &self.admin);
        let grpc = grpc::router(grpc::Parts {
            gateway: Arc::clone(gateway),
            admin: Arc::clone(admin),
            entrance: Arc::clone(&entrance),
            serving: self.options.serving.clone(),
        })?;
        let rest =
            rest::router(rest::Parts { gateway: Arc::clone(gateway), admin: Arc::clone(admin), entrance });
        Edge::new(grpc, rest, self.options.clone())
    }
}

/// Copies the audit log to a file, and removes its old events, until the gateway ends.
fn keep_audit_log(config: &Config, state: &State, clock: &Clock, work: &Tasks, copies: &Tasks) -> Result<()> {
    if let Some(path) = config.audit_file.clone() {
        copies.spawn(EventFile::new(path, state.clone())?.run(copies.clone()));
    }
    if config.audit_days > 0 {
        work.spawn(audit::retain(state.clone(), config.audit_days, clock.clone(), work.clone()));
    }
    Ok(())
}

/// Takes over what `sluicegate restore` puts into the store, until the gateway ends.
async fn watch_store(state: State, tasks: Tasks) {
    let mut failing = false;
    loop {
        tokio::select! {
            () = tasks.stopping() => return,
            () = tokio::time::sleep(STORE_WATCH) => {}
        }
        let noticed = state.notice().await;
        // Told once, not every second.
        if let (Err(error), false) = (&noticed, failing) {
            tracing::error!(%error, "what was put into the store cannot be taken over");
        }
        failing = noticed.is_err();
    }
}

/// The live configuration, what opens its secrets, and what knows its keys.
async fn open_state(
    config: &Config,
    data_dir: DataDir,
    secret_reads: SecretReads,
    clock: &Clock,
    records: &Tasks,
) -> Result<(State, Arc<Sealer>, Arc<KeyHasher>)> {
    let sealer = Arc::new(Sealer::new(&master_keys(config, &data_dir)?)?);
    let store = Store::open(data_dir).await?;
    let ReferenceSettings { secret_env, secret_files } = config.references.clone();
    let local = LocalSecrets::new(secret_env, config::variable, secret_files);
    let connector = Connector { local, secret_reads, ..Connector::new(Arc::clone(&sealer)) };
    let (state, hasher) = State::open(store, connector, clock.clone(), records.clone()).await?;
    // Where the master key has a new version: so that the older ones can be taken away.
    state.reseal().await?;
    Ok((state, sealer, Arc::new(hasher)))
}

/// What the settings say about the resources beside the seed file, which may name an administrator of its own: the
/// administrator's key, and ready-made providers.
async fn configure(
    config: &Config,
    state: &State,
    sealer: &Sealer,
    hasher: &KeyHasher,
    clock: &Clock,
) -> Result<Option<Secret>> {
    let admin_key = config.secrets.admin_key.clone();
    let generated = bootstrap::apply(state, hasher, clock, admin_key).await?;
    if config.providers_from_env {
        ready_made::create_providers(&config::variable, state, sealer, clock).await?;
    }
    Ok(generated)
}

/// The master key of the environment, of the operator's file, or of the data directory.
fn master_keys(config: &Config, data_dir: &DataDir) -> Result<MasterKeys> {
    match (&config.secrets.master_key, &config.secrets.master_key_file) {
        (Some(text), _) => MasterKeys::parse(text.expose()),
        (None, Some(file)) => MasterKeys::from_file(file),
        (None, None) => MasterKeys::from_data_dir(data_dir.path(), data_dir.has_store()),
    }
}

/// Attempts in flight by the names that callers know. Models that share both names are counted together.
fn in_flight(snapshot: &Snapshot) -> Vec<InFlight> {
    let mut counts = BTreeMap::new();
    for target in snapshot.targets() {
        let names = (target.upstream.name.clone(), target.model_name.clone());
        *counts.entry(names).or_default() += target.live.in_flight.load(Ordering::Relaxed);
    }
    counts.into_iter().map(|((provider, model), count)| InFlight { provider, model, count }).collect()
}

fn one(error: Error) -> Vec<Error> {
    vec![error]
}
