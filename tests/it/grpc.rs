//! The gRPC edge over its live port.

use std::time::Duration;

use futures_util::StreamExt as _;
use prost::Message as _;
use sluicegate_client::{Gateway, v1};
use tonic::{Code, transport::Endpoint};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::{v1 as reflection, v1alpha};
use tonic_types::StatusExt as _;

use crate::support::{
    ADMIN_KEY, FakeUpstream, PATIENCE, Step, TestGateway, chat, start_gateway, stream_head,
};

const SERVICES: [&str; 4] = [
    "sluicegate.v1.AccessAdmin",
    "sluicegate.v1.Inference",
    "sluicegate.v1.ModelCatalog",
    "sluicegate.v1.ProviderAdmin",
];

async fn channel(gateway: &TestGateway) -> tonic::transport::Channel {
    Endpoint::from_shared(gateway.url.clone()).expect("a URL").connect().await.expect("a connection")
}

fn reason(status: &tonic::Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

#[tokio::test]
async fn every_service_is_reflected_without_a_key_in_both_versions() {
    let gateway = start_gateway().await;
    let wanted = ["grpc.health.v1.Health"].into_iter().chain(SERVICES);

    let mut client =
        reflection::server_reflection_client::ServerReflectionClient::new(channel(&gateway).await);
    let request = reflection::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(reflection::server_reflection_request::MessageRequest::ListServices(
            String::new(),
        )),
    };
    let replies = client.server_reflection_info(tokio_stream::once(request)).await.expect("a stream");
    let reply = replies.into_inner().next().await.expect("a reply").expect("a good one");
    let names = match reply.message_response.expect("a message") {
        reflection::server_reflection_response::MessageResponse::ListServicesResponse(list) => {
            list.service.into_iter().map(|service| service.name).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    for service in wanted {
        assert!(names.iter().any(|name| name == service), "{service} is not in {names:?}");
    }

    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(channel(&gateway).await);
    // What error details are made of must be known too, for clients decode them by reflection.
    for symbol in ["sluicegate.v1.PartialResult", "google.rpc.ErrorInfo", "grpc.health.v1.Health"] {
        let request = v1alpha::ServerReflectionRequest {
            host: String::new(),
            message_request: Some(v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(
                symbol.into(),
            )),
        };
        let replies = client.server_reflection_info(tokio_stream::once(request)).await.expect("a stream");
        let reply = replies.into_inner().next().await.expect("a reply").expect("a good one");
        let found = reply.message_response.expect("a message");
        let is_file =
            matches!(found, v1alpha::server_reflection_response::MessageResponse::FileDescriptorResponse(_));
        assert!(is_file, "{symbol}: {found:?}");
    }
}

#[tokio::test]
async fn health_is_told_without_a_key_and_watchers_hear_of_the_drain() {
    let gateway = start_gateway().await;
    let mut client = HealthClient::new(channel(&gateway).await);
    for service in SERVICES.into_iter().chain([""]) {
        let request = HealthCheckRequest { service: service.into() };
        let status = client.check(request).await.expect("a status").into_inner().status();
        assert_eq!(status, ServingStatus::Serving, "{service}");
    }
    let unknown = HealthCheckRequest { service: "nope".into() };
    assert_eq!(client.check(unknown).await.expect_err("unknown").code(), Code::NotFound);

    let watch = client.watch(HealthCheckRequest::default()).await.expect("a stream").into_inner();
    let mut told = watch.map(|reply| reply.expect("a status").status());
    assert_eq!(told.next().await, Some(ServingStatus::Serving));
    drop(gateway.client);
    let stop = tokio::time::timeout(PATIENCE, gateway.app.stop());
    let heard = async {
        assert_eq!(told.next().await, Some(ServingStatus::NotServing));
        assert_eq!(told.next().await, None, "a watcher does not hold the drain");
    };
    let (stopped, ()) = tokio::join!(stop, heard);
    stopped.expect("the drain ends");
}

#[tokio::test]
async fn caller_without_a_good_key_is_refused_with_a_reason() {
    let gateway = start_gateway().await;
    let nobody =
        v1::inference_client::InferenceClient::new(channel(&gateway).await).chat(chat("m", "Hi")).await;
    let wrong = Gateway::connect(&gateway.url, "wrong").await.expect("a connection");
    let stranger = wrong.inference().chat(chat("m", "Hi")).await;
    for answer in [nobody, stranger] {
        let status = answer.expect_err("refused");
        assert_eq!(status.code(), Code::Unauthenticated);
        assert_eq!(reason(&status), "UNAUTHENTICATED");
        let info = status.get_details_error_info().expect("details");
        assert!(info.metadata["request_id"].starts_with("req-"));
        assert_eq!(
            status.metadata().get("x-request-id").expect("an id"),
            info.metadata["request_id"].as_str()
        );
    }
}

#[tokio::test]
async fn role_bounds_what_a_caller_may() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let user = gateway.key(v1::AccessRole::User).await;
    let user = Gateway::connect(&gateway.url, &user).await.expect("a connection");
    user.inference().chat(chat("demo", "Hi")).await.expect("a user may call models");
    user.models().list_models(v1::ListModelsRequest::default()).await.expect("and read the catalog");
    let status = user.providers().list_providers(v1::ListProvidersRequest::default()).await.expect_err("no");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::PermissionDenied, "PERMISSION_DENIED"));

    let manage = gateway.key(v1::AccessRole::Manage).await;
    let manage = Gateway::connect(&gateway.url, &manage).await.expect("a connection");
    manage.providers().list_providers(v1::ListProvidersRequest::default()).await.expect("a manager may");
    let status = manage.access().list_api_keys(v1::ListApiKeysRequest::default()).await.expect_err("no");
    assert_eq!(status.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn unknown_rpc_is_unimplemented_and_rest_path_is_no_rpc() {
    let gateway = start_gateway().await;
    for path in ["/sluicegate.v1.Inference/Nope", "/v1/models", "/nope"] {
        let mut client = tonic::client::Grpc::new(channel(&gateway).await);
        client.ready().await.expect("ready");
        let codec = tonic_prost::ProstCodec::<v1::ChatRequest, v1::ChatResponse>::default();
        let path = http::uri::PathAndQuery::from_static(path);
        let mut request = tonic::Request::new(chat("m", "Hi"));
        let key = format!("Bearer {ADMIN_KEY}").parse().expect("a value");
        request.metadata_mut().insert("authorization", key);
        let status = client.unary(request, path.clone(), codec).await.expect_err("unknown");
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::Unimplemented, "ROUTE_NOT_FOUND"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn message_that_cannot_be_read_is_the_callers_fault() {
    let gateway = start_gateway().await;
    let large = v1::ChatRequest { user: Some("x".repeat(40 << 20)), ..chat("m", "Hi") };
    let status = gateway.client.inference().chat(large).await.expect_err("too large");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "REQUEST_TOO_LARGE"));

    // A message of another schema: its bytes are no valid text.
    let mut client = tonic::client::Grpc::new(channel(&gateway).await);
    client.ready().await.expect("ready");
    let codec = tonic_prost::ProstCodec::<v1::InlineImage, v1::ChatResponse>::default();
    let path = http::uri::PathAndQuery::from_static("/sluicegate.v1.Inference/Chat");
    let wrong = v1::InlineImage { media_type: String::new(), data: vec![0xff; 8].into() };
    let mut request = tonic::Request::new(wrong);
    request.metadata_mut().insert("authorization", format!("Bearer {ADMIN_KEY}").parse().expect("a value"));
    let status = client.unary(request, path, codec).await.expect_err("unreadable");
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::InvalidArgument, "INVALID_REQUEST"),
        "{status:?}"
    );
}

/// Its types are not ours, nor does it need a key.
#[tokio::test]
async fn health_says_of_a_message_that_it_cannot_be_read() {
    let gateway = start_gateway().await;
    let mut client = tonic::client::Grpc::new(channel(&gateway).await);
    client.ready().await.expect("ready");
    for path in ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"] {
        client.ready().await.expect("ready");
        // Its first field holds bytes that are no text.
        let wrong = v1::RedactedThinkingPart { data: vec![0xff; 8].into() };
        let codec = tonic_prost::ProstCodec::<_, tonic_health::pb::HealthCheckResponse>::default();
        let path = http::uri::PathAndQuery::from_static(path);
        let status =
            client.unary(tonic::Request::new(wrong), path.clone(), codec).await.expect_err("unreadable");
        let said = (status.code(), reason(&status));
        assert_eq!(said, (Code::InvalidArgument, "INVALID_REQUEST".to_owned()), "{path}: {status:?}");
    }
}

#[tokio::test]
async fn gzip_is_taken() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let client = gateway.client.inference().send_compressed(tonic::codec::CompressionEncoding::Gzip);
    let mut client = client;
    let text = "compress me ".repeat(1000);
    client.chat(chat("demo", &text)).await.expect("an answer");
}

#[tokio::test]
async fn deadline_is_kept_for_inference_and_administration() {
    let upstream = FakeUpstream::start(|_| vec![Step::Hold]).await;
    let gateway = start_gateway().await;
    gateway.add_upstream("east", &upstream.base_url, "m").await;
    let begun = tokio::time::Instant::now();
    let test = v1::TestProviderRequest { id: "east".into() };

    // Over gRPC-Web, because the gRPC client would keep the deadline itself.
    let chat = web_request(&gateway, "Inference/Chat", ADMIN_KEY, &chat("m", "Hi"));
    let test = |timeout: &str| {
        web_request(&gateway, "ProviderAdmin/TestProvider", ADMIN_KEY, &test).header("grpc-timeout", timeout)
    };
    for request in [chat.header("grpc-timeout", "300m"), test("300m"), test("0n")] {
        let status = web_status(request).await;
        assert_eq!((status.code(), reason(&status).as_str()), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());

    let status = web_status(test("soon")).await;
    assert_eq!(
        status.get_details_bad_request().expect("a violation").field_violations[0].field,
        "grpc-timeout"
    );
}

#[tokio::test]
async fn cancelled_stream_closes_its_upstream() {
    let upstream = FakeUpstream::start(|_| {
        let text = crate::support::piece(crate::support::text_event("Hel"));
        vec![Step::Send([stream_head(), text].concat()), Step::Hold]
    })
    .await;
    let gateway = start_gateway().await;
    gateway.add_upstream("east", &upstream.base_url, "m").await;
    let mut stream =
        gateway.client.inference().stream_chat(chat("m", "Hi")).await.expect("a stream").into_inner();
    stream.message().await.expect("a chunk").expect("text");
    drop(stream);
    upstream.closed(1).await;
}

#[tokio::test]
async fn what_the_provider_cannot_take_is_told_in_the_metadata() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let thought = v1::ThinkingPart { text: "Hm".into(), signature: "proof".into() };
    let part = v1::Part { content: Some(v1::part::Content::Thinking(thought)), ..Default::default() };
    let mut request = chat("demo", "Hi");
    request
        .messages
        .insert(0, v1::Message { role: v1::Role::Assistant.into(), parts: vec![part], ..Default::default() });
    let mut inference = gateway.client.inference();
    let answer = inference.chat(request.clone()).await.expect("an answer");
    let stream = inference.stream_chat(request).await.expect("a stream");
    for metadata in [answer.metadata(), stream.metadata()] {
        assert_eq!(metadata.get("x-sluicegate-dropped").expect("it is told"), "thinking.signature");
    }
}

// === gRPC-Web ===

/// A gRPC-Web frame.
fn web_frame(message: &impl prost::Message) -> Vec<u8> {
    let body = message.encode_to_vec();
    let length = u32::try_from(body.len()).expect("short");
    [&[0], length.to_be_bytes().as_slice(), &body].concat()
}

/// The frames of a gRPC-Web body: flag and bytes.
pub fn web_frames(mut body: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let [flag, a, b, c, d, rest @ ..] = body {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        frames.push((*flag, rest[..length].to_vec()));
        body = &rest[length..];
    }
    frames
}

pub fn web_request(
    gateway: &TestGateway,
    rpc: &str,
    key: &str,
    message: &impl prost::Message,
) -> reqwest::RequestBuilder {
    let request = gateway.http.post(format!("{}/sluicegate.v1.{rpc}", gateway.url));
    let request = request.header("authorization", format!("Bearer {key}")).header("x-grpc-web", "1");
    request.header("content-type", "application/grpc-web+proto").body(web_frame(message))
}

/// The status of a call that fails before its answer begins.
async fn web_status(request: reqwest::RequestBuilder) -> tonic::Status {
    let response = request.send().await.expect("an answer");
    tonic::Status::from_header_map(response.headers()).expect("a status without a body")
}

#[tokio::test]
async fn grpc_web_streams_over_http1() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let response = web_request(&gateway, "Inference/StreamChat", ADMIN_KEY, &chat("demo", "Hi"));
    let response = response.send().await.expect("an answer");
    assert_eq!((response.status().as_u16(), response.version()), (200, http::Version::HTTP_11));
    assert_eq!(response.headers()["content-type"], "application/grpc-web+proto");
    assert_eq!(response.headers()["x-sluicegate-provider"], "demo");
    let frames = web_frames(&response.bytes().await.expect("a body"));
    let (last, chunks) = frames.split_last().expect("frames");
    let text: String = chunks
        .iter()
        .map(|(_, bytes)| sluicegate_client::text(&v1::ChatChunk::decode(bytes.as_slice()).expect("a chunk")))
        .collect();
    assert!(!text.is_empty());
    assert_eq!(last.0, 0x80, "trailers");
    assert!(String::from_utf8_lossy(&last.1).contains("grpc-status:0"), "{last:?}");
}

#[tokio::test]
async fn grpc_web_errors_carry_their_details() {
    let gateway = start_gateway().await;
    for (key, status) in [("wrong", "16"), (ADMIN_KEY, "5")] {
        let response = web_request(&gateway, "Inference/Chat", key, &chat("nope", "Hi"));
        let response = response.send().await.expect("an answer");
        assert_eq!(response.headers()["content-type"], "application/grpc-web+proto");
        assert_eq!(response.headers()["grpc-status"], status);
        assert!(response.headers().contains_key("grpc-status-details-bin"));
    }
}
