//! Completion scripts for shells.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::Cli;

/// What `completion` wants to know.
#[derive(Clone, Debug, Args)]
pub struct Completion {
    /// The shell.
    pub shell: Shell,
}

/// The script for a shell.
#[must_use]
pub fn complete(asked: &Completion) -> String {
    let mut script = Vec::new();
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(asked.shell, &mut command, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
