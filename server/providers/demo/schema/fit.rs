//! Whether a value fits a schema, as far as the sampler looks at schemas.

use std::cell::Cell;

use serde_json::{Map, Value};

use super::{kind, number, size};

/// Schemas that refer to themselves are followed this far.
const MAX_DEPTH: usize = 64;
/// Schemas are asked this often; then the value passes.
const MAX_STEPS: usize = 20_000;
/// More items than these are not compared with each other.
const MANY_ITEMS: usize = 200;

struct Judge<'a> {
    root: &'a Value,
    steps: usize,
}

/// Whether the value fits. Adds to `work` what it took to tell.
pub(super) fn fits(value: &Value, schema: &Value, root: &Value, work: &Cell<usize>) -> bool {
    let mut judge = Judge { root, steps: 0 };
    let fits = judge.fits(value, schema, 0);
    work.set(work.get().saturating_add(judge.steps));
    fits
}

/// What a local reference means.
pub(super) fn target<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    let (_, fragment) = reference.split_once('#')?;
    let fragment = percent_encoding::percent_decode_str(fragment).decode_utf8().ok()?;
    if fragment.is_empty() || fragment.starts_with('/') {
        return root.pointer(&fragment);
    }
    let defined = ["$defs", "definitions"].into_iter().filter_map(|name| root.get(name)?.as_object());
    defined
        .flat_map(Map::values)
        .find(|schema| schema.get("$anchor").and_then(Value::as_str) == Some(&fragment))
}

// === impl Judge ===

impl Judge<'_> {
    fn fits(&mut self, value: &Value, schema: &Value, depth: usize) -> bool {
        self.steps += 1;
        if depth > MAX_DEPTH || self.steps > MAX_STEPS {
            return true;
        }
        match schema {
            Value::Object(schema) => self.object(value, schema, depth + 1),
            Value::Bool(allowed) => *allowed,
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => true,
        }
    }

    fn object(&mut self, value: &Value, schema: &Map<String, Value>, depth: usize) -> bool {
        let list = |name: &str| schema.get(name).and_then(Value::as_array).map(Vec::as_slice);
        // Every value of an enum is looked at, and every definition for the one of an anchor.
        self.steps += list("enum").map_or(0, <[Value]>::len);
        if schema.get("$ref").and_then(Value::as_str).is_some_and(|reference| !reference.contains('/')) {
            self.steps += self.root.get("$defs").and_then(Value::as_object).map_or(0, Map::len);
            self.steps += self.root.get("definitions").and_then(Value::as_object).map_or(0, Map::len);
        }
        if let Some(Value::String(reference)) = schema.get("$ref")
            && let Some(target) = target(self.root, reference)
            && !self.fits(value, target, depth)
        {
            return false;
        }
        if schema.get("const").is_some_and(|only| !equal(only, value))
            || list("enum").is_some_and(|values| !values.iter().any(|one| equal(one, value)))
            || !has_type(value, schema)
        {
            return false;
        }
        let own = match value {
            Value::Number(_) => number::within(value, schema),
            Value::String(text) => {
                let length = text.chars().count();
                size(schema, "minLength").unwrap_or(0) <= length
                    && length <= size(schema, "maxLength").unwrap_or(usize::MAX)
            }
            Value::Array(items) => self.items(items, schema, depth),
            Value::Object(members) => self.members(members, schema, depth),
            Value::Null | Value::Bool(_) => true,
        };
        own && self.combined(value, schema, depth)
    }

    fn combined(&mut self, value: &Value, schema: &Map<String, Value>, depth: usize) -> bool {
        let list = |name: &str| schema.get(name).and_then(Value::as_array).map(Vec::as_slice);
        if list("allOf").is_some_and(|all| !all.iter().all(|one| self.fits(value, one, depth)))
            || list("anyOf").is_some_and(|any| !any.iter().any(|one| self.fits(value, one, depth)))
            || list("oneOf")
                .is_some_and(|one| one.iter().filter(|one| self.fits(value, one, depth)).count() != 1)
            || schema.get("not").is_some_and(|not| self.fits(value, not, depth))
        {
            return false;
        }
        let Some(condition) = schema.get("if") else { return true };
        let branch = if self.fits(value, condition, depth) { "then" } else { "else" };
        schema.get(branch).is_none_or(|branch| self.fits(value, branch, depth))
    }

    fn items(&mut self, items: &[Value], schema: &Map<String, Value>, depth: usize) -> bool {
        let (firsts, rest) = match (schema.get("prefixItems"), schema.get("items")) {
            (Some(Value::Array(firsts)), rest) => (firsts.as_slice(), rest),
            (_, Some(Value::Array(firsts))) => (firsts.as_slice(), schema.get("additionalItems")),
            (_, rest) => (&[][..], rest),
        };
        let unique = schema.get("uniqueItems") == Some(&Value::Bool(true));
        if unique {
            self.steps += items.len().min(MANY_ITEMS) * items.len().min(MANY_ITEMS) / 2;
        }
        let mut compared = items.iter().take(MANY_ITEMS).enumerate();
        let mut repeated =
            || compared.any(|(index, item)| items.iter().take(index).any(|other| equal(item, other)));
        if items.len() < size(schema, "minItems").unwrap_or(0)
            || items.len() > size(schema, "maxItems").unwrap_or(usize::MAX)
            || (unique && repeated())
        {
            return false;
        }
        if let Some(contains) = schema.get("contains") {
            let count = items.iter().filter(|item| self.fits(item, contains, depth)).count();
            let least = size(schema, "minContains").unwrap_or(1);
            if count < least || count > size(schema, "maxContains").unwrap_or(usize::MAX) {
                return false;
            }
        }
        items.iter().enumerate().all(|(index, item)| {
            firsts.get(index).or(rest).is_none_or(|schema| self.fits(item, schema, depth))
        })
    }

    fn members(&mut self, members: &Map<String, Value>, schema: &Map<String, Value>, depth: usize) -> bool {
        let required = schema.get("required").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if !required.iter().filter_map(Value::as_str).all(|name| members.contains_key(name))
            || members.len() < size(schema, "minProperties").unwrap_or(0)
            || members.len() > size(schema, "maxProperties").unwrap_or(usize::MAX)
        {
            return false;
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        // Names that a pattern may allow are let through.
        let rest = schema.get("additionalProperties").filter(|_| !schema.contains_key("patternProperties"));
        members.iter().all(|(name, value)| {
            let own = properties.and_then(|properties| properties.get(name));
            own.or(rest).is_none_or(|schema| self.fits(value, schema, depth))
        })
    }
}

fn has_type(value: &Value, schema: &Map<String, Value>) -> bool {
    if !schema.contains_key("type") {
        return true;
    }
    let is = |name: &str| match name {
        "integer" => number::whole(value).is_some(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    };
    match schema.get("type") {
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).any(is),
        Some(_) | None => kind(schema).is_some_and(is),
    }
}

/// Equal by value: 1 and 1.0 are the same number.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(_), Value::Number(_)) => {
            left == right || (!number::less(left, right) && !number::less(right, left))
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, value)| right.get(name).is_some_and(|other| equal(value, other)))
        }
        (_, _) => left == right,
    }
}
