//! NVIDIA NIM, in NVIDIA's cloud or in a container of one's own, which wants no key.

use super::{
    Auth, Endpoint, ProviderType,
    openai_dialect::{ALL_OPERATIONS, Dialect, Quirks},
};
use crate::wire::openai::{MaxTokens, Spelling};

const NAME: &str = "nim";

/// The registry row.
pub(super) static ROW: ProviderType = ProviderType {
    name: NAME,
    title: "NVIDIA NIM",
    endpoint: Endpoint::Url("https://integrate.api.nvidia.com/v1"),
    auth: &[Auth::Bearer, Auth::None],
    settings: &[],
    environment: &[("NVIDIA_API_KEY", "apikey"), ("NVIDIA_BASE_URL", "base_url")],
    adapter: &Dialect {
        provider_type: NAME,
        operations: ALL_OPERATIONS,
        quirks: Quirks {
            // The servers in it are of many makes and ages; this is the name that all of them know.
            spelling: Spelling { max_tokens: MaxTokens::Plain, ..Spelling::VENDORS },
            ..Quirks::NONE
        },
    },
};
