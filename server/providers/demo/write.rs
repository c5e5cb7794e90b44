//! Writing a chat's answer, whole or in chunks.

use serde_json::{Map, Value, json};

use super::{
    CREATED, MODEL, logprobs,
    question::Chat,
    say::{Call, Choice},
};

/// An answer with everything that its wire form needs.
pub(super) struct Reply<'a> {
    pub(super) chat: &'a Chat<'a>,
    pub(super) id: String,
    pub(super) choices: Vec<Choice>,
    pub(super) prompt_tokens: usize,
}

/// What a chunk says of one choice.
struct Delta {
    delta: Value,
    logprobs: Value,
    finish: Option<&'static str>,
}

/// The usage member.
pub(super) fn usage(prompt: usize, completion: usize) -> Value {
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    })
}

// === impl Reply ===

impl Reply<'_> {
    /// The body of an unstreamed answer.
    pub(super) fn whole(&self) -> Value {
        let choices: Vec<_> =
            self.choices.iter().enumerate().map(|(index, choice)| self.choice(index, choice)).collect();
        let mut body = self.frame("chat.completion", choices);
        body.insert("usage".to_owned(), self.usage());
        Value::Object(body)
    }

    /// The chunks of a streamed answer. Several choices take turns.
    pub(super) fn chunks(&self, with_usage: bool) -> Vec<Value> {
        let mut turns: Vec<_> = self.choices.iter().map(|choice| self.deltas(choice).into_iter()).collect();
        let mut chunks = Vec::new();
        loop {
            let before = chunks.len();
            for (index, turn) in turns.iter_mut().enumerate() {
                if let Some(Delta { delta, logprobs, finish }) = turn.next() {
                    let choice = json!({"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish});
                    chunks.push(self.chunk(vec![choice], with_usage.then_some(Value::Null)));
                }
            }
            if chunks.len() == before {
                break;
            }
        }
        if with_usage {
            chunks.push(self.chunk(Vec::new(), Some(self.usage())));
        }
        chunks
    }

    fn usage(&self) -> Value {
        usage(self.prompt_tokens, self.choices.iter().map(|choice| choice.tokens).sum())
    }

    fn frame(&self, object: &str, choices: Vec<Value>) -> Map<String, Value> {
        let members = [
            ("id", self.id.as_str().into()),
            ("object", object.into()),
            ("created", CREATED.into()),
            ("model", MODEL.into()),
            ("choices", choices.into()),
        ];
        members.into_iter().map(|(name, value): (&str, Value)| (name.to_owned(), value)).collect()
    }

    fn chunk(&self, choices: Vec<Value>, usage: Option<Value>) -> Value {
        let mut chunk = self.frame("chat.completion.chunk", choices);
        if let Some(usage) = usage {
            chunk.insert("usage".to_owned(), usage);
        }
        Value::Object(chunk)
    }

    fn choice(&self, index: usize, choice: &Choice) -> Value {
        let mut message = json!({
            "role": "assistant",
            "content": choice.text.as_ref().map(|pieces| pieces.concat()),
            "refusal": null,
        });
        if let (false, Value::Object(members)) = (choice.calls.is_empty(), &mut message) {
            members.insert("tool_calls".to_owned(), choice.calls.iter().map(whole_call).collect());
        }
        let pieces = choice.text.as_deref().unwrap_or_default();
        json!({
            "index": index,
            "message": message,
            "logprobs": self.logprobs(pieces, 0),
            "finish_reason": choice.finish,
        })
    }

    fn deltas(&self, choice: &Choice) -> Vec<Delta> {
        let plain = |delta| Delta { delta, logprobs: Value::Null, finish: None };
        let content = if choice.text.is_some() { Value::from("") } else { Value::Null };
        let mut deltas = vec![plain(json!({"role": "assistant", "content": content, "refusal": null}))];
        for (place, piece) in choice.text.iter().flatten().enumerate() {
            let logprobs = self.logprobs(std::slice::from_ref(piece), place);
            deltas.push(Delta { delta: json!({"content": piece}), logprobs, finish: None });
        }
        for (index, call) in choice.calls.iter().enumerate() {
            let start = json!({
                "index": index,
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": ""},
            });
            deltas.push(plain(json!({"tool_calls": [start]})));
            for piece in &call.arguments {
                let more = json!({"index": index, "function": {"arguments": piece}});
                deltas.push(plain(json!({"tool_calls": [more]})));
            }
        }
        deltas.push(Delta { delta: json!({}), logprobs: Value::Null, finish: Some(choice.finish) });
        deltas
    }

    fn logprobs(&self, pieces: &[String], from: usize) -> Value {
        let Some(wanted) = self.chat.logprobs else { return Value::Null };
        let content = pieces.iter().zip(from..).map(|(piece, place)| logprobs::chat(piece, place, wanted));
        json!({"content": content.collect::<Vec<_>>(), "refusal": null})
    }
}

fn whole_call(call: &Call) -> Value {
    json!({
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments.concat()},
    })
}
