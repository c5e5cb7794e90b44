//! What is served on which of two addresses.

use prost::Message as _;
use tonic::Code;

use crate::support::{ADMIN_KEY, TestGateway, chat, start_gateway, start_gateway_with};

/// On the address for calls. What is not in this list is only on the one for administration.
const CALLS: &[&str] = &[
    "Inference/Chat",
    "Inference/StreamChat",
    "Inference/Complete",
    "Inference/StreamComplete",
    "Inference/Embed",
    "ModelCatalog/ListModels",
    "ModelCatalog/GetModel",
];

/// On both.
const READING: &[&str] = &["ModelCatalog/ListModels", "ModelCatalog/GetModel"];

/// Method, path, and whether it is on the address for calls and on the one for administration.
const ROUTES: &[(&str, &str, bool, bool)] = &[
    ("POST", "/v1/chat/completions", true, false),
    ("POST", "/v1/completions", true, false),
    ("POST", "/v1/embeddings", true, false),
    ("POST", "/ml/gateway/v1/chat/completions", true, false),
    ("GET", "/v1/models", true, true),
    ("GET", "/v1/models/x", true, true),
    ("GET", "/ml/gateway/v1/models", true, true),
    ("GET", "/sluicegate/v1/models", true, true),
    ("POST", "/sluicegate/v1/models", false, true),
    ("DELETE", "/ml/gateway/v1/models/x", false, true),
    ("GET", "/sluicegate/v1/providers", false, true),
    ("POST", "/ml/gateway/v1/providers/custom", false, true),
    ("GET", "/ml/gateway/v1/providers", false, true),
    ("GET", "/sluicegate/v1/api-keys", false, true),
    ("POST", "/sluicegate/v1/api-keys", false, true),
    ("GET", "/sluicegate/v1/policies", false, true),
    ("PUT", "/sluicegate/v1/rate-limits/x", false, true),
    ("GET", "/sluicegate/v1/tenant", false, true),
];

/// What is open to everybody is on both.
const OPEN: &[&str] = &["/healthz", "/readyz", "/metrics"];

fn rpcs() -> Vec<String> {
    let descriptors = prost_types::FileDescriptorSet::decode(sluicegate::proto::DESCRIPTORS).unwrap();
    let ours = descriptors.file.iter().filter(|file| file.package() == "sluicegate.v1");
    ours.flat_map(|file| &file.service)
        .flat_map(|service| service.method.iter().map(|rpc| format!("{}/{}", service.name(), rpc.name())))
        .collect()
}

/// The answer to a call without a key: whoever serves the RPC asks for one.
async fn grpc(url: &str, path: &str) -> tonic::Status {
    let channel = tonic::transport::Endpoint::from_shared(url.to_owned()).unwrap();
    let mut client = tonic::client::Grpc::new(channel.connect().await.unwrap());
    client.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    let answer = client.unary(tonic::Request::new(()), path.parse().unwrap(), codec).await;
    answer.err().unwrap_or_else(|| tonic::Status::ok(""))
}

async fn rest(gateway: &TestGateway, url: &str, method: &str, path: &str) -> (u16, String) {
    let request = gateway.http.request(method.parse().unwrap(), format!("{url}{path}"));
    let answer = request.body("{}").send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn every_rpc_and_route_is_where_the_tables_say() {
    let gateway = start_gateway_with(&["--admin-listen=127.0.0.1:0"]).await;
    let (calls, administration) = (gateway.url.clone(), gateway.app.admin_url().unwrap());
    let mut wrong = Vec::new();
    for rpc in rpcs() {
        let is_call = CALLS.contains(&&*rpc);
        for (url, served) in [(&calls, is_call), (&administration, !is_call || READING.contains(&&*rpc))] {
            let status = grpc(url, &format!("/sluicegate.v1.{rpc}")).await;
            let expected = if served { Code::Unauthenticated } else { Code::Unimplemented };
            if status.code() != expected || served == status.message().contains("another address") {
                wrong.push(format!("{rpc} {served} {status:?}"));
            }
        }
    }
    for (method, path, on_calls, on_administration) in ROUTES {
        for (url, served) in [(&calls, on_calls), (&administration, on_administration)] {
            let (status, body) = rest(&gateway, url, method, path).await;
            let expected = if *served { 401 } else { 404 };
            if status != expected || *served == body.contains("another address") {
                wrong.push(format!("{method} {path} {served} {status} {body}"));
            }
        }
    }
    for path in OPEN {
        for url in [&calls, &administration] {
            let (status, body) = rest(&gateway, url, "GET", path).await;
            if status != 200 {
                wrong.push(format!("{path} {status} {body}"));
            }
        }
    }
    for url in [&calls, &administration] {
        let status = grpc(url, "/grpc.health.v1.Health/Check").await;
        if status.code() != Code::Ok {
            wrong.push(format!("health {status:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn one_address_serves_everything() {
    let gateway = start_gateway().await;
    assert_eq!(gateway.app.admin_url(), None);
    for rpc in rpcs() {
        let status = grpc(&gateway.url, &format!("/sluicegate.v1.{rpc}")).await;
        assert_eq!(status.code(), Code::Unauthenticated, "{rpc} {status:?}");
    }
}

#[tokio::test]
async fn what_is_administered_on_one_address_is_called_on_the_other_over_tls() {
    let gateway =
        start_gateway_with(&["--admin-listen=127.0.0.1:0", "--tls-self-signed", "--max-connections=1"]).await;
    let url = gateway.app.admin_url().unwrap();
    assert!(url.starts_with("https://"), "{url}");
    let trusted = super::made(&gateway);
    // The test's own connection has the one place for calls, which is nothing to administrators.
    let admin = sluicegate_client::Gateway::connect_trusting(&trusted, &url, ADMIN_KEY).await.unwrap();
    let (calls, gateway) = (gateway.client.clone(), TestGateway { client: admin, ..gateway });
    gateway.add_demo().await;
    calls.inference().chat(chat("demo", "Hi")).await.unwrap();
    let status = gateway.client.inference().chat(chat("demo", "Hi")).await.unwrap_err();
    assert!(status.message().contains("another address"), "{status:?}");
}
