//! Parts -> Converse's content blocks.

use std::collections::BTreeSet;

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    proto::v1::{
        AudioPart, CacheMarker, FilePart, ImagePart, OtherPart, Part, ThinkingPart, ToolCallPart,
        ToolResultPart, image_part::Source, part::Content,
    },
    wire::json::{self, Extras, Malformed, Object, Writer},
};

/// Blocks of Converse that have no part of ours: a caller may send them as they are.
const NATIVE: [&str; 7] =
    ["video", "guardContent", "citationsContent", "searchResult", "cachePoint", "document", "image"];

/// Media type -> format of a document.
const DOCUMENTS: [(&str, &str); 9] = [
    ("application/pdf", "pdf"),
    ("text/csv", "csv"),
    ("application/msword", "doc"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    ("application/vnd.ms-excel", "xls"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ("text/html", "html"),
    ("text/plain", "txt"),
    ("text/markdown", "md"),
];

const IMAGES: [&str; 4] = ["png", "jpeg", "gif", "webp"];

/// Bedrock's limits on ids of tool calls and on names of documents.
const MAX_ID: usize = 64;
const MAX_NAME: usize = 200;

/// Writes blocks, and remembers what they have lost.
pub(super) struct Blocks<'d> {
    dropped: &'d mut Vec<&'static str>,
    /// Names of documents must differ.
    names: BTreeSet<String>,
}

impl<'d> Blocks<'d> {
    pub(super) fn new(dropped: &'d mut Vec<&'static str>) -> Self {
        Self { dropped, names: BTreeSet::new() }
    }

    /// Remembers that something of this name was lost, if it was.
    pub(super) fn tell(&mut self, name: &'static str, lost: bool) {
        tell(self.dropped, name, lost);
    }

    /// Appends the blocks of what an operator says.
    pub(super) fn write_system(&mut self, part: &Part, out: &mut Vec<String>) -> Result<(), Malformed> {
        if !matches!(part.content, Some(Content::Text(_))) {
            return Err(Malformed::new("Bedrock takes text only here").inside("content"));
        }
        self.write(part, out)
    }

    /// Appends the blocks of a part: one, or none where it says nothing, and one more where a prompt is to be cached.
    pub(super) fn write(&mut self, part: &Part, out: &mut Vec<String>) -> Result<(), Malformed> {
        self.tell("messages.extra_json", has_more(&part.extra_json));
        let block = match &part.content {
            // Bedrock refuses blocks without text.
            Some(Content::Text(text)) => (!text.text.is_empty()).then(|| text_block(&text.text)),
            Some(Content::Refusal(refusal)) => Some(text_block(&refusal.text)),
            Some(Content::Image(image)) => Some(self.image(image)?),
            Some(Content::Audio(audio)) => Some(audio_block(audio)?),
            Some(Content::File(file)) => Some(self.document(file)?),
            Some(Content::Thinking(thinking)) => self.reasoning(thinking)?,
            Some(Content::RedactedThinking(redacted)) => {
                let data = STANDARD.encode(&redacted.data);
                Some(block("reasoningContent", |object| object.text("redactedContent", &data)))
            }
            Some(Content::ToolCall(call)) => Some(tool_use(call)?),
            Some(Content::ToolResult(result)) => Some(self.tool_result(result)?),
            Some(Content::Other(other)) => Some(native(other)?),
            None => None,
        };
        out.extend(block);
        out.extend(part.cache.as_ref().map(cache_point));
        Ok(())
    }

    fn reasoning(&mut self, thinking: &ThinkingPart) -> Result<Option<String>, Malformed> {
        // Models refuse reasoning without their proof that it is theirs.
        if thinking.signature.is_empty() {
            self.tell("reasoning_content", true);
            return Ok(None);
        }
        let signature = std::str::from_utf8(&thinking.signature)
            .map_err(|_| Malformed::new("a signature of Bedrock is text").inside("signature"))?;
        Ok(Some(block("reasoningContent", |object| {
            object.object("reasoningText", |object| {
                object.text("text", &thinking.text);
                object.text("signature", signature);
            });
        })))
    }

    fn image(&mut self, image: &ImagePart) -> Result<String, Malformed> {
        self.tell("image_url.detail", image.detail.is_some());
        let (format, source) = match &image.source {
            Some(Source::Inline(inline)) => {
                (image_format(&inline.media_type), bytes(&STANDARD.encode(&inline.data)))
            }
            Some(Source::Url(url)) => match (data_url(url), url.rsplit_once('.')) {
                (Some((media_type, data)), _) => (image_format(media_type), bytes(data)),
                (None, Some((_, end))) if url.starts_with("s3://") => (image_format(end), s3_location(url)),
                (None, _) => {
                    let message = "Bedrock does not fetch images; send it as a data: URL or an s3:// address";
                    return Err(Malformed::new(message).inside("image_url").inside("content"));
                }
            },
            None => return Err(Malformed::required("image_url").inside("content")),
        };
        let format = format.ok_or_else(|| {
            Malformed::new("Bedrock takes images as png, jpeg, gif or webp")
                .inside("image_url")
                .inside("content")
        })?;
        Ok(sourced("image", format, None, &source))
    }

    fn document(&mut self, file: &FilePart) -> Result<String, Malformed> {
        let wrong = |message: &str| Malformed::new(message).inside("file").inside("content");
        let Some(given) = &file.file_data else {
            return Err(wrong("Bedrock keeps no files; send the file itself as file_data"));
        };
        let end = file.filename.as_deref().and_then(|name| name.rsplit_once('.')).map(|(_, end)| end);
        let (media_type, data) =
            data_url(given).map_or((None, given.as_str()), |(kind, data)| (Some(kind), data));
        let by_type = DOCUMENTS.iter().find(|(known, _)| media_type == Some(known));
        let by_name =
            DOCUMENTS.iter().find(|(_, format)| end.is_some_and(|end| end.eq_ignore_ascii_case(format)));
        let Some((_, format)) = by_type.or(by_name) else {
            return Err(wrong("Bedrock takes pdf, csv, doc, docx, xls, xlsx, html, txt and md files"));
        };
        let name = self.document_name(file.filename.as_deref().unwrap_or_default());
        let source = if given.starts_with("s3://") { s3_location(given) } else { bytes(data) };
        Ok(sourced("document", format, Some(&name), &source))
    }

    /// A name of letters, digits, single spaces and a few signs, that no other document has.
    fn document_name(&mut self, filename: &str) -> String {
        let stem = filename.rsplit_once('.').map_or(filename, |(stem, _)| stem);
        let fits = |letter: char| letter.is_ascii_alphanumeric() || "-()[]".contains(letter);
        let words = stem.split(|letter| !fits(letter)).filter(|word| !word.is_empty());
        let mut name = words.collect::<Vec<_>>().join(" ");
        name.truncate(MAX_NAME - 8);
        if name.is_empty() {
            name.push_str("document");
        }
        let mut free = name.clone();
        let mut count = 1;
        while !self.names.insert(free.clone()) {
            count += 1;
            free = format!("{name} ({count})");
        }
        free
    }

    fn tool_result(&mut self, result: &ToolResultPart) -> Result<String, Malformed> {
        let mut blocks = Vec::new();
        for part in &result.parts {
            match &part.content {
                Some(Content::Text(_) | Content::Image(_) | Content::File(_) | Content::Other(_)) => {
                    self.write(&Part { cache: None, ..part.clone() }, &mut blocks)?;
                    self.tell("cache", part.cache.is_some());
                }
                Some(
                    Content::Audio(_)
                    | Content::Thinking(_)
                    | Content::RedactedThinking(_)
                    | Content::Refusal(_)
                    | Content::ToolCall(_)
                    | Content::ToolResult(_),
                )
                | None => {
                    let message = "Bedrock takes text, images and files as results of tools";
                    return Err(Malformed::new(message).inside("content"));
                }
            }
        }
        Ok(block("toolResult", |object| {
            object.text("toolUseId", &fit_id(&result.tool_call_id));
            object.member("content", |value| value.each(&blocks, |value, block| value.raw(block)));
        }))
    }
}

/// Remembers that something of this name was lost, if it was.
pub(super) fn tell(dropped: &mut Vec<&'static str>, name: &'static str, lost: bool) {
    if lost && !dropped.contains(&name) {
        dropped.push(name);
    }
}

/// The block that marks the end of a prompt to be cached.
pub(super) fn cache_point(cache: &CacheMarker) -> String {
    block("cachePoint", |object| {
        object.text("type", "default");
        object.optional_text("ttl", Some(cache.ttl.as_str()).filter(|ttl| !ttl.is_empty()));
    })
}

/// Whether members that have no field say anything. The place of a call among others is told by its place.
pub(super) fn has_more(extras: &Extras) -> bool {
    let says_nothing =
        |(name, json): (&String, &String)| name == "index" || matches!(json.as_str(), "null" | "[]" | "{}");
    !extras.iter().all(says_nothing)
}

fn block(name: &'static str, fill: impl FnOnce(&mut Object<'_>)) -> String {
    Writer::text_of(|object| object.object(name, fill))
}

fn text_block(text: &str) -> String {
    Writer::text_of(|object| object.text("text", text))
}

fn sourced(kind: &'static str, format: &str, name: Option<&str>, source: &str) -> String {
    block(kind, |object| {
        object.text("format", format);
        object.optional_text("name", name);
        object.optional_raw("source", Some(source));
    })
}

fn bytes(data_base64: &str) -> String {
    Writer::text_of(|object| object.text("bytes", data_base64))
}

fn s3_location(url: &str) -> String {
    block("s3Location", |object| object.text("uri", url))
}

fn audio_block(audio: &AudioPart) -> Result<String, Malformed> {
    if audio.data_base64.is_empty() || audio.format.is_empty() {
        let message = "Bedrock takes audio as input_audio with data and format";
        return Err(Malformed::new(message).inside("content"));
    }
    Ok(sourced("audio", &audio.format, None, &bytes(&audio.data_base64)))
}

fn tool_use(call: &ToolCallPart) -> Result<String, Malformed> {
    let given = call.arguments_json.trim();
    let input = if given.is_empty() { "{}" } else { given };
    json::read(input.as_bytes(), |reader| reader.raw_object().map(drop)).map_err(|fault| {
        let message = format!("Bedrock takes arguments as a JSON object only: {}", fault.message);
        Malformed::new(message).inside("arguments").inside("function").inside("tool_calls")
    })?;
    Ok(block("toolUse", |object| {
        object.text("toolUseId", &fit_id(&call.id));
        object.text("name", &call.name);
        object.optional_raw("input", Some(input));
    }))
}

/// A block of Bedrock's own, as a caller who knows it writes it.
fn native(other: &OtherPart) -> Result<String, Malformed> {
    let mut names = Extras::new();
    let read = json::read(other.json.as_bytes(), |reader| {
        reader.object(|reader, name| reader.keep(&mut names, name))
    });
    match read {
        Ok(()) if names.len() == 1 && names.keys().all(|name| NATIVE.contains(&name.as_str())) => {
            Ok(other.json.clone())
        }
        _ => Err(Malformed::new("Bedrock knows no part of this kind").inside("content")),
    }
}

/// The id as it is where Bedrock takes it, else one that is made of it, the same wherever it stands.
fn fit_id(id: &str) -> String {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    if (1..=MAX_ID).contains(&id.len()) && id.bytes().all(fits) {
        return id.to_owned();
    }
    let hash = digest::digest(&digest::SHA256, id.as_bytes());
    let hash: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("call_{hash}")
}

/// Media type and base64 of a `data:` URL.
fn data_url(url: &str) -> Option<(&str, &str)> {
    let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
    let media_type = head.strip_suffix(";base64")?.split(';').next()?;
    Some((media_type, data))
}

/// By media type or by the end of a name.
fn image_format(kind: &str) -> Option<&'static str> {
    let kind = kind.strip_prefix("image/").unwrap_or(kind);
    let kind = if kind.eq_ignore_ascii_case("jpg") { "jpeg" } else { kind };
    IMAGES.into_iter().find(|format| kind.eq_ignore_ascii_case(format))
}
