//! Durations as Go writes them, and days.
//!
//! `[-+]?` and then `0`, or one or more times a number and its unit: `1h30m`, `.5s`, `1.m`. The sum is that of Go's
//! `time.ParseDuration`; behind a decimal point Go reckons with doubles and may be a nanosecond off the exact value, which
//! is given here. The unit `d`, 24 hours, is ours.

use super::json::Malformed;

/// Units and their nanoseconds. Micro is written with either letter that looks like it.
const UNITS: [(&str, i128); 9] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("h", 3_600 * 1_000_000_000),
    ("d", DAY as i128),
];
/// Nanoseconds of a day.
pub const DAY: i64 = 24 * 3_600 * 1_000_000_000;
/// Digits behind the point that can make a nanosecond of any unit.
const DIGITS: usize = 18;

/// The nanoseconds that the text says.
///
/// # Errors
/// When it is no duration, or one that lies outside of 64 bits.
pub fn parse(text: &str) -> Result<i64, Malformed> {
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(Malformed::new("must be numbers with units, as in 30s or 1h30m"));
    }
    let mut total = 0_i128;
    while !rest.is_empty() {
        let (amount, next) = term(rest)?;
        total = total.saturating_add(amount);
        rest = next;
    }
    let signed = if text.starts_with('-') { -total } else { total };
    i64::try_from(signed).map_err(|_| Malformed::new("is longer than 64 bits of nanoseconds can say"))
}

/// Nanoseconds of the number and unit at the beginning, and what stands behind them.
fn term(text: &str) -> Result<(i128, &str), Malformed> {
    let (whole, rest) = digits(text);
    let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), digits);
    if whole.is_empty() && fraction.is_empty() {
        return Err(Malformed::new("must be numbers with units, as in 30s or 1h30m"));
    }
    let end = rest.find(|letter: char| letter == '.' || letter.is_ascii_digit()).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    let unit = UNITS.iter().find(|(known, _)| *known == name).map(|(_, nanoseconds)| *nanoseconds);
    let unit = unit.ok_or_else(|| {
        Malformed::new("needs a unit behind each number: ns, us, ms, s, m, h or d, as in 1h30m")
    })?;
    Ok((number(whole).saturating_mul(unit).saturating_add(part(fraction, unit)), rest))
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len()))
}

/// The number that digits say; none are 0, too many the largest there is.
fn number(digits: &str) -> i128 {
    if digits.is_empty() { 0 } else { digits.parse().unwrap_or(i128::MAX) }
}

/// The part of a unit that digits behind the point say, in whole nanoseconds.
fn part(digits: &str, unit: i128) -> i128 {
    let digits = digits.get(..DIGITS).unwrap_or(digits);
    let scale = digits.bytes().fold(1_i128, |scale, _| scale * 10);
    number(digits) * unit / scale
}

#[cfg(test)]
mod tests;
