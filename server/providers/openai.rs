//! OpenAI itself.

use super::{
    Auth, Endpoint, ProviderType, Setting,
    openai_dialect::{ALL_OPERATIONS, Dialect, Quirks},
};

const NAME: &str = "openai";

/// The registry row.
pub(super) static ROW: ProviderType = ProviderType {
    name: NAME,
    title: "OpenAI",
    endpoint: Endpoint::Url("https://api.openai.com/v1"),
    auth: &[Auth::Bearer],
    settings: &[
        Setting {
            name: "organization",
            required: false,
            help: "id of the organization that is billed; default: the key's own",
            check: |_| Ok(()),
        },
        Setting {
            name: "project",
            required: false,
            help: "id of the project that is billed; default: the key's own",
            check: |_| Ok(()),
        },
    ],
    environment: &[("OPENAI_API_KEY", "apikey"), ("OPENAI_BASE_URL", "base_url")],
    adapter: &Dialect {
        provider_type: NAME,
        operations: ALL_OPERATIONS,
        quirks: Quirks {
            setting_headers: &[("organization", "openai-organization"), ("project", "openai-project")],
            always_says_done: true,
            ..Quirks::NONE
        },
    },
};
