//! Tokens of IBM: how a credential becomes one, how many are asked for, and what happens when one is refused.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{SECRET, add, root};
use crate::{
    rest::sent,
    support::{FakeUpstream, Received, Step, TestGateway, chat_answer, json_answer, start_gateway},
};

/// What IBM says to somebody whose token it does not take.
pub(super) const EXPIRED: &str = r#"{"errors":[{"code":"authentication_token_expired","message":"token of Bearer TOKEN ended"}],"trace":"t-1","status_code":401}"#;

/// A vendor that gives tokens at one path and answers chats at another, to those who hold the newest token.
#[derive(Clone, Default)]
pub(super) struct Ibm {
    /// Tokens given so far.
    given: Arc<AtomicUsize>,
    /// Whether it takes no token at all.
    takes_none: Arc<AtomicBool>,
    /// Whether it gives no token.
    is_down: Arc<AtomicBool>,
    /// Waited for before a token is given, where there is one.
    gate: Option<Arc<Notify>>,
}

impl Ibm {
    pub(super) async fn start(&self) -> FakeUpstream {
        let ibm = self.clone();
        FakeUpstream::start(move |request| ibm.answer(request)).await
    }

    fn answer(&self, request: &Received) -> Vec<Step> {
        if is_login(request) {
            return self.give(request);
        }
        let newest = format!("authorization: bearer token-{}-of-ibm", self.given.load(Ordering::SeqCst));
        let bearer = request.head.lines().find(|line| line.to_ascii_lowercase().starts_with("authorization"));
        let bearer = bearer.unwrap_or_default();
        if self.takes_none.load(Ordering::SeqCst) || bearer.to_ascii_lowercase() != newest {
            let said = EXPIRED.replace("Bearer TOKEN", bearer.split_once(' ').unwrap_or_default().1);
            return vec![Step::Send(json_answer(401, &said))];
        }
        vec![Step::Send(chat_answer("Hello"))]
    }

    fn give(&self, request: &Received) -> Vec<Step> {
        if self.is_down.load(Ordering::SeqCst) {
            return vec![Step::Send(json_answer(503, r#"{"errorCode":"BXNIM0102E","errorMessage":"busy"}"#))];
        }
        let token = format!("token-{}-of-ibm", self.given.fetch_add(1, Ordering::SeqCst) + 1);
        let answer = if request.path.contains("icp4d") {
            json!({"_messageCode_": "200", "message": "Success", "token": token})
        } else {
            json!({"access_token": token, "expires_in": 3600, "token_type": "Bearer"})
        };
        let gate = self.gate.iter().map(|gate| Step::Gate(Arc::clone(gate)));
        gate.chain([Step::Send(json_answer(200, &answer.to_string()))]).collect()
    }
}

fn is_login(request: &Received) -> bool {
    request.path.contains("/identity/token") || request.path.contains("/icp4d-api/")
}

fn logins(upstream: &FakeUpstream) -> usize {
    upstream.requests().iter().filter(|request| is_login(request)).count()
}

/// Arguments of a provider at `upstream`, which gives the tokens too.
pub(super) fn data(upstream: &FakeUpstream) -> Value {
    let root = root(upstream);
    json!({"apiKey": SECRET, "base_url": root, "auth_url": root, "project_id": "p-1"})
}

async fn ask(gateway: &TestGateway) -> (u16, Value) {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    sent(gateway.post("/v1/chat/completions", &body)).await
}

/// The value of a header of a request.
fn header<'a>(request: &'a Received, name: &str) -> &'a str {
    let named = |line: &&str| line.to_ascii_lowercase().starts_with(&format!("{name}:"));
    request.head.lines().find(named).and_then(|line| line.split_once(": ")).map_or("", |(_, value)| value)
}

#[tokio::test]
async fn however_many_call_one_token_is_asked_for() {
    let gate = Arc::new(Notify::new());
    let upstream = Ibm { gate: Some(Arc::clone(&gate)), ..Ibm::default() }.start().await;
    let gateway = start_gateway().await;
    add(&gateway, "watsonx", data(&upstream), "ibm/granite").await;
    let calls = futures_util::future::join_all((0..200).map(|_| ask(&gateway)));
    let open = async {
        upstream.arrived(1).await;
        gate.notify_one();
    };
    let (answers, ()) = tokio::join!(calls, open);
    for (status, answer) in answers {
        assert_eq!(status, 200, "{answer}");
    }
    assert_eq!(logins(&upstream), 1);
    let login = &upstream.requests()[0];
    assert_eq!((login.method.as_str(), login.path.as_str()), ("POST", "/identity/token"));
    assert_eq!(header(login, "content-type"), "application/x-www-form-urlencoded");
    let form = String::from_utf8(login.body.clone()).expect("a form");
    assert_eq!(form, format!("grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey&apikey={SECRET}"));
    let call = &upstream.requests()[1];
    assert_eq!(header(call, "authorization"), "Bearer token-1-of-ibm");
    assert!(!call.head.contains(SECRET), "{}", call.head);
}

#[tokio::test]
async fn a_refused_token_is_replaced_and_the_call_made_again_once() {
    let ibm = Ibm::default();
    let upstream = ibm.start().await;
    let gateway = start_gateway().await;
    add(&gateway, "watsonxai", data(&upstream), "ibm/granite").await;
    assert_eq!(ask(&gateway).await.0, 200);
    // The vendor forgets the token that it has given.
    ibm.given.fetch_add(1, Ordering::SeqCst);
    let (status, answer) = ask(&gateway).await;
    assert_eq!((status, logins(&upstream)), (200, 2), "{answer}");
    let bodies: Vec<_> = upstream.requests().into_iter().filter(|request| !is_login(request)).collect();
    assert_eq!(bodies.len(), 3);
    assert_eq!(bodies[1].body, bodies[2].body, "the same is asked again");
}

#[tokio::test]
async fn a_vendor_that_takes_no_token_is_asked_for_one_once_and_its_refusal_told() {
    let ibm = Ibm::default();
    ibm.takes_none.store(true, Ordering::SeqCst);
    let upstream = ibm.start().await;
    let gateway = start_gateway().await;
    add(&gateway, "watsonxai", data(&upstream), "ibm/granite").await;
    let (status, answer) = ask(&gateway).await;
    assert_eq!((status, logins(&upstream)), (424, 2), "{answer}");
    assert_eq!(upstream.requests().len(), 4);
    assert_eq!(answer["error"]["code"], "authentication_token_expired");
    let said = answer.to_string();
    assert!(said.contains("[redacted]") && !said.contains("-of-ibm"), "{said}");
    let (status, _) = ask(&gateway).await;
    assert_eq!((status, logins(&upstream)), (424, 2), "a fresh token that is refused is not replaced again");
}

#[tokio::test]
async fn a_bad_key_is_the_gateways_fault_and_an_outage_the_vendors() {
    let said =
        format!(r#"{{"errorCode":"BXNIM0415E","errorMessage":"API key {SECRET} could not be found."}}"#);
    let bad = FakeUpstream::answering(json_answer(400, &said)).await;
    let moved = FakeUpstream::answering(
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/identity/token\r\ncontent-length: 0\r\n\r\n"
            .to_vec(),
    )
    .await;
    for (upstream, status, code) in [(bad, 424, "provider_auth_failed"), (moved, 502, "provider_unavailable")]
    {
        let gateway = start_gateway().await;
        add(&gateway, "watsonxai", data(&upstream), "ibm/granite").await;
        let (found, answer) = ask(&gateway).await;
        assert_eq!(found, status, "{answer}");
        assert_eq!(answer["error"]["code"], code);
        assert!(!answer.to_string().contains(SECRET), "{answer}");
    }
}

#[tokio::test]
async fn a_token_outlives_its_maker() {
    let ibm = Ibm::default();
    let upstream = ibm.start().await;
    let gateway = start_gateway().await;
    add(&gateway, "watsonxai", data(&upstream), "ibm/granite").await;
    assert_eq!(ask(&gateway).await.0, 200);
    ibm.is_down.store(true, Ordering::SeqCst);
    assert_eq!(ask(&gateway).await.0, 200, "the token still holds");
    assert_eq!(logins(&upstream), 1);
}

/// Replaces the provider's arguments.
async fn replace(gateway: &TestGateway, name: &str, data: Value) -> (u16, Value) {
    let (_, list) = sent(gateway.request("GET", "/ml/gateway/v1/providers", Value::Null)).await;
    let uuid = list["data"][0]["uuid"].as_str().expect("a provider").to_owned();
    let path = format!("/ml/gateway/v1/providers/{uuid}/watsonxai");
    sent(gateway.request("PUT", &path, json!({"name": name, "data": data}))).await
}

#[tokio::test]
async fn a_token_goes_with_its_credential() {
    let upstream = Ibm::default().start().await;
    let gateway = start_gateway().await;
    add(&gateway, "watsonxai", data(&upstream), "ibm/granite").await;
    assert_eq!(ask(&gateway).await.0, 200);
    let mut masked = data(&upstream);
    masked["apiKey"] = "****wxyz".into();
    let (status, answer) = replace(&gateway, "another name", masked).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!((ask(&gateway).await.0, logins(&upstream)), (200, 1), "a name is no credential");
    let mut other = data(&upstream);
    other["apiKey"] = "another-secret-of-this-provider".into();
    assert_eq!(replace(&gateway, "p", other).await.0, 200);
    assert_eq!((ask(&gateway).await.0, logins(&upstream)), (200, 2));
}

#[tokio::test]
async fn a_stored_key_is_sent_to_no_other_host() {
    let upstream = Ibm::default().start().await;
    let gateway = start_gateway().await;
    add(&gateway, "watsonxai", data(&upstream), "ibm/granite").await;
    let thief = FakeUpstream::answering(json_answer(200, r#"{"access_token":"x"}"#)).await;
    for address in [json!(root(&thief)), Value::Null] {
        let mut moved = data(&upstream);
        moved["apiKey"] = "****wxyz".into();
        moved["auth_url"] = address;
        let (status, answer) = replace(&gateway, "p", moved).await;
        assert_eq!((status, &answer["error"]["param"]), (400, &json!("data")), "{answer}");
    }
    for wrong in ["http://169.254.169.254", "ftp://a.example.com", "https://u:p@a.example.com", "iam"] {
        let mut forbidden = data(&upstream);
        forbidden["auth_url"] = wrong.into();
        let (status, answer) = replace(&gateway, "p", forbidden).await;
        assert_eq!((status, &answer["error"]["param"]), (400, &json!("data.auth_url")), "{answer}");
    }
    assert!(thief.requests().is_empty());
}

#[tokio::test]
async fn software_hub_is_asked_in_its_own_ways() {
    let pair = "YW5uYTp1cHN0cmVhbS1zZWNyZXQtMDEyMzQ1Njc4OWFiY3d4eXo=";
    for (arguments, login, authorization) in [
        (
            json!({"apikey": SECRET, "username": "anna"}),
            Some(json!({"username": "anna", "api_key": SECRET})),
            "Bearer token-1-of-ibm".to_owned(),
        ),
        (
            json!({"password": SECRET, "username": "anna"}),
            Some(json!({"username": "anna", "password": SECRET})),
            "Bearer token-1-of-ibm".to_owned(),
        ),
        (
            json!({"apikey": SECRET, "username": "anna", "auth_type": "zen"}),
            None,
            format!("ZenApiKey {pair}"),
        ),
        (json!({"token": SECRET}), None, format!("Bearer {SECRET}")),
    ] {
        let upstream = Ibm::default().start().await;
        let gateway = start_gateway().await;
        let mut data = arguments;
        data["base_url"] = root(&upstream).into();
        data["space_id"] = "s-1".into();
        add(&gateway, "watsonxai", data, "ibm/granite").await;
        let (_, answer) = ask(&gateway).await;
        let requests = upstream.requests();
        let asked = requests.iter().find(|request| is_login(request));
        let body = asked.map(|request| serde_json::from_slice::<Value>(&request.body).expect("JSON"));
        assert_eq!(body, login, "{answer}");
        let call = requests.iter().find(|request| !is_login(request)).expect("a call");
        assert_eq!(header(call, "authorization"), authorization);
        for secret in [SECRET, pair, "-of-ibm"] {
            assert!(!answer.to_string().contains(secret), "{answer}");
        }
        if asked.is_some() {
            assert_eq!(requests[0].path, "/icp4d-api/v1/authorize");
        }
    }
}

#[tokio::test]
async fn a_test_of_the_provider_uses_its_token_too() {
    let upstream = Ibm::default().start().await;
    let gateway = start_gateway().await;
    add(&gateway, "watsonxai", data(&upstream), "ibm/granite").await;
    let request = sluicegate_client::v1::TestProviderRequest { id: "p".into() };
    let found = gateway.client.providers().test_provider(request).await.expect("an answer").into_inner();
    assert_eq!(logins(&upstream), 1);
    // What it answers to a list is a chat, which is no list.
    assert!(!found.ok && found.message.contains("resources"), "{found:?}");
}
