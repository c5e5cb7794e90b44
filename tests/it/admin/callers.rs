//! Who calls: every way in which clients send keys.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue};
use sluicegate::{
    error::{Reason, Result},
    proto::v1::{AccessRole, ApiKey, DeleteApiKeyRequest, UpdateApiKeyRequest},
};

use super::{Bench, NOW, in_seconds, key, refused};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn caller(bench: &Bench, headers: &[(&str, &str)]) -> Result<String> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap());
    }
    let now = bench.clock.now();
    let (doors, snapshot) = (bench.authenticator(), bench.state.snapshot());
    let caller = doors.caller(&map, HERE, &snapshot, now).now_or_never();
    Ok(caller.expect("a key waits for nobody")?.name.clone())
}

#[tokio::test]
async fn a_key_is_taken_wherever_clients_put_it() {
    let bench = Bench::new().await;
    let (_, secret) = bench.key("one", AccessRole::User).await;
    let pair = |user: &str| STANDARD.encode(format!("{user}:{secret}"));
    for (name, value) in [
        ("authorization", format!("Bearer {secret}")),
        ("authorization", format!("bEARER   {secret} ")),
        ("authorization", format!("Basic {secret}")),
        ("authorization", format!("basic {}", pair("anybody"))),
        ("authorization", format!("Basic {}", pair(""))),
        ("authorization", format!("Basic {}", STANDARD.encode(format!("{secret}:")))),
        ("authorization", format!("ZenApiKey {}", pair("admin"))),
        ("x-api-key", secret.clone()),
        ("api-key", secret.clone()),
    ] {
        assert_eq!(caller(&bench, &[(name, &value)]).unwrap(), "one", "{name}: {value}");
    }
}

#[tokio::test]
async fn a_key_with_a_colon_is_taken_after_any_user() {
    let bench = Bench::new().await;
    let secret = "a-secret:with-a-colon";
    bench.try_key(key("one", AccessRole::User), secret).await.unwrap();
    let basic = format!("Basic {}", STANDARD.encode(format!("user:{secret}")));
    assert_eq!(caller(&bench, &[("authorization", &basic)]).unwrap(), "one");
}

#[tokio::test]
async fn anything_else_is_refused_with_how_to_send_a_key() {
    let bench = Bench::new().await;
    let (_, secret) = bench.key("one", AccessRole::User).await;
    let long = "x".repeat(1 << 20);
    for headers in [
        vec![],
        vec![("authorization", "")],
        vec![("authorization", "Bearer")],
        vec![("authorization", "Bearer wrong-key-0123456789")],
        vec![("authorization", &*format!("Bearer {}", &secret[1..]))],
        vec![("authorization", "Digest abc")],
        vec![("authorization", &*secret)],
        vec![("authorization", "Basic !!!")],
        vec![("authorization", "Basic OnN1cnByaXNl")],
        vec![("x-api-key", "' OR 1=1 --")],
        vec![("authorization", &*format!("Bearer {long}"))],
        vec![("authorization", &*format!("Bearer {secret}")), ("authorization", "Bearer other")],
    ] {
        let outcome = caller(&bench, &headers);
        if headers.len() == 2 {
            refused(outcome, Reason::Unauthenticated, "", "several");
        } else {
            refused(outcome, Reason::Unauthenticated, "", "authorization: Bearer KEY");
        }
    }
}

#[tokio::test]
async fn the_authorization_header_wins_unless_it_holds_nothing() {
    let bench = Bench::new().await;
    let (_, one) = bench.key("one", AccessRole::User).await;
    let (_, two) = bench.key("two", AccessRole::User).await;
    let bearer = format!("Bearer {one}");
    assert_eq!(caller(&bench, &[("x-api-key", &two), ("authorization", &bearer)]).unwrap(), "one");
    let wrong = [("x-api-key", &*two), ("authorization", "Bearer wrong")];
    refused(caller(&bench, &wrong), Reason::Unauthenticated, "", "not known");
    assert_eq!(caller(&bench, &[("x-api-key", &two), ("authorization", "Bearer ")]).unwrap(), "two");
    assert_eq!(caller(&bench, &[("api-key", &one), ("x-api-key", &two)]).unwrap(), "two");
}

#[tokio::test]
async fn a_key_is_good_until_it_is_disabled_expired_or_deleted() {
    let bench = Bench::new().await;
    bench.key("root", AccessRole::Admin).await;
    let expiring = ApiKey { expire_time: in_seconds(10), ..key("one", AccessRole::User) };
    let (mut made, secret) = bench.try_key(expiring, "").await.unwrap();
    let headers = [("x-api-key", &*secret)];
    bench.clock.advance(9);
    assert!(caller(&bench, &headers).is_ok());
    bench.clock.advance(1);
    assert_eq!(bench.clock.now(), UNIX_EPOCH + Duration::from_secs(NOW + 10));
    refused(caller(&bench, &headers), Reason::Unauthenticated, "", "\"one\" has expired");

    made.expire_time = None;
    let request = UpdateApiKeyRequest { api_key: Some(made.clone()) };
    made = bench.admin.update_api_key(&bench.call(), request).await.unwrap().api_key.unwrap();
    assert!(caller(&bench, &headers).is_ok());

    made.disabled = true;
    let request = UpdateApiKeyRequest { api_key: Some(made.clone()) };
    bench.admin.update_api_key(&bench.call(), request).await.unwrap();
    refused(caller(&bench, &headers), Reason::Unauthenticated, "", "\"one\" is disabled");

    let request = DeleteApiKeyRequest { id: made.id };
    bench.admin.delete_api_key(&bench.call(), request).await.unwrap();
    refused(caller(&bench, &headers), Reason::Unauthenticated, "", "not known");
}

#[tokio::test]
async fn a_key_is_good_after_a_restart() {
    let bench = Bench::new().await;
    let (_, secret) = bench.key("one", AccessRole::User).await;
    let bench = bench.reopen().await;
    assert_eq!(caller(&bench, &[("x-api-key", &secret)]).unwrap(), "one");
}
