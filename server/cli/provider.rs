//! `sluicegate provider`

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{
    connect::Gateway,
    credential,
    exit::Failure,
    given::{self, Source},
    print::{Column, Format},
    resource::{self, rpcs},
};
use crate::proto::v1::{
    Connection, CreateProviderRequest, DeleteProviderRequest, GetProviderRequest, ListAvailableModelsRequest,
    ListProviderTypesRequest, ListProvidersRequest, Provider, TestProviderRequest, UpdateProviderRequest,
};

const COLUMNS: [Column; 5] =
    [("NAME", "name"), ("TYPE", "type"), ("BASE URL", "baseUrl"), ("CREATED", "createTime"), ("ID", "id")];
const TYPES: [Column; 5] = [
    ("NAME", "name"),
    ("TITLE", "title"),
    ("DEFAULT BASE URL", "defaultBaseUrl"),
    ("SETTINGS", "settings.name"),
    ("SECRETS", "authKinds.secrets.name"),
];
const AVAILABLE: [Column; 3] = [("ID", "id"), ("OWNED BY", "ownedBy"), ("CREATED", "createTime")];

/// What to do with providers.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List all providers.
    List,
    /// Show one provider.
    Get {
        /// Its id or its name.
        name: String,
    },
    /// Register a provider.
    Create(Box<Create>),
    /// Change what is given; all else stays. Fails if somebody else changes the provider meanwhile.
    Update(Box<Update>),
    /// Remove providers with their models, one after another. Calls in flight run to their end.
    Delete {
        /// Ids or names.
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Make one cheap real call to the upstream; fails with code 1 if that fails.
    Test {
        /// Its id or its name.
        name: String,
    },
    /// List the types that a provider may have, with their settings and secrets.
    Types,
    /// List the models that the upstream offers.
    AvailableModels {
        /// Id or name of the provider.
        name: String,
    },
}

/// What `create` wants to know.
#[derive(Debug, Args)]
pub struct Create {
    /// Its name, unique over all providers.
    name: Option<String>,

    /// Its type; `sluicegate provider types` lists them.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,

    #[command(flatten)]
    members: Members,
}

/// What `update` wants to know.
#[derive(Debug, Args)]
pub struct Update {
    /// Its id or its name.
    provider: String,

    /// New name.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    #[command(flatten)]
    members: Members,
}

/// Members that `create` and `update` take.
#[derive(Debug, Args)]
struct Members {
    /// The whole provider as proto JSON or YAML, `-` for standard input; flags are applied on top. On update it replaces
    /// what is stored, but for secrets.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Address of the upstream; empty for that of the type.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,

    /// A setting of the type; repeat for more. An empty value takes it out.
    #[arg(long = "setting", value_name = "NAME=VALUE", value_parser = given::pair)]
    settings: Vec<(String, String)>,

    /// A header for every call to the upstream, not for secrets; repeat for more. An empty value takes it out.
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = given::pair)]
    headers: Vec<(String, String)>,

    #[command(flatten)]
    credential: credential::Flags,

    /// Id or name of the secret manager that keeps the referenced secret. Default: the only one that fits.
    #[arg(long, value_name = "NAME", requires = "secret_reference")]
    secret_manager: Option<String>,

    /// A mark of your own; repeat for more. An empty value takes it out.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = given::pair)]
    labels: Vec<(String, String)>,

    #[command(flatten)]
    connection: ConnectionMembers,
}

/// How the upstream is reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "Way to the upstream")]
struct ConnectionMembers {
    /// HTTP proxy for calls to the upstream; empty for none.
    #[arg(long, value_name = "URL")]
    proxy_url: Option<String>,

    /// File of the certificates, in PEM, of the only authorities to trust for the upstream.
    #[arg(long, value_name = "FILE")]
    ca_bundle: Option<PathBuf>,

    /// File of the certificate, in PEM, to show to the upstream. Its key is the secret client_key_pem.
    #[arg(long, value_name = "FILE")]
    client_certificate: Option<PathBuf>,

    /// Connections over which calls are spread by HTTP/2; 0 for HTTP/1.1.
    #[arg(long, value_name = "COUNT")]
    http2_connections: Option<i32>,

    /// A secret of the connection, as `--credential`: client_key_pem, proxy_username, proxy_password.
    #[arg(long, value_name = "NAME=SOURCE", value_parser = given::secret_pair)]
    connection_credential: Vec<(String, Source)>,
}

pub(super) async fn run(verb: Verb, gateway: &Gateway, format: Format) -> Result<(), Failure> {
    let mut providers = gateway.providers();
    match verb {
        Verb::List => resource::list::<Provider>(gateway, format).await,
        Verb::Get { name } => resource::show::<Provider>(name, gateway, format).await,
        Verb::Create(asked) => {
            let mut provider: Provider = given::resource(asked.members.file.as_deref())?;
            given::set(&mut provider.name, asked.name);
            given::set(&mut provider.r#type, asked.kind);
            asked.members.write(&mut provider)?;
            let request = CreateProviderRequest { provider: Some(provider) };
            let made = providers.create_provider(request).await?.into_inner();
            format.message(&made.provider.unwrap_or_default())
        }
        Verb::Update(asked) => {
            let Update { provider, name, members } = *asked;
            let file = members.file.clone();
            let write = |provider: &mut Provider| {
                given::set(&mut provider.name, name);
                members.write(provider)
            };
            resource::update(provider, file.as_deref(), gateway, format, write).await
        }
        Verb::Delete { names } => resource::delete::<Provider>(names, gateway, format).await,
        Verb::Test { name } => {
            let found = providers.test_provider(TestProviderRequest { id: name }).await?.into_inner();
            format.verdict("ok", found.ok, &found)?;
            if found.ok {
                Ok(())
            } else {
                Err(Failure::failed(format!("the test failed: {}", found.message)))
            }
        }
        Verb::Types => {
            let types = providers.list_provider_types(ListProviderTypesRequest {}).await?.into_inner();
            format.list(&TYPES, &types.provider_types)
        }
        Verb::AvailableModels { name } => {
            let request = ListAvailableModelsRequest { provider: name };
            let offered = gateway.models().list_available_models(request).await?.into_inner();
            format.list(&AVAILABLE, &offered.models)
        }
    }
}

rpcs! {
    Provider: "provider", COLUMNS, providers,
    get_provider(GetProviderRequest).provider,
    list_providers(ListProvidersRequest).providers,
    update_provider(UpdateProviderRequest), delete_provider(DeleteProviderRequest)
}

impl Members {
    fn write(self, provider: &mut Provider) -> Result<(), Failure> {
        given::set(&mut provider.base_url, self.base_url);
        given::merge(&mut provider.settings, self.settings);
        given::merge(&mut provider.headers, self.headers);
        given::merge(&mut provider.labels, self.labels);
        let manager = self.secret_manager.unwrap_or_default();
        self.credential.write(&mut provider.credential, manager)?;
        if self.connection.is_given() {
            self.connection.write(provider.connection.get_or_insert_default())?;
        }
        // One that says nothing is none; types that are built in refuse it.
        provider.connection.take_if(|connection| *connection == Connection::default());
        Ok(())
    }
}

impl ConnectionMembers {
    fn is_given(&self) -> bool {
        self.proxy_url.is_some()
            || self.ca_bundle.is_some()
            || self.client_certificate.is_some()
            || self.http2_connections.is_some()
            || !self.connection_credential.is_empty()
    }

    fn write(self, connection: &mut Connection) -> Result<(), Failure> {
        given::set(&mut connection.proxy_url, self.proxy_url);
        given::set(&mut connection.http2_connections, self.http2_connections);
        given::set(&mut connection.ca_bundle_pem, self.ca_bundle.map(given::text_of).transpose()?);
        given::set(
            &mut connection.client_certificate_pem,
            self.client_certificate.map(given::text_of).transpose()?,
        );
        if !self.connection_credential.is_empty() {
            connection.credential = Some(credential::inline(&self.connection_credential)?);
        }
        Ok(())
    }
}
