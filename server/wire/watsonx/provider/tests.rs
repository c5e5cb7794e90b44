use serde_json::{Value, json};

use super::*;
use crate::proto::v1::Credential;

fn value(json: &[u8]) -> Value {
    serde_json::from_slice(json).unwrap()
}

fn provider() -> Provider {
    Provider {
        id: "u-1".into(),
        name: "east".into(),
        r#type: "custom".into(),
        base_url: "http://east/v1".into(),
        settings: BTreeMap::from([("region".into(), "eu".into())]),
        credential_hint: BTreeMap::from([("apikey".into(), "...wxyz".into())]),
        ..Default::default()
    }
}

#[test]
fn provider_is_read_with_every_scalar_as_text() {
    let body =
        br#"{"name":"east","data":{"apikey":"k","keep_alive":5,"clean":true,"none":null},"surplus":[1]}"#;
    let read = read(body).unwrap();
    assert_eq!(read.name, "east");
    let expected = [("apikey", "k"), ("clean", "true"), ("keep_alive", "5")];
    assert_eq!(read.data, expected.map(|(name, text)| (name.to_owned(), text.to_owned())).into());
}

#[test]
fn a_reference_may_stand_alone_or_beside_settings() {
    for (body, manager, data) in [
        (r#"{"name":"east","data_reference":{"resource":"crn:x","surplus":1}}"#, "", 0),
        (r#"{"name":"east","data":null,"data_reference":{"resource":"crn:x","manager":"m"}}"#, "m", 0),
        (r#"{"name":"east","data":{"base_url":"http://x"},"data_reference":{"resource":"crn:x"}}"#, "", 1),
    ] {
        let read = read(body.as_bytes()).unwrap();
        let reference = read.reference.unwrap();
        assert_eq!((reference.resource.as_str(), reference.manager.as_str()), ("crn:x", manager), "{body}");
        assert_eq!(read.data.len(), data, "{body}");
    }
}

#[test]
fn a_reference_is_shown_as_clients_compare_it() {
    let reference =
        SecretReference { resource: "crn:x".into(), manager: "u-2".into(), names: BTreeMap::new() };
    let credential = Some(Credential { source: Some(Source::Reference(reference)) });
    let shown = value(&write(&Provider { credential, credential_hint: BTreeMap::new(), ..provider() }, []));
    assert_eq!(shown["data_reference"], json!({"resource": "crn:x"}));
    assert_eq!(shown["data"], json!({"base_url": "http://east/v1", "region": "eu"}));
}

#[test]
fn wrong_member_is_named() {
    for (body, field) in [
        (r#"{"data":{}}"#, "name"),
        (r#"{"name":7,"data":{}}"#, "name"),
        (r#"{"name":"east"}"#, "data"),
        (r#"{"name":"east","data":null}"#, "data"),
        (r#"{"name":"east","data":"x"}"#, "data"),
        (r#"{"name":"east","data":{"apikey":{}}}"#, "data.apikey"),
        (r#"{"name":"east","data_reference":"crn:x"}"#, "data_reference"),
        (r#"{"name":"east","data_reference":{}}"#, "data_reference.resource"),
        (r#"{"name":"east","data_reference":{"resource":7}}"#, "data_reference.resource"),
        (r#"{"name":"east","data_reference":{"resource":"crn:x","manager":7}}"#, "data_reference.manager"),
        (r#"{"name":"east","data_reference":null}"#, "data"),
        (r#"[]"#, ""),
        ("", ""),
    ] {
        assert_eq!(read(body.as_bytes()).unwrap_err().field, field, "{body}");
    }
}

#[test]
fn secrets_are_masked_and_nothing_is_null() {
    let expected = json!({
        "uuid": "u-1", "name": "east", "type": "custom",
        "data": {"apikey": "****wxyz", "base_url": "http://east/v1", "region": "eu"},
        "models": [],
    });
    assert_eq!(value(&write(&provider(), [])), expected);
    assert_eq!(value(&write_brief(&provider())), json!({"uuid": "u-1", "name": "east", "type": "custom"}));
}

#[test]
fn each_listed_provider_has_its_own_models() {
    let model = |provider: &str, id: &str| Model {
        id: id.into(),
        provider: provider.into(),
        upstream_id: id.into(),
        ..Default::default()
    };
    let other = Provider { id: "u-2".into(), ..provider() };
    let models = [model("u-2", "m-1"), model("u-1", "m-2"), model("u-2", "m-3")];
    let list = value(&write_list(&[provider(), other], &models));
    let uuids = |index: usize| {
        let models = list["data"][index]["models"].as_array().unwrap();
        models.iter().map(|model| model["uuid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(uuids(0), ["m-2"]);
    assert_eq!(uuids(1), ["m-1", "m-3"]);
}

#[test]
fn available_models_are_null_where_they_cannot_be_listed() {
    assert_eq!(value(&write_available(None)), json!({"object": "list", "data": null}));
    let model = AvailableModel { id: "a".into(), owned_by: "b".into(), create_time: None };
    let expected =
        json!({"object": "list", "data": [{"id": "a", "object": "model", "created": 0, "owned_by": "b"}]});
    assert_eq!(value(&write_available(Some(&[model]))), expected);
}
