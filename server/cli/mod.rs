//! What the program does beside serving.
//!
//! Here: the command line, copies of the store, the health check of containers, and the administration of a gateway over
//! gRPC, a file for each kind of resource, and seed files made of what it has. Not here: the flags of `serve`
//! (`config`). Imported by `main` only.

mod access;
mod administer;
mod api_key;
mod audit;
mod command;
mod completion;
mod connect;
mod credential;
mod exit;
mod export;
mod given;
mod health;
mod issuer;
mod master_key;
mod model;
mod policy;
mod print;
mod provider;
mod rate_limit;
mod resource;
mod secret_manager;
mod seed;
mod tenant;

use crate::{
    error::{Error, Reason, Result},
    state,
    store::{self, DataDir},
};

pub use administer::Administer;
pub use command::{Backup, Cli, Command, Health, Restore};
pub use completion::{Completion, complete};
pub use connect::{Authorized, Bearer, Connection, Gateway, KEY_HELP};
pub use exit::{EXIT_HELP, Exit, Failure};
pub use export::{Export, SeedFormat};
pub use health::ask;
pub use master_key::{MasterKey, rotate};
pub use seed::{SeedArgs, seed};

/// Copies the store. Returns what to tell the operator.
///
/// # Errors
/// Those of [`store::back_up`].
pub async fn back_up(asked: &Backup) -> Result<String> {
    let copied = store::back_up(&asked.data_dir, &asked.file).await?;
    Ok(format!(
        "backed up revision {} ({} records) to {}; the master key is not in it",
        copied.revision,
        copied.records,
        asked.file.display()
    ))
}

/// Puts a copy back. Returns what to tell the operator.
///
/// # Errors
/// Those of [`store::restore`] and, where a gateway is using the data directory, of [`store::restore_live`].
pub async fn restore(asked: &Restore) -> Result<String> {
    let dir = DataDir::open_free(&asked.data_dir)?;
    let (copied, more) = match dir {
        Some(dir) => {
            let copied = store::restore(&dir, &asked.file, asked.replace).await?;
            (copied, "it needs the master key with which it was sealed")
        }
        None if asked.replace => {
            let copied = store::restore_live(&asked.data_dir, &asked.file, state::OWN).await?;
            (copied, "the running gateway takes it over within a second")
        }
        None => {
            let message = format!(
                "a gateway is using {}; add --replace to put the backup in place of what it has",
                asked.data_dir.display()
            );
            return Err(Error::new(Reason::FailedPrecondition, message));
        }
    };
    Ok(format!(
        "restored revision {} ({} records) into {}; {more}",
        copied.revision,
        copied.records,
        asked.data_dir.display()
    ))
}
