//! How long to think, in the words of each family of models.

use crate::wire::json::{Malformed, Object};

/// How a family of models is told how long to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Up to Gemini 2.5: by a number of tokens.
    Budgets,
    /// Since Gemini 3: by a level.
    Levels,
    /// Open models such as Gemma: by a level, and they sign nothing.
    Open,
}

/// The words of OpenAI, and what Google's own OpenAI-compatible interface makes of them: a budget, and a level. Budgets
/// end with what the smallest model of their family takes.
const EFFORTS: [(&str, u32, &str); 5] = [
    ("minimal", 1024, "MINIMAL"),
    ("low", 1024, "LOW"),
    ("medium", 8192, "MEDIUM"),
    ("high", 24576, "HIGH"),
    ("xhigh", 24576, "XHIGH"),
];

/// The members of `thinkingConfig`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thinking {
    /// So many tokens at most; 0 switches it off.
    Budget(u32),
    /// A level.
    Level(&'static str),
}

/// What an effort means to a model.
pub(super) fn read(effort: &str, model: &str) -> Result<Thinking, Malformed> {
    if effort == "none" {
        // Models that cannot be kept from thinking say so themselves.
        return Ok(Thinking::Budget(0));
    }
    let known = EFFORTS.iter().find(|(word, ..)| *word == effort);
    let (_, budget, level) = known.ok_or_else(|| {
        Malformed::new("use none, minimal, low, medium, high or xhigh").inside("reasoning_effort")
    })?;
    Ok(match Family::of(model) {
        Family::Budgets => Thinking::Budget(*budget),
        // The larger models know no smaller level than this.
        Family::Levels if *level == "MINIMAL" && model.contains("-pro") => Thinking::Level("LOW"),
        Family::Levels | Family::Open => Thinking::Level(level),
    })
}

// === impl Thinking ===

impl Thinking {
    /// Appends `thinkingConfig`. Whoever asks for thinking is also told what was thought.
    pub(super) fn write(self, object: &mut Object<'_>) {
        object.object("thinkingConfig", |object| match self {
            Self::Budget(0) => object.optional_integer("thinkingBudget", Some(0)),
            Self::Budget(tokens) => {
                object.optional_boolean("includeThoughts", Some(true));
                object.optional_integer("thinkingBudget", Some(tokens));
            }
            Self::Level(level) => {
                object.optional_boolean("includeThoughts", Some(true));
                object.text("thinkingLevel", level);
            }
        });
    }
}

// === impl Family ===

impl Family {
    /// The family of a model, by its id. Names without a number stand for the newest.
    pub(super) fn of(model: &str) -> Self {
        let id = model.rsplit('/').next().unwrap_or(model);
        let old = ["gemini-1", "gemini-2", "gemini-robotics-er-1"];
        if old.iter().any(|begin| id.starts_with(begin)) {
            Self::Budgets
        } else if id.starts_with("gemini-") {
            Self::Levels
        } else {
            Self::Open
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_is_told_in_its_own_words() {
        for (effort, model, told) in [
            ("none", "gemini-2.5-flash", Thinking::Budget(0)),
            ("none", "gemini-3-flash", Thinking::Budget(0)),
            ("minimal", "gemini-2.5-flash-lite", Thinking::Budget(1024)),
            ("medium", "models/gemini-2.5-pro", Thinking::Budget(8192)),
            ("high", "gemini-2.5-pro", Thinking::Budget(24576)),
            ("minimal", "gemini-3-flash-preview", Thinking::Level("MINIMAL")),
            ("minimal", "gemini-3.1-pro-preview", Thinking::Level("LOW")),
            ("high", "gemini-flash-latest", Thinking::Level("HIGH")),
            ("low", "gemma-4-31b-it", Thinking::Level("LOW")),
        ] {
            assert_eq!(read(effort, model), Ok(told), "{effort} {model}");
        }
        assert_eq!(read("ultra", "gemini-3-flash").unwrap_err().field, "reasoning_effort");
    }
}
