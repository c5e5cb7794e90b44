use http::Method;

use super::*;
use crate::{
    error::Reason,
    providers::Scope,
    wire::{
        json::Malformed,
        openai::{chat as openai, completion},
    },
};

fn settings(pairs: &[(&str, &str)]) -> Settings {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What is asked for an OpenAI chat, as path and body, and what is told as dropped.
fn ask(model: &str, members: &str, settings: &Settings) -> Result<(String, String, Vec<&'static str>)> {
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"Hi"}}]{members}}}"#);
    let (request, stream) = openai::read_request(body.as_bytes()).map_err(Malformed::in_request)?;
    let to = UpstreamModel { id: model, stream, settings, scope: &Scope::default() };
    let asked = Watsonx.chat(&request, &to)?;
    assert_eq!(asked.method, Method::POST);
    Ok((asked.path, String::from_utf8(asked.body.to_vec()).unwrap(), asked.dropped))
}

#[test]
fn a_model_id_tells_deployments_from_foundation_models() {
    let settings = settings(&[(SPACE_ID, "s-1"), (API_VERSION, "2025-10-01")]);
    let (path, body, _) = ask("ibm/granite", "", &settings).unwrap();
    assert_eq!(path, "/ml/v1/text/chat?version=2025-10-01");
    assert!(body.contains(r#""model_id":"ibm/granite","space_id":"s-1""#), "{body}");
    let (path, body, _) = ask("deployment/a b", r#","stream":true"#, &settings).unwrap();
    assert_eq!(path, "/ml/v1/deployments/a%20b/text/chat_stream?version=2025-10-01");
    assert!(!body.contains("_id"), "{body}");
    let error = ask("deployment/../models", "", &settings).unwrap_err();
    assert_eq!(error.reason(), Reason::FailedPrecondition);
}

#[test]
fn who_pays_is_never_guessed_and_never_changed() {
    let error = ask("m", "", &Settings::new()).unwrap_err();
    assert_eq!(error.detail().field.as_deref(), Some("x-ibm-project-id"));
    let (_, body, dropped) = ask("m", r#","project_id":"p-2""#, &Settings::new()).unwrap();
    assert!(body.contains(r#""project_id":"p-2""#) && dropped.is_empty(), "{body}");
    let own = settings(&[(PROJECT_ID, "p-1"), (SPACE_ID, "s-1")]);
    let (_, body, dropped) = ask("m", r#","project_id":"p-2","space_id":"s-2""#, &own).unwrap();
    assert!(body.contains(r#""project_id":"p-1""#) && !body.contains("space_id"), "{body}");
    assert_eq!(dropped, [PROJECT_ID, SPACE_ID]);
    for members in [r#","model_id":"x""#, r#","provider_options":{"watsonxai":{"space_id":"s-2"}}"#] {
        assert_eq!(ask("m", members, &own).unwrap_err().reason(), Reason::InvalidRequest, "{members}");
    }
}

#[test]
fn words_and_lists_are_what_ibm_takes() {
    let own = settings(&[(PROJECT_ID, "p-1")]);
    for (members, expected) in [
        (r#","stop":"a""#, r#""stop":["a"]"#),
        (r#","stop":["a","b"]"#, r#""stop":["a","b"]"#),
        (r#","tool_choice":"none""#, r#""tool_choice_option":"none""#),
        (
            r#","tool_choice":{"type":"function","function":{"name":"f"}}"#,
            r#""tool_choice":{"type":"function","function":{"name":"f"}}"#,
        ),
        (r#","reasoning_effort":"minimal""#, r#""reasoning_effort":"low""#),
        (r#","reasoning_effort":"xhigh""#, r#""reasoning_effort":"high""#),
        (r#","chat_template_kwargs":{"thinking":true}"#, r#""chat_template_kwargs":{"thinking":true}"#),
        (r#","time_limit":5000,"include_reasoning":false"#, r#""include_reasoning":false,"time_limit":5000"#),
    ] {
        let (_, body, dropped) = ask("m", members, &own).unwrap();
        assert!(body.contains(expected) && dropped.is_empty(), "{body}");
    }
    for (members, field) in [
        (r#","reasoning_effort":"none""#, "reasoning_effort"),
        (r#","parallel_tool_calls":false"#, "parallel_tool_calls"),
        (r#","modalities":["text","audio"]"#, "modalities"),
    ] {
        let error = ask("m", members, &own).unwrap_err();
        assert_eq!(error.detail().field.as_deref(), Some(field));
    }
    assert!(ask("m", r#","parallel_tool_calls":true,"modalities":["text"]"#, &own).unwrap().2.is_empty());
}

#[test]
fn sampling_of_text_is_asked_for_where_it_means_something() {
    let own = settings(&[(PROJECT_ID, "p-1")]);
    for (members, expected) in [
        ("", r#""parameters":{}"#),
        (r#","max_tokens":5"#, r#""parameters":{"max_new_tokens":5}"#),
        (r#","temperature":0"#, r#""parameters":{"decoding_method":"greedy"}"#),
        (r#","seed":7"#, r#""parameters":{"decoding_method":"sample","random_seed":7}"#),
        (
            r#","top_p":0.5,"decoding_method":"greedy""#,
            r#""parameters":{"top_p":0.5,"decoding_method":"greedy"}"#,
        ),
        (
            r#","top_p":0.5,"parameters":{"decoding_method":"greedy","top_k":2}"#,
            r#""parameters":{"top_p":0.5,"decoding_method":"greedy","top_k":2}"#,
        ),
        (
            r#","stop":"a","echo":true,"logprobs":0"#,
            r#""parameters":{"stop_sequences":["a"],"include_stop_sequence":false,"return_options":{"input_text":true,"generated_tokens":true,"token_logprobs":true}}"#,
        ),
        (
            r#","max_tokens":5,"provider_options":{"watsonxai":{"parameters":{"max_new_tokens":6,"top_k":2}}}"#,
            r#""parameters":{"max_new_tokens":6,"top_k":2}"#,
        ),
    ] {
        let body = format!(r#"{{"model":"m","prompt":"Hi"{members}}}"#);
        let (request, _) = completion::read_request(body.as_bytes()).unwrap();
        let to = UpstreamModel { id: "m", stream: false, settings: &own, scope: &Scope::default() };
        let asked = Watsonx.complete(&request, &to).unwrap();
        let written = String::from_utf8(asked.body.to_vec()).unwrap();
        assert!(written.contains(expected), "{written}");
    }
    let given_twice = br#"{"model":"m","prompt":"Hi","max_tokens":5,"max_new_tokens":6}"#;
    let (request, _) = completion::read_request(given_twice).unwrap();
    let to = UpstreamModel { id: "m", stream: false, settings: &own, scope: &Scope::default() };
    let error = Watsonx.complete(&request, &to).unwrap_err();
    assert_eq!(error.detail().field.as_deref(), Some("parameters.max_new_tokens"));
}

#[test]
fn the_next_page_is_asked_at_our_own_address() {
    let next = |href: &str| {
        let body = format!(r#"{{"resources":[],"next":{{"href":"{href}"}}}}"#);
        Watsonx.list_more_models(body.as_bytes(), &Settings::new()).unwrap().map(|asked| asked.path)
    };
    let first = "/ml/v1/foundation_model_specs?version=2025-04-23&limit=200&filters=!lifecycle_withdrawn:and";
    assert_eq!(
        next("https://elsewhere.example.com/x?start=a%3D&limit=1"),
        Some(format!("{first}&start=a%3D"))
    );
    for none in ["", "https://elsewhere.example.com/x", "x?limit=1", "x?start=", "x?start=a b", "x?start=a#b"]
    {
        assert_eq!(next(none), None, "{none}");
    }
    assert_eq!(
        Watsonx.list_more_models(br#"{"resources":[]}"#, &Settings::new()).unwrap().map(|it| it.path),
        None
    );
}

#[test]
fn settings_cannot_change_query_or_host() {
    let check = |name: &str, value: &str| {
        let setting = ROW.settings.iter().find(|setting| setting.name == name).unwrap();
        (setting.check)(value).is_ok()
    };
    for (name, value) in [
        (API_VERSION, "2025-04-23"),
        (PROJECT_ID, "0a1b-2c3d"),
        (AUTH_URL, "https://iam.cloud.ibm.com/identity/token"),
        (AUTH_TYPE, "zen"),
    ] {
        assert!(check(name, value), "{value}");
    }
    for (name, value) in [
        (API_VERSION, "2025-04-23&x=1"),
        (API_VERSION, "2025/04/23"),
        (SPACE_ID, "a\"b"),
        (AUTH_URL, "http://169.254.169.254/"),
        (AUTH_URL, "https://iam.example.com/?apikey=1"),
        (AUTH_TYPE, "basic"),
    ] {
        assert!(!check(name, value), "{value}");
    }
}
