//! The JSON schema of seed files: what an editor checks by, and what the reader knows the members by.

use prost_reflect::DescriptorPool;
use serde_json::{Value, json};

use super::{Comments, Object, PACKAGE, Result, Schemas};

/// The requests of a seed file, in the order in which an export writes them.
const REQUESTS: [(&str, &str); 8] = [
    ("updateTenant", "UpdateTenantRequest"),
    ("createSecretManager", "CreateSecretManagerRequest"),
    ("createProvider", "CreateProviderRequest"),
    ("createModel", "CreateModelRequest"),
    ("createIssuer", "CreateIssuerRequest"),
    ("createApiKey", "CreateApiKeyRequest"),
    ("createPolicy", "CreatePolicyRequest"),
    ("createRateLimit", "CreateRateLimitRequest"),
];
/// A value that is wholly a variable. It may stand for what is no text.
const VARIABLE: &str = r"^\$\{[^}]+\}$";

/// Makes the schema, in the dialect that editors know best.
pub(crate) fn seed_schema(pool: &DescriptorPool) -> Result<String> {
    let comments = Comments::of(pool);
    let mut schemas = Schemas::new(&comments);
    let mut members = Object::new();
    for (member, request) in REQUESTS {
        let full = format!("{PACKAGE}.{request}");
        let message = pool.get_message_by_name(&full).ok_or_else(|| format!("there is no message {full}"))?;
        let name = schemas.message(&message);
        members.insert(member.to_owned(), json!({"$ref": format!("#/components/schemas/{name}")}));
    }
    let mut definitions = schemas.finish();
    // Where one is made, nobody could be shown it.
    definitions["CreateApiKeyRequest"]["required"] = json!(["apiKey", "secret"]);
    definitions["CreateApiKeyRequest"]["properties"]["secret"]["type"] = "string".into();
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Seed file of Sluicegate",
        "description": "Administration requests that are applied at start and whenever the file changes.",
        "type": "array",
        "items": {
            "type": "object", "description": "One request.", "properties": members,
            "additionalProperties": false, "minProperties": 1, "maxProperties": 1,
        },
        "definitions": definitions,
    });
    adapt(&mut schema);
    Ok(format!("{schema:#}\n"))
}

/// Lets variables stand where no text is meant, and numbers of 64 bits be numbers.
fn adapt(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.values_mut().for_each(adapt);
            if object.get("additionalProperties") == Some(&json!({"type": ["string", "null"]})) {
                // An entry without a value is none that a message can hold.
                object.insert("additionalProperties".to_owned(), json!({"type": "string"}));
            }
            if let Some(Value::String(target)) = object.get_mut("$ref") {
                *target = target.replace("#/components/schemas/", "#/definitions/");
            }
            let (format, pattern) = (object.remove("format"), object.get("pattern").cloned());
            let kind = object.get("type").cloned().unwrap_or_default();
            let is = |name: &str| {
                kind == name || kind.as_array().is_some_and(|kinds| kinds.contains(&name.into()))
            };
            let natural = if is("integer") {
                json!({"type": "integer", "minimum": object.remove("minimum"), "maximum": object.remove("maximum")})
            } else if format == Some("int64".into()) {
                json!({"type": "integer", "minimum": i64::MIN, "maximum": i64::MAX})
            } else if format == Some("date-time".into()) {
                json!({"type": "string", "format": "date-time"})
            } else if is("boolean") {
                json!({"type": "boolean"})
            } else if object.contains_key("enum") {
                json!({"type": "string", "enum": object.remove("enum")})
            } else if let Some(pattern) = &pattern {
                json!({"type": "string", "pattern": pattern})
            } else {
                return;
            };
            object.remove("type");
            object.remove("pattern");
            let mut alternatives = vec![natural.clone(), json!({"type": "string", "pattern": VARIABLE})];
            if natural["type"] == "integer" {
                let digits = pattern.unwrap_or_else(|| "^-?[0-9]{1,10}$".into());
                alternatives.push(json!({"type": "string", "pattern": digits}));
            }
            if is("null") {
                alternatives.push(json!({"type": "null"}));
            }
            object.insert("anyOf".to_owned(), alternatives.into());
        }
        Value::Array(values) => values.iter_mut().for_each(adapt),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
