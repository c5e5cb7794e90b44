//! IBM's SDKs for Node and Java judge the gateway, which speaks TLS and hands out their tokens itself.

use sluicegate_client::v1;

use crate::{
    ibm::{GROUP, judge, start},
    peers::{peers, run},
    support::{CERTIFICATE, TestGateway},
};

#[tokio::test(flavor = "multi_thread")]
async fn ibms_node_sdk_works_unmodified() {
    let Some(peers) = peers() else { return };
    // The ways of the SDK to its token: of IBM Cloud, and of Software Hub.
    for mode in ["cloud", "software_hub"] {
        let gateway = start().await;
        let mut command = judge(&peers, &gateway, "ibm_node.mjs").await;
        command.env("MODE", mode).env("NODE_EXTRA_CA_CERTS", gateway.data.path().join(CERTIFICATE));
        println!("{mode}\n{}", run(command).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ibms_java_sdk_works_unmodified() {
    let Some(peers) = peers() else { return };
    let gateway = start().await;
    gateway.add_demo().await;
    let model = gateway.add_model("demo", "demo", "java-sdk/demo", None).await;
    let denied = gateway.add_model("demo", "demo", "java-sdk/denied", None).await;
    deny(&gateway, &denied).await;
    let mut command = judge(&peers, &gateway, "ibm_java.sh").await;
    command.env("MODEL", model.alias).env("DENIED_MODEL", denied.alias);
    println!("{}", run(command).await);
}

/// Hides the model from the group.
async fn deny(gateway: &TestGateway, model: &v1::Model) {
    let policy = v1::Policy {
        subject: GROUP.into(),
        action: v1::PolicyAction::Read.into(),
        resource: format!("model:{}", model.id),
        effect: v1::PolicyEffect::Deny.into(),
        ..Default::default()
    };
    let request = v1::CreatePolicyRequest { policy: Some(policy) };
    gateway.client.access().create_policy(request).await.expect("the policy is created");
}
