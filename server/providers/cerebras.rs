//! Cerebras. Its streams may end without `[DONE]`; the last chunk with content holds usage and times.

use super::{
    Auth, Endpoint, ProviderType,
    openai_dialect::{Dialect, Quirks},
};
use crate::{proto::v1::Operation, wire::openai::Spelling};

const NAME: &str = "cerebras";

/// The registry row.
pub(super) static ROW: ProviderType = ProviderType {
    name: NAME,
    title: "Cerebras",
    endpoint: Endpoint::Url("https://api.cerebras.ai/v1"),
    auth: &[Auth::Bearer],
    settings: &[],
    environment: &[("CEREBRAS_API_KEY", "apikey"), ("CEREBRAS_BASE_URL", "base_url")],
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
            spelling: Spelling { reasoning: "reasoning", ..Spelling::VENDORS },
            // Documented to be answered with 400.
            drops: &["frequency_penalty", "presence_penalty", "logit_bias"],
            ..Quirks::NONE
        },
    },
};
