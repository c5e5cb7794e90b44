//! What is known of models by their ids. Converse is one interface for all, but not all can do all of it.

/// What a model can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ability {
    /// How it is told to reason.
    pub(super) reasoning: Reasoning,
    /// Whether it keeps to a JSON schema: `outputConfig.textFormat` and strict tools. Where it does not, AWS's advice is a
    /// tool that must be called.
    pub(super) keeps_schemas: bool,
    /// Whether it takes `top_k` as `topK` inside an `inferenceConfig` of its own.
    pub(super) nests_top_k: bool,
    /// Whether it takes Anthropic's own `tool_choice`, which can forbid parallel calls.
    pub(super) calls_one_by_one: bool,
}

/// How a model is told to reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reasoning {
    /// It cannot be.
    Fixed,
    /// Claude up to 4.5: so many tokens.
    Budget,
    /// Claude since 4.6: it sees for itself, at an effort.
    Adaptive,
    /// Nova 2.
    Nova,
    /// OpenAI's word in the model's own body.
    Effort,
}

/// Part of the id -> what the model can do. The first that fits counts.
const KNOWN: [(&str, Ability); 16] = [
    ("anthropic.claude-3-7", claude(Reasoning::Budget, false)),
    ("anthropic.claude-3", claude(Reasoning::Fixed, false)),
    ("anthropic.claude-v2", claude(Reasoning::Fixed, false)),
    ("anthropic.claude-instant", claude(Reasoning::Fixed, false)),
    ("anthropic.claude-sonnet-4-2025", claude(Reasoning::Budget, false)),
    ("anthropic.claude-opus-4-2025", claude(Reasoning::Budget, false)),
    ("anthropic.claude-opus-4-1", claude(Reasoning::Budget, false)),
    ("anthropic.claude-sonnet-4-5", claude(Reasoning::Budget, true)),
    ("anthropic.claude-haiku-4-5", claude(Reasoning::Budget, true)),
    ("anthropic.claude-opus-4-5", claude(Reasoning::Budget, true)),
    ("anthropic.claude", claude(Reasoning::Adaptive, true)),
    ("amazon.nova-2", Ability { reasoning: Reasoning::Nova, ..NOVA }),
    ("amazon.nova", NOVA),
    ("amazon.", Ability { keeps_schemas: false, ..OTHER }),
    ("openai.", Ability { reasoning: Reasoning::Effort, ..OTHER }),
    ("moonshot", Ability { reasoning: Reasoning::Effort, ..OTHER }),
];

/// Of a model that is not known. What it cannot do, Bedrock says.
const OTHER: Ability =
    Ability { reasoning: Reasoning::Fixed, keeps_schemas: true, nests_top_k: false, calls_one_by_one: false };

const NOVA: Ability = Ability { keeps_schemas: false, nests_top_k: true, ..OTHER };

const fn claude(reasoning: Reasoning, keeps_schemas: bool) -> Ability {
    Ability { reasoning, keeps_schemas, calls_one_by_one: true, ..OTHER }
}

impl Ability {
    /// By the id of a model or of an inference profile, alone or inside an ARN.
    pub(super) fn of(model: &str) -> Self {
        KNOWN.iter().find(|(part, _)| model.contains(part)).map_or(OTHER, |(_, ability)| *ability)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_known_by_its_id_wherever_it_stands() {
        for (model, reasoning, keeps_schemas) in [
            ("anthropic.claude-3-5-sonnet-20240620-v1:0", Reasoning::Fixed, false),
            ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", Reasoning::Budget, false),
            ("eu.anthropic.claude-sonnet-4-20250514-v1:0", Reasoning::Budget, false),
            ("global.anthropic.claude-haiku-4-5-20251001-v1:0", Reasoning::Budget, true),
            ("us.anthropic.claude-sonnet-4-6", Reasoning::Adaptive, true),
            (
                "arn:aws:bedrock:us-east-1:000000000000:inference-profile/us.amazon.nova-2-lite-v1:0",
                Reasoning::Nova,
                false,
            ),
            ("us.amazon.nova-pro-v1:0", Reasoning::Fixed, false),
            ("openai.gpt-oss-120b-1:0", Reasoning::Effort, true),
            ("qwen.qwen3-32b-v1:0", Reasoning::Fixed, true),
        ] {
            let ability = Ability::of(model);
            assert_eq!((ability.reasoning, ability.keeps_schemas), (reasoning, keeps_schemas), "{model}");
            assert_eq!(ability.calls_one_by_one, model.contains("claude"), "{model}");
        }
    }
}
