use std::os::unix::fs::symlink;

use super::*;

fn lookup(name: &str) -> Option<String> {
    match name {
        "EMPTY" => Some(String::new()),
        "MISSING" => None,
        _ => Some(format!("value of {name}")),
    }
}

async fn read(local: &LocalSecrets, text: &str) -> Result<String> {
    match local.read(&Resource::read(text).unwrap()).await? {
        (Content::Text(text), _) => Ok(text.expose().to_owned()),
        (Content::Members(members), _) => panic!("{members:?}"),
    }
}

async fn refusal(local: &LocalSecrets, text: &str) -> Reason {
    read(local, text).await.expect_err(text).reason()
}

#[tokio::test]
async fn variables_are_read_that_the_start_names_and_no_others() {
    let names = ["OPENAI_KEY", "TEAM_*", "EMPTY", "MISSING", "SLUICEGATE_MASTER_KEY", "SLUICEGATE_*"];
    let local = LocalSecrets::new(names.map(str::to_owned).to_vec(), lookup, None);
    for name in ["OPENAI_KEY", "TEAM_", "TEAM_A"] {
        assert_eq!(read(&local, &format!("env:{name}")).await.unwrap(), format!("value of {name}"));
    }
    for name in ["OPENAI_KEY_2", "OPENAI", "TEAM", "PATH", "SLUICEGATE_MASTER_KEY", "SLUICEGATE_ADMIN_KEY"] {
        assert_eq!(refusal(&local, &format!("env:{name}")).await, Reason::SecretNotAllowed, "{name}");
    }
    for name in ["EMPTY", "MISSING"] {
        assert_eq!(refusal(&local, &format!("env:{name}")).await, Reason::SecretNotReadable, "{name}");
    }
    let all = LocalSecrets::new(vec!["*".to_owned()], lookup, None);
    assert_eq!(refusal(&all, "env:SLUICEGATE_ADMIN_KEY").await, Reason::SecretNotAllowed);
    assert_eq!(refusal(&LocalSecrets::default(), "env:OPENAI_KEY").await, Reason::SecretNotAllowed);
}

#[tokio::test]
async fn files_are_read_that_lie_below_the_folder_wherever_links_lead() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("secrets");
    fs::create_dir_all(folder.join("..2026/team")).unwrap();
    fs::create_dir_all(outer.path().join("secrets-of-others")).unwrap();
    fs::write(folder.join("..2026/team/key"), "sk-1\r\n").unwrap();
    fs::write(folder.join("plain"), " sk-2 \n\n").unwrap();
    fs::write(outer.path().join("secrets-of-others/key"), "not yours").unwrap();
    // As container platforms mount secrets.
    symlink("..2026", folder.join("..data")).unwrap();
    symlink("..data/team", folder.join("team")).unwrap();
    symlink(outer.path().join("secrets-of-others/key"), folder.join("out")).unwrap();
    symlink(outer.path().join("secrets-of-others"), folder.join("others")).unwrap();
    symlink(&folder, outer.path().join("link-to-secrets")).unwrap();
    for root in [folder.clone(), outer.path().join("link-to-secrets")] {
        let local = LocalSecrets::new(Vec::new(), lookup, Some(root));
        assert_eq!(read(&local, "file:team/key").await.unwrap(), "sk-1");
        assert_eq!(read(&local, "file:plain").await.unwrap(), " sk-2 \n", "one line end is not the secret's");
        let absolute = format!("file:{}", folder.join("plain").display());
        assert_eq!(read(&local, &absolute).await.unwrap(), " sk-2 \n");
        let elsewhere = format!("file:{}", outer.path().join("secrets-of-others/key").display());
        for text in
            ["file:out", "file:others/key", "file:team", "file:none", "file:/etc/hostname", &elsewhere]
        {
            let error = read(&local, text).await.unwrap_err();
            assert_eq!(error.reason(), Reason::SecretNotReadable, "{text}");
            assert!(error.message().ends_with("is no file below the folder of --secret-files"), "{error}");
        }
    }
    assert_eq!(refusal(&LocalSecrets::default(), "file:plain").await, Reason::SecretNotAllowed);
}

#[tokio::test]
async fn a_file_that_is_too_large_or_no_text_or_a_pipe_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let most = usize::try_from(MAX_FILE_BYTES).unwrap();
    fs::write(folder.path().join("most"), "x".repeat(most)).unwrap();
    fs::write(folder.path().join("more"), "x".repeat(most + 1)).unwrap();
    fs::write(folder.path().join("bytes"), [0xff, 0xfe]).unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap();
    assert!(pipe.success());
    let local = LocalSecrets::new(Vec::new(), lookup, Some(folder.path().to_owned()));
    assert_eq!(read(&local, "file:most").await.unwrap().len(), most);
    for name in ["more", "bytes", "pipe"] {
        assert_eq!(refusal(&local, &format!("file:{name}")).await, Reason::SecretNotReadable, "{name}");
    }
}
