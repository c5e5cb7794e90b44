//! Who may do what: every role at every RPC, on both edges, against a table written by hand.

use std::collections::BTreeSet;

use prost::Message as _;
use serde_json::json;
use sluicegate_client::v1::AccessRole;
use tonic::Code;

use crate::support::{ADMIN_KEY, TestGateway, start_gateway};

/// RPC, its REST twins, and whether `user` and `manage` may call it. `admin` may call all.
type Row = (&'static str, &'static [(&'static str, &'static str)], bool, bool);

const TABLE: &[Row] = &[
    (
        "Inference/Chat",
        &[("POST", "/v1/chat/completions"), ("POST", "/ml/gateway/v1/chat/completions")],
        true,
        true,
    ),
    ("Inference/StreamChat", &[], true, true),
    (
        "Inference/Complete",
        &[("POST", "/v1/completions"), ("POST", "/ml/gateway/v1/completions")],
        true,
        true,
    ),
    ("Inference/StreamComplete", &[], true, true),
    ("Inference/Embed", &[("POST", "/v1/embeddings"), ("POST", "/ml/gateway/v1/embeddings")], true, true),
    (
        "ModelCatalog/ListModels",
        &[
            ("GET", "/v1/models"),
            ("GET", "/ml/gateway/v1/models"),
            ("GET", "/ml/gateway/v1/providers/x/models"),
            ("GET", "/sluicegate/v1/models"),
        ],
        true,
        true,
    ),
    (
        "ModelCatalog/GetModel",
        &[("GET", "/v1/models/x"), ("GET", "/ml/gateway/v1/models/x"), ("GET", "/sluicegate/v1/models/x")],
        true,
        true,
    ),
    (
        "ModelCatalog/CreateModel",
        &[("POST", "/sluicegate/v1/models"), ("POST", "/ml/gateway/v1/providers/x/models")],
        false,
        true,
    ),
    (
        "ModelCatalog/UpdateModel",
        &[
            ("PUT", "/sluicegate/v1/models/x"),
            ("PUT", "/ml/gateway/v1/models/x"),
            ("PATCH", "/ml/gateway/v1/models/x"),
            ("PUT", "/ml/gateway/v1/providers/x/models/y"),
            ("PATCH", "/ml/gateway/v1/providers/x/models/y"),
        ],
        false,
        true,
    ),
    (
        "ModelCatalog/DeleteModel",
        &[
            ("DELETE", "/sluicegate/v1/models/x"),
            ("DELETE", "/ml/gateway/v1/models/x"),
            ("DELETE", "/ml/gateway/v1/providers/x/models/y"),
        ],
        false,
        true,
    ),
    (
        "ModelCatalog/ListAvailableModels",
        &[
            ("GET", "/sluicegate/v1/providers/x/available-models"),
            ("GET", "/ml/gateway/v1/providers/x/models/available"),
        ],
        false,
        true,
    ),
    ("ProviderAdmin/ListProviderTypes", &[("GET", "/sluicegate/v1/provider-types")], false, true),
    (
        "ProviderAdmin/ListProviders",
        &[("GET", "/sluicegate/v1/providers"), ("GET", "/ml/gateway/v1/providers")],
        false,
        true,
    ),
    (
        "ProviderAdmin/GetProvider",
        &[("GET", "/sluicegate/v1/providers/x"), ("GET", "/ml/gateway/v1/providers/x")],
        false,
        true,
    ),
    (
        "ProviderAdmin/CreateProvider",
        &[("POST", "/sluicegate/v1/providers"), ("POST", "/ml/gateway/v1/providers/custom")],
        false,
        true,
    ),
    (
        "ProviderAdmin/UpdateProvider",
        &[("PUT", "/sluicegate/v1/providers/x"), ("PUT", "/ml/gateway/v1/providers/x/custom")],
        false,
        true,
    ),
    (
        "ProviderAdmin/DeleteProvider",
        &[("DELETE", "/sluicegate/v1/providers/x"), ("DELETE", "/ml/gateway/v1/providers/x")],
        false,
        true,
    ),
    ("ProviderAdmin/TestProvider", &[("POST", "/sluicegate/v1/providers/x/test")], false, true),
    ("AccessAdmin/ListApiKeys", &[("GET", "/sluicegate/v1/api-keys")], false, false),
    ("AccessAdmin/GetApiKey", &[("GET", "/sluicegate/v1/api-keys/x")], false, false),
    ("AccessAdmin/CreateApiKey", &[("POST", "/sluicegate/v1/api-keys")], false, false),
    ("AccessAdmin/UpdateApiKey", &[("PUT", "/sluicegate/v1/api-keys/x")], false, false),
    ("AccessAdmin/DeleteApiKey", &[("DELETE", "/sluicegate/v1/api-keys/x")], false, false),
    ("AccessAdmin/RotateApiKey", &[("POST", "/sluicegate/v1/api-keys/x/rotate")], false, false),
    ("AccessAdmin/ListPolicies", &[("GET", "/sluicegate/v1/policies")], false, true),
    ("AccessAdmin/GetPolicy", &[("GET", "/sluicegate/v1/policies/x")], false, true),
    ("AccessAdmin/CreatePolicy", &[("POST", "/sluicegate/v1/policies")], false, true),
    ("AccessAdmin/UpdatePolicy", &[("PUT", "/sluicegate/v1/policies/x")], false, true),
    ("AccessAdmin/DeletePolicy", &[("DELETE", "/sluicegate/v1/policies/x")], false, true),
    ("AccessAdmin/ExplainAccess", &[("POST", "/sluicegate/v1/access/explain")], false, false),
    ("AccessAdmin/ListRateLimits", &[("GET", "/sluicegate/v1/rate-limits")], false, true),
    ("AccessAdmin/GetRateLimit", &[("GET", "/sluicegate/v1/rate-limits/x")], false, true),
    ("AccessAdmin/CreateRateLimit", &[("POST", "/sluicegate/v1/rate-limits")], false, true),
    ("AccessAdmin/UpdateRateLimit", &[("PUT", "/sluicegate/v1/rate-limits/x")], false, true),
    ("AccessAdmin/DeleteRateLimit", &[("DELETE", "/sluicegate/v1/rate-limits/x")], false, true),
    ("AccessAdmin/GetTenant", &[("GET", "/sluicegate/v1/tenant")], true, true),
    ("AccessAdmin/UpdateTenant", &[("PUT", "/sluicegate/v1/tenant")], false, false),
    ("AccessAdmin/DeleteTenant", &[("DELETE", "/sluicegate/v1/tenant")], false, false),
];

/// A message without members, which every RPC can read: whoever is let in is told what is missing.
async fn grpc(gateway: &TestGateway, key: Option<&str>, rpc: &str) -> Code {
    let channel = tonic::transport::Endpoint::from_shared(gateway.url.clone()).expect("a URL");
    let mut client = tonic::client::Grpc::new(channel.connect().await.expect("a connection"));
    client.ready().await.expect("ready");
    let mut request = tonic::Request::new(());
    if let Some(key) = key {
        request.metadata_mut().insert("authorization", format!("Bearer {key}").parse().expect("a value"));
    }
    let path = format!("/sluicegate.v1.{rpc}").parse().expect("a path");
    let answer = client.unary(request, path, tonic_prost::ProstCodec::<(), ()>::default()).await;
    answer.map_or_else(|status| status.code(), |_| Code::Ok)
}

async fn rest(gateway: &TestGateway, key: Option<&str>, method: &str, path: &str) -> u16 {
    let method = method.parse().expect("a method");
    let mut request = gateway.http.request(method, format!("{}{path}", gateway.url)).body("{}");
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    request.send().await.expect("an answer").status().as_u16()
}

#[test]
fn every_rpc_stands_in_the_table() {
    let descriptors =
        prost_types::FileDescriptorSet::decode(sluicegate::proto::DESCRIPTORS).expect("descriptors");
    let services = descriptors
        .file
        .iter()
        .filter(|file| file.package() == "sluicegate.v1")
        .flat_map(|file| &file.service);
    let rpcs: BTreeSet<_> = services
        .flat_map(|service| service.method.iter().map(|rpc| format!("{}/{}", service.name(), rpc.name())))
        .collect();
    assert_eq!(rpcs, TABLE.iter().map(|(rpc, ..)| (*rpc).to_owned()).collect());
}

#[tokio::test]
async fn every_role_may_what_the_table_says_on_both_edges() {
    let gateway = start_gateway().await;
    let (user, manage) = (gateway.key(AccessRole::User).await, gateway.key(AccessRole::Manage).await);
    let mut wrong = Vec::new();
    for (rpc, twins, user_may, manage_may) in TABLE {
        for (key, may) in [(&*user, *user_may), (&*manage, *manage_may), (ADMIN_KEY, true)] {
            let code = grpc(&gateway, Some(key), rpc).await;
            if (code == Code::PermissionDenied) == may || code == Code::Unauthenticated {
                wrong.push(json!([rpc, may, code.to_string()]));
            }
            for (method, path) in *twins {
                let status = rest(&gateway, Some(key), method, path).await;
                if (status == 403) == may || matches!(status, 401 | 405) {
                    wrong.push(json!([method, path, may, status]));
                }
            }
        }
        if grpc(&gateway, None, rpc).await != Code::Unauthenticated {
            wrong.push(json!([rpc, "without a key"]));
        }
        for (method, path) in *twins {
            if rest(&gateway, None, method, path).await != 401 {
                wrong.push(json!([method, path, "without a key"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
