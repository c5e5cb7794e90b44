//! Providers whose secrets stand in IBM's vaults, with everything else that clients keep there.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sluicegate_client::v1::{self, credential::Source};

use super::fake_ibm::{Ibm, crn, reads};
use crate::{
    rest::sent,
    support::{FakeUpstream, Received, Step, TestGateway, chat_answer, json_answer, start_gateway},
};

const KEY: &str = "upstream-secret-0123456789";
const URN: &str = "1000330999:openai";

/// An upstream that takes this key alone.
async fn upstream(key: Arc<Mutex<&'static str>>) -> FakeUpstream {
    let answer = move |request: &Received| {
        if request.head.contains(*key.lock().expect("not poisoned")) {
            return chat_answer("Hello");
        }
        json_answer(401, r#"{"error":{"message":"wrong key"}}"#)
    };
    FakeUpstream::start(move |request| vec![Step::Send(answer(request))]).await
}

async fn call(gateway: &TestGateway, method: &str, path: &str, body: Value) -> (u16, Value) {
    sent(gateway.request(method, &format!("/ml/gateway/v1{path}"), body)).await
}

/// The same by the holder of a key of this role.
async fn call_as(gateway: &TestGateway, key: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let url = format!("{}/ml/gateway/v1{path}", gateway.url);
    let request = gateway.http.request(method.parse().expect("a method"), url).bearer_auth(key);
    sent(request.body(body.to_string())).await
}

async fn ask(gateway: &TestGateway) -> (u16, Value) {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    sent(gateway.post("/v1/chat/completions", &body)).await
}

fn refers(resource: &str) -> Value {
    json!({"name": "east", "data_reference": {"resource": resource}})
}

/// Registers a provider with one model, and gives its uuid.
async fn add(gateway: &TestGateway, kind: &str, body: Value) -> String {
    let (status, made) = call(gateway, "POST", &format!("/providers/{kind}"), body).await;
    assert_eq!(status, 201, "{made}");
    let uuid = made["uuid"].as_str().expect("a uuid").to_owned();
    let model = json!({"id": "upstream-model", "alias": "m"});
    assert_eq!(call(gateway, "POST", &format!("/providers/{uuid}/models"), model).await.0, 201);
    uuid
}

#[tokio::test]
async fn a_provider_of_which_everything_stands_in_secrets_manager_answers() {
    let upstream = upstream(Arc::new(Mutex::new(KEY))).await;
    let (ibm, server) = Ibm::start().await;
    let data = json!({"apikey": KEY, "url": upstream.base_url, "project": "p-1", "surplus": "canary"});
    ibm.put_members("1", data);
    let gateway = start_gateway().await;
    gateway.add_secrets_manager(&server, Vec::new()).await;
    let uuid = add(&gateway, "openai", refers(&crn("1"))).await;
    let (status, answer) = ask(&gateway).await;
    assert_eq!(status, 200, "{answer}");

    let expected = json!({
        "uuid": uuid, "name": "east", "type": "openai",
        "data": {"base_url": upstream.base_url, "project": "p-1"},
        "data_reference": {"resource": crn("1")},
    });
    let (_, mut read) = call(&gateway, "GET", &format!("/providers/{uuid}"), Value::Null).await;
    read.as_object_mut().expect("an object").remove("models");
    assert_eq!(read, expected, "nothing else of the secret is taken over");
}

#[tokio::test]
async fn a_grpc_client_has_the_settings_taken_over_as_well() {
    let (ibm, server) = Ibm::start().await;
    ibm.put_in_hub(
        URN,
        json!({"generic": {"apikey": KEY, "base_url": "https://a.example/v1", "project": "p-1"}}),
    );
    let gateway = start_gateway().await;
    let manager = gateway.add_hub(&server).await;
    let reference = v1::SecretReference { resource: URN.into(), ..Default::default() };
    let provider = v1::Provider {
        name: "east".into(),
        r#type: "openai".into(),
        settings: [("project".to_owned(), "said".to_owned())].into(),
        credential: Some(v1::Credential { source: Some(Source::Reference(reference)) }),
        ..Default::default()
    };
    let request = v1::CreateProviderRequest { provider: Some(provider) };
    let created = gateway.client.providers().create_provider(request).await.expect("it is created");
    let created = created.into_inner().provider.expect("a provider");
    assert_eq!(created.base_url, "https://a.example/v1");
    assert_eq!(created.settings["project"], "said", "what the request says stands");
    let Some(Source::Reference(stored)) = created.credential.and_then(|credential| credential.source) else {
        panic!("it refers to a secret")
    };
    assert_eq!(stored.manager, manager.id);
}

#[tokio::test]
async fn a_rotated_secret_is_read_when_the_upstream_refuses_the_old_one() {
    const ROTATED: &str = "rotated-secret-0123456789";
    let good = Arc::new(Mutex::new(KEY));
    let upstream = upstream(Arc::clone(&good)).await;
    let (ibm, server) = Ibm::start().await;
    ibm.put_members("1", json!({"apikey": KEY, "base_url": upstream.base_url}));
    let gateway = start_gateway().await;
    gateway.add_secrets_manager(&server, Vec::new()).await;
    add(&gateway, "openai", refers(&crn("1"))).await;
    assert_eq!(ask(&gateway).await.0, 200);
    *good.lock().expect("not poisoned") = ROTATED;
    ibm.put_members("1", json!({"apikey": ROTATED, "base_url": upstream.base_url}));
    ibm.end_tokens();
    let (status, answer) = ask(&gateway).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(upstream.requests().len(), 3, "one was refused");
}

#[tokio::test]
async fn what_was_read_can_be_written_back_by_those_who_may_refer_to_nothing() {
    let upstream = upstream(Arc::new(Mutex::new(KEY))).await;
    let (ibm, server) = Ibm::start().await;
    ibm.put_members("1", json!({"apikey": KEY, "base_url": upstream.base_url}));
    ibm.put_members("2", json!({"apikey": KEY, "base_url": upstream.base_url}));
    let gateway = start_gateway().await;
    gateway.add_secrets_manager(&server, Vec::new()).await;
    let uuid = add(&gateway, "openai", refers(&crn("1"))).await;
    let path = format!("/providers/{uuid}");
    let manage = gateway.key(v1::AccessRole::Manage).await;
    let (_, mut read) = call(&gateway, "GET", &path, Value::Null).await;
    read["name"] = "west".into();
    let (status, answer) = call_as(&gateway, &manage, "PUT", &format!("{path}/openai"), &read).await;
    assert_eq!((status, &answer["name"]), (200, &json!("west")), "{answer}");
    // As those write who keep everything in the secret.
    let brief = json!({"name": "north", "data_reference": {"resource": crn("1")}});
    let (status, answer) = call_as(&gateway, &manage, "PUT", &format!("{path}/openai"), &brief).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(ask(&gateway).await.0, 200);

    let before = reads(&server).len();
    for (wrong, what) in [
        (json!({"data_reference": {"resource": crn("2")}}), "another secret"),
        (json!({"data": {"base_url": "https://evil.example/v1"}}), "another host"),
    ] {
        let mut body = read.clone();
        for (name, value) in wrong.as_object().expect("an object") {
            body[name] = value.clone();
        }
        let (status, answer) = call_as(&gateway, &manage, "PUT", &format!("{path}/openai"), &body).await;
        assert_eq!(
            (status, &answer["error"]["code"]),
            (403, &json!("authorization_rejected")),
            "{what}: {answer}"
        );
    }
    let asked = reads(&server).split_off(before);
    assert!(
        asked.iter().all(|read| read.path.ends_with("/1")),
        "who may not refer to it learns nothing of it"
    );
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_makes_no_provider() {
    let (ibm, server) = Ibm::start().await;
    let gateway = start_gateway().await;
    gateway.add_secrets_manager(&server, Vec::new()).await;
    let away = Some(vec![Step::Send(json_answer(503, "busy"))]);
    for (fault, r#type, status, code) in [
        (None, "openai", 424, "secret_not_readable"),
        // Its address may stand in the secret.
        (away.clone(), "custom", 502, "secret_manager_unavailable"),
    ] {
        ibm.fail(fault);
        let path = format!("/providers/{type}");
        let (got, answer) = call(&gateway, "POST", &path, refers(&crn("1"))).await;
        let error = &answer["error"];
        assert_eq!((got, &error["code"]), (status, &json!(code)), "{answer}");
        assert_eq!(error["param"], "data_reference.resource", "{answer}");
    }
    assert_eq!(call(&gateway, "GET", "/providers", Value::Null).await.1["data"], json!([]));
    ibm.fail(away);
    let (made, answer) = call(&gateway, "POST", "/providers/openai", refers(&crn("1"))).await;
    assert_eq!(made, 201, "of this type all is known that is no secret: {answer}");
}

#[tokio::test]
async fn an_address_out_of_a_secret_is_held_to_the_same_rules() {
    let (ibm, server) = Ibm::start().await;
    let gateway = start_gateway().await;
    let rule = v1::SecretRule { hosts: vec!["api.openai.com".into()], ..Default::default() };
    gateway.add_secrets_manager(&server, vec![rule]).await;
    for (address, status, param) in [
        ("https://evil.example/v1", 403, "data_reference.resource"),
        ("http://169.254.169.254/v1", 400, "data.base_url"),
        ("https://user:pass@api.openai.com/v1", 400, "data.base_url"),
        ("https://api.openai.com/v1", 201, ""),
    ] {
        ibm.put_members("1", json!({"apikey": KEY, "base_url": address}));
        let (got, answer) = call(&gateway, "POST", "/providers/openai", refers(&crn("1"))).await;
        assert_eq!(
            (got, answer["error"]["param"].as_str().unwrap_or_default()),
            (status, param),
            "{address}: {answer}"
        );
        assert!(!answer.to_string().contains("pass@"), "{answer}");
    }
}

#[tokio::test]
async fn who_may_not_refer_to_a_secret_does_not_have_it_read() {
    let (ibm, server) = Ibm::start().await;
    ibm.put_members("1", json!({"apikey": KEY, "base_url": "https://a.example/v1"}));
    let gateway = start_gateway().await;
    gateway.add_secrets_manager(&server, Vec::new()).await;
    let manage = gateway.key(v1::AccessRole::Manage).await;
    let user = gateway.key(v1::AccessRole::User).await;
    for key in [manage, user] {
        let (status, answer) = call_as(&gateway, &key, "POST", "/providers/openai", &refers(&crn("1"))).await;
        assert_eq!((status, &answer["error"]["code"]), (403, &json!("authorization_rejected")), "{answer}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn secrets_and_a_reference_are_not_taken_together() {
    let gateway = start_gateway().await;
    let mut body = refers("env:OPENAI");
    body["data"] = json!({"apikey": KEY});
    let (status, answer) = call(&gateway, "POST", "/providers/openai", body).await;
    assert_eq!((status, &answer["error"]["param"]), (400, &json!("data.apikey")), "{answer}");
    assert!(!answer.to_string().contains(KEY));
}
