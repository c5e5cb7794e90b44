//! `sluicegate api-key`

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueEnum};
use pbjson_types::Timestamp;

use super::{
    connect::Gateway,
    exit::Failure,
    given::{self, Source},
    print::{Column, Format, note},
    resource::{self, rpcs},
};
use crate::proto::v1::{
    AccessRole, ApiKey, CreateApiKeyRequest, DeleteApiKeyRequest, GetApiKeyRequest, ListApiKeysRequest,
    RotateApiKeyRequest, UpdateApiKeyRequest,
};

const COLUMNS: [Column; 7] = [
    ("NAME", "name"),
    ("ROLE", "role"),
    ("GROUPS", "groups"),
    ("DISABLED", "disabled"),
    ("EXPIRES", "expireTime"),
    ("HINT", "hint"),
    ("ID", "id"),
];

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List all keys, without their secrets.
    List,
    /// Show one key, without its secret.
    Get {
        /// Its id or its name.
        name: String,
    },
    /// Make a key. Standard output is its secret, shown only now.
    Create(Create),
    /// Change what is given; all else stays. Fails if somebody else changes the key meanwhile.
    Update(Update),
    /// Remove keys, one after another. Calls that they began run to their end.
    Delete {
        /// Ids or names.
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Give a key a new secret. Standard output is that secret, shown only now.
    Rotate {
        /// Its id or its name.
        name: String,

        /// How long the old secret stays good, up to 30d; 0 for no longer at all. Default: 24h.
        #[arg(long, value_name = "LENGTH", value_parser = given::duration)]
        grace: Option<Duration>,

        /// A secret of your choice: `@FILE`, `env:VARIABLE` or `-` for standard input. Default: a random one.
        #[arg(long, value_name = "SOURCE")]
        secret: Option<Source>,
    },
}

/// What `create` wants to know.
#[derive(Debug, Args)]
pub struct Create {
    /// Its name, unique over all keys.
    name: Option<String>,

    /// A secret of your choice: `@FILE`, `env:VARIABLE` or `-` for standard input. Default: a random one.
    #[arg(long, value_name = "SOURCE")]
    secret: Option<Source>,

    #[command(flatten)]
    members: Members,
}

/// What `update` wants to know.
#[derive(Debug, Args)]
pub struct Update {
    /// Its id or its name.
    key: String,

    /// New name.
    #[arg(long)]
    name: Option<String>,

    #[command(flatten)]
    members: Members,
}

/// Members that `create` and `update` take.
#[derive(Debug, Args)]
struct Members {
    /// The whole key as proto JSON or YAML, `-` for standard input; flags are applied on top. On update it replaces what
    /// is stored, but for the secret.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// What its holder may do.
    #[arg(long, value_enum)]
    role: Option<Role>,

    /// A group that its holder belongs to; repeat for more. On update they replace all; empty for none.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,

    /// When it ends: a length of time from now, e.g. 30d, or a time, e.g. 2030-01-31T00:00:00Z; never, or empty, for never.
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,

    /// Refuse it; `--disabled=false` takes it back.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    disabled: Option<bool>,

    /// A mark of your own; repeat for more. An empty value takes it out.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = given::pair)]
    labels: Vec<(String, String)>,
}

/// A fixed set of permissions.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Role {
    /// Everything, API keys included
    Admin,
    /// Providers and models, and everything a user may do
    Manage,
    /// Read the catalog and call models
    User,
    /// Read the whole administration and the audit log; change nothing, call no model
    Audit,
}

pub(super) async fn run(verb: Verb, gateway: &Gateway, format: Format) -> Result<(), Failure> {
    match verb {
        Verb::List => resource::list::<ApiKey>(gateway, format).await,
        Verb::Get { name } => resource::show::<ApiKey>(name, gateway, format).await,
        Verb::Create(asked) => {
            let mut key: ApiKey = given::resource(asked.members.file.as_deref())?;
            given::set(&mut key.name, asked.name);
            asked.members.write(&mut key)?;
            let secret = asked.secret.as_ref().map(Source::read).transpose()?.unwrap_or_default();
            let request = CreateApiKeyRequest { api_key: Some(key), secret };
            let made = gateway.access().create_api_key(request).await?.into_inner();
            tell_secret(format, "made", made.api_key.as_ref());
            format.secret(&made, &made.secret)
        }
        Verb::Update(Update { key, name, members }) => {
            let file = members.file.clone();
            let write = |key: &mut ApiKey| {
                given::set(&mut key.name, name);
                members.write(key)
            };
            resource::update(key, file.as_deref(), gateway, format, write).await
        }
        Verb::Delete { names } => resource::delete::<ApiKey>(names, gateway, format).await,
        Verb::Rotate { name, grace, secret } => {
            let secret = secret.as_ref().map(Source::read).transpose()?.unwrap_or_default();
            let request = RotateApiKeyRequest { id: name, secret, grace: grace.map(Into::into) };
            let made = gateway.access().rotate_api_key(request).await?.into_inner();
            tell_secret(format, "rotated", made.api_key.as_ref());
            format.secret(&made, &made.secret)
        }
    }
}

rpcs! {
    ApiKey: "API key", COLUMNS, access,
    get_api_key(GetApiKeyRequest).api_key,
    list_api_keys(ListApiKeysRequest).api_keys,
    update_api_key(UpdateApiKeyRequest), delete_api_key(DeleteApiKeyRequest)
}

/// Tells people what the one line on standard output is.
fn tell_secret(format: Format, done: &str, key: Option<&ApiKey>) {
    if let (Format::Table, Some(key)) = (format, key) {
        note(&format!("{done} API key {:?}; its secret, shown only now:", key.name));
    }
}

impl Members {
    fn write(self, key: &mut ApiKey) -> Result<(), Failure> {
        given::set(&mut key.role, self.role.map(|role| AccessRole::from(role).into()));
        given::replace(&mut key.groups, self.groups);
        if let Some(text) = self.expires {
            key.expire_time = end(&text)?;
        }
        given::set(&mut key.disabled, self.disabled);
        given::merge(&mut key.labels, self.labels);
        Ok(())
    }
}

impl From<Role> for AccessRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::Manage => Self::Manage,
            Role::User => Self::User,
            Role::Audit => Self::Audit,
        }
    }
}

fn end(text: &str) -> Result<Option<Timestamp>, Failure> {
    given::end(text).map_err(|advice| Failure::wrong(format!("--expires: \"{text}\": {advice}")))
}
