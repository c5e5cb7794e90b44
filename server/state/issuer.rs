//! Issuers of tokens, as the call path sees them.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jsonwebtoken::{Algorithm, DecodingKey};

use super::{Connector, Records, Snapshot};
use crate::{
    error::{Error, Reason, Result},
    http::{Client, Way},
    proto::v1::{AccessRole, Connection, Issuer},
    renewal::Renewed,
};

/// The algorithms that an issuer may sign by. None of them is symmetric: what verifies tokens must not be able to make them.
pub const SIGNATURES: [(&str, Algorithm); 9] = [
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("EdDSA", Algorithm::EdDSA),
];

/// An issuer whose tokens let callers in.
#[derive(Debug)]
pub struct TrustedIssuer {
    /// What the operator said of it.
    pub resource: Issuer,
    /// Algorithms that its signatures may have. At least one.
    pub algorithms: Vec<Algorithm>,
    /// Role by group.
    pub roles: HashMap<String, AccessRole>,
    /// Role of callers in no group that has one. `None`: they are refused.
    pub default_role: Option<AccessRole>,
    /// Fetches its keys.
    pub client: Client,
    /// Its keys. They survive a change of the snapshot.
    pub keys: Arc<Renewed<KeySet>>,
}

/// The public keys of an issuer, as it told them last.
#[derive(Debug)]
pub struct KeySet(pub Vec<IssuerKey>);

/// A public key of an issuer.
#[derive(Debug)]
pub struct IssuerKey {
    /// Its `kid`. `None`: it has none.
    pub id: Option<String>,
    /// The algorithms that it can verify.
    pub algorithms: Vec<Algorithm>,
    /// The key.
    pub key: DecodingKey,
}

/// The issuers that are not disabled, by what their tokens say as `iss`. Keys are taken over from `previous` where they come
/// from the same place in the same way.
pub(super) fn issuers(
    records: &Records,
    previous: &Snapshot,
    connector: &Connector,
    problems: &mut Vec<Error>,
) -> HashMap<String, Arc<TrustedIssuer>> {
    let mut names = HashSet::new();
    let mut issuers: HashMap<String, Arc<TrustedIssuer>> = HashMap::new();
    for issuer in records.issuers.values() {
        let mut broken = |why: &str| {
            let message = format!("issuer \"{}\": {why}", issuer.name);
            problems.push(Error::new(Reason::FailedPrecondition, message));
        };
        if !names.insert(&issuer.name) {
            broken("another one has its name");
        }
        if issuer.disabled {
            continue;
        }
        if issuers.contains_key(&issuer.issuer_url) {
            broken("another one has its issuer_url");
        }
        let keys = previous.issuers.get(&issuer.issuer_url).filter(|before| before.has_keys_of(issuer));
        let keys = keys.map(|before| Arc::clone(&before.keys)).unwrap_or_default();
        match TrustedIssuer::new(issuer, keys, connector) {
            Ok(trusted) => {
                issuers.insert(issuer.issuer_url.clone(), Arc::new(trusted));
            }
            Err(error) => broken(error.message()),
        }
    }
    issuers
}

// === impl KeySet ===

impl KeySet {
    /// The key of this id that can verify by the algorithm; without an id, the only one that can.
    #[must_use]
    pub fn fitting(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&IssuerKey> {
        let mut fitting = self.0.iter().filter(|key| key.algorithms.contains(&algorithm));
        if id.is_some() {
            return fitting.find(|key| key.id.as_deref() == id);
        }
        let first = fitting.next()?;
        fitting.next().is_none().then_some(first)
    }
}

// === impl TrustedIssuer ===

impl TrustedIssuer {
    fn new(issuer: &Issuer, keys: Arc<Renewed<KeySet>>, connector: &Connector) -> Result<Self> {
        let unknown = |what: &str| Error::new(Reason::FailedPrecondition, format!("{what} is unknown"));
        let named = |name: &String| {
            let found = SIGNATURES.iter().find(|(known, _)| known == name).map(|(_, algorithm)| *algorithm);
            found.ok_or_else(|| unknown("one of its algorithms"))
        };
        let algorithms = match issuer.algorithms.as_slice() {
            [] => vec![Algorithm::RS256],
            given => given.iter().map(named).collect::<Result<_>>()?,
        };
        let role = |number| match AccessRole::try_from(number) {
            Ok(role @ (AccessRole::Admin | AccessRole::Manage | AccessRole::User | AccessRole::Audit)) => {
                Ok(Some(role))
            }
            Ok(AccessRole::Unspecified) => Ok(None),
            Err(_) => Err(unknown("one of its roles")),
        };
        let mut roles = HashMap::with_capacity(issuer.roles.len());
        for mapping in &issuer.roles {
            let role = role(mapping.role)?.ok_or_else(|| unknown("one of its roles"))?;
            roles.insert(mapping.group.clone(), role);
        }
        let connection = Connection { ca_bundle_pem: issuer.ca_bundle_pem.clone(), ..Connection::default() };
        Ok(Self {
            algorithms,
            roles,
            default_role: role(issuer.default_role)?,
            client: connector.clients.get(&Way::of(&connection, |_| None))?,
            keys,
            resource: issuer.clone(),
        })
    }

    /// Whether the keys of this one are those of the other.
    fn has_keys_of(&self, other: &Issuer) -> bool {
        (&self.resource.jwks_url, &self.resource.ca_bundle_pem) == (&other.jwks_url, &other.ca_bundle_pem)
    }
}
