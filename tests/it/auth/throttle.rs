//! Wrong keys slow their address down, and nobody else.

use std::{net::IpAddr, time::Duration};

use serde_json::{Value, json};
use sluicegate_client::{
    Gateway,
    v1::{AccessRole, ListModelsRequest},
};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::support::{ADMIN_KEY, PATIENCE, TestGateway, start_gateway};

struct Answer {
    status: u16,
    retry_after: Option<u64>,
    /// Without the id of the request.
    body: Value,
}

fn from(address: [u8; 4]) -> reqwest::Client {
    reqwest::Client::builder().local_address(IpAddr::from(address)).build().expect("a client")
}

async fn call(gateway: &TestGateway, http: &reqwest::Client, key: Option<&str>) -> Answer {
    let mut request = http.get(format!("{}/v1/models", gateway.url));
    if let Some(key) = key {
        request = request.bearer_auth(key);
    }
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let retry_after =
        response.headers().get("retry-after").map(|value| value.to_str().unwrap().parse().unwrap());
    let mut body: Value = serde_json::from_slice(&response.bytes().await.expect("a body")).expect("JSON");
    if let Some(error) = body.get_mut("error") {
        error["request_id"] = json!(null);
    }
    Answer { status, retry_after, body }
}

/// Sends wrong keys until they are not looked at any more, and then for longer.
async fn attack(gateway: &TestGateway, http: &reqwest::Client) {
    let mut statuses = Vec::new();
    let refused = async {
        // Until the wait is longer than a slow machine needs for the rest of a test.
        loop {
            let answer = call(gateway, http, Some("wrong-0123456789")).await;
            statuses.push(answer.status);
            assert!(matches!(answer.status, 401 | 429), "{}", answer.body);
            if answer.retry_after.is_some_and(|seconds| seconds > 5) {
                break;
            }
            // Time passes by itself; other tests want the machine.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.expect("wrong keys are slowed down");
    assert!(statuses.iter().take(20).all(|status| *status == 401), "the first ones cost nothing");
    assert!(statuses.contains(&429));
}

#[tokio::test]
async fn a_guesser_waits_and_the_rightful_do_not() {
    let gateway = start_gateway().await;
    let (home, newcomer) = (gateway.key(AccessRole::User).await, gateway.key(AccessRole::Manage).await);
    let (here, there) = (from([127, 0, 0, 1]), from([127, 0, 0, 2]));
    assert_eq!(call(&gateway, &here, Some(&home)).await.status, 200);
    // What is known of a key outlives a change of the configuration.
    gateway.add_demo().await;
    attack(&gateway, &here).await;

    // Who was here before is let in, on both edges.
    assert_eq!(call(&gateway, &here, Some(&home)).await.status, 200);
    gateway
        .client
        .models()
        .list_models(ListModelsRequest::default())
        .await
        .expect("the administrator is at home");
    // Nobody else is, and cannot see whether the key is right.
    let right = call(&gateway, &here, Some(&newcomer)).await;
    let wrong = call(&gateway, &here, Some("wrong-0123456789")).await;
    assert_eq!((right.status, wrong.status), (429, 429));
    assert_eq!(right.body, wrong.body);
    assert_eq!(right.body["error"]["code"], "too_many_wrong_keys");
    assert!(right.retry_after.is_some_and(|seconds| seconds >= 1));
    // To send none is no guess.
    assert_eq!(call(&gateway, &here, None).await.status, 401);
    // Nor do others pay for it.
    assert_eq!(call(&gateway, &there, Some(&newcomer)).await.status, 200);
    assert!(gateway.metric("sluicegate_keys_refused_total", &[]).await >= 3.0);
}

#[tokio::test]
async fn both_edges_and_the_token_endpoints_share_one_count() {
    let gateway = start_gateway().await;
    let newcomer = gateway.key(AccessRole::User).await;
    attack(&gateway, &from([127, 0, 0, 1])).await;
    let stranger = Gateway::connect(&gateway.url, &newcomer).await.expect("a connection");
    let status =
        stranger.models().list_models(ListModelsRequest::default()).await.expect_err("it is refused");
    assert_eq!(status.code(), Code::ResourceExhausted);
    let details = status.get_error_details();
    assert_eq!(details.error_info().expect("a reason").reason, "TOO_MANY_WRONG_KEYS");
    assert!(details.retry_info().and_then(|info| info.retry_delay).is_some_and(|delay| !delay.is_zero()));
    let post =
        |path: &str, body: String| gateway.http.post(format!("{}{path}", gateway.url)).body(body).send();
    let grant = "urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey";
    for key in [&*newcomer, "wrong-0123456789"] {
        for (path, body) in [
            ("/identity/token", format!("apikey={key}&grant_type={grant}")),
            ("/icp4d-api/v1/authorize", json!({"username": "a", "password": key}).to_string()),
            ("/idprovider/v1/auth/identitytoken", format!("grant_type=password&password={key}")),
        ] {
            let response = post(path, body).await.expect("an answer");
            assert_eq!(response.status(), 429, "{path}");
            assert!(response.headers().contains_key("retry-after"));
            assert!(response.text().await.expect("a body").contains("too many wrong keys"));
        }
    }
    // The administrator has called from here; the key is at home there too.
    gateway.client.models().list_models(ListModelsRequest::default()).await.expect("at home");
    let response = post("/identity/token", format!("apikey={ADMIN_KEY}&grant_type={grant}")).await;
    assert_eq!(response.expect("an answer").status(), 200);
}

#[tokio::test]
async fn guesses_at_the_token_endpoints_count_too() {
    let gateway = start_gateway().await;
    let http = from([127, 0, 0, 3]);
    let grant = "urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey";
    let guess = async {
        loop {
            let body = format!("apikey=wrong-0123456789&grant_type={grant}");
            let response = http.post(format!("{}/identity/token", gateway.url)).body(body).send().await;
            let status = response.expect("an answer").status().as_u16();
            if status == 429 {
                break;
            }
            assert_eq!(status, 400);
        }
    };
    tokio::time::timeout(PATIENCE, guess).await.expect("guesses are slowed down");
}

#[tokio::test]
async fn a_newcomer_passes_after_the_wait() {
    let gateway = start_gateway().await;
    let newcomer = gateway.key(AccessRole::User).await;
    let here = from([127, 0, 0, 4]);
    let mut wait = None;
    // Stops at the first wait that a person would notice.
    while wait.is_none() {
        wait = call(&gateway, &here, Some("wrong-0123456789")).await.retry_after;
    }
    let passes = async {
        while call(&gateway, &here, Some(&newcomer)).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, passes).await.expect("the newcomer passes");
}
