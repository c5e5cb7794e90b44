//! A certificate and its private key, in two files.

use std::{fs, path::PathBuf, sync::Arc};

use tokio_rustls::rustls::{
    self, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// What clients may choose from, best first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The files, in PEM.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    /// The certificate, then the rest of its chain.
    pub(super) cert: PathBuf,
    pub(super) key: PathBuf,
}

impl Pair {
    /// What the port says with this pair.
    pub(super) fn load(&self) -> Result<Arc<ServerConfig>> {
        let (chain, key) = (self.chain()?, self.private_key()?);
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::internal("TLS cannot be set up", error))?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| self.unfit(error))?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
        Ok(Arc::new(config))
    }

    /// The certificates in the file; at least one.
    pub(super) fn chain(&self) -> Result<Vec<CertificateDer<'static>>> {
        let wrong = |cause: String| Error::invalid("tls-cert", format!("{} {cause}", self.cert.display()));
        let text = fs::read(&self.cert).map_err(|cause| wrong(format!("cannot be read: {cause}")))?;
        let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&text).collect();
        let chain = chain.map_err(|cause| wrong(format!("is not PEM: {cause}")))?;
        if chain.is_empty() {
            return Err(wrong("holds no certificate; give it in PEM".to_owned()));
        }
        Ok(chain)
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>> {
        let wrong = |cause: String| Error::invalid("tls-key", format!("{} {cause}", self.key.display()));
        let text = fs::read(&self.key).map_err(|cause| wrong(format!("cannot be read: {cause}")))?;
        let text = Zeroizing::new(text);
        // The cause is not told: it may quote what the file holds.
        PrivateKeyDer::from_pem_slice(&text)
            .map_err(|_| wrong("holds no private key; give one in PEM that is not encrypted".to_owned()))
    }

    fn unfit(&self, error: rustls::Error) -> Error {
        if matches!(error, rustls::Error::InconsistentKeys(_)) {
            let message =
                format!("{} is not the key of the certificate {}", self.key.display(), self.cert.display());
            return Error::invalid("tls-key", message);
        }
        Error::invalid("tls-cert", format!("{} cannot be used: {error}", self.cert.display()))
    }
}

/// The one crypto provider.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
