//! IBM's own clients judge the gateway, which speaks TLS itself: they have no other way to it.

use std::{path::Path, process::Command};

use sluicegate_client::v1;

use crate::{
    peers::{peers, run, script},
    support::{CERTIFICATE, TestGateway, start_gateway_with},
};

/// A group as IBM Cloud names it.
pub const GROUP: &str = "AccessGroupId-01a20596-920a-76f5-9e9d-4491eafa4b1d";

/// The secret of a user's key. The Python SDK writes it into forms as it is.
const AWKWARD_SECRET: &str = "a+secret/of=visible%41&characters~";

/// A gateway as somebody tries it out: with a certificate that only its own file vouches for.
pub async fn start() -> TestGateway {
    start_gateway_with(&["--tls-self-signed"]).await
}

/// A script of tests/peers with what those for IBM's clients want to know.
pub async fn judge(peers: &Path, gateway: &TestGateway, name: &str) -> Command {
    let api_key = v1::ApiKey {
        name: "user of a group".into(),
        role: v1::AccessRole::User.into(),
        groups: vec![GROUP.into()],
        ..Default::default()
    };
    let request = v1::CreateApiKeyRequest { api_key: Some(api_key), secret: AWKWARD_SECRET.into() };
    gateway.client.access().create_api_key(request).await.expect("the key is created");
    let mut command = script(peers, gateway, name);
    command
        .env("SLUICEGATE_CERTIFICATE", gateway.data.path().join(CERTIFICATE))
        .env("SLUICEGATE_USER_KEY", AWKWARD_SECRET)
        .env("SLUICEGATE_GROUP", GROUP);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn ibms_python_sdk_works_unmodified() {
    let Some(peers) = peers() else { return };
    let gateway = start().await;
    println!("{}", run(judge(&peers, &gateway, "ibm_python.py").await).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn langchain_works_unmodified() {
    let Some(peers) = peers() else { return };
    let gateway = start().await;
    println!("{}", run(judge(&peers, &gateway, "ibm_langchain.py").await).await);
}
