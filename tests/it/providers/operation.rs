//! The three operations with an answer of their own shape, as functions over JSON, so that each law is written once.

use serde::Serialize;
use serde_json::Value;
use sluicegate::{
    error::{Error, Result},
    proto::v1,
    providers::{Adapter, Outbound, Scope, Settings, UpstreamModel},
    wire::{
        json::Malformed,
        openai::{Spelling, chat, completion, embedding, model},
    },
};

use super::decode::{self, Ended};

/// What is asked of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Chat,
    Complete,
    Embed,
    ListModels,
}

/// Chunks of a stream as proto JSON, and how it ended.
#[derive(Debug)]
pub(super) struct Streamed {
    pub(super) chunks: Vec<Value>,
    pub(super) ended: Result<Ended>,
}

impl Operation {
    /// The operation of a case, by its name.
    pub(super) fn of_case(case: &str) -> Self {
        match case.split(['-', '.']).next() {
            Some("completion") => Self::Complete,
            Some("embedding") => Self::Embed,
            Some("models") => Self::ListModels,
            _ => Self::Chat,
        }
    }

    /// Whether the vendor has it.
    pub(super) fn is_offered_by(self, adapter: &dyn Adapter) -> bool {
        let operation = match self {
            Self::Chat => v1::Operation::Chat,
            Self::Complete => v1::Operation::Complete,
            Self::Embed => v1::Operation::Embed,
            Self::ListModels => v1::Operation::ListModels,
        };
        adapter.operations().contains(&operation)
    }

    /// What the adapter asks upstream for an OpenAI request.
    pub(super) fn ask(
        self,
        adapter: &dyn Adapter,
        body: &[u8],
        stream: Option<bool>,
        model: &str,
        settings: &Settings,
    ) -> Result<Outbound> {
        let scope = Scope::default();
        let to =
            |asked| UpstreamModel { id: model, stream: stream.unwrap_or(asked), settings, scope: &scope };
        match self {
            Self::Chat => {
                let (request, asked) = chat::read_request(body).map_err(Malformed::in_request)?;
                adapter.chat(&request, &to(asked))
            }
            Self::Complete => {
                let (request, asked) = completion::read_request(body).map_err(Malformed::in_request)?;
                adapter.complete(&request, &to(asked))
            }
            Self::Embed => {
                let (request, _) = embedding::read_request(body).map_err(Malformed::in_request)?;
                adapter.embed(&request, &to(false))
            }
            Self::ListModels => adapter.list_models(settings),
        }
    }

    /// Reads an unstreamed answer; gives it as proto JSON.
    pub(super) fn answer(self, adapter: &dyn Adapter, body: &[u8], settings: &Settings) -> Result<Value> {
        let to = UpstreamModel { id: "model", stream: false, settings, scope: &Scope::default() };
        match self {
            Self::Chat => adapter.chat_response(body, &to).map(json),
            Self::Complete => adapter.complete_response(body, &to).map(json),
            Self::Embed => adapter.embed_response(body, &to).map(json),
            Self::ListModels => adapter.list_models_response(body).map(json),
        }
    }

    /// Reads a stream that comes in these pieces.
    pub(super) fn stream<'a>(
        self,
        adapter: &dyn Adapter,
        pieces: impl Iterator<Item = &'a [u8]>,
        settings: &Settings,
    ) -> Streamed {
        let to = UpstreamModel { id: "model", stream: true, settings, scope: &Scope::default() };
        match self {
            Self::Chat => decode::decode(adapter.framing(), adapter.chat_stream(&to), pieces),
            Self::Complete => decode::decode(adapter.framing(), adapter.complete_stream(&to), pieces),
            Self::Embed | Self::ListModels => panic!("{self:?} has no streams"),
        }
    }

    /// OpenAI request -> proto -> OpenAI request.
    pub(super) fn rewrite_request(self, body: &[u8]) -> Result<Vec<u8>, Malformed> {
        match self {
            Self::Chat => {
                let (request, stream) = chat::read_request(body)?;
                let wanted = chat::Wanted {
                    model: &request.model,
                    stream,
                    spelling: &Spelling::OURS,
                    stream_options: request.stream_options.as_ref(),
                };
                chat::write_request(&request, &wanted)
            }
            Self::Complete => {
                let (request, stream) = completion::read_request(body)?;
                let options = request.stream_options.as_ref();
                completion::write_request(&request, &request.model, stream, options)
            }
            Self::Embed => {
                let (request, _) = embedding::read_request(body)?;
                embedding::write_request(&request, &request.model)
            }
            Self::ListModels => panic!("listing has no body"),
        }
    }

    /// OpenAI answer -> proto -> OpenAI answer. `None`: it is not written back as it came.
    pub(super) fn rewrite_answer(self, body: &[u8]) -> Option<Result<Vec<u8>, Malformed>> {
        match self {
            Self::Chat => Some(chat::read_response(body).map(|answer| chat::write_response(&answer))),
            Self::Complete => {
                Some(completion::read_response(body).map(|answer| completion::write_response(&answer)))
            }
            Self::Embed => Some(
                embedding::read_response(body)
                    .map(|answer| embedding::write_response(&answer, embedding::Encoding::Float)),
            ),
            // Our lists say more than theirs.
            Self::ListModels => {
                assert!(model::read_list(body).is_ok());
                None
            }
        }
    }

    /// OpenAI chunks -> proto -> OpenAI chunks, each.
    pub(super) fn rewrite_chunks(self, chunks: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, Malformed> {
        let (mut reader, mut writer) = (chat::ChunkReader::default(), chat::ChunkWriter::default());
        let rewrite = |data: &Vec<u8>| {
            let mut out = Vec::new();
            match self {
                Self::Chat => writer.write(&reader.read(data)?, &mut out),
                Self::Complete => completion::write_chunk(&completion::read_chunk(data)?, &mut out),
                Self::Embed | Self::ListModels => panic!("{self:?} has no streams"),
            }
            Ok(out)
        };
        chunks.iter().map(rewrite).collect()
    }
}

/// Proto JSON.
pub(super) fn json(message: impl Serialize) -> Value {
    serde_json::to_value(message).expect("messages are JSON")
}

/// How an error looks to a caller.
pub(super) fn error_json(error: &Error) -> Value {
    let (row, detail) = (error.row(), error.detail());
    let mut members = serde_json::json!({
        "reason": error.reason().as_str_name().trim_start_matches("ERROR_REASON_"),
        "http": row.http.as_u16(),
        "retry": format!("{:?}", row.retry),
        "message": error.message(),
    });
    let facts = [
        ("field", detail.field.clone().map(Value::from)),
        ("upstream_status", detail.upstream_status.map(Value::from)),
        ("upstream_code", detail.upstream_code.clone().map(Value::from)),
        ("retry_after_ms", detail.retry_after.map(|after| Value::from(after.as_millis() as u64))),
    ];
    for (name, value) in facts {
        if let Some(value) = value {
            members[name] = value;
        }
    }
    members
}
