//! Chat requests -> the body of Converse and ConverseStream, which is the same.

use super::{ability::Ability, content::tell, conversation::Conversation, fields::Fields, tools::Tools};
use crate::{
    error::{Error, Result},
    proto::v1::ChatRequest,
    wire::json::{Malformed, Object, Writer},
};

/// The body, and what it has lost.
pub(super) fn write(request: &ChatRequest, model: &str) -> Result<(Vec<u8>, Vec<&'static str>)> {
    refuse_what_changes_the_answer(request)?;
    let (ability, mut dropped) = (Ability::of(model), Vec::new());
    let body = body(request, ability, &mut dropped).map_err(Malformed::in_request)?;
    drop_what_does_not(request, &mut dropped);
    Ok((body, dropped))
}

fn body(
    request: &ChatRequest,
    ability: Ability,
    dropped: &mut Vec<&'static str>,
) -> Result<Vec<u8>, Malformed> {
    let conversation = Conversation::of(&request.messages, dropped)?;
    let tools = Tools::of(request, ability, conversation.has_tools, dropped)?;
    let fields = Fields::of(request, ability, dropped)?;
    let mut writer = Writer::strict();
    let mut written = Ok(());
    writer.object(|object| {
        conversation.write(object);
        write_inference(request, object);
        tools.write(object);
        if tools.has_format() || fields.effort.is_some() {
            object.object("outputConfig", |object| {
                tools.write_format(object);
                object.optional_text("effort", fields.effort);
            });
        }
        // Auto leaves it to Bedrock, as does nothing.
        if let Some(tier) = request.service_tier.as_deref().filter(|tier| *tier != "auto") {
            object.object("serviceTier", |object| object.text("type", tier));
        }
        if !request.metadata.is_empty() {
            object.object("requestMetadata", |object| {
                object.entries(&request.metadata, |value, text| value.text(text));
            });
        }
        fields.write_native(object);
        written = fields.write(&tools, object);
    });
    written?;
    writer.finish()
}

fn write_inference(request: &ChatRequest, object: &mut Object<'_>) {
    let max_tokens = request.max_completion_tokens.or(request.max_tokens);
    let (temperature, top_p) = (request.temperature, request.top_p);
    if max_tokens.is_none() && temperature.is_none() && top_p.is_none() && request.stop.is_empty() {
        return;
    }
    object.object("inferenceConfig", |object| {
        object.optional_integer("maxTokens", max_tokens);
        object.optional_double("temperature", temperature);
        object.optional_double("topP", top_p);
        if !request.stop.is_empty() {
            object.member("stopSequences", |value| value.each(&request.stop, |value, stop| value.text(stop)));
        }
    });
}

/// What a caller would miss in the answer.
fn refuse_what_changes_the_answer(request: &ChatRequest) -> Result<()> {
    if request.n.is_some_and(|n| n != 1) {
        return Err(Error::invalid("n", "Bedrock gives one answer a call; call several times"));
    }
    if request.audio_json.is_some() {
        return Err(Error::invalid("audio", "models on Bedrock answer in text"));
    }
    if request.modalities.iter().any(|modality| modality != "text") {
        return Err(Error::invalid("modalities", "models on Bedrock answer in text"));
    }
    Ok(())
}

/// What Bedrock has no place for.
fn drop_what_does_not(request: &ChatRequest, dropped: &mut Vec<&'static str>) {
    let penalty = |penalty: Option<f64>| penalty.is_some_and(|penalty| penalty != 0.0);
    for (name, lost) in [
        ("seed", request.seed.is_some()),
        ("frequency_penalty", penalty(request.frequency_penalty)),
        ("presence_penalty", penalty(request.presence_penalty)),
        ("logit_bias", !request.logit_bias.is_empty()),
        ("logprobs", request.logprobs == Some(true)),
        ("top_logprobs", request.top_logprobs.is_some()),
        ("user", request.user.is_some()),
        ("verbosity", request.verbosity.is_some()),
        ("prediction", request.prediction_json.is_some()),
        ("store", request.store == Some(true)),
        ("prompt_cache_key", request.prompt_cache_key.is_some()),
        ("safety_identifier", request.safety_identifier.is_some()),
    ] {
        tell(dropped, name, lost);
    }
}
