//! From the claims of a token that its issuer has signed to a caller.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use crate::{
    error::{Error, Reason, Result},
    proto::v1::AccessRole,
    state::{Caller, TrustedIssuer},
};

/// How far a token may come from the future, in seconds: clocks differ.
const LEEWAY: f64 = 60.0;
const MAX_GROUPS: usize = 256;
/// The longest subject, in bytes; that of OpenID Connect.
const MAX_SUBJECT: usize = 255;
const MAX_NAME: usize = 128;
/// Where a token names claims that are kept elsewhere.
const KEPT_ELSEWHERE: &str = "_claim_names";

type Claims = Map<String, Value>;

/// Who the token lets in.
pub(super) fn caller(claims: &Claims, issuer: &TrustedIssuer, now: SystemTime) -> Result<Caller> {
    in_time(claims, issuer, now)?;
    is_for_us(claims, issuer)?;
    let resource = &issuer.resource;
    let subject = claims.get("sub").and_then(Value::as_str).filter(|subject| is_subject(subject));
    let subject = subject.ok_or_else(|| {
        refused(
            "the token's claim sub is missing, longer than 255 bytes, or holds what cannot be seen".into(),
        )
    })?;
    let groups = groups(claims, issuer)?;
    let role = role(&groups, issuer)?;
    let name = at(claims, or(&resource.name_claim, "sub")).and_then(Value::as_str);
    let name = name.filter(|name| is_name(name)).unwrap_or(subject);
    Ok(Caller {
        // No name of an issuer holds a colon, and no id of an API key does: ids of callers are never equal by accident.
        id: format!("{}:{subject}", resource.name),
        name: name.to_owned(),
        role,
        groups: groups.into_iter().map(|group| format!("{}{group}", resource.group_prefix)).collect(),
        issuer: resource.name.clone(),
    })
}

fn in_time(claims: &Claims, issuer: &TrustedIssuer, now: SystemTime) -> Result<()> {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => value
            .as_f64()
            .map(Some)
            .ok_or_else(|| refused(format!("the token's claim {name} is no number of seconds since 1970"))),
    };
    let Some(end) = time("exp")? else {
        return Err(refused("the token does not say when it ends; its claim exp is missing".into()));
    };
    if time("nbf")?.is_some_and(|begin| begin > now + LEEWAY)
        || time("iat")?.is_some_and(|made| made > now + LEEWAY)
    {
        return Err(refused("the token is not good yet".into()));
    }
    if end <= now {
        let message =
            format!("the token has expired; get a new one from issuer \"{}\"", issuer.resource.name);
        return Err(Error::new(Reason::AuthenticationTokenExpired, message));
    }
    Ok(())
}

/// Whether the issuer made the token for this gateway, by its audience and the claims that the operator requires.
fn is_for_us(claims: &Claims, issuer: &TrustedIssuer) -> Result<()> {
    let resource = &issuer.resource;
    let is_ours = |audience: &Value| {
        audience.as_str().is_some_and(|audience| resource.audiences.iter().any(|ours| ours == audience))
    };
    let fits = match claims.get("aud") {
        _ if resource.audiences.is_empty() => true,
        Some(Value::Array(audiences)) => audiences.iter().any(is_ours),
        Some(audience) => is_ours(audience),
        None => false,
    };
    if !fits {
        let message = format!(
            "the token's claim aud holds no audience of issuer \"{}\"; get a token for this gateway",
            resource.name
        );
        return Err(refused(message));
    }
    match resource.required_claims.iter().find(|(path, value)| !holds(at(claims, path), value)) {
        None => Ok(()),
        Some((path, _)) => Err(refused(format!(
            "the token's claim {path} is not what issuer \"{}\" requires",
            resource.name
        ))),
    }
}

/// Whether a claim is this text, or a number or a truth value that is written so.
fn holds(claim: Option<&Value>, wanted: &str) -> bool {
    match claim {
        Some(Value::String(text)) => text == wanted,
        Some(Value::Number(number)) => number.to_string() == wanted,
        Some(Value::Bool(truth)) => truth.to_string() == wanted,
        Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => false,
    }
}

/// The groups, as the token names them. Some of them would not do: a policy may deny what one of the others has.
fn groups<'a>(claims: &'a Claims, issuer: &TrustedIssuer) -> Result<Vec<&'a str>> {
    let path = or(&issuer.resource.groups_claim, "groups");
    let unfit = |what: &str| Err(refused(format!("the token's claim {path} {what}")));
    let Some(claim) = at(claims, path) else {
        let elsewhere = claims.get(KEPT_ELSEWHERE).and_then(Value::as_object);
        if elsewhere.is_some_and(|names| at(names, path).is_some()) {
            return unfit(
                "is kept elsewhere as the caller is in too many groups; let the issuer put in fewer",
            );
        }
        return Ok(Vec::new());
    };
    match claim {
        Value::String(group) => Ok(vec![group]),
        Value::Array(list) if list.len() > MAX_GROUPS => {
            unfit(&format!("names {} groups; at most {MAX_GROUPS} are taken", list.len()))
        }
        Value::Array(list) => match list.iter().map(Value::as_str).collect() {
            Some(groups) => Ok(groups),
            None => unfit("holds something that is no text"),
        },
        Value::Null => Ok(Vec::new()),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => unfit("is no text and no list of texts"),
    }
}

/// The widest role of those that the groups have.
fn role(groups: &[&str], issuer: &TrustedIssuer) -> Result<AccessRole> {
    let mapped = groups.iter().filter_map(|group| issuer.roles.get(*group)).copied();
    mapped.max_by_key(|role| width(*role)).or(issuer.default_role).ok_or_else(|| {
        let message = format!(
            "no group of the token has a role here; ask an administrator to map one in issuer \"{}\", or to give it a default_role",
            issuer.resource.name
        );
        Error::new(Reason::PermissionDenied, message)
    })
}

/// Who may write sees less than who audits, and is still the wider one: it may call models.
fn width(role: AccessRole) -> u8 {
    match role {
        AccessRole::Unspecified => 0,
        AccessRole::User => 1,
        AccessRole::Audit => 2,
        AccessRole::Manage => 3,
        AccessRole::Admin => 4,
    }
}

/// The claim at a path: the one that has the whole path as its name, else member by member.
fn at<'a>(claims: &'a Claims, path: &str) -> Option<&'a Value> {
    if let Some(claim) = claims.get(path) {
        return Some(claim);
    }
    let mut names = path.split('.');
    let first = claims.get(names.next()?)?;
    names.try_fold(first, |claim, name| claim.as_object()?.get(name))
}

fn is_subject(subject: &str) -> bool {
    (1..=MAX_SUBJECT).contains(&subject.len()) && !subject.contains(char::is_control)
}

/// Whether people can read it in a log.
fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.chars().count() <= MAX_NAME && !name.contains(char::is_control)
}

fn or<'a>(given: &'a str, default: &'a str) -> &'a str {
    if given.is_empty() { default } else { given }
}

fn refused(message: String) -> Error {
    Error::new(Reason::Unauthenticated, message)
}

#[cfg(test)]
mod tests;
