//! Any server that speaks OpenAI's dialect: vLLM, TGI, llama.cpp, another gateway. The key is optional.

use super::{
    Auth, Endpoint, ProviderType,
    openai_dialect::{ALL_OPERATIONS, Dialect, Quirks},
};
use crate::wire::openai::Spelling;

const NAME: &str = "custom";

/// The registry row.
pub(super) static ROW: ProviderType = ProviderType {
    name: NAME,
    title: "OpenAI-compatible server",
    endpoint: Endpoint::FromOperator,
    auth: &[Auth::Bearer, Auth::None],
    settings: &[],
    environment: &[],
    adapter: &Dialect {
        provider_type: NAME,
        operations: ALL_OPERATIONS,
        quirks: Quirks { spelling: Spelling::OURS, ..Quirks::NONE },
    },
};
