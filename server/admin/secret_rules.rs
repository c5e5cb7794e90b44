//! Rules of secret managers, checked and brought into the form that is stored.

use url::{Host, Url};

use super::{check, reference::keeps};
use crate::{
    address,
    error::{Error, Result},
    proto::v1::{SecretRule, secret_manager::Kind},
    providers::host_name,
    secrets::Resource,
};

const FIELD: &str = "secret_manager.rules";
const MAX_RULES: usize = 64;
const MAX_HOSTS: usize = 64;
const MAX_GROUPS: usize = 64;
const MAX_HOST: usize = 270;
const MAX_PREFIX: usize = 1024;

/// Checks the rules of a manager of this kind.
pub(super) fn normalize(kind: &Kind, rules: &mut [SecretRule]) -> Result<()> {
    check::count(FIELD, rules.len(), MAX_RULES)?;
    for (index, rule) in rules.iter_mut().enumerate() {
        let field = format!("{FIELD}[{index}]");
        check_prefix(&format!("{field}.prefix"), kind, &rule.prefix)?;
        let hosts = format!("{field}.hosts");
        check::count(&hosts, rule.hosts.len(), MAX_HOSTS)?;
        for (index, host) in rule.hosts.iter_mut().enumerate() {
            *host = normalize_host(&format!("{hosts}[{index}]"), host)?;
        }
        let groups = format!("{field}.groups");
        check::count(&groups, rule.groups.len(), MAX_GROUPS)?;
        for (index, group) in rule.groups.iter().enumerate() {
            check::group(&format!("{groups}[{index}]"), group)?;
        }
        if rule.hosts.is_empty() && !rule.groups.is_empty() {
            let message = "is required where groups are named: who can choose the host can read the secret";
            return Err(Error::invalid(hosts, message));
        }
    }
    Ok(())
}

/// A prefix that begins no secret of the manager admits nothing, which nobody means.
fn check_prefix(field: &str, kind: &Kind, prefix: &str) -> Result<()> {
    check::length(field, prefix, 0, MAX_PREFIX)?;
    let is_begin = |end: &str| {
        let resource = Resource::read(&format!("{prefix}{end}"));
        resource.is_ok_and(|resource| keeps(Some(kind), &resource))
    };
    if prefix.is_empty() || ["", "x", ":x", "secret:x", ":secret:x"].into_iter().any(is_begin) {
        return Ok(());
    }
    let form = match kind {
        Kind::Vault(_) => "vault:PATH",
        Kind::IbmSecretsManager(_) => {
            "crn:v1:bluemix:public:secrets-manager:REGION:a/ACCOUNT:INSTANCE, of the instance that is read"
        }
        Kind::SoftwareHub(_) => "OWNER or OWNER:NAME",
    };
    Err(Error::invalid(field, format!("begins no secret of this secret manager; write it like {form}")))
}

fn normalize_host(field: &str, text: &str) -> Result<String> {
    let wrong = || {
        let message = "is no host; write it like api.example.com, *.example.com, api.example.com:8443 or \
                       http://10.0.0.5:8000";
        Error::invalid(field, message)
    };
    check::length(field, text, 1, MAX_HOST)?;
    let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
    let (below, host) = rest.strip_prefix("*.").map_or((false, rest), |host| (true, host));
    if host.contains('*') {
        return Err(wrong());
    }
    let url = address::read(&format!("{scheme}://{host}")).map_err(|_| wrong())?;
    if url.path() != "/" || (below && !has_suffix(&url)) {
        return Err(wrong());
    }
    let name = host_name(&url);
    Ok(match (below, name.split_once("://")) {
        (false, _) => name,
        (true, None) => format!("*.{name}"),
        (true, Some((scheme, host))) => format!("{scheme}://*.{host}"),
    })
}

/// Whether something can be below the host that is not everything.
fn has_suffix(url: &Url) -> bool {
    matches!(url.host(), Some(Host::Domain(name)) if name.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::{check_prefix, normalize_host};
    use crate::proto::v1::{IbmSecretsManager, SoftwareHubVault, Vault, secret_manager::Kind};

    #[test]
    fn hosts_are_stored_in_the_words_in_which_providers_name_them() {
        for (given, stored) in [
            ("API.Example.com", "api.example.com"),
            ("api.example.com:443", "api.example.com"),
            ("https://api.example.com/", "api.example.com"),
            ("*.Example.com", "*.example.com"),
            ("*.example.com:8443", "*.example.com:8443"),
            ("http://*.example.com", "http://*.example.com"),
            ("http://10.0.0.5:8000", "http://10.0.0.5:8000"),
            ("http://10.0.0.5:80", "http://10.0.0.5"),
            ("[::1]:8000", "[::1]:8000"),
        ] {
            assert_eq!(normalize_host("f", given).unwrap(), stored, "{given}");
        }
        for given in [
            "",
            "*",
            "*.com",
            "*.*.example.com",
            "a*.example.com",
            "*.10.0.0.5",
            "api.example.com/v1",
            "user@api.example.com",
            "ftp://api.example.com",
            "api.example.com?x",
            "169.254.169.254",
            "api example.com",
        ] {
            assert!(normalize_host("f", given).is_err(), "{given}");
        }
    }

    #[test]
    fn a_prefix_must_begin_secrets_of_its_manager() {
        const CRN: &str = "crn:v1:bluemix:public:secrets-manager:us-south:a/12:34";
        let vault = Kind::Vault(Vault::default());
        let ibm = |instance: &str| {
            Kind::IbmSecretsManager(IbmSecretsManager {
                instance: instance.into(),
                ..IbmSecretsManager::default()
            })
        };
        let hub = Kind::SoftwareHub(SoftwareHubVault::default());
        let (secret, short) = (format!("{CRN}:secret:56"), &CRN[..CRN.len() - 3]);
        for (kind, prefix, fits) in [
            (&vault, "", true),
            (&vault, "vault:", true),
            (&vault, "vault:team", true),
            (&vault, "vault:team/", true),
            (&vault, "vault", true),
            (&vault, "team", false),
            (&vault, "vault:/team", false),
            (&vault, "vault:a/../b", false),
            (&vault, CRN, false),
            (&ibm(""), CRN, true),
            (&ibm("34"), CRN, true),
            (&ibm("35"), CRN, false),
            (&ibm(""), &secret, true),
            (&ibm(""), short, false),
            (&ibm(""), "vault:team", false),
            (&hub, "100", true),
            (&hub, "100:", true),
            (&hub, "100:name", true),
            (&hub, "vault:team", false),
        ] {
            assert_eq!(check_prefix("f", kind, prefix).is_ok(), fits, "{kind:?} {prefix}");
        }
    }
}
