//! Certificates change while the gateway runs.

use std::sync::Arc;

use tokio::sync::Notify;

use super::{Files, certificate, dial, made, self_signed, shown};
use crate::support::{
    CERTIFICATE, FakeUpstream, PATIENCE, Step, TestGateway, chat, clean_end, finish_event, piece,
    start_gateway_in, stream_head, text_event,
};

#[tokio::test]
async fn a_new_certificate_is_for_new_connections_and_a_stream_goes_on() {
    let gate = Arc::new(Notify::new());
    let held = Arc::clone(&gate);
    let upstream = FakeUpstream::start(move |_| {
        let first = [stream_head(), piece(text_event("one"))].concat();
        let rest = [piece(text_event("two")), piece(finish_event()), piece("data: [DONE]\n\n"), clean_end()];
        vec![Step::Send(first), Step::Gate(Arc::clone(&held)), Step::Send(rest.concat())]
    })
    .await;
    let files = Files::new();
    let gateway = files.gateway().await;
    gateway.add_upstream("east", &upstream.base_url, "m").await;
    let mut chunks = gateway.client.inference().stream_chat(chat("m", "Hi")).await.unwrap().into_inner();
    let mut text = sluicegate_client::text(&chunks.message().await.unwrap().unwrap());

    let next = files.next();
    files.put(&next);
    let taken_over = async {
        while shown(&gateway.url, &files.authority).await != certificate(&next) {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, taken_over).await.expect("the new certificate is shown");

    gate.notify_one();
    while let Some(chunk) = chunks.message().await.unwrap() {
        text += &sluicegate_client::text(&chunk);
    }
    assert_eq!(text, "onetwo");
    gateway.client.models().list_models(sluicegate_client::v1::ListModelsRequest::default()).await.unwrap();
}

#[tokio::test]
async fn a_certificate_of_our_own_survives_a_restart_and_is_replaced_when_it_is_gone() {
    let gateway = self_signed(&[]).await;
    let first = made(&gateway);
    let gateway = restarted(gateway).await;
    assert_eq!(made(&gateway), first);
    std::fs::remove_file(gateway.data.path().join(CERTIFICATE)).unwrap();
    let gateway = restarted(gateway).await;
    let second = made(&gateway);
    assert_ne!(second, first);
    assert!(dial(&gateway.url, &first, &[]).await.is_err());
    assert!(dial(&gateway.url, &second, &[]).await.is_ok());
}

async fn restarted(gateway: TestGateway) -> TestGateway {
    let TestGateway { app, data, .. } = gateway;
    app.stop().await;
    start_gateway_in(data, &["--tls-self-signed"]).await
}
