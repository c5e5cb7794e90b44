//! Names in place of ids, as another gateway has other ids.

use std::collections::BTreeMap;

use crate::proto::v1::{Model, Policy};

use super::stock::Stock;

/// What resources are called.
pub(super) struct Names<'a> {
    stock: &'a Stock,
    managers: BTreeMap<&'a str, &'a str>,
    providers: BTreeMap<&'a str, &'a str>,
    models: BTreeMap<&'a str, &'a Model>,
}

// === impl Names ===

impl<'a> Names<'a> {
    pub(super) fn of(stock: &'a Stock) -> Self {
        let managers =
            stock.secret_managers.iter().map(|manager| (manager.id.as_str(), manager.name.as_str()));
        let providers = stock.providers.iter().map(|provider| (provider.id.as_str(), provider.name.as_str()));
        let models = stock.models.iter().map(|model| (model.id.as_str(), model));
        Self { stock, managers: managers.collect(), providers: providers.collect(), models: models.collect() }
    }

    /// The name of a secret manager. One that is not known keeps its id.
    pub(super) fn manager<'b>(&'b self, id: &'b str) -> &'b str {
        self.managers.get(id).copied().unwrap_or(id)
    }

    /// The name of a provider. An error says why there is none.
    pub(super) fn provider(&self, id: &str) -> Result<String, String> {
        let name = self.providers.get(id).ok_or_else(|| format!("there is no provider {id}"))?;
        Ok((*name).to_owned())
    }

    /// The alias or upstream id that fits only this model. An error says why there is none.
    pub(super) fn model(&self, id: &str) -> Result<String, String> {
        let model = self.models.get(id).ok_or_else(|| format!("there is no model {id}"))?;
        let known = |name: &str| {
            let aliased = self.stock.models.iter().filter(|other| other.alias == name).count();
            let named = self.stock.models.iter().filter(|other| other.upstream_id == name).count();
            (aliased, named)
        };
        if !model.alias.is_empty() && known(&model.alias).0 == 1 {
            return Ok(model.alias.clone());
        }
        if known(&model.upstream_id) == (0, 1) {
            return Ok(model.upstream_id.clone());
        }
        Err(format!("model {id} has no name of its own; give it an alias of its own"))
    }

    /// What a policy is about, by name.
    pub(super) fn resource(&self, policy: &Policy) -> Result<String, String> {
        let resource = &policy.resource;
        match resource.split_once(':') {
            None | Some((_, "*")) => Ok(resource.clone()),
            Some((kind @ "provider", id)) => Ok(format!("{kind}:{}", self.provider(id)?)),
            Some((kind @ "model", id)) => Ok(format!("{kind}:{}", self.model(id)?)),
            Some(_) => Err(format!("{resource} has an id that other gateways do not know")),
        }
    }
}
