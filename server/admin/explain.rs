//! Why a caller may, or may not.

use super::Admin;
use crate::{
    error::{Error, Reason, Result},
    proto::v1::{ExplainAccessRequest, ExplainAccessResponse},
    state::Call,
};

impl Admin {
    /// ExplainAccess.
    ///
    /// # Errors
    /// Not built yet.
    pub async fn explain_access(&self, _: &Call, _: ExplainAccessRequest) -> Result<ExplainAccessResponse> {
        Err(Error::new(Reason::NotSupported, "not built yet"))
    }
}
