//! `POST /embeddings`: unit vectors in which texts with common words and letters lie near each other.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    Answer, MODEL,
    body::{Body, Refused},
    text,
};

const DEFAULT_DIMENSIONS: usize = 64;
const MOST_DIMENSIONS: usize = 4096;
const MOST_INPUTS: usize = 2048;
/// In all vectors together: an answer is made before it is sent.
const MOST_NUMBERS: usize = 1 << 20;

/// Whole words say more than runs of letters.
const WORD_WEIGHT: f64 = 2.0;
const LETTERS_WEIGHT: f64 = 1.0;

/// A text to embed, as what it is made of.
struct Input {
    features: Vec<(String, f64)>,
    tokens: usize,
}

/// Answers, or says what is wrong.
pub(super) fn answer(bytes: &[u8]) -> Result<Answer, Refused> {
    let body = Body::read(bytes)?;
    let inputs = inputs(body.get("input"))?;
    let dimensions = body.count("dimensions", 1..=MOST_DIMENSIONS)?.unwrap_or(DEFAULT_DIMENSIONS);
    if inputs.len() * dimensions > MOST_NUMBERS {
        let message = format!("inputs times dimensions must be at most {MOST_NUMBERS}");
        return Err(Refused::wrong("dimensions", message));
    }
    let as_base64 = match body.text("encoding_format")? {
        None | Some("float") => false,
        Some("base64") => true,
        Some(_) => {
            return Err(Refused::wrong("encoding_format", "encoding_format must be float or base64"));
        }
    };
    let data = inputs.iter().enumerate().map(|(index, input)| {
        let vector = vector(input, dimensions);
        let embedding = if as_base64 {
            Value::from(
                STANDARD.encode(vector.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>()),
            )
        } else {
            Value::from(vector)
        };
        json!({"object": "embedding", "index": index, "embedding": embedding})
    });
    let tokens: usize = inputs.iter().map(|input| input.tokens).sum();
    Ok(Answer::Whole(json!({
        "object": "list",
        "data": data.collect::<Vec<_>>(),
        "model": MODEL,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    })))
}

fn inputs(input: Option<&Value>) -> Result<Vec<Input>, Refused> {
    let wrong = || {
        Refused::wrong(
            "input",
            "input must be a string, an array of 1 to 2048 strings, or tokens as whole numbers",
        )
    };
    match input {
        Some(Value::String(text)) => Ok(vec![of_text(text)]),
        Some(Value::Array(list)) if list.iter().any(Value::is_u64) => {
            Ok(vec![of_tokens(list).ok_or_else(wrong)?])
        }
        Some(Value::Array(list)) if (1..=MOST_INPUTS).contains(&list.len()) => list
            .iter()
            .map(|entry| match entry {
                Value::String(text) => Ok(of_text(text)),
                Value::Array(tokens) => of_tokens(tokens).ok_or_else(wrong),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Err(wrong()),
            })
            .collect(),
        Some(_) | None => Err(wrong()),
    }
}

fn of_text(text: &str) -> Input {
    let mut features = Vec::new();
    for word in text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let word = word.to_lowercase();
        let letters: Vec<_> = std::iter::once('^').chain(word.chars()).chain(std::iter::once('$')).collect();
        features.extend(letters.windows(3).map(|three| (three.iter().collect(), LETTERS_WEIGHT)));
        features.push((format!("word {word}"), WORD_WEIGHT));
    }
    if features.is_empty() {
        features.push((format!("marks {text}"), WORD_WEIGHT));
    }
    Input { features, tokens: text::count(text) }
}

fn of_tokens(tokens: &[Value]) -> Option<Input> {
    let features = tokens.iter().map(|token| Some((format!("token {}", token.as_u64()?), WORD_WEIGHT)));
    Some(Input { features: features.collect::<Option<_>>()?, tokens: tokens.len() })
}

/// Adds each feature at a place, and with a sign, that its hash chooses.
fn vector(input: &Input, dimensions: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64; dimensions];
    for (feature, weight) in &input.features {
        let hash = text::hash([feature.as_str()]);
        let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
        let place = usize::try_from(hash % u64::try_from(dimensions).unwrap_or(1)).unwrap_or(0);
        if let Some(sum) = sums.get_mut(place) {
            *sum += sign * weight;
        }
    }
    let length = sums.iter().map(|sum| sum * sum).sum::<f64>().sqrt();
    if length == 0.0 {
        // Every feature met its opposite.
        return (0..dimensions).map(|place| if place == 0 { 1.0 } else { 0.0 }).collect();
    }
    sums.into_iter().map(|sum| narrow(sum / length)).collect()
}

/// Vectors travel as single precision.
#[allow(clippy::cast_possible_truncation, reason = "rounding to single precision is what is wanted")]
fn narrow(value: f64) -> f32 {
    value as f32
}
