//! API keys in headers.

use std::{sync::Arc, time::SystemTime};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, header};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    error::{Error, Reason, Result},
    secrets::KeyHasher,
    state::{Caller, Snapshot},
};

/// No key is longer, not even as base64 with a user before it. Longer ones are not hashed.
const MAX_BYTES: usize = 1024;
const HOW: &str = "send an API key as \"authorization: Bearer KEY\"";

/// Tells who calls.
#[derive(Debug)]
pub struct Authenticator {
    hasher: Arc<KeyHasher>,
}

impl Authenticator {
    /// Knows keys by the hashes that `hasher` makes.
    #[must_use]
    pub fn new(hasher: Arc<KeyHasher>) -> Self {
        Self { hasher }
    }

    /// The caller whose key stands in `Authorization`, `x-api-key` or `api-key`, the first of these that holds one.
    /// `Authorization` may say `Bearer`, `Basic` or `ZenApiKey`, and after it the raw key; after the last two also the
    /// base64 of `USER:KEY`, with any user.
    ///
    /// # Errors
    /// [`Reason::Unauthenticated`].
    pub fn caller(&self, headers: &HeaderMap, snapshot: &Snapshot, now: SystemTime) -> Result<Arc<Caller>> {
        let Presented { raw, encoded } = presented(headers)?;
        if raw.len() > MAX_BYTES {
            return Err(refused(format!("the API key is longer than any; {HOW}")));
        }
        if let Some(caller) = self.holder(raw, snapshot, now) {
            return caller;
        }
        // Some clients can only send a user and a password, and some send the token itself where that pair belongs.
        if encoded && let Ok(pair) = STANDARD.decode(raw).map(Zeroizing::new) {
            let at = pair.iter().position(|byte| *byte == b':').unwrap_or(pair.len());
            let (user, password) = pair.split_at(at);
            let password = password.get(1..).unwrap_or_default();
            for key in [password, user].into_iter().filter(|key| !key.is_empty()) {
                if let Some(caller) = self.holder(key, snapshot, now) {
                    return caller;
                }
            }
        }
        Err(refused(format!("the API key is not known; {HOW}")))
    }

    /// The holder of a key. `None`: there is no such key.
    fn holder(&self, key: &[u8], snapshot: &Snapshot, now: SystemTime) -> Option<Result<Arc<Caller>>> {
        let hash = self.hasher.hash(key);
        let (stored, found) = snapshot.keys.get_key_value(&hash)?;
        if !bool::from(stored.ct_eq(&hash)) {
            return None;
        }
        // Whoever holds the secret may know what became of it.
        Some(if found.disabled {
            Err(refused(format!("API key \"{}\" is disabled; ask an administrator", found.caller.name)))
        } else if found.expires.is_some_and(|expires| expires <= now) {
            Err(refused(format!("API key \"{}\" has expired; ask an administrator", found.caller.name)))
        } else {
            Ok(Arc::clone(&found.caller))
        })
    }
}

/// A key as it was sent.
struct Presented<'a> {
    raw: &'a [u8],
    /// Whether it may be base64 of user and key.
    encoded: bool,
}

fn presented(headers: &HeaderMap) -> Result<Presented<'_>> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let first = all.next();
    if all.next().is_some() {
        return Err(refused("there are several authorization headers; send one".into()));
    }
    if let Some(authorization) = first.map(HeaderValue::as_bytes).map(<[u8]>::trim_ascii)
        && !authorization.is_empty()
    {
        let at = authorization.iter().position(u8::is_ascii_whitespace).unwrap_or(authorization.len());
        let (scheme, rest) = authorization.split_at(at);
        let raw = rest.trim_ascii();
        let encoded = match scheme {
            _ if scheme.eq_ignore_ascii_case(b"bearer") => false,
            _ if scheme.eq_ignore_ascii_case(b"basic") || scheme.eq_ignore_ascii_case(b"zenapikey") => true,
            _ => return Err(refused(format!("the authorization header has no known scheme; {HOW}"))),
        };
        // A client without a key sends the scheme alone; then another header may hold one.
        if !raw.is_empty() {
            return Ok(Presented { raw, encoded });
        }
    }
    ["x-api-key", "api-key"]
        .iter()
        .filter_map(|name| headers.get(*name))
        .map(|value| value.as_bytes().trim_ascii())
        .find(|key| !key.is_empty())
        .map(|raw| Presented { raw, encoded: false })
        .ok_or_else(|| refused(format!("there is no API key; {HOW}")))
}

fn refused(message: String) -> Error {
    Error::new(Reason::Unauthenticated, message)
}
