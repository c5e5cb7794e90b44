//! Texts of a format, of a length, and of a pattern.

use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::{Map, Value};

use super::size;

/// Longer texts are not made, whatever the schema asks for.
const LONGEST: usize = 2_000;
/// Longer patterns are not looked at: a few letters of one may stand for thousands of ranges.
const LONGEST_PATTERN: usize = 500;
/// So many steps through a pattern make any text that is not too long, unless the pattern mostly matches nothing.
const MANY_STEPS: usize = 20_000;

/// A text that fits, or `None` where the pattern and the length exclude each other.
pub(super) fn string(schema: &Map<String, Value>, name: &str, rank: usize) -> Option<String> {
    let least = size(schema, "minLength").unwrap_or(0);
    let most = size(schema, "maxLength").unwrap_or(usize::MAX);
    if least > most || least > LONGEST {
        return None;
    }
    let text = |name: &str| schema.get(name).and_then(Value::as_str);
    // A pattern that is no regular expression of ours is not looked at.
    let pattern = text("pattern").filter(|pattern| pattern.len() <= LONGEST_PATTERN);
    if let Some(pattern) = pattern.and_then(|pattern| regex_syntax::parse(pattern).ok()) {
        return of_pattern(&pattern, least, most, rank);
    }
    let fits = |text: &String| (least..=most).contains(&text.chars().count());
    let formatted = text("format").and_then(of_format).map(|(before, after)| {
        let number = if rank == 0 { String::new() } else { rank.to_string() };
        format!("{before}{number}{after}")
    });
    let exact = text("format").and_then(fixed).map(str::to_owned);
    if let Some(formatted) = formatted.into_iter().chain(exact).find(fits) {
        return Some(formatted);
    }
    let number = if rank == 0 { String::new() } else { format!("{} ", rank + 1) };
    let plain = format!("{number}example {name}");
    let padding = std::iter::repeat_n('x', least.saturating_sub(plain.chars().count()));
    Some(plain.chars().chain(padding).take(most).collect())
}

/// Formats with room for a number between two halves.
fn of_format(format: &str) -> Option<(&'static str, &'static str)> {
    Some(match format {
        "email" | "idn-email" => ("demo", "@example.com"),
        "hostname" | "idn-hostname" => ("demo", ".example.com"),
        "uri" | "iri" | "url" => ("https://example.com/", ""),
        "uri-reference" | "iri-reference" => ("/demo", ""),
        "uri-template" => ("https://example.com/{id}", ""),
        "json-pointer" => ("/demo", ""),
        "regex" => ("^demo", "$"),
        _ => return None,
    })
}

fn fixed(format: &str) -> Option<&'static str> {
    Some(match format {
        "date-time" => "2026-01-01T12:00:00Z",
        "date" => "2026-01-01",
        "time" => "12:00:00Z",
        "duration" => "P1D",
        "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "uuid" => "00000000-0000-4000-8000-000000000000",
        "relative-json-pointer" => "0",
        "byte" | "base64" => "ZGVtbw==",
        _ => return None,
    })
}

/// Repeats what may be repeated as often as the length needs, and no more.
fn of_pattern(pattern: &Hir, least: usize, most: usize, rank: usize) -> Option<String> {
    let repeated = |more: usize| {
        let mut writing = Writing { more: u32::try_from(more).ok()?, rank, text: String::new(), steps: 0 };
        writing.write(pattern)?;
        Some(writing.text)
    };
    // What is too long to be made is long enough.
    let is_enough = |more: usize| repeated(more).is_none_or(|text| text.chars().count() >= least);
    let (mut too_few, mut enough) = (None, LONGEST);
    while too_few.map_or(0, |few| few + 1) < enough {
        let middle = too_few.map_or(enough / 2, |few| few + (enough - few) / 2);
        if is_enough(middle) { enough = middle } else { too_few = Some(middle) }
    }
    repeated(enough).filter(|text| (least..=most).contains(&text.chars().count()))
}

/// A text that an expression matches, while it is written.
struct Writing {
    /// Repetitions beside those that are needed.
    more: u32,
    rank: usize,
    text: String,
    steps: usize,
}

impl Writing {
    /// Appends what the expression matches. `None`: it would be too long, or take too long.
    fn write(&mut self, pattern: &Hir) -> Option<()> {
        self.steps += 1;
        if self.text.len() > LONGEST || self.steps > MANY_STEPS {
            return None;
        }
        match pattern.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => self.text.push_str(std::str::from_utf8(&literal.0).ok()?),
            HirKind::Class(class) => self.text.push(letter(class, self.rank)?),
            HirKind::Repetition(repetition) => {
                let times = repetition.min.saturating_add(self.more).min(repetition.max.unwrap_or(u32::MAX));
                for _ in 0..times {
                    let before = self.text.len();
                    self.write(&repetition.sub)?;
                    if self.text.len() == before {
                        // Nor will it add anything the next four thousand million times.
                        break;
                    }
                }
            }
            HirKind::Capture(capture) => self.write(&capture.sub)?,
            HirKind::Concat(parts) => {
                for part in parts {
                    self.write(part)?;
                }
            }
            HirKind::Alternation(branches) => {
                self.write(branches.get(self.rank % branches.len().max(1))?)?;
            }
        }
        Some(())
    }
}

/// A letter of the class, one that is easy to read where there is one.
fn letter(class: &Class, rank: usize) -> Option<char> {
    // Ranges are sorted, and classes such as \w have many.
    let contains = |letter: char| match class {
        Class::Unicode(class) => {
            let ranges = class.ranges();
            let next = ranges.partition_point(|range| range.end() < letter);
            ranges.get(next).is_some_and(|range| range.start() <= letter)
        }
        Class::Bytes(class) => u8::try_from(letter)
            .is_ok_and(|byte| class.iter().any(|range| (range.start()..=range.end()).contains(&byte))),
    };
    let easy: Vec<_> =
        ('a'..='z').chain('A'..='Z').chain('0'..='9').filter(|letter| contains(*letter)).collect();
    let rare = match class {
        Class::Unicode(class) => class.iter().next().map(|range| range.start()),
        Class::Bytes(class) => class.iter().next().map(|range| char::from(range.start())),
    };
    let printable = || (' '..='~').find(|letter| contains(*letter)).or(rare);
    easy.get(rank % easy.len().max(1)).copied().or_else(printable)
}
