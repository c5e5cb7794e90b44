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
        referenced: None,
        client: Clients::default().get(&Way::default()).unwrap(),
    }
}

fn asked(settings: &[(&str, &str)], secrets: &[(&str, &str)]) -> (String, Proof) {
    let secrets = secrets.iter().map(|(name, secret)| ((*name).to_owned(), (*secret).to_owned()));
    let exchange = exchange(&upstream(settings), &Credential::new(secrets.collect())).unwrap();
    (exchange.address.to_string(), exchange.proof)
}

#[test]
fn each_kind_of_ibm_is_asked_in_its_own_place() {
    let (key, password) = ([("apikey", "k+1")], [("password", "p\"1")]);
    for (settings, url, is_cloud) in [
        (&[][..], "https://iam.cloud.ibm.com/", true),
        (&[(AUTH_URL, "https://iam.test.example.com")], "https://iam.test.example.com/", true),
        (&[(AUTH_URL, "https://a.example.com/t/token")], "https://a.example.com/t/token", true),
        (&[(USERNAME, "anna")], "https://hub.example.com:8443/", false),
        (
            &[(USERNAME, "anna"), (AUTH_TYPE, "iam"), (AUTH_URL, "http://a.example.com/")],
            "http://a.example.com/",
            true,
        ),
        (&[(USERNAME, "anna"), (AUTH_URL, "https://login.example.com")], "https://login.example.com/", false),
    ] {
        let (address, proof) = asked(settings, &key);
        assert_eq!(address, url, "{settings:?}");
        match proof {
            Proof::CloudKey(key) => assert!(is_cloud && key.expose() == "k+1", "{settings:?}"),
            Proof::HubKey { username, key } => {
                assert!(!is_cloud && username == "anna" && key.expose() == "k+1", "{settings:?}");
            }
            Proof::HubPassword { .. } => panic!("there is a key: {settings:?}"),
        }
    }
    let (_, proof) = asked(&[(USERNAME, "anna")], &password);
    let Proof::HubPassword { username, password } = proof else { panic!("there is no key") };
    assert_eq!((username.as_str(), password.expose()), ("anna", "p\"1"));
}

#[test]
fn a_password_without_a_user_says_what_is_missing() {
    let credential = Credential::new([("password".to_owned(), "p".to_owned())].into());
    for settings in [&[][..], &[(AUTH_TYPE, "cp4d")]] {
        let error = exchange(&upstream(settings), &credential).unwrap_err();
        assert_eq!(error.reason(), Reason::ProviderAuthFailed);
        assert!(error.message().contains("username"), "{error}");
    }
}
