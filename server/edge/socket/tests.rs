use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

fn pair(buffer: usize) -> (tokio::io::DuplexStream, Socket<tokio::io::DuplexStream>, Arc<Requests>) {
    let (peer, inner) = duplex(buffer);
    let requests = Arc::new(Requests::default());
    (peer, Socket::new(inner, Arc::clone(&requests)), requests)
}

#[tokio::test(start_paused = true)]
async fn silent_peer_is_closed() {
    let (_peer, mut socket, _) = pair(64);
    let error = socket.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn trickled_head_is_closed_whatever_its_first_bytes() {
    for first in ["P", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\n"] {
        let (mut peer, mut socket, _) = pair(64);
        peer.write_all(first.as_bytes()).await.unwrap();
        let mut bytes = vec![0; first.len()];
        socket.read_exact(&mut bytes).await.unwrap();
        let error = socket.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{first}");
    }
}

#[tokio::test(start_paused = true)]
async fn second_head_is_timed_from_its_own_first_byte() {
    let (mut peer, mut socket, requests) = pair(64);
    peer.write_all(b"GET").await.unwrap();
    socket.read_exact(&mut [0; 3]).await.unwrap();
    drop(requests.begin());
    let idle = tokio::time::timeout(HEAD * 3, socket.read_u8()).await;
    assert!(idle.is_err(), "an idle connection may wait");
    peer.write_all(b"G").await.unwrap();
    socket.read_u8().await.unwrap();
    assert_eq!(socket.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn body_and_http2_are_not_heads() {
    let (mut peer, mut socket, requests) = pair(64);
    peer.write_all(b"POST").await.unwrap();
    socket.read_exact(&mut [0; 4]).await.unwrap();
    let active = requests.begin();
    peer.write_all(b"body").await.unwrap();
    socket.read_exact(&mut [0; 4]).await.unwrap();
    assert!(tokio::time::timeout(HEAD * 3, socket.read_u8()).await.is_err());
    drop(active);

    let (mut peer, mut socket, _) = pair(64);
    peer.write_all(PREFACE).await.unwrap();
    socket.read_exact(&mut [0; 24]).await.unwrap();
    assert!(tokio::time::timeout(HEAD * 3, socket.read_u8()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn peer_that_stops_reading_is_closed() {
    let (_peer, mut socket, _) = pair(4);
    let error = socket.write_all(b"more than four").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}
