//! More calls at once than the gateway takes.

use sluicegate_client::v1;
use tonic_types::StatusExt as _;

use crate::{
    faults::reason,
    rest::sent,
    support::{
        DONE, FakeUpstream, PATIENCE, Step, TestGateway, chat, clean_end, finish_event, piece,
        start_gateway_with, stream_head, text_event,
    },
};

/// One call may be in flight, and its upstream streams until the gate opens.
async fn gateway_for_one() -> (TestGateway, FakeUpstream, std::sync::Arc<tokio::sync::Notify>) {
    let gate = std::sync::Arc::new(tokio::sync::Notify::new());
    let held = std::sync::Arc::clone(&gate);
    let upstream = FakeUpstream::start(move |_| {
        vec![
            Step::Send([stream_head(), piece(text_event("one"))].concat()),
            Step::Gate(std::sync::Arc::clone(&held)),
            Step::Send([piece(finish_event()), piece(DONE), clean_end()].concat()),
        ]
    })
    .await;
    let gateway = start_gateway_with(&["--max-calls", "1"]).await;
    gateway.add_upstream("east", &upstream.base_url, "m").await;
    (gateway, upstream, gate)
}

async fn is_full(gateway: &TestGateway) -> bool {
    match gateway.client.inference().chat(chat("nobody", "Hi")).await.expect_err("no model, or no place") {
        status if reason(&status) == "OVERLOADED" => true,
        status => {
            assert_eq!(reason(&status), "MODEL_NOT_FOUND");
            false
        }
    }
}

/// What a call holds is given back soon after its end.
async fn becomes_free(gateway: &TestGateway) {
    let free = async {
        while is_full(gateway).await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, free).await.expect("the place is given back");
}

#[tokio::test]
async fn a_call_beyond_the_limit_is_told_to_come_again_and_all_else_is_served() {
    let (gateway, upstream, _gate) = gateway_for_one().await;
    let mut stream =
        gateway.client.inference().stream_chat(chat("m", "Hi")).await.expect("a stream").into_inner();
    stream.message().await.expect("no error").expect("a chunk");

    let status = gateway.client.inference().chat(chat("m", "Hi")).await.expect_err("full");
    assert_eq!((status.code(), reason(&status).as_str()), (tonic::Code::Unavailable, "OVERLOADED"));
    let retry = status.get_details_retry_info().expect("RetryInfo").retry_delay;
    assert_eq!(retry, Some(std::time::Duration::from_secs(1)));
    // It costs nothing: the body is not even looked at.
    let request = gateway.post("/v1/chat/completions", &serde_json::Value::Null).body("no JSON");
    let response = request.send().await.expect("an answer");
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (503, &"1".parse().expect("text"))
    );
    let (_, body) = sent(gateway.post("/v1/embeddings", &serde_json::json!({}))).await;
    assert_eq!(body["error"]["code"], "overloaded");

    gateway
        .client
        .providers()
        .list_providers(v1::ListProvidersRequest::default())
        .await
        .expect("administration");
    for path in ["/healthz", "/readyz", "/v1/models"] {
        let response = gateway.request("GET", path, serde_json::Value::Null).send().await.expect("an answer");
        assert_eq!(response.status().as_u16(), 200, "{path}");
    }
    assert_eq!(gateway.metric("sluicegate_calls_refused_total", &[]).await, 3.0);
    assert_eq!(upstream.requests().len(), 1);
}

#[tokio::test]
async fn a_place_is_given_back_whatever_ends_the_call() {
    let (gateway, upstream, gate) = gateway_for_one().await;
    let open = async || {
        let answer = gateway.client.inference().stream_chat(chat("m", "Hi")).await;
        let mut stream = answer.expect("a stream").into_inner();
        stream.message().await.expect("no error").expect("a chunk");
        assert!(is_full(&gateway).await);
        stream
    };
    drop(open().await);
    becomes_free(&gateway).await;

    let mut stream = open().await;
    gate.notify_one();
    while stream.message().await.expect("no error").is_some() {}
    becomes_free(&gateway).await;

    let bad = gateway.post("/v1/chat/completions", &serde_json::Value::Null).body("no JSON");
    assert_eq!(sent(bad).await.0, 400);
    becomes_free(&gateway).await;
    assert_eq!(upstream.requests().len(), 2);
}
