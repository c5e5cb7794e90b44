//! The endpoints that hand out tokens, field by field.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sluicegate_client::v1::{AccessRole, ApiKey, CreateApiKeyRequest};

use crate::support::{ADMIN_KEY, TestGateway, start_gateway};

const GRANT: &str = "urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey";
const CLOUD: &str = "/identity/token";
const HUB: &str = "/icp4d-api/v1/authorize";
const PROVIDER: &str = "/idprovider/v1/auth/identitytoken";
const VALIDATE: &str = "/v1/preauth/validateAuth";

/// Status, headers and body of an answer, which is JSON and not to be kept.
async fn answer(request: reqwest::RequestBuilder) -> (u16, reqwest::header::HeaderMap, Value) {
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["cache-control"], "no-store");
    assert!(headers.contains_key("x-request-id"));
    let body = response.bytes().await.expect("a body");
    (status, headers, serde_json::from_slice(&body).expect("JSON"))
}

async fn form(gateway: &TestGateway, path: &str, form: impl Into<reqwest::Body>) -> (u16, Value) {
    let request = gateway
        .http
        .post(format!("{}{path}", gateway.url))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", "Basic Yng6Yng=")
        .body(form);
    let (status, _, body) = answer(request).await;
    (status, body)
}

async fn hub(gateway: &TestGateway, body: &Value) -> (u16, Value) {
    let request = gateway.http.post(format!("{}{HUB}", gateway.url)).body(body.to_string());
    let (status, _, body) = answer(request).await;
    (status, body)
}

async fn validate(gateway: &TestGateway, token: &str) -> (u16, Value) {
    let request = gateway
        .http
        .get(format!("{}{VALIDATE}", gateway.url))
        .header("username", "ann")
        .header("iam-token", token);
    let (status, _, body) = answer(request).await;
    (status, body)
}

/// The status of a call with this bearer.
async fn call(gateway: &TestGateway, bearer: &str) -> u16 {
    let request = gateway.http.get(format!("{}/v1/models", gateway.url)).bearer_auth(bearer);
    request.send().await.expect("an answer").status().as_u16()
}

fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("claims")
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

async fn key(gateway: &TestGateway, name: &str, secret: &str) -> ApiKey {
    let api_key = ApiKey { name: name.into(), role: AccessRole::User.into(), ..Default::default() };
    let request = CreateApiKeyRequest { api_key: Some(api_key), secret: secret.into() };
    let created = gateway.client.access().create_api_key(request).await.expect("the key is created");
    created.into_inner().api_key.expect("a key")
}

#[tokio::test]
async fn cloud_hands_out_a_token_of_an_hour() {
    let gateway = start_gateway().await;
    let before = now();
    let (status, body) = form(&gateway, CLOUD, format!("apikey={ADMIN_KEY}&grant_type={GRANT}")).await;
    assert_eq!(status, 200, "{body}");
    let token = body["access_token"].as_str().expect("a token");
    let expiration = body["expiration"].as_u64().expect("a number");
    let rest = json!({"access_token": token, "refresh_token": "not_supported", "token_type": "Bearer",
        "expires_in": 3600, "expiration": expiration, "scope": "ibm openid"});
    assert_eq!(body, rest);
    assert!((before + 3600..=now() + 3600).contains(&expiration));
    let claims = claims(token);
    assert_eq!(claims["exp"], expiration);
    assert_eq!(claims["iat"], expiration - 3600);
    assert_eq!(claims["iss"], "sluicegate");
    assert!(!claims.to_string().contains(ADMIN_KEY));
    assert_eq!(call(&gateway, token).await, 200);
}

#[tokio::test]
async fn keys_may_stand_in_a_form_encoded_or_as_they_are() {
    let gateway = start_gateway().await;
    for (index, secret) in
        ["a+b/c==0123456789", "100%25+20%2B0123456789", "x&y=z&scope0123456789", "%%%%;;;;<>\"'0123"]
            .into_iter()
            .enumerate()
    {
        let made = key(&gateway, &format!("key {index}"), secret).await;
        let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        for written in [secret, &encoded] {
            for (path, body, field) in [
                (CLOUD, format!("apikey={written}&grant_type={GRANT}"), "access_token"),
                (
                    CLOUD,
                    format!("grant_type={GRANT}&apikey={written}&response_type=cloud_iam"),
                    "access_token",
                ),
                (
                    PROVIDER,
                    format!("grant_type=password&username=ann&password={written}&scope=openid"),
                    "access_token",
                ),
            ] {
                let (status, answer) = form(&gateway, path, body.clone()).await;
                assert_eq!(status, 200, "{body}: {answer}");
                assert_eq!(claims(answer[field].as_str().expect("a token"))["sub"], made.id.as_str());
            }
        }
    }
}

#[tokio::test]
async fn cloud_refuses_in_its_own_words() {
    let gateway = start_gateway().await;
    let (status, body) = form(&gateway, CLOUD, format!("apikey=wrong-0123456789&grant_type={GRANT}")).await;
    assert_eq!((status, &body["errorCode"]), (400, &json!("BXNIM0415E")));
    assert_eq!(body["errorMessage"], "the API key is not known");
    assert!(body["context"]["requestId"].as_str().is_some_and(|id| id.starts_with("req-")));
    for (wrong, field) in [
        (String::new(), "grant_type"),
        (format!("apikey={ADMIN_KEY}"), "grant_type"),
        (format!("apikey={ADMIN_KEY}&grant_type=refresh_token"), "grant_type"),
        (
            format!("apikey={ADMIN_KEY}&grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Apasscode"),
            "grant_type",
        ),
        (format!("grant_type={GRANT}"), "apikey"),
        (format!("grant_type={GRANT}&apikey="), "apikey"),
    ] {
        let (status, body) = form(&gateway, CLOUD, wrong.clone()).await;
        assert_eq!((status, &body["errorCode"]), (400, &json!("invalid_request")), "{wrong}");
        assert!(
            body["errorMessage"].as_str().is_some_and(|text| text.starts_with(&format!("{field}: "))),
            "{body}"
        );
    }
    let large = format!("grant_type={GRANT}&apikey={}", "x".repeat(70_000));
    let (status, body) = form(&gateway, CLOUD, large).await;
    assert_eq!((status, &body["errorCode"]), (413, &json!("request_too_large")));
    let (status, _) = form(&gateway, CLOUD, b"grant_type=\xff".to_vec()).await;
    assert_eq!(status, 400);
    // A GET is none of it.
    let response = gateway.http.get(format!("{}{CLOUD}", gateway.url)).send().await.expect("an answer");
    assert_eq!(
        (response.status().as_u16(), &response.headers()["allow"]),
        (405, &"POST".parse().expect("a value"))
    );
}

#[tokio::test]
async fn hub_hands_out_a_token_to_any_user_with_a_key() {
    let gateway = start_gateway().await;
    for good in [
        json!({"username": "admin", "api_key": ADMIN_KEY}),
        json!({"username": "' OR 1=1 --", "password": ADMIN_KEY}),
        json!({"username": "ann", "password": ADMIN_KEY, "account_id": "999"}),
        json!({"username": "ann", "api_key": "wrong-0123456789", "password": ADMIN_KEY}),
    ] {
        let (status, body) = hub(&gateway, &good).await;
        assert_eq!(status, 200, "{body}");
        let token = body["token"].as_str().expect("a token");
        assert_eq!(body, json!({"_messageCode_": "200", "message": "Success", "token": token}));
        let claims = claims(token);
        assert_eq!(claims["exp"].as_u64(), claims["iat"].as_u64().map(|iat| iat + 3600));
        assert_eq!(call(&gateway, token).await, 200);
    }
    let (status, body) = hub(&gateway, &json!({"username": "ann", "password": "wrong-0123456789"})).await;
    assert_eq!(status, 401);
    assert_eq!(
        (&body["_messageCode_"], &body["_statusCode_"], &body["message"]),
        (&json!("401"), &json!(401), &json!("the API key is not known"))
    );
    for (wrong, message) in [
        (json!({}), "api_key: is required"),
        (json!({"username": "ann"}), "api_key: is required"),
        (json!({"username": "ann", "api_key": 7}), "api_key: must be a string"),
        (json!([]), "the body is not a JSON object"),
    ] {
        let (status, body) = hub(&gateway, &wrong).await;
        assert_eq!((status, &body["_messageCode_"]), (400, &json!("400")), "{wrong}");
        assert!(body["message"].as_str().is_some_and(|text| text.starts_with(message)), "{body}");
    }
}

#[tokio::test]
async fn provider_and_its_validation_give_one_token_that_says_its_end_and_is_not_prolonged() {
    let gateway = start_gateway().await;
    let good = format!("grant_type=password&username=ann&password={ADMIN_KEY}&scope=openid");
    let (status, body) = form(&gateway, PROVIDER, good).await;
    assert_eq!(status, 200, "{body}");
    let token = body["access_token"].as_str().expect("a token");
    let expected = json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600,
        "expiration": claims(token)["exp"], "scope": "openid"});
    assert_eq!(body, expected);
    let (status, body) = validate(&gateway, token).await;
    assert_eq!(status, 200, "{body}");
    let expected =
        json!({"_messageCode_": "success", "message": "Success", "username": "ann", "accessToken": token});
    assert_eq!(body, expected);
    assert_eq!(call(&gateway, token).await, 200);

    for (wrong, error) in [
        ("grant_type=password&username=ann&password=wrong-0123456789", "invalid_grant"),
        ("grant_type=client_credentials&password=wrong-0123456789", "unsupported_grant_type"),
        ("grant_type=password&username=ann", "invalid_request"),
    ] {
        let (status, body) = form(&gateway, PROVIDER, wrong).await;
        assert_eq!((status, &body["error"]), (400, &json!(error)), "{wrong}");
        assert!(body["error_description"].is_string());
    }
    for wrong in ["", ADMIN_KEY, "a.b.c", &format!("{token}x"), &token[1..]] {
        let (status, body) = validate(&gateway, wrong).await;
        assert_eq!(status, if wrong.is_empty() { 400 } else { 401 }, "{wrong}: {body}");
        assert!(body["message"].is_string());
    }
}

#[tokio::test]
async fn a_token_is_not_exchanged_for_another() {
    let gateway = start_gateway().await;
    let (_, body) = form(&gateway, CLOUD, format!("apikey={ADMIN_KEY}&grant_type={GRANT}")).await;
    let token = body["access_token"].as_str().expect("a token");
    assert_eq!(form(&gateway, CLOUD, format!("apikey={token}&grant_type={GRANT}")).await.0, 400);
    assert_eq!(form(&gateway, PROVIDER, format!("grant_type=password&password={token}")).await.0, 400);
    assert_eq!(hub(&gateway, &json!({"username": "ann", "api_key": token})).await.0, 401);
    assert_eq!(hub(&gateway, &json!({"username": "ann", "password": token})).await.0, 401);
}

#[tokio::test]
async fn the_version_that_clients_ask_for_needs_no_key() {
    let gateway = start_gateway().await;
    let response = gateway.http.get(format!("{}/ml/wml_services/v2/version", gateway.url)).send().await;
    let response = response.expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(response.text().await.expect("a body"), r#"{"version":"5.3.0"}"#);
}
