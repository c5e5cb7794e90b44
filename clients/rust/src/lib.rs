//! gRPC client for the Sluicegate model gateway.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use sluicegate_client::{Gateway, v1};
//!
//! let gateway = Gateway::connect("http://127.0.0.1:8080", "sg-...").await?;
//! let request = v1::ChatRequest {
//!     model: "demo".into(),
//!     messages: vec![sluicegate_client::user("Hi")],
//!     ..Default::default()
//! };
//! let mut chunks = gateway.inference().stream_chat(request).await?.into_inner();
//! while let Some(chunk) = chunks.message().await? {
//!     print!("{}", sluicegate_client::text(&chunk));
//! }
//! # Ok(())
//! # }
//! ```

use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};

/// The generated messages and clients of package `sluicegate.v1`.
#[allow(
    missing_docs,
    clippy::all,
    clippy::allow_attributes_without_reason,
    rustdoc::all,
    reason = "generated code"
)]
pub mod v1 {
    tonic::include_proto!("sluicegate.v1");
}

/// A channel that sends the key with every call.
pub type Authorized = InterceptedService<Channel, Bearer>;

/// A connection to one gateway. Clones share it.
#[derive(Clone, Debug)]
pub struct Gateway {
    channel: Channel,
    bearer: Bearer,
}

/// Adds `authorization: Bearer KEY` to every call.
#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

/// Why a connection did not come about.
#[derive(Debug)]
pub enum ConnectError {
    /// The key has characters that no header can carry.
    Key,
    /// The address is no URL, or nothing answers there.
    Transport(tonic::transport::Error),
}

// === impl Gateway ===

impl Gateway {
    /// Connects to `address`, e.g. `http://127.0.0.1:8080`, as the holder of `key`. Behind `https://`, the gateway must
    /// be vouched for by an authority that the machine trusts.
    ///
    /// # Errors
    /// When the address is no URL, the key cannot stand in a header, or nothing that is trusted answers.
    pub async fn connect(address: &str, key: &str) -> Result<Self, ConnectError> {
        Self::connect_with(ClientTlsConfig::new().with_native_roots(), address, key).await
    }

    /// The same, but behind `https://` trusts none but the `authorities`, certificates in PEM.
    ///
    /// # Errors
    /// Those of [`Gateway::connect`].
    pub async fn connect_trusting(authorities: &str, address: &str, key: &str) -> Result<Self, ConnectError> {
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authorities));
        Self::connect_with(tls, address, key).await
    }

    async fn connect_with(tls: ClientTlsConfig, address: &str, key: &str) -> Result<Self, ConnectError> {
        let mut endpoint = Endpoint::from_shared(address.to_owned())?.tcp_nodelay(true);
        if endpoint.uri().scheme_str() == Some("https") {
            endpoint = endpoint.tls_config(tls)?;
        }
        let channel = endpoint.connect().await?;
        let value: Result<MetadataValue<Ascii>, _> = format!("Bearer {key}").parse();
        let mut value = value.map_err(|_| ConnectError::Key)?;
        value.set_sensitive(true);
        Ok(Self { channel, bearer: Bearer(value) })
    }

    /// Calls to models.
    #[must_use]
    pub fn inference(&self) -> v1::inference_client::InferenceClient<Authorized> {
        v1::inference_client::InferenceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
    }

    /// Administration of providers.
    #[must_use]
    pub fn providers(&self) -> v1::provider_admin_client::ProviderAdminClient<Authorized> {
        v1::provider_admin_client::ProviderAdminClient::with_interceptor(
            self.channel.clone(),
            self.bearer.clone(),
        )
    }

    /// Administration of models.
    #[must_use]
    pub fn models(&self) -> v1::model_catalog_client::ModelCatalogClient<Authorized> {
        v1::model_catalog_client::ModelCatalogClient::with_interceptor(
            self.channel.clone(),
            self.bearer.clone(),
        )
    }

    /// Administration of API keys.
    #[must_use]
    pub fn access(&self) -> v1::access_admin_client::AccessAdminClient<Authorized> {
        v1::access_admin_client::AccessAdminClient::with_interceptor(
            self.channel.clone(),
            self.bearer.clone(),
        )
    }
}

/// Answers may hold many vectors; the gateway bounds them.
const MAX_MESSAGE_BYTES: usize = 64 << 20;

/// A user message of one text.
#[must_use]
pub fn user(text: impl Into<String>) -> v1::Message {
    v1::Message {
        role: v1::Role::User.into(),
        parts: vec![v1::Part {
            content: Some(v1::part::Content::Text(v1::TextPart { text: text.into() })),
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// The text that a chunk adds, of all its choices.
#[must_use]
pub fn text(chunk: &v1::ChatChunk) -> String {
    chunk
        .choices
        .iter()
        .flat_map(|choice| &choice.parts)
        .filter_map(|part| match &part.content {
            Some(v1::part_delta::Content::Text(delta)) => Some(delta.text.as_str()),
            _ => None,
        })
        .collect()
}

// === messages that hold secrets ===

macro_rules! hidden {
    ($($message:ident)*) => {
        $(impl std::fmt::Debug for v1::$message {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($message)).finish_non_exhaustive()
            }
        })*
    };
}

hidden!(InlineSecrets CreateApiKeyRequest CreateApiKeyResponse RotateApiKeyRequest RotateApiKeyResponse);

// === impl Bearer ===

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

// === impl ConnectError ===

impl From<tonic::transport::Error> for ConnectError {
    fn from(error: tonic::transport::Error) -> Self {
        Self::Transport(error)
    }
}

impl std::fmt::Display for ConnectError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key => f.write_str("the key has characters that no header can carry"),
            Self::Transport(error) => write!(f, "cannot connect: {error}"),
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Key => None,
            Self::Transport(error) => Some(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::v1;

    #[test]
    fn a_message_with_a_secret_does_not_print_it() {
        let secret = || "sk-printed-0123456789".to_owned();
        let inline = v1::InlineSecrets { values: [("apikey".to_owned(), secret())].into() };
        let credential = v1::Credential { source: Some(v1::credential::Source::Inline(inline)) };
        let provider = v1::Provider { credential: Some(credential), ..Default::default() };
        let asked = v1::CreateProviderRequest { provider: Some(provider) };
        let made = v1::CreateApiKeyResponse { secret: secret(), ..Default::default() };
        let rotated = v1::RotateApiKeyResponse { secret: secret(), ..Default::default() };
        let printed = format!("{asked:?} {made:?} {rotated:?}");
        assert!(printed.contains("InlineSecrets") && !printed.contains("printed"), "{printed}");
    }
}
