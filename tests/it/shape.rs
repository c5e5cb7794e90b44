//! The shape of the house: floors, short files, pure translation. The table below is the architecture diagram.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Module -> floor. A file may import lower floors and its own module; on one floor, siblings do not see each other.
const FLOORS: &[(&str, u8)] = &[
    // 0: words. They may see each other.
    ("proto", 0),
    ("error", 0),
    ("file_watch", 0),
    ("config", 0),
    ("secret", 0),
    ("clock", 0),
    ("task", 0),
    ("renewal", 0),
    ("address", 0),
    ("private_file", 0),
    ("http", 0),
    ("metrics", 0),
    ("places", 0),
    // 1: wire formats, pure.
    ("wire", 1),
    // 2: siblings. `secrets` is what the two others keep sealed things in.
    ("secrets", 2),
    ("providers", 2),
    ("store", 2),
    // 3
    ("state", 3),
    ("upstream", 3),
    // 4
    ("gateway", 4),
    ("admin", 4),
    ("auth", 4),
    ("audit", 4),
    // 5: the edges. What both share lies below the two, what puts everything together above them.
    ("edge", 5),
    ("telemetry", 5),
    ("grpc", 6),
    ("rest", 6),
    ("app", 7),
    ("cli", 7),
    ("main", 8),
];

/// Imports beside the rule, each with its reason.
const EXCEPTIONS: &[(&str, &str, &str)] =
    &[("providers", "secrets", "a configured provider carries its credential, sealed")];

/// What pure files may not name.
const IMPURE: &[&str] =
    &["reqwest", "tokio", "std::time::Instant", "std::time::SystemTime", "std::env", "tracing"];

const MAX_LINES: usize = 600;

#[test]
fn imports_go_down() {
    let floors: BTreeMap<_, _> = FLOORS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let module = module_of(&path);
        let Some(&floor) = floors.get(module.as_str()) else {
            assert_eq!(module, "lib", "{module} has no floor");
            continue;
        };
        for imported in imports(&text) {
            let Some(&other) = floors.get(imported.as_str()) else { continue };
            let sibling = other == floor && floor != 0 && imported != module;
            let excepted = EXCEPTIONS.iter().any(|(from, to, _)| *from == module && *to == imported);
            if (other > floor || sibling) && !excepted {
                wrong.push(format!("{} (floor {floor}) imports {imported} (floor {other})", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_stay_short() {
    let long: Vec<_> = sources()
        .into_iter()
        .filter(|(_, text)| text.lines().count() > MAX_LINES)
        .map(|(path, text)| format!("{}: {} lines", path.display(), text.lines().count()))
        .collect();
    assert!(long.is_empty(), "over {MAX_LINES} lines: {long:#?}");
}

#[test]
fn translation_is_pure() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        if !matches!(module_of(&path).as_str(), "wire" | "providers") || path.ends_with("tests.rs") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            if line.contains("#[cfg(test)]") {
                break;
            }
            let code = line.split("//").next().unwrap_or_default();
            if let Some(word) = IMPURE.iter().find(|word| code.contains(*word)) {
                wrong.push(format!("{}:{} names {word}", path.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Every source file with its text.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("server")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("text");
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 20, "the sources are there");
    found
}

/// The top-level module that a file belongs to.
fn module_of(path: &Path) -> String {
    let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("server");
    let first = path.strip_prefix(server).expect("below server").components().next().expect("a name");
    first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// The top-level modules that a file names after `crate::`, alone or in a group.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (start, _) in text.match_indices("crate::") {
        let rest = &text[start + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => found.push(first_word(rest)),
            Some(group) => found.extend(group_heads(group)),
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

/// The first word of each member of `{a::b, c::{d, e}}`, whose opening brace is gone.
fn group_heads(group: &str) -> Vec<String> {
    let (mut heads, mut depth, mut member) = (Vec::new(), 0, String::new());
    for letter in group.chars() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(first_word(std::mem::take(&mut member).trim())),
            _ => {}
        }
        if depth == 0 && !matches!(letter, ',' | '{' | '}') {
            member.push(letter);
        }
    }
    heads.push(first_word(member.trim()));
    heads
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}
