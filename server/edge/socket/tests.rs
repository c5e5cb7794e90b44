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
    let begin = [PREFACE, SETTINGS, &[0, 0, 9, 0, 0, 0, 0, 0, 1, 0]].concat();
    peer.write_all(&begin).await.unwrap();
    socket.read_exact(&mut vec![0; begin.len()]).await.unwrap();
    assert!(tokio::time::timeout(HEAD * 3, socket.read_u8()).await.is_err());
}

/// An empty SETTINGS frame.
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

#[tokio::test(start_paused = true)]
async fn half_a_head_over_http2_is_closed() {
    // HEADERS of which the end is announced for later.
    let headers = [0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82];
    for said in [
        b"".as_slice(),
        SETTINGS.split_last().unwrap().1,
        &[SETTINGS, headers.as_slice()].concat(),
        &[SETTINGS, &headers[..9]].concat(),
        &[SETTINGS, &headers[..3]].concat(),
    ] {
        let (mut peer, mut socket, _) = pair(64);
        let begin = [PREFACE, said].concat();
        peer.write_all(&begin).await.unwrap();
        socket.read_exact(&mut vec![0; begin.len()]).await.unwrap();
        assert_eq!(socket.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut, "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_head_over_http2_has_its_own_time() {
    let (mut peer, mut socket, _) = pair(256);
    // The end of each HEADERS comes with the beginning of the next, so that one is open all the time.
    let halves = [[0x82, 0, 0, 2, 1, 4, 0, 0, 0, 1, 0x82].as_slice(); 5];
    let begin = [PREFACE, SETTINGS, &halves[0][1..]].concat();
    peer.write_all(&begin).await.unwrap();
    socket.read_exact(&mut vec![0; begin.len()]).await.unwrap();
    for half in halves {
        tokio::time::sleep(HEAD - Duration::from_secs(1)).await;
        peer.write_all(half).await.unwrap();
        socket.read_exact(&mut vec![0; half.len()]).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn peer_that_stops_reading_is_closed() {
    let (_peer, mut socket, _) = pair(4);
    let error = socket.write_all(b"more than four").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

/// A stream whose farewell cannot be written.
struct Stuck;

impl AsyncRead for Stuck {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Stuck {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn a_farewell_is_not_waited_for_forever() {
    let mut socket = Socket::new(Stuck, Arc::new(Requests::default()));
    let error = socket.shutdown().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}
