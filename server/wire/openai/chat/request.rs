//! Chat requests.

use super::{
    message::{read_message, stands_in_content, write_turn},
    signed::block_of,
    tool::{read_choice, read_format, read_tool, write_choice, write_format, write_tool},
};
use crate::{
    proto::v1::{ChatRequest, StreamOptions, part::Content},
    wire::{
        json::{self, Malformed, Object, Reader, Writer},
        openai::{
            MaxTokens, Spelling, read_doubles, read_json_object, read_provider_options, read_stream_options,
            read_strings, write_stream_options,
        },
    },
};

/// How a request is to be written.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The upstream's id of the model.
    pub model: &'a str,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// How the upstream spells what is open.
    pub spelling: &'a Spelling,
    /// `stream_options`, in place of the request's own. Written for streams only.
    pub stream_options: Option<&'a StreamOptions>,
}

/// Reads a request, and whether its answer is to be streamed.
///
/// # Errors
/// When it is not a chat request; names the member.
pub fn read_request(body: &[u8]) -> Result<(ChatRequest, bool), Malformed> {
    let (mut request, mut stream) = (ChatRequest::default(), false);
    let (mut model, mut messages) = (None, None);
    json::read(body, |reader| {
        reader.object(|reader, name| {
            match name {
                "model" => model = Some(reader.string()?),
                "messages" => messages = Some(reader.list(read_message)?),
                "stream" => stream = reader.boolean()?,
                _ => read_member(reader, name, &mut request)?,
            }
            Ok(())
        })
    })?;
    request.model = model.ok_or_else(|| Malformed::required("model"))?;
    request.messages = messages.ok_or_else(|| Malformed::required("messages"))?;
    Ok((request, stream))
}

fn read_member(reader: &mut Reader<'_>, name: &str, to: &mut ChatRequest) -> Result<(), Malformed> {
    match name {
        // A list without elements says something that no list does not.
        "tools" | "stop" | "modalities" if reader.at_empty_list() => reader.keep(&mut to.extra_json, name)?,
        "tools" => to.tools = reader.list(read_tool)?,
        "tool_choice" => to.tool_choice = Some(read_choice(reader)?),
        "temperature" => to.temperature = Some(reader.double()?),
        "top_p" => to.top_p = Some(reader.double()?),
        "max_completion_tokens" => to.max_completion_tokens = Some(reader.integer()?),
        "max_tokens" => to.max_tokens = Some(reader.integer()?),
        "stop" => to.stop = read_strings(reader)?,
        "response_format" => to.response_format = Some(read_format(reader)?),
        "seed" => to.seed = Some(reader.integer()?),
        "n" => to.n = Some(reader.integer()?),
        "reasoning_effort" => to.reasoning_effort = Some(reader.string()?),
        "parallel_tool_calls" => to.parallel_tool_calls = Some(reader.boolean()?),
        "stream_options" => to.stream_options = Some(read_stream_options(reader)?),
        "frequency_penalty" => to.frequency_penalty = Some(reader.double()?),
        "presence_penalty" => to.presence_penalty = Some(reader.double()?),
        "logit_bias" => to.logit_bias = read_doubles(reader)?,
        "logprobs" => to.logprobs = Some(reader.boolean()?),
        "top_logprobs" => to.top_logprobs = Some(reader.integer()?),
        "user" => to.user = Some(reader.string()?),
        "service_tier" => to.service_tier = Some(reader.string()?),
        "verbosity" => to.verbosity = Some(reader.string()?),
        "modalities" => to.modalities = reader.list(Reader::string)?,
        "audio" => to.audio_json = Some(read_json_object(reader)?),
        "prediction" => to.prediction_json = Some(read_json_object(reader)?),
        "metadata" => read_metadata(reader, to)?,
        "store" => to.store = Some(reader.boolean()?),
        "prompt_cache_key" => to.prompt_cache_key = Some(reader.string()?),
        "safety_identifier" => to.safety_identifier = Some(reader.string()?),
        "provider_options" => to.provider_options_json = read_provider_options(reader)?,
        _ => reader.keep(&mut to.extra_json, name)?,
    }
    Ok(())
}

fn read_metadata(reader: &mut Reader<'_>, to: &mut ChatRequest) -> Result<(), Malformed> {
    to.metadata.clear();
    reader.object(|reader, name| {
        to.metadata.insert(name.to_owned(), reader.string()?);
        Ok(())
    })
}

/// Writes a request as a dialect wants it, without `provider_options_json`.
///
/// # Errors
/// When text that should be JSON is not, or a part cannot be said in this JSON; names the member.
pub fn write_request(request: &ChatRequest, wanted: &Wanted<'_>) -> Result<Vec<u8>, Malformed> {
    let mut writer = Writer::strict();
    writer.object(|object| {
        object.text("model", wanted.model);
        object.member("messages", |value| {
            value.list(|list| {
                for message in &request.messages {
                    write_turn(list, message, wanted.spelling);
                }
            });
        });
        write_tools(object, request);
        write_sampling(object, request, wanted.spelling.max_tokens);
        write_rest(object, request);
        // As an extra member, either would change what the upstream sends while we expect something else.
        object.reserve(&["stream", "stream_options"]);
        object.optional_boolean("stream", wanted.stream.then_some(true));
        if let Some(options) = wanted.stream_options.filter(|_| wanted.stream) {
            write_stream_options(object, options);
        }
        object.extras(&request.extra_json);
    });
    writer.finish()
}

/// What the conversation holds and this JSON, so spelled, has no place for, each kind once. It is left out of what is
/// written.
#[must_use]
pub fn unsaid(request: &ChatRequest, spelling: &Spelling) -> Vec<&'static str> {
    let mut unsaid = Vec::new();
    let mut tell = |name, lost: bool| {
        if lost && !unsaid.contains(&name) {
            unsaid.push(name);
        }
    };
    for part in request.messages.iter().flat_map(|message| &message.parts) {
        let carried = spelling.thinking_blocks && block_of(part).is_some();
        let signed = matches!(&part.content, Some(Content::Thinking(it)) if !it.signature.is_empty());
        tell("thinking.signature", signed && !carried);
        let plain = matches!(part.content, Some(Content::Thinking(_))) && !signed;
        tell("thinking.extra_json", plain && !part.extra_json.is_empty());
        let refused = matches!(part.content, Some(Content::Refusal(_))) && !stands_in_content(part);
        tell("refusal.extra_json", refused && !part.extra_json.is_empty());
        tell("redacted_thinking", matches!(part.content, Some(Content::RedactedThinking(_))) && !carried);
        tell("cache", part.cache.is_some() && !stands_in_content(part));
    }
    unsaid
}

fn write_tools(object: &mut Object<'_>, request: &ChatRequest) {
    if !request.tools.is_empty() {
        object.member("tools", |value| value.each(&request.tools, write_tool));
    }
    if let Some(choice) = &request.tool_choice {
        write_choice(object, choice);
    }
    object.optional_boolean("parallel_tool_calls", request.parallel_tool_calls);
    if let Some(format) = &request.response_format {
        write_format(object, format);
    }
}

fn write_sampling(object: &mut Object<'_>, request: &ChatRequest, max_tokens: MaxTokens) {
    let (completion, plain) = (request.max_completion_tokens, request.max_tokens);
    let (completion, plain) = match max_tokens {
        MaxTokens::AsGiven => (completion, plain),
        MaxTokens::Completion => (completion.or(plain), None),
        MaxTokens::Plain => (None, completion.or(plain)),
    };
    object.optional_integer("max_completion_tokens", completion);
    object.optional_integer("max_tokens", plain);
    object.optional_double("temperature", request.temperature);
    object.optional_double("top_p", request.top_p);
    object.optional_double("frequency_penalty", request.frequency_penalty);
    object.optional_double("presence_penalty", request.presence_penalty);
    object.optional_integer("seed", request.seed);
    object.optional_integer("n", request.n);
    match request.stop.as_slice() {
        [] => {}
        [one] => object.text("stop", one),
        several => object.member("stop", |value| value.each(several, |value, stop| value.text(stop))),
    }
    if !request.logit_bias.is_empty() {
        object.object("logit_bias", |object| {
            object.entries(&request.logit_bias, |value, bias| value.double(*bias));
        });
    }
    object.optional_boolean("logprobs", request.logprobs);
    object.optional_integer("top_logprobs", request.top_logprobs);
}

fn write_rest(object: &mut Object<'_>, request: &ChatRequest) {
    object.optional_text("reasoning_effort", request.reasoning_effort.as_deref());
    object.optional_text("verbosity", request.verbosity.as_deref());
    if !request.modalities.is_empty() {
        object.member("modalities", |value| value.each(&request.modalities, |value, word| value.text(word)));
    }
    object.optional_raw("audio", request.audio_json.as_deref());
    object.optional_raw("prediction", request.prediction_json.as_deref());
    object.optional_text("user", request.user.as_deref());
    object.optional_text("service_tier", request.service_tier.as_deref());
    if !request.metadata.is_empty() {
        object.object("metadata", |object| {
            object.entries(&request.metadata, |value, text| value.text(text));
        });
    }
    object.optional_boolean("store", request.store);
    object.optional_text("prompt_cache_key", request.prompt_cache_key.as_deref());
    object.optional_text("safety_identifier", request.safety_identifier.as_deref());
}
