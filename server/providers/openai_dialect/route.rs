//! Where an operation is.

use std::borrow::Cow;

use crate::{error::Result, providers::Settings};

/// An operation that has a path of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Chats.
    Chat,
    /// Text completions.
    Completion,
    /// Embeddings.
    Embedding,
    /// The list of models.
    Models,
}

/// Where it is, and what has to be said there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Path and query below the base URL, beginning with a slash.
    pub path: Cow<'static, str>,
    /// Headers that every call there needs, by their lower-case names.
    pub headers: &'static [(&'static str, &'static str)],
}

/// Where OpenAI has them.
///
/// # Errors
/// None; other vendors may need settings.
pub fn usual_route(place: Place, _: &str, _: &Settings) -> Result<Route> {
    Ok(Route { path: place.usual_path().into(), headers: &[] })
}

// === impl Place ===

impl Place {
    /// The path that OpenAI gave it.
    #[must_use]
    pub fn usual_path(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Completion => "/completions",
            Self::Embedding => "/embeddings",
            Self::Models => "/models",
        }
    }
}
