//! What Gemini sends: a whole answer, or an event of a stream, in one shape.

use pbjson_types::Timestamp;

use super::id;
use crate::{
    proto::v1::{Logprobs, TokenLogprob, Usage},
    wire::json::{self, Extras, Kind, Malformed, Reader, Writer},
};

/// `GenerateContentResponse`.
#[derive(Debug, Default)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) model: String,
    pub(super) create_time: Option<Timestamp>,
    pub(super) candidates: Vec<Candidate>,
    /// Why the prompt was blocked, in Gemini's word and perhaps in a sentence.
    pub(super) blocked: Option<(String, String)>,
    pub(super) usage: Option<Usage>,
    pub(super) service_tier: Option<String>,
    /// Members that have no field, `promptFeedback` among them.
    pub(super) extras: Extras,
}

/// One of the answers, or what an event adds to it.
#[derive(Debug, Default)]
pub(super) struct Candidate {
    pub(super) index: i32,
    pub(super) parts: Vec<Part>,
    /// Why it ended, in Gemini's word.
    pub(super) finish: Option<String>,
    pub(super) logprobs: Option<Logprobs>,
    pub(super) extras: Extras,
}

/// A part of an answer.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) content: Content,
    pub(super) signature: Option<String>,
    /// Members beside the content.
    pub(super) extras: Extras,
}

/// What a part holds.
#[derive(Debug)]
pub(super) enum Content {
    Text(String),
    Thought(String),
    Call {
        /// Given since Gemini 3.
        id: String,
        name: String,
        arguments: String,
    },
    /// The whole part as it came.
    Other(String),
}

/// Reads an event. An answer in one piece comes indented, the arguments of calls in it too; events do not.
pub(super) fn read(body: &[u8]) -> Result<Event, Malformed> {
    let mut event = Event::default();
    let body = json::compact(body);
    json::read(&body, |reader| {
        reader.object(|reader, name| {
            match name {
                "responseId" => event.id = reader.string()?,
                "modelVersion" => event.model = reader.string()?,
                // Vertex AI alone says it.
                "createTime" => event.create_time = serde_json::from_str(reader.raw()?).ok(),
                "candidates" => event.candidates = reader.list(read_candidate)?,
                "usageMetadata" => event.read_usage(reader)?,
                "promptFeedback" => {
                    let json = reader.raw_object()?;
                    event.blocked = read_block(json)?;
                    event.extras.insert(name.to_owned(), json.to_owned());
                }
                _ => reader.keep(&mut event.extras, name)?,
            }
            Ok(())
        })
    })?;
    if event.id.is_empty() {
        // Older models give none.
        event.id = id::make(&[&body]);
    }
    Ok(event)
}

fn read_block(json: &str) -> Result<Option<(String, String)>, Malformed> {
    let (mut reason, mut message) = (None, String::new());
    Reader::over(json).object(|reader, name| {
        match name {
            "blockReason" => reason = Some(reader.string()?),
            "blockReasonMessage" => message = reader.string()?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(reason.map(|reason| (reason, message)))
}

fn read_candidate(reader: &mut Reader<'_>) -> Result<Candidate, Malformed> {
    let mut candidate = Candidate::default();
    reader.object(|reader, name| {
        match name {
            "index" => candidate.index = reader.integer()?,
            "content" => reader.object(|reader, name| match name {
                "parts" => {
                    candidate.parts = reader.list(read_part)?.into_iter().flatten().collect();
                    Ok(())
                }
                _ => reader.skip(),
            })?,
            "finishReason" => candidate.finish = Some(reader.string()?),
            "logprobsResult" => candidate.logprobs = Some(read_logprobs(reader)?),
            _ => reader.keep(&mut candidate.extras, name)?,
        }
        Ok(())
    })?;
    Ok(candidate)
}

/// Takes a part. `None`: it holds nothing.
fn read_part(reader: &mut Reader<'_>) -> Result<Option<Part>, Malformed> {
    let json = reader.raw_object()?;
    let (mut text, mut call, mut thought) = (None, None, false);
    let (mut signature, mut extras) = (None, Extras::new());
    Reader::over(json).object(|reader, name| {
        match name {
            "text" => text = Some(reader.string()?),
            "thought" if reader.kind() == Kind::Boolean => thought = reader.boolean()?,
            "thoughtSignature" => signature = Some(reader.string()?),
            "functionCall" => call = Some(read_call(reader)?),
            _ => reader.keep(&mut extras, name)?,
        }
        Ok(())
    })?;
    let content = match (call, text) {
        (Some((call, nested)), _) => {
            if !nested.is_empty() {
                extras.insert("function".to_owned(), Writer::text_of(|object| object.extras(&nested)));
            }
            call
        }
        // Something that this version does not know, with its signature.
        (None, None) if !extras.is_empty() => {
            let content = Content::Other(json.to_owned());
            return Ok(Some(Part { content, signature: None, extras: Extras::new() }));
        }
        (None, None) if signature.is_none() => return Ok(None),
        (None, text) if thought => Content::Thought(text.unwrap_or_default()),
        (None, text) => Content::Text(text.unwrap_or_default()),
    };
    Ok(Some(Part { content, signature, extras }))
}

fn read_call(reader: &mut Reader<'_>) -> Result<(Content, Extras), Malformed> {
    let (mut id, mut name, mut arguments) = (String::new(), String::new(), None);
    let mut nested = Extras::new();
    reader.object(|reader, member| {
        match member {
            "id" => id = reader.string()?,
            "name" => name = reader.string()?,
            "args" => arguments = Some(reader.raw_object()?.to_owned()),
            _ => reader.keep(&mut nested, member)?,
        }
        Ok(())
    })?;
    let arguments = arguments.unwrap_or_else(|| "{}".to_owned());
    Ok((Content::Call { id, name, arguments }, nested))
}

/// Takes `logprobsResult`: the tokens chosen, and beside each those that were likely.
fn read_logprobs(reader: &mut Reader<'_>) -> Result<Logprobs, Malformed> {
    let (mut logprobs, mut likely) = (Logprobs::default(), Vec::new());
    reader.object(|reader, name| {
        match name {
            "chosenCandidates" => logprobs.content = reader.list(read_token)?,
            "topCandidates" => likely = reader.list(read_likely)?,
            _ => reader.keep(&mut logprobs.extra_json, name)?,
        }
        Ok(())
    })?;
    for (token, likely) in logprobs.content.iter_mut().zip(likely) {
        token.top_logprobs = likely;
    }
    Ok(logprobs)
}

fn read_likely(reader: &mut Reader<'_>) -> Result<Vec<TokenLogprob>, Malformed> {
    let mut tokens = Vec::new();
    reader.object(|reader, name| match name {
        "candidates" => {
            tokens = reader.list(read_token)?;
            Ok(())
        }
        _ => reader.skip(),
    })?;
    Ok(tokens)
}

fn read_token(reader: &mut Reader<'_>) -> Result<TokenLogprob, Malformed> {
    let mut token = TokenLogprob::default();
    reader.object(|reader, name| {
        match name {
            "token" => token.token = reader.string()?,
            "logProbability" => token.logprob = reader.double()?,
            _ => reader.keep(&mut token.extra_json, name)?,
        }
        Ok(())
    })?;
    Ok(token)
}

// === impl Event ===

impl Event {
    /// Takes `usageMetadata`. Gemini counts thoughts beside the answer, and what its own tools have read beside the
    /// prompt; cached tokens are part of the prompt.
    fn read_usage(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let mut usage = Usage::default();
        let (mut prompt, mut tools, mut written) = (0_i32, 0_i32, 0_i32);
        reader.object(|reader, name| {
            match name {
                "promptTokenCount" => prompt = reader.integer()?,
                "candidatesTokenCount" => written = reader.integer()?,
                "totalTokenCount" => usage.total_tokens = Some(reader.integer()?),
                "thoughtsTokenCount" => usage.reasoning_tokens = Some(reader.integer()?),
                "cachedContentTokenCount" => usage.cache_read_tokens = Some(reader.integer()?),
                "serviceTier" => self.service_tier = Some(reader.string()?),
                _ => {
                    let json = reader.raw()?;
                    match name {
                        "toolUsePromptTokenCount" => tools = Reader::over(json).integer()?,
                        "promptTokensDetails" => usage.audio_input_tokens = read_audio_count(json)?,
                        "candidatesTokensDetails" => usage.audio_output_tokens = read_audio_count(json)?,
                        _ => {}
                    }
                    usage.extra_json.insert(name.to_owned(), json.to_owned());
                }
            }
            Ok(())
        })?;
        usage.input_tokens = prompt.saturating_add(tools);
        usage.output_tokens = written.saturating_add(usage.reasoning_tokens.unwrap_or_default());
        self.usage = Some(usage);
        Ok(())
    }
}

/// The tokens of audio in a list by modality: `[{"modality": "AUDIO", "tokenCount": 7}]`.
fn read_audio_count(json: &str) -> Result<Option<i32>, Malformed> {
    let counts = Reader::over(json).list(|reader| {
        let (mut is_audio, mut count) = (false, 0_i32);
        reader.object(|reader, name| {
            match name {
                "modality" if reader.kind() == Kind::Text => is_audio = reader.text()? == "AUDIO",
                "tokenCount" => count = reader.integer()?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        Ok(is_audio.then_some(count))
    })?;
    Ok(counts.into_iter().flatten().reduce(i32::saturating_add))
}
