//! The JSON schema that editors check by.

use std::fs;

use serde_json::{Value, json};

use super::{program, root, run};
use crate::pages::holds;

fn schema() -> Value {
    let (content, schema, errors) = run(program().args(["seed", "schema"]));
    assert!(content, "{errors}");
    serde_json::from_str(&schema).expect("JSON")
}

fn yaml(path: &str) -> Value {
    let text = fs::read_to_string(root().join(path)).expect("the file");
    serde_saphyr::from_str(&text).expect("YAML")
}

/// What the reader of the gateway says.
fn is_read(seed: &Value) -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("seed.json");
    fs::write(&path, seed.to_string()).expect("the file");
    run(program().args(["seed", "check"]).arg(&path)).0
}

#[test]
fn the_committed_schema_is_what_the_program_writes() {
    let (_, schema, _) = run(program().args(["seed", "schema"]));
    holds("seed.schema.json", &schema);
}

#[test]
fn the_schema_is_a_schema_and_takes_all_examples() {
    let schema = schema();
    assert!(jsonschema::meta::is_valid(&schema));
    let judge = jsonschema::validator_for(&schema).expect("a schema");
    for path in ["examples/team.seed.yaml", "examples/demo.seed.json", "tests/it/seed/full.yaml"] {
        let errors: Vec<_> = judge.iter_errors(&yaml(path)).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{path}: {errors:#?}");
    }
}

#[test]
fn schema_and_reader_agree_on_what_is_wrong() {
    let judge = jsonschema::validator_for(&schema()).expect("a schema");
    let provider = json!({"createProvider": {"provider": {"name": "p", "type": "demo"}}});
    let model = |members: Value| {
        let mut model = json!({"provider": "p", "upstreamId": "m"});
        model.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
        json!([provider, {"createModel": {"model": model}}])
    };
    let key = |members: Value| {
        let mut key = json!({"name": "k", "role": "ACCESS_ROLE_USER"});
        key.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
        json!([{"createApiKey": {"apiKey": key, "secret": "0123456789abcdef"}}])
    };
    let manager = |cache_time: Value| {
        let manager = json!({"name": "v", "vault": {"address": "https://vault.invalid"}, "cacheTime": cache_time,
            "credential": {"inline": {"values": {"token": "0123"}}}});
        json!([{"createSecretManager": {"secretManager": manager}}])
    };
    let issuer = |audiences: Value| json!([{"createIssuer": {"issuer": {"name": "i", "issuerUrl": "https://id.invalid", "audiences": audiences}}}]);
    let limit = |amount: Value| {
        let bucket = json!({"amount": amount, "capacity": 1, "duration": "1s"});
        json!([{"createRateLimit": {"rateLimit": {"type": "RATE_LIMIT_TYPE_TENANT", "request": bucket}}}])
    };
    for right in [
        json!([]),
        model(json!({})),
        model(json!({"weight": 2, "alias": null, "labels": {"a": "b"}})),
        model(json!({"weight": "2"})),
        key(json!({"expireTime": "2099-01-01T00:00:00Z", "disabled": true, "groups": ["g"]})),
        limit(json!(5)),
        limit(json!("9007199254740993")),
        manager(json!("300s")),
        manager(json!("1.5s")),
        manager(json!(null)),
        issuer(json!(["a"])),
    ] {
        assert!(judge.is_valid(&right), "{right}");
        assert!(is_read(&right), "{right}");
    }
    for wrong in [
        json!({}),
        json!([5]),
        json!([{}]),
        json!([{"createNothing": {}}]),
        json!([{"createModel": {}}]),
        json!([{"createProvider": {"provider": {"name": "p"}}}]),
        json!([{"createProvider": {"provider": {"name": "p", "type": "demo"}}, "createModel": {}}]),
        json!([{"createProvider": {"provider": {"name": "p", "type": "demo", "colour": "red"}}}]),
        json!([{"createApiKey": {"apiKey": {"name": "k", "role": "ACCESS_ROLE_USER"}}}]),
        model(json!({"weight": "two"})),
        model(json!({"weight": 1.5})),
        model(json!({"labels": ["a"]})),
        model(json!({"labels": {"a": null}})),
        model(json!({"metadataJson": {"a": {"b": 1}}})),
        key(json!({"role": "USER"})),
        key(json!({"disabled": "yes"})),
        key(json!({"groups": "g"})),
        manager(json!("5m")),
        manager(json!(300)),
        issuer(json!("a")),
        limit(json!("a lot")),
        limit(json!(1.5)),
    ] {
        assert!(!judge.is_valid(&wrong), "{wrong}");
        assert!(!is_read(&wrong), "{wrong}");
    }
}
