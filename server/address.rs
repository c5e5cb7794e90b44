//! Which addresses the gateway never calls, whoever asks it to.
//!
//! Cloud machines answer their own credentials to anybody who can make them call these. Private networks and loopback
//! are allowed: models run there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

const MAX_BYTES: usize = 2048;

/// Reads the address of something that the gateway shall call: http or https, without user, query and fragment, not at a
/// cloud's metadata service. Names are checked again when they are resolved.
///
/// # Errors
/// What is wrong with it.
pub fn read(text: &str) -> Result<Url, &'static str> {
    if text.len() > MAX_BYTES {
        return Err("must have at most 2048 characters");
    }
    // The URL standard drops these silently.
    if text.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
        return Err("must not contain white space or control characters");
    }
    let url = Url::parse(text).map_err(|_| "is no URL; write it like https://host.example.com")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with https:// or http://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a user or password; give secrets as credential");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not contain a query or a fragment; give arguments as settings");
    }
    let forbidden = match url.host() {
        Some(Host::Ipv4(ip)) => forbidden(ip.into()),
        Some(Host::Ipv6(ip)) => forbidden(ip.into()),
        Some(Host::Domain(name)) => forbidden_name(name),
        None => return Err("must name a host"),
    };
    if forbidden {
        return Err("must not point at a link-local address or a cloud's metadata service");
    }
    Ok(url)
}

/// Reads the address of what must not be changed on its way, e.g. of keys that tokens are verified by: as [`read`], but https,
/// or http to this very machine. It may have a query, which has no say in whose address it is.
///
/// # Errors
/// What is wrong with it.
pub fn read_secure(text: &str) -> Result<Url, &'static str> {
    let (place, query) = match text.split_once('?') {
        Some((place, query)) => (place, Some(query)),
        None => (text, None),
    };
    let mut url = read(place)?;
    let odd = |letter: char| letter == '#' || letter.is_whitespace() || letter.is_control();
    if query.is_some_and(|query| query.len() > MAX_BYTES || query.contains(odd)) {
        return Err("has a query that is too long, or holds #, white space or control characters");
    }
    url.set_query(query);
    if url.scheme() == "https" || is_this_machine(&url) {
        return Ok(url);
    }
    Err("must begin with https://; http:// is for addresses of this machine alone")
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Whether `ip` is link-local or a cloud's metadata service, in whatever notation.
#[must_use]
pub fn forbidden(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => forbidden_v4(ip),
        IpAddr::V6(ip) => forbidden_v6(ip),
    }
}

/// Whether `host` is a name that clouds give to their metadata service.
#[must_use]
pub fn forbidden_name(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    matches!(
        host.as_str(),
        "metadata"
            | "metadata.google.internal"
            | "metadata.goog"
            | "instance-data"
            | "instance-data.ec2.internal"
    )
}

fn forbidden_v4(ip: Ipv4Addr) -> bool {
    // Alibaba, Azure's machine agent, Oracle: metadata services outside the link-local range.
    const METADATA: [Ipv4Addr; 3] =
        [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];
    ip.is_link_local() || METADATA.contains(&ip)
}

fn forbidden_v6(ip: Ipv6Addr) -> bool {
    let [a, b, c, ..] = ip.segments();
    // Amazon and Google: metadata services in the private range.
    let metadata = (a, b) == (0xfd00, 0x0ec2) || (a, b) == (0xfd20, 0x00ce);
    ip.is_unicast_link_local() || metadata || embedded_v4(ip, [a, b, c]).is_some_and(forbidden_v4)
}

/// The IPv4 address that an IPv6 address stands for: mapped, compatible, NAT64 or 6to4.
fn embedded_v4(ip: Ipv6Addr, [a, b, c]: [u16; 3]) -> Option<Ipv4Addr> {
    let [.., high, low] = ip.segments();
    match (a, b, c) {
        (0, 0, 0) | (0x0064, 0xff9b, _) => Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))),
        (0x2002, high, low) => Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{forbidden, forbidden_name, read_secure};

    #[test]
    fn what_must_not_be_changed_on_its_way_goes_encrypted_or_not_over_a_wire() {
        for url in [
            "https://id.example.com/keys?p=policy",
            "http://127.0.0.1:8080/a",
            "http://[::1]/a",
            "http://localhost:1",
        ] {
            assert_eq!(read_secure(url).unwrap().query().is_some(), url.contains('?'), "{url}");
        }
        for url in [
            "http://id.example.com",
            "http://10.0.0.1",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "https://169.254.169.254/?a",
            "https://id.example.com/?a#b",
            "https://id.example.com/?a b",
            "https://id.example.com/#b",
            "ftp://127.0.0.1",
        ] {
            assert!(read_secure(url).is_err(), "{url}");
        }
    }

    #[test]
    fn metadata_services_are_forbidden_in_every_notation() {
        for ip in [
            "169.254.169.254",
            "169.254.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "fe80::1",
            "febf::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
        ] {
            assert!(forbidden(ip.parse().unwrap()), "{ip}");
        }
        assert!(forbidden_name("Metadata.Google.Internal."));
    }

    #[test]
    fn private_networks_and_loopback_are_allowed() {
        for ip in
            ["127.0.0.1", "::1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "fd12::1", "8.8.8.8", "2606::1"]
        {
            assert!(!forbidden(ip.parse().unwrap()), "{ip}");
        }
        assert!(!forbidden_name("google.internal.example"));
    }
}
