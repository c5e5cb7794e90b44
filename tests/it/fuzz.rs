//! The laws of `fuzz/`, without a fuzzer: every committed seed, and a fixed number of changes of each, the same each time.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

#[path = "../../fuzz/src/lib.rs"]
mod laws;

/// Longer ones only take longer.
const MAX_BYTES: usize = 4096;
/// No input may take longer; as the fuzzer has it.
const LONGEST: Duration = Duration::from_secs(10);

/// What means something to some target.
const WORDS: [&[u8]; 23] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b":",
    b",",
    b"null",
    b"\\u0000",
    b"\\ud800",
    b"1e999",
    b"-0",
    b"data: ",
    b"\n\n",
    b"\r\n",
    b"[DONE]",
    b"event: ",
    b"ns",
    b"1.5h",
    "\u{b5}s".as_bytes(),
    b"\xff",
    b"\xf0\x9f\x98\x80",
];

/// Xorshift: the same seed gives the same numbers.
struct Random(u64);

// === impl Random ===

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 8) % u64::try_from(end.max(1)).expect("a number")).expect("a number")
    }

    /// A place and one behind it, at most 64 bytes on.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        start..start + self.below((length - start).min(64) + 1)
    }
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let entries = fs::read_dir(folder).expect("the seeds");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    // Folders are read in any order.
    paths.sort_unstable();
    let seeds: Vec<_> = paths.iter().map(|path| fs::read(path).expect("a seed")).collect();
    assert!(seeds.len() > 3, "{target} has seeds");
    seeds
}

/// One to four changes of a seed.
fn change(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(4) {
        let range = random.range(input.len());
        let other = &seeds[random.below(seeds.len())];
        let new = match random.below(6) {
            0 => Vec::new(),
            1 => input[range.clone()].repeat(2 + random.below(3)),
            2 => WORDS[random.below(WORDS.len())].to_vec(),
            3 => [WORDS[random.below(WORDS.len())], &input[range.clone()]].concat(),
            4 => other[random.range(other.len())].to_vec(),
            _ => input[range.clone()].iter().map(|byte| byte ^ (1 << random.below(8))).collect(),
        };
        input.splice(range, new);
    }
    input.truncate(MAX_BYTES);
    input
}

/// `made`: how many inputs are made of the seeds; each target has its five seconds.
fn hold(target: &str, made: usize, check: fn(&[u8])) {
    let seeds = seeds(target);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let made = (0..made).map(|_| change(&seeds, &mut random));
    for input in seeds.iter().cloned().chain(made) {
        let start = Instant::now();
        // A law that breaks panics; this says on what.
        let held = std::panic::catch_unwind(|| check(&input));
        assert!(held.is_ok(), "{target} breaks on b\"{}\"", input.escape_ascii());
        assert!(start.elapsed() < LONGEST, "{target} takes {:?} on {input:?}", start.elapsed());
    }
}

#[test]
fn auth_header_laws_hold_on_every_seed_and_its_changes() {
    hold("auth_header", 20_000, laws::auth_header::check);
}

#[test]
fn sse_laws_hold_on_every_seed_and_its_changes() {
    hold("sse", 50_000, laws::sse::check);
}

#[test]
fn chat_json_laws_hold_on_every_seed_and_its_changes() {
    hold("chat_json", 50_000, laws::chat_json::check);
}

#[test]
fn tool_delta_laws_hold_on_every_seed_and_its_changes() {
    hold("tool_deltas", 4_000, laws::tool_deltas::check);
}

#[test]
fn decoder_laws_hold_on_every_seed_and_its_changes() {
    hold("decoder", 10_000, laws::decoder::check);
}

#[test]
fn rest_body_laws_hold_on_every_seed_and_its_changes() {
    hold("rest_body", 15_000, laws::rest_body::check);
}

#[test]
fn duration_laws_hold_on_every_seed_and_its_changes() {
    hold("duration", 30_000, laws::duration::check);
}

#[test]
fn demo_schema_laws_hold_on_every_seed_and_its_changes() {
    hold("demo_schema", 4_000, laws::demo_schema::check);
}

#[test]
fn seed_file_laws_hold_on_every_seed_and_its_changes() {
    hold("seed_file", 3_000, laws::seed_file::check);
}
