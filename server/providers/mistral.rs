//! Mistral. It takes only members that it knows, and has its own names for some; usage comes without being asked for.

use super::{
    Auth, Endpoint, ProviderType,
    openai_dialect::{
        Dialect, Quirks, declare_parameters, drop_names, say_refusals, shorten_ids, speak_as_system,
        think_in_content,
    },
};
use crate::{
    proto::v1::{ChatRequest, FilePart, Operation, OtherPart, part::Content},
    wire::{
        json::Writer,
        openai::{MaxTokens, Spelling},
    },
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
            turns: &[
                drop_names,
                speak_as_system,
                say_refusals,
                think_in_content,
                shorten_ids,
                declare_parameters,
                name_media,
            ],
            ..Quirks::NONE
        },
    },
};

/// Audio and files as Mistral names them (`AudioChunk`, `DocumentURLChunk` and `FileChunk` of its SDK).
fn name_media(request: &mut ChatRequest) -> Option<&'static str> {
    for part in request.messages.iter_mut().flat_map(|message| &mut message.parts) {
        let json = match &part.content {
            Some(Content::Audio(audio)) => Writer::text_of(|object| {
                object.text("type", "input_audio");
                object.text("input_audio", &audio.data_base64);
            }),
            Some(Content::File(file)) => write_file(file),
            Some(
                Content::Text(_)
                | Content::Image(_)
                | Content::Thinking(_)
                | Content::RedactedThinking(_)
                | Content::Refusal(_)
                | Content::ToolCall(_)
                | Content::ToolResult(_)
                | Content::Other(_),
            )
            | None => continue,
        };
        part.content = Some(Content::Other(OtherPart { json, member: String::new() }));
    }
    None
}

fn write_file(file: &FilePart) -> String {
    Writer::text_of(|object| match (&file.file_id, &file.file_data) {
        (Some(id), _) => {
            object.text("type", "file");
            object.text("file_id", id);
        }
        (None, data) => {
            object.text("type", "document_url");
            object.optional_text("document_url", data.as_deref());
            object.optional_text("document_name", file.filename.as_deref());
        }
    })
}
