//! Every way to send a key or a token, on both edges, and everything that only looks like one.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use sluicegate_client::v1::AccessRole;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tonic::{Code, metadata::MetadataMap};
use tonic_types::StatusExt as _;

use crate::support::{TestGateway, start_gateway};

/// A token for the holder of a key.
async fn token(gateway: &TestGateway, key: &str) -> String {
    let body = json!({"username": "ann", "api_key": key}).to_string();
    let request = gateway.http.post(format!("{}/icp4d-api/v1/authorize", gateway.url)).body(body);
    let text = request.send().await.expect("an answer").text().await.expect("a body");
    let body: Value = serde_json::from_str(&text).expect("JSON");
    body["token"].as_str().expect("a token").to_owned()
}

fn headers(name: &str, value: impl AsRef<[u8]>) -> HeaderMap {
    let name = HeaderName::try_from(name).expect("a name");
    HeaderMap::from_iter([(name, HeaderValue::from_bytes(value.as_ref()).expect("a value"))])
}

async fn rest(gateway: &TestGateway, headers: HeaderMap) -> u16 {
    let request = gateway.http.get(format!("{}/v1/models", gateway.url)).headers(headers);
    request.send().await.expect("an answer").status().as_u16()
}

/// The code and the reason of a call with these headers.
async fn grpc(gateway: &TestGateway, headers: HeaderMap) -> (Code, String) {
    let channel = tonic::transport::Endpoint::from_shared(gateway.url.clone()).expect("a URL");
    let mut client = tonic::client::Grpc::new(channel.connect().await.expect("a connection"));
    client.ready().await.expect("ready");
    let request = tonic::Request::from_parts(MetadataMap::from_headers(headers), Default::default(), ());
    let path = http::uri::PathAndQuery::from_static("/sluicegate.v1.ModelCatalog/ListModels");
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    match client.unary(request, path, codec).await {
        Ok(_) => (Code::Ok, String::new()),
        Err(status) => {
            let info = status.get_error_details().error_info().map(|info| info.reason.clone());
            (status.code(), info.unwrap_or_default())
        }
    }
}

#[tokio::test]
async fn keys_and_tokens_are_taken_in_every_form_on_both_edges() {
    let gateway = start_gateway().await;
    let key = gateway.key(AccessRole::User).await;
    let token = token(&gateway, &key).await;
    for secret in [&key, &token] {
        let pair = STANDARD.encode(format!("ann:{secret}"));
        for (name, value) in [
            ("authorization", format!("Bearer {secret}")),
            ("authorization", format!("bearer   {secret}")),
            ("authorization", format!("Basic {secret}")),
            ("authorization", format!("Basic {pair}")),
            ("authorization", format!("Basic {}", STANDARD.encode(format!("{secret}:")))),
            ("authorization", format!("ZenApiKey {secret}")),
            ("authorization", format!("ZenApiKey {pair}")),
            ("x-api-key", secret.clone()),
            ("api-key", secret.clone()),
        ] {
            assert_eq!(rest(&gateway, headers(name, &value)).await, 200, "{name}: {value}");
            assert_eq!(grpc(&gateway, headers(name, &value)).await.0, Code::Ok, "{name}: {value}");
        }
    }
}

#[tokio::test]
async fn forged_tokens_are_refused_on_both_edges() {
    let gateway = start_gateway().await;
    let key = gateway.key(AccessRole::User).await;
    let good = token(&gateway, &key).await;
    let (signed, signature) = good.rsplit_once('.').expect("a signature");
    let (head, claims) = signed.split_once('.').expect("two parts");
    let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let mut changed: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    changed["exp"] = json!(u32::MAX);
    let longer = encode(changed);
    let none = encode(json!({"typ": "JWT", "alg": "none"}));
    let rs256 = encode(json!({"typ": "JWT", "alg": "RS256"}));
    let mut forged = vec![
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{rs256}.{claims}.{signature}"),
        format!("{head}.{longer}.{signature}"),
        format!("{head}.{claims}."),
        format!("{head}.{claims}"),
        format!("{head}.{claims}.{signature}.{signature}"),
        format!("{good}{}", "A".repeat(5000)),
    ];
    // Whoever knows these does not know the key that signs.
    for guess in [&*key, "", "sluicegate", head] {
        let head: jsonwebtoken::Header =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head).unwrap()).unwrap();
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        let signer = jsonwebtoken::EncodingKey::from_secret(guess.as_bytes());
        forged.push(jsonwebtoken::encode(&head, &claims, &signer).unwrap());
    }
    for token in forged {
        let bearer = headers("authorization", format!("Bearer {token}"));
        assert_eq!(rest(&gateway, bearer.clone()).await, 401, "{token}");
        // Twenty wrong ones would be too many for this address.
        if token.ends_with('.') {
            assert_eq!(grpc(&gateway, bearer).await, (Code::Unauthenticated, "UNAUTHENTICATED".into()));
        }
    }
    assert_eq!(rest(&gateway, headers("authorization", format!("Bearer {good}"))).await, 200);
}

#[tokio::test]
async fn strange_headers_are_refused_and_the_gateway_lives() {
    let (gateway, other) = (start_gateway().await, start_gateway().await);
    let strange: &[&[u8]] = &[
        b"Bearer ' OR '1'='1",
        b"Bearer '; DROP TABLE records; --",
        b"Basic =",
        b"Basic ====",
        b"Basic Og==",
        b"Basic AAAA",
        b"ZenApiKey \xff\xfe",
        b"Bearer \xc3\xbc\xf0\x9f\x98\x80",
        b"Bearer ..",
        b"Bearer e30.e30.",
        b"Bearer eyJhbGciOiJIUzI1NiJ9.e30.AAAA",
        b"Negotiate AAAA",
        b"Bearer\tx",
    ];
    let nul = format!("Basic {}", STANDARD.encode(b"ann:\0\0\0\0"));
    for value in strange.iter().copied().chain([nul.as_bytes()]) {
        let headers = headers("authorization", value);
        assert_eq!(rest(&gateway, headers.clone()).await, 401, "{}", value.escape_ascii());
        // One for each edge: twenty wrong keys would be too many for their address.
        assert_eq!(grpc(&other, headers).await.0, Code::Unauthenticated, "{}", value.escape_ascii());
    }
    assert_eq!(rest(&gateway, HeaderMap::new()).await, 401);
}

#[tokio::test]
async fn a_header_of_a_megabyte_is_refused_and_the_gateway_lives() {
    let gateway = start_gateway().await;
    let address = gateway.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head = format!("GET /v1/models HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer ");
    // It may be closed while this is on its way.
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all("x".repeat(1 << 20).as_bytes()).await;
    let _ = stream.write_all(b"\r\n\r\n").await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431 "), "{}", answer.escape_ascii());
    let long = headers("authorization", format!("Bearer {}", "x".repeat(60_000)));
    assert_eq!(rest(&gateway, long).await, 401);
    let key = gateway.key(AccessRole::User).await;
    assert_eq!(rest(&gateway, headers("authorization", format!("Bearer {key}"))).await, 200);
}
