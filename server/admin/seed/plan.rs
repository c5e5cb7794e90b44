//! From the requests of a seed file to changes of the records.

use std::{
    collections::{HashMap, HashSet},
    time::SystemTime,
};

use super::{
    entry::{Entry, Name, Request},
    problem::{Mark, Problem},
};
use crate::{
    admin::{
        find, issuer_plan, key_plan, model_plan, policy_plan, provider_plan, rate_limit_plan,
        secret_manager_plan, sight::Sight, tenant_plan,
    },
    error::{Error, Reason, Result},
    proto::v1::{AccessRole, CreateApiKeyRequest, Model, Policy, RateLimit},
    secret::Secret,
    secrets::{KeyHasher, Sealer},
    state::{Caller, Change, Records},
};

/// What planning needs beside the records.
pub(super) struct Planner<'a> {
    pub sealer: &'a Sealer,
    pub hasher: &'a KeyHasher,
    pub now: SystemTime,
}

/// Where a plan stands.
struct Progress<'a> {
    records: Records,
    changes: Vec<Change>,
    problems: Vec<Problem>,
    /// What entries have stated, and where.
    stated: HashMap<String, Mark>,
    /// How many rate limits of each scope were stated.
    limits: HashMap<String, usize>,
    /// The first place that makes what is called so.
    made: HashMap<&'a Name, usize>,
    /// What is called so cannot be planned, which is told already.
    broken: HashSet<&'a Name>,
}

// === impl Planner ===

impl Planner<'_> {
    /// The changes that the entries make, each planned on top of those before it, and every problem.
    pub(super) fn plan(&self, records: &Records, entries: &mut [Entry<'_>]) -> (Vec<Change>, Vec<Problem>) {
        let requests: Vec<_> = entries.iter_mut().map(|entry| entry.request.take()).collect();
        let mut progress = Progress::new(records, entries);
        for (index, request) in requests.into_iter().enumerate() {
            let entry = &entries[index];
            let Some(request) = request else {
                progress.broken.extend(&entry.names);
                continue;
            };
            match self.change(&mut progress, entry, request) {
                Ok(Some(change)) => {
                    progress.records.apply(change.clone());
                    progress.changes.push(change);
                }
                Ok(None) => {}
                Err(error) => {
                    let problem = progress.problem(entries, index, &error);
                    progress.problems.extend(problem);
                    progress.broken.extend(&entry.names);
                }
            }
        }
        (progress.changes, progress.problems)
    }

    fn change(
        &self,
        progress: &mut Progress<'_>,
        entry: &Entry<'_>,
        request: Request,
    ) -> Result<Option<Change>> {
        let now = self.now;
        if let Some(name) = identity(&progress.records, &request)? {
            progress.state(entry, name)?;
        }
        let records = &progress.records;
        Ok(match request {
            Request::SecretManager(wanted) => {
                let caller = caller();
                let sight = Sight::over(records, &caller);
                let stored = match find::secret_manager_by_name(records, &wanted.manager.name) {
                    None => Some(secret_manager_plan::create(&sight, *wanted, self.sealer, now)?),
                    Some(stored) => {
                        secret_manager_plan::reconcile(&sight, stored, *wanted, self.sealer, now)?
                    }
                };
                stored.map(|stored| Change::PutSecretManager(Box::new(stored)))
            }
            Request::Provider(wanted) => {
                let caller = caller();
                let sight = Sight::over(records, &caller);
                let stored = match find::provider_by_name(records, &wanted.provider.name) {
                    None => Some(provider_plan::create(&sight, *wanted, self.sealer, now)?),
                    Some(stored) => provider_plan::reconcile(&sight, stored, *wanted, self.sealer, now)?,
                };
                stored.map(|stored| Change::PutProvider(Box::new(stored)))
            }
            Request::Model(model) => {
                let model = match stored_model(records, &model)? {
                    None => Some(model_plan::create(records, *model, now)?),
                    Some(stored) => model_plan::reconcile(records, stored, *model, now)?,
                };
                model.map(|model| Change::PutModel(Box::new(model)))
            }
            Request::Issuer(issuer) => {
                let issuer = match find::issuer_by_name(records, &issuer.name) {
                    None => Some(issuer_plan::create(records, *issuer, now)?),
                    Some(stored) => issuer_plan::reconcile(records, stored, *issuer, now)?,
                };
                issuer.map(|issuer| Change::PutIssuer(Box::new(issuer)))
            }
            Request::Key(request) => self.key(records, *request)?,
            Request::Policy(policy) => {
                let caller = caller();
                let sight = Sight::over(records, &caller);
                let (policy, changed) = policy_plan::reconcile(&sight, *policy, now)?;
                let Policy { subject, action, resource, effect, .. } = &policy;
                progress.state(entry, format!("policy {subject} {action} {resource} {effect}"))?;
                changed.then(|| Change::PutPolicy(Box::new(policy)))
            }
            Request::RateLimit(limit) => self.rate_limit(progress, *limit)?,
            Request::Tenant(tenant) => {
                let tenant = tenant_plan::reconcile(records, *tenant, now)?;
                tenant.map(|tenant| Change::PutTenant(Box::new(tenant)))
            }
        })
    }

    fn key(&self, records: &Records, request: CreateApiKeyRequest) -> Result<Option<Change>> {
        let key = request.api_key.ok_or_else(|| Error::invalid("api_key", "is required"))?;
        let secret = Secret::new(request.secret);
        if secret.expose().is_empty() {
            let message = "is required in a seed file: one made here could not be shown";
            return Err(Error::invalid("secret", message));
        }
        key_plan::check_secret("secret", &secret)?;
        let stored = match find::key_by_name(records, &key.name) {
            None => Some(key_plan::create(records, key, &secret, self.hasher, self.now)?),
            Some(stored) => key_plan::reconcile(records, stored, key, &secret, self.hasher, self.now)?,
        };
        Ok(stored.map(|stored| Change::PutKey(Box::new(stored))))
    }

    /// The n-th limit of one scope is brought into the form of the n-th stored one: limits have no names.
    fn rate_limit(&self, progress: &mut Progress<'_>, limit: RateLimit) -> Result<Option<Change>> {
        let caller = caller();
        let records = &progress.records;
        let sight = Sight::over(records, &caller);
        let wanted = rate_limit_plan::create(&sight, limit.clone(), self.now)?;
        let scope = |limit: &RateLimit| format!("{} {}{}", limit.r#type, limit.provider, limit.model);
        let place = progress.limits.entry(scope(&wanted)).or_default();
        // Their ids sort by age.
        let mut stored = records.rate_limits.values().filter(|stored| scope(stored) == scope(&wanted));
        let limit = match stored.nth(*place) {
            None => Some(wanted),
            Some(stored) => rate_limit_plan::reconcile(&sight, stored, limit, self.now)?,
        };
        *place += 1;
        Ok(limit.map(|limit| Change::PutRateLimit(Box::new(limit))))
    }
}

/// Who owns the file owns the gateway.
fn caller() -> Caller {
    Caller { name: "seed file".to_owned(), role: AccessRole::Admin, ..Caller::default() }
}

/// What tells it from other entries. `None`: that shows only when it is planned, or there may be several.
fn identity(records: &Records, request: &Request) -> Result<Option<String>> {
    Ok(match request {
        Request::SecretManager(wanted) => Some(format!("secret manager {}", wanted.manager.name)),
        Request::Provider(wanted) => Some(format!("provider {}", wanted.provider.name)),
        Request::Model(model) => {
            let provider = &find::provider(records, "model.provider", &model.provider)?.provider.id;
            Some(format!("model {provider} {} {}", model.upstream_id, model.alias))
        }
        Request::Issuer(issuer) => Some(format!("issuer {}", issuer.name)),
        Request::Key(request) => request.api_key.as_ref().map(|key| format!("key {}", key.name)),
        Request::Tenant(_) => Some("tenant".to_owned()),
        Request::Policy(_) | Request::RateLimit(_) => None,
    })
}

fn stored_model<'a>(records: &'a Records, wanted: &Model) -> Result<Option<&'a Model>> {
    let provider = &find::provider(records, "model.provider", &wanted.provider)?.provider.id;
    let fits = |stored: &&Model| {
        stored.provider == *provider
            && stored.upstream_id == wanted.upstream_id
            && stored.alias == wanted.alias
    };
    Ok(records.models.values().filter(fits).min_by_key(|stored| find::age(stored)))
}

// === impl Progress ===

impl<'a> Progress<'a> {
    fn new(records: &Records, entries: &'a [Entry<'_>]) -> Self {
        let mut made = HashMap::new();
        for (index, entry) in entries.iter().enumerate() {
            for name in &entry.names {
                made.entry(name).or_insert(index);
            }
        }
        Self {
            records: records.clone(),
            changes: Vec::new(),
            problems: Vec::new(),
            stated: HashMap::new(),
            limits: HashMap::new(),
            made,
            broken: HashSet::new(),
        }
    }

    fn state(&mut self, entry: &Entry<'_>, what: String) -> Result<()> {
        match self.stated.insert(what, entry.node.at) {
            None => Ok(()),
            Some(Mark { line, .. }) => {
                let message = format!("states the same as the entry in line {line}; keep one of them");
                Err(Error::new(Reason::InvalidRequest, message))
            }
        }
    }

    /// What to tell of an entry that cannot be planned. `None`: it only needs another that cannot.
    fn problem(&self, entries: &[Entry<'_>], index: usize, error: &Error) -> Option<Problem> {
        let mut problem = entries[index].problem(error);
        let (detail, missing) = (error.detail(), error.reason());
        let named = |name: &Option<String>| name.clone().map(|name| Name { missing, name });
        let name = if missing == Reason::SecretManagerNotFound {
            entries[index].manager.clone()
        } else if missing == Reason::ProviderNotFound {
            named(&detail.provider)
        } else {
            named(&detail.model)
        };
        let Some(name) = name else { return Some(problem) };
        if self.broken.contains(&name) {
            return None;
        }
        if let Some(maker) = self.made.get(&name).filter(|maker| **maker > index) {
            let line = entries[*maker].node.at.line;
            problem.message =
                format!("\"{}\" stands later in the file, in line {line}; put that before this", name.name);
        }
        Some(problem)
    }
}
