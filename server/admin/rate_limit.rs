//! Rate limits. They are kept, not enforced.

use super::{Admin, page::Page, rate_limit_plan, replay::Digest, sight::Sight};
use crate::{
    error::{Error, Result},
    proto::v1::{
        CreateRateLimitRequest, CreateRateLimitResponse, DeleteRateLimitRequest, DeleteRateLimitResponse,
        GetRateLimitRequest, GetRateLimitResponse, ListRateLimitsRequest, ListRateLimitsResponse, RateLimit,
        UpdateRateLimitRequest, UpdateRateLimitResponse,
    },
    state::{Call, Change},
};

impl Admin {
    /// Makes a rate limit. A repeat of the same request within ten seconds gives the first result.
    ///
    /// # Errors
    /// What is wrong with the limit, or that there is no such provider or model.
    pub async fn create_rate_limit(
        &self,
        call: &Call,
        request: CreateRateLimitRequest,
    ) -> Result<CreateRateLimitResponse> {
        let digest = Digest::of(call, "CreateRateLimit", &request, &self.hasher);
        let wanted = given(request.rate_limit)?;
        let now = self.clock.now();
        let ((limit, fresh), revision) =
            self.state
                .change(&call.origin("CreateRateLimit"), |records| {
                    let first = self.replays.find(digest, now).and_then(|(id, etag)| {
                        records.rate_limits.get(&id).filter(|limit| limit.etag == etag)
                    });
                    if let Some(first) = first {
                        return Ok((Vec::new(), (first.clone(), false)));
                    }
                    let limit = rate_limit_plan::create(&Sight::newest(records, &call.caller), wanted, now)?;
                    self.replays.keep(digest, now, &limit.id, &limit.etag);
                    Ok((vec![Change::PutRateLimit(Box::new(limit.clone()))], (limit, true)))
                })
                .await?;
        if fresh {
            self.note(call, "create rate limit", &limit.id, name(&limit), revision);
        }
        Ok(CreateRateLimitResponse { rate_limit: Some(limit), revision })
    }

    /// Reads one rate limit.
    ///
    /// # Errors
    /// That there is none.
    pub async fn get_rate_limit(
        &self,
        call: &Call,
        request: GetRateLimitRequest,
    ) -> Result<GetRateLimitResponse> {
        let limit = Sight::of(call).rate_limit("id", &request.id)?;
        Ok(GetRateLimitResponse { rate_limit: Some(limit.clone()) })
    }

    /// Lists rate limits in the order of their creation, without those of what the caller may not read.
    ///
    /// # Errors
    /// A wrong page.
    pub async fn list_rate_limits(
        &self,
        call: &Call,
        request: ListRateLimitsRequest,
    ) -> Result<ListRateLimitsResponse> {
        let page = Page::read("rate_limits", request.page_size, &request.page_token)?;
        let sight = Sight::of(call);
        let seen = sight.records.rate_limits.values().filter(|limit| sight.sees_rate_limit(limit));
        // Ids that were made later sort later.
        let (shown, next_page_token) = page.cut(seen.map(|limit| (limit.id.clone(), limit)).collect());
        Ok(ListRateLimitsResponse { rate_limits: shown.into_iter().cloned().collect(), next_page_token })
    }

    /// Replaces a rate limit. Its id and create time stay.
    ///
    /// # Errors
    /// What is wrong with the limit, that there is none, or that it has changed since it was read.
    pub async fn update_rate_limit(
        &self,
        call: &Call,
        request: UpdateRateLimitRequest,
    ) -> Result<UpdateRateLimitResponse> {
        let wanted = given(request.rate_limit)?;
        let now = self.clock.now();
        let (limit, revision) = self
            .state
            .change(&call.origin("UpdateRateLimit"), |records| {
                let next = rate_limit_plan::replace(&Sight::newest(records, &call.caller), wanted, now)?;
                Ok((vec![Change::PutRateLimit(Box::new(next.clone()))], next))
            })
            .await?;
        self.note(call, "update rate limit", &limit.id, name(&limit), revision);
        Ok(UpdateRateLimitResponse { rate_limit: Some(limit), revision })
    }

    /// Removes a rate limit.
    ///
    /// # Errors
    /// That there is none.
    pub async fn delete_rate_limit(
        &self,
        call: &Call,
        request: DeleteRateLimitRequest,
    ) -> Result<DeleteRateLimitResponse> {
        let (gone, revision) = self
            .state
            .change(&call.origin("DeleteRateLimit"), |records| {
                let sight = Sight::newest(records, &call.caller);
                let gone = rate_limit_plan::changeable(&sight, "id", &request.id)?.clone();
                Ok((vec![Change::DeleteRateLimit(gone.id.clone())], gone))
            })
            .await?;
        self.note(call, "delete rate limit", &gone.id, name(&gone), revision);
        Ok(DeleteRateLimitResponse { revision })
    }
}

fn given(limit: Option<RateLimit>) -> Result<RateLimit> {
    limit.ok_or_else(|| Error::invalid("rate_limit", "is required"))
}

/// It has no name; what it is about says more than nothing.
fn name(limit: &RateLimit) -> &str {
    if limit.model.is_empty() { &limit.provider } else { &limit.model }
}
