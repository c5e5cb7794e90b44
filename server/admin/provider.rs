//! Providers.

use super::{
    Admin, find,
    page::Page,
    provider_plan::{self, Wanted},
    removal,
    replay::Digest,
    sight::{Sight, of_model},
};
use crate::{
    error::{Error, Reason, Result},
    proto::v1::{
        CreateProviderRequest, CreateProviderResponse, DeleteProviderRequest, DeleteProviderResponse,
        GetProviderRequest, GetProviderResponse, ListProvidersRequest, ListProvidersResponse, Model,
        Permission, Provider, UpdateProviderRequest, UpdateProviderResponse,
    },
    state::{ALL, Call, Change, Resource, ResourceKind},
};

impl Admin {
    /// Registers an upstream. A repeat of the same request within ten seconds gives the first result.
    ///
    /// # Errors
    /// What is wrong with the provider, that its name is taken, that policies do not allow the caller to make any, or that
    /// the secret that it refers to cannot be read.
    pub async fn create_provider(
        &self,
        call: &Call,
        request: CreateProviderRequest,
    ) -> Result<CreateProviderResponse> {
        let digest = Digest::of(call, "CreateProvider", &request, &self.hasher);
        let mut wanted = Wanted::new(request.provider)?;
        let any = Resource::Other(ResourceKind::Provider, ALL);
        let newest = self.state.snapshot();
        let sight = Sight::newest(&newest.records, &call.caller);
        sight.require(Permission::WriteProviders, any)?;
        self.take_over_settings(&sight, &newest.keepers, &mut wanted, None).await?;
        let now = self.clock.now();
        let ((provider, fresh), revision) = self
            .state
            .change(&call.origin("CreateProvider"), |records| {
                let sight = Sight::newest(records, &call.caller);
                sight.require(Permission::WriteProviders, any)?;
                let first = self.replays.find(digest, now).and_then(|(id, etag)| {
                    records.providers.get(&id).filter(|stored| stored.provider.etag == etag)
                });
                if let Some(first) = first {
                    return Ok((Vec::new(), (first.provider.clone(), false)));
                }
                let stored = provider_plan::create(&sight, wanted, &self.sealer, now)?;
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
        let stored = Sight::of(call).provider("id", &request.id)?;
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
        let sight = Sight::of(call);
        let all = sight.records.providers.values().filter(|stored| sight.sees_provider(&stored.provider.id));
        let all = all.map(|stored| (stored.provider.name.clone(), &stored.provider)).collect();
        let (shown, next_page_token) = page.cut(all);
        Ok(ListProvidersResponse { providers: shown.into_iter().cloned().collect(), next_page_token })
    }

    /// Replaces a provider. Its id, type and create time stay, and its credential unless a new one is given.
    ///
    /// # Errors
    /// What is wrong with the provider, that there is none, that it has changed since it was read, that policies do not
    /// allow it, or that the secret that it refers to cannot be read.
    pub async fn update_provider(
        &self,
        call: &Call,
        request: UpdateProviderRequest,
    ) -> Result<UpdateProviderResponse> {
        let mut wanted = Wanted::new(request.provider)?;
        let newest = self.state.snapshot();
        let sight = Sight::newest(&newest.records, &call.caller);
        let stored = sight.provider("provider.id", &wanted.provider.id)?;
        sight.require(Permission::WriteProviders, of_provider(&stored.provider))?;
        self.take_over_settings(&sight, &newest.keepers, &mut wanted, Some(stored)).await?;
        let now = self.clock.now();
        let (provider, revision) = self
            .state
            .change(&call.origin("UpdateProvider"), |records| {
                let sight = Sight::newest(records, &call.caller);
                let stored = sight.provider("provider.id", &wanted.provider.id)?;
                sight.require(Permission::WriteProviders, of_provider(&stored.provider))?;
                if wanted.provider.id != stored.provider.id {
                    find::keep_name("provider", &mut wanted.provider.name, &stored.provider.name)?;
                }
                let next = provider_plan::replace(&sight, stored, wanted, &self.sealer, now)?;
                let provider = next.provider.clone();
                Ok((vec![Change::PutProvider(Box::new(next))], provider))
            })
            .await?;
        self.note(call, "update provider", &provider.id, &provider.name, revision);
        Ok(UpdateProviderResponse { provider: Some(provider), revision })
    }

    /// Removes a provider, its models, and the policies and rate limits that name any of them. Calls in flight run to their
    /// end.
    ///
    /// # Errors
    /// That there is none, or that policies do not allow to change it or one of its models.
    pub async fn delete_provider(
        &self,
        call: &Call,
        request: DeleteProviderRequest,
    ) -> Result<DeleteProviderResponse> {
        let (gone, revision) = self
            .state
            .change(&call.origin("DeleteProvider"), |records| {
                let sight = Sight::newest(records, &call.caller);
                let gone = sight.provider("id", &request.id)?.provider.clone();
                let models: Vec<_> =
                    records.models.values().filter(|model| model.provider == gone.id).collect();
                require_removal(&sight, &gone, &models)?;
                let mut named: Vec<_> =
                    models.iter().map(|model| (ResourceKind::Model, model.id.as_str())).collect();
                named.push((ResourceKind::Provider, &gone.id));
                let mut changes = removal::of_what_names(records, &named);
                changes.extend(models.iter().map(|model| Change::DeleteModel(model.id.clone())));
                changes.push(Change::DeleteProvider(gone.id.clone()));
                Ok((changes, gone))
            })
            .await?;
        self.note(call, "delete provider", &gone.id, &gone.name, revision);
        Ok(DeleteProviderResponse { revision })
    }
}

/// A provider as what policies are about.
fn of_provider(provider: &Provider) -> Resource<'_> {
    Resource::Other(ResourceKind::Provider, &provider.id)
}

/// Refuses a caller that may not change the provider, or one of the models that would go with it.
fn require_removal(sight: &Sight<'_>, gone: &Provider, models: &[&Model]) -> Result<()> {
    sight.require(Permission::WriteProviders, of_provider(gone))?;
    if models.iter().all(|model| sight.may(Permission::WriteModels, of_model(model))) {
        return Ok(());
    }
    // Which of them it is stays unsaid: it may be hidden.
    let message = format!(
        "{} may not change all models of provider \"{}\", which would go with it; ask an administrator",
        sight.caller(),
        gone.name
    );
    Err(Error::new(Reason::PolicyDenied, message).provider(&gone.name))
}
