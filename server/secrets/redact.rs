//! Takes our own credentials out of what upstreams say in their errors. Some echo them.

use std::borrow::Cow;

use crate::{error::Error, secret::Secret};

/// Shorter secrets are not looked for: they would match by chance.
const MIN_REDACTED: usize = 8;
const REDACTED: &str = "[redacted]";
/// What stands where a text was cut, see [`Error::new`].
const CUT: &str = "...";

/// The error without these secrets, in whatever part of it somebody else's words stand.
#[must_use]
pub fn redact<'a>(error: Error, secrets: impl IntoIterator<Item = &'a Secret>) -> Error {
    let secrets = secrets.into_iter().map(Secret::expose);
    let secrets: Vec<&str> = secrets.filter(|secret| secret.len() >= MIN_REDACTED).collect();
    error.reworded(|text| without(text, &secrets))
}

/// `None`: it holds none of the secrets.
fn without(text: &str, secrets: &[&str]) -> Option<String> {
    let mut clean = Cow::Borrowed(text);
    for secret in secrets {
        if clean.contains(secret) {
            clean = clean.replace(secret, REDACTED).into();
        }
        if let Some(start) = cut_secret(&clean, secret) {
            clean = format!("{}{REDACTED}{CUT}", &clean[..start]).into();
        }
    }
    match clean {
        Cow::Borrowed(_) => None,
        Cow::Owned(clean) => Some(clean),
    }
}

/// Where a text that was cut ends with the beginning of a secret.
fn cut_secret(text: &str, secret: &str) -> Option<usize> {
    let end = text.strip_suffix(CUT)?;
    let mut lengths = (MIN_REDACTED..secret.len()).rev().filter(|length| secret.is_char_boundary(*length));
    let length = lengths.find(|length| end.ends_with(&secret[..*length]))?;
    Some(end.len() - length)
}

#[cfg(test)]
mod tests {
    use super::redact;
    use crate::{
        error::{Error, Reason},
        secret::Secret,
    };

    const KEY: &str = "sk-canary-0123456789-abcdefghij";

    fn secrets() -> [Secret; 2] {
        [KEY, "east"].map(|secret| Secret::new(secret.to_owned()))
    }

    #[test]
    fn a_secret_is_gone_from_every_part_that_callers_see() {
        let error = Error::new(Reason::ProviderRejected, format!("key {KEY} of east, yes {KEY}"))
            .upstream_code(format!("bad_{KEY}"))
            .field(KEY);
        let error = redact(error, &secrets());
        assert_eq!(error.message(), "key [redacted] of east, yes [redacted]", "what is short is no secret");
        assert!(!format!("{error} {error:?}").contains("canary"));
        assert_eq!(error.detail().upstream_code.as_deref(), Some("bad_[redacted]"));
        assert_eq!(error.detail().field.as_deref(), Some("[redacted]"));
    }

    #[test]
    fn a_secret_that_was_cut_with_its_text_is_gone_too() {
        for room in 0..=KEY.len() {
            let error = Error::new(
                Reason::ProviderRejected,
                format!("{}{KEY}{}", "x".repeat(4096 - room), "y".repeat(50)),
            );
            let error = redact(error, &secrets());
            assert!(room < 8 || !error.message().contains("sk-canar"), "{room}");
        }
    }

    #[test]
    fn an_error_without_secrets_stays_as_it_is() {
        let error =
            Error::new(Reason::ProviderRejected, "no such thing...").field("messages").upstream_code("x");
        let before = format!("{error:?}");
        assert_eq!(format!("{:?}", redact(error, &secrets())), before);
        assert_eq!(redact(Error::new(Reason::Internal, KEY), []).message(), KEY);
    }
}
