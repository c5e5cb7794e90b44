//! Rate limits.

use serde::Serialize;

use super::{Members, json, list, malformed};
use crate::{
    proto::v1::{RateBucket, RateLimit, RateLimitType},
    wire::json::Malformed,
};

const TYPES: [(&str, RateLimitType); 3] = [
    ("tenant", RateLimitType::Tenant),
    ("provider", RateLimitType::Provider),
    ("model", RateLimitType::Model),
];
const TYPE_NAMES: &str = "tenant, provider or model";
/// Clients differ in how they spell these.
const PROVIDER: [&str; 2] = ["provider_uuid", "providerId"];
const MODEL: [&str; 2] = ["model_uuid", "modelId"];
const AMOUNT: &str = "a whole number from 0 to 9223372036854775807";

/// A rate limit as a client writes it.
#[derive(Clone, Debug, PartialEq)]
pub struct RateLimitWrite {
    /// The limit.
    pub limit: RateLimit,
    /// How the client spells what it is about. Empty: a tenant's limit, which has no such member.
    pub target: &'static str,
}

#[derive(Serialize)]
struct Written<'a> {
    uuid: &'a str,
    r#type: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    provider_uuid: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    model_uuid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<Bucket<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<Bucket<'a>>,
}

#[derive(Serialize)]
struct Bucket<'a> {
    amount: i64,
    capacity: i64,
    duration: &'a str,
}

/// Reads a rate limit. Of what it may be about only that is read which its type asks for: some clients send more.
///
/// # Errors
/// When a member is missing or wrong; names it.
pub fn read(body: &[u8]) -> Result<RateLimitWrite, Malformed> {
    let members = Members::of(body)?;
    let name: String = members.required("type", TYPE_NAMES)?;
    let known = TYPES.iter().find(|(known, _)| *known == name);
    let (_, kind) = known.ok_or_else(|| malformed("type", format!("must be {TYPE_NAMES}")))?;
    let mut limit = RateLimit { r#type: (*kind).into(), ..RateLimit::default() };
    let mut target = "";
    match kind {
        RateLimitType::Provider => (target, limit.provider) = either(&members, PROVIDER)?,
        RateLimitType::Model => (target, limit.model) = either(&members, MODEL)?,
        RateLimitType::Tenant | RateLimitType::Unspecified => {}
    }
    limit.request = bucket(&members, "request")?;
    limit.token = bucket(&members, "token")?;
    Ok(RateLimitWrite { limit, target })
}

/// The member under either name, and the name.
fn either(members: &Members<'_>, names: [&'static str; 2]) -> Result<(&'static str, String), Malformed> {
    let [first, second] = names;
    match (members.text(first)?.set(), members.text(second)?.set()) {
        (Some(one), Some(other)) if one != other => {
            Err(malformed(second, format!("says something else than {first}; send one of them")))
        }
        (Some(id), _) => Ok((first, id)),
        (None, Some(id)) => Ok((second, id)),
        (None, None) => Err(malformed(first, "is required by a limit of this type")),
    }
}

fn bucket(members: &Members<'_>, name: &str) -> Result<Option<RateBucket>, Malformed> {
    let Some(members) = members.inside(name)? else { return Ok(None) };
    let read = || {
        Ok(RateBucket {
            amount: members.required("amount", AMOUNT)?,
            capacity: members.required("capacity", AMOUNT)?,
            duration: members.required("duration", "a text with units, as 30s or 1h30m")?,
        })
    };
    read().map(Some).map_err(|fault: Malformed| fault.inside(name))
}

/// Writes a rate limit.
#[must_use]
pub fn write(limit: &RateLimit) -> Vec<u8> {
    json(&Written::of(limit))
}

/// Writes a list of rate limits.
#[must_use]
pub fn write_list(limits: &[RateLimit]) -> Vec<u8> {
    list(limits.iter().map(Written::of).collect::<Vec<_>>())
}

// === impl Written ===

impl<'a> Written<'a> {
    fn of(limit: &'a RateLimit) -> Self {
        let kind = TYPES.iter().find(|(_, kind)| *kind == limit.r#type());
        Self {
            uuid: &limit.id,
            r#type: kind.map_or("", |(name, _)| name),
            provider_uuid: &limit.provider,
            model_uuid: &limit.model,
            request: limit.request.as_ref().map(Bucket::of),
            token: limit.token.as_ref().map(Bucket::of),
        }
    }
}

// === impl Bucket ===

impl<'a> Bucket<'a> {
    fn of(bucket: &'a RateBucket) -> Self {
        Self { amount: bucket.amount, capacity: bucket.capacity, duration: &bucket.duration }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn bucket() -> Value {
        json!({"amount": 3, "capacity": i64::MAX, "duration": "1m"})
    }

    #[test]
    fn limit_is_written_as_it_was_read_without_nulls() {
        for (body, target) in [
            (json!({"type": "tenant", "request": bucket()}), ""),
            (json!({"type": "provider", "provider_uuid": "p", "token": bucket()}), "provider_uuid"),
            (
                json!({"type": "model", "model_uuid": "m", "request": bucket(), "token": bucket()}),
                "model_uuid",
            ),
        ] {
            let RateLimitWrite { mut limit, target: named } = read(body.to_string().as_bytes()).unwrap();
            assert_eq!(named, target);
            limit.id = "7".to_owned();
            let mut expected = body;
            expected["uuid"] = "7".into();
            assert_eq!(serde_json::from_slice::<Value>(&write(&limit)).unwrap(), expected);
            let list: Value = serde_json::from_slice(&write_list(&[limit])).unwrap();
            assert_eq!(list, json!({"object": "list", "data": [expected]}));
        }
    }

    #[test]
    fn either_spelling_is_taken() {
        let of = |body: Value| read(body.to_string().as_bytes());
        for body in [
            json!({"type": "model", "modelId": "m", "providerId": "x", "token": null}),
            json!({"type": "model", "modelId": "m", "model_uuid": "m"}),
            json!({"type": "model", "modelId": "m", "model_uuid": null, "provider_uuid": 5}),
        ] {
            let read = of(body).unwrap();
            assert_eq!((read.limit.model.as_str(), read.limit.provider.as_str()), ("m", ""));
        }
        let read = of(json!({"type": "provider", "providerId": "p", "modelId": "x"})).unwrap();
        assert_eq!((read.limit.provider.as_str(), read.target), ("p", "providerId"));
        let both = of(json!({"type": "provider", "providerId": "p", "provider_uuid": "q"})).unwrap_err();
        assert_eq!(both.field, "providerId");
        let stray = of(json!({"type": "tenant", "providerId": 5, "model_uuid": "x"})).unwrap();
        assert_eq!((stray.limit.model.as_str(), stray.limit.provider.as_str()), ("", ""));
    }

    #[test]
    fn wrong_member_is_named() {
        for (wrong, field) in [
            (json!({"type": "user"}), "type"),
            (json!({"type": 1}), "type"),
            (json!({"type": null}), "type"),
            (json!({"type": "provider"}), "provider_uuid"),
            (json!({"type": "model", "model_uuid": 5}), "model_uuid"),
            (json!({"type": "model", "modelId": ["m"]}), "modelId"),
            (json!({"request": 5}), "request"),
            (json!({"token": []}), "token"),
            (json!({"request": {}}), "request.amount"),
            (json!({"request": {"amount": "3"}}), "request.amount"),
            (json!({"request": {"amount": 3.0}}), "request.amount"),
            (json!({"request": {"amount": 1e3}}), "request.amount"),
            (json!({"request": {"amount": true}}), "request.amount"),
            (json!({"request": {"amount": {"amount": 3}}}), "request.amount"),
            (json!({"request": {"amount": 9_223_372_036_854_775_808_u64}}), "request.amount"),
            (json!({"request": {"amount": 3}}), "request.capacity"),
            (json!({"request": {"amount": 3, "capacity": 3}}), "request.duration"),
            (json!({"token": {"amount": 3, "capacity": 3, "duration": 60}}), "token.duration"),
        ] {
            let mut body = json!({"type": "tenant"});
            body.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
            assert_eq!(read(body.to_string().as_bytes()).unwrap_err().field, field, "{body}");
        }
        for digits in ["99999999999999999999999999", "-99999999999999999999999999", "1e999", "-0.0"] {
            let body = format!(r#"{{"type": "tenant", "request": {{"amount": {digits}}}}}"#);
            assert_eq!(read(body.as_bytes()).unwrap_err().field, "request.amount", "{body}");
        }
    }
}
