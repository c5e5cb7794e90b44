//! To which hosts a provider's credential may be sent.

use std::{borrow::Cow, collections::BTreeSet};

use url::{Origin, Url};

use super::{AUTH_URL, IbmAuth, ProviderType};
use crate::{proto::v1::Provider, secrets::IAM_URL};

/// The hosts of one provider, each with what it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    /// Where it is called.
    address: Option<Origin>,
    /// Where the vendor is administered.
    control: Option<Origin>,
    /// Where the credential is exchanged for a token. `None`: no kind of credential of the type is.
    login: Option<Origin>,
    /// The proxy that stands before all of them.
    proxy: Option<Origin>,
    /// Whether the proxy could read what goes through it.
    proxy_reads: bool,
    /// Who vouches for the hosts, in PEM. Empty: whom the machine trusts.
    authorities: String,
}

impl Hosts {
    /// Those of a provider of the type.
    #[must_use]
    pub fn of(row: &ProviderType, provider: &Provider) -> Self {
        let base_url = row.endpoint.address(&provider.base_url, &provider.settings);
        let address = base_url.as_deref().and_then(origin);
        let control = base_url.as_deref().and_then(|url| origin(&row.endpoint.control_address(url)));
        let login = login(row, provider, base_url.as_deref());
        let connection = provider.connection.as_ref();
        let proxy = connection.and_then(|connection| origin(&connection.proxy_url));
        // It sees a tunnel otherwise, unless its owner is whom the gateway trusts.
        let is_plain = [&address, &control, &login].into_iter().flatten().any(is_http);
        let authorities = connection.map(|connection| connection.ca_bundle_pem.clone()).unwrap_or_default();
        let proxy_reads = proxy.is_some() && (is_plain || !authorities.is_empty());
        Self { address, control, login, proxy, proxy_reads, authorities }
    }

    /// All that could read the credential, as rules of secret managers write them: `api.openai.com`, with a port where it
    /// is not that of https, and as `http://10.0.0.5:8000` without https.
    #[must_use]
    pub fn names(&self) -> BTreeSet<String> {
        let proxy = self.proxy.as_ref().filter(|_| self.proxy_reads);
        let all = [self.address.as_ref(), self.control.as_ref(), self.login.as_ref(), proxy];
        all.into_iter().flatten().map(written).collect()
    }

    /// Whether a credential goes to another host than `before`, or through another proxy, which may see it. A host that
    /// had no more than a token of it counts as another one, and so does a proxy that could not read it. Where others vouch
    /// for a host, its name may lead to another machine.
    #[must_use]
    pub fn moved(&self, before: &Self) -> bool {
        (&self.address, &self.control, &self.login) != (&before.address, &before.control, &before.login)
            || (self.proxy.is_some() && self.proxy != before.proxy)
            || (self.proxy_reads && !before.proxy_reads)
            || self.authorities != before.authorities
    }
}

/// The host of an address, in the words of [`Hosts::names`].
#[must_use]
pub fn host_name(address: &Url) -> String {
    written(&address.origin())
}

fn login(row: &ProviderType, provider: &Provider, base_url: Option<&str>) -> Option<Origin> {
    if !row.auth.iter().any(|auth| auth.is_exchanged()) {
        return None;
    }
    let address = match (provider.settings.get(AUTH_URL), IbmAuth::of(&provider.settings)) {
        (Some(address), _) => Some(Cow::from(address)),
        (None, IbmAuth::Cloud) => Some(IAM_URL.into()),
        (None, IbmAuth::SoftwareHub | IbmAuth::Zen) => base_url.map(Cow::from),
    };
    address.and_then(|address| origin(&address))
}

fn origin(address: &str) -> Option<Origin> {
    Url::parse(address).ok().map(|url| url.origin())
}

fn is_http(origin: &Origin) -> bool {
    matches!(origin, Origin::Tuple(scheme, _, _) if scheme == "http")
}

fn written(origin: &Origin) -> String {
    let text = origin.ascii_serialization();
    text.strip_prefix("https://").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::Hosts;
    use crate::{
        proto::v1::{Connection, Provider},
        providers::provider_type,
    };

    fn provider(name: &str, base_url: &str, settings: &[(&str, &str)]) -> Provider {
        let settings = settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Provider { r#type: name.into(), base_url: base_url.into(), settings, ..Provider::default() }
    }

    fn through(proxy_url: &str, ca_bundle_pem: &str, provider: Provider) -> Provider {
        let connection = Connection {
            proxy_url: proxy_url.into(),
            ca_bundle_pem: ca_bundle_pem.into(),
            ..Connection::default()
        };
        Provider { connection: Some(connection), ..provider }
    }

    fn hosts(provider: &Provider) -> Hosts {
        Hosts::of(provider_type(&provider.r#type).unwrap(), provider)
    }

    #[test]
    fn every_host_that_could_read_the_credential_is_named() {
        const HUB: &str = "https://hub.example:8443";
        const PROXY: &str = "http://proxy.example:3128";
        let named = |provider: Provider| hosts(&provider).names().into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(named(provider("demo", "", &[])), "");
        assert_eq!(named(provider("openai", "", &[])), "api.openai.com");
        assert_eq!(named(provider("custom", "http://10.0.0.5:8000/v1", &[])), "http://10.0.0.5:8000");
        assert_eq!(named(provider("custom", "https://[::1]:8000/v1", &[])), "[::1]:8000");
        assert_eq!(
            named(provider("bedrock", "", &[("region", "eu-west-1")])),
            "bedrock-runtime.eu-west-1.amazonaws.com bedrock.eu-west-1.amazonaws.com"
        );
        assert_eq!(
            named(provider("watsonxai", "https://us-south.ml.cloud.ibm.com", &[])),
            "iam.cloud.ibm.com us-south.ml.cloud.ibm.com"
        );
        assert_eq!(named(provider("watsonxai", HUB, &[("username", "anna")])), "hub.example:8443");
        assert_eq!(
            named(provider("watsonxai", HUB, &[("auth_url", "http://login.example/token")])),
            "http://login.example hub.example:8443"
        );
        assert_eq!(named(through(PROXY, "", provider("openai", "", &[]))), "api.openai.com");
        assert_eq!(
            named(through(PROXY, "", provider("custom", "http://model.example", &[]))),
            "http://model.example http://proxy.example:3128"
        );
        assert_eq!(
            named(through(PROXY, "pem", provider("openai", "", &[]))),
            "api.openai.com http://proxy.example:3128"
        );
    }

    #[test]
    fn another_path_is_no_move_and_another_reader_is() {
        const HUB: &str = "https://hub.example";
        const PROXY: &str = "https://proxy.example";
        let openai = |base_url: &str| provider("openai", base_url, &[]);
        let hub = |settings: &[(&str, &str)]| provider("watsonxai", HUB, settings);
        for (before, after, moved) in [
            (openai(""), openai("https://api.openai.com:443/v2"), false),
            (openai(""), openai("http://api.openai.com/v1"), true),
            (openai(""), openai("https://api.openai.com:8443/v1"), true),
            (openai(""), openai("https://api.openai.com.evil.example/v1"), true),
            (hub(&[]), hub(&[("auth_url", "https://iam.cloud.ibm.com/x")]), false),
            (hub(&[]), hub(&[("auth_url", HUB)]), true),
            (hub(&[("auth_url", "https://iam.example")]), hub(&[]), true),
            // The hub had tokens of the key, and would have the key.
            (hub(&[]), hub(&[("auth_type", "zen")]), true),
            (openai(""), through(PROXY, "", openai("")), true),
            (through(PROXY, "", openai("")), openai(""), false),
            (through(PROXY, "", openai("")), through("https://evil.example", "", openai("")), true),
            (through(PROXY, "", openai("")), through(PROXY, "pem", openai("")), true),
            (openai(""), through("", "pem", openai("")), true),
            (through("", "pem", openai("")), openai(""), true),
        ] {
            assert_eq!(hosts(&after).moved(&hosts(&before)), moved, "{before:?} -> {after:?}");
        }
    }
}
