//! Walks a JSON text once.
//!
//! The walk is ours: values that nobody asks for are checked and skipped, those asked for are borrowed where they can
//! be, and an error knows the path to its member. Escapes inside strings are left to `serde_json`, digits to `std`.

use std::borrow::Cow;

use super::{Extras, MAX_DEPTH, Malformed, plain_length, too_deep};

/// Reads a body that is one JSON value.
///
/// # Errors
/// When it is not JSON, or `value` fails.
pub fn read<'a, T>(
    body: &'a [u8],
    value: impl FnOnce(&mut Reader<'a>) -> Result<T, Malformed>,
) -> Result<T, Malformed> {
    let text = std::str::from_utf8(body)
        .map_err(|error| Malformed::new(format!("not valid UTF-8 at byte {}", error.valid_up_to())))?;
    let mut reader = Reader::over(text);
    let value = value(&mut reader)?;
    reader.skip_space();
    if reader.at == text.len() { Ok(value) } else { Err(reader.syntax("the end of the text")) }
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `{...}`
    Object,
    /// `[...]`
    List,
    /// `"..."`
    Text,
    /// Digits.
    Number,
    /// `true` or `false`.
    Boolean,
    /// `null`
    Null,
    /// Nothing that JSON knows.
    Invalid,
}

/// A place in a JSON text. Every method that takes a value moves behind it.
#[derive(Debug)]
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    /// At the beginning of a text.
    #[must_use]
    pub fn over(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// What comes next.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.rest().next() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::List,
            Some(b'"') => Kind::Text,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            Some(b't' | b'f') => Kind::Boolean,
            Some(b'n') => Kind::Null,
            _ => Kind::Invalid,
        }
    }

    /// Whether a list without elements comes next.
    #[must_use]
    pub fn at_empty_list(&self) -> bool {
        let mut rest = self.rest();
        rest.next() == Some(b'[') && rest.next() == Some(b']')
    }

    /// Takes an object, member by member. Members that are `null` are passed over: null means absent.
    ///
    /// # Errors
    /// When it is not an object, or `member` fails.
    pub fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &str) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.every_member(|reader, name| if reader.take_word("null") { Ok(()) } else { member(reader, name) })
    }

    /// Takes an object, member by member, those that are `null` too.
    ///
    /// # Errors
    /// When it is not an object, or `member` fails.
    pub fn every_member(
        &mut self,
        mut member: impl FnMut(&mut Self, &str) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.open(b'{', "an object")?;
        if self.take(b'}') {
            self.depth -= 1;
            return Ok(());
        }
        loop {
            if self.kind() != Kind::Text {
                return Err(self.syntax("the name of a member"));
            }
            let name = self.text()?;
            if !self.take(b':') {
                return Err(self.syntax("a colon"));
            }
            member(self, &name).map_err(|error| error.inside(&name))?;
            if self.take(b'}') {
                self.depth -= 1;
                return Ok(());
            }
            if !self.take(b',') {
                return Err(self.syntax("a comma or the end of the object"));
            }
        }
    }

    /// Takes a list, element by element.
    ///
    /// # Errors
    /// When it is not a list, or `element` fails.
    pub fn list<T>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let mut elements = Vec::new();
        self.open(b'[', "a list")?;
        if self.take(b']') {
            self.depth -= 1;
            return Ok(elements);
        }
        loop {
            let taken = element(self).map_err(|error| error.inside_element(elements.len()))?;
            elements.push(taken);
            if self.take(b']') {
                self.depth -= 1;
                return Ok(elements);
            }
            if !self.take(b',') {
                return Err(self.syntax("a comma or the end of the list"));
            }
        }
    }

    /// Takes a string, borrowed where it holds no escapes.
    ///
    /// # Errors
    /// When it is not a string.
    pub fn text(&mut self) -> Result<Cow<'a, str>, Malformed> {
        if self.kind() != Kind::Text {
            return Err(self.found("a string"));
        }
        let (quoted, escaped) = self.scan_string()?;
        if !escaped {
            return Ok(Cow::Borrowed(&quoted[1..quoted.len() - 1]));
        }
        serde_json::from_str(quoted)
            .map(Cow::Owned)
            .map_err(|_| Malformed::new("not valid Unicode: half of a surrogate pair"))
    }

    /// Takes a string.
    ///
    /// # Errors
    /// When it is not a string.
    pub fn string(&mut self) -> Result<String, Malformed> {
        self.text().map(Cow::into_owned)
    }

    /// Takes `true` or `false`.
    ///
    /// # Errors
    /// When it is neither.
    pub fn boolean(&mut self) -> Result<bool, Malformed> {
        if self.take_word("true") {
            Ok(true)
        } else if self.take_word("false") {
            Ok(false)
        } else {
            Err(self.found("true or false"))
        }
    }

    /// Takes a number.
    ///
    /// # Errors
    /// When it is not a number, or too large for a double.
    pub fn double(&mut self) -> Result<f64, Malformed> {
        let digits = self.digits("a number")?;
        match digits.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(Malformed::new(format!("the number {digits:.40} is too large"))),
        }
    }

    /// Takes a number as a single.
    ///
    /// # Errors
    /// When it is not a number, or too large for a single.
    pub fn single(&mut self) -> Result<f32, Malformed> {
        let digits = self.digits("a number")?;
        match digits.parse::<f32>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(Malformed::new(format!("the number {digits:.40} is too large"))),
        }
    }

    /// Takes a whole number; `5.0` is one.
    ///
    /// # Errors
    /// When it is not a whole number, or does not fit.
    pub fn integer<T: TryFrom<i64>>(&mut self) -> Result<T, Malformed> {
        let digits = self.digits("a whole number")?;
        let whole = match digits.parse::<i64>() {
            Ok(whole) => whole,
            Err(_) => whole_of(digits)?,
        };
        T::try_from(whole).map_err(|_| out_of_range(digits))
    }

    /// Takes any value as the JSON text that it is.
    ///
    /// # Errors
    /// When it is not JSON, or nests too deep.
    pub fn raw(&mut self) -> Result<&'a str, Malformed> {
        self.skip_space();
        let start = self.at;
        self.skip()?;
        Ok(&self.text[start..self.at])
    }

    /// Takes an object as the JSON text that it is.
    ///
    /// # Errors
    /// When it is not an object, or as [`Reader::raw`].
    pub fn raw_object(&mut self) -> Result<&'a str, Malformed> {
        if self.kind() == Kind::Object { self.raw() } else { Err(self.found("an object")) }
    }

    /// Takes any value as text beside those that have a field.
    ///
    /// # Errors
    /// As [`Reader::raw`].
    pub fn keep(&mut self, extras: &mut Extras, name: &str) -> Result<(), Malformed> {
        let raw = self.raw()?;
        extras.insert(name.to_owned(), raw.to_owned());
        Ok(())
    }

    /// Passes over any value.
    ///
    /// # Errors
    /// As [`Reader::raw`].
    pub fn skip(&mut self) -> Result<(), Malformed> {
        match self.kind() {
            Kind::Object => self.every_member(|reader, _| reader.skip()),
            Kind::List => self.list(Self::skip).map(drop),
            Kind::Text => {
                self.skip_space();
                self.scan_string().map(drop)
            }
            Kind::Number => self.digits("a number").map(drop),
            Kind::Boolean if self.take_word("true") || self.take_word("false") => Ok(()),
            Kind::Null if self.take_word("null") => Ok(()),
            Kind::Boolean | Kind::Null | Kind::Invalid => Err(self.syntax("a value")),
        }
    }

    /// What is wrong when something else was wanted here.
    #[must_use]
    pub fn found(&self, wanted: &str) -> Malformed {
        let found = match self.kind() {
            Kind::Object => "an object",
            Kind::List => "a list",
            Kind::Text => "a string",
            Kind::Number => "a number",
            Kind::Boolean => "true or false",
            Kind::Null => "null",
            Kind::Invalid => return self.syntax(wanted),
        };
        Malformed::new(format!("expected {wanted}, found {found}"))
    }

    fn syntax(&self, wanted: &str) -> Malformed {
        let space = self.text.as_bytes()[self.at..].iter().take_while(|byte| is_space(**byte)).count();
        Malformed::new(format!("not valid JSON at byte {}: expected {wanted}", self.at + space))
    }

    /// The bytes to come that are not space between values.
    fn rest(&self) -> impl Iterator<Item = u8> {
        self.text.as_bytes()[self.at..].iter().copied().filter(|byte| !is_space(*byte))
    }

    fn skip_space(&mut self) {
        while self.text.as_bytes().get(self.at).copied().is_some_and(is_space) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        let there = self.text.as_bytes().get(self.at) == Some(&byte);
        self.at += usize::from(there);
        there
    }

    fn take_word(&mut self, word: &str) -> bool {
        self.skip_space();
        let there = self.text.as_bytes()[self.at..].starts_with(word.as_bytes());
        self.at += if there { word.len() } else { 0 };
        there
    }

    fn open(&mut self, bracket: u8, wanted: &str) -> Result<(), Malformed> {
        if !self.take(bracket) {
            return Err(self.found(wanted));
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(too_deep(MAX_DEPTH)) } else { Ok(()) }
    }

    /// Moves behind a string and returns it with its quotes, and whether it holds escapes.
    fn scan_string(&mut self) -> Result<(&'a str, bool), Malformed> {
        self.skip_space();
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut escaped = false;
        self.at += 1;
        loop {
            self.at += plain_length(&bytes[self.at..]);
            match bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok((&self.text[start..self.at], escaped));
                }
                Some(b'\\') => {
                    escaped = true;
                    self.at += escape_length(&bytes[self.at..]).ok_or_else(|| self.syntax("an escape"))?;
                }
                Some(_) => return Err(self.syntax("no control character inside a string")),
                None => return Err(self.syntax("the end of the string")),
            }
        }
    }

    /// Moves behind a number and returns it as written.
    fn digits(&mut self, wanted: &str) -> Result<&'a str, Malformed> {
        if self.kind() != Kind::Number {
            return Err(self.found(wanted));
        }
        self.skip_space();
        let number = &self.text.as_bytes()[self.at..];
        let length = number_length(number).ok_or_else(|| self.syntax("a number"))?;
        let start = self.at;
        self.at += length;
        Ok(&self.text[start..self.at])
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Length of the escape with which `bytes` begins.
fn escape_length(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' if bytes.get(2..6)?.iter().all(u8::is_ascii_hexdigit) => Some(6),
        _ => None,
    }
}

/// Length of the number with which `bytes` begins, in the grammar of RFC 8259.
fn number_length(bytes: &[u8]) -> Option<usize> {
    let digits_from = |at: usize| bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits_from(at);
    if whole == 0 || (whole > 1 && bytes[at] == b'0') {
        return None;
    }
    at += whole;
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits_from(at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits_from(at);
        if exponent == 0 {
            return None;
        }
        at += exponent;
    }
    Some(at)
}

/// The whole number that `5.0` or `1e3` is.
fn whole_of(digits: &str) -> Result<i64, Malformed> {
    // Doubles are exact for whole numbers up to here; beyond, digits would be invented.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match digits.parse::<f64>() {
        Ok(number) if number.fract() != 0.0 => {
            Err(Malformed::new(format!("expected a whole number, found {digits:.40}")))
        }
        #[expect(clippy::cast_possible_truncation, reason = "whole and within the exact range")]
        Ok(number) if number.abs() <= EXACT => Ok(number as i64),
        _ => Err(out_of_range(digits)),
    }
}

fn out_of_range(digits: &str) -> Malformed {
    Malformed::new(format!("the number {digits:.40} is out of range"))
}
