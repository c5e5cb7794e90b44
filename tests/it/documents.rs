//! Documents say what is true: every shell block of the README and of the pages about TLS, access, secrets, audit and
//! authentication runs.

use std::{
    ffi::OsStr,
    fs,
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::{
    secrets::openbao::{OpenBao, ROOT},
    support::{
        ADMIN_KEY, FakeUpstream, Step, TestGateway, chat_answer, json_answer, start_gateway,
        start_gateway_with,
    },
};

/// Blocks that `make test` itself runs, or that would run it.
const DOORS: [&str; 2] = ["make run", "make test"];

#[tokio::test(flavor = "multi_thread")]
async fn commands_in_the_readme_work() {
    let Some(peers) = crate::peers::peers() else { return };
    let upstream = FakeUpstream::start(|request| match request.path.as_str() {
        "/v1/models" => vec![Step::Send(json_answer(
            200,
            r#"{"object": "list", "data": [{"id": "tiny", "object": "model"}]}"#,
        ))],
        _ => vec![Step::Send(chat_answer("Hello"))],
    })
    .await;
    let gateway = start_gateway().await;
    commands_work(&gateway, &peers, "README.md", &upstream.base_url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_about_access_work() {
    let Some(peers) = crate::peers::peers() else { return };
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let told = commands_work(&gateway, &peers, "docs/access.md", "").await;
    // What the page says of its last example, from both tools.
    assert_eq!(told.matches("ACCESS_RULE_DENIED").count(), 2, "{told}");
    assert_eq!(told.matches("key \\\"shop\\\" may not: policy ").count(), 2, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_about_the_audit_log_work() {
    let Some(peers) = crate::peers::peers() else { return };
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let mut told = String::new();
    for block in shell_blocks("docs/audit.md") {
        let block = block.replace("http://127.0.0.1:8080", &gateway.url);
        let mut command = shell(&peers, &block);
        command.env("SLUICEGATE_SERVER", &gateway.url).env("SLUICEGATE_API_KEY", ADMIN_KEY);
        told += &works(command, &block).await;
    }
    assert!(told.contains("CreateProvider") && told.contains("\"intact\":true"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_about_secrets_work() {
    let Some(bao) = OpenBao::start() else { return };
    let Some(peers) = crate::peers::peers() else { return };
    let (first, next) = ("sk-first-0123456789", "sk-next-0123456789");
    let answered = AtomicBool::new(false);
    // It takes the next key as soon as it has answered to the first.
    let upstream = FakeUpstream::start(move |request| {
        let was_answered = answered.load(Ordering::SeqCst);
        if !request.head.contains(if was_answered { next } else { first }) {
            return vec![Step::Send(json_answer(401, r#"{"error": {"message": "wrong key"}}"#))];
        }
        answered.store(true, Ordering::SeqCst);
        vec![Step::Send(chat_answer("Hello"))]
    })
    .await;
    let gateway = start_gateway().await;
    let blocks = shell_blocks("docs/secrets.md");
    let mut told = String::new();
    for block in blocks {
        let place = upstream.base_url.trim_end_matches("/v1");
        let block =
            block.replace("https://vault.example.com:8200", &bao.url).replace("api.openai.com", place);
        let block =
            block.replace("--type openai", &format!("--type openai --base-url {}", upstream.base_url));
        let typed = r#""type": "openai""#;
        let block = block.replace(typed, &format!(r#"{typed}, "baseUrl": "{}""#, upstream.base_url));
        let mut command = shell(&peers, &block);
        command.env("HOST", gateway.url.trim_start_matches("http://")).env("HOME", gateway.data.path());
        command.env("BAO_ADDR", &bao.url).env("BAO_TOKEN", ROOT).env("VAULT_TOKEN", ROOT);
        command.env("UPSTREAM_KEY", first).env("NEXT_KEY", next);
        told += &works(command, &block).await;
    }
    assert_eq!(told.matches("Hello").count(), 2, "{told}");
    assert!(![first, next, ROOT].iter().any(|secret| told.contains(secret)), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_about_authentication_work() {
    let Some(peers) = crate::peers::peers() else { return };
    let provider = crate::peers::Server::start(&peers, "oidc_provider.mjs");
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let told = commands_work(&gateway, &peers, "docs/authentication.md", &provider.url).await;
    assert!(told.contains("chat.completion"), "{told}");
}

/// Runs the commands of a page and gives what they wrote.
async fn commands_work(gateway: &TestGateway, peers: &Path, page: &str, upstream: &str) -> String {
    let mut blocks = shell_blocks(page);
    blocks.retain(|block| !DOORS.contains(&block.trim()));
    assert!(!blocks.is_empty(), "the page has commands");
    let mut told = String::new();
    for block in blocks {
        let mut command = shell(peers, &block);
        command
            .env("UPSTREAM", upstream)
            .env("VAULT_TOKEN", "vault-token-0123456789")
            .env("ISSUER", upstream)
            .env("HOST", gateway.url.trim_start_matches("http://"));
        told += &works(command, &block).await;
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_about_tls_work() {
    let Some(peers) = crate::peers::peers() else { return };
    let gateway = start_gateway_with(&["--tls-self-signed", "--admin-listen=127.0.0.1:0"]).await;
    let folder = tempfile::tempdir().expect("a folder");
    std::os::unix::fs::symlink(gateway.data.path(), folder.path().join("data")).expect("a link");
    let port = |url: &str| format!(":{}", url.rsplit(':').next().expect("a port"));
    let administration = gateway.app.admin_url().expect("an address for administration");
    let (calls, administration) = (port(&gateway.url), port(&administration));
    let blocks = shell_blocks("docs/tls.md");
    assert!(blocks.len() > 3, "the page has commands");
    for block in blocks {
        let block = block.replace(":8080", &calls).replace(":8081", &administration);
        let mut command = shell(&peers, &block);
        command.current_dir(folder.path());
        works(command, &block).await;
    }
}

/// The block as a program.
fn shell(peers: &Path, block: &str) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_sluicegate")).parent().expect("its folder");
    let path = [program.as_os_str(), &crate::peers::path_with(peers)].join(OsStr::new(":"));
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", block]).env("KEY", ADMIN_KEY).env("PATH", path);
    command
}

async fn works(mut command: Command, block: &str) -> String {
    let output = tokio::task::spawn_blocking(move || command.output().expect("bash")).await.expect("awaited");
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{block}\n{text}");
    assert!(!text.contains("\"error\""), "{block}\n{text}");
    text
}

fn shell_blocks(document: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document)).expect(document);
    blocks(&text, "sh")
}

/// The blocks of a language in a document.
pub fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}");
    let mut blocks = Vec::new();
    let mut current: Option<String> = None;
    for line in text.lines() {
        match (&mut current, line) {
            (None, line) if line == fence => current = Some(String::new()),
            (Some(_), "```") => blocks.extend(current.take()),
            (Some(block), line) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, _) => {}
        }
    }
    blocks
}
