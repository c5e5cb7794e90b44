//! The codecs of `wire::openai`: what was read is written so that it reads the same; what is written is JSON.
//!
//! Input: a letter that chooses the codec, then the body. A capital letter: the body is made of the bytes that follow. A
//! digit: the bytes are a protobuf message, as a caller of gRPC may send it.

use super::{Names, body, is_json, names, names_are_unique};
use arbitrary::Unstructured;
use prost::Message as _;
use sluicegate::{
    error::{Error, Reason},
    proto::v1::{
        ChatChunk, ChatRequest, ChatResponse, CompleteChunk, CompleteRequest, CompleteResponse, EmbedRequest,
        EmbedResponse, Model, Part, part::Content,
    },
    wire::{
        json::Malformed,
        openai::{MaxTokens, Spelling, chat, completion, embedding, error, model},
    },
};

/// Holds the laws on one input.
pub fn check(input: &[u8]) {
    let Some((&letter, rest)) = input.split_first() else { return };
    if letter.is_ascii_digit() {
        return messages(letter, rest);
    }
    let (of, check): (Names, fn(&[u8])) = match letter.to_ascii_lowercase() {
        b'q' => (names::CHAT, chat_request),
        b'r' => (names::CHAT_ANSWER, chat_answer),
        b'c' => (names::COMPLETION, completion_request),
        b'd' => (names::CHAT_ANSWER, completion_answer),
        b'e' => (names::EMBEDDING, embedding_request),
        b'f' => (names::EMBEDDING_ANSWER, embedding_answer),
        b'x' => (names::ERROR, any_error),
        _ => return,
    };
    if letter.is_ascii_uppercase() { check(&body(of, &mut Unstructured::new(rest))) } else { check(rest) }
}

/// For this model and dialect, with the stream options of the request itself.
fn as_it_is<'a>(
    request: &'a ChatRequest,
    model: &'a str,
    stream: bool,
    spelling: &'a Spelling,
) -> chat::Wanted<'a> {
    chat::Wanted { model, stream, spelling, stream_options: request.stream_options.as_ref() }
}

fn chat_request(body: &[u8]) {
    let Ok((mut first, stream)) = chat::read_request(body) else { return };
    let Some(written) = well_written(
        body,
        chat::write_request(&first, &as_it_is(&first, &first.model, stream, &Spelling::OURS)),
    ) else {
        return;
    };
    let (mut second, streamed) = reread(&written, chat::read_request);
    assert_eq!(stream, streamed);
    // The edge alone reads the options; they are not sent on.
    first.provider_options_json.clear();
    if !stream {
        (first.stream_options, second.stream_options) = (None, None);
    }
    assert_eq!(first, second, "{}", String::from_utf8_lossy(&written));
}

fn completion_request(body: &[u8]) {
    let Ok((mut first, stream)) = completion::read_request(body) else { return };
    let Some(written) = well_written(
        body,
        completion::write_request(&first, &first.model, stream, first.stream_options.as_ref()),
    ) else {
        return;
    };
    let (second, streamed) = reread(&written, completion::read_request);
    assert_eq!(stream, streamed);
    first.provider_options_json.clear();
    if !stream {
        first.stream_options = None;
    }
    assert_eq!(first, second, "{}", String::from_utf8_lossy(&written));
}

fn embedding_request(body: &[u8]) {
    let Ok((mut first, _)) = embedding::read_request(body) else { return };
    let Some(written) = well_written(body, embedding::write_request(&first, &first.model)) else { return };
    let (second, _) = reread(&written, embedding::read_request);
    first.provider_options_json.clear();
    assert_eq!(first, second, "{}", String::from_utf8_lossy(&written));
}

fn chat_answer(body: &[u8]) {
    let Ok(first) = chat::read_response(body) else { return };
    let Some(written) = well_written(body, Ok(chat::write_response(&first))) else { return };
    let second = reread(&written, chat::read_response);
    assert_eq!(said(&first), said(&second), "{}", String::from_utf8_lossy(&written));
    same(&written, &chat::write_response(&second));
}

fn completion_answer(body: &[u8]) {
    let Ok(first) = completion::read_response(body) else { return };
    let Some(written) = well_written(body, Ok(completion::write_response(&first))) else { return };
    let second = reread(&written, completion::read_response);
    assert_eq!(first.choices, second.choices, "{}", String::from_utf8_lossy(&written));
    same(&written, &completion::write_response(&second));
}

fn embedding_answer(body: &[u8]) {
    let Ok(first) = embedding::read_response(body) else { return };
    for encoding in [embedding::Encoding::Float, embedding::Encoding::Base64] {
        let Some(written) = well_written(body, Ok(embedding::write_response(&first, encoding))) else {
            return;
        };
        let second = reread(&written, embedding::read_response);
        let finite =
            first.embeddings.iter().flat_map(|embedding| &embedding.values).all(|value| value.is_finite());
        assert!(finite, "a vector with holes was read");
        assert_eq!(first.embeddings, second.embeddings, "{}", String::from_utf8_lossy(&written));
        same(&written, &embedding::write_response(&second, encoding));
    }
}

fn any_error(body: &[u8]) {
    let read = error::read(body);
    let ours = Error::new(Reason::InvalidRequest, read.message.unwrap_or_default())
        .field(read.param.unwrap_or_default());
    assert!(is_json(&error::write(&ours, &read.code.unwrap_or_default())));
    let _ = model::read_list(body);
}

/// What a choice says.
type Said = (i32, [String; 3], Vec<Part>, i32, String);

/// Each choice: its index, its texts by kind, its calls, why it ended.
fn said(answer: &ChatResponse) -> Vec<Said> {
    let choices = answer.choices.iter().map(|choice| {
        let (mut texts, mut others) = (<[String; 3]>::default(), Vec::new());
        for part in choice.message.iter().flat_map(|message| &message.parts) {
            match &part.content {
                Some(Content::Text(text)) if part.extra_json.is_empty() && part.cache.is_none() => {
                    texts[0] += &text.text
                }
                Some(Content::Thinking(thinking)) => texts[1] += &thinking.text,
                Some(Content::Refusal(refusal)) if !refusal.in_content => texts[2] += &refusal.text,
                _ => others.push(part.clone()),
            }
        }
        (choice.index, texts, others, choice.finish_reason, choice.finish_reason_text.clone())
    });
    choices.collect()
}

/// JSON, and no name stands twice. Where a caller says a name twice, the writer may refuse; whoever looks at the second
/// only must not be told something else than we have checked. `None`: then there is nothing more to compare.
fn well_written(body: &[u8], written: Result<Vec<u8>, Malformed>) -> Option<Vec<u8>> {
    // Also what nests so deep that the judge cannot tell.
    let unique = names_are_unique(body);
    let written = match written {
        Ok(written) => written,
        Err(_) if !unique => return None,
        Err(fault) => panic!("was read, cannot be written: {fault:?}"),
    };
    assert!(is_json(&written), "{}", String::from_utf8_lossy(&written));
    // What stands deep may be wrapped deeper, and so pass the depth that the judge can tell.
    let deep = body.iter().filter(|byte| matches!(byte, b'[' | b'{')).count() > 100;
    assert!(!unique || deep || names_are_unique(&written), "{}", String::from_utf8_lossy(&written));
    unique.then_some(written)
}

fn reread<T>(written: &[u8], read: impl Fn(&[u8]) -> Result<T, Malformed>) -> T {
    match read(written) {
        Ok(message) => message,
        Err(fault) => panic!("cannot be read again: {fault:?}: {}", String::from_utf8_lossy(written)),
    }
}

fn same(first: &[u8], second: &[u8]) {
    assert_eq!(String::from_utf8_lossy(first), String::from_utf8_lossy(second));
}

/// Whatever a message holds, JSON is written or the message refused.
fn messages(digit: u8, bytes: &[u8]) {
    const SPELLING: Spelling =
        Spelling { reasoning: "reasoning", max_tokens: MaxTokens::Plain, ..Spelling::OURS };
    let mut out = Vec::new();
    match digit {
        b'0' => {
            let Ok(request) = ChatRequest::decode(bytes) else { return };
            out = chat::write_request(
                &request,
                &as_it_is(&request, "m", bytes.len().is_multiple_of(2), &SPELLING),
            )
            .unwrap_or(b"{}".into());
        }
        b'1' => {
            let Ok(answer) = ChatResponse::decode(bytes) else { return };
            out = chat::write_response(&answer);
        }
        b'2' => {
            let Ok(chunk) = ChatChunk::decode(bytes) else { return };
            chat::ChunkWriter::default().write(&chunk, &mut out);
        }
        b'3' => {
            let Ok(request) = CompleteRequest::decode(bytes) else { return };
            out = completion::write_request(&request, "m", true, request.stream_options.as_ref())
                .unwrap_or(b"{}".into());
        }
        b'4' => {
            let Ok(answer) = CompleteResponse::decode(bytes) else { return };
            out = completion::write_response(&answer);
        }
        b'5' => {
            let Ok(chunk) = CompleteChunk::decode(bytes) else { return };
            completion::write_chunk(&chunk, &mut out);
        }
        b'6' => {
            let Ok(request) = EmbedRequest::decode(bytes) else { return };
            out = embedding::write_request(&request, "m").unwrap_or(b"{}".into());
        }
        b'7' => {
            let Ok(answer) = EmbedResponse::decode(bytes) else { return };
            out = embedding::write_response(&answer, embedding::Encoding::Float);
        }
        b'8' => {
            let Ok(model) = Model::decode(bytes) else { return };
            out = model::write(&model);
        }
        _ => return,
    }
    assert!(is_json(&out), "{}", String::from_utf8_lossy(&out));
}
