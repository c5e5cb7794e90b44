//! Groq. Usage stands in `x_groq` as well; a stream may break off with an event named `error`.

use super::{
    Auth, Endpoint, ProviderType,
    openai_dialect::{Dialect, Quirks, drop_names},
};
use crate::{proto::v1::Operation, wire::openai::Spelling};

const NAME: &str = "groq";

/// The registry row.
pub(super) static ROW: ProviderType = ProviderType {
    name: NAME,
    title: "Groq",
    endpoint: Endpoint::Url("https://api.groq.com/openai/v1"),
    auth: &[Auth::Bearer],
    settings: &[],
    environment: &[("GROQ_API_KEY", "apikey"), ("GROQ_BASE_URL", "base_url")],
    adapter: &Dialect {
        provider_type: NAME,
        operations: &[Operation::Chat, Operation::StreamChat, Operation::ListModels],
        quirks: Quirks {
            spelling: Spelling { reasoning: "reasoning", ..Spelling::VENDORS },
            always_says_done: true,
            // The first three are documented to be answered with 400, the others are answered so: it takes only members
            // that it knows. What would change the answer itself is left for it to refuse.
            drops: &[
                "logprobs",
                "top_logprobs",
                "logit_bias",
                "store",
                "prompt_cache_key",
                "prompt_cache_retention",
                "safety_identifier",
            ],
            turns: &[drop_names],
            ..Quirks::NONE
        },
    },
};
