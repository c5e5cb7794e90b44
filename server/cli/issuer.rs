//! `sluicegate issuer`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum as _};

use super::{
    api_key::Role,
    connect::Gateway,
    exit::Failure,
    given,
    print::{Column, Format},
    resource::{self, rpcs},
};
use crate::proto::v1::{
    AccessRole, CreateIssuerRequest, DeleteIssuerRequest, GetIssuerRequest, Issuer, ListIssuersRequest,
    RoleMapping, UpdateIssuerRequest,
};

const COLUMNS: [Column; 6] = [
    ("NAME", "name"),
    ("ISSUER URL", "issuerUrl"),
    ("AUDIENCES", "audiences"),
    ("DISABLED", "disabled"),
    ("CREATED", "createTime"),
    ("ID", "id"),
];

/// What to do with issuers.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List all issuers.
    List,
    /// Show one issuer.
    Get {
        /// Its id or its name.
        name: String,
    },
    /// Accept the tokens of an identity provider.
    Create(Box<Create>),
    /// Change what is given; all else stays. Fails if somebody else changes the issuer meanwhile.
    Update(Box<Update>),
    /// Remove issuers, one after another. Their tokens are refused from then on.
    Delete {
        /// Ids or names.
        #[arg(required = true)]
        names: Vec<String>,
    },
}

/// What `create` wants to know.
#[derive(Debug, Args)]
pub struct Create {
    /// Its name, unique over all issuers.
    name: Option<String>,

    #[command(flatten)]
    members: Members,
}

/// What `update` wants to know.
#[derive(Debug, Args)]
pub struct Update {
    /// Its id or its name.
    issuer: String,

    /// New name.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    #[command(flatten)]
    members: Members,
}

/// Members that `create` and `update` take.
#[derive(Debug, Args)]
struct Members {
    /// The whole issuer as proto JSON or YAML, `-` for standard input; flags are applied on top. On update it replaces what
    /// is stored.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// What the claim `iss` of its tokens is, to the letter.
    #[arg(long, value_name = "URL")]
    issuer_url: Option<String>,

    /// An audience of which the claim `aud` must hold one; repeat for more. On update they replace all; empty for none.
    #[arg(long = "audience", value_name = "AUDIENCE")]
    audiences: Vec<String>,

    /// A claim that a token must have with exactly this value, e.g. account.bss=0123; repeat for more. An empty value takes
    /// it out.
    #[arg(long = "required-claim", value_name = "PATH=VALUE", value_parser = given::pair)]
    required_claims: Vec<(String, String)>,

    /// Where its keys are; empty for where its discovery document says.
    #[arg(long, value_name = "URL")]
    jwks_url: Option<String>,

    /// An algorithm that signatures may have, e.g. ES256; repeat for more. On update they replace all; empty for RS256.
    #[arg(long = "algorithm", value_name = "NAME")]
    algorithms: Vec<String>,

    /// Path of the claim that holds the caller's groups; empty for groups.
    #[arg(long, value_name = "PATH")]
    groups_claim: Option<String>,

    /// What is put before each group of a token; empty for nothing.
    #[arg(long, value_name = "TEXT")]
    group_prefix: Option<String>,

    /// The role of the members of a group, e.g. gateway-admins=admin; repeat for more. On update they replace all; empty for
    /// none.
    #[arg(long = "role", value_name = "GROUP=ROLE", value_parser = role)]
    roles: Vec<RoleMapping>,

    /// Role of callers whom no group gives one: user; empty to refuse them.
    #[arg(long, value_name = "ROLE", value_parser = default_role)]
    default_role: Option<AccessRole>,

    /// Path of the claim that names the caller to people; empty for sub.
    #[arg(long, value_name = "PATH")]
    name_claim: Option<String>,

    /// File of the certificates, in PEM, of the only authorities to trust when its keys are fetched.
    #[arg(long, value_name = "FILE")]
    ca_bundle: Option<PathBuf>,

    /// Refuse its tokens; `--disabled=false` takes it back.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    disabled: Option<bool>,

    /// A mark of your own; repeat for more. An empty value takes it out.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = given::pair)]
    labels: Vec<(String, String)>,
}

pub(super) async fn run(verb: Verb, gateway: &Gateway, format: Format) -> Result<(), Failure> {
    match verb {
        Verb::List => resource::list::<Issuer>(gateway, format).await,
        Verb::Get { name } => resource::show::<Issuer>(name, gateway, format).await,
        Verb::Create(asked) => {
            let mut issuer: Issuer = given::resource(asked.members.file.as_deref())?;
            given::set(&mut issuer.name, asked.name);
            asked.members.write(&mut issuer)?;
            let request = CreateIssuerRequest { issuer: Some(issuer) };
            let made = gateway.access().create_issuer(request).await?.into_inner();
            format.message(&made.issuer.unwrap_or_default())
        }
        Verb::Update(asked) => {
            let Update { issuer, name, members } = *asked;
            let file = members.file.clone();
            let write = |issuer: &mut Issuer| {
                given::set(&mut issuer.name, name);
                members.write(issuer)
            };
            resource::update(issuer, file.as_deref(), gateway, format, write).await
        }
        Verb::Delete { names } => resource::delete::<Issuer>(names, gateway, format).await,
    }
}

rpcs! {
    Issuer: "issuer", COLUMNS, access,
    get_issuer(GetIssuerRequest).issuer,
    list_issuers(ListIssuersRequest).issuers,
    update_issuer(UpdateIssuerRequest), delete_issuer(DeleteIssuerRequest)
}

/// The role of a group, as a flag. Nothing becomes a mapping that says nothing.
fn role(text: &str) -> Result<RoleMapping, String> {
    if text.is_empty() {
        return Ok(RoleMapping::default());
    }
    let (group, role) = text.rsplit_once('=').ok_or("give GROUP=ROLE")?;
    Ok(RoleMapping { group: group.to_owned(), role: known_role(role)?.into() })
}

/// A role, or nothing, as a flag.
fn default_role(text: &str) -> Result<AccessRole, String> {
    if text.is_empty() { Ok(AccessRole::Unspecified) } else { known_role(text) }
}

fn known_role(text: &str) -> Result<AccessRole, String> {
    let role = Role::from_str(text, false).map_err(|_| "the role must be admin, manage, user or audit")?;
    Ok(role.into())
}

impl Members {
    fn write(self, issuer: &mut Issuer) -> Result<(), Failure> {
        given::set(&mut issuer.issuer_url, self.issuer_url);
        given::replace(&mut issuer.audiences, self.audiences);
        given::merge(&mut issuer.required_claims, self.required_claims);
        given::set(&mut issuer.jwks_url, self.jwks_url);
        given::replace(&mut issuer.algorithms, self.algorithms);
        given::set(&mut issuer.groups_claim, self.groups_claim);
        given::set(&mut issuer.group_prefix, self.group_prefix);
        given::replace(&mut issuer.roles, self.roles);
        given::set(&mut issuer.default_role, self.default_role.map(Into::into));
        given::set(&mut issuer.name_claim, self.name_claim);
        given::set(&mut issuer.ca_bundle_pem, self.ca_bundle.map(given::text_of).transpose()?);
        given::set(&mut issuer.disabled, self.disabled);
        given::merge(&mut issuer.labels, self.labels);
        Ok(())
    }
}
