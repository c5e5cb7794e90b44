//! How long the model may think and write, and how it samples: they depend on each other.
//!
//! Thinking counts into `max_tokens`, a budget is at least 1024 tokens and smaller than that, and who thinks samples as the
//! vendor wants (platform.claude.com: extended thinking, adaptive thinking, effort).

use super::model::{Model, Sampling, Thinking};
use crate::{
    error::{Error, Result},
    proto::v1::ChatRequest,
};

/// The smallest budget that the vendor takes.
const MIN_BUDGET: i32 = 1024;
/// While it thinks, the vendor takes no smaller `top_p`.
const MIN_TOP_P: f64 = 0.95;
/// The member under which callers may say themselves how to think.
const OWN_WORDS: &str = "thinking";

/// What of it goes upstream.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Plan {
    pub(super) max_tokens: i32,
    pub(super) thinking: Option<Config>,
    pub(super) effort: Option<String>,
    pub(super) temperature: Option<f64>,
    pub(super) top_p: Option<f64>,
}

/// The member `thinking`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Config {
    /// Up to so many tokens.
    Budget(i32),
    /// As it sees fit. `asks`: for what it thought, which it would keep to itself.
    Adaptive { asks: bool },
    /// Not at all.
    Disabled,
}

/// What a conversation rules out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given {
    /// A tool must be called; that and thinking exclude each other.
    pub(super) forces_tool: bool,
    /// The last calls of tools lack the thoughts that led to them; with a budget the vendor would miss them.
    pub(super) lost_thoughts: bool,
    /// Tokens of an answer where the caller sets no limit.
    pub(super) default_limit: i32,
}

/// Plans it. What does not fit is told in `dropped`.
///
/// # Errors
/// That the effort is not one.
pub(super) fn plan(
    request: &ChatRequest,
    model: Model,
    given: Given,
    dropped: &mut Vec<&'static str>,
) -> Result<Plan> {
    let limit = request.max_completion_tokens.or(request.max_tokens);
    let mut plan = Plan { max_tokens: limit.unwrap_or(given.default_limit), ..Plan::default() };
    if let Some(effort) = request.reasoning_effort.as_deref() {
        let said = request.extra_json.contains_key(OWN_WORDS);
        match model.thinking() {
            Thinking::Budget => {
                let budget = budget_of(effort)?.map(|budget| match limit {
                    _ if said || given.forces_tool || given.lost_thoughts => None,
                    Some(limit) => fitting(budget, limit),
                    None => {
                        plan.max_tokens = plan.max_tokens.saturating_add(budget);
                        Some(budget)
                    }
                });
                plan.thinking = budget.flatten().map(Config::Budget);
                if budget == Some(None) {
                    dropped.push("reasoning_effort");
                }
            }
            Thinking::Adaptive { tells } => {
                let config = match effort {
                    "none" => Config::Disabled,
                    _ => Config::Adaptive { asks: !tells },
                };
                plan.effort = effort_of(effort).map(str::to_owned);
                plan.thinking = Some(config).filter(|_| !said && !given.forces_tool);
            }
        }
    }
    sample(request, model, &mut plan, dropped);
    Ok(plan)
}

fn sample(request: &ChatRequest, model: Model, plan: &mut Plan, dropped: &mut Vec<&'static str>) {
    let thinks = matches!(plan.thinking, Some(Config::Budget(_) | Config::Adaptive { .. }));
    let sampling = model.sampling();
    // 1 is the default of both.
    let differs = |value: &f64| (value - 1.0).abs() > f64::EPSILON;
    if let Some(temperature) = request.temperature {
        // Hotter than 1 the vendor cannot.
        if thinks || sampling == Sampling::Neither || temperature > 1.0 {
            dropped.extend(differs(&temperature).then_some("temperature"));
        } else {
            plan.temperature = Some(temperature);
        }
    }
    if let Some(top_p) = request.top_p {
        let second = sampling == Sampling::One && plan.temperature.is_some();
        if second || sampling == Sampling::Neither || (thinks && top_p < MIN_TOP_P) {
            dropped.extend(differs(&top_p).then_some("top_p"));
        } else {
            plan.top_p = Some(top_p);
        }
    }
}

/// Tokens to think for an effort. `None`: no thinking.
fn budget_of(effort: &str) -> Result<Option<i32>> {
    Ok(Some(match effort {
        "none" => return Ok(None),
        "minimal" => MIN_BUDGET,
        "low" => 2048,
        "medium" => 8192,
        "high" => 16_384,
        "xhigh" | "max" => 32_768,
        _ => {
            let message = "must be none, minimal, low, medium, high, xhigh or max";
            return Err(Error::invalid("reasoning_effort", message));
        }
    }))
}

/// The part of a budget that leaves a fifth of the answer for what is said. `None`: there is no room to think.
fn fitting(budget: i32, limit: i32) -> Option<i32> {
    let room = limit - limit / 5;
    (limit > MIN_BUDGET).then(|| budget.min(room).max(MIN_BUDGET))
}

/// The vendor's word for an effort; a word that it may know and we do not travels. `None`: no thinking.
fn effort_of(effort: &str) -> Option<&str> {
    match effort {
        "none" => None,
        "minimal" => Some("low"),
        effort => Some(effort),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: Given = Given { forces_tool: false, lost_thoughts: false, default_limit: 4096 };

    fn asked(effort: &str, limit: Option<i32>) -> ChatRequest {
        ChatRequest { reasoning_effort: Some(effort.to_owned()), max_tokens: limit, ..ChatRequest::default() }
    }

    fn planned(request: &ChatRequest, model: &str, given: Given) -> (Plan, Vec<&'static str>) {
        let mut dropped = Vec::new();
        let plan = plan(request, Model::of(model), given, &mut dropped).unwrap();
        (plan, dropped)
    }

    #[test]
    fn a_budget_fits_into_the_limit_or_is_told() {
        for (effort, limit, budget, max_tokens) in [
            ("low", None, Some(2048), 6144),
            ("high", Some(40_000), Some(16_384), 40_000),
            ("high", Some(10_000), Some(8000), 10_000),
            ("low", Some(1100), Some(1024), 1100),
            ("low", Some(1024), None, 1024),
            ("none", Some(9000), None, 9000),
        ] {
            let (plan, dropped) = planned(&asked(effort, limit), "claude-haiku-4-5", GIVEN);
            assert_eq!((plan.thinking, plan.max_tokens), (budget.map(Config::Budget), max_tokens));
            assert!(budget.is_none_or(|budget| budget < max_tokens));
            assert_eq!(dropped.is_empty(), budget.is_some() || effort == "none", "{effort} {limit:?}");
        }
    }

    #[test]
    fn newer_models_get_an_effort() {
        for (model, effort, config, word) in [
            ("claude-opus-4-6", "minimal", Config::Adaptive { asks: false }, Some("low")),
            ("claude-opus-4-8", "high", Config::Adaptive { asks: true }, Some("high")),
            ("claude-sonnet-5", "none", Config::Disabled, None),
        ] {
            let (plan, dropped) = planned(&asked(effort, Some(9)), model, GIVEN);
            assert_eq!((plan.thinking, plan.effort.as_deref(), plan.max_tokens), (Some(config), word, 9));
            assert!(dropped.is_empty());
        }
    }

    #[test]
    fn thinking_gives_way_to_what_excludes_it() {
        for given in [Given { forces_tool: true, ..GIVEN }, Given { lost_thoughts: true, ..GIVEN }] {
            let (plan, dropped) = planned(&asked("low", None), "claude-haiku-4-5", given);
            assert_eq!((plan.thinking, dropped), (None, vec!["reasoning_effort"]));
        }
        let given = Given { forces_tool: true, ..GIVEN };
        let (plan, dropped) = planned(&asked("low", None), "claude-opus-4-8", given);
        assert_eq!((plan.thinking, plan.effort.as_deref(), dropped), (None, Some("low"), vec![]));
    }

    #[test]
    fn sampling_is_what_the_model_takes_and_the_rest_is_told() {
        let none: &[&str] = &[];
        for (model, thinks, temperature, top_p, sent, told) in [
            ("m", false, Some(0.5), Some(0.9), (Some(0.5), Some(0.9)), none),
            ("m", false, Some(1.5), None, (None, None), &["temperature"]),
            ("m", true, Some(0.5), Some(0.9), (None, None), &["temperature", "top_p"]),
            ("m", true, Some(1.0), Some(0.97), (None, Some(0.97)), none),
            ("claude-sonnet-4-5", false, Some(0.5), Some(0.9), (Some(0.5), None), &["top_p"]),
            ("claude-sonnet-4-5", false, None, Some(0.9), (None, Some(0.9)), none),
            ("claude-sonnet-5", false, Some(0.5), Some(0.9), (None, None), &["temperature", "top_p"]),
            ("claude-sonnet-5", false, Some(1.0), Some(1.0), (None, None), none),
        ] {
            let mut request = asked("low", None);
            request.reasoning_effort = request.reasoning_effort.filter(|_| thinks);
            (request.temperature, request.top_p) = (temperature, top_p);
            let (plan, dropped) = planned(&request, model, GIVEN);
            assert_eq!(((plan.temperature, plan.top_p), dropped.as_slice()), (sent, told), "{model}");
        }
    }

    #[test]
    fn an_effort_that_is_none_is_refused() {
        let refused = plan(&asked("huge", None), Model::Other, GIVEN, &mut Vec::new()).unwrap_err();
        assert_eq!(refused.detail().field.as_deref(), Some("reasoning_effort"));
    }
}
