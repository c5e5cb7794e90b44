//! `sluicegate model`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{
    connect::Gateway,
    exit::Failure,
    given,
    print::{Column, Format},
    resource::{self, PAGE_SIZE, Resource as _, pages, rpcs},
};
use crate::proto::v1::{
    CreateModelRequest, DeleteModelRequest, GetModelRequest, ListModelsRequest, Model, UpdateModelRequest,
};

const COLUMNS: [Column; 6] = [
    ("ALIAS", "alias"),
    ("UPSTREAM ID", "upstreamId"),
    ("PROVIDER", "providerName"),
    ("WEIGHT", "weight"),
    ("CREATED", "createTime"),
    ("ID", "id"),
];

/// What to do with models.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List all models, or those of one provider.
    List {
        /// Id or name of the provider.
        #[arg(long)]
        provider: Option<String>,
    },
    /// Show one model; the oldest, where a name fits several.
    Get {
        /// Its id, its alias, or its upstream id.
        name: String,
    },
    /// Register a model of a provider, which need not list it.
    Create(Box<Create>),
    /// Change what is given; all else stays. Fails if somebody else changes the model meanwhile.
    Update(Box<Update>),
    /// Remove models, one after another. Calls in flight run to their end.
    Delete {
        /// Ids, or aliases or upstream ids that fit only one.
        #[arg(required = true)]
        names: Vec<String>,
    },
}

/// What `create` wants to know.
#[derive(Debug, Args)]
pub struct Create {
    /// The provider's own id for the model.
    upstream_id: Option<String>,

    /// Id or name of the provider that serves it.
    #[arg(long)]
    provider: Option<String>,

    #[command(flatten)]
    members: Members,
}

/// What `update` wants to know.
#[derive(Debug, Args)]
pub struct Update {
    /// Its id, or an alias or upstream id that fits only it.
    model: String,

    /// The provider's own id for the model.
    #[arg(long)]
    upstream_id: Option<String>,

    #[command(flatten)]
    members: Members,
}

/// Members that `create` and `update` take.
#[derive(Debug, Args)]
struct Members {
    /// The whole model as proto JSON or YAML, `-` for standard input; flags are applied on top. On update it replaces what
    /// is stored.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Name that callers may use; empty for none. Models of several providers that share one are balanced.
    #[arg(long)]
    alias: Option<String>,

    /// Weight among the models that share its name, 1 to 1000.
    #[arg(long)]
    weight: Option<i32>,

    /// Description for people; may be empty.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,

    /// A fact about the model, as JSON or as a plain text, e.g. cost=0.1; repeat for more. An empty value takes it out.
    #[arg(long = "metadata", value_name = "NAME=VALUE", value_parser = given::pair)]
    metadata: Vec<(String, String)>,

    /// A mark of your own; repeat for more. An empty value takes it out.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = given::pair)]
    labels: Vec<(String, String)>,
}

pub(super) async fn run(verb: Verb, gateway: &Gateway, format: Format) -> Result<(), Failure> {
    match verb {
        Verb::List { provider } => {
            format.list(&COLUMNS, &all(gateway, provider.as_deref().unwrap_or_default()).await?)
        }
        Verb::Get { name } => resource::show::<Model>(name, gateway, format).await,
        Verb::Create(asked) => {
            let mut model: Model = given::resource(asked.members.file.as_deref())?;
            given::set(&mut model.upstream_id, asked.upstream_id);
            given::set(&mut model.provider, asked.provider);
            asked.members.write(&mut model);
            let request = CreateModelRequest { model: Some(model) };
            let answer = gateway.models().create_model(request).await?.into_inner();
            format.message(&answer.model.unwrap_or_default())
        }
        Verb::Update(asked) => {
            let mut model = match &asked.members.file {
                Some(file) => given::resource(Some(file.as_path()))?,
                None => Model::get(gateway, asked.model.clone()).await?,
            };
            // As it was named, so that a name that fits several is refused.
            model.id = asked.model;
            given::set(&mut model.upstream_id, asked.upstream_id);
            asked.members.write(&mut model);
            format.message(&model.update(gateway).await?)
        }
        Verb::Delete { names } => resource::delete::<Model>(names, gateway, format).await,
    }
}

/// All models of a provider, or of all where it is empty.
async fn all(gateway: &Gateway, provider: &str) -> Result<Vec<Model>, Failure> {
    pages(async |page_token| {
        let request = ListModelsRequest { provider: provider.to_owned(), page_size: PAGE_SIZE, page_token };
        let page = gateway.models().list_models(request).await?.into_inner();
        Ok((page.models, page.next_page_token))
    })
    .await
}

rpcs! {
    Model: "model", COLUMNS, models,
    get_model(GetModelRequest).model,
    list_models(ListModelsRequest, provider: String::new()).models,
    update_model(UpdateModelRequest), delete_model(DeleteModelRequest)
}

impl Members {
    fn write(self, model: &mut Model) {
        given::set(&mut model.alias, self.alias);
        given::set(&mut model.description, self.description);
        model.weight = self.weight.or(model.weight);
        let facts = self.metadata.into_iter().map(|(name, value)| (name, json_text(value))).collect();
        given::merge(&mut model.metadata_json, facts);
        given::merge(&mut model.labels, self.labels);
    }
}

/// JSON as it is; any other text as a string of JSON.
fn json_text(text: String) -> String {
    if text.is_empty() || serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok() {
        return text;
    }
    Value::String(text).to_string()
}
