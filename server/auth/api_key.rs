//! API keys and tokens in headers.

use std::{fmt, net::IpAddr, sync::Arc, time::SystemTime};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, header};
use prometheus_client::metrics::counter::Counter;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{
    issuer::{Issuers, Verdict},
    jwt::Jwt,
    throttle::Throttle,
    token::{Refused, Token, Tokens},
};
use crate::{
    error::{Error, Reason, Result},
    secrets::KeyHasher,
    state::{Caller, Key, Snapshot, State},
    task::Tasks,
};

/// No key or token of ours is longer, not even as base64 with a user before it. Longer ones are not looked at.
const MAX_BYTES: usize = 4096;
const HOW: &str = "send an API key as \"authorization: Bearer KEY\"";

/// Tells who calls.
pub struct Authenticator {
    hasher: Arc<KeyHasher>,
    tokens: Tokens,
    issuers: Issuers,
    throttle: Throttle,
    refused: Counter,
}

/// What a credential turned out to be.
enum Found<'a, T> {
    /// Something of a key that there is, and what comes of it.
    Known(&'a Key, Result<T>),
    /// A token that its issuer has signed, and what comes of it.
    Signed(Result<T>),
    /// A token of ours whose key is there no more, or one that nobody can verify now.
    Stale(Error),
    /// Anything that could be a guess.
    Wrong(Error),
}

// === impl Authenticator ===

impl Authenticator {
    /// Knows keys by the hashes that `hasher` makes, tokens by the keys derived from it, and tokens of issuers by the keys that
    /// `tasks` fetch. Keys that are refused because too many wrong ones came from their source are counted in `refused`.
    #[must_use]
    pub fn new(hasher: Arc<KeyHasher>, tasks: Tasks, refused: Counter) -> Self {
        let tokens = Tokens::new(Arc::clone(&hasher));
        Self { hasher, tokens, issuers: Issuers::new(tasks), throttle: Throttle::new(), refused }
    }

    /// Has the keys of all issuers at hand until the gateway ends.
    pub async fn keep_keys(&self, state: &State) {
        self.issuers.keep_keys(state).await;
    }

    /// The caller whose key or token stands in `Authorization`, `x-api-key` or `api-key`, the first of these that holds
    /// one. `Authorization` may say `Bearer`, `Basic` or `ZenApiKey`, and after it the raw key or token; after the last two
    /// also the base64 of `USER:KEY`, with any user. A token of an issuer stands there as it is. Waits only where the keys to
    /// verify such a token must be fetched.
    ///
    /// # Errors
    /// [`Reason::Unauthenticated`], [`Reason::AuthenticationTokenExpired`], [`Reason::PermissionDenied`],
    /// [`Reason::IssuerUnavailable`] or [`Reason::TooManyWrongKeys`].
    pub async fn caller(
        &self,
        headers: &HeaderMap,
        source: IpAddr,
        snapshot: &Snapshot,
        now: SystemTime,
    ) -> Result<Arc<Caller>> {
        let Presented { raw, encoded } = presented(headers)?;
        if !encoded && let Some(found) = self.of_issuer(raw, snapshot, now).await {
            return self.judge(found, source, now);
        }
        if raw.len() > MAX_BYTES {
            return Err(refused(format!("the API key is longer than any; {HOW}")));
        }
        let mut found = self.holder(raw, snapshot, now);
        // Some clients can only send a user and a password, and some send the token itself where that pair belongs.
        if encoded && let Ok(pair) = STANDARD.decode(raw).map(Zeroizing::new) {
            let at = pair.iter().position(|byte| *byte == b':').unwrap_or(pair.len());
            let (user, password) = pair.split_at(at);
            let password = password.get(1..).unwrap_or_default();
            for key in [password, user].into_iter().filter(|key| !key.is_empty()) {
                if matches!(found, Found::Wrong(_)) {
                    found = self.holder(key, snapshot, now);
                }
            }
        }
        self.judge(found, source, now)
    }

    /// A token for the holder of an API key, which is the first of `secrets` that is one. They are different readings of
    /// what was sent. A token is none, or it could be prolonged for ever.
    ///
    /// # Errors
    /// As [`Self::caller`].
    pub fn exchange(
        &self,
        secrets: &[impl AsRef<[u8]>],
        source: IpAddr,
        snapshot: &Snapshot,
        now: SystemTime,
    ) -> Result<Token> {
        let secrets = secrets.iter().map(AsRef::as_ref).filter(|secret| secret.len() <= MAX_BYTES);
        let known = secrets.filter_map(|secret| self.key(secret, snapshot)).next();
        let found = match known {
            Some((hash, key)) => {
                Found::Known(key, usable(key, now).and_then(|()| self.tokens.issue(key, hash, now)))
            }
            None => Found::Wrong(refused("the API key is not known".to_owned())),
        };
        self.judge(found, source, now)
    }

    /// The same token, if it is one and good.
    ///
    /// # Errors
    /// As [`Self::caller`].
    pub fn validate(
        &self,
        token: &[u8],
        source: IpAddr,
        snapshot: &Snapshot,
        now: SystemTime,
    ) -> Result<Token> {
        let found = match token.len() {
            0..=MAX_BYTES => self.token(token, snapshot, now, |_, token| token),
            _ => None,
        };
        let unknown = || Found::Wrong(refused("this is no token of this gateway".to_owned()));
        self.judge(found.unwrap_or_else(unknown), source, now)
    }

    /// What comes of a credential, once it is known where it is from. While its source must wait, a right one is refused
    /// like a wrong one, unless it was used from there before: neighbours behind one address do not lock each other out. A
    /// token that an issuer has signed is no guess, and cannot be found by any.
    fn judge<T>(&self, found: Found<'_, T>, source: IpAddr, now: SystemTime) -> Result<T> {
        let source = self.throttle.source(source);
        if let Some(wait) = self.throttle.wait(source, now) {
            return match found {
                Found::Known(key, outcome) if key.homes.has(source.0) => outcome,
                Found::Signed(outcome) => outcome,
                Found::Known(..) | Found::Stale(_) | Found::Wrong(_) => {
                    self.refused.inc();
                    let message = "too many wrong keys came from this address; wait, then send the right one";
                    Err(Error::new(Reason::TooManyWrongKeys, message).retry_after(wait))
                }
            };
        }
        match found {
            Found::Known(key, outcome) => {
                if outcome.is_ok() {
                    key.homes.add(source.0);
                }
                outcome
            }
            Found::Signed(outcome) => outcome,
            Found::Stale(error) => Err(error),
            Found::Wrong(error) => {
                self.throttle.fail(source, now);
                Err(error)
            }
        }
    }

    /// Who holds this API key or token.
    fn holder<'a>(&self, secret: &[u8], snapshot: &'a Snapshot, now: SystemTime) -> Found<'a, Arc<Caller>> {
        if let Some((_, key)) = self.key(secret, snapshot) {
            return Found::Known(key, usable(key, now).map(|()| Arc::clone(&key.caller)));
        }
        let found = self.token(secret, snapshot, now, |key, _| Arc::clone(&key.caller));
        found.unwrap_or_else(|| Found::Wrong(refused(format!("the API key is not known; {HOW}"))))
    }

    /// What a token of an issuer is worth. `None`: it names none that the configuration knows.
    async fn of_issuer<'a>(
        &self,
        token: &[u8],
        snapshot: &Snapshot,
        now: SystemTime,
    ) -> Option<Found<'a, Arc<Caller>>> {
        // Most gateways have API keys alone.
        if snapshot.issuers.is_empty() {
            return None;
        }
        let jwt = Jwt::read(token)?;
        let issuer = snapshot.issuers.get(jwt.issuer()?)?;
        Some(match self.issuers.judge(&jwt, issuer, now).await {
            Verdict::Signed(outcome) => Found::Signed(outcome),
            Verdict::Forged(error) => Found::Wrong(error),
            Verdict::Unknown(error) => Found::Stale(error),
        })
    }

    /// The API key that has this secret, and the hash of that.
    fn key<'a>(&self, secret: &[u8], snapshot: &'a Snapshot) -> Option<(&'a [u8; 32], &'a Key)> {
        let hash = self.hasher.hash(secret);
        // The look-up compares keyed hashes, of which a caller knows nothing; the whole of them is compared in constant time.
        snapshot.keys.get_key_value(&hash).filter(|(stored, _)| bool::from(stored.ct_eq(&hash)))
    }

    /// What a token of ours is worth, and what `of` it and its key comes. `None`: it has not the shape of one.
    fn token<'a, T>(
        &self,
        token: &[u8],
        snapshot: &'a Snapshot,
        now: SystemTime,
        of: impl FnOnce(&'a Key, Token) -> T,
    ) -> Option<Found<'a, T>> {
        Some(match self.tokens.read(token, snapshot, now)? {
            Ok((key, token)) => Found::Known(key, usable(key, now).map(|()| of(key, token))),
            Err(Refused::Stale(Some(key), error)) => Found::Known(key, Err(error)),
            Err(Refused::Stale(None, error)) => Found::Stale(error),
            Err(Refused::Forged(error)) => Found::Wrong(error),
        })
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").finish_non_exhaustive()
    }
}

/// Whether the key is good. Whoever holds its secret may know what became of it.
fn usable(key: &Key, now: SystemTime) -> Result<()> {
    if key.disabled {
        Err(refused(format!("API key \"{}\" is disabled; ask an administrator", key.caller.name)))
    } else if key.expires.is_some_and(|expires| expires <= now) {
        Err(refused(format!(
            "API key \"{}\" has expired, or has a new secret; ask an administrator",
            key.caller.name
        )))
    } else {
        Ok(())
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
