use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::{
    error::Reason,
    proto::v1::{ChatChunk, Message, Part, Role, ThinkingPart, part::Content},
    wire::{
        Frame,
        openai::chat::{read_request, write_response},
    },
};

mod ends;

const CALLED: &str = "sig+/nature==";

fn ask_model(model: &str, request: &Value) -> Result<(Value, Vec<&'static str>)> {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    for (name, value) in request.as_object().unwrap() {
        body[name] = value.clone();
    }
    let (request, _) = read_request(body.to_string().as_bytes()).unwrap();
    send(model, &request)
}

fn send(model: &str, request: &ChatRequest) -> Result<(Value, Vec<&'static str>)> {
    let settings = Settings::new();
    let asked = Gemini.chat(
        request,
        &UpstreamModel {
            id: model,
            stream: false,
            settings: &settings,
            scope: &crate::providers::Scope::default(),
        },
    )?;
    Ok((serde_json::from_slice(&asked.body).unwrap(), asked.dropped))
}

fn ask(request: &Value) -> Value {
    ask_model("gemini-2.5-flash", request).unwrap().0
}

fn refused(request: &Value) -> (Reason, String) {
    let error = ask_model("gemini-2.5-flash", request).unwrap_err();
    (error.reason(), error.detail().field.clone().unwrap_or_default())
}

fn answer(parts: &Value) -> ChatResponse {
    let settings = Settings::new();
    let body = json!({"responseId": "r", "candidates":
        [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]});
    let to = UpstreamModel {
        id: "m",
        stream: false,
        settings: &settings,
        scope: &crate::providers::Scope::default(),
    };
    Gemini.chat_response(body.to_string().as_bytes(), &to).unwrap()
}

fn call(id: &str, name: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": "{}"}})
}

/// What a message of an answer becomes when it is sent again.
fn again(message: Message) -> Value {
    let request = ChatRequest { messages: vec![message], ..ChatRequest::default() };
    send("gemini-2.5-flash", &request).unwrap().0["contents"][0]["parts"].clone()
}

#[test]
fn signed_parts_come_back_to_the_byte() {
    for parts in [
        json!([{"text": "Hm", "thought": true, "thoughtSignature": "T0=="}, {"text": "4", "thoughtSignature": "a_-="}]),
        json!([{"text": "4"}, {"text": "", "thoughtSignature": CALLED}]),
        json!([{"text": "a", "thoughtSignature": "1"}, {"text": "b", "thoughtSignature": "2"}, {"text": "c"}]),
        json!([{"functionCall": {"id": "1", "name": "f", "args": {"b": 1, "a": 2}}, "thoughtSignature": CALLED},
            {"functionCall": {"id": "2", "name": "f", "args": {}}}]),
        json!([{"executableCode": {"code": "1", "language": "PYTHON"}, "thoughtSignature": CALLED}, {"text": "1"}]),
    ] {
        let response = answer(&parts);
        assert_eq!(again(response.choices[0].message.clone().unwrap()), parts);
    }
}

#[test]
fn a_stream_put_together_comes_back_to_the_byte() {
    let event = |parts: Value, finish: Value| json!({"responseId": "r", "candidates": [{"content": {"parts": parts}, "finishReason": finish}]});
    let settings = Settings::new();
    let to = UpstreamModel {
        id: "m",
        stream: true,
        settings: &settings,
        scope: &crate::providers::Scope::default(),
    };
    let (mut decoder, mut chunks) = (Gemini.chat_stream(&to).unwrap(), Vec::<ChatChunk>::new());
    for event in [
        event(json!([{"text": "a"}]), Value::Null),
        event(json!([{"text": "b"}]), Value::Null),
        event(json!([{"text": "", "thoughtSignature": CALLED}]), json!("STOP")),
    ] {
        let data = event.to_string();
        decoder.frame(Frame { event: "", data: data.as_bytes() }, &mut chunks).unwrap();
    }
    decoder.end(&mut chunks).unwrap();
    let deltas = chunks.iter().flat_map(|chunk| &chunk.choices).flat_map(|choice| &choice.parts);
    let places: Vec<_> = deltas.map(|part| (part.index, part.extra_json.len())).collect();
    assert_eq!(places, [(0, 0), (0, 0), (1, 1)], "what is signed stands alone");
}

#[test]
fn signatures_survive_clients_that_speak_openais_json() {
    for (parts, sent) in [
        (
            json!([{"text": "4", "thoughtSignature": CALLED}]),
            json!([{"text": "4", "thoughtSignature": CALLED}]),
        ),
        (
            json!([{"text": "4"}, {"text": "", "thoughtSignature": CALLED}]),
            json!([{"text": "4", "thoughtSignature": CALLED}]),
        ),
        (
            json!([{"functionCall": {"id": "1", "name": "f", "args": {}}, "thoughtSignature": CALLED}]),
            json!([{"functionCall": {"id": "1", "name": "f", "args": {}}, "thoughtSignature": CALLED}]),
        ),
    ] {
        let written: Value = serde_json::from_slice(&write_response(&answer(&parts))).unwrap();
        let message = written["choices"][0]["message"].clone();
        assert!(message["content"].is_string() || message["content"].is_null(), "{message}");
        let body = ask(&json!({"messages": [{"role": "user", "content": "?"}, message]}));
        assert_eq!(body["contents"][1]["parts"], sent);
    }
    let (body, dropped) = ask_model(
        "gemini-2.5-flash",
        &json!({"messages": [{"role": "assistant", "content": "",
            "extra_content": {"google": {"thought": true, "thought_signature": CALLED}}}]}),
    )
    .unwrap();
    assert_eq!(body["contents"][0]["parts"], json!([{"text": "", "thoughtSignature": CALLED}]));
    assert!(dropped.is_empty());
}

#[test]
fn unsigned_calls_get_googles_own_mark_where_they_would_be_refused() {
    let messages = json!({"messages": [{"role": "assistant", "tool_calls": [call("1", "f"), call("2", "g")]},
        {"role": "tool", "tool_call_id": "1", "content": "a"}, {"role": "tool", "tool_call_id": "2", "content": "b"}]});
    let marked = |model| {
        let parts = ask_model(model, &messages).unwrap().0["contents"][0]["parts"].clone();
        (parts[0].get("thoughtSignature").cloned(), parts[1].get("thoughtSignature").cloned())
    };
    assert_eq!(marked("gemini-3-flash-preview"), (Some(json!("skip_thought_signature_validator")), None));
    assert_eq!(marked("gemini-2.5-flash"), (None, None));
    assert_eq!(marked("gemma-4-31b-it"), (None, None));
}

#[test]
fn results_stand_together_in_the_order_of_their_calls_under_their_names() {
    let made = answer(&json!([{"functionCall": {"name": "f", "args": {}}}, {"functionCall": {"name": "f"}}]));
    let ids: Vec<_> = made.choices[0].message.clone().unwrap().parts.into_iter().map(id_of).collect();
    assert_ne!(ids[0], ids[1]);
    assert_eq!(
        made,
        answer(&json!([{"functionCall": {"name": "f", "args": {}}}, {"functionCall": {"name": "f"}}]))
    );
    let body = ask(&json!({"messages": [
        {"role": "assistant", "tool_calls": [call(&ids[0], "f"), call(&ids[1], "f"), call("own", "g")]},
        {"role": "tool", "tool_call_id": "own", "content": "{\"c\": 3}"},
        {"role": "tool", "tool_call_id": ids[1], "content": "second"},
        {"role": "tool", "tool_call_id": ids[0], "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "user", "content": "And?"}
    ]}));
    assert_eq!(
        body["contents"][1],
        json!({"role": "user", "parts": [
            {"functionResponse": {"name": "f", "response": {"output": ["a", "b"]}}},
            {"functionResponse": {"name": "f", "response": {"output": "second"}}},
            {"functionResponse": {"id": "own", "name": "g", "response": {"c": 3}}}
        ]})
    );
    assert_eq!(body["contents"][2]["parts"][0]["text"], "And?");
    let lost = json!({"messages": [{"role": "tool", "tool_call_id": "x", "content": "a"}]});
    assert_eq!(refused(&lost), (Reason::InvalidRequest, "messages[0].tool_call_id".to_owned()));
    let old = json!({"messages": [{"role": "function", "name": "f", "content": "a"}]});
    assert_eq!(
        ask(&old)["contents"][0]["parts"],
        json!([{"functionResponse": {"name": "f", "response": {"output": "a"}}}])
    );
}

fn id_of(part: Part) -> String {
    match part.content {
        Some(Content::ToolCall(call)) => call.id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn choices_among_tools_are_said_in_geminis_modes() {
    let tool = |strict: bool| json!([{"type": "function", "function": {"name": "f", "strict": strict}}]);
    for (strict, choice, config) in [
        (false, Value::Null, Value::Null),
        (false, json!("auto"), json!({"mode": "AUTO"})),
        (true, Value::Null, json!({"mode": "VALIDATED"})),
        (true, json!("none"), json!({"mode": "NONE"})),
        (false, json!("required"), json!({"mode": "ANY"})),
        (
            false,
            json!({"type": "function", "function": {"name": "f"}}),
            json!({"mode": "ANY", "allowedFunctionNames": ["f"]}),
        ),
        (
            false,
            json!({"type": "allowed_tools", "allowed_tools":
                {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]}}),
            json!({"mode": "VALIDATED", "allowedFunctionNames": ["f"]}),
        ),
    ] {
        let body = ask(&json!({"tools": tool(strict), "tool_choice": choice}));
        assert_eq!(body["toolConfig"]["functionCallingConfig"], config, "{strict} {choice}");
    }
    assert_eq!(ask(&json!({"tool_choice": "auto"})).get("toolConfig"), None);
    let custom = json!({"tools": tool(false), "tool_choice": {"type": "custom", "custom": {"name": "x"}}});
    assert_eq!(refused(&custom).1, "tool_choice");
    let own = json!([{"type": "googleSearch", "googleSearch": {}}]);
    assert_eq!(ask(&json!({"tools": own}))["tools"], json!([{"googleSearch": {}}]));
}

#[test]
fn media_are_sent_as_bytes_or_as_an_address_or_refused_with_the_fix() {
    let image = |url: &str| json!({"type": "image_url", "image_url": {"url": url}});
    let file = |file: Value| json!({"type": "file", "file": file});
    let send = |part: &Value| {
        let messages = json!({"messages": [{"role": "user", "content": [part]}]});
        ask_model("gemini-2.5-flash", &messages).map(|(body, _)| body["contents"][0]["parts"][0].clone())
    };
    for (part, sent) in [
        (image("gs://b/a.JPG"), json!({"fileData": {"mimeType": "image/jpeg", "fileUri": "gs://b/a.JPG"}})),
        (image("https://a.example/x?y=.png"), json!({"fileData": {"fileUri": "https://a.example/x?y=.png"}})),
        (
            image("data:text/plain;charset=utf-8;base64,SGk="),
            json!({"inlineData": {"mimeType": "text/plain", "data": "SGk="}}),
        ),
        (
            file(json!({"file_data": "SGk=", "filename": "a.pdf"})),
            json!({"inlineData": {"mimeType": "application/pdf", "data": "SGk="}}),
        ),
        (
            file(json!({"file_id": "files/a-1"})),
            json!({"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/a-1"}}),
        ),
    ] {
        assert_eq!(send(&part).unwrap(), sent, "{part}");
    }
    for part in [
        image("ftp://a.example/x"),
        image("file:///etc/passwd"),
        image("data:image/png,raw"),
        image("data:;base64,SGk="),
        file(json!({"file_data": "SGk="})),
        file(json!({"filename": "a.pdf"})),
        json!({"type": "input_audio", "input_audio": {"data": "SGk="}}),
        json!({"type": "hologram", "hologram": {}}),
    ] {
        let error = send(&part).unwrap_err();
        let field = error.detail().field.clone().unwrap_or_default();
        assert!(field.starts_with("messages[0].content[0]"), "{part} {field}");
    }
}

#[test]
fn options_reach_into_what_is_there_already() {
    let options = json!({"gemini": {"generationConfig": {"topK": 3, "seed": null}, "safetySettings": []}});
    let body = ask(&json!({"seed": 1, "temperature": 0.5, "provider_options": options}));
    assert_eq!(body["generationConfig"], json!({"temperature": 0.5, "topK": 3}));
    assert_eq!(body["safetySettings"], json!([]));
    let wrong = json!({"provider_options": {"gemini": {"generationConfig": {"a": 1}, "toolConfig": 7}},
        "tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "auto"});
    assert_eq!(refused(&wrong).1, "provider_options_json.gemini.toolConfig");
    assert_eq!(ask(&json!({"top_k": 40}))["generationConfig"], json!({"topK": 40}));
}

#[test]
fn nothing_of_a_conversation_is_lost_unsaid() {
    let (body, dropped) = ask_model(
        "gemini-2.5-flash",
        &json!({"messages": [
            {"role": "system", "content": "a", "name": "x"},
            {"role": "assistant", "content": "b", "annotations": [], "weight": 1},
            {"role": "user", "content": [{"type": "text", "text": "c", "cache_control": {"type": "ephemeral"}}]}
        ]}),
    )
    .unwrap();
    assert_eq!(dropped, ["messages.name", "messages.extra_json", "cache"]);
    assert_eq!(body["contents"].as_array().unwrap().len(), 2);
    for (message, field) in [
        (json!({"role": "narrator", "content": "x"}), "messages[0].role"),
        (
            json!({"role": "system", "content": [{"type": "file", "file": {"file_id": "x"}}]}),
            "messages[0].content[0]",
        ),
        (json!({"role": "assistant", "function_call": {"name": "f"}}), "messages[0].function_call"),
    ] {
        assert_eq!(refused(&json!({"messages": [message]})).1, field);
    }
    let foreign = ThinkingPart { text: "x".to_owned(), signature: Bytes::from_static(b"\xff") };
    let part = Part { content: Some(Content::Thinking(foreign)), ..Part::default() };
    let message = Message { role: Role::Assistant.into(), parts: vec![part], ..Message::default() };
    let request = ChatRequest { messages: vec![message], ..ChatRequest::default() };
    assert_eq!(send("gemini-2.5-flash", &request).unwrap_err().reason(), Reason::InvalidRequest);
}

#[test]
fn seeds_and_schemas_are_made_to_fit() {
    let seed = |seed: i64| ask(&json!({"seed": seed}))["generationConfig"]["seed"].clone();
    assert_eq!((seed(7), seed(-7)), (json!(7), json!(-7)));
    let long = seed(1 << 40);
    assert!(long.as_i64().is_some_and(|it| i32::try_from(it).is_ok()) && long == seed(1 << 40), "{long}");
    let schema = |schema: Value| {
        let format = json!({"type": "json_schema", "json_schema": {"name": "n", "description": "d", "schema": schema}});
        ask(&json!({"response_format": format}))["generationConfig"]["responseJsonSchema"].clone()
    };
    assert_eq!(schema(json!({"type": "object"})), json!({"type": "object", "description": "d"}));
    assert_eq!(schema(json!({"$ref": "#/$defs/a"})), json!({"$ref": "#/$defs/a"}));
    let other = json!({"response_format": {"type": "grammar", "grammar": "x"}});
    assert_eq!(refused(&other).1, "response_format.type");
    assert_eq!(refused(&json!({"reasoning_effort": "ultra"})).1, "reasoning_effort");
}
