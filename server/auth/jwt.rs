//! What a token says, read before anybody knows whether it is true.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value};

use crate::state::SIGNATURES;

/// No token is longer. Those of IBM Cloud and Entra ID have up to some thousands.
const MAX_BYTES: usize = 16 << 10;

/// A token in three parts.
pub(super) struct Jwt<'a> {
    /// What it says of its holder. Its nesting is bounded by the reader of JSON.
    pub(super) claims: Map<String, Value>,
    head: Head,
    /// What is signed: the first two parts with the dot between them.
    signed: &'a [u8],
    signature: &'a str,
}

/// Its head. Members that bring or name a key, as `jwk`, `jku`, `x5c` and `x5u` do, are not even read.
#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<IgnoredAny>,
}

// === impl Jwt ===

impl<'a> Jwt<'a> {
    /// Reads what looks like a token. `None`: it does not.
    pub(super) fn read(token: &'a [u8]) -> Option<Self> {
        if token.len() > MAX_BYTES {
            return None;
        }
        let text = std::str::from_utf8(token).ok()?;
        let (signed, signature) = text.rsplit_once('.')?;
        let (head, claims) = signed.split_once('.')?;
        // A dot is no letter of base64, so that there are three parts.
        let head = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head).ok()?).ok()?;
        let claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        Some(Self { claims, head, signed: signed.as_bytes(), signature })
    }

    /// Who it says it is from.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.claims.get("iss")?.as_str()
    }

    /// The id of the key that it says it is signed by.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.head.kid.as_deref()
    }

    /// The algorithm that it says it is signed by. `None`: one that no issuer may use, or the token is of a kind that lets
    /// nobody in, or wants to be read in a way that is not known here.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        let Head { alg, typ, crit, .. } = &self.head;
        let is_access = typ.as_deref().is_none_or(|typ| {
            ["jwt", "at+jwt", "application/at+jwt"].iter().any(|known| typ.eq_ignore_ascii_case(known))
        });
        if crit.is_some() || !is_access {
            return None;
        }
        SIGNATURES.iter().find(|(name, _)| name == alg).map(|(_, algorithm)| *algorithm)
    }

    /// Whether this key made its signature.
    pub(super) fn is_signed_by(&self, key: &DecodingKey, algorithm: Algorithm) -> bool {
        jsonwebtoken::crypto::verify(self.signature, self.signed, key, algorithm).unwrap_or(false)
    }
}
