//! TLS on the port: which certificate is shown, and how it changes while the gateway runs.
//!
//! Here: the pair of certificate and key from the operator's files or of our own making, and its reload. Not here: the
//! handshake's place in the life of a connection (`listener`). Connections that stand keep the certificate they began with.

mod greet;
mod pair;
mod self_signed;

use std::{net::IpAddr, path::Path, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio_rustls::rustls::ServerConfig;

pub(super) use greet::Greeted;

use self::{pair::Pair, self_signed::SelfSigned};
use crate::{
    clock::Clock,
    config::TlsSettings,
    error::{Error, Result},
    file_watch::FileWatch,
    task::Tasks,
};

/// How often a pair of our own making is looked at, whether it must be renewed.
const RENEWAL_CHECK: Duration = Duration::from_secs(3600);

/// What the port says in handshakes. Clones share it.
#[derive(Clone)]
pub struct Tls(Arc<ArcSwap<ServerConfig>>);

/// Where the pair comes from.
enum Source {
    /// Files of the operator.
    Given(Pair),
    /// Of our own making.
    Made(SelfSigned),
}

// === impl Tls ===

impl Tls {
    /// TLS as the settings want it, `None` where they want none. `addresses` are those that the gateway listens on. From
    /// now on, a pair that changes is read anew.
    ///
    /// # Errors
    /// When only half of a pair is given, or it cannot be used.
    pub async fn start(
        settings: &TlsSettings,
        data_dir: &Path,
        addresses: impl IntoIterator<Item = IpAddr>,
        clock: Clock,
        tasks: &Tasks,
    ) -> Result<Option<Self>> {
        let Some(source) = Source::new(settings, data_dir, addresses, clock)? else { return Ok(None) };
        source.renew()?;
        // Before it is read, so that no change slips through between.
        let watch = FileWatch::new([source.pair().cert.clone(), source.pair().key.clone()]).await?;
        let tls = Self(Arc::new(ArcSwap::new(source.pair().load()?)));
        tasks.spawn(tls.clone().follow(source, watch, tasks.clone()));
        Ok(Some(tls))
    }

    /// Takes over every change of the pair, until the gateway ends.
    async fn follow(self, source: Source, mut watch: FileWatch, tasks: Tasks) {
        loop {
            tokio::select! {
                () = tasks.stopping() => return,
                () = watch.changed() => {}
                () = tokio::time::sleep(RENEWAL_CHECK) => {
                    if let Err(error) = source.renew() {
                        tracing::error!(%error, cause = error.cause().map(tracing::field::display), "the certificate cannot be renewed");
                    }
                    // The watch sees it when there is a new one.
                    continue;
                }
            }
            match source.renew().and_then(|()| source.pair().load()) {
                Ok(config) => {
                    self.0.store(config);
                    tracing::info!("the certificate was read anew; new connections get it");
                }
                Err(error) => {
                    tracing::error!(%error, cause = error.cause().map(tracing::field::display), "the certificate stays as it was");
                }
            }
        }
    }
}

// === impl Source ===

impl Source {
    fn new(
        settings: &TlsSettings,
        data_dir: &Path,
        addresses: impl IntoIterator<Item = IpAddr>,
        clock: Clock,
    ) -> Result<Option<Self>> {
        match (&settings.tls_cert, &settings.tls_key, settings.tls_self_signed) {
            (None, None, false) => Ok(None),
            (None, None, true) => Ok(Some(Self::Made(SelfSigned::new(data_dir, addresses, clock)))),
            (Some(cert), Some(key), false) => {
                Ok(Some(Self::Given(Pair { cert: cert.clone(), key: key.clone() })))
            }
            (Some(_), None, _) => Err(Error::invalid("tls-key", "is required where tls-cert is given")),
            (None, Some(_), _) => Err(Error::invalid("tls-cert", "is required where tls-key is given")),
            (Some(_), Some(_), true) => Err(Error::invalid(
                "tls-self-signed",
                "makes a certificate, but tls-cert and tls-key give one; leave out either",
            )),
        }
    }

    fn pair(&self) -> &Pair {
        match self {
            Self::Given(pair) => pair,
            Self::Made(made) => made.pair(),
        }
    }

    /// Makes the pair anew where it is ours and will not do for long.
    fn renew(&self) -> Result<()> {
        match self {
            Self::Given(_) => Ok(()),
            Self::Made(made) => made.renew(),
        }
    }
}

#[cfg(test)]
mod tests;
