//! Logs: set up once, at start.

use std::io::IsTerminal as _;

use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, filter::filter_fn, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::{
    config::LogFormat,
    error::{Error, Result},
};

/// Sends the log to standard error. What others wrote is heard from `info` on, whatever the filter says.
///
/// # Errors
/// When `filter` cannot be read, or a log is set up already.
pub fn start(filter: &str, format: LogFormat) -> Result<()> {
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        Error::invalid("log", format!("cannot be read: {error}; write it like info or sluicegate=debug"))
    })?;
    let registry = tracing_subscriber::registry().with(filter).with(filter_fn(is_safe));
    let started = match format {
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal();
            registry.with(fmt::layer().with_ansi(colours).with_writer(std::io::stderr)).try_init()
        }
        LogFormat::Json => registry.with(fmt::layer().json().with_writer(std::io::stderr)).try_init(),
    };
    started.map_err(|error| Error::internal("the log is set up already", error))
}

/// Whether an event holds no secrets, as far as we can vouch for that. Libraries print headers, credentials and bodies at
/// the lower levels, and which of them changes with their releases.
fn is_safe(event: &Metadata<'_>) -> bool {
    let is_ours = event.target().split("::").next() == Some(env!("CARGO_CRATE_NAME"));
    is_ours || *event.level() <= Level::INFO
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex, PoisonError},
    };

    use tracing_subscriber::{EnvFilter, filter::filter_fn, fmt, layer::SubscriberExt as _};

    use super::is_safe;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_filter_makes_libraries_tell_what_they_send() {
        for filter in ["trace", "hyper_util=trace,sluicegate=trace,sluicegate_other=trace,info"] {
            let log = Log::default();
            let written = log.clone();
            let output = fmt::layer().with_writer(move || written.clone());
            let registry = tracing_subscriber::registry().with(EnvFilter::new(filter));
            tracing::subscriber::with_default(registry.with(filter_fn(is_safe)).with(output), || {
                tracing::trace!(target: "sluicegate::edge", "ours at trace");
                tracing::debug!(target: "hyper_util::client", "theirs at debug");
                tracing::trace!(target: "sluicegate_other", "a namesake at trace");
                tracing::info!(target: "hyper_util::client", "theirs at info");
            });
            let told = log.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let told = String::from_utf8_lossy(&told);
            assert!(told.contains("ours at trace") && told.contains("theirs at info"), "{filter}: {told}");
            assert!(!told.contains("theirs at debug") && !told.contains("namesake"), "{filter}: {told}");
        }
    }
}
