//! Images, audio and files: bytes that travel with the request, or an address that Google fetches.
//!
//! Gemini wants to know what the bytes are. A data URL says it, else the end of a name does.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    proto::v1::{AudioPart, FilePart, ImagePart, image_part::Source},
    wire::json::{Malformed, Object},
};

/// Where files are that were uploaded to Google; their ids alone are no addresses.
const UPLOADED: &str = "https://generativelanguage.googleapis.com/v1beta/files/";

/// What Gemini reads, by the end of a name.
const MEDIA_TYPES: [(&str, &str); 29] = [
    (".png", "image/png"),
    (".jpg", "image/jpeg"),
    (".jpeg", "image/jpeg"),
    (".webp", "image/webp"),
    (".heic", "image/heic"),
    (".heif", "image/heif"),
    (".gif", "image/gif"),
    (".pdf", "application/pdf"),
    (".txt", "text/plain"),
    (".md", "text/markdown"),
    (".html", "text/html"),
    (".css", "text/css"),
    (".csv", "text/csv"),
    (".xml", "text/xml"),
    (".rtf", "text/rtf"),
    (".json", "application/json"),
    (".js", "text/javascript"),
    (".py", "text/x-python"),
    (".wav", "audio/wav"),
    (".mp3", "audio/mp3"),
    (".aiff", "audio/aiff"),
    (".aac", "audio/aac"),
    (".ogg", "audio/ogg"),
    (".flac", "audio/flac"),
    (".m4a", "audio/mp4"),
    (".mp4", "video/mp4"),
    (".mov", "video/quicktime"),
    (".webm", "video/webm"),
    (".mpeg", "video/mpeg"),
];

/// Something to look at, to hear or to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Media<'m> {
    /// Bytes.
    Inline {
        /// What they are.
        media_type: Cow<'m, str>,
        /// The bytes as base64.
        base64: Cow<'m, str>,
    },
    /// An address.
    File {
        /// `https`, `http` or `gs`.
        uri: Cow<'m, str>,
        /// What is there, where its name tells.
        media_type: Option<&'static str>,
    },
}

impl<'m> Media<'m> {
    pub(super) fn of_image(image: &'m ImagePart) -> Result<Self, Malformed> {
        match &image.source {
            Some(Source::Url(url)) => Self::of_url(url),
            Some(Source::Inline(inline)) => Ok(Self::Inline {
                media_type: Cow::Borrowed(&inline.media_type),
                base64: Cow::Owned(STANDARD.encode(&inline.data)),
            }),
            None => Err(Malformed::required("source")),
        }
    }

    pub(super) fn of_audio(audio: &'m AudioPart) -> Result<Self, Malformed> {
        if audio.data_base64.is_empty() {
            return Err(Malformed::new("Gemini keeps no audio to refer to; send its data or its transcript"));
        }
        if audio.data_base64.starts_with("data:") {
            return Self::of_url(&audio.data_base64);
        }
        if audio.format.is_empty() {
            return Err(Malformed::required("format"));
        }
        let media_type = Cow::Owned(format!("audio/{}", audio.format));
        Ok(Self::Inline { media_type, base64: Cow::Borrowed(&audio.data_base64) })
    }

    pub(super) fn of_file(file: &'m FilePart) -> Result<Self, Malformed> {
        match (&file.file_data, &file.file_id) {
            (Some(url), _) if url.starts_with("data:") => Self::of_url(url),
            (Some(data), _) => {
                let known = file.filename.as_deref().and_then(media_type_of);
                let media_type = known.ok_or_else(|| {
                    Malformed::new("what is in the file is not known; send file_data as a data: URL")
                })?;
                Ok(Self::Inline { media_type: Cow::Borrowed(media_type), base64: Cow::Borrowed(data) })
            }
            (None, Some(id)) if id.contains("://") => Self::of_url(id),
            (None, Some(id)) => {
                let id = id.strip_prefix("files/").unwrap_or(id);
                Ok(Self::File { uri: Cow::Owned(format!("{UPLOADED}{id}")), media_type: None })
            }
            (None, None) => Err(Malformed::new("set file_id or file_data")),
        }
    }

    /// An address that Google can fetch, or a data URL.
    fn of_url(url: &'m str) -> Result<Self, Malformed> {
        if let Some(data) = url.strip_prefix("data:") {
            let (kind, base64) = data
                .split_once(";base64,")
                .ok_or_else(|| Malformed::new("a data: URL must hold base64: data:TYPE;base64,DATA"))?;
            // Parameters such as the character set are none of Gemini's types.
            let media_type = kind.split(';').next().unwrap_or(kind);
            if media_type.is_empty() {
                return Err(Malformed::new("a data: URL must name its type: data:TYPE;base64,DATA"));
            }
            return Ok(Self::Inline { media_type: Cow::Borrowed(media_type), base64: Cow::Borrowed(base64) });
        }
        let scheme = url.split("://").next().unwrap_or_default();
        if !["https", "http", "gs"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            let message = "Gemini fetches https, http and gs only; send the bytes as a data: URL";
            return Err(Malformed::new(message));
        }
        let path = url.split(['?', '#']).next().unwrap_or(url);
        Ok(Self::File { uri: Cow::Borrowed(url), media_type: media_type_of(path) })
    }

    /// Appends `inlineData` or `fileData`.
    pub(super) fn write(&self, object: &mut Object<'_>) {
        match self {
            Self::Inline { media_type, base64 } => object.object("inlineData", |object| {
                object.text("mimeType", media_type);
                object.text("data", base64);
            }),
            Self::File { uri, media_type } => object.object("fileData", |object| {
                object.optional_text("mimeType", *media_type);
                object.text("fileUri", uri);
            }),
        }
    }
}

fn media_type_of(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    MEDIA_TYPES.iter().find(|(end, _)| name.ends_with(end)).map(|(_, media_type)| *media_type)
}
