//! Whole resources from files, and names that look like something else.

use super::{Done, finish, must, run, sluicegate};
use crate::support::{TestGateway, start_gateway};

async fn with_input(gateway: &TestGateway, arguments: &[&str], input: &str) -> Done {
    let mut command = sluicegate(&gateway.url);
    command.args(arguments);
    finish(command, input).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_comes_from_json_or_yaml_with_flags_on_top() {
    let gateway = start_gateway().await;
    let json = r#"{"name": "east", "type": "demo", "labels": {"a": "1", "b": "2"}}"#;
    let yaml = "# As in a seed file.\nname: east\ntype: demo\nlabels:\n  a: '1'\n  b: '2'\n";
    for (name, text) in [("from-json", json), ("from-yaml", yaml)] {
        let arguments = ["provider", "create", name, "--file", "-", "--label", "b=3", "-o", "json"];
        let done = with_input(&gateway, &arguments, text).await;
        assert_eq!(done.code, 0, "{done:?}");
        let made = done.json();
        assert_eq!(made["name"], name);
        assert_eq!(made["labels"], serde_json::json!({"a": "1", "b": "3"}));
    }
    // What was read can be written back, changed.
    for format in ["json", "yaml"] {
        let read = must(&gateway, &["provider", "get", "from-json", "-o", format]).await.out;
        let changed = read.replace("from-json", &format!("from-{format}-2"));
        let done = with_input(&gateway, &["provider", "update", "from-json", "--file", "-"], &changed).await;
        assert_eq!(done.code, 0, "{done:?}");
        must(&gateway, &["provider", "update", &format!("from-{format}-2"), "--name", "from-json"]).await;
    }
    // A file replaces all that is stored.
    let done =
        with_input(&gateway, &["provider", "update", "from-yaml", "--file", "-"], "name: from-yaml").await;
    assert!(done.code == 0 && !done.out.contains("labels"), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_file_is_named_and_not_shown() {
    let gateway = start_gateway().await;
    let cases = [
        ("{\"name\": \"x\", \"nonsense\": \"sk-secret\"}", "nonsense"),
        ("name: x\nnonsense: sk-secret\n", "nonsense"),
        ("name: [x, sk-secret\n", "line"),
        ("{\"name\": \"x\", sk-secret", "-: "),
        ("name: 5\ntype: demo\n", "name"),
        ("- name: x\n", "-: "),
    ];
    for (text, words) in cases {
        let done = with_input(&gateway, &["provider", "create", "--file", "-"], text).await;
        assert_eq!(done.code, 2, "{text}: {done:?}");
        assert!(done.err.contains(words) && !done.err.contains("sk-secret"), "{text}: {done:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_may_look_like_a_flag_or_be_of_any_letters() {
    let gateway = start_gateway().await;
    for name in ["-x", "--role", "日本 语", "a b", "\u{1f511}"] {
        must(&gateway, &["api-key", "create", "--role", "user", "--", name]).await;
        let shown = must(&gateway, &["api-key", "get", "-o", "json", "--", name]).await.json();
        assert_eq!(shown["name"], name);
        let done = must(&gateway, &["api-key", "delete", "--", name]).await;
        assert_eq!(done.out, format!("deleted API key {name:?}\n"));
    }
    let done = run(&gateway, &["api-key", "get", "-x"]).await;
    assert_eq!(done.code, 2, "{done:?}");
}
