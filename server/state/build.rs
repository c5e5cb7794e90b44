//! Records -> snapshot. Calls nobody; reports every problem at once.

use std::{
    collections::{BTreeMap, HashMap, HashSet, hash_map::Entry},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::{
    Access, Caller, Group, Homes, Key, Live, Records, Snapshot, StoredKey, StoredProvider, Target,
    issuer::issuers, references,
};
use crate::{
    error::{Error, Reason, Result},
    http::{Client, Clients, Way},
    metrics::SecretReads,
    proto::{
        self,
        v1::{AccessRole, Model},
    },
    providers::{BASE_URL, Endpoint, Upstream, provider_type},
    secrets::{Credential, Keeper, LocalSecrets, Owner, Sealer},
};

/// Stands where a built-in type has no address.
const NOWHERE: &str = "http://built-in.invalid";

/// What turns connections into clients, and references into secrets.
#[derive(Clone, Debug)]
pub struct Connector {
    /// The clients that are in use.
    pub clients: Clients,
    /// Opens keys of client certificates, passwords of proxies and credentials of secret managers.
    pub sealer: Arc<Sealer>,
    /// What references may read on this machine.
    pub local: LocalSecrets,
    /// Counts reads of what is referred to.
    pub secret_reads: SecretReads,
}

/// Builds the snapshot of `records`. Live counters are taken over from `previous` by model id, tokens and what references
/// have read by provider id, homes by key id, keys of issuers by their URL, and clients from whoever uses them.
///
/// # Errors
/// Every problem that was found.
pub fn build(records: Records, previous: &Snapshot, connector: &Connector) -> Result<Snapshot, Vec<Error>> {
    let mut problems = Vec::new();
    let keepers = references::keepers(&records, previous, connector).unwrap_or_else(|found| {
        problems.extend(found.into_iter().map(broken));
        BTreeMap::new()
    });
    let upstreams = upstreams(&records, previous, &keepers, connector, &mut problems);
    let groups = groups(&records, &upstreams, previous, &mut problems);
    let keys = keys(&records, previous, &mut problems);
    let issuers = issuers(&records, previous, connector, &mut problems);
    if problems.is_empty() {
        let access = Access::of(&records);
        Ok(Snapshot {
            revision: records.revision,
            records: Arc::new(records),
            upstreams,
            keepers,
            groups,
            keys,
            issuers,
            access,
        })
    } else {
        Err(problems)
    }
}

fn upstreams(
    records: &Records,
    previous: &Snapshot,
    keepers: &BTreeMap<String, Arc<Keeper>>,
    connector: &Connector,
    problems: &mut Vec<Error>,
) -> BTreeMap<String, Arc<Upstream>> {
    let mut names = HashSet::new();
    let mut upstreams = BTreeMap::new();
    for (id, stored) in &records.providers {
        let name = &stored.provider.name;
        if !names.insert(name) {
            problems.push(broken(format!("the name \"{name}\" is used by two providers")));
        }
        match upstream(stored, connector) {
            Ok(mut upstream) => {
                let row = upstream.provider_type;
                let mut referenced = references::referenced(stored, row, records, keepers, connector);
                if let Some(before) = previous.upstreams.get(id) {
                    let same_login = same_login(before, &upstream);
                    if same_login {
                        upstream.token = Arc::clone(&before.token);
                    }
                    let old = before.referenced.as_ref();
                    referenced = referenced.map(|new| match old {
                        Some(old) => new.following(old, same_login),
                        None => new,
                    });
                }
                upstream.referenced = referenced.map(Arc::new);
                upstreams.insert(id.clone(), Arc::new(upstream));
            }
            Err(why) => problems.push(broken(format!("provider \"{name}\": {why}"))),
        }
    }
    upstreams
}

fn upstream(stored: &StoredProvider, connector: &Connector) -> Result<Upstream, String> {
    let provider = &stored.provider;
    let provider_type = provider_type(&provider.r#type).map_err(|error| error.message().to_owned())?;
    let endpoint = provider_type.endpoint;
    let mut settings = provider.settings.clone();
    let base_url = match endpoint.address(&provider.base_url, &settings) {
        Some(address) => {
            if matches!(endpoint, Endpoint::Named { .. }) {
                settings.insert(BASE_URL.to_owned(), address.clone().into_owned());
            }
            address
        }
        None if matches!(endpoint, Endpoint::BuiltIn(_)) => NOWHERE.into(),
        None => return Err("base_url is missing".into()),
    };
    let parse = |address: &str| Url::parse(address).map_err(|cause| format!("base_url is no URL: {cause}"));
    let control_url = parse(&endpoint.control_address(&base_url))?;
    let base_url = parse(&base_url)?;
    let mut headers = HeaderMap::with_capacity(provider.headers.len());
    for (name, value) in &provider.headers {
        let wrong = || format!("header \"{name}\" cannot be sent");
        let header = HeaderName::try_from(name).map_err(|_| wrong())?;
        headers.insert(header, HeaderValue::try_from(value).map_err(|_| wrong())?);
    }
    Ok(Upstream {
        id: provider.id.clone(),
        name: provider.name.clone(),
        provider_type,
        base_url,
        control_url,
        settings,
        headers,
        credential: stored.credential.clone(),
        token: Arc::default(),
        referenced: None,
        client: connector.client(stored).map_err(|error| error.to_string())?,
    })
}

/// Whether the token of one is good for the other: it is for the same credential and comes from the same place. What is
/// referred to has its own tokens, whose places are compared alike.
fn same_login(one: &Upstream, other: &Upstream) -> bool {
    (&one.credential, &one.base_url, &one.settings) == (&other.credential, &other.base_url, &other.settings)
}

fn groups(
    records: &Records,
    upstreams: &BTreeMap<String, Arc<Upstream>>,
    previous: &Snapshot,
    problems: &mut Vec<Error>,
) -> HashMap<String, Arc<Group>> {
    let old: HashMap<&str, &Arc<Live>> = previous
        .groups
        .values()
        .flat_map(|group| &group.targets)
        .map(|target| (target.model_id.as_str(), &target.live))
        .collect();
    let mut aliases_of_providers = HashSet::new();
    let mut by_alias: HashMap<&str, Vec<Arc<Target>>> = HashMap::new();
    let mut by_id = HashMap::new();
    let mut by_upstream_id: HashMap<&str, Vec<Arc<Target>>> = HashMap::new();
    for (id, model) in &records.models {
        if !model.alias.is_empty() && !aliases_of_providers.insert((&model.provider, &model.alias)) {
            problems.push(broken(format!("two models of one provider have the alias \"{}\"", model.alias)));
        }
        let Some(upstream) = upstreams.get(&model.provider) else {
            // A provider that could not be built is a problem of its own.
            if !records.providers.contains_key(&model.provider) {
                problems.push(broken(format!("model \"{id}\" belongs to a provider that is not there")));
            }
            continue;
        };
        let live = old.get(id.as_str()).map(|live| Arc::clone(live)).unwrap_or_default();
        match target(model, upstream, live) {
            Ok(target) => {
                let target = Arc::new(target);
                if !model.alias.is_empty() {
                    by_alias.entry(&model.alias).or_default().push(Arc::clone(&target));
                }
                by_upstream_id.entry(&model.upstream_id).or_default().push(Arc::clone(&target));
                by_id.insert(id.as_str(), vec![target]);
            }
            Err(why) => problems.push(broken(format!("model \"{id}\": {why}"))),
        }
    }
    // An alias hides an id, and an id an upstream id.
    let mut groups = by_upstream_id;
    groups.extend(by_id);
    groups.extend(by_alias);
    let group = |targets| Arc::new(Group { targets, ..Group::default() });
    groups.into_iter().map(|(name, targets)| (name.to_owned(), group(targets))).collect()
}

fn target(model: &Model, upstream: &Arc<Upstream>, live: Arc<Live>) -> Result<Target, &'static str> {
    let weight = u32::try_from(model.weight.unwrap_or(1)).unwrap_or(0);
    if !(1..=1000).contains(&weight) {
        return Err("its weight is not from 1 to 1000");
    }
    if model.upstream_id.is_empty() {
        return Err("its upstream_id is missing");
    }
    let name = if model.alias.is_empty() { &model.upstream_id } else { &model.alias };
    Ok(Target {
        model_id: model.id.clone(),
        model_name: name.clone(),
        upstream_id: model.upstream_id.clone(),
        upstream: Arc::clone(upstream),
        weight,
        live,
    })
}

fn keys(records: &Records, previous: &Snapshot, problems: &mut Vec<Error>) -> HashMap<[u8; 32], Key> {
    let mut names = HashSet::new();
    let mut keys = HashMap::with_capacity(records.keys.len());
    for stored in records.keys.values() {
        let name = &stored.key.name;
        if !names.insert(name) {
            problems.push(broken(format!("the name \"{name}\" is used by two API keys")));
        }
        let homes = previous.records.keys.get(&stored.key.id).and_then(|old| previous.keys.get(&old.hash));
        let homes = homes.map(|old| Arc::clone(&old.homes)).unwrap_or_default();
        let key = match key(stored, homes) {
            Ok(key) => key,
            Err(why) => {
                problems.push(broken(format!("API key \"{name}\": {why}")));
                continue;
            }
        };
        let before = stored.previous.map(|hash| (hash, Key { expires: until(stored, &key), ..key.clone() }));
        for (hash, key) in [Some((stored.hash, key)), before].into_iter().flatten() {
            match keys.entry(hash) {
                Entry::Vacant(place) => {
                    place.insert(key);
                }
                Entry::Occupied(_) => {
                    problems.push(broken(format!("API key \"{name}\" has the secret of another one")));
                }
            }
        }
    }
    keys
}

/// Until when the secret before the last rotation is good.
fn until(stored: &StoredKey, key: &Key) -> Option<SystemTime> {
    let previous =
        stored.key.previous_secret_expire_time.as_ref().and_then(proto::time).unwrap_or(UNIX_EPOCH);
    Some(key.expires.map_or(previous, |expires| expires.min(previous)))
}

fn key(stored: &StoredKey, homes: Arc<Homes>) -> Result<Key, &'static str> {
    let role = match AccessRole::try_from(stored.key.role) {
        Ok(role @ (AccessRole::Admin | AccessRole::Manage | AccessRole::User | AccessRole::Audit)) => role,
        Ok(AccessRole::Unspecified) | Err(_) => return Err("its role is unknown"),
    };
    let expires = match &stored.key.expire_time {
        Some(expires) => Some(proto::time(expires).ok_or("its expire_time is no time")?),
        None => None,
    };
    let caller = Caller {
        id: stored.key.id.clone(),
        name: stored.key.name.clone(),
        role,
        groups: stored.key.groups.clone(),
        issuer: String::new(),
    };
    Ok(Key { caller: Arc::new(caller), disabled: stored.key.disabled, expires, homes })
}

fn broken(message: String) -> Error {
    Error::new(Reason::FailedPrecondition, message)
}

// === impl Connector ===

impl Connector {
    /// One whose references may read nothing on this machine.
    #[must_use]
    pub fn new(sealer: Arc<Sealer>) -> Self {
        let (local, secret_reads) = (LocalSecrets::default(), SecretReads::default());
        Self { clients: Clients::default(), sealer, local, secret_reads }
    }

    fn client(&self, stored: &StoredProvider) -> Result<Client> {
        let Some(connection) = &stored.provider.connection else {
            return self.clients.get(&Way::default());
        };
        let credential = match &stored.credential {
            Some(sealed) => Credential::open(Owner::Provider(&stored.provider.id), &self.sealer, sealed)?,
            None => Credential::default(),
        };
        self.clients.get(&Way::of(connection, |name| credential.get(name).cloned()))
    }
}
