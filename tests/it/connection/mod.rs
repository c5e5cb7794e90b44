//! How an upstream is reached: private authorities, client certificates, proxies, HTTP/2.

mod http2;
mod proxy;
mod settings;
mod tls;

use std::collections::BTreeMap;

use sluicegate_client::v1;

use crate::support::TestGateway;

/// Secrets sent with the request.
fn secrets(values: &[(&str, &str)]) -> Option<v1::Credential> {
    let values: BTreeMap<_, _> =
        values.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let inline = v1::InlineSecrets { values: values.into_iter().collect() };
    Some(v1::Credential { source: Some(v1::credential::Source::Inline(inline)) })
}

/// A provider of type custom that is reached so.
fn provider(name: &str, base_url: &str, connection: v1::Connection) -> v1::Provider {
    v1::Provider {
        name: name.into(),
        r#type: "custom".into(),
        base_url: base_url.into(),
        connection: Some(connection),
        ..Default::default()
    }
}

impl TestGateway {
    async fn try_provider(&self, provider: v1::Provider) -> Result<v1::Provider, tonic::Status> {
        let request = v1::CreateProviderRequest { provider: Some(provider) };
        Ok(self.client.providers().create_provider(request).await?.into_inner().provider.expect("a provider"))
    }

    async fn update_provider(&self, provider: v1::Provider) -> Result<v1::Provider, tonic::Status> {
        let request = v1::UpdateProviderRequest { provider: Some(provider) };
        Ok(self.client.providers().update_provider(request).await?.into_inner().provider.expect("a provider"))
    }

    /// Registers the provider with one model of its own name.
    async fn reach(&self, provider: v1::Provider) -> v1::Provider {
        let made = self.try_provider(provider).await.expect("the provider is created");
        self.add_model(&made.name, "upstream-model", &made.name, None).await;
        made
    }
}
