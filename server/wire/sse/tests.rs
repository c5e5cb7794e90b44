//! Laws of the reader, and another reader to judge it by.

use std::convert::Infallible;

use futures_util::StreamExt as _;
use http_body_util::Full;
use proptest::prelude::*;

use super::*;

type Frames = Vec<(String, Vec<u8>)>;

fn collect(reader: &mut Reader, bytes: &[u8], frames: &mut Frames) {
    let pushed = reader.push::<Infallible>(bytes, &mut |frame| {
        frames.push((frame.event.to_owned(), frame.data.to_vec()));
        Ok(true)
    });
    assert_eq!(pushed, Ok(true));
}

fn read_in_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Frames, End) {
    let (mut reader, mut frames) = (Reader::default(), Frames::new());
    for piece in pieces {
        collect(&mut reader, piece, &mut frames);
    }
    (frames, reader.end())
}

fn read(text: &str) -> Frames {
    read_in_pieces([text.as_bytes()]).0
}

fn frame(event: &str, data: &str) -> (String, Vec<u8>) {
    (event.to_owned(), data.as_bytes().to_vec())
}

#[test]
fn every_line_end_ends_a_line() {
    let expected = vec![frame("", "a"), frame("", "b")];
    for end in ["\n", "\r\n", "\r"] {
        assert_eq!(read(&format!("data: a{end}{end}data: b{end}{end}")), expected, "{end:?}");
    }
}

#[test]
fn fields_come_in_any_order_and_spelling() {
    assert_eq!(read("event: x\ndata:a\n\n"), [frame("x", "a")]);
    assert_eq!(read("data: a\nevent:x\n\n"), [frame("x", "a")]);
    assert_eq!(read("data:  a\n\n"), [frame("", " a")]);
    assert_eq!(read("id: 1\nretry: 9\ndata: a\ndata\ndata:b\n\n"), [frame("", "a\n\nb")]);
    assert_eq!(read("\u{feff}data: a\n\n"), [frame("", "a")]);
}

#[test]
fn comments_and_events_without_data_are_passed_over() {
    assert_eq!(read(": ping\n\n:\n\ndata:\n\nevent: x\n\ndata: a\n\n"), [frame("", "a")]);
}

#[test]
fn half_event_is_told_and_not_handed_out() {
    for cut in ["data: a\n\ndata: {\"x\"", "data: a\n\ndata: b\n", "data: a\n\nevent: x\n", "data: a\n\nda"] {
        assert_eq!(read_in_pieces([cut.as_bytes()]), (vec![frame("", "a")], End::HalfFrame), "{cut:?}");
    }
    for whole in ["", "\u{feff}", "\u{feff}: pi"] {
        assert_eq!(read_in_pieces([whole.as_bytes()]), (vec![], End::Clean), "{whole:?}");
    }
    for whole in ["data: a\n\n", "data: a\n\n: ping\n", "data: a\n\n: pi", "data: a\r\r"] {
        assert_eq!(read_in_pieces([whole.as_bytes()]), (vec![frame("", "a")], End::Clean), "{whole:?}");
    }
}

#[test]
fn event_over_the_limit_is_refused_however_it_comes() {
    let one_line = format!("data: {}\n\n", "a".repeat(100));
    let many_lines = "data: 123456789\n".repeat(20);
    for (long, size) in
        [&one_line, &many_lines].into_iter().flat_map(|long| [1, 7, 1000].map(|size| (long, size)))
    {
        let mut reader = Reader::with_limit(64);
        let mut ignore = |_: Frame<'_>| Ok::<_, Infallible>(true);
        let refused =
            long.as_bytes().chunks(size).map(|piece| reader.push(piece, &mut ignore)).find(Result::is_err);
        assert_eq!(refused, Some(Err(PushError::TooLong(64))), "{size}");
    }
    let (mut reader, mut frames) = (Reader::with_limit(64), Frames::new());
    for _ in 0..100 {
        collect(&mut reader, b": ping\ndata: short\n\n", &mut frames);
    }
    assert_eq!(frames.len(), 100);
}

#[test]
fn reading_stops_when_told() {
    let mut taken = 0;
    let stopped = Reader::default().push::<Infallible>(b"data: a\n\ndata: b\n\n", &mut |_| {
        taken += 1;
        Ok(false)
    });
    assert_eq!((stopped, taken), (Ok(false), 1));
    let failed = Reader::default().push(b"data: a\n\n", &mut |_| Err("no"));
    assert_eq!(failed, Err(PushError::Frame("no")));
}

#[test]
fn written_event_is_read_back() {
    let mut out = Vec::new();
    write_event(br#"{"a":1}"#, &mut out);
    out.extend_from_slice(DONE);
    assert_eq!(
        read_in_pieces([out.as_slice()]),
        (vec![frame("", "{\"a\":1}"), frame("", "[DONE]")], End::Clean)
    );
}

/// Lines that matter, lines that do not, and text of several bytes a character.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        4 => "data: ?[a-z\u{e9}\u{4f60}\u{1f600} :]{0,12}",
        2 => Just(String::new()),
        1 => "event: ?[a-z]{0,4}",
        1 => ":[a-z ]{0,4}",
        1 => "(id|retry): [0-9]{1,3}",
        1 => Just("data".to_owned()),
        1 => "[a-z]{1,3}",
    ];
    let end = prop_oneof![3 => Just("\n"), 1 => Just("\r\n")];
    let lines = prop::collection::vec((line, end).prop_map(|(line, end)| line + end), 0..24);
    (any::<bool>(), lines).prop_map(|(mark, lines)| {
        let mark = if mark { "\u{feff}" } else { "" };
        format!("{mark}{}", lines.concat()).into_bytes()
    })
}

/// The bytes cut at these places.
fn cut<'a>(bytes: &'a [u8], places: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = places.iter().map(|place| place.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

proptest! {
    #[test]
    fn stream_cut_anywhere_gives_the_same_frames(
        bytes in stream(), lone_cr in any::<bool>(), places in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let bytes = if lone_cr { bytes.iter().map(|b| if *b == b'\n' { b'\r' } else { *b }).collect() } else { bytes };
        let whole = read_in_pieces([bytes.as_slice()]);
        prop_assert_eq!(&read_in_pieces(cut(&bytes, &places)), &whole);
        prop_assert_eq!(&read_in_pieces(bytes.chunks(1)), &whole);
    }

    #[test]
    fn frames_are_those_of_another_reader(bytes in stream()) {
        let body = Full::new(bytes::Bytes::from(bytes.clone()));
        let events: Vec<_> = futures_util::FutureExt::now_or_never(
            sse_stream::SseStream::new(body).collect::<Vec<_>>(),
        ).unwrap();
        let theirs: Frames = events
            .into_iter()
            .map(Result::unwrap)
            .filter_map(|event| {
                let data = event.data.filter(|data| !data.is_empty())?;
                Some((event.event.unwrap_or_default(), data.into_bytes()))
            })
            .collect();
        prop_assert_eq!(read_in_pieces([bytes.as_slice()]).0, theirs);
    }
}
