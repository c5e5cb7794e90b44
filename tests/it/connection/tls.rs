//! Whom the gateway trusts, and what it shows.

use sluicegate_client::v1::{Connection, Provider};

use super::{provider, secrets};
use crate::{
    authority::Authority,
    faults::reason,
    support::{FakeUpstream, Step, chat, chat_answer, start_gateway, start_gateway_in},
};

async fn upstream_of(authority: &Authority, clients: Option<&Authority>) -> FakeUpstream {
    FakeUpstream::start_tls(authority.server(clients), |_| vec![Step::Send(chat_answer("Hello"))]).await
}

#[tokio::test]
async fn a_bundle_of_authorities_is_trusted_for_its_provider_and_no_other() {
    let (private, other) = (Authority::new(), Authority::new());
    let upstream = upstream_of(&private, None).await;
    let gateway = start_gateway().await;
    let trusting = |pem: String| Connection { ca_bundle_pem: pem, ..Default::default() };
    let both = format!("# ours\n{}\n{}", other.pem(), private.pem());
    gateway.reach(provider("trusting", &upstream.base_url, trusting(both.clone()))).await;
    gateway.reach(provider("plain", &upstream.base_url, Connection::default())).await;
    gateway.reach(provider("wrong", &upstream.base_url, trusting(other.pem()))).await;

    gateway.client.inference().chat(chat("trusting", "Hi")).await.expect("an answer");
    for model in ["plain", "wrong"] {
        let status = gateway.client.inference().chat(chat(model, "Hi")).await.expect_err("no trust");
        assert_eq!(reason(&status), "PROVIDER_UNAVAILABLE", "{status:?}");
        let message = status.message();
        assert!(
            message.contains(&format!("provider \"{model}\"")) && message.contains("certificate"),
            "{message}"
        );
    }
    assert_eq!(upstream.requests().len(), 1);

    let stored = gateway.client.providers();
    let read = { stored }
        .get_provider(sluicegate_client::v1::GetProviderRequest { id: "trusting".into() })
        .await
        .expect("a provider");
    let connection = read.into_inner().provider.expect("a provider").connection.expect("its connection");
    assert_eq!(connection.ca_bundle_pem, both, "what is no secret is shown as it was given");
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_who_asks_also_after_a_restart() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let upstream = upstream_of(&servers, Some(&clients)).await;
    let own = clients.vouch_for("gateway.example");
    let gateway = start_gateway().await;
    let trusting = Connection { ca_bundle_pem: servers.pem(), ..Default::default() };
    let showing = Connection {
        client_certificate_pem: own.certificate.clone(),
        credential: secrets(&[("client_key_pem", &own.key)]),
        ..trusting.clone()
    };
    gateway.reach(provider("bare", &upstream.base_url, trusting)).await;
    let made = gateway.reach(provider("showing", &upstream.base_url, showing)).await;
    let connection = made.connection.clone().expect("its connection");
    assert_eq!(connection.credential, None);
    assert_eq!(connection.credential_hint["client_key_pem"], "...", "nothing of a key is shown");
    assert!(made.credential_hint.is_empty());

    let status = gateway.client.inference().chat(chat("bare", "Hi")).await.expect_err("it was asked");
    assert_eq!(reason(&status), "PROVIDER_UNAVAILABLE", "{status:?}");
    assert!(status.message().contains("provider \"bare\""), "{status:?}");
    gateway.client.inference().chat(chat("showing", "Hi")).await.expect("an answer");

    // What is not said stays, the key too.
    let unsaid = Provider { labels: [("a".to_owned(), "1".to_owned())].into(), ..made };
    gateway.update_provider(unsaid).await.expect("an update");
    gateway.client.inference().chat(chat("showing", "Hi")).await.expect("an answer");

    let secret_line = own.key.lines().nth(1).expect("a line of the key").to_owned();
    let (app, data) = (gateway.app, gateway.data);
    app.stop().await;
    for file in std::fs::read_dir(data.path()).expect("the data folder") {
        let bytes = std::fs::read(file.expect("a file").path()).expect("its bytes");
        let found = bytes.windows(secret_line.len()).any(|window| window == secret_line.as_bytes());
        assert!(!found, "the store holds the key in the clear");
    }
    let gateway = start_gateway_in(data, &[]).await;
    gateway.client.inference().chat(chat("showing", "Hi")).await.expect("an answer");
    assert_eq!(upstream.requests().len(), 3);
}
