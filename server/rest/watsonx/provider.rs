//! Providers.

use std::collections::BTreeMap;

use axum::response::Response;
use http::StatusCode;

use super::in_its_words;
use crate::{
    error::{Error, Reason, Result},
    proto::v1::{
        CreateProviderRequest, Credential, DeleteProviderRequest, GetProviderRequest, InlineSecrets,
        ListAvailableModelsRequest, ListProvidersRequest, Provider, SecretReference, UpdateProviderRequest,
        credential::Source,
    },
    providers::{self, Argument, ProviderType, REGISTRY},
    rest::{
        exchange::{Exchange, empty, json},
        openai::{all_models, all_pages},
    },
    wire::{
        json::Malformed,
        watsonx::provider::{self as wire, mask},
    },
};

/// Other names of provider types: a slip in a client's types, the names of a sister product, and the vendors' own.
const SYNONYMS: [(&str, &str); 15] = [
    ("amazon-bedrock", "bedrock"),
    ("aws", "bedrock"),
    ("aws-bedrock", "bedrock"),
    ("azure", "azure-openai"),
    ("azureopenai", "azure-openai"),
    ("cerebas", "cerebras"),
    ("google", "gemini"),
    ("google-gemini", "gemini"),
    ("mistral-ai", "mistral"),
    ("mistralai", "mistral"),
    ("nvidia", "nim"),
    ("nvidia-nim", "nim"),
    ("x-ai", "xai"),
    ("watsonx", "watsonxai"),
    ("watsonx-ai", "watsonxai"),
];

/// What `data` says, sorted by the registry row.
#[derive(Debug, Default, PartialEq, Eq)]
struct Arguments {
    base_url: String,
    settings: BTreeMap<String, String>,
    secrets: BTreeMap<String, String>,
}

pub(super) async fn list(exchange: Exchange) -> Result<Response> {
    let exchange = &exchange;
    let providers = all_pages(|page_size, page_token| async move {
        let request = ListProvidersRequest { page_size, page_token };
        let page = exchange.admin().list_providers(&exchange.call, request).await?;
        Ok((page.providers, page.next_page_token))
    });
    let providers = providers.await?;
    let models = all_models(exchange, "").await?;
    Ok(json(StatusCode::OK, wire::write_list(&providers, &models)))
}

pub(super) async fn create(mut exchange: Exchange) -> Result<Response> {
    let row = provider_type(&exchange.param("id"))?;
    let write = wire::read(&exchange.take_body()?).map_err(Malformed::in_request)?;
    let Arguments { base_url, settings, secrets } = sort(row, write.data)?;
    let credential = match write.reference {
        Some(reference) => Some(referring(reference, &secrets)?),
        None => (!secrets.is_empty()).then(|| inline(secrets)),
    };
    let provider = Provider {
        name: write.name,
        r#type: row.name.to_owned(),
        base_url,
        settings,
        credential,
        ..Default::default()
    };
    let request = CreateProviderRequest { provider: Some(provider) };
    let created = exchange
        .admin()
        .create_provider(&exchange.call, request)
        .await
        .map_err(in_its_words)?
        .provider
        .unwrap_or_default();
    Ok(json(StatusCode::CREATED, wire::write_brief(&created)))
}

pub(super) async fn get(exchange: Exchange) -> Result<Response> {
    let provider = stored(&exchange).await?;
    let models = all_models(&exchange, &provider.id).await?;
    Ok(json(StatusCode::OK, wire::write(&provider, &models)))
}

pub(super) async fn replace(mut exchange: Exchange) -> Result<Response> {
    let row = provider_type(&exchange.param("type"))?;
    let write = wire::read(&exchange.take_body()?).map_err(Malformed::in_request)?;
    let Arguments { base_url, settings, secrets } = sort(row, write.data)?;
    let old = stored(&exchange).await?;
    let credential = match write.reference {
        Some(reference) => Some(referring(as_stored(reference, &old), &secrets)?),
        None => credential(secrets, &old.credential_hint)?,
    };
    let provider = Provider {
        name: write.name,
        r#type: row.name.to_owned(),
        base_url,
        settings,
        credential,
        // Not known to this API, so not its to remove. The etag keeps them from being a mixture of two versions.
        ..old
    };
    let request = UpdateProviderRequest { provider: Some(provider) };
    let updated = exchange
        .admin()
        .update_provider(&exchange.call, request)
        .await
        .map_err(in_its_words)?
        .provider
        .unwrap_or_default();
    Ok(json(StatusCode::OK, wire::write_brief(&updated)))
}

pub(super) async fn delete(exchange: Exchange) -> Result<Response> {
    let request = DeleteProviderRequest { id: exchange.param("id") };
    exchange.admin().delete_provider(&exchange.call, request).await?;
    Ok(empty())
}

pub(super) async fn available(exchange: Exchange) -> Result<Response> {
    let request = ListAvailableModelsRequest { provider: exchange.param("id") };
    let body = match exchange.admin().list_available_models(&exchange.call, request).await {
        Ok(answer) => wire::write_available(Some(&answer.models)),
        Err(error) if has_no_list(&error) => wire::write_available(None),
        Err(error) => return Err(error),
    };
    Ok(json(StatusCode::OK, body))
}

/// Whether the type cannot list models, or the server has no such path: many that are compatible with OpenAI's do not.
fn has_no_list(error: &Error) -> bool {
    error.reason() == Reason::NotSupported || matches!(error.detail().upstream_status, Some(404 | 405))
}

async fn stored(exchange: &Exchange) -> Result<Provider> {
    let request = GetProviderRequest { id: exchange.param("id") };
    Ok(exchange.admin().get_provider(&exchange.call, request).await?.provider.unwrap_or_default())
}

fn provider_type(name: &str) -> Result<&'static ProviderType> {
    let known = |wanted: &str| REGISTRY.iter().find(|row| row.name == wanted).copied();
    // Some write the hyphen otherwise.
    let name = &name.replace('_', "-");
    let synonym = SYNONYMS.iter().find(|(other, _)| other == name).and_then(|(_, ours)| known(ours));
    synonym.map_or_else(|| providers::provider_type(name), Ok)
}

/// Sorts the arguments by what the row says they are.
fn sort(row: &ProviderType, data: BTreeMap<String, String>) -> Result<Arguments> {
    let mut sorted = Arguments::default();
    for (given, text) in data {
        let argument = row.argument(&given).ok_or_else(|| unknown(row, &given))?;
        let text = argument.value(&text).into_owned();
        let before = match argument {
            Argument::BaseUrl { .. } => {
                Some(std::mem::replace(&mut sorted.base_url, text)).filter(|before| !before.is_empty())
            }
            Argument::Secret(name) => sorted.secrets.insert(name.to_owned(), text),
            Argument::Setting(name) => sorted.settings.insert(name.to_owned(), text),
        };
        if before.is_some() {
            let message = "stands there under another name as well; send it once";
            return Err(Error::invalid(format!("data.{given}"), message));
        }
    }
    Ok(sorted)
}

fn unknown(row: &ProviderType, name: &str) -> Error {
    let secrets = row.auth.iter().flat_map(|kind| kind.secrets());
    let mut known: Vec<_> = secrets.chain(row.settings).map(|argument| argument.name).collect();
    known.push("base_url");
    known.dedup();
    let message = format!("type {} has no such argument; it has {}", row.name, known.join(", "));
    Error::invalid(format!("data.{name}"), message)
}

/// The credential that replaces the stored one. Secrets that come back masked, as reads show them, are left as they
/// are; a client that reads, changes and writes must not store the mask.
fn credential(
    secrets: BTreeMap<String, String>,
    hints: &BTreeMap<String, String>,
) -> Result<Option<Credential>> {
    let masked = |name: &str, text: &str| hints.get(name).is_some_and(|hint| mask(hint) == text);
    let kept = secrets.iter().filter(|(name, text)| masked(name, text)).count();
    if kept > 0 && kept == secrets.len() && kept == hints.len() {
        return Ok(None);
    }
    if let Some((name, _)) = secrets.iter().find(|(name, text)| masked(name, text)) {
        return Err(Error::invalid(
            format!("data.{name}"),
            "send all secrets masked to keep them, or all in clear to replace them",
        ));
    }
    Ok(Some(inline(secrets)))
}

/// The credential that lives elsewhere. Beside a reference `data` holds settings alone.
fn referring(reference: SecretReference, secrets: &BTreeMap<String, String>) -> Result<Credential> {
    match secrets.keys().next() {
        Some(name) => Err(Error::invalid(
            format!("data.{name}"),
            "is a secret, and data_reference says where the secrets are; send one of the two",
        )),
        None => Ok(Credential { source: Some(Source::Reference(reference)) }),
    }
}

/// The reference as it is stored where the client sends back what it read, which is not all of it.
fn as_stored(sent: SecretReference, old: &Provider) -> SecretReference {
    let stored = match old.credential.as_ref().and_then(|credential| credential.source.as_ref()) {
        Some(Source::Reference(stored)) => stored,
        Some(Source::Inline(_)) | None => return sent,
    };
    let same_manager = sent.manager.is_empty() || sent.manager == stored.manager;
    if sent.resource == stored.resource && same_manager { stored.clone() } else { sent }
}

fn inline(values: BTreeMap<String, String>) -> Credential {
    Credential { source: Some(Source::Inline(InlineSecrets { values })) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn data_is_sorted_by_the_registry_row() {
        let row = provider_type("openai").unwrap();
        let data = map(&[("apiKey", "k"), ("base_url", "http://x/v1"), ("project", "p")]);
        let expected = Arguments {
            base_url: "http://x/v1".into(),
            settings: map(&[("project", "p")]),
            secrets: map(&[("apikey", "k")]),
        };
        assert_eq!(sort(row, data).unwrap(), expected);
        let error = sort(row, map(&[("region", "eu")])).unwrap_err();
        assert_eq!(error.detail().field.as_deref(), Some("data.region"));
        assert!(error.message().contains("apikey"), "{error}");
    }

    #[test]
    fn host_of_ollama_is_its_address() {
        let row = provider_type("ollama").unwrap();
        for (host, base_url) in [
            ("http://box:11434", "http://box:11434"),
            ("box:11434", "http://box:11434"),
            ("https://x", "https://x"),
        ] {
            let data = map(&[("host", host), ("keep_alive", "5"), ("clean_on_close", "true")]);
            let expected = Arguments {
                base_url: base_url.into(),
                settings: map(&[("clean_on_close", "true"), ("keep_alive", "5")]),
                secrets: map(&[]),
            };
            assert_eq!(sort(row, data).unwrap(), expected);
        }
        let error = sort(provider_type("cohere").unwrap(), map(&[("host", "http://x")])).unwrap_err();
        assert_eq!(error.detail().field.as_deref(), Some("data.host"));
    }

    #[test]
    fn every_argument_of_the_contract_has_its_place() {
        const CONTRACT: [(&str, &str, &[&str]); 15] = [
            ("openai", "openai", &["apikey", "base_url"]),
            (
                "watsonxai",
                "watsonxai",
                &["base_url", "apikey", "project_id", "space_id", "auth_url", "api_version"],
            ),
            (
                "azure-openai",
                "azure-openai",
                &[
                    "apikey",
                    "resource_name",
                    "api_version",
                    "subscription_id",
                    "resource_group_name",
                    "account_name",
                ],
            ),
            ("anthropic", "anthropic", &["apikey"]),
            (
                "bedrock",
                "bedrock",
                &["access_key_id", "secret_access_key", "region", "session_token", "base_url"],
            ),
            ("cerebas", "cerebras", &["apiKey"]),
            ("cerebras", "cerebras", &["apikey"]),
            ("nim", "nim", &["apikey", "base_url"]),
            ("google", "gemini", &["apikey"]),
            ("cohere", "cohere", &["apikey"]),
            ("groq", "groq", &["apikey"]),
            ("mistral-ai", "mistral", &["apikey"]),
            ("ollama", "ollama", &["host", "keep_alive", "clean_on_close"]),
            ("x-ai", "xai", &["apikey"]),
            ("watsonx", "watsonxai", &["apikey", "url"]),
        ];
        for (name, ours, arguments) in CONTRACT {
            // Some rows may not be there.
            let Ok(row) = providers::provider_type(ours) else { continue };
            assert_eq!(provider_type(name).unwrap().name, row.name);
            for argument in arguments {
                sort(row, map(&[(argument, "x")])).unwrap();
            }
            let error = sort(row, map(&[("no_such_argument", "x")])).unwrap_err();
            assert_eq!(error.detail().field.as_deref(), Some("data.no_such_argument"), "{name}");
        }
    }

    #[test]
    fn other_names_are_taken_once() {
        let row = provider_type("watsonx_ai").unwrap();
        let sorted = sort(row, map(&[("api_key", "k"), ("url", "box:8443")])).unwrap();
        assert_eq!((sorted.secrets, &*sorted.base_url), (map(&[("apikey", "k")]), "http://box:8443"));
        for twice in [[("apikey", "k"), ("apiKey", "l")], [("base_url", "http://a"), ("url", "http://b")]] {
            let error = sort(row, map(&twice)).unwrap_err();
            assert!(error.message().contains("another name"), "{error}");
        }
        assert!(sort(row, map(&[("host", "x")])).is_err(), "only one type has it");
    }

    #[test]
    fn synonym_counts_only_where_its_type_exists() {
        for (other, ours) in SYNONYMS {
            match provider_type(other) {
                Ok(row) => assert_eq!(row.name, ours),
                Err(error) => assert!(error.message().contains(other), "{error}"),
            }
        }
    }

    #[test]
    fn mask_that_comes_back_keeps_the_stored_secrets() {
        let hints = map(&[("id", "...wxyz"), ("secret", "")]);
        let kept = credential(map(&[("id", "****wxyz"), ("secret", "****")]), &hints).unwrap();
        assert_eq!(kept, None);
        let new = map(&[("id", "new"), ("secret", "new")]);
        assert_eq!(credential(new.clone(), &hints).unwrap(), Some(inline(new)));
        assert_eq!(credential(BTreeMap::new(), &hints).unwrap(), Some(inline(BTreeMap::new())));
        let mixed = credential(map(&[("id", "new"), ("secret", "****")]), &hints).unwrap_err();
        assert_eq!(mixed.detail().field.as_deref(), Some("data.secret"));
    }

    #[test]
    fn a_reference_and_secrets_are_not_sent_together() {
        let reference = SecretReference { resource: "env:A".into(), ..SecretReference::default() };
        let error = referring(reference.clone(), &map(&[("apikey", "k")])).unwrap_err();
        assert_eq!(error.detail().field.as_deref(), Some("data.apikey"));
        let credential = referring(reference.clone(), &map(&[])).unwrap();
        assert_eq!(credential.source, Some(Source::Reference(reference)));
    }

    #[test]
    fn a_reference_that_comes_back_as_it_was_read_is_the_stored_one() {
        let stored = SecretReference {
            resource: "env:A".into(),
            manager: "u-1".into(),
            names: map(&[("apikey", "openai_key")]),
        };
        let old = Provider {
            credential: Some(Credential { source: Some(Source::Reference(stored.clone())) }),
            ..Provider::default()
        };
        let sent = |resource: &str, manager: &str| SecretReference {
            resource: resource.into(),
            manager: manager.into(),
            names: map(&[]),
        };
        assert_eq!(as_stored(sent("env:A", ""), &old), stored);
        assert_eq!(as_stored(sent("env:A", "u-1"), &old), stored);
        for other in [sent("env:B", ""), sent("env:A", "u-2")] {
            assert_eq!(as_stored(other.clone(), &old), other);
        }
        assert_eq!(as_stored(sent("env:A", ""), &Provider::default()), sent("env:A", ""));
    }
}
