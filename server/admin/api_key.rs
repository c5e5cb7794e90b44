//! API keys.

use super::{Admin, find, key_plan, page::Page};
use crate::{
    error::{Error, Reason, Result},
    proto::v1::{
        AccessRole, ApiKey, CreateApiKeyRequest, CreateApiKeyResponse, DeleteApiKeyRequest,
        DeleteApiKeyResponse, GetApiKeyRequest, GetApiKeyResponse, ListApiKeysRequest, ListApiKeysResponse,
        UpdateApiKeyRequest, UpdateApiKeyResponse,
    },
    state::{Call, Caller, Change},
};

impl Admin {
    /// Makes a key and shows its secret this once.
    ///
    /// # Errors
    /// What is wrong with the key, that its name or secret is taken, or that it could do more than the caller.
    pub async fn create_api_key(
        &self,
        call: &Call,
        request: CreateApiKeyRequest,
    ) -> Result<CreateApiKeyResponse> {
        let wanted = given(request.api_key)?;
        grant(&call.caller, wanted.role)?;
        let secret = key_plan::given_or_random_secret(request.secret)?;
        let now = self.clock.now();
        let (key, revision) = self
            .state
            .change(&call.origin("CreateApiKey"), |records| {
                let stored = key_plan::create(records, wanted, &secret, &self.hasher, now)?;
                let key = stored.key.clone();
                Ok((vec![Change::PutKey(Box::new(stored))], key))
            })
            .await?;
        self.note(call, "create API key", &key.id, &key.name, revision);
        Ok(CreateApiKeyResponse { api_key: Some(key), secret: secret.expose().to_owned(), revision })
    }

    /// Reads one key, without its secret.
    ///
    /// # Errors
    /// That there is none.
    pub async fn get_api_key(&self, call: &Call, request: GetApiKeyRequest) -> Result<GetApiKeyResponse> {
        let stored = find::key(&call.snapshot.records, "id", &request.id)?;
        Ok(GetApiKeyResponse { api_key: Some(stored.key.clone()) })
    }

    /// Lists keys in the order of their names, without their secrets.
    ///
    /// # Errors
    /// A wrong page.
    pub async fn list_api_keys(
        &self,
        call: &Call,
        request: ListApiKeysRequest,
    ) -> Result<ListApiKeysResponse> {
        let page = Page::read("api-keys", request.page_size, &request.page_token)?;
        let all = call.snapshot.records.keys.values();
        let all = all.map(|stored| (stored.key.name.clone(), &stored.key)).collect();
        let (shown, next_page_token) = page.cut(all);
        Ok(ListApiKeysResponse { api_keys: shown.into_iter().cloned().collect(), next_page_token })
    }

    /// Replaces a key's name, role, labels, expiry and whether it is disabled. Its secret stays.
    ///
    /// # Errors
    /// What is wrong with the key, that there is none, that it has changed since it was read, that it could do more than
    /// the caller, or that no usable admin key would be left.
    pub async fn update_api_key(
        &self,
        call: &Call,
        request: UpdateApiKeyRequest,
    ) -> Result<UpdateApiKeyResponse> {
        let wanted = given(request.api_key)?;
        grant(&call.caller, wanted.role)?;
        let now = self.clock.now();
        let (key, revision) = self
            .state
            .change(&call.origin("UpdateApiKey"), |records| {
                let stored = find::key(records, "api_key.id", &wanted.id)?;
                grant(&call.caller, stored.key.role)?;
                let next = key_plan::replace(records, stored, wanted, None, now)?;
                let key = next.key.clone();
                Ok((vec![Change::PutKey(Box::new(next))], key))
            })
            .await?;
        self.note(call, "update API key", &key.id, &key.name, revision);
        Ok(UpdateApiKeyResponse { api_key: Some(key), revision })
    }

    /// Removes a key. Calls that it began run to their end.
    ///
    /// # Errors
    /// That there is none, that it can do more than the caller, or that it is the last usable admin key.
    pub async fn delete_api_key(
        &self,
        call: &Call,
        request: DeleteApiKeyRequest,
    ) -> Result<DeleteApiKeyResponse> {
        let now = self.clock.now();
        let (gone, revision) = self
            .state
            .change(&call.origin("DeleteApiKey"), |records| {
                let gone = find::key(records, "id", &request.id)?.key.clone();
                grant(&call.caller, gone.role)?;
                key_plan::keep_an_admin(records, &gone.id, None, now)?;
                Ok((vec![Change::DeleteKey(gone.id.clone())], gone))
            })
            .await?;
        self.note(call, "delete API key", &gone.id, &gone.name, revision);
        Ok(DeleteApiKeyResponse { revision })
    }
}

/// Refuses to let a caller give, or change, a role above its own.
pub(super) fn grant(caller: &Caller, role: i32) -> Result<()> {
    // A role that does not exist is refused where the key is checked.
    let Ok(role) = AccessRole::try_from(role) else { return Ok(()) };
    if rank(role) <= rank(caller.role) {
        return Ok(());
    }
    Err(Error::new(
        Reason::PermissionDenied,
        format!(
            "{caller} has role {} and cannot make or change a key of role {}",
            caller.role.as_str_name(),
            role.as_str_name()
        ),
    ))
}

fn rank(role: AccessRole) -> u8 {
    match role {
        AccessRole::Unspecified => 0,
        AccessRole::User => 1,
        AccessRole::Manage => 2,
        // It reads more than manage may.
        AccessRole::Admin | AccessRole::Audit => 3,
    }
}

fn given(key: Option<ApiKey>) -> Result<ApiKey> {
    key.ok_or_else(|| Error::invalid("api_key", "is required"))
}
