//! The addresses that are listened on, and what is served on each.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::{
    config::Config,
    edge::Serves,
    error::{Error, Reason, Result},
};

/// One address.
pub(super) struct Port {
    pub(super) listener: TcpListener,
    pub(super) address: SocketAddr,
    pub(super) serves: Serves,
}

/// Opens the address for everything, or the one for calls and then the one for administration.
pub(super) async fn open(config: &Config) -> Result<Vec<Port>> {
    let Some(admin) = config.admin_listen else {
        return Ok(vec![Port::open("listen", config.listen, Serves::Everything).await?]);
    };
    Ok(vec![
        Port::open("listen", config.listen, Serves::Calls).await?,
        Port::open("admin-listen", admin, Serves::Administration).await?,
    ])
}

impl Port {
    async fn open(flag: &str, address: SocketAddr, serves: Serves) -> Result<Self> {
        let cannot = |cause| {
            let message = format!("cannot listen on {address}: {cause}; choose another with --{flag}");
            Error::new(Reason::FailedPrecondition, message)
        };
        let listener = TcpListener::bind(address).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        Ok(Self { listener, address, serves })
    }

    /// Tells the operator when keys and prompts can be read on their way.
    pub(super) fn warn_of_plain_text(&self) {
        let address = self.address;
        if !address.ip().is_loopback() {
            tracing::warn!(%address, "keys and prompts come in unencrypted: give --tls-cert and --tls-key, or encrypt in front");
        }
    }
}
