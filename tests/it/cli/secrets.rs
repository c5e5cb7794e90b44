//! Secrets come from files, the environment or standard input, and are shown only where that is asked for.

use serde_json::Value;

use super::{finish, must, run, sluicegate};
use crate::support::{ADMIN_KEY, FakeUpstream, chat_answer, start_gateway};

const SECRET: &str = "sk-upstream-0123456789abcdef";

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_comes_from_a_file_the_environment_or_standard_input() {
    let upstream = FakeUpstream::answering(chat_answer("Hello")).await;
    let gateway = start_gateway().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret");
    std::fs::write(&file, format!("{SECRET}\n")).expect("a file");
    let sources = [format!("apikey=@{}", file.display()), "apikey=env:MY_SECRET".into(), "apikey=-".into()];
    for (number, source) in sources.iter().enumerate() {
        let name = format!("p{number}");
        let mut command = sluicegate(&gateway.url);
        command.env("MY_SECRET", SECRET).args([
            "provider",
            "create",
            &name,
            "--type",
            "openai",
            "--credential",
            source,
        ]);
        command.args(["--base-url", &upstream.base_url, "-o", "json"]);
        let done = finish(command, &format!("{SECRET}\n")).await;
        assert_eq!(done.code, 0, "{source}: {done:?}");
        assert!(!format!("{done:?}").contains(SECRET), "{done:?}");
        assert_eq!(done.json()["credentialHint"]["apikey"], "...cdef");
        run(&gateway, &["provider", "test", &name]).await;
        let head = upstream.requests()[number].head.clone();
        assert!(head.contains(&format!("Bearer {SECRET}\r\n")), "{source}: {head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_as_a_flag_is_refused_and_not_repeated() {
    let gateway = start_gateway().await;
    let flags: [&[&str]; 6] = [
        &["provider", "create", "x", "--type", "openai", "--credential", "apikey=sk-plain-0123456789"],
        &["api-key", "create", "x", "--role", "user", "--secret", "sk-plain-0123456789"],
        &["api-key", "rotate", "x", "--secret", "sk-plain-0123456789"],
        &["api-key", "rotate", "x", "--secret=sk-plain-0123456789"],
        &["provider", "create", "x", "--type", "openai", "--connection-credential", "a=sk-plain-0123456789"],
        &["provider", "create", "x", "--type", "openai", "--credential=sk-plain-0123456789"],
    ];
    for arguments in flags {
        let done = run(&gateway, arguments).await;
        assert_eq!(done.code, 2, "{done:?}");
        let advice = ["never the secret itself", "NAME=@FILE"];
        assert!(advice.iter().any(|words| done.err.contains(words)), "{done:?}");
        assert!(!format!("{done:?}").contains("sk-plain"), "{done:?}");
    }
    let missing: [(&str, &str); 3] = [
        ("env:NOT_SET_ANYWHERE", "NOT_SET_ANYWHERE is not set"),
        ("@no/such", "no/such"),
        ("-", "it is empty"),
    ];
    for (source, words) in missing {
        let done = run(&gateway, &["api-key", "create", "x", "--role", "user", "--secret", source]).await;
        assert!(done.code == 2 && done.err.contains(words), "{source}: {done:?}");
    }
    // No flag takes the key of the caller.
    for noun in ["provider", "model", "api-key", "policy", "rate-limit", "tenant", "access"] {
        let help = must(&gateway, &[noun, "--help"]).await.out;
        assert!(!help.contains("--api-key ") && help.contains("SLUICEGATE_API_KEY"), "{help}");
        assert!(!help.contains(ADMIN_KEY), "{help}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_made_secret_is_alone_on_standard_output_and_opens_the_gateway() {
    let gateway = start_gateway().await;
    let made = must(&gateway, &["api-key", "create", "joe", "--role", "manage"]).await;
    assert_eq!(made.out.lines().count(), 1, "{made:?}");
    assert_eq!(made.err, "made API key \"joe\"; its secret, shown only now:\n");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("key");
    std::fs::write(&file, &made.out).expect("a file");
    // The file wins over the environment.
    let mut command = sluicegate(&gateway.url);
    command
        .env("SLUICEGATE_API_KEY", "wrong-key-0123456789")
        .args(["provider", "list", "--api-key-file"])
        .arg(&file);
    assert_eq!(finish(command, "").await.code, 0);
    // And the first variable over the second.
    let mut command = sluicegate(&gateway.url);
    command.env("SLUICEGATE_ADMIN_KEY", "wrong-key-0123456789").args(["provider", "list"]);
    assert_eq!(finish(command, "").await.code, 0);
    let mut command = sluicegate(&gateway.url);
    command
        .env_remove("SLUICEGATE_API_KEY")
        .env("SLUICEGATE_ADMIN_KEY", ADMIN_KEY)
        .args(["provider", "list"]);
    assert_eq!(finish(command, "").await.code, 0);

    let mut command = sluicegate(&gateway.url);
    command.args(["api-key", "create", "ann", "--role", "user", "--secret", "-", "--output", "json"]);
    let done = finish(command, "chosen-by-the-operator\n").await;
    let answer: Value = done.json();
    assert_eq!(answer["secret"], "chosen-by-the-operator", "{done:?}");
    assert_eq!(answer["apiKey"]["name"], "ann");
    assert_eq!(done.err, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_has_a_new_secret_and_the_old_one_for_a_while() {
    let gateway = start_gateway().await;
    let list = |secret: &str| {
        let mut command = sluicegate(&gateway.url);
        command.env("SLUICEGATE_API_KEY", secret.trim_end()).args(["model", "list"]);
        finish(command, "")
    };
    let first = must(&gateway, &["api-key", "create", "joe", "--role", "user"]).await.out;
    let second = must(&gateway, &["api-key", "rotate", "joe"]).await;
    assert_eq!(second.out.lines().count(), 1, "{second:?}");
    assert_eq!(second.err, "rotated API key \"joe\"; its secret, shown only now:\n");
    assert_eq!((list(&first).await.code, list(&second.out).await.code), (0, 0));
    let shown = must(&gateway, &["api-key", "get", "joe"]).await.out;
    assert!(shown.contains("previousSecretExpireTime:  "), "{shown}");

    let third = must(&gateway, &["api-key", "rotate", "joe", "--grace", "0", "-o", "json"]).await.json();
    let third = third["secret"].as_str().expect("a secret");
    let codes = (list(&first).await.code, list(&second.out).await.code, list(third).await.code);
    assert_eq!(codes, (5, 5, 0));
    let done = run(&gateway, &["api-key", "rotate", "joe", "--grace", "31d"]).await;
    assert_eq!(done.code, 2, "{done:?}");
}
