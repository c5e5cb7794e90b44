//! HTTP/2 frames by hand (RFC 9113).

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{ADMIN_KEY, PATIENCE, TestGateway};

pub(super) const DATA: u8 = 0x0;
pub(super) const HEADERS: u8 = 0x1;
pub(super) const RST_STREAM: u8 = 0x3;
pub(super) const SETTINGS: u8 = 0x4;
pub(super) const PING: u8 = 0x6;
pub(super) const GOAWAY: u8 = 0x7;
pub(super) const WINDOW_UPDATE: u8 = 0x8;
pub(super) const CONTINUATION: u8 = 0x9;

pub(super) const END_STREAM: u8 = 0x1;
pub(super) const END_HEADERS: u8 = 0x4;

pub(super) const REFUSED_STREAM: u32 = 0x7;
pub(super) const ENHANCE_YOUR_CALM: u32 = 0xb;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const ACK: u8 = 0x1;

/// A frame that was read.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

/// A connection on which frames are written as they come to mind.
pub(super) struct Peer(pub(super) TcpStream);

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [&head, payload].concat()
}

/// The head of a request, with names and values as they are (RFC 7541, 6.2.2).
pub(super) fn head(method: &str, path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let key = format!("Bearer {ADMIN_KEY}");
    let usual = [
        (":method", method),
        (":scheme", "http"),
        (":path", path),
        (":authority", "x"),
        ("authorization", &key),
    ];
    let mut block = Vec::new();
    for (name, value) in usual.iter().chain(fields) {
        block.push(0);
        for text in [name, value] {
            length(text.len(), &mut block);
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// A length in seven bits and as many bytes more as it takes (RFC 7541, 5.1).
fn length(length: usize, out: &mut Vec<u8>) {
    let byte = |number: usize| u8::try_from(number).expect("a byte");
    if length < 127 {
        return out.push(byte(length));
    }
    out.push(127);
    let mut rest = length - 127;
    while rest >= 128 {
        out.push(byte(rest % 128 + 128));
        rest /= 128;
    }
    out.push(byte(rest));
}

/// A head in as many frames as it takes.
pub(super) fn headers(stream: u32, flags: u8, block: &[u8]) -> Vec<u8> {
    let mut pieces = block.chunks(16 << 10).peekable();
    let (mut out, mut kind) = (Vec::new(), HEADERS);
    while let Some(piece) = pieces.next() {
        let end = if pieces.peek().is_none() { END_HEADERS } else { 0 };
        let flags = if kind == HEADERS { flags | end } else { end };
        out.extend(frame(kind, flags, stream, piece));
        kind = CONTINUATION;
    }
    out
}

impl Peer {
    /// A connection on which both sides have said their settings.
    pub(super) async fn connect(gateway: &TestGateway) -> Self {
        let address = gateway.url.trim_start_matches("http://");
        let mut peer = Self(TcpStream::connect(address).await.expect("a connection"));
        peer.write(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await;
        let first = peer.read().await.expect("settings");
        assert_eq!(first.kind, SETTINGS);
        peer.write(&frame(SETTINGS, ACK, 0, &[])).await;
        peer
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("written");
    }

    /// The next frame. `None`: the connection has ended.
    pub(super) async fn read(&mut self) -> Option<Frame> {
        let read = async {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await.ok()?;
            let [a, b, c, kind, _, stream @ ..] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
            self.0.read_exact(&mut payload).await.ok()?;
            Some(Frame { kind, stream: u32::from_be_bytes(stream), payload })
        };
        tokio::time::timeout(PATIENCE, read).await.expect("a frame, or the end")
    }

    /// Reads until a frame of this kind comes.
    pub(super) async fn read_until(&mut self, kind: u8) -> Frame {
        loop {
            let frame = self.read().await.expect("the connection has ended");
            if frame.kind == kind {
                return frame;
            }
        }
    }

    /// Reads to the end; gives the code with which the gateway said goodbye, if it did.
    pub(super) async fn read_to_end(&mut self) -> Option<u32> {
        let mut code = None;
        while let Some(frame) = self.read().await {
            if frame.kind == GOAWAY {
                code = Some(frame.code());
            }
        }
        code
    }
}

impl Frame {
    /// The error code of RST_STREAM and GOAWAY.
    pub(super) fn code(&self) -> u32 {
        let bytes = self.payload.last_chunk::<4>().filter(|_| self.kind == RST_STREAM);
        let bytes = bytes.or_else(|| self.payload.get(4..)?.first_chunk::<4>());
        u32::from_be_bytes(*bytes.expect("a code"))
    }
}
