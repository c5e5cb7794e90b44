//! Credentials of providers and secret managers: secrets by name.

use std::collections::BTreeMap;

use prost::Message;
use zeroize::Zeroizing;

use super::{Sealed, Sealer};
use crate::{
    error::{Error, Result},
    proto::v1::InlineSecrets,
    secret::Secret,
};

/// The secrets of one provider or secret manager, by name: `apikey` and so on.
#[derive(Clone, Debug, Default)]
pub struct Credential(BTreeMap<String, Secret>);

/// The record to which a credential is bound, by its id.
#[derive(Clone, Copy, Debug)]
pub enum Owner<'a> {
    /// A provider.
    Provider(&'a str),
    /// A secret manager.
    SecretManager(&'a str),
}

// === impl Credential ===

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

    /// What may be shown of the secrets: the end of each, by name.
    #[must_use]
    pub fn hints(&self) -> BTreeMap<String, String> {
        self.iter().map(|(name, secret)| (name.to_owned(), format!("...{}", secret.hint()))).collect()
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

    /// Seals the secrets for their owner.
    ///
    /// # Errors
    /// Those of [`Sealer::seal`].
    pub fn seal(&self, owner: Owner<'_>, sealer: &Sealer) -> Result<Sealed> {
        let values =
            self.iter().map(|(name, secret)| (name.to_owned(), secret.expose().to_owned())).collect();
        let secrets = InlineSecrets { values };
        let bytes = Zeroizing::new(secrets.encode_to_vec());
        // Wipes the copies when dropped.
        drop(Self::new(secrets.values));
        sealer.seal(&owner.record(), &bytes)
    }

    /// Opens the secrets of their owner.
    ///
    /// # Errors
    /// Those of [`Sealer::open`].
    pub fn open(owner: Owner<'_>, sealer: &Sealer, sealed: &Sealed) -> Result<Self> {
        let bytes = sealer.open(&owner.record(), sealed)?;
        let secrets = InlineSecrets::decode(bytes.as_slice())
            .map_err(|cause| Error::internal("the sealed credential cannot be read", cause))?;
        Ok(Self::new(secrets.values))
    }
}

// === impl Owner ===

impl Owner<'_> {
    /// The name of the record. The store names it alike.
    fn record(self) -> String {
        match self {
            Self::Provider(id) => format!("provider/{id}"),
            Self::SecretManager(id) => format!("secret_manager/{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Credential, Owner};
    use crate::secrets::{MasterKeys, Sealer};

    #[test]
    fn a_credential_opens_for_its_own_owner_only_and_is_never_printed() {
        let sealer = Sealer::new(&MasterKeys::generate().unwrap()).unwrap();
        let credential = Credential::new(BTreeMap::from([("apikey".into(), "sk-canary-1234".into())]));
        let sealed = credential.seal(Owner::Provider("1"), &sealer).unwrap();
        let opened = Credential::open(Owner::Provider("1"), &sealer, &sealed).unwrap();
        assert!(opened.same_as(&credential));
        for other in [Owner::Provider("2"), Owner::SecretManager("1")] {
            assert!(Credential::open(other, &sealer, &sealed).is_err(), "{other:?}");
        }
        assert!(!format!("{credential:?} {sealed:?} {sealer:?}").contains("canary"));
    }
}
