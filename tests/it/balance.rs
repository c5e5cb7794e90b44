//! Least connections: exact, weighted, and given back.

use std::sync::Arc;

use sluicegate_client::v1;
use tokio::sync::Notify;

use crate::support::{
    FakeUpstream, Step, TestGateway, chat, clean_end, finish_event, json_answer, piece, start_gateway,
    stream_answer, stream_head, text_event,
};

/// An upstream that sends one text and holds the stream until the gate opens.
async fn holding(gate: &Arc<Notify>) -> FakeUpstream {
    let gate = Arc::clone(gate);
    FakeUpstream::start(move |_| {
        let first = [stream_head(), piece(text_event("one"))].concat();
        let rest = [piece(finish_event()), clean_end()].concat();
        vec![Step::Send(first), Step::Gate(Arc::clone(&gate)), Step::Send(rest)]
    })
    .await
}

async fn open(gateway: &TestGateway) -> tonic::Streaming<v1::ChatChunk> {
    gateway.client.inference().stream_chat(chat("m", "Hi")).await.expect("a stream").into_inner()
}

#[tokio::test]
async fn open_streams_count_until_they_end() {
    let gate = Arc::new(Notify::new());
    let (east, west, north) = (holding(&gate).await, holding(&gate).await, holding(&gate).await);
    let gateway = start_gateway().await;
    for (name, upstream) in [("east", &east), ("west", &west), ("north", &north)] {
        gateway.add_upstream(name, &upstream.base_url, "m").await;
    }
    let mut streams = Vec::new();
    for _ in 0..30 {
        streams.push(open(&gateway).await);
    }
    let counts = [&east, &west, &north].map(|upstream| upstream.requests().len());
    assert_eq!(counts, [10, 10, 10]);

    drop(streams);
    gateway.metric_becomes("sluicegate_in_flight", &[], 0.0).await;
}

#[tokio::test]
async fn weights_divide_the_calls_in_flight() {
    let gate = Arc::new(Notify::new());
    let (small, large) = (holding(&gate).await, holding(&gate).await);
    let gateway = start_gateway().await;
    gateway.add_weighted("small", &small.base_url, "m", Some(1)).await;
    gateway.add_weighted("large", &large.base_url, "m", Some(3)).await;
    let mut streams = Vec::new();
    for _ in 0..40 {
        streams.push(open(&gateway).await);
    }
    assert_eq!((small.requests().len(), large.requests().len()), (10, 30));
}

#[tokio::test]
async fn racers_share_idle_targets_exactly() {
    let gate = Arc::new(Notify::new());
    let upstreams = [holding(&gate).await, holding(&gate).await, holding(&gate).await, holding(&gate).await];
    let gateway = start_gateway().await;
    for (index, upstream) in upstreams.iter().enumerate() {
        gateway.add_upstream(&format!("target-{index}"), &upstream.base_url, "m").await;
    }
    let streams = futures_util::future::join_all((0..40).map(|_| open(&gateway))).await;
    let counts: Vec<_> = upstreams.iter().map(|upstream| upstream.requests().len()).collect();
    assert_eq!(counts, [10, 10, 10, 10]);
    drop(streams);
    gateway.metric_becomes("sluicegate_in_flight", &[], 0.0).await;
}

#[tokio::test]
async fn nothing_in_flight_is_left_after_any_end() {
    let turn = std::sync::atomic::AtomicUsize::new(0);
    let upstream =
        FakeUpstream::start(move |_| match turn.fetch_add(1, std::sync::atomic::Ordering::SeqCst) % 5 {
            0 => vec![Step::Send(stream_answer(&["Hello"]))],
            1 => vec![Step::Send(json_answer(500, "{}")), Step::Close],
            2 => vec![Step::Reset],
            3 => vec![Step::Send([stream_head(), piece(text_event("one"))].concat()), Step::Reset],
            _ => vec![Step::Send([stream_head(), piece(text_event("one"))].concat()), Step::Hold],
        })
        .await;
    let gateway = start_gateway().await;
    gateway.add_upstream("east", &upstream.base_url, "m").await;
    let calls = (0..500).map(|index| {
        let gateway = &gateway;
        async move {
            let Ok(response) = gateway.client.inference().stream_chat(chat("m", "Hi")).await else { return };
            let mut chunks = response.into_inner();
            // Every second caller leaves after its first chunk; the others too when the upstream holds.
            let most = if index % 2 == 0 { 1 } else { 2 };
            for _ in 0..most {
                let next = tokio::time::timeout(std::time::Duration::from_millis(50), chunks.message()).await;
                if !matches!(next, Ok(Ok(Some(_)))) {
                    break;
                }
            }
        }
    });
    futures_util::future::join_all(calls).await;
    gateway.metric_becomes("sluicegate_in_flight", &[], 0.0).await;
    gateway.metric_becomes("sluicegate_calls_total", &["operation=\"stream_chat\""], 500.0).await;
}
