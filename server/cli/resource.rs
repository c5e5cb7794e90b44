//! What most nouns do alike: list, get, update and delete, the same way for every kind of resource.

use std::path::Path;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use tonic::Status;

use super::{
    connect::Gateway,
    exit::Failure,
    given,
    print::{Column, Format},
};

/// Most that one page of a list holds.
pub(super) const PAGE_SIZE: i32 = 1000;

/// A kind of resources: what people see of it, and its RPCs.
pub(super) trait Resource: Default + DeserializeOwned + Serialize {
    /// What one is called.
    const NOUN: &'static str;
    /// What a list shows.
    const COLUMNS: &'static [Column];

    /// Its id, which says to an update what is meant.
    fn id(&mut self) -> &mut String;

    /// The one of this id or name.
    async fn get(gateway: &Gateway, id: String) -> Result<Self, Status>;

    /// Those behind a page token, and the next token.
    async fn page(gateway: &Gateway, page_token: String) -> Result<(Vec<Self>, String), Status>;

    /// Replaces the stored one. Returns it as stored.
    async fn update(self, gateway: &Gateway) -> Result<Self, Status>;

    /// Removes the one of this id or name. Returns the revision then live.
    async fn delete(gateway: &Gateway, id: String) -> Result<i64, Status>;
}

/// The RPCs of a kind, as the protos name them.
macro_rules! rpcs {
    (
        $kind:ident: $noun:literal, $columns:ident, $client:ident,
        $get:ident($get_request:ident).$one:ident,
        $list:ident($list_request:ident $(, $more:ident: $value:expr)?).$many:ident,
        $update:ident($update_request:ident), $delete:ident($delete_request:ident)
    ) => {
        impl $crate::cli::resource::Resource for $kind {
            const NOUN: &'static str = $noun;
            const COLUMNS: &'static [$crate::cli::print::Column] = &$columns;

            fn id(&mut self) -> &mut String {
                &mut self.id
            }

            async fn get(gateway: &Gateway, id: String) -> Result<Self, tonic::Status> {
                Ok(gateway.$client().$get($get_request { id }).await?.into_inner().$one.unwrap_or_default())
            }

            async fn page(
                gateway: &Gateway,
                page_token: String,
            ) -> Result<(Vec<Self>, String), tonic::Status> {
                let page_size = $crate::cli::resource::PAGE_SIZE;
                let request = $list_request { page_size, page_token $(, $more: $value)? };
                let page = gateway.$client().$list(request).await?.into_inner();
                Ok((page.$many, page.next_page_token))
            }

            async fn update(self, gateway: &Gateway) -> Result<Self, tonic::Status> {
                let request = $update_request { $one: Some(self) };
                Ok(gateway.$client().$update(request).await?.into_inner().$one.unwrap_or_default())
            }

            async fn delete(gateway: &Gateway, id: String) -> Result<i64, tonic::Status> {
                Ok(gateway.$client().$delete($delete_request { id }).await?.into_inner().revision)
            }
        }
    };
}

pub(super) use rpcs;

/// All of a kind.
///
/// # Errors
/// Those of the gateway.
pub(super) async fn all<R: Resource>(gateway: &Gateway) -> Result<Vec<R>, Failure> {
    pages(async |token| R::page(gateway, token).await).await
}

/// All items of a list; `page` gives those behind a page token, and the next token.
///
/// # Errors
/// Those of `page`.
pub(super) async fn pages<T>(
    mut page: impl AsyncFnMut(String) -> Result<(Vec<T>, String), Status>,
) -> Result<Vec<T>, Failure> {
    let (mut all, mut token) = page(String::new()).await?;
    while !token.is_empty() {
        let (more, next) = page(token).await?;
        all.extend(more);
        token = next;
    }
    Ok(all)
}

/// Shows all of a kind.
///
/// # Errors
/// Those of the gateway, and of standard output.
pub(super) async fn list<R: Resource>(gateway: &Gateway, format: Format) -> Result<(), Failure> {
    format.list(R::COLUMNS, &all::<R>(gateway).await?)
}

/// Shows one.
///
/// # Errors
/// Those of the gateway, and of standard output.
pub(super) async fn show<R: Resource>(id: String, gateway: &Gateway, format: Format) -> Result<(), Failure> {
    format.message(&R::get(gateway, id).await?)
}

/// Replaces one by what a file holds, or else by what is stored, with what `write` changes of it.
///
/// # Errors
/// Those of the file, of `write`, of the gateway, and of standard output.
pub(super) async fn update<R: Resource>(
    id: String,
    file: Option<&Path>,
    gateway: &Gateway,
    format: Format,
    write: impl FnOnce(&mut R) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut resource = R::get(gateway, id).await?;
    if file.is_some() {
        let id = std::mem::take(resource.id());
        resource = given::resource(file)?;
        *resource.id() = id;
    }
    write(&mut resource)?;
    format.message(&resource.update(gateway).await?)
}

/// Deletes one after another until one cannot be deleted, and tells which were.
///
/// # Errors
/// Those of the gateway, and of standard output.
pub(super) async fn delete<R: Resource>(
    names: Vec<String>,
    gateway: &Gateway,
    format: Format,
) -> Result<(), Failure> {
    let (mut lines, mut values) = (Vec::new(), Vec::new());
    let mut failed = None;
    for name in names {
        match R::delete(gateway, name.clone()).await {
            Ok(revision) => {
                lines.push(format!("deleted {} {name:?}", R::NOUN));
                values.push(json!({"deleted": name, "revision": revision.to_string()}));
            }
            Err(status) => {
                failed = Some(status);
                break;
            }
        }
    }
    format.done(&lines, values)?;
    failed.map_or(Ok(()), |status| Err(status.into()))
}
