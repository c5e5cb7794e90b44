//! What a caller may not read is as if it were not there.

use serde_json::{Value, json};
use sluicegate_client::v1::{AccessRole, Model, PolicyAction, PolicyEffect};

use crate::{
    rest::sent,
    support::{TestGateway, start_gateway},
};

/// Provider `open` with models `seen` and `closed`, provider `shut` with model `inside`; group `interns` may read neither
/// `closed` nor `shut`. The hidden models in this order.
async fn gateway() -> (TestGateway, [Model; 2]) {
    let gateway = start_gateway().await;
    for (provider, alias) in [("open", "seen"), ("shut", "inside")] {
        gateway.add_upstream(provider, "http://127.0.0.1:9/v1", alias).await;
    }
    let closed = gateway.add_model("open", "secret-model", "closed", None).await;
    let inside = gateway.add_model("shut", "upstream-model", "shared", None).await;
    gateway.add_model("open", "third", "shared", None).await;
    for resource in [format!("model:{}", closed.id), "provider:shut".into()] {
        gateway.policy("interns", PolicyAction::Read, &resource, PolicyEffect::Deny).await;
    }
    (gateway, [closed, inside])
}

async fn ask(gateway: &TestGateway, secret: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
    let request = gateway.http.request(method.parse().expect("a method"), format!("{}{path}", gateway.url));
    let request = request.header("authorization", format!("Bearer {secret}"));
    sent(if body.is_null() { request } else { request.body(body.to_string()) }).await
}

#[tokio::test]
async fn lists_show_only_what_the_caller_may_read() {
    let (gateway, _) = gateway().await;
    for role in [AccessRole::User, AccessRole::Manage] {
        let secret = gateway.member(role, &["interns"]).await;
        let get = async |path: &str| ask(&gateway, &secret, "GET", path, Value::Null).await;
        for path in ["/v1/models", "/ml/gateway/v1/models", "/sluicegate/v1/models"] {
            let (status, list) = get(path).await;
            let list = list.to_string();
            assert_eq!(status, 200, "{list}");
            assert!(list.contains("seen"), "{path}: {list}");
            for hidden in ["closed", "secret-model", "inside", "shut"] {
                assert!(!list.contains(hidden), "{path} shows {hidden}: {list}");
            }
        }
        if role == AccessRole::User {
            continue;
        }
        for path in ["/ml/gateway/v1/providers", "/sluicegate/v1/providers", "/ml/gateway/v1/providers/open"]
        {
            let (status, list) = get(path).await;
            let list = list.to_string();
            assert_eq!(status, 200, "{list}");
            for hidden in ["closed", "secret-model", "shut"] {
                assert!(!list.contains(hidden), "{path} shows {hidden}: {list}");
            }
        }
        let (_, embedded) = get("/ml/gateway/v1/providers/open").await;
        let embedded = embedded["models"].as_array().expect("models");
        assert_eq!(embedded.iter().map(|model| &model["alias"]).collect::<Vec<_>>(), ["seen", "shared"]);
    }
}

#[tokio::test]
async fn pages_count_only_what_is_shown() {
    let (gateway, _) = gateway().await;
    let secret = gateway.member(AccessRole::User, &["interns"]).await;
    let (_, page) = ask(&gateway, &secret, "GET", "/sluicegate/v1/models?page_size=2", Value::Null).await;
    assert_eq!(page["models"].as_array().map(Vec::len), Some(2));
    assert_eq!(page.get("nextPageToken"), None, "there is no third: {page}");
}

/// Asked for by an id of something hidden and by one of nothing, each route says the same.
#[tokio::test]
async fn ghsa_qqcv_vg9f_5rr3_a_hidden_resource_is_answered_as_one_that_is_not_there() {
    let (gateway, [closed, inside]) = gateway().await;
    let secret = gateway.member(AccessRole::Manage, &["interns"]).await;
    let nothing = "0193a3c8-0000-7000-8000-000000000000";
    let shut = inside.provider;
    let model = json!({"model": {"upstreamId": "x"}});
    let own = json!({"model": {"provider": "ID", "upstreamId": "x"}});
    let policy = |kind: &str| json!({"policy": {"subject": "s", "action": "POLICY_ACTION_READ", "resource": format!("{kind}:ID")}});
    for (hidden, method, path, body) in [
        (&closed.id, "GET", "/v1/models/ID", Value::Null),
        (&closed.id, "GET", "/sluicegate/v1/models/ID", Value::Null),
        (&inside.id, "GET", "/sluicegate/v1/models/ID", Value::Null),
        (&closed.id, "PUT", "/sluicegate/v1/models/ID", model),
        (&closed.id, "DELETE", "/sluicegate/v1/models/ID", Value::Null),
        (&closed.id, "PATCH", "/ml/gateway/v1/models/ID", json!({"alias": "x"})),
        (&closed.id, "DELETE", "/ml/gateway/v1/providers/open/models/ID", Value::Null),
        (&shut, "GET", "/sluicegate/v1/providers/ID", Value::Null),
        (&shut, "PUT", "/sluicegate/v1/providers/ID", json!({"provider": {"name": "x"}})),
        (&shut, "DELETE", "/ml/gateway/v1/providers/ID", Value::Null),
        (&shut, "POST", "/sluicegate/v1/providers/ID/test", Value::Null),
        (&shut, "GET", "/sluicegate/v1/providers/ID/available-models", Value::Null),
        (&shut, "GET", "/sluicegate/v1/models?provider=ID", Value::Null),
        (&shut, "GET", "/ml/gateway/v1/providers/ID/models", Value::Null),
        (&shut, "POST", "/sluicegate/v1/models", own.clone()),
        (&shut, "PUT", "/sluicegate/v1/models/seen", own),
        (&closed.id, "POST", "/sluicegate/v1/policies", policy("model")),
        (&shut, "POST", "/sluicegate/v1/policies", policy("provider")),
    ] {
        let said = async |id: &str| {
            let fill = |text: String| text.replace("ID", id);
            let body = if body.is_null() {
                Value::Null
            } else {
                serde_json::from_str(&fill(body.to_string())).expect("JSON")
            };
            let (status, mut answer) = ask(&gateway, &secret, method, &fill(path.into()), body).await;
            answer["error"]["request_id"].take();
            (status, answer.to_string().replace(id, "ID"))
        };
        let (of_hidden, of_nothing) = (said(hidden).await, said(nothing).await);
        assert_eq!(of_hidden, of_nothing, "{method} {path}");
        assert_eq!(of_hidden.0, 404, "{method} {path}: {}", of_hidden.1);
    }
}

#[tokio::test]
async fn hidden_models_make_no_name_ambiguous() {
    let (gateway, _) = gateway().await;
    let [interns, staff] = [
        gateway.member(AccessRole::Manage, &["interns"]).await,
        gateway.member(AccessRole::Manage, &[]).await,
    ];
    let path = "/sluicegate/v1/models/shared";
    assert_eq!(ask(&gateway, &staff, "DELETE", path, Value::Null).await.0, 409, "it fits two");
    assert_eq!(ask(&gateway, &interns, "DELETE", path, Value::Null).await.0, 200);
    let (_, left) = ask(&gateway, &staff, "GET", path, Value::Null).await;
    assert_eq!(left["model"]["providerName"], "shut", "the hidden one was not touched");
}

#[tokio::test]
async fn a_provider_does_not_go_with_models_that_the_caller_may_not_change() {
    let (gateway, [closed, _]) = gateway().await;
    let secret = gateway.member(AccessRole::Manage, &["interns"]).await;
    let (status, answer) =
        ask(&gateway, &secret, "DELETE", "/sluicegate/v1/providers/open", Value::Null).await;
    assert_eq!((status, &answer["error"]["code"]), (403, &json!("authorization_rejected")), "{answer}");
    assert!(!answer.to_string().contains(&closed.id), "{answer}");
}
