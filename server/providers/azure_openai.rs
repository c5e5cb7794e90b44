//! Azure OpenAI. One resource has up to three families of paths:
//! - by deployment: `/openai/deployments/NAME/chat/completions?api-version=DATE`, where the model is in the path;
//! - v1: `/openai/v1/chat/completions`, where `api_version` is `v1` or `preview`;
//! - models of all makers, on hosts of `services.ai.azure.com`: `/models/chat/completions?api-version=DATE`.
//!
//! An upstream id is the name of a deployment.

use std::borrow::Cow;

use url::Url;

use super::{
    Auth, BASE_URL, Endpoint, ProviderType, Setting, Settings, UpstreamModel,
    openai_dialect::{ALL_OPERATIONS, Dialect, Place, Quirks, Route},
    safe_path_segment,
};
use crate::{error::Result, wire::json::Members};

const NAME: &str = "azure-openai";
const API_VERSION: &str = "api_version";
const DEFAULT_VERSION: &str = "2024-10-21";
/// The default where models of all makers are served.
const DEFAULT_MODELS_VERSION: &str = "2024-05-01-preview";
/// The only version that lists deployments, which alone can be called; newer ones list what could be deployed.
const LIST: &str = "/openai/deployments?api-version=2023-03-15-preview";
/// Earlier versions refuse to be asked for the usage of a stream.
const USAGE_SINCE: &str = "2024-09-01";

/// The registry row.
pub(super) static ROW: ProviderType = ProviderType {
    name: NAME,
    title: "Azure OpenAI",
    endpoint: Endpoint::Named {
        setting: "resource_name",
        before: "https://",
        after: ".openai.azure.com",
        control: "https://",
    },
    auth: &[Auth::Header("api-key")],
    settings: &[
        Setting {
            name: "resource_name",
            required: false,
            help: "name of the resource; names the host where there is no base_url, which is the root of the host",
            check: is_resource_name,
        },
        Setting {
            name: API_VERSION,
            required: false,
            help: "version of the interface: a date like 2024-10-21, v1 or preview; default: 2024-10-21, on hosts of \
                   services.ai.azure.com 2024-05-01-preview",
            check: is_version,
        },
        kept("subscription_id", "id of the subscription; kept, not used"),
        kept("resource_group_name", "name of the resource group; kept, not used"),
        kept("account_name", "name of the account; kept, not used"),
    ],
    environment: &[
        ("AZURE_OPENAI_API_KEY", "apikey"),
        ("AZURE_OPENAI_ENDPOINT", "base_url"),
        ("AZURE_OPENAI_API_VERSION", API_VERSION),
    ],
    adapter: &Dialect {
        provider_type: NAME,
        operations: ALL_OPERATIONS,
        quirks: Quirks { route, always_says_done: true, patch: Some(patch), ..Quirks::NONE },
    },
};

/// A family of paths, with the version that stands in the query.
#[derive(Clone, Copy)]
enum Family<'a> {
    Deployments(&'a str),
    V1 { preview: bool },
    Models(&'a str),
}

fn route(place: Place, model: &str, settings: &Settings) -> Result<Route> {
    let usual = place.usual_path();
    let path = match (family(settings), place) {
        (_, Place::Models) => Cow::Borrowed(LIST),
        (Family::V1 { preview }, Place::Chat | Place::Completion | Place::Embedding) => {
            format!("/openai/v1{usual}{}", if preview { "?api-version=preview" } else { "" }).into()
        }
        (Family::Models(version), Place::Chat | Place::Embedding) => {
            // By default it refuses members that its own interface does not have.
            let headers = &[("extra-parameters", "pass-through")];
            let path = format!("/models{usual}?api-version={version}").into();
            return Ok(Route { path, headers });
        }
        (
            Family::Deployments(version) | Family::Models(version),
            Place::Chat | Place::Completion | Place::Embedding,
        ) => {
            let model = safe_path_segment(model)?;
            format!("/openai/deployments/{model}{usual}?api-version={version}").into()
        }
    };
    Ok(Route { path, headers: &[] })
}

fn family(settings: &Settings) -> Family<'_> {
    let host = settings.get(BASE_URL).and_then(|address| Url::parse(address).ok());
    let has_models =
        host.as_ref().and_then(Url::host_str).is_some_and(|host| host.ends_with(".services.ai.azure.com"));
    match settings.get(API_VERSION).map(String::as_str) {
        Some("v1") => Family::V1 { preview: false },
        Some("preview") => Family::V1 { preview: true },
        version if has_models => Family::Models(version.unwrap_or(DEFAULT_MODELS_VERSION)),
        version => Family::Deployments(version.unwrap_or(DEFAULT_VERSION)),
    }
}

fn patch(members: &mut Members<'_>, to: &UpstreamModel<'_>) -> Result<()> {
    if matches!(family(to.settings), Family::Deployments(version) if version < USAGE_SINCE) {
        members.remove("stream_options");
    }
    Ok(())
}

const fn kept(name: &'static str, help: &'static str) -> Setting {
    Setting { name, required: false, help, check: |_| Ok(()) }
}

/// It becomes a part of the host.
fn is_resource_name(name: &str) -> Result<(), &'static str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let holds = name.len() <= 63 && name.bytes().all(fits) && !name.starts_with('-') && !name.ends_with('-');
    if holds {
        Ok(())
    } else {
        Err("must be letters, digits and inner hyphens: the name alone, not its address")
    }
}

/// It becomes a part of the query.
fn is_version(version: &str) -> Result<(), &'static str> {
    let date = version.strip_suffix("-preview").unwrap_or(version);
    let is_date = date.len() == 10
        && date.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if is_date || matches!(version, "v1" | "preview") {
        Ok(())
    } else {
        Err("must be a date like 2024-10-21 or 2025-04-01-preview, or v1, or preview")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error::Reason, providers::Scope};

    fn settings(base_url: &str, version: &str) -> Settings {
        let pairs = [(BASE_URL, base_url), (API_VERSION, version)];
        pairs
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    const OPENAI: &str = "https://r.openai.azure.com";
    const SERVICES: &str = "https://r.services.ai.azure.com";

    #[test]
    fn host_and_version_choose_the_family_of_paths() {
        for (base_url, version, chat, embedding) in [
            (
                OPENAI,
                "",
                "/openai/deployments/my%20d/chat/completions?api-version=2024-10-21",
                "/openai/deployments/my%20d/embeddings?api-version=2024-10-21",
            ),
            (
                OPENAI,
                "2025-04-01-preview",
                "/openai/deployments/my%20d/chat/completions?api-version=2025-04-01-preview",
                "/openai/deployments/my%20d/embeddings?api-version=2025-04-01-preview",
            ),
            (OPENAI, "v1", "/openai/v1/chat/completions", "/openai/v1/embeddings"),
            (
                OPENAI,
                "preview",
                "/openai/v1/chat/completions?api-version=preview",
                "/openai/v1/embeddings?api-version=preview",
            ),
            (
                SERVICES,
                "",
                "/models/chat/completions?api-version=2024-05-01-preview",
                "/models/embeddings?api-version=2024-05-01-preview",
            ),
            (SERVICES, "v1", "/openai/v1/chat/completions", "/openai/v1/embeddings"),
        ] {
            let settings = settings(base_url, version);
            let at = |place| route(place, "my d", &settings).unwrap();
            assert_eq!(
                (at(Place::Chat).path.as_ref(), at(Place::Embedding).path.as_ref()),
                (chat, embedding)
            );
            assert_eq!(at(Place::Chat).headers.is_empty(), !chat.starts_with("/models"));
            assert_eq!(at(Place::Models).path, LIST);
        }
        let completion = route(Place::Completion, "d", &settings(SERVICES, "")).unwrap();
        assert_eq!(completion.path, "/openai/deployments/d/completions?api-version=2024-05-01-preview");
    }

    #[test]
    fn a_model_cannot_leave_its_place_in_the_path() {
        let error = route(Place::Chat, "../../models", &settings(OPENAI, "")).unwrap_err();
        assert_eq!(error.reason(), Reason::FailedPrecondition);
        let path =
            route(Place::Chat, "d/chat/completions?api-version=1#", &settings(OPENAI, "")).unwrap().path;
        assert!(
            path.starts_with("/openai/deployments/d%2Fchat%2Fcompletions%3Fapi-version%3D1%23/chat"),
            "{path}"
        );
    }

    #[test]
    fn settings_cannot_change_host_or_query() {
        for name in ["a", "my-resource-1"] {
            assert!(is_resource_name(name).is_ok(), "{name}");
        }
        for name in ["evil.com/", "evil.com#", "a.b", "-a", "a-", "https://a", "a@b", &"a".repeat(64)] {
            assert!(is_resource_name(name).is_err(), "{name}");
        }
        for version in ["2024-10-21", "2025-04-01-preview", "v1", "preview"] {
            assert!(is_version(version).is_ok(), "{version}");
        }
        for version in ["2024-10-21&x=1", "latest", "2024-1-1", "v2", "20241021", "2024-10-21-beta"] {
            assert!(is_version(version).is_err(), "{version}");
        }
    }

    #[test]
    fn old_versions_are_not_asked_for_usage() {
        for (version, asked) in
            [("2024-02-01", false), ("2024-09-01-preview", true), ("", true), ("v1", true)]
        {
            let settings = settings(OPENAI, version);
            let to = UpstreamModel { id: "d", stream: true, settings: &settings, scope: &Scope::default() };
            let mut members = Members::of(br#"{"stream_options":{"include_usage":true}}"#).unwrap();
            patch(&mut members, &to).unwrap();
            assert_eq!(members.get("stream_options").is_some(), asked, "{version}");
        }
    }
}
