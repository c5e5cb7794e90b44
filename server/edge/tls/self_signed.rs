//! A pair of our own making, for a first try: its certificate is its own authority, so clients trust it by its file.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use tokio_rustls::rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier as _},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::pair::{Pair, provider};
use crate::{
    clock::Clock,
    error::{Error, Result},
    private_file,
};

const DAY: Duration = Duration::from_secs(24 * 3600);
const VALID: Duration = DAY.saturating_mul(365);
/// It is renewed so long before its end.
const SPARE: Duration = DAY.saturating_mul(30);
const LOCALHOST: &str = "localhost";

/// The pair, and whom it stands for.
pub(super) struct SelfSigned {
    pair: Pair,
    addresses: BTreeSet<IpAddr>,
    clock: Clock,
}

impl SelfSigned {
    /// The pair in the data directory, for this machine and the addresses that it listens on.
    pub(super) fn new(data_dir: &Path, listen: impl IntoIterator<Item = IpAddr>, clock: Clock) -> Self {
        let folder = data_dir.join("tls");
        let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        let addresses = loopback.into_iter().chain(listen).filter(|address| !address.is_unspecified());
        Self {
            pair: Pair { cert: folder.join("cert.pem"), key: folder.join("key.pem") },
            addresses: addresses.collect(),
            clock,
        }
    }

    pub(super) fn pair(&self) -> &Pair {
        &self.pair
    }

    /// Makes the pair where it is missing, is broken, ends soon, or does not stand for what is listened on.
    pub(super) fn renew(&self) -> Result<()> {
        if self.will_do() { Ok(()) } else { self.make() }
    }

    fn will_do(&self) -> bool {
        let (Ok(chain), Ok(_)) = (self.pair.chain(), self.pair.load()) else { return false };
        chain.first().is_some_and(|cert| self.is_trusted(cert, self.clock.now() + SPARE))
    }

    /// Whether a client that was told to trust the certificate does, at that time and under every address. The host name
    /// is not asked for: in a container it is new at every start, and seldom what clients say.
    fn is_trusted(&self, cert: &CertificateDer<'_>, time: SystemTime) -> bool {
        let mut roots = RootCertStore::empty();
        if roots.add(cert.clone().into_owned()).is_err() {
            return false;
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
        let Ok(verifier) = verifier else { return false };
        let time = UnixTime::since_unix_epoch(time.duration_since(UNIX_EPOCH).unwrap_or_default());
        let addresses = self.addresses.iter().map(|address| ServerName::from(*address));
        addresses
            .chain(ServerName::try_from(LOCALHOST))
            .all(|name| verifier.verify_server_cert(cert, &[], &name, &[], time).is_ok())
    }

    fn make(&self) -> Result<()> {
        let failed = |error| Error::internal("the certificate cannot be made", error);
        let key = KeyPair::generate().map_err(failed)?;
        let cert = self.wanted().and_then(|wanted| wanted.self_signed(&key)).map_err(failed)?;
        let written = self.pair.cert.parent().map_or(Ok(()), private_file::create_dir);
        written
            .and_then(|()| private_file::write(&self.pair.key, key.serialize_pem().as_bytes()))
            .and_then(|()| private_file::write(&self.pair.cert, cert.pem().as_bytes()))
            .map_err(|error| {
                let message = format!("{} cannot be written", self.pair.cert.display());
                Error::internal(message, error)
            })?;
        tracing::info!(cert = %self.pair.cert.display(), "made a certificate; clients trust it by that file");
        Ok(())
    }

    fn wanted(&self) -> Result<CertificateParams, rcgen::Error> {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let names = BTreeSet::from([LOCALHOST.to_owned(), host]);
        let addresses = self.addresses.iter().map(ToString::to_string);
        let names: Vec<_> = names.into_iter().filter(|name| is_host(name)).chain(addresses).collect();
        let mut wanted = CertificateParams::new(names)?;
        wanted.distinguished_name = DistinguishedName::new();
        wanted.distinguished_name.push(DnType::CommonName, "sluicegate");
        wanted.is_ca = IsCa::ExplicitNoCa;
        wanted.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        wanted.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let now = self.clock.now();
        // Clocks of clients may be behind.
        wanted.not_before = (now - DAY).into();
        wanted.not_after = (now + VALID).into();
        Ok(wanted)
    }
}

/// Whether it can be asked for as the name of a host.
fn is_host(name: &str) -> bool {
    matches!(ServerName::try_from(name), Ok(ServerName::DnsName(_)))
}
