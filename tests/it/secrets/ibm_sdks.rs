//! IBM's SDKs register providers by the CRN of a secret.

use std::process::Command;

use serde_json::json;

use super::fake_ibm::{Ibm, crn};
use crate::{
    ibm::{judge, start},
    peers::{peers, run},
    support::{CERTIFICATE, FakeUpstream, TestGateway, chat_answer},
};

const TEXT: &str = "Hello from behind a secret";

/// Runs the script against a gateway that reads a fake Secrets Manager; `more` is what else it wants to know.
async fn judged(script: &str, more: impl Fn(&mut Command, &TestGateway)) {
    let Some(peers) = peers() else { return };
    let upstream = FakeUpstream::answering(chat_answer(TEXT)).await;
    let (ibm, server) = Ibm::start().await;
    ibm.put_members("1", json!({"apikey": "upstream-secret-0123456789", "base_url": upstream.base_url}));
    let gateway = start().await;
    gateway.add_secrets_manager(&server, Vec::new()).await;
    let mut command = judge(&peers, &gateway, script).await;
    command.env("SLUICEGATE_CRN", crn("1")).env("SLUICEGATE_TEXT", TEXT);
    more(&mut command, &gateway);
    println!("{}", run(command).await);
    let sent =
        |request: &crate::support::Received| request.head.contains("Bearer upstream-secret-0123456789");
    assert!(upstream.requests().iter().all(sent), "the secret of the manager is what the upstream is shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn ibms_python_sdk_registers_a_provider_by_crn() {
    judged("ibm_reference.py", |_, _| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ibms_node_sdk_registers_a_provider_by_crn() {
    judged("ibm_reference.mjs", |command, gateway| {
        command.env("NODE_EXTRA_CA_CERTS", gateway.data.path().join(CERTIFICATE));
    })
    .await;
}
