//! Any JSON Schema -> one value that fits it; always the same one.
//!
//! Understood: types, enum, const, default and examples, objects, arrays, texts, numbers, `anyOf`, `oneOf`, `allOf`, `if`,
//! local `$ref`s (recursive ones too). `pattern` is met where it is a regular expression without look-around;
//! `patternProperties`, `propertyNames`, `dependentSchemas`, `unevaluated*` and `$dynamicRef` are not looked at; `not` only
//! chooses between alternatives. Texts stay below 2,000 characters, values below some 4,000 nodes, schemas below 200 kB.

mod fit;
mod merge;
mod number;
mod string;

use std::cell::Cell;

use serde_json::{Map, Value};

/// Deeper values are given up; an alternative that ends earlier is taken.
const MAX_DEPTH: usize = 32;
/// After this many values nothing optional is made.
const MANY: usize = 1_000;
/// After this many values nothing is made.
const TOO_MANY: usize = 4_000;
/// A long text counts as one value more for every this many bytes.
const TEXT_A_VALUE: usize = 64;
/// Larger schemas, in bytes of JSON, are given up.
const LARGEST: usize = 200_000;
/// So many parts of schemas are copied or judged; then nothing more is made.
const MUCH_WORK: usize = 2_000_000;
/// What a byte of a pattern costs: `\w` is thousands of ranges.
const PATTERN_WORK: usize = 100;
/// What a byte of a text costs that a pattern wants.
const LETTER_WORK: usize = 50;
/// Of so many values in an `enum` the first ones are enough.
const MANY_GIVEN: usize = 100;

/// Makes values for one schema.
struct Sampler<'a> {
    root: &'a Value,
    made: usize,
    /// Parts of schemas copied or judged.
    work: Cell<usize>,
    /// The references that are being followed.
    refs: Vec<String>,
}

/// Where a value will stand.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// Name of the member, to make texts that tell something.
    name: &'a str,
    depth: usize,
    /// Rank among values that must differ.
    rank: usize,
    /// Whether a schema is already inside itself: then only what is required is made.
    again: bool,
}

/// A value that fits the schema. `None`: there is none, or none of bearable size.
pub(super) fn sample(schema: &Value) -> Option<Value> {
    if schema.to_string().len() > LARGEST {
        return None;
    }
    let mut sampler = Sampler { root: schema, made: 0, work: Cell::new(0), refs: vec!["#".to_owned()] };
    sampler.value(schema, Place { name: "demo", depth: 0, rank: 0, again: false })
}

// === impl Sampler ===

impl Sampler<'_> {
    fn value(&mut self, schema: &Value, place: Place<'_>) -> Option<Value> {
        self.made += 1;
        if place.depth > MAX_DEPTH || self.made > TOO_MANY || self.work.get() > MUCH_WORK {
            return None;
        }
        let known = self.refs.len();
        let value = self.resolved(schema, place);
        self.refs.truncate(known);
        value
    }

    /// Follows references, then makes the value.
    fn resolved(&mut self, schema: &Value, mut place: Place<'_>) -> Option<Value> {
        let mut schema = match schema {
            Value::Object(members) => members.clone(),
            Value::Bool(false) => return None,
            Value::Null | Value::Bool(true) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Map::new()
            }
        };
        let first = self.refs.len();
        while let Some(Value::String(reference)) = schema.remove("$ref") {
            if self.refs.iter().skip(first).any(|seen| *seen == reference) {
                return None;
            }
            place.again |= self.refs.contains(&reference);
            if let Value::Object(target) = fit::target(self.root, &reference)? {
                schema = merge::both(&schema, target)?;
            }
            self.refs.push(reference);
        }
        self.any(&schema, place)
    }

    fn any(&mut self, schema: &Map<String, Value>, place: Place<'_>) -> Option<Value> {
        // Each alternative is made with a copy of what stands beside it.
        let alternatives =
            ["anyOf", "oneOf"].iter().filter_map(|name| schema.get(*name)?.as_array().map(Vec::len));
        let copies = 2 + alternatives.max().unwrap_or(0);
        let parts: usize = schema.values().map(size_of).sum();
        self.work.set(self.work.get().saturating_add(parts.saturating_mul(copies)));
        if self.work.get() > MUCH_WORK {
            return None;
        }
        let whole = Value::Object(schema.clone());
        if let Some(given) = self.given(schema, place.rank) {
            return given;
        }
        let Some(mut options) = options(schema) else { return self.typed(schema, place) };
        if place.again {
            // What ends the recursion comes first.
            options.sort_by_key(|option| self.is_open(option));
        }
        let mut first = None;
        for option in options {
            let Some(merged) = self.merged(&option) else { continue };
            if let Some(value) = self.value(&merged, Place { depth: place.depth + 1, ..place }) {
                if self.fits(&value, &whole) {
                    return Some(value);
                }
                first = first.or(Some(value));
            }
        }
        first
    }

    fn fits(&self, value: &Value, schema: &Value) -> bool {
        fit::fits(value, schema, self.root, &self.work)
    }

    /// A value that the schema itself gives: `const`, `enum`, `default` or `examples`. `None`: it gives none;
    /// `Some(None)`: it gives some, but none fits.
    fn given(&self, schema: &Map<String, Value>, rank: usize) -> Option<Option<Value>> {
        let mut others = schema.clone();
        others.retain(|name, _| !["const", "enum", "default", "examples"].contains(&name.as_str()));
        let others = Value::Object(others);
        let fits = |value: &&Value| self.fits(value, &others);
        let listed = schema.get("enum").map(|values| values.as_array().map_or(&[][..], Vec::as_slice));
        if let Some(only) = schema.get("const") {
            let listed = listed.is_none_or(|values| values.contains(only));
            return Some((listed && fits(&only)).then(|| only.clone()));
        }
        let examples = schema.get("examples").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let mut fitting = schema.get("default").into_iter().chain(examples).take(MANY_GIVEN).filter(fits);
        let Some(listed) = listed else {
            // Values that must differ are invented when the schema gives too few.
            return fitting.nth(rank).map(|value| Some(value.clone()));
        };
        if let Some(value) = fitting.filter(|value| listed.contains(value)).nth(rank) {
            return Some(Some(value.clone()));
        }
        let listed: Vec<_> = listed.iter().take(MANY_GIVEN).filter(fits).collect();
        Some(listed.get(rank % listed.len().max(1)).map(|value| (*value).clone()))
    }

    /// Whether one of the parts leads back to where we are.
    fn is_open(&self, parts: &[Value]) -> bool {
        let reference = |part: &Value| part.get("$ref").and_then(Value::as_str).map(str::to_owned);
        parts.iter().filter_map(reference).any(|reference| self.refs.contains(&reference))
    }

    /// All parts as one schema. References stay with the first that has one; others are looked up.
    fn merged(&self, parts: &[Value]) -> Option<Value> {
        let mut merged = Map::new();
        for part in parts {
            let part = match part {
                Value::Object(part) => part.clone(),
                Value::Bool(false) => return None,
                Value::Null | Value::Bool(true) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                    continue;
                }
            };
            let part = match part.get("$ref").and_then(Value::as_str) {
                Some(reference) if merged.contains_key("$ref") => {
                    let mut siblings = part.clone();
                    siblings.remove("$ref");
                    let target = fit::target(self.root, reference)?.as_object();
                    target.map_or(Some(siblings.clone()), |target| merge::both(&siblings, target))?
                }
                Some(_) | None => part,
            };
            merged = merge::both(&merged, &part)?;
        }
        Some(Value::Object(merged))
    }

    fn typed(&mut self, schema: &Map<String, Value>, place: Place<'_>) -> Option<Value> {
        match kind(schema)? {
            "object" => self.object(schema, place),
            "array" => self.array(schema, place),
            "integer" => number::integer(schema, place.rank),
            "number" => number::number(schema, place.rank),
            "boolean" => Some(Value::Bool(place.rank.is_multiple_of(2))),
            "null" => Some(Value::Null),
            _ => {
                let text = string::string(schema, place.name, place.rank)?;
                self.made += text.len() / TEXT_A_VALUE;
                if let Some(Value::String(pattern)) = schema.get("pattern") {
                    let work = pattern.len() * PATTERN_WORK + text.len() * LETTER_WORK;
                    self.work.set(self.work.get().saturating_add(work));
                }
                Some(Value::String(text))
            }
        }
    }

    fn object(&mut self, schema: &Map<String, Value>, place: Place<'_>) -> Option<Value> {
        let none = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let rest = schema.get("additionalProperties").unwrap_or(&Value::Bool(true));
        let required = schema.get("required").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let required: Vec<_> = required.iter().filter_map(Value::as_str).collect();
        let most = size(schema, "maxProperties").unwrap_or(usize::MAX);
        let least = size(schema, "minProperties").unwrap_or(0);
        let missing = required.iter().filter(|name| !properties.contains_key(**name)).count();
        let spare = most.saturating_sub(missing);
        let mut object = Map::new();
        let mut needed_ahead = required.len() - missing;
        for (name, schema) in properties {
            let needed = required.contains(&name.as_str());
            needed_ahead -= usize::from(needed);
            let wanted = needed || (!place.again || object.len() < least) && self.made < MANY;
            let fits_in = needed || object.len() + needed_ahead < spare;
            if wanted && fits_in {
                let inner = Place { name, depth: place.depth + 1, ..place };
                match self.value(schema, inner) {
                    Some(value) => {
                        object.insert(name.clone(), value);
                    }
                    None if needed => return None,
                    None => {}
                }
            }
        }
        let shown = usize::from(rest.is_object() && properties.is_empty() && !place.again).min(most);
        let invented = (1..).map(|number| format!("key{number}"));
        let mut names = required.iter().map(|name| (*name).to_owned()).chain(invented.take(TOO_MANY));
        while required.iter().any(|name| !object.contains_key(*name)) || object.len() < least.max(shown) {
            let name = names.next()?;
            if !object.contains_key(&name) {
                let value = self.value(rest, Place { name: &name, depth: place.depth + 1, ..place });
                match value {
                    Some(value) => object.insert(name, value),
                    // An optional sample that cannot be made is left out.
                    None if object.len() >= least
                        && required.iter().all(|name| object.contains_key(*name)) =>
                    {
                        break;
                    }
                    None => return None,
                };
            }
        }
        Some(Value::Object(object))
    }

    fn array(&mut self, schema: &Map<String, Value>, place: Place<'_>) -> Option<Value> {
        let items = schema.get("items").unwrap_or(&Value::Bool(true));
        // Before 2020 the list of the first items was `items`, and the rest `additionalItems`.
        let (firsts, rest) = match (schema.get("prefixItems"), items) {
            (Some(Value::Array(firsts)), rest) => (firsts.as_slice(), rest),
            (_, Value::Array(firsts)) => {
                (firsts.as_slice(), schema.get("additionalItems").unwrap_or(&Value::Bool(true)))
            }
            (_, rest) => (&[][..], rest),
        };
        let contains = schema.get("contains");
        let contained = contains.map_or(0, |_| size(schema, "minContains").unwrap_or(1));
        let holding = if contained == 0 { 0 } else { firsts.len() + contained };
        let least = size(schema, "minItems").unwrap_or(0).max(holding);
        let usual = if place.again || self.made > MANY { 0 } else { firsts.len().max(1) };
        let most = size(schema, "maxItems").unwrap_or(usize::MAX);
        let mut array = Vec::new();
        for index in 0..least.max(usual).min(most) {
            let mut item = firsts.get(index).unwrap_or(rest).clone();
            if let (Some(contains), true) =
                (contains, index >= firsts.len() && index - firsts.len() < contained)
            {
                item = self.merged(&[item, contains.clone()])?;
            }
            match self.value(&item, Place { depth: place.depth + 1, rank: place.rank + index, ..place }) {
                Some(value) => array.push(value),
                None if index < least => return None,
                None => break,
            }
        }
        Some(Value::Array(array))
    }
}

/// The ways to meet the schema, each as parts that hold together. `None`: it is plain.
fn options(schema: &Map<String, Value>) -> Option<Vec<Vec<Value>>> {
    let without = |names: &[&str]| {
        let mut base = schema.clone();
        base.retain(|name, _| !names.contains(&name.as_str()));
        Value::Object(base)
    };
    for name in ["anyOf", "oneOf"] {
        if let Some(Value::Array(branches)) = schema.get(name) {
            let base = without(&[name]);
            return Some(branches.iter().map(|branch| vec![base.clone(), branch.clone()]).collect());
        }
    }
    if let Some(condition) = schema.get("if") {
        let base = without(&["if", "then", "else"]);
        let branch = |name| schema.get(name).cloned().unwrap_or(Value::Bool(true));
        return Some(vec![
            vec![base.clone(), condition.clone(), branch("then")],
            vec![base.clone(), branch("else")],
            vec![base],
        ]);
    }
    if let Some(Value::Array(all)) = schema.get("allOf") {
        // One at a time: what it brings along may have alternatives of its own.
        let mut base = schema.clone();
        let (first, others) = all.split_first().unwrap_or((&Value::Bool(true), &[]));
        match others {
            [] => base.remove("allOf"),
            others => base.insert("allOf".to_owned(), others.to_vec().into()),
        };
        return Some(vec![vec![Value::Object(base), first.clone()]]);
    }
    None
}

/// The type to make: the first one that is not null, or what the other members speak of. `None`: no type is left.
fn kind(schema: &Map<String, Value>) -> Option<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => return Some(one),
        Some(Value::Array(several)) => {
            let mut several: Vec<_> = several.iter().filter_map(Value::as_str).collect();
            several.sort_by_key(|name| *name == "null");
            return several.first().copied();
        }
        Some(_) | None => {}
    }
    let speaks_of = |names: &[&str]| names.iter().any(|name| schema.contains_key(*name));
    Some(
        if speaks_of(&["properties", "required", "additionalProperties", "minProperties", "maxProperties"]) {
            "object"
        } else if speaks_of(&["items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"]) {
            "array"
        } else if speaks_of(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]) {
            "number"
        } else {
            "string"
        },
    )
}

/// How many parts a schema has.
fn size_of(schema: &Value) -> usize {
    match schema {
        Value::Array(parts) => 1 + parts.iter().map(size_of).sum::<usize>(),
        Value::Object(parts) => 1 + parts.values().map(size_of).sum::<usize>(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}

/// A size in a schema. `3.0` is one too.
fn size(schema: &Map<String, Value>, name: &str) -> Option<usize> {
    let value = schema.get(name)?;
    let whole = value.as_u64().or_else(|| number::whole(value).and_then(|whole| u64::try_from(whole).ok()));
    whole.map(|size| usize::try_from(size).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests;
