//! What the REST edge reads: any bytes as any operation's body. Nothing panics, nothing nests the stack away.
//!
//! Input: the body. A first byte above 127, which no JSON has: the body of an operation is made of the bytes.

use super::{body, is_json, names};
use arbitrary::Unstructured;
use sluicegate::{
    proto::v1,
    wire::{
        json::{self, MAX_DEPTH, Malformed, Members, check_depth},
        openai::{chat, completion, embedding, error, model},
        watsonx,
    },
};

/// Holds the laws on one input.
pub fn check(bytes: &[u8]) {
    match bytes.split_first() {
        Some((&letter, rest)) if letter > 127 => {
            let names = [names::CHAT, names::COMPLETION, names::EMBEDDING, names::ADMIN];
            let of = names[usize::from(letter) % names.len()];
            every_reader(&body(of, &mut Unstructured::new(rest)));
        }
        _ => every_reader(bytes),
    }
}

fn every_reader(body: &[u8]) {
    let shallow = check_depth(body, MAX_DEPTH).is_ok();
    // The readers of answers bound the depth themselves: no edge has looked at those before.
    let read = [
        chat::read_request(body).map(drop),
        completion::read_request(body).map(drop),
        embedding::read_request(body).map(drop),
        chat::read_response(body).map(drop),
        chat::ChunkReader::default().read(body).map(drop),
        completion::read_response(body).map(drop),
        embedding::read_response(body).map(drop),
        model::read_list(body).map(drop),
        json::read(body, json::Reader::skip),
    ];
    for result in read {
        match result {
            Ok(()) => assert!(shallow, "deeper than the check allows, and read"),
            Err(fault) => tells(&fault, body),
        }
    }
    let ours = json::read(body, json::Reader::skip);
    // We decode the names of members, to tell them apart; the other judge passes over them.
    let half = ours.as_ref().is_err_and(|fault| fault.message.contains("half of a surrogate pair"));
    if shallow && !half {
        assert_eq!(ours.is_ok(), is_json(body), "two readers disagree: {}", String::from_utf8_lossy(body));
    }
    let _ = error::read(body);
    if let Ok(members) = Members::of(body) {
        let written = members.write();
        assert!(is_json(&written));
        assert_eq!(Members::of(&written).as_ref(), Ok(&members));
    }
    if shallow {
        admin(body);
    }
}

/// Every fault says something, on one line, and no more than a log can bear.
fn tells(fault: &Malformed, body: &[u8]) {
    assert!(!fault.message.is_empty());
    assert!(fault.message.len() < 1_000, "{}", fault.message.len());
    assert!(fault.field.len() <= MAX_DEPTH * 300, "{} of {}", fault.field.len(), body.len());
    let _ = (fault.clone().in_request().to_string(), fault.clone().in_answer().to_string());
}

/// The administration: watsonx JSON, and proto JSON as the native routes take it.
fn admin(body: &[u8]) {
    if let Ok(provider) = watsonx::provider::read(body) {
        let provider = v1::Provider { name: provider.name, settings: provider.data, ..Default::default() };
        assert!(is_json(&watsonx::provider::write(&provider, [])));
    }
    if let Ok(write) = watsonx::model::read(body) {
        let model = write.clone().replace(v1::Model::default());
        let again = write.clone().patch(model.clone());
        assert_eq!(model.upstream_id, again.upstream_id);
        assert!(is_json(&model::write(&again)));
        let _ = write.create("p".to_owned()).map_err(|fault| tells(&fault, body));
    }
    if let Ok(watsonx::rate_limit::RateLimitWrite { limit, .. }) = watsonx::rate_limit::read(body) {
        let again = watsonx::rate_limit::read(&watsonx::rate_limit::write(&limit));
        // Ids that are empty are not written, and then they are missing.
        let complete = limit.r#type() == v1::RateLimitType::Tenant || limit.provider != limit.model;
        assert_eq!(again.ok().map(|again| again.limit), complete.then_some(limit));
    }
    if let Ok(policy) = watsonx::policy::read(body) {
        assert_eq!(watsonx::policy::read(&watsonx::policy::write(&policy)), Ok(policy));
    }
    let _ = watsonx::tenant::read(body).map_err(|fault| tells(&fault, body));
    macro_rules! messages {
        ($($message:ident)*) => { $(
            match json::read_message::<v1::$message>(body) {
                Err(fault) => tells(&fault, body),
                Ok(message) => {
                let written = serde_json::to_vec(&message).expect("what was read can be written");
                let again: v1::$message = json::read_message(&written).expect("what was written can be read");
                // Times of messages are read before they are compared: -0 is 0.
                assert_eq!(serde_json::to_vec(&again).expect("again"), written);
                }
            }
        )* };
    }
    messages!(
        ChatRequest CompleteRequest EmbedRequest CreateProviderRequest UpdateProviderRequest CreateModelRequest
        UpdateModelRequest CreateApiKeyRequest CreatePolicyRequest CreateRateLimitRequest UpdateTenantRequest
    );
}
