//! Policies.

use super::{Admin, page::Page, policy_plan, sight::Sight};
use crate::{
    error::{Error, Result},
    proto::v1::{
        CreatePolicyRequest, CreatePolicyResponse, DeletePolicyRequest, DeletePolicyResponse,
        GetPolicyRequest, GetPolicyResponse, ListPoliciesRequest, ListPoliciesResponse, Policy,
        UpdatePolicyRequest, UpdatePolicyResponse,
    },
    state::{Call, Change},
};

impl Admin {
    /// Makes a policy. The same policy is there only once: a repeat gives the stored one.
    ///
    /// # Errors
    /// What is wrong with the policy, or that the caller does not have itself what the policy decides about.
    pub async fn create_policy(
        &self,
        call: &Call,
        request: CreatePolicyRequest,
    ) -> Result<CreatePolicyResponse> {
        let wanted = given(request.policy)?;
        let now = self.clock.now();
        let ((policy, existed), revision) = self
            .state
            .change(&call.origin("CreatePolicy"), |records| {
                let sight = Sight::newest(records, &call.caller);
                let (policy, existed) = policy_plan::create(&sight, wanted, now)?;
                let put = (!existed).then(|| Change::PutPolicy(Box::new(policy.clone())));
                Ok((put.into_iter().collect(), (policy, existed)))
            })
            .await?;
        if !existed {
            self.note(call, "create policy", &policy.id, &policy.resource, revision);
        }
        Ok(CreatePolicyResponse { policy: Some(policy), revision, existed })
    }

    /// Reads one policy.
    ///
    /// # Errors
    /// That there is none.
    pub async fn get_policy(&self, call: &Call, request: GetPolicyRequest) -> Result<GetPolicyResponse> {
        let policy = Sight::of(call).policy("id", &request.id)?;
        Ok(GetPolicyResponse { policy: Some(policy.clone()) })
    }

    /// Lists policies in the order of their creation.
    ///
    /// # Errors
    /// A wrong page.
    pub async fn list_policies(
        &self,
        call: &Call,
        request: ListPoliciesRequest,
    ) -> Result<ListPoliciesResponse> {
        let page = Page::read("policies", request.page_size, &request.page_token)?;
        let sight = Sight::of(call);
        let seen = sight.records.policies.values().filter(|policy| sight.sees_policy(&policy.id));
        // Ids that were made later sort later.
        let (shown, next_page_token) = page.cut(seen.map(|policy| (policy.id.clone(), policy)).collect());
        Ok(ListPoliciesResponse { policies: shown.into_iter().cloned().collect(), next_page_token })
    }

    /// Replaces a policy. Its id and create time stay.
    ///
    /// # Errors
    /// What is wrong with the policy, that there is none, that it has changed since it was read, that another one says the
    /// same, or that the caller does not have itself what the policy decided, or would decide, about.
    pub async fn update_policy(
        &self,
        call: &Call,
        request: UpdatePolicyRequest,
    ) -> Result<UpdatePolicyResponse> {
        let wanted = given(request.policy)?;
        let now = self.clock.now();
        let (policy, revision) = self
            .state
            .change(&call.origin("UpdatePolicy"), |records| {
                let next = policy_plan::replace(&Sight::newest(records, &call.caller), wanted, now)?;
                Ok((vec![Change::PutPolicy(Box::new(next.clone()))], next))
            })
            .await?;
        self.note(call, "update policy", &policy.id, &policy.resource, revision);
        Ok(UpdatePolicyResponse { policy: Some(policy), revision })
    }

    /// Removes a policy, and the policies about it.
    ///
    /// # Errors
    /// That there is none, or that the caller does not have itself what the policy decides about.
    pub async fn delete_policy(
        &self,
        call: &Call,
        request: DeletePolicyRequest,
    ) -> Result<DeletePolicyResponse> {
        let (gone, revision) = self
            .state
            .change(&call.origin("DeletePolicy"), |records| {
                policy_plan::delete(&Sight::newest(records, &call.caller), &request.id)
            })
            .await?;
        self.note(call, "delete policy", &gone.id, &gone.resource, revision);
        Ok(DeletePolicyResponse { revision })
    }
}

fn given(policy: Option<Policy>) -> Result<Policy> {
    policy.ok_or_else(|| Error::invalid("policy", "is required"))
}
