//! From what an operator writes to a rate limit as it is stored.

use std::time::SystemTime;

use super::{check, sight::Sight, stamp};
use crate::{
    error::{Error, Result},
    proto::{
        self,
        v1::{Permission, RateBucket, RateLimit, RateLimitType},
    },
    wire::duration,
};

const MAX_DURATION_TEXT: usize = 64;
const LONGEST: i64 = 366 * duration::DAY;
const AMOUNT_RANGE: &str = "must be from 0 to 9223372036854775807";

/// A new rate limit.
pub(super) fn create(sight: &Sight<'_>, mut limit: RateLimit, now: SystemTime) -> Result<RateLimit> {
    sight.require_role(Permission::WriteRateLimits)?;
    resolve(sight, &mut limit)?;
    limit.id = stamp::id();
    check(&limit)?;
    limit.create_time = Some(proto::timestamp(now));
    Ok(finish(sight, limit, now))
}

/// A rate limit in place of the one with its id.
pub(super) fn replace(sight: &Sight<'_>, mut limit: RateLimit, now: SystemTime) -> Result<RateLimit> {
    let stored = changeable(sight, "rate_limit.id", &limit.id)?;
    stamp::check_etag("rate_limit.etag", &limit.etag, &stored.etag)?;
    resolve(sight, &mut limit)?;
    check(&limit)?;
    limit.create_time = stored.create_time;
    Ok(finish(sight, limit, now))
}

/// The rate limit that makes `stored` be as wanted. `None`: it is so already.
pub(super) fn reconcile(
    sight: &Sight<'_>,
    stored: &RateLimit,
    wanted: RateLimit,
    now: SystemTime,
) -> Result<Option<RateLimit>> {
    let next = replace(sight, RateLimit { id: stored.id.clone(), ..wanted }, now)?;
    let content = |limit: &RateLimit| RateLimit { update_time: None, etag: String::new(), ..limit.clone() };
    Ok(if content(&next) == content(stored) { None } else { Some(next) })
}

/// The stored rate limit, where the caller may change it.
pub(super) fn changeable<'a>(sight: &Sight<'a>, field: &str, id: &str) -> Result<&'a RateLimit> {
    sight.require_role(Permission::WriteRateLimits)?;
    sight.rate_limit(field, id)
}

/// Puts the id of what the limit is about in place of its name.
fn resolve(sight: &Sight<'_>, limit: &mut RateLimit) -> Result<()> {
    let (provider, model) = match limit.r#type() {
        RateLimitType::Unspecified => {
            return Err(Error::invalid(
                "rate_limit.type",
                "is required: RATE_LIMIT_TYPE_TENANT, RATE_LIMIT_TYPE_PROVIDER or RATE_LIMIT_TYPE_MODEL",
            ));
        }
        RateLimitType::Tenant => ("", ""),
        RateLimitType::Provider => {
            (sight.provider("rate_limit.provider", &limit.provider)?.provider.id.as_str(), "")
        }
        RateLimitType::Model => ("", sight.only_model("rate_limit.model", &limit.model)?.id.as_str()),
    };
    let fields = [
        ("rate_limit.provider", &mut limit.provider, provider),
        ("rate_limit.model", &mut limit.model, model),
    ];
    for (field, given, id) in fields {
        if id.is_empty() && !given.is_empty() {
            return Err(Error::invalid(field, "is not for a limit of this type; leave it out"));
        }
        id.clone_into(given);
    }
    Ok(())
}

fn check(limit: &RateLimit) -> Result<()> {
    let buckets = [("rate_limit.request", &limit.request), ("rate_limit.token", &limit.token)];
    let buckets = buckets.into_iter().filter_map(|(field, bucket)| Some((field, bucket.as_ref()?)));
    for (field, bucket) in buckets.clone() {
        check_bucket(field, bucket)?;
    }
    if !buckets.into_iter().any(|(_, bucket)| bucket.amount > 0) {
        return Err(Error::invalid("rate_limit.request", "or token is required, with an amount above 0"));
    }
    check::labels("rate_limit.labels", &limit.labels)
}

fn check_bucket(field: &str, bucket: &RateBucket) -> Result<()> {
    for (name, value) in [("amount", bucket.amount), ("capacity", bucket.capacity)] {
        if value < 0 {
            return Err(Error::invalid(format!("{field}.{name}"), AMOUNT_RANGE));
        }
    }
    let field = format!("{field}.duration");
    check::length(&field, &bucket.duration, 1, MAX_DURATION_TEXT)?;
    match duration::parse(&bucket.duration) {
        Err(fault) => Err(Error::invalid(field, fault.message)),
        Ok(..=0) => Err(Error::invalid(field, "must be above 0")),
        Ok(1..=LONGEST) => Ok(()),
        Ok(_) => Err(Error::invalid(field, "must be at most 366d")),
    }
}

fn finish(sight: &Sight<'_>, mut limit: RateLimit, now: SystemTime) -> RateLimit {
    limit.update_time = Some(proto::timestamp(now));
    limit.etag = String::new();
    limit.etag = stamp::etag(sight.records.revision, &limit);
    limit
}
