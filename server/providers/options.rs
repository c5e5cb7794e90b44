//! What a caller wants to say to one vendor alone.

use crate::{
    error::{Error, Result},
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
    let place = |fault| place(fault, provider_type);
    let options = Members::of(options.as_bytes()).map_err(place)?;
    if let Some(name) = ours.iter().find(|name| options.get(name).is_some()) {
        return Err(place(Malformed::new("the gateway sets this member; leave it out").inside(name)));
    }
    body.merge(options);
    Ok(())
}

/// The same, but the members of an object under one of `nested` are merged into the one that is there already.
///
/// # Errors
/// That the options, or what stands under one of `nested`, are no object.
pub(super) fn merge_nested<'a>(
    provider_type: &str,
    options: &'a Extras,
    nested: &[&str],
    body: &mut Members<'a>,
) -> Result<()> {
    let Some(options) = options.get(provider_type) else { return Ok(()) };
    let place = |fault| place(fault, provider_type);
    let mut options = Members::of(options.as_bytes()).map_err(place)?;
    for name in nested {
        let (Some(own), Some(other)) = (body.get(name), options.get(name).filter(|it| *it != "null")) else {
            continue;
        };
        let inside = |fault: Malformed| place(fault.inside(name));
        let mut merged = Members::of(own.as_bytes()).map_err(inside)?;
        merged.merge(Members::of(other.as_bytes()).map_err(inside)?);
        let merged = String::from_utf8_lossy(&merged.write()).into_owned();
        options.set(name, merged);
    }
    body.merge(options);
    Ok(())
}

fn place(fault: Malformed, provider_type: &str) -> Error {
    fault.inside(provider_type).inside("provider_options_json").in_request()
}
