//! What an argument of a provider is, by whatever name it comes.

use std::borrow::Cow;

use super::{BASE_URL, ProviderType};
use crate::secrets::secret_name;

/// Other names of the address: (provider type or any, theirs). Secrets elsewhere hold the first.
const ADDRESSES: [(Option<&str>, &str); 2] = [(None, "url"), (Some("ollama"), "host")];

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// The provider's address. Some write no more than a host there.
    BaseUrl {
        /// Whether it may be one.
        may_be_host: bool,
    },
    /// A setting, by its name.
    Setting(&'static str),
    /// A secret, by its name.
    Secret(&'static str),
}

impl ProviderType {
    /// The argument that somebody names so. `None`: the type has none of this name.
    #[must_use]
    pub fn argument(&self, given: &str) -> Option<Argument> {
        let fits = |of: Option<&str>| of.is_none_or(|name| name == self.name);
        let may_be_host = ADDRESSES.iter().any(|(of, theirs)| *theirs == given && fits(*of));
        if may_be_host || given == BASE_URL {
            return Some(Argument::BaseUrl { may_be_host });
        }
        let name = secret_name(given);
        let secret = self.auth.iter().flat_map(|kind| kind.secrets()).find(|secret| secret.name == name);
        let setting = || self.settings.iter().find(|setting| setting.name == name);
        secret
            .map(|secret| Argument::Secret(secret.name))
            .or_else(|| setting().map(|setting| Argument::Setting(setting.name)))
    }
}

impl Argument {
    /// The value as it is stored: an address has its scheme.
    #[must_use]
    pub fn value(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::BaseUrl { may_be_host: true } if !text.is_empty() && !text.contains("://") => {
                format!("http://{text}").into()
            }
            Self::BaseUrl { .. } | Self::Setting(_) | Self::Secret(_) => text.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Argument;
    use crate::providers::provider_type;

    #[test]
    fn an_argument_is_known_by_its_other_names() {
        let argument = |row: &str, given: &str| provider_type(row).unwrap().argument(given);
        let (address, host) =
            (Argument::BaseUrl { may_be_host: false }, Argument::BaseUrl { may_be_host: true });
        for (row, given, expected) in [
            ("openai", "base_url", Some(address)),
            ("openai", "url", Some(host)),
            ("openai", "host", None),
            ("ollama", "host", Some(host)),
            ("openai", "apiKey", Some(Argument::Secret("apikey"))),
            ("openai", "project", Some(Argument::Setting("project"))),
            ("openai", "region", None),
            ("bedrock", "region", Some(Argument::Setting("region"))),
            ("bedrock", "secret_access_key", Some(Argument::Secret("secret_access_key"))),
        ] {
            assert_eq!(argument(row, given), expected, "{row} {given}");
        }
    }

    #[test]
    fn a_bare_host_is_an_address_without_its_scheme() {
        let (address, host) =
            (Argument::BaseUrl { may_be_host: false }, Argument::BaseUrl { may_be_host: true });
        assert_eq!(host.value("box:11434"), "http://box:11434");
        assert_eq!(host.value("https://box"), "https://box");
        assert_eq!(host.value(""), "");
        assert_eq!(address.value("box"), "box", "whoever says base_url knows what one is");
    }
}
