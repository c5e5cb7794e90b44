//! Providers.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Members, json, list, malformed};
use crate::{
    proto::v1::{AvailableModel, Model, Provider, SecretReference, credential::Source},
    wire::{json::Malformed, openai},
};

/// A provider as a client writes it.
#[derive(Clone, Debug, PartialEq)]
pub struct ProviderWrite {
    /// Its name.
    pub name: String,
    /// Its arguments as text: base address, settings and secrets alike.
    pub data: BTreeMap<String, String>,
    /// Where its secrets are, if not there.
    pub reference: Option<SecretReference>,
}

/// A reference as readers see it: what clients compare it with has this one member.
#[derive(Serialize)]
struct Reference<'a> {
    resource: &'a str,
}

#[derive(Serialize)]
struct Brief<'a> {
    uuid: &'a str,
    name: &'a str,
    r#type: &'a str,
}

#[derive(Serialize)]
struct Full<'a> {
    #[serde(flatten)]
    brief: Brief<'a>,
    data: BTreeMap<&'a str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_reference: Option<Reference<'a>>,
    models: Vec<Box<RawValue>>,
}

#[derive(Serialize)]
struct Available<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    owned_by: &'a str,
}

/// Reads a provider.
///
/// # Errors
/// When a member is missing or wrong; names it.
pub fn read(body: &[u8]) -> Result<ProviderWrite, Malformed> {
    let members = Members::of(body)?;
    let name = members.text("name")?.set().ok_or_else(|| malformed("name", "give the provider a name"))?;
    let reference = members.inside("data_reference")?.map(|inside| reference(&inside)).transpose()?;
    let data = match (members.object("data")?.set(), &reference) {
        (Some(data), _) => data,
        (None, Some(_)) => BTreeMap::new(),
        (None, None) => {
            let message =
                "send the arguments of the provider, an empty object if it has none, or data_reference";
            return Err(malformed("data", message));
        }
    };
    let mut arguments = BTreeMap::new();
    for (argument, raw) in data {
        if let Some(text) = scalar(&argument, raw)? {
            arguments.insert(argument, text);
        }
    }
    Ok(ProviderWrite { name, data: arguments, reference })
}

fn reference(members: &Members<'_>) -> Result<SecretReference, Malformed> {
    let inside = |malformed: Malformed| malformed.inside("data_reference");
    let resource = members.required("resource", "the CRN of a secret, or another name of it");
    let manager = members.text("manager").map_err(inside)?.set().unwrap_or_default();
    Ok(SecretReference { resource: resource.map_err(inside)?, manager, names: BTreeMap::new() })
}

/// Numbers and truth values are taken as they are written: `"keep_alive": 5` is `5`.
fn scalar(argument: &str, raw: &RawValue) -> Result<Option<String>, Malformed> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'{' | b'[') => Err(malformed(format!("data.{argument}"), "must be a string")),
        Some(b'"') => serde_json::from_str(text)
            .map(Some)
            .map_err(|error| malformed(format!("data.{argument}"), error.to_string())),
        _ if text == "null" => Ok(None),
        _ => Ok(Some(text.to_owned())),
    }
}

/// Writes the answer to a create or a replace.
#[must_use]
pub fn write_brief(provider: &Provider) -> Vec<u8> {
    json(&Brief::of(provider))
}

/// Writes a provider with its models.
#[must_use]
pub fn write<'a>(provider: &'a Provider, models: impl IntoIterator<Item = &'a Model>) -> Vec<u8> {
    json(&Full::of(provider, models))
}

/// Writes a list of providers, each with its own of these models.
#[must_use]
pub fn write_list(providers: &[Provider], models: &[Model]) -> Vec<u8> {
    let full = providers.iter().map(|provider| {
        let own = models.iter().filter(|model| model.provider == provider.id);
        Full::of(provider, own)
    });
    list(full.collect::<Vec<_>>())
}

/// Writes a list of the models that an upstream offers. `None`: it cannot list them, which clients want as `null`.
#[must_use]
pub fn write_available(models: Option<&[AvailableModel]>) -> Vec<u8> {
    list(models.map(|models| models.iter().map(Available::of).collect::<Vec<_>>()))
}

/// How a stored secret looks to readers, made of the hint that stands in [`Provider::credential_hint`].
#[must_use]
pub fn mask(hint: &str) -> String {
    format!("****{}", hint.trim_start_matches('.'))
}

// === impl Brief ===

impl<'a> Brief<'a> {
    fn of(provider: &'a Provider) -> Self {
        Self { uuid: &provider.id, name: &provider.name, r#type: &provider.r#type }
    }
}

// === impl Full ===

impl<'a> Full<'a> {
    fn of(provider: &'a Provider, models: impl IntoIterator<Item = &'a Model>) -> Self {
        let base_url = (!provider.base_url.is_empty()).then(|| ("base_url", provider.base_url.clone()));
        let settings = provider.settings.iter().map(|(name, value)| (name.as_str(), value.clone()));
        let secrets = provider.credential_hint.iter().map(|(name, hint)| (name.as_str(), mask(hint)));
        let models = models
            .into_iter()
            .filter_map(|model| serde_json::from_slice::<Box<RawValue>>(&openai::model::write(model)).ok());
        let data_reference =
            match provider.credential.as_ref().and_then(|credential| credential.source.as_ref()) {
                Some(Source::Reference(reference)) => Some(Reference { resource: &reference.resource }),
                Some(Source::Inline(_)) | None => None,
            };
        Self {
            brief: Brief::of(provider),
            data_reference,
            data: base_url.into_iter().chain(settings).chain(secrets).collect(),
            models: models.collect(),
        }
    }
}

// === impl Available ===

impl<'a> Available<'a> {
    fn of(model: &'a AvailableModel) -> Self {
        let created = model.create_time.as_ref().map_or(0, |time| time.seconds);
        Self { id: &model.id, object: "model", created, owned_by: &model.owned_by }
    }
}

#[cfg(test)]
mod tests;
