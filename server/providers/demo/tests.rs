use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};

use super::*;

fn ask_at(method: Method, path: &str, body: &str, settings: &Settings) -> BuiltInReply {
    let request = Outbound {
        method,
        path: path.to_owned(),
        headers: HeaderMap::new(),
        body: Bytes::from(body.to_owned()),
        dropped: Vec::new(),
    };
    respond(&request, settings)
}

fn post(path: &str, body: &Value) -> (StatusCode, Value) {
    let reply = ask_at(Method::POST, path, &body.to_string(), &Settings::new());
    let bytes: Vec<u8> = reply.body.iter().flat_map(|(_, bytes)| bytes.to_vec()).collect();
    (reply.status, serde_json::from_slice(&bytes).unwrap())
}

fn answer(path: &str, mut body: Value) -> Value {
    body["model"] = json!("demo");
    let (status, answer) = post(path, &body);
    assert_eq!(status, 200, "{answer}");
    answer
}

fn chat(body: Value) -> Value {
    answer("/chat/completions", body)
}

fn refused(path: &str, body: &Value) -> Value {
    let (status, answer) = post(path, body);
    assert_eq!(status, 400, "{answer}");
    answer["error"].clone()
}

fn stream(path: &str, mut body: Value) -> Vec<Value> {
    body["model"] = json!("demo");
    body["stream"] = json!(true);
    let reply = ask_at(Method::POST, path, &body.to_string(), &Settings::new());
    let events: Vec<String> =
        reply.body.iter().map(|(_, bytes)| String::from_utf8(bytes.to_vec()).unwrap()).collect();
    let (done, chunks) = events.split_last().unwrap();
    assert_eq!(done, "data: [DONE]\n\n");
    let data = |event: &String| event.strip_prefix("data: ").unwrap().trim_end().to_owned();
    chunks.iter().map(|event| serde_json::from_str(&data(event)).unwrap()).collect()
}

fn user(text: &str) -> Value {
    json!([{"role": "user", "content": text}])
}

fn text(answer: &Value) -> &str {
    answer["choices"][0]["message"]["content"].as_str().unwrap()
}

fn weather() -> Value {
    json!({"type": "function", "function": {"name": "get_current_weather", "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
        "required": ["city"],
    }}})
}

fn time() -> Value {
    json!({"type": "function", "function": {"name": "localTime"}})
}

#[test]
fn chat_quotes_the_last_user_message() {
    let answer = chat(json!({"messages": [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "yes?"},
        {"role": "user", "content": [
            {"type": "text", "text": "Grüße, 世界 👩‍🚀"}, {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]},
    ], "temperature": 0.3, "seed": 1}));
    assert_eq!(
        text(&answer),
        "Hello! This is the demo model of Sluicegate. You said: \"Grüße, 世界 👩‍🚀\" I also see an image."
    );
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    let usage = &answer["usage"];
    assert_eq!(
        usage["total_tokens"].as_u64(),
        Some(usage["prompt_tokens"].as_u64().unwrap() + usage["completion_tokens"].as_u64().unwrap())
    );
}

#[test]
fn limits_and_stop_texts_end_the_text() {
    let cut = chat(json!({"messages": user("Hi"), "max_tokens": 3}));
    assert_eq!((text(&cut), &cut["choices"][0]["finish_reason"]), ("Hello! This", &json!("length")));
    assert_eq!(cut["usage"]["completion_tokens"], 3);
    let stopped = chat(json!({"messages": user("Hi"), "stop": ["You", " model"]}));
    assert_eq!(
        (text(&stopped), &stopped["choices"][0]["finish_reason"]),
        ("Hello! This is the demo", &json!("stop"))
    );
}

#[test]
fn several_choices_differ() {
    let answer = chat(json!({"messages": user("Hi"), "n": 3}));
    let mut texts: Vec<_> = answer["choices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|choice| choice["message"]["content"].to_string())
        .collect();
    texts.dedup();
    assert_eq!(texts.len(), 3);
}

#[test]
fn deltas_join_to_the_whole_answer() {
    for body in [
        json!({"messages": user("Hi there"), "n": 2, "logprobs": true, "top_logprobs": 2}),
        json!({"messages": user("weather and local time"), "tools": [weather(), time()]}),
        json!({"messages": user("weather"), "tools": [weather()], "max_tokens": 7}),
        json!({"messages": user("Hi"), "response_format": {"type": "json_object"}}),
    ] {
        let whole = chat(body.clone());
        let mut with_usage = body.clone();
        with_usage["stream_options"] = json!({"include_usage": true});
        let mut chunks = stream("/chat/completions", with_usage);
        let last = chunks.pop().unwrap();
        assert_eq!((&last["choices"], &last["usage"]), (&json!([]), &whole["usage"]));
        for choice in whole["choices"].as_array().unwrap() {
            let (mut content, mut finish, mut logprobs, mut calls) =
                (String::new(), Value::Null, Vec::new(), Vec::<Value>::new());
            for delta in chunks.iter().flat_map(|chunk| chunk["choices"].as_array().unwrap()) {
                if delta["index"] != choice["index"] {
                    continue;
                }
                assert!(finish.is_null(), "nothing follows the finish");
                finish = delta["finish_reason"].clone();
                content += delta["delta"]["content"].as_str().unwrap_or_default();
                logprobs.extend(delta["logprobs"]["content"].as_array().cloned().unwrap_or_default());
                for part in delta["delta"]["tool_calls"].as_array().cloned().unwrap_or_default() {
                    let index = usize::try_from(part["index"].as_u64().unwrap()).unwrap();
                    match calls.get_mut(index) {
                        None => calls.push(
                            json!({"id": part["id"], "type": part["type"], "function": part["function"]}),
                        ),
                        Some(call) => {
                            let more = part["function"]["arguments"].as_str().unwrap();
                            let joined = call["function"]["arguments"].as_str().unwrap().to_owned() + more;
                            call["function"]["arguments"] = json!(joined);
                        }
                    }
                }
            }
            assert_eq!(content, choice["message"]["content"].as_str().unwrap_or_default());
            assert_eq!(finish, choice["finish_reason"]);
            assert_eq!(logprobs, choice["logprobs"]["content"].as_array().cloned().unwrap_or_default());
            assert_eq!(json!(calls), choice["message"].get("tool_calls").cloned().unwrap_or(json!([])));
        }
    }
}

#[test]
fn named_tools_are_called_in_the_order_of_their_naming() {
    let called = |body: Value| -> Vec<String> {
        let answer = chat(body);
        let calls = answer["choices"][0]["message"]["tool_calls"].as_array().cloned().unwrap_or_default();
        calls.iter().map(|call| call["function"]["name"].as_str().unwrap().to_owned()).collect()
    };
    let tools = json!([weather(), time()]);
    let ask = |text: &str| json!({"messages": user(text), "tools": tools});
    assert_eq!(called(ask("What is the weather in Paris?")), ["get_current_weather"]);
    assert_eq!(
        called(ask("Tell me the local time, then the Weather!")),
        ["localTime", "get_current_weather"]
    );
    assert!(called(ask("Hello")).is_empty());
    let with = |text: &str, name: &str, value: Value| {
        let mut body = ask(text);
        body[name] = value;
        body
    };
    assert_eq!(
        called(with("weather, local time", "parallel_tool_calls", json!(false))),
        ["get_current_weather"]
    );
    assert!(called(with("weather", "tool_choice", json!("none"))).is_empty());
    assert_eq!(called(with("Hello", "tool_choice", json!("required"))), ["get_current_weather"]);
    let named = json!({"type": "function", "function": {"name": "localTime"}});
    assert_eq!(called(with("weather", "tool_choice", named.clone())), ["localTime"]);
    let allowed = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [named]}});
    assert_eq!(called(with("Hello", "tool_choice", allowed)), ["localTime"]);
}

#[test]
fn arguments_fit_the_parameters() {
    let answer = chat(json!({"messages": user("weather"), "tools": [weather()]}));
    let choice = &answer["choices"][0];
    assert_eq!(
        (&choice["finish_reason"], &choice["message"]["content"]),
        (&json!("tool_calls"), &Value::Null)
    );
    let arguments = choice["message"]["tool_calls"][0]["function"]["arguments"].as_str().unwrap();
    let arguments: Value = serde_json::from_str(arguments).unwrap();
    assert_eq!(arguments, json!({"city": "example city", "unit": "celsius"}));
}

#[test]
fn tool_results_are_quoted() {
    let answer = chat(json!({"tools": [weather()], "messages": [
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "get_current_weather", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "a", "content": "18 degrees"},
        {"role": "tool", "tool_call_id": "b", "content": "noon"},
    ]}));
    assert_eq!(text(&answer), "The tools answered: \"18 degrees\" and \"noon\"");
}

#[test]
fn json_is_written_when_it_is_asked_for() {
    let schema = json!({"type": "object", "properties": {"age": {"type": "integer", "minimum": 18}}, "required": ["age"]});
    let answer = chat(json!({"messages": user("Hi"), "response_format":
        {"type": "json_schema", "json_schema": {"name": "person", "schema": schema}}}));
    assert_eq!(serde_json::from_str::<Value>(text(&answer)).unwrap(), json!({"age": 18}));
    let answer = chat(json!({"messages": user("say \"hi\""), "response_format": {"type": "json_object"}}));
    assert!(serde_json::from_str::<Value>(text(&answer)).unwrap().is_object());
}

#[test]
fn probabilities_tell_the_likeliest_tokens() {
    let answer = chat(json!({"messages": user("Hi"), "logprobs": true, "top_logprobs": 3}));
    let content = answer["choices"][0]["logprobs"]["content"].as_array().unwrap();
    let joined: String = content.iter().map(|entry| entry["token"].as_str().unwrap()).collect();
    assert_eq!(joined, text(&answer));
    for entry in content {
        let top = entry["top_logprobs"].as_array().unwrap();
        assert_eq!((top.len(), &top[0]["token"]), (3, &entry["token"]));
        assert!(top.iter().map(|one| one["logprob"].as_f64().unwrap().exp()).sum::<f64>() < 1.0);
    }
}

#[test]
fn completions_continue_each_prompt() {
    let body = json!({"prompt": ["Once", "Twice"], "n": 2, "echo": true, "suffix": "end", "logprobs": 2});
    let whole = answer("/completions", body.clone());
    let choices = whole["choices"].as_array().unwrap();
    assert_eq!(choices.len(), 4);
    assert!(choices[0]["text"].as_str().unwrap().starts_with("Once and so on"));
    assert!(choices[3]["text"].as_str().unwrap().starts_with("Twice and so on"));
    assert_eq!(choices[0]["finish_reason"], "length");
    assert_eq!(whole["usage"]["completion_tokens"], 64);
    let chunks = stream("/completions", body);
    for choice in choices {
        let pieces =
            chunks.iter().map(|chunk| &chunk["choices"][0]).filter(|piece| piece["index"] == choice["index"]);
        let offsets =
            |piece: &Value| piece["logprobs"]["text_offset"].as_array().cloned().unwrap_or_default();
        assert_eq!(
            pieces.clone().map(|piece| piece["text"].as_str().unwrap()).collect::<String>(),
            choice["text"]
        );
        assert_eq!(pieces.flat_map(offsets).collect::<Vec<_>>(), offsets(choice));
    }
    let tokens = answer("/completions", json!({"prompt": [1, 2, 3], "max_tokens": 40}));
    assert_eq!(
        (&tokens["usage"]["prompt_tokens"], &tokens["choices"][0]["finish_reason"]),
        (&json!(3), &json!("stop"))
    );
}

fn embed(body: Value) -> Vec<Vec<f64>> {
    let answer = answer("/embeddings", body);
    let list = answer["data"].as_array().unwrap();
    list.iter().map(|one| serde_json::from_value(one["embedding"].clone()).unwrap()).collect()
}

#[test]
fn similar_texts_have_similar_vectors() {
    let vectors = embed(json!({"input": [
        "The cat sat on the mat", "A cat sits on a mat", "Quarterly revenue exceeded forecasts", ""]}));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    assert!(vectors.iter().all(|vector| vector.len() == 64 && (dot(vector, vector) - 1.0).abs() < 1e-5));
    assert!(dot(&vectors[0], &vectors[1]) > dot(&vectors[0], &vectors[2]) + 0.2);
}

#[test]
fn vectors_have_the_form_that_is_asked_for() {
    let plain = embed(json!({"input": [[1, 2], [3]], "dimensions": 7}));
    let packed =
        answer("/embeddings", json!({"input": [[1, 2], [3]], "dimensions": 7, "encoding_format": "base64"}));
    for (vector, entry) in plain.iter().zip(packed["data"].as_array().unwrap()) {
        use base64::Engine as _;
        let bytes =
            base64::engine::general_purpose::STANDARD.decode(entry["embedding"].as_str().unwrap()).unwrap();
        let floats = bytes.chunks(4).map(|four| f64::from(f32::from_le_bytes(four.try_into().unwrap())));
        assert_eq!(&floats.collect::<Vec<_>>(), vector);
    }
    assert_eq!(packed["usage"]["prompt_tokens"], 3);
}

#[test]
fn wrong_requests_are_refused_by_name() {
    let wrong = |path: &str, body: Value| refused(path, &body)["param"].as_str().unwrap_or("none").to_owned();
    let demo = |name: &str, value: Value| {
        let mut body = json!({"model": "demo", "messages": user("Hi"), "prompt": "Hi", "input": "Hi"});
        body[name] = value;
        body
    };
    for (name, value) in [
        ("messages", Value::Null),
        ("max_tokens", json!(0)),
        ("n", json!(1.5)),
        ("stop", json!([1])),
        ("stream", json!("yes")),
        ("top_logprobs", json!(2)),
        ("tool_choice", json!("required")),
        ("model", json!(5)),
    ] {
        assert_eq!(wrong("/chat/completions", demo(name, value)), name);
    }
    assert_eq!(wrong("/chat/completions", demo("messages", json!([{}]))), "messages[0].role");
    assert_eq!(
        wrong("/chat/completions", demo("response_format", json!({"type": "xml"}))),
        "response_format.type"
    );
    assert_eq!(
        wrong("/chat/completions", demo("tools", json!([{"type": "function"}]))),
        "tools[0].function.name"
    );
    assert_eq!(wrong("/completions", demo("prompt", json!([]))), "prompt");
    assert_eq!(wrong("/embeddings", demo("input", json!([1, "a"]))), "input");
    assert_eq!(wrong("/embeddings", demo("dimensions", json!(4097))), "dimensions");
    assert_eq!(wrong("/chat/completions", json!("text")), "none");
}

#[test]
fn other_models_and_paths_are_not_found() {
    let (status, answer) = post("/chat/completions", &json!({"model": "gpt-9", "messages": user("Hi")}));
    assert_eq!((status, &answer["error"]["code"]), (StatusCode::NOT_FOUND, &json!("model_not_found")));
    let (status, _) = post("/rerank", &json!({"model": "demo"}));
    assert_eq!(status, 404);
    let listed = ask_at(Method::GET, "/models", "", &Settings::new());
    let listed: Value = serde_json::from_slice(&listed.body[0].1).unwrap();
    assert_eq!(listed["data"][0]["id"], "demo");
}

#[test]
fn delays_are_kept_and_checked() {
    let settings: Settings =
        [("first_delay_ms", "30"), ("delay_ms", "7")].map(|(a, b)| (a.into(), b.into())).into();
    let body = json!({"model": "demo", "messages": user("Hi"), "stream": true}).to_string();
    let waits: Vec<_> = ask_at(Method::POST, "/chat/completions", &body, &settings)
        .body
        .iter()
        .map(|(wait, _)| wait.as_millis())
        .collect();
    assert_eq!(waits[0], 30);
    assert!(waits[1..].iter().all(|wait| *wait == 7) && waits.len() > 5);
    assert!(check_delay("60000").is_ok() && check_delay("0").is_ok());
    assert!(check_delay("60001").is_err() && check_delay("-1").is_err() && check_delay("soon").is_err());
}

proptest::proptest! {
    #[test]
    fn pieces_join_to_the_text(said in "\\PC*|[ \\n\\ta-zé世.]*") {
        proptest::prop_assert_eq!(super::text::pieces(&said).concat(), said.clone());
        proptest::prop_assert!(super::text::pieces(&said).iter().all(|piece| !piece.is_empty()));
    }

    #[test]
    fn every_user_text_is_answered(said in "\\PC*", limit in 1_usize..40, stop in "\\PC{0,2}") {
        let answer = chat(json!({"messages": user(&said), "max_completion_tokens": limit, "stop": stop}));
        proptest::prop_assert!(answer["usage"]["completion_tokens"].as_u64().unwrap() <= limit as u64);
    }
}

#[test]
fn short_request_for_a_huge_answer_is_refused() {
    let items = json!({"type": "array", "minItems": 3000, "items": {"type": "string", "minLength": 60}});
    let format = json!({"type": "json_schema", "json_schema": {"name": "s", "schema": items}});
    let chat = json!({"model": "demo", "messages": user("Hi"), "n": 128, "response_format": format});
    let prompts = json!({"model": "demo", "prompt": vec!["a"; 1000], "n": 128, "max_tokens": 100});
    let echo = json!({"model": "demo", "prompt": "a ".repeat(2000), "n": 128, "echo": true});
    let vectors = json!({"model": "demo", "input": vec!["a"; 2048], "dimensions": 4096});
    for (path, body) in [
        ("/chat/completions", chat),
        ("/completions", prompts),
        ("/completions", echo),
        ("/embeddings", vectors),
    ] {
        refused(path, &body);
    }
    answer("/completions", json!({"prompt": vec!["a"; 20], "n": 20}));
}
