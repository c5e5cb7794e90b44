//! A new secret over the live port: REST and gRPC do the same, and nobody is logged out.

use pbjson_types::Duration;
use serde_json::{Value, json};
use sluicegate_client::v1::{AccessRole, RotateApiKeyRequest};
use tonic::Code;

use crate::support::{TestGateway, start_gateway};

async fn call(gateway: &TestGateway, bearer: &str) -> u16 {
    let request = gateway.http.get(format!("{}/v1/models", gateway.url)).bearer_auth(bearer);
    request.send().await.expect("an answer").status().as_u16()
}

async fn token(gateway: &TestGateway, key: &str) -> String {
    let request = gateway.post("/icp4d-api/v1/authorize", &json!({"username": "ann", "password": key}));
    let text = request.send().await.expect("an answer").text().await.expect("a body");
    let body: Value = serde_json::from_str(&text).expect("JSON");
    body["token"].as_str().expect("a token").to_owned()
}

async fn rotate(gateway: &TestGateway, body: &Value) -> (u16, Value) {
    let path = format!("/sluicegate/v1/api-keys/{}/rotate", AccessRole::User.as_str_name());
    let response = gateway.post(&path, body).send().await.expect("an answer");
    let status = response.status().as_u16();
    (status, serde_json::from_str(&response.text().await.expect("a body")).expect("JSON"))
}

#[tokio::test]
async fn rest_and_grpc_rotate_alike() {
    let gateway = start_gateway().await;
    let old = gateway.key(AccessRole::User).await;
    let of_old = token(&gateway, &old).await;
    let (status, rotated) = rotate(&gateway, &json!({})).await;
    assert_eq!(status, 200, "{rotated}");
    assert!(rotated["apiKey"]["previousSecretExpireTime"].is_string(), "{rotated}");
    let new = rotated["secret"].as_str().expect("a secret").to_owned();
    let of_new = token(&gateway, &new).await;
    for good in [&old, &of_old, &new, &of_new] {
        assert_eq!(call(&gateway, good).await, 200);
    }
    let request = RotateApiKeyRequest {
        id: AccessRole::User.as_str_name().into(),
        secret: "chosen-by-somebody".into(),
        grace: Some(Duration::default()),
    };
    let rotated =
        gateway.client.access().rotate_api_key(request.clone()).await.expect("it is rotated").into_inner();
    assert_eq!(rotated.secret, "chosen-by-somebody");
    for void in [&old, &of_old, &new, &of_new] {
        assert_eq!(call(&gateway, void).await, 401);
    }
    assert_eq!(call(&gateway, "chosen-by-somebody").await, 200);
    // It is a replay, or a mistake.
    let status = gateway.client.access().rotate_api_key(request).await.expect_err("it is the same secret");
    assert_eq!(status.code(), Code::InvalidArgument);
    let (status, answer) = rotate(&gateway, &json!({"grace": "2592001s"})).await;
    assert_eq!((status, &answer["error"]["param"]), (400, &json!("grace")));
}
