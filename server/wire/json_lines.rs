//! One JSON text a line, as Ollama streams. Blank lines mean nothing.
//!
//! A frame that lies whole in one piece is handed out without a copy. The last line needs its end: without one it may be
//! cut.

use memchr::memchr;

use super::{End, Frame, PushError};

/// Longer lines are refused unless the reader is told otherwise.
const DEFAULT_LIMIT: usize = 16 << 20;

/// Reads the lines of one stream, however it is cut into pieces.
#[derive(Debug)]
pub struct Reader {
    limit: usize,
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
}

impl Default for Reader {
    fn default() -> Self {
        Self::with_limit(DEFAULT_LIMIT)
    }
}

impl Reader {
    /// A reader that refuses lines of more bytes than this.
    #[must_use]
    pub fn with_limit(max_line_bytes: usize) -> Self {
        Self { limit: max_line_bytes, line: Vec::new() }
    }

    /// Takes the next bytes of the stream and hands out the lines that are whole now, until `on_frame` says `false`.
    /// Returns whether to go on; after `false` or an error the reader is spent.
    ///
    /// # Errors
    /// When a line is too long, or `on_frame` fails.
    pub fn push<E>(
        &mut self,
        bytes: &[u8],
        on_frame: &mut dyn FnMut(Frame<'_>) -> Result<bool, E>,
    ) -> Result<bool, PushError<E>> {
        let mut rest = bytes;
        while let Some(end) = memchr(b'\n', rest) {
            let piece = &rest[..end];
            rest = &rest[end + 1..];
            self.check_length(piece)?;
            let go_on = if self.line.is_empty() {
                hand_out(piece, on_frame)
            } else {
                self.line.extend_from_slice(piece);
                let go_on = hand_out(&self.line, on_frame);
                self.line.clear();
                go_on
            };
            if !go_on.map_err(PushError::Frame)? {
                return Ok(false);
            }
        }
        self.check_length(rest)?;
        self.line.extend_from_slice(rest);
        Ok(true)
    }

    /// The stream is over.
    #[must_use]
    pub fn end(&self) -> End {
        if self.line.trim_ascii().is_empty() { End::Clean } else { End::HalfFrame }
    }

    fn check_length<E>(&self, piece: &[u8]) -> Result<(), PushError<E>> {
        if self.line.len() + piece.len() > self.limit { Err(PushError::TooLong(self.limit)) } else { Ok(()) }
    }
}

fn hand_out<E>(line: &[u8], on_frame: &mut dyn FnMut(Frame<'_>) -> Result<bool, E>) -> Result<bool, E> {
    let data = line.trim_ascii();
    if data.is_empty() { Ok(true) } else { on_frame(Frame { event: "", data }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> (Vec<String>, End) {
        let (mut reader, mut lines) = (Reader::default(), Vec::new());
        for piece in pieces {
            let pushed: Result<_, PushError<()>> = reader.push(piece, &mut |frame| {
                lines.push(String::from_utf8(frame.data.to_vec()).unwrap());
                Ok(true)
            });
            assert_eq!(pushed, Ok(true));
        }
        let end = reader.end();
        (lines, end)
    }

    #[test]
    fn lines_may_come_in_any_pieces() {
        let body = b"{\"a\":1}\r\n\n{\"b\":2}\n";
        let expected = (vec![r#"{"a":1}"#.to_owned(), r#"{"b":2}"#.to_owned()], End::Clean);
        assert_eq!(lines(&[body]), expected);
        let bytes: Vec<&[u8]> = body.chunks(1).collect();
        assert_eq!(lines(&bytes), expected);
    }

    #[test]
    fn a_line_without_its_end_is_no_frame() {
        assert_eq!(lines(&[b"{}\n{\"a\""]), (vec!["{}".to_owned()], End::HalfFrame));
    }

    #[test]
    fn long_lines_are_refused_however_they_come() {
        for pieces in [vec![b"12345\n".as_slice()], vec![b"123", b"45"], vec![b"123", b"45\n"]] {
            let mut reader = Reader::with_limit(4);
            let pushed: Result<Vec<_>, PushError<()>> =
                pieces.iter().map(|piece| reader.push(piece, &mut |_| Ok(true))).collect();
            assert_eq!(pushed, Err(PushError::TooLong(4)));
        }
    }
}
