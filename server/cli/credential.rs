//! The flags of a credential: secrets, or where they are kept.

use clap::Args;

use super::{
    exit::Failure,
    given::{self, Source},
};
use crate::proto::v1::{Credential, InlineSecrets, SecretReference, credential};

/// The credential of a provider or of a secret manager.
#[derive(Debug, Args)]
pub(super) struct Flags {
    /// A secret of the credential: `NAME=@FILE`, `NAME=env:VARIABLE` or `NAME=-` for standard input; repeat for more. On
    /// update they replace all secrets that are stored.
    #[arg(long = "credential", value_name = "NAME=SOURCE", value_parser = given::secret_pair)]
    inline: Vec<(String, Source)>,

    /// Where the gateway reads the secrets whenever it needs them, instead of storing them: `env:NAME` of its own
    /// environment, `file:PATH`, or one secret of a secret manager, e.g. `vault:team/openai` or a CRN.
    #[arg(long, value_name = "RESOURCE", conflicts_with = "inline")]
    secret_reference: Option<String>,

    /// What a secret is called where it is kept, e.g. apikey=openai_key; repeat for more. Default: as the gateway calls it.
    #[arg(long = "secret-name", value_name = "NAME=MEMBER", value_parser = given::pair, requires = "secret_reference")]
    names: Vec<(String, String)>,
}

impl Flags {
    /// Puts what is given in place of the credential; `manager` keeps what is referred to.
    ///
    /// # Errors
    /// When a secret cannot be read.
    pub(super) fn write(self, credential: &mut Option<Credential>, manager: String) -> Result<(), Failure> {
        if let Some(resource) = self.secret_reference {
            let reference = SecretReference { resource, manager, names: self.names.into_iter().collect() };
            *credential = Some(Credential { source: Some(credential::Source::Reference(reference)) });
        } else if !self.inline.is_empty() {
            *credential = Some(inline(&self.inline)?);
        }
        Ok(())
    }
}

/// A credential of secrets that stand elsewhere.
///
/// # Errors
/// When one cannot be read.
pub(super) fn inline(sources: &[(String, Source)]) -> Result<Credential, Failure> {
    let read = |(name, source): &(String, Source)| Ok((name.clone(), source.read()?));
    let values = sources.iter().map(read).collect::<Result<_, Failure>>()?;
    Ok(Credential { source: Some(credential::Source::Inline(InlineSecrets { values })) })
}
