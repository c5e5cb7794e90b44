//! Finds what a request names.

use crate::{
    error::{Error, Reason, Result},
    proto::v1::{Issuer, Model},
    state::{Records, StoredKey, StoredManager, StoredProvider},
};

/// Ids shown when a name fits several models.
const SHOWN_IDS: usize = 5;

/// The provider of this id or name.
pub(super) fn provider<'a>(
    records: &'a Records,
    field: &str,
    id_or_name: &str,
) -> Result<&'a StoredProvider> {
    given(field, id_or_name, "give the id or the name of a provider")?;
    let found = records.providers.get(id_or_name).or_else(|| provider_by_name(records, id_or_name));
    found.ok_or_else(|| no_provider(field, id_or_name))
}

/// That there is no such provider, or none that the caller sees.
pub(super) fn no_provider(field: &str, id_or_name: &str) -> Error {
    let message =
        format!("provider \"{id_or_name}\" does not exist; list providers with ProviderAdmin.ListProviders");
    Error::new(Reason::ProviderNotFound, message).field(field).provider(id_or_name)
}

/// The provider of this name.
pub(super) fn provider_by_name<'a>(records: &'a Records, name: &str) -> Option<&'a StoredProvider> {
    records.providers.values().find(|stored| stored.provider.name == name)
}

/// The secret manager of this id or name.
pub(super) fn secret_manager<'a>(
    records: &'a Records,
    field: &str,
    id_or_name: &str,
) -> Result<&'a StoredManager> {
    given(field, id_or_name, "give the id or the name of a secret manager")?;
    let found =
        records.secret_managers.get(id_or_name).or_else(|| secret_manager_by_name(records, id_or_name));
    found.ok_or_else(|| {
        let message = format!(
            "secret manager \"{id_or_name}\" does not exist; list them with ProviderAdmin.ListSecretManagers"
        );
        Error::new(Reason::SecretManagerNotFound, message).field(field)
    })
}

/// The secret manager of this name.
pub(super) fn secret_manager_by_name<'a>(records: &'a Records, name: &str) -> Option<&'a StoredManager> {
    records.secret_managers.values().find(|stored| stored.manager.name == name)
}

/// The API key of this id or name.
pub(super) fn key<'a>(records: &'a Records, field: &str, id_or_name: &str) -> Result<&'a StoredKey> {
    given(field, id_or_name, "give the id or the name of an API key")?;
    let found = records.keys.get(id_or_name).or_else(|| key_by_name(records, id_or_name));
    found.ok_or_else(|| {
        Error::new(
            Reason::ApiKeyNotFound,
            format!("API key \"{id_or_name}\" does not exist; list keys with AccessAdmin.ListApiKeys"),
        )
        .field(field)
    })
}

/// The API key of this name.
pub(super) fn key_by_name<'a>(records: &'a Records, name: &str) -> Option<&'a StoredKey> {
    records.keys.values().find(|stored| stored.key.name == name)
}

/// The issuer of this id or name.
pub(super) fn issuer<'a>(records: &'a Records, field: &str, id_or_name: &str) -> Result<&'a Issuer> {
    given(field, id_or_name, "give the id or the name of an issuer")?;
    let found = records.issuers.get(id_or_name).or_else(|| issuer_by_name(records, id_or_name));
    found.ok_or_else(|| {
        Error::new(
            Reason::IssuerNotFound,
            format!("issuer \"{id_or_name}\" does not exist; list issuers with AccessAdmin.ListIssuers"),
        )
        .field(field)
    })
}

/// The issuer of this name.
pub(super) fn issuer_by_name<'a>(records: &'a Records, name: &str) -> Option<&'a Issuer> {
    records.issuers.values().find(|issuer| issuer.name == name)
}

/// The one of the models that `name` fits.
pub(super) fn only<'a>(field: &str, name: &str, fitting: &[&'a Model]) -> Result<&'a Model> {
    match fitting {
        [] => Err(no_model(field, name)),
        [only] => Ok(only),
        several => {
            let mut ids: Vec<_> = several.iter().take(SHOWN_IDS).map(|model| model.id.as_str()).collect();
            if several.len() > SHOWN_IDS {
                ids.push("...");
            }
            Err(Error::new(
                Reason::FailedPrecondition,
                format!("\"{name}\" fits {} models; give the id of one: {}", several.len(), ids.join(", ")),
            )
            .field(field)
            .model(name))
        }
    }
}

/// Where a model stands among all: by creation.
pub(super) fn age(model: &Model) -> String {
    let created = model.create_time.unwrap_or_default();
    format!("{:020}.{:09}.{}", created.seconds, created.nanos, model.id)
}

/// The models that `name` fits, of those that are seen.
pub(super) fn models<'a>(
    records: &'a Records,
    field: &str,
    name: &str,
    seen: impl Fn(&Model) -> bool,
) -> Result<Vec<&'a Model>> {
    given(field, name, "give the id, the alias or the upstream id of a model")?;
    if let Some(model) = records.models.get(name).filter(|model| seen(model)) {
        return Ok(vec![model]);
    }
    let named = |key: fn(&Model) -> &str| {
        let models = records.models.values();
        models.filter(|model| key(model) == name && seen(model)).collect::<Vec<_>>()
    };
    let by_alias = named(|model| &model.alias);
    Ok(if by_alias.is_empty() { named(|model| &model.upstream_id) } else { by_alias })
}

/// That there is no such model, or none that the caller sees.
pub(super) fn no_model(field: &str, name: &str) -> Error {
    Error::new(
        Reason::ModelNotFound,
        format!("model \"{name}\" is not in the catalog; list models with ModelCatalog.ListModels"),
    )
    .field(field)
    .model(name)
}

/// Refuses a name that is not said.
pub(super) fn given(field: &str, name: &str, advice: &str) -> Result<()> {
    if name.is_empty() { Err(Error::invalid(field, advice)) } else { Ok(()) }
}

/// A resource that is named by its name keeps it: else a request sent twice would fail the second time.
pub(super) fn keep_name(field: &str, wanted: &mut String, stored: &str) -> Result<()> {
    if wanted.is_empty() {
        stored.clone_into(wanted);
    }
    if wanted == stored {
        return Ok(());
    }
    let message = format!("differs from the name in {field}.id; to rename, put the id there");
    Err(Error::invalid(format!("{field}.name"), message))
}
