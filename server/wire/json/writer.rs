//! Appends JSON text.
//!
//! Text that should be JSON already (`*_json` fields) is checked before it goes in: a gRPC caller could otherwise close
//! the object early and say what the body means. Writing goes on after a fault, so that the bytes stay JSON; a strict
//! writer then reports it.

use std::{io::Write as _, mem};

use super::{Extras, Malformed, Reader, plain_length};

/// Appends one value to bytes.
#[derive(Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
    strict: bool,
    fault: Option<Malformed>,
}

/// Appends the members of an object.
#[derive(Debug)]
pub struct Object<'w> {
    to: &'w mut Writer,
    empty: bool,
    /// Names written so far; kept by a strict writer only.
    names: Vec<&'static str>,
}

/// Appends the elements of a list.
#[derive(Debug)]
pub struct List<'w> {
    to: &'w mut Writer,
    length: usize,
}

// === impl Writer ===

impl Writer {
    /// For text that callers may have spoilt.
    #[must_use]
    pub fn strict() -> Self {
        Self { strict: true, ..Self::default() }
    }

    /// Writes one object behind what stands in `out`.
    pub fn append(out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
        let mut writer = Self { out: mem::take(out), ..Self::default() };
        writer.object(fill);
        *out = writer.out;
    }

    /// One string as JSON text.
    #[must_use]
    pub fn text_value(text: &str) -> String {
        let mut writer = Self::default();
        writer.text(text);
        writer.into_text()
    }

    /// One object as JSON text.
    #[must_use]
    pub fn text_of(fill: impl FnOnce(&mut Object<'_>)) -> String {
        let mut writer = Self::default();
        writer.object(fill);
        writer.into_text()
    }

    /// The bytes.
    ///
    /// # Errors
    /// When text that should be JSON was not, or a number was not finite.
    pub fn finish(self) -> Result<Vec<u8>, Malformed> {
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(self.out),
        }
    }

    /// Appends an object.
    pub fn object(&mut self, fill: impl FnOnce(&mut Object<'_>)) {
        self.out.push(b'{');
        fill(&mut Object { to: self, empty: true, names: Vec::new() });
        self.out.push(b'}');
    }

    /// Appends a list.
    pub fn list(&mut self, fill: impl FnOnce(&mut List<'_>)) {
        self.out.push(b'[');
        fill(&mut List { to: self, length: 0 });
        self.out.push(b']');
    }

    /// Appends a list with an element for each item.
    pub fn each<T>(&mut self, items: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        self.list(|list| {
            for item in items {
                list.element(|writer| write(writer, item));
            }
        });
    }

    /// Appends a string.
    pub fn text(&mut self, text: &str) {
        self.out.push(b'"');
        let mut rest = text.as_bytes();
        loop {
            let (plain, special) = rest.split_at(plain_length(rest));
            self.out.extend_from_slice(plain);
            let Some((byte, after)) = special.split_first() else { break };
            self.escape(*byte);
            rest = after;
        }
        self.out.push(b'"');
    }

    /// Appends `true` or `false`.
    pub fn boolean(&mut self, value: bool) {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// Appends a whole number.
    pub fn integer(&mut self, value: impl Into<i64>) {
        let value: i64 = value.into();
        self.format(format_args!("{value}"));
    }

    /// Appends a number; a whole one without a fraction. `null` where JSON has no such number.
    pub fn double(&mut self, value: f64) {
        // Within this range Rust writes neither hundreds of zeros nor an exponent that some readers refuse.
        if value == 0.0 || (1e-5..1e16).contains(&value.abs()) {
            self.format(format_args!("{value}"));
        } else if value.is_finite() {
            self.format(format_args!("{value:e}"));
        } else {
            self.blame(Malformed::new("not a finite number"));
            self.null();
        }
    }

    /// Appends a single, with as few digits as tell it from its neighbours.
    pub fn single(&mut self, value: f32) {
        if value == 0.0 || (1e-5..1e16).contains(&value.abs()) {
            self.format(format_args!("{value}"));
        } else if value.is_finite() {
            self.format(format_args!("{value:e}"));
        } else {
            self.blame(Malformed::new("not a finite number"));
            self.null();
        }
    }

    /// Appends `null`.
    pub fn null(&mut self) {
        self.out.extend_from_slice(b"null");
    }

    /// Appends text that is JSON already. `null` where it is not.
    pub fn raw(&mut self, json: &str) {
        match super::read(json.as_bytes(), Reader::skip) {
            Ok(()) => self.out.extend_from_slice(json.trim().as_bytes()),
            Err(malformed) => {
                self.blame(malformed);
                self.null();
            }
        }
    }

    /// Remembers the first thing that is wrong.
    pub fn blame(&mut self, fault: Malformed) {
        self.fault.get_or_insert(fault);
    }

    fn into_text(self) -> String {
        // Only whole strings and ASCII were appended.
        String::from_utf8(self.out).unwrap_or_default()
    }

    fn format(&mut self, value: std::fmt::Arguments<'_>) {
        // Writing to a vector cannot fail.
        _ = self.out.write_fmt(value);
    }

    fn escape(&mut self, byte: u8) {
        match byte {
            b'"' | b'\\' => self.out.extend_from_slice(&[b'\\', byte]),
            b'\n' => self.out.extend_from_slice(b"\\n"),
            b'\r' => self.out.extend_from_slice(b"\\r"),
            b'\t' => self.out.extend_from_slice(b"\\t"),
            _ => self.format(format_args!("\\u{byte:04x}")),
        }
    }

    /// Runs `write`; a fault that it leaves is told to lie where `place` says.
    fn placed(&mut self, write: impl FnOnce(&mut Self), place: impl FnOnce(Malformed) -> Malformed) {
        let known = self.fault.is_some();
        write(self);
        if !known {
            self.fault = self.fault.take().map(place);
        }
    }
}

// === impl Object ===

impl Object<'_> {
    /// Appends a member; `write` appends its value.
    pub fn member(&mut self, name: &'static str, write: impl FnOnce(&mut Writer)) {
        if self.to.strict {
            self.names.push(name);
        }
        self.any_member(name, write);
    }

    /// Keeps these names for fields, whether they are written or not: no extra member may have them.
    pub fn reserve(&mut self, names: &[&'static str]) {
        self.names.extend_from_slice(names);
    }

    /// Appends a member that is an object.
    pub fn object(&mut self, name: &'static str, fill: impl FnOnce(&mut Object<'_>)) {
        self.member(name, |value| value.object(fill));
    }

    /// Appends a member that is a string.
    pub fn text(&mut self, name: &'static str, text: &str) {
        self.member(name, |value| value.text(text));
    }

    /// Appends a member that is a string, if there is one.
    pub fn optional_text(&mut self, name: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// Appends a member that is a whole number, if there is one.
    pub fn optional_integer(&mut self, name: &'static str, number: Option<impl Into<i64>>) {
        if let Some(number) = number {
            self.member(name, |value| value.integer(number));
        }
    }

    /// Appends a member that is a number, if there is one.
    pub fn optional_double(&mut self, name: &'static str, number: Option<f64>) {
        if let Some(number) = number {
            self.member(name, |value| value.double(number));
        }
    }

    /// Appends a member that is true or false, if it is either.
    pub fn optional_boolean(&mut self, name: &'static str, answer: Option<bool>) {
        if let Some(answer) = answer {
            self.member(name, |value| value.boolean(answer));
        }
    }

    /// Appends a member that is JSON text already, if there is one.
    pub fn optional_raw(&mut self, name: &'static str, json: Option<&str>) {
        if let Some(json) = json {
            self.member(name, |value| value.raw(json));
        }
    }

    /// Appends members under names that are not known beforehand.
    pub fn entries<'e, V: 'e>(
        &mut self,
        entries: impl IntoIterator<Item = (&'e String, &'e V)>,
        write: impl Fn(&mut Writer, &V),
    ) {
        for (name, value) in entries {
            self.any_member(name, |writer| write(writer, value));
        }
    }

    /// Appends the members that have no field.
    pub fn extras(&mut self, extras: &Extras) {
        self.extras_except(extras, &[]);
    }

    /// Appends the members that have no field, except those that are merged into a member of that name.
    pub fn extras_except(&mut self, extras: &Extras, merged: &[&str]) {
        for (name, json) in extras.iter().filter(|(name, _)| !merged.contains(&name.as_str())) {
            self.extra(name, json);
        }
    }

    /// Appends the members of an object that is JSON text.
    pub fn merge(&mut self, object: Option<&String>) {
        let Some(json) = object else { return };
        let mut members = Vec::new();
        let read = super::read(json.as_bytes(), |reader| {
            reader.object(|reader, name| {
                members.push((name.to_owned(), reader.raw()?));
                Ok(())
            })
        });
        match read {
            Ok(()) => members.iter().for_each(|(name, json)| self.extra(name, json)),
            Err(malformed) => self.to.blame(malformed),
        }
    }

    /// Remembers that something is wrong with this object.
    pub fn blame(&mut self, fault: Malformed) {
        self.to.blame(fault);
    }

    /// Appends a member of any name, as JSON text.
    pub(super) fn any(&mut self, name: &str, json: &str) {
        self.any_member(name, |value| value.raw(json));
    }

    fn extra(&mut self, name: &str, json: &str) {
        if self.names.contains(&name) {
            // Written twice, upstream would take the last and the checks have seen the first.
            let fault = Malformed::new("has a field of its own; set that and not an extra member");
            self.to.blame(fault.inside(name));
        } else {
            self.any(name, json);
        }
    }

    fn any_member(&mut self, name: &str, write: impl FnOnce(&mut Writer)) {
        if !mem::take(&mut self.empty) {
            self.to.out.push(b',');
        }
        self.to.text(name);
        self.to.out.push(b':');
        self.to.placed(write, |fault| fault.inside(name));
    }
}

// === impl List ===

impl List<'_> {
    /// Appends an element; `write` appends its value.
    pub fn element(&mut self, write: impl FnOnce(&mut Writer)) {
        if self.length > 0 {
            self.to.out.push(b',');
        }
        let index = self.length;
        self.length += 1;
        self.to.placed(write, |fault| fault.inside_element(index));
    }
}
