//! Providers whose host is named by a setting.

use sluicegate::{
    admin::ready_made,
    error::Reason,
    proto::v1::{Provider, UpdateProviderRequest},
};

use super::{Bench, CANARY, map, refused, secrets};

fn azure(name: &str, settings: &[(&str, &str)]) -> Provider {
    Provider {
        name: name.into(),
        r#type: "azure-openai".into(),
        settings: map(settings),
        credential: secrets(&[("apikey", CANARY)]),
        ..Provider::default()
    }
}

fn address(bench: &Bench, provider: &Provider) -> String {
    bench.state.snapshot().upstreams[&provider.id].base_url.to_string()
}

#[tokio::test]
async fn a_setting_names_the_host_and_a_base_url_wins() {
    let bench = Bench::new().await;
    let named = bench.provider(azure("named", &[("resource_name", "east-1")])).await;
    assert_eq!(address(&bench, &named), "https://east-1.openai.azure.com/");
    assert_eq!(named.base_url, "", "what was not given is not made up");
    let base_url = "https://east.services.ai.azure.com".to_owned();
    let given =
        Provider { base_url, ..azure("given", &[("resource_name", "east-1"), ("api_version", "v1")]) };
    let given = bench.provider(given).await;
    assert_eq!(address(&bench, &given), "https://east.services.ai.azure.com/");
    assert_eq!(given.settings, map(&[("resource_name", "east-1"), ("api_version", "v1")]));
}

#[tokio::test]
async fn a_host_must_be_named_and_cannot_be_escaped() {
    let bench = Bench::new().await;
    let field = "provider.settings.resource_name";
    refused(bench.try_provider(azure("a", &[])).await, Reason::InvalidRequest, field, "base_url");
    for name in ["evil.example/", "evil.example#", "a.b", "evil.example\\", "169.254.169.254/"] {
        let outcome = bench.try_provider(azure("a", &[("resource_name", name)])).await;
        refused(outcome, Reason::InvalidRequest, field, "letters");
    }
    let outcome = bench.try_provider(azure("a", &[("resource_name", "r"), ("api_version", "1&x=2")])).await;
    refused(outcome, Reason::InvalidRequest, "provider.settings.api_version", "date");
}

#[tokio::test]
async fn a_stored_credential_does_not_follow_to_another_named_host() {
    let bench = Bench::new().await;
    let made = bench.provider(azure("a", &[("resource_name", "east")])).await;
    let moved = Provider { settings: map(&[("resource_name", "west")]), credential: None, ..made.clone() };
    let request = UpdateProviderRequest { provider: Some(moved.clone()) };
    let outcome = bench.admin.update_provider(&bench.call(), request).await;
    refused(outcome, Reason::InvalidRequest, "provider.credential", "another host");
    let moved = Provider { credential: secrets(&[("apikey", CANARY)]), ..moved };
    let request = UpdateProviderRequest { provider: Some(moved) };
    let moved = bench.admin.update_provider(&bench.call(), request).await.unwrap().provider.unwrap();
    assert_eq!(address(&bench, &moved), "https://west.openai.azure.com/");
}

#[tokio::test]
async fn the_environment_makes_a_provider_of_each_vendor() {
    let bench = Bench::new().await;
    let lookup = |name: &str| match name {
        "AZURE_OPENAI_ENDPOINT" => Some("https://east.openai.azure.com/".to_owned()),
        "AZURE_OPENAI_API_KEY"
        | "CEREBRAS_API_KEY"
        | "GROQ_API_KEY"
        | "MISTRAL_API_KEY"
        | "NVIDIA_API_KEY"
        | "XAI_API_KEY" => Some(CANARY.to_owned()),
        _ => None,
    };
    ready_made::create_providers(&lookup, &bench.state, &bench.sealer, &bench.clock).await.unwrap();
    let snapshot = bench.state.snapshot();
    let mut made: Vec<_> =
        snapshot.upstreams.values().map(|to| (to.name.as_str(), to.base_url.as_str())).collect();
    made.sort_unstable();
    assert_eq!(
        made,
        [
            ("azure-openai", "https://east.openai.azure.com/"),
            ("cerebras", "https://api.cerebras.ai/v1"),
            ("groq", "https://api.groq.com/openai/v1"),
            ("mistral", "https://api.mistral.ai/v1"),
            ("nim", "https://integrate.api.nvidia.com/v1"),
            ("xai", "https://api.x.ai/v1"),
        ]
    );
}
