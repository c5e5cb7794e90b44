//! Tokens that somebody made up, and tokens that were made for somebody else.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sluicegate_client::v1::{AccessRole, Issuer, ListApiKeysRequest};
use tonic::Code;

use super::{ask, issuer};
use crate::{
    peers::{Server, peers},
    support::{PATIENCE, TestGateway, start_gateway},
};

const AUDIENCE: &str = "sluicegate";
const SCRIPT: &str = "oauth2_mock.mjs";

async fn start() -> Option<(Server, TestGateway)> {
    let mock = Server::start(&peers()?, SCRIPT);
    let gateway = start_gateway().await;
    gateway.add_issuer(issuer("mock", &mock.url, AUDIENCE)).await;
    Some((mock, gateway))
}

async fn token(mock: &Server, wish: Value) -> String {
    ask(&mock.url, "/_token", &wish).await
}

/// How often its keys were fetched, and how often what heads of tokens name.
async fn fetched(mock: &Server) -> (u64, u64) {
    let told: Value = serde_json::from_str(&ask(&mock.url, "/_fetched", &json!({})).await).expect("JSON");
    (told["keys"].as_u64().expect("a number"), told["stranger"].as_u64().expect("a number"))
}

fn in_seconds(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs();
    i64::try_from(now).expect("a number") + seconds
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_issuer_did_not_sign_lets_nobody_in() {
    let Some((mock, gateway)) = start().await else { return };
    assert_eq!(gateway.rest(&token(&mock, json!({})).await).await.0, 200);
    let admin = json!({"groups": ["admins"]});
    for wish in [
        json!({"by": "none"}),
        json!({"by": "torn"}),
        json!({"by": "secret"}),
        json!({"by": "modulus"}),
        json!({"by": "stranger"}),
        json!({"by": "stranger", "header": {"kid": null}}),
        json!({"by": "none", "header": {"typ": "at+jwt"}, "claims": admin}),
    ] {
        let forged = token(&mock, wish.clone()).await;
        let (status, code, message) = gateway.rest(&forged).await;
        assert_eq!((status, &*code), (401, "invalid_api_key"), "{wish}");
        assert!(!message.contains("mock") && !message.contains(AUDIENCE), "it tells nothing: {message}");
        assert_eq!(gateway.grpc(&forged).await, (Code::Unauthenticated, "UNAUTHENTICATED".into()), "{wish}");
    }
    assert_eq!(fetched(&mock).await.1, 0, "what a token names is never fetched");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_part_of_a_token_can_be_put_into_another() {
    let Some((mock, gateway)) = start().await else { return };
    let (one, other) = (token(&mock, json!({})).await, token(&mock, json!({"claims": {"sub": "bob"}})).await);
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (one, other) = (parts(&one), parts(&other));
    for forged in [
        format!("{}.{}.{}", one[0], other[1], one[2]),
        format!("{}.{}.{}", other[0], one[1], other[2]),
        format!("{}.{}.{}.", one[0], one[1], one[2]),
        format!("{}.{}.{}=", one[0], one[1], one[2]),
        format!("{}.{}", one[0], one[1]),
        format!("{}.{}.{}{}", one[0], one[1], one[2], "A".repeat(20_000)),
    ] {
        assert_eq!(gateway.rest(&forged).await.0, 401, "{forged}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_token_that_is_not_for_this_gateway_is_refused_and_is_no_guess() {
    let Some((mock, gateway)) = start().await else { return };
    let cases = [
        (json!({"claims": {"aud": "another"}}), 401, "invalid_api_key"),
        (json!({"claims": {"aud": null}}), 401, "invalid_api_key"),
        (json!({"claims": {"aud": ["another", "sluicegate "]}}), 401, "invalid_api_key"),
        (json!({"claims": {"exp": null}}), 401, "invalid_api_key"),
        (json!({"claims": {"exp": in_seconds(-1)}}), 401, "authentication_token_expired"),
        (json!({"claims": {"nbf": in_seconds(600)}}), 401, "invalid_api_key"),
        (json!({"claims": {"iat": in_seconds(600)}}), 401, "invalid_api_key"),
        (json!({"claims": {"sub": null}}), 401, "invalid_api_key"),
        (json!({"claims": {"groups": [1, 2]}}), 401, "invalid_api_key"),
        (json!({"claims": {"groups": vec!["x"; 257]}}), 401, "invalid_api_key"),
    ];
    // Forged ones would be too many by far.
    for _ in 0..4 {
        for (wish, status, code) in &cases {
            let told = gateway.rest(&token(&mock, wish.clone()).await).await;
            assert_eq!((told.0, &*told.1), (*status, *code), "{wish}: {}", told.2);
        }
    }
    for wish in [
        json!({"claims": {"aud": ["another", "sluicegate"]}}),
        json!({"claims": {"groups": "one"}}),
        json!({"claims": {"exp": in_seconds(30), "nbf": in_seconds(30), "iat": in_seconds(30)}}),
        json!({"header": {"typ": "at+jwt"}}),
        json!({"header": {"typ": null}}),
    ] {
        assert_eq!(gateway.rest(&token(&mock, wish.clone()).await).await.0, 200, "{wish}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_kind_is_refused_though_the_issuer_signed_it() {
    let Some((mock, gateway)) = start().await else { return };
    for header in [
        json!({"typ": "logout+jwt"}),
        json!({"typ": "dpop+jwt"}),
        json!({"crit": ["b64"], "b64": true}),
        json!({"kid": "unknown"}),
        json!({"kid": ""}),
    ] {
        let wish = json!({"header": header});
        assert_eq!(gateway.rest(&token(&mock, wish.clone()).await).await.0, 401, "{wish}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_algorithms_that_the_operator_named_are_taken_and_only_with_keys_of_their_kind() {
    let Some(peers) = peers() else { return };
    let mock = Server::start(&peers, SCRIPT);
    for algorithm in ["ES256", "PS256", "EdDSA", "ES512"] {
        ask(&mock.url, "/_key", &json!({"alg": algorithm, "kid": algorithm})).await;
    }
    let gateway = start_gateway().await;
    let wanted = Issuer {
        algorithms: ["ES256", "PS256", "EdDSA"].map(str::to_owned).into(),
        ..issuer("mock", &mock.url, AUDIENCE)
    };
    gateway.add_issuer(wanted).await;
    for (kid, status) in [("ES256", 200), ("PS256", 200), ("EdDSA", 200), ("first", 401), ("ES512", 401)] {
        assert_eq!(gateway.rest(&token(&mock, json!({"kid": kid})).await).await.0, status, "{kid}");
    }
    // Without the id of a key, the only key that fits; a head that names the wrong one is wrong.
    let without = json!({"kid": "ES256", "header": {"kid": null}});
    assert_eq!(gateway.rest(&token(&mock, without).await).await.0, 200);
    let wrong = json!({"kid": "ES256", "header": {"kid": "PS256"}});
    assert_eq!(gateway.rest(&token(&mock, wrong).await).await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_issuers_whose_keys_have_one_name_do_not_mix() {
    let Some(peers) = peers() else { return };
    let (one, two) = (Server::start(&peers, SCRIPT), Server::start(&peers, SCRIPT));
    let gateway = start_gateway().await;
    gateway.add_issuer(issuer("one", &one.url, AUDIENCE)).await;
    gateway.add_issuer(issuer("two", &two.url, AUDIENCE)).await;
    // Both call their first key "first".
    for mock in [&one, &two] {
        assert_eq!(gateway.rest(&token(mock, json!({})).await).await.0, 200);
    }
    for (signer, said) in [(&one, &two.url), (&two, &one.url), (&one, &format!("{}/", one.url))] {
        let forged = token(signer, json!({"claims": {"iss": said}})).await;
        assert_eq!(gateway.rest(&forged).await.0, 401);
        assert_eq!(gateway.grpc(&forged).await.0, Code::Unauthenticated);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn made_up_names_of_keys_do_not_hammer_the_issuer_and_slow_their_sender_down() {
    let Some((mock, gateway)) = start().await else { return };
    let good = token(&mock, json!({})).await;
    let newcomer = gateway.key(AccessRole::User).await;
    assert_eq!(gateway.rest(&good).await.0, 200);
    assert_eq!(fetched(&mock).await.0, 1);
    let mut statuses = Vec::new();
    let attack = async {
        // Until the wait is longer than a slow machine needs for the rest of the test.
        loop {
            let forged = token(&mock, json!({"header": {"kid": format!("k{}", statuses.len())}})).await;
            let request = gateway.http.get(format!("{}/v1/models", gateway.url)).bearer_auth(forged);
            let response = request.send().await.expect("an answer");
            statuses.push(response.status().as_u16());
            let wait =
                response.headers().get("retry-after").and_then(|wait| wait.to_str().ok()?.parse().ok());
            if wait.is_some_and(|seconds: u64| seconds > 5) {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, attack).await.expect("made-up tokens are slowed down");
    assert!(statuses.iter().take(20).all(|status| *status == 401), "{statuses:?}");
    assert_eq!(fetched(&mock).await.0, 2, "one more for all of them");
    // A key might be a guess; a token that the issuer signed is none.
    assert_eq!(gateway.rest(&newcomer).await.0, 429);
    assert_eq!(gateway.rest(&good).await.0, 200);
    assert_eq!(gateway.grpc(&good).await.0, Code::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_that_is_the_id_of_a_key_is_not_that_key() {
    let Some((mock, gateway)) = start().await else { return };
    let listed = gateway.client.access().list_api_keys(ListApiKeysRequest::default()).await.expect("keys");
    let id = listed.into_inner().api_keys.remove(0).id;
    let sneaky = token(&mock, json!({"claims": {"sub": id, "name": "administrator"}})).await;
    assert_eq!(gateway.rest(&sneaky).await.0, 200);
    let body = json!({"apiKey": {"name": "mine", "role": "ACCESS_ROLE_ADMIN"}}).to_string();
    let request = gateway.http.post(format!("{}/sluicegate/v1/api-keys", gateway.url)).bearer_auth(sneaky);
    let response = request.header("content-type", "application/json").body(body).send().await;
    assert_eq!(response.expect("an answer").status(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_that_the_operator_requires_pin_tokens_without_an_audience() {
    let Some(peers) = peers() else { return };
    let mock = Server::start(&peers, SCRIPT);
    let gateway = start_gateway().await;
    // As for IBM Cloud, whose tokens name an account and no audience.
    let wanted = Issuer {
        audiences: Vec::new(),
        required_claims: [("account.bss".to_owned(), "0123".to_owned())].into(),
        jwks_url: format!("{}/jwks", mock.url),
        groups_claim: "iam_id".into(),
        ..issuer("cloud", &mock.url, AUDIENCE)
    };
    gateway.add_issuer(wanted).await;
    let of =
        |account: &str| json!({"claims": {"aud": null, "iam_id": "IBMid-1", "account": {"bss": account}}});
    assert_eq!(gateway.rest(&token(&mock, of("0123")).await).await.0, 200);
    assert_eq!(gateway.rest(&token(&mock, of("4567")).await).await.0, 401);
    assert_eq!(gateway.rest(&token(&mock, json!({"claims": {"aud": null}})).await).await.0, 401);
}
