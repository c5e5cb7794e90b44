//! xAI. Reasoning is counted beside what was written, errors are flat, and a bad key is answered with 400.

use super::{
    Auth, Endpoint, ProviderType,
    openai_dialect::{Dialect, Quirks},
};
use crate::proto::v1::Operation;

const NAME: &str = "xai";

/// The registry row.
pub(super) static ROW: ProviderType = ProviderType {
    name: NAME,
    title: "xAI",
    endpoint: Endpoint::Url("https://api.x.ai/v1"),
    auth: &[Auth::Bearer],
    settings: &[],
    environment: &[("XAI_API_KEY", "apikey"), ("XAI_BASE_URL", "base_url")],
    adapter: &Dialect {
        provider_type: NAME,
        operations: &[
            Operation::Chat,
            Operation::StreamChat,
            Operation::Complete,
            Operation::StreamComplete,
            Operation::ListModels,
        ],
        quirks: Quirks {
            always_says_done: true,
            counts_apart: true,
            refuses_key_with: &["Incorrect API key"],
            ..Quirks::NONE
        },
    },
};
