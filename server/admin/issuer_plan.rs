//! From what an operator writes to an issuer as it is stored.

use std::time::SystemTime;

use super::{check, stamp};
use crate::{
    address,
    error::{Error, Reason, Result},
    http::Way,
    proto::{
        self,
        v1::{AccessRole, Connection, Issuer},
    },
    state::{Records, SIGNATURES},
};

const MAX_ISSUERS: usize = 32;
const MAX_AUDIENCES: usize = 64;
const MAX_AUDIENCE: usize = 512;
const MAX_REQUIRED_CLAIMS: usize = 32;
/// The longest path of a claim.
const MAX_PATH: usize = 256;
/// The longest value of a claim.
const MAX_VALUE: usize = 1024;
const MAX_ROLES: usize = 256;
/// The longest group as a token names it.
const MAX_GROUP: usize = 256;
const MAX_PEM_BYTES: usize = 256 << 10;
const CA_FIELD: &str = "issuer.ca_bundle_pem";

/// A new issuer.
pub(super) fn create(records: &Records, mut issuer: Issuer, now: SystemTime) -> Result<Issuer> {
    if records.issuers.len() >= MAX_ISSUERS {
        let message = format!("there are {MAX_ISSUERS} issuers, as many as there may be; delete one first");
        return Err(Error::new(Reason::FailedPrecondition, message));
    }
    issuer.id = stamp::id();
    check(records, &issuer)?;
    issuer.create_time = Some(proto::timestamp(now));
    Ok(finish(records, issuer, now))
}

/// An issuer in place of `stored`.
pub(super) fn replace(
    records: &Records,
    stored: &Issuer,
    mut issuer: Issuer,
    now: SystemTime,
) -> Result<Issuer> {
    stamp::check_etag("issuer.etag", &issuer.etag, &stored.etag)?;
    issuer.id.clone_from(&stored.id);
    check(records, &issuer)?;
    issuer.create_time = stored.create_time;
    Ok(finish(records, issuer, now))
}

/// The issuer that makes `stored` be as wanted. `None`: it is so already.
pub(super) fn reconcile(
    records: &Records,
    stored: &Issuer,
    wanted: Issuer,
    now: SystemTime,
) -> Result<Option<Issuer>> {
    let next = replace(records, stored, wanted, now)?;
    let content = |issuer: &Issuer| Issuer { update_time: None, etag: String::new(), ..issuer.clone() };
    Ok(if content(&next) == content(stored) { None } else { Some(next) })
}

fn finish(records: &Records, mut issuer: Issuer, now: SystemTime) -> Issuer {
    issuer.update_time = Some(proto::timestamp(now));
    issuer.etag = String::new();
    issuer.etag = stamp::etag(records.revision, &issuer);
    issuer
}

fn check(records: &Records, issuer: &Issuer) -> Result<()> {
    check::provider_name("issuer.name", &issuer.name)?;
    check_urls(issuer)?;
    check_pins(issuer)?;
    check_algorithms(&issuer.algorithms)?;
    check_path("issuer.groups_claim", &issuer.groups_claim)?;
    check_path("issuer.name_claim", &issuer.name_claim)?;
    if !issuer.group_prefix.is_empty() {
        check::group("issuer.group_prefix", &issuer.group_prefix)?;
    }
    check_roles(issuer)?;
    check_authorities(&issuer.ca_bundle_pem)?;
    check::labels("issuer.labels", &issuer.labels)?;
    let others = || records.issuers.values().filter(|other| other.id != issuer.id);
    if others().any(|other| other.name == issuer.name) {
        let message = format!(
            "there is an issuer named \"{}\" already; choose another name, or update that one",
            issuer.name
        );
        return Err(Error::new(Reason::NameTaken, message).field("issuer.name"));
    }
    match others().find(|other| other.issuer_url == issuer.issuer_url) {
        Some(other) => {
            let message = format!("is that of issuer \"{}\" already; update that one", other.name);
            Err(Error::new(Reason::NameTaken, message).field("issuer.issuer_url"))
        }
        None => Ok(()),
    }
}

/// It stays to the letter as it is: that is how it is compared.
fn check_urls(issuer: &Issuer) -> Result<()> {
    const FIELD: &str = "issuer.issuer_url";
    if issuer.issuer_url.is_empty() {
        return Err(Error::invalid(FIELD, "is required: what the issuer's tokens say as iss"));
    }
    if issuer.issuer_url.contains('?') {
        return Err(Error::invalid(FIELD, "must not contain a query"));
    }
    address::read_secure(&issuer.issuer_url).map_err(|why| Error::invalid(FIELD, why))?;
    if !issuer.jwks_url.is_empty() {
        let keys = address::read_secure(&issuer.jwks_url);
        keys.map_err(|why| Error::invalid("issuer.jwks_url", why))?;
    }
    Ok(())
}

/// What tells that a token is meant for this gateway. Without it everybody whom the issuer knows would be let in.
fn check_pins(issuer: &Issuer) -> Result<()> {
    const AUDIENCES: &str = "issuer.audiences";
    const REQUIRED: &str = "issuer.required_claims";
    check::count(AUDIENCES, issuer.audiences.len(), MAX_AUDIENCES)?;
    for (index, audience) in issuer.audiences.iter().enumerate() {
        let field = format!("{AUDIENCES}[{index}]");
        check::length(&field, audience, 1, MAX_AUDIENCE)?;
        check::printable(&field, audience)?;
        once(&field, audience, issuer.audiences.iter().take(index))?;
    }
    check::count(REQUIRED, issuer.required_claims.len(), MAX_REQUIRED_CLAIMS)?;
    for (path, value) in &issuer.required_claims {
        if path.is_empty() {
            return Err(Error::invalid(REQUIRED, "has an entry without a path; name the claim"));
        }
        check_path(REQUIRED, path)?;
        let field = format!("{REQUIRED}.{path}");
        check::length(&field, value, 1, MAX_VALUE)?;
        check::printable(&field, value)?;
    }
    if issuer.audiences.is_empty() && issuer.required_claims.is_empty() {
        let message =
            "or required_claims is needed: else every token of the issuer would be taken, whoever it is for";
        return Err(Error::invalid(AUDIENCES, message));
    }
    Ok(())
}

fn check_algorithms(algorithms: &[String]) -> Result<()> {
    for (index, name) in algorithms.iter().enumerate() {
        let field = format!("issuer.algorithms[{index}]");
        if !SIGNATURES.iter().any(|(known, _)| known == name) {
            let known = SIGNATURES.map(|(name, _)| name).join(", ");
            return Err(Error::invalid(field, format!("must be one of {known}")));
        }
        once(&field, name, algorithms.iter().take(index))?;
    }
    Ok(())
}

fn check_path(field: &str, path: &str) -> Result<()> {
    check::length(field, path, 0, MAX_PATH)?;
    check::printable(field, path)
}

fn check_roles(issuer: &Issuer) -> Result<()> {
    const KNOWN: &str =
        "must be ACCESS_ROLE_ADMIN, ACCESS_ROLE_MANAGE, ACCESS_ROLE_USER or ACCESS_ROLE_AUDIT";
    check::count("issuer.roles", issuer.roles.len(), MAX_ROLES)?;
    for (index, mapping) in issuer.roles.iter().enumerate() {
        let field = format!("issuer.roles[{index}].group");
        check::length(&field, &mapping.group, 1, MAX_GROUP)?;
        check::printable(&field, &mapping.group)?;
        once(&field, &mapping.group, issuer.roles.iter().take(index).map(|other| &other.group))?;
        match AccessRole::try_from(mapping.role) {
            Ok(AccessRole::Admin | AccessRole::Manage | AccessRole::User | AccessRole::Audit) => {}
            Ok(AccessRole::Unspecified) | Err(_) => {
                return Err(Error::invalid(format!("issuer.roles[{index}].role"), KNOWN));
            }
        }
    }
    match AccessRole::try_from(issuer.default_role) {
        Ok(AccessRole::Unspecified | AccessRole::User) => Ok(()),
        Ok(AccessRole::Admin | AccessRole::Manage | AccessRole::Audit) | Err(_) => Err(Error::invalid(
            "issuer.default_role",
            "must be ACCESS_ROLE_USER, or left out; give larger roles to groups, by roles",
        )),
    }
}

fn check_authorities(pem: &str) -> Result<()> {
    if pem.len() > MAX_PEM_BYTES {
        return Err(Error::invalid(CA_FIELD, format!("must have at most {MAX_PEM_BYTES} bytes")));
    }
    let connection = Connection { ca_bundle_pem: pem.to_owned(), ..Connection::default() };
    Way::of(&connection, |_| None).check().map_err(|error| error.field(CA_FIELD))
}

fn once<'a>(field: &str, text: &str, mut before: impl Iterator<Item = &'a String>) -> Result<()> {
    if before.any(|other| other == text) {
        return Err(Error::invalid(field, format!("repeats \"{text}\"; name it once")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
