//! Text completions: the older interface, still spoken by many servers.

use super::{
    read_created, read_doubles, read_finish, read_object_type, read_provider_options, read_stream_options,
    read_strings, usage, write_created, write_finish, write_object_type, write_stream_options,
};
use crate::{
    proto::v1::{
        CompleteChunk, CompleteRequest, CompleteResponse, CompletionChoice, Prompt, StreamOptions, TokenIds,
        prompt::Content,
    },
    wire::json::{self, Kind, Malformed, Object, Reader, Writer},
};

const OBJECT: &str = "text_completion";

/// Reads a request, and whether its answer is to be streamed.
///
/// # Errors
/// When it is not a completion request; names the member.
pub fn read_request(body: &[u8]) -> Result<(CompleteRequest, bool), Malformed> {
    let (mut request, mut stream) = (CompleteRequest::default(), false);
    let (mut model, mut prompts) = (None, None);
    json::read(body, |reader| {
        reader.object(|reader, name| {
            match name {
                "model" => model = Some(reader.string()?),
                "prompt" => prompts = Some(read_prompts(reader)?),
                "stream" => stream = reader.boolean()?,
                _ => read_member(reader, name, &mut request)?,
            }
            Ok(())
        })
    })?;
    request.model = model.ok_or_else(|| Malformed::required("model"))?;
    request.prompts = prompts.ok_or_else(|| Malformed::required("prompt"))?;
    Ok((request, stream))
}

fn read_member(reader: &mut Reader<'_>, name: &str, to: &mut CompleteRequest) -> Result<(), Malformed> {
    match name {
        // A list without elements says something that no list does not.
        "stop" if reader.at_empty_list() => reader.keep(&mut to.extra_json, name)?,
        "stop" => to.stop = read_strings(reader)?,
        "max_tokens" => to.max_tokens = Some(reader.integer()?),
        "temperature" => to.temperature = Some(reader.double()?),
        "top_p" => to.top_p = Some(reader.double()?),
        "n" => to.n = Some(reader.integer()?),
        "seed" => to.seed = Some(reader.integer()?),
        "suffix" => to.suffix = Some(reader.string()?),
        "echo" => to.echo = Some(reader.boolean()?),
        "best_of" => to.best_of = Some(reader.integer()?),
        "logprobs" => to.logprobs = Some(reader.integer()?),
        "frequency_penalty" => to.frequency_penalty = Some(reader.double()?),
        "presence_penalty" => to.presence_penalty = Some(reader.double()?),
        "stream_options" => to.stream_options = Some(read_stream_options(reader)?),
        "logit_bias" => to.logit_bias = read_doubles(reader)?,
        "user" => to.user = Some(reader.string()?),
        "provider_options" => to.provider_options_json = read_provider_options(reader)?,
        _ => reader.keep(&mut to.extra_json, name)?,
    }
    Ok(())
}

/// Takes a prompt, a list of prompts, or a list of tokens.
fn read_prompts(reader: &mut Reader<'_>) -> Result<Vec<Prompt>, Malformed> {
    let texts_or_tokens = super::read_texts_or_tokens(reader)?;
    Ok(texts_or_tokens
        .into_iter()
        .map(|input| Prompt { content: Some(input.either(Content::Text, Content::Tokens)) })
        .collect())
}

/// Writes a request for the upstream model `model`, without `provider_options_json`. `stream_options` stand in place of
/// the request's own and are written for streams only.
///
/// # Errors
/// When text that should be JSON is not, or a number is not finite; names the member.
pub fn write_request(
    request: &CompleteRequest,
    model: &str,
    stream: bool,
    stream_options: Option<&StreamOptions>,
) -> Result<Vec<u8>, Malformed> {
    let mut writer = Writer::strict();
    writer.object(|object| {
        object.text("model", model);
        object.member("prompt", |value| match request.prompts.as_slice() {
            [one] if !is_no_tokens(one) => write_prompt(value, one),
            several => value.each(several, write_prompt),
        });
        write_sampling(object, request);
        // As an extra member, either would change what the upstream sends while we expect something else.
        object.reserve(&["stream", "stream_options"]);
        object.optional_boolean("stream", stream.then_some(true));
        if let Some(options) = stream_options.filter(|_| stream) {
            write_stream_options(object, options);
        }
        object.extras(&request.extra_json);
    });
    writer.finish()
}

/// Whether the prompt is a list without tokens, which alone would look like a list without prompts.
fn is_no_tokens(prompt: &Prompt) -> bool {
    matches!(&prompt.content, Some(Content::Tokens(tokens)) if tokens.ids.is_empty())
}

fn write_prompt(writer: &mut Writer, prompt: &Prompt) {
    match &prompt.content {
        Some(Content::Text(text)) => writer.text(text),
        Some(Content::Tokens(TokenIds { ids })) => writer.each(ids, |value, id| value.integer(*id)),
        None => {
            writer.blame(Malformed::new("set text or tokens"));
            writer.null();
        }
    }
}

fn write_sampling(object: &mut Object<'_>, request: &CompleteRequest) {
    object.optional_text("suffix", request.suffix.as_deref());
    object.optional_integer("max_tokens", request.max_tokens);
    object.optional_double("temperature", request.temperature);
    object.optional_double("top_p", request.top_p);
    object.optional_integer("n", request.n);
    object.optional_integer("best_of", request.best_of);
    object.optional_integer("logprobs", request.logprobs);
    object.optional_boolean("echo", request.echo);
    object.optional_integer("seed", request.seed);
    object.optional_double("frequency_penalty", request.frequency_penalty);
    object.optional_double("presence_penalty", request.presence_penalty);
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
    object.optional_text("user", request.user.as_deref());
}

/// Reads an answer.
///
/// # Errors
/// When it is not one; names the member.
pub fn read_response(body: &[u8]) -> Result<CompleteResponse, Malformed> {
    let mut response = CompleteResponse::default();
    json::read(body, |reader| {
        reader.object(|reader, name| {
            match name {
                "id" => response.id = reader.string()?,
                "object" => read_object_type(reader, OBJECT, &mut response.extra_json)?,
                "created" => response.create_time = read_created(reader)?,
                "model" => response.model = reader.string()?,
                "choices" => response.choices = reader.list(read_choice)?,
                "usage" => response.usage = usage::take(reader, &mut response.extra_json)?,
                "system_fingerprint" => response.system_fingerprint = Some(reader.string()?),
                _ => reader.keep(&mut response.extra_json, name)?,
            }
            Ok(())
        })
    })?;
    Ok(response)
}

/// Reads a chunk. On the wire it looks like an answer, and has no state.
///
/// # Errors
/// When it is not one; names the member.
pub fn read_chunk(data: &[u8]) -> Result<CompleteChunk, Malformed> {
    let CompleteResponse { id, create_time, model, choices, usage, system_fingerprint, extra_json } =
        read_response(data)?;
    Ok(CompleteChunk { id, create_time, model, choices, usage, system_fingerprint, extra_json })
}

fn read_choice(reader: &mut Reader<'_>) -> Result<CompletionChoice, Malformed> {
    let mut choice = CompletionChoice::default();
    reader.object(|reader, name| {
        match name {
            "index" => choice.index = reader.integer()?,
            "text" => choice.text = reader.string()?,
            "finish_reason" => {
                let (reason, text) = read_finish(reader)?;
                (choice.finish_reason, choice.finish_reason_text) = (reason.into(), text);
            }
            "logprobs" if reader.kind() == Kind::Object => {
                choice.logprobs_json = Some(reader.raw()?.to_owned());
            }
            _ => reader.keep(&mut choice.extra_json, name)?,
        }
        Ok(())
    })?;
    Ok(choice)
}

/// Writes an answer.
#[must_use]
pub fn write_response(response: &CompleteResponse) -> Vec<u8> {
    let mut out = Vec::new();
    Writer::append(&mut out, |object| {
        object.text("id", &response.id);
        write_object_type(object, OBJECT, &response.extra_json);
        write_created(object, response.create_time.as_ref());
        object.text("model", &response.model);
        write_choices(object, &response.choices);
        if let Some(usage) = &response.usage {
            object.member("usage", |value| usage::write(value, usage));
        }
        object.optional_text("system_fingerprint", response.system_fingerprint.as_deref());
        object.extras(&response.extra_json);
    });
    out
}

/// Appends a chunk as a JSON object.
pub fn write_chunk(chunk: &CompleteChunk, out: &mut Vec<u8>) {
    Writer::append(out, |object| {
        object.text("id", &chunk.id);
        write_object_type(object, OBJECT, &chunk.extra_json);
        write_created(object, chunk.create_time.as_ref());
        object.text("model", &chunk.model);
        write_choices(object, &chunk.choices);
        if let Some(usage) = &chunk.usage {
            object.member("usage", |value| usage::write(value, usage));
        }
        object.optional_text("system_fingerprint", chunk.system_fingerprint.as_deref());
        object.extras(&chunk.extra_json);
    });
}

fn write_choices(object: &mut Object<'_>, choices: &[CompletionChoice]) {
    object.member("choices", |value| {
        value.each(choices, |value, choice| {
            value.object(|object| {
                object.text("text", &choice.text);
                object.member("index", |value| value.integer(choice.index));
                match &choice.logprobs_json {
                    Some(json) => object.member("logprobs", |value| value.raw(json)),
                    // Something else than an object may stand among the others.
                    None if choice.extra_json.contains_key("logprobs") => {}
                    None => object.member("logprobs", Writer::null),
                }
                write_finish(object, choice.finish_reason(), &choice.finish_reason_text);
                object.extras(&choice.extra_json);
            });
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_prompts_survive() {
        for prompt in ["[]", "[[]]", "[[],[]]", "[[1,2],\"a\"]", "[1,2]"] {
            let body = format!(r#"{{"model":"m","prompt":{prompt}}}"#);
            let (request, _) = read_request(body.as_bytes()).unwrap();
            assert_eq!(write_request(&request, "m", false, None).unwrap(), body.as_bytes());
        }
    }

    #[test]
    fn strange_logprobs_stand_once() {
        for logprobs in ["7", "[]", "null", r#"{"tokens":[]}"#] {
            let body = format!(r#"{{"choices":[{{"index":0,"text":"a","logprobs":{logprobs}}}]}}"#);
            let written =
                String::from_utf8(write_response(&read_response(body.as_bytes()).unwrap())).unwrap();
            let found: Vec<_> = written.matches("\"logprobs\":").collect();
            assert_eq!(found.len(), 1, "{written}");
            assert!(written.contains(&format!("\"logprobs\":{logprobs}")), "{written}");
        }
    }
}
