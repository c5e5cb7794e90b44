//! Secret managers, references to what they keep, and issuers, from the command line.

use super::{finish, must, run, sluicegate, tables::print};
use crate::support::start_gateway;

const TOKEN: &str = "vault-token-0123456789";

#[tokio::test(flavor = "multi_thread")]
async fn secret_managers_are_shown_as_tables_and_details() {
    let gateway = start_gateway().await;
    let mut command = sluicegate(&gateway.url);
    command.args([
        "secret-manager",
        "create",
        "vault",
        "--type",
        "vault",
        "--address",
        "https://vault.invalid:8200",
    ]);
    command.args([
        "--namespace",
        "team",
        "--mount",
        "kv",
        "--cache-time",
        "1m30s",
        "--credential",
        "token=-",
    ]);
    command.args([
        "--rule",
        "prefix=vault:a,host=api.openai.com,host=*.example.com,group=blue",
        "--rule",
        "prefix=vault:b",
    ]);
    let done = finish(command, &format!("{TOKEN}\n")).await;
    assert_eq!(done.code, 0, "{done:?}");
    assert!(!format!("{done:?}").contains(TOKEN), "{done:?}");
    print(
        &gateway,
        &[
            (
                &["secret-manager", "get", "vault"],
                "id:                    ####################################\n\
                 name:                  vault\n\
                 rules.prefix:          vault:a\n\
                 rules.hosts:           api.openai.com, *.example.com\n\
                 rules.groups:          blue\n\
                 rules.prefix:          vault:b\n\
                 cacheTime:             90s\n\
                 createTime:            YYYY-MM-DDThh:mm:ssZ\n\
                 updateTime:            YYYY-MM-DDThh:mm:ssZ\n\
                 etag:                  *\n\
                 credentialHint.token:  ...6789\n\
                 vault.address:         https://vault.invalid:8200\n\
                 vault.namespace:       team\n\
                 vault.mount:           kv\n",
            ),
            (
                &["secret-manager", "create", "ibm", "--type", "ibm", "--secret-reference", "file:ibm"],
                "id:                             ####################################\n\
                 name:                           ibm\n\
                 credential.reference.resource:  file:ibm\n\
                 createTime:                     YYYY-MM-DDThh:mm:ssZ\n\
                 updateTime:                     YYYY-MM-DDThh:mm:ssZ\n\
                 etag:                           *\n\
                 ibmSecretsManager:              yes\n",
            ),
            (
                &["secret-manager", "list"],
                "NAME   VAULT                       IBM CLOUD  SOFTWARE HUB  CREATED               ID\n\
                 ibm    -                           yes        -             YYYY-MM-DDThh:mm:ssZ  ####################################\n\
                 vault  https://vault.invalid:8200  -          -             YYYY-MM-DDThh:mm:ssZ  ####################################\n",
            ),
            (
                &["secret-manager", "update", "vault", "--rule", "", "--namespace", "", "--stale-time", "1h"],
                "id:                    ####################################\n\
                 name:                  vault\n\
                 cacheTime:             90s\n\
                 staleTime:             3600s\n\
                 createTime:            YYYY-MM-DDThh:mm:ssZ\n\
                 updateTime:            YYYY-MM-DDThh:mm:ssZ\n\
                 etag:                  *\n\
                 credentialHint.token:  ...6789\n\
                 vault.address:         https://vault.invalid:8200\n\
                 vault.mount:           kv\n",
            ),
            (&["secret-manager", "delete", "ibm"], "deleted secret manager \"ibm\"\n"),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_refers_to_a_secret_instead_of_having_it() {
    let gateway = start_gateway().await;
    for name in ["blue", "green"] {
        let create =
            ["secret-manager", "create", name, "--type", "vault", "--address", "https://vault.invalid"];
        let mut command = sluicegate(&gateway.url);
        command.args(create).args(["--credential", "token=-"]);
        let made = finish(command, &format!("{TOKEN}\n")).await;
        assert_eq!(made.code, 0, "{made:?}");
    }
    let create =
        ["provider", "create", "east", "--type", "openai", "--secret-reference", "vault:team/openai"];
    // Both could keep it.
    let refused = run(&gateway, &create).await;
    assert!(refused.code == 2 && refused.err.contains("several secret managers fit: "), "{refused:?}");
    let named = ["--secret-manager", "green", "--secret-name", "apikey=openai_key", "-o", "json"];
    let made = must(&gateway, &[&create[..], &named].concat()).await.json();
    let green = must(&gateway, &["secret-manager", "get", "green", "-o", "json"]).await.json();
    let reference = &made["credential"]["reference"];
    assert_eq!(reference["manager"], green["id"]);
    assert_eq!(reference["names"]["apikey"], "openai_key");
    // What is not said stays, and secrets take the place of a reference.
    let labelled =
        must(&gateway, &["provider", "update", "east", "--label", "a=b", "-o", "json"]).await.json();
    assert_eq!(labelled["credential"], made["credential"]);
    let used = run(&gateway, &["secret-manager", "delete", "blue", "green"]).await;
    assert!(used.code == 4 && used.out.contains("blue") && used.err.contains("east"), "{used:?}");
    let mut command = sluicegate(&gateway.url);
    command.args(["provider", "update", "east", "--credential", "apikey=-", "-o", "json"]);
    let done = finish(command, "sk-0123456789abcdef\n").await;
    assert_eq!(done.json()["credentialHint"]["apikey"], "...cdef", "{done:?}");
    assert!(done.json()["credential"].is_null(), "{done:?}");
    must(&gateway, &["secret-manager", "delete", "green"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_of_secret_managers_and_issuers_that_say_nothing_are_refused() {
    let gateway = start_gateway().await;
    let ibm = ["secret-manager", "create", "x", "--type", "ibm", "--secret-reference", "env:KEY"];
    let vault = ["secret-manager", "create", "x", "--type", "vault", "--address", "https://vault.invalid"];
    let issuer = ["issuer", "create", "x", "--issuer-url", "https://id.invalid", "--audience", "a"];
    let provider = ["provider", "create", "x", "--type", "openai"];
    let wrong: [(&[&str], &[&str], &str); 9] = [
        (&ibm, &["--mount", "kv"], "--mount does not go with the type"),
        (&vault, &["--private-endpoint"], "--private-endpoint does not go with the type"),
        (&vault, &["--credential", "token=secret"], "never the secret itself"),
        (&vault, &["--rule", "prefx=a"], "is no part of a rule"),
        (&vault, &["--rule", "prefix=a,prefix=b"], "is no part of a rule"),
        (&issuer, &["--role", "g=owner"], "admin, manage, user or audit"),
        (&issuer, &["--role", "admin"], "give GROUP=ROLE"),
        (&provider, &["--secret-manager", "vault"], "--secret-reference"),
        (&provider, &["--secret-reference", "env:A", "--credential", "apikey=-"], "cannot be used with"),
    ];
    for (command, more, words) in wrong {
        let done = run(&gateway, &[command, more].concat()).await;
        assert!(done.code == 2 && done.err.contains(words), "{more:?}: {done:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn issuers_are_shown_as_tables_and_details() {
    let gateway = start_gateway().await;
    let create: &[&str] = &[
        "issuer",
        "create",
        "corp",
        "--issuer-url",
        "https://id.invalid/corp",
        "--audience",
        "gateway",
        "--required-claim",
        "account.bss=0123",
        "--role",
        "admins=admin",
        "--role",
        "watchers=audit",
        "--default-role",
        "user",
        "--group-prefix",
        "corp:",
        "--disabled",
    ];
    print(
        &gateway,
        &[
            (
                create,
                "id:                          ####################################\n\
                 name:                        corp\n\
                 issuerUrl:                   https://id.invalid/corp\n\
                 audiences:                   gateway\n\
                 requiredClaims.account.bss:  0123\n\
                 groupPrefix:                 corp:\n\
                 roles.group:                 admins\n\
                 roles.role:                  admin\n\
                 roles.group:                 watchers\n\
                 roles.role:                  audit\n\
                 defaultRole:                 user\n\
                 disabled:                    true\n\
                 createTime:                  YYYY-MM-DDThh:mm:ssZ\n\
                 updateTime:                  YYYY-MM-DDThh:mm:ssZ\n\
                 etag:                        *\n",
            ),
            (
                &["issuer", "list"],
                "NAME  ISSUER URL               AUDIENCES  DISABLED  CREATED               ID\n\
                 corp  https://id.invalid/corp  gateway    true      YYYY-MM-DDThh:mm:ssZ  ####################################\n",
            ),
            (
                &[
                    "issuer", "update", "corp", "--role", "", "--default-role", "", "--group-prefix", "", "--algorithm",
                    "ES256", "--required-claim", "account.bss=", "--disabled=false",
                ],
                "id:          ####################################\n\
                 name:        corp\n\
                 issuerUrl:   https://id.invalid/corp\n\
                 audiences:   gateway\n\
                 algorithms:  ES256\n\
                 createTime:  YYYY-MM-DDThh:mm:ssZ\n\
                 updateTime:  YYYY-MM-DDThh:mm:ssZ\n\
                 etag:        *\n",
            ),
            (&["issuer", "delete", "corp"], "deleted issuer \"corp\"\n"),
        ],
    )
    .await;
}
