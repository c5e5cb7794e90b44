//! Tokens: short-lived, signed, for the holder of an API key.
//!
//! A token is good as long as the secret is with which it was made. It names its key and holds an id of that secret, so
//! that the snapshot alone tells whether it still is: no list of tokens is kept. What signs is derived from the pepper, and
//! changes every thirty days without anybody's doing.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::{
    error::{Error, Reason, Result},
    secrets::KeyHasher,
    state::{Key, Snapshot},
};

const ISSUER: &str = "sluicegate";
/// The one algorithm. What a token says of itself is never followed.
const ALGORITHM: Algorithm = Algorithm::HS256;
const ALGORITHM_NAME: &str = "HS256";
const LIFETIME: Duration = Duration::from_secs(3600);
/// How far a token may come from the future: clocks are set back now and then.
const LEEWAY: u64 = 60;
/// How long one key signs, in seconds. Longer than any token lives, so that the key before is enough to be accepted.
const EPOCH: u64 = 30 * 24 * 3600;
/// Bytes of the id of a secret.
const SECRET_ID_BYTES: usize = 15;

/// Makes tokens and reads them.
#[derive(Debug)]
pub(super) struct Tokens {
    hasher: Arc<KeyHasher>,
}

/// A token and its times, in seconds since 1970. It is a secret itself.
#[derive(Clone)]
pub struct Token {
    /// The token.
    pub text: String,
    /// When it was made.
    pub issued: u64,
    /// When it stops to be good.
    pub expires: u64,
}

/// A token that was refused.
pub(super) enum Refused<'a> {
    /// Nobody but us can have made it, so it is no guess; with its key, where there still is one.
    Stale(Option<&'a Key>, Error),
    /// Anybody can have made it.
    Forged(Error),
}

/// The head of a token. One that says more than ours is not ours.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    alg: String,
    kid: Option<String>,
    #[serde(rename = "typ")]
    _type: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    /// Id of the API key.
    sub: String,
    iat: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<u64>,
    exp: u64,
    jti: String,
    /// Tells which of the key's secrets it was made with, and nothing of that secret.
    secret_id: String,
}

// === impl Tokens ===

impl Tokens {
    pub(super) fn new(hasher: Arc<KeyHasher>) -> Self {
        Self { hasher }
    }

    /// A token for the holder of the secret that has this hash.
    pub(super) fn issue(&self, key: &Key, hash: &[u8; 32], now: SystemTime) -> Result<Token> {
        let issued = seconds(now);
        // It would be refused afterwards; its holder shall know when.
        let end = key.expires.unwrap_or(now + LIFETIME).min(now + LIFETIME);
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: key.caller.id.clone(),
            iat: issued,
            nbf: None,
            exp: seconds(end),
            jti: Uuid::now_v7().simple().to_string(),
            secret_id: self.secret_id(hash),
        };
        let epoch = issued / EPOCH;
        let header = Header { kid: Some(epoch.to_string()), ..Header::new(ALGORITHM) };
        let signer = EncodingKey::from_secret(&*self.signing_key(epoch));
        let text = jsonwebtoken::encode(&header, &claims, &signer)
            .map_err(|cause| Error::internal("the token cannot be signed", cause))?;
        Ok(Token { text, issued, expires: claims.exp })
    }

    /// The key in whose name the token speaks, and until when. `None`: it has not the shape of a token.
    pub(super) fn read<'a>(
        &self,
        token: &[u8],
        snapshot: &'a Snapshot,
        now: SystemTime,
    ) -> Option<Result<(&'a Key, Token), Refused<'a>>> {
        let head = head(token)?;
        Some(self.verify(&head, token, seconds(now)).map_err(Refused::Forged).and_then(|(claims, token)| {
            let key = self.key(&claims, snapshot)?;
            in_time(&claims, seconds(now)).map_err(|error| Refused::Stale(Some(key), error))?;
            Ok((key, token))
        }))
    }

    /// What a token says that we have signed.
    fn verify(&self, head: &Head, token: &[u8], now: u64) -> Result<(Claims, Token)> {
        if head.alg != ALGORITHM_NAME {
            return Err(refused(
                "the token is none of this gateway's, and no issuer that it knows has signed it",
            ));
        }
        let epoch = now / EPOCH;
        let kid = head.kid.as_deref().unwrap_or_default();
        let signed = [epoch, epoch.saturating_sub(1)].into_iter().find(|epoch| epoch.to_string() == kid);
        let Some(signed) = signed else {
            return Err(refused("the token is signed with a key that this gateway does not use, or no more"));
        };
        let mut validation = Validation::new(ALGORITHM);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["iss", "sub", "exp"]);
        // It would read the machine's clock; `in_time` reads ours.
        validation.validate_exp = false;
        let verifier = DecodingKey::from_secret(&*self.signing_key(signed));
        let claims = jsonwebtoken::decode::<Claims>(token, &verifier, &validation)
            .map_err(|cause| refused(why(&cause)))?
            .claims;
        // Signed, and so ours: it is ASCII.
        let text = String::from_utf8_lossy(token).into_owned();
        let token = Token { text, issued: claims.iat, expires: claims.exp };
        Ok((claims, token))
    }

    /// The key that a token of ours names, by the secret that it was made with.
    fn key<'a>(&self, claims: &Claims, snapshot: &'a Snapshot) -> Result<&'a Key, Refused<'a>> {
        let stale = |key, message| Refused::Stale(key, refused(message));
        let stored = snapshot.records.keys.get(&claims.sub);
        let stored = stored.ok_or_else(|| stale(None, "the API key of the token is deleted"))?;
        let made_with =
            |hash: &[u8; 32]| bool::from(self.secret_id(hash).as_bytes().ct_eq(claims.secret_id.as_bytes()));
        let hash = std::iter::once(&stored.hash).chain(&stored.previous).find(|hash| made_with(hash));
        hash.and_then(|hash| snapshot.keys.get(hash)).ok_or_else(|| {
            stale(
                snapshot.keys.get(&stored.hash),
                "the API key has a new secret, with which a new token can be had",
            )
        })
    }

    fn signing_key(&self, epoch: u64) -> zeroize::Zeroizing<[u8; 32]> {
        self.hasher.derive("sign tokens", &epoch.to_be_bytes())
    }

    fn secret_id(&self, hash: &[u8; 32]) -> String {
        let id = self.hasher.derive("id of a secret", hash);
        URL_SAFE_NO_PAD.encode(id.first_chunk::<SECRET_ID_BYTES>().map_or(&[][..], |id| id))
    }
}

/// The head of what looks like a token. API keys may hold dots too.
fn head(token: &[u8]) -> Option<Head> {
    let mut parts = token.split(|byte| *byte == b'.');
    let (head, _claims, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head).ok()?).ok()
}

fn in_time(claims: &Claims, now: u64) -> Result<()> {
    let latest = now.saturating_add(LEEWAY);
    if claims.iat > latest || claims.nbf.is_some_and(|begin| begin > latest) {
        return Err(refused("the token is not good yet"));
    }
    if claims.exp <= now {
        return Err(Error::new(
            Reason::AuthenticationTokenExpired,
            "the token has expired; exchange the API key for a new one",
        ));
    }
    Ok(())
}

fn why(cause: &jsonwebtoken::errors::Error) -> &'static str {
    use jsonwebtoken::errors::ErrorKind;
    #[expect(clippy::wildcard_enum_match_arm, reason = "the library adds kinds, and says so")]
    match cause.kind() {
        ErrorKind::InvalidSignature => "the token's signature is wrong",
        ErrorKind::InvalidIssuer => "the token is from another issuer",
        ErrorKind::InvalidAudience => "the token is for another audience",
        _ => "the token cannot be read",
    }
}

fn refused(message: &str) -> Error {
    Error::new(Reason::Unauthenticated, message)
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests;
