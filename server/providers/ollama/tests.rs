use super::{super::Flow, *};
use crate::{
    proto::v1::{FinishReason, part::Content},
    wire::{Frame, openai::chat as openai},
};

fn ask(model: &str, rest: &str) -> Result<serde_json::Value> {
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"Hi"}}]{rest}}}"#);
    let request = openai::read_request(body.as_bytes()).unwrap().0;
    let settings = Settings::new();
    let asked = Ollama.chat(
        &request,
        &UpstreamModel {
            id: model,
            stream: false,
            settings: &settings,
            scope: &crate::providers::Scope::default(),
        },
    )?;
    Ok(serde_json::from_slice(&asked.body).unwrap())
}

fn call_ids(created_at: &str, arguments: &str) -> Vec<String> {
    let call = format!(r#"{{"function":{{"name":"f","arguments":{arguments}}}}}"#);
    let body = format!(
        r#"{{"model":"m","created_at":"{created_at}","message":{{"content":"","tool_calls":[{call},{call}]}},"done":true}}"#
    );
    let answer = chat::read(body.as_bytes()).unwrap();
    assert_eq!(answer.choices[0].finish_reason(), FinishReason::ToolCalls);
    let parts =
        answer.choices.into_iter().filter_map(|choice| choice.message).flat_map(|message| message.parts);
    parts
        .filter_map(|part| match part.content {
            Some(Content::ToolCall(call)) => Some(call.id),
            _ => None,
        })
        .collect()
}

#[test]
fn calls_without_ids_get_ids_that_nothing_else_has() {
    let first = call_ids("2026-02-03T04:05:06Z", "{}");
    assert_eq!(first, call_ids("2026-02-03T04:05:06Z", "{}"), "the same whenever it is read");
    let later = call_ids("2026-02-03T04:05:07Z", "{}");
    let timeless = [call_ids("", "{}"), call_ids("", r#"{"a":1}"#)].concat();
    let all = [first, later, timeless].concat();
    let different: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(different.len(), all.len(), "{all:?}");
}

#[test]
fn only_models_with_levels_are_told_one() {
    for (model, effort, think) in [
        ("gpt-oss:20b", "minimal", serde_json::json!("low")),
        ("gpt-oss:20b", "medium", "medium".into()),
        ("hub/gpt-oss:120b-cloud", "xhigh", "high".into()),
        ("gpt-oss:20b", "none", false.into()),
        ("qwen3:4b", "low", true.into()),
        ("qwen3:4b", "none", false.into()),
    ] {
        let asked = ask(model, &format!(r#","reasoning_effort":"{effort}""#)).unwrap();
        assert_eq!(asked["think"], think, "{model} {effort}");
    }
    assert!(ask("qwen3:4b", "").unwrap().get("think").is_none());
}

#[test]
fn images_go_as_base64_or_not_at_all() {
    let image = |url: &str| {
        let part = format!(r#"{{"type":"image_url","image_url":{{"url":"{url}"}}}}"#);
        ask("m", &format!(r#","messages":[{{"role":"user","content":[{part}]}}]"#))
    };
    assert_eq!(image("data:image/png;base64,AQID").unwrap()["messages"][0]["images"][0], "AQID");
    for url in ["https://example.com/a.png", "data:image/svg+xml,%3Csvg/%3E"] {
        let error = image(url).unwrap_err();
        assert_eq!(error.detail().field.as_deref(), Some("messages[0].content[0]"));
        assert!(error.message().contains("base64"), "{error}");
    }
}

#[test]
fn options_for_this_type_stand_beside_those_of_the_call() {
    let rest = r#","temperature":0.5,"seed":7,"options":{"num_ctx":1},"provider_options":{"ollama":{"options":{"seed":8}}}"#;
    let expected = serde_json::json!({"temperature": 0.5, "seed": 8, "num_ctx": 1});
    assert_eq!(ask("m", rest).unwrap()["options"], expected);
    let error = ask("m", r#","seed":7,"provider_options":{"ollama":{"options":7}}"#).unwrap_err();
    assert_eq!(error.detail().field.as_deref(), Some("options"));
    let twice = ask("m", r#","seed":7,"options":{"seed":8}"#).unwrap_err();
    assert!(twice.detail().field.as_deref().is_some_and(|field| field.contains("seed")), "{twice}");
}

#[test]
fn what_follows_the_last_line_is_not_of_the_answer() {
    let mut decoder = chat::Decoder::default();
    let mut out = Vec::new();
    let line =
        br#"{"model":"m","created_at":"x","message":{"content":"Hi"},"done":true,"done_reason":"stop"}"#;
    let flow = decoder.frame(Frame { event: "", data: line }, &mut out).unwrap();
    assert_eq!((flow, out.len()), (Flow::Finished, 2));
    assert!(decoder.end(&mut out).is_ok());
}

#[test]
fn time_to_stay_loaded_is_seconds_or_a_duration() {
    for good in ["0", "-1", "300", "5m", "1h30m", "90s", "1.5h", "-1m", "500ms"] {
        assert_eq!(is_duration(good), Ok(()), "{good}");
    }
    for bad in ["", "-", "m", "5 m", "5d", "soon", "1h30", "5.m5"] {
        assert!(is_duration(bad).is_err(), "{bad}");
    }
}

#[test]
fn time_to_stay_loaded_is_that_of_the_call_then_the_setting() {
    for (setting, rest, expected) in [
        ("600", "", serde_json::json!(600)),
        ("10m", "", "10m".into()),
        ("10m", r#","keep_alive":0"#, 0.into()),
        ("10m", r#","provider_options":{"ollama":{"keep_alive":"1h"}}"#, "1h".into()),
    ] {
        let settings = Settings::from([(KEEP_ALIVE.to_owned(), setting.to_owned())]);
        let body = format!(r#"{{"model":"m","prompt":"Hi"{rest}}}"#);
        let (request, _) = crate::wire::openai::completion::read_request(body.as_bytes()).unwrap();
        let to = UpstreamModel {
            id: "m",
            stream: false,
            settings: &settings,
            scope: &crate::providers::Scope::default(),
        };
        let asked = Ollama.complete(&request, &to).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&asked.body).unwrap();
        assert_eq!(body["keep_alive"], expected);
    }
}

#[test]
fn counts_that_cannot_be_read_cost_no_answer() {
    let body =
        br#"{"model":"m","message":{"content":"Hi"},"done":true,"prompt_eval_count":"many","eval_count":2}"#;
    let answer = chat::read(body).unwrap();
    assert_eq!(answer.usage.map(|usage| (usage.input_tokens, usage.output_tokens)), Some((0, 2)));
    assert_eq!(answer.extra_json["prompt_eval_count"], "\"many\"");
}
