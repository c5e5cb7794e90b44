//! `additionalModelRequestFields`: what Converse has no place for and the model itself understands.

use super::{
    ability::{Ability, Reasoning},
    content::tell,
    tools::Tools,
};
use crate::{
    proto::v1::ChatRequest,
    wire::json::{Extras, Malformed, Members, Object, Writer},
};

/// Members of Converse's own request that callers may send as they are.
const NATIVE: [&str; 4] =
    ["guardrailConfig", "performanceConfig", "promptVariables", "additionalModelResponseFieldPaths"];

/// The member that callers may fill themselves; ours are added to it.
const FIELDS: &str = "additionalModelRequestFields";

/// OpenAI's members without a field of ours that would mean nothing to any model here.
const REFUSED: [(&str, &str); 3] = [
    ("function_call", "Bedrock takes tool_choice in its place"),
    ("functions", "Bedrock takes tools in their place"),
    ("web_search_options", "Bedrock searches by a system tool, where the model has one"),
];
const DROPPED: [&str; 1] = ["prompt_cache_retention"];

/// Budgets of reasoning in tokens. Anthropic takes no less than the first.
const EFFORTS: [(&str, i32); 4] = [("minimal", 1024), ("low", 1024), ("medium", 4096), ("high", 16384)];
/// Of efforts beyond high.
const MAX_BUDGET: i32 = 32768;

/// What a request says to the model itself.
pub(super) struct Fields<'a> {
    own: Extras,
    extras: &'a Extras,
    ability: Ability,
    /// How hard to think, where Converse has the word for it.
    pub(super) effort: Option<&'a str>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(
        request: &'a ChatRequest,
        ability: Ability,
        dropped: &mut Vec<&'static str>,
    ) -> Result<Self, Malformed> {
        let extras = &request.extra_json;
        if let Some((name, advice)) = REFUSED.iter().find(|(name, _)| extras.contains_key(*name)) {
            return Err(Malformed::new(*advice).inside(name));
        }
        for name in DROPPED {
            tell(dropped, name, extras.contains_key(name));
        }
        let mut fields = Self { own: Extras::new(), extras, ability, effort: None };
        if let Some(effort) = request.reasoning_effort.as_deref() {
            let told = fields.reason(effort, ability.reasoning, request);
            tell(dropped, "reasoning_effort", !told);
        }
        Ok(fields)
    }

    /// Says how hard to think. Returns whether the model can be told.
    fn reason(&mut self, effort: &'a str, reasoning: Reasoning, request: &ChatRequest) -> bool {
        let (name, value) = match (reasoning, effort) {
            (Reasoning::Fixed, _) => return effort == "none",
            (Reasoning::Effort, _) => ("reasoning_effort", Writer::text_value(effort)),
            // Not asked, they do not think.
            (Reasoning::Budget | Reasoning::Adaptive | Reasoning::Nova, "none") => return true,
            (Reasoning::Nova, _) => {
                let effort = if effort == "minimal" { "low" } else { effort };
                let value = Writer::text_of(|object| {
                    object.text("type", "enabled");
                    object.text("maxReasoningEffort", effort);
                });
                ("reasoningConfig", value)
            }
            (Reasoning::Adaptive, _) => {
                self.effort = Some(if effort == "minimal" { "low" } else { effort });
                ("thinking", Writer::text_of(|object| object.text("type", "adaptive")))
            }
            (Reasoning::Budget, _) => {
                let Some(budget) = budget(effort, request.max_completion_tokens.or(request.max_tokens))
                else {
                    return false;
                };
                let value = Writer::text_of(|object| {
                    object.text("type", "enabled");
                    object.optional_integer("budget_tokens", Some(budget));
                });
                ("thinking", value)
            }
        };
        self.own.insert(name.to_owned(), value);
        true
    }

    /// Appends `additionalModelRequestFields`, if there are any: ours, then those that the caller has put there, then its
    /// members that nothing else knows.
    pub(super) fn write(&self, tools: &Tools<'_>, object: &mut Object<'_>) -> Result<(), Malformed> {
        let mut choice = Vec::new();
        Writer::append(&mut choice, |object| tools.write_field(object));
        let mut fields = Members::of(&choice)?;
        for (name, json) in &self.own {
            fields.set(name, json.as_str());
        }
        if let Some(given) = self.extras.get(FIELDS) {
            fields.merge(Members::of(given.as_bytes()).map_err(|fault| fault.inside(FIELDS))?);
        }
        for (name, json) in self.extras.iter().filter(|(name, json)| is_for_model(name, json)) {
            if name == "top_k" && self.ability.nests_top_k {
                fields.set("inferenceConfig", format!("{{\"topK\":{json}}}"));
            } else {
                fields.set(name, json.as_str());
            }
        }
        let written = fields.write();
        if written != b"{}" {
            // Made of JSON that was read.
            object.optional_raw(FIELDS, std::str::from_utf8(&written).ok());
        }
        Ok(())
    }

    /// Appends the members that are Converse's own.
    pub(super) fn write_native(&self, object: &mut Object<'_>) {
        for name in NATIVE {
            object.optional_raw(name, self.extras.get(name).map(String::as_str));
        }
    }
}

/// Less than all that may be written, and no less than a model takes. `None`: there is no such number.
fn budget(effort: &str, max_tokens: Option<i32>) -> Option<i32> {
    let wanted = EFFORTS.iter().find(|(name, _)| *name == effort).map_or(MAX_BUDGET, |(_, budget)| *budget);
    let [(_, least), ..] = EFFORTS;
    let budget = max_tokens.map_or(wanted, |most| wanted.min(most.saturating_sub(1)));
    (budget >= least).then_some(budget)
}

fn is_for_model(name: &str, json: &str) -> bool {
    name != FIELDS && !NATIVE.contains(&name) && !DROPPED.contains(&name) && json != "[]"
}
