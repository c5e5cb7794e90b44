//! The decoders of streams, of every row: the pieces in which bytes come do not matter, usage comes once and last, every
//! chunk has the identity of its stream, and what follows an end or an error does no harm.
//!
//! Input: a byte that chooses the row, four that choose the cuts, the stream. A first byte above 127: the stream is made
//! of the bytes.

use super::{Cut, body, names, pieces};
use arbitrary::{Result, Unstructured};
use sluicegate::{
    proto::v1::{ChatChunk, CompleteChunk, Usage},
    providers::{ChunkDecoder, Flow, REGISTRY, Scope, Settings, UpstreamModel},
    wire::{Frames, Framing, PushError},
};

/// The chunks of a stream and how it ended.
type Outcome<C> = (Vec<C>, String);

/// Holds the laws on one input.
pub fn check(input: &[u8]) {
    let Some((&[choice, a, b, c, d], rest)) = input.split_first_chunk() else { return };
    let random = Cut::Random(u32::from_le_bytes([a, b, c, d]));
    let stream = if choice > 127 { made(rest) } else { rest.to_vec() };
    let row = REGISTRY[usize::from(choice & 127) % REGISTRY.len()];
    let framing = row.adapter.framing();
    let settings = Settings::new();
    let to = UpstreamModel { id: "m", stream: true, settings: &settings, scope: &Scope::default() };
    if let Ok(mut chat) = row.adapter.chat_stream(&to) {
        let whole = read(framing, &mut *chat, &stream, Cut::Whole);
        let usages: Vec<_> = whole.0.iter().map(|chunk| chunk.usage.as_ref()).collect();
        one_usage(&usages);
        one_identity(whole.0.iter().map(|chunk| chunk.id.as_str()));
        for cut in [Cut::Bytes, random] {
            let again: Outcome<ChatChunk> =
                read(framing, &mut *row.adapter.chat_stream(&to).expect("as before"), &stream, cut);
            assert_eq!(again, whole, "{}", String::from_utf8_lossy(&stream));
        }
    }
    if let Ok(mut complete) = row.adapter.complete_stream(&to) {
        let whole = read(framing, &mut *complete, &stream, Cut::Whole);
        let usages: Vec<_> = whole.0.iter().map(|chunk| chunk.usage.as_ref()).collect();
        one_usage(&usages);
        one_identity(whole.0.iter().map(|chunk| chunk.id.as_str()));
        let again: Outcome<CompleteChunk> =
            read(framing, &mut *row.adapter.complete_stream(&to).expect("as before"), &stream, random);
        assert_eq!(again, whole, "{}", String::from_utf8_lossy(&stream));
    }
}

/// Reads as the driver does: until the decoder says that the answer is complete or fails, or the stream is over. Then
/// goes on for once, as the driver never does: it must bear it.
fn read<C>(framing: Framing, decoder: &mut dyn ChunkDecoder<C>, stream: &[u8], cut: Cut) -> Outcome<C> {
    let (mut frames, mut chunks, mut end) = (Frames::new(framing), Vec::new(), None);
    for piece in pieces(stream, cut) {
        let pushed = frames.push(piece, &mut |frame| Ok(decoder.frame(frame, &mut chunks)? == Flow::More));
        match pushed {
            Ok(true) => continue,
            Ok(false) => end = Some("finished".to_owned()),
            Err(PushError::Broken(cause)) => end = Some(format!("broken: {cause}")),
            Err(PushError::TooLong(_)) => end = Some("too long".to_owned()),
            Err(PushError::Frame(error)) => {
                let error: sluicegate::error::Error = error;
                end = Some(format!("{:?}: {error}", error.reason()));
            }
        }
        break;
    }
    let end = end.unwrap_or_else(|| match decoder.end(&mut chunks) {
        Ok(()) => format!("closed, {:?}", frames.end()),
        Err(error) => format!("{:?}: {error}", error.reason()),
    });
    let mut late = Vec::new();
    let _ = frames.push(stream, &mut |frame| decoder.frame(frame, &mut late).map(|_| true));
    let _ = decoder.end(&mut late);
    (chunks, end)
}

/// Usage stands on the last chunk or nowhere.
fn one_usage(usages: &[Option<&Usage>]) {
    let early = usages.iter().rev().skip(1).any(Option::is_some);
    assert!(!early, "{usages:?}");
}

/// Once there is an id, all chunks have it.
fn one_identity<'a>(ids: impl Iterator<Item = &'a str>) {
    let ids: Vec<_> = ids.skip_while(|id| id.is_empty()).collect();
    assert!(ids.windows(2).all(|two| two[0] == two[1]), "{ids:?}");
}

fn made(bytes: &[u8]) -> Vec<u8> {
    let mut stream = Vec::new();
    // The end of the fuzzer's bytes ends the stream early.
    let _ = events(&mut Unstructured::new(bytes), &mut stream);
    stream
}

fn events(from: &mut Unstructured<'_>, stream: &mut Vec<u8>) -> Result<()> {
    for _ in 0..from.int_in_range(1..=8)? {
        match from.int_in_range(0..=15)? {
            0 => stream.extend(b": ping\n\n"),
            1 => stream.extend(b"event: error\n"),
            2 => stream.extend(b"data: [DONE]\r\n\r\n"),
            3 => stream.extend([b"data: ", body(names::ERROR, from).as_slice(), b"\n\n"].concat()),
            _ => {
                let chunk = body(names::CHAT_ANSWER, from);
                // Line ends between the members stand for the lines of one event.
                let lines = chunk.split(|byte| matches!(byte, b'\n' | b'\r'));
                lines.for_each(|line| stream.extend([b"data: ", line, b"\n"].concat()));
                stream.push(b'\n');
            }
        }
    }
    if from.arbitrary()? {
        stream.extend(b"data: [DONE]\n\n");
    }
    Ok(())
}
