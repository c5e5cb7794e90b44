//! Policies.

use serde::Serialize;

use super::{Members, json, list, malformed};
use crate::{
    proto::v1::{Policy, PolicyAction, PolicyEffect},
    wire::json::Malformed,
};

const ACTIONS: [(&str, PolicyAction); 2] = [("read", PolicyAction::Read), ("write", PolicyAction::Write)];
const EFFECTS: [(&str, PolicyEffect); 2] = [("allow", PolicyEffect::Allow), ("deny", PolicyEffect::Deny)];
/// Another spelling of a kind of resource, and ours.
const KIND: (&str, &str) = ("load-balancer:", "load_balancer:");

#[derive(Serialize)]
struct Written<'a> {
    uuid: &'a str,
    action: &'a str,
    effect: &'a str,
    resource: &'a str,
    subject: &'a str,
}

/// Reads a policy.
///
/// # Errors
/// When a member is missing or wrong; names it.
pub fn read(body: &[u8]) -> Result<Policy, Malformed> {
    let members = Members::of(body)?;
    let action: String = members.required("action", "read or write")?;
    let action = ACTIONS.iter().find(|(name, _)| *name == action);
    let (_, action) = action.ok_or_else(|| malformed("action", "must be read or write"))?;
    let effect = members.text("effect")?.set().unwrap_or_else(|| "allow".to_owned());
    let effect = EFFECTS.iter().find(|(name, _)| *name == effect);
    let (_, effect) =
        effect.ok_or_else(|| malformed("effect", "must be allow or deny, or absent for allow"))?;
    let resource: String = members.required("resource", "a kind and an id, as model:UUID")?;
    let (theirs, ours) = KIND;
    let resource = match resource.strip_prefix(theirs) {
        Some(id) => format!("{ours}{id}"),
        None => resource,
    };
    let subject = members.required("subject", "a group")?;
    let (action, effect) = ((*action).into(), (*effect).into());
    Ok(Policy { subject, action, resource, effect, ..Policy::default() })
}

/// Writes a policy.
#[must_use]
pub fn write(policy: &Policy) -> Vec<u8> {
    json(&Written::of(policy))
}

/// Writes a list of policies.
#[must_use]
pub fn write_list(policies: &[Policy]) -> Vec<u8> {
    list(policies.iter().map(Written::of).collect::<Vec<_>>())
}

// === impl Written ===

impl<'a> Written<'a> {
    fn of(policy: &'a Policy) -> Self {
        let action = ACTIONS.iter().find(|(_, action)| *action == policy.action());
        let effect = EFFECTS.iter().find(|(_, effect)| *effect == policy.effect());
        Self {
            uuid: &policy.id,
            action: action.map_or("", |(name, _)| name),
            effect: effect.map_or("allow", |(name, _)| name),
            resource: &policy.resource,
            subject: &policy.subject,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn policy(effect: Option<&str>) -> Value {
        let mut body = json!({
            "action": "read", "resource": "model:0190", "subject": "AccessGroupId-1", "surplus": {"a": [1]},
        });
        if let Some(effect) = effect {
            body["effect"] = effect.into();
        }
        body
    }

    #[test]
    fn policy_is_written_as_it_was_read() {
        for (given, effect) in [(None, "allow"), (Some("allow"), "allow"), (Some("deny"), "deny")] {
            let mut read = read(policy(given).to_string().as_bytes()).unwrap();
            read.id = "7".to_owned();
            let expected = json!({
                "uuid": "7", "action": "read", "effect": effect, "resource": "model:0190",
                "subject": "AccessGroupId-1",
            });
            assert_eq!(serde_json::from_slice::<Value>(&write(&read)).unwrap(), expected);
            let list: Value = serde_json::from_slice(&write_list(&[read])).unwrap();
            assert_eq!(list, json!({"object": "list", "data": [expected]}));
        }
    }

    #[test]
    fn either_spelling_of_a_load_balancer_is_taken() {
        for resource in ["load_balancer:1", "load-balancer:1"] {
            let body = json!({"action": "write", "resource": resource, "subject": "g", "effect": null});
            assert_eq!(read(body.to_string().as_bytes()).unwrap().resource, "load_balancer:1");
        }
    }

    #[test]
    fn wrong_member_is_named() {
        for (member, value) in [
            ("action", json!("infer")),
            ("action", json!("READ")),
            ("action", json!(1)),
            ("action", Value::Null),
            ("effect", json!("maybe")),
            ("effect", json!(true)),
            ("resource", json!({})),
            ("resource", Value::Null),
            ("subject", json!([])),
            ("subject", Value::Null),
        ] {
            let mut body = policy(None);
            body[member] = value;
            assert_eq!(read(body.to_string().as_bytes()).unwrap_err().field, member, "{body}");
        }
    }
}
