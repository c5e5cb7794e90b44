//! What one call carries through the gateway.

use std::{net::IpAddr, sync::Arc, time::SystemTime};

use tokio::time::Instant;

use super::{Resource, Snapshot};
use crate::{
    error::{Error, Reason, Result},
    places::Place,
    proto::v1::{AccessRole, Permission},
    providers::Scope,
};

/// One request, after its edge has said who calls. It sees one snapshot from beginning to end.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who calls.
    pub caller: Arc<Caller>,
    /// The configuration that this call sees.
    pub snapshot: Arc<Snapshot>,
    /// Id of the request: the caller's own `x-request-id`, or ours.
    pub request_id: Arc<str>,
    /// When it came.
    pub time: SystemTime,
    /// When the caller stops waiting. `None`: it did not say.
    pub deadline: Option<Instant>,
    /// How the request came in.
    pub protocol: Protocol,
    /// The address that it came from.
    pub source: IpAddr,
    /// Which account of a vendor the caller wants, for providers that leave it open.
    pub scope: Scope,
    /// Its place among the calls in flight, given back with the last clone. `None`: administration, which is not counted.
    pub place: Option<Arc<Place>>,
}

/// How a request came in. For the records only: no stage below the edges may branch on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// gRPC.
    Grpc,
    /// gRPC-Web.
    GrpcWeb,
    /// REST.
    Rest,
}

/// Who calls: the holder of an API key, or of an issuer's token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// Id of the key, or `NAME:SUBJECT` with the name of the issuer and the subject of its token.
    pub id: String,
    /// Name of the key, or the name that the token gives.
    pub name: String,
    /// Its role.
    pub role: AccessRole,
    /// What policies name as subject.
    pub groups: Vec<String>,
    /// Name of the issuer of the token. Empty: an API key.
    pub issuer: String,
}

impl Caller {
    /// Whether the caller's role holds the permission.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        use AccessRole::{Admin, Audit, Manage, User};
        let held_by: &[AccessRole] = match permission {
            Permission::Unspecified => &[],
            Permission::Infer => &[User, Manage, Admin],
            Permission::ReadModels | Permission::ReadTenant => &[User, Manage, Audit, Admin],
            Permission::ReadProviders
            | Permission::ReadPolicies
            | Permission::ReadRateLimits
            | Permission::ReadSecretManagers => &[Manage, Audit, Admin],
            Permission::WriteModels
            | Permission::WriteProviders
            | Permission::WritePolicies
            | Permission::WriteRateLimits => &[Manage, Admin],
            Permission::ReadAccess | Permission::ReadIssuers | Permission::ReadAudit => &[Audit, Admin],
            Permission::WriteAccess
            | Permission::WriteTenant
            | Permission::ReferenceSecrets
            | Permission::WriteSecretManagers
            | Permission::WriteIssuers => &[Admin],
        };
        held_by.contains(&self.role)
    }

    /// Refuses a caller whose role does not hold the permission.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`], naming the role and the permission.
    pub fn require(&self, permission: Permission) -> Result<()> {
        if self.may(permission) {
            return Ok(());
        }
        Err(Error::new(
            Reason::PermissionDenied,
            format!(
                "{self} has role {}, which does not hold {}; ask an administrator for one that does",
                self.role.as_str_name(),
                permission.as_str_name()
            ),
        ))
    }
}

/// What people call it, in messages.
impl std::fmt::Display for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, issuer, .. } = self;
        if issuer.is_empty() {
            write!(f, "key \"{name}\"")
        } else {
            write!(f, "caller \"{name}\" of issuer \"{issuer}\"")
        }
    }
}

impl Call {
    /// Refuses what its role, or the policies of the configuration that this call sees, do not allow its caller.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`] or [`Reason::PolicyDenied`].
    pub fn require(&self, permission: Permission, resource: Resource<'_>) -> Result<()> {
        self.caller.require(permission)?;
        self.snapshot.access.decide(&self.caller, permission, Some(resource)).require(&self.caller)
    }
}

impl Protocol {
    /// Name in logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::GrpcWeb => "grpc_web",
            Self::Rest => "rest",
        }
    }
}
