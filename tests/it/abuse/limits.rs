//! More streams, longer heads, larger messages than the gateway takes.

use sluicegate_client::v1;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic::Code;

use super::frames::{END_STREAM, HEADERS, Peer, REFUSED_STREAM, RST_STREAM, frame, head, headers};
use crate::{
    faults::reason,
    support::{ADMIN_KEY, PATIENCE, chat, start_gateway},
};

/// As the gateway's settings say.
const STREAMS: u32 = 1000;

#[tokio::test]
async fn a_stream_beyond_the_limit_is_refused_and_those_before_it_go_on() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let mut peer = Peer::connect(&gateway).await;
    let block = head("POST", "/v1/chat/completions", &[]);
    for number in 0..=STREAMS {
        peer.write(&headers(2 * number + 1, 0, &block)).await;
    }
    let refused = peer.read_until(RST_STREAM).await;
    assert_eq!((refused.stream, refused.code()), (2 * STREAMS + 1, REFUSED_STREAM));
    let body = br#"{"model": "demo", "messages": [{"role": "user", "content": "Hi"}]}"#;
    peer.write(&frame(0x0, END_STREAM, 1, body)).await;
    let answer = peer.read_until(HEADERS).await;
    // 0x88 is the indexed field `:status: 200` (RFC 7541, appendix A).
    assert_eq!((answer.stream, answer.payload.first()), (1, Some(&0x88)));
    gateway.serves_others().await;
}

/// `:status: 431` as the name 8 of the static table and a text in three bytes of Huffman's code (RFC 7541, appendix B).
const STATUS_431: [u8; 5] = [0x48, 0x83, 0x69, 0x90, 0xff];

#[tokio::test]
async fn a_head_of_too_many_or_too_large_fields_is_refused_on_http2() {
    let gateway = start_gateway().await;
    let large = head("GET", "/v1/models", &[("x", &"y".repeat(70_000))]);
    let many = head("GET", "/v1/models", &[("x", "y"); 2500]);
    for block in [large, many] {
        let mut peer = Peer::connect(&gateway).await;
        peer.write(&headers(1, END_STREAM, &block)).await;
        let answer = peer.read_until(HEADERS).await;
        assert_eq!((answer.stream, answer.payload.first_chunk()), (1, Some(&STATUS_431)));
        // The connection serves on.
        peer.write(&headers(3, END_STREAM, &head("GET", "/v1/models", &[]))).await;
        assert_eq!(peer.read_until(HEADERS).await.payload.first(), Some(&0x88));
    }
}

#[tokio::test]
async fn a_head_of_too_many_or_too_large_fields_is_refused_on_http1() {
    let gateway = start_gateway().await;
    let address = gateway.url.trim_start_matches("http://");
    let many: String = (0..101).map(|number| format!("x-{number}: y\r\n")).collect();
    let path = "p".repeat(70_000);
    let heads = [
        format!("GET /v1/models HTTP/1.1\r\nhost: x\r\n{many}\r\n"),
        format!("GET /v1/models HTTP/1.1\r\nhost: x\r\nx: {path}\r\n\r\n"),
        format!("GET /{path} HTTP/1.1\r\nhost: x\r\n\r\n"),
    ];
    for head in heads {
        let mut socket = tokio::net::TcpStream::connect(address).await.expect("a connection");
        // It may be refused before it is written in full.
        let _ = socket.write_all(head.as_bytes()).await;
        let mut answer = [0; 12];
        let read = tokio::time::timeout(PATIENCE, socket.read_exact(&mut answer)).await;
        read.expect("an answer").expect("an answer");
        let status = std::str::from_utf8(&answer[9..]).expect("a status");
        assert!(["431", "414"].contains(&status), "{status}");
    }
    gateway.serves_others().await;
}

#[tokio::test]
async fn metadata_beyond_the_limit_fails_its_call_and_no_other() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let mut inference = gateway.client.inference();
    for (count, size) in [(1, 70_000), (2500, 1)] {
        let mut request = tonic::Request::new(chat("demo", "Hi"));
        for number in 0..count {
            let name: tonic::metadata::MetadataKey<_> = format!("x-{number}").parse().expect("a name");
            request.metadata_mut().insert(name, "y".repeat(size).parse().expect("a value"));
        }
        inference.chat(request).await.expect_err("too much metadata");
        inference.chat(chat("demo", "Hi")).await.expect("the connection serves on");
    }
}

/// 40 MiB of one letter are 40 KiB when compressed.
#[tokio::test]
async fn zip_bomb_a_message_that_inflates_beyond_the_limit_is_refused_on_grpc() {
    let gateway = start_gateway().await;
    let mut client = gateway.client.inference().send_compressed(tonic::codec::CompressionEncoding::Gzip);
    let bomb = v1::ChatRequest { user: Some("x".repeat(40 << 20)), ..chat("m", "Hi") };
    let status = client.chat(bomb).await.expect_err("too large");
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::ResourceExhausted, "REQUEST_TOO_LARGE"),
        "{status:?}"
    );
}

#[tokio::test]
async fn oversized_body_is_refused_on_http2() {
    let gateway = start_gateway().await;
    let http2 = reqwest_over_http2();
    let request = http2.post(format!("{}/v1/chat/completions", gateway.url));
    let request = request.header("authorization", format!("Bearer {ADMIN_KEY}")).body(" ".repeat(33 << 20));
    let response = request.send().await.expect("an answer");
    assert_eq!((response.status().as_u16(), response.version()), (413, http::Version::HTTP_2));
    gateway.serves_others().await;
}

fn reqwest_over_http2() -> reqwest::Client {
    reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().expect("a client")
}
