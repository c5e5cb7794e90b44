//! From what an operator writes to a secret manager as it is stored. Pure but for ids and sealing.

use std::{mem::discriminant, time::SystemTime};

use super::{
    check, find,
    given::{self, Given},
    reference, secret_manager_kind as kinds, secret_rules,
    sight::Sight,
    stamp,
};
use crate::{
    error::{Error, Reason, Result},
    proto::{
        self,
        v1::{Permission, Provider, SecretManager, secret_manager::Kind},
    },
    secrets::{Credential, Owner, Sealed, Sealer},
    state::StoredManager,
};

const CREDENTIAL: &str = "secret_manager.credential";
const DAY: i64 = 86_400;
/// Names shown when several providers are in the way.
const SHOWN_NAMES: usize = 5;

/// A secret manager as the operator wants it, with its secrets taken out of the message.
#[derive(Debug)]
pub(super) struct Wanted {
    pub manager: SecretManager,
    /// `None`: it was not said.
    pub credential: Option<Given>,
}

impl Wanted {
    /// Takes the secrets out of the message, which is then free of them.
    pub(super) fn new(manager: Option<SecretManager>) -> Result<Self> {
        let mut manager = manager.ok_or_else(|| Error::invalid("secret_manager", "is required"))?;
        let credential = Given::take(&mut manager.credential);
        Ok(Self { manager, credential })
    }
}

/// A new secret manager.
pub(super) fn create(
    sight: &Sight<'_>,
    wanted: Wanted,
    sealer: &Sealer,
    now: SystemTime,
) -> Result<StoredManager> {
    sight.require_role(Permission::WriteSecretManagers)?;
    let Wanted { mut manager, credential } = wanted;
    let kind = normalize(&mut manager)?;
    free_name(sight, &manager.name, "")?;
    let given = credential.ok_or_else(|| missing(&kind))?;
    manager.id = stamp::id();
    manager.create_time = Some(proto::timestamp(now));
    let secrets = take(sight, &kind, &mut manager, given)?;
    let sealed = seal(&secrets, &manager.id, sealer)?;
    Ok(finish(sight, manager, sealed, now))
}

/// A secret manager in place of `stored`. Its credential stays where none is said.
pub(super) fn replace(
    sight: &Sight<'_>,
    stored: &StoredManager,
    wanted: Wanted,
    sealer: &Sealer,
    now: SystemTime,
) -> Result<StoredManager> {
    sight.require_role(Permission::WriteSecretManagers)?;
    let Wanted { mut manager, credential } = wanted;
    let old = &stored.manager;
    stamp::check_etag("secret_manager.etag", &manager.etag, &old.etag)?;
    let kind = normalize(&mut manager)?;
    let moved = match &old.kind {
        Some(before) if discriminant(before) != discriminant(&kind) => {
            let message = "cannot change its kind; make a new secret manager for another kind";
            return Err(Error::invalid("secret_manager", message));
        }
        Some(before) => kinds::origins(before) != kinds::origins(&kind),
        None => true,
    };
    free_name(sight, &manager.name, &old.id)?;
    manager.id.clone_from(&old.id);
    manager.create_time = old.create_time;
    let sealed = match credential {
        None if moved => {
            let message = "is required where an address moves to another host: the stored one stays with the host it was \
                           given for";
            return Err(Error::invalid(CREDENTIAL, message));
        }
        None => {
            manager.credential.clone_from(&old.credential);
            manager.credential_hint.clone_from(&old.credential_hint);
            stored.credential.clone()
        }
        Some(given) => {
            let secrets = take(sight, &kind, &mut manager, given)?;
            // Sealed anew only where it changed, so that what is sealed tells whether it did.
            if secrets.same_as(&open(stored, sealer)?) {
                stored.credential.clone()
            } else {
                seal(&secrets, &old.id, sealer)?
            }
        }
    };
    Ok(finish(sight, manager, sealed, now))
}

/// The secret manager that makes `stored` be as wanted. `None`: it is so already.
pub(super) fn reconcile(
    sight: &Sight<'_>,
    stored: &StoredManager,
    wanted: Wanted,
    sealer: &Sealer,
    now: SystemTime,
) -> Result<Option<StoredManager>> {
    let next = replace(sight, stored, wanted, sealer, now)?;
    let content =
        |manager: &SecretManager| SecretManager { update_time: None, etag: String::new(), ..manager.clone() };
    let same = next.credential == stored.credential && content(&next.manager) == content(&stored.manager);
    Ok(if same { None } else { Some(next) })
}

/// Refuses the removal of a secret manager that providers refer to.
pub(super) fn check_unused(sight: &Sight<'_>, gone: &SecretManager) -> Result<()> {
    let refers = |provider: &&Provider| {
        given::reference(provider.credential.as_ref()).is_some_and(|reference| reference.manager == gone.id)
    };
    let providers = sight.records.providers.values().map(|stored| &stored.provider).filter(refers);
    let mut names: Vec<_> = providers.map(|provider| provider.name.as_str()).collect();
    if names.is_empty() {
        return Ok(());
    }
    names.sort_unstable();
    if names.len() > SHOWN_NAMES {
        names.truncate(SHOWN_NAMES);
        names.push("...");
    }
    let message = format!(
        "secret manager \"{}\" is referred to by these providers: {}; give them another credential first",
        gone.name,
        names.join(", ")
    );
    Err(Error::new(Reason::FailedPrecondition, message).field("id"))
}

/// Checks everything but the credential, and brings it into the form that is stored.
fn normalize(manager: &mut SecretManager) -> Result<Kind> {
    check::provider_name("secret_manager.name", &manager.name)?;
    let Some(kind) = &mut manager.kind else {
        let message = "must have a kind; give vault, ibm_secrets_manager or software_hub";
        return Err(Error::invalid("secret_manager", message));
    };
    kinds::normalize(kind)?;
    let kind = kind.clone();
    secret_rules::normalize(&kind, &mut manager.rules)?;
    check_time("secret_manager.cache_time", manager.cache_time, 1, DAY, "1s to 86400s")?;
    check_time("secret_manager.stale_time", manager.stale_time, 0, 30 * DAY, "0s to 2592000s")?;
    check::labels("secret_manager.labels", &manager.labels)?;
    manager.credential_hint.clear();
    Ok(kind)
}

fn check_time(
    field: &str,
    time: Option<pbjson_types::Duration>,
    min: i64,
    max: i64,
    range: &str,
) -> Result<()> {
    let fits = |time: pbjson_types::Duration| {
        (0..1_000_000_000).contains(&time.nanos)
            && (min..=max).contains(&time.seconds)
            && (time.seconds < max || time.nanos == 0)
    };
    if time.is_none_or(fits) { Ok(()) } else { Err(Error::invalid(field, format!("must be from {range}"))) }
}

/// Checks the credential and writes it into the manager as readers see it. Gives the secrets that are sealed.
fn take(sight: &Sight<'_>, kind: &Kind, manager: &mut SecretManager, given: Given) -> Result<Credential> {
    let secrets = match given {
        Given::Inline(secrets) => {
            check_secrets(kind, &secrets)?;
            secrets
        }
        Given::Reference(reference) => {
            let known = kinds::secret_sets(kind).concat();
            let field = format!("{CREDENTIAL}.reference");
            let reference = reference::settle_own(sight, &field, reference, &known)?;
            manager.credential = Some(given::shown(reference));
            Credential::default()
        }
    };
    manager.credential_hint = secrets.hints();
    Ok(secrets)
}

fn check_secrets(kind: &Kind, secrets: &Credential) -> Result<()> {
    let sets = kinds::secret_sets(kind);
    for (name, secret) in secrets.iter() {
        let field = format!("{CREDENTIAL}.inline.values.{name}");
        if !sets.iter().any(|set| set.contains(&name)) {
            let message = format!("is no secret of this kind of secret manager; it takes {}", choices(sets));
            return Err(Error::invalid(field, message));
        }
        if secret.expose().is_empty() {
            return Err(Error::invalid(field, "must not be empty"));
        }
        check::value(&field, secret.expose(), check::MAX_SECRET_BYTES)?;
        if name == "token" && !check::fits_header(secret.expose()) {
            return Err(Error::invalid(field, "must be visible ASCII characters, as a header carries it"));
        }
    }
    let given: Vec<_> = secrets.iter().map(|(name, _)| name).collect();
    if sets.iter().any(|set| **set == *given) { Ok(()) } else { Err(missing(kind)) }
}

fn missing(kind: &Kind) -> Error {
    let choices = choices(kinds::secret_sets(kind));
    Error::invalid(CREDENTIAL, format!("is required: {choices}, inline or by a reference to env or file"))
}

fn choices(sets: &[&[&str]]) -> String {
    sets.iter().map(|set| set.join(" and ")).collect::<Vec<_>>().join(", or ")
}

fn free_name(sight: &Sight<'_>, name: &str, own_id: &str) -> Result<()> {
    match find::secret_manager_by_name(sight.records, name) {
        Some(other) if other.manager.id != own_id => {
            let message = format!(
                "there is a secret manager named \"{name}\" already; choose another name, or update that one"
            );
            Err(Error::new(Reason::NameTaken, message).field("secret_manager.name"))
        }
        _ => Ok(()),
    }
}

fn open(stored: &StoredManager, sealer: &Sealer) -> Result<Credential> {
    match &stored.credential {
        Some(sealed) => Credential::open(Owner::SecretManager(&stored.manager.id), sealer, sealed),
        None => Ok(Credential::default()),
    }
}

fn seal(secrets: &Credential, id: &str, sealer: &Sealer) -> Result<Option<Sealed>> {
    if secrets.is_empty() { Ok(None) } else { secrets.seal(Owner::SecretManager(id), sealer).map(Some) }
}

fn finish(
    sight: &Sight<'_>,
    mut manager: SecretManager,
    credential: Option<Sealed>,
    now: SystemTime,
) -> StoredManager {
    manager.update_time = Some(proto::timestamp(now));
    manager.etag = String::new();
    manager.etag = stamp::etag(sight.records.revision, &manager);
    StoredManager { manager, credential }
}
