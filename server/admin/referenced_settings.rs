//! What a secret holds beside the secrets. IBM's clients keep everything there that `data` would hold, the address too:
//! when a provider is written that refers to such a secret, its settings are taken over.

use std::{collections::BTreeMap, sync::Arc};

use super::{Admin, given::Given, provider_plan::Wanted, reference, sight::Sight};
use crate::{
    error::{Error, Result},
    proto::v1::Provider,
    providers::{Argument, ProviderType, Setting, provider_type},
    secret::Secret,
    secrets::{Content, Keeper, Resource},
    state::StoredProvider,
};

const FIELD: &str = "provider.credential.reference.resource";

impl Admin {
    /// Completes the provider with the settings that its secret holds and the request does not say. While the manager gives
    /// no answer, what the request says must be enough. Whoever is not allowed to refer to a secret learns nothing of it, but
    /// that `stored` refers to it already.
    ///
    /// # Errors
    /// That the secret cannot be read, or may not be referred to.
    pub(super) async fn take_over_settings(
        &self,
        sight: &Sight<'_>,
        keepers: &BTreeMap<String, Arc<Keeper>>,
        wanted: &mut Wanted,
        stored: Option<&StoredProvider>,
    ) -> Result<()> {
        let Some(Given::Reference(given)) = &wanted.credential else { return Ok(()) };
        let name = stored.map_or(&wanted.provider.r#type, |stored| &stored.provider.r#type);
        // What is wrong with the type is told when the provider is planned.
        let Some(row) =
            provider_type(name).ok().filter(|row| row.auth.iter().any(|auth| !auth.secrets().is_empty()))
        else {
            return Ok(());
        };
        let before = stored.and_then(|stored| super::given::reference(stored.provider.credential.as_ref()));
        let unchanged = before.filter(|before| reference::same(sight, given, before));
        let manager = match unchanged {
            Some(before) => before.manager.clone(),
            None => match reference::place(sight, given)? {
                Some(manager) => manager.manager.id.clone(),
                None => return Ok(()),
            },
        };
        let Some(keeper) = keepers.get(&manager) else { return Ok(()) };
        let resource = Resource::read(&given.resource).map_err(|why| Error::invalid(FIELD, why))?;
        let content = match keeper.read(&resource, self.driver.tasks()).await {
            Ok(content) => content,
            // What is known by now may be enough; the secret is read when it is used.
            Err(error) if error.is_outage() && is_complete(&wanted.provider, row) => {
                tracing::warn!(provider = wanted.provider.name, %error, "the provider's secret was not looked at");
                return Ok(());
            }
            Err(error) => return Err(error.field(FIELD)),
        };
        if let Content::Members(members) = content {
            complete(&mut wanted.provider, row, &given.names, &members);
        }
        Ok(())
    }
}

/// Whether the provider says all that its type wants beside secrets.
fn is_complete(provider: &Provider, row: &ProviderType) -> bool {
    let said = |setting: &Setting| provider.settings.get(setting.name).is_some_and(|value| !value.is_empty());
    let has_address = row.endpoint.address(&provider.base_url, &provider.settings).is_some();
    has_address && row.settings.iter().all(|setting| !setting.required || said(setting))
}

/// Takes over what is no secret of the type, and not used as one by another name.
fn complete(
    provider: &mut Provider,
    row: &ProviderType,
    names: &BTreeMap<String, String>,
    members: &BTreeMap<String, Secret>,
) {
    for (member, text) in members.iter().filter(|(member, _)| !names.values().any(|name| name == *member)) {
        let Some(argument) = row.argument(member) else { continue };
        let value = argument.value(text.expose()).into_owned();
        match argument {
            Argument::BaseUrl { .. } if provider.base_url.is_empty() => provider.base_url = value,
            Argument::Setting(name) => {
                provider.settings.entry(name.to_owned()).or_insert(value);
            }
            Argument::BaseUrl { .. } | Argument::Secret(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    fn completed(
        row: &str,
        said: Provider,
        names: &[(&str, &str)],
        members: &[(&str, &str)],
    ) -> (String, BTreeMap<String, String>) {
        let mut provider = said;
        let members = map(members).into_iter().map(|(name, text)| (name, Secret::new(text))).collect();
        complete(&mut provider, provider_type(row).unwrap(), &map(names), &members);
        (provider.base_url, provider.settings)
    }

    #[test]
    fn settings_are_taken_over_and_secrets_are_not() {
        let members = [
            ("apikey", "canary"),
            ("password", "canary"),
            ("token", "canary"),
            ("project_id", "p-1"),
            ("surplus", "canary"),
            ("url", "https://a.example"),
        ];
        let expected = ("https://a.example".to_owned(), map(&[("project_id", "p-1")]));
        assert_eq!(completed("watsonxai", Provider::default(), &[], &members), expected);
        let aws = [("access_key_id", "canary"), ("secret_access_key", "canary"), ("region", "eu-west-1")];
        let expected = (String::new(), map(&[("region", "eu-west-1")]));
        assert_eq!(completed("bedrock", Provider::default(), &[], &aws), expected);
    }

    #[test]
    fn what_the_request_says_stands() {
        let said = || Provider {
            base_url: "https://said.example".into(),
            settings: map(&[("project_id", "said"), ("api_version", "")]),
            ..Provider::default()
        };
        let members = [("base_url", "https://a.example"), ("project_id", "p-1"), ("api_version", "2")];
        assert_eq!(completed("watsonxai", said(), &[], &members), (said().base_url, said().settings));
    }

    #[test]
    fn a_member_that_is_used_as_secret_is_no_setting() {
        let names = [("apikey", "project_id")];
        let members = [("project_id", "canary"), ("space_id", "s-1")];
        let expected = (String::new(), map(&[("space_id", "s-1")]));
        assert_eq!(completed("watsonxai", Provider::default(), &names, &members), expected);
    }

    #[test]
    fn a_bare_host_becomes_an_address() {
        let (base_url, _) = completed("ollama", Provider::default(), &[], &[("host", "box:11434")]);
        assert_eq!(base_url, "http://box:11434");
    }
}
