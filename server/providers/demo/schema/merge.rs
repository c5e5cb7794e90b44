//! Two schemas as one that asks for both.

use serde_json::{Map, Value};

use super::number;

/// Both schemas together. `None`: no type would be left.
pub(super) fn both(left: &Map<String, Value>, right: &Map<String, Value>) -> Option<Map<String, Value>> {
    let mut merged = left.clone();
    for (name, value) in right {
        let Some(own) = merged.get(name) else {
            merged.insert(name.clone(), value.clone());
            continue;
        };
        if own == value {
            continue;
        }
        let together = match name.as_str() {
            "type" => types(own, value)?,
            "properties" | "$defs" | "definitions" | "patternProperties" => named(own, value)?,
            "required" => union(own, value),
            "allOf" => Value::Array(list(own).iter().chain(list(value)).cloned().collect()),
            // Alternatives of both must hold: they meet one after the other.
            "anyOf" | "oneOf" | "not" => {
                let mut all = merged.get("allOf").map_or(&[][..], list).to_vec();
                all.push(Value::Object(std::iter::once((name.clone(), value.clone())).collect()));
                merged.insert("allOf".to_owned(), Value::Array(all));
                continue;
            }
            "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties" | "minContains" => {
                if number::less(own, value) {
                    value.clone()
                } else {
                    own.clone()
                }
            }
            "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties" | "maxContains" => {
                if number::less(own, value) {
                    own.clone()
                } else {
                    value.clone()
                }
            }
            "multipleOf" => number::common_multiple(own, value),
            "uniqueItems" => Value::Bool(own == &Value::Bool(true) || value == &Value::Bool(true)),
            "enum" => {
                Value::Array(list(own).iter().filter(|entry| list(value).contains(entry)).cloned().collect())
            }
            "items" | "additionalProperties" | "contains" => subschema(own, value)?,
            "prefixItems" => firsts(own, value)?,
            "const" | "default" | "examples" | "pattern" => own.clone(),
            _ => value.clone(),
        };
        merged.insert(name.clone(), together);
    }
    Some(merged)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn subschema(left: &Value, right: &Value) -> Option<Value> {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            // A reference can only stand once.
            if left.contains_key("$ref") && right.contains_key("$ref") {
                let all = vec![Value::Object(left.clone()), Value::Object(right.clone())];
                return Some(Value::Object(
                    std::iter::once(("allOf".to_owned(), Value::Array(all))).collect(),
                ));
            }
            Some(both(left, right).map_or(Value::Bool(false), Value::Object))
        }
        (Value::Bool(false), _) | (_, Value::Bool(false)) => Some(Value::Bool(false)),
        (Value::Object(_), _) => Some(left.clone()),
        (_, _) => Some(right.clone()),
    }
}

fn named(left: &Value, right: &Value) -> Option<Value> {
    let (Value::Object(left), Value::Object(right)) = (left, right) else { return Some(right.clone()) };
    let mut merged = left.clone();
    for (name, schema) in right {
        let schema = match left.get(name) {
            Some(own) => subschema(own, schema)?,
            None => schema.clone(),
        };
        merged.insert(name.clone(), schema);
    }
    Some(Value::Object(merged))
}

fn firsts(left: &Value, right: &Value) -> Option<Value> {
    let (left, right) = (list(left), list(right));
    let merged = (0..left.len().max(right.len())).map(|index| match (left.get(index), right.get(index)) {
        (Some(left), Some(right)) => subschema(left, right),
        (Some(one), None) | (None, Some(one)) => Some(one.clone()),
        (None, None) => None,
    });
    merged.collect::<Option<_>>().map(Value::Array)
}

fn union(left: &Value, right: &Value) -> Value {
    let mut all = list(left).to_vec();
    all.extend(list(right).iter().filter(|entry| !list(left).contains(entry)).cloned());
    Value::Array(all)
}

fn types(left: &Value, right: &Value) -> Option<Value> {
    let names = |value: &Value| -> Vec<String> {
        let several = list(value).iter().filter_map(Value::as_str);
        value.as_str().into_iter().chain(several).map(str::to_owned).collect()
    };
    let (left, right) = (names(left), names(right));
    let has = |names: &[String], name: &str| names.iter().any(|other| other == name);
    let mut common: Vec<Value> = Vec::new();
    for name in left.iter().chain(&right) {
        // Every integer is a number.
        let taken = |names: &[String]| has(names, name) || (name == "integer" && has(names, "number"));
        let value = Value::from(name.as_str());
        if taken(&left) && taken(&right) && !common.contains(&value) {
            common.push(value);
        }
    }
    (!common.is_empty()).then_some(Value::Array(common))
}
