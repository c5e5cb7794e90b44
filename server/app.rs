//! The composition root: the only place that builds everything, and the drain that takes it down in order.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{net::TcpListener, signal::unix::SignalKind};

use crate::{
    admin::{Admin, bootstrap, ready_made, seed},
    auth::Authenticator,
    clock::Clock,
    config::{self, Config},
    edge::{self, Edge, Entrance, Options, Serving},
    error::{Error, Reason, Result},
    gateway::Gateway,
    grpc,
    http::Clients,
    metrics::{self, InFlight},
    places::Places,
    rest,
    secret::Secret,
    secrets::{KeyHasher, MasterKeys, Sealer},
    state::{Connector, Snapshot, State},
    store::{DataDir, Store},
    task::Tasks,
    upstream::{Driver, Limits},
};

/// How often it is looked whether a copy was restored into the store.
const STORE_WATCH: Duration = Duration::from_secs(1);

/// A running gateway.
pub struct App {
    address: SocketAddr,
    generated_admin_key: Option<Secret>,
    serving: Serving,
    /// How long calls in flight may go on at the end.
    grace: Duration,
    state: State,
    /// The port, the streams on it, and what providers are asked at start. They end first.
    work: Tasks,
    /// Commits and the usage reader. They end last, so that nothing that a call left behind is lost.
    records: Tasks,
}

impl App {
    /// Starts a gateway; when this returns, the port answers.
    ///
    /// # Errors
    /// Every problem that keeps it from starting, as far as they can be told at once.
    pub async fn start(config: Config) -> Result<Self, Vec<Error>> {
        let (work, records) = (Tasks::default(), Tasks::default());
        let clock = Clock::real();
        let data_dir = DataDir::open(&config.data_dir).map_err(one)?;
        let sealer = Arc::new(Sealer::new(&master_keys(&config, &data_dir).map_err(one)?).map_err(one)?);
        let store = Store::open(data_dir).await.map_err(one)?;
        let connector = Connector { clients: Clients::default(), sealer: Arc::clone(&sealer) };
        let (state, hasher) = State::open(store, connector, records.clone()).await.map_err(one)?;
        // Where the master key has a new version: so that the older ones can be taken away.
        state.reseal().await.map_err(one)?;
        let hasher = Arc::new(hasher);
        let generated_admin_key = configure(&config, &state, &sealer, &hasher, &clock).await?;

        let driver = Driver::new(Arc::clone(&sealer), clock.clone(), work.clone());
        let (metrics, usage, usage_reader) = metrics::new();
        records.spawn(usage_reader.run());
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

        let authenticator = Arc::new(Authenticator::new(hasher));
        let entrance = Arc::new(Entrance::new(
            Arc::new(state.clone()),
            authenticator,
            clock,
            Places::new(config.max_calls.get(), metrics.calls_refused.clone()),
        ));
        let serving = Serving::off();
        let connections = Places::new(config.max_connections.get(), metrics.connections_refused.clone());
        let render = {
            let state = state.clone();
            move || metrics.render(in_flight(&state.snapshot()))
        };
        let options = Options {
            cors_origins: config.cors_origins,
            metrics: (!config.no_metrics).then(|| Arc::new(render) as _),
            serving: serving.clone(),
        };
        let grpc = grpc::Parts {
            gateway: Arc::clone(&gateway),
            admin: Arc::clone(&admin),
            entrance: Arc::clone(&entrance),
            serving: serving.clone(),
        };
        let rest = rest::router(rest::Parts { gateway, admin, entrance });
        let edge = Edge::new(grpc::router(grpc).map_err(one)?, rest, options).map_err(one)?;

        let listener = listen(config.listen).await.map_err(one)?;
        let address = listener.local_addr().map_err(|error| one(cannot_listen(config.listen, error)))?;
        work.spawn(watch_store(state.clone(), work.clone()));
        work.spawn(edge::serve(listener, edge, connections, work.clone()));
        serving.set(true);
        Ok(Self { address, generated_admin_key, serving, grace: config.grace, state, work, records })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
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
        self.state.close().await;
        tracing::info!("ended");
    }
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

/// What the settings say about the resources: the administrator's key, the seed file, ready-made providers.
async fn configure(
    config: &Config,
    state: &State,
    sealer: &Sealer,
    hasher: &KeyHasher,
    clock: &Clock,
) -> Result<Option<Secret>, Vec<Error>> {
    if let Some(path) = &config.config {
        let text = tokio::fs::read_to_string(path).await.map_err(|cause| {
            vec![Error::invalid("config", format!("{} cannot be read: {cause}", path.display()))]
        })?;
        seed::apply(&text, &config::variable, state, sealer, hasher, clock).await?;
    }
    // After the seed, which may name an administrator of its own.
    let admin_key = config.secrets.admin_key.clone();
    let generated = bootstrap::apply(state, hasher, clock, admin_key).await.map_err(one)?;
    if config.providers_from_env {
        ready_made::create_providers(&config::variable, state, sealer, clock).await.map_err(one)?;
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

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| cannot_listen(address, error))
}

fn cannot_listen(address: SocketAddr, cause: std::io::Error) -> Error {
    let message = format!("cannot listen on {address}: {cause}; choose another with --listen");
    Error::new(Reason::FailedPrecondition, message)
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
