//! What a written request still has to go through: the vendor's quirks, then the caller's options for this vendor.

use super::Dialect;
use crate::{
    error::Result,
    providers::{UpstreamModel, options},
    wire::json::{Extras, Malformed, Members},
};

/// Members that say what we expect to come back; options may not change them behind our back.
const OURS: [&str; 3] = ["model", "stream", "stream_options"];

/// A request body, and what it has lost.
pub(super) struct Changed {
    pub(super) bytes: Vec<u8>,
    pub(super) dropped: Vec<&'static str>,
}

/// Drops, patches and merges; leaves a body that needs none of it as it is.
pub(super) fn change(
    dialect: &Dialect,
    written: Vec<u8>,
    options: &Extras,
    to: &UpstreamModel<'_>,
) -> Result<Changed> {
    let quirks = &dialect.quirks;
    let as_it_is = quirks.drops.is_empty() && quirks.renames.is_empty() && quirks.patch.is_none();
    if as_it_is && !options.contains_key(dialect.provider_type) {
        return Ok(Changed { bytes: written, dropped: Vec::new() });
    }
    let mut members = Members::of(&written).map_err(Malformed::in_request)?;
    let dropped = quirks.drops.iter().copied().filter(|name| members.remove(name)).collect();
    for (ours, theirs) in quirks.renames {
        members.rename(ours, theirs);
    }
    if let Some(patch) = quirks.patch {
        patch(&mut members, to)?;
    }
    options::merge(dialect.provider_type, options, &OURS, &mut members)?;
    Ok(Changed { bytes: members.write(), dropped })
}
