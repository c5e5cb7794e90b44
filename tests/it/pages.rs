//! Reference pages are what the code says: `docs/configuration.md`, `docs/cli.md`, `docs/errors.md`, `docs/metrics.md`.
//!
//! `UPDATE_FIXTURES=1 cargo test --test it pages` writes them.

use std::{fmt::Write as _, fs, path::Path, time::Duration};

use clap::{Arg, Command, CommandFactory as _};
use prost::Message as _;
use sluicegate::{
    cli::{Cli, EXIT_HELP, KEY_HELP},
    error::{Reason, Retry, row},
    metrics::{self, InFlight, Outcome, UsageEvent},
    proto,
};
const NOTE: &str =
    "<!-- Written by `UPDATE_FIXTURES=1 cargo test --test it pages`; change the code, not this page. -->";

/// Compares a page with what it shall be, or writes it.
pub fn holds(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        fs::write(&path, expected).expect("the page is written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let line = found.lines().zip(expected.lines()).position(|(found, expected)| found != expected);
    assert!(
        found == expected,
        "docs/{name} is not what the code says, from line {}; UPDATE_FIXTURES=1 writes it",
        line.map_or(found.lines().count().min(expected.lines().count()), |line| line) + 1
    );
}

/// A row of a table. Bars would end its cells.
fn cells<'a>(page: &mut String, cells: impl IntoIterator<Item = &'a str>) {
    for cell in cells {
        let one_line = cell.split_whitespace().collect::<Vec<_>>().join(" ");
        write!(page, "| {} ", one_line.replace('|', "\\|")).expect("text");
    }
    page.push_str("|\n");
}

fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{text}`") }
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "" }
}

// === configuration ===

#[test]
fn configuration_page_is_what_the_code_says() {
    let mut page = format!(
        "# Configuration\n\n{NOTE}\n\n\
        There are two kinds. What belongs to the process is given by flags or by the environment and read once, at start;\n\
        a flag wins over its variable. Everything that may change while the gateway runs is a resource: providers, models\n\
        and API keys, by the [administration](administration.md), or by a seed file of the same messages (`--config`). What\n\
        a provider of each type takes stands in [providers](providers.md), the commands of the administration in [command\n\
        line](cli.md).\n"
    );
    let mut cli = Cli::command();
    cli.build();
    for command in cli.get_subcommands().filter(|command| command.get_name() != "help" && !is_noun(command)) {
        command_section(&mut page, command, "sluicegate");
    }
    holds("configuration.md", &page);
}

/// Whether a command administers one kind of resource.
fn is_noun(command: &Command) -> bool {
    command.has_subcommands() && command.get_arguments().any(|argument| argument.get_id() == "server")
}

#[test]
fn command_line_page_is_what_the_code_says() {
    let mut cli = Cli::command();
    cli.build();
    let nouns: Vec<_> = cli.get_subcommands().filter(|command| is_noun(command)).collect();
    let mut page = format!(
        "# Command line\n\n{NOTE}\n\n\
        A gateway is administered by `sluicegate NOUN VERB` over gRPC, from any machine that reaches it; how to begin stands\n\
        in [administration](administration.md). The program's other commands stand in [configuration](configuration.md).\n\
        Lists are read to their end. A name that begins with a dash follows `--`.\n\n\
        ## For every command\n"
    );
    argument_table(&mut page, nouns[0].get_arguments().filter(|argument| argument.is_global_set()));
    write!(page, "\n```text\n{KEY_HELP}\n\n{EXIT_HELP}\n```\n").expect("text");
    for noun in nouns {
        write!(page, "\n## `sluicegate {}`\n\n{}\n", noun.get_name(), about(noun)).expect("text");
        for verb in noun.get_subcommands().filter(|verb| verb.get_name() != "help") {
            write!(page, "\n### `{} {}`\n\n{}\n", noun.get_name(), verb.get_name(), about(verb))
                .expect("text");
            let own = verb.get_arguments().filter(|argument| !argument.is_global_set());
            argument_table(&mut page, own);
        }
    }
    holds("cli.md", &page);
}

/// What a command does, as a sentence.
fn about(command: &Command) -> String {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    format!("{}.", about.trim_end_matches('.'))
}

fn command_section(page: &mut String, command: &Command, parent: &str) {
    let name = format!("{parent} {}", command.get_name());
    write!(page, "\n## `{name}`\n\n{}\n", about(command)).expect("text");
    argument_table(page, command.get_arguments());
    if let Some(help) = command.get_after_help() {
        write!(page, "\n```text\n{}\n```\n", help.to_string().trim_end()).expect("text");
    }
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        command_section(page, inner, &name);
    }
}

fn argument_table<'a>(page: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    let mut arguments = arguments.filter(|argument| argument.get_id() != "help").peekable();
    if arguments.peek().is_some() {
        page.push_str("\n| flag | environment | default | meaning |\n|---|---|---|---|\n");
        arguments.for_each(|argument| argument_row(page, argument));
    }
}

fn argument_row(page: &mut String, argument: &Arg) {
    let takes_value = argument.get_action().takes_values();
    // Where no name is given to the value, it has that of the flag.
    let own = argument
        .get_value_names()
        .and_then(|names| names.first())
        .filter(|name| !name.eq_ignore_ascii_case(argument.get_id().as_str()));
    let value = match own {
        _ if !takes_value => String::new(),
        Some(name) => format!(" {name}"),
        None => " VALUE".to_owned(),
    };
    let flag = argument
        .get_long()
        .map_or_else(|| argument.get_id().to_string().to_uppercase(), |long| format!("--{long}{value}"));
    let variable = argument.get_env().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let defaults: Vec<_> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let default = if takes_value { code(&defaults.join(",")) } else { "off".to_owned() };
    let mut meaning =
        argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
    for value in argument.get_possible_values().iter().filter(|_| takes_value) {
        let help = value.get_help().map(ToString::to_string).unwrap_or_default();
        write!(meaning, "; `{}`: {}", value.get_name(), help.trim_end_matches('.')).expect("text");
    }
    cells(page, [code(&flag).as_str(), &code(&variable), &default, &meaning]);
}

// === errors ===

#[test]
fn errors_page_is_what_the_code_says() {
    let mut page = format!(
        "# Errors\n\n{NOTE}\n\n\
        Every failure has one of these reasons, on both edges. gRPC tells it in `google.rpc.ErrorInfo.reason` with the\n\
        domain `sluicegate`, beside the code; REST by status, `error.type` and `error.code`:\n\n\
        ```json\n\
        {{\"error\": {{\"message\": \"...\", \"type\": \"invalid_request_error\", \"param\": \"messages\", \"code\": \"invalid_request\", \"request_id\": \"req-...\"}}}}\n\
        ```\n\n\
        `error.code` is the vendor's own where it gave one. Where another target is tried, the gateway itself goes on with\n\
        another provider that shares the model's name, until the first content has come; the error is what is left when\n\
        none could answer. Inside a stream an error is the last event, or the status of the gRPC stream with a\n\
        `PartialResult`.\n\n\
        | reason | gRPC | HTTP | `type` | `code` | who acts | another target is tried |\n|---|---|---|---|---|---|---|\n"
    );
    let mut details = String::new();
    for (name, reason, comment) in reasons() {
        let row = row(reason);
        let fault = row.fault.as_str_name().trim_start_matches("FAULT_").to_lowercase();
        let grpc = grpc_name(row.grpc);
        let status = row.http.as_u16().to_string();
        let link = format!("[{name}](#{})", name.to_lowercase());
        let retried = yes(row.retry == Retry::OtherTarget);
        let (kind, code) = (code(row.openai_type), code(row.openai_code));
        cells(&mut page, [link.as_str(), &grpc, &status, &kind, &code, &fault, retried]);

        let (said, advice) = comment.split_once("What to do: ").expect("every reason says what to do");
        let (advice, example) = advice.split_once('{').expect("every reason has an example");
        let codes = format!(" {grpc} / HTTP {status}");
        let (meaning, rest) =
            said.split_once(&codes).unwrap_or_else(|| panic!("{name} does not say{codes}: {said}"));
        assert!(matches!(rest.trim(), "." | "with Allow."), "{name}: {rest}");
        write!(
            details,
            "\n## {name}\n\n{}\n\nWhat to do: {}\n\n```json\n{{{}\n```\n",
            meaning.trim(),
            advice.trim(),
            example.trim()
        )
        .expect("text");
    }
    holds("errors.md", &(page + &details));
}

/// `FailedPrecondition` -> `FAILED_PRECONDITION`
fn grpc_name(code: tonic::Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

/// Every reason but the one that is none, with its comment on one line.
fn reasons() -> Vec<(String, Reason, String)> {
    let set = prost_types::FileDescriptorSet::decode(proto::DESCRIPTORS).expect("descriptors");
    let file = set.file.iter().find(|file| file.name().ends_with("error_reason.proto")).expect("the file");
    let source = file.source_code_info.as_ref().expect("comments");
    let values = file.enum_type[0].value.iter().enumerate().skip(1);
    let reason = |(index, value): (usize, &prost_types::EnumValueDescriptorProto)| {
        // Path of an enum's value: field 5 of a file, field 2 of an enum.
        let path = [5, 0, 2, i32::try_from(index).expect("few")];
        let comment = source.location.iter().find(|location| location.path == path).expect("a comment");
        let text = comment.leading_comments().split_whitespace().collect::<Vec<_>>().join(" ");
        let name = value.name().trim_start_matches("ERROR_REASON_").to_owned();
        (name, Reason::try_from(value.number()).expect("a reason"), text)
    };
    let reasons: Vec<_> = values.map(reason).collect();
    assert!(reasons.len() > 20);
    reasons
}

// === metrics ===

#[tokio::test]
async fn metrics_page_is_what_the_code_says() {
    let (metrics, sender, reader) = metrics::new();
    let usage = proto::v1::Usage { input_tokens: 1, ..Default::default() };
    sender.send(UsageEvent {
        usage: Some(usage),
        outcome: Outcome::Ok,
        first_chunk: Some(Duration::from_millis(1)),
        ..Default::default()
    });
    drop(sender);
    reader.run().await;
    let in_flight = InFlight { provider: String::new(), model: String::new(), count: 1 };
    let mut page = format!(
        "# Metrics\n\n{NOTE}\n\n\
        `GET /metrics` tells them as OpenMetrics text; `--no-metrics` closes it. Labels come from the catalog, never from a\n\
        request, so that the number of series is bounded.\n\n\
        | metric | type | labels | meaning |\n|---|---|---|---|\n"
    );
    let text = metrics.render([in_flight]);
    let families = text.split("# HELP ").skip(1);
    for family in families {
        let (help, rest) = family.split_once('\n').expect("a line");
        let (name, help) = help.split_once(' ').expect("a help text");
        let kind = rest.split("# TYPE ").nth(1).and_then(|rest| rest.lines().next()).expect("a type");
        let kind = kind.rsplit(' ').next().expect("a word");
        let sample = rest.lines().find(|line| !line.starts_with('#')).expect("a sample");
        let labels =
            sample.split_once('{').map_or("", |(_, rest)| rest.split('}').next().unwrap_or_default());
        let labels: Vec<_> = labels
            .split(',')
            .filter_map(|label| label.split_once('=').map(|(name, _)| code(name)))
            .filter(|label| label != "`le`")
            .collect();
        let suffix = if kind == "counter" { "_total" } else { "" };
        cells(&mut page, [code(&format!("{name}{suffix}")).as_str(), kind, &labels.join(", "), help]);
    }
    holds("metrics.md", &page);
}
