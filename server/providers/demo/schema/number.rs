//! Numbers within bounds.

use serde_json::{Map, Number, Value};

/// The bounds of a whole number are compared exactly; a double would lose the last digits of large ones.
pub(super) fn integer(schema: &Map<String, Value>, rank: usize) -> Option<Value> {
    let (low, high) = whole_bounds(schema);
    let step = match schema.get("multipleOf") {
        None => 1,
        Some(step) => whole(step).or_else(|| whole_step(step.as_f64()?))?,
    };
    if step <= 0 {
        return None;
    }
    let rank = i128::try_from(rank).ok()?;
    let start = 1.clamp(low.min(high), high.max(low));
    let up = start.div_euclid(step) + i128::from(start.rem_euclid(step) != 0);
    let chosen = [up + rank, up - 1 - rank, up].into_iter().map(|times| times.saturating_mul(step));
    chosen.into_iter().find(|value| (low..=high).contains(value)).and_then(as_json)
}

/// A number that shows that it need not be whole, where that fits.
pub(super) fn number(schema: &Map<String, Value>, rank: usize) -> Option<Value> {
    if schema.contains_key("multipleOf") {
        return multiple(schema, rank);
    }
    let rank = f64::from(u32::try_from(rank).ok()?);
    let low = bound(schema, "minimum", "exclusiveMinimum");
    let high = bound(schema, "maximum", "exclusiveMaximum");
    let middle = match (low, high) {
        (Some(low), Some(high)) => low / 2.0 + high / 2.0,
        (Some(low), None) => low + 1.0 + rank,
        (None, Some(high)) => high - 1.0 - rank,
        (None, None) => 1.5 + rank,
    };
    let edges = [low, low.map(f64::next_up), high, high.map(f64::next_down)];
    let near = low.zip(high).map(|(low, high)| low + (high - low) * (rank + 1.0) / (rank + 2.0));
    let candidates = [Some(1.5 + rank), near, Some(middle)].into_iter().chain(edges).flatten();
    let json = candidates.filter_map(Number::from_f64).map(Value::Number);
    json.into_iter().find(|value| within(value, schema))
}

/// Whether the bounds and the step of the schema take the number.
pub(super) fn within(value: &Value, schema: &Map<String, Value>) -> bool {
    let above = |name: &str, equal: bool| match schema.get(name) {
        Some(limit @ Value::Number(_)) => less(limit, value) || equal && !less(value, limit),
        Some(_) | None => true,
    };
    let below = |name: &str, equal: bool| match schema.get(name) {
        Some(limit @ Value::Number(_)) => less(value, limit) || equal && !less(limit, value),
        Some(_) | None => true,
    };
    // Before 2019 `exclusiveMinimum` was a flag beside `minimum`.
    let flag = |name: &str| schema.get(name) == Some(&Value::Bool(true));
    above("minimum", !flag("exclusiveMinimum"))
        && above("exclusiveMinimum", false)
        && below("maximum", !flag("exclusiveMaximum"))
        && below("exclusiveMaximum", false)
        && schema.get("multipleOf").is_none_or(|step| is_multiple(value, step))
}

/// A whole number, also when it is written as `3.0`.
pub(super) fn whole(value: &Value) -> Option<i128> {
    let number = value.as_number()?;
    let exact = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    exact.or_else(|| {
        let double = number.as_f64()?;
        (double.fract() == 0.0 && double.abs() < 1e30).then(|| truncate(double))
    })
}

/// Compares by value.
pub(super) fn less(left: &Value, right: &Value) -> bool {
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => left < right,
        (_, _) => left.as_f64().zip(right.as_f64()).is_some_and(|(left, right)| left < right),
    }
}

/// A step that meets both steps.
pub(super) fn common_multiple(left: &Value, right: &Value) -> Value {
    let (Some(one), Some(other)) = (whole(left), whole(right)) else { return left.clone() };
    let (mut a, mut b) = (one.abs(), other.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    let multiple = if a == 0 { one } else { (one / a).saturating_mul(other) };
    as_json(multiple).unwrap_or_else(|| left.clone())
}

fn whole_bounds(schema: &Map<String, Value>) -> (i128, i128) {
    let flag = |name: &str| schema.get(name) == Some(&Value::Bool(true));
    let up = |value: &Value| whole(value).or_else(|| Some(truncate(value.as_f64()?.ceil())));
    let down = |value: &Value| whole(value).or_else(|| Some(truncate(value.as_f64()?.floor())));
    let get = |name: &str| schema.get(name).filter(|value| value.is_number());
    let lows = [
        get("minimum").and_then(|limit| {
            if flag("exclusiveMinimum") { down(limit).map(|low| low + 1) } else { up(limit) }
        }),
        get("exclusiveMinimum").and_then(down).map(|low| low + 1),
    ];
    let highs = [
        get("maximum").and_then(|limit| {
            if flag("exclusiveMaximum") { up(limit).map(|high| high - 1) } else { down(limit) }
        }),
        get("exclusiveMaximum").and_then(up).map(|high| high - 1),
    ];
    let low = lows.into_iter().flatten().max().unwrap_or(i128::from(i64::MIN));
    let high = highs.into_iter().flatten().min().unwrap_or(i128::from(u64::MAX));
    (low, high)
}

/// The tighter of a bound and its exclusive twin.
fn bound(schema: &Map<String, Value>, name: &str, exclusive: &str) -> Option<f64> {
    let values = [name, exclusive].map(|name| schema.get(name).and_then(Value::as_f64));
    let is_low = name == "minimum";
    values.into_iter().flatten().reduce(|one, other| if is_low { one.max(other) } else { one.min(other) })
}

/// A multiple of a step that may have decimals.
fn multiple(schema: &Map<String, Value>, rank: usize) -> Option<Value> {
    let step = schema.get("multipleOf")?.as_f64().filter(|step| *step > 0.0)?;
    let rank = f64::from(u32::try_from(rank).ok()?);
    let low = bound(schema, "minimum", "exclusiveMinimum");
    let high = bound(schema, "maximum", "exclusiveMaximum");
    let from = low
        .map_or_else(|| high.map_or(1.0, |high| (high / step).floor().min(1.0)), |low| (low / step).ceil());
    let times = [from.max(1.0) + rank, from + rank, from + 1.0, from, from - 1.0, from - 2.0];
    let rounded = times.into_iter().filter_map(|times| Number::from_f64(decimal(times * step, step)));
    rounded.map(Value::Number).find(|value| within(value, schema))
}

/// The double nearest to the decimal that is meant: 3 times 0.1 is 0.3.
fn decimal(value: f64, step: f64) -> f64 {
    let written = step.to_string();
    let places = written.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    format!("{value:.places$}").parse().unwrap_or(value)
}

fn is_multiple(value: &Value, step: &Value) -> bool {
    match (whole(value), whole(step)) {
        (Some(value), Some(step)) if step != 0 => value % step == 0,
        (_, _) => value.as_f64().zip(step.as_f64()).is_some_and(|(value, step)| {
            let times = (value / step).round();
            decimal(times * step, step) == decimal(value, step)
                && (times * step - value).abs() <= value.abs() * 1e-12
        }),
    }
}

/// The smallest whole number that is a multiple of a step with decimals.
fn whole_step(step: f64) -> Option<i128> {
    let written = Value::from(step);
    (1..=10_000).find(|candidate| is_multiple(&Value::from(*candidate), &written)).map(i128::from)
}

fn as_json(value: i128) -> Option<Value> {
    i64::try_from(value).map(Value::from).or_else(|_| u64::try_from(value).map(Value::from)).ok()
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "doubles out of range become the largest integers, as wanted"
)]
fn truncate(value: f64) -> i128 {
    (value as i128).clamp(i128::MIN / 4, i128::MAX / 4)
}
