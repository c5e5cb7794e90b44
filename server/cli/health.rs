//! Whether a gateway is ready, for the health checks of containers that have no other program.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use super::Health;
use crate::{
    error::{Error, Reason, Result},
    http,
};

const TIMEOUT: Duration = Duration::from_secs(3);

/// Asks `/readyz`. Returns what to tell the operator.
///
/// # Errors
/// [`Reason::FailedPrecondition`] when there is no gateway, or it is not ready.
pub async fn ask(asked: &Health) -> Result<String> {
    let address = reachable(asked.listen);
    let tls = asked.tls || asked.ca_cert.is_some() || asked.tls_cert.is_some() || asked.tls_self_signed;
    let scheme = if tls { "https" } else { "http" };
    let url = format!("{scheme}://{address}/readyz");
    let not_ready =
        |cause: String| Error::new(Reason::FailedPrecondition, format!("{url} is not ready: {cause}"));
    let answered = client(asked, address)?.get(&url).timeout(TIMEOUT).send().await;
    match answered {
        Ok(answer) if answer.status().is_success() => Ok(format!("{url} is ready")),
        Ok(answer) => Err(not_ready(answer.status().to_string())),
        Err(error) => Err(not_ready(error.without_url().to_string())),
    }
}

/// No secret is sent and everybody may have the answer, so that on loopback nothing hangs on who gives it. The
/// certificate there is for the name by which others call the gateway.
fn client(asked: &Health, address: SocketAddr) -> Result<reqwest::Client> {
    match &asked.ca_cert {
        Some(file) => {
            let authorities = std::fs::read_to_string(file).map_err(|cause| {
                Error::invalid("ca-cert", format!("{} cannot be read: {cause}", file.display()))
            })?;
            http::client_trusting(&authorities)
        }
        None if address.ip().is_loopback() => http::client_for_loopback(),
        None => http::client(),
    }
}

/// Who listens on every address of the machine is reached on loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let address = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(address, listen.port())
}
