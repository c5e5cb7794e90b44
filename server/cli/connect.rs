//! How the commands of the administration reach their gateway.

use std::{fs, path::PathBuf, time::Duration};

use clap::Args;
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject as _};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};
use url::Url;

use super::exit::{Failure, root};
use crate::{
    config::{seconds, variable},
    edge::MAX_BODY_BYTES,
    error::{Error, Reason},
    http::CONNECT_TIMEOUT,
    proto::v1::{
        access_admin_client::AccessAdminClient, model_catalog_client::ModelCatalogClient,
        provider_admin_client::ProviderAdminClient,
    },
    secret::Secret,
};

/// What the list of flags cannot tell.
pub const KEY_HELP: &str = "\
The API key, from the environment or a file only, as other users of the machine can see flags:
  SLUICEGATE_API_KEY    the key
  SLUICEGATE_ADMIN_KEY  the same; read where the first is not set";

/// Where the gateway is, and how it is talked to.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Gateway")]
pub struct Connection {
    /// Address of the gateway, e.g. `https://gateway.example.org`, or host and port without TLS.
    #[arg(
        long,
        env = "SLUICEGATE_SERVER",
        value_name = "URL",
        default_value = "http://127.0.0.1:8080",
        global = true
    )]
    pub server: String,

    /// File that holds the API key, instead of the environment.
    #[arg(long, env = "SLUICEGATE_API_KEY_FILE", value_name = "FILE", global = true)]
    pub api_key_file: Option<PathBuf>,

    /// Certificates, in PEM, of the authorities to trust for https instead of those of the machine.
    #[arg(long, env = "SLUICEGATE_CA_CERT", value_name = "FILE", global = true)]
    pub ca_cert: Option<PathBuf>,

    /// How long an answer may take, in seconds.
    #[arg(
        long = "timeout-seconds",
        env = "SLUICEGATE_TIMEOUT_SECONDS",
        value_name = "SECONDS",
        default_value = "60",
        value_parser = seconds,
        global = true
    )]
    pub timeout: Duration,
}

/// A gateway that answers, and the key that it is asked with.
#[derive(Debug)]
pub struct Gateway {
    channel: Channel,
    bearer: Bearer,
}

/// A channel that sends the key with every call.
pub type Authorized = InterceptedService<Channel, Bearer>;

/// Adds the key to every call.
#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When there is no key, or nothing that can be trusted answers. The message says what to do.
    pub async fn open(&self) -> Result<Gateway, Failure> {
        let url = self.url()?;
        let bearer = Bearer::new(&self.key()?)?;
        let address = url.as_str().trim_end_matches('/').to_owned();
        let mut endpoint = Endpoint::from_shared(address.clone())
            .map_err(|error| Failure::wrong(format!("--server: {address}: {error}")))?
            .tcp_nodelay(true)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(self.timeout);
        if url.scheme() == "https" {
            endpoint = endpoint.tls_config(self.trust()?).map_err(|error| {
                Failure::wrong(format!("--ca-cert: no certificates can be taken from it: {}", root(&error)))
            })?;
        }
        let channel = endpoint.connect().await.map_err(|error| not_connected(&address, &root(&error)))?;
        Ok(Gateway { channel, bearer })
    }

    /// The address, checked.
    fn url(&self) -> Result<Url, Failure> {
        let wrong = || {
            Failure::wrong(format!(
                "--server: \"{}\" is no address of a gateway; give http or https, a host and a port, e.g. \
                 http://127.0.0.1:8080",
                self.server
            ))
        };
        let text = match self.server.contains("://") {
            true => self.server.clone(),
            false => format!("http://{}", self.server),
        };
        let url = Url::parse(&text).map_err(|_| wrong())?;
        let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let open = url.username().is_empty() && url.password().is_none();
        let known = matches!(url.scheme(), "http" | "https");
        if plain && open && known { Ok(url) } else { Err(wrong()) }
    }

    fn key(&self) -> Result<Secret, Failure> {
        if let Some(path) = &self.api_key_file {
            let text = fs::read_to_string(path).map_err(|cause| {
                Failure::wrong(format!("--api-key-file: {} cannot be read: {cause}", path.display()))
            })?;
            return Ok(Secret::new(text.trim().to_owned()));
        }
        let found = variable("SLUICEGATE_API_KEY").or_else(|| variable("SLUICEGATE_ADMIN_KEY"));
        found.map(Secret::new).ok_or_else(|| {
            let message = "there is no API key; set SLUICEGATE_API_KEY, or name a file by --api-key-file";
            Error::new(Reason::Unauthenticated, message).into()
        })
    }

    fn trust(&self) -> Result<ClientTlsConfig, Failure> {
        let Some(path) = &self.ca_cert else { return Ok(ClientTlsConfig::new().with_native_roots()) };
        let pem = fs::read(path).map_err(|cause| {
            Failure::wrong(format!("--ca-cert: {} cannot be read: {cause}", path.display()))
        })?;
        CertificateDer::from_pem_slice(&pem).map_err(|cause| {
            Failure::wrong(format!("--ca-cert: {} holds no certificate in PEM: {cause}", path.display()))
        })?;
        Ok(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)))
    }
}

/// Why there is no connection, from what the libraries say of it.
fn not_connected(address: &str, cause: &str) -> Failure {
    let advice = if cause.contains("peer certificate") {
        "its certificate is not trusted; name the authority by --ca-cert, and call the host as the certificate does"
    } else if address.starts_with("https") && !cause.contains("(os error") {
        "it does not speak TLS as it should; look at its port, and whether it is http"
    } else {
        "look whether it runs, and at --server or SLUICEGATE_SERVER"
    };
    Failure::not_reached(format!("cannot reach the gateway at {address}: {cause}; {advice}"))
}

// === impl Gateway ===

impl Gateway {
    /// Administration of providers.
    #[must_use]
    pub fn providers(&self) -> ProviderAdminClient<Authorized> {
        ProviderAdminClient::with_interceptor(self.channel.clone(), self.bearer.clone())
            .max_decoding_message_size(MAX_BODY_BYTES)
    }

    /// Administration of models.
    #[must_use]
    pub fn models(&self) -> ModelCatalogClient<Authorized> {
        ModelCatalogClient::with_interceptor(self.channel.clone(), self.bearer.clone())
            .max_decoding_message_size(MAX_BODY_BYTES)
    }

    /// Administration of keys, policies, rate limits and the tenant.
    #[must_use]
    pub fn access(&self) -> AccessAdminClient<Authorized> {
        AccessAdminClient::with_interceptor(self.channel.clone(), self.bearer.clone())
            .max_decoding_message_size(MAX_BODY_BYTES)
    }
}

// === impl Bearer ===

impl Bearer {
    fn new(key: &Secret) -> Result<Self, Failure> {
        let value = format!("Bearer {}", key.expose()).parse();
        let mut value: MetadataValue<Ascii> = value.map_err(|_| {
            Failure::wrong("the API key has characters that no key has; look where it comes from")
        })?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

impl std::fmt::Debug for Bearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bearer([redacted])")
    }
}
