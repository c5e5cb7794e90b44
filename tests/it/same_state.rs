//! Every way to administer leads to the same state: the sections of `docs/administration.md`, each in a gateway of its
//! own, which then exports the same bytes.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    documents::blocks,
    peers::{path_with, peers},
    program::Gateway,
    support::ADMIN_KEY,
};

/// What the page wants to be set, beside the gateway's address and key.
const SECRETS: [(&str, &str); 3] = [
    ("UPSTREAM_KEY", "sk-upstream-0123456789"),
    ("VAULT_TOKEN", "vault-token-0123456789"),
    ("APP_KEY", "app-0123456789abcdef"),
];

/// The sections of the page by their headings.
fn sections() -> BTreeMap<String, String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/administration.md");
    let page = fs::read_to_string(page).expect("the page");
    let section = |text: &str| {
        let (heading, text) = text.split_once('\n').expect("a heading");
        (heading.to_owned(), text.to_owned())
    };
    page.split("\n## ").skip(1).map(section).collect()
}

/// The search path, with the gateway's program on it.
fn path(peers: Option<&Path>) -> std::ffi::OsString {
    let programs = Path::new(env!("CARGO_BIN_EXE_sluicegate")).parent().expect("a folder");
    let rest = peers.map_or_else(|| std::env::var_os("PATH").unwrap_or_default(), path_with);
    let folders = std::iter::once(PathBuf::from(programs)).chain(std::env::split_paths(&rest));
    std::env::join_paths(folders).expect("a search path")
}

/// Runs the shell blocks of a section; what the last one printed.
fn run(section: &str, gateway: &Gateway, peers: Option<&Path>) -> String {
    let mut printed = String::new();
    for block in blocks(section, "sh") {
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", &block]).stdin(Stdio::null());
        command.envs(SECRETS).env("KEY", ADMIN_KEY).env("PATH", path(peers));
        command.env("HOST", gateway.url.trim_start_matches("http://"));
        let output = command.output().expect("bash");
        printed = String::from_utf8(output.stdout).expect("text");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{block}\n{printed}\n{said}");
    }
    printed
}

#[test]
fn every_way_leads_to_the_same_state() {
    let peers = peers();
    let sections = sections();
    let folder = tempfile::tempdir().expect("a folder");
    let start = |name: &str, flags: &[&str]| Gateway::start_with(&folder.path().join(name), flags, &SECRETS);
    let export = |gateway: &Gateway| run(&sections["And back"], gateway, None);

    let fresh = export(&start("fresh", &[]));
    let mut exports = BTreeMap::new();
    for way in ["Command line", "gRPC", "REST"] {
        if way == "gRPC" && peers.is_none() {
            continue;
        }
        let gateway = start(way, &[]);
        run(&sections[way], &gateway, peers.as_deref());
        exports.insert(way, export(&gateway));
    }
    let seed = folder.path().join("seed.yaml");
    fs::write(&seed, &blocks(&sections["Seed file"], "yaml")[0]).expect("the seed");
    let flags = ["--config", seed.to_str().expect("a path")];
    exports.insert("Seed file", export(&start("seed", &flags)));
    // As often as it starts.
    exports.insert("Seed file again", export(&start("seed", &flags)));

    let expected = exports["Command line"].clone();
    for kind in [
        "updateTenant",
        "createSecretManager",
        "createProvider",
        "createModel",
        "createIssuer",
        "createApiKey",
        "createPolicy",
        "createRateLimit",
    ] {
        assert!(expected.contains(&format!("- {kind}:")), "{kind}: {expected}");
    }
    assert_ne!(expected, fresh);
    for (way, export) in exports {
        assert_eq!(export, expected, "{way}");
    }
    for (name, secret) in SECRETS {
        assert!(!expected.contains(secret), "{name}: {expected}");
    }
}
