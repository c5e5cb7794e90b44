//! Signatures that others have made: the first is of AWS's published suite (`get-vanilla`), the rest are botocore's.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use http::{HeaderMap, Method};
use url::Url;

use super::*;
use crate::{
    http::{Clients, Way},
    providers::provider_type,
    secrets::Credential,
};

/// 30 August 2015, 12:36:00 UTC.
const NOW: Duration = Duration::from_secs(1_440_938_160);

fn upstream(region: Option<&str>) -> Upstream {
    let url = Url::parse("https://bedrock-runtime.us-east-1.amazonaws.com").unwrap();
    Upstream {
        id: "p".into(),
        name: "aws".into(),
        provider_type: provider_type("bedrock").unwrap(),
        base_url: url.clone(),
        control_url: url,
        settings: region.map(|region| (AWS_REGION.to_owned(), region.to_owned())).into_iter().collect(),
        headers: HeaderMap::new(),
        credential: None,
        token: Arc::default(),
        referenced: None,
        client: Clients::default().get(&Way::default()).unwrap(),
    }
}

fn credential(token: Option<&str>) -> Credential {
    let mut secrets = BTreeMap::from([
        ("access_key_id".to_owned(), "AKIDEXAMPLE".to_owned()),
        ("secret_access_key".to_owned(), "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned()),
    ]);
    secrets.extend(token.map(|token| ("session_token".to_owned(), token.to_owned())));
    Credential::new(secrets)
}

fn request(method: Method, url: &str, body: &'static str) -> reqwest::Request {
    let mut request = reqwest::Request::new(method, Url::parse(url).unwrap());
    if !body.is_empty() {
        request.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
        *request.body_mut() = Some(body.into());
    }
    request
}

#[test]
fn signatures_are_those_that_aws_would_make() {
    const MODEL: &str = "https://bedrock-runtime.us-east-1.amazonaws.com/model";
    const OWN: &str = "http://127.0.0.1:8081/aws/model";
    for (service, method, url, body, token, headers, signature) in [
        (
            "service",
            Method::GET,
            "https://example.amazonaws.com/".to_owned(),
            "",
            None,
            "host;x-amz-date",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            "bedrock",
            Method::POST,
            format!("{MODEL}/anthropic.claude-3-haiku-20240307-v1%3A0/converse"),
            r#"{"messages":[]}"#,
            None,
            "content-type;host;x-amz-date",
            "dba7f2f77cc33808be655f27b8ebf1d1b1d77751fc96dad0bd71e020cb07c442",
        ),
        (
            "bedrock",
            Method::POST,
            format!(
                "{OWN}/arn%3Aaws%3Abedrock%3Aus-east-1%3A000000000000%3Ainference-profile%2Fus.amazon.nova-pro-v1\
                 %3A0/converse-stream"
            ),
            r#"{"messages":[]}"#,
            Some("TOKEN/+=="),
            "content-type;host;x-amz-date;x-amz-security-token",
            "a50744d2ad8a1b2392e50c7b2634a06159d4d43bde4f9ef968b48e762bbb8a2e",
        ),
        (
            "bedrock",
            Method::GET,
            "https://bedrock.us-east-1.amazonaws.com/foundation-models?byProvider=a%20b".to_owned(),
            "",
            None,
            "host;x-amz-date",
            "5bdceb676475c5af75c0eb95f06447b141c464e4a10229dbab191e2de0d98cbf",
        ),
    ] {
        let mut request = request(method, &url, body);
        let to = upstream(Some("us-east-1"));
        authorize(&to, service, &credential(token), &mut request, UNIX_EPOCH + NOW).unwrap();
        let sent = request.headers();
        let expected = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/{service}/aws4_request, \
             SignedHeaders={headers}, Signature={signature}"
        );
        assert_eq!(sent["authorization"].to_str().unwrap(), expected, "{url}");
        assert_eq!(sent["x-amz-date"], "20150830T123600Z");
        assert_eq!(sent.get("x-amz-security-token").map(|value| value.to_str().unwrap()), token);
        assert!(sent["authorization"].is_sensitive(), "it must not be logged");
    }
}

#[test]
fn nothing_is_signed_without_a_region() {
    let mut request = request(Method::GET, "https://example.com/", "");
    let error =
        authorize(&upstream(None), "bedrock", &credential(None), &mut request, UNIX_EPOCH + NOW).unwrap_err();
    assert_eq!(error.reason(), Reason::ProviderAuthFailed);
    assert!(error.message().contains("region"), "{error}");
    assert!(request.headers().is_empty());
}
