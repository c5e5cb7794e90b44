//! TLS on the port: protocols, certificates and their reload, peers that misbehave; and the port for administration.

mod admin_port;
mod peers;
mod process;
mod protocols;
mod reload;

use std::{io, sync::Arc};

use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};

use crate::{
    authority::{Authority, Pair},
    support::{CERTIFICATE, TestGateway, start_gateway_with},
};

/// What the authority vouches for.
const NAMES: &[&str] = &["localhost", "127.0.0.1"];

/// A pair in two files.
struct Files {
    folder: tempfile::TempDir,
    authority: Authority,
}

impl Files {
    /// With a first pair.
    fn new() -> Self {
        let files = Self { folder: tempfile::tempdir().expect("a folder"), authority: Authority::new() };
        files.put(&files.next());
        files
    }

    /// Another pair of the same authority.
    fn next(&self) -> Pair {
        self.authority.vouch_for_all(NAMES)
    }

    fn put(&self, pair: &Pair) {
        let chain = format!("{}{}", pair.certificate, self.authority.pem());
        std::fs::write(self.folder.path().join("cert.pem"), chain).expect("the certificate");
        std::fs::write(self.folder.path().join("key.pem"), &pair.key).expect("the key");
    }

    fn flags(&self) -> [String; 2] {
        let path = |name| self.folder.path().join(name).to_str().expect("UTF-8").to_owned();
        [format!("--tls-cert={}", path("cert.pem")), format!("--tls-key={}", path("key.pem"))]
    }

    async fn gateway(&self) -> TestGateway {
        let [cert, key] = self.flags();
        start_gateway_with(&[&cert, &key]).await
    }
}

async fn self_signed(flags: &[&str]) -> TestGateway {
    start_gateway_with(&[&["--tls-self-signed"], flags].concat()).await
}

/// The certificate that a gateway has made.
fn made(gateway: &TestGateway) -> String {
    std::fs::read_to_string(gateway.data.path().join(CERTIFICATE)).expect("the certificate")
}

/// A connection after the handshake, by one who trusts this PEM and offers these protocols.
async fn dial(url: &str, trusted: &str, offered: &[&str]) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(trusted.as_bytes()) {
        roots.add(certificate.expect("PEM")).expect("a certificate");
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, connect(url).await).await
}

/// A connection before the handshake.
async fn connect(url: &str) -> TcpStream {
    TcpStream::connect(url.trim_start_matches("https://")).await.expect("a connection")
}

/// The certificate that new connections are shown.
async fn shown(url: &str, authority: &Authority) -> CertificateDer<'static> {
    let stream = dial(url, &authority.pem(), &[]).await.expect("a handshake");
    stream.get_ref().1.peer_certificates().expect("certificates")[0].clone()
}

fn certificate(pair: &Pair) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pair.certificate.as_bytes()).expect("PEM")
}
