//! How answers, streams and lists end.

use super::*;

#[test]
fn each_end_has_its_word() {
    let settings = Settings::new();
    let to = UpstreamModel {
        id: "m",
        stream: false,
        settings: &settings,
        scope: &crate::providers::Scope::default(),
    };
    for (finish, expected) in [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("OTHER", "OTHER"),
        ("MALFORMED_FUNCTION_CALL", "MALFORMED_FUNCTION_CALL"),
    ] {
        let body = json!({"candidates": [{"finishReason": finish}]}).to_string();
        let response = Gemini.chat_response(body.as_bytes(), &to).unwrap();
        let written: Value = serde_json::from_slice(&write_response(&response)).unwrap();
        assert_eq!(written["choices"][0]["finish_reason"], expected);
        let kept = expected == "content_filter";
        assert_eq!(written["choices"][0].get("finishReason"), kept.then(|| json!(finish)).as_ref());
    }
}

#[test]
fn a_model_stays_one_segment_of_the_path() {
    let settings = Settings::new();
    let path = |id| {
        let to = UpstreamModel {
            id,
            stream: true,
            settings: &settings,
            scope: &crate::providers::Scope::default(),
        };
        Gemini.chat(&ChatRequest::default(), &to).map(|asked| asked.path)
    };
    for (model, expected) in [
        ("gemini-3-flash", "/v1beta/models/gemini-3-flash:streamGenerateContent?alt=sse"),
        ("models/gemini-3-flash", "/v1beta/models/gemini-3-flash:streamGenerateContent?alt=sse"),
        ("tunedModels/mine", "/v1beta/tunedModels/mine:streamGenerateContent?alt=sse"),
        ("a/b:c", "/v1beta/models/a%2Fb%3Ac:streamGenerateContent?alt=sse"),
    ] {
        assert_eq!(path(model).unwrap(), expected);
    }
    assert_eq!(path("models/../x").unwrap_err().reason(), Reason::FailedPrecondition);
}

#[test]
fn lists_of_models_go_on_while_there_is_a_token() {
    let settings = Settings::new();
    let first = br#"{"models":[{"name":"models/a"}],"nextPageToken":"x+/= y"}"#;
    assert_eq!(Gemini.list_models(&settings).unwrap().path, "/v1beta/models?pageSize=1000");
    let next = Gemini.list_more_models(first, &settings).unwrap().unwrap();
    assert_eq!(next.path, "/v1beta/models?pageSize=1000&pageToken=x%2B%2F%3D%20y");
    for last in [r#"{"models":[{"name":"models/b"}]}"#, r#"{"models":[],"nextPageToken":""}"#] {
        assert!(Gemini.list_more_models(last.as_bytes(), &settings).unwrap().is_none());
    }
}

#[test]
fn an_error_in_place_of_a_stream_keeps_its_class() {
    let settings = Settings::new();
    let to = UpstreamModel {
        id: "m",
        stream: true,
        settings: &settings,
        scope: &crate::providers::Scope::default(),
    };
    for (data, reason) in [
        (
            r#"[{"error":{"code":429,"message":"x","status":"RESOURCE_EXHAUSTED"}}]"#,
            Reason::ProviderRateLimited,
        ),
        (r#"{"error":{"code":500,"message":"x","status":"INTERNAL"}}"#, Reason::ProviderUnavailable),
        (r#"[{"candidates":[]}]"#, Reason::ProviderBadAnswer),
        ("<html>", Reason::ProviderBadAnswer),
    ] {
        let mut decoder = Gemini.chat_stream(&to).unwrap();
        let error = decoder.frame(Frame { event: "", data: data.as_bytes() }, &mut Vec::new()).unwrap_err();
        assert_eq!(error.reason(), reason, "{data}");
    }
    let mut decoder = Gemini.chat_stream(&to).unwrap();
    let done = decoder.frame(Frame { event: "", data: b"[DONE]" }, &mut Vec::new());
    assert_eq!(done.unwrap(), crate::providers::Flow::More, "only a reason to finish proves an end");
    assert_eq!(decoder.end(&mut Vec::new()).unwrap_err().reason(), Reason::StreamTruncated);
}

#[test]
fn a_reason_in_each_event_finishes_the_answer_once() {
    let settings = Settings::new();
    let to = UpstreamModel {
        id: "m",
        stream: true,
        settings: &settings,
        scope: &crate::providers::Scope::default(),
    };
    let event = |text: Value, rest: Value| {
        let mut candidate = json!({"content": {"parts": text}});
        candidate.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        json!({"responseId": "r", "candidates": [candidate]}).to_string()
    };
    let text = |text| json!([{"text": text}]);
    let decode = |events: &[String]| {
        let (mut decoder, mut chunks) = (Gemini.chat_stream(&to).unwrap(), Vec::<ChatChunk>::new());
        for event in events {
            decoder.frame(Frame { event: "", data: event.as_bytes() }, &mut chunks).unwrap();
        }
        let ended = decoder.end(&mut chunks);
        let choices: Vec<_> = chunks.into_iter().flat_map(|chunk| chunk.choices).collect();
        let finishes = choices.iter().filter(|choice| choice.finish_reason != 0).count();
        let last = choices.last().unwrap();
        assert_eq!(
            finishes,
            usize::from(last.finish_reason != 0),
            "the reason stands in the last chunk alone"
        );
        (last.extra_json.keys().cloned().collect::<Vec<_>>(), ended.is_ok())
    };
    let stop = event(text("a"), json!({"finishReason": "STOP", "safetyRatings": []}));
    let safety = event(text("b"), json!({"finishReason": "SAFETY"}));
    let more = event(json!([]), json!({"groundingMetadata": {}}));
    let open = event(text("c"), json!({}));
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(decode(&[stop.clone(), stop.clone()]), (names(&["safetyRatings"]), true));
    assert_eq!(decode(&[stop.clone(), safety.clone()]), (names(&["finishReason", "safetyRatings"]), true));
    assert_eq!(decode(&[stop.clone(), more]), (names(&["groundingMetadata", "safetyRatings"]), true));
    assert_eq!(decode(&[stop, safety, open]), (names(&["safetyRatings"]), false), "cut after it went on");
}
