//! One request of a seed file.

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::{
    problem::Problem,
    shape::{Reader, Shape, json_name, place, requests},
    tree::{Node, Scalar, Value},
    variables::{Lookup, expand},
};
use crate::{
    admin::{provider_plan, secret_manager_plan},
    error::{Error, Reason, Result},
    proto::v1::{
        CreateApiKeyRequest, CreateIssuerRequest, CreateModelRequest, CreatePolicyRequest,
        CreateProviderRequest, CreateRateLimitRequest, CreateSecretManagerRequest, Issuer, Model, Policy,
        RateLimit, Tenant, UpdateTenantRequest,
    },
};

/// A request that could be read.
pub(super) enum Request {
    SecretManager(Box<secret_manager_plan::Wanted>),
    Provider(Box<provider_plan::Wanted>),
    Model(Box<Model>),
    Issuer(Box<Issuer>),
    Key(Box<CreateApiKeyRequest>),
    Policy(Box<Policy>),
    RateLimit(Box<RateLimit>),
    Tenant(Box<Tenant>),
}

/// What entries may call a resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name {
    /// What the API says where there is none.
    pub missing: Reason,
    pub name: String,
}

/// A request and where it stands.
pub(super) struct Entry<'a> {
    pub node: &'a Node,
    /// `[2].createModel`
    path: String,
    /// What is inside it, and its shape. `None`: it is no request at all.
    body: Option<(Shape, &'a Node)>,
    /// Names by which entries below it may call what it makes.
    pub names: Vec<Name>,
    /// What it calls the secret manager that it needs, if any.
    pub manager: Option<Name>,
    /// `None`: there are problems.
    pub request: Option<Request>,
}

// === impl Entry ===

impl<'a> Entry<'a> {
    /// Reads one entry and tells all its problems.
    pub(super) fn read(
        index: usize,
        node: &'a Node,
        lookup: &Lookup<'_>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let path = format!("[{index}]");
        let mut entry = Self { node, path, body: None, names: Vec::new(), manager: None, request: None };
        let Some((name, body)) = only_member(node) else {
            let known = requests().collect::<Vec<_>>().join(", ");
            let message = format!("must be an object with one member, one of {known}");
            problems.push(Problem::new(node.at, entry.path.as_str(), message));
            return entry;
        };
        entry.path.push('.');
        entry.path.push_str(&name.text);
        let Some(shape) = Shape::request().member(&name.text) else {
            let known = requests().collect::<Vec<_>>().join(", ");
            let message = format!("is no request of a seed; there are {known}");
            problems.push(Problem::new(name.at, entry.path.as_str(), message));
            return entry;
        };
        entry.body = Some((shape, body));
        entry.names = names(&json_name(&name.text), body, lookup);
        entry.manager = manager(&json_name(&name.text), body, lookup);
        let before = problems.len();
        let json = Reader { lookup, problems }.value(shape, body, &entry.path);
        if problems.len() == before {
            match request(&json_name(&name.text), json) {
                Ok(request) => entry.request = Some(request),
                Err(error) => problems.push(entry.problem(&error)),
            }
        }
        entry
    }

    /// An error of the API about this entry, with its place in the file.
    pub(super) fn problem(&self, error: &Error) -> Problem {
        let field = error.detail().field.as_deref().unwrap_or_default();
        let (at, path) = match self.body {
            Some((shape, body)) => place(shape, body, self.path.clone(), field),
            None => (self.node.at, self.path.clone()),
        };
        Problem::new(at, path, error.message()).with_reason(error.reason())
    }
}

fn only_member(node: &Node) -> Option<(&Scalar, &Node)> {
    match &node.value {
        Value::Map(entries) => match entries.as_slice() {
            [(name, body)] => Some((name, body)),
            _ => None,
        },
        Value::Scalar(_) | Value::List(_) => None,
    }
}

fn request(name: &str, json: Json) -> Result<Request> {
    let request = match name {
        "createSecretManager" => {
            let wanted = message::<CreateSecretManagerRequest>(json)?.secret_manager;
            Request::SecretManager(Box::new(secret_manager_plan::Wanted::new(wanted)?))
        }
        "createProvider" => {
            let wanted = message::<CreateProviderRequest>(json)?.provider;
            Request::Provider(Box::new(provider_plan::Wanted::new(wanted)?))
        }
        "createModel" => Request::Model(inner(message::<CreateModelRequest>(json)?.model, "model")?),
        "createIssuer" => Request::Issuer(inner(message::<CreateIssuerRequest>(json)?.issuer, "issuer")?),
        "createApiKey" => Request::Key(Box::new(message(json)?)),
        "createPolicy" => Request::Policy(inner(message::<CreatePolicyRequest>(json)?.policy, "policy")?),
        "createRateLimit" => {
            Request::RateLimit(inner(message::<CreateRateLimitRequest>(json)?.rate_limit, "rate_limit")?)
        }
        "updateTenant" => Request::Tenant(inner(message::<UpdateTenantRequest>(json)?.tenant, "tenant")?),
        _ => return Err(Error::invalid("", "is no request of a seed")),
    };
    Ok(request)
}

/// The shape was checked; the cause would quote values, which may be secret.
fn message<M: DeserializeOwned>(json: Json) -> Result<M> {
    serde_json::from_value(json).map_err(|_| Error::invalid("", "has a value that does not fit its place"))
}

fn inner<M>(message: Option<M>, field: &str) -> Result<Box<M>> {
    message.map(Box::new).ok_or_else(|| Error::invalid(field, "is required"))
}

/// The names of what an entry makes, whether or not the rest of it can be read.
fn names(request: &str, body: &Node, lookup: &Lookup<'_>) -> Vec<Name> {
    let (missing, resource, members): (_, _, &[&str]) = match request {
        "createSecretManager" => (Reason::SecretManagerNotFound, "secretManager", &["name"]),
        "createProvider" => (Reason::ProviderNotFound, "provider", &["name"]),
        "createModel" => (Reason::ModelNotFound, "model", &["alias", "upstreamId"]),
        _ => return Vec::new(),
    };
    let name = |member: &&str| text(body, &[resource, member], lookup);
    members.iter().filter_map(name).map(|name| Name { missing, name }).collect()
}

/// The secret manager that a provider refers to by name.
fn manager(request: &str, body: &Node, lookup: &Lookup<'_>) -> Option<Name> {
    let path = ["provider", "credential", "reference", "manager"];
    let name = text(body, &path, lookup).filter(|_| request == "createProvider")?;
    Some(Name { missing: Reason::SecretManagerNotFound, name })
}

/// The text at a path, whether or not the rest can be read.
fn text(body: &Node, path: &[&str], lookup: &Lookup<'_>) -> Option<String> {
    match &path.iter().try_fold(body, |node, member| node.member(member))?.value {
        Value::Scalar(scalar) => expand(&scalar.text, lookup).ok(),
        Value::List(_) | Value::Map(_) => None,
    }
}
