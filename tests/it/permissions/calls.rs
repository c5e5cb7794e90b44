//! What policies do to calls to models.

use std::sync::Arc;

use serde_json::{Value, json};
use sluicegate_client::{
    Gateway,
    v1::{AccessRole, PolicyAction, PolicyEffect},
};
use tokio::sync::Notify;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::support::{
    FakeUpstream, Step, TestGateway, chat, chat_answer, clean_end, finish_event, json_answer, piece,
    start_gateway, stream_head, text_event,
};

async fn deny(gateway: &TestGateway, group: &str, resource: &str) -> String {
    gateway.policy(group, PolicyAction::Read, resource, PolicyEffect::Deny).await
}

async fn allow(gateway: &TestGateway, group: &str, resource: &str) -> String {
    gateway.policy(group, PolicyAction::Read, resource, PolicyEffect::Allow).await
}

/// A user in these groups, over gRPC, and the secret for REST.
async fn user(gateway: &TestGateway, groups: &[&str]) -> (Gateway, String) {
    let secret = gateway.member(AccessRole::User, groups).await;
    (Gateway::connect(&gateway.url, &secret).await.expect("the gateway answers"), secret)
}

/// Chats over REST; status and body.
async fn rest_chat(gateway: &TestGateway, secret: &str, model: &str) -> (u16, Value) {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "Hi"}]});
    let request = gateway.http.post(format!("{}/v1/chat/completions", gateway.url));
    crate::rest::sent(request.header("authorization", format!("Bearer {secret}")).body(body.to_string()))
        .await
}

#[tokio::test]
async fn a_shared_name_never_leads_to_a_closed_target() {
    let (east, west) = (
        FakeUpstream::answering(chat_answer("east")).await,
        FakeUpstream::answering(chat_answer("west")).await,
    );
    let broken = FakeUpstream::answering(json_answer(500, "{}")).await;
    let gateway = start_gateway().await;
    for (name, upstream, alias) in [("east", &east, "m"), ("west", &west, "m"), ("broken", &broken, "b")] {
        gateway.add_upstream(name, &upstream.base_url, alias).await;
    }
    gateway.add_model("east", "other", "b", None).await;
    // Closed by its provider, not by itself.
    deny(&gateway, "interns", "provider:east").await;
    let (interns, secret) = user(&gateway, &["interns"]).await;
    for _ in 0..4 {
        interns.inference().chat(chat("m", "Hi")).await.expect("west answers");
        assert_eq!(rest_chat(&gateway, &secret, "m").await.0, 200);
    }
    let status = interns.inference().chat(chat("b", "Hi")).await.expect_err("the open target is broken");
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert_eq!(west.requests().len(), 8);
    assert!(east.requests().is_empty(), "not even when another target fails");

    let (others, _) = user(&gateway, &[]).await;
    for _ in 0..8 {
        others.inference().chat(chat("m", "Hi")).await.expect("an answer");
    }
    assert_eq!((east.requests().len(), west.requests().len()), (4, 12), "others use both");
}

#[tokio::test]
async fn the_open_targets_share_evenly() {
    let gateway = start_gateway().await;
    let mut upstreams = Vec::new();
    for name in ["east", "west", "north"] {
        let upstream = FakeUpstream::answering(chat_answer(name)).await;
        gateway.add_upstream(name, &upstream.base_url, "m").await;
        upstreams.push(upstream);
    }
    deny(&gateway, "interns", "provider:west").await;
    let (interns, _) = user(&gateway, &["interns"]).await;
    for _ in 0..20 {
        interns.inference().chat(chat("m", "Hi")).await.expect("an answer");
    }
    let counts: Vec<_> = upstreams.iter().map(|upstream| upstream.requests().len()).collect();
    assert_eq!(counts, [10, 0, 10]);
}

#[tokio::test]
async fn a_refusal_names_the_model_on_both_edges() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    deny(&gateway, "interns", "model:demo").await;
    let (interns, secret) = user(&gateway, &["interns"]).await;
    let status = interns.inference().chat(chat("demo", "Hi")).await.expect_err("it is refused");
    let info = status.get_details_error_info().expect("an ErrorInfo");
    assert_eq!((status.code(), &*info.reason), (Code::PermissionDenied, "POLICY_DENIED"));
    assert_eq!(info.metadata["model"], "demo");
    let (http, body) = rest_chat(&gateway, &secret, "demo").await;
    let error = &body["error"];
    assert_eq!(
        (http, &error["code"], &error["param"]),
        (403, &json!("authorization_rejected"), &json!("model"))
    );
    assert_eq!(error["message"], status.message(), "both edges say the same");
    assert!(status.message().contains("\"demo\""), "{status:?}");
}

#[tokio::test]
async fn deny_beats_allow_and_an_allow_closes_to_others() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let asks = async |groups: &[&str]| {
        let (_, secret) = user(&gateway, groups).await;
        rest_chat(&gateway, &secret, "demo").await.0
    };
    assert_eq!(asks(&[]).await, 200, "what no policy names stays open");
    let allowed = allow(&gateway, "staff", "model:demo").await;
    let denied = deny(&gateway, "interns", "model:*").await;
    for (groups, status) in [
        (&["staff"][..], 200),
        (&["staff", "interns"], 403),
        (&["interns"], 403),
        (&["guests"], 403),
        (&[], 403),
    ] {
        assert_eq!(asks(groups).await, status, "{groups:?}");
    }
    for id in [allowed, denied] {
        let request = sluicegate_client::v1::DeletePolicyRequest { id };
        gateway.client.access().delete_policy(request).await.expect("it is deleted");
    }
    assert_eq!(asks(&["interns"]).await, 200);
}

#[tokio::test]
async fn a_change_holds_from_the_next_call_and_cuts_no_stream() {
    let gate = Arc::new(Notify::new());
    let shared = Arc::clone(&gate);
    let upstream = FakeUpstream::start(move |_| {
        let first = [stream_head(), piece(text_event("one"))].concat();
        let rest = [piece(text_event("two")), piece(finish_event()), clean_end()].concat();
        vec![Step::Send(first), Step::Gate(Arc::clone(&shared)), Step::Send(rest)]
    })
    .await;
    let gateway = start_gateway().await;
    gateway.add_upstream("east", &upstream.base_url, "m").await;
    let (interns, secret) = user(&gateway, &["interns"]).await;
    let mut stream = interns.inference().stream_chat(chat("m", "Hi")).await.expect("a stream").into_inner();
    let mut text = sluicegate_client::text(&stream.message().await.expect("a chunk").expect("one"));
    deny(&gateway, "interns", "model:m").await;
    assert_eq!(rest_chat(&gateway, &secret, "m").await.0, 403);
    gate.notify_one();
    while let Some(chunk) = stream.message().await.expect("the stream runs to its end") {
        text += &sluicegate_client::text(&chunk);
    }
    assert_eq!(text, "onetwo");
}
