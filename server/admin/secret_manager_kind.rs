//! What the kinds of secret managers are told, checked and brought into the form that is stored.

use url::{Host, Url};

use super::check;
pub(super) use crate::secrets::secret_sets;
use crate::{
    address,
    error::{Error, Result},
    http::Way,
    proto::v1::{Connection, IbmSecretsManager, SoftwareHubVault, Vault, secret_manager::Kind},
    secrets::IAM_URL,
};

const MAX_PEM_BYTES: usize = 256 << 10;
const MAX_TEXT: usize = 256;
/// The identity service of the private network of IBM Cloud.
const PRIVATE_IAM_URL: &str = "https://private.iam.cloud.ibm.com";

/// Checks the settings, and brings them into the form that is stored.
pub(super) fn normalize(kind: &mut Kind) -> Result<()> {
    match kind {
        Kind::Vault(vault) => normalize_vault(vault),
        Kind::IbmSecretsManager(manager) => normalize_ibm(manager),
        Kind::SoftwareHub(hub) => normalize_hub(hub),
    }
}

/// Where the credential goes: each as scheme, host and port.
pub(super) fn origins(kind: &Kind) -> Vec<Option<url::Origin>> {
    let addresses = match kind {
        Kind::Vault(vault) => vec![vault.address.as_str()],
        Kind::SoftwareHub(hub) => vec![hub.address.as_str()],
        Kind::IbmSecretsManager(manager) => {
            let login = match (manager.auth_url.as_str(), manager.private_endpoint) {
                ("", true) => PRIVATE_IAM_URL,
                ("", false) => IAM_URL,
                (given, _) => given,
            };
            vec![login, &manager.address]
        }
    };
    addresses.into_iter().map(|address| Url::parse(address).ok().map(|url| url.origin())).collect()
}

fn normalize_vault(vault: &mut Vault) -> Result<()> {
    normalize_address("secret_manager.vault.address", &mut vault.address)?;
    for (field, path) in [
        ("secret_manager.vault.namespace", &vault.namespace),
        ("secret_manager.vault.mount", &vault.mount),
        ("secret_manager.vault.app_role_mount", &vault.app_role_mount),
    ] {
        check_path(field, path)?;
    }
    check_bundle("secret_manager.vault.ca_bundle_pem", &vault.ca_bundle_pem)
}

fn normalize_ibm(manager: &mut IbmSecretsManager) -> Result<()> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if manager.instance.len() > 63 || !manager.instance.bytes().all(fits) {
        let message = "is no UUID of an instance; it stands behind a/ACCOUNT: in the CRN of a secret";
        return Err(Error::invalid("secret_manager.ibm_secrets_manager.instance", message));
    }
    for (field, address) in [
        ("secret_manager.ibm_secrets_manager.address", &mut manager.address),
        ("secret_manager.ibm_secrets_manager.auth_url", &mut manager.auth_url),
    ] {
        if !address.is_empty() {
            normalize_address(field, address)?;
        }
    }
    Ok(())
}

fn normalize_hub(hub: &mut SoftwareHubVault) -> Result<()> {
    normalize_address("secret_manager.software_hub.address", &mut hub.address)?;
    check::length("secret_manager.software_hub.username", &hub.username, 1, MAX_TEXT)?;
    check::value("secret_manager.software_hub.username", &hub.username, 4 * MAX_TEXT)?;
    check_bundle("secret_manager.software_hub.ca_bundle_pem", &hub.ca_bundle_pem)
}

/// The gateway's own credential goes there, and all secrets come from there.
fn normalize_address(field: &str, text: &mut String) -> Result<()> {
    check::length(field, text, 1, MAX_TEXT * 8)?;
    let url = address::read(text).map_err(|why| Error::invalid(field, why))?;
    if url.scheme() != "https" && !is_near(&url) {
        let message = "must begin with https://; without it only localhost and addresses of private networks are called";
        return Err(Error::invalid(field, message));
    }
    url.as_str().trim_end_matches('/').clone_into(text);
    Ok(())
}

/// Whether it is this machine, or an address of a private network. A name may stand for anything.
fn is_near(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback() || ip.is_private(),
        Some(Host::Ipv6(ip)) => ip.is_loopback() || ip.is_unique_local(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// A path that servers read as we do. Empty: that of the kind.
fn check_path(field: &str, path: &str) -> Result<()> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    let is_odd = path.split('/').any(|segment| matches!(segment, "" | "." | ".."));
    if path.is_empty() || (path.len() <= MAX_TEXT && path.bytes().all(fits) && !is_odd) {
        return Ok(());
    }
    let message = format!(
        "must be at most {MAX_TEXT} letters, digits and - _ . / without . and .. and empty parts, and without / at its ends"
    );
    Err(Error::invalid(field, message))
}

fn check_bundle(field: &str, pem: &str) -> Result<()> {
    if pem.len() > MAX_PEM_BYTES {
        return Err(Error::invalid(field, format!("must have at most {MAX_PEM_BYTES} bytes")));
    }
    let connection = Connection { ca_bundle_pem: pem.to_owned(), ..Connection::default() };
    Way::of(&connection, |_| None).check().map_err(|error| error.field(field))
}
