//! Makes the OpenAPI document, at build time: `build.rs` takes this folder in, the crate does not.
//!
//! The native routes and their schemas come from the descriptors of `proto/`: each `REST:` line under `/sluicegate` is an
//! operation, each message a schema, each comment a description. The other surfaces are kept by hand in the JSON files
//! beside this folder, for their shapes are conventions of others. Both are completed here alike: permission, path
//! arguments, headers, and every status with which the call can fail. The JSON schema of seed files is made here, too: of
//! the same schemas.
//!
//! In the files kept by hand, `{"$ref": "Name"}` as a body or an answer stands for the JSON of that schema, schemas under
//! `requests` take `null` for what is optional, and `x-message` names the message whose comments describe the members.

mod comment;
mod schema;
mod seed;

use std::{collections::BTreeMap, error::Error};

use prost_reflect::{DescriptorPool, MessageDescriptor, MethodDescriptor};
use serde_json::{Map, Value, json};

use comment::Comments;
use schema::Schemas;
pub(crate) use seed::seed_schema;

/// Whatever is wrong fails the build.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// JSON object.
type Object = Map<String, Value>;

/// What must be run again when it changes.
pub(crate) const FOLDER: &str = "server/rest/openapi";

const BASE: &str = include_str!("../base.json");
const OPENAI: &str = include_str!("../openai.json");
const WATSONX: &str = include_str!("../watsonx.json");

const PACKAGE: &str = "sluicegate.v1";
/// The surface of the native routes.
const NATIVE: &str = "/sluicegate/";
/// OpenAI's surface, and where it stands again.
const OPENAI_AT: (&str, &str) = ("/v1", "/ml/gateway/v1");
/// Every call can fail with these: before its RPC is asked, or inside the gateway.
const ALWAYS: [u16; 7] = [400, 401, 403, 408, 413, 429, 500];
/// These name a resource elsewhere than in the path, which may not be there.
const ELSEWHERE: [&str; 5] =
    ["CreateModel", "ListModels", "CreatePolicy", "ExplainAccess", "CreateRateLimit"];
/// And with these, where it asks an upstream.
const UPSTREAM: [u16; 3] = [424, 502, 504];

/// Makes the document. `permissions`: path of an RPC -> name of its permission.
pub(crate) fn document(pool: &DescriptorPool, permissions: &BTreeMap<String, String>) -> Result<String> {
    let comments = Comments::of(pool);
    let mut maker = Maker { pool, permissions, schemas: Schemas::new(&comments), comments: &comments };
    let mut document: Value = serde_json::from_str(BASE)?;
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    members(&mut document["components"]["responses"])?.extend(maker.failures()?);
    let mut paths = Object::new();
    maker.surface(OPENAI, &mut paths)?;
    twins(&mut paths);
    maker.surface(WATSONX, &mut paths)?;
    maker.native(&mut paths)?;
    for (path, item) in &mut paths {
        for operation in members(item)?.values_mut() {
            maker.complete(path, members(operation)?)?;
        }
    }
    members(&mut document["paths"])?.extend(paths);
    members(&mut document["components"]["schemas"])?.extend(maker.schemas.finish());
    for item in members(&mut document["paths"])?.values_mut() {
        for operation in members(item)?.values_mut() {
            tell_request_id(operation)?;
        }
    }
    Ok(serde_json::to_string(&document)?)
}

struct Maker<'a> {
    pool: &'a DescriptorPool,
    permissions: &'a BTreeMap<String, String>,
    comments: &'a Comments,
    schemas: Schemas<'a>,
}

// === impl Maker ===

impl Maker<'_> {
    /// One response for each status with which a call can fail, with the reasons that have it.
    fn failures(&self) -> Result<Object> {
        let reasons =
            self.pool.get_enum_by_name("sluicegate.v1.ErrorReason").ok_or("there are no reasons")?;
        let mut responses = BTreeMap::<String, String>::new();
        for reason in reasons.values().filter(|reason| reason.number() != 0) {
            let comment = self.comments.at(&reason.parent_enum().parent_file(), reason.path());
            let (text, rest) = comment.split_once(" / HTTP ").ok_or("a reason without its HTTP status")?;
            let (status, advice) = rest.split_once(". What to do: ").ok_or("a reason without advice")?;
            let status: String = status.chars().take_while(char::is_ascii_digit).collect();
            // Before the HTTP status stands the gRPC code, which is no sentence.
            let text = text.rsplit_once(". ").map_or(text, |(text, _)| text);
            let name = reason.name().trim_start_matches("ERROR_REASON_").to_lowercase();
            let line = format!("- {name}: {text}. What to do: {advice}\n");
            responses.entry(format!("Error{status}")).or_default().push_str(&line);
        }
        let response = |(name, description): (String, String)| {
            let mut headers = json!({"x-request-id": {"$ref": "#/components/headers/RequestId"}});
            match name.as_str() {
                "Error401" => headers["www-authenticate"] = reference("headers", "Authenticate"),
                "Error429" => headers["retry-after"] = reference("headers", "RetryAfter"),
                _ => {}
            }
            let content = json!({"application/json": {"schema": reference("schemas", "Error")}});
            (name, json!({"description": description.trim_end(), "headers": headers, "content": content}))
        };
        Ok(responses.into_iter().map(response).collect())
    }

    /// Takes a surface that is kept by hand.
    fn surface(&mut self, text: &str, paths: &mut Object) -> Result<()> {
        let mut surface: Value = serde_json::from_str(text)?;
        for (kind, optional_is_nullable) in [("requests", true), ("answers", false)] {
            for (name, mut schema) in std::mem::take(members(&mut surface[kind])?) {
                self.describe(&mut schema)?;
                if optional_is_nullable {
                    schema::nullable_where_optional(&mut schema);
                }
                self.schemas.add(name, schema)?;
            }
        }
        for (path, item) in std::mem::take(members(&mut surface["paths"])?) {
            let known = members(paths.entry(path).or_insert_with(|| json!({})))?;
            known.extend(std::mem::take(members(&mut item.clone())?));
        }
        Ok(())
    }

    /// Says of each member what the comment of the field of the same name says.
    fn describe(&self, schema: &mut Value) -> Result<()> {
        let Some(object) = schema.as_object_mut() else { return Ok(()) };
        if let Some(name) = object.remove("x-message") {
            let message = self.message(name.as_str().unwrap_or_default())?;
            let about = self.comments.at(&message.parent_file(), message.path());
            object.entry("description").or_insert_with(|| about.into());
            for (name, property) in object.get_mut("properties").map_or(Ok(&mut Object::new()), members)? {
                let Some(field) = message.get_field_by_name(name) else { continue };
                let comment = self.comments.at(&message.parent_file(), field.path());
                members(property)?.entry("description").or_insert_with(|| comment.into());
            }
        }
        object.values_mut().try_for_each(|value| self.describe(value))
    }

    /// Adds the native routes.
    fn native(&mut self, paths: &mut Object) -> Result<()> {
        for method in self.pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
            for (verb, path) in self.comments.twins(&method) {
                if path.starts_with(NATIVE) {
                    let operation = self.native_operation(&method, &verb, &path);
                    let item = paths.entry(path).or_insert_with(|| json!({}));
                    item[verb.to_lowercase()] = operation;
                }
            }
        }
        Ok(())
    }

    fn native_operation(&mut self, method: &MethodDescriptor, verb: &str, path: &str) -> Value {
        let name = method.name();
        let summary = words(name);
        let mut operation = json!({
            "operationId": format!("{}{}", name[..1].to_lowercase(), &name[1..]),
            "tags": ["Administration"], "summary": summary,
            "x-sluicegate-rpc": format!("{}/{name}", method.parent_service().name()),
        });
        let request = method.input();
        let mut fields =
            request.fields().filter(|field| !path.contains(&format!("{{{}}}", field.name()))).peekable();
        let has_body = matches!(verb, "POST" | "PUT") && fields.peek().is_some();
        if has_body {
            operation["requestBody"] = reference_to(&self.schemas.message(&request));
        } else {
            let query: Vec<_> = fields
                .map(|field| {
                    let description = self.comments.at(&request.parent_file(), field.path());
                    let mut schema = self.schemas.kind(&field.kind());
                    if field.name() == "page_size" {
                        (schema["minimum"], schema["maximum"]) = (0.into(), 1000.into());
                    }
                    json!({
                        "name": field.name(), "in": "query", "description": description,
                        "allowEmptyValue": true, "schema": schema,
                    })
                })
                .collect();
            if !query.is_empty() {
                operation["parameters"] = query.into();
            }
        }
        let status = if name.starts_with("Create") { "201" } else { "200" };
        operation["responses"] = json!({status: reference_to(&self.schemas.message(&method.output()))});
        operation
    }

    /// Adds to an operation what follows from its RPC and its path.
    fn complete(&self, path: &str, operation: &mut Object) -> Result<()> {
        let rpc = operation.get("x-sluicegate-rpc").and_then(Value::as_str).ok_or("no RPC")?.to_owned();
        let permission =
            self.permissions.get(&format!("/{PACKAGE}.{rpc}")).ok_or_else(|| format!("no RPC {rpc}"))?;
        operation.insert("x-sluicegate-permission".to_owned(), permission.as_str().into());
        let (service, name) = rpc.split_once('/').unwrap_or_default();
        let service = self.pool.get_service_by_name(&format!("{PACKAGE}.{service}")).ok_or("no service")?;
        let method = service.methods().find(|method| method.name() == name).ok_or("no method")?;
        operation
            .entry("description")
            .or_insert_with(|| self.comments.at(&service.parent_file(), method.path()).into());
        path_arguments(path, operation)?;
        if let Some(body) = operation.get_mut("requestBody") {
            // A key's new secret is random where nobody says anything.
            let required = name != "RotateApiKey";
            *body = json!({"required": required, "content": expand(body)["content"]});
        }
        let responses = members(operation.get_mut("responses").ok_or("no responses")?)?;
        for response in responses.values_mut() {
            if response.get("$ref").is_some() {
                *response = expand(response);
            }
            if rpc == "AccessAdmin/CreateRateLimit" {
                response["headers"]["x-sluicegate-warning"] = reference("headers", "Warning");
            }
            if rpc.starts_with("Inference/") {
                for name in ["Provider", "Model", "Attempts", "Revision", "Dropped"] {
                    let header = format!("x-sluicegate-{}", name.to_lowercase());
                    response["headers"][header] = reference("headers", name);
                }
            }
        }
        for status in failures(&rpc, path) {
            responses.insert(status.to_string(), reference("responses", &format!("Error{status}")));
        }
        Ok(())
    }

    fn message(&self, name: &str) -> Result<MessageDescriptor> {
        let full = format!("{PACKAGE}.{name}");
        self.pool.get_message_by_name(&full).ok_or_else(|| format!("there is no message {full}").into())
    }
}

/// The statuses with which a call can fail.
fn failures(rpc: &str, path: &str) -> Vec<u16> {
    let (service, name) = rpc.split_once('/').unwrap_or_default();
    let infers = service == "Inference";
    let mut failures = ALWAYS.to_vec();
    if infers || path.contains('{') || ELSEWHERE.contains(&name) {
        failures.push(404);
    }
    // A name may fit several models.
    if ["Create", "Update", "Delete", "Explain"].iter().any(|verb| name.starts_with(verb)) {
        failures.push(409);
    }
    if infers || name == "ListAvailableModels" {
        failures.extend(UPSTREAM);
    }
    if infers {
        failures.push(503);
    }
    failures.sort_unstable();
    failures
}

/// OpenAI's surface a second time.
fn twins(paths: &mut Object) {
    let (from, to) = OPENAI_AT;
    let mut twins = Object::new();
    for (path, item) in paths.iter() {
        let mut item = item.clone();
        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
            let id = operation["operationId"].as_str().unwrap_or_default();
            operation["operationId"] = format!("gateway{}{}", id[..1].to_uppercase(), &id[1..]).into();
        }
        twins.insert(path.replacen(from, to, 1), item);
    }
    paths.extend(twins);
}

/// Adds the arguments of the path that the operation does not describe itself.
fn path_arguments(path: &str, operation: &mut Object) -> Result<()> {
    let known = operation.entry("parameters").or_insert_with(|| json!([]));
    let known = known.as_array_mut().ok_or("parameters are no list")?;
    for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        if known.iter().any(|parameter| parameter["name"] == name) {
            continue;
        }
        let is_model = name == "model" || path.ends_with("/models/{id}");
        let description = match name {
            "type" => "The type of the provider, e.g. `openai`.",
            _ if is_model => {
                "The model by its uuid, alias or the provider's own id. A slash in it may be written as it is."
            }
            _ if path.contains("/providers/") => "The provider by its id or its name.",
            _ => "The id, or the name.",
        };
        let schema = json!({"type": "string", "minLength": 1});
        known.push(json!({"name": name, "in": "path", "required": true, "description": description, "schema": schema}));
    }
    if known.is_empty() {
        operation.remove("parameters");
    }
    Ok(())
}

/// Every answer carries the id of its request.
fn tell_request_id(operation: &mut Value) -> Result<()> {
    for response in members(&mut operation["responses"])?.values_mut() {
        if response.get("$ref").is_none() {
            response["headers"]["x-request-id"] = reference("headers", "RequestId");
        }
    }
    Ok(())
}

/// `{"$ref": "Name"}`, for the JSON of the schema of this name.
fn reference_to(name: &str) -> Value {
    json!({"$ref": name})
}

/// The JSON of the schema that is named.
fn expand(shorthand: &Value) -> Value {
    let name = shorthand["$ref"].as_str().unwrap_or_default();
    let content = json!({"application/json": {"schema": reference("schemas", name)}});
    json!({"description": format!("{}.", words(name)), "content": content})
}

fn reference(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}

/// `ListModels` -> `List models`
fn words(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
            words.extend(letter.to_lowercase());
        } else {
            words.push(letter);
        }
    }
    words.replace(" api ", " API ")
}

fn members(value: &mut Value) -> Result<&mut Object> {
    value.as_object_mut().ok_or_else(|| "not an object".into())
}
