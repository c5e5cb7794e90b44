//! A credential as a request gives it.

pub(super) use crate::state::reference;
use crate::{
    proto::v1::{self, SecretReference, credential::Source},
    secrets::Credential,
};

/// What stands in a request where a credential may.
#[derive(Debug)]
pub(super) enum Given {
    /// The secrets themselves.
    Inline(Credential),
    /// Where they are kept.
    Reference(SecretReference),
}

impl Given {
    /// Takes the credential out of a message, which is then free of secrets. `None`: it was not said.
    pub(super) fn take(credential: &mut Option<v1::Credential>) -> Option<Self> {
        Some(match credential.take()?.source? {
            Source::Inline(secrets) => Self::Inline(Credential::new(secrets.values)),
            Source::Reference(reference) => Self::Reference(reference),
        })
    }
}

/// A reference as resources show it.
pub(super) fn shown(reference: SecretReference) -> v1::Credential {
    v1::Credential { source: Some(Source::Reference(reference)) }
}
