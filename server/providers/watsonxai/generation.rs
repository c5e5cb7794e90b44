//! Text generation, which continues a text: `input` and `parameters` in, `results` out.

use pbjson_types::Timestamp;

use super::{
    answer::{failed, hash},
    place::post,
};
use crate::{
    error::{Error, Result},
    proto::v1::{CompleteRequest, CompleteResponse, CompletionChoice, FinishReason, Usage, prompt::Content},
    providers::{Outbound, UpstreamModel, failure},
    wire::json::{self, Extras, Malformed, Members, Object, Reader, Writer},
};

/// Members that stand beside the parameters.
const BESIDE: [&str; 5] = ["crypto", "model_id", "moderations", "project_id", "space_id"];

/// One element of `results`.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// What it says, as a choice.
    pub(super) choice: CompletionChoice,
    /// Tokens that were read; 0 in all events but the first.
    input_tokens: i32,
    /// Tokens that were written so far.
    output_tokens: i32,
}

/// An answer, or an event of a stream: they look alike.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) model: String,
    created_at: String,
    pub(super) pieces: Vec<Piece>,
    pub(super) extras: Extras,
}

/// Asks for a continuation.
pub(super) fn ask(request: &CompleteRequest, to: &UpstreamModel<'_>) -> Result<Outbound> {
    refuse(request)?;
    let input = match request.prompts.as_slice() {
        [only] => match &only.content {
            Some(Content::Text(text)) => text,
            Some(Content::Tokens(_)) => {
                return Err(Error::invalid(
                    "prompt",
                    "watsonx.ai takes text, not tokens; send the text itself",
                ));
            }
            None => return Err(Error::invalid("prompt", "set text")),
        },
        _ => {
            return Err(Error::invalid(
                "prompt",
                "watsonx.ai continues one text a call; send the others apart",
            ));
        }
    };
    let (beside, mut parameters): (Extras, Extras) =
        request.extra_json.clone().into_iter().partition(|(name, _)| BESIDE.contains(&name.as_str()));
    let given = parameters.remove("parameters");
    let mut writer = Writer::strict();
    writer.object(|object| {
        object.text("input", input);
        object.extras(&beside);
        object.object("parameters", |object| {
            write_parameters(object, request, chooses(&parameters, given.as_deref(), "decoding_method"));
            object.extras(&parameters);
            object.merge(given.as_ref());
        });
    });
    let written = writer.finish().map_err(Malformed::in_request)?;
    let dropped = [
        ("frequency_penalty", request.frequency_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("presence_penalty", request.presence_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("logit_bias", !request.logit_bias.is_empty()),
        ("user", request.user.is_some()),
    ];
    let dropped = dropped.into_iter().filter_map(|(name, was_set)| was_set.then_some(name)).collect();
    let operation = if to.stream { "generation_stream" } else { "generation" };
    post(operation, &written, &request.provider_options_json, dropped, to)
}

/// Whether the caller sets a parameter of watsonx.ai's own, by itself or among others of its kind.
fn chooses(parameters: &Extras, given: Option<&str>, name: &str) -> bool {
    let given = given.and_then(|given| Members::of(given.as_bytes()).ok());
    parameters.contains_key(name) || given.is_some_and(|given| given.get(name).is_some())
}

/// Refuses what would be answered otherwise than it is asked.
fn refuse(request: &CompleteRequest) -> Result<()> {
    let one = |wanted: Option<i32>| wanted.is_none_or(|wanted| wanted == 1);
    if !one(request.n) {
        return Err(Error::invalid(
            "n",
            "watsonx.ai gives one text a call; leave n out and call again for more",
        ));
    }
    if !one(request.best_of) {
        return Err(Error::invalid("best_of", "watsonx.ai makes one text a call; leave best_of out"));
    }
    if request.suffix.is_some() {
        return Err(Error::invalid(
            "suffix",
            "watsonx.ai continues texts and fills no gaps; leave suffix out",
        ));
    }
    Ok(())
}

fn write_parameters(object: &mut Object<'_>, request: &CompleteRequest, chooses_method: bool) {
    // Without a method it is greedy, and then temperature, top_p and seed mean nothing.
    let is_greedy = request.temperature.is_some_and(|temperature| temperature <= 0.0);
    let samples = request.temperature.is_some() || request.top_p.is_some() || request.seed.is_some();
    if samples && !chooses_method {
        object.text("decoding_method", if is_greedy { "greedy" } else { "sample" });
    }
    object.optional_integer("max_new_tokens", request.max_tokens);
    object.optional_double("temperature", request.temperature.filter(|_| !is_greedy));
    object.optional_double("top_p", request.top_p);
    object.optional_integer("random_seed", request.seed);
    if !request.stop.is_empty() {
        object.member("stop_sequences", |value| value.each(&request.stop, |value, stop| value.text(stop)));
        // Else the text that ends it would be part of the answer.
        object.optional_boolean("include_stop_sequence", Some(false));
    }
    let echo = request.echo.filter(|echo| *echo);
    if echo.is_some() || request.logprobs.is_some() {
        object.object("return_options", |object| {
            object.optional_boolean("input_text", echo);
            if let Some(alternatives) = request.logprobs {
                object.optional_boolean("generated_tokens", Some(true));
                object.optional_boolean("token_logprobs", Some(true));
                object.optional_integer("top_n_tokens", Some(alternatives).filter(|count| *count > 0));
            }
        });
    }
}

/// Reads an answer.
pub(super) fn read(body: &[u8]) -> Result<CompleteResponse> {
    let answer = Answer::read(body).map_err(Malformed::in_answer)?;
    failure::refuse_empty(answer.pieces.is_empty(), &answer.extras, body)?;
    let usage = answer.pieces.iter().fold((0, 0), |(input, output), piece| {
        (piece.input_tokens.saturating_add(input), piece.output_tokens.saturating_add(output))
    });
    let mut response = CompleteResponse {
        id: answer.id(),
        create_time: answer.create_time(),
        model: answer.model,
        usage: Some(count(usage)),
        extra_json: answer.extras,
        ..CompleteResponse::default()
    };
    for (index, piece) in (0..).zip(answer.pieces) {
        if piece.failed() {
            return Err(failed());
        }
        response.choices.push(CompletionChoice { index, ..piece.choice });
    }
    Ok(response)
}

/// Usage of these tokens: (read, written).
pub(super) fn count((input_tokens, output_tokens): (i32, i32)) -> Usage {
    let total_tokens = Some(input_tokens.saturating_add(output_tokens));
    Usage { input_tokens, output_tokens, total_tokens, ..Usage::default() }
}

// === impl Answer ===

impl Answer {
    /// Reads it.
    pub(super) fn read(data: &[u8]) -> Result<Self, Malformed> {
        let mut answer = Self::default();
        json::read(data, |reader| {
            reader.object(|reader, name| {
                match name {
                    "model_id" => answer.model = reader.string()?,
                    "created_at" => answer.created_at = reader.string()?,
                    "results" => answer.pieces = reader.list(Piece::read)?,
                    _ => reader.keep(&mut answer.extras, name)?,
                }
                Ok(())
            })
        })?;
        Ok(answer)
    }

    /// Has none of its own; it is made of what the answer has alone.
    pub(super) fn id(&self) -> String {
        format!("cmpl-{}", hash(&[&self.model, &self.created_at]))
    }

    /// When it was begun, or this event of it was sent.
    pub(super) fn create_time(&self) -> Option<Timestamp> {
        serde_json::from_str(&Writer::text_value(&self.created_at)).ok()
    }
}

// === impl Piece ===

impl Piece {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut piece = Self::default();
        let (choice, mut tokens) = (&mut piece.choice, None);
        reader.object(|reader, name| {
            match name {
                "generated_text" => choice.text = reader.string()?,
                "stop_reason" => {
                    let (reason, text) = finish(&reader.text()?);
                    (choice.finish_reason, choice.finish_reason_text) = (reason.into(), text);
                }
                "input_token_count" => piece.input_tokens = reader.integer()?,
                "generated_token_count" => piece.output_tokens = reader.integer()?,
                "generated_tokens" => {
                    let json = reader.raw()?;
                    tokens = Some(Reader::over(json).list(Token::read)?);
                    choice.extra_json.insert(name.to_owned(), json.to_owned());
                }
                _ => reader.keep(&mut choice.extra_json, name)?,
            }
            Ok(())
        })?;
        choice.logprobs_json = tokens.as_deref().and_then(write_logprobs);
        Ok(piece)
    }

    /// Whether it ended with an error.
    pub(super) fn failed(&self) -> bool {
        self.choice.finish_reason_text == "error"
    }

    /// The tokens that it tells: (read, written), the greater of those known before.
    pub(super) fn tokens(&self, (input, output): (i32, i32)) -> (i32, i32) {
        (self.input_tokens.max(input), self.output_tokens.max(output))
    }
}

/// Why it stopped. Case does not count.
fn finish(word: &str) -> (FinishReason, String) {
    match word.to_ascii_lowercase().as_str() {
        "not_finished" => (FinishReason::Unspecified, String::new()),
        "eos_token" | "stop_sequence" => (FinishReason::Stop, String::new()),
        "max_tokens" | "token_limit" | "time_limit" => (FinishReason::Length, String::new()),
        other => (FinishReason::Unspecified, other.to_owned()),
    }
}

/// A token with its likelihood.
#[derive(Debug, Default)]
struct Token {
    text: String,
    logprob: Option<f64>,
    alternatives: Vec<Token>,
}

impl Token {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut token = Self::default();
        reader.object(|reader, name| {
            match name {
                "text" => token.text = reader.string()?,
                "logprob" => token.logprob = Some(reader.double()?),
                "top_tokens" => token.alternatives = reader.list(Self::read)?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        Ok(token)
    }
}

/// OpenAI's form of the likelihoods. `None`: there are none.
fn write_logprobs(tokens: &[Token]) -> Option<String> {
    if tokens.iter().all(|token| token.logprob.is_none()) {
        return None;
    }
    let number = |value: &mut Writer, logprob: Option<f64>| match logprob {
        Some(logprob) => value.double(logprob),
        None => value.null(),
    };
    Some(Writer::text_of(|object| {
        object.member("tokens", |value| value.each(tokens, |value, token| value.text(&token.text)));
        object.member("token_logprobs", |value| {
            value.each(tokens, |value, token| number(value, token.logprob));
        });
        object.member("top_logprobs", |value| {
            value.each(tokens, |value, token| {
                value.object(|object| {
                    let named = token.alternatives.iter().map(|other| (&other.text, &other.logprob));
                    object.entries(named, |value, logprob| number(value, *logprob));
                });
            });
        });
    }))
}
