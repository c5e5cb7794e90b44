//! The README's three steps to add a provider, followed as far as a running test can: its row is compiled here and goes
//! through the suite with fixtures of its own. The registry is not touched; it would have to be compiled anew.

use std::{fs, path::Path};

use serde_json::{Value, json};
use sluicegate::{
    proto::v1::Operation,
    providers::{
        Auth, Endpoint, ProviderType, REGISTRY,
        openai_dialect::{Dialect, Quirks},
    },
};

use super::{
    fixture::{Review, Subject},
    golden::{review_answers, review_errors, review_requests, review_streams},
    laws::{chopped_differs, ends_badly},
    operation,
};

const README: &str = include_str!("../../../README.md");
const THIS_FILE: &str = include_str!("new_vendor.rs");

// As the README has it, to the letter.
static ROW: ProviderType = ProviderType {
    name: "example",
    title: "Example",
    endpoint: Endpoint::Url("https://api.example.com/v1"),
    auth: &[Auth::Bearer],
    settings: &[],
    environment: &[("EXAMPLE_API_KEY", "apikey")],
    adapter: &Dialect {
        provider_type: "example",
        operations: &[Operation::Chat, Operation::StreamChat, Operation::ListModels],
        quirks: Quirks { drops: &["logit_bias"], renames: &[("seed", "random_seed")], ..Quirks::NONE },
    },
};

/// The steps, without their code.
fn steps() -> Vec<String> {
    let section = README.split("## Add a provider in three steps").nth(1).expect("the section");
    let section = section.split("\n## ").next().expect("its text");
    let prose: String = section.split("```").step_by(2).collect();
    (1..).map_while(|number| prose.split(&format!("\n{number}. ")).nth(1).map(str::to_owned)).collect()
}

/// What stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn the_readmes_row_is_the_one_that_is_tried_here() {
    let block = README.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a row");
    let row: Vec<_> = block.lines().map(|line| line.strip_prefix("   ").unwrap_or(line)).collect();
    assert!(row.len() > 10);
    assert!(THIS_FILE.contains(row.join("\n").trim_end()), "the README's row is not the row above");
}

#[test]
fn the_readmes_steps_name_what_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let steps = steps();
    assert_eq!(steps.len(), 3);
    for step in &steps {
        let paths: Vec<_> = quoted(step).filter(|text| text.contains('/')).collect();
        assert!(!paths.is_empty(), "a step names no place: {step}");
        for path in paths {
            assert!(root.join(path).exists(), "{path} is not there");
        }
    }
    assert!(quoted(&steps[2]).any(|text| text == "UPDATE_FIXTURES=1 cargo test --test it providers"));
    assert!(module_path!().starts_with("it::providers"), "the command runs this suite");
}

#[test]
fn every_row_is_one_file_one_line_and_one_folder() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let registry = fs::read_to_string(root.join("server/providers/mod.rs")).expect("the registry");
    for row in REGISTRY {
        let module = row.name.replace('-', "_");
        assert!(registry.contains(&format!("mod {module};")), "{module}");
        assert!(registry.contains(&format!("&{module}::ROW")), "{module}");
        let file = root.join(format!("server/providers/{module}.rs"));
        assert!(file.exists() || root.join(format!("server/providers/{module}")).is_dir(), "{module}");
        assert!(root.join("tests/fixtures").join(row.name).is_dir(), "{module}");
        assert!(README.contains(&format!("| `{}` |", row.name)), "the README does not list {}", row.name);
    }
}

#[test]
fn a_new_vendor_goes_through_the_whole_suite() {
    let folder = tempfile::tempdir().expect("a folder");
    let subject = Subject::elsewhere(&ROW, Box::leak(folder.path().to_owned().into_boxed_path()));
    write_fixtures(&subject.folder("."));

    let mut first = Review::rewriting();
    review(subject, &mut first);
    assert!(first.wrong.is_empty(), "{:?}", first.wrong);
    let mut second = Review::comparing();
    review(subject, &mut second);
    assert!(second.wrong.is_empty(), "{:?}", second.wrong);

    let asked: Value = golden(subject, "requests/sampling.json");
    assert_eq!(asked["path"], "/chat/completions");
    assert_eq!(asked["dropped"], json!(["logit_bias"]));
    assert!(asked["body"].get("random_seed").is_some() && asked["body"].get("seed").is_none(), "{asked}");
    let refused: Value = golden(subject, "requests/embedding-text.json");
    assert_eq!(refused["refused"]["reason"], "NOT_SUPPORTED");
    let read: Value = golden(subject, "answers/text.answer.json");
    assert_eq!(read["choices"][0]["message"]["parts"][0]["text"]["text"], "Hi");
    let error: Value = golden(subject, "errors/limit.expected.json");
    assert_eq!(error["reason"], "PROVIDER_RATE_LIMITED");

    let body = fs::read(subject.folder("answers/text.stream.txt")).expect("the stream");
    let (chat, settings) = (operation::Operation::Chat, subject.settings());
    assert_eq!(chopped_differs(chat, subject.adapter(), &body, &settings), None);
    let streamed = chat.stream(subject.adapter(), std::iter::once(body.as_slice()), &settings);
    assert!(streamed.ended.is_ok() && ends_badly(&streamed).is_none(), "{streamed:?}");

    // What the vendor says has changed: the suite finds it.
    fs::write(subject.folder("answers/text.reply.json"), reply("Ho").to_string()).expect("a file");
    let mut third = Review::comparing();
    review(subject, &mut third);
    assert_eq!(third.wrong.len(), 1, "{:?}", third.wrong);
}

fn review(subject: Subject, review: &mut Review) {
    review_requests(subject, review);
    review_answers(subject, review);
    review_streams(subject, review);
    review_errors(subject, review);
}

fn golden(subject: Subject, path: &str) -> Value {
    let bytes = fs::read(subject.folder(path)).expect("a golden file");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn reply(text: &str) -> Value {
    json!({"id": "1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}})
}

fn write_fixtures(folder: &Path) {
    let (answers, errors) = (folder.join("answers"), folder.join("errors"));
    let chunk = |delta: Value, finish: Value| {
        json!({"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
    };
    let events = [
        chunk(json!({"role": "assistant", "content": "H"}), Value::Null),
        chunk(json!({"content": "i"}), json!("stop")),
    ];
    let stream: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let limit = json!({"status": 429, "body": {"error": {"message": "slow down"}}});
    for (path, text) in [
        (answers.join("text.reply.json"), reply("Hi").to_string()),
        (answers.join("text.stream.txt"), stream + "data: [DONE]\n\n"),
        (errors.join("limit.json"), limit.to_string()),
    ] {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
}
