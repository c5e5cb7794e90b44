//! What has happened to other gateways, each with the tests that hold it off here. Those that belong to a part of the
//! gateway stand with it; the others stand below.

use std::{fs, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sluicegate_client::v1::{AccessRole, Connection};

use crate::{
    authority::Authority,
    faults::reason,
    rest::sent,
    support::{ADMIN_KEY, FakeUpstream, Step, TestGateway, chat, chat_answer, start_gateway},
};

/// An incident, and the tests that are named after it or hold its law.
const INCIDENTS: &[(&str, &[&str])] = &[
    (
        "SQL in an API key reads the database (CVE-2026-42208)",
        &[
            "incidents::cve_2026_42208_sql_in_a_key_finds_nothing",
            "incidents::cve_2026_42208_no_sql_is_near_the_keys_and_none_is_made_of_texts",
        ],
    ),
    (
        "a user makes itself administrator (CVE-2026-47101)",
        &[
            "incidents::cve_2026_47101_no_caller_makes_a_key_that_may_more_than_its_own",
            "permissions::policies::a_manager_gives_only_what_it_has",
        ],
    ),
    (
        "a stranger changes a team by its id (GHSA-qqcv-vg9f-5rr3)",
        &[
            "permissions::hidden::ghsa_qqcv_vg9f_5rr3_a_hidden_resource_is_answered_as_one_that_is_not_there",
            "permissions::matrix::every_role_may_what_the_table_says_on_both_edges",
            "permissions::matrix::every_rpc_stands_in_the_table_with_its_permission",
        ],
    ),
    (
        "a caller sends the provider's key to a host of its own (CVE-2024-6587)",
        &[
            "incidents::cve_2024_6587_no_caller_names_the_host_that_gets_the_providers_key",
            "admin::upstreams::a_stored_credential_never_moves_to_another_host",
            "bad_input::a_base_url_that_no_provider_can_have_is_refused_on_both_edges",
        ],
    ),
    (
        "a package was replaced by one with a back door (litellm 1.82.7)",
        &[
            "incidents::litellm_1_82_7_all_that_is_built_or_run_is_pinned_by_its_hash",
            "incidents::litellm_1_82_7_a_release_has_a_bill_of_materials_and_checksums",
        ],
    ),
    (
        "streams opened and reset at once (CVE-2023-44487, CVE-2025-8671)",
        &[
            "abuse::floods::cve_2023_44487_a_flood_of_resets_ends_its_connection_and_no_other",
            "abuse::floods::cve_2025_8671_a_flood_of_faults_ends_its_connection_and_no_other",
            "abuse::floods::cve_2024_27316_a_head_without_end_ends_its_connection",
        ],
    ),
    (
        "bodies that are too large, too deep, or inflate",
        &[
            "abuse::limits::oversized_body_is_refused_on_http2",
            "abuse::limits::zip_bomb_a_message_that_inflates_beyond_the_limit_is_refused_on_grpc",
            "bad_input::zip_bomb_an_answer_that_inflates_beyond_the_limit_is_refused",
            "bad_input::deep_json_nesting_beyond_the_limit_is_refused_on_every_surface",
            "incidents::huge_proto_is_refused_before_it_is_read",
        ],
    ),
    (
        "a connection of one tenant used for another",
        &[
            "incidents::pool_reuse_a_connection_is_kept_for_those_who_showed_the_same_certificate",
            "connection::tls::a_bundle_of_authorities_is_trusted_for_its_provider_and_no_other",
        ],
    ),
];

#[test]
fn every_incident_has_its_tests() {
    for (incident, tests) in INCIDENTS {
        for test in *tests {
            assert!(is_test(test), "{test}, which holds off \"{incident}\", is not there");
        }
    }
}

/// The page on security names the test of each promise.
#[test]
fn every_promise_has_its_tests() {
    let page = read("docs/security.md");
    let named: Vec<_> = page.split('`').filter(|word| word.contains("::")).collect();
    assert!(named.len() > 40, "{named:?}");
    let missing: Vec<_> = named.iter().filter(|test| !is_test(test)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.contains("::"));
    let incidents = INCIDENTS.iter().flat_map(|(_, tests)| *tests);
    let told: String = rows.collect();
    for test in incidents.filter(|test| test.contains("cve_") || test.contains("ghsa_")) {
        let counted = test.contains("no_sql_is_near") || told.contains(test);
        assert!(counted, "{test} is not on the page");
    }
}

/// Whether there is this test, by its path as `cargo test` prints it.
fn is_test(path: &str) -> bool {
    let (modules, name) = path.rsplit_once("::").expect("a module and a name");
    let in_folder = |folder: &str, modules: &str| {
        let path = root().join(folder).join(modules.replace("::", "/"));
        [path.with_extension("rs"), path.join("mod.rs")]
    };
    let own = modules.strip_suffix("::tests").unwrap_or(modules);
    let files =
        [in_folder("tests/it", modules), in_folder("server", modules), in_folder("server", own)].concat();
    let text: String = files.iter().filter_map(|file| fs::read_to_string(file).ok()).collect();
    [format!("fn {name}("), format!("fn {name}<")].iter().any(|start| {
        let place = text.find(start.as_str());
        // The attribute stands right before it.
        place.is_some_and(|place| {
            let before = text[..place].trim_end_matches("async ").trim_end_matches("pub ").trim_end();
            before.ends_with(']') && before.lines().next_back().is_some_and(|line| line.contains("test"))
        })
    })
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

// === SQL in an API key ===

#[tokio::test]
async fn cve_2026_42208_sql_in_a_key_finds_nothing() {
    let gateway = start_gateway().await;
    let before = gateway.request("GET", "/sluicegate/v1/api-keys", Value::Null);
    let before = sent(before).await;
    for sql in [
        "' OR '1'='1",
        "' OR 1=1 --",
        "\" OR \"\"=\"",
        "x' UNION SELECT payload FROM records --",
        "x'; DROP TABLE records; --",
        "x\\' OR 1=1; --",
        "%' OR id LIKE '%",
        "sg-' || (SELECT hex(payload) FROM records) || '",
    ] {
        let pair = STANDARD.encode(format!("ann:{sql}"));
        let form = [("grant_type", "urn:ibm:params:oauth:grant-type:apikey"), ("apikey", sql)];
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let object = json!({"username": sql, "api_key": sql}).to_string();
        let list = || gateway.http.get(format!("{}/v1/models", gateway.url));
        let post = |path: &str| gateway.http.post(format!("{}{path}", gateway.url));
        for (place, request) in [
            ("bearer", list().bearer_auth(sql)),
            ("basic", list().header("authorization", format!("Basic {pair}"))),
            ("zen", list().header("authorization", format!("ZenApiKey {pair}"))),
            ("x-api-key", list().header("x-api-key", sql)),
            (
                "form",
                post("/identity/token")
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(form),
            ),
            ("object", post("/icp4d-api/v1/authorize").body(object)),
        ] {
            let (status, told) = sent(request).await;
            // Too many wrong keys are told to wait.
            assert!(matches!(status, 400 | 401 | 429), "{place} {sql}: {status} {told}");
            assert!(!told.to_string().contains("SELECT"), "{place}: {told}");
        }
    }
    let after = sent(gateway.request("GET", "/sluicegate/v1/api-keys", Value::Null)).await;
    assert_eq!(after, before, "the keys are as they were");
}

#[test]
fn cve_2026_42208_no_sql_is_near_the_keys_and_none_is_made_of_texts() {
    let (mut folders, mut files) = (vec![root().join("server")], 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let text = fs::read_to_string(&path).expect("text");
            let in_store = path.starts_with(root().join("server/store"));
            assert!(in_store || !text.contains("sqlx::"), "{} speaks SQL", path.display());
            assert!(!text.contains("AssertSqlSafe"), "{} makes SQL of texts", path.display());
            if path.starts_with(root().join("server/auth")) {
                assert!(!text.contains("crate::store"), "{} asks the store for keys", path.display());
            }
        }
    }
    assert!(files > 100, "the sources are there");
}

// === a user makes itself administrator ===

#[tokio::test]
async fn cve_2026_47101_no_caller_makes_a_key_that_may_more_than_its_own() {
    let gateway = start_gateway().await;
    let roles = [AccessRole::User, AccessRole::Manage, AccessRole::Admin];
    for (rank, role) in roles.iter().enumerate().take(2) {
        let secret = gateway.key(*role).await;
        let own = role.as_str_name();
        let keys = || sent(gateway.request("GET", "/sluicegate/v1/api-keys", Value::Null));
        let before = keys().await;
        for wanted in &roles[rank + 1..] {
            let key = json!({"name": format!("{own} as more"), "role": wanted.as_str_name()});
            let wider = json!({"name": own, "role": wanted.as_str_name()});
            let everything =
                |action: &str| json!({"policy": {"subject": "*", "action": action, "resource": "tenant:*"}});
            for (method, path, body) in [
                ("POST", "/sluicegate/v1/api-keys".to_owned(), json!({"apiKey": key})),
                ("PUT", format!("/sluicegate/v1/api-keys/{own}"), json!({"apiKey": wider})),
                ("POST", "/sluicegate/v1/api-keys/bootstrap-admin/rotate".to_owned(), json!({})),
                ("PUT", "/sluicegate/v1/api-keys/bootstrap-admin".to_owned(), json!({"apiKey": wider})),
                ("POST", "/sluicegate/v1/policies".to_owned(), everything("POLICY_ACTION_WRITE")),
                ("DELETE", "/sluicegate/v1/api-keys/bootstrap-admin".to_owned(), Value::Null),
            ] {
                let request =
                    gateway.http.request(method.parse().expect("a method"), format!("{}{path}", gateway.url));
                let request = request.bearer_auth(&secret);
                let request = if body.is_null() { request } else { request.body(body.to_string()) };
                let (status, told) = sent(request).await;
                assert!(matches!(status, 403 | 404), "{own}: {method} {path} {body}: {status} {told}");
            }
        }
        assert_eq!(keys().await, before, "{own} has changed nothing");
    }
}

// === the provider's key goes to a host of the caller's ===

#[tokio::test]
async fn cve_2024_6587_no_caller_names_the_host_that_gets_the_providers_key() {
    const KEY: &str = "sk-upstream-0123456789abcdef";
    let thief = FakeUpstream::answering(chat_answer("mine")).await;
    let there = thief.base_url.clone();
    let redirect =
        format!("HTTP/1.1 307 Any\r\nlocation: {there}/chat/completions\r\ncontent-length: 0\r\n\r\n");
    let upstream = FakeUpstream::start(move |request| {
        let moved = String::from_utf8_lossy(&request.body).contains("\"moved\"");
        vec![Step::Send(if moved { redirect.clone().into() } else { chat_answer("Hello") })]
    })
    .await;
    let gateway = start_gateway().await;
    let provider = json!({"provider": {"name": "east", "type": "custom", "baseUrl": upstream.base_url,
        "credential": {"inline": {"values": {"apikey": KEY}}}}});
    let made = sent(gateway.request("POST", "/sluicegate/v1/providers", provider)).await;
    assert_eq!(made.0, 201, "{}", made.1);
    gateway.add_model("east", "upstream-model", "m", None).await;
    gateway.add_model("east", "moved", "moved", None).await;

    let url = thief.base_url.clone();
    let host = url.trim_start_matches("http://").trim_end_matches("/v1").to_owned();
    let mut bodies = vec![json!({}), json!({"metadata": {"api_base": url}, "user": url})];
    bodies.extend(
        [
            "api_base",
            "base_url",
            "baseUrl",
            "api_url",
            "endpoint",
            "host",
            "proxy",
            "custom_llm_provider",
            "provider",
        ]
        .map(|name| json!({name: url})),
    );
    bodies.push(json!({"litellm_params": {"api_base": url}, "extra_body": {"api_base": url}}));
    for body in bodies {
        let mut asked = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
        asked.as_object_mut().expect("an object").extend(body.as_object().expect("an object").clone());
        let answered = gateway.post("/v1/chat/completions", &asked).send().await.expect("an answer");
        assert!(matches!(answered.status().as_u16(), 200 | 400), "{asked}");
    }
    for name in [
        "x-api-base",
        "x-base-url",
        "x-openai-base-url",
        "x-forwarded-host",
        "x-original-url",
        "forwarded",
        "x-target-url",
        "x-sluicegate-provider",
        "x-portkey-custom-host",
        "helicone-target-url",
    ] {
        for value in [&url, &host] {
            let asked = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
            let answered = gateway.post("/v1/chat/completions", &asked).header(name, value).send().await;
            assert_eq!(answered.expect("an answer").status(), 200, "{name}");
        }
    }
    let status =
        gateway.client.inference().chat(chat("moved", "Hi")).await.expect_err("no redirect is followed");
    assert_eq!(reason(&status), "PROVIDER_BAD_ANSWER", "{status:?}");
    assert!(upstream.requests().len() > 20 && upstream.requests()[0].head.contains(KEY));
    assert!(thief.requests().is_empty(), "{:?}", thief.requests());
}

// === a package with a back door ===

#[test]
fn litellm_1_82_7_all_that_is_built_or_run_is_pinned_by_its_hash() {
    for lock in ["Cargo.lock", "fuzz/Cargo.lock"] {
        let text = read(lock);
        for package in text.split("[[package]]").skip(1) {
            let ours = !package.contains("\nsource = ");
            let pinned = package.contains("\nsource = \"registry+") && package.contains("\nchecksum = \"");
            assert!(ours || pinned, "{lock}:{package}");
        }
    }
    let names = read("tests/peers/package-lock.json");
    let names: Value = serde_json::from_str(&names).expect("JSON");
    for (path, package) in names["packages"].as_object().expect("packages") {
        let pinned = package["integrity"].as_str().is_some_and(|hash| hash.starts_with("sha512-"));
        assert!(path.is_empty() || pinned || package["link"] == true, "{path}: {package}");
    }
    let python = read("tests/peers/requirements.txt");
    for package in python.lines().filter(|line| line.contains("==")) {
        assert!(package.trim_end().ends_with('\\'), "{package}: its hashes are to follow");
    }
    assert!(
        read("tests/peers/setup.sh").contains("--require-hashes")
            && read("tests/peers/setup.sh").contains("npm ci")
    );
    assert!(read("tests/peers/setup.sh").contains("sha256sum --check --strict"));
    // What builds takes the versions of the lock file, and fetches nothing by itself.
    for script in ["Makefile", "deploy/release.sh", "deploy/Dockerfile"] {
        for line in read(script).lines().filter(|line| !line.trim_start().starts_with('#')) {
            let builds = ["cargo build", "cargo test", "cargo clippy", "cargo doc", "cargo install"];
            let builds = builds.iter().any(|command| line.contains(command));
            assert!(!builds || line.contains("--locked"), "{script}: {line}");
            assert!(!line.contains("curl ") && !line.contains("wget "), "{script}: {line}");
        }
    }
    for script in ["build.rs", "clients/rust/build.rs"] {
        let text = read(script);
        for word in ["Command::new", "TcpStream", "http://", "https://", "reqwest"] {
            assert!(!text.contains(word), "{script} names {word}");
        }
    }
}

#[test]
fn litellm_1_82_7_a_release_has_a_bill_of_materials_and_checksums() {
    let release = read("deploy/release.sh");
    assert!(
        release.contains("cyclonedx --quiet --format json") && release.contains("sha256sum"),
        "{release}"
    );
    assert!(release.contains("--sort=name --owner=0"), "the same commit gives the same archive");
    assert!(read("Makefile").contains("release:\n\tdeploy/release.sh"));
}

// === bodies that are too large ===

#[tokio::test]
async fn huge_proto_is_refused_before_it_is_read() {
    let gateway = start_gateway().await;
    gateway.add_demo().await;
    let mut huge = chat("demo", "Hi");
    huge.user = Some("x".repeat(33 << 20));
    let status = gateway.client.inference().chat(huge).await.expect_err("too large");
    assert_eq!(reason(&status), "REQUEST_TOO_LARGE", "{status:?}");
    // A length that is promised, and never comes.
    let request = gateway.http.post(format!("{}/sluicegate.v1.Inference/Chat", gateway.url));
    let request = request.bearer_auth(ADMIN_KEY).header("content-type", "application/grpc-web+proto");
    let answer = request.body(vec![0, 0xff, 0xff, 0xff, 0xff]).send().await.expect("an answer");
    let told = format!("{:?} {}", answer.headers().clone(), answer.text().await.expect("text"));
    assert!(
        told.contains("REQUEST_TOO_LARGE")
            || told.contains("grpc-status: 8")
            || told.contains("grpc-status:8")
            || told.contains("\"grpc-status\": \"8\""),
        "{told}"
    );
    gateway.client.inference().chat(chat("demo", "Hi")).await.expect("the gateway serves on");
}

// === a connection of one tenant used for another ===

#[tokio::test]
async fn pool_reuse_a_connection_is_kept_for_those_who_showed_the_same_certificate() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let answers = |_: &_| vec![Step::Send(chat_answer("Hello"))];
    let upstream = FakeUpstream::start_tls(servers.server(Some(&clients)), answers).await;
    let gateway = start_gateway().await;
    let add = async |name: &str, connection: Connection| {
        let bundle = Connection { ca_bundle_pem: servers.pem(), ..connection };
        let provider = sluicegate_client::v1::Provider {
            name: name.into(),
            r#type: "custom".into(),
            base_url: upstream.base_url.clone(),
            connection: Some(bundle),
            ..Default::default()
        };
        let request = sluicegate_client::v1::CreateProviderRequest { provider: Some(provider) };
        gateway.client.providers().create_provider(request).await.expect("the provider is created");
        gateway.add_model(name, "upstream-model", name, None).await;
    };
    let own = clients.vouch_for("gateway.example");
    let key = json!({"inline": {"values": {"client_key_pem": own.key}}});
    let key = serde_json::from_value::<sluicegate::proto::v1::Credential>(key).expect("a credential");
    let bytes = prost::Message::encode_to_vec(&key);
    let key: sluicegate_client::v1::Credential = prost::Message::decode(bytes.as_slice()).expect("the same");
    add(
        "known",
        Connection { client_certificate_pem: own.certificate, credential: Some(key), ..Default::default() },
    )
    .await;
    add("stranger", Connection::default()).await;
    asks(&gateway, "known", true).await;
    // The connection of the known one is open and idle now, to the same host.
    asks(&gateway, "stranger", false).await;
    asks(&gateway, "known", true).await;
    assert_eq!(upstream.requests().len(), 2);
}

async fn asks(gateway: &TestGateway, model: &str, answered: bool) {
    let asked = gateway.client.inference().chat(chat(model, "Hi")).await;
    assert_eq!(asked.is_ok(), answered, "{model}: {asked:?}");
}
