//! Reads a value as the schema says, and finds all that does not fit it.
//!
//! What comes out is proto3 JSON that a message can be made of. Nothing that is told quotes a value: it may be secret.

use std::{collections::BTreeSet, sync::LazyLock};

use pbjson_types::{Duration, Timestamp};
use serde_json::{Map, Value as Json};

use super::{
    problem::{Mark, Problem},
    tree::{Node, Scalar, Value},
    variables::{Lookup, expand},
};

/// The JSON schema of seed files, for editors.
pub const SCHEMA: &str = include_str!(concat!(env!("OUT_DIR"), "/seed.schema.json"));

/// It is made at build, and always JSON.
static ROOT: LazyLock<Json> = LazyLock::new(|| serde_json::from_str(SCHEMA).unwrap_or_default());

/// The schema of a value, or of one alternative of it.
#[derive(Clone, Copy)]
pub(super) struct Shape(&'static Json);

/// What reading needs, and what it has found.
pub(super) struct Reader<'a> {
    pub lookup: &'a Lookup<'a>,
    pub problems: &'a mut Vec<Problem>,
}

/// Names of the requests that a seed file takes.
pub(super) fn requests() -> impl Iterator<Item = &'static str> {
    Shape::request().properties().into_iter().flat_map(Map::keys).map(String::as_str)
}

// === impl Shape ===

impl Shape {
    /// One request, with its name as the only member.
    pub(super) fn request() -> Self {
        Self(&ROOT["items"])
    }

    /// The member of this name, in either of the spellings of proto3 JSON.
    pub(super) fn member(self, name: &str) -> Option<Self> {
        self.properties()?.get(&json_name(name)).map(|schema| Self(schema).natural())
    }

    /// What is meant, without what may stand for it.
    fn natural(self) -> Self {
        let mut schema = self.0;
        loop {
            schema = if let Some(target) = schema["$ref"].as_str() {
                &ROOT["definitions"][target.trim_start_matches("#/definitions/")]
            } else if let Some(first) = schema["anyOf"].get(0) {
                first
            } else {
                return Self(schema);
            };
        }
    }

    fn kind(self) -> &'static str {
        let kind = &self.0["type"];
        kind.as_str().or_else(|| kind[0].as_str()).unwrap_or_default()
    }

    fn properties(self) -> Option<&'static Map<String, Json>> {
        self.0["properties"].as_object()
    }

    fn required(self) -> impl Iterator<Item = &'static str> {
        self.0["required"].as_array().into_iter().flatten().filter_map(Json::as_str)
    }

    fn inner(self, name: &str) -> Self {
        Self(&self.0[name]).natural()
    }
}

// === impl Node ===

impl Node {
    /// The member of this name, in either spelling.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(entries) => {
                entries.iter().find(|(other, _)| json_name(&other.text) == name).map(|(_, node)| node)
            }
            Value::Scalar(_) | Value::List(_) => None,
        }
    }
}

// === impl Reader ===

impl Reader<'_> {
    /// The value in proto3 JSON. Where there were problems, it is not whole.
    pub(super) fn value(&mut self, shape: Shape, node: &Node, path: &str) -> Json {
        match (shape.kind(), &node.value) {
            ("object", Value::Map(entries)) => match shape.properties() {
                Some(_) => self.message(shape, node.at, entries, path),
                None => self.map(shape, entries, path),
            },
            ("object", Value::Scalar(_) | Value::List(_)) => {
                self.wrong(node.at, path, "must be an object, which is a mapping with names")
            }
            ("array", Value::List(items)) => {
                let read =
                    |(index, item)| self.value(shape.inner("items"), item, &format!("{path}[{index}]"));
                Json::Array(items.iter().enumerate().map(read).collect())
            }
            ("array", Value::Scalar(_) | Value::Map(_)) => self.wrong(node.at, path, "must be a list"),
            (_, Value::Scalar(scalar)) if !node.is_null() => self.scalar(shape, scalar, path),
            (_, Value::Scalar(_)) => self.wrong(
                node.at,
                path,
                "has no value; write \"\" for an empty text, and the word null, if it is meant, in quotes",
            ),
            (_, inner @ (Value::List(_) | Value::Map(_))) => {
                // So that a variable inside is told as well.
                self.variables(inner, path);
                self.wrong(node.at, path, format!("must be {}", meaning(shape)))
            }
        }
    }

    fn message(&mut self, shape: Shape, at: Mark, entries: &[(Scalar, Node)], path: &str) -> Json {
        let mut members = Map::new();
        let mut seen = BTreeSet::new();
        for (name, node) in entries {
            let path = format!("{path}.{}", name.text);
            let Some(member) = shape.member(&name.text) else {
                let known: Vec<_> = shape.properties().into_iter().flat_map(writable).collect();
                self.wrong(name.at, &path, format!("is not known here; there are {}", known.join(", ")));
                self.variables(&node.value, &path);
                continue;
            };
            let json_name = json_name(&name.text);
            if !seen.insert(json_name.clone()) {
                // The same name twice is told by the tree.
                if entries.iter().filter(|(other, _)| other.text == name.text).count() == 1 {
                    self.wrong(name.at, &path, format!("is {json_name} a second time; keep one of them"));
                }
            } else if !node.is_null() {
                let value = self.value(member, node, &path);
                members.insert(json_name, value);
            }
        }
        for name in shape.required().filter(|name| !members.contains_key(*name)) {
            self.wrong(at, &format!("{path}.{name}"), "is required");
        }
        Json::Object(members)
    }

    fn map(&mut self, shape: Shape, entries: &[(Scalar, Node)], path: &str) -> Json {
        let value = shape.inner("additionalProperties");
        let read = |(name, node): &(Scalar, Node)| {
            (name.text.clone(), self.value(value, node, &format!("{path}.{}", name.text)))
        };
        Json::Object(entries.iter().map(read).collect())
    }

    fn scalar(&mut self, shape: Shape, scalar: &Scalar, path: &str) -> Json {
        let Some(text) = self.expand(scalar, path) else { return Json::Null };
        // What a variable holds has no quotes.
        let bare = scalar.plain || scalar.text.contains("${");
        let read = match shape.kind() {
            "integer" => whole_number(shape, &text),
            "boolean" if bare => truth(&text),
            "boolean" => None,
            _ if shape.0["enum"].is_array() => {
                let known =
                    shape.0["enum"].as_array().is_some_and(|names| names.contains(&text.as_str().into()));
                known.then(|| text.into())
            }
            // The only texts with a form of their own are lengths of time.
            _ if shape.0["pattern"].is_string() => {
                let length = serde_json::from_value::<Duration>(text.as_str().into());
                length.is_ok().then(|| text.into())
            }
            _ if shape.0["format"] == "date-time" => {
                let time = serde_json::from_value::<Timestamp>(text.as_str().into());
                time.is_ok().then(|| text.into())
            }
            _ => Some(text.into()),
        };
        read.unwrap_or_else(|| self.wrong(scalar.at, path, format!("must be {}", meaning(shape))))
    }

    fn expand(&mut self, scalar: &Scalar, path: &str) -> Option<String> {
        match expand(&scalar.text, self.lookup) {
            Ok(text) => Some(text),
            Err(problems) => {
                self.problems
                    .extend(problems.into_iter().map(|problem| Problem::new(scalar.at, path, problem)));
                None
            }
        }
    }

    /// Tells the missing variables of a value that cannot be read otherwise.
    fn variables(&mut self, value: &Value, path: &str) {
        match value {
            Value::Scalar(scalar) => {
                self.expand(scalar, path);
            }
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.variables(&item.value, &format!("{path}[{index}]"));
                }
            }
            Value::Map(entries) => {
                for (name, node) in entries {
                    self.variables(&node.value, &format!("{path}.{}", name.text));
                }
            }
        }
    }

    fn wrong(&mut self, at: Mark, path: &str, message: impl Into<String>) -> Json {
        self.problems.push(Problem::new(at, path, message));
        Json::Null
    }
}

/// Where a member stands that the API names in its own way, e.g. `model.upstream_id`, and its path as the file has it. A
/// member that is not there is told at what should hold it.
pub(super) fn place(mut shape: Shape, mut node: &Node, mut path: String, field: &str) -> (Mark, String) {
    let mut rest = field;
    while !rest.is_empty() {
        let found = match &node.value {
            Value::Scalar(_) => None,
            Value::List(items) => index(rest).and_then(|(index, rest)| {
                path.push_str(&format!("[{index}]"));
                Some((shape.inner("items"), items.get(index)?, rest))
            }),
            Value::Map(entries) => {
                let fitting = entries.iter().filter_map(|(name, node)| {
                    let rest = after(shape, rest, &name.text)?;
                    Some((name, node, rest))
                });
                fitting.min_by_key(|(_, _, rest)| rest.len()).map(|(name, node, rest)| {
                    path.push('.');
                    path.push_str(&name.text);
                    let inner = shape.member(&name.text);
                    (inner.unwrap_or_else(|| shape.inner("additionalProperties")), node, rest)
                })
            }
        };
        let Some((inner, found, after)) = found else {
            path.push('.');
            path.push_str(&spelled(shape, rest));
            break;
        };
        (shape, node, rest) = (inner, found, after.trim_start_matches('.'));
    }
    (node.at, path)
}

/// What of `field` is left behind the member `name`. `None`: it names another.
fn after<'a>(shape: Shape, field: &'a str, name: &str) -> Option<&'a str> {
    let rest = match shape.properties() {
        None => field.strip_prefix(name)?,
        Some(_) => {
            let end = field.find(['.', '[']).unwrap_or(field.len());
            let (first, rest) = field.split_at_checked(end)?;
            (json_name(first) == json_name(name)).then_some(rest)?
        }
    };
    (rest.is_empty() || rest.starts_with(['.', '['])).then_some(rest)
}

/// `[3].name` -> 3, `.name`
fn index(field: &str) -> Option<(usize, &str)> {
    let (index, rest) = field.strip_prefix('[')?.split_once(']')?;
    Some((index.parse().ok()?, rest))
}

/// A path of the API as proto3 JSON writes it. Names of entries stay as they are.
fn spelled(shape: Shape, field: &str) -> String {
    let (first, rest) = field.split_once('.').map_or((field, None), |(first, rest)| (first, Some(rest)));
    let Some(inner) = shape.member(first) else { return field.to_owned() };
    match rest {
        None => json_name(first),
        Some(rest) => format!("{}.{}", json_name(first), spelled(inner, rest)),
    }
}

/// `upstream_id` -> `upstreamId`, as protobuf has it.
pub(super) fn json_name(name: &str) -> String {
    let mut made = String::with_capacity(name.len());
    let mut up = false;
    for letter in name.chars() {
        if letter == '_' {
            up = true;
        } else if std::mem::take(&mut up) {
            made.push(letter.to_ascii_uppercase());
        } else {
            made.push(letter);
        }
    }
    made
}

fn writable(properties: &'static Map<String, Json>) -> impl Iterator<Item = &'static str> {
    properties.iter().filter(|(_, schema)| schema["readOnly"] != true).map(|(name, _)| name.as_str())
}

/// As JSON writes it: other spellings of numbers mean different things to different readers.
fn whole_number(shape: Shape, text: &str) -> Option<Json> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let spelled =
        digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    let number: i64 = text.parse().ok().filter(|_| spelled)?;
    let within = shape.0["minimum"].as_i64()? <= number && number <= shape.0["maximum"].as_i64()?;
    within.then(|| number.into())
}

fn truth(text: &str) -> Option<Json> {
    match text {
        "true" | "True" | "TRUE" => Some(true.into()),
        "false" | "False" | "FALSE" => Some(false.into()),
        _ => None,
    }
}

/// What may stand at a place, for people.
fn meaning(shape: Shape) -> String {
    if let Some(names) = shape.0["enum"].as_array() {
        // The first one says nothing.
        let names: Vec<_> = names.iter().filter_map(Json::as_str).skip(1).collect();
        return format!("one of {}", names.join(", "));
    }
    match shape.kind() {
        "integer" => {
            format!("a whole number from {} to {}, such as 25", shape.0["minimum"], shape.0["maximum"])
        }
        "boolean" => "true or false, without quotes".to_owned(),
        _ if shape.0["pattern"].is_string() => "a length of time in seconds such as 300s".to_owned(),
        _ if shape.0["format"] == "date-time" => "a time such as 2030-01-31T00:00:00Z".to_owned(),
        _ => "a text; write it in quotes".to_owned(),
    }
}
