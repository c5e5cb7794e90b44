//! From what an operator writes to a model as it is stored.

use std::{collections::BTreeMap, time::SystemTime};

use super::{check, find, stamp};
use crate::{
    error::{Error, Reason, Result},
    proto::{self, v1::Model},
    state::Records,
};

const MAX_ALIAS: usize = 256;
const MAX_UPSTREAM_ID: usize = 512;
const MAX_DESCRIPTION: usize = 4096;
const MAX_METADATA: usize = 64;
const MAX_METADATA_BYTES: usize = 16 << 10;
const MAX_WEIGHT: i32 = 1000;

/// A new model.
pub(super) fn create(records: &Records, mut model: Model, now: SystemTime) -> Result<Model> {
    let provider = find::provider(records, "model.provider", &model.provider)?;
    model.provider.clone_from(&provider.provider.id);
    model.id = stamp::id();
    check(records, &model)?;
    model.create_time = Some(proto::timestamp(now));
    Ok(finish(records, model, now))
}

/// A model in place of `stored`.
pub(super) fn replace(records: &Records, stored: &Model, mut model: Model, now: SystemTime) -> Result<Model> {
    stamp::check_etag("model.etag", &model.etag, &stored.etag)?;
    if !model.provider.is_empty()
        && find::provider(records, "model.provider", &model.provider)?.provider.id != stored.provider
    {
        return Err(Error::invalid(
            "model.provider",
            "cannot change; register the model anew at the other one",
        ));
    }
    model.provider.clone_from(&stored.provider);
    model.id.clone_from(&stored.id);
    check(records, &model)?;
    model.create_time = stored.create_time;
    Ok(finish(records, model, now))
}

/// The model that makes `stored` be as wanted. `None`: it is so already.
pub(super) fn reconcile(
    records: &Records,
    stored: &Model,
    wanted: Model,
    now: SystemTime,
) -> Result<Option<Model>> {
    let next = replace(records, stored, wanted, now)?;
    let content = |model: &Model| Model { update_time: None, etag: String::new(), ..model.clone() };
    Ok(if content(&next) == content(stored) { None } else { Some(next) })
}

/// The model as it is returned.
pub(super) fn show(records: &Records, model: &Model) -> Model {
    let mut shown = model.clone();
    if let Some(stored) = records.providers.get(&model.provider) {
        shown.provider_name.clone_from(&stored.provider.name);
        shown.provider_type.clone_from(&stored.provider.r#type);
    }
    shown
}

fn finish(records: &Records, mut model: Model, now: SystemTime) -> Model {
    // Told anew at every reading: a provider may get another name.
    model.provider_name = String::new();
    model.provider_type = String::new();
    model.update_time = Some(proto::timestamp(now));
    model.etag = String::new();
    model.etag = stamp::etag(records.revision, &model);
    model
}

fn check(records: &Records, model: &Model) -> Result<()> {
    check::model_name("model.upstream_id", &model.upstream_id, MAX_UPSTREAM_ID)?;
    if !model.alias.is_empty() {
        check::model_name("model.alias", &model.alias, MAX_ALIAS)?;
        check::no_id("model.alias", &model.alias)?;
        free_alias(records, model)?;
    }
    if !(1..=MAX_WEIGHT).contains(&model.weight.unwrap_or(1)) {
        return Err(Error::invalid("model.weight", "must be from 1 to 1000, or unset for 1"));
    }
    check::length("model.description", &model.description, 0, MAX_DESCRIPTION)?;
    check_metadata(&model.metadata_json)?;
    check::labels("model.labels", &model.labels)
}

fn free_alias(records: &Records, model: &Model) -> Result<()> {
    let taken = records
        .models
        .values()
        .any(|other| other.provider == model.provider && other.alias == model.alias && other.id != model.id);
    if !taken {
        return Ok(());
    }
    Err(Error::new(
        Reason::NameTaken,
        format!(
            "the provider has a model with the alias \"{}\" already; only models of different providers share one",
            model.alias
        ),
    )
    .field("model.alias")
    .model(&model.alias))
}

fn check_metadata(metadata: &BTreeMap<String, String>) -> Result<()> {
    check::count("model.metadata_json", metadata.len(), MAX_METADATA)?;
    for (name, json) in metadata {
        check::entry_name("model.metadata_json", name)?;
        let field = format!("model.metadata_json.{name}");
        if json.len() > MAX_METADATA_BYTES {
            return Err(Error::invalid(field, "must have at most 16384 bytes"));
        }
        // Read as a value, which also bounds the nesting.
        serde_json::from_str::<serde_json::Value>(json).map_err(|cause| {
            Error::invalid(field, format!("must be JSON text; text stands in quotes ({cause})"))
        })?;
    }
    Ok(())
}
