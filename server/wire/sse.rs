//! Server-sent events, as WHATWG's HTML standard reads them: any line end, comments, fields in any order.
//!
//! Bytes stay bytes: a character cut by the network is whole again before anybody decodes it. A line is scanned once,
//! however small the pieces are. Frames that lie whole in one piece are handed out without a copy. `id` and `retry` say
//! how to reconnect, which nobody does to a model; they are passed over.

use memchr::{memchr, memchr2};

use super::{End, Frame, PushError};

/// Written after the last event of a stream that really finished.
pub const DONE: &[u8] = b"data: [DONE]\n\n";

/// Longer events are refused unless the reader is told otherwise.
const DEFAULT_LIMIT: usize = 16 << 20;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads the events of one stream, however it is cut into pieces.
#[derive(Debug)]
pub struct Reader {
    limit: usize,
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
    /// The fields of the event so far.
    event: Event,
    /// The last byte was CR: an LF that comes next belongs to it.
    after_cr: bool,
    /// No line has ended yet: there may be a byte order mark.
    at_start: bool,
}

#[derive(Debug, Default)]
struct Event {
    name: Vec<u8>,
    /// The lines of data, joined by LF. `None`: there was none yet.
    data: Option<Vec<u8>>,
}

/// What a line says.
enum Line<'a> {
    /// The event is complete.
    Blank,
    Data(&'a [u8]),
    Name(&'a [u8]),
    /// A comment, or a field that does not matter here.
    Other,
}

// === impl Reader ===

impl Default for Reader {
    fn default() -> Self {
        Self::with_limit(DEFAULT_LIMIT)
    }
}

impl Reader {
    /// A reader that refuses events of more bytes than this.
    #[must_use]
    pub fn with_limit(max_event_bytes: usize) -> Self {
        Self {
            limit: max_event_bytes,
            line: Vec::new(),
            event: Event::default(),
            after_cr: false,
            at_start: true,
        }
    }

    /// Takes the next bytes of the stream and hands out the events that are whole now, until `on_frame` says `false`.
    /// Returns whether to go on; after `false` or an error the reader is spent.
    ///
    /// # Errors
    /// When an event is too long, or `on_frame` fails.
    pub fn push<E>(
        &mut self,
        bytes: &[u8],
        on_frame: &mut dyn FnMut(Frame<'_>) -> Result<bool, E>,
    ) -> Result<bool, PushError<E>> {
        let mut rest = bytes;
        // Data of an event that may lie whole in these bytes: it is copied only when it does not.
        let mut whole: Option<&[u8]> = None;
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(end) = memchr2(b'\n', b'\r', rest) {
            let line = &rest[..end];
            rest = self.behind_line_end(&rest[end..]);
            if !self.line.is_empty() {
                self.take_cut_line(line, &mut whole);
                self.check_length(whole)?;
                continue;
            }
            match self.parse(line) {
                Line::Blank => {
                    if !self.event.hand_out(whole.take(), on_frame).map_err(PushError::Frame)? {
                        return Ok(false);
                    }
                }
                Line::Data(data) if self.event.data.is_none() && whole.is_none() => whole = Some(data),
                Line::Data(data) => self.event.add([whole.take(), Some(data)]),
                Line::Name(name) => self.event.rename(name),
                Line::Other => {}
            }
            self.check_length(whole)?;
        }
        self.line.extend_from_slice(rest);
        self.event.add([whole.take(), None]);
        self.check_length(None)?;
        Ok(true)
    }

    /// The stream is over. A half event is never handed out: it may be cut in the middle of a line.
    #[must_use]
    pub fn end(&self) -> End {
        let line = self.behind_mark(&self.line);
        let comment = line.first() == Some(&b':');
        let between = self.event.data.is_none() && self.event.name.is_empty();
        if between && (line.is_empty() || comment) { End::Clean } else { End::HalfFrame }
    }

    /// The bytes behind the line end with which `bytes` begins.
    fn behind_line_end<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let behind = &bytes[1..];
        if bytes[0] != b'\r' {
            return behind;
        }
        self.after_cr = behind.is_empty();
        behind.strip_prefix(b"\n").unwrap_or(behind)
    }

    /// Takes a line whose beginning came with earlier bytes. It is not blank.
    fn take_cut_line(&mut self, end: &[u8], whole: &mut Option<&[u8]>) {
        let mut line = std::mem::take(&mut self.line);
        line.extend_from_slice(end);
        match self.parse(&line) {
            Line::Data(data) => self.event.add([whole.take(), Some(data)]),
            Line::Name(name) => self.event.rename(name),
            Line::Blank | Line::Other => {}
        }
        // Its memory is used again.
        line.clear();
        self.line = line;
    }

    fn parse<'a>(&mut self, line: &'a [u8]) -> Line<'a> {
        let line = self.behind_mark(line);
        self.at_start = false;
        if line.is_empty() {
            return Line::Blank;
        }
        let (field, value) = match memchr(b':', line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, [].as_slice()),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => Line::Data(value),
            b"event" => Line::Name(value),
            _ => Line::Other,
        }
    }

    /// The line without the byte order mark with which the first one may begin.
    fn behind_mark<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        let marked = if self.at_start { line.strip_prefix(BYTE_ORDER_MARK) } else { None };
        marked.unwrap_or(line)
    }

    fn check_length<E>(&self, whole: Option<&[u8]>) -> Result<(), PushError<E>> {
        let data = self.event.data.as_ref().map_or(0, Vec::len) + whole.map_or(0, <[u8]>::len);
        let length = self.line.len() + self.event.name.len() + data;
        if length > self.limit { Err(PushError::TooLong(self.limit)) } else { Ok(()) }
    }
}

// === impl Event ===

impl Event {
    /// Appends lines of data.
    fn add(&mut self, lines: [Option<&[u8]>; 2]) {
        for line in lines.into_iter().flatten() {
            match &mut self.data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(line);
                }
                None => self.data = Some(line.to_vec()),
            }
        }
    }

    fn rename(&mut self, name: &[u8]) {
        self.name.clear();
        self.name.extend_from_slice(name);
    }

    /// Hands the event out and begins the next. One without data is none.
    fn hand_out<E>(
        &mut self,
        whole: Option<&[u8]>,
        on_frame: &mut dyn FnMut(Frame<'_>) -> Result<bool, E>,
    ) -> Result<bool, E> {
        let copied = self.data.take();
        let data = whole.or(copied.as_deref()).unwrap_or_default();
        let go_on = if data.is_empty() {
            Ok(true)
        } else {
            let event = std::str::from_utf8(&self.name).unwrap_or_default();
            on_frame(Frame { event, data })
        };
        self.name.clear();
        go_on
    }
}

/// Appends one event. `data` is written as one line and must hold no line end, as JSON text of ours never does.
pub fn write_event(data: &[u8], out: &mut Vec<u8>) {
    out.reserve(data.len() + 8);
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests;
