//! The parts of a message that stand in its `content`, and its tool calls.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    proto::v1::{
        AudioPart, CacheMarker, FilePart, ImagePart, OtherPart, Part, RefusalPart, TextPart, ToolCallPart,
        image_part::Source, part::Content,
    },
    wire::{
        json::{Extras, Kind, Malformed, Object, Reader, Writer},
        openai::{keep_nested, text_member},
    },
};

/// Takes the member that a content part is named after. Members it does not know go into the extras.
type ReadContent = fn(&mut Reader<'_>, &mut Extras) -> Result<Content, Malformed>;

/// A part of plain text.
pub(super) fn text_part(text: String) -> Part {
    Part { content: Some(Content::Text(TextPart { text })), ..Part::default() }
}

/// The text of an element that is nothing but text.
pub(super) fn text_value(json: &str) -> Option<String> {
    match read_part(&mut Reader::over(json)).ok()? {
        Part { content: Some(Content::Text(part)), cache: None, extra_json } if extra_json.is_empty() => {
            Some(part.text)
        }
        _ => None,
    }
}

/// Takes one element of `content`.
pub(super) fn read_part(reader: &mut Reader<'_>) -> Result<Part, Malformed> {
    let json = reader.raw_object()?;
    let kind = text_member(json, "type")?;
    let read: ReadContent = match kind.as_deref() {
        Some("text") => read_text,
        Some("image_url") => read_image,
        Some("input_audio") => read_audio,
        Some("file") => read_file,
        Some("refusal") => read_refusal,
        _ => return Ok(other(json, "")),
    };
    let kind = kind.unwrap_or_default();
    let (mut part, mut nested) = (Part::default(), Extras::new());
    Reader::over(json).object(|reader, name| match name {
        "type" => reader.skip(),
        _ if name == kind => {
            part.content = Some(read(reader, &mut nested)?);
            Ok(())
        }
        "cache_control" => read_cache(reader, &mut part.cache, &mut part.extra_json),
        _ => reader.keep(&mut part.extra_json, name),
    })?;
    if part.content.is_none() {
        return Err(Malformed::required(&kind));
    }
    keep_nested(&mut part.extra_json, &kind, &nested);
    Ok(part)
}

fn read_text(reader: &mut Reader<'_>, _: &mut Extras) -> Result<Content, Malformed> {
    Ok(Content::Text(TextPart { text: reader.string()? }))
}

fn read_refusal(reader: &mut Reader<'_>, _: &mut Extras) -> Result<Content, Malformed> {
    Ok(Content::Refusal(RefusalPart { text: reader.string()?, in_content: true }))
}

fn read_image(reader: &mut Reader<'_>, extras: &mut Extras) -> Result<Content, Malformed> {
    let (mut url, mut image) = (None, ImagePart::default());
    if reader.kind() == Kind::Text {
        // Mistral's spelling; OpenAI's is an object.
        url = Some(reader.string()?);
    } else {
        reader.object(|reader, name| {
            match name {
                "url" => url = Some(reader.string()?),
                "detail" => image.detail = Some(reader.string()?),
                _ => reader.keep(extras, name)?,
            }
            Ok(())
        })?;
    }
    image.source = Some(Source::Url(url.ok_or_else(|| Malformed::required("url"))?));
    Ok(Content::Image(image))
}

fn read_audio(reader: &mut Reader<'_>, extras: &mut Extras) -> Result<Content, Malformed> {
    let mut audio = AudioPart::default();
    if reader.kind() == Kind::Text {
        // Mistral's spelling; OpenAI's is an object.
        audio.data_base64 = reader.string()?;
        return Ok(Content::Audio(audio));
    }
    reader.object(|reader, name| {
        match name {
            "data" => audio.data_base64 = reader.string()?,
            "format" => audio.format = reader.string()?,
            _ => reader.keep(extras, name)?,
        }
        Ok(())
    })?;
    Ok(Content::Audio(audio))
}

fn read_file(reader: &mut Reader<'_>, extras: &mut Extras) -> Result<Content, Malformed> {
    let mut file = FilePart::default();
    reader.object(|reader, name| {
        match name {
            "file_id" => file.file_id = Some(reader.string()?),
            "file_data" => file.file_data = Some(reader.string()?),
            "filename" => file.filename = Some(reader.string()?),
            _ => reader.keep(extras, name)?,
        }
        Ok(())
    })?;
    Ok(Content::File(file))
}

/// Takes one element of `tool_calls`.
pub(super) fn read_tool_call(reader: &mut Reader<'_>) -> Result<Part, Malformed> {
    let json = reader.raw_object()?;
    if text_member(json, "type")?.is_some_and(|kind| kind != "function") {
        return Ok(other(json, "tool_calls"));
    }
    let (mut call, mut extras, mut nested) = (ToolCallPart::default(), Extras::new(), Extras::new());
    Reader::over(json).object(|reader, name| {
        match name {
            "type" => reader.skip()?,
            "id" => call.id = reader.string()?,
            "function" => reader.object(|reader, name| {
                match name {
                    "name" => call.name = reader.string()?,
                    "arguments" => call.arguments_json = read_arguments(reader)?,
                    _ => reader.keep(&mut nested, name)?,
                }
                Ok(())
            })?,
            _ => reader.keep(&mut extras, name)?,
        }
        Ok(())
    })?;
    keep_nested(&mut extras, "function", &nested);
    Ok(Part { content: Some(Content::ToolCall(call)), extra_json: extras, ..Part::default() })
}

/// Takes the arguments of a call: JSON inside a string. Some vendors forget the string.
pub(super) fn read_arguments(reader: &mut Reader<'_>) -> Result<String, Malformed> {
    if reader.kind() == Kind::Object { reader.raw().map(str::to_owned) } else { reader.string() }
}

/// Takes `cache_control`. One that says more than a marker can hold stays as it is.
pub(super) fn read_cache(
    reader: &mut Reader<'_>,
    cache: &mut Option<CacheMarker>,
    extras: &mut Extras,
) -> Result<(), Malformed> {
    let json = reader.raw()?;
    let (mut marker, mut fits) = (CacheMarker::default(), true);
    let read = Reader::over(json).object(|reader, name| {
        match name {
            "type" => marker.r#type = reader.string()?,
            "ttl" => marker.ttl = reader.string()?,
            _ => {
                fits = false;
                reader.skip()?;
            }
        }
        Ok(())
    });
    if fits && read.is_ok() && !marker.r#type.is_empty() {
        *cache = Some(marker);
    } else {
        extras.insert("cache_control".to_owned(), json.to_owned());
    }
    Ok(())
}

fn other(json: &str, member: &str) -> Part {
    let content = Content::Other(OtherPart { json: json.to_owned(), member: member.to_owned() });
    Part { content: Some(content), ..Part::default() }
}

/// Appends one element of `content`. Parts that stand elsewhere are not given to it.
pub(super) fn write_part(writer: &mut Writer, part: &Part) {
    match &part.content {
        Some(Content::Text(text)) => write_kind(writer, part, "text", |value, _| value.text(&text.text)),
        Some(Content::Refusal(refusal)) => {
            write_kind(writer, part, "refusal", |value, _| value.text(&refusal.text));
        }
        Some(Content::Image(image)) => write_kind(writer, part, "image_url", |value, nested| {
            value.object(|object| write_image(object, image, nested));
        }),
        Some(Content::Audio(audio)) => write_kind(writer, part, "input_audio", |value, nested| {
            value.object(|object| {
                object.text("data", &audio.data_base64);
                object.optional_text("format", Some(audio.format.as_str()).filter(|it| !it.is_empty()));
                object.merge(nested);
            });
        }),
        Some(Content::File(file)) => write_kind(writer, part, "file", |value, nested| {
            value.object(|object| {
                object.optional_text("file_id", file.file_id.as_deref());
                object.optional_text("file_data", file.file_data.as_deref());
                object.optional_text("filename", file.filename.as_deref());
                object.merge(nested);
            });
        }),
        Some(Content::Other(other)) => writer.raw(&other.json),
        Some(
            Content::Thinking(_)
            | Content::RedactedThinking(_)
            | Content::ToolCall(_)
            | Content::ToolResult(_),
        )
        | None => {
            writer.blame(Malformed::new("a part of this kind cannot stand here"));
            writer.null();
        }
    }
}

fn write_image(object: &mut Object<'_>, image: &ImagePart, nested: Option<&String>) {
    match &image.source {
        Some(Source::Url(url)) => object.text("url", url),
        Some(Source::Inline(inline)) => {
            let url = format!("data:{};base64,{}", inline.media_type, STANDARD.encode(&inline.data));
            object.text("url", &url);
        }
        None => object.blame(Malformed::required("source")),
    }
    object.optional_text("detail", image.detail.as_deref());
    object.merge(nested);
}

fn write_kind(
    writer: &mut Writer,
    part: &Part,
    kind: &'static str,
    content: impl FnOnce(&mut Writer, Option<&String>),
) {
    writer.object(|object| {
        object.text("type", kind);
        object.member(kind, |value| content(value, part.extra_json.get(kind)));
        write_cache(object, part.cache.as_ref());
        object.extras_except(&part.extra_json, &[kind]);
    });
}

/// Appends one element of `tool_calls`.
pub(super) fn write_tool_call(writer: &mut Writer, part: &Part, call: &ToolCallPart) {
    writer.object(|object| {
        object.text("id", &call.id);
        object.text("type", "function");
        object.object("function", |object| {
            object.text("name", &call.name);
            object.text("arguments", &call.arguments_json);
            object.merge(part.extra_json.get("function"));
        });
        object.extras_except(&part.extra_json, &["function"]);
    });
}

/// Appends `cache_control`, if there is a mark.
pub(super) fn write_cache(object: &mut Object<'_>, cache: Option<&CacheMarker>) {
    let Some(cache) = cache else { return };
    object.object("cache_control", |object| {
        object.text("type", if cache.r#type.is_empty() { "ephemeral" } else { &cache.r#type });
        object.optional_text("ttl", Some(cache.ttl.as_str()).filter(|ttl| !ttl.is_empty()));
    });
}
