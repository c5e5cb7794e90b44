//! New secrets for API keys.

use super::Admin;
use crate::{
    error::{Error, Reason, Result},
    proto::v1::{RotateApiKeyRequest, RotateApiKeyResponse},
    state::Call,
};

impl Admin {
    /// RotateApiKey.
    ///
    /// # Errors
    /// Not built yet.
    pub async fn rotate_api_key(&self, _: &Call, _: RotateApiKeyRequest) -> Result<RotateApiKeyResponse> {
        Err(Error::new(Reason::NotSupported, "not built yet"))
    }
}
