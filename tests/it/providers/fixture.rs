//! Files: what is given, and what is expected.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use serde_json::Value;
use sluicegate::providers::{Adapter, Endpoint, ProviderType, REGISTRY, Settings};

use crate::event_stream;

/// How the names of upstream streams end: of those that are text, and of lists of binary frames.
const TEXT: &str = ".stream.txt";
const FRAMES: &str = ".frames.json";

/// One provider type, and the folder in which its own folder stands.
#[derive(Clone, Copy)]
pub(super) struct Subject(pub(super) &'static ProviderType, &'static Path);

/// What golden files are compared with, or rewritten to.
pub(super) struct Review {
    rewrites: bool,
    pub(super) wrong: Vec<String>,
}

/// Every provider type there is.
pub(super) fn subjects() -> impl Iterator<Item = Subject> {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(root);
    REGISTRY.iter().map(|row| Subject(row, &ROOT))
}

/// Reads a file.
pub(super) fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of the files in a folder that end so, without the end. No folder: none.
pub(super) fn cases(folder: &Path, end: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let names: BTreeSet<_> = entries
        .map(|entry| entry.expect("a readable folder").file_name().into_string().expect("a name in UTF-8"))
        .filter_map(|name| name.strip_suffix(end).map(str::to_owned))
        .collect();
    names.into_iter().collect()
}

/// The folder of requests, the same for all.
pub(super) fn requests() -> PathBuf {
    root().join("requests")
}

/// Where the fixtures are.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Fails with all that is wrong.
pub(super) fn assert_none(wrong: &[String]) {
    assert!(
        wrong.is_empty(),
        "{} wrong; UPDATE_FIXTURES=1 rewrites golden files\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Indents JSON and keeps every token as it is written, so that `1.00` and the order of members can be seen.
pub(super) fn pretty(json: &str) -> String {
    let (mut out, mut depth, mut in_text, mut escaped) = (String::new(), 0, false, false);
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    };
    let mut letters = json.chars().peekable();
    while let Some(letter) = letters.next() {
        if in_text {
            out.push(letter);
            in_text = escaped || letter != '"';
            escaped = !escaped && letter == '\\';
            continue;
        }
        match letter {
            '{' | '[' => {
                out.push(letter);
                if letters.peek().is_some_and(|next| matches!(next, '}' | ']')) {
                    out.extend(letters.next());
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth -= 1;
                line(&mut out, depth);
                out.push(letter);
            }
            ',' => {
                out.push(letter);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            letter if letter.is_ascii_whitespace() => {}
            letter => {
                in_text = letter == '"';
                out.push(letter);
            }
        }
    }
    out + "\n"
}

/// Pretty-printed proto JSON.
pub(super) fn pretty_value(value: &Value) -> String {
    pretty(&value.to_string())
}

// === impl Review ===

impl Review {
    /// Of the files in the repository.
    pub(super) fn of_fixtures() -> Self {
        Self { rewrites: std::env::var_os("UPDATE_FIXTURES").is_some(), wrong: Vec::new() }
    }

    /// That rewrites every file.
    pub(super) fn rewriting() -> Self {
        Self { rewrites: true, wrong: Vec::new() }
    }

    /// That only compares.
    pub(super) fn comparing() -> Self {
        Self { rewrites: false, wrong: Vec::new() }
    }

    /// Compares with a file, or rewrites it.
    pub(super) fn expect(&mut self, path: &Path, actual: &str) {
        if self.rewrites {
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder for the fixture");
            fs::write(path, actual).expect("a writable fixture");
            return;
        }
        let expected = fs::read_to_string(path).unwrap_or_default();
        if expected != actual {
            let line = expected.lines().zip(actual.lines()).position(|(one, other)| one != other);
            let line = line.unwrap_or(expected.lines().count().min(actual.lines().count()));
            let at = |text: &str| text.lines().nth(line).unwrap_or("nothing").trim().to_owned();
            self.wrong.push(format!(
                "{}:{}\n  expected {}\n  got      {}",
                path.display(),
                line + 1,
                at(&expected),
                at(actual)
            ));
        }
    }

    /// A golden file that nothing expects any more is as wrong as one that differs.
    pub(super) fn expect_no_others(&mut self, folder: &Path, end: &str, known: &[String]) {
        for case in cases(folder, end) {
            if !known.contains(&case) {
                self.wrong.push(format!("{}: nothing expects {case}{end}; delete it", folder.display()));
            }
        }
    }
}

// === impl Subject ===

impl Subject {
    /// A type that is in no registry, with its folder below this one.
    pub(super) fn elsewhere(row: &'static ProviderType, root: &'static Path) -> Self {
        Self(row, root)
    }

    pub(super) fn adapter(self) -> &'static dyn Adapter {
        self.0.adapter
    }

    /// A folder below that of the provider type.
    pub(super) fn folder(self, name: &str) -> PathBuf {
        self.1.join(self.0.name).join(name)
    }

    /// The settings of the fixtures.
    pub(super) fn settings(self) -> Settings {
        fs::read(self.folder("settings.json"))
            .map(|bytes| serde_json::from_slice(&bytes).expect("settings as an object of strings"))
            .unwrap_or_default()
    }

    /// The upstream model that a case asks. The longest beginning of its name counts.
    pub(super) fn model(self, case: &str) -> String {
        let models: BTreeMap<String, String> = fs::read(self.folder("upstream-models.json"))
            .map(|bytes| serde_json::from_slice(&bytes).expect("models as an object of strings"))
            .unwrap_or_default();
        let fits = models.iter().filter(|(start, _)| case.starts_with(*start));
        match (fits.max_by_key(|(start, _)| start.len()), self.0.endpoint) {
            (Some((_, model)), _) => model.clone(),
            (None, Endpoint::BuiltIn(_)) => "demo".to_owned(),
            (None, Endpoint::Url(_) | Endpoint::FromOperator | Endpoint::Named { .. }) => {
                "upstream-model".to_owned()
            }
        }
    }

    /// The cases of upstream streams.
    pub(super) fn streams(self) -> Vec<String> {
        let folder = self.folder("answers");
        let mut all = cases(&folder, TEXT);
        all.extend(cases(&folder, FRAMES));
        all.sort();
        all
    }

    /// The body of an upstream stream.
    pub(super) fn stream(self, case: &str) -> Vec<u8> {
        let frames = self.folder("answers").join(format!("{case}{FRAMES}"));
        if frames.exists() {
            return event_stream::encode(&read(&frames));
        }
        read(&self.folder("answers").join(format!("{case}{TEXT}")))
    }
}
