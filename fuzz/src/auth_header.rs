//! Who calls, by any bytes in a header, in a form, or in a token: nobody, unless the bytes are the key or a token for it.
//!
//! Input: a letter that chooses where the bytes stand, then the bytes. `a` the whole authorization header; `b`, `z`, `k`
//! after `Bearer`, `ZenApiKey` or in `x-api-key`; `p` the password of a pair; `f` a form for a token. `t`: a good token in
//! which the bytes are written over: two say where, the rest what.

use std::{
    net::IpAddr,
    pin::pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use prometheus_client::metrics::counter::Counter;
use sluicegate::{
    auth::Authenticator,
    error::{Reason, Result},
    proto::v1::{AccessRole, ApiKey},
    secrets::{KeyHasher, MasterKeys, Sealer},
    state::{Caller, Connector, Records, Snapshot, StoredKey, build},
    task::Tasks,
    wire::watsonx::identity::{Form, authorize_secrets},
};

const KEY: &str = "0123456789abcdef";
const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

struct House {
    hasher: Arc<KeyHasher>,
    snapshot: Snapshot,
    token: String,
}

/// Holds the laws on one input.
pub fn check(input: &[u8]) {
    let Some((&letter, rest)) = input.split_first() else { return };
    let house = house();
    match letter {
        b'a' => house.takes_only_what_holds_the_key(header::AUTHORIZATION, rest, rest),
        b'b' => {
            house.takes_only_what_holds_the_key(header::AUTHORIZATION, &[b"Bearer ", rest].concat(), rest)
        }
        b'z' => {
            house.takes_only_what_holds_the_key(header::AUTHORIZATION, &[b"ZenApiKey ", rest].concat(), rest)
        }
        b'k' => house.takes_only_what_holds_the_key(HeaderName::from_static("x-api-key"), rest, rest),
        b'p' => {
            let pair = STANDARD.encode([b"ann:", rest].concat());
            let value = format!("Basic {pair}");
            house.takes_only_what_holds_the_key(header::AUTHORIZATION, value.as_bytes(), rest);
        }
        b'f' => house.gives_tokens_for_the_key_alone(rest),
        b't' => house.takes_no_changed_token(rest),
        _ => {}
    }
}

fn house() -> &'static House {
    static HOUSE: OnceLock<House> = OnceLock::new();
    HOUSE.get_or_init(|| {
        let master = MasterKeys::parse(&"ab".repeat(32)).expect("a master key");
        let sealer = Arc::new(Sealer::new(&master).expect("a sealer"));
        let (hasher, _) = KeyHasher::generate("pepper", &sealer).expect("a pepper");
        let key = ApiKey {
            id: "id-1".into(),
            name: "one".into(),
            role: AccessRole::User.into(),
            ..ApiKey::default()
        };
        let stored = StoredKey { key, hash: hasher.hash(KEY.as_bytes()), previous: None };
        let records = Records { keys: [("id-1".to_owned(), stored)].into(), ..Records::default() };
        let connector = Connector::new(sealer);
        let snapshot = build(records, &Snapshot::default(), &connector).expect("a snapshot");
        let hasher = Arc::new(hasher);
        let token = doors(&hasher).exchange(&[KEY], HERE, &snapshot, now()).expect("a token").text;
        House { hasher, snapshot, token }
    })
}

/// A fresh one each time: it remembers wrong keys.
fn doors(hasher: &Arc<KeyHasher>) -> Authenticator {
    Authenticator::new(Arc::clone(hasher), Tasks::default(), Counter::default())
}

/// 2026-01-01.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_767_225_600)
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

// === impl House ===

impl House {
    fn caller(&self, name: HeaderName, value: &[u8]) -> Option<Result<Arc<Caller>>> {
        let value = HeaderValue::from_bytes(value).ok()?;
        let headers = HeaderMap::from_iter([(name, value)]);
        let doors = doors(&self.hasher);
        let caller = pin!(doors.caller(&headers, HERE, &self.snapshot, now()));
        match caller.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => Some(outcome),
            Poll::Pending => panic!("a key or a token of the gateway's own waits for nobody"),
        }
    }

    fn takes_only_what_holds_the_key(&self, name: HeaderName, value: &[u8], given: &[u8]) {
        match self.caller(name, value) {
            Some(Ok(caller)) => {
                assert_eq!(caller.id, "id-1");
                let decoded: Vec<_> = given
                    .split(u8::is_ascii_whitespace)
                    .filter_map(|word| STANDARD.decode(word).ok())
                    .collect();
                let all = decoded.iter().map(Vec::as_slice).chain([given]);
                assert!(all.into_iter().any(|bytes| holds(bytes, KEY) || holds(bytes, &self.token)));
            }
            Some(Err(error)) => tells(&error),
            None => {}
        }
    }

    fn gives_tokens_for_the_key_alone(&self, body: &[u8]) {
        let _ = authorize_secrets(body);
        let Ok(form) = Form::read(body) else { return };
        for name in ["apikey", "password"] {
            let secrets = form.secrets(name);
            let secrets: Vec<_> = secrets.iter().map(|secret| secret.expose()).collect();
            match doors(&self.hasher).exchange(&secrets, HERE, &self.snapshot, now()) {
                Ok(_) => assert!(secrets.contains(&KEY)),
                Err(error) => tells(&error),
            }
        }
    }

    fn takes_no_changed_token(&self, input: &[u8]) {
        let Some((&[high, low], text)) = input.split_first_chunk() else { return };
        let mut token = self.token.clone().into_bytes();
        let start = usize::from(u16::from_be_bytes([high, low])) % token.len();
        let end = (start + text.len()).min(token.len());
        token.splice(start..end, text.iter().copied());
        let good = token == self.token.as_bytes();
        let value = [b"Bearer ", token.as_slice()].concat();
        if let Some(outcome) = self.caller(header::AUTHORIZATION, &value) {
            // White space around it is not part of it.
            let same = good || token.trim_ascii() == self.token.as_bytes();
            assert_eq!(outcome.is_ok(), same, "{}", token.escape_ascii());
        }
    }
}

/// A refusal is short, and is the caller's fault.
fn tells(error: &sluicegate::error::Error) {
    assert!(matches!(error.reason(), Reason::Unauthenticated | Reason::AuthenticationTokenExpired));
    assert!(error.message().len() < 300);
}
