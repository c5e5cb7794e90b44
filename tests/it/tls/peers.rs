//! Peers that speak TLS badly, slowly or not at all.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{connect, dial, made, self_signed};
use crate::support::{PATIENCE, TestGateway, trusting};

/// What the peer hears until it is closed.
async fn hear(gateway: &TestGateway, said: &[u8]) -> Vec<u8> {
    let mut socket = connect(&gateway.url).await;
    socket.write_all(said).await.unwrap();
    let mut heard = Vec::new();
    let closed = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut heard)).await;
    closed.expect("the connection is closed").expect("in good order");
    heard
}

/// A caller who behaves, on a connection of its own, is served.
async fn serves_others(gateway: &TestGateway) {
    let client = trusting(&made(gateway)).build().unwrap();
    let answer = client.get(format!("{}/readyz", gateway.url)).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
}

/// A ClientHello of this version, as a client that knows no later one says it.
fn client_hello(version: [u8; 2]) -> Vec<u8> {
    let suites = [0, 2, 0xc0, 0x09];
    let extensions = [
        [0, 10, 0, 4, 0, 2, 0, 23].as_slice(), // groups: P-256
        &[0, 11, 0, 2, 1, 0],                  // points: uncompressed
        &[0, 13, 0, 4, 0, 2, 4, 3],            // signatures: ECDSA over P-256 with SHA-256
        &[0, 23, 0, 0],                        // extended master secret
    ]
    .concat();
    let length = [0, u8::try_from(extensions.len()).unwrap()];
    let hello = [&version[..], &[7; 32], &[0], &suites, &[1, 0], &length, &extensions].concat();
    let message = [&[1, 0, 0, u8::try_from(hello.len()).unwrap()][..], &hello].concat();
    [&[0x16, 3, 1, 0, u8::try_from(message.len()).unwrap()][..], &message].concat()
}

#[tokio::test]
async fn tls_1_1_is_refused() {
    const PROTOCOL_VERSION: u8 = 70;
    let gateway = self_signed(&[]).await;
    let heard = hear(&gateway, &client_hello([3, 2])).await;
    assert_eq!((heard[0], heard.last()), (0x15, Some(&PROTOCOL_VERSION)), "an alert: {heard:?}");
    // The same with 1.2 gets an answer.
    let mut socket = connect(&gateway.url).await;
    let mut hello = client_hello([3, 3]);
    let suite = hello.windows(2).position(|pair| pair == [0xc0, 0x09]).unwrap();
    hello[suite..suite + 2].copy_from_slice(&[0xc0, 0x2b]);
    socket.write_all(&hello).await.unwrap();
    assert_eq!(socket.read_u8().await.unwrap(), 0x16, "a handshake");
}

#[tokio::test]
async fn plain_http_is_told_so_and_closed() {
    let gateway = self_signed(&[]).await;
    let heard = hear(&gateway, b"GET /v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    let heard = String::from_utf8(heard).unwrap();
    assert!(heard.starts_with("HTTP/1.1 400") && heard.contains("https://"), "{heard}");

    let plain = gateway.url.replace("https://", "http://");
    let client = sluicegate_client::Gateway::connect(&plain, crate::support::ADMIN_KEY).await.unwrap();
    let status = client.models().list_models(sluicegate_client::v1::ListModelsRequest::default()).await;
    let status = status.unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert!(status.message().contains("https://"), "{status:?}");
    serves_others(&gateway).await;
}

#[tokio::test]
async fn what_is_no_tls_is_closed() {
    let gateway = self_signed(&[]).await;
    for said in [&[0x16, 3, 1, 0xff, 0xff][..], &[0; 64], b"hello\r\n\r\n", &[0x16, 3, 1, 0, 4, 2, 0, 0, 0]] {
        let heard = hear(&gateway, said).await;
        assert!(heard.is_empty() || heard[0] == 0x15, "{heard:?}");
    }
    drop(connect(&gateway.url).await);
    serves_others(&gateway).await;
}

#[tokio::test]
async fn who_does_not_finish_the_handshake_is_closed_and_holds_nobody_up() {
    let gateway = self_signed(&[]).await;
    let mut slow = Vec::new();
    for said in [&[][..], &[0x16], &client_hello([3, 3])[..20]] {
        for _ in 0..20 {
            let mut socket = connect(&gateway.url).await;
            socket.write_all(said).await.unwrap();
            slow.push(socket);
        }
    }
    serves_others(&gateway).await;
    let begun = tokio::time::Instant::now();
    tokio::time::pause();
    for mut socket in slow {
        let mut heard = Vec::new();
        let _ = socket.read_to_end(&mut heard).await;
    }
    let waited = begun.elapsed().as_secs();
    assert!((9..=11).contains(&waited), "{waited}");
    tokio::time::resume();
    serves_others(&gateway).await;
}

#[tokio::test]
async fn a_handshake_takes_the_place_of_a_connection() {
    // One is the client's of the test.
    let gateway = self_signed(&["--max-connections=2"]).await;
    let mut shaking = connect(&gateway.url).await;
    shaking.write_all(&[0x16]).await.unwrap();
    let trusted = made(&gateway);
    assert!(dial(&gateway.url, &trusted, &[]).await.is_err());
    drop(shaking);
    let served = async { while dial(&gateway.url, &trusted, &[]).await.is_err() {} };
    tokio::time::timeout(PATIENCE, served).await.expect("its place is free");
}
