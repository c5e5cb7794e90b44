//! Issuers of tokens.

use super::{Admin, find, issuer_plan, page::Page};
use crate::{
    error::{Error, Result},
    proto::v1::{
        CreateIssuerRequest, CreateIssuerResponse, DeleteIssuerRequest, DeleteIssuerResponse,
        GetIssuerRequest, GetIssuerResponse, Issuer, ListIssuersRequest, ListIssuersResponse,
        UpdateIssuerRequest, UpdateIssuerResponse,
    },
    state::{Call, Change},
};

impl Admin {
    /// Makes an issuer known. Its keys are fetched afterwards: it need not be there yet.
    ///
    /// # Errors
    /// What is wrong with the issuer, that its name or URL is taken, or that there are as many as there may be.
    pub async fn create_issuer(
        &self,
        call: &Call,
        request: CreateIssuerRequest,
    ) -> Result<CreateIssuerResponse> {
        let wanted = given(request.issuer)?;
        let now = self.clock.now();
        let (issuer, revision) = self
            .state
            .change(&call.origin("CreateIssuer"), |records| {
                let issuer = issuer_plan::create(records, wanted, now)?;
                Ok((vec![Change::PutIssuer(Box::new(issuer.clone()))], issuer))
            })
            .await?;
        self.note(call, "create issuer", &issuer.id, &issuer.name, revision);
        Ok(CreateIssuerResponse { issuer: Some(issuer), revision })
    }

    /// Reads one issuer.
    ///
    /// # Errors
    /// That there is none.
    pub async fn get_issuer(&self, call: &Call, request: GetIssuerRequest) -> Result<GetIssuerResponse> {
        let issuer = find::issuer(&call.snapshot.records, "id", &request.id)?;
        Ok(GetIssuerResponse { issuer: Some(issuer.clone()) })
    }

    /// Lists issuers in the order of their names.
    ///
    /// # Errors
    /// A wrong page.
    pub async fn list_issuers(
        &self,
        call: &Call,
        request: ListIssuersRequest,
    ) -> Result<ListIssuersResponse> {
        let page = Page::read("issuers", request.page_size, &request.page_token)?;
        let all = call.snapshot.records.issuers.values();
        let (shown, next_page_token) = page.cut(all.map(|issuer| (issuer.name.clone(), issuer)).collect());
        Ok(ListIssuersResponse { issuers: shown.into_iter().cloned().collect(), next_page_token })
    }

    /// Replaces an issuer. Its id and create time stay. What it says of tokens holds for those that were issued before, too.
    ///
    /// # Errors
    /// What is wrong with the issuer, that there is none, that it has changed since it was read, or that its name or URL is
    /// taken.
    pub async fn update_issuer(
        &self,
        call: &Call,
        request: UpdateIssuerRequest,
    ) -> Result<UpdateIssuerResponse> {
        let wanted = given(request.issuer)?;
        let now = self.clock.now();
        let (issuer, revision) = self
            .state
            .change(&call.origin("UpdateIssuer"), |records| {
                let stored = find::issuer(records, "issuer.id", &wanted.id)?;
                let next = issuer_plan::replace(records, stored, wanted, now)?;
                Ok((vec![Change::PutIssuer(Box::new(next.clone()))], next))
            })
            .await?;
        self.note(call, "update issuer", &issuer.id, &issuer.name, revision);
        Ok(UpdateIssuerResponse { issuer: Some(issuer), revision })
    }

    /// Removes an issuer. Its tokens are refused from then on; calls that they began run to their end.
    ///
    /// # Errors
    /// That there is none.
    pub async fn delete_issuer(
        &self,
        call: &Call,
        request: DeleteIssuerRequest,
    ) -> Result<DeleteIssuerResponse> {
        let (gone, revision) = self
            .state
            .change(&call.origin("DeleteIssuer"), |records| {
                let gone = find::issuer(records, "id", &request.id)?.clone();
                Ok((vec![Change::DeleteIssuer(gone.id.clone())], gone))
            })
            .await?;
        self.note(call, "delete issuer", &gone.id, &gone.name, revision);
        Ok(DeleteIssuerResponse { revision })
    }
}

fn given(issuer: Option<Issuer>) -> Result<Issuer> {
    issuer.ok_or_else(|| Error::invalid("issuer", "is required"))
}
