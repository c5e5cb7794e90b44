//! `sluicegate access`

use clap::{Subcommand, builder::PossibleValuesParser};

use super::{connect::Gateway, exit::Failure, print::Format};
use crate::proto::v1::{ExplainAccessRequest, Permission};

/// What to ask about access.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Tell whether the holder of a key may do something, and which rule decides.
    Explain {
        /// Id or name of the key.
        key: String,

        /// What it is about.
        #[arg(long, value_parser = PossibleValuesParser::new(permissions()))]
        permission: String,

        /// One resource, as in policies, but not all of a kind, e.g. `model:fast`. Default: the permission alone.
        #[arg(long, value_name = "KIND:ID")]
        resource: Option<String>,
    },
}

pub(super) async fn run(verb: Verb, gateway: &Gateway, format: Format) -> Result<(), Failure> {
    let Verb::Explain { key, permission, resource } = verb;
    let name = format!("PERMISSION_{}", permission.replace('-', "_").to_uppercase());
    let permission = Permission::from_str_name(&name).unwrap_or_default();
    let request = ExplainAccessRequest {
        api_key: key,
        permission: permission.into(),
        resource: resource.unwrap_or_default(),
    };
    let answer = gateway.access().explain_access(request).await?.into_inner();
    format.verdict("allowed", answer.allowed, &answer)
}

/// Every permission, as flags write it: `write-models`.
fn permissions() -> Vec<String> {
    let named = (1..).map_while(|number| Permission::try_from(number).ok());
    named
        .map(|permission| {
            let name = permission.as_str_name();
            name.trim_start_matches("PERMISSION_").to_lowercase().replace('_', "-")
        })
        .collect()
}
