//! Logs: set up once, at start.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::{
    config::LogFormat,
    error::{Error, Result},
};

/// Sends the log to standard error.
///
/// # Errors
/// When `filter` cannot be read, or a log is set up already.
pub fn start(filter: &str, format: LogFormat) -> Result<()> {
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        Error::invalid("log", format!("cannot be read: {error}; write it like info or sluicegate=debug"))
    })?;
    let registry = tracing_subscriber::registry().with(filter);
    let started = match format {
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal();
            registry.with(fmt::layer().with_ansi(colours).with_writer(std::io::stderr)).try_init()
        }
        LogFormat::Json => registry.with(fmt::layer().json().with_writer(std::io::stderr)).try_init(),
    };
    started.map_err(|error| Error::internal("the log is set up already", error))
}
