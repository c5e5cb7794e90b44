//! How secrets are read that live elsewhere.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use crate::error::Error;

/// Counts reads of secrets. Clones share the counts. Labels are the names of secret managers, and
/// `local` for this machine.
#[derive(Clone, Debug, Default)]
pub struct SecretReads {
    reads: Family<ReadLabels, Counter>,
    stale: Family<StaleLabels, Counter>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReadLabels {
    manager: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StaleLabels {
    manager: String,
}

impl SecretReads {
    /// A secret was read there, or could not be.
    pub fn count(&self, manager: &str, failure: Option<&Error>) {
        let outcome = match failure {
            None => "ok",
            Some(error) if error.is_outage() => "unavailable",
            Some(_) => "refused",
        };
        self.reads.get_or_create(&ReadLabels { manager: manager.to_owned(), outcome }).inc();
    }

    /// A call used a secret of which there was no newer reading in time.
    pub fn count_stale(&self, manager: &str) {
        self.stale.get_or_create(&StaleLabels { manager: manager.to_owned() }).inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Reads of secrets that live elsewhere, by what became of them";
        registry.register("secret_reads", help, self.reads.clone());
        let help = "Uses of secrets that their manager could not be asked for in time";
        registry.register("secrets_used_stale", help, self.stale.clone());
    }
}
