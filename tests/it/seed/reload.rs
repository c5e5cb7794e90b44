//! A file that changes while the gateway runs.

use std::fs;

use super::Gateway;

fn file(models: &[&str]) -> String {
    let mut text = "- createProvider: {provider: {name: p, type: demo}}\n".to_owned();
    for model in models {
        text.push_str(&format!(
            "- createModel: {{model: {{provider: p, upstreamId: demo, alias: {model}}}}}\n"
        ));
    }
    text
}

async fn aliases(gateway: &Gateway) -> Vec<String> {
    let models = gateway.read("/sluicegate/v1/models").await;
    let models = models["models"].as_array().expect("a list");
    models.iter().map(|model| model["alias"].as_str().expect("an alias").to_owned()).collect()
}

#[tokio::test]
async fn a_change_is_applied_a_broken_one_is_told_and_hangup_asks_for_it_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("seed.yaml");
    fs::write(&path, file(&["one"])).expect("the file");
    let flags = ["--config", path.to_str().expect("UTF-8")];
    let gateway = Gateway::start(&folder.path().join("data"), &flags, &[]);
    gateway.logs("the seed file was applied");

    // As editors and container platforms do it: another file takes the place.
    let beside = folder.path().join("new");
    fs::write(&beside, file(&["one", "two"])).expect("a file");
    fs::rename(&beside, &path).expect("it takes the place");
    let line = gateway.logs("the seed file was applied");
    assert!(line.contains("\"changes\":1") && line.contains("\"revision\":"), "{line}");
    assert_eq!(aliases(&gateway).await, ["one", "two"]);

    fs::write(
        &path,
        file(&["three"]) + "- createModel: {model: {provider: q, upstreamId: m, weight: x}}\n- 5\n",
    )
    .expect("a broken file");
    let first = gateway.logs("seed.yaml:3:");
    assert!(first.contains("\"ERROR\"") && first.contains("weight"), "{first}");
    gateway.logs("seed.yaml:4:3");
    assert_eq!(aliases(&gateway).await, ["one", "two"]);

    fs::remove_file(&path).expect("no file");
    gateway.logs("cannot be read");
    fs::write(&path, file(&["three"])).expect("a mended file");
    gateway.logs("the seed file was applied");
    assert_eq!(aliases(&gateway).await, ["one", "two", "three"], "what is not named any more stays");

    // The file is as it was; what it names is not there any more, until somebody asks.
    gateway.delete("/sluicegate/v1/models/three").await;
    assert_eq!(aliases(&gateway).await, ["one", "two"]);
    gateway.hang_up();
    gateway.logs("the seed file was applied");
    assert_eq!(aliases(&gateway).await, ["one", "two", "three"]);
}
