//! The parts of a message as content blocks.

use std::borrow::Cow;

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::tools;
use crate::{
    proto::v1::{
        CacheMarker, FilePart, ImagePart, Part, ThinkingPart, ToolCallPart, ToolResultPart,
        image_part::Source, part::Content,
    },
    wire::json::{Extras, Malformed, Object, Writer},
};

/// Members of a call that the vendor made and wants back.
const OF_CALL: [&str; 2] = ["caller", "toolset_name"];
/// Characters of an id that the vendor takes, beside letters and digits.
const OF_ID: &[u8] = b"_-";
/// What base64 of a PDF begins with.
const PDF: &str = "JVBERi0";

/// A content block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// Nothing but text.
    Text(String),
    /// As JSON text.
    Json { json: String, is_result: bool },
}

/// The block of a part. `None`: it says nothing that the vendor could read; what that loses is told in `dropped`.
///
/// # Errors
/// When the vendor cannot take it; says what helps.
pub(super) fn of(part: &Part, dropped: &mut Vec<&'static str>) -> Result<Option<Block>, Malformed> {
    let json = match &part.content {
        Some(Content::Text(text)) => return text_block(part, &text.text).map(Some),
        // What the model said in place of an answer.
        Some(Content::Refusal(refusal)) => return text_block(part, &refusal.text).map(Some),
        Some(Content::Image(image)) => write_image(part, image, dropped)?,
        Some(Content::File(file)) => write_file(part, file)?,
        Some(Content::Thinking(thinking)) => return Ok(write_thinking(thinking, dropped)),
        Some(Content::RedactedThinking(redacted)) => match std::str::from_utf8(&redacted.data) {
            Ok(data) => Writer::text_of(|object| {
                object.text("type", "redacted_thinking");
                object.text("data", data);
            }),
            Err(_) => {
                dropped.push("redacted_thinking");
                return Ok(None);
            }
        },
        Some(Content::ToolCall(call)) => write_call(part, call, dropped)?,
        Some(Content::ToolResult(result)) => {
            let json = write_result(part, result, dropped)?;
            return Ok(Some(Block::Json { json, is_result: true }));
        }
        Some(Content::Other(other)) if other.member.is_empty() || other.member == "content" => {
            other.json.clone()
        }
        Some(Content::Other(_)) => {
            return Err(Malformed::new("this provider knows calls of functions only"));
        }
        Some(Content::Audio(_)) => {
            return Err(Malformed::new("this provider does not hear audio; send it as text"));
        }
        None => return Err(Malformed::new("set the content of the part")),
    };
    Ok(Some(Block::Json { json, is_result: false }))
}

/// `cache_control`, as a marker or as the caller wrote it.
pub(super) fn mark(cache: Option<&CacheMarker>, extras: &Extras) -> Option<String> {
    let Some(cache) = cache else { return extras.get("cache_control").cloned() };
    Some(Writer::text_of(|object| {
        object.text("type", if cache.r#type.is_empty() { "ephemeral" } else { &cache.r#type });
        object.optional_text("ttl", Some(cache.ttl.as_str()).filter(|ttl| !ttl.is_empty()));
    }))
}

fn mark_of(part: &Part) -> Option<String> {
    mark(part.cache.as_ref(), &part.extra_json)
}

/// One block: its type, its own members, its mark, and what the caller wrote beside them.
fn write(
    part: &Part,
    kind: &'static str,
    nested: &str,
    fill: impl FnOnce(&mut Object<'_>),
) -> Result<String, Malformed> {
    let mut writer = Writer::strict();
    writer.object(|object| {
        object.text("type", kind);
        fill(object);
        object.optional_raw("cache_control", mark_of(part).as_deref());
        object.merge(part.extra_json.get(nested));
        object.extras_except(&part.extra_json, &["cache_control", nested]);
    });
    tools::text(writer)
}

fn text_block(part: &Part, text: &str) -> Result<Block, Malformed> {
    if mark_of(part).is_none() && part.extra_json.is_empty() {
        return Ok(Block::Text(text.to_owned()));
    }
    let json = write(part, "text", "text", |object| object.text("text", text))?;
    Ok(Block::Json { json, is_result: false })
}

fn write_image(part: &Part, image: &ImagePart, dropped: &mut Vec<&'static str>) -> Result<String, Malformed> {
    if image.detail.as_deref().is_some_and(|detail| detail != "auto") {
        dropped.push("messages.content.image_url.detail");
    }
    let url = match &image.source {
        Some(Source::Url(url)) => Cow::Borrowed(url.as_str()),
        Some(Source::Inline(inline)) => {
            format!("data:{};base64,{}", inline.media_type, STANDARD.encode(&inline.data)).into()
        }
        None => return Err(Malformed::required("image_url")),
    };
    let from = Origin::of(&url).map_err(|fault| fault.inside("url").inside("image_url"))?;
    write(part, "image", "image_url", |object| from.write(object))
}

fn write_file(part: &Part, file: &FilePart) -> Result<String, Malformed> {
    let place = |fault: Malformed| fault.inside("file_data").inside("file");
    let from = match (&file.file_id, &file.file_data) {
        (Some(id), _) => Origin::File(id),
        (None, Some(data)) if data.starts_with("data:") || data.starts_with("http") => {
            Origin::of(data).map_err(place)?
        }
        (None, Some(data)) if data.starts_with(PDF) => Origin::Base64 { kind: "application/pdf", data },
        (None, Some(_)) => {
            let message = "not a PDF and without a type; write it as data:application/pdf;base64,... or \
                           data:text/plain;base64,...";
            return Err(place(Malformed::new(message)));
        }
        (None, None) => return Err(Malformed::required("file_data").inside("file")),
    };
    let kind = if from.is_image() { "image" } else { "document" };
    write(part, kind, "file", |object| {
        from.write(object);
        object.optional_text("title", file.filename.as_deref().filter(|_| kind == "document"));
    })
}

/// Where the bytes of an image or a document are.
enum Origin<'a> {
    Url(&'a str),
    File(&'a str),
    Base64 { kind: &'a str, data: &'a str },
    Text(String),
}

impl<'a> Origin<'a> {
    fn of(url: &'a str) -> Result<Self, Malformed> {
        if let Some(data) = url.strip_prefix("data:") {
            let Some((kind, data)) = data.split_once(";base64,") else {
                return Err(Malformed::new("a data URL must be data:TYPE;base64,DATA"));
            };
            // The vendor takes documents as PDF or as the text that they are.
            if kind.split(';').next() == Some("text/plain") {
                let text = STANDARD.decode(data).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                let text = text.ok_or_else(|| Malformed::new("not base64 of a text in UTF-8"))?;
                return Ok(Self::Text(text));
            }
            return Ok(Self::Base64 { kind, data });
        }
        if url.starts_with("https://") {
            return Ok(Self::Url(url));
        }
        Err(Malformed::new("this provider fetches https:// addresses only; use one, or send a data: URL"))
    }

    fn is_image(&self) -> bool {
        matches!(self, Self::Base64 { kind, .. } if kind.starts_with("image/"))
    }

    fn write(&self, object: &mut Object<'_>) {
        object.object("source", |object| match self {
            Self::Url(url) => {
                object.text("type", "url");
                object.text("url", url);
            }
            Self::File(id) => {
                object.text("type", "file");
                object.text("file_id", id);
            }
            Self::Base64 { kind, data } => {
                object.text("type", "base64");
                object.text("media_type", kind);
                object.text("data", data);
            }
            Self::Text(text) => {
                object.text("type", "text");
                object.text("media_type", "text/plain");
                object.text("data", text);
            }
        });
    }
}

/// A thought goes back with the vendor's own proof only; without it the vendor takes it for a forgery.
fn write_thinking(thinking: &ThinkingPart, dropped: &mut Vec<&'static str>) -> Option<Block> {
    let signature = std::str::from_utf8(&thinking.signature).ok().filter(|proof| !proof.is_empty());
    let Some(signature) = signature else {
        dropped.extend((!thinking.text.is_empty()).then_some("reasoning_content"));
        return None;
    };
    let json = Writer::text_of(|object| {
        object.text("type", "thinking");
        object.text("thinking", &thinking.text);
        object.text("signature", signature);
    });
    Some(Block::Json { json, is_result: false })
}

fn write_call(
    part: &Part,
    call: &ToolCallPart,
    dropped: &mut Vec<&'static str>,
) -> Result<String, Malformed> {
    let input = tools::arguments(&call.arguments_json);
    // Other members were put there by other vendors and by clients that copy what they got.
    let foreign = |name: &&String| {
        !OF_CALL.contains(&name.as_str()) && !matches!(name.as_str(), "index" | "cache_control")
    };
    dropped.extend(part.extra_json.keys().find(foreign).map(|_| "messages.tool_calls.*"));
    let mut writer = Writer::strict();
    writer.object(|object| {
        object.text("type", "tool_use");
        object.text("id", &id(&call.id));
        object.text("name", &call.name);
        object.optional_raw("input", Some(&input));
        object.optional_raw("cache_control", mark_of(part).as_deref());
        for name in OF_CALL {
            object.optional_raw(name, part.extra_json.get(name).map(String::as_str));
        }
    });
    tools::text(writer)
}

fn write_result(
    part: &Part,
    result: &ToolResultPart,
    dropped: &mut Vec<&'static str>,
) -> Result<String, Malformed> {
    let mut blocks = Vec::new();
    for (index, inner) in result.parts.iter().enumerate() {
        let place = |fault: Malformed| fault.inside_element(index).inside("content");
        blocks.extend(of(inner, dropped).map_err(place)?);
    }
    write(part, "tool_result", "", |object| {
        object.text("tool_use_id", &id(&result.tool_call_id));
        if !blocks.is_empty() {
            object.member("content", |value| write_all(value, &blocks));
        }
    })
}

/// Appends blocks: text alone as a string.
pub(super) fn write_all(writer: &mut Writer, blocks: &[Block]) {
    if let [Block::Text(text)] = blocks {
        return writer.text(text);
    }
    writer.each(blocks, |value, block| match block {
        Block::Text(text) => value.object(|object| {
            object.text("type", "text");
            object.text("text", text);
        }),
        Block::Json { json, .. } => value.raw(json),
    });
}

/// The vendor refuses ids with other characters, which those of other vendors may have. Such an id becomes one that is made
/// of it, the same wherever it stands.
fn id(id: &str) -> Cow<'_, str> {
    if id.bytes().all(|byte| byte.is_ascii_alphanumeric() || OF_ID.contains(&byte)) {
        return Cow::Borrowed(id);
    }
    let hash = digest::digest(&digest::SHA256, id.as_bytes());
    let hex: String = hash.as_ref().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("toolu_{hex}").into()
}
