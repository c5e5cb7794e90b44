//! Bodies out of the fuzzer's bytes: JSON with the right names in the right places, mostly.

use arbitrary::{Result, Unstructured};

/// The members that an object may have.
pub type Names = &'static [&'static str];

/// The members of the bodies that the codecs read.
pub mod names {
    use super::Names;

    pub const CHAT: Names = &[
        "model",
        "messages",
        "tools",
        "tool_choice",
        "stream",
        "stream_options",
        "response_format",
        "stop",
        "temperature",
        "top_p",
        "max_tokens",
        "max_completion_tokens",
        "n",
        "seed",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "metadata",
        "modalities",
        "audio",
        "prediction",
        "parallel_tool_calls",
        "reasoning_effort",
        "store",
        "user",
        "service_tier",
        "verbosity",
        "provider_options",
        "prompt_cache_key",
        "safety_identifier",
        "top_k",
    ];
    pub const CHAT_ANSWER: Names = &[
        "choices",
        "id",
        "usage",
        "object",
        "created",
        "model",
        "service_tier",
        "system_fingerprint",
        "error",
        "x_groq",
    ];
    pub const COMPLETION: Names = &[
        "model",
        "prompt",
        "stream",
        "stream_options",
        "stop",
        "max_tokens",
        "temperature",
        "top_p",
        "n",
        "seed",
        "suffix",
        "echo",
        "best_of",
        "logprobs",
        "logit_bias",
        "user",
        "provider_options",
        "top_k",
    ];
    pub const EMBEDDING: Names =
        &["model", "input", "encoding_format", "dimensions", "user", "provider_options", "input_type"];
    pub const EMBEDDING_ANSWER: Names = &["data", "model", "object", "usage", "id"];
    pub const ERROR: Names = &["error", "message", "code", "param", "type", "detail", "errors"];
    pub const SCHEMA: Names = &[
        "type",
        "properties",
        "required",
        "items",
        "enum",
        "const",
        "anyOf",
        "oneOf",
        "allOf",
        "not",
        "if",
        "then",
        "else",
        "$ref",
        "$defs",
        "minItems",
        "maxItems",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "pattern",
        "format",
        "default",
        "examples",
        "additionalProperties",
        "prefixItems",
        "contains",
        "minContains",
        "maxContains",
        "minProperties",
        "maxProperties",
        "uniqueItems",
    ];
    /// What clients of the administration send.
    pub const ADMIN: Names = &[
        "name",
        "data",
        "data_reference",
        "id",
        "alias",
        "description",
        "metadata",
        "type",
        "provider_uuid",
        "providerId",
        "model_uuid",
        "modelId",
        "request",
        "token",
        "action",
        "effect",
        "resource",
        "subject",
        "secretsManager",
    ];
}

/// What stands under a name.
#[derive(Clone, Copy)]
enum Shape {
    Text(&'static [&'static str]),
    Number,
    Flag,
    Object(Names),
    List(&'static Shape),
    OneOf(&'static [Shape]),
    Any,
}

use Shape::{Any, Flag, List, Number, Object, OneOf, Text};

const WORDS: Shape = Text(&["a", "b", "", "m", "demo", "{\"a\":1}", "{", "x y"]);
const MESSAGE: Shape = Object(&[
    "role",
    "content",
    "name",
    "tool_calls",
    "tool_call_id",
    "refusal",
    "audio",
    "reasoning_content",
    "reasoning",
    "function_call",
    "annotations",
]);
const PART: Shape = Object(&[
    "type",
    "text",
    "image_url",
    "input_audio",
    "file",
    "refusal",
    "cache_control",
    "video_url",
    "x",
]);
const CALL: Shape = Object(&["index", "id", "type", "function", "custom", "x"]);
const TOKEN: Shape = Object(&["token", "logprob", "bytes", "top_logprobs", "x"]);
const CHOICE: Shape =
    Object(&["index", "message", "delta", "text", "finish_reason", "logprobs", "content_filter_results"]);
const SCHEMA: Shape = OneOf(&[Object(names::SCHEMA), Object(names::SCHEMA), Object(names::SCHEMA), Flag]);
const FUNCTION: Shape = Object(&["name", "arguments", "description", "parameters", "strict", "x"]);
const TEXT_OR_TOKENS: Shape =
    OneOf(&[WORDS, List(&WORDS), List(&Number), List(&List(&Number)), List(&OneOf(&[WORDS, List(&Number)]))]);
const DETAILS: Shape = Object(&[
    "cached_tokens",
    "cache_write_tokens",
    "audio_tokens",
    "reasoning_tokens",
    "accepted_prediction_tokens",
    "rejected_prediction_tokens",
    "x",
]);

/// Name -> what mostly stands there.
const MEMBERS: &[(&str, Shape)] = &[
    ("messages", List(&MESSAGE)),
    ("message", MESSAGE),
    ("delta", MESSAGE),
    ("role", Text(&["user", "assistant", "tool", "system", "developer", "function", "critic"])),
    ("content", OneOf(&[WORDS, List(&PART), List(&TOKEN)])),
    (
        "type",
        OneOf(&[
            Text(&[
                "text",
                "image_url",
                "input_audio",
                "file",
                "refusal",
                "function",
                "custom",
                "json_schema",
                "json_object",
            ]),
            Text(&["object", "array", "string", "integer", "number", "boolean", "null"]),
            Text(&["ephemeral", "allowed_tools", "video_url"]),
            Text(&["tenant", "provider", "model"]),
        ]),
    ),
    ("request", Object(&["amount", "capacity", "duration"])),
    ("amount", Number),
    ("capacity", Number),
    ("duration", Text(&["1m", "1h30m", "0", "-1s", "1d", "m"])),
    ("action", Text(&["read", "write", "infer"])),
    ("effect", Text(&["allow", "deny", "maybe"])),
    ("resource", Text(&["model:*", "load-balancer:1", "tenant:x", ":"])),
    ("image_url", OneOf(&[Object(&["url", "detail", "x"]), WORDS])),
    ("input_audio", OneOf(&[Object(&["data", "format", "x"]), WORDS])),
    ("file", Object(&["file_id", "file_data", "filename", "x"])),
    ("cache_control", Object(&["type", "ttl", "scope"])),
    ("tool_calls", List(&CALL)),
    ("function", FUNCTION),
    ("function_call", FUNCTION),
    ("arguments", OneOf(&[WORDS, WORDS, Object(&["a"])])),
    ("parameters", SCHEMA),
    ("schema", SCHEMA),
    ("tools", List(&Object(&["type", "function", "cache_control", "x"]))),
    (
        "tool_choice",
        OneOf(&[Text(&["auto", "none", "required", "any"]), Object(&["type", "function", "mode"])]),
    ),
    ("response_format", Object(&["type", "json_schema", "x"])),
    ("json_schema", Object(&["name", "schema", "strict", "description", "x"])),
    ("stop", OneOf(&[WORDS, List(&WORDS)])),
    ("modalities", List(&WORDS)),
    ("required", List(&WORDS)),
    ("stream_options", Object(&["include_usage", "x"])),
    ("logit_bias", Object(&["1", "50256"])),
    ("metadata", Object(&["a", "cost"])),
    (
        "data",
        OneOf(&[Object(&["apikey", "base_url"]), List(&Object(&["index", "embedding", "object"])), WORDS]),
    ),
    ("embedding", OneOf(&[List(&Number), Text(&["AACAPw==", "AAAAAA", "AADAfw=="])])),
    ("provider_options", Object(&["openai", "custom", "demo"])),
    ("openai", Object(&["x", "model"])),
    ("audio", Object(&["id", "data", "transcript", "expires_at", "voice", "x"])),
    ("prediction", Object(&["type", "content"])),
    ("choices", List(&CHOICE)),
    ("finish_reason", Text(&["stop", "length", "tool_calls", "content_filter", "function_call", "eos", ""])),
    ("logprobs", OneOf(&[Object(&["content", "refusal", "x"]), Flag, Number])),
    ("top_logprobs", OneOf(&[Number, List(&TOKEN)])),
    ("bytes", List(&Number)),
    (
        "usage",
        Object(&[
            "prompt_tokens",
            "completion_tokens",
            "total_tokens",
            "prompt_tokens_details",
            "completion_tokens_details",
            "x",
        ]),
    ),
    ("prompt_tokens_details", DETAILS),
    ("completion_tokens_details", DETAILS),
    ("x_groq", Object(&["id", "usage", "error"])),
    ("object", Text(&["chat.completion", "chat.completion.chunk", "text_completion", "list", ""])),
    ("error", OneOf(&[Object(names::ERROR), WORDS])),
    ("errors", List(&Object(names::ERROR))),
    ("prompt", TEXT_OR_TOKENS),
    ("input", TEXT_OR_TOKENS),
    ("encoding_format", Text(&["float", "base64"])),
    ("properties", Object(&["a", "b", "p", "q"])),
    ("$defs", Object(&["a", "b"])),
    ("a", SCHEMA),
    ("b", SCHEMA),
    ("p", SCHEMA),
    ("q", SCHEMA),
    ("items", OneOf(&[SCHEMA, List(&SCHEMA)])),
    ("not", SCHEMA),
    ("if", SCHEMA),
    ("then", SCHEMA),
    ("else", SCHEMA),
    ("contains", SCHEMA),
    ("additionalProperties", SCHEMA),
    ("anyOf", List(&SCHEMA)),
    ("oneOf", List(&SCHEMA)),
    ("allOf", List(&SCHEMA)),
    ("prefixItems", List(&SCHEMA)),
    ("enum", List(&Any)),
    ("examples", List(&Any)),
    ("const", Any),
    ("default", Any),
    ("$ref", Text(&["#", "#/$defs/a", "#/$defs/b", "#/properties/a", "#/items", "#a", "x"])),
    ("pattern", Text(&["^[a-z]+$", "(a*){9}", "\\d{3}", "x|y", "((a|b){2,}c){3}", "[", "\\w+@\\w+"])),
    ("format", Text(&["date-time", "email", "uuid", "uri", "x"])),
    ("uniqueItems", Flag),
    ("stream", Flag),
    ("store", Flag),
    ("echo", Flag),
    ("strict", Flag),
    ("include_usage", Flag),
    ("parallel_tool_calls", Flag),
];

/// Names whose values are numbers.
const NUMBERS: Names = &[
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "seed",
    "created",
    "index",
    "logprob",
    "expires_at",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "audio_tokens",
    "reasoning_tokens",
    "accepted_prediction_tokens",
    "rejected_prediction_tokens",
    "dimensions",
    "best_of",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minContains",
    "maxContains",
    "minProperties",
    "maxProperties",
    "1",
    "50256",
    "cost",
    "top_k",
];

const DIGITS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "7",
    "-1",
    "0.5",
    "1.0",
    "-0",
    "-0.0",
    "1e3",
    "100",
    "0.1",
    "1e-7",
    "255",
    "256",
    "4000",
    "2147483647",
    "2147483648",
    "9007199254740993",
    "18446744073709551615",
    "1e16",
    "1e400",
    "1.7976931348623157e308",
];

const DEEPEST: usize = 9;

/// A body that is an object with some of these members.
pub fn body(of: Names, from: &mut Unstructured<'_>) -> Vec<u8> {
    let mut out = String::new();
    // The end of the fuzzer's bytes ends the body early, which is a body too.
    let _ = write(Object(of), from, 0, &mut out);
    out.into_bytes()
}

/// Some text.
pub fn text(from: &mut Unstructured<'_>) -> Result<String> {
    let length = from.int_in_range(0..=12)?;
    let mut text = String::new();
    for _ in 0..length {
        text.push(match from.int_in_range(0..=15)? {
            0 => '"',
            1 => '\\',
            2 => '\n',
            3 => '\u{1F600}',
            4 => 'é',
            5 => '{',
            6 => '\u{2028}',
            7 => '\0',
            _ => char::from(from.int_in_range(b' '..=b'~')?),
        });
    }
    Ok(text)
}

fn write(shape: Shape, from: &mut Unstructured<'_>, depth: usize, out: &mut String) -> Result<()> {
    if from.ratio(1, 32)? {
        out.push(*from.choose(&[' ', '\n', '\t', '\r'])?);
    }
    let strange = depth > 0 && from.ratio(1, 24)?;
    match if strange { Any } else { shape } {
        Any if depth > DEEPEST => out.push_str("null"),
        Any => {
            let other = *from.choose(&[
                Number,
                WORDS,
                Flag,
                Object(&["a", "x", "content"]),
                List(&Number),
                List(&Any),
                Object(&[]),
            ])?;
            if from.ratio(1, 8)? { out.push_str("null") } else { write(other, from, depth + 1, out)? }
        }
        Text(words) => {
            let own = from.ratio(1, 3)?;
            let text = if own { text(from)? } else { (*from.choose(words)?).to_owned() };
            quote(&text, from.ratio(1, 8)?, out);
        }
        Number => out.push_str(from.choose(DIGITS)?),
        Flag => out.push_str(if from.arbitrary()? { "true" } else { "false" }),
        List(_) | Object(_) if depth > DEEPEST => out.push_str("null"),
        List(element) => {
            out.push('[');
            for index in 0..from.int_in_range(0..=3)? {
                out.push_str(if index > 0 { "," } else { "" });
                write(*element, from, depth + 1, out)?;
            }
            out.push(']');
        }
        Object(names) => write_object(names, from, depth, out)?,
        OneOf(shapes) => {
            let shape = *from.choose(shapes)?;
            write(shape, from, depth, out)?;
        }
    }
    Ok(())
}

fn write_object(names: Names, from: &mut Unstructured<'_>, depth: usize, out: &mut String) -> Result<()> {
    out.push('{');
    // A body without its first two members is hardly ever read on.
    let first = if depth == 0 && !from.ratio(1, 16)? { 2.min(names.len()) } else { 0 };
    let more = from.int_in_range(0..=4)?;
    for index in 0..first + more {
        let strange = names.is_empty() || (index >= first && from.ratio(1, 24)?);
        let name = match names.get(index) {
            Some(name) if index < first => name,
            _ if strange => from.choose(MEMBERS).map(|(name, _)| name)?,
            _ => from.choose(names)?,
        };
        out.push_str(if index > 0 { "," } else { "" });
        quote(name, from.ratio(1, 64)?, out);
        out.push(':');
        write(shape_of(name), from, depth + 1, out)?;
    }
    out.push('}');
    Ok(())
}

fn shape_of(name: &str) -> Shape {
    let known = MEMBERS.iter().find(|(known, _)| *known == name).map(|(_, shape)| *shape);
    known.unwrap_or(if NUMBERS.contains(&name) { Number } else { WORDS })
}

fn quote(text: &str, escaped: bool, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            _ if escaped => {
                let mut halves = [0; 2];
                letter
                    .encode_utf16(&mut halves)
                    .iter()
                    .for_each(|half| out.push_str(&format!("\\u{half:04x}")));
            }
            '"' | '\\' => out.extend(['\\', letter]),
            '\0'..='\x1f' => out.push_str(&format!("\\u{:04X}", u32::from(letter))),
            _ => out.push(letter),
        }
    }
    out.push('"');
}
