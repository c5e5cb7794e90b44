//! Upstreams that are called over HTTP/2.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use sluicegate_client::v1::Connection;
use tokio::net::TcpListener;

use super::provider;
use crate::support::{chat, spawn, start_gateway};

const ANSWER: &str = r#"{"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices":
    [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}]}"#;

/// Answers every call; tells from which connections they came.
async fn upstream() -> (String, Arc<Mutex<BTreeSet<SocketAddr>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base_url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let peers = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = Arc::clone(&peers);
    spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let seen = Arc::clone(&seen);
            spawn(async move {
                let mut connection = h2::server::handshake(stream).await.expect("HTTP/2");
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    seen.lock().expect("not poisoned").insert(peer);
                    let mut body = respond.send_response(http::Response::new(()), false).expect("a head");
                    body.send_data(Bytes::from_static(ANSWER.as_bytes()), true).expect("a body");
                }
            });
        }
    });
    (base_url, peers)
}

#[tokio::test]
async fn calls_are_spread_over_as_many_http2_connections_as_wanted() {
    let (base_url, peers) = upstream().await;
    let gateway = start_gateway().await;
    let connection = Connection { http2_connections: 3, ..Default::default() };
    gateway.reach(provider("m", &base_url, connection)).await;
    for _ in 0..12 {
        gateway.client.inference().chat(chat("m", "Hi")).await.expect("an answer");
    }
    assert_eq!(peers.lock().expect("not poisoned").len(), 3);
}
