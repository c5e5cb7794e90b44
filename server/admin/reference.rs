//! Who may refer to which secret. A reference is decided about when it is given, for the hosts that the provider has then;
//! whether rules still admit it is asked again when it is used.

use std::collections::{BTreeMap, BTreeSet};

use super::{check, find, sight::Sight};
use crate::{
    error::{Error, Reason, Result},
    proto::v1::{Permission, Provider, SecretReference, secret_manager::Kind},
    providers::{Hosts, ProviderType},
    secrets::{Resource, Rules},
    state::StoredManager,
};

const FIELD: &str = "provider.credential.reference";
const MAX_NAMES: usize = 64;

/// The reference as it is stored, with the id of its secret manager. Refused unless the caller may let the secret be sent to
/// every host of the provider.
pub(super) fn settle(
    sight: &Sight<'_>,
    row: &ProviderType,
    provider: &Provider,
    mut reference: SecretReference,
) -> Result<SecretReference> {
    let secrets: Vec<_> = row.auth.iter().flat_map(|auth| auth.secrets()).map(|secret| secret.name).collect();
    if secrets.is_empty() {
        return Err(Error::invalid(FIELD, format!("must be unset: type {} takes no credential", row.name)));
    }
    let resource = read(FIELD, &reference, &secrets)?;
    let hosts = Hosts::of(row, provider).names();
    let manager = match resource {
        Resource::Environment(_) | Resource::File(_) => {
            require_own(sight, FIELD, &reference)?;
            String::new()
        }
        Resource::Vault(_) | Resource::IbmCloud(_) | Resource::SoftwareHub(_) => {
            let to = To { sight, reference: &reference, hosts: Some(&hosts) };
            to.manager(&resource)?.manager.id.clone()
        }
    };
    reference.manager = manager;
    Ok(reference)
}

/// The secret manager at which the secret is read before it is known to which hosts it goes. Refused unless the caller may
/// let it be sent to some host. `None`: it is kept by none.
pub(super) fn place<'a>(
    sight: &'a Sight<'a>,
    reference: &'a SecretReference,
) -> Result<Option<&'a StoredManager>> {
    let resource = Resource::read(&reference.resource)
        .map_err(|why| Error::invalid(format!("{FIELD}.resource"), why))?;
    match resource {
        Resource::Environment(_) | Resource::File(_) => Ok(None),
        Resource::Vault(_) | Resource::IbmCloud(_) | Resource::SoftwareHub(_) => {
            To { sight, reference, hosts: None }.manager(&resource).map(Some)
        }
    }
}

/// Whether a given reference is the stored one. It may leave out the secret manager.
pub(super) fn same(sight: &Sight<'_>, given: &SecretReference, stored: &SecretReference) -> bool {
    let names_it = || {
        let found = find::secret_manager(sight.records, FIELD, &given.manager);
        found.is_ok_and(|found| found.manager.id == stored.manager)
    };
    (&given.resource, &given.names) == (&stored.resource, &stored.names)
        && (given.manager.is_empty() || names_it())
}

/// Checks the credential of a secret manager, which the gateway itself keeps: in a file or its environment.
pub(super) fn settle_own(
    sight: &Sight<'_>,
    field: &str,
    reference: SecretReference,
    secrets: &[&str],
) -> Result<SecretReference> {
    match read(field, &reference, secrets)? {
        Resource::Environment(_) | Resource::File(_) => require_own(sight, field, &reference)?,
        Resource::Vault(_) | Resource::IbmCloud(_) | Resource::SoftwareHub(_) => {
            let message = "must be env:NAME or file:PATH: a secret manager is not opened by another one";
            return Err(Error::invalid(format!("{field}.resource"), message));
        }
    }
    Ok(reference)
}

/// Whether a secret manager is where such secrets are kept.
pub(super) fn keeps(kind: Option<&Kind>, resource: &Resource) -> bool {
    match (kind, resource) {
        (Some(Kind::Vault(_)), Resource::Vault(_))
        | (Some(Kind::SoftwareHub(_)), Resource::SoftwareHub(_)) => true,
        (Some(Kind::IbmSecretsManager(settings)), Resource::IbmCloud(crn)) => {
            settings.instance.is_empty() || settings.instance == crn.instance
        }
        _ => false,
    }
}

fn read(field: &str, reference: &SecretReference, secrets: &[&str]) -> Result<Resource> {
    check_names(&format!("{field}.names"), &reference.names, secrets)?;
    Resource::read(&reference.resource).map_err(|why| Error::invalid(format!("{field}.resource"), why))
}

fn check_names(field: &str, names: &BTreeMap<String, String>, secrets: &[&str]) -> Result<()> {
    check::count(field, names.len(), MAX_NAMES)?;
    for (name, member) in names {
        let field = format!("{field}.{name}");
        if !secrets.contains(&name.as_str()) {
            let message = format!("is no secret that is used here; there is {}", secrets.join(", "));
            return Err(Error::invalid(field, message));
        }
        check::length(&field, member, 1, check::MAX_NAME)?;
        check::printable(&field, member)?;
    }
    Ok(())
}

/// What the gateway itself can read is for administrators.
fn require_own(sight: &Sight<'_>, field: &str, reference: &SecretReference) -> Result<()> {
    if !reference.manager.is_empty() {
        return Err(Error::invalid(format!("{field}.manager"), "must be empty for env and file"));
    }
    if sight.require_role(Permission::ReferenceSecrets).is_ok() {
        return Ok(());
    }
    let message = format!(
        "caller \"{}\" may not refer to {}: only administrators refer to the gateway's environment and files",
        sight.caller().name,
        reference.resource
    );
    Err(Error::new(Reason::SecretNotAllowed, message).field(format!("{field}.resource")))
}

/// A wish to send a secret to hosts.
struct To<'a> {
    sight: &'a Sight<'a>,
    reference: &'a SecretReference,
    /// `None`: they are not known yet.
    hosts: Option<&'a BTreeSet<String>>,
}

impl<'a> To<'a> {
    /// The secret manager that is meant, and lets it.
    fn manager(&self, resource: &Resource) -> Result<&'a StoredManager> {
        let (records, reference) = (self.sight.records, self.reference);
        let field = format!("{FIELD}.manager");
        let is_place = |stored: &&StoredManager| keeps(stored.manager.kind.as_ref(), resource);
        if !reference.manager.is_empty() {
            let found = find::secret_manager(records, &field, &reference.manager)?;
            if !is_place(&found) {
                let message =
                    format!("secret manager \"{}\" does not keep {}", found.manager.name, reference.resource);
                return Err(Error::invalid(field, message));
            }
            return self.require(found).map(|()| found);
        }
        let places: Vec<_> = records.secret_managers.values().filter(is_place).collect();
        let fitting: Vec<_> = places.iter().filter(|stored| self.is_admitted(stored)).collect();
        match (fitting.as_slice(), places.as_slice()) {
            ([only], _) => Ok(only),
            ([], []) => {
                let message = format!(
                    "no secret manager keeps {}; make one with ProviderAdmin.CreateSecretManager",
                    reference.resource
                );
                Err(Error::new(Reason::SecretManagerNotFound, message).field(field))
            }
            ([], [first, ..]) => self.require(first).map(|()| *first),
            (several, _) => {
                let names: Vec<_> = several.iter().map(|stored| stored.manager.name.as_str()).collect();
                let message = format!("is required, as several secret managers fit: {}", names.join(", "));
                Err(Error::invalid(field, message))
            }
        }
    }

    fn require(&self, stored: &StoredManager) -> Result<()> {
        if self.is_admitted(stored) {
            return Ok(());
        }
        let hosts = self.hosts.map(|hosts| hosts.iter().map(String::as_str).collect::<Vec<_>>().join(", "));
        let message = format!(
            "caller \"{}\" may not let {} be sent to {}; an administrator can add a rule to secret manager \"{}\" that \
             admits it",
            self.sight.caller().name,
            self.reference.resource,
            hosts.as_deref().unwrap_or("any host"),
            stored.manager.name
        );
        Err(Error::new(Reason::SecretNotAllowed, message).field(format!("{FIELD}.resource")))
    }

    /// Whether the rules admit it for every host, and for this caller. They hold for administrators too.
    fn is_admitted(&self, stored: &StoredManager) -> bool {
        let rules = Rules::of(&stored.manager.rules);
        let resource = &self.reference.resource;
        let is_admin = self.sight.require_role(Permission::ReferenceSecrets).is_ok();
        let Some(hosts) = self.hosts else {
            return rules.know(resource, (!is_admin).then(|| self.sight.groups()));
        };
        hosts.iter().all(|host| {
            if is_admin {
                rules.admits(resource, host)
            } else {
                rules.admits_member(resource, host, self.sight.groups())
            }
        })
    }
}
