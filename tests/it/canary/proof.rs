//! The detector is proved: what is planted is found, in every form and in every sink of the suite.

use std::{
    fmt::Write as _,
    os::unix::process::CommandExt as _,
    process::{Command, Stdio},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};

use super::{Detector, suite};
use crate::{
    program::Gateway,
    support::{ADMIN_KEY, start_gateway},
};

const SECRET: &str = "sk-planted~>?0123456789?>~abcdefgh";

/// Tells a test that it runs in a process of its own, in which it is to leak.
const PLANT: &str = "SLUICEGATE_TEST_PLANT";

fn detector() -> Detector {
    Detector::new([("planted", SECRET.as_bytes())])
}

fn escaped(each: impl Fn(u8) -> String) -> String {
    SECRET.bytes().map(each).collect()
}

/// Every form in which a secret may go out.
fn forms() -> Vec<(&'static str, String)> {
    let mut forms = vec![
        ("plain", SECRET.to_owned()),
        ("every letter in percents", escaped(|byte| format!("%{byte:02x}"))),
        (
            "percents where a URL needs them",
            url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect(),
        ),
        ("JSON, every letter escaped", escaped(|byte| format!("\\u{byte:04X}"))),
        ("JSON in JSON", escaped(|byte| format!("\\\\u{byte:04x}"))),
        ("bytes as Rust prints them", escaped(|byte| format!("\\x{byte:02x}"))),
        ("letters as Rust prints them", escaped(|byte| format!("\\u{{{byte:x}}}"))),
        ("numbers as Rust prints them", format!("{:?}", SECRET.as_bytes())),
        ("numbers in JSON", serde_json::to_string(SECRET.as_bytes()).expect("JSON")),
        ("hexadecimal", escaped(|byte| format!("{byte:02x}"))),
        ("upper hexadecimal", escaped(|byte| format!("{byte:02X}"))),
        ("its beginning", SECRET[..SECRET.len() / 2].to_owned()),
        ("its end", SECRET[SECRET.len() / 2..].to_owned()),
    ];
    for before in 0..3 {
        let text = format!("{}{SECRET}:x", "u".repeat(before));
        for (name, alphabet) in [
            ("base64", &STANDARD),
            ("base64 without padding", &STANDARD_NO_PAD),
            ("base64 for URLs", &URL_SAFE),
            ("base64 for URLs without padding", &URL_SAFE_NO_PAD),
        ] {
            let encoded = alphabet.encode(&text);
            forms.push((
                "base64 in percents",
                encoded.bytes().fold(String::new(), |mut all, byte| {
                    write!(all, "%{byte:02X}").expect("written");
                    all
                }),
            ));
            forms.push((name, encoded));
        }
    }
    forms
}

#[test]
fn a_planted_secret_is_found_in_every_form_and_wherever_it_is_cut() {
    let detector = detector();
    for (name, form) in forms() {
        let leaks = detector.leaks(format!("before {form} after").as_bytes());
        assert_eq!(leaks.len(), 1, "{name}: {form}");
        assert_eq!(leaks[0].secret, "planted");
    }
    for cut in 0..=SECRET.len() {
        let (one, other) = SECRET.split_at(cut);
        let written = format!("DEBUG a: {one}\nDEBUG b: {other}\n");
        assert_eq!(detector.leaks(written.as_bytes()).len(), 1, "{written}");
    }
}

#[test]
fn what_is_no_secret_is_not_found() {
    let text = format!(
        "100% \\ \\u \\u{{zz}} %zz sk-planted {} {}",
        &SECRET[..12],
        STANDARD.encode("sk-another-key-0123456789")
    );
    assert_eq!(detector().leaks(text.as_bytes()), []);
    let shapes = Detector::new([]).with_shapes();
    let text = "sg-short, a-sg-0123456789abcdef0123456789abcdef0123456789, eyJhbGciOiJIUzI1NiJ9";
    assert_eq!(shapes.leaks(text.as_bytes()), []);
}

#[tokio::test]
async fn keys_and_tokens_that_the_gateway_made_are_known_by_their_shape() {
    let gateway = start_gateway().await;
    let key = gateway.key(sluicegate_client::v1::AccessRole::User).await;
    assert_eq!(suite::DETECTOR.leaks(format!("key=\"{key}\"").as_bytes()).len(), 1, "{key}");
    let asked = gateway.http.post(format!("{}/identity/token", gateway.url));
    let grant = format!("grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey={ADMIN_KEY}");
    let asked = asked.header("content-type", "application/x-www-form-urlencoded").body(grant);
    let answer = asked.send().await.expect("an answer").text().await.expect("text");
    assert!(!suite::DETECTOR.leaks(answer.as_bytes()).is_empty(), "{answer}");
}

#[test]
fn the_secrets_of_the_suite_are_known() {
    let known = suite::secrets();
    for secret in [
        ADMIN_KEY,
        "sk-canary-do-not-show-0123456789",
        "upstream-secret-0123456789abcwxyz",
        "sk-east-0123456789abcdef",
        "wrong-key-0123456789",
    ] {
        assert!(known.iter().any(|known| known == secret), "{secret} is not known: {known:#?}");
    }
}

/// Runs this test again in a process of its own, which has to be ended by what it plants.
fn dies(test: &str) {
    let own = std::env::current_exe().expect("this program");
    let mut run = Command::new(own);
    run.args(["--exact", test, "--nocapture"]).env(PLANT, "1").process_group(0);
    let run = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let group = format!("-{}", run.id());
    let run = run.wait_with_output().expect("it runs");
    // Whoever is ended so does not end the gateways that it has started.
    let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    let told = String::from_utf8_lossy(&run.stderr);
    assert!(!run.status.success() && told.contains("a secret is in"), "{told}");
}

fn plants() -> bool {
    std::env::var_os(PLANT).is_some()
}

#[tokio::test]
async fn a_secret_in_the_log_of_a_gateway_in_this_process_ends_the_suite() {
    if !plants() {
        return dies("canary::proof::a_secret_in_the_log_of_a_gateway_in_this_process_ends_the_suite");
    }
    let _gateway = start_gateway().await;
    tracing::trace!(target: "sluicegate::gateway", header = %format!("Bearer {ADMIN_KEY}"), "planted");
}

/// The name of the seed file is logged; here it is a secret.
#[test]
fn a_secret_in_the_log_of_a_gateway_of_its_own_ends_the_suite() {
    if !plants() {
        return dies("canary::proof::a_secret_in_the_log_of_a_gateway_of_its_own_ends_the_suite");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let seed = folder.path().join(format!("{ADMIN_KEY}.yaml"));
    std::fs::write(&seed, "[]").expect("a seed file");
    let arguments = ["--config", seed.to_str().expect("a path")];
    let (_gateway, log) = Gateway::start_heard(&folder.path().join("data"), &arguments, &[]);
    log.tells("never logged");
}
