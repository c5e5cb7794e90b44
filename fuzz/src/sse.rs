//! `wire::sse::Reader`: the pieces in which bytes come do not matter, another reader reads the same, the limit is kept.
//!
//! Input: four bytes that choose the cuts, one that chooses the limit, the stream.

use std::convert::Infallible;

use super::{Cut, pieces};
use sluicegate::wire::{End, Frame, PushError, sse::Reader};

/// Name and data.
type Frames = Vec<(String, Vec<u8>)>;

/// Holds the laws on one input.
pub fn check(input: &[u8]) {
    let Some((&[a, b, c, d, limit], stream)) = input.split_first_chunk() else { return };
    let random = Cut::Random(u32::from_le_bytes([a, b, c, d]));
    let (whole, refused, end) = read(Reader::default(), stream, Cut::Whole);
    assert!(!refused);
    assert_eq!((whole.clone(), end), by_the_standard(stream));
    for cut in [Cut::Bytes, random] {
        assert_eq!(read(Reader::default(), stream, cut), (whole.clone(), false, end), "{cut:?}");
    }
    for cut in [Cut::Whole, Cut::Bytes, random] {
        keeps_its_limit(stream, usize::from(limit), cut, &whole);
    }
    stops_when_told(stream, random, &whole);
}

fn read(mut reader: Reader, stream: &[u8], cut: Cut) -> (Frames, bool, End) {
    let mut frames = Frames::new();
    let refused = pieces(stream, cut).into_iter().any(|piece| {
        let pushed = reader.push::<Infallible>(piece, &mut |frame: Frame<'_>| {
            frames.push((frame.event.to_owned(), frame.data.to_vec()));
            Ok(true)
        });
        match pushed {
            Ok(go_on) => !go_on,
            Err(PushError::TooLong(_)) => true,
            Err(PushError::Broken(cause)) => panic!("{cause}"),
            Err(PushError::Frame(never)) => match never {},
        }
    });
    (frames, refused, reader.end())
}

/// Frames within the limit come as without it, up to the first that is over it. Only an event whose bytes are more than
/// the limit may be refused.
fn keeps_its_limit(stream: &[u8], limit: usize, cut: Cut, whole: &Frames) {
    let (frames, refused, _) = read(Reader::with_limit(limit), stream, cut);
    assert_eq!(frames, whole[..frames.len()]);
    assert!(frames.iter().all(|(name, data)| name.len() + data.len() <= limit));
    if !refused {
        assert_eq!(frames.len(), whole.len());
    } else {
        assert!(stream.len() > limit, "refused at {limit}: {cut:?}");
    }
}

/// After the frame at which it was told to stop, none comes.
fn stops_when_told(stream: &[u8], cut: Cut, whole: &Frames) {
    let (mut reader, mut seen) = (Reader::default(), 0);
    for piece in pieces(stream, cut) {
        let pushed = reader.push::<()>(piece, &mut |_| {
            seen += 1;
            Err(())
        });
        if pushed.is_err() {
            break;
        }
    }
    assert_eq!(seen, whole.len().min(1));
}

/// As the HTML standard says it, line by line, without regard for speed. The name of an event that is not UTF-8 is none.
fn by_the_standard(stream: &[u8]) -> (Frames, End) {
    let stream = stream.strip_prefix(b"\xef\xbb\xbf").unwrap_or(stream);
    let (mut frames, mut name, mut data) = (Frames::new(), Vec::new(), None::<Vec<u8>>);
    let mut rest = stream;
    while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        let line = &rest[..end];
        rest = if rest[end..].starts_with(b"\r\n") { &rest[end + 2..] } else { &rest[end + 1..] };
        if line.is_empty() {
            let data = data.take().unwrap_or_default();
            if !data.is_empty() {
                frames.push((String::from_utf8(name.clone()).unwrap_or_default(), data));
            }
            name.clear();
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (field, value) = colon.map_or((line, &[][..]), |colon| (&line[..colon], &line[colon + 1..]));
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"event" => name = value.to_vec(),
            b"data" => match &mut data {
                Some(data) => data.extend([b"\n", value].concat()),
                None => data = Some(value.to_vec()),
            },
            _ => {}
        }
    }
    let comment = rest.first() == Some(&b':');
    let clean = data.is_none() && name.is_empty() && (rest.is_empty() || comment);
    (frames, if clean { End::Clean } else { End::HalfFrame })
}
