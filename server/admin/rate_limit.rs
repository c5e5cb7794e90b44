//! Rate limits.

use super::Admin;
use crate::{
    error::{Error, Reason, Result},
    proto::v1::{
        CreateRateLimitRequest, CreateRateLimitResponse, DeleteRateLimitRequest, DeleteRateLimitResponse,
        GetRateLimitRequest, GetRateLimitResponse, ListRateLimitsRequest, ListRateLimitsResponse,
        UpdateRateLimitRequest, UpdateRateLimitResponse,
    },
    state::Call,
};

impl Admin {
    /// CreateRateLimit.
    ///
    /// # Errors
    /// Not built yet.
    pub async fn create_rate_limit(
        &self,
        _: &Call,
        _: CreateRateLimitRequest,
    ) -> Result<CreateRateLimitResponse> {
        Err(Error::new(Reason::NotSupported, "not built yet"))
    }

    /// GetRateLimit.
    ///
    /// # Errors
    /// Not built yet.
    pub async fn get_rate_limit(&self, _: &Call, _: GetRateLimitRequest) -> Result<GetRateLimitResponse> {
        Err(Error::new(Reason::NotSupported, "not built yet"))
    }

    /// ListRateLimits.
    ///
    /// # Errors
    /// Not built yet.
    pub async fn list_rate_limits(
        &self,
        _: &Call,
        _: ListRateLimitsRequest,
    ) -> Result<ListRateLimitsResponse> {
        Err(Error::new(Reason::NotSupported, "not built yet"))
    }

    /// UpdateRateLimit.
    ///
    /// # Errors
    /// Not built yet.
    pub async fn update_rate_limit(
        &self,
        _: &Call,
        _: UpdateRateLimitRequest,
    ) -> Result<UpdateRateLimitResponse> {
        Err(Error::new(Reason::NotSupported, "not built yet"))
    }

    /// DeleteRateLimit.
    ///
    /// # Errors
    /// Not built yet.
    pub async fn delete_rate_limit(
        &self,
        _: &Call,
        _: DeleteRateLimitRequest,
    ) -> Result<DeleteRateLimitResponse> {
        Err(Error::new(Reason::NotSupported, "not built yet"))
    }
}
