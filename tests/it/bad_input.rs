//! What callers and operators send by mistake or in anger: each gets an error that names the thing.

use std::io::Write as _;

use serde_json::{Value, json};
use sluicegate_client::v1;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::{
    faults::reason,
    rest::sent,
    support::{ADMIN_KEY, FakeUpstream, chat, chat_answer, start_gateway},
};

/// The field that a status names.
fn field(status: &tonic::Status) -> String {
    let violations = status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
    violations.first().map(|violation| violation.field.clone()).unwrap_or_default()
}

#[tokio::test]
async fn a_member_of_the_wrong_type_is_named_on_every_surface() {
    let gateway = start_gateway().await;
    for (method, path, body, param) in [
        (
            "POST",
            "/v1/chat/completions",
            json!({"model": "m", "messages": [{"role": 5}]}),
            "messages[0].role",
        ),
        (
            "POST",
            "/v1/chat/completions",
            json!({"model": "m", "messages": [], "temperature": "hot"}),
            "temperature",
        ),
        ("POST", "/v1/chat/completions", json!({"model": ["m"], "messages": []}), "model"),
        ("POST", "/v1/completions", json!({"model": "m", "prompt": 5}), "prompt"),
        ("POST", "/v1/embeddings", json!({"model": "m", "input": [true]}), "input[0]"),
        ("POST", "/sluicegate/v1/providers", json!({"provider": {"name": 5}}), "provider.name"),
        (
            "POST",
            "/sluicegate/v1/providers",
            json!({"provider": {"headers": {"x": 5}}}),
            "provider.headers.x",
        ),
        ("POST", "/sluicegate/v1/models", json!({"model": {"weight": "heavy"}}), "model.weight"),
        ("POST", "/ml/gateway/v1/providers/openai", json!({"name": 5, "data": {}}), "name"),
        (
            "POST",
            "/ml/gateway/v1/providers/openai",
            json!({"name": "a", "data": {"apikey": {}}}),
            "data.apikey",
        ),
        ("POST", "/ml/gateway/v1/providers/openai", json!({"name": "a", "data": 5}), "data"),
    ] {
        let (status, error) = sent(gateway.request(method, path, body.clone())).await;
        assert_eq!((status, error["error"]["param"].as_str()), (400, Some(param)), "{path} {body}: {error}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_is_told_so_on_every_surface() {
    let gateway = start_gateway().await;
    for path in [
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/embeddings",
        "/sluicegate/v1/providers",
        "/ml/gateway/v1/providers/openai",
    ] {
        for body in
            [&b"{"[..], b"nonsense", b"{\"model\": \"m\"} {}", b"[1]", b"\xff\xfe", b"{\"a\": 1, \"a\": }"]
        {
            let request = gateway.post(path, &Value::Null).body(body.to_vec());
            let (status, error) = sent(request).await;
            let said = String::from_utf8_lossy(body);
            assert_eq!(
                (status, &error["error"]["code"]),
                (400, &json!("invalid_request")),
                "{path} {said}: {error}"
            );
        }
    }
}

#[tokio::test]
async fn deep_json_nesting_beyond_the_limit_is_refused_on_every_surface() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for (path, body) in [
        ("/v1/chat/completions", format!(r#"{{"model": "demo", "messages": [], "x": {deep}}}"#)),
        ("/v1/embeddings", format!(r#"{{"model": "demo", "input": {deep}}}"#)),
        ("/sluicegate/v1/providers", format!(r#"{{"provider": {deep}}}"#)),
        ("/ml/gateway/v1/providers/openai", format!(r#"{{"name": "a", "data": {deep}}}"#)),
        // A million levels would end a reader that calls itself.
        ("/v1/chat/completions", "[".repeat(1 << 20)),
    ] {
        let (status, error) = sent(gateway.post(path, &Value::Null).body(body)).await;
        assert_eq!(status, 400, "{path}: {error}");
        assert!(error["error"]["message"].as_str().expect("a message").contains("nested"), "{path}: {error}");
    }

    let mut in_text = chat("demo", "Hi");
    in_text.extra_json.insert("x".into(), deep);
    let mut part = v1::Part::default();
    for _ in 0..200 {
        let result = v1::ToolResultPart { tool_call_id: "1".into(), parts: vec![part] };
        part = v1::Part { content: Some(v1::part::Content::ToolResult(result)), ..Default::default() };
    }
    let mut in_message = chat("demo", "Hi");
    in_message.messages[0].parts.push(part);
    for request in [in_text, in_message] {
        let status = gateway.client.inference().chat(request).await.expect_err("too deep");
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::InvalidArgument, "INVALID_REQUEST"),
            "{status:?}"
        );
    }
}

#[tokio::test]
async fn a_base_url_that_no_provider_can_have_is_refused_on_both_edges() {
    let gateway = start_gateway().await;
    for url in [
        "ftp://example.com",
        "file:///etc/passwd",
        "https://user:pass@example.com",
        "http://169.254.169.254/latest",
        "http://[::ffff:169.254.169.254]/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://2852039166/",
        "http://0xA9FEA9FE/",
        "http://0251.0376.0251.0376/",
        "http://169.254.43518/",
        "http://metadata.google.internal/",
        "http://[fe80::1]/",
    ] {
        let provider = v1::Provider {
            name: "east".into(),
            r#type: "custom".into(),
            base_url: url.into(),
            ..Default::default()
        };
        let request = v1::CreateProviderRequest { provider: Some(provider) };
        let status = gateway.client.providers().create_provider(request).await.expect_err(url);
        assert_eq!(
            (status.code(), field(&status).as_str()),
            (Code::InvalidArgument, "provider.base_url"),
            "{url}"
        );
        let body = json!({"name": "east", "data": {"base_url": url}});
        let (status, error) = sent(gateway.post("/ml/gateway/v1/providers/custom", &body)).await;
        assert_eq!((status, &error["error"]["param"]), (400, &json!("data.base_url")), "{url}: {error}");
    }
}

#[tokio::test]
async fn what_is_not_known_is_named_on_both_edges() {
    let gateway = start_gateway().await;
    let create = async |provider: v1::Provider| {
        let request = v1::CreateProviderRequest { provider: Some(provider) };
        gateway.client.providers().create_provider(request).await.expect_err("it is refused")
    };
    let status = create(v1::Provider { name: "a".into(), r#type: "nope".into(), ..Default::default() }).await;
    assert_eq!((status.code(), field(&status).as_str()), (Code::InvalidArgument, "provider.type"));
    let settings = [("regoin".to_owned(), "eu".to_owned())].into();
    let status =
        create(v1::Provider { name: "a".into(), r#type: "openai".into(), settings, ..Default::default() })
            .await;
    assert_eq!(field(&status), "provider.settings.regoin");
    let status = gateway.client.inference().chat(chat("nope", "Hi")).await.expect_err("no such model");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "MODEL_NOT_FOUND"));

    let provider = |body: Value| gateway.post("/sluicegate/v1/providers", &json!({"provider": body}));
    let (status, error) = sent(provider(json!({"name": "a", "type": "nope"}))).await;
    assert_eq!((status, &error["error"]["param"]), (400, &json!("provider.type")), "{error}");
    let (status, error) =
        sent(gateway.post("/ml/gateway/v1/providers/nope", &json!({"name": "a", "data": {}}))).await;
    assert_eq!((status, &error["error"]["param"]), (400, &json!("type")), "{error}");
    let body = json!({"name": "a", "data": {"apikey": "k", "regoin": "eu"}});
    let (status, error) = sent(gateway.post("/ml/gateway/v1/providers/openai", &body)).await;
    assert_eq!((status, &error["error"]["param"]), (400, &json!("data.regoin")), "{error}");
    for (path, model) in [
        ("/v1/completions", json!({"model": "nope", "prompt": "a"})),
        ("/v1/embeddings", json!({"model": "nope", "input": "a"})),
    ] {
        let (status, error) = sent(gateway.post(path, &model)).await;
        assert_eq!((status, &error["error"]["code"]), (404, &json!("model_not_found")), "{path}: {error}");
    }
}

#[tokio::test]
async fn headers_of_a_provider_are_sent_with_every_call() {
    let upstream = FakeUpstream::answering(chat_answer("Hello")).await;
    let gateway = start_gateway().await;
    let provider = v1::Provider {
        name: "east".into(),
        r#type: "custom".into(),
        base_url: upstream.base_url.clone(),
        headers: [("X-Team".to_owned(), "blue".to_owned())].into(),
        ..Default::default()
    };
    let request = v1::CreateProviderRequest { provider: Some(provider) };
    gateway.client.providers().create_provider(request).await.expect("the provider is created");
    gateway.add_model("east", "upstream-model", "m", None).await;
    gateway.client.inference().chat(chat("m", "Hi")).await.expect("an answer");
    assert!(upstream.requests()[0].head.contains("x-team: blue\r\n"), "{}", upstream.requests()[0].head);
    assert!(!upstream.requests()[0].head.contains(ADMIN_KEY));
}

/// 100 MiB of zeros are 100 KiB when compressed.
#[tokio::test]
async fn zip_bomb_an_answer_that_inflates_beyond_the_limit_is_refused() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..100 {
        encoder.write_all(&vec![b' '; 1 << 20]).expect("gzip");
    }
    let bomb = encoder.finish().expect("gzip");
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        bomb.len()
    );
    let upstream = FakeUpstream::answering([head.into_bytes(), bomb].concat()).await;
    let gateway = start_gateway().await;
    gateway.add_upstream("east", &upstream.base_url, "m").await;
    let status = gateway.client.inference().chat(chat("m", "Hi")).await.expect_err("too long");
    assert_eq!(reason(&status), "PROVIDER_BAD_ANSWER", "{status:?}");
    assert!(status.message().contains("longer than"), "{status:?}");
}
