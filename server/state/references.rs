//! Secret managers and references -> what reads them. What was read goes on from one snapshot to the next.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{Connector, Records, Snapshot, StoredManager, StoredProvider};
use crate::{
    error::{Error, Reason, Result},
    http::Way,
    proto::v1::{Connection, Credential, SecretReference, credential::Source, secret_manager::Kind},
    providers::{Hosts, ProviderType},
    secrets::{Keeper, Manager, Own, Place, Referenced, Resource, Rules},
};

const CACHE_TIME: Duration = Duration::from_secs(5 * 60);
const STALE_TIME: Duration = Duration::from_secs(24 * 3600);

/// The secret managers, by id. One that is asked as before keeps what it was given for the gateway's credential.
pub(super) fn keepers(
    records: &Records,
    previous: &Snapshot,
    connector: &Connector,
) -> Result<BTreeMap<String, Arc<Keeper>>, Vec<String>> {
    let (mut keepers, mut problems) = (BTreeMap::new(), Vec::new());
    for (id, stored) in &records.secret_managers {
        let before = previous.keepers.get(id).zip(previous.records.secret_managers.get(id));
        match keeper(stored, before, connector) {
            Ok(keeper) => {
                keepers.insert(id.clone(), Arc::new(keeper));
            }
            Err(why) => problems.push(format!("secret manager \"{}\": {why}", stored.manager.name)),
        }
    }
    if problems.is_empty() { Ok(keepers) } else { Err(problems) }
}

fn keeper(
    stored: &StoredManager,
    before: Option<(&Arc<Keeper>, &StoredManager)>,
    connector: &Connector,
) -> Result<Keeper, String> {
    let settings = &stored.manager;
    let kind = settings.kind.as_ref().ok_or("its kind is missing")?;
    let made_of = |stored: &StoredManager| {
        (stored.manager.kind.clone(), stored.manager.credential.clone(), stored.credential.clone())
    };
    let (manager, own) = match before.filter(|(_, old)| made_of(old) == made_of(stored)) {
        Some((keeper, _)) => (Arc::clone(&keeper.manager), Arc::clone(&keeper.own)),
        None => (Arc::new(manager(kind, connector)?), Arc::new(own(stored, kind, connector)?)),
    };
    let time = |given: Option<&pbjson_types::Duration>, otherwise| match given {
        Some(given) => Duration::try_from(*given).map_err(|_| "its times are no times"),
        None => Ok(otherwise),
    };
    Ok(Keeper {
        name: settings.name.clone(),
        manager,
        own,
        cache_time: time(settings.cache_time.as_ref(), CACHE_TIME)?,
        stale_time: time(settings.stale_time.as_ref(), STALE_TIME)?,
    })
}

fn manager(kind: &Kind, connector: &Connector) -> Result<Manager, String> {
    let ca_bundle_pem = match kind {
        Kind::Vault(vault) => vault.ca_bundle_pem.clone(),
        Kind::SoftwareHub(hub) => hub.ca_bundle_pem.clone(),
        Kind::IbmSecretsManager(_) => String::new(),
    };
    let connection = Connection { ca_bundle_pem, ..Connection::default() };
    let client = connector.clients.get(&Way::of(&connection, |_| None)).map_err(|error| error.to_string())?;
    Ok(Manager::new(kind, client))
}

fn own(stored: &StoredManager, kind: &Kind, connector: &Connector) -> Result<Own, String> {
    match (reference(stored.manager.credential.as_ref()), &stored.credential) {
        (Some(reference), _) => Own::local(reference, kind, connector.local.clone())
            .map_err(|why| format!("its credential {why}")),
        (None, Some(sealed)) => {
            Ok(Own::sealed(stored.manager.id.clone(), Arc::clone(&connector.sealer), sealed.clone()))
        }
        (None, None) => Ok(Own::none()),
    }
}

/// What the provider refers to. `None`: to nothing.
pub(super) fn referenced(
    stored: &StoredProvider,
    row: &ProviderType,
    records: &Records,
    keepers: &BTreeMap<String, Arc<Keeper>>,
    connector: &Connector,
) -> Option<Referenced> {
    let reference = reference(stored.provider.credential.as_ref())?;
    let kinds = row
        .auth
        .iter()
        .map(|kind| kind.secrets().iter().map(|secret| (secret.name, secret.required)).collect());
    let place = place(stored, row, reference, records, keepers, connector);
    Some(Referenced::new(reference, kinds.collect(), place, connector.secret_reads.clone()))
}

/// Where it is read. What may not be referred to any more keeps nobody from starting; calls are told.
fn place(
    stored: &StoredProvider,
    row: &ProviderType,
    reference: &SecretReference,
    records: &Records,
    keepers: &BTreeMap<String, Arc<Keeper>>,
    connector: &Connector,
) -> Result<Place> {
    let is_local =
        matches!(Resource::read(&reference.resource), Ok(Resource::Environment(_) | Resource::File(_)));
    if is_local {
        return Ok(Place::Local(connector.local.clone()));
    }
    let found = keepers.get(&reference.manager).zip(records.secret_managers.get(&reference.manager));
    let Some((keeper, manager)) = found else {
        let message =
            "its credential refers to a secret manager that is not there; give it another credential";
        return Err(Error::new(Reason::SecretNotReadable, message));
    };
    let rules = Rules::of(&manager.manager.rules);
    let hosts = Hosts::of(row, &stored.provider).names();
    if let Some(host) = hosts.iter().find(|host| !rules.admits(&reference.resource, host)) {
        let message = format!(
            "no rule of secret manager \"{}\" admits {} for {host}; an administrator can add one",
            manager.manager.name, reference.resource
        );
        return Err(Error::new(Reason::SecretNotAllowed, message));
    }
    Ok(Place::Keeper(Arc::clone(keeper)))
}

/// The reference that a stored resource has.
#[must_use]
pub fn reference(credential: Option<&Credential>) -> Option<&SecretReference> {
    match credential?.source.as_ref()? {
        Source::Reference(reference) => Some(reference),
        Source::Inline(_) => None,
    }
}
