//! The list of foundation models, in pages.

use super::place::version;
use crate::{
    error::Result,
    proto::v1::AvailableModel,
    providers::{Outbound, Settings},
    wire::json::{self, Malformed, Reader},
};

/// As many as one page may hold. Models that are withdrawn can be listed and not be called.
const PAGE: &str = "limit=200&filters=!lifecycle_withdrawn:and";

/// One page.
struct Page {
    models: Option<Vec<AvailableModel>>,
    /// Address of the next one. Only its token is taken: where it is, we know better.
    next: Option<String>,
}

/// Asks for the first page.
pub(super) fn ask(settings: &Settings) -> Outbound {
    Outbound::get(format!("/ml/v1/foundation_model_specs?version={}&{PAGE}", version(settings)))
}

/// Asks for the page behind this one.
pub(super) fn ask_more(body: &[u8], settings: &Settings) -> Result<Option<Outbound>> {
    let next = Page::read(body).map_err(Malformed::in_answer)?.next;
    let start = next.as_deref().and_then(start);
    Ok(start.map(|start| {
        let first = ask(settings);
        Outbound::get(format!("{}&start={start}", first.path))
    }))
}

/// Reads a page.
pub(super) fn read(body: &[u8]) -> Result<Vec<AvailableModel>> {
    let models =
        Page::read(body).and_then(|page| page.models.ok_or_else(|| Malformed::required("resources")));
    models.map_err(Malformed::in_answer)
}

/// The token in the query of an address, as it is escaped there.
fn start(next: &str) -> Option<&str> {
    let (_, query) = next.split_once('?')?;
    let token = query.split('&').find_map(|pair| pair.strip_prefix("start="))?;
    // It goes into a query of ours.
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%+=".contains(&byte);
    Some(token).filter(|token| !token.is_empty() && token.bytes().all(fits))
}

impl Page {
    fn read(body: &[u8]) -> Result<Self, Malformed> {
        let mut page = Self { models: None, next: None };
        json::read(body, |reader| {
            reader.object(|reader, name| {
                match name {
                    "resources" => page.models = Some(reader.list(read_model)?),
                    "next" => page.next = read_next(reader)?,
                    _ => reader.skip()?,
                }
                Ok(())
            })
        })?;
        Ok(page)
    }
}

fn read_next(reader: &mut Reader<'_>) -> Result<Option<String>, Malformed> {
    let mut href = None;
    reader.object(|reader, name| {
        match name {
            "href" => href = Some(reader.string()?),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(href)
}

fn read_model(reader: &mut Reader<'_>) -> Result<AvailableModel, Malformed> {
    let (mut id, mut provider, mut source) = (None, String::new(), String::new());
    reader.object(|reader, name| {
        match name {
            "model_id" => id = Some(reader.string()?),
            "provider" => provider = reader.string()?,
            "source" => source = reader.string()?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    // As IBM's own gateway says it: `IBM`, or `Meta:Hugging Face`.
    let owned_by =
        if source.is_empty() || source == provider { provider } else { format!("{provider}:{source}") };
    let id = id.ok_or_else(|| Malformed::required("model_id"))?;
    Ok(AvailableModel { id, owned_by, ..AvailableModel::default() })
}
