use super::*;

const ASKED: Asked = Asked {
    who: "the identity service",
    refused: Reason::ProviderAuthFailed,
    away: Reason::ProviderUnavailable,
};

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

#[test]
fn each_kind_of_ibm_is_asked_in_its_own_way() {
    let username = || "anna".to_owned();
    let form = "grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey&apikey=k%2B1";
    let hub = "https://a.example.com/icp4d-api/v1/authorize";
    let cases = [
        (
            Proof::CloudKey(secret("k+1")),
            "https://a.example.com",
            "https://a.example.com/identity/token",
            form,
        ),
        (
            Proof::CloudKey(secret("k+1")),
            "https://a.example.com/t/token",
            "https://a.example.com/t/token",
            form,
        ),
        (
            Proof::HubKey { username: username(), key: secret("k+1") },
            "https://a.example.com/",
            hub,
            r#"{"username":"anna","api_key":"k+1"}"#,
        ),
        (
            Proof::HubPassword { username: username(), password: secret("p\"1") },
            "https://a.example.com",
            hub,
            r#"{"username":"anna","password":"p\"1"}"#,
        ),
    ];
    for (proof, address, url, body) in cases {
        let exchange = TokenExchange {
            address: Url::parse(address).unwrap(),
            proof,
            refused: ASKED.refused,
            away: ASKED.away,
        };
        let request = exchange.request();
        assert_eq!(request.url().as_str(), url);
        assert_eq!(request.body().and_then(reqwest::Body::as_bytes), Some(body.as_bytes()));
        assert!(!format!("{exchange:?}").contains(exchange.proof.secret().expose()));
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
        let fresh = read(ASKED, body.as_bytes()).unwrap();
        assert_eq!(fresh.life, Duration::from_secs(life), "{body}");
    }
}

#[test]
fn an_answer_without_a_token_is_an_outage() {
    let Err(error) = read(ASKED, b"<html>") else { panic!("there is no token") };
    assert_eq!(error.reason(), Reason::ProviderUnavailable);
    assert!(error.message().contains("holds no token"), "{error}");
}
