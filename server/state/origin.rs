//! Where a change comes from.

use std::{net::IpAddr, sync::Arc};

use super::{Call, Caller, Protocol};

/// Who made a change, by what, and from where.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Name of the RPC, or of what the gateway did by itself.
    pub action: &'static str,
    /// The call that asked for it. `None`: the gateway itself.
    pub call: Option<OriginCall>,
}

/// The call that asked for a change.
#[derive(Clone, Debug)]
pub struct OriginCall {
    /// Who called.
    pub caller: Arc<Caller>,
    /// The address that the call came from.
    pub source: IpAddr,
    /// Id of the request.
    pub request_id: Arc<str>,
    /// How it came in.
    pub protocol: Protocol,
}

impl Origin {
    /// What the gateway does by itself, e.g. for its seed file.
    #[must_use]
    pub fn own(action: &'static str) -> Self {
        Self { action, call: None }
    }
}

impl Call {
    /// The origin of what this call changes by the RPC `action`.
    #[must_use]
    pub fn origin(&self, action: &'static str) -> Origin {
        let call = OriginCall {
            caller: Arc::clone(&self.caller),
            source: self.source,
            request_id: Arc::clone(&self.request_id),
            protocol: self.protocol,
        };
        Origin { action, call: Some(call) }
    }
}
