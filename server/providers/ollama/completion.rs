//! Text completions: what is asked, and answers, whole and streamed.

use super::{
    NAME,
    line::{Line, time},
    sampling::{self, Sampling},
};
use crate::{
    error::{Error, Result},
    proto::v1::{
        CompleteChunk, CompleteRequest, CompleteResponse, CompletionChoice, TokenLogprob, prompt::Content,
    },
    providers::{ChunkDecoder, Flow, UpstreamModel, teller::truncated},
    wire::{
        Frame,
        json::{Malformed, Object, Writer},
    },
};

/// Writes a completion; gives also what it has lost.
///
/// # Errors
/// When it asks for what Ollama cannot do, or cannot be written; names the member.
pub(super) fn write(
    request: &CompleteRequest,
    to: &UpstreamModel<'_>,
) -> Result<(Vec<u8>, Vec<&'static str>)> {
    refuse(request)?;
    let prompt = prompt(request)?;
    let mut writer = Writer::strict();
    writer.object(|object| {
        object.text("model", to.id);
        object.text("prompt", prompt);
        object.optional_text("suffix", request.suffix.as_deref());
        object.optional_boolean("logprobs", request.logprobs.map(|_| true));
        object.optional_integer("top_logprobs", request.logprobs);
        // Streaming is what it does unless told otherwise.
        object.member("stream", |value| value.boolean(to.stream));
        let sampling = Sampling::of_completion(request);
        sampling::write_rest(object, &sampling, &request.extra_json, &[], to.settings);
    });
    let written = writer.finish().map_err(Malformed::in_request)?;
    let dropped = [("user", request.user.is_some()), ("logit_bias", !request.logit_bias.is_empty())];
    let dropped = dropped.into_iter().filter_map(|(name, set)| set.then_some(name)).collect();
    Ok((sampling::merge(&request.provider_options_json, &written)?, dropped))
}

fn refuse(request: &CompleteRequest) -> Result<()> {
    let no = |field: &str, why: &str| Err(Error::invalid(field, format!("{} {why}", NAME)));
    if request.n.is_some_and(|n| n != 1) {
        return no("n", "gives one text to a call; leave n out and call again for more");
    }
    if request.best_of.is_some_and(|best_of| best_of != 1) {
        return no("best_of", "makes one text a call; leave it out");
    }
    if request.echo == Some(true) {
        return no("echo", "does not repeat the prompt; leave it out and put the prompt before the text");
    }
    Ok(())
}

fn prompt(request: &CompleteRequest) -> Result<&str> {
    let no = |why: &str| Err(Error::invalid("prompt", format!("{} {why}", NAME)));
    match request.prompts.as_slice() {
        [one] => match &one.content {
            Some(Content::Text(text)) => Ok(text),
            Some(Content::Tokens(_)) => no("takes text only, no tokens; send the text"),
            None => Err(Error::invalid("prompt", "set text or tokens")),
        },
        _ => no("takes one prompt a call; send each in a call of its own"),
    }
}

/// Reads the answer to an unstreamed completion.
///
/// # Errors
/// When it cannot be read, or is an error.
pub(super) fn read(body: &[u8]) -> Result<CompleteResponse> {
    let mut line = Line::read_whole(body)?;
    let (reason, text) = line.finish(false);
    let choice =
        CompletionChoice { finish_reason: reason.into(), finish_reason_text: text, ..choice(&mut line) };
    Ok(CompleteResponse {
        create_time: time(&line.created_at),
        choices: vec![choice],
        usage: line.usage(),
        extra_json: line.extras,
        model: line.model,
        ..CompleteResponse::default()
    })
}

fn choice(line: &mut Line) -> CompletionChoice {
    let logprobs_json =
        (!line.logprobs.is_empty()).then(|| Writer::text_of(|object| write_logprobs(object, &line.logprobs)));
    CompletionChoice { text: std::mem::take(&mut line.text), logprobs_json, ..CompletionChoice::default() }
}

/// Lists side by side, as this older interface of OpenAI's has them.
fn write_logprobs(object: &mut Object<'_>, tokens: &[TokenLogprob]) {
    object.member("tokens", |value| value.each(tokens, |value, token| value.text(&token.token)));
    object.member("token_logprobs", |value| value.each(tokens, |value, token| value.double(token.logprob)));
    object.member("top_logprobs", |value| {
        value.each(tokens, |value, token| {
            let top: Vec<_> = token.top_logprobs.iter().map(|top| (top.token.clone(), top.logprob)).collect();
            value.object(|object| {
                object.entries(top.iter().map(|(token, logprob)| (token, logprob)), |value, logprob| {
                    value.double(*logprob);
                });
            });
        });
    });
}

/// Reads one stream.
#[derive(Default)]
pub(super) struct Decoder {
    /// What stands on every chunk.
    blank: CompleteChunk,
}

impl ChunkDecoder<CompleteChunk> for Decoder {
    fn frame(&mut self, frame: Frame<'_>, out: &mut Vec<CompleteChunk>) -> Result<Flow> {
        let mut line = Line::read(frame.data)?;
        if self.blank.model.is_empty() {
            self.blank.model.clone_from(&line.model);
            self.blank.create_time = time(&line.created_at);
        }
        let mut chunk = CompleteChunk {
            choices: vec![choice(&mut line)],
            extra_json: std::mem::take(&mut line.extras),
            ..self.blank.clone()
        };
        if line.done {
            let (reason, text) = line.finish(false);
            for choice in &mut chunk.choices {
                choice.finish_reason = reason.into();
                choice.finish_reason_text.clone_from(&text);
            }
        }
        out.push(chunk);
        if !line.done {
            return Ok(Flow::More);
        }
        if let usage @ Some(_) = line.usage() {
            out.push(CompleteChunk { usage, ..self.blank.clone() });
        }
        Ok(Flow::Finished)
    }

    fn end(&mut self, _: &mut Vec<CompleteChunk>) -> Result<()> {
        Err(truncated())
    }
}
