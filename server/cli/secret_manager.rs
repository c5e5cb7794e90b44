//! `sluicegate secret-manager`

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueEnum};

use super::{
    connect::Gateway,
    credential,
    exit::Failure,
    given,
    print::{Column, Format},
    resource::{self, rpcs},
};
use crate::proto::v1::{
    CreateSecretManagerRequest, DeleteSecretManagerRequest, GetSecretManagerRequest, IbmSecretsManager,
    ListSecretManagersRequest, SecretManager, SecretRule, SoftwareHubVault, UpdateSecretManagerRequest,
    Vault, secret_manager::Kind,
};

const COLUMNS: [Column; 6] = [
    ("NAME", "name"),
    ("VAULT", "vault.address"),
    ("IBM CLOUD", "ibmSecretsManager"),
    ("SOFTWARE HUB", "softwareHub.address"),
    ("CREATED", "createTime"),
    ("ID", "id"),
];

/// What to do with secret managers.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List all secret managers.
    List,
    /// Show one secret manager.
    Get {
        /// Its id or its name.
        name: String,
    },
    /// Register a secret manager.
    Create(Box<Create>),
    /// Change what is given; all else stays. Fails if somebody else changes the secret manager meanwhile.
    Update(Box<Update>),
    /// Remove secret managers that no provider refers to, one after another.
    Delete {
        /// Ids or names.
        #[arg(required = true)]
        names: Vec<String>,
    },
}

/// What `create` wants to know.
#[derive(Debug, Args)]
pub struct Create {
    /// Its name, unique over all secret managers.
    name: Option<String>,

    /// What it is.
    #[arg(long = "type", value_enum, value_name = "TYPE", required_unless_present = "file")]
    kind: Option<Type>,

    #[command(flatten)]
    members: Members,
}

/// What `update` wants to know.
#[derive(Debug, Args)]
pub struct Update {
    /// Its id or its name.
    secret_manager: String,

    /// New name.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    #[command(flatten)]
    members: Members,
}

/// What keeps the secrets.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Type {
    /// HashiCorp Vault or OpenBao, with a KV engine of version 2
    Vault,
    /// IBM Cloud Secrets Manager
    Ibm,
    /// The vault of an IBM Software Hub
    SoftwareHub,
}

/// Members that `create` and `update` take.
#[derive(Debug, Args)]
struct Members {
    /// The whole secret manager as proto JSON or YAML, `-` for standard input; flags are applied on top. On update it
    /// replaces what is stored, but for secrets.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// What may be referred to, e.g. `prefix=vault:team,host=api.openai.com,group=blue`: secrets below the prefix, for
    /// these hosts, by these groups beside administrators; host and group may stand there several times. Repeat for
    /// more rules. On update they replace all; empty for none.
    #[arg(long = "rule", value_name = "RULE", value_parser = rule)]
    rules: Vec<SecretRule>,

    /// How long a secret is used before it is read again, e.g. 5m.
    #[arg(long, value_name = "LENGTH", value_parser = given::duration)]
    cache_time: Option<Duration>,

    /// How long after that it is still used when the secret manager gives no answer, e.g. 1d.
    #[arg(long, value_name = "LENGTH", value_parser = given::duration)]
    stale_time: Option<Duration>,

    /// A mark of your own; repeat for more. An empty value takes it out.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = given::pair)]
    labels: Vec<(String, String)>,

    #[command(flatten)]
    credential: credential::Flags,

    #[command(flatten)]
    place: PlaceMembers,
}

/// Where the secrets are, by type.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where it is")]
struct PlaceMembers {
    /// Address of the server or the hub; with ibm, in place of the one that a CRN stands for.
    #[arg(long, value_name = "URL")]
    address: Option<String>,

    /// With vault and software-hub: file of the certificates, in PEM, of the only authorities to trust.
    #[arg(long, value_name = "FILE")]
    ca_bundle: Option<PathBuf>,

    /// With vault: the namespace that everything is in; empty for none.
    #[arg(long, value_name = "PATH")]
    namespace: Option<String>,

    /// With vault: where the secrets engine is; empty for secret.
    #[arg(long, value_name = "PATH")]
    mount: Option<String>,

    /// With vault: where the AppRole method is; empty for approle.
    #[arg(long, value_name = "PATH")]
    app_role_mount: Option<String>,

    /// With ibm: UUID of the only instance to read; empty for any.
    #[arg(long, value_name = "UUID")]
    instance: Option<String>,

    /// With ibm: read over the private network of IBM Cloud; `--private-endpoint=false` takes it back.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    private_endpoint: Option<bool>,

    /// With ibm: address of the identity service; empty for that of IBM Cloud.
    #[arg(long, value_name = "URL")]
    auth_url: Option<String>,

    /// With software-hub: the user who may read the secrets.
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
}

pub(super) async fn run(verb: Verb, gateway: &Gateway, format: Format) -> Result<(), Failure> {
    match verb {
        Verb::List => resource::list::<SecretManager>(gateway, format).await,
        Verb::Get { name } => resource::show::<SecretManager>(name, gateway, format).await,
        Verb::Create(asked) => {
            let mut manager: SecretManager = given::resource(asked.members.file.as_deref())?;
            given::set(&mut manager.name, asked.name);
            if let Some(kind) = asked.kind {
                manager.kind = Some(kind.empty());
            }
            asked.members.write(&mut manager)?;
            let request = CreateSecretManagerRequest { secret_manager: Some(manager) };
            let made = gateway.providers().create_secret_manager(request).await?.into_inner();
            format.message(&made.secret_manager.unwrap_or_default())
        }
        Verb::Update(asked) => {
            let Update { secret_manager, name, members } = *asked;
            let file = members.file.clone();
            let write = |manager: &mut SecretManager| {
                given::set(&mut manager.name, name);
                members.write(manager)
            };
            resource::update(secret_manager, file.as_deref(), gateway, format, write).await
        }
        Verb::Delete { names } => resource::delete::<SecretManager>(names, gateway, format).await,
    }
}

rpcs! {
    SecretManager: "secret manager", COLUMNS, providers,
    get_secret_manager(GetSecretManagerRequest).secret_manager,
    list_secret_managers(ListSecretManagersRequest).secret_managers,
    update_secret_manager(UpdateSecretManagerRequest), delete_secret_manager(DeleteSecretManagerRequest)
}

/// A rule, as a flag.
fn rule(text: &str) -> Result<SecretRule, String> {
    let mut rule = SecretRule::default();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some(("prefix", prefix)) if rule.prefix.is_empty() => prefix.clone_into(&mut rule.prefix),
            Some(("host", host)) => rule.hosts.push(host.to_owned()),
            Some(("group", group)) => rule.groups.push(group.to_owned()),
            Some(_) | None => {
                return Err(format!(
                    "\"{part}\" is no part of a rule; give one prefix=, and host= and group= as often as needed"
                ));
            }
        }
    }
    Ok(rule)
}

impl Type {
    fn empty(self) -> Kind {
        match self {
            Self::Vault => Kind::Vault(Vault::default()),
            Self::Ibm => Kind::IbmSecretsManager(IbmSecretsManager::default()),
            Self::SoftwareHub => Kind::SoftwareHub(SoftwareHubVault::default()),
        }
    }
}

impl Members {
    fn write(self, manager: &mut SecretManager) -> Result<(), Failure> {
        given::replace(&mut manager.rules, self.rules);
        manager.cache_time = self.cache_time.map(Into::into).or(manager.cache_time.take());
        manager.stale_time = self.stale_time.map(Into::into).or(manager.stale_time.take());
        given::merge(&mut manager.labels, self.labels);
        self.credential.write(&mut manager.credential, String::new())?;
        self.place.write(&mut manager.kind)
    }
}

impl PlaceMembers {
    fn write(mut self, kind: &mut Option<Kind>) -> Result<(), Failure> {
        match kind {
            Some(Kind::Vault(vault)) => {
                given::set(&mut vault.address, self.address.take());
                given::set(&mut vault.namespace, self.namespace.take());
                given::set(&mut vault.mount, self.mount.take());
                given::set(&mut vault.app_role_mount, self.app_role_mount.take());
                given::set(&mut vault.ca_bundle_pem, self.ca_bundle()?);
            }
            Some(Kind::IbmSecretsManager(ibm)) => {
                given::set(&mut ibm.address, self.address.take());
                given::set(&mut ibm.instance, self.instance.take());
                given::set(&mut ibm.private_endpoint, self.private_endpoint.take());
                given::set(&mut ibm.auth_url, self.auth_url.take());
            }
            Some(Kind::SoftwareHub(hub)) => {
                given::set(&mut hub.address, self.address.take());
                given::set(&mut hub.username, self.username.take());
                given::set(&mut hub.ca_bundle_pem, self.ca_bundle()?);
            }
            None => {}
        }
        match self.left() {
            Some(flag) => {
                Err(Failure::wrong(format!("--{flag} does not go with the type of this secret manager")))
            }
            None => Ok(()),
        }
    }

    fn ca_bundle(&mut self) -> Result<Option<String>, Failure> {
        self.ca_bundle.take().map(given::text_of).transpose()
    }

    /// A flag that nobody has taken.
    fn left(&self) -> Option<&'static str> {
        let flags = [
            ("address", self.address.is_some()),
            ("ca-bundle", self.ca_bundle.is_some()),
            ("namespace", self.namespace.is_some()),
            ("mount", self.mount.is_some()),
            ("app-role-mount", self.app_role_mount.is_some()),
            ("instance", self.instance.is_some()),
            ("private-endpoint", self.private_endpoint.is_some()),
            ("auth-url", self.auth_url.is_some()),
            ("username", self.username.is_some()),
        ];
        flags.into_iter().find(|(_, left)| *left).map(|(flag, _)| flag)
    }
}
