//! `sluicegate tenant`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use tonic::Status;

use super::{
    connect::{Authorized, Gateway},
    exit::Failure,
    given,
    print::Format,
};
use crate::proto::v1::{
    DeleteTenantRequest, GetTenantRequest, Tenant, UpdateTenantRequest,
    access_admin_client::AccessAdminClient,
};

/// What to do with the tenant.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show the tenant.
    Get,
    /// Change what is given; all else stays. Fails if somebody else changes the tenant meanwhile.
    Update(Update),
    /// Forget the tenant's name and labels. Its resources stay, and the gateway has a tenant with the default name.
    Delete,
}

/// What `update` wants to know.
#[derive(Debug, Args)]
pub struct Update {
    /// The whole tenant as proto JSON or YAML, `-` for standard input; flags are applied on top. It replaces what is
    /// stored.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Name for people; empty for the default.
    #[arg(long)]
    name: Option<String>,

    /// A mark of your own; repeat for more. An empty value takes it out.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = given::pair)]
    labels: Vec<(String, String)>,
}

pub(super) async fn run(verb: Verb, gateway: &Gateway, format: Format) -> Result<(), Failure> {
    let mut access = gateway.access();
    match verb {
        Verb::Get => format.message(&get(&mut access).await?),
        Verb::Update(asked) => {
            let mut tenant = match &asked.file {
                Some(file) => given::resource(Some(file.as_path()))?,
                None => get(&mut access).await?,
            };
            given::set(&mut tenant.name, asked.name);
            given::merge(&mut tenant.labels, asked.labels);
            let answer =
                access.update_tenant(UpdateTenantRequest { tenant: Some(tenant) }).await?.into_inner();
            format.message(&answer.tenant.unwrap_or_default())
        }
        Verb::Delete => {
            let answer = access.delete_tenant(DeleteTenantRequest {}).await?.into_inner();
            match format {
                Format::Table => {
                    format.done(&["deleted the tenant's name and labels".to_owned()], Vec::new())
                }
                Format::Json | Format::Yaml => format.message(&answer),
            }
        }
    }
}

async fn get(access: &mut AccessAdminClient<Authorized>) -> Result<Tenant, Status> {
    Ok(access.get_tenant(GetTenantRequest {}).await?.into_inner().tenant.unwrap_or_default())
}
