//! Ready-made providers: one for each vendor whose key stands in the environment, with all models that it offers.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

use super::{
    Admin, find,
    given::{self, Given},
    model_plan,
    provider_plan::{self, Wanted},
    sight::Sight,
    upstream_check::offered_models,
};
use crate::{
    clock::Clock,
    error::Result,
    proto::v1::{Model, Provider},
    providers::{Hosts, ProviderType, REGISTRY, provider_type},
    secrets::{Credential, Sealer},
    state::{Caller, Change, Origin, Records, State, StoredProvider},
};

/// Marks a provider as ours to keep up to date. Without it, it is the operator's.
const LABEL: (&str, &str) = ("ready-made", "environment");

/// Makes a provider, named after its type, for each type of which the first environment variable or one with a secret is
/// set; brings those made earlier up to date; leaves alone what an operator has made under that name. What is wrong with
/// one vendor's variables is logged: it must not keep the gateway from starting.
///
/// # Errors
/// That the store failed.
pub async fn create_providers(
    lookup: &(dyn Fn(&str) -> Option<String> + Sync),
    state: &State,
    sealer: &Sealer,
    clock: &Clock,
) -> Result<()> {
    let wanted: Vec<_> = REGISTRY.iter().filter_map(|row| wanted(row, lookup)).collect();
    let now = clock.now();
    state
        .change(&Origin::own("ReadyMade"), |records| Ok((plan_providers(records, wanted, sealer, now), ())))
        .await?;
    Ok(())
}

/// Asks the ready-made providers what they offer and registers every model that is not there yet, in one commit. A
/// failure is logged.
pub async fn register_models(admin: &Admin) {
    let snapshot = admin.state.snapshot();
    let ready_made = snapshot.records.providers.values().filter(|stored| is_ready_made(stored));
    let upstreams = ready_made.filter_map(|stored| snapshot.upstreams.get(&stored.provider.id));
    let asked = upstreams.map(|to| async move { (to, offered_models(&admin.driver, to).await) });
    let mut offers = Vec::new();
    for (to, outcome) in futures_util::future::join_all(asked).await {
        match outcome {
            Ok(models) => offers.extend(models.into_iter().map(|model| (to.id.clone(), model.id))),
            Err(error) => {
                tracing::warn!(provider = to.name, %error, "the provider's models could not be listed")
            }
        }
    }
    let now = admin.clock.now();
    match admin.state.change(&Origin::own("ReadyMade"), |records| Ok(plan_models(records, offers, now))).await
    {
        Ok((count, revision)) => {
            tracing::info!(models = count, revision, "ready-made models were registered")
        }
        Err(error) => tracing::warn!(%error, "ready-made models could not be stored"),
    }
}

fn wanted(row: &ProviderType, lookup: &(dyn Fn(&str) -> Option<String> + Sync)) -> Option<Wanted> {
    let secrets: Vec<_> = row.auth.iter().flat_map(|auth| auth.secrets()).map(|secret| secret.name).collect();
    let asks = |(rank, (_, name)): &(usize, &(_, &str))| *rank == 0 || secrets.contains(name);
    row.environment.iter().enumerate().filter(asks).find_map(|(_, (variable, _))| lookup(variable))?;
    let mut provider = Provider {
        name: row.name.into(),
        r#type: row.name.into(),
        labels: BTreeMap::from([(LABEL.0.into(), LABEL.1.into())]),
        ..Provider::default()
    };
    let mut secrets = BTreeMap::new();
    for (variable, name) in row.environment {
        let Some(value) = lookup(variable) else { continue };
        if *name == "base_url" {
            provider.base_url = value;
        } else if row.settings.iter().any(|setting| setting.name == *name) {
            provider.settings.insert((*name).into(), value);
        } else {
            secrets.insert((*name).into(), value);
        }
    }
    let credential = Some(Given::Inline(Credential::new(secrets)));
    Some(Wanted { provider, credential, connection_credential: None })
}

fn plan_providers(records: &Records, wanted: Vec<Wanted>, sealer: &Sealer, now: SystemTime) -> Vec<Change> {
    // Nobody calls, and what the environment gives needs no permission.
    let caller = Caller::default();
    let sight = Sight::over(records, &caller);
    let mut changes = Vec::new();
    for wanted in wanted {
        let name = wanted.provider.name.clone();
        let planned = match find::provider_by_name(records, &name) {
            None => provider_plan::create(&sight, wanted, sealer, now).map(Some),
            Some(stored) if is_ready_made(stored) => update(&sight, stored, wanted, sealer, now),
            Some(_) => {
                tracing::info!(provider = name, "there is a provider of this name already; it is left alone");
                continue;
            }
        };
        match planned {
            Ok(Some(stored)) => {
                tracing::info!(provider = name, "the provider is made ready from the environment");
                changes.push(Change::PutProvider(Box::new(stored)));
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(provider = name, %error, "no provider can be made of the environment")
            }
        }
    }
    changes
}

fn is_ready_made(stored: &StoredProvider) -> bool {
    stored.provider.labels.get(LABEL.0).is_some_and(|value| value == LABEL.1)
}

/// Takes what the environment says, and keeps what an operator has added. The environment's secrets go to no host that it
/// does not name: whoever may change providers could name a host of his own there, and wait for the next start.
fn update(
    sight: &Sight<'_>,
    stored: &StoredProvider,
    mut wanted: Wanted,
    sealer: &Sealer,
    now: SystemTime,
) -> Result<Option<StoredProvider>> {
    let old = &stored.provider;
    let row = provider_type(&old.r#type)?;
    let named = Hosts::of(row, &wanted.provider);
    if wanted.provider.base_url.is_empty() {
        wanted.provider.base_url.clone_from(&old.base_url);
    }
    for (name, value) in &old.settings {
        wanted.provider.settings.entry(name.clone()).or_insert_with(|| value.clone());
    }
    wanted.provider.headers.clone_from(&old.headers);
    wanted.provider.labels.clone_from(&old.labels);
    wanted.provider.connection.clone_from(&old.connection);
    if given::reference(old.credential.as_ref()).is_some() || Hosts::of(row, &wanted.provider).moved(&named) {
        tracing::info!(
            provider = old.name,
            "an operator has changed its credential or host; it keeps its credential"
        );
        wanted.credential = None;
    }
    provider_plan::reconcile(sight, stored, wanted, sealer, now)
}

/// The changes, and how many there are. A model goes in the catalog without alias. What fits no rule is left out.
fn plan_models(records: &Records, offers: Vec<(String, String)>, now: SystemTime) -> (Vec<Change>, usize) {
    let mut known: BTreeSet<(String, String)> =
        records.models.values().map(|model| (model.provider.clone(), model.upstream_id.clone())).collect();
    let mut changes = Vec::new();
    for (provider, upstream_id) in offers {
        if !known.insert((provider.clone(), upstream_id.clone())) {
            continue;
        }
        let model = Model { provider, upstream_id: upstream_id.clone(), ..Model::default() };
        match model_plan::create(records, model, now) {
            Ok(model) => changes.push(Change::PutModel(Box::new(model))),
            Err(error) => {
                tracing::warn!(model = upstream_id, %error, "an offered model cannot be registered")
            }
        }
    }
    let count = changes.len();
    (changes, count)
}
