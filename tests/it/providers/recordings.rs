//! The laws over recorded traffic of real vendors, where `SLUICEGATE_RECORDINGS` names a folder of it:
//! `PROVIDER/CASE.json`, each with a `request` and a `response`. Nothing of it is in the repository.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use sluicegate::wire::Framing;
use sluicegate::{
    error::Reason,
    providers::{Endpoint, ProviderType, REGISTRY, Settings},
};
use url::Url;

use super::{
    decode::payloads,
    fixture::assert_none,
    hygiene::unclean,
    laws::{
        answer_differs, chopped_differs, chunks_differ, cut_passes, ends_badly, request_differs,
        speaks_openai,
    },
    normal::normal,
    operation::Operation,
};

/// One recorded exchange.
#[derive(Deserialize)]
struct Recording {
    api: String,
    error_of: Option<String>,
    request: Request,
    response: Response,
}

#[derive(Deserialize)]
struct Request {
    url: Option<String>,
    body_json: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Response {
    status: u16,
    headers: Option<BTreeMap<String, String>>,
    is_stream: bool,
    framing: String,
    body_text: Option<String>,
    body_base64: Option<String>,
}

/// Hosts of a vendor beside the one in its row: (how they end, provider type).
const HOSTS: [(&str, &str); 3] = [
    (".cognitiveservices.azure.com", "azure-openai"),
    (".services.ai.azure.com", "azure-openai"),
    ("nim.local", "nim"),
];

/// Interfaces of a vendor's own: (part of the path, provider type).
const INTERFACES: [(&str, &str); 14] = [
    ("/v1/messages", "anthropic"),
    (":generateContent", "gemini"),
    (":streamGenerateContent", "gemini"),
    (":batchEmbedContents", "gemini"),
    ("/converse", "bedrock"),
    ("/foundation-models", "bedrock"),
    ("/v2/chat", "cohere"),
    ("/v2/embed", "cohere"),
    ("/api/chat", "ollama"),
    ("/api/generate", "ollama"),
    ("/api/embed", "ollama"),
    ("/api/tags", "ollama"),
    ("/ml/v1/", "watsonxai"),
    ("/ml/v1-beta/", "watsonxai"),
];

/// Interfaces that we do not speak, though their paths or hosts look like those of ours: what `/api/embed` has replaced,
/// and facts about one model.
const OTHERS: [&str; 2] = ["/api/embeddings", "/api/show"];

/// Some are long, and each cut reads a stream anew.
const MOST_CUTS: usize = 40;

/// What decodes a recording.
struct Decoder {
    row: &'static ProviderType,
    operation: Operation,
    /// Whether it is in OpenAI's format.
    is_openai: bool,
}

#[derive(Default)]
struct Count {
    decoded: usize,
    skipped: BTreeMap<String, usize>,
}

#[test]
fn recordings_obey_the_laws() {
    let Some(folder) = std::env::var_os("SLUICEGATE_RECORDINGS").map(PathBuf::from) else {
        println!("recordings were not run: SLUICEGATE_RECORDINGS names no folder");
        return;
    };
    let mut wrong = Vec::new();
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    let mut decoders: BTreeMap<&str, usize> = BTreeMap::new();
    for (provider, path) in files(&folder) {
        let bytes = fs::read(&path).expect("a readable recording");
        let recording: Recording =
            serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let count = counts.entry(provider).or_default();
        match recording.decoder() {
            None => *count.skipped.entry(recording.surface()).or_default() += 1,
            Some(decoder) => {
                count.decoded += 1;
                *decoders.entry(decoder.row.name).or_default() += 1;
                let found = recording.breaks(&decoder);
                wrong.extend(found.into_iter().map(|found| format!("{}: {found}", path.display())));
            }
        }
    }
    let mut surfaces: BTreeMap<&str, usize> = BTreeMap::new();
    for (provider, count) in &counts {
        println!(
            "recordings {provider} decoded={} skipped={}",
            count.decoded,
            count.skipped.values().sum::<usize>()
        );
        for (surface, skipped) in &count.skipped {
            *surfaces.entry(surface).or_default() += skipped;
        }
    }
    for (name, decoded) in decoders {
        println!("recordings decoded as {name}={decoded}");
    }
    for (surface, skipped) in surfaces {
        println!("recordings skipped {surface}={skipped}");
    }
    assert!(
        counts.values().any(|count| count.decoded > 0),
        "no recording in {} was decoded",
        folder.display()
    );
    assert_none(&wrong);
}

/// Whether a vendor is at this address.
fn is_home(row: &ProviderType, url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let same_place = |home: Url| {
        home.host_str() == Some(host) && home.port_or_known_default() == url.port_or_known_default()
    };
    let in_row = match row.endpoint {
        Endpoint::Url(home) => Url::parse(home).is_ok_and(same_place),
        Endpoint::Named { after, .. } => host.ends_with(after),
        Endpoint::FromOperator | Endpoint::BuiltIn(_) => false,
    };
    in_row || HOSTS.iter().any(|(end, name)| row.name == *name && host.ends_with(end))
}

/// Every recording below the folder, with the name of the folder that it stands in.
fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    let list = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
        paths.sort();
        paths
    };
    let mut files = Vec::new();
    for provider in list(folder).into_iter().filter(|path| path.is_dir()) {
        let name = provider.file_name().and_then(|name| name.to_str()).expect("a name in UTF-8").to_owned();
        let cases =
            list(&provider).into_iter().filter(|path| path.extension().is_some_and(|end| end == "json"));
        files.extend(cases.map(|path| (name.clone(), path)));
    }
    assert!(!files.is_empty(), "{} holds no recording PROVIDER/CASE.json", folder.display());
    files
}

// === impl Recording ===

impl Recording {
    fn url(&self) -> Option<Url> {
        self.request.url.as_deref().and_then(|url| Url::parse(url).ok())
    }

    /// By address, interface and framing; never by folder. `None`: no adapter of ours reads it.
    fn decoder(&self) -> Option<Decoder> {
        let url = self.url()?;
        let path = url.path();
        if OTHERS.contains(&path) {
            return None;
        }
        let api = if self.api == "error" { self.error_of.as_deref()? } else { self.api.as_str() };
        let ours = path.ends_with("/v1/completions")
            || path.ends_with("/v1/embeddings")
            || path.ends_with("/v1/models");
        let is_openai = path.contains("/chat/completions")
            || path.contains("/openai/")
            || (ours && url.host_str() != Some("api.anthropic.com"));
        // Below this path models of Bedrock are asked in their makers' own words, which we speak for embeddings only.
        if path.contains("/invoke") && !matches!(self.api.as_str(), "embeddings" | "error") {
            return None;
        }
        let operation = match api {
            "chat" | "chat_stream" | "messages" => Operation::Chat,
            // A vendor says what is wrong in one way, whatever was asked.
            "responses" if self.api == "error" => Operation::Chat,
            "completion" => Operation::Complete,
            "embeddings" => Operation::Embed,
            "models" => Operation::ListModels,
            _ => return None,
        };
        let named = |name: &str| REGISTRY.iter().find(|row| row.name == name).copied();
        let home = REGISTRY.iter().find(|row| is_home(row, &url)).copied();
        let interface = INTERFACES.iter().find(|(part, _)| path.contains(part));
        // A vendor with an interface of its own may have OpenAI's as well; its own adapter does not read that.
        let speaks_own = |row: &ProviderType| INTERFACES.iter().any(|(_, name)| *name == row.name);
        let home = home.filter(|row| !(is_openai && speaks_own(row)));
        let row = match interface {
            Some((_, name)) if !is_openai => named(name)?,
            _ if is_openai || self.api == "error" => {
                home.or_else(|| named("custom").filter(|_| is_openai))?
            }
            _ => home.filter(|row| row.adapter.framing() != Framing::Sse || api == "models")?,
        };
        let framed = match row.adapter.framing() {
            _ if !self.response.is_stream => "json",
            Framing::Sse => "sse",
            Framing::JsonLines => "ndjson",
            Framing::AwsEventStream => "aws-eventstream",
        };
        // An error that came instead of a stream is not framed as one.
        let fits = self.response.framing == framed || self.api == "error";
        let offered = operation.is_offered_by(row.adapter) || self.api == "error" || is_openai;
        (fits && offered && self.body().is_some()).then_some(Decoder { row, operation, is_openai })
    }

    fn body(&self) -> Option<Cow<'_, [u8]>> {
        let binary = self.response.body_base64.as_ref();
        let binary = binary.map(|body| STANDARD.decode(body).expect("base64").into());
        binary.or_else(|| self.response.body_text.as_deref().map(|body| body.as_bytes().into()))
    }

    /// What we would have to speak.
    fn surface(&self) -> String {
        let path = self.url().map(|url| url.path().to_owned()).unwrap_or_default();
        let last = path.rsplit(['/', ':']).next().unwrap_or_default();
        let api = if self.api == "error" { "error" } else { self.api.as_str() };
        format!("{api}:{last}")
    }

    /// The laws that it breaks.
    fn breaks(&self, decoder: &Decoder) -> Vec<String> {
        let Decoder { row, operation, is_openai } = decoder;
        let settings = Settings::new();
        let body = &*self.body().unwrap_or_default();
        if self.response.status >= 400 {
            let status = StatusCode::from_u16(self.response.status).expect("a status");
            let error = row.adapter.error(status, &self.response.headers(), body);
            let named = error.reason() != Reason::Unspecified && !error.message().is_empty();
            return if named { Vec::new() } else { vec![format!("{error:?}")] };
        }
        let mut wrong = Vec::new();
        let request = self.request.openai().filter(|_| *is_openai);
        wrong.extend(request.and_then(|request| request_differs(*operation, &request)));
        if self.response.is_stream {
            let streamed = operation.stream(row.adapter, std::iter::once(body), &settings);
            wrong.extend(chunks_differ(*operation, row.adapter, body));
            wrong.extend(chopped_differs(*operation, row.adapter, body, &settings));
            wrong.extend(ends_badly(&streamed));
            if !is_glued(row, body) {
                wrong.extend(unclean(*operation, &streamed));
                wrong.extend(cut_passes(*operation, row.adapter, body, &settings, MOST_CUTS));
            }
            wrong.extend(streamed.chunks.iter().filter_map(|chunk| counts_badly(row, chunk)));
            if let Err(error) = &streamed.ended
                && error.reason() == Reason::StreamTruncated
            {
                wrong.push(format!("the recorded stream is whole, but: {error:?}"));
            }
        } else {
            if *is_openai && speaks_openai(body) {
                wrong.extend(answer_differs(*operation, body));
            }
            match operation.answer(row.adapter, body, &settings) {
                Ok(answer) => wrong.extend(counts_badly(row, &answer)),
                Err(error) => wrong.push(format!("{error:?}")),
            }
        }
        wrong
    }
}

/// Whether the recorder has written several answers one behind the other.
fn is_glued(row: &ProviderType, body: &[u8]) -> bool {
    let chunks = payloads(row.adapter.framing(), body).into_iter().filter(|chunk| speaks_openai(chunk));
    let id = |chunk: Vec<u8>| normal(&chunk)["id"].as_str().map(str::to_owned);
    let ids: BTreeSet<_> = chunks.filter_map(id).filter(|id| !id.is_empty()).collect();
    ids.len() > 1
}

/// Of a vendor that we know, what was read and what was written are the total.
fn counts_badly(row: &ProviderType, answer: &Value) -> Option<String> {
    let count = |name: &str| answer["usage"][name].as_i64().unwrap_or_default();
    let total = answer["usage"]["totalTokens"].as_i64().filter(|_| row.name != "custom")?;
    (count("inputTokens") + count("outputTokens") != total)
        .then(|| format!("tokens do not add up: {}", answer["usage"]))
}

impl Request {
    /// The body, if it is what our edge takes. Where the address names the model, as some vendors want it, the body need
    /// not.
    fn openai(&self) -> Option<Vec<u8>> {
        let mut body: BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(self.body_json.as_ref()?.get()).ok()?;
        let asks = ["messages", "prompt", "input"].iter().any(|name| body.contains_key(*name));
        body.entry("model".to_owned()).or_insert(RawValue::from_string("\"m\"".to_owned()).ok()?);
        asks.then(|| serde_json::to_vec(&body).expect("JSON"))
    }
}

impl Response {
    fn headers(&self) -> HeaderMap {
        let header = |(name, value): (&String, &String)| {
            Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value).ok()?))
        };
        self.headers.iter().flatten().filter_map(header).collect()
    }
}
