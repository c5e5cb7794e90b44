//! HTTP/1.1 on a bare socket, as far as load and upstream need it.
//!
//! A full HTTP implementation on both sides would take the core that they share before the proxy between them is at its
//! limit. So messages are written from prepared bytes, and of those that come only the frame is read.

use std::{io, net::SocketAddr};

use bytes::{Buf as _, BytesMut};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::Result;

const MAX_HEADERS: usize = 64;
const BUFFER: usize = 64 << 10;
const CLOSED: &str = "the connection was closed within a message";

/// A connection and what was read ahead of it.
pub(crate) struct Socket {
    stream: TcpStream,
    raw: BytesMut,
}

/// The head of an answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) framing: Framing,
}

/// How the rest of a body is framed.
#[derive(Debug)]
pub(crate) enum Framing {
    /// So many bytes are still to come.
    Length(usize),
    /// So many bytes of the current piece are still to come, with the line end after it; 0 before the size of the next.
    Chunked(usize),
}

// === impl Socket ===

impl Socket {
    /// Connects.
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        Self::new(TcpStream::connect(address).await?)
    }

    /// A connection that was accepted.
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, raw: BytesMut::new() })
    }

    /// Writes prepared bytes.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// The body of the next request; `None` when the peer is done.
    pub(crate) async fn request(&mut self) -> Result<Option<BytesMut>> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let mut head = httparse::Request::new(&mut headers);
            if let httparse::Status::Complete(size) = head.parse(&self.raw)? {
                let body = match framing(head.headers)? {
                    Framing::Length(body) => body,
                    Framing::Chunked(_) => return Err("requests need a content-length".into()),
                };
                while self.raw.len() < size + body {
                    self.fill().await?;
                }
                self.raw.advance(size);
                return Ok(Some(self.raw.split_to(body)));
            }
            let begun = !self.raw.is_empty();
            match self.read().await? {
                0 if begun => return Err(CLOSED.into()),
                0 => return Ok(None),
                _ => {}
            }
        }
    }

    /// The head of the next answer.
    pub(crate) async fn answer(&mut self) -> Result<Answer> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let mut head = httparse::Response::new(&mut headers);
            if let httparse::Status::Complete(size) = head.parse(&self.raw)? {
                let status = head.code.unwrap_or_default();
                let framing = framing(head.headers)?;
                self.raw.advance(size);
                return Ok(Answer { status, framing });
            }
            self.fill().await?;
        }
    }

    /// Appends what came of the body, at least one byte, to `body`. False at its end.
    pub(crate) async fn body(&mut self, framing: &mut Framing, body: &mut Vec<u8>) -> Result<bool> {
        loop {
            let before = body.len();
            if framing.take(&mut self.raw, body)? {
                return Ok(false);
            }
            if body.len() > before {
                return Ok(true);
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<()> {
        if self.read().await? == 0 {
            return Err(CLOSED.into());
        }
        Ok(())
    }

    async fn read(&mut self) -> io::Result<usize> {
        self.raw.reserve(BUFFER);
        self.stream.read_buf(&mut self.raw).await
    }
}

fn framing(headers: &[httparse::Header<'_>]) -> Result<Framing> {
    let find = |name: &str| {
        let found = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    if find("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        return Ok(Framing::Chunked(0));
    }
    Ok(Framing::Length(find("content-length").map_or(Ok(0), str::parse)?))
}

// === impl Framing ===

impl Framing {
    /// Moves what there is of the body from `raw` to `body`. True once the body is whole.
    fn take(&mut self, raw: &mut BytesMut, body: &mut Vec<u8>) -> Result<bool> {
        match self {
            Self::Length(left) => {
                let size = raw.len().min(*left);
                body.extend_from_slice(&raw[..size]);
                raw.advance(size);
                *left -= size;
                Ok(*left == 0)
            }
            Self::Chunked(left) => loop {
                if *left == 0 {
                    match httparse::parse_chunk_size(raw) {
                        Err(_) => return Err("a piece of a body has no size".into()),
                        Ok(httparse::Status::Partial) => return Ok(false),
                        Ok(httparse::Status::Complete((line, 0))) if raw.len() < line + LINE_END => {
                            return Ok(false);
                        }
                        Ok(httparse::Status::Complete((line, 0))) => {
                            raw.advance(line + LINE_END);
                            return Ok(true);
                        }
                        Ok(httparse::Status::Complete((line, size))) => {
                            raw.advance(line);
                            *left = usize::try_from(size)? + LINE_END;
                        }
                    }
                }
                let size = raw.len().min(*left);
                if size == 0 {
                    return Ok(false);
                }
                body.extend_from_slice(&raw[..size.min(left.saturating_sub(LINE_END))]);
                raw.advance(size);
                *left -= size;
            },
        }
    }
}

/// The line end after a piece, and after the last one.
const LINE_END: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut framing: Framing, pieces: &[&[u8]]) -> (bool, Vec<u8>) {
        let (mut raw, mut body, mut ended) = (BytesMut::new(), Vec::new(), false);
        for piece in pieces {
            raw.extend_from_slice(piece);
            ended = framing.take(&mut raw, &mut body).unwrap();
        }
        (ended, body)
    }

    #[test]
    fn a_body_does_not_depend_on_where_reads_cut_it() {
        let whole: &[u8] = b"5\r\nhello\r\n1\r\n \r\n0A\r\n0123456789\r\n0\r\n\r\n";
        let expected = b"hello 0123456789".to_vec();
        assert_eq!(read(Framing::Chunked(0), &[whole]), (true, expected.clone()));
        let bytes: Vec<&[u8]> = whole.chunks(1).collect();
        assert_eq!(read(Framing::Chunked(0), &bytes), (true, expected.clone()));
        for cut in 1..whole.len() {
            let (first, second) = whole.split_at(cut);
            assert_eq!(read(Framing::Chunked(0), &[first, second]), (true, expected.clone()), "cut at {cut}");
        }
    }

    #[test]
    fn a_body_that_is_cut_off_never_ends() {
        assert!(!read(Framing::Chunked(0), &[b"5\r\nhello\r\n0\r\n"]).0);
        assert!(!read(Framing::Length(6), &[b"hello"]).0);
        assert_eq!(read(Framing::Length(5), &[b"hel", b"lo"]), (true, b"hello".to_vec()));
    }
}
