//! What a caller wants to say to one vendor alone.

use crate::{
    error::Result,
    wire::json::{Extras, Malformed, Members},
};

/// Merges the caller's options for this provider type, if there are any, into a written body. Those of others do not
/// travel. `ours` are the members that say what we expect to come back: options may not change them behind our back.
///
/// # Errors
/// That the options are no object, or name one of `ours`.
pub(super) fn merge<'a>(
    provider_type: &str,
    options: &'a Extras,
    ours: &[&str],
    body: &mut Members<'a>,
) -> Result<()> {
    let Some(options) = options.get(provider_type) else { return Ok(()) };
    let place = |fault: Malformed| fault.inside(provider_type).inside("provider_options_json").in_request();
    let options = Members::of(options.as_bytes()).map_err(place)?;
    if let Some(name) = ours.iter().find(|name| options.get(name).is_some()) {
        return Err(place(Malformed::new("the gateway sets this member; leave it out").inside(name)));
    }
    body.merge(options);
    Ok(())
}
