//! Fetches the keys of issuers.
//!
//! Where they are is told by the operator, or by the issuer's discovery document, and never by a token.

use std::{sync::Arc, time::Duration};

use bytes::BytesMut;
use http::{HeaderValue, Method, StatusCode, header};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    address,
    error::{Error, Reason, Result},
    http::Client,
    renewal::Fresh,
    state::{IssuerKey, KeySet, SIGNATURES, TrustedIssuer},
    task::Tasks,
};

/// How long it may take to fetch them, discovery included.
const TIME: Duration = Duration::from_secs(10);
const MAX_BYTES: usize = 1 << 20;
/// Issuers have a handful.
const MAX_KEYS: usize = 256;
/// After that, keys that the issuer has taken back are not used any more, as long as it answers.
const LIFE: Duration = Duration::from_secs(600);
/// For how long they are used after that while it does not.
const STALE: Duration = Duration::from_secs(24 * 3600);
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// The part of a discovery document that matters here.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// A set of keys before they are looked at: one that cannot be read does not spoil the others.
#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

/// The keys of the issuer, yet to be fetched. It is an outage when they cannot be had, whatever the reason: what is known of
/// them stays good. Nobody waits for it when the gateway ends.
pub(super) fn fetch(
    issuer: &Arc<TrustedIssuer>,
    tasks: &Tasks,
) -> impl Future<Output = Result<Fresh<KeySet>>> + Send + 'static + use<> {
    let (issuer, tasks) = (Arc::clone(issuer), tasks.clone());
    async move {
        let fetched = tokio::select! {
            fetched = key_set(&issuer) => fetched,
            () = tokio::time::sleep(TIME) => Err(format!("there was no answer within {} s", TIME.as_secs())),
            () = tasks.stopping() => return Err(unavailable()),
        };
        match fetched {
            Ok(value) => Ok(Fresh { value, life: LIFE, stale: STALE }),
            Err(why) => {
                tracing::warn!(issuer = issuer.resource.name, why, "the keys of an issuer cannot be fetched");
                Err(unavailable())
            }
        }
    }
}

/// That nobody can tell whether a token is good. Says no more: whoever reads it is not known.
pub(super) fn unavailable() -> Error {
    let message = "the issuer of the token gives no keys to verify it by; keep the token and try again later";
    Error::new(Reason::IssuerUnavailable, message)
}

async fn key_set(issuer: &TrustedIssuer) -> Result<KeySet, String> {
    let place = match issuer.resource.jwks_url.as_str() {
        "" => discover(&issuer.client, &issuer.resource.issuer_url).await?,
        given => given.to_owned(),
    };
    let Jwks { keys } = read(&get(&issuer.client, &place).await?, &place)?;
    let keys: Vec<_> = keys.into_iter().take(MAX_KEYS).filter_map(key).collect();
    if keys.is_empty() {
        return Err(format!("{place} holds no key for signatures"));
    }
    Ok(KeySet(keys))
}

/// Where the issuer says that its keys are.
async fn discover(client: &Client, issuer_url: &str) -> Result<String, String> {
    let place = format!("{}{DISCOVERY}", issuer_url.trim_end_matches('/'));
    let Discovery { issuer, jwks_uri } = read(&get(client, &place).await?, &place)?;
    // Else the document is that of somebody else.
    if issuer != issuer_url {
        return Err(format!("{place} says that the issuer is \"{issuer}\""));
    }
    Ok(jwks_uri)
}

async fn get(client: &Client, place: &str) -> Result<BytesMut, String> {
    let url = address::read_secure(place).map_err(|why| format!("{place} {why}"))?;
    let mut request = reqwest::Request::new(Method::GET, url);
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let broken = |error: reqwest::Error| format!("{place} cannot be read: {}", innermost(&error));
    let mut response = client.send(request).await.map_err(broken)?;
    if response.status() != StatusCode::OK {
        return Err(format!("{place} answered with status {}", response.status().as_u16()));
    }
    let mut body = BytesMut::new();
    while let Some(piece) = response.chunk().await.map_err(broken)? {
        if body.len() + piece.len() > MAX_BYTES {
            return Err(format!("{place} is longer than {MAX_BYTES} bytes"));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8], place: &str) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| format!("{place} is not what it should be: {error}"))
}

fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// A key for signatures. `None`: it is for something else, symmetric, or of a kind that is not known here.
fn key(value: Value) -> Option<IssuerKey> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let is_for_signatures =
        jwk.common.public_key_use.as_ref().is_none_or(|it| *it == PublicKeyUse::Signature)
            && jwk.common.key_operations.as_ref().is_none_or(|them| them.contains(&KeyOperations::Verify));
    if !is_for_signatures {
        return None;
    }
    let said = jwk.common.key_algorithm.map(|said| said.to_string());
    let fits = |name: &str| said.as_ref().is_none_or(|said| said == name);
    let algorithms = SIGNATURES.iter().filter(|(name, algorithm)| fits(name) && serves(&jwk, *algorithm));
    let algorithms: Vec<_> = algorithms.map(|(_, algorithm)| *algorithm).collect();
    if algorithms.is_empty() {
        return None;
    }
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some(IssuerKey { id: jwk.common.key_id, algorithms, key })
}

/// Whether a key of this kind can verify by the algorithm.
fn serves(jwk: &Jwk, algorithm: Algorithm) -> bool {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    #[expect(clippy::wildcard_enum_match_arm, reason = "the library adds kinds, and says so")]
    match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => {
            matches!(algorithm, RS256 | RS384 | RS512 | PS256 | PS384 | PS512)
        }
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => algorithm == ES256,
            EllipticCurve::P384 => algorithm == ES384,
            _ => false,
        },
        AlgorithmParameters::OctetKeyPair(key) => key.curve == EllipticCurve::Ed25519 && algorithm == EdDSA,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Of RFC 7517, appendix A.1.
    fn ec() -> Value {
        json!({"kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM", "kid": "1"})
    }

    fn with(member: &str, value: Value) -> Value {
        let mut key = ec();
        key[member] = value;
        key
    }

    #[test]
    fn a_key_serves_the_algorithms_of_its_kind_alone() {
        assert_eq!(key(ec()).unwrap().algorithms, [Algorithm::ES256]);
        assert_eq!(key(with("crv", json!("P-384"))).unwrap().algorithms, [Algorithm::ES384]);
        let rsa = json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"});
        assert_eq!(key(rsa).unwrap().algorithms.len(), 6);
        let rsa = json!({"kty": "RSA", "n": "AQAB", "e": "AQAB", "alg": "PS256"});
        assert_eq!(key(rsa).unwrap().algorithms, [Algorithm::PS256]);
    }

    #[test]
    fn what_is_no_public_key_for_signatures_is_left_out() {
        for value in [
            with("use", json!("enc")),
            with("key_ops", json!(["deriveKey"])),
            with("crv", json!("P-521")),
            with("alg", json!("RS256")),
            with("alg", json!("ECDH-ES")),
            json!({"kty": "oct", "k": "AAAA", "alg": "HS256"}),
            json!({"kty": "OKP", "crv": "X25519", "x": "AAAA"}),
            json!({"kty": "new"}),
            json!("text"),
        ] {
            assert!(key(value.clone()).is_none(), "{value}");
        }
    }
}
