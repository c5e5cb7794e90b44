//! What of a connection is refused, and what is kept.

use serde_json::json;
use sluicegate_client::v1::{Connection, Provider};
use tonic_types::StatusExt as _;

use super::{provider, secrets};
use crate::{
    authority::Authority,
    rest::sent,
    support::{ADMIN_KEY, TestGateway, config, start_gateway},
};

const HERE: &str = "https://127.0.0.1:9/v1";
const KEY: &str = "credential.inline.values.client_key_pem";

/// The field that an error names, without what all have in front.
fn field(status: &tonic::Status) -> String {
    let violations = status.get_details_bad_request().expect("a violation").field_violations;
    let field = violations[0].field.strip_prefix("provider.connection.").expect("of the connection");
    field.to_owned()
}

async fn refused(gateway: &TestGateway, name: &str, connection: Connection) -> String {
    let status = gateway.try_provider(provider("a", HERE, connection)).await.expect_err(name);
    assert_eq!(status.code(), tonic::Code::InvalidArgument, "{name}: {status:?}");
    assert!(!status.message().contains("canary"), "{name}: {status:?}");
    field(&status)
}

#[tokio::test]
async fn certificates_and_keys_that_cannot_be_used_are_named() {
    let gateway = start_gateway().await;
    let authority = Authority::new();
    let (own, other) = (authority.vouch_for("a.example"), authority.vouch_for("b.example"));
    let broken = own.certificate.replace("MII", "*II");
    let hollow = "-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n";
    let no_key = "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n";
    let encrypted = no_key.replace("PRIVATE", "ENCRYPTED PRIVATE");
    let both = format!("{}{}", own.certificate, own.key);
    let large = "x".repeat((256 << 10) + 1);

    for pem in ["canary", &broken, hollow, &both, &large] {
        let connection = Connection { ca_bundle_pem: pem.into(), ..Default::default() };
        assert_eq!(refused(&gateway, pem, connection).await, "ca_bundle_pem");
    }
    for (certificate, key, named) in [
        ("canary", own.key.as_str(), "client_certificate_pem"),
        (&broken, &own.key, "client_certificate_pem"),
        (&both, &own.key, "client_certificate_pem"),
        (&large, &own.key, "client_certificate_pem"),
        (&own.certificate, "canary", KEY),
        (&own.certificate, no_key, KEY),
        (&own.certificate, &encrypted, KEY),
        (&own.certificate, &other.key, KEY),
        (&own.certificate, &large, KEY),
        (&own.certificate, "", KEY),
        ("", &own.key, KEY),
    ] {
        let connection = Connection {
            client_certificate_pem: certificate.into(),
            credential: secrets(&[("client_key_pem", key)]),
            ..Default::default()
        };
        assert_eq!(refused(&gateway, &format!("{certificate} {key}"), connection).await, named);
    }
    let keyless = Connection { client_certificate_pem: own.certificate.clone(), ..Default::default() };
    assert_eq!(refused(&gateway, "no key", keyless).await, KEY);
}

#[tokio::test]
async fn a_proxy_that_cannot_be_used_is_named() {
    let gateway = start_gateway().await;
    for url in [
        "proxy.example:3128",
        "socks5://proxy.example",
        "http://user:canary@proxy.example",
        "http://169.254.169.254",
        "http://[::ffff:a9fe:a9fe]:3128",
        "http://2852039166",
        "http://metadata.google.internal",
        "http://proxy.example/path",
        "http://proxy.example?x=1",
    ] {
        let connection = Connection { proxy_url: url.into(), ..Default::default() };
        assert_eq!(refused(&gateway, url, connection).await, "proxy_url", "{url}");
    }
    let proxy = "http://proxy.example:3128";
    for (proxy, given, named) in [
        ("", vec![("proxy_password", "canary")], "proxy_password"),
        (proxy, vec![("proxy_password", "canary")], "proxy_username"),
        (proxy, vec![("proxy_username", "a:b")], "proxy_username"),
        (proxy, vec![("proxy_username", "a"), ("proxy_password", "canary\n")], "proxy_password"),
        (proxy, vec![("apikey", "canary")], "apikey"),
    ] {
        let connection =
            Connection { proxy_url: proxy.into(), credential: secrets(&given), ..Default::default() };
        let named = format!("credential.inline.values.{named}");
        assert_eq!(refused(&gateway, &named, connection).await, named);
    }
    for count in [-1, 17] {
        let connection = Connection { http2_connections: count, ..Default::default() };
        assert_eq!(refused(&gateway, "http2", connection).await, "http2_connections");
    }
    let plain = Connection { proxy_url: proxy.into(), http2_connections: 1, ..Default::default() };
    let status = gateway.try_provider(provider("a", "http://127.0.0.1:9/v1", plain)).await.expect_err("no");
    assert_eq!(field(&status), "http2_connections");
    let built_in = Provider {
        r#type: "demo".into(),
        base_url: String::new(),
        ..provider("a", "", Connection { http2_connections: 1, ..Default::default() })
    };
    let status = gateway.try_provider(built_in).await.expect_err("no");
    assert!(status.message().contains("built into"), "{status:?}");
}

/// Whoever may change providers could read the credential at a proxy of his own.
#[tokio::test]
async fn stored_secrets_do_not_follow_to_another_proxy() {
    let gateway = start_gateway().await;
    let through = |proxy: &str, given: &[(&str, &str)]| {
        let credential = if given.is_empty() { None } else { secrets(given) };
        Some(Connection { proxy_url: proxy.into(), credential, ..Default::default() })
    };
    let east = [("proxy_username", "east"), ("proxy_password", "canary-0123456789")];
    let made = Provider {
        credential: secrets(&[("apikey", "sk-canary-0123456789")]),
        connection: None,
        ..provider("a", "http://127.0.0.1:9/v1", Connection::default())
    };
    let made = gateway.try_provider(made).await.expect("a provider");
    let missing = async |provider: &Provider| {
        let status = gateway.update_provider(provider.clone()).await.expect_err("it is refused");
        status.get_details_bad_request().expect("a violation").field_violations[0].field.clone()
    };

    let moved = Provider { connection: through("http://proxy.example:1", &east), ..made };
    assert_eq!(missing(&moved).await, "provider.credential");
    let moved = Provider { credential: secrets(&[("apikey", "sk-canary-0123456789")]), ..moved };
    let stored = gateway.update_provider(moved).await.expect("with all secrets it may");
    assert_eq!(stored.connection.as_ref().expect("it").credential_hint["proxy_password"], "...6789");

    let again = Provider { connection: through("http://proxy.example:2", &[]), ..stored.clone() };
    assert_eq!(missing(&again).await, "provider.credential");
    let again = Provider { credential: secrets(&[("apikey", "sk-canary-0123456789")]), ..again };
    assert_eq!(missing(&again).await, "provider.connection.credential");
    let elsewhere = Provider { base_url: "http://127.0.0.1:10/v1".into(), ..again };
    assert_eq!(missing(&elsewhere).await, "provider.connection.credential");

    let stays = Provider { connection: through("http://proxy.example:1", &[]), ..stored.clone() };
    let stays = gateway.update_provider(stays).await.expect("the same proxy");
    assert_eq!(stays.connection.as_ref().expect("it").credential_hint.len(), 2, "unsaid secrets stay");
    let direct = gateway.update_provider(Provider { connection: None, ..stays }).await.expect("no proxy");
    assert_eq!(direct.connection, None);
    assert_eq!(direct.credential_hint.len(), 1, "secrets of no use are gone, the others stay");
    let back = Provider { connection: through("http://proxy.example:1", &[]), ..direct };
    assert_eq!(missing(&back).await, "provider.credential");
}

#[tokio::test]
async fn a_connection_is_told_over_rest_and_kept_by_clients_that_do_not_know_it() {
    let gateway = start_gateway().await;
    let connection = json!({
        "proxyUrl": "http://proxy.example:3128/",
        "credential": {"inline": {"values": {"proxyUsername": "no"}}},
    });
    let body = |connection: &serde_json::Value| {
        json!({"provider": {"name": "a", "type": "openai", "connection": connection,
            "credential": {"inline": {"values": {"apikey": "sk-canary-0123456789"}}}}})
    };
    let (status, error) = sent(gateway.request("POST", "/sluicegate/v1/providers", body(&connection))).await;
    assert_eq!(status, 400, "{error}");
    assert_eq!(error["error"]["param"], "provider.connection.credential.inline.values.proxyUsername");

    let mut connection = connection;
    connection["credential"] = json!({"inline": {"values": {"proxy_username": "gateway-of-east"}}});
    let (status, made) = sent(gateway.request("POST", "/sluicegate/v1/providers", body(&connection))).await;
    assert_eq!(status, 201, "{made}");
    let expected = json!({
        "proxyUrl": "http://proxy.example:3128",
        "credentialHint": {"proxy_username": "...ast"},
    });
    assert_eq!(made["provider"]["connection"], expected);

    let path = format!("/ml/gateway/v1/providers/{}", made["provider"]["id"].as_str().expect("an id"));
    let (_, read) = sent(gateway.request("GET", &path, serde_json::Value::Null)).await;
    assert!(!read.to_string().contains("proxy"), "it has no place there: {read}");
    let replaced = json!({"name": "b", "data": {"apikey": "sk-another-0123456789"}});
    let (status, answer) = sent(gateway.request("PUT", &format!("{path}/openai"), replaced)).await;
    assert_eq!(status, 200, "{answer}");
    let (_, kept) = sent(gateway.request("GET", "/sluicegate/v1/providers/b", serde_json::Value::Null)).await;
    assert_eq!(kept["provider"]["connection"], expected);
    assert_eq!(kept["provider"]["credentialHint"], json!({"apikey": "...6789"}));
}

#[tokio::test]
async fn a_seed_file_states_a_connection_once() {
    let data = tempfile::tempdir().expect("a folder");
    let seed = data.path().join("seed.json");
    let text = json!([{"createProvider": {"provider": {
        "name": "a", "type": "custom", "baseUrl": HERE,
        "connection": {
            "proxyUrl": "http://proxy.example:3128",
            "credential": {"inline": {"values": {"proxy_username": "east", "proxy_password": "canary-0123"}}},
        },
    }}}]);
    std::fs::write(&seed, text.to_string()).expect("the seed file");
    let mut etags = Vec::new();
    for _ in 0..2 {
        let flags = ["--config", seed.to_str().expect("UTF-8")];
        let mut config = config(&data.path().join("data"), &flags);
        config.secrets.admin_key = Some(sluicegate::secret::Secret::new(ADMIN_KEY.to_owned()));
        let app = sluicegate::app::App::start(config).await.expect("the gateway starts");
        let client = sluicegate_client::Gateway::connect(&app.url(), ADMIN_KEY).await;
        let request = sluicegate_client::v1::GetProviderRequest { id: "a".into() };
        let read = client.expect("a client").providers().get_provider(request).await.expect("a provider");
        etags.push(read.into_inner().provider.expect("a provider").etag);
        app.stop().await;
    }
    assert_eq!(etags[0], etags[1], "what is so already is not changed");
}
