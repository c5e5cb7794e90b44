use super::*;
use crate::{
    proto::v1::{
        ImagePart, InlineImage, Message, Part, Role, ThinkingPart, image_part::Source, part::Content,
    },
    wire::{Frame, openai::chat},
};

fn request(rest: &str) -> ChatRequest {
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"Hi"}}]{rest}}}"#);
    chat::read_request(body.as_bytes()).unwrap().0
}

fn ask(request: &ChatRequest) -> (serde_json::Value, Vec<&'static str>) {
    let settings = Settings::new();
    let asked = Cohere
        .chat(
            request,
            &UpstreamModel {
                id: "m",
                stream: false,
                settings: &settings,
                scope: &crate::providers::Scope::default(),
            },
        )
        .unwrap();
    (serde_json::from_slice(&asked.body).unwrap(), asked.dropped)
}

fn part(content: Content) -> Part {
    Part { content: Some(content), ..Part::default() }
}

#[test]
fn a_plan_goes_back_as_it_came() {
    let call = r#"{"id":"f_1","type":"function","function":{"name":"f","arguments":"{\"a\":1.50}"}}"#;
    let message = format!(r#"{{"role":"assistant","tool_plan":"I will \"look\".","tool_calls":[{call}]}}"#);
    let answer = format!(r#"{{"id":"1","message":{message},"finish_reason":"TOOL_CALL"}}"#);
    let answer = answer::read(answer.as_bytes(), "m").unwrap();
    let mut request = request("");
    request.messages.extend(answer.choices.into_iter().filter_map(|choice| choice.message));
    let expected: serde_json::Value = serde_json::from_str(&message).unwrap();
    assert_eq!(ask(&request).0["messages"][1], expected);
}

#[test]
fn likelihood_stays_within_what_is_taken() {
    for (top_p, p) in [("1", 0.99), ("0", 0.01), ("0.5", 0.5)] {
        assert_eq!(ask(&request(&format!(r#","top_p":{top_p}"#))).0["p"], p);
    }
}

#[test]
fn image_of_bytes_becomes_a_data_url() {
    let inline = InlineImage { media_type: "image/png".to_owned(), data: vec![1, 2, 3].into() };
    let image = ImagePart { source: Some(Source::Inline(inline)), detail: None };
    let mut request = request("");
    request.messages[0].parts = vec![part(Content::Image(image))];
    let sent = &ask(&request).0["messages"][0]["content"][0];
    assert_eq!(sent["image_url"]["url"], "data:image/png;base64,AQID");
}

#[test]
fn proof_of_others_is_left_out_and_told() {
    let thinking = ThinkingPart { text: "So.".to_owned(), signature: vec![7].into() };
    let parts = vec![part(Content::Thinking(thinking)), part(Content::RedactedThinking(Default::default()))];
    let mut request = request("");
    request.messages.push(Message { role: Role::Assistant.into(), parts, ..Message::default() });
    let (body, dropped) = ask(&request);
    assert_eq!(dropped, ["thinking.signature", "redacted_thinking"]);
    let expected = serde_json::json!([{"type": "thinking", "thinking": "So."}]);
    assert_eq!(body["messages"][1]["content"], expected);
}

#[test]
fn strictness_is_said_of_all_tools_or_of_none() {
    let tool = |strict: &str| format!(r#"{{"type":"function","function":{{"name":"f"{strict}}}}}"#);
    let (yes, no, open) = (r#","strict":true"#, r#","strict":false"#, "");
    for (tools, expected, lost) in [
        ([yes, yes], Some(true), false),
        ([no, no], Some(false), false),
        ([open, open], None, false),
        ([yes, open], None, true),
    ] {
        let tools = tools.map(tool).join(",");
        let (body, dropped) = ask(&request(&format!(r#","tools":[{tools}]"#)));
        assert_eq!(body.get("strict_tools").and_then(serde_json::Value::as_bool), expected, "{tools}");
        assert_eq!(!dropped.is_empty(), lost, "{tools}");
    }
}

#[test]
fn use_of_vectors_is_what_the_caller_says_then_the_setting() {
    let settings = Settings::from([(INPUT_TYPE.to_owned(), "clustering".to_owned())]);
    for (rest, settings, expected) in [
        ("", &Settings::new(), "search_document"),
        ("", &settings, "clustering"),
        (r#","input_type":"query""#, &settings, "search_query"),
        (r#","provider_options":{"cohere":{"input_type":"image"}}"#, &settings, "image"),
    ] {
        let body = format!(r#"{{"model":"m","input":"a"{rest}}}"#);
        let (request, _) = crate::wire::openai::embedding::read_request(body.as_bytes()).unwrap();
        let asked = Cohere
            .embed(
                &request,
                &UpstreamModel {
                    id: "m",
                    stream: false,
                    settings,
                    scope: &crate::providers::Scope::default(),
                },
            )
            .unwrap();
        let body: serde_json::Value = serde_json::from_slice(&asked.body).unwrap();
        assert_eq!(body["input_type"], expected);
    }
    assert!(is_input_type("query").is_err() && is_input_type("classification").is_ok());
}

#[test]
fn what_comes_up_later_is_passed_over() {
    let mut decoder = stream::Decoder::new("m");
    let mut out = Vec::new();
    for (event, data) in [
        ("", "{}"),
        ("content-bloom", r#"{"type":"content-bloom","index":0,"message":"not an error"}"#),
        (
            "content-delta",
            r#"{"type":"content-delta","delta":{"message":{"content":{"type":"chart","chart":1}}}}"#,
        ),
    ] {
        let flow = decoder.frame(Frame { event, data: data.as_bytes() }, &mut out).unwrap();
        assert_eq!(flow, super::super::Flow::More);
    }
    let kept = &out[0].choices[0].parts[0].content;
    let expected = crate::proto::v1::part_delta::Content::OtherJson(
        r#"{"content":[{"type":"chart","chart":1}]}"#.to_owned(),
    );
    assert_eq!((out.len(), kept.as_ref()), (1, Some(&expected)));
}

#[test]
fn usage_that_cannot_be_read_costs_no_answer() {
    let usage = r#"{"tokens":{"input_tokens":1e99}}"#;
    let body =
        format!(r#"{{"id":"1","message":{{"content":"Hi"}},"finish_reason":"COMPLETE","usage":{usage}}}"#);
    let answer = answer::read(body.as_bytes(), "m").unwrap();
    assert_eq!((answer.usage, answer.extra_json["usage"].as_str()), (None, usage));
    let end = format!(r#"{{"type":"message-end","delta":{{"finish_reason":"COMPLETE","usage":{usage}}}}}"#);
    let mut out = Vec::new();
    let frame = Frame { event: "message-end", data: end.as_bytes() };
    assert_eq!(stream::Decoder::new("m").frame(frame, &mut out).unwrap(), super::super::Flow::Finished);
    assert_eq!(out.len(), 1);
}
