//! Where an operation is, and what goes around a body: the model, who pays for it, and the caller's own options.

use super::{API_VERSION, DEFAULT_VERSION, NAME, PROJECT_ID, SPACE_ID};
use crate::{
    error::{Error, Result},
    providers::{Outbound, Settings, UpstreamModel, options, safe_path_segment},
    wire::json::{Extras, Malformed, Members, Writer},
};

/// What an upstream id of a deployment begins with. No foundation model's does: theirs begin with their maker.
const DEPLOYMENT: &str = "deployment/";

/// Members that say what comes back and who pays; options may not change them behind our back.
const OURS: [&str; 6] = [MODEL_ID, PROJECT_ID, SPACE_ID, "model", "stream", "stream_options"];
const MODEL_ID: &str = "model_id";
/// The object in which text generation and embeddings want their parameters.
const PARAMETERS: &str = "parameters";

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Model<'a> {
    /// A foundation model, by its id.
    Foundation(&'a str),
    /// A deployment, by its id or serving name.
    Deployment(&'a str),
}

/// The request of an operation, from its body as far as it is written.
pub(super) fn post(
    operation: &str,
    written: &[u8],
    given: &Extras,
    mut dropped: Vec<&'static str>,
    to: &UpstreamModel<'_>,
) -> Result<Outbound> {
    let model = Model::of(to.id);
    let mut body = Members::of(written).map_err(Malformed::in_request)?;
    model.name(&mut body, &mut dropped, to)?;
    let mut parameters = body.get(PARAMETERS).map(str::to_owned);
    options::merge(NAME, given, &OURS, &mut body)?;
    // Options for parameters stand beside ours, not in their place.
    if let Some(ours) = parameters.as_mut().filter(|ours| body.get(PARAMETERS) != Some(ours.as_str())) {
        let mut both = Members::of(ours.as_bytes()).map_err(Malformed::in_request)?;
        let theirs = body.get(PARAMETERS).unwrap_or("{}").to_owned();
        let theirs = Members::of(theirs.as_bytes());
        both.merge(theirs.map_err(|fault| fault.inside(PARAMETERS).in_request())?);
        let both = String::from_utf8_lossy(&both.write()).into_owned();
        body.set(PARAMETERS, both);
    }
    Ok(Outbound::post(model.path(operation, to.settings)?, body.write(), dropped))
}

/// The version of the interface.
pub(super) fn version(settings: &Settings) -> &str {
    settings.get(API_VERSION).map_or(DEFAULT_VERSION, String::as_str)
}

// === impl Model ===

impl<'a> Model<'a> {
    /// What an upstream id names.
    pub(super) fn of(id: &'a str) -> Self {
        id.strip_prefix(DEPLOYMENT).map_or(Self::Foundation(id), Self::Deployment)
    }

    /// The path of an operation on it.
    fn path(self, operation: &str, settings: &Settings) -> Result<String> {
        let below = match self {
            Self::Foundation(_) => String::new(),
            Self::Deployment(name) => format!("/deployments/{}", safe_path_segment(name)?),
        };
        Ok(format!("/ml/v1{below}/text/{operation}?version={}", version(settings)))
    }

    /// Puts into a body what says which model is meant, and who pays for it: the provider's own project or space, else
    /// the one of the caller's headers, else the one of the caller's body. A deployment has both already.
    fn name(
        self,
        body: &mut Members<'_>,
        dropped: &mut Vec<&'static str>,
        to: &UpstreamModel<'_>,
    ) -> Result<()> {
        if body.get(MODEL_ID).is_some() {
            return Err(Error::invalid(MODEL_ID, "the gateway sets this member; name the model as model"));
        }
        let Self::Foundation(id) = self else { return Ok(()) };
        body.set(MODEL_ID, Writer::text_value(id));
        let containers = [
            (PROJECT_ID, to.settings.get(PROJECT_ID)),
            (SPACE_ID, to.settings.get(SPACE_ID)),
            (PROJECT_ID, to.scope.project_id.as_ref()),
            (SPACE_ID, to.scope.space_id.as_ref()),
        ];
        if let Some((name, id)) = containers.iter().find_map(|(name, id)| Some((*name, id.as_ref()?))) {
            dropped.extend([PROJECT_ID, SPACE_ID].into_iter().filter(|name| body.remove(name)));
            body.set(name, Writer::text_value(id));
        } else if body.get(PROJECT_ID).is_none() && body.get(SPACE_ID).is_none() {
            let message = "this provider has no project_id and no space_id of its own; send the header \
                           X-IBM-Project-Id or X-IBM-Space-Id";
            return Err(Error::invalid("x-ibm-project-id", message));
        }
        Ok(())
    }
}
