//! Providers.

use super::{
    Admin, find,
    page::Page,
    provider_plan::{self, Wanted},
    replay::Digest,
};
use crate::{
    error::{Error, Result},
    proto::v1::{
        CreateProviderRequest, CreateProviderResponse, DeleteProviderRequest, DeleteProviderResponse,
        GetProviderRequest, GetProviderResponse, ListProvidersRequest, ListProvidersResponse,
        UpdateProviderRequest, UpdateProviderResponse,
    },
    state::{Call, Change},
};

impl Admin {
    /// Registers an upstream. A repeat of the same request within ten seconds gives the first result.
    ///
    /// # Errors
    /// What is wrong with the provider, or that its name is taken.
    pub async fn create_provider(
        &self,
        call: &Call,
        request: CreateProviderRequest,
    ) -> Result<CreateProviderResponse> {
        let digest = Digest::of(call, "CreateProvider", &request, &self.hasher);
        let wanted = Wanted::new(request.provider)?;
        let now = self.clock.now();
        let ((provider, fresh), revision) = self
            .state
            .change(|records| {
                let first = self.replays.find(digest, now).and_then(|(id, etag)| {
                    records.providers.get(&id).filter(|stored| stored.provider.etag == etag)
                });
                if let Some(first) = first {
                    return Ok((Vec::new(), (first.provider.clone(), false)));
                }
                let stored = provider_plan::create(records, wanted, &self.sealer, now)?;
                let provider = stored.provider.clone();
                self.replays.keep(digest, now, &provider.id, &provider.etag);
                Ok((vec![Change::PutProvider(Box::new(stored))], (provider, true)))
            })
            .await?;
        if fresh {
            self.note(call, "create provider", &provider.id, &provider.name, revision);
        }
        Ok(CreateProviderResponse { provider: Some(provider), revision })
    }

    /// Reads one provider.
    ///
    /// # Errors
    /// That there is none.
    pub async fn get_provider(
        &self,
        call: &Call,
        request: GetProviderRequest,
    ) -> Result<GetProviderResponse> {
        let stored = find::provider(&call.snapshot.records, "id", &request.id)?;
        Ok(GetProviderResponse { provider: Some(stored.provider.clone()) })
    }

    /// Lists providers in the order of their names.
    ///
    /// # Errors
    /// A wrong page.
    pub async fn list_providers(
        &self,
        call: &Call,
        request: ListProvidersRequest,
    ) -> Result<ListProvidersResponse> {
        let page = Page::read("providers", request.page_size, &request.page_token)?;
        let all = call.snapshot.records.providers.values();
        let all = all.map(|stored| (stored.provider.name.clone(), &stored.provider)).collect();
        let (shown, next_page_token) = page.cut(all);
        Ok(ListProvidersResponse { providers: shown.into_iter().cloned().collect(), next_page_token })
    }

    /// Replaces a provider. Its id, type and create time stay, and its credential unless a new one is given.
    ///
    /// # Errors
    /// What is wrong with the provider, that there is none, or that it has changed since it was read.
    pub async fn update_provider(
        &self,
        call: &Call,
        request: UpdateProviderRequest,
    ) -> Result<UpdateProviderResponse> {
        let mut wanted = Wanted::new(request.provider)?;
        let now = self.clock.now();
        let (provider, revision) = self
            .state
            .change(|records| {
                let stored = find::provider(records, "provider.id", &wanted.provider.id)?;
                if wanted.provider.id != stored.provider.id {
                    keep_name(&mut wanted.provider.name, &stored.provider.name)?;
                }
                let next = provider_plan::replace(records, stored, wanted, &self.sealer, now)?;
                let provider = next.provider.clone();
                Ok((vec![Change::PutProvider(Box::new(next))], provider))
            })
            .await?;
        self.note(call, "update provider", &provider.id, &provider.name, revision);
        Ok(UpdateProviderResponse { provider: Some(provider), revision })
    }

    /// Removes a provider and its models. Calls in flight run to their end.
    ///
    /// # Errors
    /// That there is none.
    pub async fn delete_provider(
        &self,
        call: &Call,
        request: DeleteProviderRequest,
    ) -> Result<DeleteProviderResponse> {
        let (gone, revision) = self
            .state
            .change(|records| {
                let gone = find::provider(records, "id", &request.id)?.provider.clone();
                let models = records.models.values().filter(|model| model.provider == gone.id);
                let mut changes: Vec<_> = models.map(|model| Change::DeleteModel(model.id.clone())).collect();
                changes.push(Change::DeleteProvider(gone.id.clone()));
                Ok((changes, gone))
            })
            .await?;
        self.note(call, "delete provider", &gone.id, &gone.name, revision);
        Ok(DeleteProviderResponse { revision })
    }
}

/// A provider that is named by its name keeps it: else a request sent twice would fail the second time.
fn keep_name(wanted: &mut String, stored: &str) -> Result<()> {
    if wanted.is_empty() {
        stored.clone_into(wanted);
    }
    if wanted == stored {
        return Ok(());
    }
    Err(Error::invalid("provider.name", "differs from the name in provider.id; to rename, put the id there"))
}
