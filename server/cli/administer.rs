//! The commands that administer a gateway over gRPC, and what all of them do alike.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{
    access, api_key, audit,
    connect::{Connection, Gateway, KEY_HELP},
    exit::{EXIT_HELP, Failure},
    issuer, model, policy,
    print::Format,
    provider, rate_limit, secret_manager, tenant,
};

/// The kinds of resources.
#[derive(Debug, Subcommand)]
pub enum Administer {
    /// Providers: the upstreams that the gateway may call.
    Provider(Noun<provider::Verb>),
    /// Secret managers: where credentials live that the gateway only refers to.
    SecretManager(Noun<secret_manager::Verb>),
    /// Models: what callers may name.
    Model(Noun<model::Verb>),
    /// API keys: who may call the gateway.
    ApiKey(Noun<api_key::Verb>),
    /// Issuers: identity providers whose tokens let callers in.
    Issuer(Noun<issuer::Verb>),
    /// Policies: what narrows the use of resources to groups.
    Policy(Noun<policy::Verb>),
    /// Rate limits: how much may be called in how much time. They are stored and checked; this version does not enforce them.
    RateLimit(Noun<rate_limit::Verb>),
    /// The tenant: whom the gateway belongs to.
    Tenant(Noun<tenant::Verb>),
    /// Why a caller may, or may not.
    Access(Noun<access::Verb>),
    /// The audit log: who changed what, and who was refused.
    Audit(Noun<audit::Verb>),
}

/// One kind, with what to do and where.
#[derive(Debug, Args)]
#[command(after_help = format!("{KEY_HELP}\n\n{EXIT_HELP}"))]
pub struct Noun<V: Subcommand> {
    #[command(flatten)]
    connection: Connection,

    /// Form of the answer on standard output. Errors stand on standard error, for json as JSON too.
    #[arg(long, short, value_enum, value_name = "FORMAT", default_value_t, global = true)]
    output: Format,

    #[command(subcommand)]
    verb: V,
}

impl Administer {
    /// Does what is asked, and tells what came of it.
    pub async fn run(self) -> ExitCode {
        match self {
            Self::Provider(noun) => noun.run(provider::run).await,
            Self::SecretManager(noun) => noun.run(secret_manager::run).await,
            Self::Model(noun) => noun.run(model::run).await,
            Self::ApiKey(noun) => noun.run(api_key::run).await,
            Self::Issuer(noun) => noun.run(issuer::run).await,
            Self::Policy(noun) => noun.run(policy::run).await,
            Self::RateLimit(noun) => noun.run(rate_limit::run).await,
            Self::Tenant(noun) => noun.run(tenant::run).await,
            Self::Access(noun) => noun.run(access::run).await,
            Self::Audit(noun) => noun.run(audit::run).await,
        }
    }
}

impl<V: Subcommand> Noun<V> {
    async fn run(self, run: impl AsyncFnOnce(V, &Gateway, Format) -> Result<(), Failure>) -> ExitCode {
        let done = match self.connection.open().await {
            Ok(gateway) => run(self.verb, &gateway, self.output).await,
            Err(failure) => Err(failure),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                self.output.failure(&failure);
                failure.exit().into()
            }
        }
    }
}
