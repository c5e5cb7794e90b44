use serde_json::{Value, json};

use super::*;
use crate::{
    proto::v1::{AccessRole, ApiKey},
    secrets::{MasterKeys, Sealer},
    state::{Connector, Records, StoredKey, build},
};

/// 2026-01-01, in the midst of an epoch.
const NOW: u64 = 1_767_225_600;
const HASH: [u8; 32] = [7; 32];
const PREVIOUS: [u8; 32] = [8; 32];

struct Bench {
    tokens: Tokens,
    snapshot: Snapshot,
}

fn time(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

// === impl Bench ===

impl Bench {
    fn new() -> Self {
        let master = MasterKeys::parse(&"ab".repeat(32)).unwrap();
        let sealer = Arc::new(Sealer::new(&master).unwrap());
        let (hasher, _) = KeyHasher::generate("pepper", &sealer).unwrap();
        let key = ApiKey {
            id: "id-1".into(),
            name: "one".into(),
            role: AccessRole::User.into(),
            previous_secret_expire_time: Some(crate::proto::timestamp(time(NOW + 1800))),
            ..ApiKey::default()
        };
        let stored = StoredKey { key, hash: HASH, previous: Some(PREVIOUS) };
        let records = Records { keys: [("id-1".to_owned(), stored)].into(), ..Records::default() };
        let connector = Connector::new(sealer);
        let snapshot = build(records, &Snapshot::default(), &connector).unwrap();
        Self { tokens: Tokens::new(Arc::new(hasher)), snapshot }
    }

    fn issue(&self, hash: &[u8; 32], now: u64) -> Token {
        self.tokens.issue(&self.snapshot.keys[hash], hash, time(now)).unwrap()
    }

    /// Why it is refused.
    fn refusal(&self, token: &str, now: u64) -> Option<Error> {
        match self.tokens.read(token.as_bytes(), &self.snapshot, time(now)) {
            Some(Ok(_)) => None,
            Some(Err(Refused::Stale(_, error) | Refused::Forged(error))) => Some(error),
            None => Some(refused("no token at all")),
        }
    }

    /// A token of these claims and this head, signed by the key of this epoch.
    fn signed(&self, head: &Value, claims: &Value, epoch: u64) -> String {
        sign(head, claims, &*self.tokens.signing_key(epoch))
    }

    fn claims(&self) -> Value {
        json!({"iss": "sluicegate", "sub": "id-1", "iat": NOW, "exp": NOW + 60, "jti": "1",
            "secret_id": self.tokens.secret_id(&HASH)})
    }
}

fn encode(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

/// Signs by HMAC-SHA256 whatever the head says.
fn sign(head: &Value, claims: &Value, key: &[u8]) -> String {
    let text = format!("{}.{}", encode(head), encode(claims));
    let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &EncodingKey::from_secret(key), ALGORITHM);
    format!("{text}.{}", signature.unwrap())
}

fn head() -> Value {
    json!({"typ": "JWT", "alg": "HS256", "kid": (NOW / EPOCH).to_string()})
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().unwrap().remove(name);
    object
}

#[test]
fn a_token_speaks_for_its_key_until_its_hour_is_over() {
    let bench = Bench::new();
    let token = bench.issue(&HASH, NOW);
    assert_eq!((token.issued, token.expires), (NOW, NOW + 3600));
    for good in [NOW, NOW + 3599, NOW - 60] {
        let (key, read) =
            bench.tokens.read(token.text.as_bytes(), &bench.snapshot, time(good)).unwrap().ok().unwrap();
        assert_eq!((&*key.caller.id, &read.text, read.expires), ("id-1", &token.text, token.expires));
    }
    let error = bench.refusal(&token.text, NOW + 3600).unwrap();
    assert_eq!(error.reason(), Reason::AuthenticationTokenExpired);
    assert!(bench.refusal(&token.text, NOW - 61).unwrap().message().contains("not good yet"));
    assert_ne!(token.text, bench.issue(&HASH, NOW).text, "each has an id of its own");
}

#[test]
fn a_token_lives_no_longer_than_the_secret_it_was_made_with() {
    let bench = Bench::new();
    let token = bench.issue(&PREVIOUS, NOW);
    assert_eq!(token.expires, NOW + 1800);
    assert!(bench.refusal(&token.text, NOW + 1799).is_none());
    assert!(bench.refusal(&token.text, NOW + 1800).is_some());
}

#[test]
fn keys_change_by_themselves_and_log_nobody_out() {
    let bench = Bench::new();
    let next = (NOW / EPOCH + 1) * EPOCH;
    let token = bench.issue(&HASH, next - 1);
    assert!(bench.refusal(&token.text, next).is_none());
    assert!(bench.refusal(&token.text, next + 3598).is_none());
    let later = bench.issue(&HASH, next);
    let kid = |token: &Token| super::head(token.text.as_bytes()).unwrap().kid;
    assert_ne!(kid(&token), kid(&later));
    let claims = with(with(bench.claims(), "exp", json!(u32::MAX)), "iat", json!(1));
    for (epoch, good) in [(0, true), (1, true), (2, false)] {
        let token = bench.signed(&head(), &claims, NOW / EPOCH);
        let refusal = bench.refusal(&token, NOW + epoch * EPOCH);
        assert_eq!(refusal.is_none(), good, "{epoch}");
    }
}

#[test]
fn every_forged_token_is_refused_with_what_is_wrong() {
    let bench = Bench::new();
    let (epoch, claims) = (NOW / EPOCH, bench.claims());
    assert!(bench.refusal(&bench.signed(&head(), &claims, epoch), NOW).is_none(), "the honest one is good");
    let alg = |name: &str| with(head(), "alg", json!(name));
    let unsigned = format!("{}.{}.", encode(&alg("none")), encode(&claims));
    let mut forged = vec![
        (unsigned, "none of this gateway"),
        (format!("{}.{}.", encode(&head()), encode(&claims)), "signature"),
        (sign(&head(), &claims, b""), "signature"),
        (sign(&head(), &claims, b"id-1"), "signature"),
        (sign(&head(), &claims, &HASH), "signature"),
        (bench.signed(&head(), &claims, epoch - 1), "signature"),
        (bench.signed(&without(head(), "kid"), &claims, epoch), "a key that this gateway does not use"),
    ];
    for name in ["none", "None", "NONE", "hs256", "HS384", "HS512", "RS256", "PS256", "ES256", "EdDSA", ""] {
        forged.push((bench.signed(&alg(name), &claims, epoch), "none of this gateway"));
    }
    for kid in ["", "0", "../../dev/null", "' OR 1=1", &(epoch + 1).to_string(), &(epoch - 2).to_string()] {
        forged.push((bench.signed(&with(head(), "kid", json!(kid)), &claims, epoch), "does not use"));
    }
    for (claim, value, message) in [
        ("iss", json!("https://iam.cloud.ibm.com/identity"), "another issuer"),
        ("iss", json!(["sluicegate"]), "cannot be read"),
        ("aud", json!("somebody"), "another audience"),
        ("iat", json!(NOW + 61), "not good yet"),
        ("nbf", json!(NOW + 61), "not good yet"),
        ("exp", json!(NOW), "expired"),
        ("exp", json!("9999999999"), "cannot be read"),
        ("exp", json!(-1), "cannot be read"),
        ("sub", json!("id-2"), "deleted"),
        ("secret_id", json!(""), "new secret"),
        ("secret_id", json!(bench.tokens.secret_id(&[9; 32])), "new secret"),
    ] {
        forged.push((bench.signed(&head(), &with(claims.clone(), claim, value), epoch), message));
    }
    for claim in ["iss", "sub", "iat", "exp", "jti", "secret_id"] {
        forged.push((bench.signed(&head(), &without(claims.clone(), claim), epoch), "cannot be read"));
    }
    for (member, value) in
        [("jwk", json!({})), ("jku", json!("http://x")), ("crit", json!(["exp"])), ("b64", json!(false))]
    {
        forged.push((bench.signed(&with(head(), member, value), &claims, epoch), "no token at all"));
    }
    for (token, message) in forged {
        let error = bench.refusal(&token, NOW).unwrap_or_else(|| panic!("{token} is taken"));
        assert!(error.message().contains(message), "{token}: {error}");
        assert_eq!(error.row().http, 401);
    }
}

#[test]
fn a_token_of_another_gateway_is_refused() {
    let (one, other) = (Bench::new(), Bench::new());
    let token = one.issue(&HASH, NOW);
    assert!(other.refusal(&token.text, NOW).unwrap().message().contains("signature"));
}

#[test]
fn no_letter_of_a_token_can_be_changed() {
    let bench = Bench::new();
    let token = bench.issue(&HASH, NOW).text;
    for (index, letter) in token.char_indices() {
        let other = if letter == 'A' { "B" } else { "A" };
        for changed in [other, "", "=", "."] {
            let mut text = token.clone();
            text.replace_range(index..=index, changed);
            assert!(text == token || bench.refusal(&text, NOW).is_some(), "{text}");
        }
    }
    for more in ["=", "A", ".", " ", "\n"] {
        assert!(bench.refusal(&format!("{token}{more}"), NOW).is_some());
    }
}

#[test]
fn tokens_of_the_standards_are_none_of_ours() {
    let bench = Bench::new();
    for token in [
        // RFC 7515, appendix A.1: HS256.
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
         cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        // RFC 7519, section 6.1: unsecured.
        "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0\
         cnVlfQ.",
    ] {
        assert!(bench.refusal(token, 1_300_819_370).is_some());
    }
}
