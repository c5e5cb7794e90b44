//! What is spoken behind TLS.

use std::sync::Arc;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::Notify,
};

use super::{Files, dial, made, self_signed};
use crate::{
    grpc::{web_frames, web_request},
    support::{
        ADMIN_KEY, FakeUpstream, PATIENCE, Step, chat, clean_end, finish_event, piece, stream_head,
        text_event, trusting,
    },
};

#[tokio::test]
async fn every_protocol_is_served_behind_a_certificate_of_our_own() {
    let gateway = self_signed(&[]).await;
    gateway.add_demo().await;
    let mut chunks = gateway.client.inference().stream_chat(chat("demo", "Hi")).await.unwrap().into_inner();
    let mut text = String::new();
    while let Some(chunk) = chunks.message().await.unwrap() {
        text += &sluicegate_client::text(&chunk);
    }
    assert!(!text.is_empty());

    let body = json!({"model": "demo", "messages": [{"role": "user", "content": "Hi"}]});
    let answer = gateway.post("/v1/chat/completions", &body).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_2));

    let answer = web_request(&gateway, "Inference/StreamChat", ADMIN_KEY, &chat("demo", "Hi"));
    let frames = web_frames(&answer.send().await.unwrap().bytes().await.unwrap());
    assert!(String::from_utf8_lossy(&frames.last().unwrap().1).contains("grpc-status:0"), "{frames:?}");
}

#[tokio::test]
async fn the_best_protocol_that_both_speak_is_chosen() {
    let gateway = self_signed(&[]).await;
    let trusted = made(&gateway);
    for (offered, chosen) in [
        (&["http/1.1", "h2"][..], Some("h2")),
        (&["h2"], Some("h2")),
        (&["spdy/3", "http/1.1"], Some("http/1.1")),
        (&[], None),
    ] {
        let stream = dial(&gateway.url, &trusted, offered).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), chosen.map(str::as_bytes), "{offered:?}");
    }
    let error = dial(&gateway.url, &trusted, &["spdy/3"]).await.unwrap_err();
    assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
}

#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken() {
    let gateway = self_signed(&[]).await;
    for version in [reqwest::tls::Version::TLS_1_2, reqwest::tls::Version::TLS_1_3] {
        let client = trusting(&made(&gateway)).tls_version_min(version).tls_version_max(version);
        let answer = client.build().unwrap().get(format!("{}/readyz", gateway.url)).send().await;
        assert_eq!(answer.unwrap().status(), 200, "{version:?}");
    }
}

#[tokio::test]
async fn a_piece_of_a_stream_leaves_when_it_is_there() {
    let gate = Arc::new(Notify::new());
    let held = Arc::clone(&gate);
    let upstream = FakeUpstream::start(move |_| {
        let first = [stream_head(), piece(text_event("one"))].concat();
        let rest = [piece(text_event("two")), piece(finish_event()), piece("data: [DONE]\n\n"), clean_end()];
        vec![Step::Send(first), Step::Gate(Arc::clone(&held)), Step::Send(rest.concat())]
    })
    .await;
    let gateway = self_signed(&[]).await;
    gateway.add_upstream("east", &upstream.base_url, "m").await;
    for client in [trusting(&made(&gateway)).http1_only(), trusting(&made(&gateway))] {
        let body = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "Hi"}]});
        let request = client.build().unwrap().post(format!("{}/v1/chat/completions", gateway.url));
        let mut answer = request.bearer_auth(ADMIN_KEY).body(body.to_string()).send().await.unwrap();
        let mut text = String::new();
        while !text.contains("one") {
            let piece = tokio::time::timeout(PATIENCE, answer.chunk()).await.unwrap().unwrap();
            text += &String::from_utf8_lossy(&piece.unwrap());
        }
        gate.notify_one();
        while let Some(piece) = answer.chunk().await.unwrap() {
            text += &String::from_utf8_lossy(&piece);
        }
        assert!(text.contains("two") && text.ends_with("data: [DONE]\n\n"), "{text}");
    }
}

#[tokio::test]
async fn who_trusts_another_or_calls_another_name_is_not_deceived() {
    let (files, other) = (Files::new(), Files::new());
    let gateway = files.gateway().await;
    let get = |pem: String, host: &'static str| {
        let client =
            trusting(&pem).resolve(host, gateway.url.trim_start_matches("https://").parse().unwrap());
        let port = gateway.url.rsplit(':').next().unwrap().to_owned();
        async move { client.build().unwrap().get(format!("https://{host}:{port}/readyz")).send().await }
    };
    assert!(get(files.authority.pem(), "localhost").await.is_ok());
    for (pem, host) in [(other.authority.pem(), "localhost"), (files.authority.pem(), "other.example")] {
        let error = get(pem, host).await.unwrap_err();
        assert!(format!("{error:?}").contains("InvalidCertificate"), "{error:?}");
    }
    let refused =
        sluicegate_client::Gateway::connect_trusting(&other.authority.pem(), &gateway.url, ADMIN_KEY).await;
    assert!(refused.is_err());
    assert!(sluicegate_client::Gateway::connect(&gateway.url, ADMIN_KEY).await.is_err());
}

#[tokio::test]
async fn the_drain_says_farewell_to_idle_connections() {
    let gateway = self_signed(&[]).await;
    let mut idle = dial(&gateway.url, &made(&gateway), &["http/1.1"]).await.unwrap();
    idle.write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut heard = Vec::new();
    while !heard.ends_with(b"ready\n") {
        assert_ne!(idle.read_buf(&mut heard).await.unwrap(), 0);
    }
    let mut shaking = super::connect(&gateway.url).await;
    shaking.write_all(&[0x16, 3, 1]).await.unwrap();
    tokio::time::timeout(PATIENCE, gateway.app.stop()).await.expect("nobody holds it up");
    // An end without a farewell is an error.
    assert_eq!(idle.read_buf(&mut heard).await.unwrap(), 0);
}
