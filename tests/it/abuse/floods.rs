//! Much that costs the sender nothing.

use tokio::io::AsyncWriteExt as _;

use super::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, PING, Peer, RST_STREAM,
    SETTINGS, WINDOW_UPDATE, frame, head, headers,
};
use crate::support::{FakeUpstream, Step, TestGateway, start_gateway};

const STREAMS: u32 = 10_000;

async fn gateway() -> (TestGateway, FakeUpstream) {
    let upstream = FakeUpstream::start(|_| vec![Step::Hold]).await;
    let gateway = start_gateway().await;
    gateway.add_upstream("east", &upstream.base_url, "m").await;
    (gateway, upstream)
}

/// CVE-2023-44487: each request is taken back as soon as it is sent, so that the limit of open streams never bites.
#[tokio::test]
async fn cve_2023_44487_a_flood_of_resets_ends_its_connection_and_no_other() {
    let (gateway, upstream) = gateway().await;
    let block = head("GET", "/v1/models", &[]);
    let mut flood = Vec::new();
    for number in 0..STREAMS {
        let stream = 2 * number + 1;
        flood.extend(headers(stream, END_STREAM, &block));
        flood.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
    }
    let mut peer = Peer::connect(&gateway).await;
    // It may be ended before all is written.
    let _ = peer.0.write_all(&flood).await;
    let goodbye = peer.read_to_end().await;
    assert!(matches!(goodbye, None | Some(ENHANCE_YOUR_CALM)), "{goodbye:?}");
    gateway.serves_others().await;
    assert!(upstream.requests().is_empty());
}

/// CVE-2025-8671: the gateway is made to reset streams itself, by frames that are wrong.
#[tokio::test]
async fn cve_2025_8671_a_flood_of_faults_ends_its_connection_and_no_other() {
    let (gateway, _upstream) = gateway().await;
    let block = head("GET", "/v1/models", &[]);
    let mut flood = Vec::new();
    for number in 0..STREAMS {
        let stream = 2 * number + 1;
        flood.extend(headers(stream, END_STREAM, &block));
        // A window that grows by nothing is an error of its stream.
        flood.extend(frame(WINDOW_UPDATE, 0, stream, &[0; 4]));
    }
    let mut peer = Peer::connect(&gateway).await;
    let _ = peer.0.write_all(&flood).await;
    let goodbye = peer.read_to_end().await;
    assert!(goodbye.is_none_or(|code| code != 0), "{goodbye:?}");
    gateway.serves_others().await;
}

/// CVE-2024-27316: a head that never ends.
#[tokio::test]
async fn cve_2024_27316_a_head_without_end_ends_its_connection() {
    let (gateway, _upstream) = gateway().await;
    let mut peer = Peer::connect(&gateway).await;
    peer.write(&frame(HEADERS, END_STREAM, 1, &head("GET", "/v1/models", &[]))).await;
    let more = frame(CONTINUATION, 0, 1, &head("GET", "/", &[("x", &"y".repeat(1000))])[60..]).repeat(100);
    while peer.0.write_all(&more).await.is_ok() {}
    gateway.serves_others().await;
}

/// Every one of these wants an answer, and the sender never reads one.
#[tokio::test]
async fn who_asks_and_never_listens_is_not_read_any_more() {
    const ENOUGH: usize = 64 << 20;
    let (gateway, _upstream) = gateway().await;
    for asks in [frame(PING, 0, 0, &[0; 8]), frame(SETTINGS, 0, 0, &[])] {
        let mut peer = Peer::connect(&gateway).await;
        let many = asks.repeat(4000);
        let mut written = 0;
        // What does not fit into the buffers of the machine waits for a gateway that reads.
        let flood = async {
            while written < ENOUGH && peer.0.write_all(&many).await.is_ok() {
                written += many.len();
            }
        };
        let _ = tokio::time::timeout(std::time::Duration::from_secs(1), flood).await;
        assert!(written < ENOUGH, "{written} bytes were taken");
        gateway.serves_others().await;
    }
}

/// CVE-2019-9518: pieces of a body that hold nothing.
#[tokio::test]
async fn a_flood_of_empty_pieces_ends_its_connection() {
    let (gateway, upstream) = gateway().await;
    let mut peer = Peer::connect(&gateway).await;
    peer.write(&frame(HEADERS, END_HEADERS, 1, &head("POST", "/v1/chat/completions", &[]))).await;
    let _ = peer.0.write_all(&frame(DATA, 0, 1, &[]).repeat(200_000)).await;
    let goodbye = peer.read_to_end().await;
    assert!(matches!(goodbye, None | Some(ENHANCE_YOUR_CALM)), "{goodbye:?}");
    gateway.serves_others().await;
    assert!(upstream.requests().is_empty());
}
