//! The registry, as clients see it.

use super::Admin;
use crate::{
    error::Result,
    proto::v1::{AuthKind, ListProviderTypesRequest, ListProviderTypesResponse, ProviderType, Setting},
    providers::{self, Endpoint, REGISTRY},
    state::Call,
};

impl Admin {
    /// Tells which vendors the gateway knows, in the order of their names, and what each needs.
    ///
    /// # Errors
    /// None.
    pub async fn list_provider_types(
        &self,
        _: &Call,
        _: ListProviderTypesRequest,
    ) -> Result<ListProviderTypesResponse> {
        let mut provider_types: Vec<_> = REGISTRY.iter().map(|row| show(row)).collect();
        provider_types.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(ListProviderTypesResponse { provider_types })
    }
}

fn show(row: &providers::ProviderType) -> ProviderType {
    let (default_base_url, base_url_required) = match row.endpoint {
        Endpoint::Url(default) => (default, false),
        Endpoint::FromOperator => ("", true),
        // The address of each provider is another.
        Endpoint::Named { .. } | Endpoint::BuiltIn(_) => ("", false),
    };
    let kinds = row.auth.iter();
    ProviderType {
        name: row.name.into(),
        title: row.title.into(),
        default_base_url: default_base_url.into(),
        base_url_required,
        settings: row.settings.iter().map(show_setting).collect(),
        auth_kinds: kinds
            .map(|auth| AuthKind {
                name: auth.name().into(),
                secrets: auth.secrets().iter().map(show_setting).collect(),
            })
            .collect(),
        operations: row.adapter.operations().iter().map(|operation| i32::from(*operation)).collect(),
    }
}

fn show_setting(setting: &providers::Setting) -> Setting {
    Setting { name: setting.name.into(), required: setting.required, help: setting.help.into() }
}
