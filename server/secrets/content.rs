//! From what is kept somewhere to a credential.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Content, Credential, Resource};
use crate::{
    error::{Error, Reason, Result},
    secret::Secret,
};

/// The longest secret, in bytes.
pub const MAX_SECRET_BYTES: usize = 16 << 10;

/// Other names of secrets, theirs and ours. Some documents of the watsonx API print the first, its secrets elsewhere hold
/// the second.
const OTHER_NAMES: [(&str, &str); 2] = [("apiKey", "apikey"), ("api_key", "apikey")];

/// One way to prove who calls: names of secrets, and whether each is required.
pub type Kind = Vec<(&'static str, bool)>;

/// What is wanted of a secret that lives elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The kinds of credential that there are. The first is the usual one.
    pub kinds: Vec<Kind>,
    /// Names of members by the name of the secret, where they differ.
    pub names: BTreeMap<String, String>,
    /// Whether headers carry the secrets.
    pub in_headers: bool,
}

/// Whether every server reads it as it was meant, where a header carries it: beyond ASCII they differ.
#[must_use]
pub fn fits_header(value: &str) -> bool {
    value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

/// Our name of the secret that somebody names so.
#[must_use]
pub fn secret_name(given: &str) -> &str {
    OTHER_NAMES.iter().find(|(theirs, _)| *theirs == given).map_or(given, |(_, ours)| ours)
}

impl Wanted {
    /// The credential that the content of the resource holds.
    ///
    /// # Errors
    /// [`Reason::SecretNotReadable`] with what it lacks, or what is wrong with it. Holds nothing of its secrets.
    pub(super) fn take(&self, resource: &Resource, content: Content) -> Result<Credential> {
        let unfit = |why| Error::new(Reason::SecretNotReadable, format!("the secret {resource} {why}"));
        self.credential(content).map_err(unfit)
    }

    fn credential(&self, content: Content) -> Result<Credential, String> {
        let members = match content {
            Content::Members(members) => members,
            Content::Text(text) => self.members(text)?,
        };
        let mut found = BTreeMap::new();
        for (name, _) in self.kinds.iter().flatten() {
            if let Some((member, secret)) = self.member(&members, name) {
                self.check(secret).map_err(|why| format!("has a member {member:?} that {why}"))?;
                found.insert((*name).to_owned(), secret.expose().to_owned());
            }
        }
        let required =
            |kind: &Kind| kind.iter().filter(|(_, required)| *required).map(|(name, _)| *name).collect();
        let needs: Vec<Vec<&str>> =
            self.kinds.iter().map(required).filter(|kind: &Vec<_>| !kind.is_empty()).collect();
        let credential = Credential::new(found);
        let lacks =
            |kind: &Vec<&'static str>| kind.iter().find(|name| credential.get(name).is_none()).copied();
        let mut gaps = needs.iter().map(lacks);
        match gaps.next() {
            None => Err("is of no use: no secret is taken".to_owned()),
            Some(Some(gap)) if gaps.all(|other| other.is_some()) => {
                let member = self.names.get(gap).map_or(gap, String::as_str);
                Err(format!("lacks the member {member:?}, a text with the secret {gap}"))
            }
            Some(_) => Ok(credential),
        }
    }

    /// The rules of an inline secret hold for those that live elsewhere as well.
    fn check(&self, secret: &Secret) -> Result<(), String> {
        let text = secret.expose();
        if text.is_empty() {
            return Err("is empty".to_owned());
        }
        if text.len() > MAX_SECRET_BYTES {
            return Err(format!("has more than {MAX_SECRET_BYTES} bytes"));
        }
        if text.trim() != text {
            return Err("begins or ends with white space".to_owned());
        }
        if self.in_headers && !fits_header(text) {
            return Err("has characters that no header can carry".to_owned());
        }
        Ok(())
    }

    /// A JSON object's members, or the one secret that the text is.
    fn members(&self, text: Secret) -> Result<BTreeMap<String, Secret>, String> {
        if let Ok(object) = serde_json::from_str::<BTreeMap<String, Value>>(text.expose()) {
            let text = |(name, value)| match value {
                Value::String(text) => Some((name, Secret::new(text))),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
            };
            return Ok(object.into_iter().filter_map(text).collect());
        }
        if !self.names.is_empty() {
            return Err("is no JSON object, so that it has no members".to_owned());
        }
        let first = self.kinds.iter().flatten().find(|(_, required)| *required);
        Ok(first.map(|(name, _)| ((*name).to_owned(), text)).into_iter().collect())
    }

    /// The member that holds a secret, with its name.
    fn member<'a>(
        &'a self,
        members: &'a BTreeMap<String, Secret>,
        name: &'a str,
    ) -> Option<(&'a str, &'a Secret)> {
        if let Some(member) = self.names.get(name) {
            return members.get(member).map(|secret| (member.as_str(), secret));
        }
        let own = members.get_key_value(name);
        let found = own.or_else(|| members.iter().find(|(member, _)| secret_name(member) == name));
        found.map(|(member, secret)| (member.as_str(), secret))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[(&str, bool)] = &[("apikey", true)];
    const AWS: &[(&str, bool)] =
        &[("access_key_id", true), ("secret_access_key", true), ("session_token", false)];

    fn wanted(kinds: &[&[(&'static str, bool)]], names: &[(&str, &str)]) -> Wanted {
        let names = names.iter().map(|(name, member)| ((*name).to_owned(), (*member).to_owned()));
        Wanted {
            kinds: kinds.iter().map(|kind| kind.to_vec()).collect(),
            names: names.collect(),
            in_headers: true,
        }
    }

    fn take(wanted: &Wanted, text: &str) -> Result<BTreeMap<String, String>, String> {
        let credential = wanted.credential(Content::Text(Secret::new(text.to_owned())))?;
        Ok(credential.iter().map(|(name, secret)| (name.to_owned(), secret.expose().to_owned())).collect())
    }

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_text_is_an_object_or_the_one_secret() {
        let key = wanted(&[&[], KEY, &[("token", true)]], &[]);
        assert_eq!(take(&key, "sk-1").unwrap(), map(&[("apikey", "sk-1")]));
        for object in [
            r#"{"apikey": "sk-1", "base_url": "https://elsewhere.example", "n": 1}"#,
            r#"{"apiKey": "sk-1"}"#,
            r#"{"api_key": "sk-1"}"#,
            r#"{"apiKey": "sk-0", "apikey": "sk-1"}"#,
        ] {
            assert_eq!(take(&key, object).unwrap(), map(&[("apikey", "sk-1")]), "{object}");
        }
        assert_eq!(take(&key, r#"{"token": "t"}"#).unwrap(), map(&[("token", "t")]), "another kind");
    }

    #[test]
    fn names_lead_to_members_and_nowhere_else() {
        let named = wanted(&[KEY], &[("apikey", "openai_key")]);
        let object = r#"{"openai_key": "sk-1", "apikey": "sk-of-others"}"#;
        assert_eq!(take(&named, object).unwrap(), map(&[("apikey", "sk-1")]));
        assert!(take(&named, r#"{"apikey": "sk-of-others"}"#).unwrap_err().contains("\"openai_key\""));
        assert!(take(&named, "sk-1").unwrap_err().contains("no JSON object"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let aws = wanted(&[AWS], &[]);
        let whole = r#"{"access_key_id": "a", "secret_access_key": "b"}"#;
        assert_eq!(take(&aws, whole).unwrap(), map(&[("access_key_id", "a"), ("secret_access_key", "b")]));
        assert!(take(&aws, r#"{"access_key_id": "a"}"#).unwrap_err().contains("\"secret_access_key\""));
        assert!(take(&aws, "a").unwrap_err().contains("\"secret_access_key\""));
        assert!(take(&wanted(&[KEY], &[]), r#"{"apikey": 1}"#).unwrap_err().contains("\"apikey\""));
        let none = wanted(&[&[], KEY], &[]);
        assert!(take(&none, "{}").is_err(), "who refers to a secret does not want to call without one");
        assert!(take(&wanted(&[&[]], &[]), "sk-1").is_err());
    }

    #[test]
    fn what_no_vendor_could_be_sent_is_refused_and_not_told() {
        let key = wanted(&[KEY], &[]);
        for secret in ["", " canary", "canary\n", "can\u{e4}ry", "can\ty", &"canary".repeat(3000)] {
            let text = serde_json::json!({ "apikey": secret }).to_string();
            let why = take(&key, &text).unwrap_err();
            assert!(why.contains("\"apikey\"") && (secret.is_empty() || !why.contains(secret)), "{why}");
        }
    }
}
