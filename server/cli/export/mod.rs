//! `sluicegate export`: what a gateway has, as a seed file.
//!
//! Here: reading it (`stock`), making the requests of it (`requests`), naming what ids stand for (`names`), and writing
//! the text. Secrets are never in it, for no gateway tells them: variables stand in their place.

mod names;
mod requests;
mod stock;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::{
    Connection, Failure,
    print::{self, note},
};
use crate::{error::Error, private_file};

use requests::Requests;
use stock::Stock;

/// What `export` wants to know.
#[derive(Clone, Debug, Args)]
pub struct Export {
    #[command(flatten)]
    connection: Connection,

    /// Form of the seed file.
    #[arg(long, value_enum, default_value_t = SeedFormat::Yaml)]
    format: SeedFormat,

    /// File to write, readable by its owner only. Default: standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Form of a seed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SeedFormat {
    /// With comments that tell which variables to set.
    Yaml,
    /// Without comments; they go to standard error.
    Json,
}

impl Export {
    /// Does what is asked, and tells what came of it.
    pub async fn run(&self) -> ExitCode {
        match self.write().await {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                note(&format!("error: {failure}"));
                failure.exit().into()
            }
        }
    }

    async fn write(&self) -> Result<(), Failure> {
        let stock = Stock::read(&self.connection.open().await?).await?;
        let requests =
            Requests::of(&stock).map_err(|cause| Error::internal("a resource is no JSON", cause))?;
        let notes = notes(&requests);
        let text = match self.format {
            SeedFormat::Yaml => format!("{notes}{}", yaml(&requests.list)?),
            SeedFormat::Json => {
                note(notes.trim_end());
                json(requests.list)
            }
        };
        match &self.output {
            None => print::write(&text),
            Some(path) => private_file::write(path, text.as_bytes()).map_err(|cause| {
                Failure::wrong(format!("--output: {} cannot be written: {cause}", path.display()))
            }),
        }
    }
}

/// Comments at the top: what to set, and what is not in the file.
fn notes(requests: &Requests) -> String {
    let mut notes = String::from(
        "# Seed file of a Sluicegate gateway. Apply it with: sluicegate serve --config FILE\n\
         # The gateway's own key bootstrap-admin is not in it: it comes from SLUICEGATE_ADMIN_KEY.\n",
    );
    if !requests.variables.is_empty() {
        notes.push_str("#\n# Set these variables to the secrets, which no gateway tells:\n");
        for (name, meaning) in &requests.variables {
            notes.push_str(&format!("#   {name}: {meaning}\n"));
        }
    }
    if !requests.left_out.is_empty() {
        notes.push_str("#\n# A seed file cannot say these, so that they are left out:\n");
        for what in &requests.left_out {
            notes.push_str(&format!("#   {what}\n"));
        }
    }
    notes
}

fn yaml(list: &[Value]) -> Result<String, Error> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    serde_saphyr::to_string_with_options(&list, options)
        .map_err(|cause| Error::internal("the export is no YAML", cause))
}

/// JSON that is YAML, too: which takes some characters by their numbers only.
fn json(list: Vec<Value>) -> String {
    let mut text = String::new();
    for letter in format!("{:#}\n", Value::Array(list)).chars() {
        if matches!(letter, '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}') {
            text.push_str(&format!("\\u{:04x}", u32::from(letter)));
        } else {
            text.push(letter);
        }
    }
    text
}
