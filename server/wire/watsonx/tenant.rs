//! The tenant.

use serde::Serialize;

use super::{Member, Members, json, malformed};
use crate::{proto::v1::Tenant, wire::json::Malformed};

/// Where a client may say where the tenant's secrets are.
const STORES: [&str; 2] = ["secretsManager", "remote_credential_store"];

/// A tenant as a client writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantWrite {
    /// Its name.
    pub name: Member<String>,
}

#[derive(Serialize)]
struct Written<'a> {
    id: &'a str,
    name: &'a str,
}

/// Reads a tenant.
///
/// # Errors
/// When a member is wrong; names it.
pub fn read(body: &[u8]) -> Result<TenantWrite, Malformed> {
    let members = Members::of(body)?;
    if let Some(store) =
        STORES.iter().find(|name| members.0.get(**name).is_some_and(|raw| raw.get() != "null"))
    {
        return Err(malformed(
            *store,
            "is not supported yet: the gateway keeps secrets itself; leave it out",
        ));
    }
    Ok(TenantWrite { name: members.text("name")? })
}

/// Writes the tenant.
#[must_use]
pub fn write(tenant: &Tenant) -> Vec<u8> {
    json(&Written { id: &tenant.id, name: &tenant.name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_all_that_is_said() {
        for (body, name) in [
            ("{}", Member::Absent),
            (r#"{"name": null, "secretsManager": null, "other": [1]}"#, Member::Null),
            (r#"{"name": "acme"}"#, Member::Set("acme".to_owned())),
        ] {
            assert_eq!(read(body.as_bytes()), Ok(TenantWrite { name }), "{body}");
        }
        let tenant = Tenant { id: "7".to_owned(), name: "a\"b".to_owned(), ..Tenant::default() };
        assert_eq!(write(&tenant), br#"{"id":"7","name":"a\"b"}"#);
    }

    #[test]
    fn wrong_member_is_named() {
        for (body, field) in [
            (r#"{"name": 5}"#, "name"),
            (r#"{"name": "a", "secretsManager": "https://x"}"#, "secretsManager"),
            (r#"{"remote_credential_store": {}}"#, "remote_credential_store"),
            ("[]", ""),
            ("nonsense", ""),
            ("", ""),
        ] {
            assert_eq!(read(body.as_bytes()).unwrap_err().field, field, "{body}");
        }
    }
}
