//! From what an operator writes to a provider as it is stored. Pure but for ids and sealing.

use std::{collections::BTreeMap, time::SystemTime};

use http::HeaderName;

use super::{
    base_url, check, connection_plan, find,
    given::{self, Given},
    reference,
    sight::Sight,
    stamp,
};
use crate::{
    error::{Error, Reason, Result},
    proto::{
        self,
        v1::{Provider, SecretReference},
    },
    providers::{Auth, Endpoint, Hosts, ProviderType, Setting, provider_type},
    secrets::{Credential, Owner, Sealed, Sealer},
    state::{Records, StoredProvider},
};

const MAX_SETTINGS: usize = 64;
const MAX_SETTING_BYTES: usize = 4096;
const MAX_HEADERS: usize = 32;
const MAX_HEADER_BYTES: usize = 4096;

/// Headers that belong to the connection or to the driver.
const OWN_HEADERS: &[&str] = &[
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A provider as the operator wants it, with its secrets taken out of the message.
#[derive(Debug)]
pub(super) struct Wanted {
    pub provider: Provider,
    /// `None`: it was not said.
    pub credential: Option<Given>,
    /// Secrets of its connection. `None`: they were not said.
    pub connection_credential: Option<Credential>,
}

impl Wanted {
    /// Takes the secrets out of the message, which is then free of them.
    pub(super) fn new(provider: Option<Provider>) -> Result<Self> {
        let mut provider = provider.ok_or_else(|| Error::invalid("provider", "is required"))?;
        let credential = Given::take(&mut provider.credential);
        let connection = provider.connection.as_mut();
        let connection_credential =
            match connection.and_then(|connection| Given::take(&mut connection.credential)) {
                None => None,
                Some(Given::Inline(secrets)) => Some(secrets),
                Some(Given::Reference(_)) => {
                    let message =
                        "cannot be used for a connection; give its secrets inline, they are sealed here";
                    return Err(Error::invalid("provider.connection.credential.reference", message));
                }
            };
        Ok(Self { provider, credential, connection_credential })
    }
}

/// A new provider.
pub(super) fn create(
    sight: &Sight<'_>,
    wanted: Wanted,
    sealer: &Sealer,
    now: SystemTime,
) -> Result<StoredProvider> {
    let Wanted { mut provider, credential, connection_credential } = wanted;
    let row = provider_type(&provider.r#type).map_err(|error| error.field("provider.type"))?;
    normalize(&mut provider, row)?;
    let given = credential.unwrap_or_else(|| Given::Inline(Credential::default()));
    let of_connection = connection_credential.unwrap_or_default();
    let credential = take(sight, row, &mut provider, given)?;
    connection_plan::normalize(&mut provider, row.endpoint, &of_connection)?;
    free_name(sight.records, &provider.name, "")?;
    provider.id = stamp::id();
    provider.create_time = Some(proto::timestamp(now));
    let sealed = seal(&credential.with(of_connection), &provider.id, sealer)?;
    Ok(finish(sight.records, provider, sealed, now))
}

/// A provider in place of `stored`. Secrets that are not said stay.
pub(super) fn replace(
    sight: &Sight<'_>,
    stored: &StoredProvider,
    wanted: Wanted,
    sealer: &Sealer,
    now: SystemTime,
) -> Result<StoredProvider> {
    let Wanted { mut provider, credential, connection_credential } = wanted;
    let old = &stored.provider;
    stamp::check_etag("provider.etag", &provider.etag, &old.etag)?;
    if !provider.r#type.is_empty() && provider.r#type != old.r#type {
        return Err(Error::invalid(
            "provider.type",
            format!("cannot change from {}; make a new provider for another type", old.r#type),
        ));
    }
    provider.r#type.clone_from(&old.r#type);
    let row = provider_type(&provider.r#type).map_err(|error| error.field("provider.type"))?;
    normalize(&mut provider, row)?;
    free_name(sight.records, &provider.name, &old.id)?;
    provider.id.clone_from(&old.id);
    provider.create_time = old.create_time;
    let held = open(stored, sealer)?;
    let kept = held.part(|name| !connection_plan::owns(name));
    let kept_of_connection =
        connection_plan::still_used(provider.connection.as_ref(), &held.part(connection_plan::owns));
    let reference = given::reference(old.credential.as_ref());
    let moved = Hosts::of(row, &provider).moved(&Hosts::of(row, old));
    if moved {
        let has_one = reference.is_some() || !kept.is_empty();
        check_said("provider.credential", credential.is_some(), has_one)?;
        let has_one = !kept_of_connection.is_empty();
        check_said("provider.connection.credential", connection_credential.is_some(), has_one)?;
    }
    // What is there already for these hosts needs no permission.
    let is_stored = |given: &SecretReference| {
        !moved && reference.is_some_and(|stored| reference::same(sight, given, stored))
    };
    let given = credential.filter(|given| !matches!(given, Given::Reference(given) if is_stored(given)));
    let credential = match given {
        Some(given) => take(sight, row, &mut provider, given)?,
        None => {
            provider.credential.clone_from(&old.credential);
            provider.credential_hint.clone_from(&old.credential_hint);
            kept
        }
    };
    let of_connection = connection_credential.unwrap_or(kept_of_connection);
    connection_plan::normalize(&mut provider, row.endpoint, &of_connection)?;
    let all = credential.with(of_connection);
    // Sealed anew only where it changed, so that what is sealed tells whether it did.
    let sealed = if all.same_as(&held) { stored.credential.clone() } else { seal(&all, &old.id, sealer)? };
    Ok(finish(sight.records, provider, sealed, now))
}

/// Checks the credential and writes it into the provider as readers see it. Gives the secrets that are sealed.
fn take(sight: &Sight<'_>, row: &ProviderType, provider: &mut Provider, given: Given) -> Result<Credential> {
    let secrets = match given {
        Given::Inline(secrets) => {
            check_credential(row, &secrets)?;
            secrets
        }
        Given::Reference(reference) => {
            provider.credential = Some(given::shown(reference::settle(sight, row, provider, reference)?));
            Credential::default()
        }
    };
    provider.credential_hint = secrets.hints();
    Ok(secrets)
}

/// A stored secret goes to the hosts that it was given for. Otherwise whoever may change providers could send it to a host
/// of his own.
fn check_said(field: &str, is_said: bool, has_one: bool) -> Result<()> {
    if is_said || !has_one {
        return Ok(());
    }
    let message = "is required where the address, auth_url or the proxy moves to another host, or others vouch for it by \
                   ca_bundle_pem: stored secrets stay with the host they were given for";
    Err(Error::invalid(field, message))
}

fn open(stored: &StoredProvider, sealer: &Sealer) -> Result<Credential> {
    match &stored.credential {
        Some(sealed) => Credential::open(Owner::Provider(&stored.provider.id), sealer, sealed),
        None => Ok(Credential::default()),
    }
}

fn seal(credential: &Credential, id: &str, sealer: &Sealer) -> Result<Option<Sealed>> {
    if credential.is_empty() { Ok(None) } else { credential.seal(Owner::Provider(id), sealer).map(Some) }
}

/// The provider that makes `stored` be as wanted. `None`: it is so already.
pub(super) fn reconcile(
    sight: &Sight<'_>,
    stored: &StoredProvider,
    wanted: Wanted,
    sealer: &Sealer,
    now: SystemTime,
) -> Result<Option<StoredProvider>> {
    let next = replace(sight, stored, wanted, sealer, now)?;
    let content =
        |provider: &Provider| Provider { update_time: None, etag: String::new(), ..provider.clone() };
    let same = next.credential == stored.credential && content(&next.provider) == content(&stored.provider);
    Ok(if same { None } else { Some(next) })
}

fn finish(
    records: &Records,
    mut provider: Provider,
    credential: Option<Sealed>,
    now: SystemTime,
) -> StoredProvider {
    provider.update_time = Some(proto::timestamp(now));
    provider.etag = String::new();
    provider.etag = stamp::etag(records.revision, &provider);
    StoredProvider { provider, credential }
}

fn free_name(records: &Records, name: &str, own_id: &str) -> Result<()> {
    match find::provider_by_name(records, name) {
        Some(other) if other.provider.id != own_id => Err(Error::new(
            Reason::NameTaken,
            format!("there is a provider named \"{name}\" already; choose another name, or update that one"),
        )
        .field("provider.name")
        .provider(name)),
        _ => Ok(()),
    }
}

/// Checks everything but the credential, and brings it into the form that is stored.
fn normalize(provider: &mut Provider, row: &ProviderType) -> Result<()> {
    check::provider_name("provider.name", &provider.name)?;
    check_settings(&mut provider.settings, row)?;
    normalize_base_url(&mut provider.base_url, &provider.settings, row)?;
    provider.headers = normalize_headers(std::mem::take(&mut provider.headers), row)?;
    check::labels("provider.labels", &provider.labels)
}

fn normalize_base_url(
    base_url: &mut String,
    settings: &BTreeMap<String, String>,
    row: &ProviderType,
) -> Result<()> {
    match (row.endpoint, base_url.is_empty()) {
        (Endpoint::Url(_) | Endpoint::BuiltIn(_), true) => Ok(()),
        (Endpoint::FromOperator, true) => Err(Error::invalid(
            "provider.base_url",
            format!("is required for type {}; write it like https://api.example.com/v1", row.name),
        )),
        (Endpoint::Named { setting, before, after, .. }, true) => match settings.get(setting) {
            Some(_) => Ok(()),
            None => Err(Error::invalid(
                format!("provider.settings.{setting}"),
                format!(
                    "is required for type {} where there is no base_url; the address is then {before}NAME{after}",
                    row.name
                ),
            )),
        },
        (Endpoint::BuiltIn(_), false) => Err(Error::invalid(
            "provider.base_url",
            format!("must be empty: type {} is built into the gateway", row.name),
        )),
        (Endpoint::Url(_) | Endpoint::FromOperator | Endpoint::Named { .. }, false) => {
            let url = base_url::check(base_url)?;
            url.as_str().trim_end_matches('/').clone_into(base_url);
            Ok(())
        }
    }
}

fn check_settings(settings: &mut BTreeMap<String, String>, row: &ProviderType) -> Result<()> {
    check::count("provider.settings", settings.len(), MAX_SETTINGS)?;
    // Forms send what was left blank; blank is unset.
    settings.retain(|_, value| !value.is_empty());
    for (name, value) in &*settings {
        let field = format!("provider.settings.{name}");
        let Some(setting) = row.settings.iter().find(|setting| setting.name == name) else {
            return Err(unknown(field, row, "setting", row.settings));
        };
        check::value(&field, value, MAX_SETTING_BYTES)?;
        (setting.check)(value).map_err(|why| Error::invalid(field, why))?;
    }
    match row.settings.iter().find(|setting| setting.required && !settings.contains_key(setting.name)) {
        Some(missing) => Err(required(format!("provider.settings.{}", missing.name), row, missing)),
        None => Ok(()),
    }
}

fn normalize_headers(
    headers: BTreeMap<String, String>,
    row: &ProviderType,
) -> Result<BTreeMap<String, String>> {
    check::count("provider.headers", headers.len(), MAX_HEADERS)?;
    let mut kept = BTreeMap::new();
    for (name, value) in headers {
        let field = format!("provider.headers.{name}");
        let header = HeaderName::try_from(&name)
            .map_err(|_| Error::invalid(&field, "is no name of a header; use letters, digits and -"))?;
        if OWN_HEADERS.contains(&header.as_str()) {
            return Err(Error::invalid(field, "cannot be set: the gateway makes this header itself"));
        }
        if row.auth.iter().any(|auth| matches!(auth, Auth::Header(own) if header.as_str() == *own)) {
            return Err(Error::invalid(field, "cannot be set: it carries the credential; give that instead"));
        }
        if value.len() > MAX_HEADER_BYTES || !check::fits_header(&value) {
            return Err(Error::invalid(field, "must be at most 4096 visible ASCII characters"));
        }
        if kept.insert(header.as_str().to_owned(), value).is_some() {
            return Err(Error::invalid(
                field,
                "stands there twice; the case of header names does not matter",
            ));
        }
    }
    Ok(kept)
}

fn check_credential(row: &ProviderType, credential: &Credential) -> Result<()> {
    let allowed: Vec<Setting> = row.auth.iter().flat_map(|auth| auth.secrets()).copied().collect();
    for (name, secret) in credential.iter() {
        let field = secret_field(name);
        let Some(known) = allowed.iter().find(|known| known.name == name) else {
            return Err(unknown(field, row, "secret", &allowed));
        };
        if secret.expose().is_empty() {
            return Err(required(field, row, known));
        }
        check::value(&field, secret.expose(), check::MAX_SECRET_BYTES)?;
        if !check::fits_header(secret.expose()) {
            return Err(Error::invalid(field, "must be visible ASCII characters, as a header carries it"));
        }
        (known.check)(secret.expose()).map_err(|why| Error::invalid(field, why))?;
    }
    let missing = |auth: &Auth| {
        auth.secrets().iter().find(|secret| secret.required && credential.get(secret.name).is_none())
    };
    let mut gaps = row.auth.iter().map(missing);
    // The first kind is the one that the type is usually used with.
    match gaps.next() {
        Some(Some(gap)) if gaps.all(|other| other.is_some()) => {
            Err(required(secret_field(gap.name), row, gap))
        }
        _ => Ok(()),
    }
}

fn secret_field(name: &str) -> String {
    format!("provider.credential.inline.values.{name}")
}

fn unknown(field: String, row: &ProviderType, what: &str, allowed: &[Setting]) -> Error {
    let mut names: Vec<_> = allowed.iter().map(|setting| setting.name).collect();
    names.dedup();
    let advice =
        if names.is_empty() { "it takes none".to_owned() } else { format!("it takes {}", names.join(", ")) };
    Error::invalid(field, format!("is no {what} of type {}; {advice}", row.name))
}

fn required(field: String, row: &ProviderType, missing: &Setting) -> Error {
    Error::invalid(field, format!("is required for type {}: {}", row.name, missing.help))
}
