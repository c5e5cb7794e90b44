//! Durations as text: read like another reader reads them, and added up right.
//!
//! Input: a text. A first byte above 127, which no text begins with: terms are made of the bytes.

use arbitrary::{Arbitrary, Unstructured};
use sluicegate::wire::duration::parse;

const UNITS: [(&str, i64); 9] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// Holds the laws on one input.
pub fn check(input: &[u8]) {
    match input.split_first() {
        Some((&letter, rest)) if letter > 127 => made(&mut Unstructured::new(rest)),
        _ => {
            let Ok(text) = std::str::from_utf8(input) else { return };
            judged(text);
            for place in (0..=text.len()).filter(|place| text.is_char_boundary(*place)).take(64) {
                let (left, right) = text.split_at(place);
                adds_up(left, right);
            }
        }
    }
}

/// The text is read exactly where the grammar has it, and as what doubles say it is, nearly.
fn judged(text: &str) {
    let read = parse(text);
    if let Err(fault) = &read {
        assert!(fault.field.is_empty() && (1..200).contains(&fault.message.len()), "{fault:?}");
    }
    let Some(expected) = judge(text) else {
        assert!(read.is_err(), "{text:?} is no duration, but {read:?}");
        return;
    };
    let most = 2_f64.powi(63);
    match read {
        Ok(nanoseconds) => {
            let off = (nanoseconds as f64 - expected).abs();
            // Each term may lose the part of a nanosecond.
            assert!(
                off <= expected.abs() * 1e-9 + text.len() as f64,
                "{text:?} is {nanoseconds}, not {expected}"
            );
            assert_eq!(parse(&format!("{nanoseconds}ns")), Ok(nanoseconds));
        }
        Err(_) => assert!(expected.abs() > most * 0.999_999, "{text:?} is {expected}, and refused"),
    }
}

/// Another reader: the nanoseconds in doubles. `None`: the grammar does not have it.
fn judge(text: &str) -> Option<f64> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    if rest == "0" {
        return Some(0.0);
    }
    let mut total = 0.0;
    let mut letters = rest.chars().peekable();
    letters.peek()?;
    while letters.peek().is_some() {
        let (mut number, mut unit) = (String::new(), String::new());
        while let Some(letter) = letters.next_if(|letter| letter.is_ascii_digit() || *letter == '.') {
            number.push(letter);
        }
        while let Some(letter) = letters.next_if(|letter| !letter.is_ascii_digit() && *letter != '.') {
            unit.push(letter);
        }
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let scale = *scale as f64;
        // What doubles read beside this is excluded by the letters above.
        total += number.parse::<f64>().ok()? * scale;
    }
    Some(sign * total)
}

/// Two durations, one behind the other, are their sum.
fn adds_up(left: &str, right: &str) {
    let signed = |text: &str| text.starts_with(['-', '+']);
    if signed(right) || [left, right].iter().any(|text| text.trim_start_matches(['-', '+']) == "0") {
        return;
    }
    let (Ok(one), Ok(other)) = (parse(left), parse(right)) else { return };
    let other = if left.starts_with('-') { i128::from(-other) } else { i128::from(other) };
    let sum = i64::try_from(i128::from(one) + other).ok();
    assert_eq!(parse(&format!("{left}{right}")).ok(), sum, "{left:?} and {right:?}");
}

/// Terms whose sum is known.
fn made(bytes: &mut Unstructured<'_>) {
    let (mut text, mut sum) = (String::new(), 0_i128);
    let Ok(minus) = bool::arbitrary(bytes) else { return };
    while !bytes.is_empty() && text.len() < 1024 {
        let Ok((whole, digits, unit)) = <(u64, u8, u8)>::arbitrary(bytes) else { break };
        let (name, scale) = UNITS[usize::from(unit) % UNITS.len()];
        let fraction = format!("{:03}", u16::from(digits) * 3);
        text.push_str(&format!("{whole}.{fraction}{name}"));
        let thousandths = i128::from(whole) * 1000 + i128::from(digits) * 3;
        sum += thousandths * i128::from(scale) / 1000;
    }
    if text.is_empty() {
        return;
    }
    let (text, sum) = if minus { (format!("-{text}"), -sum) } else { (text, sum) };
    assert_eq!(parse(&text).ok(), i64::try_from(sum).ok(), "{text}");
    judged(&text);
}
