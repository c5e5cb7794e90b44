//! What chats, completions and vectors have in common: options, how long the model stays loaded, unknown members.

use super::{KEEP_ALIVE, NAME};
use crate::{
    error::Result,
    proto::v1::{ChatRequest, CompleteRequest},
    providers::{Settings, options},
    wire::json::{Extras, Malformed, Members, Object},
};

const OPTIONS: &str = "options";

/// Members that say what we expect to come back; options may not change them behind our back.
const OURS: [&str; 2] = ["model", "stream"];

/// Unknown members of a request that have their place among the options.
const KNOWN: [&str; 23] = [
    "f16_kv",
    "low_vram",
    "main_gpu",
    "min_p",
    "mirostat",
    "mirostat_eta",
    "mirostat_tau",
    "num_batch",
    "num_ctx",
    "num_gpu",
    "num_keep",
    "num_predict",
    "num_thread",
    "numa",
    "penalize_newline",
    "repeat_last_n",
    "repeat_penalty",
    "tfs_z",
    "top_k",
    "typical_p",
    "use_mlock",
    "use_mmap",
    "vocab_only",
];

/// How the next token is chosen, and when to stop.
#[derive(Default)]
pub(super) struct Sampling<'a> {
    max_tokens: Option<i32>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    frequency_penalty: Option<f64>,
    presence_penalty: Option<f64>,
    seed: Option<i64>,
    stop: &'a [String],
}

// === impl Sampling ===

impl<'a> Sampling<'a> {
    pub(super) fn of_chat(request: &'a ChatRequest) -> Self {
        Self {
            max_tokens: request.max_completion_tokens.or(request.max_tokens),
            temperature: request.temperature,
            top_p: request.top_p,
            frequency_penalty: request.frequency_penalty,
            presence_penalty: request.presence_penalty,
            seed: request.seed,
            stop: &request.stop,
        }
    }

    pub(super) fn of_completion(request: &'a CompleteRequest) -> Self {
        Self {
            max_tokens: request.max_tokens,
            temperature: request.temperature,
            top_p: request.top_p,
            frequency_penalty: request.frequency_penalty,
            presence_penalty: request.presence_penalty,
            seed: request.seed,
            stop: &request.stop,
        }
    }

    fn write(&self, object: &mut Object<'_>) {
        object.optional_integer("num_predict", self.max_tokens);
        object.optional_double("temperature", self.temperature);
        object.optional_double("top_p", self.top_p);
        object.optional_double("frequency_penalty", self.frequency_penalty);
        object.optional_double("presence_penalty", self.presence_penalty);
        object.optional_integer("seed", self.seed);
        if !self.stop.is_empty() {
            object.member("stop", |value| value.each(self.stop, |value, stop| value.text(stop)));
        }
    }

    fn is_empty(&self) -> bool {
        let Self { max_tokens, temperature, top_p, frequency_penalty, presence_penalty, seed, stop } = self;
        let doubles = [temperature, top_p, frequency_penalty, presence_penalty];
        max_tokens.is_none()
            && doubles.iter().all(|double| double.is_none())
            && seed.is_none()
            && stop.is_empty()
    }
}

/// Appends what stands at the end of every request: options, the time to stay loaded, and unknown members but those
/// that stand elsewhere.
pub(super) fn write_rest(
    object: &mut Object<'_>,
    sampling: &Sampling<'_>,
    extras: &Extras,
    elsewhere: &[&str],
    settings: &Settings,
) {
    let known: Extras = KNOWN
        .iter()
        .filter_map(|name| extras.get(*name).map(|json| ((*name).to_owned(), json.clone())))
        .collect();
    if !sampling.is_empty() || !known.is_empty() || extras.contains_key(OPTIONS) {
        object.object(OPTIONS, |object| {
            sampling.write(object);
            object.extras(&known);
            object.merge(extras.get(OPTIONS));
        });
    }
    if let Some(setting) = settings.get(KEEP_ALIVE).filter(|_| !extras.contains_key(KEEP_ALIVE)) {
        object.member(KEEP_ALIVE, |value| match setting.parse::<i64>() {
            Ok(seconds) => value.integer(seconds),
            Err(_) => value.text(setting),
        });
    }
    let written: Vec<_> = KNOWN.iter().chain(elsewhere).copied().chain([OPTIONS]).collect();
    object.extras_except(extras, &written);
}

/// Merges the caller's options for this provider type. What they hold under `options` goes beside ours.
pub(super) fn merge(options_json: &Extras, written: &[u8]) -> Result<Vec<u8>> {
    let mut members = Members::of(written).map_err(Malformed::in_request)?;
    let ours = members.get(OPTIONS).map(str::to_owned);
    options::merge(NAME, options_json, &OURS, &mut members)?;
    let theirs = members.get(OPTIONS).map(str::to_owned);
    if let (Some(ours), Some(theirs)) = (ours, theirs) {
        let place = |fault: Malformed| fault.inside(OPTIONS).in_request();
        let mut merged = Members::of(ours.as_bytes()).map_err(place)?;
        merged.merge(Members::of(theirs.as_bytes()).map_err(place)?);
        let merged = merged.write();
        members.set(OPTIONS, String::from_utf8_lossy(&merged).into_owned());
    }
    Ok(members.write())
}
