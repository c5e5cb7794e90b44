//! What people read: every verb of every noun, to the letter.

use serde_json::{Value, json};

use super::{must, run};
use crate::support::{FakeUpstream, TestGateway, json_answer, start_gateway, start_gateway_with};

/// A text with ids, times and etags made equal; the columns stay where they are.
pub fn masked(text: &str) -> String {
    let mask = |token: &str| {
        let (kind, id) = token.rsplit_once(':').map_or(("", token), |(kind, id)| (kind, id));
        if uuid::Uuid::parse_str(id).is_ok() {
            let colon = if token.contains(':') { ":" } else { "" };
            return format!("{kind}{colon}{}", "#".repeat(36));
        }
        let is_time = token.len() == 20 && token.ends_with('Z') && token.as_bytes()[10] == b'T';
        if is_time { "YYYY-MM-DDThh:mm:ssZ".to_owned() } else { token.to_owned() }
    };
    let line = |line: &str| match line.split_once("etag:") {
        Some((before, etag)) => {
            format!("{before}etag:{}*\n", " ".repeat(etag.len() - etag.trim_start().len()))
        }
        None => line.split(' ').map(mask).collect::<Vec<_>>().join(" ") + "\n",
    };
    text.lines().map(line).collect()
}

/// Runs commands in turn; each prints exactly this, and nothing beside it.
pub async fn print(gateway: &TestGateway, commands: &[(&[&str], &str)]) {
    for (arguments, expected) in commands {
        let done = must(gateway, arguments).await;
        assert_eq!(masked(&done.out), *expected, "{arguments:?}");
        assert_eq!(done.err, "", "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn providers_are_shown_as_tables_and_details() {
    let gateway = start_gateway().await;
    let create: &[&str] = &[
        "provider",
        "create",
        "east",
        "--type",
        "azure-openai",
        "--base-url",
        "http://127.0.0.1:9",
        "--setting",
        "api_version=v1",
        "--header",
        "x-team=blue",
        "--label",
        "zone=東京",
    ];
    print(
        &gateway,
        &[
            (&["provider", "list"], "NAME  TYPE  BASE URL  CREATED  ID\n"),
            (
                &["provider", "create", "demo", "--type", "demo"],
                "id:          ####################################\n\
                 name:        demo\n\
                 type:        demo\n\
                 createTime:  YYYY-MM-DDThh:mm:ssZ\n\
                 updateTime:  YYYY-MM-DDThh:mm:ssZ\n\
                 etag:        *\n",
            ),
        ],
    )
    .await;
    let refused = run(&gateway, create).await;
    assert!(refused.code == 2 && refused.err.contains("apikey"), "{refused:?}");
    let mut command = super::sluicegate(&gateway.url);
    command.args(create).args(["--credential", "apikey=-"]);
    let done = super::finish(command, "sk-0123456789abcdef\n").await;
    assert_eq!(done.code, 0, "{done:?}");
    print(
        &gateway,
        &[
            (
                &["provider", "get", "east"],
                "id:                     ####################################\n\
                 name:                   east\n\
                 type:                   azure-openai\n\
                 baseUrl:                http://127.0.0.1:9\n\
                 settings.api_version:   v1\n\
                 headers.x-team:         blue\n\
                 labels.zone:            東京\n\
                 createTime:             YYYY-MM-DDThh:mm:ssZ\n\
                 updateTime:             YYYY-MM-DDThh:mm:ssZ\n\
                 etag:                   *\n\
                 credentialHint.apikey:  ...cdef\n",
            ),
            (
                &["provider", "list"],
                "NAME  TYPE          BASE URL            CREATED               ID\n\
                 demo  demo          -                   YYYY-MM-DDThh:mm:ssZ  ####################################\n\
                 east  azure-openai  http://127.0.0.1:9  YYYY-MM-DDThh:mm:ssZ  ####################################\n",
            ),
            (
                &["provider", "update", "demo", "--name", "show", "--label", "a=b"],
                "id:          ####################################\n\
                 name:        show\n\
                 type:        demo\n\
                 labels.a:    b\n\
                 createTime:  YYYY-MM-DDThh:mm:ssZ\n\
                 updateTime:  YYYY-MM-DDThh:mm:ssZ\n\
                 etag:        *\n",
            ),
            (&["provider", "available-models", "show"], "ID    OWNED BY    CREATED\ndemo  sluicegate  YYYY-MM-DDThh:mm:ssZ\n"),
            (&["provider", "delete", "show", "east"], "deleted provider \"show\"\ndeleted provider \"east\"\n"),
            (&["provider", "list"], "NAME  TYPE  BASE URL  CREATED  ID\n"),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_is_tested_and_its_type_is_known() {
    let models = json_answer(200, r#"{"object": "list", "data": [{"id": "tiny", "object": "model"}]}"#);
    let upstream = FakeUpstream::answering(models).await;
    let gateway = start_gateway().await;
    gateway.add_upstream("good", &upstream.base_url, "m").await;
    gateway.add_upstream("bad", "http://127.0.0.1:1/v1", "n").await;
    let good = must(&gateway, &["provider", "test", "good"]).await;
    assert!(good.out.starts_with("ok:"), "{good:?}");
    let bad = run(&gateway, &["provider", "test", "bad"]).await;
    assert_eq!(bad.code, 1, "{bad:?}");
    assert!(bad.out.starts_with("ok:       false\nmessage:  could not connect"), "{bad:?}");
    assert!(
        bad.out.contains("fault:    provider\n") && bad.err.starts_with("error: the test failed: "),
        "{bad:?}"
    );

    let types = must(&gateway, &["provider", "types"]).await.out;
    let bedrock = types.lines().find(|line| line.starts_with("bedrock ")).expect("a row");
    assert!(
        bedrock.contains("AWS Bedrock") && bedrock.ends_with("secret_access_key, session_token, apikey"),
        "{bedrock}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_shown_as_tables_and_details() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    must(&gateway, &["model", "delete", "demo"]).await;
    print(
        &gateway,
        &[
            (
                &[
                    "model", "create", "demo", "--provider", "demo", "--alias", "schnell/größer", "--weight", "2",
                    "--description", "two\nlines", "--metadata", "cost=0.1", "--metadata", "family=tiny",
                ],
                "id:                   ####################################\n\
                 provider:             ####################################\n\
                 upstreamId:           demo\n\
                 alias:                schnell/größer\n\
                 weight:               2\n\
                 description:          two\\nlines\n\
                 metadataJson.cost:    0.1\n\
                 metadataJson.family:  \"tiny\"\n\
                 createTime:           YYYY-MM-DDThh:mm:ssZ\n\
                 updateTime:           YYYY-MM-DDThh:mm:ssZ\n\
                 etag:                 *\n\
                 providerName:         demo\n\
                 providerType:         demo\n",
            ),
            (
                &["model", "update", "schnell/größer", "--alias", "", "--metadata", "cost=", "--description="],
                "id:                   ####################################\n\
                 provider:             ####################################\n\
                 upstreamId:           demo\n\
                 weight:               2\n\
                 metadataJson.family:  \"tiny\"\n\
                 createTime:           YYYY-MM-DDThh:mm:ssZ\n\
                 updateTime:           YYYY-MM-DDThh:mm:ssZ\n\
                 etag:                 *\n\
                 providerName:         demo\n\
                 providerType:         demo\n",
            ),
            (
                &["model", "list", "--provider", "demo"],
                "ALIAS  UPSTREAM ID  PROVIDER  WEIGHT  CREATED               ID\n\
                 -      demo         demo      2       YYYY-MM-DDThh:mm:ssZ  ####################################\n",
            ),
            (&["model", "delete", "demo"], "deleted model \"demo\"\n"),
            (&["model", "list"], "ALIAS  UPSTREAM ID  PROVIDER  WEIGHT  CREATED  ID\n"),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_shown_without_their_secrets() {
    let gateway = start_gateway().await;
    let made =
        must(&gateway, &["api-key", "create", "zoë", "--role", "user", "--group", "a", "--group", "b"]).await;
    let hint = &made.out.trim_end()[made.out.len() - 5..];
    let created = format!(
        "NAME             ROLE   GROUPS  DISABLED  EXPIRES               HINT  ID\n\
         bootstrap-admin  admin  -       -         -                     6789  {0}\n\
         zoë              user   a, b    true      YYYY-MM-DDThh:mm:ssZ  {hint}  {0}\n",
        "#".repeat(36)
    );
    print(
        &gateway,
        &[
            (
                &["api-key", "update", "zoë", "--disabled", "--expires", "2999-01-31T12:00:00+02:00"],
                &format!(
                    "id:          ####################################\n\
                     name:        zoë\n\
                     role:        user\n\
                     disabled:    true\n\
                     expireTime:  YYYY-MM-DDThh:mm:ssZ\n\
                     hint:        {hint}\n\
                     groups:      a, b\n\
                     createTime:  YYYY-MM-DDThh:mm:ssZ\n\
                     updateTime:  YYYY-MM-DDThh:mm:ssZ\n\
                     etag:        *\n"
                ),
            ),
            (&["api-key", "list"], &created),
            (
                &[
                    "api-key",
                    "update",
                    "zoë",
                    "--disabled=false",
                    "--expires",
                    "never",
                    "--group",
                    "",
                    "--name",
                    "zoë 2",
                    "--role",
                    "manage",
                ],
                &format!(
                    "id:          ####################################\n\
                     name:        zoë 2\n\
                     role:        manage\n\
                     hint:        {hint}\n\
                     createTime:  YYYY-MM-DDThh:mm:ssZ\n\
                     updateTime:  YYYY-MM-DDThh:mm:ssZ\n\
                     etag:        *\n"
                ),
            ),
            (&["api-key", "delete", "zoë 2"], "deleted API key \"zoë 2\"\n"),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_shown_as_tables_and_details() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let policy = "id:          ####################################\n\
                  subject:     team-a\n\
                  action:      read\n\
                  resource:    model:####################################\n\
                  effect:      deny\n\
                  createTime:  YYYY-MM-DDThh:mm:ssZ\n\
                  updateTime:  YYYY-MM-DDThh:mm:ssZ\n\
                  etag:        *\n";
    let create: &[&str] = &[
        "policy",
        "create",
        "--subject",
        "team-a",
        "--action",
        "read",
        "--resource",
        "model:demo",
        "--effect",
        "deny",
    ];
    print(&gateway, &[(create, policy)]).await;
    let again = must(&gateway, create).await;
    assert_eq!(
        (masked(&again.out).as_str(), again.err.as_str()),
        (policy, "the same policy was there already\n")
    );
    let id = must(&gateway, &["policy", "list", "--output", "json"]).await.json()[0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    must(&gateway, &["api-key", "create", "ann", "--role", "user", "--group", "team-a"]).await;
    let explain =
        must(&gateway, &["access", "explain", "ann", "--permission", "infer", "--resource", "model:demo"])
            .await;
    let said = masked(&explain.out);
    assert!(said.starts_with("allowed:   false\nrule:      denied\npolicyId:  ####"), "{said}");
    print(
        &gateway,
        &[
            (&["policy", "get", &id], policy),
            (
                &["policy", "update", &id, "--effect", "allow", "--action", "write"],
                &policy.replace("read", "write").replace("deny", "allow"),
            ),
            (
                &["policy", "list"],
                "SUBJECT  ACTION  RESOURCE                                    EFFECT  CREATED               ID\n\
                 team-a   write   model:####################################  allow   YYYY-MM-DDThh:mm:ssZ  ####################################\n",
            ),
        ],
    )
    .await;
    let gone = must(&gateway, &["policy", "delete", &id]).await;
    assert_eq!(gone.out, format!("deleted policy \"{id}\"\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rate_limits_are_shown_as_tables_and_details() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    print(
        &gateway,
        &[(
            &[
                "rate-limit",
                "create",
                "--type",
                "model",
                "--model",
                "demo",
                "--requests",
                "15/1m",
                "--token-capacity",
                "9",
                "--tokens",
                "8/1h30m",
            ],
            "id:                ####################################\n\
             type:              model\n\
             model:             ####################################\n\
             request.amount:    15\n\
             request.capacity:  15\n\
             request.duration:  1m\n\
             token.amount:      8\n\
             token.capacity:    9\n\
             token.duration:    1h30m\n\
             createTime:        YYYY-MM-DDThh:mm:ssZ\n\
             updateTime:        YYYY-MM-DDThh:mm:ssZ\n\
             etag:              *\n",
        )],
    )
    .await;
    let id = must(&gateway, &["rate-limit", "list", "--output", "json"]).await.json()[0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    print(
        &gateway,
        &[
            (
                &["rate-limit", "update", &id, "--tokens", "", "--request-capacity", "20"],
                "id:                ####################################\n\
                 type:              model\n\
                 model:             ####################################\n\
                 request.amount:    15\n\
                 request.capacity:  20\n\
                 request.duration:  1m\n\
                 createTime:        YYYY-MM-DDThh:mm:ssZ\n\
                 updateTime:        YYYY-MM-DDThh:mm:ssZ\n\
                 etag:              *\n",
            ),
            (
                &["rate-limit", "list"],
                "TYPE   PROVIDER  MODEL                                 REQUESTS           TOKENS  ID\n\
                 model  -         ####################################  15/1m, at most 20  -       ####################################\n",
            ),
        ],
    )
    .await;
    let gone = must(&gateway, &["rate-limit", "delete", &id]).await;
    assert_eq!(gone.out, format!("deleted rate limit \"{id}\"\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tenant_is_shown_changed_and_forgotten() {
    let gateway = start_gateway().await;
    let plain = "id:    ####################################\nname:  default\netag:  *\n";
    print(
        &gateway,
        &[
            (&["tenant", "get"], plain),
            (
                &["tenant", "update", "--name", "Über", "--label", "a=b"],
                "id:          ####################################\n\
                 name:        Über\n\
                 labels.a:    b\n\
                 createTime:  YYYY-MM-DDThh:mm:ssZ\n\
                 updateTime:  YYYY-MM-DDThh:mm:ssZ\n\
                 etag:        *\n",
            ),
            (&["tenant", "delete"], "deleted the tenant's name and labels\n"),
            (
                &["tenant", "get"],
                "id:          ####################################\n\
                 name:        default\n\
                 createTime:  YYYY-MM-DDThh:mm:ssZ\n\
                 updateTime:  YYYY-MM-DDThh:mm:ssZ\n\
                 etag:        *\n",
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_read_to_their_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let seed = folder.path().join("seed.json");
    let provider = json!({"createProvider": {"provider": {"name": "demo", "type": "demo"}}});
    let model =
        |number| json!({"createModel": {"model": {"provider": "demo", "upstreamId": format!("m{number}")}}});
    let requests: Vec<_> = std::iter::once(provider).chain((0..1001).map(model)).collect();
    std::fs::write(&seed, Value::from(requests).to_string()).expect("the seed");
    let gateway = start_gateway_with(&["--config", seed.to_str().expect("a path")]).await;
    let list = must(&gateway, &["model", "list"]).await.out;
    assert_eq!(list.lines().count(), 1 + 1001);
}
