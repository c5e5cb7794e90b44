//! Administration: validate, plan, commit, publish, reply.
//!
//! Here: the methods of the administration services, one file a resource (`provider`, `model`, `api_key`) with the rules
//! beside it (`*_plan`, `check`, `base_url`), and the ways in which a gateway gets its first resources: the bootstrap
//! key, the seed file, ready-made providers. What a caller sees and may change of it is asked of `sight`, what it may give
//! to others of `policy_bound`, and which secrets it may refer to of `reference`. Not here: the permissions of roles (checked by the edges), wire formats. Imports
//! `state`, `upstream` and below; imported by the edges and by the composition root.

mod api_key;
mod audit;
pub mod base_url;
pub mod bootstrap;
mod check;
mod connection_plan;
mod explain;
mod find;
mod given;
mod issuer;
mod issuer_plan;
mod key_plan;
mod model;
mod model_plan;
mod page;
mod policy;
mod policy_bound;
mod policy_plan;
mod policy_resource;
mod provider;
mod provider_plan;
mod provider_type;
mod rate_limit;
mod rate_limit_plan;
pub mod ready_made;
mod reference;
mod referenced_settings;
mod removal;
mod replay;
mod rotate;
mod secret_manager;
mod secret_manager_kind;
mod secret_manager_plan;
mod secret_rules;
pub mod seed;
mod sight;
mod stamp;
mod tenant;
mod tenant_plan;
mod upstream_check;

use std::sync::Arc;

use crate::{
    clock::Clock,
    secrets::{KeyHasher, Sealer},
    state::{Call, State},
    upstream::Driver,
};

/// Changes and reads the configuration. The permissions of roles are checked by the edges, policies here.
pub struct Admin {
    state: State,
    sealer: Arc<Sealer>,
    hasher: Arc<KeyHasher>,
    driver: Driver,
    clock: Clock,
    replays: replay::Replays,
}

impl Admin {
    /// The administration of one gateway.
    #[must_use]
    pub fn new(
        state: State,
        sealer: Arc<Sealer>,
        hasher: Arc<KeyHasher>,
        driver: Driver,
        clock: Clock,
    ) -> Self {
        Self { state, sealer, hasher, driver, clock, replays: replay::Replays::default() }
    }

    /// Tells the log who changed what. Never a secret: names and ids only.
    fn note(&self, call: &Call, action: &'static str, id: &str, name: &str, revision: i64) {
        tracing::info!(
            action,
            id,
            name,
            revision,
            caller = call.caller.name,
            caller_id = call.caller.id,
            request_id = &*call.request_id,
            "configuration changed"
        );
    }
}
