//! The seed file: administration requests as JSON, applied at start as often as the gateway starts.
//!
//! `[{"createProvider": {"provider": {...}}}, {"createModel": {...}}, {"createApiKey": {...}}]`: the messages of the API
//! in proto3 JSON. `${NAME}` inside a string is replaced by a variable of the environment; `$${` stands for `${`. What is
//! named is created or brought into the stated form; what is not named is left alone. All of it is one commit.

use std::time::SystemTime;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{
    find, key_plan, model_plan,
    provider_plan::{self, Wanted},
};
use crate::{
    clock::Clock,
    error::{Error, Reason, Result},
    proto::v1::{CreateApiKeyRequest, CreateModelRequest, CreateProviderRequest, Model},
    secret::Secret,
    secrets::{KeyHasher, Sealer},
    state::{Change, Records, State},
};

/// One request of a seed file.
enum Entry {
    Provider(Box<Wanted>),
    Model(Box<Model>),
    Key(Box<CreateApiKeyRequest>),
}

/// What planning needs beside the records.
struct Planner<'a> {
    sealer: &'a Sealer,
    hasher: &'a KeyHasher,
    now: SystemTime,
}

/// Applies a seed file and returns the revision now live. Where everything is as stated already, nothing is committed.
///
/// # Errors
/// Every problem, each with the index of its request, e.g. `[2].createModel.model.provider`. Then nothing is applied.
pub async fn apply(
    text: &str,
    lookup: &(dyn Fn(&str) -> Option<String> + Sync),
    state: &State,
    sealer: &Sealer,
    hasher: &KeyHasher,
    clock: &Clock,
) -> Result<i64, Vec<Error>> {
    let entries = read(text, lookup)?;
    let planner = Planner { sealer, hasher, now: clock.now() };
    let mut problems = Vec::new();
    let outcome = state
        .change(|records| {
            let (changes, found) = planner.plan(records, entries);
            if found.is_empty() {
                let count = changes.len();
                return Ok((changes, count));
            }
            problems = found;
            Err(Error::new(Reason::InvalidRequest, "the seed file has problems"))
        })
        .await;
    match outcome {
        Ok((count, revision)) => {
            tracing::info!(changes = count, revision, "the seed file was applied");
            Ok(revision)
        }
        Err(error) if problems.is_empty() => Err(vec![error]),
        Err(_) => Err(problems),
    }
}

// === reading ===

fn read(
    text: &str,
    lookup: &(dyn Fn(&str) -> Option<String> + Sync),
) -> Result<Vec<(String, Entry)>, Vec<Error>> {
    let list: Vec<Value> = serde_json::from_str(text).map_err(|cause| {
        vec![Error::new(
            Reason::InvalidRequest,
            format!("the seed file is no JSON list of requests: {cause}"),
        )]
    })?;
    let mut entries = Vec::new();
    let mut problems = Vec::new();
    for (index, value) in list.into_iter().enumerate() {
        match read_entry(index, value, lookup, &mut problems) {
            Ok(entry) => entries.extend(entry),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(entries) } else { Err(problems) }
}

/// One request with its place. Missing variables are all added to `problems`.
fn read_entry(
    index: usize,
    value: Value,
    lookup: &(dyn Fn(&str) -> Option<String> + Sync),
    problems: &mut Vec<Error>,
) -> Result<Option<(String, Entry)>> {
    let (name, mut body) = single(value).ok_or_else(|| {
        Error::invalid(
            format!("[{index}]"),
            "must be an object with one member: createProvider, createModel or createApiKey",
        )
    })?;
    let at = format!("[{index}].{name}");
    let before = problems.len();
    let written = body.clone();
    substitute(&at, &mut body, lookup, problems);
    if problems.len() > before {
        return Ok(None);
    }
    let entry = match name.as_str() {
        "createProvider" => {
            let request: CreateProviderRequest = message(&at, body, written)?;
            Entry::Provider(Box::new(Wanted::new(request.provider).map_err(|error| within(&at, &error))?))
        }
        "createModel" => {
            let request: CreateModelRequest = message(&at, body, written)?;
            let model = request.model.ok_or_else(|| Error::invalid(format!("{at}.model"), "is required"))?;
            Entry::Model(Box::new(model))
        }
        "createApiKey" => Entry::Key(Box::new(message(&at, body, written)?)),
        _ => {
            return Err(Error::invalid(
                at,
                "is no request of a seed; use createProvider, createModel or createApiKey",
            ));
        }
    };
    Ok(Some((at, entry)))
}

fn single(value: Value) -> Option<(String, Value)> {
    let Value::Object(members) = value else { return None };
    let mut members = Map::into_iter(members);
    let only = members.next()?;
    members.next().is_none().then_some(only)
}

/// Reads a message. What is said of a wrong one comes from the file as it is written: the reader quotes values, and those
/// of variables may be secret.
fn message<M: DeserializeOwned>(at: &str, body: Value, written: Value) -> Result<M> {
    serde_json::from_value(body).map_err(|_| {
        let cause = serde_json::from_value::<M>(written).err();
        let said = cause.map(|cause| cause.to_string());
        Error::invalid(at, said.unwrap_or_else(|| "has a variable whose value does not fit its place".into()))
    })
}

/// Replaces the variables in every string below `value`.
fn substitute(
    at: &str,
    value: &mut Value,
    lookup: &(dyn Fn(&str) -> Option<String> + Sync),
    problems: &mut Vec<Error>,
) {
    match value {
        Value::String(text) => match expand(text, lookup) {
            Ok(expanded) => *text = expanded,
            Err(why) => problems.push(Error::invalid(at, why)),
        },
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                substitute(&format!("{at}[{index}]"), item, lookup, problems);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                substitute(&format!("{at}.{name}"), member, lookup, problems);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn expand(text: &str, lookup: &(dyn Fn(&str) -> Option<String> + Sync)) -> Result<String, String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(escaped) = before.strip_suffix('$') {
            expanded.push_str(escaped);
            expanded.push_str("${");
            rest = after;
            continue;
        }
        let (name, after) =
            after.split_once('}').ok_or("has a ${ without its }; write $${ for the characters ${")?;
        let value = lookup(name).ok_or_else(|| format!("the environment variable {name} is not set"))?;
        expanded.push_str(before);
        expanded.push_str(&value);
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// The error of a plan, placed in the file.
fn within(at: &str, error: &Error) -> Error {
    let field = match error.detail().field.as_deref() {
        // As proto3 JSON writes it.
        Some(field) => match field.strip_prefix("api_key") {
            Some(rest) => format!("{at}.apiKey{rest}"),
            None => format!("{at}.{field}"),
        },
        None => at.to_owned(),
    };
    Error::new(error.reason(), error.message()).field(field)
}

// === impl Planner ===

impl Planner<'_> {
    /// The changes that the entries make, each planned on top of those before it, and every problem.
    fn plan(&self, records: &Records, entries: Vec<(String, Entry)>) -> (Vec<Change>, Vec<Error>) {
        let mut records = records.clone();
        let mut changes = Vec::new();
        let mut problems = Vec::new();
        let mut named: Vec<(String, String)> = Vec::new();
        for (at, entry) in entries {
            let name = entry.name(&records);
            if let Some((_, first)) = named.iter().find(|(other, _)| *other == name) {
                problems.push(Error::invalid(at, format!("states the same as {first}; keep one of them")));
                continue;
            }
            named.push((name, at.clone()));
            match self.change(&records, entry) {
                Ok(Some(change)) => {
                    records.apply(change.clone());
                    changes.push(change);
                }
                Ok(None) => {}
                Err(error) => problems.push(within(&at, &error)),
            }
        }
        (changes, problems)
    }

    fn change(&self, records: &Records, entry: Entry) -> Result<Option<Change>> {
        let now = self.now;
        Ok(match entry {
            Entry::Provider(wanted) => {
                let stored = match find::provider_by_name(records, &wanted.provider.name) {
                    None => Some(provider_plan::create(records, *wanted, self.sealer, now)?),
                    Some(stored) => provider_plan::reconcile(records, stored, *wanted, self.sealer, now)?,
                };
                stored.map(|stored| Change::PutProvider(Box::new(stored)))
            }
            Entry::Model(model) => {
                let provider = &find::provider(records, "model.provider", &model.provider)?.provider.id;
                let fits = |stored: &&Model| {
                    stored.provider == *provider
                        && stored.upstream_id == model.upstream_id
                        && stored.alias == model.alias
                };
                let model = match records.models.values().filter(fits).min_by_key(|stored| find::age(stored))
                {
                    None => Some(model_plan::create(records, *model, now)?),
                    Some(stored) => model_plan::reconcile(records, stored, *model, now)?,
                };
                model.map(|model| Change::PutModel(Box::new(model)))
            }
            Entry::Key(request) => self.key(records, *request)?,
        })
    }

    fn key(&self, records: &Records, request: CreateApiKeyRequest) -> Result<Option<Change>> {
        let key = request.api_key.ok_or_else(|| Error::invalid("api_key", "is required"))?;
        let secret = Secret::new(request.secret);
        if secret.expose().is_empty() {
            return Err(Error::invalid(
                "secret",
                "is required in a seed file: one made here could not be shown",
            ));
        }
        key_plan::check_secret("secret", &secret)?;
        let stored = match find::key_by_name(records, &key.name) {
            None => Some(key_plan::create(records, key, &secret, self.hasher, self.now)?),
            Some(stored) => key_plan::reconcile(records, stored, key, &secret, self.hasher, self.now)?,
        };
        Ok(stored.map(|stored| Change::PutKey(Box::new(stored))))
    }
}

// === impl Entry ===

impl Entry {
    /// What tells it from other entries.
    fn name(&self, records: &Records) -> String {
        match self {
            Self::Provider(wanted) => format!("provider {}", wanted.provider.name),
            Self::Model(model) => {
                // Id and name of one provider are the same.
                let provider = find::provider(records, "", &model.provider);
                let provider = provider.map_or(model.provider.as_str(), |stored| &stored.provider.id);
                format!("model {provider} {} {}", model.upstream_id, model.alias)
            }
            Self::Key(request) => {
                format!("key {}", request.api_key.as_ref().map_or("", |key| key.name.as_str()))
            }
        }
    }
}
