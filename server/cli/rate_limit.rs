//! `sluicegate rate-limit`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{
    connect::Gateway,
    exit::Failure,
    given,
    print::{Column, Format},
    resource::{self, rpcs},
};
use crate::proto::v1::{
    CreateRateLimitRequest, DeleteRateLimitRequest, GetRateLimitRequest, ListRateLimitsRequest, RateBucket,
    RateLimit, RateLimitType, UpdateRateLimitRequest,
};

const COLUMNS: [Column; 6] = [
    ("TYPE", "type"),
    ("PROVIDER", "provider"),
    ("MODEL", "model"),
    ("REQUESTS", "request"),
    ("TOKENS", "token"),
    ("ID", "id"),
];

/// What to do with rate limits.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List all rate limits.
    List,
    /// Show one rate limit.
    Get {
        /// Its id.
        id: String,
    },
    /// Make a rate limit.
    Create(Members),
    /// Change what is given; all else stays. Fails if somebody else changes the rate limit meanwhile.
    Update {
        /// Its id.
        id: String,

        #[command(flatten)]
        members: Members,
    },
    /// Remove rate limits, one after another.
    Delete {
        /// Their ids.
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

/// Members that `create` and `update` take.
#[derive(Debug, Args)]
pub struct Members {
    /// The whole rate limit as proto JSON or YAML, `-` for standard input; flags are applied on top. On update it replaces
    /// what is stored.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// What it is about.
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    kind: Option<Kind>,

    /// Id or name of the provider, for type provider; empty for none.
    #[arg(long)]
    provider: Option<String>,

    /// Id of the model, or a name that fits only it, for type model; empty for none.
    #[arg(long)]
    model: Option<String>,

    /// Calls that are added in a length of time, e.g. 15/1m; empty for no limit of calls.
    #[arg(long, value_name = "AMOUNT/LENGTH")]
    requests: Option<String>,

    /// Most calls that are kept for later. Default: the amount of `--requests`.
    #[arg(long, value_name = "AMOUNT")]
    request_capacity: Option<i64>,

    /// Tokens that are added in a length of time, e.g. 100000/1h; empty for no limit of tokens.
    #[arg(long, value_name = "AMOUNT/LENGTH")]
    tokens: Option<String>,

    /// Most tokens that are kept for later. Default: the amount of `--tokens`.
    #[arg(long, value_name = "AMOUNT")]
    token_capacity: Option<i64>,

    /// A mark of your own; repeat for more. An empty value takes it out.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = given::pair)]
    labels: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Everything that goes through the gateway
    Tenant,
    /// What goes to one provider
    Provider,
    /// What goes to one model
    Model,
}

pub(super) async fn run(verb: Verb, gateway: &Gateway, format: Format) -> Result<(), Failure> {
    match verb {
        Verb::List => resource::list::<RateLimit>(gateway, format).await,
        Verb::Get { id } => resource::show::<RateLimit>(id, gateway, format).await,
        Verb::Create(members) => {
            let mut limit: RateLimit = given::resource(members.file.as_deref())?;
            members.write(&mut limit)?;
            let request = CreateRateLimitRequest { rate_limit: Some(limit) };
            let made = gateway.access().create_rate_limit(request).await?.into_inner();
            format.message(&made.rate_limit.unwrap_or_default())
        }
        Verb::Update { id, members } => {
            let file = members.file.clone();
            resource::update(id, file.as_deref(), gateway, format, |limit| members.write(limit)).await
        }
        Verb::Delete { ids } => resource::delete::<RateLimit>(ids, gateway, format).await,
    }
}

rpcs! {
    RateLimit: "rate limit", COLUMNS, access,
    get_rate_limit(GetRateLimitRequest).rate_limit,
    list_rate_limits(ListRateLimitsRequest).rate_limits,
    update_rate_limit(UpdateRateLimitRequest), delete_rate_limit(DeleteRateLimitRequest)
}

impl Members {
    fn write(self, limit: &mut RateLimit) -> Result<(), Failure> {
        if let Some(kind) = self.kind {
            limit.set_type(match kind {
                Kind::Tenant => RateLimitType::Tenant,
                Kind::Provider => RateLimitType::Provider,
                Kind::Model => RateLimitType::Model,
            });
        }
        given::set(&mut limit.provider, self.provider);
        given::set(&mut limit.model, self.model);
        fill("request", &mut limit.request, self.requests.as_deref(), self.request_capacity)?;
        fill("token", &mut limit.token, self.tokens.as_deref(), self.token_capacity)?;
        given::merge(&mut limit.labels, self.labels);
        Ok(())
    }
}

/// Changes a bucket as its two flags say.
fn fill(
    name: &str,
    bucket: &mut Option<RateBucket>,
    rate: Option<&str>,
    capacity: Option<i64>,
) -> Result<(), Failure> {
    match rate {
        Some("") => *bucket = None,
        Some(rate) => {
            let parts =
                rate.split_once('/').and_then(|(amount, duration)| Some((amount.parse().ok()?, duration)));
            let (amount, duration) = parts.ok_or_else(|| {
                Failure::wrong(format!(
                    "--{name}s: \"{rate}\" is no rate; give a number, / and a time, e.g. 15/1m"
                ))
            })?;
            *bucket = Some(RateBucket { amount, capacity: amount, duration: duration.to_owned() });
        }
        None => {}
    }
    match (bucket, capacity) {
        (Some(bucket), Some(capacity)) => bucket.capacity = capacity,
        (None, Some(_)) => {
            return Err(Failure::wrong(format!("--{name}-capacity needs --{name}s, e.g. --{name}s 15/1m")));
        }
        (_, None) => {}
    }
    Ok(())
}
