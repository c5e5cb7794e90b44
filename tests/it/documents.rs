//! Documents say what is true: every shell block in them runs.

use std::{fs, path::Path, process::Command};

use crate::support::{ADMIN_KEY, FakeUpstream, Step, chat_answer, json_answer, start_gateway};

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
    let readme =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("the README");
    let blocks = shell_blocks(&readme);
    assert!(blocks.len() > DOORS.len(), "the README has commands");
    for block in blocks.into_iter().filter(|block| !DOORS.contains(&block.trim())) {
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", &block]);
        command.env("KEY", ADMIN_KEY).env("UPSTREAM", &upstream.base_url);
        command.env("HOST", gateway.url.trim_start_matches("http://"));
        command.env("PATH", crate::peers::path_with(&peers));
        let output =
            tokio::task::spawn_blocking(move || command.output().expect("bash")).await.expect("awaited");
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{block}\n{text}");
        assert!(!text.contains("\"error\""), "{block}\n{text}");
    }
}

fn shell_blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut current: Option<String> = None;
    for line in text.lines() {
        match (&mut current, line) {
            (None, "```sh") => current = Some(String::new()),
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
