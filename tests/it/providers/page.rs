//! `docs/providers.md` says what the registry, the adapters and the classes of parameters say. `UPDATE_FIXTURES=1` writes it.

use std::fmt::Write as _;

use sluicegate::{
    error::Result,
    providers::{Auth, BASE_URL, Endpoint, Outbound, ProviderType, Setting},
};

use super::{
    fixture::{self, Review, Subject, assert_none, cases, read, subjects},
    operation::Operation,
    parameters::{self, OPERATIONS},
};

/// What a provider type can do: how it is called here, and whether it is there.
type Feature = (&'static str, fn(Subject) -> bool);

const FEATURES: [Feature; 13] = [
    ("chat", |subject| takes(subject, "text", &[])),
    ("tools", |subject| takes(subject, "tools", &["tools"]) && answers(subject, "tools")),
    ("JSON schema", |subject| takes(subject, "json-schema", &["response_format"])),
    ("reasoning", |subject| answers(subject, "thinking")),
    ("images as data", |subject| takes(subject, "image-data", &[])),
    ("images by URL", |subject| takes(subject, "image-url", &[])),
    ("audio", |subject| takes(subject, "audio-data", &[])),
    ("files", |subject| takes(subject, "file-data", &[])),
    ("log probabilities", |subject| takes(subject, "logprobs", &["logprobs"])),
    ("several answers", |subject| {
        class(subject, "chat", "n").is_some_and(|class| class.starts_with("mapped"))
    }),
    ("completions", |subject| Operation::Complete.is_offered_by(subject.adapter())),
    ("embeddings", |subject| Operation::Embed.is_offered_by(subject.adapter())),
    ("list of models", |subject| Operation::ListModels.is_offered_by(subject.adapter())),
];

#[test]
fn the_page_of_providers_tells_what_is_true() {
    let mut review = Review::of_fixtures();
    let path = fixture::root().join("../../docs/providers.md");
    review.expect(&path, &page());
    assert_none(&review.wrong);
}

fn page() -> String {
    let mut page = String::from(
        "# Providers\n\n\
         Made from the registry, the adapters and their tests: every cell below is what a test has seen. It tells what the\n\
         gateway can say to a vendor; not every model of a vendor takes it. Streams are there wherever the operation is.\n\n",
    );
    features(&mut page);
    page += "\n## What becomes of each parameter\n\n\
             **yes**: sent under its own name. *another name*: sent there. dropped: left out, and named in\n\
             `x-sluicegate-dropped`. refused: the request fails and the error names it. here: done by the gateway itself.\n";
    for (name, operation, _) in OPERATIONS {
        classes(&mut page, name, operation);
    }
    page += "\n## What each needs\n";
    subjects().for_each(|subject| needs(&mut page, subject.0));
    page
}

fn features(page: &mut String) {
    let names: Vec<_> = FEATURES.iter().map(|(name, _)| *name).collect();
    row(page, "", names.into_iter());
    rule(page, FEATURES.len());
    for subject in subjects() {
        let cells = FEATURES.iter().map(|(_, is_there)| if is_there(subject) { "yes" } else { "" });
        row(page, &format!("`{}`", subject.0.name), cells);
    }
}

fn classes(page: &mut String, name: &str, operation: Operation) {
    let offered: Vec<_> = subjects().filter(|subject| operation.is_offered_by(subject.adapter())).collect();
    let _ = write!(page, "\n### {name}\n\n");
    row(page, "", offered.iter().map(|subject| subject.0.name));
    rule(page, offered.len());
    for parameter in parameters::table()[name].keys() {
        let cells: Vec<_> = offered.iter().map(|subject| shown(class(*subject, name, parameter))).collect();
        row(page, &format!("`{parameter}`"), cells.iter().map(String::as_str));
    }
}

/// A class as the page shows it.
fn shown(class: Option<String>) -> String {
    match class.as_deref() {
        Some("mapped") => "yes".to_owned(),
        Some("done here") => "here".to_owned(),
        Some(class) => match class.strip_prefix("mapped to ") {
            Some(place) => format!("*{}*", place.trim_start_matches('/').replace('/', ".")),
            None => class.to_owned(),
        },
        None => String::new(),
    }
}

fn needs(page: &mut String, row: &ProviderType) {
    let _ = write!(page, "\n### {} (`{}`)\n\n", row.title, row.name);
    let _ = writeln!(page, "- Address: {}", address(row.endpoint));
    for kind in row.auth {
        let _ = writeln!(page, "- Credential: {}", credential(*kind));
    }
    for setting in row.settings {
        let _ = writeln!(page, "- Setting {}", argument(setting));
    }
    if !row.environment.is_empty() {
        let variables: Vec<_> =
            row.environment.iter().map(|(variable, name)| format!("`{variable}` ({name})")).collect();
        let _ = writeln!(page, "- Ready-made from the environment: {}", variables.join(", "));
    }
}

fn address(endpoint: Endpoint) -> String {
    match endpoint {
        Endpoint::Url(url) => format!("`{url}`, unless `{BASE_URL}` says otherwise"),
        Endpoint::FromOperator => format!("`{BASE_URL}`, required"),
        Endpoint::Named { setting, before, after, .. } => {
            format!("`{before}{{{setting}}}{after}`, unless `{BASE_URL}` says otherwise")
        }
        Endpoint::BuiltIn(_) => "none: it is inside the gateway".to_owned(),
    }
}

fn credential(kind: Auth) -> String {
    let secrets: Vec<_> = kind.secrets().iter().map(argument).collect();
    if secrets.is_empty() { "none".to_owned() } else { format!("{}: {}", kind.name(), secrets.join("; ")) }
}

fn argument(setting: &Setting) -> String {
    let required = if setting.required { ", required" } else { "" };
    format!("`{}`{required}: {}", setting.name, setting.help)
}

/// Whether a request of the fixtures is taken, without the loss of any of these.
fn takes(subject: Subject, case: &str, whole: &[&str]) -> bool {
    let body = read(&fixture::requests().join(format!("{case}.json")));
    let asked: Result<Outbound> = Operation::of_case(case).ask(
        subject.adapter(),
        &body,
        None,
        &subject.model(case),
        &subject.settings(),
    );
    asked.is_ok_and(|asked| !asked.dropped.iter().any(|name| whole.contains(name)))
}

/// Whether answers of this kind are among the fixtures.
fn answers(subject: Subject, kind: &str) -> bool {
    cases(&subject.folder("answers"), ".reply.json").iter().any(|case| case.starts_with(kind))
}

fn class(subject: Subject, operation: &str, parameter: &str) -> Option<String> {
    Some(parameters::classes(subject).get(operation)?.get(parameter)?.name())
}

fn row<'a>(page: &mut String, head: &'a str, cells: impl Iterator<Item = &'a str>) {
    let cells: Vec<_> = std::iter::once(head).chain(cells).collect();
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

fn rule(page: &mut String, columns: usize) {
    let _ = writeln!(page, "|{}", "---|".repeat(columns + 1));
}
