//! What the fixtures, which begin and end with OpenAI's JSON, cannot say.

use serde_json::{Value, json};

use super::*;
use crate::{
    error::Reason,
    proto::v1::{
        CacheMarker, ImagePart, InlineImage, Message, Part, RedactedThinkingPart, Role, TextPart,
        ThinkingPart, ToolCallPart, ToolResultPart, image_part::Source, part::Content,
    },
};

const CLAUDE: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";

fn message(role: Role, contents: impl IntoIterator<Item = Content>) -> Message {
    let part = |content| Part { content: Some(content), ..Part::default() };
    Message { role: role.into(), parts: contents.into_iter().map(part).collect(), ..Message::default() }
}

fn text(text: &str) -> Content {
    Content::Text(TextPart { text: text.to_owned() })
}

fn ask(messages: Vec<Message>) -> Result<(Value, Vec<&'static str>)> {
    let request = ChatRequest { messages, ..ChatRequest::default() };
    let settings = Settings::new();
    let to = UpstreamModel {
        id: CLAUDE,
        stream: false,
        settings: &settings,
        scope: &crate::providers::Scope::default(),
    };
    let asked = Bedrock.chat(&request, &to)?;
    Ok((serde_json::from_slice(&asked.body).unwrap(), asked.dropped))
}

#[test]
fn reasoning_goes_back_byte_for_byte_with_its_proof_and_not_without() {
    let body = json!({"stopReason": "end_turn", "output": {"message": {"role": "assistant", "content": [
        {"reasoningContent": {"reasoningText": {"text": "Let me\u{e9} see.", "signature": "Ev/+Q=="}}},
        {"reasoningContent": {"reasoningText": {"text": "", "signature": "RX=="}}},
        {"reasoningContent": {"redactedContent": "3q2+7w=="}},
        {"text": "Four."}]}}});
    let answer = answer::read(body.to_string().as_bytes(), CLAUDE).unwrap();
    let said = answer.choices[0].message.clone().unwrap();
    let asked = message(Role::User, [text("2 + 2?")]);
    let (sent, dropped) = ask(vec![asked.clone(), said, asked.clone()]).unwrap();
    assert_eq!(sent["messages"][1]["content"], body["output"]["message"]["content"]);
    assert!(dropped.is_empty(), "{dropped:?}");

    let unsigned = Content::Thinking(ThinkingPart { text: "Hm.".into(), ..ThinkingPart::default() });
    let (sent, dropped) =
        ask(vec![asked.clone(), message(Role::Assistant, [unsigned, text("Four.")]), asked]).unwrap();
    assert_eq!(sent["messages"][1]["content"], json!([{"text": "Four."}]));
    assert_eq!(dropped, ["reasoning_content"]);
}

#[test]
fn speakers_take_turns_whoever_follows_whom() {
    let call = |id: &str| {
        Content::ToolCall(ToolCallPart {
            id: id.into(),
            name: "f".into(),
            arguments_json: "{\"a\":1.0}".into(),
        })
    };
    let result = |id: &str| {
        let parts = vec![Part { content: Some(text("r")), ..Part::default() }];
        message(Role::Tool, [Content::ToolResult(ToolResultPart { tool_call_id: id.into(), parts })])
    };
    let (sent, _) = ask(vec![
        message(Role::User, [text("a")]),
        message(Role::User, [text("b")]),
        message(Role::Assistant, [text("")]),
        message(Role::Assistant, [call("1"), call("2")]),
        result("1"),
        message(Role::System, [text("Be brief.")]),
        result("2"),
        message(Role::User, [text("c")]),
    ])
    .unwrap();
    let messages = sent["messages"].as_array().unwrap();
    let roles: Vec<_> = messages.iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "user"]);
    assert_eq!(messages[0]["content"], json!([{"text": "a"}, {"text": "b"}]));
    let kinds: Vec<_> = messages[2]["content"].as_array().unwrap().iter().map(first_member).collect();
    assert_eq!(kinds, ["toolResult", "toolResult", "text"]);
    assert_eq!(sent["system"], json!([{"text": "Be brief."}]));
}

fn first_member(block: &Value) -> &str {
    block.as_object().unwrap().keys().next().unwrap()
}

#[test]
fn parts_that_only_messages_of_ours_hold_are_blocks_too() {
    let inline = InlineImage { media_type: "image/webp".into(), data: b"RIFF".to_vec().into() };
    let image = Content::Image(ImagePart { source: Some(Source::Inline(inline)), detail: None });
    let redacted = Content::RedactedThinking(RedactedThinkingPart { data: b"\xde\xad".to_vec().into() });
    let mut asked = message(Role::User, [image]);
    asked.parts[0].cache = Some(CacheMarker::default());
    let (sent, _) = ask(vec![asked, message(Role::Assistant, [redacted])]).unwrap();
    let expected = json!([
        {"image": {"format": "webp", "source": {"bytes": "UklGRg=="}}},
        {"cachePoint": {"type": "default"}}
    ]);
    assert_eq!(sent["messages"][0]["content"], expected);
    assert_eq!(sent["messages"][1]["content"], json!([{"reasoningContent": {"redactedContent": "3q0="}}]));
}

#[test]
fn what_cannot_be_said_is_refused_and_named() {
    let signature = ThinkingPart { text: "t".into(), signature: vec![0xff].into() };
    let inline = InlineImage { media_type: "image/tiff".into(), data: b"x".to_vec().into() };
    let image = Content::Image(ImagePart { source: Some(Source::Inline(inline)), detail: None });
    for (role, content, field) in [
        (Role::Assistant, Content::Thinking(signature), "messages[0].signature"),
        (Role::User, image.clone(), "messages[0].content.image_url"),
        (Role::System, image, "messages[0].content"),
        (Role::Function, text("x"), "messages[0].role"),
    ] {
        let error = ask(vec![message(role, [content])]).unwrap_err();
        assert_eq!(error.reason(), Reason::InvalidRequest);
        assert_eq!(error.detail().field.as_deref(), Some(field), "{error}");
    }
}

#[test]
fn a_region_cannot_name_another_host() {
    for region in ["us-east-1", "us-gov-west-1", "ap-southeast-5"] {
        assert!(is_region(region).is_ok(), "{region}");
    }
    for region in ["", "us", "us-east-1.evil.com/", "us-east-1#", "US-EAST-1", "-a", "a-", "a b-c", "a@b-c"] {
        assert!(is_region(region).is_err(), "{region}");
    }
}

#[test]
fn models_are_listed_where_bedrock_is_administered() {
    for (address, control) in [
        ("https://bedrock-runtime.us-east-1.amazonaws.com", "https://bedrock.us-east-1.amazonaws.com"),
        (
            "https://bedrock-runtime.cn-north-1.amazonaws.com.cn",
            "https://bedrock.cn-north-1.amazonaws.com.cn",
        ),
        ("https://proxy.example.com/aws", "https://proxy.example.com/aws"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ] {
        assert_eq!(ROW.endpoint.control_address(address), control);
    }
    let settings = Settings::from([(AWS_REGION.to_owned(), "eu-west-3".to_owned())]);
    let address = ROW.endpoint.address("", &settings).unwrap();
    assert_eq!(address, "https://bedrock-runtime.eu-west-3.amazonaws.com");
    assert_eq!(ROW.endpoint.control_address(&address), "https://bedrock.eu-west-3.amazonaws.com");
}

#[test]
fn an_answer_without_a_message_is_none() {
    for (body, reason) in [
        ("{}", Reason::ProviderBadAnswer),
        (r#"{"output":{}}"#, Reason::ProviderBadAnswer),
        (r#"{"message":"lost"}"#, Reason::ProviderUnavailable),
        (r#"{"__type":"a#ThrottlingException","message":"slow down"}"#, Reason::ProviderRateLimited),
        ("<html>", Reason::ProviderBadAnswer),
    ] {
        assert_eq!(answer::read(body.as_bytes(), CLAUDE).unwrap_err().reason(), reason, "{body}");
    }
}
