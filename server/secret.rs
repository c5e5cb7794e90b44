//! Secret text: never printed, wiped when dropped.

use std::fmt;

use zeroize::Zeroizing;

/// A secret. `Debug` is redacted; there is no `Display`.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text into care.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself. Every use is a place to look at in a review.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The last four characters, for people to recognise it by; fewer where the secret is short.
    #[must_use]
    pub fn hint(&self) -> String {
        let length = self.0.chars().count();
        // A hint must not give away a noticeable part of the secret.
        let shown = (length / 4).min(4);
        self.0.chars().skip(length - shown).collect()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_shows_nothing_and_the_hint_little() {
        let secret = Secret::new("sk-0123456789abcdef".into());
        assert_eq!(format!("{secret:?}"), "[redacted]");
        assert_eq!(secret.hint(), "cdef");
        assert_eq!(Secret::new("abcd".into()).hint(), "d");
        assert_eq!(Secret::new("abc".into()).hint(), "");
    }
}
