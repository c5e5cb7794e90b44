//! Mistral. It takes only members that it knows, and has its own names for some; usage comes without being asked for.

use super::{
    Auth, Endpoint, ProviderType,
    openai_dialect::{Dialect, Quirks, drop_names, shorten_ids, speak_as_system, think_in_content},
};
use crate::{
    proto::v1::Operation,
    wire::openai::{MaxTokens, Spelling},
};

const NAME: &str = "mistral";

/// The registry row.
pub(super) static ROW: ProviderType = ProviderType {
    name: NAME,
    title: "Mistral",
    endpoint: Endpoint::Url("https://api.mistral.ai/v1"),
    auth: &[Auth::Bearer],
    settings: &[],
    environment: &[("MISTRAL_API_KEY", "apikey"), ("MISTRAL_BASE_URL", "base_url")],
    adapter: &Dialect {
        provider_type: NAME,
        operations: &[Operation::Chat, Operation::StreamChat, Operation::Embed, Operation::ListModels],
        quirks: Quirks {
            spelling: Spelling { max_tokens: MaxTokens::Plain, ..Spelling::VENDORS },
            asks_for_usage: false,
            always_says_done: true,
            counts_apart: true,
            renames: &[("seed", "random_seed"), ("dimensions", "output_dimension")],
            // Unknown members are answered with 422. What would change the answer itself is left for it to refuse.
            drops: &[
                "logprobs",
                "top_logprobs",
                "logit_bias",
                "user",
                "verbosity",
                "store",
                "prompt_cache_retention",
                "safety_identifier",
            ],
            turns: &[drop_names, speak_as_system, think_in_content, shorten_ids],
            ..Quirks::NONE
        },
    },
};
