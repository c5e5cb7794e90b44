//! What a real OpenBao cannot be made to say.

use std::{sync::Arc, time::Duration};

use sluicegate::error::Reason::{self, SecretManagerUnavailable, SecretNotReadable};

use super::vault::Reader;
use crate::support::{FakeUpstream, Step, json_answer};

const TOKEN: &str = "hvs.canary-0123456789";
const GOOD: &str = r#"{"data": {"data": {"apikey": "k1"}, "metadata": {"version": 1}}}"#;

/// A vault that knows the token for ever, and answers like this when it is asked for a secret.
async fn vault(steps: Vec<Step>) -> FakeUpstream {
    FakeUpstream::start(move |request| match request.path.as_str() {
        "/v1/auth/token/lookup-self" => {
            vec![Step::Send(json_answer(200, r#"{"data": {"ttl": 0, "renewable": false}}"#))]
        }
        _ => steps.clone(),
    })
    .await
}

fn reader(vault: &FakeUpstream) -> Reader {
    Reader::at(vault.base_url.trim_end_matches("/v1"), &[("token", TOKEN)])
}

#[tokio::test]
async fn an_outage_is_told_from_a_refusal() {
    let page = "<html>welcome</html>";
    let long = format!(r#"{{"data": "{}"}}"#, "x".repeat(1 << 20));
    let cases: [(u16, &str, Reason, &str); 12] = [
        (400, r#"{"errors": ["bad path"]}"#, SecretNotReadable, "bad path"),
        (405, r#"{"errors": ["unsupported operation"]}"#, SecretNotReadable, "unsupported operation"),
        (404, page, SecretNotReadable, "welcome"),
        (429, r#"{"errors": ["rate limit quota exceeded"]}"#, SecretManagerUnavailable, "quota exceeded"),
        (500, r#"{"errors": ["internal error"]}"#, SecretManagerUnavailable, "internal error"),
        (502, page, SecretManagerUnavailable, "502"),
        (503, r#"{"errors": ["Vault is sealed"]}"#, SecretManagerUnavailable, "sealed"),
        (302, "", SecretManagerUnavailable, "redirects are not followed"),
        (200, page, SecretNotReadable, "vault:openai"),
        (200, "", SecretNotReadable, "vault:openai"),
        (200, r#"{"data": {"data": {"apikey": "k1"}}}"#, SecretNotReadable, "version 2"),
        (200, &long, SecretNotReadable, "1048576 bytes"),
    ];
    for (status, body, reason, words) in cases {
        let vault = vault(vec![Step::Send(json_answer(status, body))]).await;
        let said = reader(&vault).refusal("openai", reason).await;
        assert!(said.contains(words), "{status}: {said}");
    }
}

#[tokio::test]
async fn a_redirect_leads_the_token_nowhere() {
    let elsewhere = FakeUpstream::answering(json_answer(200, GOOD)).await;
    let to = format!("HTTP/1.1 307 Any\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", elsewhere.base_url);
    let vault = vault(vec![Step::Send(to.into())]).await;
    reader(&vault).refusal("openai", SecretManagerUnavailable).await;
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_outage() {
    let half = json_answer(200, GOOD)[..60].to_vec();
    for end in [Step::Close, Step::Reset] {
        let vault = vault(vec![Step::Send(half.clone()), end]).await;
        reader(&vault).refusal("openai", SecretManagerUnavailable).await;
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_waited_for_ten_seconds() {
    let vault = vault(vec![Step::Hold]).await;
    let start = tokio::time::Instant::now();
    let said = reader(&vault).refusal("openai", SecretManagerUnavailable).await;
    assert!(said.contains("within 10 s"), "{said}");
    assert!((10..12).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test]
async fn what_a_vault_repeats_of_the_token_is_not_told() {
    let body = format!(r#"{{"errors": ["no such token: {TOKEN}"]}}"#);
    for status in [400, 403, 404, 500] {
        let vault = vault(vec![Step::Send(json_answer(status, &body))]).await;
        let error = reader(&vault).read("openai").await.expect_err("refused");
        assert!(error.message().contains("[redacted]"), "{error}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

#[tokio::test]
async fn a_refusal_leads_to_one_new_login_and_not_to_one_each_time() {
    let login = r#"{"auth": {"client_token": "s.token", "lease_duration": 3600, "renewable": true}}"#;
    let vault = FakeUpstream::start(move |request| {
        let is_login = request.path == "/v1/auth/approle/login";
        let refused = json_answer(403, r#"{"errors": ["permission denied"]}"#);
        vec![Step::Send(if is_login { json_answer(200, login) } else { refused })]
    })
    .await;
    let own = [("role_id", "role-0123456789"), ("secret_id", "secret-0123456789")];
    let reader = Arc::new(Reader::at(vault.base_url.trim_end_matches("/v1"), &own));
    for _ in 0..10 {
        reader.refusal("openai", SecretNotReadable).await;
    }
    let logins = vault.requests().iter().filter(|request| request.path.ends_with("/login")).count();
    assert_eq!(logins, 2);
}

#[tokio::test]
async fn a_token_that_holds_is_used_while_its_renewal_waits() {
    let lookup = r#"{"data": {"ttl": 2, "renewable": true}}"#;
    let renewed = std::sync::atomic::AtomicUsize::new(0);
    let vault = FakeUpstream::start(move |request| match request.path.as_str() {
        "/v1/auth/token/lookup-self" => vec![Step::Send(json_answer(200, lookup))],
        "/v1/auth/token/renew-self" => {
            // The first one is part of the beginning.
            if renewed.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0 {
                return vec![Step::Hold];
            }
            let body = r#"{"auth": {"client_token": "x", "lease_duration": 4, "renewable": true}}"#;
            vec![Step::Send(json_answer(200, body))]
        }
        _ => vec![Step::Send(json_answer(200, GOOD))],
    })
    .await;
    let reader = reader(&vault);
    reader.read("openai").await.expect("a secret");
    // Lookup, renewal, read, and the renewal that waits.
    vault.arrived(4).await;
    let start = tokio::time::Instant::now();
    reader.read("openai").await.expect("a secret");
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
}
