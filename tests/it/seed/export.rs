//! The laws of the export.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use super::{Gateway, VARIABLES, program, root, run};

/// The variables that an export of `full.yaml` names, and what they stand for.
const EXPORTED: [(&str, &str); 9] = [
    ("SLUICEGATE_SECRET_MANAGER_HUB_PASSWORD", VARIABLES[7].1),
    ("SLUICEGATE_SECRET_MANAGER_VAULT__EU__ROLE_ID", "role-0123456789"),
    ("SLUICEGATE_SECRET_MANAGER_VAULT__EU__SECRET_ID", VARIABLES[6].1),
    ("SLUICEGATE_PROVIDER_EAST__EU__APIKEY", VARIABLES[0].1),
    ("SLUICEGATE_PROVIDER_EAST__EU__PROXY_PASSWORD", VARIABLES[2].1),
    ("SLUICEGATE_PROVIDER_EAST__EU__PROXY_USERNAME", "gateway"),
    ("SLUICEGATE_PROVIDER_WEST_APIKEY", VARIABLES[1].1),
    ("SLUICEGATE_API_KEY_ANALYST_SECRET", VARIABLES[4].1),
    ("SLUICEGATE_API_KEY_C_I__SECRET", VARIABLES[3].1),
];

fn start(data: &Path, seed: &Path) -> Gateway {
    Gateway::start(data, &["--config", seed.to_str().expect("UTF-8")], &EXPORTED)
}

fn export(gateway: &Gateway, format: &str) -> String {
    let (content, exported, errors) = gateway.export(&["--format", format]);
    assert!(content, "{errors}");
    exported
}

#[tokio::test]
async fn what_is_exported_makes_the_same_elsewhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = start(&folder.path().join("first"), &root().join("tests/it/seed/full.yaml"));
    for format in ["yaml", "json"] {
        let exported = export(&first, format);
        let seed = folder.path().join(format!("seed.{format}"));
        fs::write(&seed, &exported).expect("the file");
        let second = start(&folder.path().join(format), &seed);
        assert_eq!(export(&second, format), exported);
        for (kind, count) in [
            ("secret-managers", 3),
            ("providers", 5),
            ("models", 5),
            ("issuers", 1),
            ("policies", 4),
            ("rate-limits", 4),
        ] {
            let list = second.read(&format!("/sluicegate/v1/{kind}")).await;
            let list = list.as_object().expect("an object").values().next().expect("a list");
            assert_eq!(list.as_array().expect("a list").len(), count, "{kind}: {list:#}");
        }
    }
}

#[tokio::test]
async fn what_is_exported_changes_nothing_where_it_comes_from() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let gateway = start(&data, &root().join("tests/it/seed/full.yaml"));
    let before = gateway.everything().await;
    let seed = folder.path().join("seed.yaml");
    fs::write(&seed, export(&gateway, "yaml")).expect("the file");
    drop(gateway);
    let gateway = start(&data, &seed);
    let line = gateway.logs("the seed file was applied");
    assert!(line.contains("\"changes\":0"), "{line}");
    assert_eq!(gateway.everything().await, before);
}

#[tokio::test]
async fn an_export_holds_no_secret_and_no_id_and_names_every_variable() {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = start(&folder.path().join("data"), &root().join("tests/it/seed/full.yaml"));
    let exported = export(&gateway, "yaml");
    for (_, secret) in VARIABLES {
        assert!(!exported.contains(secret), "{exported}");
    }
    for (name, _) in EXPORTED {
        let comment = exported.lines().any(|line| line.starts_with(&format!("#   {name}: ")));
        assert!(comment && exported.contains(&format!("${{{name}}}")), "{name} in {exported}");
    }
    for word in
        ["createTime", "updateTime", "etag", "credentialHint", "hint", "\n    id:", "bootstrap-admin\n"]
    {
        assert!(!exported.contains(word), "{word} in {exported}");
    }
    for listed in gateway.everything().await {
        let id =
            listed.pointer("/tenant/id").or_else(|| listed.as_object()?.values().next()?.pointer("/0/id"));
        assert!(!exported.contains(id.expect("an id").as_str().expect("text")), "{exported}");
    }
    assert!(!exported.contains("role-0123456789"), "{exported}");
    assert!(exported.contains("manager: Vault (EU)"), "{exported}");
}

#[tokio::test]
async fn a_seed_is_applied_though_no_secret_manager_answers() {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = start(&folder.path().join("data"), &root().join("tests/it/seed/full.yaml"));
    let providers = gateway.read("/sluicegate/v1/providers").await;
    let managers = gateway.read("/sluicegate/v1/secret-managers").await;
    let kept = providers["providers"].as_array().expect("a list").iter().find(|one| one["name"] == "kept");
    let reference = &kept.expect("the provider")["credential"]["reference"];
    let vault =
        managers["secretManagers"].as_array().expect("a list").iter().find(|one| one["name"] == "Vault (EU)");
    assert_eq!(reference["manager"], vault.expect("the secret manager")["id"]);
    assert_eq!(reference["names"]["apikey"], "openai_key");
}

#[tokio::test]
async fn what_cannot_be_said_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let seed = folder.path().join("seed.yaml");
    let text = "- createProvider: {provider: {name: p, type: demo}}\n\
                - createModel: {model: {provider: p, upstreamId: m}}\n\
                - createPolicy: {policy: {subject: g, action: POLICY_ACTION_READ, resource: 'model:m'}}\n";
    fs::write(&seed, text).expect("the file");
    let gateway = start(&folder.path().join("data"), &seed);
    let twin = reqwest::Client::new()
        .post(format!("{}/sluicegate/v1/models", gateway.url))
        .bearer_auth(crate::support::ADMIN_KEY)
        .body("{\"model\": {\"provider\": \"p\", \"upstreamId\": \"m\"}}");
    assert_eq!(twin.send().await.expect("an answer").status(), 201);
    let exported = export(&gateway, "yaml");
    let told: Vec<_> = exported.lines().skip_while(|line| !line.contains("left out")).collect();
    assert!(told[1].starts_with("#   model ") && told[1].contains("alias of its own"), "{exported}");
    assert!(told[2].starts_with("#   policy ") && told[2].contains("no name of its own"), "{exported}");
    assert!(!exported.contains("createPolicy"));
}

#[tokio::test]
async fn a_file_is_for_its_owner_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = start(&folder.path().join("data"), &root().join("examples/team.seed.yaml"));
    let path = folder.path().join("out.yaml");
    let (content, out, errors) = gateway.export(&["--output", path.to_str().expect("UTF-8")]);
    assert!(content && out.is_empty(), "{errors}");
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_to_string(&path).expect("text"), export(&gateway, "yaml"));
}

#[tokio::test]
async fn a_file_in_the_current_folder_needs_no_path() {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = start(&folder.path().join("data"), &root().join("examples/team.seed.yaml"));
    let mut command = program();
    command.current_dir(folder.path()).args(["export", "--server", &gateway.url, "--output", "out.yaml"]);
    let (content, out, errors) = run(&mut command);
    assert!(content && out.is_empty(), "{errors}");
    assert_eq!(fs::read_to_string(folder.path().join("out.yaml")).expect("text"), export(&gateway, "yaml"));
}
