//! Names become addresses as the machine says, but for those that no provider can have.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address;

/// Refuses names that resolve to forbidden addresses. Proxies are looked up by it too.
pub(super) struct Guarded;

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed = allowed(name.as_str(), found)?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// All addresses or none: which of them is called is not ours to choose.
fn allowed(name: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, String> {
    if found.iter().any(|address| address::forbidden(address.ip())) {
        return Err(format!("{name} resolves to a link-local or cloud-metadata address"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::allowed;

    #[test]
    fn a_name_with_one_forbidden_address_has_none() {
        let addresses = |list: &[&str]| {
            list.iter().map(|ip| (ip.parse::<std::net::IpAddr>().unwrap(), 0).into()).collect()
        };
        for forbidden in
            ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254", "100.100.100.200"]
        {
            let refused = allowed("rebound.example", addresses(&["10.0.0.1", forbidden])).unwrap_err();
            assert!(refused.contains("rebound.example"), "{refused}");
        }
        assert_eq!(allowed("a.example", addresses(&["10.0.0.1", "::1"])).unwrap().len(), 2);
    }
}
