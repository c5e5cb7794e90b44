//! The requests of an export, in an order in which they can be applied.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
    time::SystemTime,
};

use serde::Serialize;
use serde_json::{Value, json};

use super::{names::Names, stock::Stock};
use crate::{
    admin::{
        bootstrap,
        seed::{SCHEMA, escape},
    },
    clock::Clock,
    proto::{
        self,
        v1::{ApiKey, Model, Policy, Provider, RateLimit, SecretManager, credential},
    },
};

/// It is made at build, and always JSON.
static SEED: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(SCHEMA).unwrap_or_default());

/// What an export holds.
#[derive(Default)]
pub(super) struct Requests {
    pub list: Vec<Value>,
    /// Variables that stand for secrets, in the order of the file, and what each holds.
    pub variables: Vec<(String, String)>,
    /// What a seed file cannot say.
    pub left_out: Vec<String>,
}

/// Whose secrets they are: in the names of variables, and for people.
#[derive(Clone, Copy)]
struct Owner<'a> {
    kind: &'a str,
    title: &'a str,
    name: &'a str,
}

type Result<T = ()> = serde_json::Result<T>;

// === impl Requests ===

impl Requests {
    pub(super) fn of(stock: &Stock) -> Result<Self> {
        let names = Names::of(stock);
        let now = Clock::real().now();
        let mut requests = Self::default();
        requests.list.push(json!({"updateTenant": {"tenant": resource("Tenant", &stock.tenant)?}}));
        for manager in &stock.secret_managers {
            requests.secret_manager(manager)?;
        }
        for provider in &stock.providers {
            requests.provider(provider, &names)?;
        }
        let mut seen = BTreeSet::new();
        for model in &stock.models {
            if seen.insert((&model.provider, &model.upstream_id, &model.alias)) {
                requests.model(model)?;
            } else {
                let message =
                    "is a second one of its provider, upstream id and alias; give it an alias of its own";
                requests.left_out.push(format!("model {} {message}", model.id));
            }
        }
        for issuer in &stock.issuers {
            requests.list.push(json!({"createIssuer": {"issuer": resource("Issuer", issuer)?}}));
        }
        for key in stock.keys.iter().filter(|key| key.name != bootstrap::NAME) {
            requests.key(key, now)?;
        }
        for policy in &stock.policies {
            requests.policy(policy, &names)?;
        }
        for limit in &stock.rate_limits {
            requests.rate_limit(limit, &names)?;
        }
        Ok(requests)
    }

    fn secret_manager(&mut self, manager: &SecretManager) -> Result {
        let mut wanted = resource("SecretManager", manager)?;
        let owner = Owner { kind: "SECRET_MANAGER", title: "secret manager", name: &manager.name };
        self.credential(&mut wanted, owner, &manager.credential_hint);
        self.list.push(json!({"createSecretManager": {"secretManager": wanted}}));
        Ok(())
    }

    fn provider(&mut self, provider: &Provider, names: &Names<'_>) -> Result {
        let mut named = provider.clone();
        if let Some(credential::Source::Reference(reference)) =
            named.credential.as_mut().and_then(|credential| credential.source.as_mut())
        {
            reference.manager = names.manager(&reference.manager).to_owned();
        }
        let mut wanted = resource("Provider", &named)?;
        let owner = Owner { kind: "PROVIDER", title: "provider", name: &provider.name };
        self.credential(&mut wanted, owner, &provider.credential_hint);
        if let Some(connection) = &provider.connection {
            wanted["connection"] = resource("Connection", connection)?;
            self.credential(&mut wanted["connection"], owner, &connection.credential_hint);
        }
        self.list.push(json!({"createProvider": {"provider": wanted}}));
        Ok(())
    }

    /// Puts variables in place of the secrets that are stored.
    fn credential(&mut self, wanted: &mut Value, owner: Owner<'_>, hints: &BTreeMap<String, String>) {
        if hints.is_empty() {
            return;
        }
        let Owner { kind, title, name } = owner;
        let values: serde_json::Map<_, _> = hints
            .keys()
            .map(|secret| {
                let meaning = format!("{secret} of {title} \"{name}\"");
                (secret.clone(), self.variable(&[kind, name, secret], meaning))
            })
            .collect();
        wanted["credential"] = json!({"inline": {"values": values}});
    }

    fn model(&mut self, model: &Model) -> Result {
        let mut wanted = resource("Model", model)?;
        wanted["provider"] = escape(&model.provider_name).into();
        self.list.push(json!({"createModel": {"model": wanted}}));
        Ok(())
    }

    fn key(&mut self, key: &ApiKey, now: SystemTime) -> Result {
        let expires = key.expire_time.as_ref().and_then(proto::time);
        if expires.is_some_and(|expires| expires <= now) {
            self.left_out.push(format!("API key \"{}\" has expired", key.name));
            return Ok(());
        }
        let wanted = resource("ApiKey", key)?;
        let meaning = format!("secret of API key \"{}\"", key.name);
        let secret = self.variable(&["API_KEY", &key.name, "SECRET"], meaning);
        self.list.push(json!({"createApiKey": {"apiKey": wanted, "secret": secret}}));
        Ok(())
    }

    fn policy(&mut self, policy: &Policy, names: &Names<'_>) -> Result {
        match names.resource(policy) {
            Ok(name) => {
                let wanted = resource("Policy", &Policy { resource: name, ..policy.clone() })?;
                self.list.push(json!({"createPolicy": {"policy": wanted}}));
            }
            Err(why) => self.left_out.push(format!("policy {}: {why}", policy.id)),
        }
        Ok(())
    }

    fn rate_limit(&mut self, limit: &RateLimit, names: &Names<'_>) -> Result {
        let mut named = limit.clone();
        let found = match (limit.provider.as_str(), limit.model.as_str()) {
            ("", "") => Ok(()),
            ("", id) => names.model(id).map(|name| named.model = name),
            (id, _) => names.provider(id).map(|name| named.provider = name),
        };
        match found {
            Ok(()) => {
                let wanted = resource("RateLimit", &named)?;
                self.list.push(json!({"createRateLimit": {"rateLimit": wanted}}));
            }
            Err(why) => self.left_out.push(format!("rate limit {}: {why}", limit.id)),
        }
        Ok(())
    }

    /// A reference to a variable that no other secret has.
    fn variable(&mut self, parts: &[&str], meaning: String) -> Value {
        let upper =
            |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' };
        let name: String = format!("sluicegate_{}", parts.join("_")).chars().map(upper).collect();
        let mut free = name.clone();
        let mut count = 1;
        while self.variables.iter().any(|(taken, _)| *taken == free) {
            count += 1;
            free = format!("{name}_{count}");
        }
        let reference = format!("${{{free}}}").into();
        self.variables.push((free, meaning));
        reference
    }
}

/// A resource without what only the server says of it, as a seed file has it.
fn resource(message: &str, resource: &impl Serialize) -> Result<Value> {
    let mut value = serde_json::to_value(resource)?;
    let properties = &SEED["definitions"][message]["properties"];
    if let Some(members) = value.as_object_mut() {
        members.retain(|name, _| properties[name]["readOnly"] != true && name != "etag");
    }
    escape_all(&mut value);
    Ok(value)
}

fn escape_all(value: &mut Value) {
    match value {
        Value::String(text) => *text = escape(text),
        Value::Array(values) => values.iter_mut().for_each(escape_all),
        Value::Object(members) => members.values_mut().for_each(escape_all),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
