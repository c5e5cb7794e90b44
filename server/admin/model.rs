//! Models.

use super::{
    Admin, find, model_plan,
    page::Page,
    removal,
    replay::Digest,
    sight::{Sight, of_model},
};
use crate::{
    error::{Error, Result},
    proto::v1::{
        CreateModelRequest, CreateModelResponse, DeleteModelRequest, DeleteModelResponse, GetModelRequest,
        GetModelResponse, ListModelsRequest, ListModelsResponse, Model, Permission, UpdateModelRequest,
        UpdateModelResponse,
    },
    state::{ALL, Call, Change, Resource, ResourceKind},
};

impl Admin {
    /// Registers a model of a provider. A repeat of the same request within ten seconds gives the first result.
    ///
    /// # Errors
    /// What is wrong with the model, that there is no such provider, that the alias is taken, or that policies do not allow
    /// the caller to make models there.
    pub async fn create_model(
        &self,
        call: &Call,
        request: CreateModelRequest,
    ) -> Result<CreateModelResponse> {
        let digest = Digest::of(call, "CreateModel", &request, &self.hasher);
        let wanted = given(request.model)?;
        let now = self.clock.now();
        let ((model, fresh), revision) = self
            .state
            .change(&call.origin("CreateModel"), |records| {
                let sight = Sight::newest(records, &call.caller);
                let provider = &sight.provider("model.provider", &wanted.provider)?.provider.id;
                sight.require(Permission::WriteModels, Resource::Model { id: ALL, provider })?;
                let first = self
                    .replays
                    .find(digest, now)
                    .and_then(|(id, etag)| records.models.get(&id).filter(|model| model.etag == etag));
                if let Some(first) = first {
                    return Ok((Vec::new(), (model_plan::show(records, first), false)));
                }
                let model = model_plan::create(records, wanted, now)?;
                self.replays.keep(digest, now, &model.id, &model.etag);
                let shown = model_plan::show(records, &model);
                Ok((vec![Change::PutModel(Box::new(model))], (shown, true)))
            })
            .await?;
        if fresh {
            self.note(call, "create model", &model.id, name(&model), revision);
        }
        Ok(CreateModelResponse { model: Some(model), revision })
    }

    /// Reads one model; of several that a name fits, the oldest.
    ///
    /// # Errors
    /// That there is none.
    pub async fn get_model(&self, call: &Call, request: GetModelRequest) -> Result<GetModelResponse> {
        let sight = Sight::of(call);
        let model = sight.model("id", &request.id)?;
        Ok(GetModelResponse { model: Some(model_plan::show(sight.records, model)) })
    }

    /// Lists all models, or those of one provider, in the order of their creation.
    ///
    /// # Errors
    /// A wrong page, or that there is no such provider.
    pub async fn list_models(&self, call: &Call, request: ListModelsRequest) -> Result<ListModelsResponse> {
        let page = Page::read("models", request.page_size, &request.page_token)?;
        let sight = Sight::of(call);
        let provider = match request.provider.as_str() {
            "" => None,
            name => Some(&sight.provider("provider", name)?.provider.id),
        };
        let wanted = |model: &&Model| {
            provider.is_none_or(|provider| model.provider == *provider) && sight.sees_model(model)
        };
        let all =
            sight.records.models.values().filter(wanted).map(|model| (find::age(model), model)).collect();
        let (shown, next_page_token) = page.cut(all);
        let models = shown.into_iter().map(|model| model_plan::show(sight.records, model)).collect();
        Ok(ListModelsResponse { models, next_page_token })
    }

    /// Replaces a model. Its id, provider and create time stay.
    ///
    /// # Errors
    /// What is wrong with the model, that there is none or several, that it has changed since it was read, or that policies
    /// do not allow it.
    pub async fn update_model(
        &self,
        call: &Call,
        request: UpdateModelRequest,
    ) -> Result<UpdateModelResponse> {
        let wanted = given(request.model)?;
        let now = self.clock.now();
        let (model, revision) = self
            .state
            .change(&call.origin("UpdateModel"), |records| {
                let sight = Sight::newest(records, &call.caller);
                let stored = sight.only_model("model.id", &wanted.id)?;
                sight.require(Permission::WriteModels, of_model(stored))?;
                if !wanted.provider.is_empty() {
                    sight.provider("model.provider", &wanted.provider)?;
                }
                let next = model_plan::replace(records, stored, wanted, now)?;
                let shown = model_plan::show(records, &next);
                Ok((vec![Change::PutModel(Box::new(next))], shown))
            })
            .await?;
        self.note(call, "update model", &model.id, name(&model), revision);
        Ok(UpdateModelResponse { model: Some(model), revision })
    }

    /// Removes a model, and the policies and rate limits that name it. Calls in flight run to their end.
    ///
    /// # Errors
    /// That there is none, that the name fits several, or that policies do not allow it.
    pub async fn delete_model(
        &self,
        call: &Call,
        request: DeleteModelRequest,
    ) -> Result<DeleteModelResponse> {
        let (gone, revision) = self
            .state
            .change(&call.origin("DeleteModel"), |records| {
                let sight = Sight::newest(records, &call.caller);
                let gone = sight.only_model("id", &request.id)?.clone();
                sight.require(Permission::WriteModels, of_model(&gone))?;
                let mut changes = removal::of_what_names(records, &[(ResourceKind::Model, &gone.id)]);
                changes.push(Change::DeleteModel(gone.id.clone()));
                Ok((changes, gone))
            })
            .await?;
        self.note(call, "delete model", &gone.id, name(&gone), revision);
        Ok(DeleteModelResponse { revision })
    }
}

fn given(model: Option<Model>) -> Result<Model> {
    model.ok_or_else(|| Error::invalid("model", "is required"))
}

fn name(model: &Model) -> &str {
    if model.alias.is_empty() { &model.upstream_id } else { &model.alias }
}
