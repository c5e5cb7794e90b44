//! `POST /completions`: the older interface that continues a text.

use serde_json::{Map, Value, json};

use super::{
    Answer, CREATED, MODEL,
    body::{Body, Bound, Refused},
    logprobs, text,
    write::usage,
};

const DEFAULT_LIMIT: usize = 16;
const MOST_LOGPROBS: usize = 5;

/// What is wanted, checked.
struct Wanted<'a> {
    prompts: Vec<Prompt>,
    choices: usize,
    limit: usize,
    stop: Vec<&'a str>,
    echo: bool,
    logprobs: Option<usize>,
}

/// A text to continue.
struct Prompt {
    text: String,
    tokens: usize,
}

/// One continuation.
struct Choice {
    pieces: Vec<String>,
    /// Where each piece begins, in letters from the start of the prompt.
    offsets: Vec<usize>,
    finish: &'static str,
    /// Tokens written, the repeated prompt not counted.
    tokens: usize,
}

/// Answers, or says what is wrong.
pub(super) fn answer(bytes: &[u8]) -> Result<Answer, Refused> {
    let body = Body::read(bytes)?;
    let wanted = read(&body)?;
    let streaming = body.streaming()?;
    let choices = choices(&wanted)?;
    let prompt_tokens = wanted.prompts.iter().map(|prompt| prompt.tokens).sum();
    let usage = usage(prompt_tokens, choices.iter().map(|choice| choice.tokens).sum());
    let id = text::hash(wanted.prompts.iter().map(|prompt| prompt.text.as_str()));
    let frame = |choices: Vec<Value>| -> Map<String, Value> {
        let members: [(&str, Value); 5] = [
            ("id", format!("cmpl-{id:016x}").into()),
            ("object", "text_completion".into()),
            ("created", CREATED.into()),
            ("model", MODEL.into()),
            ("choices", choices.into()),
        ];
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    };
    if !streaming.on {
        let whole = choices.iter().enumerate().map(|(index, choice)| {
            let logprobs = logprobs_of(choice, 0..choice.pieces.len(), wanted.logprobs);
            entry(index, &choice.pieces.concat(), &logprobs, Some(choice.finish))
        });
        let mut body = frame(whole.collect());
        body.insert("usage".to_owned(), usage);
        return Ok(Answer::Whole(Value::Object(body)));
    }
    let mut chunks = Vec::new();
    let mut push = |choices, usage: Value| {
        let mut chunk = frame(choices);
        if streaming.usage {
            chunk.insert("usage".to_owned(), usage);
        }
        chunks.push(Value::Object(chunk));
    };
    // The choices take turns; each ends with a piece without text.
    let longest = choices.iter().map(|choice| choice.pieces.len()).max().unwrap_or(0);
    for place in 0..=longest {
        for (index, choice) in choices.iter().enumerate() {
            let finish = (place == choice.pieces.len()).then_some(choice.finish);
            let piece = choice.pieces.get(place);
            if let Some(piece) = piece.map(String::as_str).or(finish.map(|_| "")) {
                let logprobs = piece_logprobs(choice, place, wanted.logprobs);
                push(vec![entry(index, piece, &logprobs, finish)], Value::Null);
            }
        }
    }
    if streaming.usage {
        push(Vec::new(), usage);
    }
    Ok(Answer::Stream(chunks))
}

fn read(body: &Body) -> Result<Wanted<'_>, Refused> {
    let choices = body.count("n", 1..=128)?.unwrap_or(1);
    if body.count("best_of", 1..=128)?.is_some_and(|best_of| best_of < choices) {
        return Err(Refused::wrong("best_of", "best_of must be at least n"));
    }
    Ok(Wanted {
        prompts: prompts(body.get("prompt"))?,
        choices,
        limit: body.count("max_tokens", 0..=usize::MAX)?.unwrap_or(DEFAULT_LIMIT),
        stop: body.stop()?,
        echo: body.flag("echo")?.unwrap_or(false),
        logprobs: body.count("logprobs", 0..=MOST_LOGPROBS)?,
    })
}

/// For each prompt as many continuations as are wanted.
fn choices(wanted: &Wanted<'_>) -> Result<Vec<Choice>, Refused> {
    let mut bound = Bound::new(wanted.logprobs);
    let mut choices = Vec::new();
    for prompt in &wanted.prompts {
        for rank in 0..wanted.choices {
            bound.take(if wanted.echo { prompt.tokens } else { 0 })?;
            let choice = write(prompt, rank, wanted);
            // The finish of a choice takes as much room as a token.
            bound.take(choice.tokens + 1)?;
            choices.push(choice);
        }
    }
    Ok(choices)
}

fn prompts(prompt: Option<&Value>) -> Result<Vec<Prompt>, Refused> {
    let wrong = || {
        Refused::wrong("prompt", "prompt must be a string, an array of strings, or tokens as whole numbers")
    };
    let texts = match prompt {
        None => vec![Prompt { text: String::new(), tokens: 0 }],
        Some(Value::String(text)) => vec![Prompt { text: text.clone(), tokens: text::count(text) }],
        Some(Value::Array(list)) if list.iter().any(Value::is_u64) => {
            vec![of_tokens(list).ok_or_else(wrong)?]
        }
        Some(Value::Array(list)) if list.is_empty() => return Err(wrong()),
        Some(Value::Array(list)) => list
            .iter()
            .map(|entry| match entry {
                Value::String(text) => Ok(Prompt { text: text.clone(), tokens: text::count(text) }),
                Value::Array(tokens) => of_tokens(tokens).ok_or_else(wrong),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Err(wrong()),
            })
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(wrong()),
    };
    Ok(texts)
}

/// We have no vocabulary: a token stands for its number.
fn of_tokens(tokens: &[Value]) -> Option<Prompt> {
    let numbers: Option<Vec<_>> = tokens.iter().map(|token| Some(token.as_u64()?.to_string())).collect();
    Some(Prompt { text: numbers?.join(" "), tokens: tokens.len() })
}

fn write(prompt: &Prompt, rank: usize, wanted: &Wanted<'_>) -> Choice {
    let more = if rank == 0 { String::new() } else { format!(" (once more, {rank})") };
    let said = format!(
        " and so on{more}, says the demo model, which was asked to continue {}",
        text::quote(&prompt.text)
    );
    let written = text::pieces(text::before(&said, &wanted.stop));
    let finish = if written.len() > wanted.limit { "length" } else { "stop" };
    let written: Vec<_> = written.into_iter().take(wanted.limit).collect();
    let tokens = written.len();
    let repeated = if wanted.echo { text::pieces(&prompt.text) } else { Vec::new() };
    let offset = if wanted.echo { 0 } else { prompt.text.chars().count() };
    let pieces: Vec<_> = repeated.into_iter().chain(written).map(str::to_owned).collect();
    let begin = |next: &mut usize, piece: &String| {
        let begin = *next;
        *next += piece.chars().count();
        Some(begin)
    };
    let offsets = pieces.iter().scan(offset, begin).collect();
    Choice { pieces, offsets, finish, tokens }
}

fn entry(index: usize, text: &str, logprobs: &Value, finish: Option<&str>) -> Value {
    json!({"text": text, "index": index, "logprobs": logprobs, "finish_reason": finish})
}

/// Those of one piece; the finish has none.
fn piece_logprobs(choice: &Choice, place: usize, wanted: Option<usize>) -> Value {
    if place < choice.pieces.len() { logprobs_of(choice, place..place + 1, wanted) } else { Value::Null }
}

fn logprobs_of(choice: &Choice, range: std::ops::Range<usize>, wanted: Option<usize>) -> Value {
    let Some(wanted) = wanted else { return Value::Null };
    let (mut tokens, mut own, mut top) = (Vec::new(), Vec::new(), Vec::new());
    for (place, piece) in choice.pieces.iter().enumerate().skip(range.start).take(range.len()) {
        let ranked = logprobs::ranked(piece, place, wanted);
        own.push(ranked.first().map_or(0.0, |(_, logprob)| *logprob));
        let members = ranked.into_iter().take(wanted).map(|(token, logprob)| (token, logprob.into()));
        top.push(Value::Object(members.collect()));
        tokens.push(piece.as_str());
    }
    let offsets = choice.offsets.get(range).unwrap_or_default();
    json!({"tokens": tokens, "token_logprobs": own, "top_logprobs": top, "text_offset": offsets})
}
