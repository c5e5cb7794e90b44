use proptest::prelude::*;

use super::{DAY, parse};

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// What Go's `time.ParseDuration` says of each.
const OF_GO: &[(&str, Option<i64>)] = &[
    ("0", Some(0)),
    ("+0", Some(0)),
    ("-0", Some(0)),
    ("0s", Some(0)),
    ("00", None),
    ("5s", Some(5 * SECOND)),
    ("1478s", Some(1478 * SECOND)),
    ("-5s", Some(-5 * SECOND)),
    ("+5s", Some(5 * SECOND)),
    ("5.0s", Some(5 * SECOND)),
    ("5.6s", Some(5 * SECOND + 600_000_000)),
    ("5.s", Some(5 * SECOND)),
    (".5s", Some(500_000_000)),
    ("1.004s", Some(SECOND + 4_000_000)),
    ("1.00400s", Some(SECOND + 4_000_000)),
    ("10ns", Some(10)),
    ("1.9ns", Some(1)),
    ("11us", Some(11_000)),
    ("12\u{b5}s", Some(12_000)),
    ("12\u{3bc}s", Some(12_000)),
    ("13ms", Some(13_000_000)),
    ("15m", Some(15 * MINUTE)),
    ("16h", Some(16 * HOUR)),
    ("3h30m", Some(3 * HOUR + 30 * MINUTE)),
    ("30m3h", Some(3 * HOUR + 30 * MINUTE)),
    ("1s1s", Some(2 * SECOND)),
    ("-1m30.5s", Some(-(MINUTE + 30 * SECOND + 500_000_000))),
    ("1h2m3s4ms5us6ns", Some(HOUR + 2 * MINUTE + 3 * SECOND + 4_005_006)),
    ("0.100000000000000000000h", Some(6 * MINUTE)),
    ("0.9223372036854775807h", Some(3_320_413_933_267)),
    ("000000000000000000000000000001s", Some(SECOND)),
    ("9223372036854775807ns", Some(i64::MAX)),
    ("9223372036854775.807us", Some(i64::MAX)),
    ("9223372036s854ms775us807ns", Some(i64::MAX)),
    ("-9223372036854775808ns", Some(i64::MIN)),
    ("9223372036854775808ns", None),
    ("-9223372036854775809ns", None),
    ("9223372036854775.808us", None),
    ("9223372036854ms775us808ns", None),
    ("2562047h48m", None),
    ("99999999999999999999999999999999999999999999h", None),
    ("", None),
    ("3", None),
    ("-", None),
    ("+", None),
    ("s", None),
    (".", None),
    ("-.", None),
    (".s", None),
    ("+.s", None),
    ("--1s", None),
    ("+-1s", None),
    ("1s-1s", None),
    (" 1s", None),
    ("1s ", None),
    ("1 s", None),
    ("1e3s", None),
    ("0x1s", None),
    ("1,5s", None),
    ("1..5s", None),
    ("1.2.3s", None),
    ("1S", None),
    ("1y", None),
    ("1w", None),
    ("1min", None),
    ("1s1", None),
    ("0 s", None),
    ("\u{661}s", None),
    ("1\u{ff53}", None),
    ("1s\u{0}", None),
];

#[test]
fn durations_are_those_of_go() {
    for (text, expected) in OF_GO {
        assert_eq!(parse(text).ok(), *expected, "{text:?}");
    }
}

#[test]
fn day_is_24_hours() {
    for (text, same) in
        [("1d", "24h"), ("366d", "8784h"), ("1.5d", "36h"), ("-1d", "-24h"), ("1d12h0.5m", "36h30s")]
    {
        assert_eq!(parse(text), parse(same), "{text}");
    }
    assert_eq!(parse("1d"), Ok(DAY));
    assert!(parse("106752d").is_err(), "beyond 64 bits of nanoseconds");
}

#[test]
fn exact_where_go_reckons_with_doubles() {
    // Go says 20 minutes.
    assert_eq!(parse("0.3333333333333333333h"), Ok(20 * MINUTE - 1));
}

#[test]
fn a_very_long_text_is_read_or_refused_at_once() {
    let zeros = "0".repeat(1 << 20);
    assert_eq!(parse(&format!("{zeros}1s")), Ok(SECOND));
    assert_eq!(parse(&format!("1.{zeros}1s")), Ok(SECOND));
    assert!(parse(&format!("1{zeros}s")).is_err());
    assert_eq!(parse(&"1ns".repeat(1 << 20)), Ok(1 << 20));
}

proptest! {
    #[test]
    fn nanoseconds_are_read_as_they_are(nanoseconds: i64) {
        prop_assert_eq!(parse(&format!("{nanoseconds}ns")), Ok(nanoseconds));
    }

    #[test]
    fn parts_add_up(parts in proptest::collection::vec((0..10_000_i64, 0..1_000_i64), 1..5)) {
        let text: String = parts.iter().map(|(whole, milli)| format!("{whole}.{milli:03}s")).collect();
        let sum: i64 = parts.iter().map(|(whole, milli)| whole * SECOND + milli * 1_000_000).sum();
        prop_assert_eq!(parse(&text), Ok(sum));
        prop_assert_eq!(parse(&format!("-{text}")), Ok(-sum));
    }
}
