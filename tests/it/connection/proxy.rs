//! Calls through a proxy.

use std::sync::{Arc, Mutex};

use sluicegate_client::v1::Connection;
use tokio::{
    io::{AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use super::{provider, secrets};
use crate::{
    authority::Authority,
    faults::reason,
    support::{FakeUpstream, Step, chat, chat_answer, read_request, spawn, start_gateway},
};

/// `Basic` with `east:open sesame`, as RFC 7617 has it.
const BASIC: &str = "proxy-authorization: Basic ZWFzdDpvcGVuIHNlc2FtZQ==";

/// A proxy that tunnels and forwards where the credential is right.
struct Proxy {
    url: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                spawn(serve(stream, Arc::clone(&seen)));
            }
        });
        Self { url, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("not poisoned").clone()
    }
}

async fn serve(mut stream: TcpStream, heads: Arc<Mutex<Vec<String>>>) {
    let mut buffer = Vec::new();
    let Some(request) = read_request(&mut stream, &mut buffer).await else { return };
    heads.lock().expect("not poisoned").push(request.head.clone());
    if !request.head.contains(BASIC) {
        let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(refusal).await.expect("written");
        return;
    }
    let host = request.path.trim_start_matches("http://").split('/').next().expect("a host").to_owned();
    let mut upstream = TcpStream::connect(host).await.expect("the upstream");
    if request.method == "CONNECT" {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("written");
    } else {
        upstream.write_all(request.head.as_bytes()).await.expect("written");
        upstream.write_all(&request.body).await.expect("written");
    }
    // Ends with either side.
    let _ = copy_bidirectional(&mut stream, &mut upstream).await;
}

fn through(proxy: &Proxy, password: &str) -> Connection {
    Connection {
        proxy_url: proxy.url.clone(),
        credential: secrets(&[("proxy_username", "east"), ("proxy_password", password)]),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_call_goes_through_its_proxy_and_the_upstream_never_sees_the_proxys_password() {
    let authority = Authority::new();
    let proxy = Proxy::start().await;
    let answer = || vec![Step::Send(chat_answer("Hello"))];
    let plain = FakeUpstream::start(move |_| answer()).await;
    let tls = FakeUpstream::start_tls(authority.server(None), move |_| answer()).await;
    let gateway = start_gateway().await;
    gateway.reach(provider("plain", &plain.base_url, through(&proxy, "open sesame"))).await;
    let trusting = Connection { ca_bundle_pem: authority.pem(), ..through(&proxy, "open sesame") };
    gateway.reach(provider("tls", &tls.base_url, trusting)).await;

    for model in ["plain", "tls"] {
        gateway
            .client
            .inference()
            .chat(chat(model, "Hi"))
            .await
            .unwrap_or_else(|status| panic!("{model}: {status:?}"));
    }
    let heads = proxy.heads();
    assert_eq!(heads.len(), 2);
    assert!(
        heads[0].starts_with(&format!("POST {}/chat/completions HTTP/1.1\r\n", plain.base_url)),
        "{heads:?}"
    );
    let host = tls.base_url.trim_start_matches("https://").trim_end_matches("/v1");
    assert!(heads[1].starts_with(&format!("CONNECT {host} HTTP/1.1\r\n")), "{heads:?}");
    assert!(
        !heads[1].contains("chat/completions"),
        "what is said inside the tunnel is not the proxy's to hear"
    );
    assert!(!tls.requests()[0].head.to_ascii_lowercase().contains("proxy-authorization"));
}

#[tokio::test]
async fn a_proxy_that_refuses_or_is_gone_is_told_apart_from_the_upstream() {
    let authority = Authority::new();
    let proxy = Proxy::start().await;
    let answer = || vec![Step::Send(chat_answer("Hello"))];
    let plain = FakeUpstream::start(move |_| answer()).await;
    let tls = FakeUpstream::start_tls(authority.server(None), move |_| answer()).await;
    let gateway = start_gateway().await;
    gateway.reach(provider("plain", &plain.base_url, through(&proxy, "canary-0123456789"))).await;
    let trusting = Connection { ca_bundle_pem: authority.pem(), ..through(&proxy, "canary-0123456789") };
    gateway.reach(provider("tls", &tls.base_url, trusting)).await;
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let gone = Connection { proxy_url: format!("http://{free}"), ..Default::default() };
    gateway.reach(provider("gone", &plain.base_url, gone.clone())).await;

    for (model, expected, address) in [
        ("plain", "PROVIDER_AUTH_FAILED", &proxy.url),
        ("tls", "PROVIDER_UNAVAILABLE", &proxy.url),
        ("gone", "PROVIDER_UNAVAILABLE", &gone.proxy_url),
    ] {
        let status = gateway.client.inference().chat(chat(model, "Hi")).await.expect_err("no way");
        assert_eq!(reason(&status), expected, "{status:?}");
        let message = status.message();
        assert!(message.contains(&format!("\"{model}\"")) && message.contains(address.as_str()), "{message}");
        assert!(!format!("{status:?}").contains("canary"));
    }
    assert!(plain.requests().is_empty() && tls.requests().is_empty());
}
