use std::sync::Arc;

use http::HeaderMap;

use super::*;
use crate::{
    http::{Clients, Way},
    providers::{AUTH_TYPE, Settings, provider_type},
};

fn upstream(settings: &[(&str, &str)]) -> Upstream {
    let settings: Settings =
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Upstream {
        id: "p".into(),
        name: "p".into(),
        provider_type: provider_type("watsonxai").unwrap(),
        base_url: Url::parse("https://hub.example.com:8443/below").unwrap(),
        control_url: Url::parse("https://hub.example.com:8443/below").unwrap(),
        settings,
        headers: HeaderMap::new(),
        credential: None,
        token: Arc::default(),
        client: Clients::default().get(&Way::default()).unwrap(),
    }
}

fn asked(settings: &[(&str, &str)], secrets: &[(&str, &str)]) -> (String, String) {
    let secrets = secrets.iter().map(|(name, secret)| ((*name).to_owned(), (*secret).to_owned()));
    let request = request(&upstream(settings), &Credential::new(secrets.collect())).unwrap();
    let body = request.body().and_then(reqwest::Body::as_bytes).unwrap();
    (request.url().to_string(), String::from_utf8(body.to_vec()).unwrap())
}

#[test]
fn each_kind_of_ibm_is_asked_in_its_own_way() {
    let form = "grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey&apikey=k%2B1";
    let hub = r#"{"username":"anna","api_key":"k+1"}"#;
    let (key, password) = ([("apikey", "k+1")], [("password", "p\"1")]);
    for (settings, url, body) in [
        (&[][..], "https://iam.cloud.ibm.com/identity/token", form),
        (&[(AUTH_URL, "https://iam.test.example.com")], "https://iam.test.example.com/identity/token", form),
        (&[(AUTH_URL, "https://a.example.com/t/token")], "https://a.example.com/t/token", form),
        (&[(USERNAME, "anna")], "https://hub.example.com:8443/icp4d-api/v1/authorize", hub),
        (
            &[(USERNAME, "anna"), (AUTH_TYPE, "iam"), (AUTH_URL, "http://a.example.com/")],
            "http://a.example.com/identity/token",
            form,
        ),
        (
            &[(USERNAME, "anna"), (AUTH_URL, "https://login.example.com")],
            "https://login.example.com/icp4d-api/v1/authorize",
            hub,
        ),
    ] {
        assert_eq!(asked(settings, &key), (url.to_owned(), body.to_owned()), "{settings:?}");
    }
    let (_, body) = asked(&[(USERNAME, "anna")], &password);
    assert_eq!(body, r#"{"username":"anna","password":"p\"1"}"#);
}

#[test]
fn a_password_without_a_user_says_what_is_missing() {
    let credential = Credential::new([("password".to_owned(), "p".to_owned())].into());
    for settings in [&[][..], &[(AUTH_TYPE, "cp4d")]] {
        let error = request(&upstream(settings), &credential).unwrap_err();
        assert_eq!(error.reason(), Reason::ProviderAuthFailed);
        assert!(error.message().contains("username"), "{error}");
    }
}

#[test]
fn the_life_of_a_token_is_what_the_answer_or_the_token_says() {
    let claims = |claims: &str| format!("head.{}.tail", URL_SAFE_NO_PAD.encode(claims));
    let signed = claims(r#"{"sub":"anna","iat":1700000000,"exp":1700043200}"#);
    for (body, life) in [
        (r#"{"access_token":"a","expires_in":3600,"expiration":1700003600}"#.to_owned(), 3600),
        (format!(r#"{{"_messageCode_":"200","message":"Success","token":"{signed}"}}"#), 43_200),
        (r#"{"token":"opaque"}"#.to_owned(), 600),
        (format!(r#"{{"token":"{}"}}"#, claims(r#"{"iat":5,"exp":3}"#)), 600),
        (r#"{"access_token":"a","expires_in":99999999}"#.to_owned(), 86_400),
    ] {
        let fresh = read(StatusCode::OK, body.as_bytes()).unwrap();
        assert_eq!(fresh.life, Duration::from_secs(life), "{body}");
    }
}

#[test]
fn a_bad_key_is_not_an_outage() {
    let iam = br#"{"errorCode":"BXNIM0415E","errorMessage":"Provided API key could not be found."}"#;
    let cases: [(u16, &[u8], Reason, &str); 6] = [
        (400, iam, Reason::ProviderAuthFailed, "BXNIM0415E): Provided API key could not be found."),
        (401, br#"{"message":"User unauthorized"}"#, Reason::ProviderAuthFailed, "User unauthorized"),
        (429, b"slow down", Reason::ProviderUnavailable, "slow down"),
        (503, b"", Reason::ProviderUnavailable, "without a message"),
        (302, b"", Reason::ProviderUnavailable, "redirects are not followed"),
        (200, b"<html>", Reason::ProviderUnavailable, "holds no token"),
    ];
    for (status, body, reason, says) in cases {
        let Err(error) = read(StatusCode::from_u16(status).unwrap(), body) else { panic!("{status}") };
        assert_eq!(error.reason(), reason, "{status}");
        assert!(error.message().contains(says), "{error}");
    }
}
