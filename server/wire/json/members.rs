//! Changes single members of an object without reading the others.

use std::{borrow::Cow, collections::BTreeMap};

use super::{Malformed, Writer, read};

/// The members of an object as JSON text, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members<'a> {
    /// Name -> rank and value. Found without a walk: a caller may send very many.
    by_name: BTreeMap<String, (usize, Cow<'a, str>)>,
    next: usize,
}

impl<'a> Members<'a> {
    /// Takes an object apart. Of members with one name the last counts.
    ///
    /// # Errors
    /// When it is not an object.
    pub fn of(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut members = Self::default();
        read(body, |reader| {
            reader.every_member(|reader, name| {
                members.set(name, reader.raw()?);
                Ok(())
            })
        })?;
        Ok(members)
    }

    /// The value of a member.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.by_name.get(name).map(|(_, json)| json.as_ref())
    }

    /// Names and values in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut ordered: Vec<_> = self.by_name.iter().collect();
        ordered.sort_unstable_by_key(|(_, (rank, _))| *rank);
        ordered.into_iter().map(|(name, (_, json))| (name.as_str(), json.as_ref()))
    }

    /// Puts a value in place of the member's own, or behind all others.
    pub fn set(&mut self, name: &str, json: impl Into<Cow<'a, str>>) {
        if let Some((_, value)) = self.by_name.get_mut(name) {
            *value = json.into();
        } else {
            self.by_name.insert(name.to_owned(), (self.next, json.into()));
            self.next += 1;
        }
    }

    /// Gives a member another name, unless there is one of that name already; then it is taken out.
    pub fn rename(&mut self, from: &str, to: &str) {
        let Some(member) = self.by_name.remove(from) else { return };
        self.by_name.entry(to.to_owned()).or_insert(member);
    }

    /// Takes a member out. Returns whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        self.by_name.remove(name).is_some()
    }

    /// Puts the members of another object in place of those here or beside them; `null` takes one out.
    pub fn merge(&mut self, other: Members<'a>) {
        for (name, json) in other.into_ordered() {
            if json == "null" {
                self.remove(&name);
            } else {
                self.set(&name, json);
            }
        }
    }

    /// Puts the object together.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let length =
            self.by_name.iter().map(|(name, (_, json))| name.len() + json.len() + 4).sum::<usize>() + 2;
        let mut out = Vec::with_capacity(length);
        Writer::append(&mut out, |object| {
            for (name, json) in self.iter() {
                object.any(name, json);
            }
        });
        out
    }

    fn into_ordered(self) -> impl Iterator<Item = (String, Cow<'a, str>)> {
        let mut ordered: Vec<_> = self.by_name.into_iter().collect();
        ordered.sort_unstable_by_key(|(_, (rank, _))| *rank);
        ordered.into_iter().map(|(name, (_, json))| (name, json))
    }
}
