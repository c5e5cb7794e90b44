//! Policies.

use super::Admin;
use crate::{
    error::{Error, Reason, Result},
    proto::v1::{
        CreatePolicyRequest, CreatePolicyResponse, DeletePolicyRequest, DeletePolicyResponse,
        GetPolicyRequest, GetPolicyResponse, ListPoliciesRequest, ListPoliciesResponse, UpdatePolicyRequest,
        UpdatePolicyResponse,
    },
    state::Call,
};

impl Admin {
    /// CreatePolicy.
    ///
    /// # Errors
    /// Not built yet.
    pub async fn create_policy(&self, _: &Call, _: CreatePolicyRequest) -> Result<CreatePolicyResponse> {
        Err(Error::new(Reason::NotSupported, "not built yet"))
    }

    /// GetPolicy.
    ///
    /// # Errors
    /// Not built yet.
    pub async fn get_policy(&self, _: &Call, _: GetPolicyRequest) -> Result<GetPolicyResponse> {
        Err(Error::new(Reason::NotSupported, "not built yet"))
    }

    /// ListPolicies.
    ///
    /// # Errors
    /// Not built yet.
    pub async fn list_policies(&self, _: &Call, _: ListPoliciesRequest) -> Result<ListPoliciesResponse> {
        Err(Error::new(Reason::NotSupported, "not built yet"))
    }

    /// UpdatePolicy.
    ///
    /// # Errors
    /// Not built yet.
    pub async fn update_policy(&self, _: &Call, _: UpdatePolicyRequest) -> Result<UpdatePolicyResponse> {
        Err(Error::new(Reason::NotSupported, "not built yet"))
    }

    /// DeletePolicy.
    ///
    /// # Errors
    /// Not built yet.
    pub async fn delete_policy(&self, _: &Call, _: DeletePolicyRequest) -> Result<DeletePolicyResponse> {
        Err(Error::new(Reason::NotSupported, "not built yet"))
    }
}
