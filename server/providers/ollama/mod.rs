//! Ollama, by its own interface.
//!
//! Here: the row, its adapter, ids of tool calls and how its errors are read; `request`, `turns` and `sampling` write what is asked,
//! `line` reads one line of an answer, whole or streamed, `chat`, `completion` and `embedding` make answers of them. Not
//! here: the dialect of OpenAI that it speaks as well, which leaves its options out of reach.

mod chat;
mod completion;
mod embedding;
mod line;
mod request;
mod sampling;
#[cfg(test)]
mod tests;
mod turns;

use aws_lc_rs::digest;
use http::{HeaderMap, StatusCode};

use super::{
    Adapter, Auth, ChunkDecoder, Endpoint, Outbound, ProviderType, Setting, Settings, UpstreamModel, failure,
};
use crate::{
    error::{Error, Result},
    proto::v1::{
        AvailableModel, ChatChunk, ChatRequest, ChatResponse, CompleteChunk, CompleteRequest,
        CompleteResponse, EmbedRequest, EmbedResponse, Operation,
    },
    wire::{
        Framing,
        json::{self, Malformed, Reader},
        openai::error::{VendorError, read},
    },
};

const NAME: &str = "ollama";
/// Setting: how long a model stays loaded.
const KEEP_ALIVE: &str = "keep_alive";
/// Bytes of a hash that become an id.
const ID_BYTES: usize = 12;

/// The registry row. A server of one's own wants no credential, the vendor's own host does.
pub(super) static ROW: ProviderType = ProviderType {
    name: NAME,
    title: "Ollama",
    endpoint: Endpoint::Url("http://localhost:11434"),
    auth: &[Auth::Bearer, Auth::None],
    settings: &[
        Setting {
            name: KEEP_ALIVE,
            required: false,
            help: "how long a model stays loaded after a call: seconds, or a duration like 5m; 0 unloads it at once, a \
                   negative one keeps it; default: that of the server, mostly 5 minutes",
            check: is_duration,
        },
        Setting {
            name: "clean_on_close",
            required: false,
            help: "true or false; kept, not used: the server itself unloads models after keep_alive",
            check: |text| match text {
                "true" | "false" => Ok(()),
                _ => Err("must be true or false"),
            },
        },
    ],
    environment: &[("OLLAMA_BASE_URL", "base_url"), ("OLLAMA_API_KEY", "apikey")],
    adapter: &Ollama,
};

struct Ollama;

impl Adapter for Ollama {
    fn operations(&self) -> &'static [Operation] {
        &[
            Operation::Chat,
            Operation::StreamChat,
            Operation::Complete,
            Operation::StreamComplete,
            Operation::Embed,
            Operation::ListModels,
        ]
    }

    fn chat(&self, request: &ChatRequest, to: &UpstreamModel<'_>) -> Result<Outbound> {
        let (body, dropped) = request::write(request, to)?;
        Ok(Outbound::post("/api/chat", body, dropped))
    }

    fn chat_response(&self, body: &[u8], _: &UpstreamModel<'_>) -> Result<ChatResponse> {
        chat::read(body)
    }

    fn chat_stream(&self, _: &UpstreamModel<'_>) -> Result<Box<dyn ChunkDecoder<ChatChunk>>> {
        Ok(Box::new(chat::Decoder::default()))
    }

    fn complete(&self, request: &CompleteRequest, to: &UpstreamModel<'_>) -> Result<Outbound> {
        let (body, dropped) = completion::write(request, to)?;
        Ok(Outbound::post("/api/generate", body, dropped))
    }

    fn complete_response(&self, body: &[u8], _: &UpstreamModel<'_>) -> Result<CompleteResponse> {
        completion::read(body)
    }

    fn complete_stream(&self, _: &UpstreamModel<'_>) -> Result<Box<dyn ChunkDecoder<CompleteChunk>>> {
        Ok(Box::new(completion::Decoder::default()))
    }

    fn embed(&self, request: &EmbedRequest, to: &UpstreamModel<'_>) -> Result<Outbound> {
        let (body, dropped) = embedding::write(request, to)?;
        Ok(Outbound::post("/api/embed", body, dropped))
    }

    fn embed_response(&self, body: &[u8], _: &UpstreamModel<'_>) -> Result<EmbedResponse> {
        embedding::read(body)
    }

    fn list_models(&self, _: &Settings) -> Result<Outbound> {
        Ok(Outbound::get("/api/tags"))
    }

    fn list_models_response(&self, body: &[u8]) -> Result<Vec<AvailableModel>> {
        read_models(body).map_err(Malformed::in_answer)
    }

    fn framing(&self) -> Framing {
        Framing::JsonLines
    }

    fn error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
        failure::of_status(status, headers, read_error(body), &[])
    }
}

/// Errors are `{"error": "text"}`, or like OpenAI's on the vendor's own host. The text alone tells that an input is too
/// long.
fn read_error(body: &[u8]) -> VendorError {
    let mut vendor = read(body);
    let said = vendor.message.as_deref().unwrap_or_default();
    let too_long =
        said.contains("exceed") && (said.contains("context length") || said.contains("context size"));
    if vendor.kind.is_none() && vendor.code.is_none() && too_long {
        vendor.kind = Some("context_length".to_owned());
    }
    vendor
}

/// An id for a call of a tool, made of what is known of it: the same whenever the same is read.
fn mint(of: &[&str]) -> String {
    let hash = digest::digest(&digest::SHA256, of.join("\0").as_bytes());
    let mut id = "call_".to_owned();
    for byte in hash.as_ref().iter().take(ID_BYTES) {
        id.push_str(&format!("{byte:02x}"));
    }
    id
}

fn read_models(body: &[u8]) -> Result<Vec<AvailableModel>, Malformed> {
    let mut models = None;
    json::read(body, |reader| {
        reader.object(|reader, name| match name {
            "models" => {
                models = Some(reader.list(read_model)?);
                Ok(())
            }
            _ => reader.skip(),
        })
    })?;
    models.ok_or_else(|| Malformed::required("models"))
}

fn read_model(reader: &mut Reader<'_>) -> Result<AvailableModel, Malformed> {
    let (mut id, mut name, mut model) = (None, None, AvailableModel::default());
    reader.object(|reader, member| {
        match member {
            "model" => id = Some(reader.string()?),
            "name" => name = Some(reader.string()?),
            "modified_at" => model.create_time = line::time(&reader.text()?),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    model.id = id.or(name).ok_or_else(|| Malformed::required("model"))?;
    Ok(model)
}

/// Whole seconds, or a duration as Go writes it: numbers, each with a unit.
fn is_duration(text: &str) -> Result<(), &'static str> {
    const UNITS: [&str; 6] = ["ns", "us", "ms", "h", "m", "s"];
    let mut rest = text.strip_prefix('-').unwrap_or(text);
    if !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    let mut pieces = 0;
    while !rest.is_empty() {
        let unit = rest.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
        let behind = UNITS.iter().find_map(|known| unit.strip_prefix(known));
        match behind {
            Some(behind) if unit.len() < rest.len() => rest = behind,
            _ => return Err("must be whole seconds, or a duration like 5m, 1h30m or 90s"),
        }
        pieces += 1;
    }
    if pieces > 0 { Ok(()) } else { Err("must not be empty; leave it out for the server's own") }
}
