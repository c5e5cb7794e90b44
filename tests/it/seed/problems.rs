//! What is said of mistakes.

use std::fs;

use super::{program, root, run};

/// Checks the text and gives what is said, with `seed` for the name of the file.
fn told(text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("seed.yaml");
    fs::write(&path, text).expect("the file");
    let (content, _, errors) = run(program().args(["seed", "check"]).arg(&path));
    assert_eq!(content, errors.is_empty(), "{errors}");
    let name = path.display().to_string();
    errors.lines().map(|line| line.replace(&name, "seed").replace("error: ", "")).collect()
}

/// Whether `text` has one problem, at this place and with these words.
fn has(text: &str, place: &str, words: &str) {
    let told = told(text);
    assert!(told.len() == 1 && told[0].starts_with(place) && told[0].contains(words), "{text:?}: {told:#?}");
}

#[test]
fn all_problems_of_a_file_are_told_at_once_with_their_lines() {
    let folder = root().join("tests/it/seed");
    let text = fs::read_to_string(folder.join("problems.yaml")).expect("the file");
    let found = told(&text).join("\n") + "\n";
    let golden = folder.join("problems.txt");
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        fs::write(&golden, &found).expect("the golden file");
    }
    assert_eq!(found, fs::read_to_string(golden).expect("the golden file"));
}

#[test]
fn the_examples_are_right() {
    for name in ["team.seed.yaml", "demo.seed.json"] {
        let (content, out, errors) =
            run(program().args(["seed", "check"]).arg(root().join("examples").join(name)));
        assert!(content && out.contains("is right"), "{name}: {errors}");
    }
}

#[test]
fn a_gateway_does_not_start_with_a_file_that_has_problems() {
    let folder = tempfile::tempdir().expect("a folder");
    let seed = root().join("tests/it/seed/problems.yaml");
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--data-dir"];
    let (content, _, errors) = run(program().args(arguments).arg(folder.path()).arg("--config").arg(&seed));
    let lines =
        errors.lines().filter(|line| line.starts_with("error: ") && line.contains("problems.yaml:")).count();
    let golden = fs::read_to_string(root().join("tests/it/seed/problems.txt")).expect("the golden file");
    assert!(!content && lines == golden.lines().count(), "{errors}");
}

#[test]
fn a_text_without_quotes_is_taken_as_it_is_written() {
    let text = "\
- createProvider: {provider: {name: on, type: demo, labels: {a: 1e3, b: no, c: 0123, d: 2024-01-01, e: 0x1F}}}
- createModel: {model: {provider: on, upstreamId: 1e3, alias: 0755, weight: \"2\"}}
- createRateLimit: {rateLimit: {type: RATE_LIMIT_TYPE_MODEL, model: 0755,
    request: {amount: 9007199254740993, capacity: \"9007199254740993\", duration: 1m}}}
- createApiKey: {apiKey: {name: off, role: ACCESS_ROLE_USER, disabled: true}, secret: 0123456789012345}
";
    assert_eq!(told(text), [""; 0]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("seed.yaml");
    fs::write(&path, text).expect("the file");
    let gateway =
        super::Gateway::start(&folder.path().join("data"), &["--config", path.to_str().expect("UTF-8")], &[]);
    let (content, exported, errors) = gateway.export(&["--format", "json"]);
    assert!(content, "{errors}");
    let exported: serde_json::Value = serde_json::from_str(&exported).expect("JSON");
    let labels = serde_json::json!({"a": "1e3", "b": "no", "c": "0123", "d": "2024-01-01", "e": "0x1F"});
    assert_eq!(exported[1]["createProvider"]["provider"]["labels"], labels);
    assert_eq!(exported[2]["createModel"]["model"]["upstreamId"], "1e3");
    assert_eq!(exported[4]["createRateLimit"]["rateLimit"]["request"]["amount"], "9007199254740993");
}

#[test]
fn what_yaml_may_mean_otherwise_is_refused_with_advice() {
    let model = |member: &str| {
        format!("- createModel:\n    model:\n      provider: p\n      upstreamId: m\n      {member}\n")
    };
    let with_provider =
        |member: &str| format!("- createProvider: {{provider: {{name: p, type: demo}}}}\n{}", model(member));
    for (member, place, words) in [
        ("weight: 1e3", "seed:6:15: [1].createModel.model.weight", "whole number"),
        ("weight: 0x10", "seed:6:15", "whole number"),
        ("weight: 010", "seed:6:15", "whole number"),
        ("weight: 99999999999", "seed:6:15", "whole number"),
        ("labels: {a: }", "seed:6:17: [1].createModel.model.labels.a", "in quotes"),
        ("labels: {a: null}", "seed:6:19", "in quotes"),
        ("labels: {a: [x]}", "seed:6:19", "must be a text"),
        ("labels: [a]", "seed:6:15", "must be an object"),
        ("alias: a\n      alias: b", "seed:7:7: \"alias\"", "second time"),
        ("upstream_id: n", "seed:6:7: [1].createModel.model.upstream_id", "second time"),
        ("<<: {alias: a}", "seed:6:7", "merge"),
    ] {
        let told = told(&with_provider(member));
        let fits = |line: &String| line.starts_with(place) && line.contains(words);
        assert!(told.iter().any(fits), "{member}: {told:#?}");
    }
    for word in ["yes", "on", "\"true\"", "1"] {
        let text = format!(
            "- createApiKey: {{apiKey: {{name: a, role: ACCESS_ROLE_USER, disabled: {word}}}, secret: 0123456789abcdef}}\n"
        );
        has(&text, "seed:1:70: [0].createApiKey.apiKey.disabled", "true or false");
    }
}

#[test]
fn what_is_null_is_not_said() {
    let text = "- createProvider: {provider: {name: p, type: demo, baseUrl: null, labels: ~, settings: }}\n";
    assert_eq!(told(text), [""; 0]);
}

#[test]
fn a_file_that_breaks_off_still_tells_what_stands_before() {
    let told = told(
        "- createNothing: {}\n- createModel: {model: {provider: north, upstreamId: m}}\n- createModel: {model: [\n",
    );
    assert_eq!(told.len(), 3, "{told:#?}");
    for (line, place) in told.iter().zip(["seed:1:3", "seed:2:35", "seed:3:"]) {
        assert!(line.starts_with(place), "{told:#?}");
    }
}

#[test]
fn one_mistake_is_told_once() {
    // What names the broken provider, and what names its model, is not to blame.
    let text = "\
- createProvider: {provider: {name: p, type: nobody}}
- createModel: {model: {provider: p, upstreamId: m}}
- createPolicy: {policy: {subject: g, action: POLICY_ACTION_READ, resource: 'model:m'}}
- createRateLimit: {rateLimit: {type: RATE_LIMIT_TYPE_PROVIDER, provider: p, request: {amount: 1, capacity: 1, duration: 1s}}}
";
    has(text, "seed:1:46: [0].createProvider.provider.type", "nobody");
}

#[test]
fn what_is_named_before_it_is_made_is_told_with_both_lines() {
    let text = "\
- createModel: {model: {provider: p, upstreamId: m}}
- createProvider: {provider: {name: p, type: demo}}
";
    has(text, "seed:1:35: [0].createModel.model.provider", "in line 2");
}
