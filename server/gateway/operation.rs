//! What differs between chat, completion and embedding, so that the stages are written once.

use http::HeaderMap;

use crate::{
    error::Result,
    gateway::{
        admit,
        identity::{Identified, Identity},
    },
    proto::v1::{
        ChatChunk, ChatRequest, ChatResponse, CompleteChunk, CompleteRequest, CompleteResponse, EmbedRequest,
        EmbedResponse, Operation as Kind, Part, Usage, embed_input, part, part_delta, prompt,
    },
    providers::{Adapter, ChunkDecoder, Outbound, UpstreamModel},
};

/// An operation with one answer.
pub(super) trait Operation {
    type Request: Sync;
    type Response;
    const UNARY: Kind;

    fn model(request: &Self::Request) -> &str;
    fn admit(request: &Self::Request) -> Result<()>;
    /// Bytes of text that the model will read, from which tokens are estimated where the provider reports none.
    fn input_bytes(request: &Self::Request) -> usize;
    fn outbound(adapter: &dyn Adapter, request: &Self::Request, to: &UpstreamModel<'_>) -> Result<Outbound>;
    fn response(
        adapter: &dyn Adapter,
        head: &HeaderMap,
        body: &[u8],
        to: &UpstreamModel<'_>,
    ) -> Result<Self::Response>;
    fn usage(response: &Self::Response) -> Option<&Usage>;
    /// Fills in what the vendor has left out of the answer's identity.
    fn identify(response: &mut Self::Response, identity: &Identity<'_>);
}

/// An operation whose answer can be streamed.
pub(super) trait Streaming: Operation {
    type Chunk: Identified + Send + Unpin + 'static;
    const STREAM: Kind;

    fn decoder(adapter: &dyn Adapter, to: &UpstreamModel<'_>) -> Result<Box<dyn ChunkDecoder<Self::Chunk>>>;
    /// Whether the chunk holds anything that a caller would miss.
    fn has_content(chunk: &Self::Chunk) -> bool;
    /// Bytes of text in the chunk.
    fn output_bytes(chunk: &Self::Chunk) -> usize;
    fn chunk_usage(chunk: &Self::Chunk) -> Option<&Usage>;
}

pub(super) struct Chat;
pub(super) struct Complete;
pub(super) struct Embed;

// === impl Chat ===

impl Operation for Chat {
    type Request = ChatRequest;
    type Response = ChatResponse;
    const UNARY: Kind = Kind::Chat;

    fn model(request: &ChatRequest) -> &str {
        &request.model
    }

    fn admit(request: &ChatRequest) -> Result<()> {
        admit::chat(request)
    }

    fn input_bytes(request: &ChatRequest) -> usize {
        request.messages.iter().flat_map(|message| &message.parts).map(part_bytes).sum()
    }

    fn outbound(adapter: &dyn Adapter, request: &ChatRequest, to: &UpstreamModel<'_>) -> Result<Outbound> {
        adapter.chat(request, to)
    }

    fn response(
        adapter: &dyn Adapter,
        _: &HeaderMap,
        body: &[u8],
        to: &UpstreamModel<'_>,
    ) -> Result<ChatResponse> {
        adapter.chat_response(body, to)
    }

    fn usage(response: &ChatResponse) -> Option<&Usage> {
        response.usage.as_ref()
    }

    fn identify(response: &mut ChatResponse, identity: &Identity<'_>) {
        response.identify(identity);
    }
}

impl Streaming for Chat {
    type Chunk = ChatChunk;
    const STREAM: Kind = Kind::StreamChat;

    fn decoder(adapter: &dyn Adapter, to: &UpstreamModel<'_>) -> Result<Box<dyn ChunkDecoder<ChatChunk>>> {
        adapter.chat_stream(to)
    }

    fn has_content(chunk: &ChatChunk) -> bool {
        let finished = chunk
            .choices
            .iter()
            .any(|choice| choice.finish_reason != 0 || !choice.finish_reason_text.is_empty());
        finished || chunk.usage.is_some() || Self::output_bytes(chunk) > 0
    }

    fn output_bytes(chunk: &ChatChunk) -> usize {
        let parts = chunk.choices.iter().flat_map(|choice| &choice.parts);
        parts
            .map(|part| match &part.content {
                Some(part_delta::Content::Text(delta)) => delta.text.len(),
                Some(part_delta::Content::Thinking(delta)) => delta.text.len() + delta.signature.len(),
                Some(part_delta::Content::RedactedThinking(delta)) => delta.data.len(),
                Some(part_delta::Content::ToolCall(delta)) => {
                    delta.name.len() + delta.arguments_json_fragment.len()
                }
                Some(part_delta::Content::Refusal(delta)) => delta.text.len(),
                Some(part_delta::Content::Audio(delta)) => delta.transcript.len() + delta.data_base64.len(),
                Some(part_delta::Content::OtherJson(json)) => json.len(),
                None => 0,
            })
            .sum()
    }

    fn chunk_usage(chunk: &ChatChunk) -> Option<&Usage> {
        chunk.usage.as_ref()
    }
}

/// Bytes of text in a part. Media count nothing: their tokens do not follow from their bytes.
fn part_bytes(part: &Part) -> usize {
    match &part.content {
        Some(part::Content::Text(text)) => text.text.len(),
        Some(part::Content::Thinking(thinking)) => thinking.text.len(),
        Some(part::Content::Refusal(refusal)) => refusal.text.len(),
        Some(part::Content::ToolCall(call)) => call.name.len() + call.arguments_json.len(),
        Some(part::Content::ToolResult(result)) => result.parts.iter().map(part_bytes).sum(),
        Some(part::Content::Other(other)) => other.json.len(),
        Some(
            part::Content::Image(_)
            | part::Content::Audio(_)
            | part::Content::File(_)
            | part::Content::RedactedThinking(_),
        )
        | None => 0,
    }
}

// === impl Complete ===

impl Operation for Complete {
    type Request = CompleteRequest;
    type Response = CompleteResponse;
    const UNARY: Kind = Kind::Complete;

    fn model(request: &CompleteRequest) -> &str {
        &request.model
    }

    fn admit(request: &CompleteRequest) -> Result<()> {
        admit::complete(request)
    }

    fn input_bytes(request: &CompleteRequest) -> usize {
        let prompts = request.prompts.iter();
        prompts
            .map(|prompt| match &prompt.content {
                Some(prompt::Content::Text(text)) => text.len(),
                Some(prompt::Content::Tokens(tokens)) => tokens.ids.len() * BYTES_PER_TOKEN,
                None => 0,
            })
            .sum()
    }

    fn outbound(
        adapter: &dyn Adapter,
        request: &CompleteRequest,
        to: &UpstreamModel<'_>,
    ) -> Result<Outbound> {
        adapter.complete(request, to)
    }

    fn response(
        adapter: &dyn Adapter,
        _: &HeaderMap,
        body: &[u8],
        to: &UpstreamModel<'_>,
    ) -> Result<CompleteResponse> {
        adapter.complete_response(body, to)
    }

    fn usage(response: &CompleteResponse) -> Option<&Usage> {
        response.usage.as_ref()
    }

    fn identify(response: &mut CompleteResponse, identity: &Identity<'_>) {
        response.identify(identity);
    }
}

impl Streaming for Complete {
    type Chunk = CompleteChunk;
    const STREAM: Kind = Kind::StreamComplete;

    fn decoder(
        adapter: &dyn Adapter,
        to: &UpstreamModel<'_>,
    ) -> Result<Box<dyn ChunkDecoder<CompleteChunk>>> {
        adapter.complete_stream(to)
    }

    fn has_content(chunk: &CompleteChunk) -> bool {
        let finished = chunk
            .choices
            .iter()
            .any(|choice| choice.finish_reason != 0 || !choice.finish_reason_text.is_empty());
        finished || chunk.usage.is_some() || Self::output_bytes(chunk) > 0
    }

    fn output_bytes(chunk: &CompleteChunk) -> usize {
        chunk.choices.iter().map(|choice| choice.text.len()).sum()
    }

    fn chunk_usage(chunk: &CompleteChunk) -> Option<&Usage> {
        chunk.usage.as_ref()
    }
}

// === impl Embed ===

impl Operation for Embed {
    type Request = EmbedRequest;
    type Response = EmbedResponse;
    const UNARY: Kind = Kind::Embed;

    fn model(request: &EmbedRequest) -> &str {
        &request.model
    }

    fn admit(request: &EmbedRequest) -> Result<()> {
        admit::embed(request)
    }

    fn input_bytes(request: &EmbedRequest) -> usize {
        let inputs = request.inputs.iter();
        inputs
            .map(|input| match &input.content {
                Some(embed_input::Content::Text(text)) => text.len(),
                Some(embed_input::Content::Tokens(tokens)) => tokens.ids.len() * BYTES_PER_TOKEN,
                None => 0,
            })
            .sum()
    }

    fn outbound(adapter: &dyn Adapter, request: &EmbedRequest, to: &UpstreamModel<'_>) -> Result<Outbound> {
        adapter.embed(request, to)
    }

    fn response(
        adapter: &dyn Adapter,
        head: &HeaderMap,
        body: &[u8],
        to: &UpstreamModel<'_>,
    ) -> Result<EmbedResponse> {
        let mut response = adapter.embed_response(body, to)?;
        if response.usage.is_none() {
            response.usage = adapter.embed_usage(head);
        }
        Ok(response)
    }

    fn usage(response: &EmbedResponse) -> Option<&Usage> {
        response.usage.as_ref()
    }

    fn identify(response: &mut EmbedResponse, identity: &Identity<'_>) {
        if response.model.is_empty() {
            identity.model.clone_into(&mut response.model);
        }
    }
}

/// The usual rule of thumb for English text and common tokenizers.
pub(super) const BYTES_PER_TOKEN: usize = 4;
