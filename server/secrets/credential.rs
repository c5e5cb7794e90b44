//! Provider credentials: secrets by name.

use std::collections::BTreeMap;

use prost::Message;
use zeroize::Zeroizing;

use super::{Sealed, Sealer};
use crate::{
    error::{Error, Result},
    proto::v1::InlineSecrets,
    secret::Secret,
};

/// The secrets of one provider, by name: `apikey` and so on.
#[derive(Clone, Debug, Default)]
pub struct Credential(BTreeMap<String, Secret>);

impl Credential {
    /// Takes the secrets into care.
    #[must_use]
    pub fn new(values: BTreeMap<String, String>) -> Self {
        Self(values.into_iter().map(|(name, value)| (name, Secret::new(value))).collect())
    }

    /// One secret.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.0.get(name)
    }

    /// All secrets, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.0.iter().map(|(name, secret)| (name.as_str(), secret))
    }

    /// The secrets whose names fit.
    #[must_use]
    pub fn part(&self, fits: impl Fn(&str) -> bool) -> Self {
        Self(
            self.0
                .iter()
                .filter(|(name, _)| fits(name))
                .map(|(name, one)| (name.clone(), one.clone()))
                .collect(),
        )
    }

    /// These secrets and those of the other one.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the other one holds the same secrets.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.iter()
            .map(|(name, secret)| (name, secret.expose()))
            .eq(other.iter().map(|(name, secret)| (name, secret.expose())))
    }

    /// Seals the secrets for their provider.
    ///
    /// # Errors
    /// Those of [`Sealer::seal`].
    pub fn seal(&self, provider_id: &str, sealer: &Sealer) -> Result<Sealed> {
        let values =
            self.iter().map(|(name, secret)| (name.to_owned(), secret.expose().to_owned())).collect();
        let secrets = InlineSecrets { values };
        let bytes = Zeroizing::new(secrets.encode_to_vec());
        // Wipes the copies when dropped.
        drop(Self::new(secrets.values));
        sealer.seal(&record(provider_id), &bytes)
    }

    /// Opens the secrets of a provider.
    ///
    /// # Errors
    /// Those of [`Sealer::open`].
    pub fn open(provider_id: &str, sealer: &Sealer, sealed: &Sealed) -> Result<Self> {
        let bytes = sealer.open(&record(provider_id), sealed)?;
        let secrets = InlineSecrets::decode(bytes.as_slice())
            .map_err(|cause| Error::internal("the sealed credential cannot be read", cause))?;
        Ok(Self::new(secrets.values))
    }
}

/// The name of the record to which a credential is bound. The store names it alike.
fn record(provider_id: &str) -> String {
    format!("provider/{provider_id}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Credential;
    use crate::secrets::{MasterKeys, Sealer};

    #[test]
    fn a_credential_opens_for_its_own_provider_only_and_is_never_printed() {
        let sealer = Sealer::new(&MasterKeys::generate().unwrap()).unwrap();
        let credential = Credential::new(BTreeMap::from([("apikey".into(), "sk-canary-1234".into())]));
        let sealed = credential.seal("p1", &sealer).unwrap();
        let opened = Credential::open("p1", &sealer, &sealed).unwrap();
        assert!(opened.same_as(&credential));
        assert!(Credential::open("p2", &sealer, &sealed).is_err());
        assert!(!format!("{credential:?} {sealed:?} {sealer:?}").contains("canary"));
    }
}
