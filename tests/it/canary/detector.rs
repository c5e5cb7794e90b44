//! Finds secrets in bytes, in whatever form they went there.

use std::{borrow::Cow, fmt};

use aho_corasick::AhoCorasick;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

/// Texts from this length on are looked for by halves too, so that one that was cut, or went in two writes, is found.
const MIN_HALVED: usize = 24;

/// Shorter needles would be found by chance.
const MIN_NEEDLE: usize = 8;

/// How what the gateway itself hands out begins, and how many characters follow at least: keys that it makes, and tokens,
/// which are JSON objects in base64.
const SHAPES: [(&str, usize); 2] = [("sg-", 32), ("eyJ", 40)];

/// Knows some secrets, and finds them.
pub struct Detector {
    needles: AhoCorasick,
    /// Which secret each needle is of, and in which form.
    names: Vec<(String, &'static str)>,
    shapes: bool,
}

/// A secret that stands where none may.
#[derive(Clone, PartialEq, Eq)]
pub struct Leak {
    /// Which one.
    pub secret: String,
    /// How it is written there.
    pub form: &'static str,
    /// What stands around it.
    pub near: String,
}

// === impl Detector ===

impl Detector {
    /// Looks for these secrets, each with a name.
    pub fn new<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let (mut needles, mut names) = (Vec::new(), Vec::new());
        for (name, secret) in secrets {
            for part in parts(secret) {
                for (form, needle) in forms(part) {
                    needles.push(needle);
                    names.push((name.to_owned(), form));
                }
            }
        }
        let needles = AhoCorasick::new(needles).expect("few enough needles");
        Self { needles, names, shapes: false }
    }

    /// Looks also for all that looks like a key that the gateway made, or like a token.
    pub fn with_shapes(self) -> Self {
        Self { shapes: true, ..self }
    }

    /// Every secret in these bytes, each once.
    pub fn leaks(&self, bytes: &[u8]) -> Vec<Leak> {
        let mut found: Vec<Leak> = Vec::new();
        for view in views(bytes) {
            for hit in self.needles.find_iter(view.as_ref()) {
                let (secret, form) = &self.names[hit.pattern().as_usize()];
                if !found.iter().any(|leak| leak.secret == *secret) {
                    found.push(Leak { secret: secret.clone(), form, near: near(&view, hit.start()) });
                }
            }
            if self.shapes
                && let Some(leak) = shaped(&view)
            {
                found.push(leak);
            }
        }
        found
    }
}

// === impl Leak ===

impl fmt::Debug for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}) in {:?}", self.secret, self.form, self.near)
    }
}

/// What of a secret must not be seen: all of it, or half of it where that is long enough to be told.
fn parts(secret: &[u8]) -> Vec<&[u8]> {
    let middle = secret.len() / 2;
    match secret.len() {
        0..MIN_NEEDLE => Vec::new(),
        MIN_NEEDLE..MIN_HALVED => vec![secret],
        MIN_HALVED.. => vec![&secret[..middle], &secret[middle..]],
    }
}

/// Every way to write these bytes that [`views`] does not undo.
fn forms(part: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hex: String = part.iter().map(|byte| format!("{byte:02x}")).collect();
    let numbers: Vec<_> = part.iter().map(u8::to_string).collect();
    let mut forms = vec![
        ("plain", part.to_vec()),
        ("hexadecimal", hex.to_uppercase().into_bytes()),
        ("hexadecimal", hex.into_bytes()),
        ("numbers", numbers.join(", ").into_bytes()),
        ("numbers", numbers.join(",").into_bytes()),
    ];
    for before in 0..3 {
        let text = [&[0; 2][..before], part].concat();
        // What the bytes beside it have a share in differs from place to place.
        let own = (before * 8).div_ceil(6)..text.len() * 8 / 6;
        for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            forms.push(("base64", encoded.as_bytes()[own.clone()].to_vec()));
        }
    }
    forms
}

/// The bytes as they are, and without the escapes of URLs and of JSON where there are some.
fn views(bytes: &[u8]) -> Vec<Cow<'_, [u8]>> {
    let mut views = vec![Cow::Borrowed(bytes)];
    for undo in [without_percents, without_backslashes] {
        for seen in 0..views.len() {
            views.extend(undo(&views[seen]).map(Cow::Owned));
        }
    }
    views
}

fn without_percents(bytes: &[u8]) -> Option<Vec<u8>> {
    bytes.contains(&b'%').then(|| percent_encoding::percent_decode(bytes).collect())
}

/// JSON in JSON has two backslashes or more; they are taken for one.
fn without_backslashes(bytes: &[u8]) -> Option<Vec<u8>> {
    if !bytes.contains(&b'\\') {
        return None;
    }
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'\\' {
            plain.push(first);
            continue;
        }
        while let Some((b'\\', after)) = rest.split_first() {
            rest = after;
        }
        // `\u0041`, and `\x41` and `\u{41}` as Rust prints them.
        let digits = match rest {
            [b'u', b'{', digits @ ..] => digits.iter().position(|byte| *byte == b'}').map(|end| (2, end, 1)),
            [b'u', ..] => Some((1, 4, 0)),
            [b'x', ..] => Some((1, 2, 0)),
            _ => None,
        };
        let Some((start, length, end)) = digits else { continue };
        let code = rest.get(start..start + length).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        if let Some(letter) = code {
            plain.extend(letter.encode_utf8(&mut [0; 4]).bytes());
            rest = &rest[start + length + end..];
        }
    }
    Some(plain)
}

fn shaped(bytes: &[u8]) -> Option<Leak> {
    let in_token = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    SHAPES.iter().find_map(|(start, more)| {
        let mut places = memchr::memmem::find_iter(bytes, start);
        let place = places.find(|place| {
            let is_start = place.checked_sub(1).is_none_or(|before| !in_token(&&bytes[before]));
            is_start && bytes[place + start.len()..].iter().take_while(in_token).count() >= *more
        })?;
        Some(Leak { secret: format!("{start}..."), form: "shape", near: near(bytes, place) })
    })
}

fn near(bytes: &[u8], place: usize) -> String {
    let around = place.saturating_sub(60)..bytes.len().min(place + 60);
    String::from_utf8_lossy(&bytes[around]).into_owned()
}
