//! Log probabilities: invented, but in order and summing to less than one.

use serde_json::{Value, json};

use super::text;

/// Tokens that might have stood there instead.
const OTHERS: [&str; 21] = [
    " the", " a", ",", ".", " and", " of", " to", " in", " is", " it", " that", " for", " on", " with",
    " as", " was", " at", " by", " be", " or", " not",
];

/// The most alternatives that may be asked for.
pub(super) const MOST: usize = 20;

/// The token with its log probability, and as many of the likeliest tokens as are wanted, itself first.
pub(super) fn ranked(token: &str, place: usize, wanted: usize) -> Vec<(String, f64)> {
    let place = place.to_string();
    let seed = text::hash([token, place.as_str()]);
    let chosen = 0.5 + f64::from(u32::try_from(seed % 450).unwrap_or(0)) / 1000.0;
    let mut left = 1.0 - chosen;
    let mut ranked = vec![(token.to_owned(), log(chosen))];
    for other in OTHERS.iter().filter(|other| **other != token).take(wanted.saturating_sub(1)) {
        left /= 2.0;
        ranked.push(((*other).to_owned(), log(left)));
    }
    ranked
}

/// One entry of `logprobs.content` of a chat.
pub(super) fn chat(token: &str, place: usize, wanted: usize) -> Value {
    let ranked = ranked(token, place, wanted);
    let top: Vec<_> = ranked.iter().take(wanted).map(|(token, logprob)| entry(token, *logprob)).collect();
    let mut entry = entry(token, ranked.first().map_or(0.0, |(_, logprob)| *logprob));
    if let Value::Object(members) = &mut entry {
        members.insert("top_logprobs".to_owned(), Value::Array(top));
    }
    entry
}

fn entry(token: &str, logprob: f64) -> Value {
    json!({"token": token, "logprob": logprob, "bytes": token.as_bytes()})
}

/// The last digits of a logarithm differ between machines.
fn log(probability: f64) -> f64 {
    (probability.ln() * 1e6).round() / 1e6
}
