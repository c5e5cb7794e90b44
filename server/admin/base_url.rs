//! Where an operator may point a provider and its proxy.

use url::Url;

use crate::{
    address,
    error::{Error, Result},
};

const BASE_URL: &str = "provider.base_url";
const PROXY_URL: &str = "provider.connection.proxy_url";

/// Reads a base URL: http or https, without user, query and fragment, not at a cloud's metadata service. Names are
/// checked again when they are resolved.
///
/// # Errors
/// What is wrong with it.
pub fn check(text: &str) -> Result<Url> {
    let mut url = check_address(BASE_URL, text)?;
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// Reads the address of a proxy: as a base URL, but without a path.
///
/// # Errors
/// What is wrong with it.
pub fn check_proxy(text: &str) -> Result<Url> {
    let url = check_address(PROXY_URL, text)?;
    if url.path() != "/" {
        return Err(Error::invalid(PROXY_URL, "must not contain a path; a proxy is a host and a port"));
    }
    Ok(url)
}

fn check_address(field: &str, text: &str) -> Result<Url> {
    address::read(text).map_err(|why| Error::invalid(field, why))
}

#[cfg(test)]
mod tests {
    use super::{check, check_proxy};

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
            "http://0251.0376.0251.0376/",
            "http://0xa9.254.0251.254/",
            "http://169.254.43518/",
            "http://\u{ff11}69.254.169.254/",
            "http://169.254.169.254./",
            "http://[::ffff:169.254.169.254]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[0:0:0:0:0:ffff:a9fe:a9fe]/",
            "http://[64:ff9b::169.254.169.254]/",
            "http://[fe80::1]/",
            "http://[fd00:ec2::254]/",
            "http://100.100.100.200/",
            "http://metadata.google.internal/",
            "http://METADATA.google.internal./",
        ] {
            let error = check(url).unwrap_err();
            assert_eq!(error.detail().field.as_deref(), Some("provider.base_url"), "{url}");
            let error = check_proxy(url).unwrap_err();
            assert_eq!(error.detail().field.as_deref(), Some("provider.connection.proxy_url"), "{url}");
        }
        assert!(check(&format!("https://example.com/{}", "a".repeat(2048))).is_err());
    }

    #[test]
    fn a_proxy_is_a_host_and_a_port() {
        for url in ["http://proxy.example.com:3128", "https://10.0.0.1/", "http://localhost"] {
            check_proxy(url).unwrap();
        }
        for url in ["http://proxy.example.com/path", "socks5://proxy.example.com", "proxy.example.com:3128"] {
            assert!(check_proxy(url).is_err(), "{url}");
        }
    }
}
