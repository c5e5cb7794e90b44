//! Frames are written by the library, and here and there spoilt.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};

use super::*;

fn frame(headers: &[(&'static str, &'static str)], payload: &'static str) -> Vec<u8> {
    let mut message = Message::new(payload.as_bytes());
    for (name, value) in headers {
        message = message.add_header(Header::new(*name, HeaderValue::String((*value).into())));
    }
    let mut bytes = Vec::new();
    write_message_to(&message, &mut bytes).unwrap();
    bytes
}

fn event(name: &'static str, payload: &'static str) -> Vec<u8> {
    frame(
        &[(":event-type", name), (":content-type", "application/json"), (":message-type", "event")],
        payload,
    )
}

type Read = (Vec<(String, String)>, Result<bool, PushError<()>>, End);

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Read {
    let (mut reader, mut frames, mut pushed) = (Reader::default(), Vec::new(), Ok(true));
    for piece in pieces {
        pushed = reader.push(piece, &mut |frame| {
            frames.push((frame.event.to_owned(), String::from_utf8(frame.data.to_vec()).unwrap()));
            Ok(true)
        });
        if pushed.is_err() {
            break;
        }
    }
    let end = reader.end();
    (frames, pushed, end)
}

fn named(frames: &[(&str, &str)]) -> Vec<(String, String)> {
    frames.iter().map(|(event, data)| ((*event).to_owned(), (*data).to_owned())).collect()
}

#[test]
fn frames_may_come_in_any_pieces() {
    let body = [event("messageStart", r#"{"role":"assistant"}"#), event("messageStop", "")].concat();
    let expected =
        (named(&[("messageStart", r#"{"role":"assistant"}"#), ("messageStop", "")]), Ok(true), End::Clean);
    assert_eq!(read([body.as_slice()]), expected);
    assert_eq!(read(body.chunks(1)), expected);
    assert_eq!(read(body.chunks(7)), expected);
}

#[test]
fn an_exception_is_told_from_an_event() {
    let body = [
        frame(&[(":exception-type", "throttlingException"), (":message-type", "exception")], "{}"),
        frame(&[(":error-code", "x"), (":error-message", "no"), (":message-type", "error")], ""),
    ];
    let (frames, pushed, _) = read([body.concat().as_slice()]);
    assert_eq!(frames, named(&[("exception:throttlingException", "{}"), ("error:x", "no")]));
    assert_eq!(pushed, Ok(true));
}

#[test]
fn no_bit_may_differ() {
    let body = event("contentBlockDelta", r#"{"delta":{"text":"Hi"}}"#);
    for at in 0..body.len() {
        for bit in 0..8 {
            let mut spoilt = body.clone();
            spoilt[at] ^= 1 << bit;
            let (frames, pushed, end) = read([spoilt.as_slice()]);
            assert_eq!(frames, [], "byte {at} bit {bit}");
            // A length that grew may wait for bytes that never come.
            assert!(pushed.is_err() || end == End::HalfFrame, "byte {at} bit {bit}");
        }
    }
}

#[test]
fn a_broken_frame_ends_the_stream_and_keeps_what_came_before() {
    let (whole, mut broken) = (event("messageStart", "{}"), event("messageStop", "{}"));
    let last = broken.len() - 1;
    broken[last] ^= 1;
    let (frames, pushed, _) = read([[whole.clone(), broken, whole].concat().as_slice()]);
    assert_eq!(frames, named(&[("messageStart", "{}")]));
    assert!(matches!(pushed, Err(PushError::Broken(_))), "{pushed:?}");
}

#[test]
fn half_a_frame_is_no_frame() {
    let body = event("messageStart", "{}");
    for end in 1..body.len() {
        assert_eq!(read([&body[..end]]), (Vec::new(), Ok(true), End::HalfFrame), "{end}");
    }
}

#[test]
fn long_and_impossible_frames_are_refused_before_they_are_there() {
    let mut reader = Reader::with_limit(100);
    let pushed: Result<_, PushError<()>> = reader.push(&[0, 0, 1, 0], &mut |_| Ok(true));
    assert_eq!(pushed, Err(PushError::TooLong(100)));
    for length in [0_u8, 3, 15] {
        let body = [&[0, 0, 0, length], [0; 20].as_slice()].concat();
        assert!(matches!(read([body.as_slice()]).1, Err(PushError::Broken(_))), "{length}");
    }
}

#[test]
fn a_frame_that_does_not_say_what_it_is_is_refused() {
    for headers in [&[][..], &[(":message-type", "riddle")]] {
        let pushed = read([frame(headers, "{}").as_slice()]).1;
        assert!(matches!(pushed, Err(PushError::Broken(_))), "{pushed:?}");
    }
}
