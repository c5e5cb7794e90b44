use proptest::prelude::*;
use serde_json::{Value, json};

use super::sample;

fn assert_fits(schema: &Value) -> Value {
    let value = sample(schema).unwrap_or_else(|| panic!("nothing fits {schema}"));
    let judge = jsonschema::options().should_validate_formats(true).build(schema).unwrap();
    assert!(judge.is_valid(&value), "{value} does not fit {schema}");
    assert_eq!(sample(schema), Some(value.clone()), "the same schema gives the same value");
    value
}

#[test]
fn every_keyword_is_met() {
    for schema in [
        json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a", "c"]}),
        json!({"type": "object", "additionalProperties": {"type": "integer"}}),
        json!({"type": "object", "minProperties": 3, "maxProperties": 3, "properties": {"a": {}, "b": {}}}),
        json!({"type": "object", "maxProperties": 1, "properties": {"a": {}, "b": {}}, "required": ["b"]}),
        json!({"type": "array", "items": {"enum": ["x", "y", "z"]}, "minItems": 3, "uniqueItems": true}),
        json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": false}),
        json!({"type": "array", "contains": {"const": 7}, "minContains": 2, "maxItems": 4}),
        json!({"type": ["null", "integer"], "minimum": 5}),
        json!({"type": "integer", "minimum": 9_007_199_254_740_993_i64, "maximum": 9_007_199_254_740_994_i64}),
        json!({"type": "integer", "exclusiveMinimum": 2, "exclusiveMaximum": 9, "multipleOf": 4}),
        json!({"type": "integer", "maximum": -3, "multipleOf": 5}),
        json!({"type": "number", "multipleOf": 0.1, "minimum": 0.25}),
        json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001}),
        json!({"type": "number", "maximum": -1e300}),
        json!({"type": "string", "minLength": 40, "maxLength": 41}),
        json!({"type": "string", "pattern": "^[A-Z]{3}-\\d{4,}$", "minLength": 20}),
        json!({"type": "string", "pattern": "^(red|green)+$", "maxLength": 3}),
        json!({"type": "array", "items": {"type": "string", "format": "email"}, "minItems": 3, "uniqueItems": true}),
        json!({"const": {"deep": [1, null]}}),
        json!({"enum": [1, "two", null], "type": "string"}),
        json!({"anyOf": [{"type": "string", "minLength": 9, "maxLength": 3}, {"type": "boolean"}]}),
        json!({"oneOf": [{"type": "number"}, {"type": "integer"}]}),
        json!({"oneOf": [{"type": "integer", "multipleOf": 2}, {"type": "integer", "multipleOf": 3}]}),
        json!({"allOf": [{"properties": {"a": {"minimum": 3}}, "required": ["a"]}, {"properties": {"a": {"type": "integer", "maximum": 4}}}]}),
        json!({"allOf": [{"anyOf": [{"type": "string"}, {"type": "integer"}]}, {"anyOf": [{"type": "integer"}, {"type": "null"}]}]}),
        json!({"type": "object", "required": ["kind"], "properties": {"kind": {"enum": ["a", "b"]}},
            "if": {"properties": {"kind": {"const": "a"}}}, "then": {"required": ["x"]}, "else": {"required": ["y"]}}),
        json!({"type": "integer", "default": 42}),
        json!({"type": "string", "maxLength": 2, "default": "too long", "examples": ["long too", "ok"]}),
        json!({"type": "integer", "not": {"const": 1}, "anyOf": [{"maximum": 1, "minimum": 1}, {"minimum": 2}]}),
        json!({}),
        json!(true),
    ] {
        assert_fits(&schema);
    }
}

#[test]
fn values_that_the_schema_gives_are_preferred() {
    assert_eq!(sample(&json!({"type": "integer", "default": 42})), Some(json!(42)));
    assert_eq!(
        sample(&json!({"type": "string", "maxLength": 2, "examples": ["long", "ok"]})),
        Some(json!("ok"))
    );
    assert_eq!(sample(&json!({"enum": ["a", "b"], "default": "b"})), Some(json!("b")));
}

#[test]
fn length_counts_more_than_format() {
    assert_eq!(sample(&json!({"type": "string", "maxLength": 3, "format": "uuid"})), Some(json!("exa")));
}

#[test]
fn optional_members_are_made_too() {
    let schema =
        json!({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "boolean"}}});
    assert_eq!(assert_fits(&schema), json!({"a": 1, "b": true}));
}

#[test]
fn recursion_ends() {
    let tree = json!({"$ref": "#/$defs/node", "$defs": {"node": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
        "required": ["name", "children"], "additionalProperties": false,
    }}});
    assert_eq!(
        assert_fits(&tree),
        json!({"name": "example name", "children": [{"name": "example name", "children": []}]})
    );
    let list = json!({"type": "object", "required": ["next"], "properties": {
        "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}});
    assert_eq!(assert_fits(&list), json!({"next": {"next": null}}));
}

#[test]
fn what_cannot_be_made_is_none() {
    for schema in [
        json!(false),
        json!({"$ref": "#"}),
        json!({"$ref": "#/$defs/missing"}),
        json!({"required": ["again"], "properties": {"again": {"$ref": "#"}}}),
        json!({"type": "integer", "minimum": 3, "maximum": 2}),
        json!({"type": "string", "minLength": 1_000_000_000}),
        json!({"type": "array", "minItems": 1_000_000_000, "items": {"type": "integer"}}),
        json!({"allOf": [{"type": "string"}, {"type": "object"}]}),
    ] {
        assert_eq!(sample(&schema), None, "{schema}");
    }
}

#[test]
fn references_that_multiply_stay_bounded() {
    let mut defs = serde_json::Map::new();
    for level in 0..30 {
        let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        defs.insert(format!("d{level}"), json!({"properties": {"a": next, "b": next, "c": next}}));
    }
    defs.insert("d30".into(), json!({"type": "string"}));
    let value = sample(&json!({"$ref": "#/$defs/d0", "$defs": defs})).unwrap();
    assert!(value.to_string().len() < 200_000);
}

/// Schemas that some value fits.
fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({"type": "boolean"})),
        Just(json!({"type": "null"})),
        Just(json!({})),
        (-1000_i64..1000, 0_i64..50)
            .prop_map(|(low, more)| json!({"type": "integer", "minimum": low, "maximum": low + more})),
        (-50_i64..50, 1_i64..20)
            .prop_map(|(low, step)| json!({"type": "integer", "exclusiveMinimum": low, "multipleOf": step})),
        (-9.0..9.0, 0.01..5.0).prop_map(
            |(low, more)| json!({"type": "number", "minimum": low, "exclusiveMaximum": low + more})
        ),
        (0_usize..30, 0_usize..9).prop_map(
            |(least, more)| json!({"type": "string", "minLength": least, "maxLength": least + more})
        ),
        prop::sample::select(vec![
            "date-time",
            "date",
            "email",
            "uri",
            "uuid",
            "ipv4",
            "time",
            "hostname",
            "made-up"
        ])
        .prop_map(|format| json!({"type": "string", "format": format})),
        prop::sample::select(vec![
            "^[a-z]+$",
            "^\\d{3}-\\d{2}$",
            "^(a|b)?c$",
            "x",
            "^[^a-z]{2,4}$",
            "^\\w+@\\w+\\.com$"
        ])
        .prop_map(|pattern| json!({"type": "string", "pattern": pattern})),
        prop::collection::vec(-5_i64..5, 1..4).prop_map(|values| json!({"enum": values})),
        any::<u64>().prop_map(|value| json!({"const": value})),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        let object = (prop::collection::btree_map("[a-d]", inner.clone(), 0..4), any::<[bool; 4]>(), any::<bool>())
            .prop_map(|(properties, required, open)| {
                let required: Vec<_> =
                    properties.keys().zip(required).filter_map(|(name, needed)| needed.then_some(name)).collect();
                json!({"type": "object", "properties": properties, "required": required, "additionalProperties": open})
            });
        prop_oneof![
            object.clone(),
            (inner.clone(), 0_usize..4).prop_map(|(items, least)| json!({"type": "array", "items": items, "minItems": least})),
            prop::collection::vec(inner.clone(), 1..4)
                .prop_map(|firsts| json!({"type": "array", "prefixItems": firsts, "minItems": firsts.len()})),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|branches| json!({"anyOf": branches})),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|branches| {
                let branches = branches.iter().enumerate().map(|(index, branch)| {
                    json!({"type": "object", "required": ["tag"], "properties": {"tag": {"const": index}, "inner": branch}})
                });
                json!({"oneOf": branches.collect::<Vec<_>>()})
            }),
            (object.clone(), inner).prop_map(|(_, inner)| {
                json!({"allOf": [{"properties": {"p": inner}, "required": ["p"]}, {"properties": {"q": {"type": "integer"}}}]})
            }),
        ]
    })
}

/// Each would take minutes, or gigabytes, if what it costs were not counted.
#[test]
fn costly_schemas_are_given_up() {
    let words: Vec<_> = (0..10_000).map(|number| format!("v{number}")).collect();
    let numbers: Vec<_> = (0..100).collect();
    let many = |items: Value| json!({"type": "array", "minItems": 3900, "items": items});
    let mut listed = many(json!({"$ref": "#/$defs/b"}));
    listed["$defs"] = json!({"b": {"enum": words}});
    let properties: serde_json::Map<_, _> =
        (0..3000).map(|number| (format!("p{number}"), json!({"type": "string"}))).collect();
    let wide = json!({"anyOf": vec![false; 16_000], "properties": properties});
    let definitions: serde_json::Map<_, _> =
        (0..8000).map(|number| (format!("d{number}"), json!({}))).collect();
    let mut anchored = many(json!({"enum": numbers, "anyOf": vec![json!({"$ref": "#z"}); 500]}));
    anchored["$defs"] = definitions.into();
    let letters = many(json!({"pattern": format!("(?i){}", "\\w".repeat(240))}));
    for (name, schema) in [("listed", listed), ("wide", wide), ("anchored", anchored), ("words", letters)] {
        assert!(schema.to_string().len() < super::LARGEST);
        assert_eq!(sample(&schema), None, "{name}");
    }
}

#[test]
fn repetitions_of_nothing_end() {
    for (pattern, text) in [
        ("(a*){4000000000}", Some("")),
        ("((a*){4000000000}b{2}){2}", Some("bbbb")),
        ("(a{9}){4000000000}", None),
    ] {
        let schema = json!({"type": "string", "pattern": pattern});
        assert_eq!(sample(&schema), text.map(Value::from), "{pattern}");
    }
}

proptest! {
    #[test]
    fn what_is_made_fits(schema in schemas()) {
        assert_fits(&schema);
    }
}
