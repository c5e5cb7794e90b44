//! `sluicegate seed`: what is known of seed files without a gateway.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{
    admin::seed::{self, Seed},
    clock::Clock,
    config,
    error::Error,
};

/// What `seed` wants to know.
#[derive(Clone, Debug, Args)]
pub struct SeedArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Clone, Debug, Subcommand)]
enum Verb {
    /// Try a seed file on an empty gateway of its own, and tell every problem with its line.
    Check {
        /// The file, YAML or JSON. Variables in it are read from the environment, as `serve` does.
        file: PathBuf,
    },
    /// Write the JSON schema of seed files, for editors.
    Schema,
}

/// Does what is asked. Returns what to tell the operator.
///
/// # Errors
/// Every problem of the file.
pub fn seed(asked: &SeedArgs) -> Result<String, Vec<Error>> {
    match &asked.verb {
        Verb::Schema => Ok(seed::SCHEMA.to_owned()),
        Verb::Check { file } => {
            let text = seed::read(file).map_err(|error| vec![error])?;
            let name = file.display().to_string();
            let seed = Seed { name: &name, text: &text, lookup: &config::variable };
            let count = seed.check(&Clock::real())?;
            Ok(format!("{name} is right; an empty gateway would make {count} changes"))
        }
    }
}
