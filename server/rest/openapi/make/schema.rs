//! Messages as JSON Schema, in the JSON that protobuf defines for them.

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Value, json};

use super::{Comments, Object, Result, reference};

/// The schemas of the document.
pub(super) struct Schemas<'a> {
    comments: &'a Comments,
    made: Object,
}

// === impl Schemas ===

impl<'a> Schemas<'a> {
    pub(super) fn new(comments: &'a Comments) -> Self {
        Self { comments, made: Object::new() }
    }

    /// Adds a schema that is kept by hand.
    pub(super) fn add(&mut self, name: String, schema: Value) -> Result<()> {
        match self.made.insert(name.clone(), schema) {
            None => Ok(()),
            Some(_) => Err(format!("there are two schemas {name}").into()),
        }
    }

    pub(super) fn finish(self) -> Object {
        self.made
    }

    /// Adds a message and all that it holds, and returns the name of its schema.
    pub(super) fn message(&mut self, message: &MessageDescriptor) -> String {
        let name = message.name().to_owned();
        if self.made.contains_key(&name) {
            return name;
        }
        // Before its fields: one of them may hold it again.
        self.made.insert(name.clone(), Value::Null);
        let (mut properties, mut required) = (Object::new(), Vec::new());
        for field in message.fields() {
            let comment = self.comments.at(&message.parent_file(), field.path());
            let is_required = comment.contains("Required");
            if is_required {
                required.push(Value::from(field.json_name()));
            }
            let mut schema = self.field(&field);
            schema["description"] = comment.as_str().into();
            if comment.contains("Output only") {
                schema["readOnly"] = true.into();
            } else if comment.contains("Never returned") {
                schema["writeOnly"] = true.into();
            }
            properties.insert(field.json_name().to_owned(), schema);
        }
        let mut schema = json!({
            "type": "object",
            "description": self.comments.at(&message.parent_file(), message.path()),
            "properties": properties,
            "additionalProperties": false,
        });
        if !required.is_empty() {
            schema["required"] = required.into();
        }
        nullable_where_optional(&mut schema);
        self.made.insert(name.clone(), schema);
        name
    }

    fn field(&mut self, field: &FieldDescriptor) -> Value {
        let kind = field.kind();
        if let Kind::Message(entry) = &kind
            && field.is_map()
        {
            let value = self.kind(&entry.map_entry_value_field().kind());
            return json!({"type": "object", "additionalProperties": value});
        }
        let one = self.kind(&kind);
        if field.is_list() { json!({"type": "array", "items": one}) } else { one }
    }

    /// The schema of one value.
    pub(super) fn kind(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Double => json!({"type": "number", "format": "double"}),
            Kind::Float => json!({"type": "number", "format": "float"}),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                json!({"type": "integer", "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX})
            }
            Kind::Uint32 | Kind::Fixed32 => json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
            // Numbers of JSON are doubles to many, so that these are texts.
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                json!({"type": "string", "format": "int64", "pattern": "^-?[0-9]{1,19}$"})
            }
            Kind::Uint64 | Kind::Fixed64 => {
                json!({"type": "string", "format": "uint64", "pattern": "^[0-9]{1,20}$"})
            }
            Kind::Bool => json!({"type": "boolean"}),
            Kind::String => json!({"type": "string"}),
            Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
            Kind::Message(message) => match message.full_name() {
                "google.protobuf.Timestamp" => json!({"type": "string", "format": "date-time"}),
                "google.protobuf.Duration" => {
                    json!({"type": "string", "pattern": r"^-?[0-9]{1,12}(\.[0-9]{1,9})?s$"})
                }
                _ => reference("schemas", &self.message(message)),
            },
            Kind::Enum(values) => reference("schemas", &self.values(values)),
        }
    }

    /// Adds an enum and returns the name of its schema.
    fn values(&mut self, values: &EnumDescriptor) -> String {
        let (file, name) = (values.parent_file(), values.name().to_owned());
        let mut description = self.comments.at(&file, values.path());
        description.push('\n');
        for value in values.values() {
            description.push_str(&format!(
                "\n- `{}`: {}",
                value.name(),
                self.comments.at(&file, value.path())
            ));
        }
        let names: Vec<_> = values.values().map(|value| value.name().to_owned()).collect();
        self.made.insert(name.clone(), json!({"type": "string", "description": description, "enum": names}));
        name
    }
}

/// Lets every optional member be `null`, which means that it is absent. So also for objects inside.
pub(super) fn nullable_where_optional(schema: &mut Value) {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for (name, property) in properties {
            nullable_where_optional(property);
            if !required.contains(&name.as_str().into()) {
                make_nullable(property);
            }
        }
    }
    if schema["required"].is_null()
        && let Some(object) = schema.as_object_mut()
    {
        object.remove("required");
    }
    if let Some(other) = schema.get_mut("additionalProperties") {
        make_nullable(other);
    }
    for inner in schema.get_mut("anyOf").and_then(Value::as_array_mut).into_iter().flatten() {
        nullable_where_optional(inner);
    }
}

fn make_nullable(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(target) = object.remove("$ref") {
        object.insert("anyOf".to_owned(), json!([{"$ref": target}, {"type": "null"}]));
    } else if let Some(alternatives) = object.get_mut("anyOf").and_then(Value::as_array_mut) {
        alternatives.push(json!({"type": "null"}));
    } else if let Some(Value::String(kind)) = object.get("type").cloned() {
        if let Some(values) = object.get_mut("enum").and_then(Value::as_array_mut) {
            values.push(Value::Null);
        }
        object.insert("type".to_owned(), json!([kind, "null"]));
    } else if let Some(Value::Array(kinds)) = object.get_mut("type")
        && !kinds.contains(&"null".into())
    {
        kinds.push("null".into());
    }
}
