//! Kinds of credential: what each needs. How they are used is the driver's affair.

use super::{Setting, Settings};

/// The setting that names the region of AWS in which a provider is, and for which its calls are signed.
pub const AWS_REGION: &str = "region";

/// Setting that names where a credential is exchanged for a token. A stored credential stays with the host of it, as with
/// that of the provider's address.
pub const AUTH_URL: &str = "auth_url";

/// Setting that names the user whose key or password the credential holds.
pub const USERNAME: &str = "username";

/// Setting that names how IBM's credentials are used, one of [`IbmAuth`].
pub const AUTH_TYPE: &str = "auth_type";

/// How an upstream is told who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// It is not told.
    None,
    /// `Authorization: Bearer` with the secret `apikey`.
    Bearer,
    /// This header, with the secret `apikey`.
    Header(&'static str),
    /// Signed as AWS wants it for this service, in the region of the setting [`AWS_REGION`].
    AwsSigV4(&'static str),
    /// `Authorization: Bearer` with the secret `token`.
    Token,
    /// A token of IBM for the secret `apikey`, as [`IbmAuth`] says.
    IbmKey,
    /// A token of IBM for the secret `password`, as [`IbmAuth`] says.
    IbmPassword,
}

/// Where IBM runs, and so how its credentials are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IbmAuth {
    /// IBM Cloud: a key is exchanged for a token by its identity service.
    Cloud,
    /// Software Hub: a user's key or password is exchanged for a token at the provider's own host.
    SoftwareHub,
    /// Software Hub: `Authorization: ZenApiKey` with the user's name and key, without exchange.
    Zen,
}

// === impl Auth ===

/// The secret that most vendors use.
const API_KEY: Setting = secret("apikey", "the key that the vendor gave you");
const TOKEN: Setting = secret("token", "a token that is used as it is until it ends");
const PASSWORD: Setting = secret("password", "the password of the user that the setting username names");

const fn secret(name: &'static str, help: &'static str) -> Setting {
    Setting { name, required: true, help, check: |_| Ok(()) }
}

impl Auth {
    /// What a signature of AWS needs: the id of an access key, the key, and the token of a session if it is one's.
    pub const AWS_SECRETS: [Setting; 3] = [
        Setting {
            name: "access_key_id",
            required: true,
            help: "id of the access key, like AKIAIOSFODNN7EXAMPLE",
            check: |_| Ok(()),
        },
        Setting {
            name: "secret_access_key",
            required: true,
            help: "the access key itself",
            check: |_| Ok(()),
        },
        Setting {
            name: "session_token",
            required: false,
            help: "token of the session, where the access key is temporary",
            check: |_| Ok(()),
        },
    ];

    /// Name in `ListProviderTypes`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Bearer => "bearer",
            Self::Header(_) => "header",
            Self::AwsSigV4(_) => "aws_sigv4",
            Self::Token => "token",
            Self::IbmKey => "ibm-key",
            Self::IbmPassword => "ibm-password",
        }
    }

    /// Whether the secrets are exchanged for a token, which may end before its time.
    #[must_use]
    pub fn is_exchanged(self) -> bool {
        match self {
            Self::IbmKey | Self::IbmPassword => true,
            Self::None | Self::Bearer | Self::Header(_) | Self::Token | Self::AwsSigV4(_) => false,
        }
    }

    /// The secrets that it needs.
    #[must_use]
    pub fn secrets(self) -> &'static [Setting] {
        match self {
            Self::None => &[],
            Self::Bearer | Self::Header(_) | Self::IbmKey => &[API_KEY],
            Self::Token => &[TOKEN],
            Self::IbmPassword => &[PASSWORD],
            Self::AwsSigV4(_) => &Self::AWS_SECRETS,
        }
    }
}

// === impl IbmAuth ===

impl IbmAuth {
    /// Each with its name in [`AUTH_TYPE`].
    pub const NAMES: [(&str, Self); 3] =
        [("iam", Self::Cloud), ("cp4d", Self::SoftwareHub), ("zen", Self::Zen)];

    /// What the settings say. Only Software Hub knows users by name.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let named = settings.get(AUTH_TYPE).and_then(|name| Self::named(name));
        let unnamed = if settings.contains_key(USERNAME) { Self::SoftwareHub } else { Self::Cloud };
        named.unwrap_or(unnamed)
    }

    /// The one with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, it)| *it)
    }
}
