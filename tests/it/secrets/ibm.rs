//! Secrets of IBM Cloud Secrets Manager and of Software Hub, as the managers read them.

use std::sync::Arc;

use serde_json::json;
use sluicegate::{
    error::{Error, Reason},
    http::{Clients, Way},
    proto::v1::{self, secret_manager::Kind},
    secrets::{Content, Credential, Manager, Resource},
    task::Tasks,
};

use super::fake_ibm::{Ibm, OWN_KEY, USERNAME, crn, logins, reads, root, token};
use crate::support::{FakeUpstream, Step, json_answer, stream_head};

const KEY: &str = "upstream-secret-0123456789";
const URN: &str = "1000330999:openai";

/// What reads there.
#[derive(Clone)]
struct Reader {
    manager: Arc<Manager>,
    own: Credential,
    tasks: Tasks,
}

impl Reader {
    fn new(kind: &Kind, own: &[(&str, &str)]) -> Self {
        let client = Clients::default().get(&Way::default()).expect("a client");
        let own = own.iter().map(|(name, secret)| ((*name).to_owned(), (*secret).to_owned()));
        let own = Credential::new(own.collect());
        Self { manager: Arc::new(Manager::new(kind, client)), own, tasks: Tasks::default() }
    }

    fn of_cloud(server: &FakeUpstream, own_key: &str) -> Self {
        let settings = v1::IbmSecretsManager {
            address: root(server).into(),
            auth_url: root(server).into(),
            ..Default::default()
        };
        Self::new(&Kind::IbmSecretsManager(settings), &[("apikey", own_key)])
    }

    fn of_hub(server: &FakeUpstream, own: &str) -> Self {
        let (address, username) = (root(server).into(), USERNAME.into());
        let settings = v1::SoftwareHubVault { address, username, ..Default::default() };
        Self::new(&Kind::SoftwareHub(settings), &[(own, OWN_KEY)])
    }

    async fn read(&self, resource: &str) -> Result<Vec<(String, String)>, Error> {
        let resource = Resource::read(resource).expect("a resource");
        let shown = |secret: sluicegate::secret::Secret| secret.expose().to_owned();
        Ok(match self.manager.read(&resource, &self.own, &self.tasks).await? {
            Content::Members(members) => {
                members.into_iter().map(|(name, secret)| (name, shown(secret))).collect()
            }
            Content::Text(secret) => vec![("text".to_owned(), shown(secret))],
        })
    }

    /// What is said when there is nothing to read, for this reason.
    async fn refusal(&self, resource: &str, reason: Reason) -> String {
        let error = self.read(resource).await.expect_err("there is nothing to read");
        assert_eq!(error.reason(), reason, "{error}");
        let text = format!("{error} {error:?}");
        for secret in [OWN_KEY, KEY, "of-the-gateway"] {
            assert!(!text.contains(secret), "shows {secret}: {text}");
        }
        error.to_string()
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[tokio::test]
async fn both_types_of_secret_are_read_with_a_token_of_the_gateways_own_key() {
    let (ibm, server) = Ibm::start().await;
    let reader = Reader::of_cloud(&server, OWN_KEY);
    let data = json!({"apikey": KEY, "port": 8443, "old": null});
    ibm.put_members("1", data.clone());
    ibm.put("2", json!({"secret_type": "arbitrary", "payload": data.to_string()}));
    ibm.put("3", json!({"secret_type": "arbitrary", "payload": KEY}));
    let members = pairs(&[("apikey", KEY), ("port", "8443")]);
    assert_eq!(reader.read(&crn("1")).await.expect("members"), members);
    assert_eq!(reader.read(&crn("2")).await.expect("members"), members);
    assert_eq!(reader.read(&crn("3")).await.expect("a text"), pairs(&[("text", KEY)]));

    assert_eq!(logins(&server), 1, "all reads share one token");
    let read = &reads(&server)[0];
    assert_eq!((read.method.as_str(), read.path.as_str()), ("GET", "/api/v2/secrets/1"));
    let head = read.head.to_ascii_lowercase();
    assert!(head.contains("accept: application/json\r\n") && head.contains(&token(1)), "{head}");
    assert!(!head.contains(OWN_KEY), "the key is for the identity service alone: {head}");
}

#[tokio::test]
async fn a_token_that_ended_early_is_fetched_anew_once() {
    let (ibm, server) = Ibm::start().await;
    let reader = Reader::of_cloud(&server, OWN_KEY);
    ibm.put_members("1", json!({"apikey": KEY}));
    reader.read(&crn("1")).await.expect("members");
    ibm.end_tokens();
    assert_eq!(reader.read(&crn("1")).await.expect("members"), pairs(&[("apikey", KEY)]));
    assert_eq!((logins(&server), reads(&server).len()), (2, 3));

    // One that takes no token is not asked again and again.
    ibm.fail(Some(vec![Step::Send(json_answer(401, r#"{"errors":[{"message":"no"}]}"#))]));
    for _ in 0..3 {
        let said = reader.refusal(&crn("1"), Reason::SecretNotReadable).await;
        assert!(said.contains("(401): no"), "{said}");
    }
    assert_eq!((logins(&server), reads(&server).len()), (2, 6));
}

#[tokio::test]
async fn a_refusal_says_why_and_an_outage_is_none() {
    let (ibm, server) = Ibm::start().await;
    let reader = Reader::of_cloud(&server, OWN_KEY);
    let said = reader.refusal(&crn("1"), Reason::SecretNotReadable).await;
    assert!(said.contains("(404, not_found): there is no such secret"), "{said}");
    ibm.put_members("1", json!({"apikey": KEY}));
    let answers = |status, body: &str| vec![Step::Send(json_answer(status, body))];
    let head = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n";
    let long = format!(r#"{{"secret_type":"kv","data":{{"apikey":"{}"}}}}"#, "x".repeat(2 << 20));
    for (fault, reason, says) in [
        (answers(403, r#"{"errors":[{"code":"forbidden"}]}"#), Reason::SecretNotReadable, "(403, forbidden)"),
        (answers(429, "{}"), Reason::SecretManagerUnavailable, "(429)"),
        (answers(503, ""), Reason::SecretManagerUnavailable, "(503)"),
        (answers(200, "<html>"), Reason::SecretManagerUnavailable, "is no secret"),
        (answers(200, &long), Reason::SecretNotReadable, "more than 1048576 bytes"),
        (vec![Step::Send(head.into())], Reason::SecretManagerUnavailable, "redirects are not followed"),
        (vec![Step::Send(stream_head()), Step::Reset], Reason::SecretManagerUnavailable, "broke off"),
        (vec![Step::Reset], Reason::SecretManagerUnavailable, "could not be reached"),
    ] {
        ibm.fail(Some(fault));
        let said = reader.refusal(&crn("1"), reason).await;
        assert!(said.contains(says), "{said}");
    }
    ibm.fail(None);
    reader.read(&crn("1")).await.expect("it is back");
}

#[tokio::test]
async fn a_secret_that_is_not_active_is_not_used() {
    let (ibm, server) = Ibm::start().await;
    let reader = Reader::of_cloud(&server, OWN_KEY);
    for (state, says) in [(0, "not activated"), (2, "suspended"), (3, "deactivated"), (5, "destroyed")] {
        ibm.put("1", json!({"secret_type": "kv", "state": state, "data": {"apikey": KEY}}));
        let said = reader.refusal(&crn("1"), Reason::SecretNotReadable).await;
        assert!(said.contains(says), "{said}");
    }
    ibm.put("1", json!({"secret_type": "username_password", "username": "anna", "password": KEY}));
    let said = reader.refusal(&crn("1"), Reason::SecretNotReadable).await;
    assert!(said.contains("username_password"), "{said}");
    ibm.put("1", json!({"secret_type": "kv", "crn": crn("2"), "data": {"apikey": KEY}}));
    let said = reader.refusal(&crn("1"), Reason::SecretNotReadable).await;
    assert!(said.contains("another secret"), "{said}");
}

#[tokio::test]
async fn a_wrong_key_of_the_gateway_is_told_without_it() {
    let (ibm, server) = Ibm::start().await;
    ibm.put_members("1", json!({"apikey": KEY}));
    // The identity service echoes what it was sent.
    let wrong = "another-key-of-the-gateway";
    let said = Reader::of_cloud(&server, wrong).refusal(&crn("1"), Reason::SecretNotReadable).await;
    assert!(said.contains("BXNIM0415E") && said.contains("[redacted]") && !said.contains(wrong), "{said}");
    let nothing = Reader::of_cloud(&server, OWN_KEY);
    let nothing = Reader { own: Credential::default(), ..nothing };
    let said = nothing.refusal(&crn("1"), Reason::SecretNotReadable).await;
    assert!(said.contains("no credential \"apikey\""), "{said}");
    assert!(reads(&server).is_empty());
}

#[tokio::test]
async fn a_key_value_secret_of_software_hub_is_unwrapped() {
    let (ibm, server) = Ibm::start().await;
    ibm.put_in_hub(URN, json!({"generic": {"apikey": KEY, "port": 8443}}));
    for own in ["apikey", "password"] {
        let read = Reader::of_hub(&server, own).read(URN).await.expect("members");
        assert_eq!(read, pairs(&[("apikey", KEY), ("port", "8443")]), "{own}");
    }
    let bodies = server.requests().into_iter().filter(|request| request.path == "/icp4d-api/v1/authorize");
    let bodies: Vec<_> = bodies.map(|request| String::from_utf8(request.body).expect("text")).collect();
    let body = |name: &str| format!(r#"{{"username":"{USERNAME}","{name}":"{OWN_KEY}"}}"#);
    assert_eq!(bodies, [body("api_key"), body("password")]);
    assert_eq!(reads(&server)[0].path, "/zen-data/v2/secrets/1000330999%3Aopenai");

    let reader = Reader::of_hub(&server, "apikey");
    ibm.put_in_hub(URN, json!({"credentials": {"username": "anna", "password": KEY}}));
    let said = reader.refusal(URN, Reason::SecretNotReadable).await;
    assert!(said.contains("of type credentials"), "{said}");
    let said = reader.refusal("1000330999:other", Reason::SecretNotReadable).await;
    assert!(said.contains("no such secret"), "{said}");
    ibm.end_tokens();
    ibm.put_in_hub(URN, json!({"generic": {"apikey": KEY}}));
    assert_eq!(reader.read(URN).await.expect("members"), pairs(&[("apikey", KEY)]));
}

#[tokio::test]
async fn each_manager_reads_its_own_words_only() {
    let (_, server) = Ibm::start().await;
    let (cloud, hub) = (Reader::of_cloud(&server, OWN_KEY), Reader::of_hub(&server, "apikey"));
    for (reader, resource) in [(&cloud, URN.to_owned()), (&hub, crn("1")), (&cloud, "vault:a".into())] {
        let said = reader.refusal(&resource, Reason::SecretNotReadable).await;
        assert!(said.contains("name another secret manager"), "{said}");
    }
    assert!(server.requests().is_empty());
}
