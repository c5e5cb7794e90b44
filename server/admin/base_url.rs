//! Where an operator may point a provider.

use url::{Host, Url};

use crate::{
    address,
    error::{Error, Result},
};

const FIELD: &str = "provider.base_url";
const MAX_BYTES: usize = 2048;

/// Reads a base URL: http or https, without user, query and fragment, not at a cloud's metadata service. Names are
/// checked again when they are resolved.
///
/// # Errors
/// What is wrong with it.
pub fn check(text: &str) -> Result<Url> {
    let wrong = |message: &str| Err(Error::invalid(FIELD, message));
    if text.len() > MAX_BYTES {
        return wrong("must have at most 2048 characters");
    }
    // The URL standard drops these silently.
    if text.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
        return wrong("must not contain white space or control characters");
    }
    let mut url = Url::parse(text).map_err(|cause| {
        Error::invalid(FIELD, format!("is no URL ({cause}); write it like https://api.example.com/v1"))
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return wrong("must begin with https:// or http://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("must not contain a user or password; give secrets as credential");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return wrong("must not contain a query or a fragment; give arguments as settings");
    }
    let forbidden = match url.host() {
        Some(Host::Ipv4(ip)) => address::forbidden(ip.into()),
        Some(Host::Ipv6(ip)) => address::forbidden(ip.into()),
        Some(Host::Domain(name)) => address::forbidden_name(name),
        None => return wrong("must name a host"),
    };
    if forbidden {
        return wrong("must not point at a link-local address or a cloud's metadata service");
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_trailing_slash_is_trimmed() {
        for (given, kept) in [
            ("https://api.example.com/v1/", "https://api.example.com/v1"),
            ("https://api.example.com/v1//", "https://api.example.com/v1"),
            ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
            ("HTTP://LocalHost:80/a", "http://localhost/a"),
            ("http://10.0.0.1", "http://10.0.0.1/"),
        ] {
            assert_eq!(check(given).unwrap().as_str(), kept);
        }
    }

    #[test]
    fn anything_that_is_no_plain_upstream_address_is_refused() {
        for url in [
            "",
            "api.example.com/v1",
            "ftp://example.com",
            "file:///etc/passwd",
            "https://user:pass@example.com",
            "https://user@example.com",
            "https://example.com/v1?key=1",
            "https://example.com/v1#x",
            "https://exam\nple.com",
            " https://example.com",
            "http://169.254.169.254/latest",
            "http://2852039166/",
            "http://0xA9FEA9FE/",
            "http://[::ffff:169.254.169.254]/",
            "http://[fe80::1]/",
            "http://[fd00:ec2::254]/",
            "http://100.100.100.200/",
            "http://metadata.google.internal/",
            "http://METADATA.google.internal./",
        ] {
            let error = check(url).unwrap_err();
            assert_eq!(error.detail().field.as_deref(), Some("provider.base_url"), "{url}");
        }
        assert!(check(&format!("https://example.com/{}", "a".repeat(2048))).is_err());
    }
}
