//! Law 4: every provider type has its fixtures, and every OpenAI parameter is classified for it, truly.

use std::collections::BTreeMap;

use prost::Message as _;
use serde::Deserialize;
use serde_json::{Value, json};
use sluicegate::{
    error::{Reason, Result},
    proto,
    providers::{Outbound, Scope, Settings, UpstreamModel},
};

use super::{
    fixture::{self, Subject, assert_none, cases, read, subjects},
    normal::normal,
    operation::Operation,
};

/// `parameters.json`: operation -> parameter -> a value to try.
pub(super) type Table = BTreeMap<String, BTreeMap<String, Parameter>>;

/// `parameters.json` of a provider type: operation -> parameter -> what becomes of it.
pub(super) type Classes = BTreeMap<String, BTreeMap<String, Class>>;

/// One parameter of OpenAI's interface.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameter {
    /// A value to try.
    sample: Value,
    /// Other members without which the value makes no sense.
    #[serde(default)]
    with: BTreeMap<String, Value>,
}

/// What becomes of a parameter.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Class {
    /// `mapped`, `mapped to MEMBER`, `mapped to /JSON/POINTER`, `dropped` (and said so), `refused`, or `done here`: the
    /// gateway does it itself.
    Plain(String),
    /// Mapped to this place, where it is said so.
    Said {
        #[serde(rename = "mapped to")]
        place: String,
        #[serde(rename = "as")]
        value: Value,
    },
}

/// The operations with parameters: name, operation, message of its request.
pub(super) const OPERATIONS: [(&str, Operation, &str); 3] = [
    ("chat", Operation::Chat, "ChatRequest"),
    ("completion", Operation::Complete, "CompleteRequest"),
    ("embedding", Operation::Embed, "EmbedRequest"),
];

/// Fields that are not parameters of OpenAI's interface by themselves.
const OURS: [&str; 2] = ["provider_options_json", "extra_json"];

/// Fields that OpenAI calls otherwise.
const NAMES: [(&str, &str); 3] = [("prompts", "prompt"), ("inputs", "input"), ("audio_json", "audio")];

pub(super) fn table() -> Table {
    serde_json::from_slice(&read(&fixture::root().join("parameters.json"))).expect("the table of parameters")
}

pub(super) fn classes(subject: Subject) -> Classes {
    serde_json::from_slice(&read(&subject.folder("parameters.json"))).expect("the classes of parameters")
}

#[test]
fn every_parameter_is_what_its_class_says() {
    let mut wrong = Vec::new();
    let table = table();
    for subject in subjects() {
        let classes = classes(subject);
        for (name, operation, _) in OPERATIONS {
            let place = format!("{}: {name}", subject.0.name);
            let known = classes.get(name);
            if known.is_some() != operation.is_offered_by(subject.adapter()) {
                wrong.push(format!("{place}: classified and not offered, or offered and not classified"));
                continue;
            }
            for (parameter, row) in &table[name] {
                let asked = ask(subject, (name, operation), parameter, row);
                let found = match known.map(|known| known.get(parameter)) {
                    Some(Some(class)) => class.contradicts(parameter, row, asked),
                    Some(None) => Some("not classified".to_owned()),
                    None => asked
                        .err()
                        .is_none_or(|error| error.reason() != Reason::NotSupported)
                        .then(|| "not offered, and not refused".to_owned()),
                };
                wrong.extend(found.map(|found| format!("{place} {parameter}: {found}")));
            }
            let strangers =
                known.into_iter().flatten().filter(|(parameter, _)| !table[name].contains_key(*parameter));
            wrong.extend(strangers.map(|(parameter, _)| format!("{place}: {parameter} is no parameter")));
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_field_of_a_request_is_in_the_table() {
    let descriptors = prost_types::FileDescriptorSet::decode(proto::DESCRIPTORS).expect("descriptors");
    let messages: Vec<_> = descriptors.file.iter().flat_map(|file| &file.message_type).collect();
    let table = table();
    for (name, _, message) in OPERATIONS {
        let message = messages.iter().find(|candidate| candidate.name() == message).expect("the request");
        for field in message.field.iter().map(|field| field.name()).filter(|field| !OURS.contains(field)) {
            let renamed = NAMES.iter().find(|(ours, _)| *ours == field).map(|(_, theirs)| *theirs);
            let parameter = renamed.unwrap_or_else(|| field.strip_suffix("_json").unwrap_or(field));
            assert!(table[name].contains_key(parameter), "{name} {parameter} is not in parameters.json");
        }
    }
}

#[test]
fn every_provider_type_has_its_fixtures() {
    let mut wrong = Vec::new();
    for folder in cases(&fixture::root(), "").iter().filter(|name| fixture::root().join(name).is_dir()) {
        if folder != "requests" && subjects().all(|subject| subject.0.name != folder) {
            wrong.push(format!("{folder} is no provider type"));
        }
    }
    for subject in subjects() {
        let (answers, errors) = (subject.folder("answers"), subject.folder("errors"));
        let mut need = |name: &str, there: bool| {
            if !there {
                wrong.push(format!("{} has no {name} fixture", subject.0.name));
            }
        };
        for (there, kind) in [(cases(&answers, ".reply.json"), "answer"), (subject.streams(), "stream")] {
            need(&format!("text {kind}"), there.iter().any(|case| case.starts_with("text")));
            need(&format!("tools {kind}"), there.iter().any(|case| case.starts_with("tools")));
        }
        let errors: Vec<_> = cases(&errors, ".json");
        need("error", errors.iter().any(|case| case.ends_with(".expected")));
        for operation in subject.adapter().operations() {
            let name = format!("{operation:?}").to_lowercase();
            let prefix = match name.as_str() {
                "complete" => "completion",
                "embed" => "embedding",
                _ => continue,
            };
            need(prefix, cases(&answers, ".reply.json").iter().any(|case| case.starts_with(prefix)));
        }
    }
    assert_none(&wrong);
}

#[test]
fn options_reach_their_own_provider_type_only() {
    for subject in subjects() {
        let mut request = sluicegate::wire::openai::chat::read_request(
            json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "temperature": 1})
                .to_string()
                .as_bytes(),
        )
        .expect("a request")
        .0;
        request.provider_options_json = subjects()
            .map(|other| {
                let options =
                    json!({(format!("for_{}", other.0.name)): [1, {"b": 2.5}], "temperature": 0.25});
                (other.0.name.to_owned(), options.to_string())
            })
            .collect();
        let settings = subject.settings();
        let to = UpstreamModel {
            id: &subject.model("chat"),
            stream: false,
            settings: &settings,
            scope: &Scope::default(),
        };
        let body = normal(&subject.adapter().chat(&request, &to).expect("a request").body);
        let text = body.to_string();
        for other in subjects() {
            let reaches = text.contains(&format!("\"for_{}\"", other.0.name));
            assert_eq!(reaches, other.0.name == subject.0.name, "{} to {}", other.0.name, subject.0.name);
        }
        assert_eq!(body["temperature"], 0.25, "what is meant for this provider type wins");
    }
}

#[test]
fn errors_of_every_status_have_a_reason() {
    for subject in subjects() {
        for status in (300..600).filter_map(|status| http::StatusCode::from_u16(status).ok()) {
            let error = subject.adapter().error(status, &http::HeaderMap::new(), b"<html>oops</html>");
            assert_ne!(error.reason(), Reason::Unspecified, "{status}");
            assert!(!error.message().is_empty());
            assert_eq!(error.detail().upstream_status, Some(status.as_u16()), "{}", subject.0.name);
            if matches!(status.as_u16(), 401 | 403) {
                assert_eq!(error.row().http, 424, "a refused credential of ours is not the caller's");
            }
        }
    }
}

fn ask(
    subject: Subject,
    (name, operation): (&str, Operation),
    parameter: &str,
    row: &Parameter,
) -> Result<Outbound> {
    let mut body = match operation {
        Operation::Chat => json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]}),
        Operation::Complete => json!({"model": "m", "prompt": "Hi"}),
        Operation::Embed => json!({"model": "m", "input": "Hi"}),
        Operation::ListModels => Value::Null,
    };
    for (name, value) in row.with.iter().chain(std::iter::once((&parameter.to_owned(), &row.sample))) {
        body[name] = value.clone();
    }
    let settings: Settings = subject.settings();
    operation.ask(subject.adapter(), body.to_string().as_bytes(), None, &subject.model(name), &settings)
}

// === impl Class ===

impl Class {
    /// In words, as `parameters.json` has them.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Plain(class) => class.clone(),
            Self::Said { place, .. } => format!("mapped to {place}"),
        }
    }

    fn contradicts(&self, parameter: &str, row: &Parameter, asked: Result<Outbound>) -> Option<String> {
        let class = self.name();
        let value = match self {
            Self::Plain(_) => &row.sample,
            Self::Said { value, .. } => value,
        };
        let asked = match asked {
            Ok(asked) => asked,
            Err(error) => {
                let refused = class == "refused"
                    && matches!(error.reason(), Reason::InvalidRequest | Reason::NotSupported)
                    && error.detail().field.as_deref().is_some_and(|field| field.starts_with(parameter));
                return (!refused).then(|| format!("{class}, but {error:?}"));
            }
        };
        let body = normal(&asked.body);
        let told = asked.dropped.contains(&parameter);
        let reaches = |member: &str| {
            let pointer = if member.starts_with('/') { member.to_owned() } else { format!("/{member}") };
            let last = pointer.rsplit('/').next().unwrap_or_default();
            let expected = normal(json!({last: value}).to_string().as_bytes())[last].clone();
            body.pointer(&pointer) == Some(&expected)
        };
        let holds = match class.strip_prefix("mapped") {
            Some("") => reaches(parameter) && !told,
            // What has another name is not sent under both.
            Some(to) => {
                to.strip_prefix(" to ").is_some_and(|to| {
                    let stays = to.trim_start_matches('/').split('/').next() == Some(parameter);
                    reaches(to) && (stays || body.get(parameter).is_none())
                }) && !told
            }
            None if class == "done here" => !reaches(parameter) && !told,
            None => class == "dropped" && body.get(parameter).is_none() && told,
        };
        (!holds).then(|| format!("{class}, but dropped {:?} and sent {body}", asked.dropped))
    }
}
