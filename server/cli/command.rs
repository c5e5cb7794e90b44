//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{
    Args, Parser, Subcommand,
    error::{ContextKind, ContextValue},
};

use super::{Administer, Completion, EXIT_HELP, Export, KEY_HELP, MasterKey, SeedArgs};
use crate::config::{Config, SECRETS_HELP};

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "sluicegate", version, about = "A gateway to foundation models of many vendors")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the gateway.
    #[command(after_help = SECRETS_HELP)]
    Serve(Box<Config>),
    /// Copy the store into a file; a gateway may be using it.
    Backup(Backup),
    /// Make a copy the store of a data directory; a gateway may be using it.
    Restore(Restore),
    /// The master key, with which stored secrets are sealed.
    MasterKey(MasterKey),
    /// Ask a gateway whether it is ready; fails when it is not.
    Health(Health),
    /// Write a completion script for a shell, e.g. `source <(sluicegate completion bash)`.
    Completion(Completion),
    /// Check seed files, and what editors need for them.
    Seed(SeedArgs),
    /// Write what a gateway has as a seed file. Variables stand in place of secrets.
    #[command(after_help = format!("{KEY_HELP}\n\n{EXIT_HELP}"))]
    Export(Box<Export>),
    /// Administer a gateway.
    #[command(flatten)]
    Administer(Box<Administer>),
}

/// What `backup` wants to know.
#[derive(Clone, Debug, Args)]
pub struct Backup {
    /// The new file. The secrets in it stay sealed: keep the master key too, and elsewhere.
    pub file: PathBuf,

    /// Folder of the store.
    #[arg(long, env = "SLUICEGATE_DATA_DIR", default_value = "./data")]
    pub data_dir: PathBuf,
}

/// What `restore` wants to know.
#[derive(Clone, Debug, Args)]
pub struct Restore {
    /// A file that `backup` has written.
    pub file: PathBuf,

    /// Folder of the store; made if it is not there.
    #[arg(long, env = "SLUICEGATE_DATA_DIR", default_value = "./data")]
    pub data_dir: PathBuf,

    /// Take the place of a store that is there. It is kept beside the new one.
    #[arg(long)]
    pub replace: bool,
}

/// What `health` wants to know.
#[derive(Clone, Debug, Args)]
pub struct Health {
    /// Address and port of the gateway, as it was told to listen.
    #[arg(long, env = "SLUICEGATE_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Ask over TLS. Implied where the environment has `SLUICEGATE_TLS_CERT` or `SLUICEGATE_TLS_SELF_SIGNED`, or an
    /// authority is given.
    #[arg(long)]
    pub tls: bool,

    /// File of the authorities, in PEM, one of which must vouch for the gateway. Default: those of the machine; but on
    /// loopback, anybody may.
    #[arg(long)]
    pub ca_cert: Option<PathBuf>,

    /// As the gateway was told.
    #[arg(long, env = "SLUICEGATE_TLS_CERT", hide = true)]
    pub tls_cert: Option<PathBuf>,

    /// As the gateway was told.
    #[arg(long, env = "SLUICEGATE_TLS_SELF_SIGNED", hide = true)]
    pub tls_self_signed: bool,
}

// === impl Cli ===

impl Cli {
    /// What this process was asked. Ends it where that cannot be understood.
    #[must_use]
    pub fn from_process() -> Self {
        Self::try_parse().unwrap_or_else(|mut error| {
            // Who gives a secret where its source belongs has it on the screen and in logs otherwise.
            let flag = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
            if flag.contains("SOURCE>") && error.get(ContextKind::InvalidValue).is_some() {
                error.insert(ContextKind::InvalidValue, ContextValue::String("...".to_owned()));
            }
            error.exit()
        })
    }
}
