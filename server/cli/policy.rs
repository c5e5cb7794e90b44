//! `sluicegate policy`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{
    connect::Gateway,
    exit::Failure,
    given,
    print::{Column, Format, note},
    resource::{self, rpcs},
};
use crate::proto::v1::{
    CreatePolicyRequest, DeletePolicyRequest, GetPolicyRequest, ListPoliciesRequest, Policy, PolicyAction,
    PolicyEffect, UpdatePolicyRequest,
};

const COLUMNS: [Column; 6] = [
    ("SUBJECT", "subject"),
    ("ACTION", "action"),
    ("RESOURCE", "resource"),
    ("EFFECT", "effect"),
    ("CREATED", "createTime"),
    ("ID", "id"),
];

/// What to do with policies.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List all policies.
    List,
    /// Show one policy.
    Get {
        /// Its id.
        id: String,
    },
    /// Make a policy. The same policy is there only once: a repeat shows the stored one.
    Create(Members),
    /// Change what is given; all else stays. Fails if somebody else changes the policy meanwhile.
    Update {
        /// Its id.
        id: String,

        #[command(flatten)]
        members: Members,
    },
    /// Remove policies, one after another.
    Delete {
        /// Their ids.
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

/// Members that `create` and `update` take.
#[derive(Debug, Args)]
pub struct Members {
    /// The whole policy as proto JSON or YAML, `-` for standard input; flags are applied on top. On update it replaces
    /// what is stored.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Group that the policy is about.
    #[arg(long, value_name = "GROUP")]
    subject: Option<String>,

    /// What is allowed or denied.
    #[arg(long, value_enum)]
    action: Option<Action>,

    /// What it is about, as KIND:ID: KIND is model, provider, load_balancer, tenant or policy; ID an id or a name of that
    /// kind, or * for all.
    #[arg(long, value_name = "KIND:ID")]
    resource: Option<String>,

    /// What it does. Default: allow.
    #[arg(long, value_enum)]
    effect: Option<Effect>,

    /// A mark of your own; repeat for more. An empty value takes it out.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = given::pair)]
    labels: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Action {
    /// List it, get it, and call it
    Read,
    /// Change it
    Write,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Effect {
    /// The group may; groups that no policy allows may not
    Allow,
    /// The group may not, whatever else allows it
    Deny,
}

pub(super) async fn run(verb: Verb, gateway: &Gateway, format: Format) -> Result<(), Failure> {
    match verb {
        Verb::List => resource::list::<Policy>(gateway, format).await,
        Verb::Get { id } => resource::show::<Policy>(id, gateway, format).await,
        Verb::Create(members) => {
            let mut policy: Policy = given::resource(members.file.as_deref())?;
            members.write(&mut policy);
            let request = CreatePolicyRequest { policy: Some(policy) };
            let made = gateway.access().create_policy(request).await?.into_inner();
            if made.existed && format == Format::Table {
                note("the same policy was there already");
            }
            format.message(&made.policy.unwrap_or_default())
        }
        Verb::Update { id, members } => {
            let file = members.file.clone();
            let write = |policy: &mut Policy| {
                members.write(policy);
                Ok(())
            };
            resource::update(id, file.as_deref(), gateway, format, write).await
        }
        Verb::Delete { ids } => resource::delete::<Policy>(ids, gateway, format).await,
    }
}

rpcs! {
    Policy: "policy", COLUMNS, access,
    get_policy(GetPolicyRequest).policy,
    list_policies(ListPoliciesRequest).policies,
    update_policy(UpdatePolicyRequest), delete_policy(DeletePolicyRequest)
}

impl Members {
    fn write(self, policy: &mut Policy) {
        given::set(&mut policy.subject, self.subject);
        given::set(&mut policy.resource, self.resource);
        if let Some(action) = self.action {
            policy.set_action(match action {
                Action::Read => PolicyAction::Read,
                Action::Write => PolicyAction::Write,
            });
        }
        if let Some(effect) = self.effect {
            policy.set_effect(match effect {
                Effect::Allow => PolicyEffect::Allow,
                Effect::Deny => PolicyEffect::Deny,
            });
        }
        given::merge(&mut policy.labels, self.labels);
    }
}
