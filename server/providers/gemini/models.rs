//! The list of models, which comes in pages.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::resource;
use crate::{
    error::Result,
    proto::v1::AvailableModel,
    providers::Outbound,
    wire::json::{self, Malformed, Reader},
};

/// The most that a page may hold; more is taken for this.
const PAGE_SIZE: u32 = 1000;

/// Asks for a page.
pub(super) fn ask(page_token: Option<&str>) -> Outbound {
    let mut path = format!("/v1beta/models?pageSize={PAGE_SIZE}");
    if let Some(token) = page_token {
        path.push_str("&pageToken=");
        path.extend(utf8_percent_encode(token, NON_ALPHANUMERIC));
    }
    Outbound::get(path)
}

/// Reads a page.
pub(super) fn read(body: &[u8]) -> Result<Vec<AvailableModel>> {
    read_page(body).map(|page| page.models).map_err(Malformed::in_answer)
}

/// The token of the page behind this one. `None`: this was the last.
pub(super) fn next_page(body: &[u8]) -> Result<Option<String>> {
    let token = read_page(body).map_err(Malformed::in_answer)?.next_page_token;
    Ok(Some(token).filter(|token| !token.is_empty()))
}

#[derive(Default)]
struct Page {
    models: Vec<AvailableModel>,
    next_page_token: String,
}

fn read_page(body: &[u8]) -> Result<Page, Malformed> {
    let mut page = Page::default();
    json::read(body, |reader| {
        reader.object(|reader, name| {
            match name {
                "models" => page.models = reader.list(read_model)?,
                "nextPageToken" => page.next_page_token = reader.string()?,
                _ => reader.skip()?,
            }
            Ok(())
        })
    })?;
    Ok(page)
}

fn read_model(reader: &mut Reader<'_>) -> Result<AvailableModel, Malformed> {
    let mut resource_name = None;
    reader.object(|reader, name| match name {
        "name" => {
            resource_name = Some(reader.string()?);
            Ok(())
        }
        _ => reader.skip(),
    })?;
    let resource_name = resource_name.ok_or_else(|| Malformed::required("name"))?;
    let id = match resource(&resource_name) {
        ("models", id) => id.to_owned(),
        _ => resource_name,
    };
    // As Google's OpenAI-compatible interface has it; this one does not say.
    Ok(AvailableModel { id, owned_by: "google".to_owned(), create_time: None })
}
