//! A certified OpenID provider lets callers in.

use serde_json::{Value, json};
use sluicegate_client::v1::{
    AccessRole, CreatePolicyRequest, DeleteIssuerRequest, Issuer, Policy, PolicyAction, PolicyEffect,
};
use tonic::Code;

use super::{ask, issuer, roles};
use crate::{
    peers::{Server, peers},
    support::{ADMIN_KEY, TestGateway, start_gateway},
};

const AUDIENCE: &str = "urn:sluicegate";

/// A gateway that takes the tokens of an OpenID provider, if there is one.
async fn start() -> Option<(Server, TestGateway, Issuer)> {
    let provider = Server::start(&peers()?, "oidc_provider.mjs");
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let made = gateway.add_issuer(issuer("corporate", &provider.url, AUDIENCE)).await;
    Some((provider, gateway, made))
}

/// An access token for one of the provider's clients.
async fn token(provider: &Server, client: &str) -> String {
    let form = format!("grant_type=client_credentials&resource={AUDIENCE}");
    let request = reqwest::Client::new().post(format!("{}/token", provider.url));
    let request = request.basic_auth(client, Some("secret")).body(form);
    let response = request.header("content-type", "application/x-www-form-urlencoded").send().await;
    let text = response.expect("an answer").text().await.expect("a body");
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    answer["access_token"].as_str().unwrap_or_else(|| panic!("no token: {text}")).to_owned()
}

async fn fetched(provider: &Server) -> usize {
    ask(&provider.url, "/_fetched", &json!({})).await.parse().expect("a number")
}

async fn allow(gateway: &TestGateway, subject: &str, resource: &str) {
    let policy = Policy {
        subject: subject.into(),
        resource: resource.into(),
        action: PolicyAction::Read.into(),
        effect: PolicyEffect::Allow.into(),
        ..Default::default()
    };
    let request = CreatePolicyRequest { policy: Some(policy) };
    gateway.client.access().create_policy(request).await.expect("the policy is created");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_certified_provider_lets_its_holder_in_on_both_edges() {
    let Some((provider, gateway, _)) = start().await else { return };
    let reader = token(&provider, "reader").await;
    assert_eq!(gateway.rest_chat(&reader, "demo").await.0, 200);
    assert_eq!(gateway.grpc_chat(&reader, "demo").await.0, Code::Ok);
    for name in ["x-api-key", "api-key"] {
        let request = gateway.http.get(format!("{}/v1/models", gateway.url)).header(name, &reader);
        assert_eq!(request.send().await.expect("an answer").status(), 200, "{name}");
    }
    // Keys were had in one go, however many calls there were.
    assert_eq!(fetched(&provider).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_keys_of_the_issuer_are_followed_without_a_restart_and_old_ones_end() {
    let Some((provider, gateway, _)) = start().await else { return };
    let old = token(&provider, "reader").await;
    assert_eq!(gateway.rest(&old).await.0, 200);
    ask(&provider.url, "/_rotate", &json!({})).await;
    let new = token(&provider, "reader").await;
    assert_eq!(gateway.grpc(&new).await.0, Code::Ok);
    assert_eq!(gateway.rest(&new).await.0, 200);
    assert_eq!(fetched(&provider).await, 2);
    let (status, code, _) = gateway.rest(&old).await;
    assert_eq!((status, &*code), (401, "invalid_api_key"), "its key is gone from the issuer");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_down_locks_nobody_out_who_has_a_token_of_a_known_key() {
    let Some((provider, gateway, made)) = start().await else { return };
    let reader = token(&provider, "reader").await;
    assert_eq!(gateway.rest(&reader).await.0, 200);
    drop(provider);
    assert_eq!(gateway.rest(&reader).await.0, 200);
    // What is known of keys outlives a change of the configuration, also of the issuer itself.
    gateway.add_model("demo", "demo", "again", None).await;
    gateway.change_issuer(Issuer { audiences: vec![AUDIENCE.into(), "more".into()], ..made }).await;
    assert_eq!(gateway.rest(&reader).await.0, 200);
    assert_eq!(gateway.grpc(&reader).await.0, Code::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_of_an_issuer_that_is_down_is_neither_good_nor_bad() {
    let Some((provider, gateway, _)) = start().await else { return };
    let old = token(&provider, "reader").await;
    assert_eq!(gateway.rest(&old).await.0, 200);
    ask(&provider.url, "/_rotate", &json!({})).await;
    let new = token(&provider, "reader").await;
    drop(provider);
    let (status, code, _) = gateway.rest(&new).await;
    assert_eq!((status, &*code), (502, "issuer_unavailable"));
    assert_eq!(gateway.grpc(&new).await, (Code::Unavailable, "ISSUER_UNAVAILABLE".into()));
    assert_eq!(gateway.rest(&old).await.0, 200, "those that are known stay good");
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_of_a_token_are_subjects_of_policies_on_both_edges() {
    let Some((provider, gateway, made)) = start().await else { return };
    gateway.change_issuer(Issuer { group_prefix: "corporate/".into(), ..made }).await;
    let (reader, operator) = (token(&provider, "reader").await, token(&provider, "operator").await);
    allow(&gateway, "corporate/operators", "model:demo").await;
    assert_eq!(gateway.rest_chat(&operator, "demo").await.0, 200);
    assert_eq!(gateway.grpc_chat(&operator, "demo").await.0, Code::Ok);
    let (status, code, message) = gateway.rest_chat(&reader, "demo").await;
    assert_eq!((status, &*code), (403, "authorization_rejected"));
    assert!(message.contains("caller \"reader\" of issuer \"corporate\""), "{message}");
    assert_eq!(gateway.grpc_chat(&reader, "demo").await, (Code::PermissionDenied, "POLICY_DENIED".into()));
    // A group of the same name that the token has without the prefix is another one.
    allow(&gateway, "readers", "model:demo").await;
    assert_eq!(gateway.rest_chat(&reader, "demo").await.0, 403);
    allow(&gateway, "corporate/readers", "model:demo").await;
    assert_eq!(gateway.rest_chat(&reader, "demo").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_mapping_of_roles_holds_from_the_next_call() {
    let Some((provider, gateway, made)) = start().await else { return };
    let (operator, stranger) = (token(&provider, "operator").await, token(&provider, "stranger").await);
    let keys = async |token: &str| {
        let request = gateway.http.get(format!("{}/sluicegate/v1/api-keys", gateway.url)).bearer_auth(token);
        request.send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(keys(&operator).await, 403, "the default role is that of a user");
    let mapped = Issuer {
        roles: roles(&[("operators", AccessRole::Admin), ("readers", AccessRole::User)]),
        default_role: AccessRole::Unspecified.into(),
        ..made
    };
    let mapped = Issuer { etag: String::new(), ..mapped };
    gateway.change_issuer(mapped.clone()).await;
    assert_eq!(keys(&operator).await, 200);
    let (status, code, message) = gateway.rest(&stranger).await;
    assert_eq!((status, &*code), (403, "authorization_rejected"));
    assert!(message.contains("default_role") && message.contains("\"corporate\""), "{message}");
    assert_eq!(gateway.grpc(&stranger).await, (Code::PermissionDenied, "PERMISSION_DENIED".into()));
    gateway.change_issuer(Issuer { roles: roles(&[("operators", AccessRole::Audit)]), ..mapped }).await;
    assert_eq!(keys(&operator).await, 200, "who audits reads them");
    assert_eq!(gateway.rest_chat(&operator, "demo").await.0, 403, "and calls no model");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_an_issuer_that_is_disabled_or_deleted_are_refused_at_once() {
    let Some((provider, gateway, made)) = start().await else { return };
    let reader = token(&provider, "reader").await;
    assert_eq!(gateway.rest(&reader).await.0, 200);
    let off = gateway.change_issuer(Issuer { disabled: true, ..made }).await;
    assert_eq!(gateway.rest(&reader).await.0, 401);
    assert_eq!(gateway.grpc(&reader).await, (Code::Unauthenticated, "UNAUTHENTICATED".into()));
    let on = gateway.change_issuer(Issuer { disabled: false, ..off }).await;
    assert_eq!(gateway.rest(&reader).await.0, 200);
    let request = DeleteIssuerRequest { id: on.name };
    gateway.client.access().delete_issuer(request).await.expect("the issuer is deleted");
    assert_eq!(gateway.rest(&reader).await.0, 401);
    assert_eq!(gateway.rest(ADMIN_KEY).await.0, 200);
}
