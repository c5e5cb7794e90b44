//! What a model takes, as far as its name tells. The vendor refuses what a model does not take, and each generation takes
//! other things (platform.claude.com: models overview, thinking, structured outputs, mid-conversation system messages).

/// The generation of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Model {
    /// Of Claude's: major and minor version. One without a number is taken for the newest.
    Claude(u32, u32),
    /// Not named after Claude: a deployment under a name of its own, or another vendor behind the same interface. It is
    /// asked only for what every version of the interface knew.
    Other,
}

/// How it is told to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thinking {
    /// With a budget of tokens.
    Budget,
    /// It decides itself; an effort guides it. `tells`: it shows what it thought without being asked to.
    Adaptive { tells: bool },
}

/// Which of temperature and `top_p` it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sampling {
    /// Both.
    Both,
    /// One at a time.
    One,
    /// Neither, unless it is the default.
    Neither,
}

const NEWEST: Model = Model::Claude(u32::MAX, 0);

impl Model {
    /// By the upstream's id: `claude-3-5-haiku-20241022`, `claude-opus-4-1@20250805`, `claude-sonnet-5`.
    pub(super) fn of(id: &str) -> Self {
        let id = id.to_ascii_lowercase();
        let Some((_, rest)) = id.split_once("claude") else { return Self::Other };
        let words: Vec<_> = rest.split(|letter: char| !letter.is_ascii_alphanumeric()).collect();
        // Dates are longer.
        let number = |word: &&str| word.parse::<u32>().ok().filter(|_| word.len() <= 2);
        let Some(at) = words.iter().position(|word| number(word).is_some()) else { return NEWEST };
        let version = |at: usize| words.get(at).and_then(number);
        Self::Claude(version(at).unwrap_or_default(), version(at + 1).unwrap_or_default())
    }

    pub(super) fn thinking(self) -> Thinking {
        if self.since(4, 7) {
            Thinking::Adaptive { tells: false }
        } else if self.since(4, 6) {
            Thinking::Adaptive { tells: true }
        } else {
            Thinking::Budget
        }
    }

    pub(super) fn sampling(self) -> Sampling {
        if self.since(4, 7) {
            Sampling::Neither
        } else if self.since(4, 1) {
            Sampling::One
        } else {
            Sampling::Both
        }
    }

    /// Whether it keeps to a schema: in its answer, and in the arguments of strict tools.
    pub(super) fn keeps_to_schemas(self) -> bool {
        self.since(4, 5)
    }

    /// Whether instructions may stand between the turns of a conversation.
    pub(super) fn takes_system_turns(self) -> bool {
        self.since(4, 8)
    }

    /// Tokens that an answer may have where nobody sets a limit; no more than the model can.
    pub(super) fn max_tokens(self) -> i32 {
        if self.since(3, 7) {
            16_384
        } else if self.since(3, 5) {
            8192
        } else {
            4096
        }
    }

    fn since(self, major: u32, minor: u32) -> bool {
        match self {
            Self::Claude(own_major, own_minor) => (own_major, own_minor) >= (major, minor),
            Self::Other => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_generation() {
        for (id, model) in [
            ("claude-3-opus-20240229", Model::Claude(3, 0)),
            ("claude-3-5-haiku-20241022", Model::Claude(3, 5)),
            ("claude-3-7-sonnet-latest", Model::Claude(3, 7)),
            ("claude-opus-4-20250514", Model::Claude(4, 0)),
            ("claude-4-opus-20250514", Model::Claude(4, 0)),
            ("claude-opus-4-1@20250805", Model::Claude(4, 1)),
            ("claude-haiku-4-5-20251001", Model::Claude(4, 5)),
            ("us.anthropic.claude-sonnet-4-6-v1:0", Model::Claude(4, 6)),
            ("Claude-Opus-4.8", Model::Claude(4, 8)),
            ("claude-sonnet-5", Model::Claude(5, 0)),
            ("claude-fable-5-2", Model::Claude(5, 2)),
            ("claude-mythos-preview", NEWEST),
            ("glm-4.6", Model::Other),
            ("my-deployment", Model::Other),
        ] {
            assert_eq!(Model::of(id), model, "{id}");
        }
    }
}
