//! Secret managers.

use super::{
    Admin, find,
    page::Page,
    replay::Digest,
    secret_manager_plan::{self, Wanted},
    sight::Sight,
};
use crate::{
    error::Result,
    proto::v1::{
        CreateSecretManagerRequest, CreateSecretManagerResponse, DeleteSecretManagerRequest,
        DeleteSecretManagerResponse, GetSecretManagerRequest, GetSecretManagerResponse,
        ListSecretManagersRequest, ListSecretManagersResponse, Permission, UpdateSecretManagerRequest,
        UpdateSecretManagerResponse,
    },
    state::{Call, Change},
};

impl Admin {
    /// Registers a place that keeps secrets. A repeat of the same request within ten seconds gives the first result.
    ///
    /// # Errors
    /// What is wrong with the secret manager, or that its name is taken.
    pub async fn create_secret_manager(
        &self,
        call: &Call,
        request: CreateSecretManagerRequest,
    ) -> Result<CreateSecretManagerResponse> {
        let digest = Digest::of(call, "CreateSecretManager", &request, &self.hasher);
        let wanted = Wanted::new(request.secret_manager)?;
        let now = self.clock.now();
        let ((manager, fresh), revision) = self
            .state
            .change(&call.origin("CreateSecretManager"), |records| {
                let sight = Sight::newest(records, &call.caller);
                sight.require_role(Permission::WriteSecretManagers)?;
                let first = self.replays.find(digest, now).and_then(|(id, etag)| {
                    records.secret_managers.get(&id).filter(|stored| stored.manager.etag == etag)
                });
                if let Some(first) = first {
                    return Ok((Vec::new(), (first.manager.clone(), false)));
                }
                let stored = secret_manager_plan::create(&sight, wanted, &self.sealer, now)?;
                let manager = stored.manager.clone();
                self.replays.keep(digest, now, &manager.id, &manager.etag);
                Ok((vec![Change::PutSecretManager(Box::new(stored))], (manager, true)))
            })
            .await?;
        if fresh {
            self.note(call, "create secret manager", &manager.id, &manager.name, revision);
        }
        Ok(CreateSecretManagerResponse { secret_manager: Some(manager), revision })
    }

    /// Reads one secret manager.
    ///
    /// # Errors
    /// That there is none.
    pub async fn get_secret_manager(
        &self,
        call: &Call,
        request: GetSecretManagerRequest,
    ) -> Result<GetSecretManagerResponse> {
        let stored = find::secret_manager(&call.snapshot.records, "id", &request.id)?;
        Ok(GetSecretManagerResponse { secret_manager: Some(stored.manager.clone()) })
    }

    /// Lists secret managers in the order of their names.
    ///
    /// # Errors
    /// A wrong page.
    pub async fn list_secret_managers(
        &self,
        call: &Call,
        request: ListSecretManagersRequest,
    ) -> Result<ListSecretManagersResponse> {
        let page = Page::read("secret_managers", request.page_size, &request.page_token)?;
        let all = call.snapshot.records.secret_managers.values();
        let all = all.map(|stored| (stored.manager.name.clone(), &stored.manager)).collect();
        let (shown, next_page_token) = page.cut(all);
        let secret_managers = shown.into_iter().cloned().collect();
        Ok(ListSecretManagersResponse { secret_managers, next_page_token })
    }

    /// Replaces a secret manager. Its id, kind and create time stay, and its credential unless a new one is given.
    ///
    /// # Errors
    /// What is wrong with the secret manager, that there is none, or that it has changed since it was read.
    pub async fn update_secret_manager(
        &self,
        call: &Call,
        request: UpdateSecretManagerRequest,
    ) -> Result<UpdateSecretManagerResponse> {
        let mut wanted = Wanted::new(request.secret_manager)?;
        let now = self.clock.now();
        let (manager, revision) = self
            .state
            .change(&call.origin("UpdateSecretManager"), |records| {
                let sight = Sight::newest(records, &call.caller);
                let stored = find::secret_manager(records, "secret_manager.id", &wanted.manager.id)?;
                if wanted.manager.id != stored.manager.id {
                    let field = "secret_manager";
                    find::keep_name(field, &mut wanted.manager.name, &stored.manager.name)?;
                }
                let next = secret_manager_plan::replace(&sight, stored, wanted, &self.sealer, now)?;
                let manager = next.manager.clone();
                Ok((vec![Change::PutSecretManager(Box::new(next))], manager))
            })
            .await?;
        self.note(call, "update secret manager", &manager.id, &manager.name, revision);
        Ok(UpdateSecretManagerResponse { secret_manager: Some(manager), revision })
    }

    /// Removes a secret manager.
    ///
    /// # Errors
    /// That there is none, or that providers refer to it.
    pub async fn delete_secret_manager(
        &self,
        call: &Call,
        request: DeleteSecretManagerRequest,
    ) -> Result<DeleteSecretManagerResponse> {
        let (gone, revision) = self
            .state
            .change(&call.origin("DeleteSecretManager"), |records| {
                let sight = Sight::newest(records, &call.caller);
                sight.require_role(Permission::WriteSecretManagers)?;
                let gone = find::secret_manager(records, "id", &request.id)?.manager.clone();
                secret_manager_plan::check_unused(&sight, &gone)?;
                Ok((vec![Change::DeleteSecretManager(gone.id.clone())], gone))
            })
            .await?;
        self.note(call, "delete secret manager", &gone.id, &gone.name, revision);
        Ok(DeleteSecretManagerResponse { revision })
    }
}
