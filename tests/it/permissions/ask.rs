//! Requests of any RPC over gRPC, gRPC-Web and REST, and their answers in one form.

use bytes::{Buf as _, BufMut as _};
use tonic::{
    Code, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};
use tonic_types::StatusExt as _;

use crate::support::TestGateway;

/// How a request was answered.
pub enum Outcome {
    /// With this.
    Answered(Vec<u8>),
    /// By no key that is known.
    Unauthenticated,
    /// By the role, or by a policy. REST does not tell which.
    Refused { by_policy: Option<bool> },
    /// As if there were no such thing.
    NotFound,
    /// In another way.
    Failed(String),
}

impl Outcome {
    /// Whether this is what a letter of the table stands for. `needle` is what a list shows, or does not.
    pub fn is(&self, letter: char, needle: &str) -> bool {
        let shows = |body: &[u8]| body.windows(needle.len().max(1)).any(|part| part == needle.as_bytes());
        match (letter, self) {
            ('Y', Self::Answered(_))
            | ('L', Self::Answered(_) | Self::NotFound | Self::Failed(_))
            | ('H', Self::NotFound)
            | ('P', Self::Refused { by_policy: None | Some(true) })
            | ('R', Self::Refused { by_policy: None | Some(false) })
            | ('U', Self::Unauthenticated) => true,
            ('S', Self::Answered(body)) => shows(body),
            ('N', Self::Answered(body)) => !shows(body),
            _ => false,
        }
    }

    fn of(answer: Result<Vec<u8>, Status>) -> Self {
        let status = match answer {
            Ok(body) => return Self::Answered(body),
            Err(status) => status,
        };
        let reason = status.get_details_error_info().map(|info| info.reason);
        match status.code() {
            Code::Unauthenticated => Self::Unauthenticated,
            Code::PermissionDenied => {
                Self::Refused { by_policy: Some(reason.as_deref() == Some("POLICY_DENIED")) }
            }
            Code::NotFound => Self::NotFound,
            _ => Self::Failed(format!("{status:?}")),
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Answered(body) => write!(f, "answered {}", String::from_utf8_lossy(body)),
            Self::Unauthenticated => f.write_str("unauthenticated"),
            Self::Refused { by_policy } => write!(f, "refused, by a policy: {by_policy:?}"),
            Self::NotFound => f.write_str("not found"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

/// Asks over gRPC.
pub async fn grpc(gateway: &TestGateway, key: Option<&str>, rpc: &str, message: Vec<u8>) -> Outcome {
    let channel = tonic::transport::Endpoint::from_shared(gateway.url.clone()).expect("a URL");
    let mut client = tonic::client::Grpc::new(channel.connect().await.expect("a connection"));
    client.ready().await.expect("ready");
    let mut request = tonic::Request::new(message);
    if let Some(key) = key {
        request.metadata_mut().insert("authorization", format!("Bearer {key}").parse().expect("a value"));
    }
    let path = format!("/sluicegate.v1.{rpc}").parse().expect("a path");
    if !rpc.contains("/Stream") {
        return Outcome::of(client.unary(request, path, Raw).await.map(tonic::Response::into_inner));
    }
    Outcome::of(match client.server_streaming(request, path, Raw).await {
        Ok(stream) => stream.into_inner().message().await.map(Option::unwrap_or_default),
        Err(status) => Err(status),
    })
}

/// Asks over gRPC-Web.
pub async fn grpc_web(gateway: &TestGateway, key: Option<&str>, rpc: &str, message: &[u8]) -> Outcome {
    let length = u32::try_from(message.len()).expect("short").to_be_bytes();
    let mut request = gateway
        .http
        .post(format!("{}/sluicegate.v1.{rpc}", gateway.url))
        .header("content-type", "application/grpc-web+proto")
        .body([&[0], length.as_slice(), message].concat());
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    let response = request.send().await.expect("an answer");
    // What fails before it begins has its status in the head, what is answered has it behind the answer.
    match Status::from_header_map(response.headers()) {
        Some(status) if status.code() != Code::Ok => Outcome::of(Err(status)),
        Some(_) | None => Outcome::of(Ok(response.bytes().await.expect("a body").to_vec())),
    }
}

/// Asks over REST.
pub async fn rest(gateway: &TestGateway, key: Option<&str>, method: &str, path: &str, body: &str) -> Outcome {
    let method = method.parse().expect("a method");
    let mut request = gateway.http.request(method, format!("{}{path}", gateway.url)).body(body.to_owned());
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let body = response.bytes().await.expect("a body").to_vec();
    match status {
        200..300 => Outcome::Answered(body),
        401 => Outcome::Unauthenticated,
        403 => Outcome::Refused { by_policy: None },
        404 if !String::from_utf8_lossy(&body).contains("route_not_found") => Outcome::NotFound,
        _ => Outcome::Failed(format!("{status}: {}", String::from_utf8_lossy(&body))),
    }
}

/// Messages that are encoded already.
#[derive(Clone, Copy, Debug, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining()).to_vec()))
    }
}
